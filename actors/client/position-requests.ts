import { type ErrorCode, errors } from '../../src/error.ts'
import type { BrokerId } from '../../src/ids.ts'
import type { Clock } from '../../src/ports.ts'
import { ListOffsets, OffsetForLeaderEpoch } from '../../src/protocol/index.ts'
import type { BrokerConnections } from './broker-connections.ts'
import { byTopic, flat } from './by-topic.ts'
import { Gathering } from './gathering.ts'
import type { KafkaError } from './kafka-error.ts'
import type { PartitionReader } from './partition-reader.ts'

interface Wanted {
  readonly reader: PartitionReader
  readonly topic: string
  readonly partition: number
  readonly run: number
  readonly leaderId: BrokerId
  readonly leaderEpoch: number
}

interface WantedOffset extends Wanted {
  readonly at: 'earliest' | 'latest'
}

interface WantedEpoch extends Wanted {
  readonly fetchedEpoch: number
}

/** What readers ask leaders besides records: where logs begin and end, and where a leader epoch ended. */
export class PositionRequests {
  readonly #connections: BrokerConnections
  readonly #isolationLevel: number
  readonly #offsets: Gathering<WantedOffset>
  readonly #epochs: Gathering<WantedEpoch>

  constructor(
    clock: Clock,
    connections: BrokerConnections,
    isolationLevel: 'read_uncommitted' | 'read_committed',
  ) {
    this.#connections = connections
    this.#isolationLevel = isolationLevel === 'read_committed' ? 1 : 0
    this.#offsets = new Gathering(clock, wanted => {
      for (const [leaderId, led] of byLeader(wanted)) this.#listOffsets(leaderId, led)
    })
    this.#epochs = new Gathering(clock, wanted => {
      for (const [leaderId, led] of byLeader(wanted)) this.#checkEpochs(leaderId, led)
    })
  }

  listOffset(
    reader: PartitionReader,
    command: Pick<WantedOffset, 'run' | 'at' | 'leaderId' | 'leaderEpoch'>,
  ): void {
    const { run, at, leaderId, leaderEpoch } = command
    const { topic, partition } = reader
    this.#offsets.add({ reader, topic, partition, run, at, leaderId, leaderEpoch })
  }

  checkEpoch(
    reader: PartitionReader,
    command: Pick<WantedEpoch, 'run' | 'leaderId' | 'leaderEpoch' | 'fetchedEpoch'>,
  ): void {
    const { run, leaderId, leaderEpoch, fetchedEpoch } = command
    const { topic, partition } = reader
    this.#epochs.add({ reader, topic, partition, run, leaderId, leaderEpoch, fetchedEpoch })
  }

  stop(): void {
    this.#offsets.stop()
    this.#epochs.stop()
  }

  #listOffsets(leaderId: BrokerId, wanted: readonly WantedOffset[]): void {
    const topics = byTopic(wanted, ({ partition, leaderEpoch, at }) => ({
      partitionIndex: partition,
      currentLeaderEpoch: leaderEpoch,
      timestamp: at === 'latest' ? -1 : -2,
    })).map(({ topic, partitions }) => ({ name: topic, partitions }))
    const refuse = ({ reader, run }: WantedOffset, errorCode: ErrorCode): void =>
      reader.send({ type: 'offset.refused', run, errorCode })
    this.#connections
      .request(leaderId, ListOffsets, version => ({
        replicaId: -1,
        topics,
        ...(version >= 2 ? { isolationLevel: this.#isolationLevel } : {}),
      }))
      .subscribe({
        next: response => {
          const answers = flat(response.topics)
          for (const one of wanted) {
            const answer = answers.find(
              ({ topic, partitionIndex }) =>
                topic === one.topic && partitionIndex === one.partition,
            )
            const { errorCode, offset, leaderEpoch } = answer ?? missing
            if (errorCode !== errors.NONE) refuse(one, errorCode)
            else if (offset < 0) refuse(one, errors.OFFSET_NOT_AVAILABLE)
            else one.reader.send({ type: 'offset.listed', run: one.run, offset, leaderEpoch })
          }
        },
        error: ({ code }: KafkaError) => {
          for (const one of wanted) refuse(one, code)
        },
      })
  }

  #checkEpochs(leaderId: BrokerId, wanted: readonly WantedEpoch[]): void {
    const topics = byTopic(wanted, ({ partition, leaderEpoch, fetchedEpoch }) => ({
      partition,
      currentLeaderEpoch: leaderEpoch,
      leaderEpoch: fetchedEpoch,
    }))
    const refuse = ({ reader, run }: WantedEpoch, errorCode: ErrorCode): void =>
      reader.send({ type: 'epoch.refused', run, errorCode })
    this.#connections.request(leaderId, OffsetForLeaderEpoch, { replicaId: -1, topics }).subscribe({
      next: response => {
        for (const one of wanted) {
          const answer = response.topics
            .find(({ topic }) => topic === one.topic)
            ?.partitions.find(({ partition }) => partition === one.partition)
          const { errorCode, endOffset, leaderEpoch } = answer ?? missing
          if (errorCode !== errors.NONE) refuse(one, errorCode)
          else one.reader.send({ type: 'epoch.checked', run: one.run, leaderEpoch, endOffset })
        }
      },
      error: ({ code }: KafkaError) => {
        for (const one of wanted) refuse(one, code)
      },
    })
  }
}

/** An answer that leaves a partition out: as if it were not there. */
const missing = {
  errorCode: errors.UNKNOWN_TOPIC_OR_PARTITION,
  offset: -1,
  endOffset: -1,
  leaderEpoch: -1,
}

function byLeader<W extends Wanted>(wanted: readonly W[]): Map<BrokerId, W[]> {
  const leaders = new Map<BrokerId, W[]>()
  for (const one of wanted) leaders.set(one.leaderId, [...(leaders.get(one.leaderId) ?? []), one])
  return leaders
}
