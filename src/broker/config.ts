/**
 * Kafka's configuration: names, types and defaults of 3.9, in one table each for brokers and topics. `fast` is the
 * value in the profile of that name, where it differs: what a test wants (README has the same table).
 */

export type ConfigType = 'boolean' | 'int' | 'long' | 'double' | 'string' | 'list'
export type ConfigValue = boolean | number | string | null

export interface ConfigKey {
  readonly type: ConfigType
  /** Null: not set. Lists are text, separated by commas, as Kafka writes them. */
  readonly default: ConfigValue
  /** In the `fast` profile; a function of the number of brokers where it depends on that. */
  readonly fast?: ConfigValue | ((brokers: number) => ConfigValue)
  readonly min?: number
  readonly max?: number
  /** The only texts allowed; of a list, the only members. */
  readonly oneOf?: readonly string[]
  readonly doc: string
}

/** The type of a key's value, by its `type`; keys whose default is null may be null. */
type ValueOf<K extends ConfigKey> =
  | (K['type'] extends 'boolean'
      ? boolean
      : K['type'] extends 'int' | 'long' | 'double'
        ? number
        : string)
  | (K['default'] extends null ? null : never)

const table = <T extends Record<string, ConfigKey>>(keys: T): T => keys
const key = <const K extends ConfigKey>(definition: K): K => definition

const maxLong = Number.MAX_SAFE_INTEGER
const maxInt = 2 ** 31 - 1

