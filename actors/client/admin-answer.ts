import { type ErrorCode, errors } from '../../src/error.ts'
import type { TopicPartition } from '../../src/ids.ts'
import type {
  DescribeConfigs,
  DescribeGroups,
  ListOffsets,
  MetadataResponse,
  ResponseOf,
} from '../../src/protocol/index.ts'
import {
  decodeAssignment,
  decodeSubscription,
} from '../../src/protocol/stored/consumer-protocol.ts'
import type {
  ClusterDescription,
  DescribedConfig,
  GroupDescription,
  ListedOffset,
  NewTopic,
  TopicDescription,
} from './admin-config.ts'
import { flat } from './by-topic.ts'
import { type KafkaError, kafkaError } from './kafka-error.ts'

/** Between the wire's words and an admin's. */

export const outcomeOf = (code: ErrorCode, detail?: string | null): KafkaError | null =>
  code === errors.NONE ? null : kafkaError(code, detail)

/** Kafka's numbers for what has a configuration. */
export const resourceTypes = { topic: 2, broker: 4 } as const

export const creatable = (topic: NewTopic) => ({
  name: topic.name,
  // −1: the broker's default (KIP-464); with an assignment both must be.
  numPartitions: topic.assignments === undefined ? (topic.numPartitions ?? -1) : -1,
  replicationFactor: topic.assignments === undefined ? (topic.replicationFactor ?? -1) : -1,
  assignments: (topic.assignments ?? []).map((brokerIds, partitionIndex) => ({
    partitionIndex,
    brokerIds,
  })),
  configs: Object.entries(topic.configs ?? {}).map(([name, value]) => ({ name, value })),
})

export const describedByMetadata = (response: MetadataResponse): ClusterDescription => ({
  clusterId: response.clusterId,
  controllerId: response.controllerId,
  brokers: response.brokers.map(({ nodeId, host, port, rack }) => ({
    id: nodeId,
    host,
    port,
    rack,
  })),
})

export const describedTopic = (topic: MetadataResponse['topics'][number]): TopicDescription => ({
  name: topic.name ?? '',
  topicId: topic.topicId,
  isInternal: topic.isInternal,
  error: outcomeOf(topic.errorCode),
  partitions: topic.partitions
    .map(one => ({
      partition: one.partitionIndex,
      leaderId: one.leaderId,
      leaderEpoch: one.leaderEpoch,
      replicas: one.replicaNodes,
      isr: one.isrNodes,
      offlineReplicas: one.offlineReplicas,
    }))
    .sort((a, b) => a.partition - b.partition),
})

/** One for each that was asked for, in that order. */
export const listed = (
  asked: readonly TopicPartition[],
  topics: ResponseOf<typeof ListOffsets>['topics'],
): ListedOffset[] => {
  const answers = flat(topics)
  return asked.map(one => {
    const answer = answers.find(
      ({ topic, partitionIndex }) => topic === one.topic && partitionIndex === one.partition,
    )
    if (answer === undefined) return unlisted(one, kafkaError(errors.UNKNOWN_TOPIC_OR_PARTITION))
    const { offset, timestamp, leaderEpoch, errorCode } = answer
    const { topic, partition } = one
    return { topic, partition, offset, timestamp, leaderEpoch, error: outcomeOf(errorCode) }
  })
}

export const unlisted = (
  { topic, partition }: { readonly topic: string; readonly partition: number },
  error: KafkaError,
): ListedOffset => ({ topic, partition, offset: -1, timestamp: -1, leaderEpoch: -1, error })

export function describedGroup(
  { groups }: ResponseOf<typeof DescribeGroups>,
  coordinatorId: number,
): GroupDescription {
  const [group] = groups
  if (group === undefined)
    throw kafkaError(errors.UNKNOWN_SERVER_ERROR, 'an answer without the group')
  return {
    groupId: group.groupId,
    state: group.groupState,
    protocolType: group.protocolType,
    protocolName: group.protocolData,
    coordinatorId,
    error: outcomeOf(group.errorCode),
    members: group.members.map(member => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      topics: decodeSubscription(member.memberMetadata)?.topics ?? [],
      assignment: (decodeAssignment(member.memberAssignment)?.assignedPartitions ?? []).flatMap(
        ({ topic, partitions }) => partitions.map(partition => ({ topic, partition })),
      ),
    })),
  }
}

export const describedConfigs = ({
  results,
}: ResponseOf<typeof DescribeConfigs>): DescribedConfig[] =>
  results.map(result => ({
    type: result.resourceType === resourceTypes.topic ? 'topic' : 'broker',
    name: result.resourceName,
    error: outcomeOf(result.errorCode, result.errorMessage),
    entries: result.configs.map(entry => ({
      name: entry.name,
      value: entry.value,
      isDefault: entry.isDefault || entry.configSource === 5,
      isReadOnly: entry.readOnly,
      isSensitive: entry.isSensitive,
      source: entry.configSource,
    })),
  }))
