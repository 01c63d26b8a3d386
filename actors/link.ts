import type { Observable } from 'rxjs'
import { MalformedFrame } from '../src/binary/reader.ts'
import type { Address, Network, Socket, SocketEvents } from '../src/ports.ts'
import { FrameSplitter } from '../src/protocol/frame.ts'
import { Channel } from './channel.ts'

/**
 * Two Channels joined by a network: frames out, frames in. All that nodes know of each other crosses links. Kafka and
 * ZooKeeper alike put a frame's length, four bytes, in front of it.
 */
export interface Link {
  readonly local: Address
  readonly remote: Address
  /** Frames as they arrive, without their length. */
  readonly inbound: Observable<Uint8Array>
  /**
   * Emits once, when no frame will come or go any more: null for an orderly end, a `MalformedFrame` where the peer sent
   * what is none.
   */
  readonly closed: Observable<Error | null>
  /** Room again after `send` answered false. */
  readonly drained: Observable<void>
  /** What was sent and has not left: answers to one chunk of requests leave together, so `send` alone does not tell. */
  readonly bufferedBytes: number
  /** A frame with its length in front, in pieces. False: the peer is slow, wait for `drained`. */
  send(frame: readonly Uint8Array[]): boolean
  /** Stops and starts reading: back-pressure. */
  pause(): void
  resume(): void
  /** Sends what is buffered, then closes. */
  end(): void
  /** Closes at once, without a `closed`. */
  destroy(): void
}

/** A link over a socket that is about to be there: `events` are the socket's, `attach` hands it over. */
function createLink(frameBytesMax: number) {
  const inbound = new Channel<Uint8Array>()
  const closed = new Channel<Error | null>()
  const drained = new Channel<void>()
  const splitter = new FrameSplitter(frameBytesMax)
  let socket: Socket
  let outbox: Uint8Array[] = []
  let outboxBytes = 0
  let corked = false
  let over = false

  const flush = (): boolean => {
    if (outbox.length === 0) return true
    const chunks = outbox
    outbox = []
    outboxBytes = 0
    return socket.write(chunks)
  }
  const close = (error: Error | null): void => {
    if (over) return
    over = true
    closed.next(error)
    closed.complete()
    inbound.complete()
    drained.complete()
  }
  const events: SocketEvents = {
    data(chunk) {
      if (over) return
      // One write for all answers to one chunk: six times the throughput of a write per frame.
      corked = true
      try {
        for (const frame of splitter.push(chunk)) inbound.next(frame)
      } catch (error) {
        if (!(error instanceof MalformedFrame)) throw error
        socket.destroy()
        close(error)
      } finally {
        corked = false
        if (!over) flush()
      }
    },
    ended: () => socket.end(),
    drained: () => drained.next(),
    closed: close,
  }
  const link: Link = {
    get local() {
      return socket.local
    },
    get remote() {
      return socket.remote
    },
    inbound: inbound.asObservable(),
    closed: closed.asObservable(),
    drained: drained.asObservable(),
    get bufferedBytes() {
      return socket.bufferedBytes + outboxBytes
    },
    send(frame) {
      outbox.push(...frame)
      if (!corked) return flush()
      for (const piece of frame) outboxBytes += piece.length
      return true
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    end() {
      flush()
      socket.end()
    },
    destroy() {
      over = true
      socket.destroy()
    },
  }
  return {
    link,
    events,
    attach: (attached: Socket): void => {
      socket = attached
    },
  }
}

/**
 * Opens a link to an address. It may be written to at once; a failed attempt is a `closed` with its error.
 *
 * @param options.frameBytesMax a longer inbound frame closes the link with `MalformedFrame`.
 */
export function connectLink(
  network: Network,
  address: Address,
  options: { frameBytesMax: number; connected?(): void },
): Link {
  const { link, events, attach } = createLink(options.frameBytesMax)
  attach(network.connect(address, { ...events, connected: () => options.connected?.() }))
  return link
}

/** The accepting end: a link over a socket that a listener was given, and the events it must answer. */
export function acceptLink(
  socket: Socket,
  options: { frameBytesMax: number },
): { link: Link; events: SocketEvents } {
  const { link, events, attach } = createLink(options.frameBytesMax)
  attach(socket)
  return { link, events }
}
