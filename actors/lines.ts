import type { Address, Clock, Links, Network, Platform } from '../src/ports.ts'
import { type Lane, LineConnection } from './lane.ts'
import type { LinkFrame } from './line-frames.ts'
import type { LinkOperators } from './line-operators.ts'
import { LineSocket } from './line-socket.ts'
import type { Trace } from './trace.ts'

/** A connection attempt across a cut line fails after this, ms: some systems wait two minutes, tests need not. */
const connectTimeoutMs = 10_000

/** What a fault does to lines while it stands. `*` is any node. */
interface Rule {
  readonly number: number
  isActive: boolean
  fired: number
}

interface BlockRule extends Rule {
  readonly blocks: (from: string, to: string) => boolean
}

interface LatencyRule extends Rule {
  readonly slows: (from: string, to: string) => boolean
  readonly ms: number
  readonly jitterMs: number
}

export interface OperatorsRule extends Rule {
  readonly from: string
  readonly to: string
  readonly operators: LinkOperators
  bit(): void
  /** A frame did not come out again. */
  lost(lane: Lane, frame: LinkFrame): void
}

/** A fault of lines, as its handle has it. */
export interface LineFault {
  readonly fired: number
  readonly isActive: boolean
  remove(): void
}

const fits = (pattern: string, name: string): boolean => pattern === '*' || pattern === name

const keyOf = ({ host, port }: Address): string => `${host}:${port}`

/**
 * The lines between the nodes of one cluster, on any platform: each node is given the platform's network with its name on it, so that
 * it is known between whom a connection is. Both ends look after what they send; for clients from outside, which are named by
 * their `client.id`, the end that is here looks after both directions.
 */
export class Lines {
  readonly clock: Clock
  readonly #platform: Platform
  readonly #trace: Trace
  readonly #nodes = new Map<string, Platform>()
  /** Who listens at an address, and at a port where the address is another name of this machine. */
  readonly #listeners = new Map<string, string>()
  readonly #ports = new Map<number, string>()
  /** Those from outside that have a name. */
  readonly #strangers = new Map<string, string>()
  /** Open connections by the address of the end that opened them. */
  readonly #connections = new Map<string, LineConnection>()
  readonly #sockets = new Set<LineSocket>()
  readonly #busy = new Set<Lane>()
  #blocks: BlockRule[] = []
  #latencies: LatencyRule[] = []
  #operators: OperatorsRule[] = []
  #nextNumber = 1

  constructor(platform: Platform, trace: Trace) {
    this.#platform = platform
    this.#trace = trace
    this.clock = platform.clock
  }

  /** What the platform itself can do to lines; undefined where that is nothing. */
  get ofPlatform(): Links | undefined {
    return this.#platform.lines
  }

  get kind(): Platform['kind'] {
    return this.#platform.kind
  }

