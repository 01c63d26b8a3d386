import type { Timer } from '../src/ports.ts'
import { clientIdIn, FrameCursor, FrameNames, type LinkFrame } from './line-frames.ts'
import { OperatorChain } from './line-operators.ts'
import type { Lines, OperatorsRule } from './lines.ts'

/** Between whom a connection is. */
export class LineConnection {
  /** Who opened it. Of a client from outside, `client/unknown` until its first request has said its `client.id`. */
  from: string
  readonly to: string
  /** Both ends are nodes of this cluster: each then looks after what it sends. */
  readonly isInside: boolean
  readonly names = new FrameNames()

  constructor(from: string, to: string, isInside: boolean) {
    this.from = from
    this.to = to
    this.isInside = isInside
  }

  get protocol(): 'kafka' | 'zookeeper' {
    return this.to === 'zookeeper' ? 'zookeeper' : 'kafka'
  }
}

/** What travels: bytes, the end of the stream, the end of the connection. */
export type Cargo = readonly Uint8Array[] | 'end' | 'close'

interface Item {
  cargo: Cargo
  readonly bytes: number
  readonly atMs: number
  dueAtMs: number
  /** Where a frame stands that operators have in hand. */
  frame: LinkFrame | undefined
  stage: OperatorsRule | undefined
}

const prefixed = (frame: Uint8Array): readonly Uint8Array[] => {
  const length = new Uint8Array(4)
  new DataView(length.buffer).setInt32(0, frame.length)
  return [length, frame]
}

/**
 * One direction of one connection, at the end where it is looked after. Where no fault concerns it, what comes goes on at
 * once. Else it queues: what leaves, leaves in order.
 */
export class Lane {
  readonly connection: LineConnection
  readonly direction: 'request' | 'response'
  queuedBytes = 0
  readonly #lines: Lines
  readonly #deliver: (cargo: Cargo) => void
  readonly #reset: () => void
  readonly #cursor = new FrameCursor()
  /** The first bytes of a client from outside, until they have said its name. */
  #introduction: Uint8Array | undefined
  #isPaused = false
  #isOver = false
  #queue: Item[] = []
  #timer: Timer | undefined
  #isPumping = false
  readonly #chains = new Map<OperatorsRule, OperatorChain>()
  readonly #inHand = new Map<LinkFrame, Item>()

  /** @param reset ends the connection on both sides: a frame was lost. */
  constructor(
    lines: Lines,
    connection: LineConnection,
    direction: 'request' | 'response',
    deliver: (cargo: Cargo) => void,
    reset: () => void,
  ) {
    this.#lines = lines
    this.connection = connection
    this.direction = direction
    this.#deliver = deliver
    this.#reset = reset
    if (direction === 'request' && !connection.isInside && connection.protocol === 'kafka')
      this.#introduction = new Uint8Array(0)
  }

  get from(): string {
    return this.direction === 'request' ? this.connection.from : this.connection.to
  }

  get to(): string {
    return this.direction === 'request' ? this.connection.to : this.connection.from
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0
  }

  get isBlocked(): boolean {
    return this.#lines.isBlocked(this.from, this.to)
  }

