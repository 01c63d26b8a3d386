import type { Reader } from '../../src/binary/reader.ts'
import type { Writer } from '../../src/binary/writer.ts'
import { noSession, type SessionId, type Zxid } from '../../src/ids.ts'
import type { Address, Listener, ListenerEvents, Timer } from '../../src/ports.ts'
import { type ZooKeeperConfig, zookeeperConfig } from '../../src/zookeeper/config.ts'
import { type Change, DataTree, type Outcome } from '../../src/zookeeper/data-tree.ts'
import { keeperCodes } from '../../src/zookeeper/error.ts'
import { type Operation, parsed, readRequest, writeResponse } from '../../src/zookeeper/jute.ts'
import { readMulti, readMultiRead, writeMultiResults } from '../../src/zookeeper/multi.ts'
import {
  answerRead,
  answerReads,
  isReadOperation,
  mayWatch,
  type Reading,
} from '../../src/zookeeper/read-request.ts'
import { reapable } from '../../src/zookeeper/reaping.ts'
import { partResult, singleResult, writeResult } from '../../src/zookeeper/reply.ts'
import { type Requester, toTxn, type WriteRequest } from '../../src/zookeeper/request-to-txn.ts'
import type { Txn } from '../../src/zookeeper/txn.ts'
import { Watches } from '../../src/zookeeper/watches.ts'
import { cannotListen } from '../listen-failure.ts'
import type { World } from '../world.ts'
import { Connection } from './connection.ts'
import { answerWord } from './four-letter-words.ts'
import { Latency } from './latency.ts'
import type { Outbox } from './outbox.ts'
import { OutputGate } from './output-gate.ts'
import { Sessions } from './sessions.ts'
import { TxnStore } from './txn-store.ts'

export type { ZooKeeperConfig } from '../../src/zookeeper/config.ts'

export interface ZooKeeperEvents {
  /** It listens. */
  bound(address: Address): void
  /** It cannot listen: the port is taken. Or it is to be durable, and its disk is in use, or damaged. */
  failed(error: Error): void
}

export interface ZooKeeperOptions extends Partial<ZooKeeperConfig>, Address, ZooKeeperEvents {
  /**
   * Keeps tree, sessions and zxids on the world's disk, by its name: a server that starts again on it goes on where this one
   * ended. Default false: everything goes with the server.
   */
  readonly durable?: boolean
}

/** A running server, as its owner holds it. */
export interface EmbeddedZooKeeper {
  /** Undefined until it listens. */
  readonly address: Address | undefined
  readonly config: ZooKeeperConfig
  /** To look into. */
  readonly tree: Pick<
    DataTree,
    'node' | 'stat' | 'paths' | 'ephemeralsOf' | 'lastZxid' | 'nodeCount' | 'sessions'
  >
  /** Open sessions and what they own. */
  sessions(): readonly {
    readonly id: SessionId
    readonly timeoutMs: number
    readonly ephemerals: readonly string[]
    /** When its time is over if nothing is heard of it, ms since 1970. */
    readonly expiresAtMs: number | null
  }[]
  /** What each session watches: paths. */
  watches(): ReadonlyMap<SessionId, readonly string[]>
  /** The fault: as if the session's time were over. False where there is no such session. */
  expireSession(id: SessionId): boolean
  /** Stops listening and drops every connection. Sessions do not end by that. */
  close(): void
}

/** What the trace tells of a znode's data, where it tells of it at all: a broker's registration is a tenth of it. */
const tracedDataBytesMax = 4096

const decoder = new TextDecoder()

/**
 * One standalone server. A request goes down one way, in one turn: validate → log → apply → tell the watchers → answer.
 * Everything that comes about in a turn leaves together, as soon as the log that tells of it is safe.
 */
export class ZooKeeperServer {
  readonly world: World
  readonly config: ZooKeeperConfig
  readonly tree: DataTree
  /** Null: nothing is kept. */
  readonly store: TxnStore | null
  readonly watches = new Watches()
  readonly sessions: Sessions
  readonly connections = new Map<number, Connection>()
  /** Packets, for `srvr`. */
  received = 0
  sent = 0
  readonly latency = new Latency()
  readonly startedAtMs: number
  #address: Address | undefined
  #nextConnection = 1
  #turns = 0
  readonly #gate: OutputGate
  #reaping: Timer | undefined

