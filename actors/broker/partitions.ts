import { assignmentRefusal, stopReplicaRefusal } from '../../machines/broker/partition-replica.ts'
import { type ErrorCode, errors } from '../../src/error.ts'
import {
  type BrokerId,
  noUuid,
  printPartition,
  type TopicPartition,
  type Uuid,
} from '../../src/ids.ts'
import type { StorageError } from '../../src/log/guarded-disk.ts'
import type { Timer } from '../../src/ports.ts'
import type {
  LeaderAndIsr,
  RequestOf,
  ResponseDraftOf,
  StopReplica,
} from '../../src/protocol/index.ts'
import { LogDirEventNotificationZNode } from '../../src/zookeeper/paths.ts'
import type { BrokerChange, BrokerWorld, Partition, Partitions } from './broker-world.ts'
import { Cleaner } from './cleaner.ts'
import { FetchSessions } from './fetch-sessions.ts'
import { Fetchers } from './fetcher.ts'
import { IsrChanges } from './isr-changes.ts'
import { LogDirectory } from './log-directory.ts'
import { logOptions, onDisk, Replica } from './partition.ts'

type LeaderAndIsrRequest = RequestOf<typeof LeaderAndIsr>
type AssignedState = LeaderAndIsrRequest['ungroupedPartitionStates'][number]
type StopReplicaRequest = RequestOf<typeof StopReplica>

/** Opens the logs that are on the broker's disk; roles come with the controller's orders. */
export const startPartitions = (broker: BrokerWorld): Partitions => new PartitionsRoom(broker)

/**
 * The replicas of one broker: made and moved by the controller's orders, their high watermarks written down, their followers' lag and
 * their logs' age looked at from time to time. After ReplicaManager and LogManager.
 */
class PartitionsRoom implements Partitions {
  readonly fetchSessions: FetchSessions
  readonly #broker: BrokerWorld
  readonly #directory: LogDirectory
  readonly #replicas = new Map<string, Replica>()
  readonly #fetchers: Fetchers
  readonly #isrChanges: IsrChanges
  readonly #cleaner: Cleaner
  readonly #timers = new Map<string, Timer>()
  #failure: StorageError | undefined

  constructor(broker: BrokerWorld) {
    const { config, platform } = broker
    this.#broker = broker
    this.fetchSessions = new FetchSessions(
      config['max.incremental.fetch.session.cache.slots'],
      platform.random,
    )
    this.#isrChanges = new IsrChanges(broker)
    this.#fetchers = new Fetchers(broker, (topic, partition) => this.#replica(topic, partition))
    this.#directory = new LogDirectory(
      platform.disk(broker.name),
      platform.clock,
      platform.compression,
      error => this.#diskFailed(error),
    )
    for (const found of this.#directory.partitions()) this.#open(found, noUuid)
    this.#directory.opened()
    this.#cleaner = new Cleaner(broker, this.#directory, () => this.#replicas.values())
    broker.changes.subscribe(change => this.#changed(change))
    // What recovery has read is not known to be on the disk.
    this.#flushDirty()
    this.#every('log.flush.offset.checkpoint.interval.ms', () => this.#flushDirty())
    this.#every('replica.high.watermark.checkpoint.interval.ms', () => this.#checkpoint())
    this.#every('log.retention.check.interval.ms', () => {
      for (const replica of this.#replicas.values()) replica.retain()
    })
    this.#every(
      'replica.lag.time.max.ms',
      () => {
        for (const replica of this.#replicas.values()) replica.checkLag()
      },
      0.5,
    )
  }

  get(topic: string, partition: number): Partition | undefined {
    return this.#replica(topic, partition)
  }

  find(topic: string, partition: number): Partition | ErrorCode {
    const replica = this.#replica(topic, partition)
    if (replica !== undefined && replica.snapshot.value !== 'offline') return replica
    return this.#broker.metadata.partition(topic, partition) === undefined
      ? errors.UNKNOWN_TOPIC_OR_PARTITION
      : errors.NOT_LEADER_OR_FOLLOWER
  }

