import { catchError, concatMap, defer, forkJoin, map, type Observable, of, throwError } from 'rxjs'
import { type ErrorCode, errors } from '../../src/error.ts'
import { noBroker, printPartition, type TopicPartition } from '../../src/ids.ts'
import {
  type Api,
  Metadata,
  type MetadataResponse,
  type ResponseOf,
} from '../../src/protocol/index.ts'
import type { World } from '../world.ts'
import { type AdminConfig, adminConfig, type Outcome } from './admin-config.ts'
import type { Body } from './broker-connection.ts'
import { BrokerConnections } from './broker-connections.ts'
import { ClusterMetadata } from './cluster-metadata.ts'
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

export type AdminCalls = ReturnType<typeof adminCalls>

/** How an admin asks: anybody, the controller, a group's coordinator, the leaders of partitions; and again, while that may help. */
export function adminCalls(world: World, given: AdminConfig) {
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

  const leaderless = (one: TopicPartition): KafkaError => {
    const topic = metadata.topic(one.topic)
    const code = topic?.errorCode ?? errors.UNKNOWN_TOPIC_OR_PARTITION
    const isBeyond = topic !== undefined && metadata.partition(one) === undefined
    if (code !== errors.NONE) return kafkaError(code)
    return kafkaError(isBeyond ? errors.UNKNOWN_TOPIC_OR_PARTITION : errors.LEADER_NOT_AVAILABLE)
  }

  /** By leader, and no partition twice in one request. */
  const byLeader = <P extends TopicPartition>(partitions: readonly P[]) => {
    const requests = new Map<string, { readonly leaderId: number; readonly led: P[] }>()
    const askedTimes = new Map<string, number>()
    for (const one of partitions) {
      const leaderId = metadata.partition(one)?.leaderId ?? noBroker
      const times = askedTimes.get(printPartition(one)) ?? 0
      askedTimes.set(printPartition(one), times + 1)
      const request = requests.get(`${leaderId} ${times}`) ?? { leaderId, led: [] }
      request.led.push(one)
      requests.set(`${leaderId} ${times}`, request)
    }
    return [...requests.values()]
  }

  /**
   * Asks the leader of each partition, those of one leader at once. One answer for each, in order; retriable ones are asked for
   * again, all together.
   */
  const atLeaders = <P extends TopicPartition, R extends Outcome>(
    partitions: readonly P[],
    ask: (leaderId: number, led: readonly P[]) => Observable<readonly R[]>,
    failed: (partition: P, error: KafkaError) => R,
  ): Observable<readonly R[]> =>
    call(isLast => {
      metadata.care(partitions.map(({ topic }) => topic))
      return metadata.refreshed().pipe(
        concatMap(() =>
          eachOf(byLeader(partitions), ({ leaderId, led }) =>
            (leaderId === noBroker
              ? of(led.map(one => failed(one, leaderless(one))))
              : ask(leaderId, led).pipe(
                  catchError((error: KafkaError) => of(led.map(one => failed(one, error)))),
                )
            ).pipe(map(answers => ({ led, answers }))),
          ),
        ),
        map(lists => {
          const answers = new Map(
            lists.flatMap(({ led, answers: given }) =>
              led.map((one, at) => [one, given[at] as R] as const),
            ),
          )
          const inOrder = partitions.map(one => answers.get(one) as R)
          const retriable = inOrder.find(({ error }) => error?.retriable === true)
          if (!isLast && retriable?.error) throw retriable.error
          return inOrder
        }),
      )
    })

  return {
    config,
    connections,
    call,
    toController,
    toCoordinator,
    askMetadata,
    atLeaders,
    networkTimeoutMs,
    close: (): void => {
      metadata.close()
      connections.close()
    },
  }
}

/** One answer for each, in order. */
export const eachOf = <I, T>(
  items: readonly I[],
  ask: (item: I) => Observable<T>,
): Observable<readonly T[]> => (items.length === 0 ? of([]) : forkJoin(items.map(ask)))
