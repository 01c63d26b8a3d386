import { Subject } from 'rxjs'

/**
 * A Subject that never delivers re-entrantly: what is sent while it delivers waits until every subscriber has
 * seen what came before. A raw Subject delivers depth-first, so that a second subscriber sees an answer
 * before its question; `observeOn(queueScheduler)` does not cure that.
 *
 * This file alone may write `new Subject`. Outside code gets `Observable`s.
 */
export class Channel<T> extends Subject<T> {
  readonly #queue: T[] = []
  #draining = false

  override next(value: T): void {
    this.#queue.push(value)
    if (this.#draining) return
    this.#draining = true
    try {
      while (this.#queue.length > 0) super.next(this.#queue.shift() as T)
    } finally {
      // A subscriber that threw must not leave older values to be delivered behind newer ones.
      this.#queue.length = 0
      this.#draining = false
    }
  }
}
