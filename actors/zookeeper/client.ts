import { Observable } from 'rxjs'
import { sessionState, zookeeperClientMachine } from '../../machines/zookeeper/client.ts'
import { noSession, type SessionId, type Zxid } from '../../src/ids.ts'
import { zookeeperInFlightMax } from '../../src/limits.ts'
import type { Address, Random } from '../../src/ports.ts'
import type { Acl } from '../../src/zookeeper/acl.ts'
import { isKeeperError, ZooKeeperError } from '../../src/zookeeper/error.ts'
import { specialXids } from '../../src/zookeeper/jute.ts'
import { noPassword } from '../../src/zookeeper/session-password.ts'
import type { Stat } from '../../src/zookeeper/txn.ts'
import { Channel } from '../channel.ts'
import type { World } from '../world.ts'
import { below, clientOperations } from './client-operations.ts'
import { RememberedWatches } from './remembered-watches.ts'
import { RequestQueue } from './request-queue.ts'
import { ServerLine } from './server-line.ts'
import { eventKey } from './zookeeper.ts'

export type { Stat } from '../../src/zookeeper/txn.ts'

/** What a watch told: one change of one znode. It says that it changed, not what it is now. */
export interface WatchEvent {
  readonly path: string
  readonly kind: 'created' | 'deleted' | 'dataChanged' | 'childrenChanged'
  /** The transaction's number, where the server says it (ZooKeeper from 3.9 on, and the embedded one). */
  readonly zxid?: Zxid
}

/**
 * What becomes of the session. `suspended`: the connection is gone; session, ephemerals and watches live on if it is back in
 * time, and every request under way failed with CONNECTIONLOSS, carried out or not. `expired`: only the server says so; all of
 * the session is gone: begin anew with `reopen()`.
 */
export type ClientState =
  | 'connecting'
  | 'connected'
  | 'suspended'
  | 'expired'
  | 'authFailed'
  | 'closed'

export type CreateMode =
  | 'persistent'
  | 'ephemeral'
  | 'persistentSequential'
  | 'ephemeralSequential'
  /** Goes once it had children and has none. */
  | 'container'
  /** Goes when it has no children and was not written for `ttlMs`; where the server has extended types enabled. */
  | 'persistentWithTtl'
  | 'persistentSequentialWithTtl'

export interface CreateOptions {
  /** Default `persistent`. */
  readonly mode?: CreateMode
  /** Of the modes with a TTL, 1 to 2^40 - 1. */
  readonly ttlMs?: number
  /** Default: everybody may do all. */
  readonly acl?: readonly Acl[]
}

/** A part of a multi. Version −1 stands for any. */
export type Op =
  | ({
      readonly op: 'create'
      readonly path: string
      readonly data: Uint8Array | null
    } & CreateOptions)
  | { readonly op: 'delete'; readonly path: string; readonly version: number }
  | {
      readonly op: 'setData'
      readonly path: string
      readonly data: Uint8Array | null
      readonly version: number
    }
  | { readonly op: 'check'; readonly path: string; readonly version: number }

/** What a part of a multi came to. */
export type OpResult =
  | { readonly op: 'create'; readonly path: string }
  | { readonly op: 'setData'; readonly stat: Stat }
  | { readonly op: 'delete' }
  | { readonly op: 'check' }

/** What may be asked of a server. See {@link ZooKeeperClient} for when it is sent. */
export interface ZooKeeperOperations {
  /** Emits the path, with its number for sequential modes. */
  create(path: string, data: Uint8Array | null, options?: CreateOptions): Observable<string>
  /** Like `create`, with the new node's Stat. */
  create2(
    path: string,
    data: Uint8Array | null,
    options?: CreateOptions,
  ): Observable<{ readonly path: string; readonly stat: Stat }>
  /** @param version -1 for any. */
  delete(path: string, version?: number): Observable<void>
  /** Null where there is no such node; a watch is left all the same. */
  exists(path: string, options?: { watch?: boolean }): Observable<Stat | null>
  getData(
    path: string,
    options?: { watch?: boolean },
  ): Observable<{ readonly data: Uint8Array | null; readonly stat: Stat }>
  /** @param version -1 for any. */
  setData(path: string, data: Uint8Array | null, version?: number): Observable<Stat>
  /** Names, in no particular order. */
  getChildren(path: string, options?: { watch?: boolean }): Observable<readonly string[]>
  /** All or nothing. Fails with the first part's error that is not OK; `index` tells which part it was. */
  multi(ops: readonly Op[]): Observable<readonly OpResult[]>
  /** Answers when all writes before it are to be seen on this connection. */
  sync(path: string): Observable<void>
  /** Hashes of passwords are told only to who may change the list. */
  getAcl(path: string): Observable<{ readonly acl: readonly Acl[]; readonly stat: Stat }>
  /** @param version of the list (`aversion`), -1 for any. */
  setAcl(path: string, acl: readonly Acl[], version?: number): Observable<Stat>
  /**
   * A watch that stays when it has told: of a node (`persistent`), or of it and all below, whose children's coming and going is
   * told as their own (`persistentRecursive`). There need be no node.
   */
  addWatch(path: string, mode: 'persistent' | 'persistentRecursive'): Observable<void>
  /** Nothing is told of the node any more. Fails with NOWATCHER where nothing was watched. Default: any. */
  removeWatches(path: string, types?: 'children' | 'data' | 'any'): Observable<void>
  /** How many nodes there are below, at any depth. */
  getAllChildrenNumber(path: string): Observable<number>
  /** Ephemerals of this session whose paths begin so. Default: all. */
  getEphemerals(prefix?: string): Observable<readonly string[]>
  /** Who the server takes this connection for: scheme and user. */
  whoAmI(): Observable<readonly { readonly scheme: string; readonly user: string }[]>
}

