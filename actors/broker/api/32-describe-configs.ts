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
import { dynamicBrokerConfigs } from '../../../src/broker/dynamic-config.ts'
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
const sources = {
  topic: 1,
  dynamicBroker: 2,
  dynamicDefaultBroker: 3,
  staticBroker: 4,
  default: 5,
} as const

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
 *   brokers were given at run time.
 * - A value that differs from Kafka's default counts as written in the broker's properties: so do those of a profile.
 *
 * v1: sources and synonyms (KIP-226), before which there is `isDefault`, never true in Kafka 3.9 either · v3: types and documentation (KIP-569)
 * Not implemented: loggers, client metrics; INVALID_REQUEST, as for any type that is none.
 */
export const describeConfigs: Handler<typeof DescribeConfigs> = (broker, request) => {
  if (request.resources.length === 0) return { throttleTimeMs: 0, results: [] }
  return forkJoin(request.resources.map(resource => describe(broker, request, resource))).pipe(
    map(results => ({ throttleTimeMs: 0, results })),
  )
}

function describe(
  broker: BrokerWorld,
  request: Request,
  resource: Request['resources'][number],
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
    if (resourceName === '') return of(pick(clusterConfigs(broker)))
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

/** Keys of a broker that are given in other units too: the first that is set counts (DynamicBrokerConfig.brokerConfigSynonyms). */
const otherUnits: Readonly<Partial<Record<BrokerConfigName, readonly BrokerConfigName[]>>> = {
  'log.retention.ms': ['log.retention.minutes', 'log.retention.hours'],
  'log.roll.ms': ['log.roll.hours'],
}

/** What a broker's key is given by, nearest first, beginning with the key itself: nothing where that is not set at all. */
function brokerSynonyms(broker: BrokerWorld, name: BrokerConfigName): Synonym[] {
  const names = [name, ...(otherUnits[name] ?? [])]
  const { own, cluster, given } = broker.brokerConfigs
  const dynamic = (it: BrokerConfigName, overrides: Readonly<Record<string, string>>) =>
    dynamicBrokerConfigs.has(it) ? (overrides[it] ?? null) : null
  const layers: readonly (readonly [(it: BrokerConfigName) => ConfigValue, number])[] = [
    [it => dynamic(it, own), sources.dynamicBroker],
    [it => dynamic(it, cluster), sources.dynamicDefaultBroker],
    [it => (given[it] === brokerConfigKeys[it].default ? null : given[it]), sources.staticBroker],
    [it => brokerConfigKeys[it].default, sources.default],
  ]
  const synonyms = layers.flatMap(([valueAt, source]) =>
    names.flatMap((it): Synonym[] => {
      const value = valueAt(it)
      return value === null ? [] : [{ name: it, value: printConfigValue(value), source }]
    }),
  )
  const first = synonyms.findIndex(it => it.name === name)
  return first === -1 ? [] : synonyms.slice(first)
}

const brokerConfigs = (broker: BrokerWorld): Config[] =>
  (Object.keys(brokerConfigKeys) as BrokerConfigName[]).map(name =>
    config(
      name,
      brokerConfigKeys[name],
      broker.config[name],
      brokerSynonyms(broker, name),
      !dynamicBrokerConfigs.has(name),
    ),
  )

/** What was set at run time for all brokers. */
const clusterConfigs = (broker: BrokerWorld): Config[] =>
  Object.entries(broker.brokerConfigs.cluster).flatMap(([name, value]) => {
    const key = (brokerConfigKeys as Readonly<Record<string, ConfigKey>>)[name]
    const synonym = { name, value, source: sources.dynamicDefaultBroker }
    return key === undefined ? [] : [config(name, key, value, [synonym], false)]
  })

function topicConfigs(broker: BrokerWorld, topic: string): Config[] {
  const values = broker.topicConfigs.get(topic)
  const overrides = broker.topicConfigs.overrides(topic)
  return (Object.keys(topicConfigKeys) as TopicConfigName[]).map(name => {
    const override = overrides[name]
    const own: Synonym[] =
      override === undefined ? [] : [{ name, value: override, source: sources.topic }]
    const [synonym] = topicConfigSynonyms[name] ?? []
    const inherited = synonym === undefined ? [] : brokerSynonyms(broker, synonym)
    return config(name, topicConfigKeys[name], values[name], [...own, ...inherited], false)
  })
}