  all(): Iterable<Partition> {
    return this.#replicas.values()
  }

  topicName(topicId: Uuid): string | undefined {
    for (const replica of this.#replicas.values())
      if (replica.topicId === topicId) return replica.topic
    return undefined
  }

  get lost(): readonly TopicPartition[] {
    return this.#directory.lost
  }

  leaderAndIsr(request: LeaderAndIsrRequest): ResponseDraftOf<typeof LeaderAndIsr> {
    if (!this.#broker.metadata.admitController(request.controllerEpoch))
      return { errorCode: errors.STALE_CONTROLLER_EPOCH }
    const partitionErrors: { topicName: string; partitionIndex: number; errorCode: ErrorCode }[] =
      []
    const topics: { topicId: Uuid; partitionErrors: typeof partitionErrors }[] = []
    this.#fetchers.batch(() => {
      for (const { topicName, topicId, partitionStates } of assignedTopics(request)) {
        const ofTopic = partitionStates.map(state => ({
          topicName,
          partitionIndex: state.partitionIndex,
          errorCode: this.#assign(topicName, topicId, state),
        }))
        partitionErrors.push(...ofTopic)
        topics.push({ topicId, partitionErrors: ofTopic })
      }
    })
    return { errorCode: errors.NONE, partitionErrors, topics }
  }

  /** One partition of a LeaderAndIsr; its error code. */
  #assign(topic: string, topicId: Uuid, state: AssignedState): ErrorCode {
    const { brokerId, metadata, platform } = this.#broker
    const { partitionIndex: partition, leader, leaderEpoch, partitionEpoch, isr, replicas } = state
    const known = this.#replica(topic, partition)
    if (known !== undefined) {
      if (topicId !== noUuid && known.topicId !== noUuid && topicId !== known.topicId)
        return errors.INCONSISTENT_TOPIC_ID
      const refusal = assignmentRefusal(known.snapshot, leaderEpoch)
      if (refusal !== errors.NONE) {
        // A controller that learned topic ids sends the same epoch once more to say them.
        const brings = known.topicId === noUuid && topicId !== noUuid
        if (!brings || leaderEpoch !== known.leaderEpoch) return refusal
        known.adoptTopicId(topicId)
        return errors.NONE
      }
    }
    if (!replicas.includes(brokerId)) return errors.UNKNOWN_TOPIC_OR_PARTITION
    if (this.#isUnfit({ topic, partition }, state)) return errors.KAFKA_STORAGE_ERROR
    const replica = known ?? this.#tryOpen({ topic, partition }, topicId)
    if (replica === undefined) return errors.KAFKA_STORAGE_ERROR
    replica.adoptTopicId(topicId)
    replica.send({
      type: 'leadership.assigned',
      leader,
      leaderEpoch,
      partitionEpoch,
      isr,
      replicas,
      alive: replicas.filter(id => metadata.isLive(id)),
      atMs: platform.clock.now(),
    })
    return this.#failure === undefined ? errors.NONE : errors.KAFKA_STORAGE_ERROR
  }

  /**
   * It has lost what it had, and is to lead, or nobody does since it was the last who had it all: as long as there are other replicas one
   * of them must lead, if need be by an unclean election, of which whoever allows it knows what it means (KAFKA-14139).
   */
  #isUnfit(of: TopicPartition, state: AssignedState): boolean {
    if (!this.#directory.isLost(of)) return false
    const { brokerId, trace, name } = this.#broker
    const { isNew, isr, leader, replicas, leaderRecoveryState } = state
    const counts = !isNew && isr.includes(brokerId) && replicas.length > 1
    const isAllowed = leaderRecoveryState !== 0 || this.#mayLeadUnclean(of, replicas)
    if (counts && leader !== brokerId && (leader >= 0 || isAllowed)) return false
    if (!counts || isAllowed) {
      onDisk(() => this.#directory.noteFound(of))
      return false
    }
    if (leader === brokerId) {
      const partition = printPartition(of)
      const error = `the log of ${partition} is gone: it does not lead with an empty one; an unclean election would have one lead`
      trace.record('note', name, 'leadership refused', { partition, error })
    }
    return true
  }

  /** With what it has not: only where none of those that have something is there. */
  #mayLeadUnclean({ topic }: TopicPartition, replicas: readonly BrokerId[]): boolean {
    const { topicConfigs, metadata, brokerId } = this.#broker
    return (
      topicConfigs.get(topic)['unclean.leader.election.enable'] &&
      replicas.every(id => id === brokerId || !metadata.isLive(id))
    )
  }

