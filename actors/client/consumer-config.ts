import type { Observable } from 'rxjs'
import type { TopicPartition } from '../../src/ids.ts'
import type { Compression } from '../../src/records/compression.ts'
import type { RecordHeader } from '../../src/records/record.ts'
import { type ClientConfig, type Complete, clientDefaults, completed } from './client-config.ts'
import type { KafkaError } from './kafka-error.ts'

/** A record as it is read. Its bytes are parts of the fetched batch, not to be changed. */
export interface ConsumedRecord extends TopicPartition {
  readonly offset: number
  readonly timestamp: number
  /** Of the leader that appended it; −1 where not known. */
  readonly leaderEpoch: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly RecordHeader[]
}

/** Records of one partition, in order. The next ones come once enough of these are acknowledged. */
export interface ConsumedBatch extends TopicPartition {
  readonly records: readonly ConsumedRecord[]
  /** The end of what may be read, as known when they were fetched: `highWatermark` − the next offset is the lag. */
  readonly highWatermark: number
  /** They are dealt with: their offsets may be committed, more may come. */
  ack(): void
}

/** An offset to commit: that of the next record to be read. */
export interface OffsetToCommit extends TopicPartition {
  readonly offset: number
  readonly leaderEpoch?: number
  readonly metadata?: string
}

export interface CommittedOffset extends TopicPartition {
  /** −1: none is committed. */
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
}

export type PartitionAssignor = 'range' | 'roundrobin' | 'sticky' | 'cooperative-sticky'

/** Consumer configuration by Kafka's names. */
export interface ConsumerConfig extends ClientConfig {
  /** Without one it is in no group: it reads all partitions of its topics and commits nothing. */
  readonly groupId?: string | undefined
  readonly topics: readonly string[]
  /** A static member: it keeps its partitions over a restart within the session timeout (KIP-345). */
  readonly groupInstanceId?: string
  /** Silence after which the group goes on without it. Default 45,000. */
  readonly sessionTimeoutMs?: number
  /** Default 3,000. */
  readonly heartbeatIntervalMs?: number
  /** How long it may take to join again once the group rebalances. Default: `maxPollIntervalMs`. */
  readonly rebalanceTimeoutMs?: number
  /** An unacknowledged batch older than this makes it leave the group. Default 300,000. */
  readonly maxPollIntervalMs?: number
  /** Where to begin without a committed offset, or with one the log no longer has. Default `latest`. */
  readonly autoOffsetReset?: 'earliest' | 'latest' | 'none'
  /** Commits what is acknowledged, from time to time and before partitions go. Default true. */
  readonly enableAutoCommit?: boolean
  /** Default 5,000. */
  readonly autoCommitIntervalMs?: number
  /** In order of preference. Default `['range', 'cooperative-sticky']`. */
  readonly partitionAssignmentStrategy?: readonly PartitionAssignor[]
  /** Default `read_uncommitted`. */
  readonly isolationLevel?: 'read_uncommitted' | 'read_committed'
  /** Default 1. */
  readonly fetchMinBytes?: number
  /** How long a broker may wait for `fetchMinBytes`. Default 500. */
  readonly fetchMaxWaitMs?: number
  /** Default 52,428,800. */
  readonly fetchMaxBytes?: number
  /** Default 1,048,576. */
  readonly maxPartitionFetchBytes?: number
  /** Records of one batch at most. Default 500. */
  readonly maxPollRecords?: number
  /** Batches of one partition that may be unacknowledged. Ours, not Kafka's. Default 1. */
  readonly maxUnacknowledgedBatches?: number
  /** Whether the checksums of batches are verified. Default true. */
  readonly checkCrcs?: boolean
  /** Whether asking for a topic may create it. Default true. */
  readonly allowAutoCreateTopics?: boolean
  /** Who unpacks compressed batches. Default: the platform. */
  readonly compression?: Compression
}

export type CompleteConsumerConfig = Complete<
  ConsumerConfig,
  'clientId' | 'groupId' | 'groupInstanceId'
>

