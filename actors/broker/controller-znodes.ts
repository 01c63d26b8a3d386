/**
 * What the controller reads and writes in ZooKeeper (KafkaZkClient). Each emits once, or fails with a `ZooKeeperError`;
 * SESSIONEXPIRED means that the session is over and the reign with it.
 */
import {
  catchError,
  concatMap,
  from,
  map,
  mergeMap,
  type Observable,
  of,
  throwError,
  toArray,
} from 'rxjs'
import type { Leadership, LiveBroker } from '../../src/controller/cluster-view.ts'
import type { StateWrite } from '../../src/controller/partition-change.ts'
import type { AssignmentWrite } from '../../src/controller/reassignment.ts'
import type { StateRead, TopicRead } from '../../src/controller/work.ts'
import { type BrokerId, noBroker, noUuid, randomUuid, type TopicPartition } from '../../src/ids.ts'
import { controllerZnodesAtOnce } from '../../src/limits.ts'
import { isKeeperError } from '../../src/zookeeper/error.ts'
import {
  BrokerIdsZNode,
  BrokerIdZNode,
  ConfigZNode,
  ControllerEpochZNode,
  ControllerZNode,
  type Decoded,
  DeleteTopicsZNode,
  isMalformed,
  LogDirEventNotificationZNode,
  type MalformedZnode,
  PreferredReplicaElectionZNode,
  type ReassignedPartition,
  ReassignPartitionsZNode,
  TopicPartitionStateZNode,
  TopicPartitionsZNode,
  TopicPartitionZNode,
  TopicsZNode,
  TopicZNode,
} from '../../src/zookeeper/paths.ts'
import type { Op, OpResult, ZooKeeperClient } from '../zookeeper/client.ts'
import type { BrokerWorld } from './broker-world.ts'

/** One for each, many at once, in the order of what they are for. */
export const each = <T, R>(
  items: readonly T[],
  ask: (item: T) => Observable<R>,
): Observable<readonly R[]> =>
  from(items).pipe(
    mergeMap(
      (item, index) => ask(item).pipe(map(answer => ({ index, answer }))),
      controllerZnodesAtOnce,
    ),
    toArray(),
    map(answers => answers.sort((a, b) => a.index - b.index).map(({ answer }) => answer)),
  )

type Tolerated = 'NONODE' | 'NODEEXISTS' | 'BADVERSION'

const unless =
  <T>(codes: readonly Tolerated[], instead: () => Observable<T>) =>
  (error: unknown): Observable<T> =>
    isKeeperError(error, ...codes) ? instead() : throwError(() => error)

/** A write of the controller met the version of another controller's epoch. */
export class Fenced extends Error {
  override readonly name = 'Fenced'
}

// ─── The office ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a znode holds, leaving a watch whether or not it is there; null: it is not. */
function readWatched<T>(
  zookeeper: ZooKeeperClient,
  path: string,
  decode: (data: Uint8Array | null) => T,
): Observable<T | null> {
  return zookeeper
    .persistently(() => zookeeper.exists(path, { watch: true }))
    .pipe(
      concatMap(stat =>
        stat === null
          ? of(null)
          : zookeeper
              .persistently(() => zookeeper.getData(path))
              .pipe(
                map(({ data }) => decode(data)),
                // Gone between the two: that used up the watch.
                catchError(unless(['NONODE'], () => readWatched(zookeeper, path, decode))),
              ),
      ),
    )
}

/** Who is controller, leaving a watch whether or not there is one; null: nobody. */
export const readController = (zookeeper: ZooKeeperClient): Observable<BrokerId | null> =>
  readWatched(zookeeper, ControllerZNode.path, data => {
    const content = ControllerZNode.decode(data)
    return isMalformed(content) ? noBroker : content.brokerId
  })

export interface EpochRead {
  readonly controllerEpoch: number
  readonly zkVersion: number
}

/** The epoch of the last reign; its znode is made, with 0, by the first who asks. */
export function readControllerEpoch(zookeeper: ZooKeeperClient): Observable<EpochRead> {
  const { path } = ControllerEpochZNode
  return zookeeper
    .persistently(() => zookeeper.getData(path))
    .pipe(
      map(({ data, stat }) => {
        const controllerEpoch = ControllerEpochZNode.decode(data)
        return {
          controllerEpoch: isMalformed(controllerEpoch) ? 0 : controllerEpoch,
          zkVersion: stat.version,
        }
      }),
      catchError(
        unless(['NONODE'], () =>
          zookeeper
            .persistently(() => zookeeper.create(path, ControllerEpochZNode.encode(0)))
            .pipe(
              catchError(unless(['NODEEXISTS'], () => of(path))),
              concatMap(() => readControllerEpoch(zookeeper)),
            ),
        ),
      ),
    )
}

