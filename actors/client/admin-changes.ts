import { concatMap, map } from 'rxjs'
import { type ErrorCode, errors } from '../../src/error.ts'
import type { BrokerId, TopicPartition } from '../../src/ids.ts'
import {
  CreatePartitions,
  DeleteRecords,
  DescribeLogDirs,
  DescribeProducers,
  ElectLeaders,
  IncrementalAlterConfigs,
  LeaveGroup,
  OffsetDelete,
} from '../../src/protocol/index.ts'
import { outcomeOf, resourceTypes } from './admin-answer.ts'
import { type AdminCalls, eachOf } from './admin-calls.ts'
import type { Admin, ConfigChange, DeletedRecords, DescribedProducers } from './admin-config.ts'
import { byTopic, flat } from './by-topic.ts'
import { type KafkaError, kafkaError } from './kafka-error.ts'

/** Kafka's numbers for what is done to a value (KIP-339). */
const configOperations = { set: 0, delete: 1, append: 2, subtract: 3 } as const
const electionTypes = { preferred: 0, unclean: 1 } as const

const operationOf = ({ op = 'set', name, value }: ConfigChange) => ({
  name,
  configOperation: configOperations[op],
  value: op === 'delete' ? null : (value ?? null),
})

/** Throws unless it is well: for the whole answer, as there is no one of several to blame. */
const orThrow = (errorCode: ErrorCode, message?: string | null): void => {
  if (errorCode !== errors.NONE) throw kafkaError(errorCode, message)
}

type Changes = Pick<
  Admin,
  | 'createPartitions'
  | 'alterConfigs'
  | 'deleteRecords'
  | 'electLeaders'
  | 'deleteGroupOffsets'
  | 'removeGroupMembers'
  | 'describeLogDirs'
  | 'describeProducers'
>

