/**
 * Making and unmaking topics: what CreateTopics, DeleteTopics and auto-creation have in common (ZkAdminManager). A topic is made
 * by writing its znodes; the controller, whichever broker that is, sees them and does the rest.
 */
import { catchError, concatMap, map, Observable, of, throwError } from 'rxjs'
import { topicDefaults } from '../../src/broker/config.ts'
import { randomStart } from '../../src/controller/assignment.ts'
import {
  judgeTopic,
  type NewTopic,
  type TopicAssignment,
  type TopicVerdict,
} from '../../src/controller/new-topic.ts'
import { type ErrorCode, errors } from '../../src/error.ts'
import { randomUuid, type Uuid } from '../../src/ids.ts'
import type { Timer } from '../../src/ports.ts'
import { isKeeperError } from '../../src/zookeeper/error.ts'
import {
  ConfigZNode,
  DeleteTopicsZNode,
  isMalformed,
  TopicZNode,
} from '../../src/zookeeper/paths.ts'
import type { ZooKeeperClient } from '../zookeeper/client.ts'
import type { BrokerWorld } from './broker-world.ts'

/** Checks a topic against the cluster as this broker knows it; draws where its replicas begin. */
export function judgeNewTopic(broker: BrokerWorld, topic: NewTopic): TopicVerdict {
  const { config, metadata, platform } = broker
  const brokers = metadata.brokers()
  return judgeTopic(topic, {
    brokers,
    defaultPartitions: config['num.partitions'],
    defaultReplicationFactor: config['default.replication.factor'],
    topicDefaults: topicDefaults(config),
    topicNames: metadata.topicNames(),
    start: randomStart(platform.random, brokers),
  })
}

/**
 * Creates a topic by itself, as a Metadata request for an unknown topic or the first group does. Any broker may. Emits once:
 * NONE when its znodes are written (it has no leaders yet), else why not: TOPIC_ALREADY_EXISTS, INVALID_REPLICATION_FACTOR …
 *
 * @param topic.partitions −1 for `num.partitions`
 * @param topic.replicationFactor −1 for `default.replication.factor`
 */
export function createTopic(
  broker: BrokerWorld,
  topic: {
    readonly name: string
    readonly partitions: number
    readonly replicationFactor: number
    readonly configs: Readonly<Record<string, string>>
  },
): Observable<ErrorCode> {
  const verdict = judgeNewTopic(broker, topic)
  if (!('assignment' in verdict)) return of(verdict.errorCode)
  return writeTopic(broker, topic.name, verdict.assignment, topic.configs).pipe(
    map(written => written.errorCode),
  )
}

/**
 * Writes a topic's znodes: `/config/topics/t`, then `/brokers/topics/t`, whose creation is what the controller reacts to. Emits
 * once: its id, or TOPIC_ALREADY_EXISTS.
 */
export function writeTopic(
  broker: BrokerWorld,
  name: string,
  assignment: TopicAssignment,
  configs: Readonly<Record<string, string>>,
): Observable<{ readonly errorCode: ErrorCode; readonly topicId: Uuid }> {
  const { zookeeper } = broker
  const topicId = randomUuid(broker.platform.random)
  const path = TopicZNode.path(name)
  const content = TopicZNode.encode({
    topicId,
    partitions: Object.fromEntries(
      assignment.map((replicas, partition) => [
        partition,
        { replicas, addingReplicas: [], removingReplicas: [] },
      ]),
    ),
  })
  const exists = { errorCode: errors.TOPIC_ALREADY_EXISTS, topicId }
  const created = { errorCode: errors.NONE, topicId }
  return zookeeper
    .persistently(() => zookeeper.exists(path))
    .pipe(
      concatMap(stat =>
        stat !== null
          ? of(exists)
          : writeTopicConfig(zookeeper, name, configs).pipe(
              concatMap(() => zookeeper.persistently(() => zookeeper.create(path, content))),
              map(() => created),
              catchError(error =>
                isKeeperError(error, 'NODEEXISTS')
                  ? // It may be our own, of a request whose answer was lost.
                    topicIdOf(zookeeper, name).pipe(map(id => (id === topicId ? created : exists)))
                  : throwError(() => error),
              ),
            ),
      ),
    )
}

function writeTopicConfig(
  zookeeper: ZooKeeperClient,
  name: string,
  configs: Readonly<Record<string, string>>,
): Observable<unknown> {
  const path = ConfigZNode.path('topics', name)
  const content = ConfigZNode.encode(configs)
  return zookeeper
    .persistently<unknown>(() => zookeeper.create(path, content))
    .pipe(
      catchError(error =>
        isKeeperError(error, 'NODEEXISTS')
          ? zookeeper.persistently(() => zookeeper.setData(path, content))
          : throwError(() => error),
      ),
    )
}

/** Null where there is no such topic, or none with an id. */
function topicIdOf(zookeeper: ZooKeeperClient, name: string): Observable<Uuid | null> {
  return zookeeper
    .persistently(() => zookeeper.getData(TopicZNode.path(name)))
    .pipe(
      map(({ data }) => {
        const content = TopicZNode.decode(data)
        return isMalformed(content) ? null : content.topicId
      }),
      catchError(error => (isKeeperError(error, 'NONODE') ? of(null) : throwError(() => error))),
    )
}

/** Asks the controller to delete a topic: a znode whose being there is the request. */
export function requestTopicDeletion(broker: BrokerWorld, name: string): Observable<void> {
  const { zookeeper } = broker
  return zookeeper
    .persistently(() => zookeeper.create(DeleteTopicsZNode.topicPath(name), null))
    .pipe(
      map(() => undefined),
      catchError(error =>
        isKeeperError(error, 'NODEEXISTS') ? of(undefined) : throwError(() => error),
      ),
    )
}

/**
 * Emits true once a condition on this broker's metadata holds, false when the time is over (DelayedCreatePartitions,
 * DelayedDeleteTopics).
 */
export const metadataHas = (
  broker: BrokerWorld,
  timeoutMs: number,
  condition: () => boolean,
): Observable<boolean> =>
  new Observable(subscriber => {
    const { clock } = broker.platform
    let timer: Timer | undefined
    const finish = (met: boolean): void => {
      clock.clearTimeout(timer)
      subscriber.next(met)
      subscriber.complete()
    }
    if (condition()) return finish(true)
    if (timeoutMs <= 0) return finish(false)
    const changes = broker.changes.subscribe(change => {
      if (change.kind === 'metadata' && condition()) finish(true)
    })
    timer = clock.setTimeout(() => finish(false), timeoutMs)
    return () => {
      clock.clearTimeout(timer)
      changes.unsubscribe()
    }
  })
