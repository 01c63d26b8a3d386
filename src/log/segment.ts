/**
 * One file of batches back to back, with its two sparse indexes. After LogSegment.
 */
import type { Disk, DiskFile } from '../ports.ts'
import {
  baseOffsetAt,
  batchHeaderBytes,
  batchSizeAt,
  lastOffsetAt,
  maxTimestampAt,
  noTimestamp,
  RecordBatch,
  splitBatches,
  viewOf,
} from '../records/batch.ts'
import { OffsetIndex } from './offset-index.ts'
import { TimeIndex, type TimestampOffset } from './time-index.ts'

/** `00000000000000000042`: the base offset in the names of a segment's files. */
export const segmentName = (baseOffset: number): string => String(baseOffset).padStart(20, '0')

/** What its files end in, and the transaction index that Kafka adds. */
export const segmentFiles = ['.log', '.index', '.timeindex', '.txnindex'] as const

/** Of a segment that compaction is writing … */
export const cleanedSuffix = '.cleaned'
/** … and that is to stand in place of others. */
export const swapSuffix = '.swap'

/** An index counts offsets from the segment's base in 31 bits. */
export const relativeOffsetMax = 0x7fff_ffff

/** A walk over headers reads this much at a time: the index leaves about 4 KiB to walk. */
const scanBytes = 8 * 1024

/** A walk over whole batches reads this much at a time, or one batch. */
const batchScanBytes = 1024 * 1024

/** What the segment must know of a batch it is given. */
export interface AppendedBatch {
  readonly lastOffset: number
  readonly sizeBytes: number
  readonly maxTimestamp: number
}

interface BatchPosition {
  readonly position: number
  readonly sizeBytes: number
  readonly baseOffset: number
}

export interface SegmentRead {
  readonly records: Uint8Array
  /** One past the last offset in `records`. */
  readonly nextOffset: number
}

export class Segment {
  readonly baseOffset: number
  /** When it was made or opened: its age where records have no timestamp. */
  readonly createdAtMs: number
  readonly #disk: Disk
  readonly #path: string
  readonly #suffix: string
  readonly #file: DiskFile
  readonly #offsetIndex: OffsetIndex
  readonly #timeIndex: TimeIndex
  #indexIntervalBytes: number
  #sizeBytes: number
  /** One past the last offset; the base offset where it is empty. */
  #endOffset: number
  #bytesSinceIndexEntry = 0
  #isSealed = false
  #max: TimestampOffset
  /** Of the first batch: the age of a segment counts from it. */
  #firstTimestamp: number | undefined