const consumerDefaults = {
  ...clientDefaults,
  sessionTimeoutMs: 45_000,
  heartbeatIntervalMs: 3000,
  maxPollIntervalMs: 300_000,
  autoOffsetReset: 'latest',
  enableAutoCommit: true,
  autoCommitIntervalMs: 5000,
  partitionAssignmentStrategy: ['range', 'cooperative-sticky'],
  isolationLevel: 'read_uncommitted',
  fetchMinBytes: 1,
  fetchMaxWaitMs: 500,
  fetchMaxBytes: 52_428_800,
  maxPartitionFetchBytes: 1_048_576,
  maxPollRecords: 500,
  maxUnacknowledgedBatches: 1,
  checkCrcs: true,
  allowAutoCreateTopics: true,
} as const

/** @param compression the platform's */
export const consumerConfig = (
  config: ConsumerConfig,
  compression: Compression,
): CompleteConsumerConfig => {
  const complete = completed({ ...consumerDefaults, compression }, config)
  return {
    ...complete,
    rebalanceTimeoutMs: config.rebalanceTimeoutMs ?? complete.maxPollIntervalMs,
  }
}

/** What happens to a consumer besides records. */
export type ConsumerEvent =
  /** Partitions were added (perhaps none); `assignment` is all it has now. */
  | {
      readonly type: 'assigned'
      readonly partitions: readonly TopicPartition[]
      readonly assignment: readonly TopicPartition[]
      readonly memberId: string
      readonly generationId: number
    }
  /**
   * Partitions go in good order: their batches are acknowledged and, with auto-commit, committed. A `commit` called while
   * this is delivered still counts.
   */
  | { readonly type: 'revoked'; readonly partitions: readonly TopicPartition[] }
  /** Partitions are another's already: nothing can be committed for them. */
  | { readonly type: 'lost'; readonly partitions: readonly TopicPartition[] }
  | { readonly type: 'committed'; readonly offsets: readonly CommittedOffset[] }
  /** A partition is read from here on: its committed offset, or where the reset led. */
  | {
      readonly type: 'positioned'
      readonly partition: TopicPartition
      readonly offset: number
      readonly by: 'committed' | 'reset' | 'seek' | 'truncation'
    }
  /** Another static member of its name has taken its place: the fatal `error` follows. */
  | { readonly type: 'fenced'; readonly error: KafkaError }
  /** Something failed; `fatal`: and with it the consumer. */
  | {
      readonly type: 'error'
      readonly error: KafkaError
      readonly fatal: boolean
      /** It is about this partition, which is not read until a seek. */
      readonly partition?: TopicPartition
    }
  | { readonly type: 'closed' }

/** A running consumer. Its charts stand in the registry below `client/<name>`. */
export interface Consumer {
  /** The chart's state, e.g. `joined.stable`. */
  readonly state: string
  readonly memberId: string
  readonly generationId: number
  readonly assignment: readonly TopicPartition[]
  /** Records are fetched only while somebody subscribes. */
  readonly batches: Observable<ConsumedBatch>
  readonly events: Observable<ConsumerEvent>
  /** Commits these offsets, or all that is acknowledged. Emits what was committed, once. */
  commit(offsets?: readonly OffsetToCommit[]): Observable<readonly CommittedOffset[]>
  /** What the group has committed. */
  committed(partitions: readonly TopicPartition[]): Observable<readonly CommittedOffset[]>
  /** Reads on from elsewhere; batches given before need no acknowledgement any more. */
  seek(partition: TopicPartition, offset: number | 'earliest' | 'latest'): void
  pause(partitions: readonly TopicPartition[]): void
  resume(partitions: readonly TopicPartition[]): void
  /** The offset of the next record to be given; null while that is not known, or the partition is not assigned. */
  position(partition: TopicPartition): number | null
  /** Acknowledged up to here, exclusively; null as above. */
  acknowledged(partition: TopicPartition): number | null
  /** Waits for what is unacknowledged (at most `timeoutMs`, default 30,000), commits, leaves the group; emits when it is gone. */
  close(options?: { readonly timeoutMs?: number }): Observable<void>
}
