import { type BrokerId, noUuid, type TopicPartition, type Uuid } from '../ids.ts'
import type { UpdateMetadata } from '../protocol/api/06-update-metadata.ts'
import type { RequestOf } from '../protocol/schema.ts'

/** A broker that lives, as far as the controller said, and where clients of one listener find it. */
export interface LiveBroker {
  readonly id: BrokerId
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

export interface PartitionMetadata {
  readonly partition: number
  /** −1: none at present. */
  readonly leader: BrokerId
  readonly leaderEpoch: number
  readonly isr: readonly BrokerId[]
  readonly replicas: readonly BrokerId[]
  /** Replicas on brokers or directories that are gone. */
  readonly offlineReplicas: readonly BrokerId[]
  readonly partitionEpoch: number
}

export interface TopicMetadata {
  readonly name: string
  /** {@link noUuid} where the controller knows none. */
  readonly topicId: Uuid
  readonly partitions: ReadonlyMap<number, PartitionMetadata>
}

/** The one listener Samsa's own brokers have; brokers of Apache Kafka may have others besides. */
export const plaintextListener = 'PLAINTEXT'

/** Names of the security protocols by their number on the wire: a listener's name before it had one of its own. */
const securityProtocols = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL']

/** What stands for the leader of a partition whose topic is being deleted (LeaderAndIsr.LeaderDuringDelete). */
const leaderDuringDelete = -2

/** v0–4 name the topic in each partition; later ones group by topic. */
interface TopicState {
  readonly topicName: string
  readonly topicId: Uuid
  readonly partitionStates: RequestOf<typeof UpdateMetadata>['ungroupedPartitionStates']
}

function topicStates(request: RequestOf<typeof UpdateMetadata>): readonly TopicState[] {
  if (request.ungroupedPartitionStates.length === 0) return request.topicStates
  const byTopic = Map.groupBy(request.ungroupedPartitionStates, state => state.topicName)
  return [...byTopic].map(([topicName, partitionStates]) => ({
    topicName,
    topicId: noUuid,
    partitionStates,
  }))
}

/**
 * The cluster as the controller told this broker: live brokers, topics with their partitions, who the controller is. What
 * Metadata is answered from. After Kafka's ZkMetadataCache.
 */
export class MetadataCache {
  #controllerId: BrokerId | null = null
  #controllerEpoch = 0
  /** Endpoints by listener's name, by broker. */
  #brokers = new Map<BrokerId, ReadonlyMap<string, LiveBroker>>()
  readonly #topics = new Map<
    string,
    { name: string; topicId: Uuid; partitions: Map<number, PartitionMetadata> }
  >()
  readonly #names = new Map<Uuid, string>()
  /** Under which registration of ours the controller spoke last. */
  #brokerEpoch = -1

  /** Null: none known at present. */
  get controllerId(): BrokerId | null {
    return this.#controllerId
  }

  /** The highest controller epoch heard of, from whichever of the controller's requests. */
  get controllerEpoch(): number {
    return this.#controllerEpoch
  }

  /**
   * Takes note of the epoch that a request of a controller carries (UpdateMetadata, LeaderAndIsr, StopReplica).
   *
   * @returns false where a newer controller was heard of already: the request is STALE_CONTROLLER_EPOCH.
   */
  admitController(controllerEpoch: number): boolean {
    if (controllerEpoch < this.#controllerEpoch) return false
    this.#controllerEpoch = controllerEpoch
    return true
  }

  /**
   * Takes in an UpdateMetadata: all live brokers anew, and those partitions that it names. The first one under a new
   * registration names all there are (onBrokerStartup): others were deleted while nobody told us. Kafka's brokers remember those
   * until they are started anew.
   *
   * @returns the partitions that it says are deleted.
   */
  update(request: RequestOf<typeof UpdateMetadata>): readonly TopicPartition[] {
    const deleted: TopicPartition[] = []
    this.#controllerId = request.controllerId < 0 ? null : request.controllerId
    this.#brokers = new Map(
      request.liveBrokers.map(({ id, endpoints, rack, v0Host, v0Port }) => [
        id,
        new Map(
          endpoints.length === 0
            ? [[plaintextListener, { id, host: v0Host, port: v0Port, rack }]]
            : endpoints.map(({ listener, securityProtocol, host, port }) => [
                listener || (securityProtocols[securityProtocol] ?? ''),
                { id, host, port, rack },
              ]),
        ),
      ]),
    )
    const topics = topicStates(request)
    if (request.brokerEpoch > this.#brokerEpoch && topics.length > 0) {
      this.#brokerEpoch = request.brokerEpoch
      this.#topics.clear()
      this.#names.clear()
    }
    for (const { topicName, topicId, partitionStates } of topics)
      for (const state of partitionStates) {
        if (state.leader === leaderDuringDelete) {
          this.#remove(topicName, state.partitionIndex)
          deleted.push({ topic: topicName, partition: state.partitionIndex })
        } else
          this.#set(topicName, topicId, {
            partition: state.partitionIndex,
            leader: state.leader,
            leaderEpoch: state.leaderEpoch,
            isr: state.isr,
            replicas: state.replicas,
            offlineReplicas: state.offlineReplicas,
            partitionEpoch: state.zkVersion,
          })
      }
    return deleted
  }

  /** Live brokers that have this listener, by id. */
  brokers(listener: string = plaintextListener): readonly LiveBroker[] {
    return [...this.#brokers.values()]
      .map(endpoints => endpoints.get(listener))
      .filter(broker => broker !== undefined)
      .sort((a, b) => a.id - b.id)
  }

  /** Undefined where it does not live, or has no such listener: {@link isLive} tells which. */
  broker(id: BrokerId, listener: string = plaintextListener): LiveBroker | undefined {
    return this.#brokers.get(id)?.get(listener)
  }

  isLive(id: BrokerId): boolean {
    return this.#brokers.has(id)
  }

  topicNames(): readonly string[] {
    return [...this.#topics.keys()]
  }

  topic(name: string): TopicMetadata | undefined {
    return this.#topics.get(name)
  }

  topicName(topicId: Uuid): string | undefined {
    return this.#names.get(topicId)
  }

  partition(topic: string, partition: number): PartitionMetadata | undefined {
    return this.#topics.get(topic)?.partitions.get(partition)
  }

  #set(name: string, topicId: Uuid, partition: PartitionMetadata): void {
    let topic = this.#topics.get(name)
    if (topic === undefined) {
      topic = { name, topicId: noUuid, partitions: new Map() }
      this.#topics.set(name, topic)
    }
    // A controller of an older version names no id; the one known stays.
    if (topicId !== noUuid && topicId !== topic.topicId) {
      this.#names.delete(topic.topicId)
      this.#names.set(topicId, name)
      topic.topicId = topicId
    }
    topic.partitions.set(partition.partition, partition)
  }

  #remove(name: string, partition: number): void {
    const topic = this.#topics.get(name)
    if (topic === undefined) return
    topic.partitions.delete(partition)
    if (topic.partitions.size > 0) return
    this.#topics.delete(name)
    this.#names.delete(topic.topicId)
  }
}
