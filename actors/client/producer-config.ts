import type { Observable } from 'rxjs'
import type { Compression, CompressionName } from '../../src/records/compression.ts'
import { type ClientConfig, type Complete, clientDefaults, completed } from './client-config.ts'
import type { KafkaError } from './kafka-error.ts'

/** Text is written as UTF-8. */
export type Bytes = Uint8Array | string

export interface ProducerRecordHeader {
  readonly key: string
  readonly value: Bytes | null
}

/** A record to be sent. */
export interface ProducerRecord {
  readonly topic: string
  /** Default: by the key's hash, as Java does; without a key one partition per batch. */
  readonly partition?: number
  readonly key?: Bytes | null
  /** Null is a tombstone in a compacted topic. */
  readonly value: Bytes | null
  readonly headers?: readonly ProducerRecordHeader[] | Readonly<Record<string, Bytes | null>>
  /** Milliseconds since 1970. Default: now, on the platform's clock. */
  readonly timestamp?: number
}

/** Where a record came to stand. */
export interface RecordMetadata {
  readonly topic: string
  readonly partition: number
  /** −1 where the broker does not tell (acks=0, or a duplicate whose offset it no longer knows). */
  readonly offset: number
  /** The record's, or the broker's where the topic stamps on append. */
  readonly timestamp: number
}

/** Chooses a partition; undefined leaves it to the default. */
export type Partitioner = (record: {
  readonly topic: string
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly partitions: number
}) => number | undefined

/** Producer configuration by Kafka's names. */
export interface ProducerConfig extends ClientConfig {
  /** −1: all in-sync replicas; 1: the leader; 0: nobody answers. Default −1. */
  readonly acks?: -1 | 0 | 1
  /** Retries leave no duplicates and no gaps. Default: true with acks −1, else false. */
  readonly enableIdempotence?: boolean
  /** How long a batch waits for more records. Default 0. */
  readonly lingerMs?: number
  /** Bytes of a batch that is not kept waiting any more. Default 16,384. */
  readonly batchSize?: number
  /** From `send` to the answer, retries included. Default 120,000. */
  readonly deliveryTimeoutMs?: number
  /** Produce requests under way per broker; at most 5 with idempotence. Default 5. */
  readonly maxInFlightRequestsPerConnection?: number
  /** Bytes of one request, and of one record. Default 1,048,576. */
  readonly maxRequestSize?: number
  /** Bytes of records that wait or are under way; beyond it `send` is refused (BUFFER_EXHAUSTED) until `available`. Default 33,554,432. */
  readonly bufferMemory?: number
  /** How long a record waits for its topic's metadata. Default 60,000. */
  readonly maxBlockMs?: number
  /** Default `none`. Browsers have no gzip and no zstd. */
  readonly compressionType?: CompressionName
  /** Who packs the batches. Default: the platform. */
  readonly compression?: Compression
  readonly partitioner?: Partitioner
}

export type CompleteProducerConfig = Complete<ProducerConfig, 'clientId' | 'partitioner'>

const producerDefaults = {
  ...clientDefaults,
  acks: -1,
  lingerMs: 0,
  batchSize: 16_384,
  deliveryTimeoutMs: 120_000,
  maxInFlightRequestsPerConnection: 5,
  maxRequestSize: 1_048_576,
  bufferMemory: 33_554_432,
  maxBlockMs: 60_000,
  compressionType: 'none',
} as const

/** @param compression the platform's */
export const producerConfig = (
  config: ProducerConfig,
  compression: Compression,
): CompleteProducerConfig => ({
  enableIdempotence: (config.acks ?? -1) === -1,
  ...completed({ ...producerDefaults, compression }, config),
})

/** What happens to a producer besides the answers to its records. */
export type ProducerEvent =
  /** It has a producer id; again with the next epoch when a gap had to be closed. */
  | {
      readonly type: 'identified'
      readonly producerId: number
      readonly producerEpoch: number
    }
  /**
   * There is room again: `send` was refused (BUFFER_EXHAUSTED), and now half of the buffer is free. Whoever waits for this
   * before it sends on writes as fast as the cluster takes it.
   */
  | { readonly type: 'available'; readonly availableBytes: number }
  /** Another producer has taken its place, or the cluster has forgotten it: `failed` follows. */
  | { readonly type: 'fenced'; readonly error: KafkaError }
  /** It will send nothing any more: fenced, not allowed, or broken. */
  | { readonly type: 'failed'; readonly error: KafkaError }
  | { readonly type: 'closed' }

/** A running producer. Its charts stand in the registry below `client/<name>`. */
export interface Producer {
  /** The chart's state, e.g. `ready`. */
  readonly state: string
  /** −1 before it has one, or without idempotence. */
  readonly producerId: number
  readonly producerEpoch: number
  /** Records that wait or are under way, and their bytes. */
  readonly pendingRecords: number
  readonly pendingBytes: number
  /** Of `bufferMemory`. */
  readonly availableBytes: number
  readonly events: Observable<ProducerEvent>
  /**
   * Takes a record, at the call. The Observable tells what became of it, to whoever subscribes, whenever: it emits once, or
   * fails with a {@link KafkaError}.
   */
  send(record: ProducerRecord): Observable<RecordMetadata>
  /** Sends at once what waits; emits when all records taken before are answered, whatever the answer. */
  flush(): Observable<void>
  /** Takes no more records; emits when all are answered and it is gone. After `timeoutMs` the rest fail. */
  close(options?: { readonly timeoutMs?: number }): Observable<void>
}
