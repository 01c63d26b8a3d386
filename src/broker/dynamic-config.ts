/**
 * Configuration that changes while brokers run: which of a broker's keys may (DynamicBrokerConfig.AllDynamicConfigs), and what a
 * request to change some comes to (ConfigAdminManager.prepareIncrementalConfigs).
 */
import { type ErrorCode, errors } from '../error.ts'
import {
  type BrokerConfig,
  brokerConfigKeys,
  ConfigError,
  type ConfigKey,
  type ConfigValue,
  parseConfigValue,
  printConfigValue,
} from './config.ts'

/** The keys of a broker that may be changed while it runs, and to which it then keeps: those that stand in for topics' own. */
export const dynamicBrokerConfigs: ReadonlySet<string> = new Set([
  'compression.type',
  'log.cleaner.delete.retention.ms',
  'log.cleaner.max.compaction.lag.ms',
  'log.cleaner.min.cleanable.ratio',
  'log.cleaner.min.compaction.lag.ms',
  'log.cleanup.policy',
  'log.flush.interval.messages',
  'log.flush.interval.ms',
  'log.index.interval.bytes',
  'log.index.size.max.bytes',
  'log.message.timestamp.after.max.ms',
  'log.message.timestamp.before.max.ms',
  'log.message.timestamp.type',
  'log.retention.bytes',
  'log.retention.ms',
  'log.roll.ms',
  'log.segment.bytes',
  'log.segment.delete.delay.ms',
  'message.max.bytes',
  'min.insync.replicas',
  'producer.id.expiration.ms',
  'unclean.leader.election.enable',
])

/** AlterConfigOp.OpType. */
export const configOperation = { set: 0, delete: 1, append: 2, subtract: 3 } as const

export interface ConfigChange {
  readonly name: string
  /** One of {@link configOperation}; whatever else a client sent is refused. */
  readonly operation: number
  /** Null only where it is deleted. */
  readonly value: string | null
}

export interface ConfigRefusal {
  readonly errorCode: ErrorCode
  readonly errorMessage: string | null
}

const refusal = (errorCode: ErrorCode, errorMessage: string | null): ConfigRefusal => ({
  errorCode,
  errorMessage,
})

export type Overrides = Readonly<Record<string, string>>

/** What is wrong with a list of changes before any of them is looked at (ConfigAdminManager.preprocess); null: nothing. */
export function changesFault(changes: readonly ConfigChange[]): ConfigRefusal | null {
  const unset = changes.filter(it => it.operation !== configOperation.delete && it.value === null)
  if (unset.length > 0) {
    const names = unset.map(it => it.name).join(', ')
    return refusal(errors.INVALID_REQUEST, `no value for ${names}`)
  }
  const names = changes.map(it => it.name)
  const twice = names.filter((name, index) => names.indexOf(name) !== index)
  return twice.length === 0
    ? null
    : refusal(errors.INVALID_REQUEST, `more than one change of ${[...new Set(twice)].join(', ')}`)
}

/**
 * The overrides of a resource after some changes. A list that is not set itself is appended to as it is inherited.
 *
 * @param keys the table of the resource's type
 * @param inherited what holds where nothing is set
 */
export function changed(
  overrides: Overrides,
  changes: readonly ConfigChange[],
  keys: Readonly<Record<string, ConfigKey>>,
  inherited: Readonly<Record<string, ConfigValue>>,
): Overrides | ConfigRefusal {
  const result: Record<string, string> = { ...overrides }
  for (const { name, operation, value } of changes) {
    if (operation === configOperation.set) result[name] = value ?? ''
    else if (operation === configOperation.delete) delete result[name]
    else if (operation === configOperation.append || operation === configOperation.subtract) {
      const key = keys[name]
      // Kafka's broker stumbles over these two, and so its clients know them.
      if (key === undefined) return refusal(errors.UNKNOWN_SERVER_ERROR, null)
      if (key.type !== 'list')
        return refusal(errors.INVALID_CONFIG, `${name} is no list to append to or subtract from`)
      const members = listMembers(result[name] ?? printConfigValue(inherited[name] ?? null) ?? '')
      const named = listMembers(value ?? '')
      const kept =
        operation === configOperation.append
          ? [...members, ...named.filter(member => !members.includes(member))]
          : members.filter(member => !named.includes(member))
      result[name] = kept.join(',')
    } else return refusal(errors.UNKNOWN_SERVER_ERROR, null)
  }
  return result
}

const listMembers = (text: string): readonly string[] =>
  text
    .split(',')
    .map(member => member.trim())
    .filter(member => member !== '')

export const isConfigRefusal = (it: Overrides | ConfigRefusal): it is ConfigRefusal =>
  'errorCode' in it && typeof it.errorCode === 'number'

/** Whether a broker may be configured so while it runs; null: yes. Names that are nobody's are kept for whoever knows them. */
export function brokerOverridesFault(overrides: Overrides): ConfigRefusal | null {
  const fixed = Object.keys(overrides).filter(
    name => Object.hasOwn(brokerConfigKeys, name) && !dynamicBrokerConfigs.has(name),
  )
  if (fixed.length > 0)
    return refusal(errors.INVALID_REQUEST, `cannot be changed at run time: ${fixed.join(', ')}`)
  try {
    withOverrides({}, overrides)
    return null
  } catch (error) {
    if (error instanceof ConfigError) return refusal(errors.INVALID_REQUEST, error.message)
    throw error
  }
}

/** @throws ConfigError for a value that is none. */
function withOverrides(
  config: Readonly<Record<string, ConfigValue>>,
  overrides: Overrides,
): Record<string, ConfigValue> {
  const result: Record<string, ConfigValue> = { ...config }
  for (const [name, text] of Object.entries(overrides)) {
    const key: ConfigKey | undefined = (brokerConfigKeys as Record<string, ConfigKey>)[name]
    if (key !== undefined && dynamicBrokerConfigs.has(name))
      result[name] = parseConfigValue(name, key, text)
  }
  return result
}

/**
 * A broker's configuration with what was changed at run time: for all brokers, and over that for it alone. What cannot be read
 * is left out and told.
 */
export function dynamicConfig(
  config: BrokerConfig,
  layers: readonly Overrides[],
  ignored: (error: ConfigError) => void,
): BrokerConfig {
  let result: Record<string, ConfigValue> = config
  for (const overrides of layers)
    for (const [name, text] of Object.entries(overrides))
      try {
        result = withOverrides(result, { [name]: text })
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error
        ignored(error)
      }
  return result as BrokerConfig
}
