import type { TopicPartition } from '../../src/ids.ts'
import type { NewRecord } from '../../src/records/record.ts'
import type { RecordMetadata } from './producer-config.ts'
import type { Settlement } from './settlement.ts'

/** A record on its way, and who waits for its answer. */
export interface PendingRecord {
  readonly record: NewRecord & { readonly timestamp: number }
  /** About what it takes in a batch. */
  readonly sizeBytes: number
  readonly settlement: Settlement<RecordMetadata>
  /** Its number among the records this producer has taken. */
  readonly taken: number
}

/** Records that travel together; the charts know it by its number. */
export interface PendingBatch extends TopicPartition {
  readonly batch: number
  readonly createdAtMs: number
  readonly records: PendingRecord[]
  sizeBytes: number
  /** It takes no more records. */
  isClosed: boolean
  /** The charts have it. */
  isDrained: boolean
}

/** Varints, attributes and the lengths of key, value and headers. */
const recordOverheadBytes = 21

/** About what a record takes in a batch: an upper bound of DefaultRecord's size. */
export const sizeOf = ({ key, value, headers }: NewRecord): number => {
  let size = recordOverheadBytes + (key?.length ?? 0) + (value?.length ?? 0)
  for (const header of headers ?? [])
    size += 10 + 3 * header.key.length + (header.value?.length ?? 0)
  return size
}

/** Records by partition in batches that fill up until they are sent. After Kafka's RecordAccumulator. */
export class RecordAccumulator {
  readonly #batchSize: number
  readonly #lingerMs: number
  /** Batches that were not handed over, oldest first, by partition. */
  readonly #queues = new Map<string, PendingBatch[]>()
  readonly #batches = new Map<number, PendingBatch>()
  #lastBatch = 0

  /**
   * @param options.batchSize bytes above which a batch is closed
   * @param options.lingerMs how long an open one waits for more
   */
  constructor(options: { readonly batchSize: number; readonly lingerMs: number }) {
    this.#batchSize = options.batchSize
    this.#lingerMs = options.lingerMs
  }

  /** Batches that are not settled, handed over or not. */
  get size(): number {
    return this.#batches.size
  }

  /** Keys of the partitions with batches that were not handed over, in the order of their coming. */
  get waiting(): readonly string[] {
    return [...this.#queues.keys()]
  }

  batch(number: number): PendingBatch | undefined {
    return this.#batches.get(number)
  }

  /** Adds a record to its partition's open batch, or begins a new one; answers the batch, and whether it is new. */
  append(
    key: string,
    { topic, partition }: TopicPartition,
    pending: PendingRecord,
    nowMs: number,
  ): { readonly batch: PendingBatch; readonly isNew: boolean } {
    const queue = this.#queues.get(key) ?? []
    this.#queues.set(key, queue)
    const last = queue.at(-1)
    if (last !== undefined && !last.isClosed) {
      if (last.sizeBytes + pending.sizeBytes <= this.#batchSize) {
        last.records.push(pending)
        last.sizeBytes += pending.sizeBytes
        return { batch: last, isNew: false }
      }
      last.isClosed = true
    }
    const batch = this.#create({ topic, partition }, [pending], nowMs)
    batch.isClosed = batch.sizeBytes >= this.#batchSize
    queue.push(batch)
    return { batch, isNew: true }
  }

  /** When the oldest batch of a partition is to be sent: now or earlier where it waits for nothing. */
  readyAtMs(key: string): number | undefined {
    const [first, second] = this.#queues.get(key) ?? []
    if (first === undefined) return undefined
    return first.isClosed || second !== undefined
      ? first.createdAtMs
      : first.createdAtMs + this.#lingerMs
  }

  /** Takes the oldest batch of a partition to hand it over. */
  drain(key: string): PendingBatch | undefined {
    const queue = this.#queues.get(key)
    const batch = queue?.shift()
    if (queue?.length === 0) this.#queues.delete(key)
    if (batch !== undefined) {
      batch.isClosed = true
      batch.isDrained = true
    }
    return batch
  }

  /** Forgets a batch: it is settled. */
  remove(key: string, { batch }: PendingBatch): void {
    this.#batches.delete(batch)
    const left = this.#queues.get(key)?.filter(other => other.batch !== batch)
    if (left?.length === 0) this.#queues.delete(key)
    else if (left !== undefined) this.#queues.set(key, left)
  }

  /** Two batches of half the records each, in place of one that was too large. */
  divide(key: string, whole: PendingBatch): readonly PendingBatch[] {
    const half = Math.ceil(whole.records.length / 2)
    const parts = [whole.records.slice(0, half), whole.records.slice(half)].map(records => {
      const part = this.#create(whole, records, whole.createdAtMs)
      part.isClosed = true
      part.isDrained = true
      return part
    })
    this.remove(key, whole)
    return parts
  }

  #create(
    { topic, partition }: TopicPartition,
    records: PendingRecord[],
    createdAtMs: number,
  ): PendingBatch {
    const batch: PendingBatch = {
      batch: ++this.#lastBatch,
      topic,
      partition,
      createdAtMs,
      records,
      sizeBytes: records.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      isClosed: false,
      isDrained: false,
    }
    this.#batches.set(batch.batch, batch)
    return batch
  }
}
