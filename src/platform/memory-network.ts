import type {
  Address,
  Clock,
  Listener,
  ListenerEvents,
  Network,
  Socket,
  SocketEvents,
} from '../ports.ts'

/** Bytes on their way in one direction above which `write` answers false, as a socket's buffer would. */
const highWaterBytes = 1024 * 1024

/** One end of a connection in memory. What is written arrives at the other end on a later turn, in order. */
class MemorySocket implements Socket {
  readonly local: Address
  readonly remote: Address
  events!: SocketEvents
  peer!: MemorySocket
  readonly #clock: Clock
  readonly #latencyMs: number
  readonly #inbox: (Uint8Array | 'end')[] = []
  #paused = false
  #delivering = false
  #bufferedBytes = 0
  #mustDrain = false
  #ended = false
  #peerEnded = false
  #closed = false

  constructor(clock: Clock, latencyMs: number, local: Address, remote: Address) {
    this.#clock = clock
    this.#latencyMs = latencyMs
    this.local = local
    this.remote = remote
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#closed || this.#ended) return true
    for (const chunk of chunks) {
      this.#bufferedBytes += chunk.length
      this.#travel(() => this.peer.#arrive(chunk))
    }
    if (this.#bufferedBytes < highWaterBytes) return true
    this.#mustDrain = true
    return false
  }

  end(): void {
    if (this.#closed || this.#ended) return
    this.#ended = true
    this.#travel(() => this.peer.#arrive('end'))
    if (this.#peerEnded) this.#close(null)
  }

  destroy(): void {
    if (this.#closed) return
    this.#close(null)
    this.#travel(() => this.peer.#close(null))
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#travel(() => this.#deliver())
  }

  #travel(arrived: () => void): void {
    this.#clock.setTimeout(arrived, this.#latencyMs)
  }

  #arrive(item: Uint8Array | 'end'): void {
    if (this.#closed) return
    this.#inbox.push(item)
    this.#deliver()
  }

  #deliver(): void {
    if (this.#delivering) return
    this.#delivering = true
    try {
      while (!this.#paused && !this.#closed) {
        const item = this.#inbox.shift()
        if (item === undefined) return
        if (item === 'end') {
          this.#peerEnded = true
          this.events.ended()
          if (this.#ended) this.#close(null)
        } else {
          this.peer.#left(item.length)
          this.events.data(item)
        }
      }
    } finally {
      this.#delivering = false
    }
  }

  #left(bytes: number): void {
    this.#bufferedBytes -= bytes
    if (!this.#mustDrain || this.#bufferedBytes >= highWaterBytes / 2) return
    this.#mustDrain = false
    this.#travel(() => {
      if (!this.#closed) this.events.drained()
    })
  }

  #close(error: Error | null): void {
    if (this.#closed) return
    this.#closed = true
    this.#inbox.length = 0
    // Never inside the caller's own turn: `destroy` must not call back.
    this.#travel(() => this.events.closed(error))
  }
}

/**
 * The network of one process: addresses are names, connections are pairs of queues. Chunks are handed over as they
 * were written, without a copy, on a later turn of the clock.
 *
 * @param latencyMs what a chunk takes from one end to the other.
 */
export function memoryNetwork(clock: Clock, latencyMs: number): Network {
  const listeners = new Map<string, ListenerEvents>()
  let nextPort = 49_152
  const key = ({ host, port }: Address): string => `${host}:${port}`

  return {
    listen(address, events): Listener {
      let bound = ''
      let closed = false
      clock.setTimeout(() => {
        if (closed) return
        let { port } = address
        while (port === 0) {
          const free = nextPort++
          if (!listeners.has(key({ host: address.host, port: free }))) port = free
        }
        const at = { host: address.host, port }
        if (listeners.has(key(at))) {
          const error = new Error(`listen EADDRINUSE: address already in use ${key(at)}`)
          events.failed(Object.assign(error, { code: 'EADDRINUSE' }))
          return
        }
        bound = key(at)
        listeners.set(bound, events)
        events.bound(at)
      }, 0)
      return {
        close() {
          closed = true
          if (listeners.get(bound) === events) listeners.delete(bound)
        },
      }
    },

    connect(address, events): Socket {
      const local = { host: '127.0.0.1', port: nextPort++ }
      const near = new MemorySocket(clock, latencyMs, local, address)
      const far = new MemorySocket(clock, latencyMs, address, local)
      near.peer = far
      far.peer = near
      let gone = false
      near.events = {
        ...events,
        data: chunk => events.data(chunk),
        ended: () => events.ended(),
        drained: () => events.drained(),
        closed: error => {
          if (gone) return
          gone = true
          events.closed(error)
        },
      }
      far.events = { data() {}, ended() {}, drained() {}, closed() {} }
      clock.setTimeout(() => {
        const listener = listeners.get(key(address))
        if (gone) return
        if (listener === undefined) {
          const error = new Error(`connect ECONNREFUSED ${key(address)}`)
          near.events.closed(Object.assign(error, { code: 'ECONNREFUSED' }))
          return
        }
        far.events = listener.accepted(far)
        clock.setTimeout(() => {
          if (!gone) events.connected()
        }, latencyMs)
      }, latencyMs)
      return near
    },
  }
}
