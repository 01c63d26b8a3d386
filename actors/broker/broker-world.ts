import type { Observable } from 'rxjs'
import type { PartitionReplicaSnapshot } from '../../machines/broker/partition-replica.ts'
import type { BrokerConfig, TopicConfig } from '../../src/broker/config.ts'
import type { MetadataCache } from '../../src/broker/metadata-cache.ts'
import type { ElectionResult, ElectionType } from '../../src/controller/aims.ts'
import type {
  AskedReassignment,
  AssignmentWrite,
  ReassignmentResult,
} from '../../src/controller/reassignment.ts'
import type { ErrorCode } from '../../src/error.ts'
import type { BrokerId, TopicPartition, Uuid } from '../../src/ids.ts'
import type { AppendOrigin, AppendResult, Log } from '../../src/log/log.ts'
import type {
  AllocateProducerIds,
  AlterPartition,
  Api,
  ControlledShutdown,
  LeaderAndIsr,
  RequestDraftOf,
  RequestOf,
  ResponseDraftOf,
  ResponseOf,
  StopReplica,
} from '../../src/protocol/index.ts'
import type { Channel } from '../channel.ts'
import type { World } from '../world.ts'
import type { ZooKeeperClient } from '../zookeeper/client.ts'
import type { FetchSessions } from './fetch-sessions.ts'
import type { GroupCoordinator } from './group-coordinator.ts'
import type { Purgatory } from './purgatory.ts'

/**
 * What the rooms of one broker share. Each part is made by its own file in this folder; handlers (`api/`) are given the
 * whole. `broker.ts` puts it together and ends it.
 */
export interface BrokerWorld extends World {
  readonly brokerId: BrokerId
  /** As it is now: some of it changes while the broker runs. */
  readonly config: BrokerConfig
  readonly brokerConfigs: BrokerConfigs
  /** The cluster's id; known once `/cluster/id` was read, before anything is served. */
  readonly clusterId: Uuid
  /** czxid of this broker's znode as last registered; −1 before. */
  readonly brokerEpoch: number
  readonly zookeeper: ZooKeeperClient
  /** What the controller told (UpdateMetadata): live brokers, partitions, the controller. */
  readonly metadata: MetadataCache
  /** Topics' configurations as `/config/topics` has them, kept up by `/config/changes`. */
  readonly topicConfigs: TopicConfigs
  readonly partitions: Partitions
  readonly groups: GroupCoordinator
  readonly controller: Controller
  readonly producerIds: ProducerIds
  readonly peers: Peers
  readonly purgatory: Purgatory
  /** What happened to this broker's partitions and metadata: purgatory, coordinators and fetchers live on it. */
  readonly changes: Channel<BrokerChange>
}

export type BrokerChange =
  | ({ readonly kind: 'highWatermark'; readonly highWatermark: number } & TopicPartition)
  | ({ readonly kind: 'logEnd'; readonly logEndOffset: number } & TopicPartition)
  | ({ readonly kind: 'isr'; readonly isr: readonly BrokerId[] } & TopicPartition)
  /** This replica's role changed; `leader` comes after the leader epoch was entered in the log. */
  | ({
      readonly kind: 'role'
      readonly role: 'leader' | 'follower' | 'offline' | 'deleted'
      readonly leaderEpoch: number
    } & TopicPartition)
  /** UpdateMetadata was taken in. */
  | { readonly kind: 'metadata' }
  /** Null: of all topics, since the broker's own changed. */
  | { readonly kind: 'topicConfig'; readonly topic: string | null }

/** This broker's configuration by its layers. */
export interface BrokerConfigs {
  readonly current: BrokerConfig
  /** As it was started with. */
  readonly given: BrokerConfig
  /** What was set at run time for all brokers, and over that for this one; as text. */
  readonly cluster: Readonly<Record<string, string>>
  readonly own: Readonly<Record<string, string>>
}

export interface TopicConfigs {
  /** The topic's configuration: its own keys over the broker's defaults. */
  get(topic: string): TopicConfig
  /** Only the keys the topic sets itself, as text. */
  overrides(topic: string): Readonly<Record<string, string>>
  /** Reads those of some topics; emits once, or fails as ZooKeeper does. A topic that is made leaves no note of its configuration. */
  refresh(topics: readonly string[]): Observable<void>
}

export interface ProduceResult {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly baseOffset: number
  readonly logAppendTimeMs: number
  readonly logStartOffset: number
}