/** Claims the office: true when it is ours. */
export const createController = (
  { zookeeper, brokerId, platform }: BrokerWorld,
  controllerEpoch: number,
  epochZkVersion: number,
): Observable<boolean> =>
  zookeeper
    .persistently(() =>
      zookeeper.multi([
        {
          op: 'create',
          path: ControllerZNode.path,
          data: ControllerZNode.encode({ brokerId, timestampMs: platform.clock.now() }),
          mode: 'ephemeral',
        },
        {
          op: 'setData',
          path: ControllerEpochZNode.path,
          data: ControllerEpochZNode.encode(controllerEpoch),
          version: epochZkVersion,
        },
      ]),
    )
    .pipe(
      map(() => true),
      catchError(unless(['NODEEXISTS', 'BADVERSION', 'NONODE'], () => of(false))),
    )

// ─── Under the fence ─────────────────────────────────────────────────────────────────────────────────────────────────

/** A multi with the check of the controller epoch in front. Fails with {@link Fenced} where another controller holds it. */
export const fenced = (
  zookeeper: ZooKeeperClient,
  epochZkVersion: number,
  ops: readonly Op[],
): Observable<readonly OpResult[]> =>
  zookeeper
    .persistently(() =>
      zookeeper.multi([
        { op: 'check', path: ControllerEpochZNode.path, version: epochZkVersion },
        ...ops,
      ]),
    )
    .pipe(
      catchError(error =>
        throwError(() =>
          isKeeperError(error, 'BADVERSION', 'NONODE') && error.index === 0
            ? new Fenced(`controller epoch is not at version ${epochZkVersion}`)
            : error,
        ),
      ),
    )

/** What is not there need not be deleted. */
export const deleteZnode = (
  zookeeper: ZooKeeperClient,
  epochZkVersion: number,
  path: string,
): Observable<unknown> =>
  fenced(zookeeper, epochZkVersion, [{ op: 'delete', path, version: -1 }]).pipe(
    catchError(unless<unknown>(['NONODE'], () => of(null))),
  )

/**
 * Writes state znodes, each under the fence and at its expected version. Emits those that were not as expected: of another
 * version, there already, or no more. Fails with {@link Fenced}.
 */
export function writeStates(
  zookeeper: ZooKeeperClient,
  epochZkVersion: number,
  writes: readonly StateWrite[],
): Observable<readonly TopicPartition[]> {
  const write = (ops: readonly Op[]): Observable<boolean> =>
    fenced(zookeeper, epochZkVersion, ops).pipe(map(() => true))
  const stale = unless(['BADVERSION', 'NODEEXISTS', 'NONODE'], () => of(false))
  const topics = [
    ...new Set(writes.filter(it => it.partitionEpoch === null).map(({ topic }) => topic)),
  ]
  const parents = each(topics, topic =>
    write([{ op: 'create', path: TopicPartitionsZNode.path(topic), data: null }]).pipe(
      catchError(stale),
    ),
  )
  return parents.pipe(
    concatMap(() =>
      each(writes, ({ topic, partition, partitionEpoch, state }) => {
        const path = TopicPartitionStateZNode.path({ topic, partition })
        const data = TopicPartitionStateZNode.encode(state)
        if (partitionEpoch !== null)
          return write([{ op: 'setData', path, data, version: partitionEpoch }]).pipe(
            catchError(stale),
          )
        const create: Op = { op: 'create', path, data }
        const parent = TopicPartitionZNode.path({ topic, partition })
        return write([{ op: 'create', path: parent, data: null }, create]).pipe(
          // A controller may have died between the partition's znode and its state.
          catchError(error =>
            isKeeperError(error, 'NODEEXISTS') && error.index === 1
              ? write([create])
              : throwError(() => error),
          ),
          catchError(stale),
        )
      }),
    ),
    map(done =>
      writes
        .filter((_, index) => !done[index])
        .map(({ topic, partition }) => ({ topic, partition })),
    ),
  )
}

