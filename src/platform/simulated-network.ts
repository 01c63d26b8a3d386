/**
 * A network with a will of its own, drawn from a seed. A connection is a stream in order, as TCP's is: what is lost on the way is sent again,
 * so that a cut line delays what was written, and only a reset loses it. Who talks to whom is known by the nodes' names.
 *
 * - *blocked* (one way): nothing gets through from one node to another; what was written waits, new connections too, until it
 *   is unblocked or they time out. Half of the connections that are closed meanwhile still deliver what they had under way,
 *   long after their owner has forgotten them: that is how a frame outlives its epoch.
 * - *reset*: both ends learn that the connection is gone, what was under way is lost.
 * - *half-open*: one end learns that it is gone; what it had sent arrives much later at the other.
 */
import type {
  Address,
  Clock,
  Listener,
  ListenerEvents,
  Network,
  Random,
  Socket,
  SocketEvents,
  Timer,
} from '../ports.ts'

export interface SimulatedNetworkOptions {
  /** What a write takes from one end to the other, whole ms: at least … Default 1. */
  readonly latencyMsMin?: number
  /** … and mostly at most. Default 4. */
  readonly latencyMsMax?: number
  /** One in so many writes takes up to `slowMsMax`. Default 500; 0: none. */
  readonly slowOneIn?: number
  /** Default 200. */
  readonly slowMsMax?: number
  /** Bytes that a connection carries per ms. Default: no bound. */
  readonly bytesPerMs?: number
  /** A connection attempt that gets no answer for so long fails with ETIMEDOUT. Default 10,000. */
  readonly connectTimeoutMs?: number
}

/** The lines between nodes, as the one holds them who cuts them. */
export interface Lines {
  /** Nothing gets through from one to the other; the other way is untouched. Any number of times. */
  block(from: string, to: string): void
  /** Takes one `block` back. */
  unblock(from: string, to: string): void
  /** Takes all of them back. */
  heal(): void
  /** Resets the connections between two nodes, as many as there are. Answers how many. */
  reset(a: string, b: string): number
  /**
   * `of` loses its connections to `to`; what it had sent arrives there after `delayMs`, and only then does `to` learn that they
   * are gone. Answers how many.
   */
  halfOpen(of: string, to: string, delayMs: number): number
  /** Nodes that have an open connection, pairwise: the connecting one first. */
  readonly connections: readonly (readonly [string, string])[]
  /** What has happened so far. */
  readonly counts: Readonly<LineCounts>
}

interface LineCounts {
  /** Writes carried. */
  writes: number
  /** Writes that had to wait because their line was blocked. */
  held: number
  /** Writes that reached the other end after their own end had closed, later than any latency. */
  late: number
  /** Connections that were made. */
  connections: number
}

/** Bytes on their way in one direction above which `write` answers false. */
const highWaterBytes = 1024 * 1024

interface Item {
  dueAtMs: number
  readonly isWrite: boolean
  readonly arrive: () => void
}

/** One direction of a connection. */
class Pipe {
  readonly #world: SimulatedLines
  readonly from: string
  readonly to: string
  #queue: Item[] = []
  #timer: Timer | undefined
  #lastAtMs = 0
  /** Its own end has closed, and it was blocked or half-open then. */
  #isLate = false

  constructor(world: SimulatedLines, from: string, to: string) {
    this.#world = world
    this.from = from
    this.to = to
  }

