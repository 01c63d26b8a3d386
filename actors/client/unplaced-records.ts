import { ExpiryQueue } from '../../src/expiry-queue.ts'
import type { Clock } from '../../src/ports.ts'
import type { PendingRecord } from './record-accumulator.ts'

/** A record whose partition is not known yet. */
export interface Unplaced extends PendingRecord {
  readonly topic: string
  /** Undefined: it is still to be chosen. */
  readonly partition: number | undefined
}

/** Deadlines are kept this exactly, ms. */
const deadlineTickMs = 50

/** Records that wait for their topic's metadata, in order, as long as they may. */
export class UnplacedRecords {
  readonly #byTopic = new Map<string, Unplaced[]>()
  readonly #maxBlockMs: number
  readonly #deadlines: ExpiryQueue<Unplaced>

  /**
   * @param maxBlockMs how long a record may wait
   * @param expired hears of each that waited in vain; it is forgotten by then
   */
  constructor(clock: Clock, maxBlockMs: number, expired: (unplaced: Unplaced) => void) {
    this.#maxBlockMs = maxBlockMs
    this.#deadlines = new ExpiryQueue(clock, deadlineTickMs, late => {
      for (const unplaced of late) {
        const left = this.#byTopic.get(unplaced.topic)?.filter(other => other !== unplaced) ?? []
        this.#keep(unplaced.topic, left)
        expired(unplaced)
      }
    })
  }

  has(topic: string): boolean {
    return this.#byTopic.has(topic)
  }

  add(unplaced: Unplaced): void {
    const waiting = this.#byTopic.get(unplaced.topic)
    if (waiting === undefined) this.#byTopic.set(unplaced.topic, [unplaced])
    else waiting.push(unplaced)
    this.#deadlines.touch(unplaced, this.#maxBlockMs)
  }

  /** Tries each in order; those for which `place` answers true are forgotten. False: some are left. */
  placeAll(place: (unplaced: Unplaced) => boolean): boolean {
    for (const [topic, waiting] of [...this.#byTopic]) {
      this.#byTopic.delete(topic)
      const left = waiting.filter(unplaced => {
        const isPlaced = place(unplaced)
        if (isPlaced) this.#deadlines.remove(unplaced)
        return !isPlaced
      })
      // Whoever heard of a refusal may have sent another one meanwhile.
      this.#keep(topic, [...left, ...(this.#byTopic.get(topic) ?? [])])
    }
    return this.#byTopic.size === 0
  }

  /** Forgets all, and answers them. */
  clear(): Unplaced[] {
    const all = [...this.#byTopic.values()].flat()
    this.#byTopic.clear()
    this.#deadlines.stop()
    return all
  }

  #keep(topic: string, left: Unplaced[]): void {
    if (left.length === 0) this.#byTopic.delete(topic)
    else this.#byTopic.set(topic, left)
  }
}
