import type { Observable } from 'rxjs'
import type { BrokerId, TopicPartition, Uuid } from '../../src/ids.ts'
import { type ClientConfig, type Complete, clientDefaults, completed } from './client-config.ts'
import type { CommittedOffset, OffsetToCommit } from './consumer-config.ts'
import type { KafkaError } from './kafka-error.ts'

export interface AdminConfig extends ClientConfig {
  /** How long one call may take, retries included. Default 60,000. */
  readonly defaultApiTimeoutMs?: number
}

export type CompleteAdminConfig = Complete<AdminConfig, 'clientId'>

export const adminConfig = (config: AdminConfig): CompleteAdminConfig =>
  completed({ ...clientDefaults, defaultApiTimeoutMs: 60_000 }, config)

export interface NewTopic {
  readonly name: string
  /** Default: the broker's `num.partitions`. */
  readonly numPartitions?: number
  /** Default: the broker's `default.replication.factor`. */
  readonly replicationFactor?: number
  /** Brokers of each partition, instead of the two numbers. */
  readonly assignments?: readonly (readonly BrokerId[])[]
  readonly configs?: Readonly<Record<string, string>>
}

/** What became of one thing among several: `error` is null where it succeeded. */
export interface Outcome {
  readonly error: KafkaError | null
}

export interface CreatedTopic extends Outcome {
  readonly name: string
  /** `noUuid` where the broker does not tell. */
  readonly topicId: Uuid
  /** −1 where the broker does not tell. */
  readonly numPartitions: number
  readonly replicationFactor: number
}

export interface ClusterBroker {
  readonly id: BrokerId
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

export interface ClusterDescription {
  readonly clusterId: string | null
  /** −1: none is known. */
  readonly controllerId: BrokerId
  readonly brokers: readonly ClusterBroker[]
}

export interface PartitionDescription {
  readonly partition: number
  /** −1: it has none. */
  readonly leaderId: BrokerId
  readonly leaderEpoch: number
  readonly replicas: readonly BrokerId[]
  readonly isr: readonly BrokerId[]
  readonly offlineReplicas: readonly BrokerId[]
}

export interface TopicDescription extends Outcome {
  readonly name: string
  readonly topicId: Uuid
  readonly isInternal: boolean
  /** By number. */
  readonly partitions: readonly PartitionDescription[]
}

export interface ListedOffset extends TopicPartition, Outcome {
  /** −1: no record has such a timestamp. */
  readonly offset: number
  readonly timestamp: number
  readonly leaderEpoch: number
}

export interface AskedReassignment extends TopicPartition {
  /** Brokers, the preferred leader first; null: back to where it was before. */
  readonly replicas: readonly BrokerId[] | null
}

export interface ListedReassignment extends TopicPartition {
  /** All of them: those that come, those that stay, those that go. */
  readonly replicas: readonly BrokerId[]
  readonly addingReplicas: readonly BrokerId[]
  readonly removingReplicas: readonly BrokerId[]
}

export interface ListedGroup {
  readonly groupId: string
  readonly protocolType: string
  /** `Stable`, `Empty` …; empty where the broker is too old to tell. */
  readonly state: string
  readonly coordinatorId: BrokerId
}

export interface GroupMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly topics: readonly string[]
  readonly assignment: readonly TopicPartition[]
}

export interface GroupDescription extends Outcome {
  readonly groupId: string
  readonly state: string
  readonly protocolType: string
  /** The assignor's name. */
  readonly protocolName: string
  readonly coordinatorId: BrokerId
  readonly members: readonly GroupMember[]
}

export interface ConfigResource {
  readonly type: 'topic' | 'broker'
  /** A topic's name, or a broker's id as text. */
  readonly name: string
  /** Default: all. */
  readonly keys?: readonly string[]
}

export interface ConfigEntry {
  readonly name: string
  readonly value: string | null
  readonly isDefault: boolean
  readonly isReadOnly: boolean
  readonly isSensitive: boolean
  /** Kafka's number: 1 topic, 2 dynamic broker, 4 static broker, 5 default. */
  readonly source: number
}

export interface DescribedConfig extends Outcome {
  readonly type: 'topic' | 'broker'
  readonly name: string
  readonly entries: readonly ConfigEntry[]
}

/** What is done to one value; default: `set`. Appending and subtracting are for lists. */
export interface ConfigChange {
  readonly op?: 'set' | 'delete' | 'append' | 'subtract'
  readonly name: string
  readonly value?: string
}

export interface DeletedRecords extends TopicPartition, Outcome {
  /** Where the partition begins now; −1 where it failed. */
  readonly lowWatermark: number
}

/** Of a static member its instance's name is enough. */
export type MemberToRemove = { readonly memberId: string } | { readonly groupInstanceId: string }

export interface RemovedMember extends Outcome {
  readonly memberId: string
  readonly groupInstanceId: string | null
}

export interface DescribedLogDir extends Outcome {
  readonly brokerId: BrokerId
  readonly logDir: string
  readonly replicas: readonly (TopicPartition & {
    readonly sizeBytes: number
    /** How far it is behind: of the high watermark, or of the replica it is to take the place of. */
    readonly offsetLag: number
    readonly isFuture: boolean
  })[]
}

