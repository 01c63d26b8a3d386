import type { Clock, Timer } from '../../src/ports.ts'

/** What is asked one by one within a turn, handed on together at its end: one request instead of many. */
export class Gathering<T> {
  readonly #clock: Clock
  readonly #handOn: (items: readonly T[]) => void
  #items: T[] = []
  #timer: Timer | undefined

  constructor(clock: Clock, handOn: (items: readonly T[]) => void) {
    this.#clock = clock
    this.#handOn = handOn
  }

  add(item: T): void {
    this.#items.push(item)
    this.#timer ??= this.#clock.setTimeout(() => {
      this.#timer = undefined
      const items = this.#items
      this.#items = []
      this.#handOn(items)
    }, 0)
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer)
    this.#items = []
  }
}
