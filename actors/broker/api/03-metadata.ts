import { forkJoin, map } from 'rxjs'
import type { PartitionMetadata } from '../../../src/broker/metadata-cache.ts'
import {
  clusterOperations,
  operationsOmitted,
  topicOperations,
} from '../../../src/broker/operations.ts'
import { topicNameFault } from '../../../src/controller/topic-name.ts'
import { type ErrorCode, errors } from '../../../src/error.ts'
import { type BrokerId, noBroker, noUuid } from '../../../src/ids.ts'
import type {
  Metadata,
  RequestOf,
  ResponseDraftOf,
  ResponseOf,
} from '../../../src/protocol/index.ts'
import { createMissingTopic, isInternalTopic } from '../auto-topic-creation.ts'
import type { BrokerWorld } from '../broker-world.ts'
import type { Call, Handler } from '../handler.ts'

type Request = RequestOf<typeof Metadata>
type Topic = ResponseOf<typeof Metadata>['topics'][number]
type Partition = Topic['partitions'][number]

/**
 * Metadata: v0–v12
 *
 * - Null topics are all of them; v0 has no null and says so by an empty list.
 * - A topic that is missing is created where broker and request allow it, and answered LEADER_NOT_AVAILABLE.
 * - v0 leaves out replicas whose broker is gone and says REPLICA_NOT_AVAILABLE; later versions name them all.
 * - From v6 a leader that lacks the listener is LISTENER_NOT_FOUND, before that LEADER_NOT_AVAILABLE.
 * - v10 and v11 name topic ids but cannot be asked by them (KAFKA-14212).
 *
 * v5: offlineReplicas (KIP-112) · v7: leaderEpoch (KIP-320) · v8: authorized operations (KIP-430) · v12: topics by id (KIP-516)
 * Not implemented: authorization; everybody sees all.
 */
export const metadata: Handler<typeof Metadata> = (broker, request, call) => {
  const { topics } = request
  if (topics !== null && call.version < 12 && topics.some(isOddBefore12)) return refusal(topics)
  if (topics === null || (call.version === 0 && topics.length === 0))
    return answer(broker, request, call, describeAll(broker, call))

  // Neither name nor id: Kafka stumbles over it.
  if (topics.some(({ name, topicId }) => name === null && topicId === noUuid))
    return {
      brokers: [],
      topics: topics.map(it => absent(it.name ?? '', errors.UNKNOWN_SERVER_ERROR, it.topicId)),
    }
  const ids = topics.map(({ topicId }) => topicId).filter(id => id !== noUuid)
  if (ids.length > 0)
    return answer(
      broker,
      request,
      call,
      [...new Set(ids)].map(id => describeById(broker, call, id)),
    )

  const names = [...new Set(topics.map(({ name }) => name ?? ''))]
  const missing = names.filter(name => broker.metadata.topic(name) === undefined)
  const describe = (errorCodes: Readonly<Record<string, ErrorCode>>) =>
    names.map(
      name =>
        describeTopic(broker, call, name) ??
        absent(name, errorCodes[name] ?? errors.UNKNOWN_TOPIC_OR_PARTITION),
    )
  const mayCreate = broker.config['auto.create.topics.enable'] && request.allowAutoTopicCreation
  if (missing.length === 0 || !mayCreate) {
    const codes = missing.map(name => [
      name,
      topicNameFault(name) === null
        ? errors.UNKNOWN_TOPIC_OR_PARTITION
        : errors.INVALID_TOPIC_EXCEPTION,
    ])
    return answer(broker, request, call, describe(Object.fromEntries(codes)))
  }
  const created = Object.fromEntries(missing.map(name => [name, createMissingTopic(broker, name)]))
  return forkJoin(created).pipe(map(codes => answer(broker, request, call, describe(codes))))
}

const isOddBefore12 = ({ name, topicId }: NonNullable<Request['topics']>[number]): boolean =>
  name === null || topicId !== noUuid

const refusal = (topics: NonNullable<Request['topics']>): ResponseDraftOf<typeof Metadata> => ({
  brokers: [],
  topics: topics.map(({ name, topicId }) => absent(name ?? '', errors.INVALID_REQUEST, topicId)),
})

function answer(
  broker: BrokerWorld,
  request: Request,
  { version, listener }: Call,
  topics: readonly Topic[],
): ResponseDraftOf<typeof Metadata> {
  const { metadata, clusterId } = broker
  const asksTopics = version >= 8 && request.includeTopicAuthorizedOperations
  const asksCluster = request.includeClusterAuthorizedOperations
  return {
    brokers: metadata
      .brokers(listener)
      .map(({ id, host, port, rack }) => ({ nodeId: id, host, port, rack })),
    clusterId,
    controllerId: metadata.controllerId ?? noBroker,
    topics: asksTopics
      ? topics.map(topic => ({
          ...topic,
          topicAuthorizedOperations:
            topic.errorCode === errors.NONE ? topicOperations : operationsOmitted,
        }))
      : topics,
    ...(asksCluster ? { clusterAuthorizedOperations: clusterOperations } : {}),
  }
}

const absent = (name: string | null, errorCode: ErrorCode, topicId = noUuid): Topic => ({
  errorCode,
  name,
  topicId,
  isInternal: name !== null && isInternalTopic(name),
  partitions: [],
  topicAuthorizedOperations: operationsOmitted,
})

const describeAll = (broker: BrokerWorld, call: Call): Topic[] =>
  broker.metadata.topicNames().map(name => describeTopic(broker, call, name) as Topic)

function describeById(broker: BrokerWorld, call: Call, topicId: string): Topic {
  const name = broker.metadata.topicName(topicId)
  const topic = name === undefined ? undefined : describeTopic(broker, call, name)
  return topic ?? absent(null, errors.UNKNOWN_TOPIC_ID, topicId)
}

function describeTopic(broker: BrokerWorld, call: Call, name: string): Topic | undefined {
  const topic = broker.metadata.topic(name)
  if (topic === undefined) return undefined
  return {
    errorCode: errors.NONE,
    name,
    topicId: topic.topicId,
    isInternal: isInternalTopic(name),
    partitions: [...topic.partitions.values()]
      .sort((a, b) => a.partition - b.partition)
      .map(partition => describePartition(broker, call, partition)),
    topicAuthorizedOperations: operationsOmitted,
  }
}

function describePartition(
  { metadata }: BrokerWorld,
  { version, listener }: Call,
  partition: PartitionMetadata,
): Partition {
  const { leader, leaderEpoch, isr, replicas, offlineReplicas } = partition
  const reachable = (ids: readonly BrokerId[]): readonly BrokerId[] =>
    version === 0 ? ids.filter(id => metadata.broker(id, listener) !== undefined) : ids
  const replicaNodes = reachable(replicas)
  const isrNodes = reachable(isr)
  const described = {
    partitionIndex: partition.partition,
    leaderEpoch,
    replicaNodes,
    isrNodes,
    offlineReplicas,
  }
  if (metadata.broker(leader, listener) === undefined) {
    const lacksListener = version >= 6 && metadata.isLive(leader)
    const errorCode = lacksListener ? errors.LISTENER_NOT_FOUND : errors.LEADER_NOT_AVAILABLE
    return { ...described, errorCode, leaderId: noBroker }
  }
  const isCut = replicaNodes.length < replicas.length || isrNodes.length < isr.length
  return {
    ...described,
    errorCode: isCut ? errors.REPLICA_NOT_AVAILABLE : errors.NONE,
    leaderId: leader,
  }
}