/**
 * Writes which replicas partitions have into their topics' znodes, at the version just read: whoever else writes there meanwhile (more
 * partitions) is not overwritten. Emits those that are no more.
 */
export const writeAssignments = (
  zookeeper: ZooKeeperClient,
  epochZkVersion: number,
  assignments: readonly AssignmentWrite[],
  note: NoteMalformed,
): Observable<readonly TopicPartition[]> =>
  each([...Map.groupBy(assignments, ({ topic }) => topic)], ([topic, ofTopic]) =>
    writeTopicAssignments(zookeeper, epochZkVersion, topic, ofTopic, note),
  ).pipe(map(lost => lost.flat()))

function writeTopicAssignments(
  zookeeper: ZooKeeperClient,
  epochZkVersion: number,
  topic: string,
  assignments: readonly AssignmentWrite[],
  note: NoteMalformed,
): Observable<readonly TopicPartition[]> {
  const path = TopicZNode.path(topic)
  const all = assignments.map(({ partition }) => ({ topic, partition }))
  const attempt = (): Observable<readonly TopicPartition[]> =>
    zookeeper
      .persistently(() => zookeeper.getData(path))
      .pipe(
        concatMap(({ data, stat }): Observable<readonly TopicPartition[]> => {
          const content = TopicZNode.decode(data)
          if (isMalformed(content)) {
            note(path, content)
            return of(all)
          }
          const { topicId } = content
          const isThere = ({ partition }: TopicPartition): boolean =>
            content.partitions[partition] !== undefined
          const changes = assignments
            .filter(isThere)
            .map(({ partition, replicas, addingReplicas, removingReplicas }) => [
              partition,
              { replicas, addingReplicas, removingReplicas },
            ])
          const partitions = { ...content.partitions, ...Object.fromEntries(changes) }
          return fenced(zookeeper, epochZkVersion, [
            {
              op: 'setData',
              path,
              data: TopicZNode.encode({ topicId, partitions }),
              version: stat.version,
            },
          ]).pipe(
            map(() => all.filter(it => !isThere(it))),
            catchError(unless(['BADVERSION'], attempt)),
          )
        }),
        catchError(unless<readonly TopicPartition[]>(['NONODE'], () => of(all))),
      )
  return attempt()
}

/** All znodes of a topic, and the request to delete it; the last three at once, so that nobody sees half a topic. */
export function eraseTopic(
  zookeeper: ZooKeeperClient,
  epochZkVersion: number,
  topic: string,
): Observable<unknown> {
  const partitionsPath = TopicPartitionsZNode.path(topic)
  const erase = (path: string): Observable<unknown> => deleteZnode(zookeeper, epochZkVersion, path)
  const eraseAtOnce = (paths: readonly string[]): Observable<unknown> =>
    paths.length === 0
      ? of(null)
      : fenced(
          zookeeper,
          epochZkVersion,
          paths.map(path => ({ op: 'delete', path, version: -1 })),
        ).pipe(
          catchError(error =>
            isKeeperError(error, 'NONODE') && error.index !== null
              ? eraseAtOnce(paths.toSpliced(error.index - 1, 1))
              : throwError(() => error),
          ),
        )
  return zookeeper
    .persistently(() => zookeeper.getChildren(partitionsPath))
    .pipe(
      catchError(unless<readonly string[]>(['NONODE'], () => of([]))),
      concatMap(names =>
        each(names, name =>
          erase(`${partitionsPath}/${name}/state`).pipe(
            concatMap(() => erase(`${partitionsPath}/${name}`)),
          ),
        ),
      ),
      concatMap(() => erase(partitionsPath)),
      concatMap(() =>
        eraseAtOnce([
          TopicZNode.path(topic),
          ConfigZNode.path('topics', topic),
          DeleteTopicsZNode.topicPath(topic),
        ]),
      ),
    )
}

// ─── What there is ───────────────────────────────────────────────────────────────────────────────────────────────────

/** Tells of a znode that cannot be read: somebody else wrote it. */
export type NoteMalformed = (path: string, content: MalformedZnode) => void

