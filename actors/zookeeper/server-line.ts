import { MalformedFrame, Reader } from '../../src/binary/reader.ts'
import { type SessionId, sessionId, sessionIdBits, type Zxid } from '../../src/ids.ts'
import { zookeeperAnswerBytesMax } from '../../src/limits.ts'
import type { Address, Timer } from '../../src/ports.ts'
import { keeperCodes } from '../../src/zookeeper/error.ts'
import {
  connectRequest,
  connectResponse,
  eventTypes,
  frame,
  jute,
  type Operation,
  operations,
  type RequestBody,
  replyHeader,
  requestHeader,
  specialXids,
  watcherEvent,
  writeRequest,
} from '../../src/zookeeper/jute.ts'
import { connectLink, type Link } from '../link.ts'
import type { World } from '../world.ts'
import type { WatchEvent } from './client.ts'

/** Never silent for longer than this (ClientCnxn.MAX_SEND_PING_INTERVAL). */
const pingIntervalMsMax = 10_000

/** The request to close the session; others count from 1. */
const closeXid = 0

const kindsByEventType = new Map<number, WatchEvent['kind']>(
  Object.entries(eventTypes).map(([kind, type]) => [type, kind as WatchEvent['kind']]),
)

/** What a client hears of one connection. */
export interface ServerLineEvents {
  connected(): void
  /** Nothing will come any more, or nothing that makes sense: `error` says what did not. */
  closed(error: string | null): void
  /** Nothing was heard for two thirds of the session's timeout, though it was pinged. */
  silent(): void
  granted(granted: { sessionId: SessionId; password: Uint8Array | null; timeoutMs: number }): void
  refused(): void
  authRefused(): void
  closeAnswered(): void
  /** False where it is the answer to no request. */
  replied(xid: number, zxid: Zxid, error: number, reader: Reader): boolean
  notified(zxid: Zxid, kind: WatchEvent['kind'], path: string): void
}

/** A client's connection to one server, for as long as it holds: handshake, pings, what comes told apart. */
export class ServerLine {
  readonly #world: World
  readonly #link: Link
  readonly #events: ServerLineEvents
  #state: 'handshaking' | 'serving' | 'over' = 'handshaking'
  #heardAtMs: number
  #saidAtMs: number
  #timer: Timer | undefined

  constructor(world: World, server: Address, events: ServerLineEvents) {
    this.#world = world
    this.#events = events
    this.#heardAtMs = world.platform.clock.now()
    this.#saidAtMs = this.#heardAtMs
    this.#link = connectLink(world.platform.network, server, {
      frameBytesMax: zookeeperAnswerBytesMax,
      connected: () => events.connected(),
    })
    this.#link.inbound.subscribe(bytes => this.#hear(bytes))
    this.#link.closed.subscribe(error =>
      this.#over(error instanceof MalformedFrame ? error.message : null),
    )
  }

  /** Presents a session, or asks for one (id 0). */
  handshake(asked: {
    lastZxidSeen: Zxid
    timeoutMs: number
    sessionId: SessionId
    password: Uint8Array
  }): void {
    this.say(
      frame(writer => {
        const bits = sessionIdBits(asked.sessionId)
        jute(connectRequest).write(writer, { protocolVersion: 0, ...asked, sessionId: bits })
        // Not a read-only client.
        writer.bool(false)
      }),
    )
  }

  say(chunks: readonly Uint8Array[]): void {
    if (this.#state === 'over') return
    this.#saidAtMs = this.#world.platform.clock.now()
    this.#link.send(chunks)
  }

  sayRequest<O extends Operation>(xid: number, operation: O, body: RequestBody<O>): void {
    this.say(
      frame(writer => {
        jute(requestHeader).write(writer, { xid, opcode: operations[operation].opcode })
        writeRequest(operation, writer, body)
      }),
    )
  }

  sayClose(): void {
    this.sayRequest(closeXid, 'closeSession', {})
  }

  /** Drops it without a word; nothing is heard of it any more. */
  drop(): void {
    this.#world.platform.clock.clearTimeout(this.#timer)
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#link.destroy()
  }

  #over(error: string | null): void {
    if (this.#state === 'over') return
    this.drop()
    this.#events.closed(error)
  }

  #hear(bytes: Uint8Array): void {
    if (this.#state === 'over') return
    this.#heardAtMs = this.#world.platform.clock.now()
    try {
      if (this.#state === 'serving') this.#hearReply(new Reader(bytes))
      else this.#hearConnectResponse(new Reader(bytes))
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error
      this.#over(error.message)
    }
  }

  #hearConnectResponse(reader: Reader): void {
    const response = jute(connectResponse).read(reader)
    if (response.timeoutMs <= 0) {
      this.#events.refused()
      return
    }
    this.#state = 'serving'
    this.#keepAlive(response.timeoutMs)
    this.#events.granted({ ...response, sessionId: sessionId(response.sessionId) })
  }

  #hearReply(reader: Reader): void {
    const { xid, zxid, error } = jute(replyHeader).read(reader)
    switch (xid) {
      case specialXids.notification: {
        const { type, path } = jute(watcherEvent).read(reader)
        const kind = kindsByEventType.get(type)
        if (kind !== undefined) this.#events.notified(zxid, kind, path)
        return
      }
      case specialXids.ping:
      case specialXids.setWatches:
        return
      case specialXids.auth:
        if (error !== keeperCodes.OK) this.#events.authRefused()
        return
      case closeXid:
        this.#events.closeAnswered()
        return
      default:
        if (!this.#events.replied(xid, zxid, error, reader))
          this.#over(`answer ${xid} to no request`)
    }
  }

  /** Pings when nothing was said for a third of the timeout; gives up when nothing was heard for two thirds. */
  #keepAlive(timeoutMs: number): void {
    const { clock } = this.#world.platform
    const pingMs = Math.min(timeoutMs / 3, pingIntervalMsMax)
    const silenceMs = (timeoutMs * 2) / 3
    const nowMs = clock.now()
    if (nowMs - this.#heardAtMs >= silenceMs) {
      this.#events.silent()
      return
    }
    if (nowMs - this.#saidAtMs >= pingMs) this.sayRequest(specialXids.ping, 'ping', {})
    const dueInMs = Math.min(this.#saidAtMs + pingMs, this.#heardAtMs + silenceMs) - nowMs
    this.#timer = clock.setTimeout(
      () => this.#keepAlive(timeoutMs),
      Math.max(1, Math.ceil(dueInMs)),
    )
  }
}
