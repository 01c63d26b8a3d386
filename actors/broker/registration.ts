/**
 * What a broker does in ZooKeeper on its way to a znode of its own (KafkaZkClient). Each emits once, or fails with a
 * `ZooKeeperError` that no repetition cures; SESSIONEXPIRED means that the session is over.
 */
import {
  catchError,
  concatMap,
  defaultIfEmpty,
  EMPTY,
  forkJoin,
  from,
  last,
  map,
  mergeMap,
  type Observable,
  of,
  throwError,
  toArray,
} from 'rxjs'
import { assert } from '../../src/assert.ts'
import type { BrokerId, SessionId, Uuid } from '../../src/ids.ts'
import { isKeeperError, ZooKeeperError } from '../../src/zookeeper/error.ts'
import {
  type BrokerContent,
  BrokerIdsZNode,
  BrokerIdZNode,
  ClusterIdZNode,
  isMalformed,
  persistentZkPaths,
  znodeParent,
} from '../../src/zookeeper/paths.ts'
import type { ZooKeeperClient } from '../zookeeper/client.ts'

/** A path with all above it, the topmost first. */
const withParents = (path: string): string[] =>
  path === '/' || path === '' ? [] : [...withParents(znodeParent(path)), path]

const unless =
  <T>(code: 'NODEEXISTS' | 'NONODE', instead: () => Observable<T>) =>
  (error: unknown): Observable<T> =>
    isKeeperError(error, code) ? instead() : throwError(() => error)

/** Makes persistent znodes with all above them; those that are there stay. */
function ensure(zookeeper: ZooKeeperClient, paths: readonly string[]): Observable<void> {
  const all = [...new Set(paths.flatMap(withParents))]
  // All at once: they are carried out in their order.
  return forkJoin(
    all.map(path =>
      zookeeper
        .persistently(() => zookeeper.create(path, null))
        .pipe(catchError(unless('NODEEXISTS', () => of(path)))),
    ),
  ).pipe(
    map(() => undefined),
    defaultIfEmpty(undefined),
  )
}

/** The znodes every cluster has (KafkaZkClient.createTopLevelPaths). */
export const ensureTopLevelPaths = (zookeeper: ZooKeeperClient): Observable<void> =>
  ensure(zookeeper, persistentZkPaths)

/** A chroot is made by a client without it, which sees it as a path like others (ZkClient: makeSurePersistentPathExists). */
export const ensureChroot = (zookeeper: ZooKeeperClient, chroot: string): Observable<void> =>
  ensure(zookeeper, [chroot])

/** Reads the cluster's id, or gives it the one proposed; of several who propose, all read the first's. */
export function obtainClusterId(zookeeper: ZooKeeperClient, proposed: Uuid): Observable<Uuid> {
  const { path } = ClusterIdZNode
  const read: Observable<Uuid> = zookeeper
    .persistently(() => zookeeper.getData(path))
    .pipe(
      map(({ data }) => {
        const clusterId = ClusterIdZNode.decode(data)
        if (isMalformed(clusterId)) throw new ZooKeeperError('DATAINCONSISTENCY', path)
        return clusterId
      }),
    )
  const create = ensure(zookeeper, [znodeParent(path)]).pipe(
    mergeMap(() =>
      zookeeper.persistently(() => zookeeper.create(path, ClusterIdZNode.encode(proposed))),
    ),
    catchError(unless<unknown>('NODEEXISTS', () => of(path))),
    mergeMap(() => read),
  )
  return read.pipe(catchError(unless('NONODE', () => create)))
}

/** `host:port`, as brokers are compared by. */
export const printEndpoint = ({ host, port }: { host: string; port: number }): string =>
  `${host}:${port}`

/** Brokers whose znode is there, with what they advertise. */
export const listBrokers = (
  zookeeper: ZooKeeperClient,
): Observable<readonly { readonly id: BrokerId; readonly endpoints: readonly string[] }[]> =>
  zookeeper
    .persistently(() => zookeeper.getChildren(BrokerIdsZNode.path))
    .pipe(
      mergeMap(names =>
        from([...names].sort()).pipe(
          concatMap(name =>
            zookeeper
              .persistently(() => zookeeper.getData(`${BrokerIdsZNode.path}/${name}`))
              .pipe(
                concatMap(({ data }) => {
                  const id = BrokerIdZNode.id(name)
                  const content = BrokerIdZNode.decode(data)
                  return id === null || isMalformed(content)
                    ? EMPTY
                    : of({ id, endpoints: content.endpoints.map(printEndpoint) })
                }),
                // Gone meanwhile.
                catchError(unless('NONODE', () => EMPTY)),
              ),
          ),
          toArray(),
        ),
      ),
      last(),
    )

/**
 * One multi: create, then setData, whose Stat holds the czxid that create's answer lacks: the broker's epoch (KIP-380). Null where
 * the znode is there already.
 */
export function register(
  zookeeper: ZooKeeperClient,
  brokerId: BrokerId,
  content: BrokerContent,
): Observable<number | null> {
  const path = BrokerIdZNode.path(brokerId)
  return zookeeper
    .persistently(() =>
      zookeeper.multi([
        { op: 'create', path, data: null, mode: 'ephemeral' },
        { op: 'setData', path, data: BrokerIdZNode.encode(content), version: 0 },
      ]),
    )
    .pipe(
      map(([, written]): number | null => {
        assert(written?.op === 'setData', 'a multi answers each of its parts')
        return written.stat.czxid
      }),
      catchError(unless('NODEEXISTS', () => of(null))),
    )
}

/** Whose the broker's znode is, leaving a watch on it; null where there is none. */
export const inspect = (
  zookeeper: ZooKeeperClient,
  brokerId: BrokerId,
): Observable<{
  readonly owner: SessionId
  readonly brokerEpoch: number
  readonly endpoints: readonly string[]
} | null> =>
  zookeeper
    .persistently(() => zookeeper.getData(BrokerIdZNode.path(brokerId), { watch: true }))
    .pipe(
      map(({ data, stat }) => {
        const content = BrokerIdZNode.decode(data)
        return {
          owner: stat.ephemeralOwner,
          brokerEpoch: stat.czxid,
          endpoints: isMalformed(content) ? [] : content.endpoints.map(printEndpoint),
        }
      }),
      catchError(unless('NONODE', () => of(null))),
    )

/** Removes the broker's znode, if it is there. */
export const remove = (zookeeper: ZooKeeperClient, brokerId: BrokerId): Observable<void> =>
  zookeeper
    .persistently(() => zookeeper.delete(BrokerIdZNode.path(brokerId)))
    .pipe(catchError(unless('NONODE', () => of(undefined))))