/** What an admin changes besides topics and groups as a whole, and what operators look at. */
export function adminChanges(calls: AdminCalls): Changes {
  const { config, connections, call, toController, toCoordinator, askMetadata, atLeaders } = calls

  const createPartitions: Changes['createPartitions'] = (topics, options = {}) => {
    const timeoutMs = options.timeoutMs ?? config.requestTimeoutMs
    const body = {
      topics: topics.map(({ name, totalCount, assignments }) => ({
        name,
        count: totalCount,
        assignments: assignments?.map(brokerIds => ({ brokerIds })) ?? null,
      })),
      timeoutMs,
      validateOnly: options.validateOnly === true,
    }
    return call(() =>
      toController(
        CreatePartitions,
        body,
        ({ results }) => results.map(({ errorCode }) => errorCode),
        calls.networkTimeoutMs(timeoutMs),
      ),
    ).pipe(
      map(({ results }) =>
        results.map(({ name, errorCode, errorMessage }) => ({
          name,
          error: outcomeOf(errorCode, errorMessage),
        })),
      ),
    )
  }

  const alterConfigs: Changes['alterConfigs'] = (resources, options = {}) => {
    // A broker's own configuration is that broker's to change; all else anybody's.
    const isBrokers = ({ type, name }: (typeof resources)[number]): boolean =>
      type === 'broker' && name !== ''
    const parts = [
      { to: 'any' as const, asked: resources.filter(one => !isBrokers(one)) },
      ...resources.filter(isBrokers).map(one => ({ to: Number(one.name), asked: [one] })),
    ].filter(({ asked }) => asked.length > 0)
    return call(() =>
      askMetadata([]).pipe(
        concatMap(() =>
          eachOf(parts, ({ to, asked }) =>
            connections.request(to, IncrementalAlterConfigs, {
              resources: asked.map(({ type, name, changes }) => ({
                resourceType: resourceTypes[type],
                resourceName: name,
                configs: changes.map(operationOf),
              })),
              validateOnly: options.validateOnly === true,
            }),
          ),
        ),
        map(answers =>
          answers
            .flatMap(({ responses }) => responses)
            .map(({ resourceType, resourceName, errorCode, errorMessage }) => ({
              type: resourceType === resourceTypes.topic ? ('topic' as const) : ('broker' as const),
              name: resourceName,
              error: outcomeOf(errorCode, errorMessage),
            })),
        ),
      ),
    )
  }

  const deleteRecords: Changes['deleteRecords'] = (partitions, options = {}) => {
    const timeoutMs = options.timeoutMs ?? config.requestTimeoutMs
    const failed = ({ topic, partition }: TopicPartition, error: KafkaError): DeletedRecords => ({
      topic,
      partition,
      lowWatermark: -1,
      error,
    })
    return atLeaders(
      partitions,
      (leaderId, led) =>
        connections
          .request(
            leaderId,
            DeleteRecords,
            {
              topics: byTopic(led, ({ partition, before }) => ({
                partitionIndex: partition,
                offset: before === 'highWatermark' ? -1 : before,
              })).map(({ topic, partitions: asked }) => ({ name: topic, partitions: asked })),
              timeoutMs,
            },
            { timeoutMs: calls.networkTimeoutMs(timeoutMs) },
          )
          .pipe(
            map(({ topics }) =>
              inOrderOf(led, flat(topics), failed, ({ lowWatermark, errorCode }, one) => ({
                topic: one.topic,
                partition: one.partition,
                lowWatermark,
                error: outcomeOf(errorCode),
              })),
            ),
          ),
      failed,
    )
  }

  const electLeaders: Changes['electLeaders'] = (election, partitions, options = {}) => {
    const timeoutMs = options.timeoutMs ?? config.requestTimeoutMs
    return call(() =>
      toController(
        ElectLeaders,
        version => ({
          ...(version >= 1 ? { electionType: electionTypes[election] } : {}),
          topicPartitions:
            partitions === undefined ? null : byTopic(partitions, ({ partition }) => partition),
          timeoutMs,
        }),
        ({ errorCode }) => [errorCode],
        calls.networkTimeoutMs(timeoutMs),
      ),
    ).pipe(
      map(({ errorCode, replicaElectionResults }) => {
        orThrow(errorCode)
        return replicaElectionResults.flatMap(({ topic, partitionResult }) =>
          partitionResult.map(one => ({
            topic,
            partition: one.partitionId,
            error: outcomeOf(one.errorCode, one.errorMessage),
          })),
        )
      }),
    )
  }

  const deleteGroupOffsets: Changes['deleteGroupOffsets'] = (groupId, partitions) =>
    call(() =>
      toCoordinator(
        groupId,
        OffsetDelete,
        {
          groupId,
          topics: byTopic(partitions, ({ partition }) => ({ partitionIndex: partition })).map(
            ({ topic, partitions: asked }) => ({ name: topic, partitions: asked }),
          ),
        },
        ({ errorCode }) => [errorCode],
      ),
    ).pipe(
      map(({ response: { errorCode, topics } }) => {
        orThrow(errorCode)
        return flat(topics).map(one => ({
          topic: one.topic,
          partition: one.partitionIndex,
          error: outcomeOf(one.errorCode),
        }))
      }),
    )

  const removeGroupMembers: Changes['removeGroupMembers'] = (groupId, members, options = {}) =>
    call(() =>
      toCoordinator(
        groupId,
        LeaveGroup,
        {
          groupId,
          members: members.map(member => ({
            memberId: 'memberId' in member ? member.memberId : '',
            groupInstanceId: 'groupInstanceId' in member ? member.groupInstanceId : null,
            reason: options.reason ?? null,
          })),
        },
        ({ errorCode }) => [errorCode],
      ),
    ).pipe(
      map(({ response }) => {
        orThrow(response.errorCode)
        return response.members.map(({ memberId, groupInstanceId, errorCode }) => ({
          memberId,
          groupInstanceId,
          error: outcomeOf(errorCode),
        }))
      }),
    )

  const logDirsOf = (brokerId: BrokerId) =>
    connections.request(brokerId, DescribeLogDirs, { topics: null }).pipe(
      map(({ errorCode, results }) => {
        orThrow(errorCode)
        return results.map(result => ({
          brokerId,
          logDir: result.logDir,
          error: outcomeOf(result.errorCode),
          replicas: flat(result.topics).map(one => ({
            topic: one.topic,
            partition: one.partitionIndex,
            sizeBytes: one.partitionSize,
            offsetLag: one.offsetLag,
            isFuture: one.isFutureKey,
          })),
        }))
      }),
    )

  const describeLogDirs: Changes['describeLogDirs'] = brokerIds =>
    call(() =>
      askMetadata([]).pipe(
        concatMap(({ brokers }) =>
          eachOf(brokerIds ?? brokers.map(({ nodeId }) => nodeId).sort(), logDirsOf),
        ),
        map(answers => answers.flat()),
      ),
    )

  const describeProducers: Changes['describeProducers'] = partitions => {
    const failed = (one: TopicPartition, error: KafkaError): DescribedProducers => ({
      topic: one.topic,
      partition: one.partition,
      producers: [],
      error,
    })
    return atLeaders(
      partitions,
      (leaderId, led) =>
        connections
          .request(leaderId, DescribeProducers, {
            topics: byTopic(led, ({ partition }) => partition).map(one => ({
              name: one.topic,
              partitionIndexes: one.partitions,
            })),
          })
          .pipe(
            map(({ topics }) =>
              inOrderOf(led, flat(topics), failed, (answer, one) => ({
                topic: one.topic,
                partition: one.partition,
                producers: answer.activeProducers.map(
                  ({ producerId, producerEpoch, lastSequence, lastTimestamp }) => ({
                    producerId,
                    producerEpoch,
                    lastSequence,
                    lastTimestamp,
                  }),
                ),
                error: outcomeOf(answer.errorCode, answer.errorMessage),
              })),
            ),
          ),
      failed,
    )
  }

  return {
    createPartitions,
    alterConfigs,
    deleteRecords,
    electLeaders,
    deleteGroupOffsets,
    removeGroupMembers,
    describeLogDirs,
    describeProducers,
  }
}

/** Answers as they were asked for; what was not answered has failed. */
const inOrderOf = <
  P extends TopicPartition,
  A extends { readonly topic: string; readonly partitionIndex: number },
  R,
>(
  asked: readonly P[],
  answers: readonly A[],
  failed: (one: P, error: KafkaError) => R,
  as: (answer: A, one: P) => R,
): R[] =>
  asked.map(one => {
    const answer = answers.find(
      ({ topic, partitionIndex }) => topic === one.topic && partitionIndex === one.partition,
    )
    return answer === undefined
      ? failed(one, kafkaError(errors.UNKNOWN_TOPIC_OR_PARTITION))
      : as(answer, one)
  })
