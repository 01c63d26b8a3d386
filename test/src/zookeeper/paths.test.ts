import { expect, test } from 'vitest'
import * as paths from '../../../src/zookeeper/paths.ts'

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const bytes = (content: string): Uint8Array => new TextEncoder().encode(content)

test("a broker's registration is Kafka's v5, and reads back", () => {
  const content: paths.BrokerContent = {
    endpoints: [
      { listener: 'PLAINTEXT', securityProtocol: 'PLAINTEXT', host: '127.0.0.1', port: 9092 },
      { listener: 'V6', securityProtocol: 'PLAINTEXT', host: '::1', port: 9093 },
    ],
    timestampMs: 1700000000000,
    rack: 'r1',
    jmxPort: -1,
  }
  const encoded = paths.BrokerIdZNode.encode(content)
  expect(text(encoded)).toBe(
    '{"features":{},"listener_security_protocol_map":{"PLAINTEXT":"PLAINTEXT","V6":"PLAINTEXT"},"endpoints":["PLAINTEXT://127.0.0.1:9092","V6://[::1]:9093"],"jmx_port":-1,"port":9092,"host":"127.0.0.1","version":5,"timestamp":"1700000000000","rack":"r1"}',
  )
  expect(paths.BrokerIdZNode.decode(encoded)).toEqual(content)
  expect(paths.BrokerIdZNode.path(2)).toBe('/brokers/ids/2')
  expect(paths.BrokerIdZNode.id('/brokers/ids/12')).toBe(12)
  expect(paths.BrokerIdZNode.id('x')).toBeNull()
})

test('registrations of older brokers are read: v1 has host and port, v2 no map of protocols', () => {
  expect(
    paths.BrokerIdZNode.decode(
      bytes('{"version":1,"host":"h","port":9092,"jmx_port":9999,"timestamp":"2233345666"}'),
    ),
  ).toMatchObject({ endpoints: [{ host: 'h', port: 9092 }], rack: null })
  expect(
    paths.BrokerIdZNode.decode(
      bytes('{"version":2,"host":"h","port":1,"timestamp":"1","endpoints":["SSL://h:9093"]}'),
    ),
  ).toMatchObject({ endpoints: [{ listener: 'SSL', securityProtocol: 'SSL', port: 9093 }] })
})

test('a topic keeps its id and only the partitions that are being reassigned', () => {
  const content: paths.TopicContent = {
    topicId: '_ixSQyLgRvSLjpUvZ7I0qQ',
    partitions: {
      0: { replicas: [1, 2], addingReplicas: [], removingReplicas: [] },
      1: { replicas: [2, 3, 1], addingReplicas: [1], removingReplicas: [3] },
    },
  }
  const encoded = paths.TopicZNode.encode(content)
  expect(JSON.parse(text(encoded))).toEqual({
    version: 3,
    topic_id: '_ixSQyLgRvSLjpUvZ7I0qQ',
    partitions: { 0: [1, 2], 1: [2, 3, 1] },
    adding_replicas: { 1: [1] },
    removing_replicas: { 1: [3] },
  })
  expect(paths.TopicZNode.decode(encoded)).toEqual(content)
  expect(paths.TopicZNode.decode(bytes('{"version":1,"partitions":{"0":[1]}}'))).toEqual({
    topicId: null,
    partitions: { 0: { replicas: [1], addingReplicas: [], removingReplicas: [] } },
  })
})

test("a partition's state names the recovery only while it lasts", () => {
  const state: paths.PartitionState = {
    controllerEpoch: 1,
    leader: 1,
    leaderEpoch: 0,
    isr: [1, 2],
    leaderRecoveryState: 0,
  }
  expect(text(paths.TopicPartitionStateZNode.encode(state))).toBe(
    '{"controller_epoch":1,"leader":1,"version":1,"leader_epoch":0,"isr":[1,2]}',
  )
  for (const leaderRecoveryState of [0, 1] as const) {
    const it = { ...state, leaderRecoveryState }
    expect(
      paths.TopicPartitionStateZNode.decode(paths.TopicPartitionStateZNode.encode(it)),
    ).toEqual(it)
  }
  expect(paths.TopicPartitionStateZNode.path({ topic: 'orders', partition: 3 })).toBe(
    '/brokers/topics/orders/partitions/3/state',
  )
})

