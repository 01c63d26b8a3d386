/**
 * Where consumers before 0.9 kept their offsets, and OffsetCommit and OffsetFetch v0 still do: `/consumers/[group]/offsets/[topic]/[partition]`.
 * After KafkaZkClient.setOrCreateConsumerOffset and getConsumerOffset.
 */
import { catchError, concatMap, map, type Observable, of, throwError } from 'rxjs'
import type { TopicPartition } from '../../src/ids.ts'
import { isKeeperError } from '../../src/zookeeper/error.ts'
import { ConsumersOffsetZNode, isMalformed, znodeParent } from '../../src/zookeeper/paths.ts'
import type { ZooKeeperClient } from '../zookeeper/client.ts'

/** Makes a persistent znode, with its parents where they are missing; one that is there keeps what it has. */
function create(
  zookeeper: ZooKeeperClient,
  path: string,
  data: Uint8Array | null,
): Observable<unknown> {
  const once = zookeeper.persistently(() => zookeeper.create(path, data))
  return once.pipe(
    catchError(error => {
      if (isKeeperError(error, 'NODEEXISTS')) return of(path)
      if (!isKeeperError(error, 'NONODE')) return throwError(() => error)
      return create(zookeeper, znodeParent(path), null).pipe(
        concatMap(() => create(zookeeper, path, data)),
      )
    }),
  )
}

/** Emits once, or fails with a `ZooKeeperError`, e.g. for a group whose name makes no path. */
export function setConsumerOffset(
  zookeeper: ZooKeeperClient,
  groupId: string,
  partition: TopicPartition,
  offset: number,
): Observable<unknown> {
  const path = ConsumersOffsetZNode.path(groupId, partition)
  const data = ConsumersOffsetZNode.encode(offset)
  const set = zookeeper.persistently(() => zookeeper.setData(path, data))
  return set.pipe(
    catchError(error =>
      isKeeperError(error, 'NONODE')
        ? create(zookeeper, path, data).pipe(concatMap(() => set))
        : throwError(() => error),
    ),
  )
}

/** Emits null where there is none, or nothing that is one; fails with a `ZooKeeperError`. */
export const consumerOffset = (
  zookeeper: ZooKeeperClient,
  groupId: string,
  partition: TopicPartition,
): Observable<number | null> =>
  zookeeper
    .persistently(() => zookeeper.getData(ConsumersOffsetZNode.path(groupId, partition)))
    .pipe(
      map(({ data }) => {
        const offset = ConsumersOffsetZNode.decode(data)
        return isMalformed(offset) ? null : offset
      }),
      catchError(error => (isKeeperError(error, 'NONODE') ? of(null) : throwError(() => error))),
    )