/** KafkaConfig: what a broker is configured with. */
export const brokerConfigKeys = table({
  'broker.id': key({ type: 'int', default: -1, doc: 'The broker id; -1 has one made.' }),
  'broker.rack': key({ type: 'string', default: null, doc: 'Rack of the broker.' }),
  'zookeeper.connect': key({ type: 'string', default: null, doc: 'host:port,host:port/chroot.' }),
  'zookeeper.session.timeout.ms': key({
    type: 'int',
    default: 18_000,
    fast: 2000,
    min: 1,
    doc: 'How long ZooKeeper waits for a silent broker before its session ends.',
  }),
  'zookeeper.connection.timeout.ms': key({
    type: 'int',
    default: null,
    doc: 'How long a broker waits for its first connection; null: the session timeout.',
  }),
  'zookeeper.max.in.flight.requests': key({
    type: 'int',
    default: 10,
    min: 1,
    doc: 'Requests to ZooKeeper that may be under way at once.',
  }),
  listeners: key({ type: 'list', default: 'PLAINTEXT://:9092', doc: 'Where the broker listens.' }),
  'advertised.listeners': key({ type: 'list', default: null, doc: 'What clients are told.' }),
  'num.partitions': key({ type: 'int', default: 1, min: 1, doc: 'Partitions of a new topic.' }),
  'default.replication.factor': key({
    type: 'int',
    default: 1,
    fast: brokers => Math.min(3, brokers),
    min: 1,
    doc: 'Replicas of a new topic.',
  }),
  'auto.create.topics.enable': key({
    type: 'boolean',
    default: true,
    doc: 'Whether asking for the metadata of a topic may create it.',
  }),
  'delete.topic.enable': key({ type: 'boolean', default: true, doc: 'Whether topics may go.' }),
  'min.insync.replicas': key({
    type: 'int',
    default: 1,
    min: 1,
    doc: 'In-sync replicas without which acks=all is refused.',
  }),
  'unclean.leader.election.enable': key({
    type: 'boolean',
    default: false,
    doc: 'Whether a replica outside the ISR may lead when no other lives.',
  }),
  'lost.log.election.enable': key({
    type: 'boolean',
    default: true,
    fast: false,
    doc: 'Whether a replica in the ISR may lead though its log is gone, as Kafka has it. Not a key of Kafka.',
  }),
  'auto.leader.rebalance.enable': key({
    type: 'boolean',
    default: true,
    doc: 'Whether leadership moves back to the preferred replica.',
  }),
  'leader.imbalance.check.interval.seconds': key({
    type: 'long',
    default: 300,
    min: 1,
    doc: 'How often that is looked at.',
  }),
  'leader.imbalance.per.broker.percentage': key({
    type: 'int',
    default: 10,
    doc: 'The share of partitions led by another than the preferred replica that is put up with.',
  }),
  'replica.lag.time.max.ms': key({
    type: 'long',
    default: 30_000,
    fast: 2000,
    doc: 'A follower that has not caught up for so long leaves the ISR.',
  }),
  'replica.fetch.wait.max.ms': key({
    type: 'int',
    default: 500,
    doc: "How long a follower's fetch waits for data.",
  }),
  'replica.fetch.min.bytes': key({ type: 'int', default: 1, doc: 'Bytes that end that wait.' }),
  'replica.fetch.max.bytes': key({ type: 'int', default: 1_048_576, doc: 'Per partition.' }),
  'replica.fetch.response.max.bytes': key({
    type: 'int',
    default: 10_485_760,
    doc: 'Per answer to a follower.',
  }),
  'replica.fetch.backoff.ms': key({
    type: 'int',
    default: 1000,
    fast: 100,
    min: 0,
    doc: 'Pause of a fetcher after an error.',
  }),
  'replica.socket.timeout.ms': key({
    type: 'int',
    default: 30_000,
    doc: 'How long a fetcher waits for an answer.',
  }),
  'replica.high.watermark.checkpoint.interval.ms': key({
    type: 'long',
    default: 5000,
    doc: 'How often high watermarks are written to disk.',
  }),
  'controller.socket.timeout.ms': key({
    type: 'int',
    default: 30_000,
    doc: 'How long the controller waits for an answer of a broker.',
  }),
  'controlled.shutdown.enable': key({ type: 'boolean', default: true, doc: 'Leaders move first.' }),
  'controlled.shutdown.max.retries': key({ type: 'int', default: 3, doc: 'Tries of it.' }),
  'controlled.shutdown.retry.backoff.ms': key({
    type: 'long',
    default: 5000,
    fast: 200,
    doc: 'Pause between tries.',
  }),
  'message.max.bytes': key({
    type: 'int',
    default: 1_048_588,
    min: 0,
    doc: 'The largest record batch.',
  }),
  'socket.request.max.bytes': key({
    type: 'int',
    default: 104_857_600,
    min: 1,
    doc: 'The longest request; a longer one closes its connection.',
  }),
  'connections.max.idle.ms': key({
    type: 'long',
    default: 600_000,
    doc: 'A connection idle for so long is closed.',
  }),
  'queued.max.requests': key({ type: 'int', default: 500, min: 1, doc: 'Requests held back.' }),
  'fetch.max.bytes': key({ type: 'int', default: 57_671_680, min: 1024, doc: 'Per fetch answer.' }),
  'max.incremental.fetch.session.cache.slots': key({
    type: 'int',
    default: 1000,
    min: 0,
    doc: 'Fetch sessions kept (KIP-227).',
  }),
  'log.segment.bytes': key({
    type: 'int',
    default: 1_073_741_824,
    fast: 8 * 1024 * 1024,
    min: 14,
    doc: 'Size at which a segment rolls.',
  }),
  'log.roll.hours': key({ type: 'int', default: 168, doc: 'Age at which a segment rolls.' }),
  'log.roll.ms': key({ type: 'long', default: null, doc: 'The same in milliseconds.' }),
  'log.index.interval.bytes': key({ type: 'int', default: 4096, doc: 'Bytes per index entry.' }),
  'log.index.size.max.bytes': key({ type: 'int', default: 10_485_760, doc: 'Size of an index.' }),
  'log.retention.hours': key({ type: 'int', default: 168, doc: 'How long records are kept.' }),
  'log.retention.minutes': key({ type: 'int', default: null, doc: 'The same in minutes.' }),
  'log.retention.ms': key({ type: 'long', default: null, doc: 'The same; -1 keeps for ever.' }),
  'log.retention.bytes': key({
    type: 'long',
    default: -1,
    fast: 64 * 1024 * 1024,
    doc: 'Bytes kept per partition; -1 keeps all. Memory has an end, so the fast profile has one.',
  }),
  'log.retention.check.interval.ms': key({
    type: 'long',
    default: 300_000,
    fast: 1000,
    min: 1,
    doc: 'How often segments are looked at for retention.',
  }),
  'log.cleanup.policy': key({
    type: 'list',
    default: 'delete',
    oneOf: ['compact', 'delete'],
    doc: 'delete, compact or both.',
  }),
  'log.segment.delete.delay.ms': key({
    type: 'long',
    default: 60_000,
    min: 0,
    doc: 'How long files that are deleted stay.',
  }),
  'log.cleaner.delete.retention.ms': key({
    type: 'long',
    default: 86_400_000,
    min: 0,
    doc: 'How long tombstones stay.',
  }),
  'log.cleaner.max.compaction.lag.ms': key({
    type: 'long',
    default: maxLong,
    min: 1,
    doc: 'How long a record may wait to be compacted.',
  }),
  'log.cleaner.min.cleanable.ratio': key({
    type: 'double',
    default: 0.5,
    min: 0,
    max: 1,
    doc: 'The share of a log that is dirty when it is compacted.',
  }),
  'log.cleaner.min.compaction.lag.ms': key({
    type: 'long',
    default: 0,
    min: 0,
    doc: 'How long a record stays uncompacted.',
  }),
  'log.flush.interval.messages': key({ type: 'long', default: maxLong, doc: 'Records per flush.' }),
  'log.flush.interval.ms': key({ type: 'long', default: null, doc: 'Time per flush.' }),
  'log.flush.offset.checkpoint.interval.ms': key({
    type: 'int',
    default: 60_000,
    min: 0,
    doc: 'How often what was appended since is flushed, and written down as such.',
  }),
  'log.cleaner.enable': key({ type: 'boolean', default: true, doc: 'Compaction is done.' }),
  'log.cleaner.backoff.ms': key({
    type: 'long',
    default: 15_000,
    fast: 1000,
    min: 0,
    doc: 'Pause after a look at the logs that found nothing to compact.',
  }),
  'log.message.timestamp.type': key({
    type: 'string',
    default: 'CreateTime',
    oneOf: ['CreateTime', 'LogAppendTime'],
    doc: "Whose time a record carries: its producer's or the log's.",
  }),
  'log.message.timestamp.before.max.ms': key({ type: 'long', default: maxLong, doc: 'How old.' }),
  'log.message.timestamp.after.max.ms': key({ type: 'long', default: maxLong, doc: 'How new.' }),
  'compression.type': key({
    type: 'string',
    default: 'producer',
    oneOf: ['producer', 'uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'],
    doc: "How a topic's batches are compressed; `producer` keeps what came.",
  }),
  'producer.id.expiration.ms': key({
    type: 'int',
    default: 86_400_000,
    min: 1,
    doc: 'How long the sequence numbers of a silent producer are known.',
  }),
  'group.min.session.timeout.ms': key({
    type: 'int',
    default: 6000,
    fast: 500,
    doc: 'The shortest session timeout a member may ask for.',
  }),
  'group.max.session.timeout.ms': key({ type: 'int', default: 1_800_000, doc: 'The longest.' }),
  'group.initial.rebalance.delay.ms': key({
    type: 'int',
    default: 3000,
    fast: 0,
    doc: 'How long an empty group waits for more members before its first rebalance.',
  }),
  'group.max.size': key({ type: 'int', default: maxInt, min: 1, doc: 'Members of one group.' }),
  'offsets.topic.num.partitions': key({
    type: 'int',
    default: 50,
    fast: 4,
    min: 1,
    doc: 'Partitions of __consumer_offsets.',
  }),
  'offsets.topic.replication.factor': key({
    type: 'int',
    default: 3,
    fast: brokers => Math.min(3, brokers),
    min: 1,
    doc: 'Replicas of __consumer_offsets.',
  }),
  'offsets.topic.segment.bytes': key({
    type: 'int',
    default: 104_857_600,
    fast: 4 * 1024 * 1024,
    min: 1,
    doc: 'Size at which a segment of __consumer_offsets rolls.',
  }),
  'offsets.commit.timeout.ms': key({
    type: 'int',
    default: 5000,
    min: 1,
    doc: 'How long a commit waits for the replicas.',
  }),
  'offsets.retention.minutes': key({ type: 'int', default: 10_080, min: 1, doc: '7 days.' }),
  'offsets.retention.check.interval.ms': key({ type: 'long', default: 600_000, min: 1, doc: '' }),
  'offset.metadata.max.bytes': key({ type: 'int', default: 4096, doc: 'Text with a commit.' }),
  'offsets.load.buffer.size': key({
    type: 'int',
    default: 5_242_880,
    min: 1,
    doc: 'Read at once.',
  }),
  'inter.broker.protocol.version': key({ type: 'string', default: '3.9-IV0', doc: 'Not changed.' }),
})