  push(cargo: Cargo): void {
    if (this.#isOver) return
    if (typeof cargo !== 'string' && this.#introduction !== undefined) this.#introduce(cargo)
    const concerned = this.#lines.concerns(this)
    if (!concerned && this.isEmpty && !this.#cursor.isMidFrame && !this.#isPaused) {
      if (typeof cargo !== 'string') for (const chunk of cargo) this.#cursor.pass(chunk)
      this.#deliver(cargo)
      return
    }
    if (typeof cargo === 'string') this.#enqueue(cargo, 0)
    else {
      const operators = this.#operators()
      if (operators.length > 0 || this.#cursor.isMidFrame)
        for (const chunk of cargo) this.#split(chunk, operators[0])
      else {
        let bytes = 0
        for (const chunk of cargo) {
          this.#cursor.pass(chunk)
          bytes += chunk.length
        }
        this.#enqueue(cargo, bytes)
      }
    }
    this.pump()
  }

  /** The reader does not read: nothing more is handed to it. */
  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.pump()
  }

  /** The faults that stand have changed. */
  changed(): void {
    for (const [rule, chain] of [...this.#chains])
      if (!rule.isActive) {
        chain.end()
        this.#chains.delete(rule)
        for (const item of [...this.#inHand.values()])
          if (item.stage === rule) this.#advance(item, rule)
      }
    for (const item of this.#queue)
      item.dueAtMs = Math.min(item.dueAtMs, item.atMs + this.#lines.latencyMs(this))
    this.pump()
  }

  /** The connection is over: what is under way is lost. */
  clear(): void {
    this.#isOver = true
    this.#lines.clock.clearTimeout(this.#timer)
    this.#timer = undefined
    for (const chain of this.#chains.values()) chain.end()
    this.#chains.clear()
    this.#inHand.clear()
    this.#queue = []
    this.queuedBytes = 0
    this.#lines.idle(this)
  }

  /** Its owner is gone: what is under way arrives all the same, as the kernel of a dead process would have it, and then the end. */
  abandon(): void {
    this.#enqueue('close', 0)
    this.pump()
  }

  #operators(): readonly OperatorsRule[] {
    return this.#lines.operatorsOf(this.connection)
  }

  #introduce(cargo: readonly Uint8Array[]): void {
    const chunks = [this.#introduction ?? new Uint8Array(0), ...cargo]
    const bytes = new Uint8Array(
      Math.min(
        introductionBytesMax,
        chunks.reduce((n, c) => n + c.length, 0),
      ),
    )
    let at = 0
    for (const chunk of chunks) {
      bytes.set(chunk.subarray(0, bytes.length - at), at)
      at = Math.min(bytes.length, at + chunk.length)
    }
    const clientId = clientIdIn(bytes)
    this.#introduction =
      clientId === null && bytes.length < introductionBytesMax ? bytes : undefined
    if (clientId !== null) this.#lines.introduced(this.connection, clientId)
  }

  #split(chunk: Uint8Array, first: OperatorsRule | undefined): void {
    const { raw, frames } = this.#cursor.split(chunk)
    if (raw !== null) this.#enqueue([raw], raw.length)
    for (const bytes of frames) {
      if (this.#isOver) return
      const { connection, direction } = this
      const { from, to, protocol, names } = connection
      const known = names.read(protocol, direction, bytes, this.#cursor.begun++)
      const frame: LinkFrame = { from, to, direction, ...known, frame: bytes }
      const item = this.#enqueue(prefixed(bytes), bytes.length + 4)
      item.frame = frame
      this.#inHand.set(frame, item)
      if (first === undefined) this.#out(item)
      else this.#hand(item, frame, first)
    }
  }

  #enqueue(cargo: Cargo, bytes: number): Item {
    const atMs = this.#lines.clock.now()
    const dueAtMs = atMs + (cargo === 'close' ? 0 : this.#lines.bite(this))
    const item: Item = { cargo, bytes, atMs, dueAtMs, frame: undefined, stage: undefined }
    this.queuedBytes += bytes
    this.#queue.push(item)
    this.#lines.busy(this)
    return item
  }

  #hand(item: Item, frame: LinkFrame, rule: OperatorsRule): void {
    item.stage = rule
    let chain = this.#chains.get(rule)
    if (chain === undefined) {
      chain = new OperatorChain(rule.operators, this.#lines.clock, {
        emitted: out => this.#emitted(out, rule),
        settled: () => this.#settled(rule),
      })
      this.#chains.set(rule, chain)
    }
    chain.push(frame)
    // Not at once, so it was delayed at least.
    if (item.stage === rule && this.#queue.includes(item)) rule.bit()
  }

  #emitted(out: LinkFrame, rule: OperatorsRule): void {
    const item = this.#itemOf(out, rule)
    // Emitted twice, or made up: a connection carries each frame once.
    if (item === undefined) return
    if (out.frame !== item.frame?.frame) {
      item.cargo = prefixed(out.frame)
      rule.bit()
    }
    this.#inHand.delete(item.frame as LinkFrame)
    item.frame = out
    this.#inHand.set(out, item)
    this.#advance(item, rule)
    this.pump()
  }

  /** The frame itself, or a copy of it with other bytes: same direction, same number. */
  #itemOf(out: LinkFrame, rule: OperatorsRule): Item | undefined {
    const same = this.#inHand.get(out)
    if (same !== undefined) return same.stage === rule ? same : undefined
    for (const [frame, item] of this.#inHand)
      if (item.stage === rule && frame.correlationId === out.correlationId && frame.api === out.api)
        return item
    return undefined
  }

  /** On to the next operators, or out. */
  #advance(item: Item, from: OperatorsRule): void {
    const operators = this.#operators()
    const next = operators.find(rule => rule.number > from.number)
    if (next === undefined) this.#out(item)
    else this.#hand(item, item.frame as LinkFrame, next)
  }

  #out(item: Item): void {
    this.#inHand.delete(item.frame as LinkFrame)
    item.stage = undefined
  }

  #settled(rule: OperatorsRule): void {
    const lost = this.#queue.find(item => item.stage === rule)
    if (lost?.frame === undefined || !rule.isActive) return
    rule.lost(this, lost.frame)
    this.#reset()
  }

  pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    try {
      this.#lines.clock.clearTimeout(this.#timer)
      this.#timer = undefined
      while (true) {
        const head = this.#queue[0]
        if (head === undefined) {
          this.#lines.idle(this)
          return
        }
        if (head.stage !== undefined || this.#isPaused || this.isBlocked) return
        const waitMs = head.dueAtMs - this.#lines.clock.now()
        if (waitMs > 0) {
          this.#timer = this.#lines.clock.setTimeout(() => this.pump(), waitMs)
          return
        }
        this.#queue.shift()
        this.queuedBytes -= head.bytes
        this.#deliver(head.cargo)
      }
    } finally {
      this.#isPumping = false
    }
  }
}

/** A request's header up to the client id, which may have 32,767 bytes. */
const introductionBytesMax = 4 + 8 + 2 + 32_767