  constructor(world: World, config: ZooKeeperConfig, store: TxnStore | null) {
    this.world = world
    this.config = config
    this.store = store
    this.tree = store?.tree ?? new DataTree()
    this.startedAtMs = world.platform.clock.now()
    this.#gate = new OutputGate(store, error => world.failed(world.name, error))
    this.sessions = new Sessions(
      world,
      config.tickTime,
      {
        commit: (session, type, timeoutMs) => {
          const ephemerals = this.tree.ephemeralsOf(session)
          this.commit(
            session,
            type === 'createSession' ? { type, timeoutMs } : { type, ephemerals },
          )
          return this.tree.lastZxid
        },
        grant: (connection, session, timeoutMs) =>
          this.connections.get(connection)?.grant(session, timeoutMs),
        refuse: connection => this.connections.get(connection)?.refuse(),
        close: (connection, reason) => this.connections.get(connection)?.close(reason),
      },
      run => this.turn(run),
    )
    this.sessions.restore(this.tree.sessions)
    this.turn(() => {
      // Of sessions that were closed before ZooKeeper wrote down what goes with them.
      for (const owner of this.tree.ephemeralOwners)
        if (!this.tree.sessions.has(owner))
          this.commit(owner, { type: 'closeSession', ephemerals: this.tree.ephemeralsOf(owner) })
    })
    if (this.tree.perishable.size > 0) this.#reapLater()
  }

  get address(): Address | undefined {
    return this.#address
  }

  listenerEvents(events: ZooKeeperEvents & Address): ListenerEvents {
    return {
      bound: address => {
        this.#address = address
        events.bound(address)
      },
      failed: error => {
        const { host, port } = events
        const text = `ZooKeeper: ${cannotListen({ host, port }, error)}`
        events.failed(Object.assign(new Error(text, { cause: error }), { code: error.code }))
      },
      accepted: socket => {
        const connection = new Connection(this, this.#nextConnection++, socket)
        this.connections.set(connection.id, connection)
        const { maxClientCnxns } = this.config
        if (maxClientCnxns > 0 && this.#connectionsFrom(connection.remoteHost) > maxClientCnxns) {
          this.world.trace.record('note', this.world.name, 'connection.tooMany', {
            remote: connection.remote,
            maxClientCnxns,
          })
          connection.destroy()
        }
        return connection.events
      },
    }
  }

  #connectionsFrom(host: string): number {
    let count = 0
    for (const { remoteHost } of this.connections.values()) if (remoteHost === host) count++
    return count
  }

