import { topicNameFault } from '../../../src/controller/topic-name.ts'
import { errorMessage, errors } from '../../../src/error.ts'
import type { DescribeProducers, ResponseDraftOf } from '../../../src/protocol/index.ts'
import type { BrokerWorld } from '../broker-world.ts'
import type { Handler } from '../handler.ts'

type PartitionAnswer = ResponseDraftOf<
  typeof DescribeProducers
>['topics'][number]['partitions'][number]

/**
 * DescribeProducers: v0 (KIP-664)
 *
 * - The producers that the leader of a partition remembers, with the last sequence number of each; others answer NOT_LEADER_OR_FOLLOWER.
 *
 * Not implemented: authorization.
 */
export const describeProducers: Handler<typeof DescribeProducers> = (broker, { topics }) => ({
  throttleTimeMs: 0,
  topics: topics.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map(index => describe(broker, name, index)),
  })),
})

function describe(broker: BrokerWorld, topic: string, partitionIndex: number): PartitionAnswer {
  const refuse = (errorCode: number): PartitionAnswer => ({
    partitionIndex,
    errorCode,
    errorMessage: errorMessage(errorCode),
    activeProducers: [],
  })
  if (topicNameFault(topic) !== null) return refuse(errors.INVALID_TOPIC_EXCEPTION)
  const partition = broker.partitions.find(topic, partitionIndex)
  if (typeof partition === 'number') return refuse(partition)
  if (!partition.isLeader) return refuse(errors.NOT_LEADER_OR_FOLLOWER)
  return {
    partitionIndex,
    errorCode: errors.NONE,
    errorMessage: null,
    activeProducers: [...partition.log.producers.values()].map(producer => ({
      producerId: producer.producerId,
      producerEpoch: producer.producerEpoch,
      lastSequence: producer.batches.at(-1)?.lastSequence ?? -1,
      lastTimestamp: producer.lastTimestamp,
      coordinatorEpoch: producer.coordinatorEpoch,
      currentTxnStartOffset: producer.transactionFirstOffset,
    })),
  }
}
