import { Observable } from 'rxjs'
import type { Clock, Timer } from '../../src/ports.ts'

interface Waiting {
  readonly keys: readonly string[]
  attempt(): boolean
}

/** The key of a partition in the purgatory. */
export const partitionKey = (topic: string, partition: number): string => `${topic}-${partition}`

/**
 * Requests that wait for something of a partition, a group or the metadata to change: DelayedProduce, DelayedFetch,
 * DelayedCreatePartitions. A queue entry each, not an actor.
 */
export class Purgatory {
  readonly #clock: Clock
  readonly #watchers = new Map<string, Set<Waiting>>()
  /** Keys that changed while {@link together} runs; undefined while it does not. */
  #changed: Set<string> | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Requests that wait under a key. */
  waiting(key: string): number {
    return this.#watchers.get(key)?.size ?? 0
  }

  /**
   * Emits once: what `attempt` answers as soon as that is not undefined (tried at once, then on every `advance` of one of the
   * keys), or what `expired` answers when the time is over. Unsubscribing forgets it.
   *
   * @param timeoutMs milliseconds on the node's clock.
   */
  wait<T>(
    keys: readonly string[],
    timeoutMs: number,
    attempt: () => T | undefined,
    expired: () => T,
  ): Observable<T> {
    return new Observable<T>(subscriber => {
      let timer: Timer | undefined
      const forget = (): void => {
        this.#clock.clearTimeout(timer)
        for (const key of keys) {
          const watchers = this.#watchers.get(key)
          if (watchers?.delete(waiting) && watchers.size === 0) this.#watchers.delete(key)
        }
      }
      const finish = (value: T): void => {
        forget()
        subscriber.next(value)
        subscriber.complete()
      }
      const waiting: Waiting = {
        keys,
        attempt: () => {
          const value = attempt()
          if (value === undefined) return false
          finish(value)
          return true
        },
      }
      if (waiting.attempt()) return undefined
      for (const key of keys) {
        const watchers = this.#watchers.get(key)
        if (watchers === undefined) this.#watchers.set(key, new Set([waiting]))
        else watchers.add(waiting)
      }
      timer = this.#clock.setTimeout(() => finish(expired()), timeoutMs)
      return forget
    })
  }

  /**
   * Does several things of one request; whoever waits for them looks once, when all are done, and so is answered with all of it: a
   * follower has every partition of a produce in one fetch (Kafka's ActionQueue).
   */
  together<T>(work: () => T): T {
    if (this.#changed !== undefined) return work()
    this.#changed = new Set()
    try {
      return work()
    } finally {
      const changed = this.#changed
      this.#changed = undefined
      const woken = new Set<Waiting>()
      for (const key of changed)
        for (const waiting of this.#watchers.get(key) ?? []) woken.add(waiting)
      for (const waiting of woken) this.#look(waiting)
    }
  }

  /** Something under this key changed: whoever waits for it looks again, in the order of their coming. */
  advance(key: string): void {
    if (this.#changed !== undefined) {
      this.#changed.add(key)
      return
    }
    for (const waiting of [...(this.#watchers.get(key) ?? [])]) this.#look(waiting)
  }

  /** Unless it was answered meanwhile. */
  #look(waiting: Waiting): void {
    if (waiting.keys.some(key => this.#watchers.get(key)?.has(waiting))) waiting.attempt()
  }
}
