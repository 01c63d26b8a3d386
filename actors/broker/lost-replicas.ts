/**
 * What a broker whose directory is gone, or part of it, has lost. ZooKeeper may count it among the replicas in sync of partitions that an
 * earlier life of it had: elected as it stands it would lead with an empty log, and the others would cut theirs to fit (KAFKA-14139;
 * KIP-903 has an answer for KRaft alone).
 */
import { catchError, concatMap, EMPTY, expand, last, map, Observable, of } from 'rxjs'
import type { BrokerId, TopicPartition } from '../../src/ids.ts'
import type { Clock } from '../../src/ports.ts'
import { isKeeperError } from '../../src/zookeeper/error.ts'
import {
  type Decoded,
  isMalformed,
  TopicPartitionStateZNode,
  TopicsZNode,
  TopicZNode,
} from '../../src/zookeeper/paths.ts'
import type { ZooKeeperClient } from '../zookeeper/client.ts'
import { each } from './controller-znodes.ts'

/** A replica that is thought to have all that is committed. */
interface Expected extends TopicPartition {
  /** Nobody else is. */
  readonly isLast: boolean
}

/** Between two looks, ms: elections take some tens. */
const lookAgainMs = 200

/** Null where it is not there, or is none. */
const contentOf = <T>(
  zookeeper: ZooKeeperClient,
  path: string,
  decode: (data: Uint8Array | null) => Decoded<T>,
): Observable<T | null> =>
  zookeeper
    .persistently(() => zookeeper.getData(path))
    .pipe(
      map(({ data }) => {
        const content = decode(data)
        return isMalformed(content) ? null : content
      }),
      catchError(error => {
        if (!isKeeperError(error, 'NONODE')) throw error
        return of(null)
      }),
    )

/** Partitions of which the broker is one of several replicas. */
const replicatedOn = (
  zookeeper: ZooKeeperClient,
  brokerId: BrokerId,
): Observable<readonly TopicPartition[]> =>
  zookeeper
    .persistently(() => zookeeper.getChildren(TopicsZNode.path))
    .pipe(
      concatMap(topics =>
        each(topics, topic =>
          contentOf(zookeeper, TopicZNode.path(topic), TopicZNode.decode).pipe(
            map(content =>
              Object.entries(content?.partitions ?? {})
                .filter(([, { replicas }]) => replicas.length > 1 && replicas.includes(brokerId))
                .map(([partition]) => ({ topic, partition: Number(partition) })),
            ),
          ),
        ),
      ),
      map(found => found.flat()),
    )

/** Those of the partitions that have the broker in their ISR. */
const expectedOf = (
  zookeeper: ZooKeeperClient,
  brokerId: BrokerId,
  partitions: readonly TopicPartition[],
): Observable<readonly Expected[]> =>
  each(partitions, ({ topic, partition }) =>
    contentOf(
      zookeeper,
      TopicPartitionStateZNode.path({ topic, partition }),
      TopicPartitionStateZNode.decode,
    ).pipe(
      map(state =>
        state?.isr.includes(brokerId) ? [{ topic, partition, isLast: state.isr.length === 1 }] : [],
      ),
    ),
  ).pipe(map(found => found.flat()))

/**
 * Waits till the controller has taken the broker for dead and put it out of every ISR that has other members; it must not be registered
 * meanwhile. Emits once: the partitions that count on it still, since nobody else has what it had, or since there is no controller.
 *
 * @param missing what of its logs is not there; null: all of it
 * @param patienceMs how long it waits at most
 */
export function lostReplicas(
  { zookeeper, clock }: { zookeeper: ZooKeeperClient; clock: Clock },
  brokerId: BrokerId,
  missing: readonly TopicPartition[] | null,
  patienceMs: number,
): Observable<readonly TopicPartition[]> {
  const untilMs = clock.now() + patienceMs
  const look = (partitions: readonly TopicPartition[]): Observable<readonly Expected[]> =>
    expectedOf(zookeeper, brokerId, partitions)
  return (missing === null ? replicatedOn(zookeeper, brokerId) : of(missing)).pipe(
    concatMap(look),
    expand(expected =>
      expected.every(({ isLast }) => isLast) || clock.now() >= untilMs
        ? EMPTY
        : after(clock, lookAgainMs, () => look(expected)),
    ),
    last(),
    map(expected => expected.map(({ topic, partition }) => ({ topic, partition }))),
  )
}

const after = <T>(clock: Clock, delayMs: number, then: () => Observable<T>): Observable<T> =>
  new Observable<void>(subscriber => {
    const timer = clock.setTimeout(() => {
      subscriber.next()
      subscriber.complete()
    }, delayMs)
    return () => clock.clearTimeout(timer)
  }).pipe(concatMap(then))
