/**
 * What a log knows of its producers: the last five batches of each, to tell duplicates from gaps, and which
 * transactions are open, to know the last stable offset.
 * After ProducerStateManager, ProducerStateEntry and ProducerAppendInfo; KIP-98, KIP-360.
 */
import { errors } from '../error.ts'
import { noSequence, noTimestamp, type RecordBatch, sequenceAfter } from '../records/batch.ts'
import { decodeMarker, type TransactionMarker } from '../records/control.ts'
import { type Refusal, refusal } from '../records/refusal.ts'

/** A producer may have this many requests in flight and still be told apart (max.in.flight ≤ 5). */
export const batchesRemembered = 5

/** Producer epoch of an entry that has seen none. */
const noProducerEpoch = -1

/** A batch that was appended. */
export interface RememberedBatch {
  readonly baseSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
  readonly lastOffset: number
  /** The batch's greatest timestamp; under LogAppendTime when it was appended. */
  readonly timestamp: number
}

export interface ProducerEntry {
  readonly producerId: number
  producerEpoch: number
  /** Of the last marker; −1 where there was none. */
  coordinatorEpoch: number
  lastTimestamp: number
  /** First offset of the open transaction; −1 where there is none. */
  transactionFirstOffset: number
  /** Oldest first; of the current producer epoch only. */
  batches: RememberedBatch[]
}

/** A transaction that was aborted, as a reader under read_committed must know it. */
export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
  /** Offset of the marker. */
  readonly lastOffset: number
  /** The last stable offset after it. */
  readonly lastStableOffset: number
}

interface CompletedTransaction {
  readonly firstOffset: number
  readonly lastOffset: number
}

/** What an append needs to be told of a batch before it: nothing, that it is here already, or a refusal. */
export type ProducerVerdict = RememberedBatch | Refusal | null

/** The batch's place in the log, where its header does not say it (yet). */
export interface Placement {
  readonly baseOffset: number
  readonly maxTimestamp: number
}

export class ProducerState {
  readonly #producers = new Map<number, ProducerEntry>()
  /** First offsets of open transactions by producer id, which entries tell too; mostly none. */
  readonly #open = new Map<number, number>()
  /** Completed transactions whose marker may lie above the high watermark, in order of their markers. */
  #completed: CompletedTransaction[] = []
  readonly #reminders = new Map<number, RememberedBatch[]>()

  /** By producer id. */
  get producers(): ReadonlyMap<number, Readonly<ProducerEntry>> {
    return this.#producers
  }

  clear(): void {
    this.#producers.clear()
    this.#open.clear()
    this.#completed = []
  }

  /**
   * What stands in the way of a leader's append.
   *
   * - A client's batch equal in epoch and sequences to one of the last five is a duplicate.
   * - A lower producer epoch is INVALID_PRODUCER_EPOCH.
   * - A client's sequence must follow the last one, wrapping after 2³¹ − 1, and begin at 0 with a new
   *   epoch: else OUT_OF_ORDER_SEQUENCE_NUMBER. Of an unknown producer any sequence is taken.
   * - A producer with an open transaction writes nothing outside of it: INVALID_TXN_STATE.
   * - A marker of an old coordinator is TRANSACTION_COORDINATOR_FENCED.
   */
  check(batch: RecordBatch, origin: 'client' | 'coordinator'): ProducerVerdict {
    const { producerId, producerEpoch } = batch
    if (producerId < 0) return null
    const entry = this.#producers.get(producerId)
    if (entry === undefined) return null
    if (origin === 'client') {
      const duplicate = duplicateOf(entry, batch)
      if (duplicate !== undefined) return duplicate
    }
    if (producerEpoch < entry.producerEpoch)
      return refusal(
        errors.INVALID_PRODUCER_EPOCH,
        `producer ${producerId} is at epoch ${entry.producerEpoch}, the batch at ${producerEpoch}`,
      )
    if (batch.isControl) {
      const marker = decodeMarker(batch)
      if (marker !== null && marker.coordinatorEpoch < entry.coordinatorEpoch)
        return refusal(
          errors.TRANSACTION_COORDINATOR_FENCED,
          `a marker of coordinator epoch ${marker.coordinatorEpoch}, now ${entry.coordinatorEpoch}`,
        )
      return null
    }
    if (origin === 'client') {
      const expected = expectedSequence(entry, producerEpoch)
      if (expected !== null && batch.baseSequence !== expected)
        return refusal(
          errors.OUT_OF_ORDER_SEQUENCE_NUMBER,
          `producer ${producerId} at epoch ${producerEpoch}: sequence ${batch.baseSequence}, expected ${expected}`,
        )
    }
    if (entry.transactionFirstOffset >= 0 && !batch.isTransactional)
      return refusal(
        errors.INVALID_TXN_STATE,
        `producer ${producerId} has a transaction open since offset ${entry.transactionFirstOffset}`,
      )
    return null
  }

  /**
   * Remembers a batch that was appended, whoever appended it.
   *
   * @param placement where the header does not have it yet
   * @returns the transaction that it aborted
   */
  append(batch: RecordBatch, placement: Placement = batch): AbortedTransaction | null {
    const { producerId, producerEpoch } = batch
    if (producerId < 0) return null
    const { baseOffset, maxTimestamp } = placement
    if (batch.isControl) {
      const marker = decodeMarker(batch)
      if (marker === null) return null
      const entry = this.#entryAt(producerId, producerEpoch)
      return this.#complete(entry, marker, baseOffset, maxTimestamp)
    }
    const entry = this.#entryAt(producerId, producerEpoch)
    if (entry.batches.length === batchesRemembered) entry.batches.shift()
    entry.batches.push(remembered(batch, placement))
    entry.lastTimestamp = maxTimestamp
    if (batch.isTransactional && entry.transactionFirstOffset < 0) {
      entry.transactionFirstOffset = baseOffset
      this.#open.set(producerId, baseOffset)
    }
    return null
  }