/** LogConfig: what a topic is configured with, and which of the broker's keys stands in for it. */
export const topicConfigKeys = table({
  'cleanup.policy': key({
    type: 'list',
    default: 'delete',
    oneOf: ['compact', 'delete'],
    doc: 'delete, compact or both.',
  }),
  'compression.gzip.level': key({ type: 'int', default: -1, doc: 'No effect here.' }),
  'compression.lz4.level': key({ type: 'int', default: 9, doc: 'No effect here.' }),
  'compression.type': key({
    type: 'string',
    default: 'producer',
    oneOf: ['producer', 'uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'],
    doc: 'How batches are compressed.',
  }),
  'compression.zstd.level': key({ type: 'int', default: 3, doc: 'No effect here.' }),
  'delete.retention.ms': key({
    type: 'long',
    default: 86_400_000,
    doc: 'How long tombstones stay.',
  }),
  'file.delete.delay.ms': key({ type: 'long', default: 60_000, doc: '' }),
  'flush.messages': key({ type: 'long', default: maxLong, doc: 'Records per flush.' }),
  'flush.ms': key({ type: 'long', default: maxLong, doc: 'Time per flush.' }),
  'follower.replication.throttled.replicas': key({
    type: 'list',
    default: '',
    doc: 'No effect here: replication is not throttled.',
  }),
  'index.interval.bytes': key({ type: 'int', default: 4096, doc: 'Bytes per index entry.' }),
  'leader.replication.throttled.replicas': key({
    type: 'list',
    default: '',
    doc: 'No effect here: replication is not throttled.',
  }),
  'local.retention.bytes': key({ type: 'long', default: -2, min: -2, doc: 'No effect here.' }),
  'local.retention.ms': key({ type: 'long', default: -2, min: -2, doc: 'No effect here.' }),
  'max.compaction.lag.ms': key({ type: 'long', default: maxLong, min: 1, doc: '' }),
  'max.message.bytes': key({ type: 'int', default: 1_048_588, min: 0, doc: 'Largest batch.' }),
  'message.downconversion.enable': key({
    type: 'boolean',
    default: true,
    doc: 'No effect here: there is no older form of records to convert to.',
  }),
  'message.format.version': key({
    type: 'string',
    default: '3.0-IV1',
    doc: 'No effect here, nor in Kafka since 3.0.',
  }),
  'message.timestamp.after.max.ms': key({ type: 'long', default: maxLong, doc: 'How new.' }),
  'message.timestamp.before.max.ms': key({ type: 'long', default: maxLong, doc: 'How old.' }),
  'message.timestamp.difference.max.ms': key({
    type: 'long',
    default: maxLong,
    min: 0,
    doc: 'No effect here: the two above stand for it.',
  }),
  'message.timestamp.type': key({
    type: 'string',
    default: 'CreateTime',
    oneOf: ['CreateTime', 'LogAppendTime'],
    doc: "The producer's time or the log's.",
  }),
  'min.cleanable.dirty.ratio': key({ type: 'double', default: 0.5, min: 0, max: 1, doc: '' }),
  'min.compaction.lag.ms': key({ type: 'long', default: 0, doc: '' }),
  'min.insync.replicas': key({ type: 'int', default: 1, min: 1, doc: 'For acks=all.' }),
  preallocate: key({ type: 'boolean', default: false, doc: 'No effect here.' }),
  'remote.log.copy.disable': key({ type: 'boolean', default: false, doc: 'No effect here.' }),
  'remote.log.delete.on.disable': key({ type: 'boolean', default: false, doc: 'No effect here.' }),
  'remote.storage.enable': key({ type: 'boolean', default: false, doc: 'There is none.' }),
  'retention.bytes': key({ type: 'long', default: -1, doc: 'Bytes kept per partition.' }),
  'retention.ms': key({ type: 'long', default: 604_800_000, min: -1, doc: 'Time kept.' }),
  'segment.bytes': key({ type: 'int', default: 1_073_741_824, min: 14, doc: '' }),
  'segment.index.bytes': key({ type: 'int', default: 10_485_760, min: 4, doc: '' }),
  'segment.jitter.ms': key({ type: 'long', default: 0, min: 0, doc: 'No effect here.' }),
  'segment.ms': key({ type: 'long', default: 604_800_000, min: 1, doc: '' }),
  'unclean.leader.election.enable': key({ type: 'boolean', default: false, doc: '' }),
})

