import { catchError, concatMap, forkJoin, map, type Observable, of, throwError } from 'rxjs'
import { errorMessage, errors } from '../../../src/error.ts'
import { noUuid, type Uuid } from '../../../src/ids.ts'
import type { DeleteTopics, RequestOf, ResponseDraftOf } from '../../../src/protocol/index.ts'
import { isKeeperError } from '../../../src/zookeeper/error.ts'
import type { BrokerWorld } from '../broker-world.ts'
import type { Handler } from '../handler.ts'
import { metadataHas, requestTopicDeletion } from '../topic-admin.ts'

type Answer = ResponseDraftOf<typeof DeleteTopics>['responses'][number]

interface Asked {
  readonly name: string | null
  readonly topicId: Uuid
}

/**
 * DeleteTopics: v0–v6
 *
 * - Asked of the controller; another broker answers NOT_CONTROLLER for each topic.
 * - With delete.topic.enable off: TOPIC_DELETION_DISABLED, before v3 INVALID_REQUEST.
 * - A request for deletion is a znode; it is answered when this broker's metadata has the topic no more. After timeoutMs it is
 *   REQUEST_TIMED_OUT, and the topic goes all the same.
 *
 * v5: errorMessage · v6: by id as well (KIP-516); a name and an id at once are INVALID_REQUEST
 * Not implemented: authorization, quotas on mutations.
 */
export const deleteTopics: Handler<typeof DeleteTopics> = (broker, request, { version }) => {
  const asked = version >= 6 ? request.topics : byName(request)
  const answer = (responses: readonly Answer[]) => ({ throttleTimeMs: 0, responses })
  const refuseAll = (errorCode: number) => answer(asked.map(topic => refused(topic, errorCode)))
  if (!broker.controller.isActive) return refuseAll(errors.NOT_CONTROLLER)
  if (!broker.config['delete.topic.enable'])
    return refuseAll(version < 3 ? errors.INVALID_REQUEST : errors.TOPIC_DELETION_DISABLED)
  if (asked.length === 0) return answer([])
  return forkJoin(asked.map(topic => remove(broker, topic, request.timeoutMs))).pipe(map(answer))
}

const byName = ({ topicNames }: RequestOf<typeof DeleteTopics>): readonly Asked[] =>
  topicNames.map(name => ({ name, topicId: noUuid }))

const refused = ({ name, topicId }: Asked, errorCode: number, message?: string): Answer => ({
  name,
  topicId,
  errorCode,
  errorMessage: message ?? errorMessage(errorCode),
})

function remove(broker: BrokerWorld, asked: Asked, timeoutMs: number): Observable<Answer> {
  const { metadata } = broker
  if (asked.name !== null && asked.topicId !== noUuid)
    return of(refused(asked, errors.INVALID_REQUEST, 'either a name or an id, not both'))
  // Kafka takes a topic without a name or an id for one that may not be seen.
  if (asked.name === null && asked.topicId === noUuid)
    return of(refused(asked, errors.TOPIC_AUTHORIZATION_FAILED))
  const name = asked.name ?? metadata.topicName(asked.topicId)
  if (name === undefined) return of(refused(asked, errors.UNKNOWN_TOPIC_ID))
  const topic = metadata.topic(name)
  if (topic === undefined) return of(refused(asked, errors.UNKNOWN_TOPIC_OR_PARTITION))
  const found = { name, topicId: asked.topicId }
  // One of that name may have been created again by the time we look.
  const isGone = (): boolean => metadata.topic(name)?.topicId !== topic.topicId
  return requestTopicDeletion(broker, name).pipe(
    concatMap(() => metadataHas(broker, timeoutMs, isGone)),
    map(gone => refused(found, gone ? errors.NONE : errors.REQUEST_TIMED_OUT)),
    // The session is over, and with it this broker's reign.
    catchError(error =>
      isKeeperError(error) ? of(refused(found, errors.NOT_CONTROLLER)) : throwError(() => error),
    ),
  )
}
