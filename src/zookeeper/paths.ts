/**
 * Every znode Kafka uses: its path, and its content in Kafka's own form (zk/ZkData.scala), so that Samsa's brokers and
 * Apache Kafka's tools read each other's. Readers accept the older versions that Kafka still reads.
 *
 * `decode` never throws: content that is not of the form is a {@link MalformedZnode}.
 */
import type { BrokerId, TopicPartition, Uuid } from '../ids.ts'
import { decoding, Fields, json, utf8, wrong } from './znode-content.ts'

export { type Decoded, isMalformed, type MalformedZnode } from './znode-content.ts'

/** The last part of a path. */
export const znodeName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/** The path without its last part; `/` for the topmost ones. */
export const znodeParent = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/'

/** The number ZooKeeper appended to a sequential znode's name; null where there is none. */
export function sequenceNumber(pathOrName: string): number | null {
  const digits = /-?\d{10}$/.exec(pathOrName)
  return digits === null ? null : Number(digits[0])
}

const idOf = (name: string): number | null => (/^\d+$/.test(name) ? Number(name) : null)

// ─── Controller ──────────────────────────────────────────────────────────────────────────────────────────────────────

export interface ControllerContent {
  readonly brokerId: BrokerId
  readonly timestampMs: number
  /** −1 outside a migration to KRaft. */
  readonly kraftControllerEpoch: number
}

/** Ephemeral: whoever created it is the controller. v2; v1 (before 3.4) has no `kraftControllerEpoch`. */
export const ControllerZNode = {
  path: '/controller',
  encode: (content: { readonly brokerId: BrokerId; readonly timestampMs: number }): Uint8Array =>
    json({
      version: 2,
      brokerid: content.brokerId,
      timestamp: String(content.timestampMs),
      kraftControllerEpoch: -1,
    }),
  decode: decoding((text): ControllerContent => {
    const fields = Fields.parse(text)
    return {
      brokerId: fields.int('brokerid'),
      timestampMs: fields.has('timestamp') ? fields.intText('timestamp') : -1,
      kraftControllerEpoch: fields.has('kraftControllerEpoch')
        ? fields.int('kraftControllerEpoch')
        : -1,
    }
  }),
}

/** Decimal text. The znode's *version*, not the number, is the fence of the controller's writes. */
export const ControllerEpochZNode = {
  path: '/controller_epoch',
  encode: (controllerEpoch: number): Uint8Array => utf8(String(controllerEpoch)),
  decode: decoding(decimal),
}

function decimal(text: string): number {
  return /^-?\d+$/.test(text) && Number.isSafeInteger(+text)
    ? Number(text)
    : wrong(`not a decimal number: ${text.slice(0, 40)}`)
}

// ─── Brokers ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export const BrokersZNode = { path: '/brokers' }

export const BrokerIdsZNode = { path: '/brokers/ids' }

export interface Endpoint {
  readonly listener: string
  readonly securityProtocol: string
  readonly host: string
  readonly port: number
}

export interface BrokerContent {
  readonly endpoints: readonly Endpoint[]
  readonly timestampMs: number
  readonly rack: string | null
  readonly jmxPort: number
}

/** `PLAINTEXT://host:9092`, IPv6 in brackets. */
const printEndpoint = ({ listener, host, port }: Endpoint): string =>
  `${listener}://${host.includes(':') ? `[${host}]` : host}:${port}`

function parseEndpoint(text: string, protocols: Readonly<Record<string, string>>): Endpoint {
  const parts = /^([^:/]+):\/\/(?:\[([^\]]*)\]|([^:[\]]*)):(\d+)$/.exec(text)
  if (parts === null) wrong(`not an endpoint: ${text.slice(0, 100)}`)
  const listener = parts[1] as string
  return {
    listener,
    securityProtocol: protocols[listener] ?? listener,
    host: parts[2] ?? parts[3] ?? '',
    port: Number(parts[4]),
  }
}

