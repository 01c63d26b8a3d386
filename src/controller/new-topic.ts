/** Whether a topic may be created, and with which replicas (ZkAdminManager.createTopics, AdminZkClient.validateTopicCreate). */
import { ConfigError, type TopicConfig, topicConfig } from '../broker/config.ts'
import { type ErrorCode, errors } from '../error.ts'
import type { BrokerId } from '../ids.ts'
import { partitionsPerTopicMax } from '../limits.ts'
import { type AssignableBroker, type AssignmentStart, assignReplicas } from './assignment.ts'
import { topicNameFault, topicNamesCollide } from './topic-name.ts'

/** A topic as it is asked for. */
export interface NewTopic {
  readonly name: string
  /** −1: `num.partitions`, or as many as `assignments` has. */
  readonly partitions: number
  /** −1: `default.replication.factor`, or as `assignments` has it. */
  readonly replicationFactor: number
  /** Replicas by hand, instead of the two counts; empty: not by hand. */
  readonly assignments?: readonly {
    readonly partition: number
    readonly replicas: readonly BrokerId[]
  }[]
  readonly configs: Readonly<Record<string, string | null>>
}

/** What the cluster is like at that moment. */
export interface TopicSurroundings {
  /** The live ones. */
  readonly brokers: readonly AssignableBroker[]
  readonly defaultPartitions: number
  readonly defaultReplicationFactor: number
  readonly topicDefaults: TopicConfig
  readonly topicNames: readonly string[]
  readonly start: AssignmentStart
}

/** Replicas by partition number, 0 and up. */
export type TopicAssignment = readonly (readonly BrokerId[])[]

interface Refusal {
  readonly errorCode: ErrorCode
  readonly errorMessage: string
}

export type TopicVerdict =
  | Refusal
  | {
      readonly errorCode: 0
      readonly assignment: TopicAssignment
      /** What it says itself. */
      readonly overrides: Readonly<Record<string, string>>
      /** That, over the defaults. */
      readonly config: TopicConfig
    }

const refusal = (errorCode: ErrorCode, errorMessage: string): Refusal => ({
  errorCode,
  errorMessage,
})

/** Checks a topic in the order in which Kafka does, and gives its partitions replicas. */
export function judgeTopic(topic: NewTopic, around: TopicSurroundings): TopicVerdict {
  const { name, configs } = topic
  if (around.topicNames.includes(name))
    return refusal(errors.TOPIC_ALREADY_EXISTS, `topic ${name} exists already`)
  const unset = Object.keys(configs).filter(key => configs[key] === null)
  if (unset.length > 0)
    return refusal(errors.INVALID_CONFIG, `a new topic's configs need a value: ${unset.join(', ')}`)
  const byHand = topic.assignments ?? []
  if (byHand.length > 0 && (topic.partitions !== -1 || topic.replicationFactor !== -1))
    return refusal(
      errors.INVALID_REQUEST,
      'either the numbers of partitions and replicas or an assignment, not both',
    )
  const assigned = byHand.length > 0 ? assignedByHand(byHand) : assignedByCounts(topic, around)
  if ('errorCode' in assigned) return assigned
  const fault = topicNameFault(name)
  if (fault !== null) return refusal(errors.INVALID_TOPIC_EXCEPTION, fault)
  const like = around.topicNames.filter(other => topicNamesCollide(name, other))
  if (like.length > 0)
    return refusal(
      errors.INVALID_TOPIC_EXCEPTION,
      `in metrics topic ${name} could not be told from ${like.join(', ')}`,
    )
  try {
    const overrides = configs as Readonly<Record<string, string>>
    const config = topicConfig(overrides, around.topicDefaults)
    return { errorCode: 0, assignment: assigned, overrides, config }
  } catch (error) {
    if (error instanceof ConfigError) return refusal(errors.INVALID_CONFIG, error.message)
    throw error
  }
}

function assignedByCounts(topic: NewTopic, around: TopicSurroundings): TopicAssignment | Refusal {
  const { brokers } = around
  const partitions = topic.partitions === -1 ? around.defaultPartitions : topic.partitions
  const replicationFactor =
    topic.replicationFactor === -1 ? around.defaultReplicationFactor : topic.replicationFactor
  if (partitions <= 0)
    return refusal(errors.INVALID_PARTITIONS, 'a topic needs at least one partition')
  if (partitions > partitionsPerTopicMax)
    return refusal(errors.INVALID_PARTITIONS, `more than ${partitionsPerTopicMax} partitions`)
  if (replicationFactor <= 0)
    return refusal(errors.INVALID_REPLICATION_FACTOR, 'a partition needs at least one replica')
  if (replicationFactor > brokers.length)
    return refusal(
      errors.INVALID_REPLICATION_FACTOR,
      `replication factor ${replicationFactor}, but ${brokers.length} brokers are live`,
    )
  return assignReplicas(brokers, partitions, replicationFactor, around.start)
}

function assignedByHand(
  assignments: NonNullable<NewTopic['assignments']>,
): TopicAssignment | Refusal {
  const invalid = (message: string): Refusal => refusal(errors.INVALID_REPLICA_ASSIGNMENT, message)
  const replicas: (readonly BrokerId[])[] = []
  // Of a partition that is assigned twice the last assignment counts.
  for (const { partition, replicas: ids } of assignments) {
    if (new Set(ids).size !== ids.length)
      return invalid(`partition ${partition} names a broker twice`)
    replicas[partition] = ids
  }
  if (replicas.length !== new Set(assignments.map(it => it.partition)).size)
    return invalid('partitions must be numbered from 0 without a gap')
  if (replicas.some(ids => ids.length === 0)) return invalid('a partition has no replica')
  if (replicas.some(ids => ids.length !== replicas[0]?.length))
    return invalid('all partitions must have the same number of replicas')
  return replicas
}
