import { Observable } from 'rxjs'
import { ExpiryQueue } from '../../src/expiry-queue.ts'
import type { Clock, Timer } from '../../src/ports.ts'
import { Channel } from '../channel.ts'
import type { CompleteConsumerConfig, ConsumedBatch } from './consumer-config.ts'
import type { PartitionReader } from './partition-reader.ts'

/** What follows from what the application does, or does not do. */
export interface DeliveryOwner {
  /** All that could be given was: more may be fetched. */
  delivered(): void
  acknowledged(): void
  /** A batch has been unacknowledged for `maxPollIntervalMs`. */
  stalled(): void
  /** The batches over which it stalled are dealt with. */
  resumed(): void
}

/** Stalls are noticed this exactly, ms. */
const stallTickMs = 100

/**
 * Batches on their way to the application, and back as acknowledgements. Nothing is given while nobody subscribes; a partition is given no
 * more while too much of it is unacknowledged.
 */
export class Delivery {
  readonly #clock: Clock
  readonly #config: CompleteConsumerConfig
  readonly #readers: ReadonlyMap<string, PartitionReader>
  readonly #owner: DeliveryOwner
  readonly #batches = new Channel<ConsumedBatch>()
  /** Who has which batch that is not acknowledged. */
  readonly #unacknowledged = new Map<number, PartitionReader>()
  readonly #stalls: ExpiryQueue<number>
  /** Batches over which the application stalled, until it is done with them. */
  readonly #stalled = new Set<number>()
  #lastBatch = 0
  #timer: Timer | undefined
  #isOver = false

  constructor(
    clock: Clock,
    config: CompleteConsumerConfig,
    readers: ReadonlyMap<string, PartitionReader>,
    owner: DeliveryOwner,
  ) {
    this.#clock = clock
    this.#config = config
    this.#readers = readers
    this.#owner = owner
    this.#stalls = new ExpiryQueue(clock, stallTickMs, batches => this.#stall(batches))
  }

  readonly batches = new Observable<ConsumedBatch>(subscriber => {
    const subscription = this.#batches.subscribe(subscriber)
    this.soon()
    return subscription
  })

  /** Whether the application has something of this partition. */
  isBusy(reader: PartitionReader): boolean {
    for (const owner of this.#unacknowledged.values()) if (owner === reader) return true
    return false
  }

  /** What the application has of this partition need not be acknowledged any more. */
  forget(reader: PartitionReader): void {
    for (const [batch, owner] of this.#unacknowledged)
      if (owner === reader) {
        this.#unacknowledged.delete(batch)
        this.#stalls.remove(batch)
      }
  }

  /** Looks at the end of this turn what may be given. */
  soon(): void {
    if (!this.#isOver) this.#timer ??= this.#clock.setTimeout(() => this.#deliverAll(), 0)
  }

  stop(): void {
    this.#isOver = true
    this.#clock.clearTimeout(this.#timer)
    this.#stalls.stop()
    this.#batches.complete()
  }

  /** In turn over the partitions, so that none waits for another's whole backlog. */
  #deliverAll(): void {
    this.#timer = undefined
    if (!this.#batches.observed) return
    for (let given = true; given; ) {
      given = false
      for (const reader of [...this.#readers.values()]) given = this.#deliver(reader) || given
    }
    this.#owner.delivered()
  }

  #deliver(reader: PartitionReader): boolean {
    const batch = this.#lastBatch + 1
    const records = reader.take(batch, this.#config)
    if (records.length === 0) return false
    this.#lastBatch = batch
    this.#unacknowledged.set(batch, reader)
    if (this.#config.groupId !== undefined)
      this.#stalls.touch(batch, this.#config.maxPollIntervalMs)
    const { topic, partition, highWatermark } = reader
    const ack = (): void => this.#acknowledge(batch)
    this.#batches.next({ topic, partition, records, highWatermark, ack })
    return true
  }

  #acknowledge(batch: number): void {
    const reader = this.#unacknowledged.get(batch)
    if (this.#stalled.delete(batch) && this.#stalled.size === 0) this.#owner.resumed()
    if (reader === undefined) return
    this.#unacknowledged.delete(batch)
    this.#stalls.remove(batch)
    reader.send({ type: 'batch.acknowledged', batch })
    this.#owner.acknowledged()
  }

  #stall(batches: readonly number[]): void {
    for (const batch of batches) if (this.#unacknowledged.has(batch)) this.#stalled.add(batch)
    if (this.#stalled.size > 0) this.#owner.stalled()
  }
}