  /** The producer's entry under this epoch; batches of another epoch are forgotten. */
  #entryAt(producerId: number, producerEpoch: number): ProducerEntry {
    let entry = this.#producers.get(producerId)
    if (entry === undefined) {
      entry = {
        producerId,
        producerEpoch,
        coordinatorEpoch: -1,
        lastTimestamp: noTimestamp,
        transactionFirstOffset: -1,
        batches: [],
      }
      this.#producers.set(producerId, entry)
    }
    if (entry.producerEpoch !== producerEpoch) {
      entry.producerEpoch = producerEpoch
      entry.batches = []
    }
    return entry
  }

  #complete(
    entry: ProducerEntry,
    marker: TransactionMarker,
    lastOffset: number,
    timestamp: number,
  ): AbortedTransaction | null {
    const firstOffset = entry.transactionFirstOffset
    entry.coordinatorEpoch = marker.coordinatorEpoch
    entry.transactionFirstOffset = -1
    this.#open.delete(entry.producerId)
    // Markers keep a producer from expiring too (KAFKA-9144).
    entry.lastTimestamp = timestamp
    if (firstOffset < 0) return null
    const lastStableOffset = this.firstOpenOffset() ?? lastOffset + 1
    this.#completed.push({ firstOffset, lastOffset })
    return marker.outcome === 'abort'
      ? { producerId: entry.producerId, firstOffset, lastOffset, lastStableOffset }
      : null
  }

  /** First offset of the earliest open transaction; undefined where none is open. */
  firstOpenOffset(): number | undefined {
    return this.#open.size === 0 ? undefined : Math.min(...this.#open.values())
  }

  /** First offset whose transaction is open, or whose marker is not below the high watermark; undefined where none. */
  firstUnstableOffset(highWatermark: number): number | undefined {
    let first = this.firstOpenOffset()
    if (this.#completed.length === 0) return first
    this.#completed = this.#completed.filter(({ lastOffset }) => lastOffset >= highWatermark)
    for (const { firstOffset } of this.#completed) {
      if (first === undefined || firstOffset < first) first = firstOffset
    }
    return first
  }

  /** Forgets producers without an open transaction that have been silent for so long. */
  expire(nowMs: number, expirationMs: number): void {
    for (const [producerId, entry] of this.#producers) {
      if (entry.transactionFirstOffset < 0 && nowMs - entry.lastTimestamp >= expirationMs)
        this.#producers.delete(producerId)
    }
  }

  /** A batch from before the snapshot that was restored, in the order of the log. Completed by {@link reminded}. */
  remind(batch: RecordBatch): void {
    const { producerId, producerEpoch, isControl } = batch
    const entry = this.#producers.get(producerId)
    if (isControl || entry?.producerEpoch !== producerEpoch) return
    const before = this.#reminders.get(producerId) ?? []
    if (before.length === batchesRemembered) before.shift()
    before.push(remembered(batch, batch))
    this.#reminders.set(producerId, before)
  }

  /** What {@link remind} was told of takes its place before the snapshot's own, where it leads up to that without a gap. */
  reminded(): void {
    for (const [producerId, batches] of this.#reminders) {
      const entry = this.#producers.get(producerId)
      const last = entry?.batches[0]
      if (
        entry?.batches.length === 1 &&
        last?.lastOffset === batches.at(-1)?.lastOffset &&
        batches.every(
          ({ baseSequence }, at) =>
            at === 0 || baseSequence === sequenceAfter(batches[at - 1]?.lastSequence as number, 1),
        )
      )
        entry.batches = batches
    }
    this.#reminders.clear()
  }

  /** Takes an entry as a snapshot has it. */
  restore(entry: ProducerEntry): void {
    this.#producers.set(entry.producerId, entry)
    if (entry.transactionFirstOffset >= 0)
      this.#open.set(entry.producerId, entry.transactionFirstOffset)
  }
}

const remembered = (
  { baseSequence, lastSequence, lastOffsetDelta }: RecordBatch,
  { baseOffset, maxTimestamp: timestamp }: Placement,
): RememberedBatch => ({
  baseSequence,
  lastSequence,
  baseOffset,
  lastOffset: baseOffset + lastOffsetDelta,
  timestamp,
})

function duplicateOf(entry: ProducerEntry, batch: RecordBatch): RememberedBatch | undefined {
  if (entry.producerEpoch !== batch.producerEpoch) return undefined
  const { baseSequence, lastSequence } = batch
  return entry.batches.find(
    known => known.baseSequence === baseSequence && known.lastSequence === lastSequence,
  )
}

/** The sequence a client's next batch must begin with; null where any will do. */
function expectedSequence(entry: ProducerEntry, producerEpoch: number): number | null {
  if (entry.producerEpoch === noProducerEpoch) return null
  if (entry.producerEpoch !== producerEpoch) return 0
  const last = entry.batches.at(-1)?.lastSequence ?? noSequence
  return sequenceAfter(last, 1)
}
