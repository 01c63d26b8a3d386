import type { Observable } from 'rxjs'
import type { Clock } from '../src/ports.ts'
import { Channel } from './channel.ts'

/**
 * What a line of the trace tells of:
 * - `fact`: an actor was told something; `command`: it told its performers to do something;
 *   `state`: it is in another state (`detail` has `from` and `to`);
 * - `message`: a request or answer crossed a link (`detail` has `from`, `to`, `direction`);
 * - `znode`: ZooKeeper applied a change to one znode (`type` is created, changed or deleted);
 * - `context`: its context changed and its state did not, where the cluster was started with `contexts` (`detail` as below);
 * - `node`: a node was started, killed, paused …; `actor`: an actor started, stopped or failed;
 * - `sample`: something that no event tells (`detail` has it), looked up now and then while somebody watches;
 * - `note`: something worth a line that is none of these (a consumer's assignment, a log message).
 */
export type TraceKind =
  | 'fact'
  | 'command'
  | 'state'
  | 'context'
  | 'message'
  | 'znode'
  | 'node'
  | 'actor'
  | 'sample'
  | 'note'

/** What a `state` or `context` line says of the actor's inside, where the cluster was started with `contexts`. */
export interface ContextChange {
  /** Keys of the context that have another value, with that value; one that is gone has none (null). All of them at the start. */
  readonly changed?: Readonly<Record<string, unknown>>
  /** Its timers that run, whenever they are others than before: the event of each (`xstate.after.lagTime.x.y`), and when it is due. */
  readonly timers?: readonly { readonly event: string; readonly dueAtMs: number }[]
}

/** One line of the story. Plain JSON: tests, timeline, tools and page all read this one form. */
export interface TraceEntry {
  /** Counts from 1 in one cluster. */
  readonly seq: number
  /** Milliseconds since 1970 on the cluster's timeline. */
  readonly atMs: number
  /** Where: `broker-1/partition/orders-0`, `zookeeper/session/0x1…`, `client/consumer-1`. */
  readonly path: string
  readonly kind: TraceKind
  readonly type: string
  /** The line that led to this one; null where the outside world did, or where it is not known. */
  readonly cause: number | null
  readonly detail: Readonly<Record<string, unknown>>
}

/** Messages under way whose cause is kept; more are forgotten, oldest first. */
const sentMax = 10_000

/** The cluster's story: a bounded ring of lines, and all new ones as an Observable. */
export class Trace {
  readonly #clock: Clock
  readonly #ring: TraceEntry[] = []
  readonly #ringMax: number
  readonly #entries = new Channel<TraceEntry>()
  #next = 0
  #seq = 0
  #cause: number | null = null
  readonly #sent = new Map<string, number>()

  /** @param ringMax lines kept for those who look later. */
  constructor(clock: Clock, ringMax = 20_000) {
    this.#clock = clock
    this.#ringMax = ringMax
  }

  /** Every line from now on. */
  get entries(): Observable<TraceEntry> {
    return this.#entries.asObservable()
  }

  /** The lines still kept, oldest first. */
  get kept(): readonly TraceEntry[] {
    return [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)]
  }

  /** The line on whose behalf code runs just now. */
  get cause(): number | null {
    return this.#cause
  }

  /** Adds a line; its number is the cause to give to what follows from it. */
  record(
    kind: TraceKind,
    path: string,
    type: string,
    detail: Readonly<Record<string, unknown>> = {},
  ): number {
    const seq = ++this.#seq
    const entry = { seq, atMs: this.#clock.now(), path, kind, type, cause: this.#cause, detail }
    if (this.#ring.length < this.#ringMax) this.#ring.push(entry)
    else {
      this.#ring[this.#next] = entry
      this.#next = (this.#next + 1) % this.#ringMax
    }
    if (this.#entries.observed) this.#entries.next(entry)
    return seq
  }

  /**
   * Remembers which line sent a message, under a key both ends can make: `127.0.0.1:51234>127.0.0.1:9092#17`. That is
   * how causes cross links, TCP included, as long as both ends are of this cluster.
   */
  sent(key: string, seq: number): void {
    if (this.#sent.size >= sentMax) this.#sent.delete(this.#sent.keys().next().value as string)
    this.#sent.set(key, seq)
  }

  /** The line that sent a message; null where the sender is not of this cluster. Answers once. */
  received(key: string): number | null {
    const seq = this.#sent.get(key)
    if (seq === undefined) return null
    this.#sent.delete(key)
    return seq
  }

  /** Runs something on behalf of a line: what it records carries that line as its cause. */
  because<T>(cause: number | null, run: () => T): T {
    const before = this.#cause
    this.#cause = cause
    try {
      return run()
    } finally {
      this.#cause = before
    }
  }
}