/**
 * A client of ZooKeeper. A request is sent when its Observable is subscribed to, again with each subscription; it emits
 * its answer once and completes, or fails with a `ZooKeeperError` (`src/zookeeper/error.ts`: `isKeeperError(error, 'NONODE')`).
 * Requests of one client are carried out in the order they were subscribed to; a watch's event comes before any answer that
 * would show the change.
 */
export interface ZooKeeperClient extends ZooKeeperOperations {
  /** `0x0` until the first connection. */
  readonly sessionId: SessionId
  readonly state: ClientState
  /** What the server wants to see of who comes back to the session. */
  readonly sessionPassword: Uint8Array
  /** What the server granted, ms; 0 until the first connection. */
  readonly sessionTimeoutMs: number
  /** Each new state of the session from now on. */
  readonly session: Observable<ClientState>
  /** What watches told, in order. A watch left by `exists`, `getData` or `getChildren` tells once. */
  readonly watches: Observable<WatchEvent>

  /**
   * Proves something on this connection and on every later one, as `auth` of the options does. What the server does not believe ends
   * the client: `authFailed`.
   */
  addAuth(scheme: string, credentials: Uint8Array): void

  /**
   * Subscribes again, each time the session is connected once more, for as long as it fails with CONNECTIONLOSS (Kafka's
   * retryRequestsUntilConnected). Not idempotent: a lost request may have been carried out. Ends with SESSIONEXPIRED when the
   * session does.
   */
  persistently<T>(request: () => Observable<T>): Observable<T>

  /** After `expired`: a new session. Nothing of the old one is carried over, watches neither. */
  reopen(): void
  /**
   * Ends the session, so that its ephemerals go at once, then the connection; at the call, not with the subscription. Completes
   * when it is done. Without a connection the session is left to expire.
   */
  close(): Observable<void>
}

export interface ZooKeeperClientOptions {
  /** Tried in turn, in an order of chance, so that clients spread over them (StaticHostProvider). */
  readonly servers: readonly Address[]
  /** Put before every path. Default none. */
  readonly chroot?: string
  /** Asked for; the server may grant another. */
  readonly sessionTimeoutMs: number
  /** A session that there is already, of this client or of another: it moves here. Default: a new one. */
  readonly session?: { readonly id: SessionId; readonly password: Uint8Array }
  /** In the registry: `broker-1/zookeeper-client`. */
  readonly path: string
  /** Requests under way at once; others wait. Default 1000. */
  readonly requestsInFlightMax?: number
  /** Presented on each connection: `user:password` for the digest scheme. */
  readonly auth?: readonly { readonly scheme: string; readonly credentials: Uint8Array }[]
}