/** One replica on this broker: its log and its chart. */
export interface Partition extends TopicPartition {
  readonly topicId: Uuid
  readonly log: Log
  readonly isLeader: boolean
  /** As this broker last heard; −1 where none. */
  readonly leaderId: BrokerId
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  readonly isr: readonly BrokerId[]
  readonly replicas: readonly BrokerId[]
  readonly highWatermark: number
  readonly lastStableOffset: number
  /** As leader: below it no live replica has anything; −1 while one has not said where its log begins. */
  readonly lowWatermark: number
  /** The chart's state as text, e.g. `leader.isrCommitted`. */
  readonly state: string
  /** The chart's snapshot, for the selectors beside the chart (machines/broker/partition-replica.ts). */
  readonly snapshot: PartitionReplicaSnapshot
  /**
   * Appends as leader and tells the chart, in this very turn. Under acks −1 it is committed when the chart's `acknowledgement` of
   * `lastOffset + 1` says so. Refusals besides those of the log: NOT_LEADER_OR_FOLLOWER, NOT_ENOUGH_REPLICAS.
   */
  append(
    records: Uint8Array,
    options: {
      readonly acks: -1 | 0 | 1
      readonly origin: AppendOrigin
      readonly allowsZstd?: boolean
    },
  ): AppendResult
  /**
   * As leader: moves the log's start on to an offset, never back. NOT_LEADER_OR_FOLLOWER, POLICY_VIOLATION where the topic is compacted
   * only, OFFSET_OUT_OF_RANGE beyond the high watermark.
   */
  deleteRecords(beforeOffset: number): ErrorCode
  /** A follower asked for what comes after `logEndOffset`; its log does not diverge from ours below. */
  fetchedBy(follower: {
    readonly from: BrokerId
    readonly leaderEpoch: number
    readonly brokerEpoch: number
    readonly logEndOffset: number
    readonly logStartOffset: number
  }): void
  /**
   * Appends as leader and, under acks −1, waits until every member of the maximal ISR has it. Emits once. Errors are codes:
   * NOT_LEADER_OR_FOLLOWER, NOT_ENOUGH_REPLICAS, REQUEST_TIMED_OUT … (DelayedProduce, Partition.appendRecordsToLeader).
   *
   * @param options.origin `coordinator` for our own writers (several batches allowed, no size check against clients' limits).
   */
  produce(
    records: Uint8Array,
    options: {
      readonly acks: -1 | 0 | 1
      readonly timeoutMs: number
      readonly origin: AppendOrigin
    },
  ): Observable<ProduceResult>
}

export interface Partitions {
  get(topic: string, partition: number): Partition | undefined
  /** The same with an error code where it is not served here: NOT_LEADER_OR_FOLLOWER where others have it (getPartitionOrError). */
  find(topic: string, partition: number): Partition | ErrorCode
  all(): Iterable<Partition>
  /** The name of a topic that has replicas here: the controller tells of those before it tells all the world. */
  topicName(topicId: Uuid): string | undefined
  /** Replicas here that count as in sync and have lost their logs: a controller on this broker need not ask. */
  readonly lost: readonly TopicPartition[]
  /** Who fetches from this broker incrementally (KIP-227). */
  readonly fetchSessions: FetchSessions
  /** ReplicaManager.becomeLeaderOrFollower. */
  leaderAndIsr(request: RequestOf<typeof LeaderAndIsr>): ResponseDraftOf<typeof LeaderAndIsr>
  /** ReplicaManager.stopReplicas. */
  stopReplica(request: RequestOf<typeof StopReplica>): ResponseDraftOf<typeof StopReplica>
  /** Writes high watermarks and closes the logs: an orderly shutdown. */
  shutDown(): void
}

/** The controller as the rest of its broker sees it. */
export interface Controller {
  readonly isActive: boolean
  /** Takes part in elections from now on; called once the broker has registered. */
  start(): void
  /** The broker has registered again after its session expired. */
  reelect(): void
  /** The session expired: clears what waits, resigns if active (KafkaController.Expire). */
  expire(): void
  /** Orderly shutdown: resigns. */
  stop(): void
  alterPartition(
    request: RequestOf<typeof AlterPartition>,
    version: number,
  ): Observable<ResponseDraftOf<typeof AlterPartition>>
  controlledShutdown(
    request: RequestOf<typeof ControlledShutdown>,
    version: number,
  ): Observable<ResponseDraftOf<typeof ControlledShutdown>>
  /** Elections by hand (ElectLeaders); `partitions` null: all. Emits once, null where this is not, or no longer, the controller. */
  electLeaders(
    electionType: ElectionType,
    partitions: readonly TopicPartition[] | null,
  ): Observable<readonly ElectionResult[] | null>
  /** Moves replicas; emits once, null where this is not, or no longer, the controller. */
  alterReassignments(
    asked: readonly AskedReassignment[],
  ): Observable<readonly ReassignmentResult[] | null>
  /** All that are under way; emits once, null where this is not, or no longer, the controller. */
  listReassignments(): Observable<readonly AssignmentWrite[] | null>
  allocateProducerIds(
    request: RequestOf<typeof AllocateProducerIds>,
  ): Observable<ResponseDraftOf<typeof AllocateProducerIds>>
}

export interface ProducerIds {
  /** A producer id never given before (blocks of 1,000 from the controller), or an error code. */
  next(): Observable<{ readonly errorCode: number; readonly producerId: number }>
}

/**
 * Requests to other brokers, over links. Each purpose has a connection of its own, as in Kafka: the controller's orders
 * never wait behind a fetch.
 */
export interface Peers {
  /** A connection to a broker's address; the caller owns and closes it. */
  connect(brokerId: BrokerId, clientId: string): PeerConnection
  /**
   * Sends to whoever is the controller, waiting for one and retrying until it answers otherwise than
   * NOT_CONTROLLER (BrokerToControllerChannelManager). One request is under way at a time, in order.
   */
  toController<A extends Api>(api: A, body: RequestDraftOf<A>): Observable<ResponseOf<A>>
}

export interface PeerConnection {
  readonly brokerId: BrokerId
  /** Emits once, or errors with `LinkClosed` / `RequestTimedOut`; connects on first use and again after a loss. */
  request<A extends Api>(
    api: A,
    version: number,
    body: RequestDraftOf<A>,
    timeoutMs: number,
  ): Observable<ResponseOf<A>>
  close(): void
}