export type BrokerConfigName = keyof typeof brokerConfigKeys
export type TopicConfigName = keyof typeof topicConfigKeys
export type BrokerConfig = {
  readonly [K in BrokerConfigName]: ValueOf<(typeof brokerConfigKeys)[K]>
}
export type TopicConfig = { readonly [K in TopicConfigName]: ValueOf<(typeof topicConfigKeys)[K]> }

export type Profile = 'kafka' | 'fast'

/** A configuration that cannot be: what, why, what to do. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** Reads one value as Kafka's ConfigDef does. @throws ConfigError */
export function parseConfigValue(name: string, key: ConfigKey, text: string): ConfigValue {
  const value = text.trim()
  const wrong = (expected: string): never => {
    throw new ConfigError(`Invalid value ${text} for configuration ${name}: ${expected}`)
  }
  if (key.type === 'boolean') {
    const lower = value.toLowerCase()
    return lower === 'true' ? true : lower === 'false' ? false : wrong('expected true or false')
  }
  if (key.type === 'string' || key.type === 'list') {
    const members = key.type === 'string' ? [value] : value.split(',').map(it => it.trim())
    const { oneOf } = key
    if (oneOf && !(key.type === 'list' && value === '') && !members.every(it => oneOf.includes(it)))
      wrong(`expected one of ${oneOf.join(', ')}`)
    return value
  }
  const number = Number(value)
  if (value === '' || !Number.isFinite(number)) wrong(`expected a number (${key.type})`)
  if (key.type !== 'double' && !Number.isInteger(number)) wrong('expected a whole number')
  if (key.type === 'int' && (number > maxInt || number < -maxInt - 1)) wrong('beyond 32 bits')
  if (key.min !== undefined && number < key.min) wrong(`must be at least ${key.min}`)
  if (key.max !== undefined && number > key.max) wrong(`must be at most ${key.max}`)
  return Math.max(-maxLong, Math.min(maxLong, number))
}