/** Starts a client; it connects at once and goes on trying until it is closed. */
export function startZooKeeperClient(
  world: World,
  options: ZooKeeperClientOptions,
): ZooKeeperClient {
  const { trace } = world
  const { path: registryPath } = options
  const servers = shuffled(options.servers, world.platform.random)
  const auth = [...(options.auth ?? [])]
  const chroot = options.chroot === undefined || options.chroot === '/' ? '' : options.chroot
  const requests = new RequestQueue(
    world,
    registryPath,
    options.requestsInFlightMax ?? zookeeperInFlightMax,
  )
  const remembered = new RememberedWatches()
  const watches = new Channel<WatchEvent>()
  const session = new Channel<ClientState>()
  let line: ServerLine | null = null
  let password: Uint8Array = options.session?.password ?? noPassword
  let lastZxid: Zxid = 0

  // ─── The connection ──────────────────────────────────────────────────────────────────────────────────────────────

  const open = (link: number, server: number): void => {
    line = new ServerLine(world, servers[server] as Address, {
      connected: () => root.send({ type: 'link.connected', link }),
      closed(error) {
        if (error !== null) trace.record('note', registryPath, 'zookeeper.outOfStep', { error })
        root.send({ type: 'link.closed', link })
      },
      silent: () => root.send({ type: 'server.silent', link }),
      refused: () => root.send({ type: 'session.refused', link }),
      authRefused: () => root.send({ type: 'auth.refused', link }),
      closeAnswered: () => root.send({ type: 'close.answered', link }),
      granted({ sessionId, password: shown, timeoutMs }) {
        password = shown?.slice() ?? noPassword
        proveAndWatch()
        root.send({ type: 'session.granted', link, sessionId, timeoutMs })
      },
      replied(xid, zxid, error, reader) {
        if (zxid > 0) lastZxid = zxid
        return requests.answered(xid, error, reader)
      },
      notified,
    })
  }

  /** Before anything else: what may be asked depends on who asks, and events must precede what shows the change. */
  const proveAndWatch = (): void => {
    for (const { scheme, credentials } of auth)
      line?.sayRequest(specialXids.auth, 'auth', { type: 0, scheme, credentials })
    for (const batch of remembered.batches()) {
      const body = { relativeZxid: lastZxid, ...batch }
      const lasting = batch.persistent.length + batch.persistentRecursive.length
      // Servers before 3.6 know only the older one.
      if (lasting === 0) line?.sayRequest(specialXids.setWatches, 'setWatches', body)
      else line?.sayRequest(specialXids.setWatches, 'setWatches2', body)
    }
  }

  const notified = (zxid: Zxid, kind: WatchEvent['kind'], path: string): void => {
    const told: WatchEvent = { path: below(chroot, path), kind, ...(zxid > 0 ? { zxid } : {}) }
    remembered.told({ path, kind })
    const cause = trace.received(eventKey(current().sessionId, zxid, kind, path))
    trace.because(cause, () => {
      const seq = trace.record('message', registryPath, 'zk.watch', { direction: 'event', ...told })
      trace.because(seq, () => watches.next(told))
    })
  }

  // ─── The chart ───────────────────────────────────────────────────────────────────────────────────────────────────

  const root = world.start(zookeeperClientMachine, {
    path: registryPath,
    input: {
      serverCount: servers.length,
      sessionTimeoutMs: options.sessionTimeoutMs,
      ...(options.session === undefined ? {} : { sessionId: options.session.id }),
    },
    performers: {
      'link.open': command => open(command.link, command.server),
      'link.drop'() {
        line?.drop()
        requests.disconnected()
      },
      'handshake.send': ({ sessionId, timeoutMs }) =>
        line?.handshake({ lastZxidSeen: lastZxid, timeoutMs, sessionId, password }),
      'closeSession.send': () => line?.sayClose(),
      'requests.fail': command => requests.fail(command.error, command.error !== 'CONNECTIONLOSS'),
      'session.announce': command => {
        if (command.state === 'connected') {
          const { sessionId: id } = current()
          requests.connected(
            chunks => line?.say(chunks),
            xid => `zk:${id}:${xid}`,
          )
        }
        session.next(command.state)
      },
    },
  })
  const current = () => root.getSnapshot().context

  const operations = clientOperations(requests, remembered, chroot)

  return {
    get sessionId() {
      return current().sessionId
    },
    get state() {
      return sessionState(root.getSnapshot())
    },
    get sessionPassword() {
      return password
    },
    get sessionTimeoutMs() {
      const { sessionId: id, sessionTimeoutMs } = current()
      return id === noSession ? 0 : sessionTimeoutMs
    },
    session: session.asObservable(),
    watches: watches.asObservable(),

    ...operations,
    addAuth(scheme, credentials) {
      auth.push({ scheme, credentials })
      if (root.getSnapshot().matches('connected'))
        line?.sayRequest(specialXids.auth, 'auth', { type: 0, scheme, credentials })
    },

    persistently: request =>
      new Observable(subscriber => {
        const attempt = (): void => {
          subscriber.add(
            request().subscribe({
              next: value => subscriber.next(value),
              complete: () => subscriber.complete(),
              error: error => {
                if (isKeeperError(error, 'CONNECTIONLOSS')) again()
                else subscriber.error(error)
              },
            }),
          )
        }
        const again = (): void => {
          const waiting = session.subscribe(state => {
            if (state === 'suspended') return
            waiting.unsubscribe()
            if (state === 'connected') attempt()
            else
              subscriber.error(
                new ZooKeeperError(state === 'authFailed' ? 'AUTHFAILED' : 'SESSIONEXPIRED'),
              )
          })
          subscriber.add(waiting)
        }
        attempt()
      }),

    reopen() {
      password = noPassword
      lastZxid = 0
      remembered.clear()
      requests.reopen()
      root.send({ type: 'reopen.requested' })
    },
    close() {
      root.send({ type: 'close.requested' })
      return new Observable<void>(subscriber => {
        const over = (state: ClientState): boolean => state === 'closed' || state === 'authFailed'
        if (over(sessionState(root.getSnapshot()))) return subscriber.complete()
        return session.subscribe(state => {
          if (over(state)) subscriber.complete()
        })
      })
    },
  }
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const all = [...items]
  for (let last = all.length - 1; last > 0; last--) {
    const other = Math.floor(random.next() * (last + 1))
    ;[all[last], all[other]] = [all[other] as T, all[last] as T]
  }
  return all
}
