import { catchError, concatMap, forkJoin, map, type Observable, of, throwError } from 'rxjs'
import {
  printConfigValue,
  type TopicConfig,
  type TopicConfigName,
  topicConfigKeys,
} from '../../../src/broker/config.ts'
import { clusterMetadataTopic } from '../../../src/controller/topic-name.ts'
import { errorMessage, errors } from '../../../src/error.ts'
import { noBroker, noUuid } from '../../../src/ids.ts'
import type { CreateTopics, RequestOf, ResponseDraftOf } from '../../../src/protocol/index.ts'
import { isKeeperError } from '../../../src/zookeeper/error.ts'
import type { BrokerWorld } from '../broker-world.ts'
import type { Handler } from '../handler.ts'
import { judgeNewTopic, metadataHas, writeTopic } from '../topic-admin.ts'

type Asked = RequestOf<typeof CreateTopics>['topics'][number]
type Answer = ResponseDraftOf<typeof CreateTopics>['topics'][number]

/**
 * CreateTopics: v0–v7
 *
 * - Asked of the controller; another broker answers NOT_CONTROLLER for each topic.
 * - A name that comes twice is INVALID_REQUEST each time. What else may be wrong, and which code it has, is in
 *   `src/controller/new-topic.ts`.
 * - A topic is made by its znodes. It is answered when this broker knows a leader for each of its partitions; after timeoutMs it is
 *   REQUEST_TIMED_OUT, though it may still come to be.
 *
 * v1: validateOnly · v4: −1 stands for the broker's defaults (KIP-464) · v5: configs in the answer (KIP-525) · v7: topicId
 * Not implemented: authorization, creation policies, quotas on mutations.
 */
export const createTopics: Handler<typeof CreateTopics> = (broker, request) => {
  const { topics, timeoutMs, validateOnly } = request
  if (topics.length === 0) return { throttleTimeMs: 0, topics: [] }
  const times = Map.groupBy(topics, ({ name }) => name)
  return forkJoin(
    topics.map((topic): Observable<Answer> => {
      if (!broker.controller.isActive) return of(refused(topic, errors.NOT_CONTROLLER))
      if ((times.get(topic.name)?.length ?? 0) > 1)
        return of(refused(topic, errors.INVALID_REQUEST, 'the request has this topic twice'))
      if (topic.name === clusterMetadataTopic)
        return of(refused(topic, errors.TOPIC_AUTHORIZATION_FAILED, 'KRaft’s own topic'))
      return create(broker, topic, timeoutMs, validateOnly)
    }),
  ).pipe(map(answers => ({ throttleTimeMs: 0, topics: answers })))
}

const refused = (
  { name }: Asked,
  errorCode: number,
  message: string | null = errorMessage(errorCode),
): Answer => ({
  name,
  topicId: noUuid,
  errorCode,
  errorMessage: message,
  numPartitions: -1,
  replicationFactor: -1,
  configs: [],
})

function create(
  broker: BrokerWorld,
  topic: Asked,
  timeoutMs: number,
  validateOnly: boolean,
): Observable<Answer> {
  const { name, numPartitions, replicationFactor, assignments } = topic
  const configs = Object.fromEntries(topic.configs.map(config => [config.name, config.value]))
  const verdict = judgeNewTopic(broker, {
    name,
    partitions: numPartitions,
    replicationFactor,
    assignments: assignments.map(it => ({ partition: it.partitionIndex, replicas: it.brokerIds })),
    configs,
  })
  if (!('assignment' in verdict)) return of(refused(topic, verdict.errorCode, verdict.errorMessage))
  const { assignment, config, overrides } = verdict
  const accepted: Answer = {
    name,
    topicId: noUuid,
    errorCode: errors.NONE,
    errorMessage: null,
    numPartitions: assignment.length,
    replicationFactor: assignment[0]?.length ?? 0,
    configs: describe(config, overrides),
  }
  if (validateOnly) return of(accepted)
  const hasLeaders = (): boolean =>
    assignment.every(
      (_, partition) => (broker.metadata.partition(name, partition)?.leader ?? noBroker) >= 0,
    )
  return writeTopic(broker, name, assignment, overrides).pipe(
    concatMap(({ errorCode, topicId }) =>
      errorCode === errors.NONE
        ? metadataHas(broker, timeoutMs, hasLeaders).pipe(
            map(
              (has): Answer =>
                has
                  ? { ...accepted, topicId }
                  : { ...refused(topic, errors.REQUEST_TIMED_OUT), topicId },
            ),
          )
        : of(refused(topic, errorCode)),
    ),
    // The session is over, and with it this broker's reign.
    catchError(error =>
      isKeeperError(error) ? of(refused(topic, errors.NOT_CONTROLLER)) : throwError(() => error),
    ),
  )
}

/** Where a value comes from (DescribeConfigsResponse.ConfigSource). */
const sources = { topic: 1, staticBroker: 4, default: 5 } as const

const describe = (
  config: TopicConfig,
  overrides: Readonly<Record<string, string>>,
): Answer['configs'] =>
  (Object.keys(config) as TopicConfigName[]).map(name => ({
    name,
    value: printConfigValue(config[name]),
    readOnly: false,
    configSource: Object.hasOwn(overrides, name)
      ? sources.topic
      : config[name] === topicConfigKeys[name].default
        ? sources.default
        : sources.staticBroker,
    isSensitive: false,
  }))