/** Ephemeral. v5 (2.7). The czxid of this node is the broker epoch. */
export const BrokerIdZNode = {
  path: (id: BrokerId): string => `/brokers/ids/${id}`,
  /** The broker's id from a path or child name; null where it is none. */
  id: (pathOrName: string): BrokerId | null => idOf(znodeName(pathOrName)),
  encode: (content: BrokerContent): Uint8Array => {
    const { endpoints, timestampMs, rack, jmxPort } = content
    const plaintext = endpoints.find(endpoint => endpoint.securityProtocol === 'PLAINTEXT')
    return json({
      features: {},
      listener_security_protocol_map: Object.fromEntries(
        endpoints.map(endpoint => [endpoint.listener, endpoint.securityProtocol]),
      ),
      endpoints: endpoints.map(printEndpoint),
      jmx_port: jmxPort,
      port: plaintext?.port ?? -1,
      host: plaintext?.host ?? null,
      version: 5,
      timestamp: String(timestampMs),
      ...(rack === null ? {} : { rack }),
    })
  },
  decode: decoding((text): BrokerContent => {
    const fields = Fields.parse(text)
    const protocols = fields.has('listener_security_protocol_map')
      ? fields.textByKey('listener_security_protocol_map')
      : {}
    const endpoints =
      fields.int('version') < 2
        ? [
            {
              listener: 'PLAINTEXT',
              securityProtocol: 'PLAINTEXT',
              host: fields.text('host'),
              port: fields.int('port'),
            },
          ]
        : fields.texts('endpoints').map(endpoint => parseEndpoint(endpoint, protocols))
    return {
      endpoints,
      timestampMs: fields.has('timestamp') ? fields.intText('timestamp') : -1,
      rack: fields.has('rack') ? fields.text('rack') : null,
      jmxPort: fields.has('jmx_port') ? fields.int('jmx_port') : -1,
    }
  }),
}

/** A write to it gives its version as a number never given before: ids for brokers without one. */
export const BrokerSequenceIdZNode = { path: '/brokers/seqid' }

// ─── Topics ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export const TopicsZNode = { path: '/brokers/topics' }

/** A partition's replicas; during a reassignment those that come and those that go, all of them in `replicas`. */
export interface ReplicaAssignment {
  readonly replicas: readonly BrokerId[]
  readonly addingReplicas: readonly BrokerId[]
  readonly removingReplicas: readonly BrokerId[]
}

export interface TopicContent {
  /** Null in v1 and v2. */
  readonly topicId: Uuid | null
  /** By partition number. */
  readonly partitions: Readonly<Record<number, ReplicaAssignment>>
}

/** v3 (2.8); v2 has no topic id, v1 no reassignment either. */
export const TopicZNode = {
  path: (topic: string): string => `/brokers/topics/${topic}`,
  encode: ({ topicId, partitions }: TopicContent): Uint8Array => {
    const entries = Object.entries(partitions)
    const some = (key: 'addingReplicas' | 'removingReplicas') =>
      Object.fromEntries(
        entries
          .filter(([, it]) => it[key].length > 0)
          .map(([partition, it]) => [partition, it[key]]),
      )
    return json({
      version: topicId === null ? 2 : 3,
      ...(topicId === null ? {} : { topic_id: topicId }),
      partitions: Object.fromEntries(entries.map(([partition, it]) => [partition, it.replicas])),
      adding_replicas: some('addingReplicas'),
      removing_replicas: some('removingReplicas'),
    })
  },
  decode: decoding((text): TopicContent => {
    const fields = Fields.parse(text)
    const replicas = fields.object('partitions')
    const changing = (key: string, partition: string): number[] => {
      if (!fields.has(key)) return []
      const byPartition = fields.object(key)
      return byPartition.has(partition) ? byPartition.ints(partition) : []
    }
    const partitions: Record<number, ReplicaAssignment> = {}
    for (const partition of replicas.keys) {
      partitions[idOf(partition) ?? wrong(`not a partition: ${partition.slice(0, 40)}`)] = {
        replicas: replicas.ints(partition),
        addingReplicas: changing('adding_replicas', partition),
        removingReplicas: changing('removing_replicas', partition),
      }
    }
    return { topicId: fields.has('topic_id') ? fields.text('topic_id') : null, partitions }
  }),
}

export const TopicPartitionsZNode = {
  path: (topic: string): string => `/brokers/topics/${topic}/partitions`,
}

export const TopicPartitionZNode = {
  path: ({ topic, partition }: TopicPartition): string =>
    `/brokers/topics/${topic}/partitions/${partition}`,
}

export interface PartitionState {
  readonly leader: BrokerId
  readonly leaderEpoch: number
  readonly isr: readonly BrokerId[]
  /** The epoch of the controller that wrote it. */
  readonly controllerEpoch: number
  /** 0 recovered, 1 recovering after an unclean election (KIP-704). */
  readonly leaderRecoveryState: 0 | 1
}

