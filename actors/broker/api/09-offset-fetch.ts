import { catchError, forkJoin, map, type Observable, of } from 'rxjs'
import { errors } from '../../../src/error.ts'
import type { OffsetFetch, RequestOf } from '../../../src/protocol/index.ts'
import type { BrokerWorld } from '../broker-world.ts'
import { consumerOffset } from '../consumer-offset-znodes.ts'
import type { CommittedTopics } from '../group-offsets.ts'
import type { Handler } from '../handler.ts'

/**
 * OffsetFetch: v0–v9
 *
 * - What was never committed is −1, without an error; so is all of a group that there is not.
 * - v0 is read from ZooKeeper, under `/consumers`: there what was never committed is UNKNOWN_TOPIC_OR_PARTITION.
 * - v1 has no error for the whole group: each partition bears it.
 *
 * v2: null topics ask for all · v7: requireStable (KIP-447) · v8: many groups (KIP-709)
 * Not implemented: v9's member and epoch are those of KIP-848, which ZooKeeper mode does not have.
 */
export const offsetFetch: Handler<typeof OffsetFetch> = (broker, request, { version }) => {
  const { groupId, topics, requireStable } = request
  if (version === 0)
    return fetchFromZooKeeper(broker, request).pipe(map(fetched => ({ topics: fetched })))
  if (version >= 8)
    return {
      throttleTimeMs: 0,
      groups: request.groups.map(({ groupId, topics }) => ({
        groupId,
        ...broker.groups.fetchOffsets(groupId, topics, requireStable),
      })),
    }
  const fetched = broker.groups.fetchOffsets(groupId, topics, requireStable)
  if (version === 1 && fetched.errorCode !== errors.NONE)
    return { topics: refused(topics ?? [], fetched.errorCode) }
  return { throttleTimeMs: 0, ...fetched }
}

type Topics = NonNullable<RequestOf<typeof OffsetFetch>['topics']>

const uncommitted = (partitionIndex: number, errorCode: number) => ({
  partitionIndex,
  committedOffset: -1,
  committedLeaderEpoch: -1,
  metadata: '',
  errorCode,
})

const refused = (topics: Topics, errorCode: number): CommittedTopics =>
  topics.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map(partitionIndex => uncommitted(partitionIndex, errorCode)),
  }))

function fetchFromZooKeeper(
  { zookeeper, metadata }: BrokerWorld,
  { groupId, topics }: RequestOf<typeof OffsetFetch>,
): Observable<CommittedTopics> {
  const fetched = (topics ?? []).map(({ name, partitionIndexes }) => {
    const partitions = partitionIndexes.map(partitionIndex => {
      const unknown = uncommitted(partitionIndex, errors.UNKNOWN_TOPIC_OR_PARTITION)
      const partition = { topic: name, partition: partitionIndex }
      if (metadata.partition(name, partitionIndex) === undefined) return of(unknown)
      return consumerOffset(zookeeper, groupId, partition).pipe(
        map(offset =>
          offset === null
            ? unknown
            : { ...uncommitted(partitionIndex, errors.NONE), committedOffset: offset },
        ),
        catchError(() => of(uncommitted(partitionIndex, errors.UNKNOWN_SERVER_ERROR))),
      )
    })
    return all(partitions).pipe(map(partitions => ({ name, partitions })))
  })
  return all(fetched)
}

/** What each of them emits, in their order; none is an empty list. */
const all = <T>(each: readonly Observable<T>[]): Observable<T[]> =>
  each.length === 0 ? of([]) : forkJoin(each)