  /** Clients from outside that are connected now. */
  get guests(): readonly string[] {
    return [...this.#sockets].flatMap(({ guest }) => (guest === undefined ? [] : [guest]))
  }

  /** The platform as one node has it. */
  node(name: string): Platform {
    const known = this.#nodes.get(name)
    if (known !== undefined) return known
    const base = this.#platform.node?.(name) ?? this.#platform
    const { kind, clock, random, compression } = base
    const made: Platform = {
      kind,
      clock,
      random,
      compression,
      network: this.#network(name, base.network),
      disk: node => base.disk(node),
      waiting: promise => base.waiting(promise),
    }
    this.#nodes.set(name, made)
    return made
  }

  /** Who is at an address outside this cluster. */
  named(address: Address, name: string): void {
    this.#strangers.set(keyOf(address), name)
  }

  // ─── Faults ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Nothing gets through where `blocks` says so: what is written waits, and so do new connections. */
  block(blocks: BlockRule['blocks']): LineFault {
    const rule: BlockRule = { ...this.#rule(), blocks }
    this.#blocks.push(rule)
    return this.#fault(rule)
  }

  /** Everything takes `ms` longer, and up to `jitterMs` more by the platform's chance. */
  slow(slows: LatencyRule['slows'], ms: number, jitterMs: number): LineFault {
    const rule: LatencyRule = { ...this.#rule(), slows, ms, jitterMs }
    this.#latencies.push(rule)
    return this.#fault(rule)
  }

  operate(from: string, to: string, operators: LinkOperators): LineFault {
    let hasTold = false
    const rule: OperatorsRule = {
      ...this.#rule(),
      from,
      to,
      operators,
      bit: () => {
        rule.fired++
      },
      lost: (lane, { api, direction }) => {
        rule.fired++
        if (hasTold) return
        hasTold = true
        const { connection } = lane
        this.#trace.record(
          'note',
          'story',
          `${api ?? 'a frame'} (${direction}) is lost on the link ${connection.from} → ${connection.to}: the connection is reset`,
        )
      },
    }
    this.#operators.push(rule)
    return this.#fault(rule)
  }

  #rule(): Rule {
    return { number: this.#nextNumber++, isActive: true, fired: 0 }
  }

  #fault(rule: Rule): LineFault {
    const lines = this
    return {
      get fired() {
        return rule.fired
      },
      get isActive() {
        return rule.isActive
      },
      remove() {
        if (!rule.isActive) return
        rule.isActive = false
        lines.#blocks = lines.#blocks.filter(other => other !== rule)
        lines.#latencies = lines.#latencies.filter(other => other !== rule)
        lines.#operators = lines.#operators.filter(other => other !== rule)
        for (const lane of [...lines.#busy]) lane.changed()
        for (const socket of [...lines.#sockets]) socket.changed()
      },
    }
  }

  /** The end of the cluster: nothing is held any longer, and connections that only a cut line kept open go. */
  end(): void {
    this.#blocks = []
    this.#latencies = []
    this.#operators = []
    for (const socket of [...this.#sockets]) socket.abandoned()
  }

  // ─── What lanes and sockets ask ──────────────────────────────────────────────────────────────────────────────────

  isBlocked(from: string, to: string): boolean {
    return this.#blocks.some(({ blocks }) => blocks(from, to))
  }

  operatorsOf({ from, to }: LineConnection): readonly OperatorsRule[] {
    return this.#operators.filter(rule => fits(rule.from, from) && fits(rule.to, to))
  }

  /** Whether any fault that stands has to do with what goes there. */
  concerns({ from, to, connection }: Lane): boolean {
    return (
      this.isBlocked(from, to) ||
      this.#latencies.some(({ slows }) => slows(from, to)) ||
      (this.#operators.length > 0 && this.operatorsOf(connection).length > 0)
    )
  }

  /** How long what goes there takes at most. */
  latencyMs({ from, to }: Lane): number {
    return this.#latencies
      .filter(({ slows }) => slows(from, to))
      .reduce((sum, { ms, jitterMs }) => sum + ms + jitterMs, 0)
  }

  /** Something is sent there: the faults that it meets count it. Answers how much later it arrives, ms. */
  bite({ from, to }: Lane): number {
    for (const rule of this.#blocks) if (rule.blocks(from, to)) rule.fired++
    let laterMs = 0
    for (const rule of this.#latencies) {
      if (!rule.slows(from, to)) continue
      rule.fired++
      laterMs += rule.ms
      if (rule.jitterMs > 0)
        laterMs += Math.floor(this.#platform.random.next() * (rule.jitterMs + 1))
    }
    return laterMs
  }

  busy(lane: Lane): void {
    this.#busy.add(lane)
  }

  idle(lane: Lane): void {
    this.#busy.delete(lane)
  }

  introduced(connection: LineConnection, clientId: string): void {
    connection.from = `client/${clientId}`
  }

  joined(socket: LineSocket): void {
    this.#sockets.add(socket)
  }

  opened(socket: LineSocket, local: Address, connection: LineConnection): void {
    this.#sockets.add(socket)
    if (local.port !== 0) this.#connections.set(keyOf(local), connection)
  }

  /** @param local where it was opened from, at the end that opened it */
  closed(
    socket: LineSocket,
    local: Address | undefined,
    connection: LineConnection | undefined,
  ): void {
    this.#sockets.delete(socket)
    if (local === undefined || this.#connections.get(keyOf(local)) !== connection) return
    this.#connections.delete(keyOf(local))
  }

  /** The connection that was opened from there, where a node of ours opened it. */
  connectionFrom(remote: Address): LineConnection | undefined {
    return this.#connections.get(keyOf(remote))
  }

  #network(node: string, base: Network): Network {
    return {
      listen: (address, events) => {
        const listener = base.listen(address, {
          bound: at => {
            this.#listeners.set(keyOf(at), node)
            this.#ports.set(at.port, node)
            events.bound(at)
          },
          failed: error => events.failed(error),
          accepted: socket => LineSocket.accept(this, node, socket, own => events.accepted(own)),
        })
        return listener
      },
      connect: (address, events) => {
        const key = keyOf(address)
        const stranger = this.#strangers.get(key)
        const to = stranger ?? this.#listeners.get(key) ?? this.#ports.get(address.port)
        const isInside = stranger === undefined && to !== undefined
        const connection = new LineConnection(node, to ?? key, isInside)
        return LineSocket.connect(this, connection, { base, address, events, connectTimeoutMs })
      },
    }
  }
}
