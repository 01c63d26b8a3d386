import { catchError, concatMap, forkJoin, map, type Observable, of, throwError } from 'rxjs'
import {
  type ClusterView,
  emptyView,
  type LiveBroker,
  withBrokers,
  withFailedReplicas,
  withLeaderships,
  withTopics,
} from '../../src/controller/cluster-view.ts'
import type { StateRead, TopicRead } from '../../src/controller/work.ts'
import { printPartition, type TopicPartition } from '../../src/ids.ts'
import { isKeeperError } from '../../src/zookeeper/error.ts'
import {
  FeatureZNode,
  IsrChangeNotificationZNode,
  LogDirEventNotificationZNode,
} from '../../src/zookeeper/paths.ts'
import type { ZooKeeperClient } from '../zookeeper/client.ts'
import type { BrokerWorld } from './broker-world.ts'
import {
  deleteZnode,
  each,
  fenced,
  listBrokerIds,
  listDeletions,
  listTopics,
  type NoteMalformed,
  readBrokers,
  readStates,
  readTopics,
} from './controller-znodes.ts'

/** What a new controller finds. */
export interface FoundCluster {
  readonly view: ClusterView
  /** Topics whose deletion was asked for. */
  readonly deletions: readonly string[]
}

/**
 * All there is, as a new controller reads it (KafkaController.onControllerFailover, initializeControllerContext). Every list
 * leaves its watch with the reading, so that no change between is lost. Emits once; fails as `controller-znodes.ts` does.
 */
export function loadCluster(
  broker: BrokerWorld,
  epochZkVersion: number,
  note: NoteMalformed,
): Observable<FoundCluster> {
  const { zookeeper } = broker
  const listed = forkJoin([
    listBrokerIds(zookeeper).pipe(concatMap(ids => readBrokers(zookeeper, ids, note))),
    listTopics(zookeeper),
    listDeletions(zookeeper),
  ])
  return ensureFeatures(zookeeper, epochZkVersion).pipe(
    concatMap(() => dropNotifications(zookeeper, epochZkVersion)),
    concatMap(() => listed),
    concatMap(([brokers, names, deletions]) =>
      readTopics(broker, epochZkVersion, names, note).pipe(
        concatMap(topics =>
          readStates(zookeeper, partitionsOf(topics), note).pipe(
            map(states => {
              const view = viewOf(brokers, topics, states)
              const lost = broker.partitions.lost.map(printPartition)
              return { view: withFailedReplicas(view, broker.brokerId, lost), deletions }
            }),
          ),
        ),
      ),
    ),
  )
}

function viewOf(
  brokers: readonly LiveBroker[],
  topics: readonly TopicRead[],
  states: readonly StateRead[],
): ClusterView {
  const rows = topics.map(
    ({ topic, topicId, partitions }) =>
      [topic, { topicId, partitions: withoutLeaders(partitions) }] as const,
  )
  return withLeaderships(
    withTopics(withBrokers(emptyView, brokers), rows),
    states.flatMap(({ leadership, ...state }) =>
      leadership === null ? [] : [{ ...state, leadership }],
    ),
  )
}

const partitionsOf = (topics: readonly TopicRead[]): readonly TopicPartition[] =>
  topics.flatMap(({ topic, partitions }) =>
    Object.keys(partitions).map(partition => ({ topic, partition: Number(partition) })),
  )

const withoutLeaders = (
  partitions: TopicRead['partitions'],
): ClusterView['topics'][string]['partitions'] =>
  Object.fromEntries(
    Object.entries(partitions).map(([partition, assigned]) => [
      partition,
      { ...assigned, leadership: null },
    ]),
  )

/** A cluster of Kafka 3.3 and later has the node, enabled and empty (KafkaController.maybeSetupFeatureVersioning). */
function ensureFeatures(zookeeper: ZooKeeperClient, epochZkVersion: number): Observable<unknown> {
  const data = FeatureZNode.encode({ enabled: true, levels: {} })
  return zookeeper
    .persistently(() => zookeeper.exists(FeatureZNode.path))
    .pipe(
      concatMap(stat =>
        stat !== null
          ? of(stat)
          : fenced(zookeeper, epochZkVersion, [{ op: 'create', path: FeatureZNode.path, data }]),
      ),
      catchError(error =>
        isKeeperError(error, 'NODEEXISTS') ? of(null) : throwError(() => error),
      ),
    )
}

/** Notes of older brokers about ISRs and log directories: all of that is about to be read. */
function dropNotifications(
  zookeeper: ZooKeeperClient,
  epochZkVersion: number,
): Observable<unknown> {
  return each([IsrChangeNotificationZNode, LogDirEventNotificationZNode], znode =>
    zookeeper
      .persistently(() => zookeeper.getChildren(znode.path))
      .pipe(
        concatMap(names =>
          each(names, name => deleteZnode(zookeeper, epochZkVersion, znode.childPath(name))),
        ),
      ),
  )
}
