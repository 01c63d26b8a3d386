import type { ConsumerHandle } from '../../actors/client-handles.ts'
import { checkHistory, type HistoryCheck } from '../../src/history/anomalies.ts'
import type { Guarantees, Operation } from '../../src/history/operation.ts'
import { printPartition, type TopicPartition } from '../../src/ids.ts'

/** What clients of any make sent, were told and read, for the history checker. Values are numbers, each sent once. */
export class Ledger {
  readonly history: Operation[] = []
  readonly #guarantees = new Map<string, Guarantees>()
  readonly #groups = new Map<string, string>()
  #value = 0
  /** Acknowledged so far. */
  acknowledged = 0
  /** Why sends were given up, and how often. */
  readonly refusals = new Map<string, number>()

  /** @param promised what the sends of this process are promised; acks=all is. */
  sender(process: string, promised: Omit<Guarantees, 'isDurable'>): void {
    this.#guarantees.set(process, { isDurable: true, ...promised })
  }

  /**
   * Sends one value.
   *
   * @param send resolves with the offset (−1 where it is not told) when it is acknowledged
   * @returns whether it was acknowledged; where not, nobody knows what became of it
   */
  async send(
    process: string,
    at: TopicPartition,
    send: (value: string) => Promise<number>,
  ): Promise<boolean> {
    const key = printPartition(at)
    const value = ++this.#value
    const common = { f: 'send', process, key, value } as const
    this.history.push({ ...common, type: 'invoke', atMs: performance.now() })
    const done = (type: 'ok' | 'info', offset: number): void =>
      void this.history.push({ ...common, type, offset, atMs: performance.now() })
    try {
      done('ok', await send(String(value)))
      this.acknowledged++
      return true
    } catch (error) {
      done('info', -1)
      const why = `${process}: ${error}`
      this.refusals.set(why, (this.refusals.get(why) ?? 0) + 1)
      return false
    }
  }

  /** Notes all that the consumer reads, and commits for its group where it has one. */
  follow(process: string, consumer: ConsumerHandle, groupId?: string): void {
    const decoder = new TextDecoder()
    if (groupId !== undefined) this.#groups.set(process, groupId)
    consumer.events.subscribe(event => {
      const atMs = performance.now()
      if (event.type === 'positioned') {
        const key = printPartition(event.partition)
        this.history.push({ f: 'assign', type: 'ok', process, atMs, key, position: event.offset })
      } else if (event.type === 'committed')
        for (const { offset, ...at } of event.offsets) {
          const key = printPartition(at)
          this.history.push({ f: 'commit', type: 'ok', process, atMs, key, offset })
        }
    })
    consumer.batches.subscribe(batch => {
      this.history.push({
        f: 'poll',
        type: 'ok',
        process,
        atMs: performance.now(),
        key: printPartition(batch),
        offsets: batch.records.map(({ offset }) => offset),
        values: batch.records.map(({ value }) => Number(decoder.decode(value ?? undefined))),
      })
      batch.ack()
    })
  }

  check(): HistoryCheck {
    const none: Guarantees = { isDurable: false, isOnce: false, isOrdered: false }
    return checkHistory(this.history, {
      guarantees: process => this.#guarantees.get(process) ?? none,
      groupOf: process => this.#groups.get(process),
    })
  }
}
