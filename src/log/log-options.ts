/** What a log is told about itself: its topic's configuration, and what its broker remembers of it. */
import type { Compression } from '../records/compression.ts'

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
  /** `flush.messages`: an append that makes so many unflushed records flushes them before it is answered */
  readonly flushMessages: number
  /** `flush.ms`: how long a record may stay unflushed */
  readonly flushMs: number
  /** `min.compaction.lag.ms`: how long a record stays untouched */
  readonly minCompactionLagMs: number
  /** `max.compaction.lag.ms`: how long a record may stay superseded */
  readonly maxCompactionLagMs: number
  /** `min.cleanable.dirty.ratio`: the share of dirty bytes from which on the log is compacted */
  readonly minCleanableDirtyRatio: number
  /** `delete.retention.ms`: how long tombstones stay readable */
  readonly deleteRetentionMs: number
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
  flushMessages: Number.MAX_SAFE_INTEGER,
  flushMs: Number.MAX_SAFE_INTEGER,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  minCleanableDirtyRatio: 0.5,
  deleteRetentionMs: 24 * 3600 * 1000,
}

/** What a restart remembers of a log besides its directory. */
export interface LogResumption {
  /** From log-start-offset-checkpoint; 0 where unknown. */
  readonly logStartOffset?: number
  /** From recovery-point-offset-checkpoint: everything below was flushed; 0 where unknown. */
  readonly recoveryPoint?: number
  /** The broker was shut down in an orderly way: nothing is scanned. */
  readonly clean?: boolean
  /**
   * Writes the recovery point down at once, for good. Called before the log is cut below it (what is then appended is not flushed)
   * and before it is compacted, whose gaps are those of losses to a log that is compacted no more.
   */
  readonly writeRecoveryPoint?: (recoveryPoint: number) => void
  /** Needed for the exact answer of `offsetForTimestamp` in compressed batches. */
  readonly compression?: Compression
}
