import { type Observable, of } from 'rxjs'
import {
  acknowledgement,
  follows,
  isLagging,
  isNews,
  lowWatermark,
  type PartitionReplicaFact,
  type PartitionReplicaSnapshot,
  partitionReplicaMachine,
  refusal,
} from '../../machines/broker/partition-replica.ts'
import type { TopicConfig } from '../../src/broker/config.ts'
import { type ErrorCode, errorMessage, errors } from '../../src/error.ts'
import { type BrokerId, noUuid, printPartition, type Uuid } from '../../src/ids.ts'
import { StorageError } from '../../src/log/guarded-disk.ts'
import type { AppendOrigin, AppendResult, Log } from '../../src/log/log.ts'
import type { LogOptions } from '../../src/log/log-options.ts'
import { writePartitionMetadata } from '../../src/log/partition-metadata.ts'
import type { Disk } from '../../src/ports.ts'
import { refusal as refused } from '../../src/records/refusal.ts'
import { type Root, stateName } from '../registry.ts'
import type { BrokerWorld, Partition, ProduceResult } from './broker-world.ts'
import type { Fetchers } from './fetcher.ts'
import type { IsrChanges } from './isr-changes.ts'
import { partitionKey } from './purgatory.ts'

type FetchReceived = Extract<PartitionReplicaFact, { type: 'fetch.received' }>

/** What a replica needs of its broker's other parts. */
export interface ReplicaSurroundings {
  readonly broker: BrokerWorld
  readonly fetchers: Fetchers
  readonly isrChanges: IsrChanges
  /** Where the logs are. */
  readonly disk: Disk
  /** The log is gone, and the replica with it. */
  deleted(replica: Replica): void
}

/** A topic's configuration as its logs mind it (LogConfig). */
export const logOptions = (config: TopicConfig, producerIdExpirationMs: number): LogOptions => {
  const policies = config['cleanup.policy'].split(',').map(policy => policy.trim())
  return {
    segmentBytes: config['segment.bytes'],
    segmentMs: config['segment.ms'],
    segmentIndexBytes: config['segment.index.bytes'],
    indexIntervalBytes: config['index.interval.bytes'],
    maxMessageBytes: config['max.message.bytes'],
    retentionMs: config['retention.ms'],
    retentionBytes: config['retention.bytes'],
    deletes: policies.includes('delete'),
    compacts: policies.includes('compact'),
    timestampType:
      config['message.timestamp.type'] === 'LogAppendTime' ? 'LogAppendTime' : 'CreateTime',
    timestampBeforeMaxMs: config['message.timestamp.before.max.ms'],
    timestampAfterMaxMs: config['message.timestamp.after.max.ms'],
    producerIdExpirationMs,
    flushMessages: config['flush.messages'],
    flushMs: config['flush.ms'],
    minCompactionLagMs: config['min.compaction.lag.ms'],
    maxCompactionLagMs: config['max.compaction.lag.ms'],
    minCleanableDirtyRatio: config['min.cleanable.dirty.ratio'],
    deleteRetentionMs: config['delete.retention.ms'],
  }
}

/**
 * One replica on this broker: a log and its chart. The log is written in plain code, in the very turn in which the chart was asked
 * whether it may be, and the chart is told (DESIGN: writes are facts, reads are selectors).
 */
export class Replica implements Partition {
  readonly topic: string
  readonly partition: number
  readonly log: Log
  /** Under which requests wait for it. */
  readonly key: string
  #topicId: Uuid
  readonly #around: ReplicaSurroundings
  readonly #root: Root<typeof partitionReplicaMachine>
  /** Fetches by which followers said nothing new, since the log last grew: when they said it will count then. */
  readonly #unsaid = new Map<BrokerId, FetchReceived>()

