import { catchError, concatMap, forkJoin, map, type Observable, of, throwError } from 'rxjs'
import { judgeMorePartitions } from '../../../src/controller/new-partitions.ts'
import { type ErrorCode, errorMessage, errors } from '../../../src/error.ts'
import { noBroker } from '../../../src/ids.ts'
import type { CreatePartitions, RequestOf, ResponseDraftOf } from '../../../src/protocol/index.ts'
import { isKeeperError } from '../../../src/zookeeper/error.ts'
import { isMalformed, TopicZNode } from '../../../src/zookeeper/paths.ts'
import type { BrokerWorld } from '../broker-world.ts'
import type { Handler } from '../handler.ts'
import { metadataHas } from '../topic-admin.ts'

type Asked = RequestOf<typeof CreatePartitions>['topics'][number]
type Answer = ResponseDraftOf<typeof CreatePartitions>['results'][number]

/**
 * CreatePartitions: v0–v3
 *
 * - Asked of the controller; another broker answers NOT_CONTROLLER for each topic.
 * - `count` is how many there shall be, never fewer than there are: INVALID_PARTITIONS. Assignments by hand name live brokers, and as many as
 *   the other partitions have: INVALID_REPLICA_ASSIGNMENT. A topic that comes twice is INVALID_REQUEST, once.
 * - Written to the topic's znode; answered when this broker knows leaders of the new partitions. After timeoutMs it is
 *   REQUEST_TIMED_OUT, though they may still come to be.
 *
 * Not implemented: authorization, quotas on mutations.
 */
export const createPartitions: Handler<typeof CreatePartitions> = (broker, request) => {
  const { topics, timeoutMs, validateOnly } = request
  if (topics.length === 0) return { throttleTimeMs: 0, results: [] }
  const times = Map.groupBy(topics, ({ name }) => name)
  return forkJoin(
    [...times].map(([name, [topic, another]]): Observable<Answer> => {
      if (!broker.controller.isActive) return of(refused(name, errors.NOT_CONTROLLER))
      if (topic === undefined || another !== undefined)
        return of(refused(name, errors.INVALID_REQUEST, 'the request has this topic twice'))
      return create(broker, topic, timeoutMs, validateOnly)
    }),
  ).pipe(map(results => ({ throttleTimeMs: 0, results })))
}

const refused = (
  name: string,
  errorCode: ErrorCode,
  message: string | null = errorMessage(errorCode),
): Answer => ({ name, errorCode, errorMessage: message })

function create(
  broker: BrokerWorld,
  topic: Asked,
  timeoutMs: number,
  validateOnly: boolean,
): Observable<Answer> {
  const { zookeeper, metadata } = broker
  const { name, count } = topic
  const path = TopicZNode.path(name)
  const hasLeaders = (): boolean =>
    (metadata.topic(name)?.partitions.size ?? 0) >= count &&
    [...(metadata.topic(name)?.partitions.values() ?? [])].every(it => it.leader > noBroker)
  const attempt = (): Observable<Answer> =>
    zookeeper
      .persistently(() => zookeeper.getData(path))
      .pipe(
        concatMap(({ data, stat }): Observable<Answer> => {
          const content = TopicZNode.decode(data)
          if (isMalformed(content)) return of(refused(name, errors.UNKNOWN_SERVER_ERROR))
          const known = Object.values(content.partitions)
          if (known.some(it => it.addingReplicas.length + it.removingReplicas.length > 0))
            return of(refused(name, errors.REASSIGNMENT_IN_PROGRESS))
          const verdict = judgeMorePartitions(
            { count, assignments: topic.assignments?.map(it => it.brokerIds) ?? null },
            known.map(it => it.replicas),
            metadata.brokers(),
          )
          if ('errorCode' in verdict)
            return of(refused(name, verdict.errorCode, verdict.errorMessage))
          if (validateOnly) return of(refused(name, errors.NONE))
          const added = verdict.map((replicas, index) => [
            known.length + index,
            { replicas, addingReplicas: [], removingReplicas: [] },
          ])
          const partitions = { ...content.partitions, ...Object.fromEntries(added) }
          return zookeeper
            .persistently(() =>
              zookeeper.setData(path, TopicZNode.encode({ ...content, partitions }), stat.version),
            )
            .pipe(
              concatMap(() => metadataHas(broker, timeoutMs, hasLeaders)),
              map(has => refused(name, has ? errors.NONE : errors.REQUEST_TIMED_OUT)),
            )
        }),
        catchError(error =>
          isKeeperError(error, 'BADVERSION') ? attempt() : throwError(() => error),
        ),
      )
  return attempt().pipe(
    catchError(error =>
      isKeeperError(error, 'NONODE')
        ? of(refused(name, errors.UNKNOWN_TOPIC_OR_PARTITION))
        : // The session is over, and with it this broker's reign.
          isKeeperError(error)
          ? of(refused(name, errors.NOT_CONTROLLER))
          : throwError(() => error),
    ),
  )
}