/**
 * A broker's configuration: the profile's values, then overrides as Kafka spells them.
 *
 * @param overrides name → text, e.g. `{ 'num.partitions': '3' }`.
 * @throws ConfigError for an unknown name or a value that is none.
 */
export function brokerConfig(
  overrides: Readonly<Record<string, string | number | boolean>>,
  profile: Profile,
  brokers: number,
): BrokerConfig {
  const config: Record<string, ConfigValue> = {}
  for (const [name, key] of Object.entries<ConfigKey>(brokerConfigKeys)) {
    const fast = typeof key.fast === 'function' ? key.fast(brokers) : key.fast
    config[name] = profile === 'fast' && fast !== undefined ? fast : key.default
  }
  for (const [name, text] of Object.entries(overrides)) {
    const key: ConfigKey | undefined = (brokerConfigKeys as Record<string, ConfigKey>)[name]
    if (key === undefined)
      throw new ConfigError(
        `Unknown configuration ${name}: not a broker configuration of Kafka 3.9`,
      )
    config[name] = parseConfigValue(name, key, String(text))
  }
  return config as BrokerConfig
}

/** What may be set, so that whoever sets it finds it again, and changes nothing here. */
const withoutEffect = {
  'compression.gzip.level': -1,
  'compression.lz4.level': 9,
  'compression.zstd.level': 3,
  'follower.replication.throttled.replicas': '',
  'leader.replication.throttled.replicas': '',
  'local.retention.bytes': -2,
  'local.retention.ms': -2,
  'message.downconversion.enable': true,
  'message.format.version': '3.0-IV1',
  'message.timestamp.difference.max.ms': maxLong,
  preallocate: false,
  'remote.log.copy.disable': false,
  'remote.log.delete.on.disable': false,
  'remote.storage.enable': false,
  'segment.jitter.ms': 0,
} as const

