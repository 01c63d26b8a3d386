import type { Clock, Timer } from '../ports.ts'
import { Timeline } from '../timeline.ts'

/** One turn of the event loop: every promise that is settled has been reacted to. */
const turn: () => Promise<void> =
  typeof setImmediate === 'function'
    ? () => new Promise(resolve => setImmediate(resolve))
    : () => new Promise(resolve => setTimeout(resolve, 0))

/**
 * Time that jumps from one timer to the next and costs none. It moves only while somebody waits (`waiting`,
 * `advance`), with a turn of the event loop between two timers, so that a program which does nothing but await the
 * cluster is as repeatable as the cluster.
 */
export class SteppingClock implements Clock {
  readonly #timeline: Timeline
  #waiters = 0
  #running = false

  /** @param startAtMs milliseconds since 1970 at which the story begins. */
  constructor(startAtMs: number) {
    this.#timeline = new Timeline(startAtMs)
  }

  now(): number {
    return this.#timeline.nowMs
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    return this.#timeline.add(callback, this.now() + Math.max(0, delayMs))
  }

  clearTimeout(timer: Timer | undefined): void {
    this.#timeline.cancel(timer)
  }

  /** Lets time pass until the promise is settled; answers as it does. */
  async waiting<T>(promise: Promise<T>): Promise<T> {
    this.#waiters++
    if (!this.#running) void this.#run()
    try {
      return await promise
    } finally {
      this.#waiters--
    }
  }

  /** Lets this much time pass. */
  advance(durationMs: number): Promise<void> {
    return this.waiting(new Promise(resolve => this.setTimeout(resolve, durationMs)))
  }

  /**
   * Lets this much time pass in one go, without a turn of the event loop between two timers: some ten times as fast, for those
   * who hear of everything by callbacks and await nothing meanwhile.
   */
  pass(durationMs: number): void {
    this.#timeline.runUntil(this.#timeline.nowMs + durationMs)
  }

  async #run(): Promise<void> {
    this.#running = true
    try {
      while (this.#waiters > 0) {
        await turn()
        if (this.#waiters === 0) break
        // Nothing armed: only the waiting code itself can go on; it gets its turns.
        this.#timeline.runNext()
      }
    } finally {
      this.#running = false
    }
  }
}