  constructor(
    around: ReplicaSurroundings,
    of: {
      topic: string
      partition: number
      topicId: Uuid
      log: Log
      /** From the checkpoint; brought within the log's bounds here. */
      highWatermark: number
    },
  ) {
    const { broker } = around
    const { topic, partition, log } = of
    this.topic = topic
    this.partition = partition
    this.log = log
    this.key = partitionKey(topic, partition)
    this.#topicId = of.topicId
    this.#around = around
    const { logStartOffset, logEndOffset } = log
    this.#root = broker.start(partitionReplicaMachine, {
      path: `${broker.name}/partition/${printPartition(of)}`,
      input: {
        self: broker.brokerId,
        topic,
        partition,
        logEndOffset,
        highWatermark: Math.min(Math.max(of.highWatermark, logStartOffset), logEndOffset),
        minInSyncReplicas: broker.topicConfigs.get(topic)['min.insync.replicas'],
        lagMsMax: broker.config['replica.lag.time.max.ms'],
      },
      performers: {
        'role.announce': ({ role, leaderEpoch }) => {
          broker.changes.next({ kind: 'role', topic, partition, role, leaderEpoch })
          broker.purgatory.advance(this.key)
        },
        'isr.announce': ({ isr }) => broker.changes.next({ kind: 'isr', topic, partition, isr }),
        'highWatermark.announce': ({ highWatermark }) => {
          broker.changes.next({ kind: 'highWatermark', topic, partition, highWatermark })
          broker.purgatory.advance(this.key)
        },
        'leaderEpoch.start': ({ leaderEpoch, startOffset }) =>
          onDisk(() => log.assignLeaderEpoch(leaderEpoch, startOffset)),
        'alterPartition.send': command => around.isrChanges.propose(this, command),
        'fetcher.follow': ({ leader, leaderEpoch, highWatermark }) =>
          around.fetchers.follow(this, leader, leaderEpoch, highWatermark),
        'fetcher.unfollow': () => around.fetchers.unfollow(this),
        'log.truncate': ({ leaderEpoch, endOffset }) =>
          onDisk(() => {
            log.truncateTo(endOffset)
            this.#truncated(leaderEpoch)
          }),
        'log.restart': ({ leaderEpoch, startOffset }) =>
          onDisk(() => {
            log.truncateFully(startOffset)
            this.#truncated(leaderEpoch)
          }),
        'log.delete': () =>
          onDisk(() => {
            log.delete()
            around.deleted(this)
          }),
      },
    })
  }

  get topicId(): Uuid {
    return this.#topicId
  }

  get snapshot(): PartitionReplicaSnapshot {
    return this.#root.getSnapshot()
  }

  get isLeader(): boolean {
    const { leader, self } = this.snapshot.context
    return leader === self
  }

  get leaderId(): BrokerId {
    return this.snapshot.context.leader
  }

  get leaderEpoch(): number {
    return this.snapshot.context.leaderEpoch
  }

  get partitionEpoch(): number {
    return this.snapshot.context.partitionEpoch
  }

  get isr(): readonly BrokerId[] {
    return this.snapshot.context.isr
  }

  get replicas(): readonly BrokerId[] {
    return this.snapshot.context.replicas
  }

  get highWatermark(): number {
    return this.snapshot.context.highWatermark
  }

  get lastStableOffset(): number {
    return this.log.lastStableOffset(this.highWatermark)
  }

  get lowWatermark(): number {
    return lowWatermark(this.snapshot, this.log.logStartOffset)
  }

  get state(): string {
    return stateName(this.snapshot.value)
  }

  get #nowMs(): number {
    return this.#around.broker.platform.clock.now()
  }

  /** For the rooms of replication: handlers go by the methods below. */
  send(fact: PartitionReplicaFact): void {
    this.#root.send(fact)
  }

  /** The controller says which topic the log belongs to, where nobody had said it. */
  adoptTopicId(topicId: Uuid): void {
    if (this.#topicId !== noUuid || topicId === noUuid) return
    this.#topicId = topicId
    onDisk(() => writePartitionMetadata(this.#around.disk, this.log.directory, topicId))
  }

  append(
    records: Uint8Array,
    options: {
      readonly acks: -1 | 0 | 1
      readonly origin: AppendOrigin
      readonly allowsZstd?: boolean
    },
  ): AppendResult {
    const { acks, ...as } = options
    const { snapshot, log } = this
    const errorCode = refusal(snapshot, acks)
    if (errorCode !== errors.NONE) return refused(errorCode, errorMessage(errorCode) ?? '')
    const before = log.logEndOffset
    const nowMs = this.#nowMs
    const result = log.appendAsLeader(records, {
      ...as,
      leaderEpoch: snapshot.context.leaderEpoch,
      nowMs,
    })
    // Also where the disk failed in the middle.
    if (log.logEndOffset > before) {
      this.#saySilentFetches()
      this.#root.send({ type: 'log.appended', logEndOffset: log.logEndOffset, atMs: nowMs })
      this.#announceEnd()
    }
    return result
  }

  produce(
    records: Uint8Array,
    options: {
      readonly acks: -1 | 0 | 1
      readonly timeoutMs: number
      readonly origin: AppendOrigin
    },
  ): Observable<ProduceResult> {
    const { acks, origin, timeoutMs } = options
    const result = this.append(records, { acks, origin })
    if (!result.ok) return of(failed(result.errorCode, result.message))
    const { baseOffset, lastOffset, logAppendTimeMs, logStartOffset } = result
    const done: ProduceResult = {
      errorCode: errors.NONE,
      errorMessage: null,
      baseOffset,
      logAppendTimeMs,
      logStartOffset,
    }
    if (acks !== -1) return of(done)
    return this.#around.broker.purgatory.wait(
      [this.key],
      timeoutMs,
      () => {
        const code = acknowledgement(this.snapshot, lastOffset + 1)
        if (code === null) return undefined
        return code === errors.NONE ? done : failed(code)
      },
      () => failed(errors.REQUEST_TIMED_OUT),
    )
  }

  fetchedBy(follower: Omit<FetchReceived, 'type' | 'atMs'>): void {
    const fact: FetchReceived = { type: 'fetch.received', ...follower, atMs: this.#nowMs }
    if (!isNews(this.snapshot, fact)) {
      this.#unsaid.set(follower.from, fact)
      return
    }
    this.#unsaid.delete(follower.from)
    const before = this.lowWatermark
    this.#root.send(fact)
    // Who deletes records waits for that.
    if (this.lowWatermark !== before) this.#around.broker.purgatory.advance(this.key)
  }

  deleteRecords(beforeOffset: number): ErrorCode {
    const { snapshot, log } = this
    const refused = refusal(snapshot, 1)
    if (refused !== errors.NONE) return refused
    if (!log.options.deletes) return errors.POLICY_VIOLATION
    if (beforeOffset < 0) return errors.OFFSET_OUT_OF_RANGE
    let answer: ErrorCode = errors.KAFKA_STORAGE_ERROR
    onDisk(() => {
      answer = log.advanceLogStartOffset(beforeOffset, this.highWatermark)?.errorCode ?? errors.NONE
    })
    return answer
  }

  /** Who was at the end till now is known to have been: the lag of a follower counts from there. */
  #saySilentFetches(): void {
    if (this.#unsaid.size === 0) return
    const unsaid = [...this.#unsaid.values()]
    this.#unsaid.clear()
    for (const fact of unsaid) this.#root.send(fact)
  }

  /** Appends what its leader sent; nothing where it follows that leader no more. Tells the chart. */
  appendAsFollower(records: Uint8Array, leaderEpoch: number): AppendResult {
    const { log } = this
    if (!follows(this.snapshot, leaderEpoch))
      return refused(errors.FENCED_LEADER_EPOCH, 'another leader is followed')
    const before = log.logEndOffset
    const nowMs = this.#nowMs
    const result = log.appendAsFollower(records, nowMs, leaderEpoch)
    if (log.logEndOffset > before) {
      this.#root.send({ type: 'log.appended', logEndOffset: log.logEndOffset, atMs: nowMs })
      this.#announceEnd()
    }
    return result
  }

  /** What the leader of this epoch said beside the records: its high watermark, and where its log begins. */
  learn(leader: { leaderEpoch: number; highWatermark: number; logStartOffset: number }): void {
    const { leaderEpoch, highWatermark, logStartOffset } = leader
    if (!follows(this.snapshot, leaderEpoch)) return
    this.#root.send({ type: 'highWatermark.learned', leaderEpoch, highWatermark })
    if (logStartOffset > this.log.logStartOffset)
      onDisk(() => this.log.advanceLogStartOffset(logStartOffset, this.highWatermark))
  }

  /** The topic's configuration changed. */
  reconfigure(): void {
    const { broker } = this.#around
    const config = broker.topicConfigs.get(this.topic)
    this.log.reconfigure(logOptions(config, broker.config['producer.id.expiration.ms']))
    const minInSyncReplicas = config['min.insync.replicas']
    if (minInSyncReplicas !== this.snapshot.context.minInSyncReplicas)
      this.#root.send({ type: 'topicConfig.changed', minInSyncReplicas, atMs: this.#nowMs })
  }

  /** Which brokers live may have changed. */
  checkBrokers(): void {
    if (!this.isLeader) return
    const { replicas, alive } = this.snapshot.context
    const now = replicas.filter(id => this.#around.broker.metadata.isLive(id))
    if (now.length !== alive.length || now.some((id, at) => id !== alive[at]))
      this.#root.send({ type: 'brokers.changed', alive: now, atMs: this.#nowMs })
  }

  /**
   * The controller says that others have it now, in a later leader epoch: we were away when a reassignment ended, and nobody will ever tell
   * us to stop.
   */
  checkAssignment(): void {
    const { brokerId, metadata } = this.#around.broker
    const topic = metadata.topic(this.topic)
    const now = topic?.partitions.get(this.partition)
    if (now === undefined || topic?.topicId !== this.topicId || this.state === 'offline') return
    const { replicas, leaderEpoch } = now
    if (!replicas.includes(brokerId) && leaderEpoch > this.leaderEpoch)
      this.#root.send({ type: 'replica.stopped', leaderEpoch, deletes: false })
  }

  /** Half of `replica.lag.time.max.ms` went by. */
  checkLag(): void {
    const atMs = this.#nowMs
    if (isLagging(this.snapshot, atMs)) this.#root.send({ type: 'lag.checked', atMs })
  }

  /** Old segments and silent producers go. */
  retain(): void {
    const nowMs = this.#nowMs
    onDisk(() => this.log.applyRetention(this.highWatermark, nowMs))
    this.log.expireProducers(nowMs)
  }

  #announceEnd(): void {
    const { broker } = this.#around
    const { topic, partition } = this
    const { logEndOffset } = this.log
    broker.changes.next({ kind: 'logEnd', topic, partition, logEndOffset })
    broker.purgatory.advance(this.key)
  }

  #truncated(leaderEpoch: number): void {
    const { logStartOffset, logEndOffset } = this.log
    this.#root.send({ type: 'log.truncated', logStartOffset, logEndOffset })
    this.#around.fetchers.truncated(this, leaderEpoch)
  }
}

/** Of a failure of the disk the log directory has told already; here it is just not done. */
export function onDisk(run: () => void): void {
  try {
    run()
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
  }
}

const failed = (errorCode: ErrorCode, message = errorMessage(errorCode)): ProduceResult => ({
  errorCode,
  errorMessage: message,
  baseOffset: -1,
  logAppendTimeMs: -1,
  logStartOffset: -1,
})