  constructor(
    disk: Disk,
    directory: string,
    baseOffset: number,
    indexIntervalBytes: number,
    nowMs: number,
    suffix = '',
  ) {
    this.#disk = disk
    this.#path = `${directory}/${segmentName(baseOffset)}`
    this.#suffix = suffix
    this.baseOffset = baseOffset
    this.createdAtMs = nowMs
    this.#indexIntervalBytes = indexIntervalBytes
    this.#file = disk.open(`${this.#path}.log${suffix}`)
    this.#sizeBytes = this.#file.length
    this.#endOffset = baseOffset
    this.#offsetIndex = new OffsetIndex(disk, `${this.#path}.index${suffix}`, baseOffset)
    this.#timeIndex = new TimeIndex(disk, `${this.#path}.timeindex${suffix}`, baseOffset)
    this.#max = this.#timeIndex.last
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get endOffset(): number {
    return this.#endOffset
  }

  /** The greater of both indexes, which share a bound. */
  get indexBytes(): number {
    return Math.max(this.#offsetIndex.sizeBytes, this.#timeIndex.sizeBytes)
  }

  /** The greatest timestamp and the last offset of the first batch that bears it; (−1, base offset) where there is none. */
  get max(): TimestampOffset {
    return this.#max
  }

  /** The greatest timestamp of the first batch; undefined where the segment is empty. */
  get firstTimestamp(): number | undefined {
    if (this.#firstTimestamp === undefined && this.#sizeBytes > 0)
      this.#firstTimestamp = maxTimestampAt(viewOf(this.#file.read(0, batchHeaderBytes)), 0)
    return this.#firstTimestamp
  }

  set indexIntervalBytes(bytes: number) {
    this.#indexIntervalBytes = bytes
  }

  /**
   * Writes batches at the end, in one write.
   *
   * @throws what the disk throws; the segment is then as it was
   */
  append(chunks: readonly Uint8Array[], batches: readonly AppendedBatch[]): void {
    // A write that failed may have left a part of itself.
    if (this.#file.length > this.#sizeBytes) this.#file.truncate(this.#sizeBytes)
    this.#file.append(chunks)
    for (const batch of batches) this.#count(batch)
  }

  #count({ lastOffset, sizeBytes, maxTimestamp }: AppendedBatch): void {
    const position = this.#sizeBytes
    this.#isSealed = false
    if (position === 0) this.#firstTimestamp = maxTimestamp
    if (maxTimestamp > this.#max.timestamp)
      this.#max = { timestamp: maxTimestamp, offset: lastOffset }
    if (this.#bytesSinceIndexEntry > this.#indexIntervalBytes) {
      this.#offsetIndex.append(lastOffset, position)
      this.#timeIndex.append(this.#max.timestamp, this.#max.offset)
      this.#bytesSinceIndexEntry = 0
    }
    this.#bytesSinceIndexEntry += sizeBytes
    this.#sizeBytes = position + sizeBytes
    this.#endOffset = lastOffset + 1
  }

  /**
   * Whole batches from the one that holds the offset (or the next after it) on.
   *
   * @param maxBytes at most this much; `minOneBatch`: but at least one batch
   * @param upToOffset exclusive; a batch that reaches beyond it stays away
   * @returns null where the segment has no batch at or after the offset
   */
  read(
    fromOffset: number,
    maxBytes: number,
    upToOffset: number,
    minOneBatch: boolean,
  ): SegmentRead | null {
    const first = this.#find(fromOffset)
    if (first === null) return null
    const { position } = first
    const nothing = { records: new Uint8Array(0), nextOffset: fromOffset }
    const bytes = minOneBatch ? Math.max(maxBytes, first.sizeBytes) : maxBytes
    if (first.sizeBytes > bytes) return nothing
    let end = this.#sizeBytes
    let nextOffset = this.#endOffset
    if (upToOffset < nextOffset) {
      const beyond = this.#find(upToOffset)
      if (beyond !== null && beyond.position <= position) return nothing
      if (beyond !== null) end = beyond.position
      nextOffset = Math.min(upToOffset, beyond?.baseOffset ?? upToOffset)
    }
    if (end - position > bytes) {
      const cut = this.#lastWhole(position, position + bytes)
      end = cut.end
      nextOffset = cut.nextOffset
    }
    return { records: this.#file.read(position, end - position), nextOffset }
  }

  /** The first batch at or after an offset. */
  #find(offset: number): BatchPosition | null {
    if (offset >= this.#endOffset) return null
    let found: BatchPosition | null = null
    this.#walk(this.#offsetIndex.positionBefore(offset), (view, at, position) => {
      if (lastOffsetAt(view, at) < offset) return true
      found = {
        position,
        sizeBytes: batchSizeAt(view, at),
        baseOffset: baseOffsetAt(view, at),
      }
      return false
    })
    return found
  }

  /** Where the last batch ends that lies wholly before `limit`, knowing that one begins at `from`. */
  #lastWhole(from: number, limit: number): { end: number; nextOffset: number } {
    let end = Math.max(from, this.#offsetIndex.batchPositionBefore(limit))
    let nextOffset: number | undefined
    this.#walk(end, (view, at, position) => {
      nextOffset ??= baseOffsetAt(view, at)
      const after = position + batchSizeAt(view, at)
      if (after > limit) return false
      end = after
      nextOffset = lastOffsetAt(view, at) + 1
      return true
    })
    return { end, nextOffset: nextOffset ?? this.#endOffset }
  }

  /** Visits headers from a position that begins a batch, until `visit` answers false. */
  #walk(from: number, visit: (view: DataView, at: number, position: number) => boolean): void {
    let position = from
    while (position < this.#sizeBytes) {
      const view = viewOf(
        this.#file.read(position, Math.min(scanBytes, this.#sizeBytes - position)),
      )
      let at = 0
      while (at + batchHeaderBytes <= view.byteLength) {
        const sizeBytes = batchSizeAt(view, at)
        // Only a file that was not read through can hold such a thing.
        if (sizeBytes < batchHeaderBytes || !visit(view, at, position + at)) return
        at += sizeBytes
      }
      if (at === 0) return
      position += at
    }
  }

  /** Visits whole batches from the one at or after an offset on. */
  eachBatch(fromOffset: number, visit: (batch: RecordBatch) => void): void {
    for (const batches of this.pieces(fromOffset)) for (const batch of batches) visit(batch)
  }

  /** The same in pieces of about a mebibyte, for what must not take long at once. */
  *pieces(fromOffset: number): Generator<readonly RecordBatch[]> {
    let offset = fromOffset
    while (true) {
      const read = this.read(offset, batchScanBytes, this.#endOffset, true)
      if (read === null) return
      yield splitBatches(read.records).batches
      offset = read.nextOffset
    }
  }

  /** The first whole batch at or after an offset whose greatest timestamp is at least the given one. */
  batchWithTimestamp(timestamp: number, fromOffset: number): RecordBatch | null {
    if (this.#max.timestamp < timestamp) return null
    const offset = Math.max(fromOffset, this.#timeIndex.before(timestamp).offset)
    let found: RecordBatch | null = null
    this.#walk(this.#offsetIndex.positionBefore(offset), (view, at, position) => {
      if (lastOffsetAt(view, at) < fromOffset || maxTimestampAt(view, at) < timestamp) return true
      found = new RecordBatch(viewOf(this.#file.read(position, batchSizeAt(view, at))))
      return false
    })
    return found
  }

  /**
   * Drops the batch that holds the offset and all after it.
   *
   * @returns the new end: the offset, or the base of the batch it was inside of
   */
  truncateTo(offset: number): number {
    const first = this.#find(offset)
    if (first === null) return this.#endOffset
    this.#offsetIndex.truncateToPosition(first.position)
    this.#file.truncate(first.position)
    // Or else what was cut off might come back, behind or among what is appended next.
    this.#file.flush()
    this.#sizeBytes = first.position
    this.#endOffset = Math.min(offset, first.baseOffset)
    this.#timeIndex.truncateToOffset(this.#endOffset)
    this.#bytesSinceIndexEntry = 0
    this.#isSealed = false
    if (first.position === 0) this.#firstTimestamp = undefined
    this.#resumeMax()
    // The index files must never know of batches that the log file has lost.
    this.#offsetIndex.write()
    this.#timeIndex.write()
    return this.#endOffset
  }

  /** The greatest timestamp from the last index entry on. */
  #resumeMax(): void {
    this.#max = this.#timeIndex.last
    this.#walk(this.#offsetIndex.positionBefore(this.#max.offset), (view, at) => {
      const timestamp = maxTimestampAt(view, at)
      if (timestamp > this.#max.timestamp) this.#max = { timestamp, offset: lastOffsetAt(view, at) }
      return true
    })
  }

  /** Takes the indexes as they are in their files; false where they do not fit and must be made anew. */
  load(): boolean {
    const fits = this.#offsetIndex.load(this.#sizeBytes) && this.#timeIndex.load()
    if (!fits) return false
    const lastIndexed = this.#offsetIndex.batchPositionBefore(this.#sizeBytes)
    let end = lastIndexed
    this.#walk(lastIndexed, (view, at, position) => {
      end = position + batchSizeAt(view, at)
      this.#endOffset = lastOffsetAt(view, at) + 1
      return end <= this.#sizeBytes
    })
    if (end !== this.#sizeBytes) return false
    this.#bytesSinceIndexEntry = this.#sizeBytes - lastIndexed
    this.#resumeMax()
    return true
  }

  /**
   * Reads the whole file, checks every batch, cuts the file at the first bad one and makes the indexes anew.
   *
   * @param visit hears every good batch
   * @returns how many bytes were cut off
   */
  recover(visit: (batch: RecordBatch) => void): number {
    this.#offsetIndex.clear()
    this.#timeIndex.clear()
    this.#max = { timestamp: noTimestamp, offset: this.baseOffset }
    this.#bytesSinceIndexEntry = 0
    this.#firstTimestamp = undefined
    this.#endOffset = this.baseOffset
    const fileBytes = this.#file.length
    this.#sizeBytes = 0
    let want = batchScanBytes
    while (this.#sizeBytes < fileBytes) {
      const window = this.#file.read(this.#sizeBytes, want)
      const { batches, sizeBytes, end } = splitBatches(window)
      for (const batch of batches) {
        if (!this.#isNext(batch)) return this.#cut(fileBytes)
        this.#count(batch)
        visit(batch)
      }
      if (end === 'malformed') break
      want = batchScanBytes
      if (sizeBytes === 0) {
        // Not even one batch: either it is larger than the window or it is torn.
        if (window.length < batchHeaderBytes) break
        want = batchSizeAt(viewOf(window), 0)
        if (want <= window.length || this.#sizeBytes + want > fileBytes) break
      }
    }
    return this.#cut(fileBytes)
  }

  #isNext(batch: RecordBatch): boolean {
    const { baseOffset, lastOffset } = batch
    return (
      baseOffset >= this.#endOffset &&
      lastOffset >= baseOffset &&
      lastOffset - this.baseOffset <= relativeOffsetMax &&
      batch.hasValidCrc
    )
  }

  #cut(fileBytes: number): number {
    const cut = fileBytes - this.#sizeBytes
    if (cut > 0) {
      this.#file.truncate(this.#sizeBytes)
      this.#file.flush()
    }
    return cut
  }

  /** It becomes read-only: the indexes are completed and written. */
  seal(): void {
    this.#timeIndex.append(this.#max.timestamp, this.#max.offset)
    this.#offsetIndex.write()
    this.#timeIndex.write()
    this.#isSealed = true
  }

  /** What must be flushed for its records to survive; the indexes of one that still grows are made anew after a crash. */
  get files(): readonly DiskFile[] {
    return this.#isSealed
      ? [this.#file, this.#offsetIndex.write(), this.#timeIndex.write()]
      : [this.#file]
  }

  close(): void {
    this.#file.close()
    this.#offsetIndex.close()
    this.#timeIndex.close()
  }

  /** Closes it and removes its files. */
  remove(): void {
    this.close()
    for (const file of segmentFiles) this.#disk.remove(this.#path + file + this.#suffix)
  }
}