  /** Whom the controller takes for dead may lead all the same, now that unclean elections are allowed: it asks again. */
  #offerLost(): void {
    const { metadata } = this.#broker
    const isOffered = (of: TopicPartition): boolean =>
      this.#mayLeadUnclean(of, metadata.partition(of.topic, of.partition)?.replicas ?? [])
    if (this.lost.some(isOffered)) this.#giveNotice()
  }

  stopReplica(request: StopReplicaRequest): ResponseDraftOf<typeof StopReplica> {
    if (!this.#broker.metadata.admitController(request.controllerEpoch))
      return { errorCode: errors.STALE_CONTROLLER_EPOCH, partitionErrors: [] }
    const partitionErrors: { topicName: string; partitionIndex: number; errorCode: ErrorCode }[] =
      []
    this.#fetchers.batch(() => {
      for (const { topic, partition, leaderEpoch, deletes } of stoppedPartitions(request)) {
        const replica = this.#replica(topic, partition)
        // One we do not have is as stopped as can be.
        const errorCode =
          replica === undefined ? errors.NONE : stopReplicaRefusal(replica.snapshot, leaderEpoch)
        if (errorCode === errors.NONE)
          replica?.send({ type: 'replica.stopped', leaderEpoch, deletes })
        partitionErrors.push({ topicName: topic, partitionIndex: partition, errorCode })
      }
    })
    return { errorCode: errors.NONE, partitionErrors }
  }

  shutDown(): void {
    this.#fetchers.stop()
    for (const timer of this.#timers.values()) this.#broker.platform.clock.clearTimeout(timer)
    this.#timers.clear()
    this.#cleaner.stop()
    onDisk(() => {
      for (const { log } of this.#replicas.values()) log.close()
      this.#directory.close(this.#replicas.values(), this.#broker.brokerEpoch)
    })
  }

  /** Leads and follows nothing any more, and says so: the controller gives the leaderships to others (handleLogDirFailure). */
  #diskFailed(error: StorageError): void {
    const { platform, trace, name } = this.#broker
    this.#failure = error
    trace.record('note', name, 'log directory failed', { error: error.message })
    // On a later turn: whoever met the failure is in the middle of something.
    platform.clock.setTimeout(() => {
      this.#fetchers.batch(() => {
        for (const replica of this.#replicas.values()) replica.send({ type: 'disk.failed' })
      })
      this.#giveNotice()
    }, 0)
  }

  /** Has the controller name our replicas to us again: our answer says which of them are none (KafkaZkClient.propagateLogDirEvent). */
  #giveNotice(): void {
    const { zookeeper, brokerId } = this.#broker
    const { sequencePath, encode } = LogDirEventNotificationZNode
    zookeeper
      .persistently(() =>
        zookeeper.create(sequencePath, encode(brokerId), { mode: 'persistentSequential' }),
      )
      // A session that is over is told by itself; when it is begun anew the controller tells us all there is, and is told.
      .subscribe({ error: () => {} })
  }

  #replica(topic: string, partition: number): Replica | undefined {
    return this.#replicas.get(printPartition({ topic, partition }))
  }

  /** Undefined where the disk has failed. */
  #tryOpen(of: TopicPartition, topicId: Uuid): Replica | undefined {
    let opened: Replica | undefined
    onDisk(() => {
      opened = this.#open(of, topicId)
    })
    return opened
  }

  #open({ topic, partition }: TopicPartition, topicId: Uuid): Replica {
    const broker = this.#broker
    const options = logOptions(
      broker.topicConfigs.get(topic),
      broker.config['producer.id.expiration.ms'],
    )
    const opened = this.#directory.open({ topic, partition }, topicId, options)
    const replica = new Replica(
      {
        broker,
        fetchers: this.#fetchers,
        isrChanges: this.#isrChanges,
        disk: this.#directory.disk,
        deleted: gone => {
          this.#replicas.delete(gone.key)
          this.#directory.forget(gone)
        },
      },
      { topic, partition, ...opened },
    )
    this.#replicas.set(replica.key, replica)
    return replica
  }

  #changed(change: BrokerChange): void {
    if (change.kind === 'metadata')
      this.#fetchers.batch(() => {
        for (const replica of this.#replicas.values()) {
          replica.checkBrokers()
          replica.checkAssignment()
        }
      })
    if (change.kind === 'topicConfig') {
      for (const replica of this.#replicas.values())
        if (change.topic === null || replica.topic === change.topic) replica.reconfigure()
      this.#offerLost()
    }
  }

  #checkpoint(): void {
    const nowMs = this.#broker.platform.clock.now()
    onDisk(() => {
      for (const { log } of this.#replicas.values()) log.flushOld(nowMs)
      this.#directory.checkpoint(this.#replicas.values())
    })
  }

  /** In the background; the checkpoint after it says how far. */
  #flushDirty(): void {
    onDisk(() => {
      for (const { log } of this.#replicas.values()) if (log.isDirty) log.flushLater()
    })
  }

  /** Does something again and again, at a share of the time that the configuration names. */
  #every(
    name:
      | 'replica.high.watermark.checkpoint.interval.ms'
      | 'log.retention.check.interval.ms'
      | 'log.flush.offset.checkpoint.interval.ms'
      | 'replica.lag.time.max.ms',
    run: () => void,
    share = 1,
  ): void {
    const { clock } = this.#broker.platform
    const arm = (): void => {
      const delayMs = this.#broker.config[name] * share
      this.#timers.set(
        name,
        clock.setTimeout(() => {
          arm()
          run()
        }, delayMs),
      )
    }
    arm()
  }
}

