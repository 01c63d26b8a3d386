import { concatMap, map, of } from 'rxjs'
import type { ElectionResult, ElectionType } from '../../../src/controller/aims.ts'
import { type ErrorCode, errorMessage, errors } from '../../../src/error.ts'
import { noBroker, type TopicPartition } from '../../../src/ids.ts'
import type { ElectLeaders, RequestOf, ResponseDraftOf } from '../../../src/protocol/index.ts'
import type { Handler } from '../handler.ts'
import { metadataHas } from '../topic-admin.ts'

const electionTypes: readonly ElectionType[] = ['preferred', 'unclean']

/**
 * ElectLeaders: v0–v2 (KIP-183, KIP-460)
 *
 * - Asked of the controller; another broker answers NOT_CONTROLLER for each partition. A type that there is not: UNKNOWN_SERVER_ERROR.
 * - Preferred (v0 knows no other): ELECTION_NOT_NEEDED where the first replica leads, PREFERRED_LEADER_NOT_AVAILABLE where it cannot.
 * - Unclean: for what nobody leads, any live replica, from the ISR if one is there; ELIGIBLE_LEADERS_NOT_AVAILABLE where none lives.
 * - Without partitions: of all there are, and those that need no election are not told.
 * - Answered when this broker knows the new leaders, or after timeoutMs REQUEST_TIMED_OUT for those it does not.
 *
 * Not implemented: authorization.
 */
export const electLeaders: Handler<typeof ElectLeaders> = (broker, request) => {
  const { electionType, topicPartitions, timeoutMs } = request
  const type = electionTypes[electionType]
  const asked = partitionsOf(topicPartitions)
  const refuse = (errorCode: ErrorCode) => (asked ?? []).map(it => ({ ...it, errorCode }))
  if (type === undefined)
    return answer(refuse(errors.UNKNOWN_SERVER_ERROR), errors.UNKNOWN_SERVER_ERROR)
  return broker.controller.electLeaders(type, asked).pipe(
    concatMap(results => {
      if (results === null) return of(answer(refuse(errors.NOT_CONTROLLER), errors.NONE))
      const isKnown = ({ topic, partition }: TopicPartition): boolean => {
        const known = broker.metadata.partition(topic, partition)
        return (
          (known?.leader ?? noBroker) >= 0 &&
          (type === 'unclean' || known?.leader === known?.replicas[0])
        )
      }
      const elected = results.filter(it => it.errorCode === errors.NONE)
      return metadataHas(broker, timeoutMs, () => elected.every(isKnown)).pipe(
        map(() =>
          answer(
            results.map(result =>
              result.errorCode === errors.NONE && !isKnown(result)
                ? { ...result, errorCode: errors.REQUEST_TIMED_OUT }
                : result,
            ),
            errors.NONE,
          ),
        ),
      )
    }),
  )
}

function partitionsOf(
  topics: RequestOf<typeof ElectLeaders>['topicPartitions'],
): readonly TopicPartition[] | null {
  if (topics === null) return null
  const seen = new Map(
    topics.flatMap(({ topic, partitions }) =>
      partitions.map(partition => [`${topic}-${partition}`, { topic, partition }] as const),
    ),
  )
  return [...seen.values()]
}

function answer(
  results: readonly ElectionResult[],
  errorCode: number,
): ResponseDraftOf<typeof ElectLeaders> {
  const byTopic = Map.groupBy(results, it => it.topic)
  return {
    throttleTimeMs: 0,
    errorCode,
    replicaElectionResults: [...byTopic].map(([topic, partitions]) => ({
      topic,
      partitionResult: partitions.map(it => ({
        partitionId: it.partition,
        errorCode: it.errorCode,
        errorMessage: errorMessage(it.errorCode),
      })),
    })),
  }
}