/** What a topic has where it sets nothing itself (LogConfig.extractLogConfigMap). */
export function topicDefaults(broker: BrokerConfig): TopicConfig {
  return {
    ...withoutEffect,
    'cleanup.policy': broker['log.cleanup.policy'],
    'compression.type': broker['compression.type'],
    'delete.retention.ms': broker['log.cleaner.delete.retention.ms'],
    'file.delete.delay.ms': broker['log.segment.delete.delay.ms'],
    'flush.messages': broker['log.flush.interval.messages'],
    'flush.ms': broker['log.flush.interval.ms'] ?? maxLong,
    'index.interval.bytes': broker['log.index.interval.bytes'],
    'max.compaction.lag.ms': broker['log.cleaner.max.compaction.lag.ms'],
    'max.message.bytes': broker['message.max.bytes'],
    'message.timestamp.after.max.ms': broker['log.message.timestamp.after.max.ms'],
    'message.timestamp.before.max.ms': broker['log.message.timestamp.before.max.ms'],
    'message.timestamp.type': broker['log.message.timestamp.type'],
    'min.cleanable.dirty.ratio': broker['log.cleaner.min.cleanable.ratio'],
    'min.compaction.lag.ms': broker['log.cleaner.min.compaction.lag.ms'],
    'min.insync.replicas': broker['min.insync.replicas'],
    'retention.bytes': broker['log.retention.bytes'],
    'retention.ms':
      broker['log.retention.ms'] ??
      (broker['log.retention.minutes'] ?? broker['log.retention.hours'] * 60) * 60_000,
    'segment.bytes': broker['log.segment.bytes'],
    'segment.index.bytes': broker['log.index.size.max.bytes'],
    'segment.ms': broker['log.roll.ms'] ?? broker['log.roll.hours'] * 3_600_000,
    'unclean.leader.election.enable': broker['unclean.leader.election.enable'],
  }
}

/** The broker's keys that stand in for a topic's, the first that is set: as Kafka names them to clients (ServerTopicConfigSynonyms). */
export const topicConfigSynonyms: Readonly<
  Partial<Record<TopicConfigName, readonly BrokerConfigName[]>>
> = {
  'cleanup.policy': ['log.cleanup.policy'],
  'compression.type': ['compression.type'],
  'delete.retention.ms': ['log.cleaner.delete.retention.ms'],
  'file.delete.delay.ms': ['log.segment.delete.delay.ms'],
  'max.compaction.lag.ms': ['log.cleaner.max.compaction.lag.ms'],
  'min.cleanable.dirty.ratio': ['log.cleaner.min.cleanable.ratio'],
  'min.compaction.lag.ms': ['log.cleaner.min.compaction.lag.ms'],
  'flush.messages': ['log.flush.interval.messages'],
  'flush.ms': ['log.flush.interval.ms'],
  'index.interval.bytes': ['log.index.interval.bytes'],
  'max.message.bytes': ['message.max.bytes'],
  'message.timestamp.after.max.ms': ['log.message.timestamp.after.max.ms'],
  'message.timestamp.before.max.ms': ['log.message.timestamp.before.max.ms'],
  'message.timestamp.type': ['log.message.timestamp.type'],
  'min.insync.replicas': ['min.insync.replicas'],
  'retention.bytes': ['log.retention.bytes'],
  'retention.ms': ['log.retention.ms', 'log.retention.minutes', 'log.retention.hours'],
  'segment.bytes': ['log.segment.bytes'],
  'segment.index.bytes': ['log.index.size.max.bytes'],
  'segment.ms': ['log.roll.ms', 'log.roll.hours'],
  'unclean.leader.election.enable': ['unclean.leader.election.enable'],
}

/** A value as Kafka writes it; null where it is not set. Numbers beyond ours stand for the largest of Kafka's. */
export const printConfigValue = (value: ConfigValue): string | null =>
  value === null ? null : value === maxLong ? '9223372036854775807' : String(value)

/**
 * A topic's configuration: the defaults with what `/config/topics/[t]` says on top.
 * @throws ConfigError for an unknown name or a value that is none.
 */
export function topicConfig(
  overrides: Readonly<Record<string, string>>,
  defaults: TopicConfig,
): TopicConfig {
  const config: Record<string, ConfigValue> = { ...defaults }
  for (const [name, text] of Object.entries(overrides)) {
    const key: ConfigKey | undefined = (topicConfigKeys as Record<string, ConfigKey>)[name]
    if (key === undefined) throw new ConfigError(`Unknown topic config name: ${name}`)
    config[name] = parseConfigValue(name, key, text)
  }
  // LogConfig.validateRemoteStorageOnlyIfSystemEnabled: there is none to store to.
  if (config['remote.storage.enable'] === true)
    throw new ConfigError('Tiered storage is not enabled on the brokers')
  return config as TopicConfig
}