/** The znode's version is the partition epoch. */
export const TopicPartitionStateZNode = {
  path: ({ topic, partition }: TopicPartition): string =>
    `/brokers/topics/${topic}/partitions/${partition}/state`,
  encode: (state: PartitionState): Uint8Array =>
    json({
      controller_epoch: state.controllerEpoch,
      leader: state.leader,
      version: 1,
      leader_epoch: state.leaderEpoch,
      isr: state.isr,
      ...(state.leaderRecoveryState === 1 ? { leader_recovery_state: 1 } : {}),
    }),
  decode: decoding((text): PartitionState => {
    const fields = Fields.parse(text)
    const recovery = fields.has('leader_recovery_state') ? fields.int('leader_recovery_state') : 0
    if (recovery !== 0 && recovery !== 1) wrong(`unknown leader_recovery_state ${recovery}`)
    return {
      leader: fields.int('leader'),
      leaderEpoch: fields.int('leader_epoch'),
      isr: fields.ints('isr'),
      controllerEpoch: fields.int('controller_epoch'),
      leaderRecoveryState: recovery,
    }
  }),
}

// ─── Configuration ───────────────────────────────────────────────────────────────────────────────────────────────────

export type ConfigEntityType = 'topics' | 'brokers' | 'clients' | 'users' | 'ips'

/** The name of the entity whose configuration holds for all that have none of their own. */
export const defaultEntityName = '<default>'

