import { catchError, concatMap, defer, forkJoin, map, type Observable, of, throwError } from 'rxjs'
import { type ErrorCode, errors } from '../../src/error.ts'
import { noBroker, noUuid, printPartition } from '../../src/ids.ts'
import {
  AlterPartitionReassignments,
  type Api,
  CreateTopics,
  DeleteGroups,
  DeleteTopics,
  DescribeCluster,
  DescribeConfigs,
  DescribeGroups,
  ListGroups,
  ListOffsets,
  ListPartitionReassignments,
  Metadata,
  type MetadataResponse,
  OffsetCommit,
  OffsetFetch,
  type ResponseOf,
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
import {
  type Admin,
  type AdminConfig,
  adminConfig,
  type ClusterDescription,
  type ConfigResource,
  type CreatedTopic,
  type ListedGroup,
  type ListedOffset,
  type Outcome,
} from './admin-config.ts'
import type { Body } from './broker-connection.ts'
import { BrokerConnections } from './broker-connections.ts'
import { byTopic, flat } from './by-topic.ts'
import { ClusterMetadata } from './cluster-metadata.ts'
import type { CommittedOffset } from './consumer-config.ts'
import { findCoordinator } from './coordinator.ts'
import { type KafkaError, kafkaError } from './kafka-error.ts'
import { retried } from './retry.ts'

/** Throws the first of these errors, for the whole call to be tried again. */
const failOn = (codes: readonly ErrorCode[], seen: readonly ErrorCode[]): void => {
  const code = seen.find(one => codes.includes(one))
  if (code !== undefined) throw kafkaError(code)
}

const wrongCoordinator = [
  errors.NOT_COORDINATOR,
  errors.COORDINATOR_NOT_AVAILABLE,
  errors.COORDINATOR_LOAD_IN_PROGRESS,
] as const

/**
 * Starts an admin client in a world of its own (`client/<name>`). It connects when first asked.
 *
 * @throws KafkaError INVALID_CONFIG
 */
export function startAdmin(world: World, given: AdminConfig): Admin {
  const config = adminConfig(given)
  const clientId = config.clientId ?? world.name.split('/').at(-1) ?? world.name
  const connections = new BrokerConnections(world, { ...config, clientId })
  const metadata = new ClusterMetadata(world, { ...config, clientId }, connections, {
    allowAutoTopicCreation: false,
  })
  const call = <T>(attempt: (isLast: boolean) => Observable<T>): Observable<T> =>
    retried(world, { ...config, clientId }, config.defaultApiTimeoutMs, attempt)

  /** Asks the controller; what says that it is not, or no longer, fails retriably with newer metadata. */
  const toController = <A extends Api>(
    api: A,
    body: Body<A>,
    errorsOf: (response: ResponseOf<A>) => readonly ErrorCode[],
    timeoutMs: number,
  ): Observable<ResponseOf<A>> =>
    defer(() => (metadata.controllerId === noBroker ? metadata.refreshed() : of(undefined))).pipe(
      concatMap(() =>
        metadata.controllerId === noBroker
          ? throwError(() => kafkaError(errors.NOT_CONTROLLER, 'the cluster has no controller yet'))
          : connections.request(metadata.controllerId, api, body, { timeoutMs }),
      ),
      map(response => {
        failOn([errors.NOT_CONTROLLER], errorsOf(response))
        return response
      }),
      catchError((error: KafkaError) =>
        error.retriable
          ? metadata.refreshed().pipe(concatMap(() => throwError(() => error)))
          : throwError(() => error),
      ),
    )

  const toCoordinator = <A extends Api>(
    groupId: string,
    api: A,
    body: Body<A>,
    errorsOf: (response: ResponseOf<A>) => readonly ErrorCode[],
  ): Observable<{ readonly response: ResponseOf<A>; readonly coordinatorId: number }> =>
    findCoordinator(connections, groupId).pipe(
      concatMap(({ errorCode, brokerId }) => {
        if (errorCode !== errors.NONE) return throwError(() => kafkaError(errorCode))
        return connections
          .request(brokerId, api, body)
          .pipe(map(response => ({ response, coordinatorId: brokerId })))
      }),
      map(answer => {
        failOn(wrongCoordinator, errorsOf(answer.response))
        return answer
      }),
    )

  /** An API timeout covers what the broker waits for, and the network's part. */
  const networkTimeoutMs = (timeoutMs: number): number => timeoutMs + config.requestTimeoutMs

  const askMetadata = (names: readonly string[] | null): Observable<MetadataResponse> =>
    connections
      .request('any', Metadata, version => ({
        topics: names?.map(name => ({ name })) ?? (version === 0 ? [] : null),
        ...(version >= 4 ? { allowAutoTopicCreation: false } : {}),
      }))
      .pipe(
        map(response => {
          connections.learn(response.brokers)
          return response
        }),
      )

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
    const ask = (leaderId: number, led: typeof partitions): Observable<ListedOffset[]> =>
      connections
        .request(leaderId, ListOffsets, version => ({
          replicaId: -1,
          ...(version >= 2 ? { isolationLevel } : {}),
          topics: byTopic(led, ({ partition, at }) => ({
            partitionIndex: partition,
            timestamp: at === 'latest' ? -1 : at === 'earliest' ? -2 : at,
          })).map(({ topic, partitions: asked }) => ({ name: topic, partitions: asked })),
        }))
        .pipe(map(({ topics }) => listed(led, topics)))
    /** By leader, and no partition twice in one request. */
    const requests = (): { leaderId: number; led: (typeof partitions)[number][] }[] => {
      const byRequest = new Map<string, { leaderId: number; led: (typeof partitions)[number][] }>()
      const askedTimes = new Map<string, number>()
      for (const one of partitions) {
        const leaderId = metadata.partition(one)?.leaderId ?? noBroker
        const times = askedTimes.get(printPartition(one)) ?? 0
        askedTimes.set(printPartition(one), times + 1)
        const request = byRequest.get(`${leaderId} ${times}`) ?? { leaderId, led: [] }
        request.led.push(one)
        byRequest.set(`${leaderId} ${times}`, request)
      }
      return [...byRequest.values()]
    }
    return call(isLast => {
      metadata.care(partitions.map(({ topic }) => topic))
      return metadata.refreshed().pipe(
        concatMap(() =>
          eachOf(requests(), ({ leaderId, led }) =>
            (leaderId === noBroker
              ? of(led.map(one => unlisted(one, leaderless(one))))
              : ask(leaderId, led).pipe(
                  catchError((error: KafkaError) => of(led.map(one => unlisted(one, error)))),
                )
            ).pipe(map(answers => ({ led, answers }))),
          ),
        ),
        map(lists => {
          const answers = new Map(
            lists.flatMap(({ led, answers: given }) =>
              led.map((one, at) => [one, given[at] as ListedOffset] as const),
            ),
          )
          const offsets = partitions.map(one => answers.get(one) as ListedOffset)
          const retriable = offsets.find(({ error }) => error?.retriable === true)
          if (!isLast && retriable?.error) throw retriable.error
          return offsets
        }),
      )
    })
  }
  const leaderless = (one: { readonly topic: string }): KafkaError => {
    const code = metadata.topic(one.topic)?.errorCode ?? errors.UNKNOWN_TOPIC_OR_PARTITION
    return kafkaError(code === errors.NONE ? errors.LEADER_NOT_AVAILABLE : code)
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
    close() {
      metadata.close()
      connections.close()
    },
  }
}

/** One answer for each, in order. */
const eachOf = <I, T>(
  items: readonly I[],
  ask: (item: I) => Observable<T>,
): Observable<readonly T[]> => (items.length === 0 ? of([]) : forkJoin(items.map(ask)))
