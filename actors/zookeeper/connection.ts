import { MalformedFrame, Reader } from '../../src/binary/reader.ts'
import type { Writer } from '../../src/binary/writer.ts'
import { noSession, type SessionId, sessionId, sessionIdBits, type Zxid } from '../../src/ids.ts'
import type { Socket, SocketEvents } from '../../src/ports.ts'
import { FrameSplitter } from '../../src/protocol/frame.ts'
import { digestIdentity, type Identity } from '../../src/zookeeper/acl.ts'
import type { Change } from '../../src/zookeeper/data-tree.ts'
import { keeperCodes } from '../../src/zookeeper/error.ts'
import {
  connectRequest,
  connectResponse,
  frame,
  jute,
  operationOf,
  parsed,
  readRequest,
  requestHeader,
  specialXids,
} from '../../src/zookeeper/jute.ts'
import { notificationFrame, replyFrame } from '../../src/zookeeper/reply.ts'
import { noPassword, sessionPassword } from '../../src/zookeeper/session-password.ts'
import type { ZooKeeperServer } from './zookeeper.ts'

/** A connection without a session is dropped after this long (NIOServerCnxnFactory.sessionlessCnxnTimeout). */
const sessionlessMsMax = 10_000

/**
 * A peer that reads this much slower than it asks is cut off: what waits for it (watches fire whether it reads or not) would
 * grow without end.
 */
const unreadBytesMax = 64 * 1024 * 1024

/** For `cons` and `stat`. */
export interface ConnectionCounts {
  received: number
  sent: number
}

/**
 * One client's connection: bytes → requests → bytes. Requests are carried out one after another as they come, and everything
 * it is sent, answers and notifications, goes out in the order in which it came about. What the peer sends that is no request
 * closes it, and harms nobody else.
 */
export class Connection {
  readonly id: number
  readonly events: SocketEvents
  readonly counts: ConnectionCounts = { received: 0, sent: 0 }
  readonly establishedAtMs: number
  readonly #server: ZooKeeperServer
  readonly #socket: Socket
  readonly #splitter: FrameSplitter
  readonly #identities: Identity[]
  #state: 'fresh' | 'connecting' | 'serving' | 'closed' = 'fresh'
  /** The first bytes, until there are enough to tell a word from a length. */
  #first = new Uint8Array(0)
  #outbox: Uint8Array[] = []
  #sessionId: SessionId = noSession
  #sessionTimeoutMs = 0
  /** Clients before 3.4 leave out the byte `readOnly`, and are answered without it. */
  #saidReadOnly = true
  /** The request to close the session, answered when that is done. */
  #closeXid: number | null = null
  readonly #sessionless: object

