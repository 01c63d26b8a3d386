/**
 * Which records of a log may go because later ones have the same key, and how far that may be looked for.
 * Segments are rewritten without them; offsets, and the ends of batches, stay.
 * After LogCleaner, LogCleanerManager.cleanableOffsets and CleanedTransactionMetadata; KIP-58, KIP-354, KIP-534.
 */
import { MalformedFrame } from '../binary/reader.ts'
import { compactionKeyBytesMax, compactionKeysMax } from '../limits.ts'
import { RecordBatch, viewOf } from '../records/batch.ts'
import type { Compression } from '../records/compression.ts'
import { decodeMarker } from '../records/control.ts'
import { type Filtering, filteredBatch, type OpenedBatch, openBatch } from '../records/filter.ts'
import type { ProducerEntry } from './producer-state.ts'

/** What is to be cleaned next. */
export interface Cleanable {
  /** Where the records begin that were never compared with those before them. */
  readonly firstDirtyOffset: number
  /** Exclusive; the base of a segment. */
  readonly upToOffset: number
  /** Bytes of the segments before the dirty ones. */
  readonly cleanBytes: number
  /** Bytes of the dirty segments that may be cleaned. */
  readonly dirtyBytes: number
  /** Of the first dirty record, or when its segment was made; undefined where nothing is dirty. */
  readonly earliestDirtyMs: number | undefined
}

export interface SegmentFacts {
  readonly baseOffset: number
  readonly endOffset: number
  readonly sizeBytes: number
  readonly indexBytes: number
  /** The greatest timestamp of its records, or when it was made. */
  readonly latestMs: number
  /** The timestamp of its first batch, or when it was made. */
  readonly earliestMs: number
}

export interface CleanableBounds {
  /** From cleaner-offset-checkpoint; 0 where unknown. */
  readonly firstDirtyOffset: number
  readonly logStartOffset: number
  /** Nothing that may yet be cut off, or whose transaction is open, and nothing that is not flushed. */
  readonly stableOffset: number
  readonly minCompactionLagMs: number
  readonly nowMs: number
}

/** @param segments of which the last is the active one, which is never cleaned */
export function cleanable(segments: readonly SegmentFacts[], bounds: CleanableBounds): Cleanable {
  const { logStartOffset, stableOffset, minCompactionLagMs, nowMs } = bounds
  const activeBase = segments.at(-1)?.baseOffset ?? logStartOffset
  // A checkpoint beyond the active segment is of another log: of one that was cut, or made anew.
  const isKnown = bounds.firstDirtyOffset <= activeBase && bounds.firstDirtyOffset >= logStartOffset
  const firstDirtyOffset = isKnown ? bounds.firstDirtyOffset : logStartOffset
  let upToOffset = firstDirtyOffset
  let cleanBytes = 0
  let dirtyBytes = 0
  let earliestDirtyMs: number | undefined
  for (const [i, { sizeBytes, earliestMs, latestMs }] of segments.slice(0, -1).entries()) {
    const { baseOffset: end } = segments[i + 1] as SegmentFacts
    if (end <= firstDirtyOffset) {
      cleanBytes += sizeBytes
      continue
    }
    if (sizeBytes > 0) earliestDirtyMs ??= earliestMs
    const isYoung = minCompactionLagMs > 0 && latestMs > nowMs - minCompactionLagMs
    if (end > stableOffset || isYoung) break
    dirtyBytes += sizeBytes
    upToOffset = end
  }
  return { firstDirtyOffset, upToOffset, cleanBytes, dirtyBytes, earliestDirtyMs }
}

/** The share of what would be read that has not been cleaned yet; 0 where there is nothing to clean. */
export const dirtyRatio = ({ cleanBytes, dirtyBytes }: Cleanable): number =>
  dirtyBytes === 0 ? 0 : dirtyBytes / (cleanBytes + dirtyBytes)

/** Segments that become one: no larger than a segment may be, and no wider than its indexes can count. */
export function grouped(
  segments: readonly SegmentFacts[],
  limits: { segmentBytes: number; segmentIndexBytes: number; relativeOffsetMax: number },
): number[] {
  const counts: number[] = []
  let first: SegmentFacts | undefined
  let bytes = 0
  let indexBytes = 0
  for (const segment of segments) {
    bytes += segment.sizeBytes
    indexBytes += segment.indexBytes
    if (
      first !== undefined &&
      bytes <= limits.segmentBytes &&
      indexBytes <= limits.segmentIndexBytes &&
      segment.endOffset - 1 - first.baseOffset <= limits.relativeOffsetMax
    ) {
      counts[counts.length - 1] = (counts.at(-1) ?? 0) + 1
      continue
    }
    counts.push(1)
    first = segment
    bytes = segment.sizeBytes
    indexBytes = segment.indexBytes
  }
  return counts
}

// Every byte is a character of its own to this decoder, so that equal strings are equal keys.
const latin1 = new TextDecoder('latin1')

/** The last offset of each key, as far as there is room: what is beyond waits for the next round. */
export class OffsetMap {
  readonly #offsets = new Map<string, number>()
  #keyBytes = 0
  /** Everything below was looked at. */
  endOffset: number

  constructor(fromOffset: number) {
    this.endOffset = fromOffset
  }

  get isFull(): boolean {
    return this.#offsets.size >= compactionKeysMax || this.#keyBytes >= compactionKeyBytesMax
  }

