/**
 * One replica's log: segments in order, with offset and time indexes, leader epochs and producer state.
 *
 * Everything is synchronous and nothing here reads the clock: instants come as `nowMs`. The log knows no
 * high watermark either (the partition's chart does): where one bounds an answer it is an argument.
 * After UnifiedLog, LocalLog and LogLoader; the files are Kafka's own.
 */
import { errors } from '../error.ts'
import type { Disk, DiskFile } from '../ports.ts'
import { type RecordBatch, splitBatches } from '../records/batch.ts'
import type { Compression } from '../records/compression.ts'
import { type Refusal, refusal } from '../records/refusal.ts'
import { validate } from '../records/validate.ts'
import { directoryOf } from './checkpoint.ts'
import { type Cleanable, cleanable } from './compaction.ts'
import { type CompactionRun, compaction, factsOf } from './compaction-run.ts'
import { type EpochEndOffset, LeaderEpochs } from './leader-epochs.ts'
import { doomedName } from './log-name.ts'
import type { LogOptions, LogResumption } from './log-options.ts'
import { ProducerState } from './producer-state.ts'
import { deletableSegments } from './retention.ts'
import { relativeOffsetMax, Segment } from './segment.ts'
import {
  loadSegments,
  rebuildProducers,
  removeSnapshots,
  swapSegments,
  writeSnapshot,
} from './segments.ts'
import { recordAtTimestamp, type TimestampAndOffset } from './timestamps.ts'
import { fetched, type PlacedBatch, placed, type Write } from './writes.ts'

/** `client`: everything is checked. `coordinator`: our own writer (several batches, control batches, no sequences). */
export type AppendOrigin = 'client' | 'coordinator'

export interface Appended {
  readonly ok: true
  /** Offset of the first record; of the earlier append where `duplicate`. */
  readonly baseOffset: number
  readonly lastOffset: number
  /** −1 under CreateTime; of a duplicate the timestamp it was first appended with. */
  readonly logAppendTimeMs: number
  readonly logStartOffset: number
  /** An idempotent producer's batch that is here already: nothing was written. */
  readonly duplicate: boolean
}

export type AppendResult = Appended | Refusal

export interface LeaderAppend {
  readonly leaderEpoch: number
  readonly nowMs: number
  readonly origin: AppendOrigin
  /** False for Produce below v7 (KIP-110). */
  readonly allowsZstd?: boolean
}

export interface ReadLimits {
  readonly maxBytes: number
  /** Exclusive: log end offset for followers, high watermark or last stable offset for consumers. */
  readonly upToOffset: number
  /** Answer the first batch even where it is larger than `maxBytes` (KIP-74). */
  readonly minOneBatch: boolean
}

export interface LogRead {
  readonly ok: true
  /** Whole batches, the first of which contains the asked offset. Read-only; stays valid. Empty where there is nothing (yet). */
  readonly records: Uint8Array
  /** Where the next read goes on: one past the last offset in `records`, or the asked offset. */
  readonly nextOffset: number
}

/** Of a compacted log: unflushed bytes from which on they are flushed in the background, some 10 ms for a disk. */
const flushAheadBytes = 16 * 1024 * 1024

export class Log {
  readonly directory: string
  readonly #disk: Disk
  readonly #epochs: LeaderEpochs
  readonly #producers = new ProducerState()
  readonly #compression: Compression | undefined
  #options: LogOptions
  /** In order, never empty; the last is the active one. */
  #segments: Segment[]
  #logStartOffset: number
  #recoveryPoint: number
  readonly #writeRecoveryPoint: ((recoveryPoint: number) => void) | undefined
  /** How often it was cut: a flush that began before says nothing of what is there now. */
  #truncations = 0
  /** How often segments were cut, removed or closed: compaction begins anew. */
  #generation = 0
  /** Appended since a flush in the background was last begun for their number. */
  #bytesAhead = 0
  /** When the first of the records was appended that are not flushed. */
  #dirtySinceMs: number | undefined
  /** The latest instant any call has brought: the log reads no clock. */
  #heardMs: number