/** Users and clients may have any name: percent-encoded, all but letters, digits and `-._~`. */
export const sanitizeEntityName = (name: string): string =>
  encodeURIComponent(name).replace(
    /[!*'()]/g,
    char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )

/** Entity configuration; all values are texts. */
export const ConfigZNode = {
  entitiesPath: (entityType: ConfigEntityType): string => `/config/${entityType}`,
  /** @param entityName as it stands in the path: see {@link sanitizeEntityName}, {@link defaultEntityName}. */
  path: (entityType: ConfigEntityType, entityName: string): string =>
    `/config/${entityType}/${entityName}`,
  encode: (config: Readonly<Record<string, string>>): Uint8Array => json({ version: 1, config }),
  decode: decoding((text): Readonly<Record<string, string>> => {
    if (text === '') return {}
    const fields = Fields.parse(text)
    return fields.has('config') ? fields.textByKey('config') : {}
  }),
}

/** Persistent sequential notes that an entity's configuration was written: `topics/orders`, `brokers/1`. */
export const ConfigChangesZNode = {
  path: '/config/changes',
  /** To create a sequential child with. */
  sequencePath: '/config/changes/config_change_',
  childPath: (name: string): string => `/config/changes/${name}`,
  encode: (entityPath: string): Uint8Array => json({ version: 2, entity_path: entityPath }),
  /** v1 named type and name apart. */
  decode: decoding((text): string => {
    const fields = Fields.parse(text)
    return fields.int('version') === 1
      ? `${fields.text('entity_type')}/${fields.text('entity_name')}`
      : fields.text('entity_path')
  }),
}

// ─── Admin ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A child per topic to be deleted; its existence is the request. */
export const DeleteTopicsZNode = {
  path: '/admin/delete_topics',
  topicPath: (topic: string): string => `/admin/delete_topics/${topic}`,
}

const encodePartitions = (partitions: readonly TopicPartition[]): Uint8Array =>
  json({
    version: 1,
    partitions: partitions.map(({ topic, partition }) => ({ topic, partition })),
  })

const decodePartitions = decoding((text): readonly TopicPartition[] =>
  Fields.parse(text)
    .objects('partitions')
    .map(entry => ({ topic: entry.text('topic'), partition: entry.int('partition') })),
)

export const PreferredReplicaElectionZNode = {
  path: '/admin/preferred_replica_election',
  encode: encodePartitions,
  decode: decodePartitions,
}

export interface ReassignedPartition extends TopicPartition {
  readonly replicas: readonly BrokerId[]
}

export const ReassignPartitionsZNode = {
  path: '/admin/reassign_partitions',
  encode: (partitions: readonly ReassignedPartition[]): Uint8Array =>
    json({
      version: 1,
      partitions: partitions.map(({ topic, partition, replicas }) => ({
        topic,
        partition,
        replicas,
      })),
    }),
  decode: decoding((text): readonly ReassignedPartition[] =>
    Fields.parse(text)
      .objects('partitions')
      .map(entry => ({
        topic: entry.text('topic'),
        partition: entry.int('partition'),
        replicas: entry.ints('replicas'),
      })),
  ),
}

// ─── Notifications to the controller ─────────────────────────────────────────────────────────────────────────────────

/** Written by leaders before AlterPartition existed (2.7). */
export const IsrChangeNotificationZNode = {
  path: '/isr_change_notification',
  sequencePath: '/isr_change_notification/isr_change_',
  childPath: (name: string): string => `/isr_change_notification/${name}`,
  encode: encodePartitions,
  decode: decodePartitions,
}

/** A broker lost a log directory. */
export const LogDirEventNotificationZNode = {
  path: '/log_dir_event_notification',
  sequencePath: '/log_dir_event_notification/log_dir_event_',
  childPath: (name: string): string => `/log_dir_event_notification/${name}`,
  encode: (broker: BrokerId): Uint8Array => json({ version: 1, broker, event: 1 }),
  decode: decoding((text): BrokerId => Fields.parse(text).int('broker')),
}

// ─── Cluster ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Its version is a text, unlike all others. */
export const ClusterIdZNode = {
  path: '/cluster/id',
  encode: (clusterId: string): Uint8Array => json({ version: '1', id: clusterId }),
  decode: decoding((text): string => Fields.parse(text).text('id')),
}

export interface ProducerIdBlock {
  readonly brokerId: BrokerId
  readonly start: number
  /** Inclusive. */
  readonly end: number
}

/** The last block of producer ids given out; null content before the first. Written conditionally. */
export const ProducerIdBlockZNode = {
  path: '/latest_producer_id_block',
  encode: ({ brokerId, start, end }: ProducerIdBlock): Uint8Array =>
    json({ version: 1, broker: brokerId, block_start: String(start), block_end: String(end) }),
  decode: decoding((text): ProducerIdBlock | null => {
    if (text === '') return null
    const fields = Fields.parse(text)
    return {
      brokerId: fields.int('broker'),
      start: fields.intText('block_start'),
      end: fields.intText('block_end'),
    }
  }),
}

export interface FeatureContent {
  readonly enabled: boolean
  /** Finalized version level by feature. */
  readonly levels: Readonly<Record<string, { readonly min: number; readonly max: number }>>
}

/** v2 (3.3). The znode's version is the epoch of the finalized features. */
export const FeatureZNode = {
  path: '/feature',
  encode: ({ enabled, levels }: FeatureContent): Uint8Array =>
    json({
      version: 2,
      status: enabled ? 1 : 0,
      features: Object.fromEntries(Object.entries(levels).map(([name, { max }]) => [name, max])),
    }),
  decode: decoding((text): FeatureContent => {
    const fields = Fields.parse(text)
    const features = fields.object('features')
    const ranged = fields.int('version') < 2
    const levels: Record<string, { min: number; max: number }> = {}
    for (const name of features.keys) {
      if (ranged) {
        const range = features.object(name)
        levels[name] = { min: range.int('min_version_level'), max: range.int('max_version_level') }
      } else levels[name] = { min: 1, max: features.int(name) }
    }
    return { enabled: fields.int('status') === 1, levels }
  }),
}

// ─── Old consumers ───────────────────────────────────────────────────────────────────────────────────────────────────

/** Where OffsetCommit and OffsetFetch v0 keep offsets: decimal text. */
export const ConsumersOffsetZNode = {
  path: (group: string, { topic, partition }: TopicPartition): string =>
    `/consumers/${group}/offsets/${topic}/${partition}`,
  encode: (offset: number): Uint8Array => utf8(String(offset)),
  decode: decoding(decimal),
}

/** What a broker makes sure of at its start, in this order: persistent, null content, with parents. */
export const persistentZkPaths: readonly string[] = [
  '/consumers',
  BrokerIdsZNode.path,
  TopicsZNode.path,
  ConfigChangesZNode.path,
  DeleteTopicsZNode.path,
  BrokerSequenceIdZNode.path,
  IsrChangeNotificationZNode.path,
  ProducerIdBlockZNode.path,
  LogDirEventNotificationZNode.path,
  ConfigZNode.entitiesPath('topics'),
  ConfigZNode.entitiesPath('clients'),
  ConfigZNode.entitiesPath('users'),
  ConfigZNode.entitiesPath('brokers'),
  ConfigZNode.entitiesPath('ips'),
]