  carry(arrive: () => void, bytes = 0): void {
    const { clock, options, counts } = this.#world
    const isWrite = bytes > 0
    const perMs = options.bytesPerMs
    const transferMs = perMs === undefined ? 0 : Math.ceil(bytes / perMs)
    const atMs = clock.now() + this.#world.latencyMs()
    this.#lastAtMs = Math.max(this.#lastAtMs, atMs) + transferMs
    this.#queue.push({ dueAtMs: this.#lastAtMs, isWrite, arrive })
    if (isWrite) counts.writes++
    if (this.#world.isBlocked(this.from, this.to)) {
      if (isWrite) counts.held++
    } else if (this.#queue.length === 1) this.arm()
  }

  /** Nothing arrives any more of what is under way. */
  drop(): void {
    this.#queue = []
    this.disarm()
  }

  /** Its writer has closed it while it stood still: half of such connections are forgotten by the network too. */
  abandon(): void {
    if (!this.#world.isBlocked(this.from, this.to)) return
    if (this.#world.random.next() < 0.5) this.drop()
    else this.#isLate = true
  }

  delay(ms: number): void {
    const atMs = this.#world.clock.now() + ms
    for (const item of this.#queue) item.dueAtMs = Math.max(item.dueAtMs, atMs)
    this.#lastAtMs = Math.max(this.#lastAtMs, atMs)
    this.#isLate = true
    this.disarm()
    if (!this.#world.isBlocked(this.from, this.to)) this.arm()
  }

  /** The line is free again: what waited is sent anew. */
  release(): void {
    const again = this.#world.clock.now() + this.#world.latencyMs()
    for (const item of this.#queue) item.dueAtMs = Math.max(item.dueAtMs, again)
    this.#lastAtMs = Math.max(this.#lastAtMs, again)
    this.arm()
  }

  disarm(): void {
    this.#world.clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }

  arm(): void {
    const head = this.#queue[0]
    if (head === undefined || this.#timer !== undefined) return
    const { clock } = this.#world
    this.#timer = clock.setTimeout(() => {
      this.#timer = undefined
      const item = this.#queue.shift()
      // The next one is armed first: what arrives may change everything.
      this.arm()
      if (item === undefined) return
      if (item.isWrite && this.#isLate) this.#world.counts.late++
      item.arrive()
    }, head.dueAtMs - clock.now())
  }
}

/** One end of a connection. */
class SimulatedSocket implements Socket {
  readonly local: Address
  readonly remote: Address
  readonly #world: SimulatedLines
  events: SocketEvents | undefined
  peer!: SimulatedSocket
  /** Towards the peer. */
  out!: Pipe
  #inbox: (readonly Uint8Array[] | 'end')[] = []
  #paused = false
  #delivering = false
  #bufferedBytes = 0
  #mustDrain = false
  #ended = false
  #peerEnded = false
  isClosed = false

  constructor(world: SimulatedLines, local: Address, remote: Address) {
    this.#world = world
    this.local = local
    this.remote = remote
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.isClosed || this.#ended) return true
    let bytes = 0
    for (const chunk of chunks) bytes += chunk.length
    if (bytes === 0) return true
    this.#bufferedBytes += bytes
    this.out.carry(() => this.peer.#arrive(chunks), bytes)
    if (this.#bufferedBytes < highWaterBytes) return true
    this.#mustDrain = true
    return false
  }

  end(): void {
    if (this.isClosed || this.#ended) return
    this.#ended = true
    this.out.carry(() => this.peer.#arrive('end'))
    if (this.#peerEnded) this.close(null)
  }

  destroy(): void {
    if (this.isClosed) return
    this.close(null)
    this.out.abandon()
    this.out.carry(() => this.peer.close(null))
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#world.clock.setTimeout(() => this.#deliver(), 0)
  }

  /** It is gone, and its owner hears of it: never inside the caller's own turn. */
  close(error: Error | null): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#inbox = []
    this.#world.closed(this)
    this.#world.clock.setTimeout(() => this.events?.closed(error), 0)
  }

  #arrive(item: readonly Uint8Array[] | 'end'): void {
    if (this.isClosed) return
    this.#inbox.push(item)
    this.#deliver()
  }

  #deliver(): void {
    if (this.#delivering) return
    this.#delivering = true
    try {
      while (!this.#paused && !this.isClosed) {
        const item = this.#inbox.shift()
        if (item === undefined) return
        if (item === 'end') {
          this.#peerEnded = true
          this.events?.ended()
          if (this.#ended) this.close(null)
        } else this.#hand(item)
      }
    } finally {
      this.#delivering = false
    }
  }

  #hand(chunks: readonly Uint8Array[]): void {
    let bytes = 0
    for (const chunk of chunks) {
      bytes += chunk.length
      if (!this.isClosed) this.events?.data(chunk)
    }
    this.peer.#left(bytes)
  }

  #left(bytes: number): void {
    this.#bufferedBytes -= bytes
    if (!this.#mustDrain || this.#bufferedBytes >= highWaterBytes / 2) return
    this.#mustDrain = false
    this.#world.clock.setTimeout(() => {
      if (!this.isClosed) this.events?.drained()
    }, 0)
  }
}

interface Connection {
  readonly near: SimulatedSocket
  readonly far: SimulatedSocket
  readonly nearNode: string
  readonly farNode: string
}

const failure = (code: string, what: string): Error =>
  Object.assign(new Error(`${what.split(' ')[0]} ${code} ${what.slice(what.indexOf(' ') + 1)}`), {
    code,
  })

export class SimulatedLines implements Lines {
  readonly clock: Clock
  readonly random: Random
  readonly options: Required<Omit<SimulatedNetworkOptions, 'bytesPerMs'>> &
    Pick<SimulatedNetworkOptions, 'bytesPerMs'>
  readonly counts: LineCounts = { writes: 0, held: 0, late: 0, connections: 0 }
  readonly #listeners = new Map<string, ListenerEvents>()
  /** Who listened at an address last. */
  readonly #owners = new Map<string, string>()
  readonly #blocks = new Map<string, number>()
  readonly #connections = new Set<Connection>()
  readonly #bySocket = new Map<SimulatedSocket, Connection>()
  /** Also those whose ends are closed, while something is under way. */
  readonly #pipes = new Set<Pipe>()
  #nextPort = 49_152

  constructor(clock: Clock, random: Random, options: SimulatedNetworkOptions = {}) {
    this.clock = clock
    this.random = random
    this.options = {
      latencyMsMin: 1,
      latencyMsMax: 4,
      slowOneIn: 500,
      slowMsMax: 200,
      connectTimeoutMs: 10_000,
      ...options,
    }
  }

  get connections(): readonly (readonly [string, string])[] {
    return [...this.#connections].map(({ nearNode, farNode }) => [nearNode, farNode] as const)
  }

  latencyMs(): number {
    const { latencyMsMin, latencyMsMax, slowOneIn, slowMsMax } = this.options
    const chance = this.random.next()
    if (slowOneIn > 0 && chance * slowOneIn < 1)
      return latencyMsMin + Math.floor(chance * slowOneIn * slowMsMax)
    return latencyMsMin + Math.floor(chance * (latencyMsMax - latencyMsMin + 1))
  }

  isBlocked(from: string, to: string): boolean {
    return this.#blocks.size > 0 && this.#blocks.has(`${from}>${to}`)
  }

  block(from: string, to: string): void {
    const key = `${from}>${to}`
    const count = this.#blocks.get(key) ?? 0
    this.#blocks.set(key, count + 1)
    if (count > 0) return
    for (const pipe of this.#pipes) if (pipe.from === from && pipe.to === to) pipe.disarm()
  }

  unblock(from: string, to: string): void {
    const key = `${from}>${to}`
    const count = this.#blocks.get(key) ?? 0
    if (count > 1) this.#blocks.set(key, count - 1)
    if (count !== 1) return
    this.#blocks.delete(key)
    for (const pipe of this.#pipes) if (pipe.from === from && pipe.to === to) pipe.release()
  }

  heal(): void {
    const blocked = [...this.#blocks.keys()]
    this.#blocks.clear()
    for (const pipe of this.#pipes) if (blocked.includes(`${pipe.from}>${pipe.to}`)) pipe.release()
  }

  reset(a: string, b: string): number {
    let count = 0
    for (const { near, far, nearNode, farNode } of [...this.#connections]) {
      if (!((nearNode === a && farNode === b) || (nearNode === b && farNode === a))) continue
      near.out.drop()
      far.out.drop()
      near.close(failure('ECONNRESET', 'read'))
      far.close(failure('ECONNRESET', 'read'))
      count++
    }
    return count
  }

  halfOpen(of: string, to: string, delayMs: number): number {
    let count = 0
    for (const { near, far, nearNode, farNode } of [...this.#connections]) {
      const [here, there] =
        nearNode === of && farNode === to ? [near, far] : nearNode === to ? [far, near] : []
      if (here === undefined || there === undefined) continue
      if (nearNode === to && farNode !== of) continue
      there.out.drop()
      here.close(failure('ECONNRESET', 'read'))
      here.out.carry(() => there.close(failure('ECONNRESET', 'read')))
      here.out.delay(delayMs)
      count++
    }
    return count
  }

  closed(socket: SimulatedSocket): void {
    const connection = this.#bySocket.get(socket)
    if (connection === undefined) return
    this.#bySocket.delete(socket)
    if (!connection.near.isClosed || !connection.far.isClosed) return
    this.#connections.delete(connection)
    // Nobody hears what these two still carry.
    this.#pipes.delete(connection.near.out)
    this.#pipes.delete(connection.far.out)
    connection.near.out.drop()
    connection.far.out.drop()
  }

  listen(node: string, address: Address, events: ListenerEvents): Listener {
    let bound = ''
    let closed = false
    this.clock.setTimeout(() => {
      if (closed) return
      let { port } = address
      while (port === 0) {
        const free = this.#nextPort++
        if (!this.#listeners.has(`${address.host}:${free}`)) port = free
      }
      const key = `${address.host}:${port}`
      if (this.#listeners.has(key)) {
        events.failed(failure('EADDRINUSE', `listen address already in use ${key}`))
        return
      }
      bound = key
      this.#listeners.set(bound, events)
      this.#owners.set(bound, node)
      events.bound({ host: address.host, port })
    }, 0)
    return {
      close: () => {
        closed = true
        if (this.#listeners.get(bound) === events) this.#listeners.delete(bound)
      },
    }
  }

  connect(
    node: string,
    address: Address,
    events: SocketEvents & { connected(): void },
  ): SimulatedSocket {
    const key = `${address.host}:${address.port}`
    const farNode = this.#owners.get(key) ?? ''
    const local = { host: '127.0.0.1', port: this.#nextPort++ }
    const near = new SimulatedSocket(this, local, address)
    const far = new SimulatedSocket(this, address, local)
    near.peer = far
    far.peer = near
    near.out = new Pipe(this, node, farNode)
    far.out = new Pipe(this, farNode, node)
    near.events = events
    const connection = { near, far, nearNode: node, farNode }
    this.#connections.add(connection)
    this.#bySocket.set(near, connection)
    this.#bySocket.set(far, connection)
    this.#pipes.add(near.out)
    this.#pipes.add(far.out)
    const timeout = this.clock.setTimeout(() => {
      near.out.drop()
      far.close(null)
      near.close(failure('ETIMEDOUT', `connect ${key}`))
    }, this.options.connectTimeoutMs)
    near.out.carry(() => {
      const listener = this.#listeners.get(key)
      if (listener === undefined) {
        far.out.carry(() => {
          this.clock.clearTimeout(timeout)
          far.close(null)
          near.close(failure('ECONNREFUSED', `connect ${key}`))
        })
        return
      }
      far.events = listener.accepted(far)
      far.out.carry(() => {
        this.clock.clearTimeout(timeout)
        if (near.isClosed) return
        this.counts.connections++
        events.connected()
      })
    })
    return near
  }
}

/** The network as one node has it. */
export const networkOf = (lines: SimulatedLines, node: string): Network => ({
  listen: (address, events) => lines.listen(node, address, events),
  connect: (address, events) => lines.connect(node, address, events),
})