  /**
   * Opens or creates the log of `<topic>-<partition>`, recovering it where the shutdown was not clean.
   *
   * @param directory where its files are, e.g. `orders-0`
   * @throws what the disk throws; CorruptCheckpoint where the leader epochs cannot be read
   */
  static open(
    disk: Disk,
    directory: string,
    options: LogOptions,
    nowMs: number,
    resumption: LogResumption = {},
  ): Log {
    return new Log(disk, directory, options, nowMs, resumption)
  }

  private constructor(
    disk: Disk,
    directory: string,
    options: LogOptions,
    nowMs: number,
    resumption: LogResumption,
  ) {
    this.#disk = disk
    this.directory = directory
    this.#options = options
    this.#compression = resumption.compression
    this.#epochs = new LeaderEpochs(disk, directory)
    this.#recoveryPoint = resumption.recoveryPoint ?? 0
    this.#writeRecoveryPoint = resumption.writeRecoveryPoint
    const isNew = !disk.exists(directory)
    this.#heardMs = nowMs
    const { indexIntervalBytes } = options
    this.#segments = loadSegments(disk, directory, {
      indexIntervalBytes,
      nowMs,
      recoveryPoint: this.#recoveryPoint,
      clean: resumption.clean ?? false,
      compacts: options.compacts,
      recovered: batch => {
        if (batch.partitionLeaderEpoch > this.#epochs.latestEpoch)
          this.#epochs.assign(batch.partitionLeaderEpoch, batch.baseOffset)
      },
    })
    const checkpointed = resumption.logStartOffset ?? 0
    if (this.#segments.length === 0)
      this.#segments.push(new Segment(disk, directory, checkpointed, indexIntervalBytes, nowMs))
    if (isNew) disk.flushDirectory(directoryOf(directory))
    this.#logStartOffset = Math.max(checkpointed, this.#first.baseOffset)
    this.#recoveryPoint = Math.min(this.#recoveryPoint, this.logEndOffset)
    if (this.#logStartOffset > this.logEndOffset) {
      this.truncateFully(this.#logStartOffset)
    } else {
      this.#epochs.truncateFromEnd(this.logEndOffset)
      this.#epochs.truncateFromStart(this.#logStartOffset)
      this.#rebuildProducers()
    }
  }

  get options(): LogOptions {
    return this.#options
  }

  get logStartOffset(): number {
    return this.#logStartOffset
  }

  get logEndOffset(): number {
    return this.#active.endOffset
  }

  /** Bytes of all segments. */
  get sizeBytes(): number {
    let bytes = 0
    for (const segment of this.#segments) bytes += segment.sizeBytes
    return bytes
  }

  get segmentCount(): number {
    return this.#segments.length
  }

  /** Everything below survives a crash of the machine: what recovery-point-offset-checkpoint is to say. */
  get recoveryPoint(): number {
    return this.#recoveryPoint
  }

  /** The newest leader epoch in the epoch cache; −1 where there is none. */
  get latestLeaderEpoch(): number {
    return this.#epochs.latestEpoch
  }

  get leaderEpochs(): LeaderEpochs['entries'] {
    return this.#epochs.entries
  }

  /** What is known of producers, by producer id (DescribeProducers). */
  get producers(): ProducerState['producers'] {
    return this.#producers.producers
  }

  get #active(): Segment {
    return this.#segments.at(-1) as Segment
  }

  get #first(): Segment {
    return this.#segments[0] as Segment
  }