  add(key: Uint8Array, offset: number): void {
    const text = latin1.decode(key)
    if (!this.#offsets.has(text)) this.#keyBytes += key.length
    this.#offsets.set(text, offset)
  }

  /** Whether a later record has the same key. */
  supersedes(key: Uint8Array, offset: number): boolean {
    const latest = this.#offsets.get(latin1.decode(key))
    return latest !== undefined && latest > offset
  }
}

interface Transaction {
  readonly firstOffset: number
  /** Of its marker. */
  readonly lastOffset: number
  readonly aborted: boolean
}

/** The transactions of a log, by their markers: of data, whether it was aborted; of markers, whether any of their data is left. */
export class Transactions {
  readonly #byProducer = new Map<number, Transaction[]>()
  /** First offsets of those that are open where the reading stands. */
  readonly #open = new Map<number, number>()

  /** Hears every batch of the log, in order. */
  note(batch: RecordBatch): void {
    const { producerId } = batch
    if (producerId < 0) return
    if (!batch.isControl) {
      if (batch.isTransactional && !this.#open.has(producerId))
        this.#open.set(producerId, batch.baseOffset)
      return
    }
    const marker = decodeMarker(batch)
    const firstOffset = this.#open.get(producerId)
    this.#open.delete(producerId)
    if (marker === null || firstOffset === undefined) return
    const known = this.#byProducer.get(producerId) ?? []
    const aborted = marker.outcome === 'abort'
    known.push({ firstOffset, lastOffset: batch.baseOffset, aborted })
    this.#byProducer.set(producerId, known)
  }

  #of({ producerId, baseOffset }: RecordBatch): Transaction | undefined {
    return this.#byProducer
      .get(producerId)
      ?.find(one => one.firstOffset <= baseOffset && baseOffset <= one.lastOffset)
  }

  isAborted(batch: RecordBatch): boolean {
    return batch.isTransactional && !batch.isControl && this.#of(batch)?.aborted === true
  }

  /** A marker whose transaction has no data in the log: none came, or all of it was cleaned away. */
  isEmptyMarker(batch: RecordBatch): boolean {
    return batch.isControl && this.#of(batch) === undefined
  }
}

/** Notes the keys of a batch; nothing of control batches, aborted data, or what cannot be looked into. */
export function noteKeys(
  map: OffsetMap,
  batch: RecordBatch,
  transactions: Transactions,
  compression: Compression | undefined,
): void {
  if (!batch.isControl && !transactions.isAborted(batch))
    for (const { key, offset } of opened(batch, compression)?.records ?? [])
      if (key !== null) map.add(key, offset)
  map.endOffset = batch.lastOffset + 1
}

function opened(batch: RecordBatch, compression: Compression | undefined): OpenedBatch | null {
  try {
    return openBatch(batch, compression)
  } catch (error) {
    if (!(error instanceof MalformedFrame)) throw error
    return null
  }
}

export interface Cleaning {
  readonly map: OffsetMap
  readonly transactions: Transactions
  readonly producers: ReadonlyMap<number, Readonly<ProducerEntry>>
  /** By producer id: the last offset of its last batch that no crash can take. */
  readonly flushedEnds: ReadonlyMap<number, number>
  readonly compression: Compression | undefined
  /** `delete.retention.ms`: how long tombstones and markers are there to be read after they were first met. */
  readonly deleteRetentionMs: number
  readonly nowMs: number
}

/**
 * What is left of a batch: itself where all of it, null where nothing.
 *
 * - Of records with the same key the last; of those without a key, which nobody can ask for, none.
 * - A tombstone until its batch's delete horizon, which it is given here.
 * - Of an aborted transaction nothing; its marker until the horizon, once the data is gone.
 * - The last batch of a producer that is known, if need be empty: its sequence number is in it.
 */
export function cleanedBatch(batch: RecordBatch, cleaning: Cleaning): RecordBatch | null {
  const { map, transactions, compression, nowMs } = cleaning
  if (batch.baseOffset >= map.endOffset) return batch
  const horizon = batch.deleteHorizonMs
  const isPast = horizon !== null && horizon <= nowMs
  const isEmptyMarker = transactions.isEmptyMarker(batch)
  const isDiscarded = batch.isControl ? isEmptyMarker && isPast : transactions.isAborted(batch)
  const contents = opened(batch, compression)
  // What cannot be looked into stays.
  if (contents === null) return batch
  let hasTombstones = false
  const kept = contents.records.map(({ key, offset, hasValue }) => {
    if (isDiscarded) return false
    if (batch.isControl || offset >= map.endOffset) return true
    if (key === null || map.supersedes(key, offset)) return false
    if (hasValue) return true
    if (isPast) return false
    hasTombstones = true
    return true
  })
  const count = kept.filter(Boolean).length
  if (count === 0) {
    if (!isLastOfProducer(batch, cleaning)) return null
    return batch.recordCount === 0 ? batch : rebuilt(contents, { kept, compression })
  }
  const isMarked = horizon === null && (hasTombstones || isEmptyMarker)
  if (count === kept.length && !isMarked) return batch
  const filtering = { kept, compression }
  return rebuilt(
    contents,
    isMarked ? { ...filtering, deleteHorizonMs: nowMs + cleaning.deleteRetentionMs } : filtering,
  )
}

const rebuilt = (contents: OpenedBatch, filtering: Filtering): RecordBatch =>
  new RecordBatch(viewOf(filteredBatch(contents, filtering)))

/** What it says of its producer is said nowhere else in the log, or only where a crash could take it. */
function isLastOfProducer(batch: RecordBatch, { producers, flushedEnds }: Cleaning): boolean {
  const entry = producers.get(batch.producerId)
  if (entry === undefined) return false
  if (flushedEnds.get(batch.producerId) === batch.lastOffset) return true
  const last = entry.batches.at(-1)
  return last === undefined
    ? batch.isControl && batch.producerEpoch === entry.producerEpoch
    : batch.lastOffset === last.lastOffset
}
