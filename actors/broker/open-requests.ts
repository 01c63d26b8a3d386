import { Observable, type Subscriber } from 'rxjs'

/**
 * Requests that wait for a chart's answer: the chart knows their numbers, this table who waits. One that was given up (its
 * connection is gone) is answered into the void.
 */
export class OpenRequests<A> {
  readonly #nextNumber: () => number
  readonly #open = new Map<number, Subscriber<A>>()

  constructor(nextNumber: () => number) {
    this.#nextNumber = nextNumber
  }

  get size(): number {
    return this.#open.size
  }

  /** Emits the answer once. `tell` is told the request's number, on subscription. */
  ask(tell: (request: number) => void): Observable<A> {
    return new Observable(subscriber => {
      const request = this.#nextNumber()
      this.#open.set(request, subscriber)
      subscriber.add(() => this.#open.delete(request))
      tell(request)
    })
  }

  answer(request: number, answer: A): void {
    const subscriber = this.#open.get(request)
    if (subscriber === undefined) return
    this.#open.delete(request)
    subscriber.next(answer)
    subscriber.complete()
  }
}
