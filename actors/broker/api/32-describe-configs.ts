import { catchError, forkJoin, map, type Observable, of, throwError } from 'rxjs'
import {
  type BrokerConfigName,
  brokerConfigKeys,
  type ConfigKey,
  type ConfigType,
  type ConfigValue,
  printConfigValue,
  type TopicConfigName,
  topicConfigKeys,
  topicConfigSynonyms,
} from '../../../src/broker/config.ts'
import { topicNameFault } from '../../../src/controller/topic-name.ts'
import { type ErrorCode, errorMessage, errors } from '../../../src/error.ts'
import type { DescribeConfigs, RequestOf, ResponseOf } from '../../../src/protocol/index.ts'
import { isKeeperError } from '../../../src/zookeeper/error.ts'
import type { BrokerWorld } from '../broker-world.ts'
import type { Handler } from '../handler.ts'

type Request = RequestOf<typeof DescribeConfigs>
type Result = ResponseOf<typeof DescribeConfigs>['results'][number]
type Config = Result['configs'][number]
type Synonym = Config['synonyms'][number]

const topicType = 2
const brokerType = 4

/** Where a value comes from (DescribeConfigsResponse.ConfigSource). */
const sources = { topic: 1, staticBroker: 4, default: 5 } as const

const typeCodes: Readonly<Record<ConfigType, number>> = {
  boolean: 1,
  string: 2,
  int: 3,
  long: 5,
  double: 6,
  list: 7,
}

/**
 * DescribeConfigs: v0–v4
 *
 * - Topics by name; brokers by their own id alone, since others know theirs (INVALID_REQUEST). An empty name asks for what all
 *   brokers were given at run time: nothing.
 * - A value that differs from Kafka's default counts as written in the broker's properties: so do those of a profile.
 *
 * v1: sources and synonyms (KIP-226); v0 says `isDefault` · v3: types and documentation (KIP-569)
 * Not implemented: loggers, client metrics; INVALID_REQUEST, as for any type that is none.
 */
export const describeConfigs: Handler<typeof DescribeConfigs> = (broker, request, call) => {
  if (request.resources.length === 0) return { throttleTimeMs: 0, results: [] }
  return forkJoin(
    request.resources.map(resource => describe(broker, request, resource, call.version)),
  ).pipe(map(results => ({ throttleTimeMs: 0, results })))
}

function describe(
  broker: BrokerWorld,
  request: Request,
  resource: Request['resources'][number],
  version: number,
): Observable<Result> {
  const { resourceType, resourceName, configurationKeys: wanted } = resource
  const result = (configs: readonly Config[], errorCode: ErrorCode, message = ''): Result => ({
    errorCode,
    errorMessage: message,
    resourceType,
    resourceName,
    configs,
  })
  const refuse = (errorCode: ErrorCode, message: string | null = errorMessage(errorCode)) =>
    of(result([], errorCode, message ?? ''))
  const pick = (configs: readonly Config[]): Result =>
    result(
      configs
        .filter(({ name }) => wanted === null || wanted.length === 0 || wanted.includes(name))
        .map(config => ({
          ...config,
          isDefault: version === 0 && config.configSource === sources.default,
          synonyms: request.includeSynonyms ? config.synonyms : [],
          documentation: request.includeDocumentation ? config.documentation : null,
        })),
      errors.NONE,
    )

  if (resourceType === topicType) {
    const fault = topicNameFault(resourceName)
    if (fault !== null) return refuse(errors.INVALID_TOPIC_EXCEPTION, fault)
    if (broker.metadata.topic(resourceName) === undefined)
      return refuse(errors.UNKNOWN_TOPIC_OR_PARTITION)
    // Brokers without a replica of it have not read it yet. Where ZooKeeper is gone, what is known is told.
    return broker.topicConfigs.refresh([resourceName]).pipe(
      catchError(error => (isKeeperError(error) ? of(undefined) : throwError(() => error))),
      map(() => pick(topicConfigs(broker, resourceName))),
    )
  }
  if (resourceType === brokerType) {
    if (resourceName === '') return of(pick([]))
    if (resourceName !== String(broker.brokerId))
      return refuse(
        errors.INVALID_REQUEST,
        `This is broker ${broker.brokerId}: ask broker ${resourceName} itself, or give no name.`,
      )
    return of(pick(brokerConfigs(broker)))
  }
  return refuse(errors.INVALID_REQUEST, `There are no configs of resource type ${resourceType}.`)
}

const config = (
  name: string,
  key: ConfigKey,
  value: ConfigValue,
  synonyms: readonly Synonym[],
  readOnly: boolean,
): Config => {
  return {
    name,
    value: printConfigValue(value),
    readOnly,
    isDefault: false,
    configSource: synonyms[0]?.source ?? sources.default,
    isSensitive: false,
    synonyms,
    configType: typeCodes[key.type],
    documentation: key.doc,
  }
}

/** The broker's own key, and the default it stands over; nothing where it is not set at all. */
function brokerSynonyms(broker: BrokerWorld, name: BrokerConfigName): Synonym[] {
  const key: ConfigKey = brokerConfigKeys[name]
  const synonyms: Synonym[] = []
  const add = (value: ConfigValue, source: number): void => {
    if (value !== null) synonyms.push({ name, value: printConfigValue(value), source })
  }
  if (broker.config[name] !== key.default) add(broker.config[name], sources.staticBroker)
  add(key.default, sources.default)
  return synonyms
}

const brokerConfigs = (broker: BrokerWorld): Config[] =>
  (Object.keys(brokerConfigKeys) as BrokerConfigName[]).map(name =>
    config(name, brokerConfigKeys[name], broker.config[name], brokerSynonyms(broker, name), true),
  )

function topicConfigs(broker: BrokerWorld, topic: string): Config[] {
  const values = broker.topicConfigs.get(topic)
  const overrides = broker.topicConfigs.overrides(topic)
  return (Object.keys(topicConfigKeys) as TopicConfigName[]).map(name => {
    const override = overrides[name]
    const own: Synonym[] =
      override === undefined ? [] : [{ name, value: override, source: sources.topic }]
    const inherited = (topicConfigSynonyms[name] ?? []).flatMap(synonym =>
      brokerSynonyms(broker, synonym),
    )
    return config(name, topicConfigKeys[name], values[name], [...own, ...inherited], false)
  })
}
