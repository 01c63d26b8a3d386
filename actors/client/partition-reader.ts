import {
  type FetchPositionCommand,
  fetchPositionMachine,
  isFetchable,
  mayDeliver,
} from '../../machines/client/fetch-position.ts'
import { printPartition, type TopicPartition } from '../../src/ids.ts'
import type { Root } from '../registry.ts'
import type { World } from '../world.ts'
import type { ClusterMetadata } from './cluster-metadata.ts'
import type { CompleteConsumerConfig, ConsumedRecord } from './consumer-config.ts'
import { clientError, type KafkaError, kafkaError } from './kafka-error.ts'

type Command<T extends FetchPositionCommand['type']> = Extract<FetchPositionCommand, { type: T }>

/** Who carries out what a reader's chart says. */
export interface ReaderOwner {
  fetchCommitted(reader: PartitionReader, command: Command<'committed.fetch'>): void
  listOffset(reader: PartitionReader, command: Command<'offset.list'>): void
  checkEpoch(reader: PartitionReader, command: Command<'epoch.check'>): void
  refreshMetadata(): void
  positioned(reader: PartitionReader, command: Command<'position.announce'>): void
  failed(reader: PartitionReader, command: Command<'failure.announce'>): void
  /** It may want records now, or have some to give. */
  changed(): void
}

/** One assigned partition: its chart, and beside it the records that were fetched and not given to the application yet. */
export class PartitionReader implements TopicPartition {
  readonly topic: string
  readonly partition: number
  readonly key: string
  readonly #root: Root<typeof fetchPositionMachine>
  #records: readonly ConsumedRecord[] = []
  #taken = 0
  /** Behind the fetched records, those left out counted too. */
  #endOffset = 0
  /** As last heard; −1 before. */
  highWatermark = -1
  /** The offset last committed by this consumer, or found committed. */
  committed = -1
  /** It is being revoked: nothing more is given. */
  isLeaving = false
  /** What a broker or a batch said besides the code. */
  detail: string | null = null

  constructor(
    world: World,
    { topic, partition }: TopicPartition,
    config: CompleteConsumerConfig,
    owner: ReaderOwner,
  ) {
    this.topic = topic
    this.partition = partition
    this.key = printPartition({ topic, partition })
    this.#root = world.start(fetchPositionMachine, {
      path: `${world.name}/position/${this.key}`,
      input: {
        topic,
        partition,
        hasGroup: config.groupId !== undefined,
        autoOffsetReset: config.autoOffsetReset,
        retryBackoffMs: config.retryBackoffMs,
        retryBackoffMaxMs: config.retryBackoffMaxMs,
      },
      performers: {
        'committed.fetch': command => owner.fetchCommitted(this, command),
        'offset.list': command => owner.listOffset(this, command),
        'epoch.check': command => owner.checkEpoch(this, command),
        'metadata.refresh': () => owner.refreshMetadata(),
        'position.announce': command => owner.positioned(this, command),
        'records.drop': () => {
          this.#records = []
          this.#taken = 0
        },
        'failure.announce': command => owner.failed(this, command),
      },
    })
    this.#root.snapshots.subscribe(() => owner.changed())
  }

  get send(): Root<typeof fetchPositionMachine>['send'] {
    return this.#root.send
  }

  get context() {
    return this.#root.getSnapshot().context
  }

  /** Whether its leader is to be asked for more: it stands somewhere, and all that was fetched has been given on. */
  get wantsRecords(): boolean {
    return (
      !this.isLeaving &&
      this.#taken === this.#records.length &&
      isFetchable(this.#root.getSnapshot())
    )
  }

  /** Tells the chart what the metadata says of its leader, where that is news. */
  learnLeader(metadata: ClusterMetadata): void {
    const known = metadata.partition(this)
    const { topicId, leaderId, leaderEpoch } = this.context
    if (known === undefined) return
    const isNews =
      known.leaderId !== leaderId || known.leaderEpoch !== leaderEpoch || known.topicId !== topicId
    if (isNews)
      this.send({
        type: 'leader.learned',
        topicId: known.topicId,
        leaderId: known.leaderId,
        leaderEpoch: known.leaderEpoch,
      })
  }

  /** Takes fetched records in. */
  fetched(records: readonly ConsumedRecord[], nextOffset: number, leaderEpoch: number): void {
    this.#records = records
    this.#taken = 0
    this.#endOffset = nextOffset
    const { run } = this.context
    const recordCount = records.length
    this.send({ type: 'records.fetched', run, recordCount, nextOffset, leaderEpoch })
  }

  /** The next records for the application; none while it has too many unacknowledged ones. */
  take(
    batch: number,
    limits: { readonly maxPollRecords: number; readonly maxUnacknowledgedBatches: number },
  ): readonly ConsumedRecord[] {
    const { maxPollRecords, maxUnacknowledgedBatches } = limits
    if (this.isLeaving || this.#taken === this.#records.length) return []
    if (!mayDeliver(this.#root.getSnapshot(), maxUnacknowledgedBatches)) return []
    const records = this.#records.slice(this.#taken, this.#taken + maxPollRecords)
    this.#taken += records.length
    const last = records.at(-1) as ConsumedRecord
    // Behind the last one also what was left out there (markers, gaps), or it would be read again.
    const isAll = this.#taken === this.#records.length
    this.send({
      type: 'batch.delivered',
      batch,
      nextOffset: isAll ? this.#endOffset : last.offset + 1,
      leaderEpoch: last.leaderEpoch,
    })
    if (isAll) {
      this.#records = []
      this.#taken = 0
    }
    return records
  }

  stop(): void {
    this.#root.stop()
  }
}

/** What is wrong with one partition, as the application hears it. */
export function readerError(
  { key, detail }: PartitionReader,
  reason: Command<'failure.announce'>['reason'],
  errorCode: number,
): KafkaError {
  switch (reason) {
    case 'noOffset':
      return clientError(
        'NO_OFFSET_FOR_PARTITION',
        `${key}: the group has committed nothing, and autoOffsetReset is none`,
      )
    case 'truncated':
      return clientError('LOG_TRUNCATION', `${key}: the new leader does not have what was read`)
    default:
      return kafkaError(errorCode, detail)
  }
}