  constructor(server: ZooKeeperServer, id: number, socket: Socket) {
    this.id = id
    this.#server = server
    this.#socket = socket
    this.#splitter = new FrameSplitter(server.config['jute.maxbuffer'])
    this.#identities = [{ scheme: 'ip', id: socket.remote.host }]
    const { clock } = server.world.platform
    this.establishedAtMs = clock.now()
    this.#sessionless = clock.setTimeout(() => this.destroy(), sessionlessMsMax)
    this.events = {
      data: chunk => server.turn(() => this.#read(chunk)),
      // Nothing more will be asked; what is answered still goes out.
      ended: () => this.#finish(),
      drained: () => socket.resume(),
      closed: () => server.turn(() => this.#over()),
    }
  }

  get remote(): string {
    return `${this.#socket.remote.host}:${this.#socket.remote.port}`
  }

  get remoteHost(): string {
    return this.#socket.remote.host
  }

  get sessionId(): SessionId {
    return this.#sessionId
  }

  get sessionTimeoutMs(): number {
    return this.#sessionTimeoutMs
  }

  get identities(): readonly Identity[] {
    return this.#identities
  }

  // ─── What the server says ──────────────────────────────────────────────────────────────────────────────────────────

  grant(id: SessionId, timeoutMs: number): void {
    this.#sessionId = id
    this.#sessionTimeoutMs = timeoutMs
    this.#state = 'serving'
    this.#server.world.platform.clock.clearTimeout(this.#sessionless)
    this.#sendConnectResponse(id, timeoutMs, sessionPassword(id))
  }

  /** "There is no such session": the client learns that it expired. */
  refuse(): void {
    this.#sendConnectResponse(noSession, 0, noPassword)
    this.#finish()
  }

  /** Its session is closed, or goes on elsewhere. */
  close(reason: 'moved' | 'expired' | 'closed'): void {
    if (reason === 'closed' && this.#closeXid !== null) this.reply(this.#closeXid, keeperCodes.OK)
    this.#finish()
  }

  notify(zxid: Zxid, kind: Change['kind'], path: string): void {
    this.#send(notificationFrame(zxid, kind, path))
  }

  /** An answer, with the last zxid applied unless another is said. */
  reply(
    xid: number,
    error: number,
    body?: (writer: Writer) => void,
    { zxid = this.#server.tree.lastZxid }: { zxid?: Zxid } = {},
  ): void {
    this.#send(replyFrame(xid, zxid, error, body))
  }

  /** Puts what waits on the wire, in one write. */
  flush(): void {
    if (this.#outbox.length === 0 || this.#state === 'closed') return
    const chunks = this.#outbox
    this.#outbox = []
    if (this.#socket.write(chunks)) return
    // It does not read its answers: no more requests until it does.
    this.#socket.pause()
    if (this.#socket.bufferedBytes > unreadBytesMax) {
      this.#note('connection.cutOff', { unreadBytes: this.#socket.bufferedBytes })
      this.destroy()
    }
  }

  /** Drops it at once. */
  destroy(): void {
    this.#socket.destroy()
    this.#over()
  }

  #send(chunks: readonly Uint8Array[]): void {
    if (this.#state === 'closed') return
    this.counts.sent++
    this.#server.sent++
    this.#outbox.push(...chunks)
    this.#server.mustFlush(this)
  }

  #sendConnectResponse(id: SessionId, timeoutMs: number, password: Uint8Array): void {
    this.#send(
      frame(writer => {
        jute(connectResponse).write(writer, {
          protocolVersion: 0,
          timeoutMs,
          sessionId: sessionIdBits(id),
          password,
        })
        if (this.#saidReadOnly) writer.bool(false)
      }),
    )
  }

  /** Sends what waits, then closes. */
  #finish(): void {
    if (this.#state === 'closed') return
    this.flush()
    this.#socket.end()
    this.#over()
  }

  #over(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#outbox = []
    this.#server.world.platform.clock.clearTimeout(this.#sessionless)
    this.#server.connectionOver(this)
  }

  #note(type: string, detail: Readonly<Record<string, unknown>>): void {
    const { world } = this.#server
    world.trace.record('note', world.name, type, { remote: this.remote, ...detail })
  }

  // ─── What the peer says ────────────────────────────────────────────────────────────────────────────────────────────

  #read(chunk: Uint8Array): void {
    if (this.#state === 'closed') return
    try {
      if (this.#state === 'fresh') this.#readFirst(chunk)
      else this.#readFrames(chunk)
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error
      this.#note('connection.malformed', { error: error.message })
      this.destroy()
    }
  }

  /** The first four bytes may be a word instead of a length. */
  #readFirst(chunk: Uint8Array): void {
    const first = new Uint8Array(this.#first.length + chunk.length)
    first.set(this.#first)
    first.set(chunk, this.#first.length)
    this.#first = first
    if (first.length < 4) return
    const answer = this.#server.word(String.fromCharCode(...first.subarray(0, 4)), this)
    if (answer !== null) {
      this.#outbox.push(new TextEncoder().encode(answer))
      this.#finish()
      return
    }
    this.#state = 'connecting'
    this.#first = new Uint8Array(0)
    this.#readFrames(first)
  }

  #readFrames(chunk: Uint8Array): void {
    for (const bytes of this.#splitter.push(chunk)) {
      if (bytes.length === 0) throw new MalformedFrame('a frame of 0 bytes')
      this.counts.received++
      this.#server.received++
      if (this.#state === 'connecting') this.#connect(bytes)
      else if (this.#state === 'serving') this.#request(bytes)
      if (this.#state === 'closed' || this.#closeXid !== null) return
    }
  }

  #connect(bytes: Uint8Array): void {
    const reader = new Reader(bytes)
    const asked = jute(connectRequest).read(reader)
    this.#saidReadOnly = reader.remaining > 0
    const { tree, config, sessions } = this.#server
    if (asked.lastZxidSeen > tree.lastZxid) {
      // It has seen what this server does not know; it must try another (ZooKeeperServer.processConnectRequest).
      this.#note('connection.ahead', { lastZxidSeen: asked.lastZxidSeen, lastZxid: tree.lastZxid })
      this.destroy()
      return
    }
    const timeoutMs = Math.min(
      Math.max(asked.timeoutMs, config.minSessionTimeout),
      config.maxSessionTimeout,
    )
    if (asked.sessionId === 0n) sessions.open(this.id, timeoutMs)
    else sessions.reconnect(sessionId(asked.sessionId), asked.password, this.id, timeoutMs)
  }

  #request(bytes: Uint8Array): void {
    const reader = new Reader(bytes)
    const { xid, opcode } = jute(requestHeader).read(reader)
    this.#server.sessions.touch(this.#sessionId, this.#sessionTimeoutMs)
    const operation = operationOf(opcode)
    if (operation === undefined || operation === 'check') {
      this.reply(xid, keeperCodes.UNIMPLEMENTED, undefined, { zxid: -1 })
      this.#finish()
    } else if (operation === 'ping') this.reply(specialXids.ping, keeperCodes.OK)
    else if (operation === 'auth') this.#authenticate(xid, bytes.subarray(reader.position))
    else {
      const cause = this.#server.world.trace.received(`zk:${this.#sessionId}:${xid}`)
      this.#server.world.trace.because(cause, () => {
        if (operation === 'closeSession') {
          this.#closeXid = xid
          this.#server.sessions.close(this.#sessionId)
        } else this.#server.carryOut(this, xid, operation, bytes.subarray(reader.position))
      })
    }
  }

  /** What a connection has proved belongs to it, not to the session: after a reconnect it proves it again. */
  #authenticate(xid: number, body: Uint8Array): void {
    const auth = parsed(body, reader => readRequest('auth', reader))
    if (auth?.scheme === 'digest' && auth.credentials !== null) {
      const identity = digestIdentity(auth.credentials)
      if (identity.id === this.#server.config.superDigest)
        this.#identities.push({ scheme: 'super', id: '' })
      if (!this.#identities.some(known => known.id === identity.id)) this.#identities.push(identity)
    } else if (auth?.scheme !== 'ip') {
      this.reply(xid, keeperCodes.AUTHFAILED, undefined, { zxid: 0 })
      this.#finish()
      return
    }
    this.reply(xid, keeperCodes.OK, undefined, { zxid: 0 })
  }
}
