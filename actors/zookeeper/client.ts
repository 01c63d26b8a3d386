import { Observable } from 'rxjs'
import { sessionState, zookeeperClientMachine } from '../../machines/zookeeper/client.ts'
import { MalformedFrame, type Reader } from '../../src/binary/reader.ts'
import { noSession, type SessionId, type Zxid } from '../../src/ids.ts'
import { zookeeperInFlightMax } from '../../src/limits.ts'
import type { Address } from '../../src/ports.ts'
import { type Acl, openAcl } from '../../src/zookeeper/acl.ts'
import { isKeeperError, keeperCodes, ZooKeeperError } from '../../src/zookeeper/error.ts'
import {
  fromWireStat,
  type Operation,
  type RequestBody,
  type ResponseBody,
  readResponse,
  specialXids,
  writeRequest,
} from '../../src/zookeeper/jute.ts'
import { readMultiResults, type WritePart, writeMulti } from '../../src/zookeeper/multi.ts'
import { noPassword } from '../../src/zookeeper/session-password.ts'
import type { Stat } from '../../src/zookeeper/txn.ts'
import { Channel } from '../channel.ts'
import type { World } from '../world.ts'
import { RememberedWatches } from './remembered-watches.ts'
import { type Asked, RequestQueue } from './request-queue.ts'
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
  | 'container'

export interface CreateOptions {
  /** Default `persistent`. */
  readonly mode?: CreateMode
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

/**
 * A client of ZooKeeper. A request is sent when its Observable is subscribed to, again with each subscription; it emits
 * its answer once and completes, or fails with a `ZooKeeperError` (`src/zookeeper/error.ts`: `isKeeperError(error, 'NONODE')`).
 * Requests of one client are carried out in the order they were subscribed to; a watch's event comes before any answer that
 * would show the change.
 */
export interface ZooKeeperClient {
  /** `0x0` until the first connection. */
  readonly sessionId: SessionId
  readonly state: ClientState
  /** What the server granted, ms; 0 until the first connection. */
  readonly sessionTimeoutMs: number
  /** Each new state of the session from now on. */
  readonly session: Observable<ClientState>
  /** What watches told, in order. A watch left by `exists`, `getData` or `getChildren` tells once. */
  readonly watches: Observable<WatchEvent>

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
  /** Tried in turn, from the first. */
  readonly servers: readonly Address[]
  /** Put before every path. Default none. */
  readonly chroot?: string
  /** Asked for; the server may grant another. */
  readonly sessionTimeoutMs: number
  /** In the registry: `broker-1/zookeeper-client`. */
  readonly path: string
  /** Requests under way at once; others wait. Default 1000. */
  readonly requestsInFlightMax?: number
  /** Presented on each connection: `user:password` for the digest scheme. */
  readonly auth?: readonly { readonly scheme: string; readonly credentials: Uint8Array }[]
}

const flagsByMode: Readonly<Record<CreateMode, number>> = {
  persistent: 0,
  ephemeral: 1,
  persistentSequential: 2,
  ephemeralSequential: 3,
  container: 4,
}

/** Starts a client; it connects at once and goes on trying until it is closed. */
export function startZooKeeperClient(
  world: World,
  options: ZooKeeperClientOptions,
): ZooKeeperClient {
  const { trace } = world
  const { path: registryPath, servers, auth = [] } = options
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
  let password: Uint8Array = noPassword
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
    for (const batch of remembered.batches())
      line?.sayRequest(specialXids.setWatches, 'setWatches', { relativeZxid: lastZxid, ...batch })
  }