  /** New configuration (AlterConfigs); holds from the next append on. */
  reconfigure(options: LogOptions): void {
    this.#options = options
    for (const segment of this.#segments) segment.indexIntervalBytes = options.indexIntervalBytes
  }

  /**
   * Appends as the leader: checks, assigns offsets from `logEndOffset` on and the leader epoch, by
   * rewriting headers only. `records` itself stays unchanged; its bytes are copied by the disk.
   *
   * Refusals are those of records/validate.ts and of ProducerState.check, and KAFKA_STORAGE_ERROR where
   * the disk fails. A duplicate is no refusal: it is answered with the offsets it has.
   */
  appendAsLeader(records: Uint8Array, as: LeaderAppend): AppendResult {
    const valid = validate(records, {
      ...this.#options,
      ...as,
      compression: this.#compression,
    })
    if (!valid.ok) return valid
    for (const { batch } of valid.batches) {
      const verdict = this.#producers.check(batch, as.origin)
      if (verdict === null) continue
      if ('ok' in verdict) return verdict
      const { baseOffset, lastOffset, timestamp } = verdict
      return this.#appended(baseOffset, lastOffset, timestamp, true)
    }
    const baseOffset = this.logEndOffset
    const logAppendTimeMs = this.#options.timestampType === 'LogAppendTime' ? as.nowMs : -1
    const write = placed(valid.batches, baseOffset, as.leaderEpoch, logAppendTimeMs)
    const failed = this.#write([write], as.nowMs)
    if (failed !== null) return failed
    return this.#appended(baseOffset, this.logEndOffset - 1, logAppendTimeMs, false)
  }

  #appended(
    baseOffset: number,
    lastOffset: number,
    logAppendTimeMs: number,
    duplicate: boolean,
  ): AppendResult {
    const { logStartOffset } = this
    return { ok: true, baseOffset, lastOffset, logAppendTimeMs, logStartOffset, duplicate }
  }

  /**
   * Appends what was fetched from the leader, offsets and leader epochs as they are. A batch cut short at
   * the end is left out. Nothing to append is no refusal: `lastOffset` is then below `baseOffset`.
   *
   * @param leaderEpoch the epoch it was fetched in: batches of a newer one are left out (KAFKA-18723)
   * @returns CORRUPT_MESSAGE for damaged batches, OFFSET_OUT_OF_RANGE for offsets that go back or lie below
   *   `logEndOffset`, KAFKA_STORAGE_ERROR where the disk fails
   */
  appendAsFollower(
    records: Uint8Array,
    nowMs: number,
    leaderEpoch = Number.POSITIVE_INFINITY,
  ): AppendResult {
    const { batches, end } = splitBatches(records)
    if (end === 'malformed')
      return refusal(errors.CORRUPT_MESSAGE, 'the leader sent bytes that are no record batch')
    const newer = batches.findIndex(batch => batch.partitionLeaderEpoch > leaderEpoch)
    const taken = newer < 0 ? batches : batches.slice(0, newer)
    const { logStartOffset, logEndOffset } = this
    const first = taken[0]
    const startsBelow = first !== undefined && this.#straddlesStart(first)
    const baseOffset = first?.baseOffset ?? logEndOffset
    const nextOffset = startsBelow ? baseOffset : logEndOffset
    const writes = fetched(taken, records, nextOffset, this.#options.segmentBytes)
    if ('ok' in writes) return writes
    if (startsBelow) {
      this.truncateFully(baseOffset)
      this.#logStartOffset = logStartOffset
    }
    const failed = this.#write(writes, nowMs)
    return failed ?? this.#appended(baseOffset, this.logEndOffset - 1, -1, false)
  }

  /**
   * The log is empty and this batch holds its start within: the leader's log begins inside a batch
   * (DeleteRecords), which we must take whole. After Partition.appendRecordsToFollowerOrFutureReplica.
   */
  #straddlesStart({ baseOffset, lastOffset }: RecordBatch): boolean {
    const { logStartOffset, logEndOffset } = this
    return (
      logEndOffset === logStartOffset && baseOffset < logStartOffset && lastOffset >= logStartOffset
    )
  }

  /** Appends to the active segment, rolling where needed, and remembers epochs and producers. */
  #write(writes: readonly Write[], nowMs: number): Refusal | null {
    this.#heardMs = nowMs
    try {
      for (const write of writes) {
        const { chunks, batches } = write
        this.#rollFor(write)
        for (const { leaderEpoch, baseOffset } of batches)
          if (leaderEpoch >= 0) this.#epochs.assign(leaderEpoch, baseOffset)
        this.#active.append(chunks, batches)
        for (const batch of batches) this.#producers.append(batch.batch, batch)
      }
      this.#dirtySinceMs ??= nowMs
      this.#flushAhead(writes)
      const { flushMessages = Number.POSITIVE_INFINITY } = this.#options
      if (this.logEndOffset - this.#recoveryPoint >= flushMessages) this.flush()
      return null
    } catch (error) {
      return storageRefusal(error)
    }
  }

