import { catchError, concatMap, forkJoin, map, throwError } from 'rxjs'
import { errors } from '../../src/error.ts'
import { noUuid } from '../../src/ids.ts'
import {
  AlterPartitionReassignments,
  CreateTopics,
  DeleteGroups,
  DeleteTopics,
  DescribeCluster,
  DescribeConfigs,
  DescribeGroups,
  ListGroups,
  ListOffsets,
  ListPartitionReassignments,
  OffsetCommit,
  OffsetFetch,
} from '../../src/protocol/index.ts'
import type { World } from '../world.ts'
import {
  creatable,
  describedByMetadata,
  describedConfigs,
  describedGroup,
  describedTopic,
  listed,
  outcomeOf,
  resourceTypes,
  unlisted,
} from './admin-answer.ts'
import { adminCalls, eachOf } from './admin-calls.ts'
import { adminChanges } from './admin-changes.ts'
import type {
  Admin,
  AdminConfig,
  ClusterDescription,
  ConfigResource,
  CreatedTopic,
  ListedGroup,
  Outcome,
} from './admin-config.ts'
import { byTopic, flat } from './by-topic.ts'
import type { CommittedOffset } from './consumer-config.ts'
import { type KafkaError, kafkaError } from './kafka-error.ts'

/**
 * Starts an admin client in a world of its own (`client/<name>`). It connects when first asked.
 *
 * @throws KafkaError INVALID_CONFIG
 */
