import { MalformedFrame, Reader } from '../../src/binary/reader.ts'
import type { Writer } from '../../src/binary/writer.ts'
import { noSession, type SessionId, sessionId, sessionIdBits, type Zxid } from '../../src/ids.ts'
import { outboundBytesMax, sessionlessMsMax, zookeeperOutstandingMax } from '../../src/limits.ts'
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
import { Latency } from './latency.ts'
import { Outbox } from './outbox.ts'
import type { ZooKeeperServer } from './zookeeper.ts'

/** For `cons` and `stat`. */
export interface ConnectionCounts {
  received: number
  sent: number
  /** The last request's number and kind; null before the first. */
  last: { readonly xid: number; readonly operation: string } | null
  lastAnsweredAtMs: number
}

/**
 * One client's connection: bytes → requests → bytes. Requests are carried out one after another as they come, and everything
 * it is sent, answers and notifications, goes out in the order in which it came about. Who does not read its answers, or asks faster
 * than they can be given, is not read from. What the peer sends that is no request closes it, and harms nobody else.
 */
export class Connection {
  readonly id: number
  readonly events: SocketEvents
  readonly counts: ConnectionCounts = { received: 0, sent: 0, last: null, lastAnsweredAtMs: 0 }
  readonly latency = new Latency()
  readonly establishedAtMs: number
  /** As of its last answer. */
  lastZxid: Zxid = 0
  readonly #outbox: Outbox
  readonly #server: ZooKeeperServer
  readonly #socket: Socket
  readonly #splitter: FrameSplitter
  readonly #identities: Identity[]
  #state: 'fresh' | 'connecting' | 'serving' | 'closed' = 'fresh'
  /** The first bytes, until there are enough to tell a word from a length. */
  #first = new Uint8Array(0)
  /** Frames read and not carried out yet, and when they came. */
  #inbox: { readonly bytes: Uint8Array; readonly atMs: number }[] = []
  #isPaused = false
  /** The peer will ask nothing more. */
  #isEnded = false
  /** When the request came that is being carried out. */
  #askedAtMs = 0
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
    this.#outbox = new Outbox(socket, clock, [server.latency, this.latency], () => this.proceed())
    this.#sessionless = clock.setTimeout(() => this.destroy(), sessionlessMsMax)
    this.events = {
      data: chunk => server.turn(() => this.#read(chunk)),
      ended: () => server.turn(() => this.#ended()),
      drained: () => this.proceed(),
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

  /** Requests that came and whose answers have not left. */
  get outstanding(): number {
    return this.#inbox.length + this.#outbox.outstanding
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

  /** Its last answer: what it asks for ends the connection. */
  dismiss(xid: number, error: number, zxid: Zxid = this.#server.tree.lastZxid): void {
    this.reply(xid, error, undefined, { zxid })
    this.#finish()
  }

  notify(zxid: Zxid, kind: Change['kind'], path: string): void {
    this.#send(notificationFrame(zxid, kind, path), null)
  }

  /** An answer, with the last zxid applied unless another is said. */
  reply(
    xid: number,
    error: number,
    body?: (writer: Writer) => void,
    { zxid = this.#server.tree.lastZxid }: { zxid?: Zxid } = {},
  ): void {
    this.#send(replyFrame(xid, zxid, error, body), this.#askedAtMs)
  }

  /** Drops it at once. */
  destroy(): void {
    this.#outbox.drop()
    this.#socket.destroy()
    this.#over()
  }

  /** There is room for answers again: what waits for that is carried out. */
  proceed(): void {
    if (this.#inbox.length > 0) this.#server.turn(() => this.#guarded(() => this.#carryOut()))
  }

  #send(chunks: readonly Uint8Array[], askedAtMs: number | null): void {
    if (this.#state === 'closed') return
    this.counts.sent++
    this.#server.sent++
    if (askedAtMs === null) this.#outbox.add(chunks)
    else {
      this.#outbox.addAnswer(chunks, askedAtMs)
      this.lastZxid = this.#server.tree.lastZxid
      this.counts.lastAnsweredAtMs = askedAtMs
    }
    if (this.#outbox.isFull) {
      this.#note('connection.cutOff', { unreadBytes: this.#outbox.unsentBytes })
      this.destroy()
    } else this.#server.mustFlush(this.#outbox)
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
      this.#askedAtMs,
    )
  }

  /** Sends what waits, then closes. */
  #finish(): void {
    if (this.#state === 'closed') return
    this.#outbox.addEnd()
    this.#over()
    this.#server.mustFlush(this.#outbox)
  }

  #over(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#inbox = []
    this.#server.world.platform.clock.clearTimeout(this.#sessionless)
    this.#server.connectionOver(this)
  }

  #note(type: string, detail: Readonly<Record<string, unknown>>): void {
    const { world } = this.#server
    world.trace.record('note', world.name, type, { remote: this.remote, ...detail })
  }

  /** What was asked is still answered. */
  #ended(): void {
    this.#isEnded = true
    if (this.#inbox.length === 0) this.#finish()
  }

  // ─── What the peer says ────────────────────────────────────────────────────────────────────────────────────────────

  #read(chunk: Uint8Array): void {
    if (this.#state === 'closed') return
    // Also what has to wait is a sign of life.
    if (this.#state === 'serving')
      this.#server.sessions.touch(this.#sessionId, this.#sessionTimeoutMs)
    this.#guarded(() => {
      if (this.#state === 'fresh') this.#readFirst(chunk)
      else this.#readFrames(chunk)
    })
  }

  #guarded(read: () => void): void {
    try {
      read()
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
      // Words wait for no flush: they are asked when something hangs.
      this.#outbox.add([new TextEncoder().encode(answer)])
      this.#outbox.addEnd()
      this.#outbox.write(this.#outbox.take())
      this.#over()
      return
    }
    this.#state = 'connecting'
    this.#first = new Uint8Array(0)
    this.#readFrames(first)
  }

  #readFrames(chunk: Uint8Array): void {
    const atMs = this.#server.world.platform.clock.now()
    for (const bytes of this.#splitter.push(chunk)) {
      if (bytes.length === 0) throw new MalformedFrame('a frame of 0 bytes')
      this.counts.received++
      this.#server.received++
      this.#inbox.push({ bytes, atMs })
    }
    this.#carryOut()
  }

  /** One request after another, as long as the answers find room; the rest waits, and the socket with it. */
  #carryOut(): void {
    let next = 0
    while (next < this.#inbox.length && this.#hasRoom) {
      const { bytes, atMs } = this.#inbox[next++] as { bytes: Uint8Array; atMs: number }
      this.#askedAtMs = atMs
      if (this.#state === 'connecting') this.#connect(bytes)
      else if (this.#state === 'serving') this.#request(bytes)
      if (this.#state === 'closed' || this.#closeXid !== null) {
        this.#inbox = []
        return
      }
    }
    this.#inbox.splice(0, next)
    const mustWait = this.#inbox.length > 0
    if (this.#isEnded && !mustWait) this.#finish()
    if (mustWait === this.#isPaused) return
    this.#isPaused = mustWait
    if (mustWait) this.#socket.pause()
    else this.#socket.resume()
  }

  get #hasRoom(): boolean {
    const { outstanding, unsentBytes } = this.#outbox
    return outstanding < zookeeperOutstandingMax && unsentBytes < outboundBytesMax
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
    const operation = operationOf(opcode)
    this.counts.last = { xid, operation: operation ?? 'unknown' }
    if (operation === undefined || operation === 'check') {
      this.dismiss(xid, keeperCodes.UNIMPLEMENTED, -1)
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
      this.dismiss(xid, keeperCodes.AUTHFAILED, 0)
      return
    }
    this.reply(xid, keeperCodes.OK, undefined, { zxid: 0 })
  }
}
