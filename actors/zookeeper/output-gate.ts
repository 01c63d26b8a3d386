import type { Outbox } from './outbox.ts'

/** Where transactions are kept, as the gate sees it. */
export interface Flushing {
  /** Something was appended that was not flushed yet. */
  readonly isDirty: boolean
  /** Makes all that was appended so far survive; `done` hears at once or on a later turn. */
  flush(done: (error: Error | null) => void): void
}

/**
 * Holds back what goes out until all it may tell of is safe: whoever hears of a transaction, by an answer, a read or an event, must
 * never see it undone. One flush serves everything that came about before it began; what comes about meanwhile waits for
 * the next (SyncRequestProcessor). Without a log nothing waits.
 */
export class OutputGate {
  readonly #log: Flushing | null
  readonly #failed: (error: Error) => void
  #waiting = new Set<Outbox>()
  #flushing = false
  /** Writing lets more requests in, and what they bring about must not overtake what is being written. */
  #writing = false

  /**
   * @param failed the log could not be flushed: nothing more may be answered
   */
  constructor(log: Flushing | null, failed: (error: Error) => void) {
    this.#log = log
    this.#failed = failed
  }

  /** Something waits in this outbox. */
  add(outbox: Outbox): void {
    this.#waiting.add(outbox)
  }

  /** Lets out what may go, at the end of a turn. */
  release(): void {
    while (!this.#flushing && !this.#writing) {
      const isDirty = this.#log?.isDirty ?? false
      if (this.#waiting.size === 0 && !isDirty) return
      const parcels = [...this.#waiting].map(outbox => ({ outbox, parcel: outbox.take() }))
      this.#waiting.clear()
      const write = (): void => {
        this.#writing = true
        try {
          for (const { outbox, parcel } of parcels) outbox.write(parcel)
        } finally {
          this.#writing = false
        }
      }
      if (this.#log === null || !isDirty) {
        write()
        continue
      }
      this.#flushing = true
      let isLater = false
      this.#log.flush(error => {
        if (error !== null) {
          // Flushing stays as it is: nothing leaves any more.
          this.#failed(error)
          return
        }
        this.#flushing = false
        write()
        if (isLater) this.release()
      })
      isLater = true
    }
  }
}