test('the controller, its epoch, cluster id, producer ids and features read back', () => {
  expect(text(paths.ControllerZNode.encode({ brokerId: 1, timestampMs: 1700000000000 }))).toBe(
    '{"version":2,"brokerid":1,"timestamp":"1700000000000","kraftControllerEpoch":-1}',
  )
  expect(paths.ControllerZNode.decode(bytes('{"version":1,"brokerid":3,"timestamp":"5"}'))).toEqual(
    { brokerId: 3, timestampMs: 5, kraftControllerEpoch: -1 },
  )
  expect(paths.ControllerEpochZNode.decode(paths.ControllerEpochZNode.encode(7))).toBe(7)
  expect(paths.ClusterIdZNode.decode(paths.ClusterIdZNode.encode('abc'))).toBe('abc')
  const block = { brokerId: 1, start: 0, end: 999 }
  expect(text(paths.ProducerIdBlockZNode.encode(block))).toBe(
    '{"version":1,"broker":1,"block_start":"0","block_end":"999"}',
  )
  expect(paths.ProducerIdBlockZNode.decode(paths.ProducerIdBlockZNode.encode(block))).toEqual(block)
  expect(paths.ProducerIdBlockZNode.decode(null)).toBeNull()
  expect(text(paths.FeatureZNode.encode({ enabled: true, levels: {} }))).toBe(
    '{"version":2,"status":1,"features":{}}',
  )
  expect(
    paths.FeatureZNode.decode(
      bytes(
        '{"version":1,"status":1,"features":{"f":{"min_version_level":1,"max_version_level":2}}}',
      ),
    ),
  ).toEqual({ enabled: true, levels: { f: { min: 1, max: 2 } } })
})

test('configuration, its changes and the notices to the controller read back', () => {
  const config = { 'cleanup.policy': 'compact' }
  expect(paths.ConfigZNode.decode(paths.ConfigZNode.encode(config))).toEqual(config)
  expect(paths.ConfigZNode.path('brokers', paths.defaultEntityName)).toBe(
    '/config/brokers/<default>',
  )
  expect(paths.sanitizeEntityName('CN=a b*(c)~')).toBe('CN%3Da%20b%2A%28c%29~')
  expect(paths.ConfigChangesZNode.decode(paths.ConfigChangesZNode.encode('topics/t'))).toBe(
    'topics/t',
  )
  expect(
    paths.ConfigChangesZNode.decode(
      bytes('{"version":1,"entity_type":"topics","entity_name":"t"}'),
    ),
  ).toBe('topics/t')
  const partitions = [{ topic: 't', partition: 0 }]
  expect(
    paths.PreferredReplicaElectionZNode.decode(
      paths.PreferredReplicaElectionZNode.encode(partitions),
    ),
  ).toEqual(partitions)
  const reassigned = [{ topic: 't', partition: 0, replicas: [1, 2] }]
  expect(
    paths.ReassignPartitionsZNode.decode(paths.ReassignPartitionsZNode.encode(reassigned)),
  ).toEqual(reassigned)
  expect(
    paths.LogDirEventNotificationZNode.decode(paths.LogDirEventNotificationZNode.encode(2)),
  ).toBe(2)
  const offsetPath = paths.ConsumersOffsetZNode.path('g', { topic: 't', partition: 1 })
  expect(offsetPath).toBe('/consumers/g/offsets/t/1')
  expect(paths.ConsumersOffsetZNode.decode(paths.ConsumersOffsetZNode.encode(42))).toBe(42)
})

test('content that is not of the form is a value that says why, never a crash', () => {
  const decoders = [
    paths.ControllerZNode.decode,
    paths.ControllerEpochZNode.decode,
    paths.BrokerIdZNode.decode,
    paths.TopicZNode.decode,
    paths.TopicPartitionStateZNode.decode,
    paths.ClusterIdZNode.decode,
    paths.FeatureZNode.decode,
    paths.ReassignPartitionsZNode.decode,
    paths.ConfigChangesZNode.decode,
  ]
  for (const content of ['{', 'null', '[]', '{}', '"x"', '{"version":3,"partitions":{"x":1}}']) {
    for (const decode of decoders) {
      const decoded = decode(bytes(content))
      expect(paths.isMalformed(decoded)).toBe(true)
    }
  }
  expect(paths.ControllerZNode.decode(Uint8Array.of(0xff))).toEqual({ malformed: 'not UTF-8' })
  expect(paths.ControllerZNode.decode(bytes('{"brokerid":"1"}'))).toEqual({
    malformed: '"brokerid" is not an integer',
  })
})

test('sequence numbers, names and parents are read off a path', () => {
  expect(paths.sequenceNumber('/config/changes/config_change_0000000012')).toBe(12)
  expect(paths.sequenceNumber('config_change_')).toBeNull()
  expect(paths.znodeName('/a/b')).toBe('b')
  expect(paths.znodeParent('/a/b')).toBe('/a')
  expect(paths.znodeParent('/a')).toBe('/')
})