  /** Runs something that may have things to send, and sends them at the end. */
  turn(run: () => void): void {
    this.#turns++
    try {
      run()
    } finally {
      if (--this.#turns === 0) this.#gate.release()
    }
  }

  mustFlush(outbox: Outbox): void {
    this.#gate.add(outbox)
    // Outside a turn there is no end to wait for.
    if (this.#turns === 0) this.turn(() => {})
  }

  /** A connection is closed: its watches are gone, its session is not. */
  connectionOver(connection: Connection): void {
    this.connections.delete(connection.id)
    this.watches.forget(connection.id)
    if (connection.sessionId !== noSession)
      this.sessions.connectionLost(connection.sessionId, connection.id)
  }

  /** The answer to a four-letter word; null where it is none. */
  word(word: string, connection: Connection): string | null {
    return answerWord(this, word, connection)
  }

  /** Carries out a request of a session and answers it. */
  carryOut(connection: Connection, xid: number, operation: Operation, body: Uint8Array): void {
    const requester: Requester = {
      session: connection.sessionId,
      identities: connection.identities,
    }
    const reading: Reading = {
      tree: this.tree,
      watches: this.watches,
      requester,
      watcher: connection.id,
      rules: this.config,
    }
    if (isReadOperation(operation)) {
      const request = parsed(body, reader => readRequest(operation, reader))
      const answer =
        request === null ? keeperCodes.MARSHALLINGERROR : answerRead(reading, operation, request)
      if (typeof answer === 'number') connection.reply(xid, answer)
      else {
        // A server without JAAS answers that before it comes to the tree.
        const zxid = operation === 'sasl' ? 0 : this.tree.lastZxid
        const write = (writer: Writer): void => writeResponse(operation, writer, answer)
        connection.reply(xid, keeperCodes.OK, write, { zxid })
      }
    } else if (operation === 'multiRead') {
      const parts = parsed(body, readMultiRead)
      if (parts === null) connection.reply(xid, keeperCodes.MARSHALLINGERROR)
      else {
        const results = answerReads(reading, parts)
        connection.reply(xid, keeperCodes.OK, writer => writeMultiResults(writer, results))
      }
    } else if (operation === 'setWatches' || operation === 'setWatches2')
      this.#setWatches(connection, xid, operation, body)
    else this.#write(connection, xid, operation, body, requester)
  }

  #setWatches(
    connection: Connection,
    xid: number,
    operation: 'setWatches' | 'setWatches2',
    body: Uint8Array,
  ): void {
    const request = parsed(body, reader =>
      operation === 'setWatches'
        ? { ...readRequest('setWatches', reader), persistent: [], persistentRecursive: [] }
        : readRequest('setWatches2', reader),
    )
    if (request === null) {
      connection.reply(xid, keeperCodes.MARSHALLINGERROR)
      return
    }
    const { data, exist, child, persistent, persistentRecursive } = request
    const lasting = persistent.length + persistentRecursive.length
    const count = data.length + exist.length + child.length + 2 * lasting
    if (!mayWatch(this.watches, connection.id, count)) {
      // A client that believed in watches it does not have would wait for ever.
      connection.dismiss(xid, keeperCodes.THROTTLEDOP)
      return
    }
    const missed = this.watches.restore(this.tree, connection.id, request)
    for (const { kind, path } of missed) connection.notify(this.tree.lastZxid, kind, path)
    connection.reply(xid, keeperCodes.OK)
  }

  /** A refused write is a transaction too, and takes a zxid. */
  #write(
    connection: Connection,
    xid: number,
    operation: Operation,
    body: Uint8Array,
    requester: Requester,
  ): void {
    const request =
      operation === 'reconfig' ? null : parsed(body, reader => readWrite(operation, reader))
    const error =
      operation === 'reconfig' ? keeperCodes.RECONFIGDISABLED : keeperCodes.MARSHALLINGERROR
    const txn: Txn =
      request === null
        ? { type: 'error', error }
        : toTxn(this.tree, request, requester, this.config)
    const outcome = this.commit(requester.session, txn)
    if (outcome.type === 'error' || request === null) connection.reply(xid, outcomeError(outcome))
    else if (outcome.type === 'multi' && request.operation === 'multi') {
      const results = outcome.parts.map(partResult)
      connection.reply(xid, keeperCodes.OK, writer => writeMultiResults(writer, results))
    } else if (request.operation !== 'multi') {
      const result = singleResult(request.operation, outcome)
      if (result.operation === 'error') connection.reply(xid, result.error)
      else connection.reply(xid, keeperCodes.OK, writer => writeResult(writer, result))
    }
  }