/** The ids of the registered brokers; leaves a watch. */
export const listBrokerIds = (zookeeper: ZooKeeperClient): Observable<readonly BrokerId[]> =>
  zookeeper
    .persistently(() => zookeeper.getChildren(BrokerIdsZNode.path, { watch: true }))
    .pipe(map(names => names.flatMap(name => BrokerIdZNode.id(name) ?? []).sort((a, b) => a - b)))

/** Brokers with the czxid of their znodes; leaves a watch on each. Those that are not there are left out. */
export const readBrokers = (
  zookeeper: ZooKeeperClient,
  ids: readonly BrokerId[],
  note: NoteMalformed,
): Observable<readonly LiveBroker[]> =>
  each(ids, id => {
    const path = BrokerIdZNode.path(id)
    return zookeeper
      .persistently(() => zookeeper.getData(path, { watch: true }))
      .pipe(
        map(({ data, stat }): readonly LiveBroker[] => {
          const content = BrokerIdZNode.decode(data)
          if (!isMalformed(content)) {
            const { endpoints, rack } = content
            return [{ id, brokerEpoch: stat.czxid, endpoints, rack }]
          }
          note(path, content)
          return []
        }),
        // Gone meanwhile.
        catchError(unless<readonly LiveBroker[]>(['NONODE'], () => of([]))),
      )
  }).pipe(map(brokers => brokers.flat()))

/** Names of all topics; leaves a watch. */
export const listTopics = (zookeeper: ZooKeeperClient): Observable<readonly string[]> =>
  zookeeper.persistently(() => zookeeper.getChildren(TopicsZNode.path, { watch: true }))

/** Names of the topics to be deleted; leaves a watch. */
export const listDeletions = (zookeeper: ZooKeeperClient): Observable<readonly string[]> =>
  zookeeper.persistently(() => zookeeper.getChildren(DeleteTopicsZNode.path, { watch: true }))

/** What a znode asks for, leaving a watch whether or not it is there; null: nothing that can be read. */
const readRequest = <T>(
  zookeeper: ZooKeeperClient,
  znode: { readonly path: string; decode(data: Uint8Array | null): Decoded<T> },
  note: NoteMalformed,
): Observable<T | null> =>
  readWatched(zookeeper, znode.path, data => {
    const content = znode.decode(data)
    if (!isMalformed(content)) return content
    note(znode.path, content)
    return null
  })

/** Reassignments asked for by znode; leaves a watch. */
export const readReassignments = (
  zookeeper: ZooKeeperClient,
  note: NoteMalformed,
): Observable<readonly ReassignedPartition[]> =>
  readRequest(zookeeper, ReassignPartitionsZNode, note).pipe(map(found => found ?? []))

/** Partitions whose preferred replica shall lead, asked for by znode; leaves a watch. */
export const readPreferredElections = (
  zookeeper: ZooKeeperClient,
  note: NoteMalformed,
): Observable<readonly TopicPartition[] | null> =>
  readRequest(zookeeper, PreferredReplicaElectionZNode, note)

/** Takes partitions out of the znode that asks for reassignments; when none is left it goes, too. */
export function dropReassignments(
  zookeeper: ZooKeeperClient,
  epochZkVersion: number,
  partitions: readonly TopicPartition[],
): Observable<unknown> {
  const { path, decode, encode } = ReassignPartitionsZNode
  const attempt = (): Observable<unknown> =>
    zookeeper
      .persistently(() => zookeeper.getData(path))
      .pipe(
        concatMap(({ data, stat: { version } }): Observable<unknown> => {
          const content = decode(data)
          if (isMalformed(content)) return of(null)
          const left = content.filter(
            it => !partitions.some(of => of.topic === it.topic && of.partition === it.partition),
          )
          if (left.length === content.length && left.length > 0) return of(null)
          return fenced(zookeeper, epochZkVersion, [
            left.length === 0
              ? { op: 'delete', path, version }
              : { op: 'setData', path, data: encode(left), version },
          ])
        }),
        catchError(unless<unknown>(['BADVERSION'], attempt)),
        catchError(unless<unknown>(['NONODE'], () => of(null))),
      )
  return attempt()
}