export interface DescribedProducers extends TopicPartition, Outcome {
  readonly producers: readonly {
    readonly producerId: number
    readonly producerEpoch: number
    /** −1: it has written nothing there. */
    readonly lastSequence: number
    /** Milliseconds since 1970; −1 as above. */
    readonly lastTimestamp: number
  }[]
}

/**
 * Asks a cluster to change or describe itself. Every Observable asks when subscribed to, emits once and completes, or fails with a
 * {@link KafkaError}; what is asked of several things has an outcome for each. What may be retried is, within the API timeout.
 */
export interface Admin {
  createTopics(
    topics: readonly NewTopic[],
    options?: { readonly validateOnly?: boolean; readonly timeoutMs?: number },
  ): Observable<readonly CreatedTopic[]>
  deleteTopics(
    names: readonly string[],
    options?: { readonly timeoutMs?: number },
  ): Observable<readonly (Outcome & { readonly name: string })[]>
  describeCluster(): Observable<ClusterDescription>
  /** Names of all topics, sorted; internal ones on request. */
  listTopics(options?: { readonly listInternal?: boolean }): Observable<readonly string[]>
  /** All topics, or these; never creates any. */
  describeTopics(names?: readonly string[]): Observable<readonly TopicDescription[]>
  /** Where partitions begin, end, or reach a timestamp (milliseconds since 1970). */
  listOffsets(
    partitions: readonly (TopicPartition & { readonly at: 'earliest' | 'latest' | number })[],
    options?: { readonly isolationLevel?: 'read_uncommitted' | 'read_committed' },
  ): Observable<readonly ListedOffset[]>
  /** Moves replicas to other brokers, or stops them on their way; done when `listPartitionReassignments` tells of none (KIP-455). */
  alterPartitionReassignments(
    moves: readonly AskedReassignment[],
    options?: { readonly timeoutMs?: number },
  ): Observable<readonly (TopicPartition & Outcome)[]>
  /** Those under way: of all partitions, or of these. */
  listPartitionReassignments(
    partitions?: readonly TopicPartition[],
  ): Observable<readonly ListedReassignment[]>
  /** All groups of all brokers. */
  listGroups(): Observable<readonly ListedGroup[]>
  describeGroups(groupIds: readonly string[]): Observable<readonly GroupDescription[]>
  deleteGroups(
    groupIds: readonly string[],
  ): Observable<readonly (Outcome & { readonly groupId: string })[]>
  /** What a group has committed: all, or for these partitions. */
  listGroupOffsets(
    groupId: string,
    partitions?: readonly TopicPartition[],
  ): Observable<readonly (CommittedOffset & Outcome)[]>
  /** Sets offsets of a group without members. */
  alterGroupOffsets(
    groupId: string,
    offsets: readonly OffsetToCommit[],
  ): Observable<readonly (TopicPartition & Outcome)[]>
  describeConfigs(resources: readonly ConfigResource[]): Observable<readonly DescribedConfig[]>
  /** Changes single values; a broker named '' is all of them. Of a topic, or a broker while it runs. */
  alterConfigs(
    resources: readonly (Pick<ConfigResource, 'type' | 'name'> & {
      readonly changes: readonly ConfigChange[]
    })[],
    options?: { readonly validateOnly?: boolean },
  ): Observable<readonly (Outcome & Pick<ConfigResource, 'type' | 'name'>)[]>
  /** Gives topics more partitions: so many then, on brokers of the controller's choice or on these. */
  createPartitions(
    topics: readonly {
      readonly name: string
      readonly totalCount: number
      readonly assignments?: readonly (readonly BrokerId[])[]
    }[],
    options?: { readonly validateOnly?: boolean; readonly timeoutMs?: number },
  ): Observable<readonly (Outcome & { readonly name: string })[]>
  /** Moves the beginning of partitions forward: records before that offset are gone. */
  deleteRecords(
    partitions: readonly (TopicPartition & { readonly before: number | 'highWatermark' })[],
    options?: { readonly timeoutMs?: number },
  ): Observable<readonly DeletedRecords[]>
  /** Has leaders elected, for these partitions or for all: the first replicas, or any that lives where none in sync does. */
  electLeaders(
    election: 'preferred' | 'unclean',
    partitions?: readonly TopicPartition[],
    options?: { readonly timeoutMs?: number },
  ): Observable<readonly (TopicPartition & Outcome)[]>
  /** Forgets committed offsets of topics that no member reads. */
  deleteGroupOffsets(
    groupId: string,
    partitions: readonly TopicPartition[],
  ): Observable<readonly (TopicPartition & Outcome)[]>
  /** Members go, and the group rebalances. */
  removeGroupMembers(
    groupId: string,
    members: readonly MemberToRemove[],
    options?: { readonly reason?: string },
  ): Observable<readonly RemovedMember[]>
  /** What lies on the disks of these brokers, or of all. */
  describeLogDirs(brokerIds?: readonly BrokerId[]): Observable<readonly DescribedLogDir[]>
  /** The idempotent producers that leaders know. */
  describeProducers(
    partitions: readonly TopicPartition[],
  ): Observable<readonly DescribedProducers[]>
  close(): void
}