  /** Numbers a transaction, writes it down, applies it and tells the watchers. */
  commit(session: SessionId, txn: Txn): Outcome {
    const zxid = this.tree.lastZxid + 1
    const atMs = Math.floor(this.world.platform.clock.now())
    const entry = { zxid, atMs, session, txn }
    this.store?.append(entry)
    const { changes, outcome } = this.tree.apply(entry)
    this.#tell(session, zxid, changes)
    if (this.tree.perishable.size > 0 && this.#reaping === undefined) this.#reapLater()
    return outcome
  }

  /** The timer is armed only while there is something that may perish. */
  #reapLater(): void {
    const { clock } = this.world.platform
    this.#reaping = clock.setTimeout(() => {
      this.#reaping = undefined
      this.turn(() => {
        for (const path of reapable(this.tree, clock.now()))
          this.commit(noSession, { type: 'delete', path })
      })
      if (this.tree.perishable.size > 0) this.#reapLater()
    }, this.config['znode.container.checkIntervalMs'])
  }

  stop(): void {
    this.world.platform.clock.clearTimeout(this.#reaping)
    this.sessions.stop()
    for (const connection of [...this.connections.values()]) connection.destroy()
    this.store?.close()
  }

  /** For the trace: as text, where it is short. */
  #dataOf(path: string): { readonly data?: string } {
    const data = this.tree.node(path)?.data
    return data && data.length <= tracedDataBytesMax ? { data: decoder.decode(data) } : {}
  }

  #tell(session: SessionId, zxid: Zxid, changes: readonly Change[]): void {
    const { trace, name } = this.world
    let seq = 0
    for (const change of changes) {
      const { kind, path, ephemeralOwner } = change
      // A parent's childrenChanged follows the child's own change, and from it.
      if (kind !== 'childrenChanged')
        seq = trace.record('znode', name, kind === 'dataChanged' ? 'changed' : kind, {
          path,
          zxid,
          session,
          ...(ephemeralOwner === noSession ? {} : { ephemeralOwner }),
          ...(this.world.registry.contexts ? this.#dataOf(path) : {}),
        })
      for (const told of this.watches.fire([change])) {
        const connection = this.connections.get(told.watcher)
        if (connection === undefined) continue
        trace.sent(eventKey(connection.sessionId, zxid, told.kind, told.path), seq)
        connection.notify(zxid, told.kind, told.path)
      }
    }
  }
}

/** Under which the znode's line waits for the client that is told of it. */
export const eventKey = (
  session: SessionId,
  zxid: Zxid,
  kind: Change['kind'],
  path: string,
): string => `zk-event:${session}:${zxid}:${kind}:${path}`

function readWrite(operation: Operation, reader: Reader): WriteRequest {
  if (operation === 'multi') return { operation, body: readMulti(reader) }
  const body = readRequest(operation, reader)
  // What is neither read nor multi is one of the writes.
  return { operation, body } as WriteRequest
}

const outcomeError = (outcome: Outcome): number =>
  outcome.type === 'error' ? outcome.error : keeperCodes.SYSTEMERROR

/**
 * Starts a ZooKeeper server of its own world, speaking the real client protocol.
 *
 * @param options where to listen (port 0: any free one), settings by ZooKeeper's names, and who hears that it listens.
 */
export function startZooKeeper(world: World, options: ZooKeeperOptions): EmbeddedZooKeeper {
  const config = zookeeperConfig(options)
  let store: TxnStore | null = null
  let failure: Error | null = null
  try {
    if (options.durable === true) store = new TxnStore(world, config)
  } catch (error) {
    failure = error as Error
  }
  const server = new ZooKeeperServer(world, config, store)
  const { host, port } = options
  const { clock, network } = world.platform
  let listener: Listener | null = null
  if (failure === null) listener = network.listen({ host, port }, server.listenerEvents(options))
  else clock.setTimeout(() => options.failed(failure as Error), 0)
  return {
    get address() {
      return server.address
    },
    config,
    tree: server.tree,
    sessions: () =>
      [...server.tree.sessions].map(([id, timeoutMs]) => ({
        id,
        timeoutMs,
        ephemerals: server.tree.ephemeralsOf(id),
        expiresAtMs: server.sessions.expiresAtMs(id) ?? null,
      })),
    watches: () =>
      new Map(
        [...server.connections.values()]
          .filter(({ sessionId }) => sessionId !== noSession)
          .map(({ id, sessionId }) => [sessionId, server.watches.pathsOf(id)]),
      ),
    expireSession: id => {
      let found = false
      server.turn(() => {
        found = server.sessions.expire(id)
      })
      return found
    },
    close() {
      listener?.close()
      server.stop()
    },
  }
}