/** Brokers that gave notice of a failed log directory, each once; leaves a watch, and removes the notices. */
export const takeLogDirEvents = (
  zookeeper: ZooKeeperClient,
  epochZkVersion: number,
): Observable<readonly BrokerId[]> => {
  const { path, childPath, decode } = LogDirEventNotificationZNode
  const take = (notice: string): Observable<readonly BrokerId[]> =>
    zookeeper
      .persistently(() => zookeeper.getData(notice))
      .pipe(
        concatMap(({ data }) => {
          const brokerId = decode(data)
          return deleteZnode(zookeeper, epochZkVersion, notice).pipe(
            map(() => (isMalformed(brokerId) ? [] : [brokerId])),
          )
        }),
        // Gone meanwhile.
        catchError(unless<readonly BrokerId[]>(['NONODE'], () => of([]))),
      )
  return zookeeper
    .persistently(() => zookeeper.getChildren(path, { watch: true }))
    .pipe(
      concatMap(names => each(names, name => take(childPath(name)))),
      map(brokers => [...new Set(brokers.flat())]),
    )
}

/**
 * Topics with their replicas, leaving a watch on each. One without an id (of a broker before 2.8, or made by an old tool) is
 * given one. Those that are not there are left out.
 */
export const readTopics = (
  broker: BrokerWorld,
  epochZkVersion: number,
  topics: readonly string[],
  note: NoteMalformed,
): Observable<readonly TopicRead[]> =>
  each(topics, topic => readTopic(broker, epochZkVersion, topic, note)).pipe(
    map(read => read.flat()),
  )

function readTopic(
  { zookeeper, platform, metadata }: BrokerWorld,
  epochZkVersion: number,
  topic: string,
  note: NoteMalformed,
): Observable<readonly TopicRead[]> {
  const path = TopicZNode.path(topic)
  const attempt = (): Observable<readonly TopicRead[]> =>
    zookeeper
      .persistently(() => zookeeper.getData(path, { watch: true }))
      .pipe(
        concatMap(({ data, stat }): Observable<readonly TopicRead[]> => {
          const content = TopicZNode.decode(data)
          if (isMalformed(content)) {
            note(path, content)
            return of([])
          }
          const { partitions } = content
          if (content.topicId !== null) return of([{ topic, topicId: content.topicId, partitions }])
          // A tool older than 2.8 that rewrites a topic's znode leaves the id out: brokers would refuse another one (KAFKA-14190).
          const known = metadata.topic(topic)?.topicId ?? noUuid
          const topicId = known === noUuid ? randomUuid(platform.random) : known
          return fenced(zookeeper, epochZkVersion, [
            {
              op: 'setData',
              path,
              data: TopicZNode.encode({ topicId, partitions }),
              version: stat.version,
            },
          ]).pipe(
            map(() => [{ topic, topicId, partitions }]),
            catchError(unless(['BADVERSION'], attempt)),
          )
        }),
        catchError(unless<readonly TopicRead[]>(['NONODE'], () => of([]))),
      )
  return attempt()
}

/** State znodes of partitions with their versions; null where there is none. */
export const readStates = (
  zookeeper: ZooKeeperClient,
  partitions: readonly TopicPartition[],
  note: NoteMalformed,
): Observable<readonly StateRead[]> =>
  each(partitions, ({ topic, partition }) => {
    const path = TopicPartitionStateZNode.path({ topic, partition })
    return zookeeper
      .persistently(() => zookeeper.getData(path))
      .pipe(
        map(({ data, stat }): Leadership | null => {
          const state = TopicPartitionStateZNode.decode(data)
          if (!isMalformed(state)) return { ...state, partitionEpoch: stat.version }
          note(path, state)
          return null
        }),
        catchError(unless<Leadership | null>(['NONODE'], () => of(null))),
        map(leadership => ({ topic, partition, leadership })),
      )
  })

/** Those of the topics that allow unclean elections, as ZooKeeper says at this moment. */
export const readUncleanTopics = (
  { zookeeper, config }: BrokerWorld,
  topics: readonly string[],
): Observable<readonly string[]> =>
  each(topics, topic =>
    zookeeper
      .persistently(() => zookeeper.getData(ConfigZNode.path('topics', topic)))
      .pipe(
        map(({ data }) => {
          const content = ConfigZNode.decode(data)
          const own = isMalformed(content) ? undefined : content['unclean.leader.election.enable']
          return own === undefined ? config['unclean.leader.election.enable'] : own === 'true'
        }),
        catchError(unless(['NONODE'], () => of(config['unclean.leader.election.enable']))),
      ),
  ).pipe(map(allowed => topics.filter((_, index) => allowed[index])))
