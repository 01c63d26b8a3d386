import type { PartitionReplicaCommand } from '../../machines/broker/partition-replica.ts'
import { errors } from '../../src/error.ts'
import { noUuid, type Uuid } from '../../src/ids.ts'
import { AlterPartition, type RequestDraftOf, type ResponseOf } from '../../src/protocol/index.ts'
import type { BrokerWorld } from './broker-world.ts'
import type { Replica } from './partition.ts'

type AlterPartitionCommand = Extract<PartitionReplicaCommand, { type: 'alterPartition.send' }>

interface Proposal {
  readonly replica: Replica
  readonly command: AlterPartitionCommand
}

type Answer = ResponseOf<typeof AlterPartition>
type PartitionAnswer = Answer['topics'][number]['partitions'][number]

/**
 * The ISR changes that this broker's leaders ask of the controller. One request is under way at a time; what is asked meanwhile
 * goes together in the next. A later proposal of a partition replaces one that waits. After DefaultAlterPartitionManager.
 */
export class IsrChanges {
  readonly #broker: BrokerWorld
  readonly #waiting = new Map<Replica, AlterPartitionCommand>()
  #isUnderWay = false

  constructor(broker: BrokerWorld) {
    this.#broker = broker
  }

  propose(replica: Replica, command: AlterPartitionCommand): void {
    this.#waiting.set(replica, command)
    this.#next()
  }

  #next(): void {
    if (this.#isUnderWay || this.#waiting.size === 0) return
    this.#isUnderWay = true
    const proposals = Array.from(this.#waiting, ([replica, command]) => ({ replica, command }))
    this.#waiting.clear()
    const { peers } = this.#broker
    peers.toController(AlterPartition, requestOf(this.#broker, proposals)).subscribe({
      next: answer => this.#answered(proposals, answer),
      error: () => this.#answered(proposals, null),
    })
  }

  #answered(proposals: readonly Proposal[], answer: Answer | null): void {
    this.#isUnderWay = false
    const atMs = this.#broker.platform.clock.now()
    for (const { replica, command } of proposals) {
      const found = answer === null ? null : answerTo(answer, replica)
      const errorCode = answer === null ? errors.NETWORK_EXCEPTION : answer.errorCode
      replica.send({
        type: 'alterPartition.answered',
        proposal: command.proposal,
        errorCode: errorCode || (found?.errorCode ?? errors.UNKNOWN_SERVER_ERROR),
        leaderEpoch: found?.leaderEpoch ?? -1,
        partitionEpoch: found?.partitionEpoch ?? -1,
        isr: found?.isr ?? [],
        atMs,
      })
    }
    this.#next()
  }
}

function requestOf(
  { brokerId, brokerEpoch }: BrokerWorld,
  proposals: readonly Proposal[],
): RequestDraftOf<typeof AlterPartition> {
  const byTopic = Map.groupBy(proposals, ({ replica }) => replica.topicId)
  return {
    brokerId,
    brokerEpoch,
    topics: Array.from(byTopic, ([topicId, of]) => ({
      topicId,
      partitions: of.map(({ replica, command }) => ({
        partitionIndex: replica.partition,
        leaderEpoch: command.leaderEpoch,
        // In ZooKeeper mode nobody compares the epochs of the members.
        newIsrWithEpochs: command.isr.map(id => ({ brokerId: id, brokerEpoch: -1 })),
        partitionEpoch: command.partitionEpoch,
      })),
    })),
  }
}

const answerTo = (answer: Answer, { topicId, partition }: Replica): PartitionAnswer | undefined =>
  answer.topics
    .find(topic => isSame(topic.topicId, topicId))
    ?.partitions.find(({ partitionIndex }) => partitionIndex === partition)

const isSame = (a: Uuid, b: Uuid): boolean => a === b && a !== noUuid
