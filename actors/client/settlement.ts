import { Observable, type Subscriber } from 'rxjs'

type Outcome<T> = { readonly value: T } | { readonly error: unknown }

/** An answer that will be known once, told to whoever subscribes, before or after. */
export class Settlement<T> {
  #outcome: Outcome<T> | undefined
  #subscribers: Subscriber<T>[] | undefined

  get observable(): Observable<T> {
    return new Observable<T>(subscriber => {
      if (this.#outcome !== undefined) tell(subscriber, this.#outcome)
      else if (this.#subscribers === undefined) this.#subscribers = [subscriber]
      else this.#subscribers.push(subscriber)
    })
  }

  get isSettled(): boolean {
    return this.#outcome !== undefined
  }

  succeed(value: T): void {
    this.#settle({ value })
  }

  fail(error: unknown): void {
    this.#settle({ error })
  }

  #settle(outcome: Outcome<T>): void {
    if (this.#outcome !== undefined) return
    this.#outcome = outcome
    const subscribers = this.#subscribers
    this.#subscribers = undefined
    for (const subscriber of subscribers ?? []) tell(subscriber, outcome)
  }
}

function tell<T>(subscriber: Subscriber<T>, outcome: Outcome<T>): void {
  if ('error' in outcome) {
    subscriber.error(outcome.error)
    return
  }
  subscriber.next(outcome.value)
  subscriber.complete()
}