export function startAdmin(world: World, given: AdminConfig): Admin {
  const calls = adminCalls(world, given)
  const { config, connections, call, toController, toCoordinator, askMetadata } = calls
  const { atLeaders, networkTimeoutMs } = calls

  const createTopics: Admin['createTopics'] = (topics, options = {}) => {
    const timeoutMs = options.timeoutMs ?? config.requestTimeoutMs
    const body = {
      topics: topics.map(creatable),
      timeoutMs,
      ...(options.validateOnly === true ? { validateOnly: true } : {}),
    }
    return call(() =>
      toController(
        CreateTopics,
        body,
        response => response.topics.map(({ errorCode }) => errorCode),
        networkTimeoutMs(timeoutMs),
      ),
    ).pipe(
      map(response =>
        response.topics.map(
          (topic): CreatedTopic => ({
            name: topic.name,
            topicId: topic.topicId,
            numPartitions: topic.numPartitions,
            replicationFactor: topic.replicationFactor,
            error: outcomeOf(topic.errorCode, topic.errorMessage),
          }),
        ),
      ),
    )
  }

  const deleteTopics: Admin['deleteTopics'] = (names, options = {}) => {
    const timeoutMs = options.timeoutMs ?? config.requestTimeoutMs
    return call(() =>
      toController(
        DeleteTopics,
        version =>
          version >= 6
            ? { topics: names.map(name => ({ name, topicId: noUuid })), timeoutMs }
            : { topicNames: names, timeoutMs },
        response => response.responses.map(({ errorCode }) => errorCode),
        networkTimeoutMs(timeoutMs),
      ),
    ).pipe(
      map(({ responses }) =>
        responses.map(({ name, errorCode, errorMessage }) => ({
          name: name ?? '',
          error: outcomeOf(errorCode, errorMessage),
        })),
      ),
    )
  }

  const describeCluster: Admin['describeCluster'] = () =>
    call(() =>
      connections
        .request('any', DescribeCluster, { includeClusterAuthorizedOperations: false })
        .pipe(
          map((response): ClusterDescription => {
            if (response.errorCode !== errors.NONE)
              throw kafkaError(response.errorCode, response.errorMessage)
            const { clusterId, controllerId } = response
            const brokers = response.brokers.map(({ brokerId, host, port, rack }) => ({
              id: brokerId,
              host,
              port,
              rack,
            }))
            return { clusterId, controllerId, brokers }
          }),
          // Before Kafka 2.8 Metadata said all that (KIP-700).
          catchError((error: KafkaError) =>
            error.code === errors.UNSUPPORTED_VERSION
              ? askMetadata([]).pipe(map(describedByMetadata))
              : throwError(() => error),
          ),
        ),
    )

  const describeTopics: Admin['describeTopics'] = names =>
    call(() => askMetadata(names ?? null)).pipe(
      map(response => response.topics.map(describedTopic)),
    )

  const listTopics: Admin['listTopics'] = (options = {}) =>
    describeTopics().pipe(
      map(topics =>
        topics
          .filter(({ isInternal }) => options.listInternal === true || !isInternal)
          .map(({ name }) => name)
          .sort(),
      ),
    )

  const listOffsets: Admin['listOffsets'] = (partitions, options = {}) => {
    const isolationLevel = options.isolationLevel === 'read_committed' ? 1 : 0
    return atLeaders(
      partitions,
      (leaderId, led) =>
        connections
          .request(leaderId, ListOffsets, version => ({
            replicaId: -1,
            ...(version >= 2 ? { isolationLevel } : {}),
            topics: byTopic(led, ({ partition, at }) => ({
              partitionIndex: partition,
              timestamp: at === 'latest' ? -1 : at === 'earliest' ? -2 : at,
            })).map(({ topic, partitions: asked }) => ({ name: topic, partitions: asked })),
          }))
          .pipe(map(({ topics }) => listed(led, topics))),
      unlisted,
    )
  }

  const alterPartitionReassignments: Admin['alterPartitionReassignments'] = (
    moves,
    options = {},
  ) => {
    const timeoutMs = options.timeoutMs ?? config.requestTimeoutMs
    const topics = byTopic(moves, ({ partition, replicas }) => ({
      partitionIndex: partition,
      replicas,
    })).map(({ topic, partitions }) => ({ name: topic, partitions }))
    return call(() =>
      toController(
        AlterPartitionReassignments,
        { topics, timeoutMs },
        ({ errorCode }) => [errorCode],
        networkTimeoutMs(timeoutMs),
      ),
    ).pipe(
      map(({ errorCode, errorMessage, responses }) => {
        if (errorCode !== errors.NONE) throw kafkaError(errorCode, errorMessage)
        return flat(responses).map(one => ({
          topic: one.topic,
          partition: one.partitionIndex,
          error: outcomeOf(one.errorCode, one.errorMessage),
        }))
      }),
    )
  }

  const listPartitionReassignments: Admin['listPartitionReassignments'] = partitions => {
    const topics =
      partitions === undefined
        ? null
        : byTopic(partitions, ({ partition }) => partition).map(one => ({
            name: one.topic,
            partitionIndexes: one.partitions,
          }))
    const timeoutMs = config.requestTimeoutMs
    return call(() =>
      toController(
        ListPartitionReassignments,
        { topics, timeoutMs },
        ({ errorCode }) => [errorCode],
        networkTimeoutMs(timeoutMs),
      ),
    ).pipe(
      map(({ errorCode, errorMessage, topics: answered }) => {
        if (errorCode !== errors.NONE) throw kafkaError(errorCode, errorMessage)
        return flat(answered).map(
          ({ topic, partitionIndex, replicas, addingReplicas, removingReplicas }) => ({
            topic,
            partition: partitionIndex,
            replicas,
            addingReplicas,
            removingReplicas,
          }),
        )
      }),
    )
  }

  const listGroups: Admin['listGroups'] = () =>
    call(() =>
      askMetadata([]).pipe(
        concatMap(({ brokers }) =>
          forkJoin(
            brokers.map(({ nodeId }) =>
              connections.request(nodeId, ListGroups, {}).pipe(
                map(({ errorCode, groups }) => {
                  if (errorCode !== errors.NONE) throw kafkaError(errorCode)
                  return groups.map(
                    ({ groupId, protocolType, groupState }): ListedGroup => ({
                      groupId,
                      protocolType,
                      state: groupState,
                      coordinatorId: nodeId,
                    }),
                  )
                }),
              ),
            ),
          ),
        ),
        map(lists => lists.flat().sort((a, b) => (a.groupId < b.groupId ? -1 : 1))),
      ),
    )

  const describeGroups: Admin['describeGroups'] = groupIds =>
    eachOf(groupIds, groupId =>
      call(() =>
        toCoordinator(groupId, DescribeGroups, { groups: [groupId] }, ({ groups }) =>
          groups.map(({ errorCode }) => errorCode),
        ),
      ).pipe(map(({ response, coordinatorId }) => describedGroup(response, coordinatorId))),
    )

  const deleteGroups: Admin['deleteGroups'] = groupIds =>
    eachOf(groupIds, groupId =>
      call(() =>
        toCoordinator(groupId, DeleteGroups, { groupsNames: [groupId] }, ({ results }) =>
          results.map(({ errorCode }) => errorCode),
        ),
      ).pipe(
        map(({ response }) => ({
          groupId,
          error: outcomeOf(response.results[0]?.errorCode ?? errors.UNKNOWN_SERVER_ERROR),
        })),
      ),
    )

  const listGroupOffsets: Admin['listGroupOffsets'] = (groupId, partitions) => {
    const topics =
      partitions === undefined
        ? null
        : byTopic(partitions, ({ partition }) => partition).map(one => ({
            name: one.topic,
            partitionIndexes: one.partitions,
          }))
    return call(() =>
      toCoordinator(
        groupId,
        OffsetFetch,
        version => (version >= 8 ? { groups: [{ groupId, topics }] } : { groupId, topics }),
        ({ errorCode, groups }) => [errorCode, ...groups.map(group => group.errorCode)],
      ),
    ).pipe(
      map(({ response }) => {
        const { errorCode, topics: answered } = response.groups[0] ?? response
        if (errorCode !== errors.NONE) throw kafkaError(errorCode)
        return flat(answered).map((one): CommittedOffset & Outcome => ({
          topic: one.topic,
          partition: one.partitionIndex,
          offset: one.committedOffset,
          leaderEpoch: one.committedLeaderEpoch,
          metadata: one.metadata ?? '',
          error: outcomeOf(one.errorCode),
        }))
      }),
    )
  }

  const alterGroupOffsets: Admin['alterGroupOffsets'] = (groupId, offsets) =>
    call(() =>
      toCoordinator(
        groupId,
        OffsetCommit,
        {
          groupId,
          topics: byTopic(offsets, one => ({
            partitionIndex: one.partition,
            committedOffset: one.offset,
            committedLeaderEpoch: one.leaderEpoch ?? -1,
            committedMetadata: one.metadata ?? '',
          })).map(({ topic, partitions }) => ({ name: topic, partitions })),
        },
        ({ topics }) => flat(topics).map(({ errorCode }) => errorCode),
      ),
    ).pipe(
      map(({ response }) =>
        flat(response.topics).map(({ topic, partitionIndex, errorCode }) => ({
          topic,
          partition: partitionIndex,
          error: outcomeOf(errorCode),
        })),
      ),
    )

  const describeConfigs: Admin['describeConfigs'] = resources => {
    // A broker's own configuration is known to that broker alone.
    const ofBrokers = resources.filter(({ type }) => type === 'broker')
    const ofTopics = resources.filter(({ type }) => type === 'topic')
    const ask = (to: number | 'any', asked: readonly ConfigResource[]) =>
      connections
        .request(to, DescribeConfigs, {
          resources: asked.map(({ type, name, keys }) => ({
            resourceType: resourceTypes[type],
            resourceName: name,
            configurationKeys: keys ?? null,
          })),
        })
        .pipe(map(describedConfigs))
    return call(() =>
      askMetadata([]).pipe(
        concatMap(() =>
          eachOf(
            [
              ...(ofTopics.length > 0 ? [{ to: 'any' as const, asked: ofTopics }] : []),
              ...ofBrokers.map(resource => ({ to: Number(resource.name), asked: [resource] })),
            ],
            ({ to, asked }) => ask(to, asked),
          ),
        ),
        map(answers => answers.flat()),
      ),
    )
  }

  return {
    createTopics,
    deleteTopics,
    describeCluster,
    listTopics,
    describeTopics,
    listOffsets,
    alterPartitionReassignments,
    listPartitionReassignments,
    listGroups,
    describeGroups,
    deleteGroups,
    listGroupOffsets,
    alterGroupOffsets,
    describeConfigs,
    ...adminChanges(calls),
    close: calls.close,
  }
}
