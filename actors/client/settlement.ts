import { Observable, type Subscriber } from 'rxjs'

/** An answer that will be known once, told to whoever subscribes, before or after. */
export class Settlement<T> {
  #outcome: { readonly value: T } | { readonly error: unknown } | undefined
  #subscribers: Subscriber<T>[] = []

  readonly observable = new Observable<T>(subscriber => {
    if (this.#outcome === undefined) this.#subscribers.push(subscriber)
    else tell(subscriber, this.#outcome)
  })

  get isSettled(): boolean {
    return this.#outcome !== undefined
  }

  succeed(value: T): void {
    this.#settle({ value })
  }

  fail(error: unknown): void {
    this.#settle({ error })
  }

  #settle(outcome: { readonly value: T } | { readonly error: unknown }): void {
    if (this.#outcome !== undefined) return
    this.#outcome = outcome
    const subscribers = this.#subscribers
    this.#subscribers = []
    for (const subscriber of subscribers) tell(subscriber, outcome)
  }
}

function tell<T>(
  subscriber: Subscriber<T>,
  outcome: { readonly value: T } | { readonly error: unknown },
): void {
  if ('error' in outcome) {
    subscriber.error(outcome.error)
    return
  }
  subscriber.next(outcome.value)
  subscriber.complete()
}
