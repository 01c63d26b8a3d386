import { catchError, forkJoin, map, type Observable, of } from 'rxjs'
import { type ErrorCode, errors } from '../../../src/error.ts'
import { printPartition, type TopicPartition } from '../../../src/ids.ts'
import type { OffsetCommit, RequestOf } from '../../../src/protocol/index.ts'
import type { BrokerWorld } from '../broker-world.ts'
import { setConsumerOffset } from '../consumer-offset-znodes.ts'
import { type CommitAnswer, commitAnswer } from '../group-offsets.ts'
import type { Handler } from '../handler.ts'

/**
 * OffsetCommit: v0–v9
 *
 * - Partitions that there are not are UNKNOWN_TOPIC_OR_PARTITION; the others are committed all the same.
 * - v0 is stored in ZooKeeper, under `/consumers`, by whichever broker is asked; later ones in `__consumer_offsets`, by the coordinator.
 * - Answered when the in-sync replicas have it.
 *
 * v1: member and generation, commitTimestamp · v2–4: retentionTimeMs (KIP-211) · v6: committedLeaderEpoch (KIP-320) ·
 * v7: groupInstanceId (KIP-345)
 * Not implemented: —
 */
export const offsetCommit: Handler<typeof OffsetCommit> = (broker, request, { version }) => {
  const isKnown = ({ topic, partition }: TopicPartition): boolean =>
    broker.metadata.partition(topic, partition) !== undefined
  const topics = request.topics
    .map(({ name, partitions }) => ({
      name,
      partitions: partitions.filter(({ partitionIndex }) =>
        isKnown({ topic: name, partition: partitionIndex }),
      ),
    }))
    .filter(({ partitions }) => partitions.length > 0)
  const answer = (codes: ReadonlyMap<string, ErrorCode>) => ({
    throttleTimeMs: 0,
    topics: commitAnswer(
      request.topics,
      partition => codes.get(printPartition(partition)) ?? errors.UNKNOWN_TOPIC_OR_PARTITION,
    ),
  })
  if (topics.length === 0) return answer(new Map())
  const known = { ...request, topics }
  const committed =
    version === 0 ? commitToZooKeeper(broker, known) : broker.groups.commitOffsets(known)
  return committed.pipe(map(answered => answer(codesOf(answered))))
}

const codesOf = (topics: CommitAnswer): ReadonlyMap<string, ErrorCode> =>
  new Map(
    topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, errorCode }) => [
        printPartition({ topic: name, partition: partitionIndex }),
        errorCode,
      ]),
    ),
  )

function commitToZooKeeper(
  { zookeeper, config }: BrokerWorld,
  { groupId, topics }: RequestOf<typeof OffsetCommit>,
): Observable<CommitAnswer> {
  const commits = topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, committedOffset, committedMetadata }) => {
      const partition = { topic: name, partition: partitionIndex }
      const isTooLong = (committedMetadata?.length ?? 0) > config['offset.metadata.max.bytes']
      const outcome = isTooLong
        ? of(errors.OFFSET_METADATA_TOO_LARGE)
        : setConsumerOffset(zookeeper, groupId, partition, committedOffset).pipe(
            map(() => errors.NONE),
            catchError(() => of(errors.UNKNOWN_SERVER_ERROR)),
          )
      return outcome.pipe(map(errorCode => [printPartition(partition), errorCode] as const))
    }),
  )
  return forkJoin(commits).pipe(
    map(outcomes => {
      const codes = new Map(outcomes)
      return commitAnswer(topics, at => codes.get(printPartition(at)) as ErrorCode)
    }),
  )
}
