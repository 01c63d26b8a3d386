/**
 * One replica's log: segments in order, with offset and time indexes, leader epochs and producer state.
 *
 * Everything is synchronous and nothing here reads the clock: instants come as `nowMs`. The log knows no
 * high watermark either (the partition's chart does): where one bounds an answer it is an argument.
 * After UnifiedLog, LocalLog and LogLoader; the files are Kafka's own.
 */
import type { Disk } from '../ports.ts'
import type { Compression } from '../records/compression.ts'
import type { Refusal } from '../records/refusal.ts'

/** A topic's configuration as far as its logs mind it; names and defaults are Kafka's. */
export interface LogOptions {
  /** `segment.bytes` */
  readonly segmentBytes: number
  /** `segment.ms` */
  readonly segmentMs: number
  /** `segment.index.bytes` */
  readonly segmentIndexBytes: number
  /** `index.interval.bytes` */
  readonly indexIntervalBytes: number
  /** `max.message.bytes`, of one batch */
  readonly maxMessageBytes: number
  /** `retention.ms`; −1 is without bound */
  readonly retentionMs: number
  /** `retention.bytes`; −1 is without bound */
  readonly retentionBytes: number
  /** `cleanup.policy` has `delete` */
  readonly deletes: boolean
  /** `cleanup.policy` has `compact`: records without a key are refused */
  readonly compacts: boolean
  /** `message.timestamp.type` */
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  /** `message.timestamp.before.max.ms` */
  readonly timestampBeforeMaxMs: number
  /** `message.timestamp.after.max.ms` */
  readonly timestampAfterMaxMs: number
  /** `producer.id.expiration.ms` */
  readonly producerIdExpirationMs: number
}

/** Kafka's defaults. */
export const defaultLogOptions: LogOptions = {
  segmentBytes: 1024 * 1024 * 1024,
  segmentMs: 7 * 24 * 3600 * 1000,
  segmentIndexBytes: 10 * 1024 * 1024,
  indexIntervalBytes: 4096,
  maxMessageBytes: 1024 * 1024 + 12,
  retentionMs: 7 * 24 * 3600 * 1000,
  retentionBytes: -1,
  deletes: true,
  compacts: false,
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  timestampAfterMaxMs: Number.MAX_SAFE_INTEGER,
  producerIdExpirationMs: 24 * 3600 * 1000,
}

/** What a restart remembers of a log besides its directory. */
export interface LogResumption {
  /** From log-start-offset-checkpoint; 0 where unknown. */
  readonly logStartOffset?: number
  /** From recovery-point-offset-checkpoint: everything below was flushed; 0 where unknown. */
  readonly recoveryPoint?: number
  /** The broker was shut down in an orderly way: nothing is scanned. */
  readonly clean?: boolean
  /** Needed for the exact answer of `offsetForTimestamp` in compressed batches. */
  readonly compression?: Compression
}

/** `client`: everything is checked. `coordinator`: our own writer (several batches, control batches, no sequences). */
export type AppendOrigin = 'client' | 'coordinator'

export interface Appended {
  readonly ok: true
  /** Offset of the first record; of the earlier append where `duplicate`. */
  readonly baseOffset: number
  readonly lastOffset: number
  /** −1 under CreateTime. */
  readonly logAppendTimeMs: number
  readonly logStartOffset: number
  /** An idempotent producer's batch that is here already: nothing was written. */
  readonly duplicate: boolean
}

export type AppendResult = Appended | Refusal

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

export interface TimestampAndOffset {
  readonly timestamp: number
  readonly offset: number
  /** −1 where unknown. */
  readonly leaderEpoch: number
}

/** The answer of OffsetForLeaderEpoch: (−1, −1) where undefined. */
export interface EpochEndOffset {
  readonly leaderEpoch: number
  readonly endOffset: number
}

export class Log {
  /** Opens or creates the log of `<topic>-<partition>`, recovering it where the shutdown was not clean. Throws what the disk throws. */
  static open(
    _disk: Disk,
    _directory: string,
    _options: LogOptions,
    _nowMs: number,
    _resumption: LogResumption = {},
  ): Log {
    throw new Error('in the making')
  }

  declare readonly directory: string
  declare readonly options: LogOptions
  declare readonly logStartOffset: number
  declare readonly logEndOffset: number
  /** Bytes of all segments. */
  declare readonly sizeBytes: number
  /** The newest leader epoch in the epoch cache; −1 where there is none. */
  declare readonly latestLeaderEpoch: number

  /** New configuration (AlterConfigs); holds from the next append on. */
  declare reconfigure: (options: LogOptions) => void

  /**
   * Appends as the leader: checks, assigns offsets from `logEndOffset` on and the leader epoch, by rewriting headers only.
   * The bytes are copied by the disk; `records` itself stays unchanged. A disk that fails is KAFKA_STORAGE_ERROR.
   */
  declare appendAsLeader: (
    records: Uint8Array,
    as: { leaderEpoch: number; nowMs: number; origin: AppendOrigin },
  ) => AppendResult

  /**
   * Appends what was fetched from the leader, offsets and epochs as they are; must not begin below `logEndOffset`.
   * A torn batch at the end is left out. Records the leader epochs met.
   */
  declare appendAsFollower: (records: Uint8Array, nowMs: number) => AppendResult

  /** OFFSET_OUT_OF_RANGE below `logStartOffset` or above `logEndOffset`. */
  declare read: (fromOffset: number, limits: ReadLimits) => LogRead | Refusal

  /** On leadership: the epoch starts at `startOffset` (the log end). Remembered at once, also when nothing is written (KAFKA-7415). */
  declare assignLeaderEpoch: (leaderEpoch: number, startOffset: number) => void
  /** §4.4: what OffsetForLeaderEpoch answers for a requested epoch. */
  declare endOffsetForEpoch: (leaderEpoch: number) => EpochEndOffset
  /** The epoch of the record before `offset`, for LastFetchedEpoch; −1 where unknown. */
  declare leaderEpochAt: (offset: number) => number

  /** Drops everything from `offset` on. Inside a batch the whole batch goes: read `logEndOffset` afterwards. Nothing above the end. */
  declare truncateTo: (offset: number) => void
  /** Drops everything; the log is empty and starts at `newStartOffset`. */
  declare truncateFully: (newStartOffset: number) => void
  /** DeleteRecords, and the leader's log start at a follower. OFFSET_OUT_OF_RANGE above `highWatermark`; never goes back. */
  declare advanceLogStartOffset: (offset: number, highWatermark: number) => Refusal | null
  /** Deletes segments by time, size and log start, oldest first, never past `highWatermark`. Returns how many went. */
  declare applyRetention: (highWatermark: number, nowMs: number) => number

  /** The first record at or after `timestamp`, exact to the record; null where there is none. */
  declare offsetForTimestamp: (timestamp: number) => TimestampAndOffset | null
  /** ListOffsets MAX_TIMESTAMP (−3, KIP-734); null in an empty log. */
  declare offsetOfMaxTimestamp: () => TimestampAndOffset | null
  /** Below it every transaction is decided: bounded by `highWatermark`. */
  declare lastStableOffset: (highWatermark: number) => number

  /** Forgets producers silent for `producerIdExpirationMs`. */
  declare expireProducers: (nowMs: number) => void
  /** Makes everything appended survive a crash of the machine. */
  declare flush: () => void
  /** Flushes, writes indexes and the producer snapshot, closes the files. */
  declare close: () => void
  /** Closes and removes the directory. */
  declare delete: () => void
}