  const notified = (zxid: Zxid, kind: WatchEvent['kind'], path: string): void => {
    const told: WatchEvent = { path: withoutChroot(path), kind, ...(zxid > 0 ? { zxid } : {}) }
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
    input: { serverCount: servers.length, sessionTimeoutMs: options.sessionTimeoutMs },
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

  // ─── Requests ────────────────────────────────────────────────────────────────────────────────────────────────────

  const withChroot = (path: string): string => (path === '/' ? chroot || '/' : chroot + path)
  const withoutChroot = (path: string): string => path.slice(chroot.length) || '/'

  const ask = <O extends Operation, T>(
    operation: O,
    body: RequestBody<O> & { readonly path: string },
    answer: (body: ResponseBody<O>) => T,
    more: Pick<Asked<T>, 'answered' | 'answerOf'> = {},
  ): Observable<T> =>
    requests.ask<T>({
      operation,
      path: body.path,
      write: writer =>
        writeRequest(operation, writer, { ...body, path: withChroot(body.path) } as RequestBody<O>),
      read: reader => answer(readResponse(operation, reader)),
      ...more,
    })

  const watching = (
    path: string,
    kind: 'data' | 'child',
    watch: boolean | undefined,
  ): { answered(code: number): void } => ({
    answered(code) {
      if (watch && code === keeperCodes.OK) remembered.add(kind, withChroot(path))
    },
  })

  const creation = (path: string, data: Uint8Array | null, created: CreateOptions = {}) => ({
    path,
    data,
    acl: created.acl ?? openAcl,
    flags: flagsByMode[created.mode ?? 'persistent'],
  })

  const creating = (created: CreateOptions = {}): 'create2' | 'createContainer' =>
    created.mode === 'container' ? 'createContainer' : 'create2'

  const partOf = (op: Op): WritePart => {
    const path = withChroot(op.path)
    switch (op.op) {
      case 'create':
        return { operation: 'create', body: creation(path, op.data, op) }
      case 'delete':
        return { operation: 'delete', body: { path, version: op.version } }
      case 'setData':
        return { operation: 'setData', body: { path, data: op.data, version: op.version } }
      case 'check':
        return { operation: 'check', body: { path, version: op.version } }
    }
  }

  const readResults = (ops: readonly Op[], reader: Reader): readonly OpResult[] => {
    const results = readMultiResults(reader)
    const index = results.findIndex(it => it.operation === 'error' && it.error !== keeperCodes.OK)
    const failed = results[index]
    if (failed?.operation === 'error')
      throw new ZooKeeperError(failed.error, ops[index]?.path ?? '', index)
    return results.map((result): OpResult => {
      switch (result.operation) {
        case 'create':
        case 'create2':
          return { op: 'create', path: withoutChroot(result.body.path) }
        case 'setData':
          return { op: 'setData', stat: fromWireStat(result.body.stat) }
        case 'delete':
        case 'check':
          return { op: result.operation }
        default:
          throw new MalformedFrame(`${result.operation} among the results of a multi`)
      }
    })
  }

  return {
    get sessionId() {
      return current().sessionId
    },
    get state() {
      return sessionState(root.getSnapshot())
    },
    get sessionTimeoutMs() {
      const { sessionId: id, sessionTimeoutMs } = current()
      return id === noSession ? 0 : sessionTimeoutMs
    },
    session: session.asObservable(),
    watches: watches.asObservable(),

    create: (path, data, created = {}) =>
      created.mode === 'container'
        ? ask('createContainer', creation(path, data, created), body => withoutChroot(body.path))
        : ask('create', creation(path, data, created), body => withoutChroot(body.path)),
    create2: (path, data, created) =>
      ask(creating(created), creation(path, data, created), body => ({
        path: withoutChroot(body.path),
        stat: fromWireStat(body.stat),
      })),
    delete: (path, version = -1) => ask('delete', { path, version }, () => undefined),
    exists: (path, { watch = false } = {}) =>
      ask('exists', { path, watch }, (body): Stat | null => fromWireStat(body.stat), {
        answerOf: code => (code === keeperCodes.NONODE ? null : undefined),
        answered(code) {
          if (!watch) return
          if (code === keeperCodes.OK) remembered.add('data', withChroot(path))
          else if (code === keeperCodes.NONODE) remembered.add('exist', withChroot(path))
        },
      }),
    getData: (path, { watch = false } = {}) =>
      ask(
        'getData',
        { path, watch },
        body => ({ data: body.data, stat: fromWireStat(body.stat) }),
        watching(path, 'data', watch),
      ),
    setData: (path, data, version = -1) =>
      ask('setData', { path, data, version }, body => fromWireStat(body.stat)),
    getChildren: (path, { watch = false } = {}) =>
      ask('getChildren2', { path, watch }, body => body.children, watching(path, 'child', watch)),
    multi: ops =>
      requests.ask({
        operation: 'multi',
        path: ops[0]?.path ?? '',
        write: writer => writeMulti(writer, ops.map(partOf)),
        read: reader => readResults(ops, reader),
      }),
    sync: path => ask('sync', { path }, () => undefined),

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