/** v0–1 name the topic in each partition; later ones group by topic. */
function assignedTopics(request: LeaderAndIsrRequest): LeaderAndIsrRequest['topicStates'] {
  if (request.ungroupedPartitionStates.length === 0) return request.topicStates
  const byTopic = Map.groupBy(request.ungroupedPartitionStates, ({ topicName }) => topicName)
  return Array.from(byTopic, ([topicName, partitionStates]) => ({
    topicName,
    topicId: noUuid,
    partitionStates,
  }))
}

interface StoppedPartition extends TopicPartition {
  readonly leaderEpoch: number
  readonly deletes: boolean
}

/** v0 lists partitions, v1–2 topics, v3+ says of each partition what is to be done, in which leader epoch. */
function stoppedPartitions(request: StopReplicaRequest): readonly StoppedPartition[] {
  const unfenced = { leaderEpoch: -1, deletes: request.deletePartitions }
  return [
    ...request.ungroupedPartitions.map(({ topicName: topic, partitionIndex: partition }) => ({
      topic,
      partition,
      ...unfenced,
    })),
    ...request.topics.flatMap(({ name: topic, partitionIndexes }) =>
      partitionIndexes.map(partition => ({ topic, partition, ...unfenced })),
    ),
    ...request.topicStates.flatMap(({ topicName: topic, partitionStates }) =>
      partitionStates.map(state => ({
        topic,
        partition: state.partitionIndex,
        leaderEpoch: state.leaderEpoch,
        deletes: state.deletePartition,
      })),
    ),
  ]
}
