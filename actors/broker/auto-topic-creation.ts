import { catchError, map, type Observable, of, throwError } from 'rxjs'
import { topicNameFault } from '../../src/controller/topic-name.ts'
import { type ErrorCode, errors } from '../../src/error.ts'
import { groupMetadataTopic } from '../../src/group/group-id.ts'
import { isKeeperError } from '../../src/zookeeper/error.ts'
import type { BrokerWorld } from './broker-world.ts'
import { createTopic } from './topic-admin.ts'

/** Where transactional state will live; it comes with the transactions. */
const transactionStateTopic = '__transaction_state'

/** Topics that brokers keep for themselves. */
export const isInternalTopic = (name: string): boolean =>
  name === groupMetadataTopic || name === transactionStateTopic

/**
 * Creates a topic that was asked for and is missing; any broker may, by writing its znodes (AutoTopicCreationManager). Emits once
 * what to tell who asked: LEADER_NOT_AVAILABLE where it is made and has no leaders yet, else why it is not.
 */
export function createMissingTopic(broker: BrokerWorld, name: string): Observable<ErrorCode> {
  const { config, metadata } = broker
  if (topicNameFault(name) !== null) return of(errors.INVALID_TOPIC_EXCEPTION)
  if (name === transactionStateTopic) return of(errors.UNKNOWN_TOPIC_OR_PARTITION)
  // A broker that has just started knows of no topic and nobody: what is missing may long be there.
  if (metadata.brokers().length === 0) return of(errors.LEADER_NOT_AVAILABLE)
  const topic =
    name === groupMetadataTopic
      ? {
          name,
          partitions: config['offsets.topic.num.partitions'],
          replicationFactor: config['offsets.topic.replication.factor'],
          configs: {
            'cleanup.policy': 'compact',
            'compression.type': 'producer',
            'segment.bytes': String(config['offsets.topic.segment.bytes']),
          },
        }
      : { name, partitions: -1, replicationFactor: -1, configs: {} }
  return createTopic(broker, topic).pipe(
    map(errorCode =>
      errorCode === errors.NONE || errorCode === errors.TOPIC_ALREADY_EXISTS
        ? errors.LEADER_NOT_AVAILABLE
        : errorCode,
    ),
    // The session ended meanwhile: whoever asks again will see.
    catchError(error =>
      isKeeperError(error) ? of(errors.UNKNOWN_TOPIC_OR_PARTITION) : throwError(() => error),
    ),
  )
}