  /** So that little is left to flush when a segment of a compacted log is full, and the broker waits for that. */
  #flushAhead(writes: readonly Write[]): void {
    if (!this.#options.compacts) return
    for (const { sizeBytes } of writes) this.#bytesAhead += sizeBytes
    if (this.#bytesAhead < flushAheadBytes) return
    this.#bytesAhead = 0
    this.flushLater()
  }

  /**
   * Begins a new segment where the active one is full, old, has a full index, or cannot count as far.
   * After LogSegment.shouldRoll: the age is that of the records, from the first batch's timestamp on.
   */
  #rollFor({ batches, sizeBytes }: Write): void {
    const { segmentBytes, segmentIndexBytes, compacts, maxCompactionLagMs } = this.#options
    // What is not in a segment of the past is not compacted.
    const segmentMs = compacts
      ? Math.min(this.#options.segmentMs, maxCompactionLagMs)
      : this.#options.segmentMs
    const active = this.#active
    const { logEndOffset } = this
    const { lastOffset } = batches.at(-1) as PlacedBatch
    const latest = batches.reduce((max, batch) => Math.max(max, batch.maxTimestamp), -1)
    const first = active.firstTimestamp ?? -1
    const ageMs = first >= 0 ? latest - first : this.#heardMs - active.createdAtMs
    if (
      active.sizeBytes + sizeBytes > segmentBytes ||
      (active.sizeBytes > 0 && ageMs > segmentMs) ||
      active.indexBytes > segmentIndexBytes - 12 ||
      lastOffset - active.baseOffset > relativeOffsetMax
    ) {
      // At the end of the one before, so that a gap between two tells that something is lost.
      const reaches = lastOffset - logEndOffset <= relativeOffsetMax
      this.#roll(reaches ? logEndOffset : (batches[0] as PlacedBatch).baseOffset)
    }
  }

  /** Makes the active segment read-only, begins a new one, and has what is complete flushed. */
  #roll(baseOffset: number): void {
    const { directory } = this
    const active = this.#active
    if (active.sizeBytes === 0) {
      if (active.baseOffset === baseOffset) return
      this.#segments.pop()
      active.remove()
    } else {
      active.seal()
      // What is lost of a log that may have gaps is not missed when it is opened again: nothing may be lost.
      if (this.#options.compacts) this.flush()
    }
    writeSnapshot(this.#disk, directory, baseOffset, this.#producers)
    this.#segments.push(this.#segment(baseOffset))
    this.#flushLater(baseOffset)
  }

  #segment(baseOffset: number): Segment {
    const { indexIntervalBytes } = this.#options
    return new Segment(this.#disk, this.directory, baseOffset, indexIntervalBytes, this.#heardMs)
  }

  /**
   * Batches from the one that holds `fromOffset` on. OFFSET_OUT_OF_RANGE below `logStartOffset` or above `logEndOffset`,
   * KAFKA_STORAGE_ERROR where the disk fails.
   */
  read(fromOffset: number, limits: ReadLimits): LogRead | Refusal {
    try {
      return this.#read(fromOffset, limits)
    } catch (error) {
      return storageRefusal(error)
    }
  }

  #read(fromOffset: number, { maxBytes, upToOffset, minOneBatch }: ReadLimits): LogRead | Refusal {
    const { logStartOffset, logEndOffset } = this
    if (fromOffset < logStartOffset || fromOffset > logEndOffset)
      return refusal(
        errors.OFFSET_OUT_OF_RANGE,
        `offset ${fromOffset} of a log from ${logStartOffset} to ${logEndOffset}`,
      )
    const parts: Uint8Array[] = []
    let bytes = 0
    let nextOffset = fromOffset
    for (let i = this.#indexOf(fromOffset); i < this.#segments.length; i++) {
      const segment = this.#segments[i] as Segment
      const atLeastOne = minOneBatch && bytes === 0
      const read = segment.read(nextOffset, maxBytes - bytes, upToOffset, atLeastOne)
      if (read === null) continue
      if (read.records.length === 0) break
      parts.push(read.records)
      bytes += read.records.length
      nextOffset = read.nextOffset
      if (bytes >= maxBytes || nextOffset < segment.endOffset) break
    }
    return { ok: true, records: joined(parts, bytes), nextOffset }
  }

  /** The last segment that begins at or before an offset. */
  #indexOf(offset: number): number {
    let low = 0
    let high = this.#segments.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.#segments[middle] as Segment).baseOffset <= offset) low = middle
      else high = middle - 1
    }
    return low
  }

  /**
   * On leadership: the epoch begins at `startOffset`, the log's end. Remembered at once, also where nothing
   * is written in it (KAFKA-7415).
   */
  assignLeaderEpoch(leaderEpoch: number, startOffset: number): void {
    this.#epochs.assign(leaderEpoch, startOffset)
  }

  /** What OffsetForLeaderEpoch answers: the largest known epoch at or below the requested one, and its end. */
  endOffsetForEpoch(leaderEpoch: number): EpochEndOffset {
    return this.#epochs.endOffsetFor(leaderEpoch, this.logEndOffset)
  }

  /** The leader epoch of the record at an offset; −1 where unknown. */
  leaderEpochAt(offset: number): number {
    return this.#epochs.epochAt(offset)
  }

  /**
   * Drops everything from `offset` on; nothing where the log ends there or before. Inside a batch the
   * whole batch goes: read `logEndOffset` afterwards.
   */
  truncateTo(offset: number): void {
    if (offset < this.#first.baseOffset) {
      this.truncateFully(offset)
      return
    }
    if (offset < this.logEndOffset) {
      this.#lowerRecoveryPoint(offset)
      removeSnapshots(this.#disk, this.directory, of => of > offset)
      while (this.#segments.length > 1 && this.#active.baseOffset > offset)
        this.#segments.pop()?.remove()
      this.#disk.flushDirectory(this.directory)
      this.#active.truncateTo(offset)
      const { logEndOffset } = this
      this.#logStartOffset = Math.min(this.#logStartOffset, logEndOffset)
      this.#recoveryPoint = Math.min(this.#recoveryPoint, logEndOffset)
      this.#rebuildProducers()
    }
    // Also where nothing was dropped: a leader that lost its office before its first write left an entry.
    this.#epochs.truncateFromEnd(this.logEndOffset)
  }

  /** Drops everything; the log is empty and starts at `newStartOffset`. */
  truncateFully(newStartOffset: number): void {
    this.#lowerRecoveryPoint(Math.min(this.#first.baseOffset, newStartOffset))
    // The new beginning is there before the old one goes, or a crash might leave none.
    const kept = this.#segments.find(segment => segment.baseOffset === newStartOffset)
    const first = kept ?? this.#segment(newStartOffset)
    this.#disk.flushDirectory(this.directory)
    removeSnapshots(this.#disk, this.directory, () => true)
    for (const segment of this.#segments) if (segment !== kept) segment.remove()
    this.#segments = [first]
    this.#disk.flushDirectory(this.directory)
    first.truncateTo(newStartOffset)
    this.#logStartOffset = newStartOffset
    this.#epochs.clear()
    this.#producers.clear()
  }

  /** Before anything is cut off: what is appended in its place is not flushed, nor is it known that what goes is gone. */
  #lowerRecoveryPoint(offset: number): void {
    this.#truncations++
    this.#generation++
    if (offset >= this.#recoveryPoint) return
    this.#recoveryPoint = offset
    this.#writeRecoveryPoint?.(offset)
  }

  #rebuildProducers(): void {
    const { producerIdExpirationMs: expirationMs } = this.#options
    rebuildProducers(this.#disk, this.directory, this.#segments, this.#producers, {
      nowMs: this.#heardMs,
      expirationMs,
    })
  }

  /**
   * Moves the log's start on (DeleteRecords, or the leader's log start at a follower) and removes the
   * segments wholly before it; never moves it back.
   *
   * @returns OFFSET_OUT_OF_RANGE above `highWatermark`
   */
  advanceLogStartOffset(offset: number, highWatermark: number): Refusal | null {
    if (offset > highWatermark)
      return refusal(
        errors.OFFSET_OUT_OF_RANGE,
        `a log start of ${offset} is above the high watermark ${highWatermark}`,
      )
    if (offset > this.#logStartOffset) {
      this.#startAt(offset)
      const passed = this.#segments.findLastIndex(segment => segment.baseOffset <= offset)
      this.#removeOldest(Math.max(0, passed))
    }
    return null
  }

  /**
   * Deletes the segments which retention.ts says may go, oldest first, never past `highWatermark`.
   *
   * @returns how many went
   */
  applyRetention(highWatermark: number, nowMs: number): number {
    this.#heardMs = nowMs
    const { logStartOffset, logEndOffset } = this
    const ages = this.#segments.map(({ baseOffset, sizeBytes, max, createdAtMs }) => ({
      baseOffset,
      sizeBytes,
      latestMs: max.timestamp >= 0 ? max.timestamp : createdAtMs,
    }))
    const bounds = { logStartOffset, highWatermark, logEndOffset, nowMs }
    const count = deletableSegments(ages, this.#options, bounds)
    if (count === 0) return 0
    if (count === this.#segments.length) this.#roll(logEndOffset)
    const remaining = this.#segments[count] as Segment
    if (remaining.baseOffset > logStartOffset) this.#startAt(remaining.baseOffset)
    this.#removeOldest(count)
    return count
  }

  #startAt(logStartOffset: number): void {
    this.#logStartOffset = logStartOffset
    this.#epochs.truncateFromStart(logStartOffset)
  }

  #removeOldest(count: number): void {
    if (count === 0) return
    this.#generation++
    for (const segment of this.#segments.splice(0, count)) segment.remove()
    const { baseOffset } = this.#first
    removeSnapshots(this.#disk, this.directory, offset => offset < baseOffset)
  }

  /**
   * The first record at or after `timestamp`; null where there is none. Exact to the record, except in
   * compressed batches without a codec: there it is the batch's first.
   */
  offsetForTimestamp(timestamp: number): TimestampAndOffset | null {
    let fromOffset = this.#logStartOffset
    for (const segment of this.#segments) {
      for (;;) {
        const batch = segment.batchWithTimestamp(timestamp, fromOffset)
        if (batch === null) break
        const record = recordAtTimestamp(batch, timestamp, fromOffset, this.#compression)
        if (record !== null) return record
        fromOffset = batch.lastOffset + 1
      }
    }
    return null
  }

  /** The first record with the greatest timestamp of all (ListOffsets −3, KIP-734); null where no record has a timestamp. */
  offsetOfMaxTimestamp(): TimestampAndOffset | null {
    let latest = -1
    for (const { max } of this.#segments) latest = Math.max(latest, max.timestamp)
    return latest < 0 ? null : this.offsetForTimestamp(latest)
  }

  /** Below it every transaction is decided, and its end replicated. At most `highWatermark`. */
  lastStableOffset(highWatermark: number): number {
    const unstable = this.#producers.firstUnstableOffset(highWatermark)
    if (unstable === undefined) return highWatermark
    return Math.min(highWatermark, Math.max(unstable, this.#logStartOffset))
  }

  /**
   * What compaction would have to do.
   *
   * @param firstDirtyOffset from cleaner-offset-checkpoint; 0 where unknown
   */
  cleanable(firstDirtyOffset: number, highWatermark: number, nowMs: number): Cleanable {
    const { logStartOffset, recoveryPoint } = this
    return cleanable(this.#segments.map(factsOf), {
      firstDirtyOffset,
      logStartOffset,
      stableOffset: Math.min(this.lastStableOffset(highWatermark), recoveryPoint),
      minCompactionLagMs: this.#options.minCompactionLagMs,
      nowMs,
    })
  }

  /** Compacts in steps; the run's value is the new first dirty offset, or null where the log was cut meanwhile. */
  compact(range: Cleanable, nowMs: number): CompactionRun {
    const log = this
    return compaction(
      {
        disk: this.#disk,
        directory: this.directory,
        compression: this.#compression,
        get options() {
          return log.#options
        },
        get segments() {
          return log.#segments
        },
        get producers() {
          return log.producers
        },
        get recoveryPoint() {
          return log.#recoveryPoint
        },
        get generation() {
          return log.#generation
        },
        swap: (old, cleaned) => this.#swap(old, cleaned),
      },
      range,
      nowMs,
    )
  }

  #swap(old: readonly Segment[], cleaned: Segment): void {
    this.#writeRecoveryPoint?.(this.#recoveryPoint)
    const { indexIntervalBytes } = this.#options
    const segment = swapSegments(this.#disk, this.directory, old, cleaned, indexIntervalBytes)
    this.#segments.splice(this.#segments.indexOf(old[0] as Segment), old.length, segment)
    const merged = new Set(old.slice(1).map(({ baseOffset }) => baseOffset))
    removeSnapshots(this.#disk, this.directory, offset => merged.has(offset))
  }

  /** Forgets producers silent for `producer.id.expiration.ms`. */
  expireProducers(nowMs: number): void {
    this.#producers.expire(nowMs, this.#options.producerIdExpirationMs)
  }

  /** Whether anything was appended that is not flushed. */
  get isDirty(): boolean {
    return this.#recoveryPoint < this.logEndOffset
  }

  /** Makes everything appended survive a crash of the machine, before it returns. */
  flush(): void {
    for (const file of this.#unflushedFiles(this.logEndOffset)) file.flush()
    this.#disk.flushDirectory(this.directory)
    this.#recoveryPoint = this.logEndOffset
    this.#dirtySinceMs = undefined
  }

  /** The same in the background: the recovery point moves when it is done. `done` hears when, or why not. */
  flushLater(done: (error: Error | null) => void = () => {}): void {
    this.#dirtySinceMs = undefined
    this.#flushLater(this.logEndOffset, done)
  }

  /** Flushes in the background where a record has been unflushed for `flush.ms`. */
  flushOld(nowMs: number): void {
    const { flushMs = Number.POSITIVE_INFINITY } = this.#options
    if (this.#dirtySinceMs !== undefined && nowMs - this.#dirtySinceMs >= flushMs) this.flushLater()
  }

  /** All segments that begin below an offset, which is the end of one. */
  #flushLater(upToOffset: number, done: (error: Error | null) => void = () => {}): void {
    const truncations = this.#truncations
    this.#disk.flushLater(this.#unflushedFiles(upToOffset), [this.directory], error => {
      if (error === null && truncations === this.#truncations)
        this.#recoveryPoint = Math.max(this.#recoveryPoint, upToOffset)
      done(error)
    })
  }

  #unflushedFiles(upToOffset: number): DiskFile[] {
    return this.#segments
      .filter(
        ({ baseOffset, endOffset }) => endOffset > this.#recoveryPoint && baseOffset < upToOffset,
      )
      .flatMap(segment => segment.files)
  }

  /** Flushes, writes indexes and the producer snapshot, closes the files. The log is of no use afterwards. */
  close(): void {
    this.#active.seal()
    writeSnapshot(this.#disk, this.directory, this.logEndOffset, this.#producers)
    // The indexes of a log that was flushed while it grew are not.
    for (const file of this.#active.files) file.flush()
    this.flush()
    this.abandon()
  }

  /** Closes the files and nothing else: a broker that dies. */
  abandon(): void {
    this.#generation++
    for (const segment of this.#segments) segment.close()
  }

  /** Closes the files and removes them, under another name, so that a crash leaves no half of a log that looks like a whole one. */
  delete(): void {
    this.abandon()
    const doomed = doomedName(this.directory)
    this.#disk.remove(doomed)
    this.#disk.rename(this.directory, doomed)
    this.#disk.flushDirectory(directoryOf(doomed))
    this.#disk.remove(doomed)
  }
}

/** What the disk says; anything else is thrown on. */
function storageRefusal(error: unknown): Refusal {
  if (!(error instanceof Error && 'code' in error)) throw error
  return refusal(errors.KAFKA_STORAGE_ERROR, error.message)
}

/** One array; the only part as it is. */
function joined(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const [first] = parts
  if (parts.length === 1 && first !== undefined) return first
  const whole = new Uint8Array(bytes)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
