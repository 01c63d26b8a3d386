import { expect, test } from 'vitest'
import { AlterConfigs, DescribeConfigs, IncrementalAlterConfigs } from '../../src/protocol/index.ts'
import { clusterUnderTest, sleep, unique } from './cluster-under-test.ts'
import { type Told, told, toldByVersion } from './told.ts'

const cluster = clusterUnderTest()

const topicType = 2
const brokerType = 4
const operation = { set: 0, delete: 1, append: 2, subtract: 3 } as const

const describe = async (
  resourceType: number,
  resourceName: string,
  keys: readonly string[] | null,
  version = 4,
  brokerId = 1,
) => {
  const { results } = await cluster.ask(brokerId, DescribeConfigs, version, {
    resources: [{ resourceType, resourceName, configurationKeys: keys }],
    ...(version >= 1 ? { includeSynonyms: true } : {}),
  })
  return results.map(result => ({
    ...result,
    configs: result.configs.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  }))
}

const valueIn = async (type: number, name: string, key: string, brokerId = 1) =>
  (await describe(type, name, [key], 4, brokerId))[0]?.configs[0]?.value

/** What is written takes its time to come to each broker. */
async function until(
  type: number,
  name: string,
  key: string,
  value: string,
  brokerId = 1,
): Promise<void> {
  while ((await valueIn(type, name, key, brokerId)) !== value) await sleep(20)
}

const change = async (
  type: number,
  name: string,
  configs: readonly (readonly [name: string, operation: number, value: string | null])[],
  options: { version?: number; validateOnly?: boolean; brokerId?: number } = {},
): Promise<Told> => {
  const { version = 1, validateOnly = false, brokerId = 1 } = options
  return told(
    await cluster.ask(brokerId, IncrementalAlterConfigs, version, {
      resources: [
        {
          resourceType: type,
          resourceName: name,
          configs: configs.map(([key, configOperation, value]) => ({
            name: key,
            configOperation,
            value,
          })),
        },
      ],
      validateOnly,
    }),
  )
}

const replace = async (
  type: number,
  name: string,
  configs: Readonly<Record<string, string | null>>,
  options: { version?: number; validateOnly?: boolean; brokerId?: number } = {},
): Promise<Told> => {
  const { version = 2, validateOnly = false, brokerId = 1 } = options
  return told(
    await cluster.ask(brokerId, AlterConfigs, version, {
      resources: [
        {
          resourceType: type,
          resourceName: name,
          configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
        },
      ],
      validateOnly,
    }),
  )
}

test('a topic’s configuration in every version', async () => {
  const topic = await cluster.createTopic('orders', [[1]], { 'retention.ms': '1000' })
  const keys = ['retention.ms', 'segment.bytes', 'no.such.thing']
  expect(
    await toldByVersion([0, 4], version => describe(topicType, topic, keys, version)),
  ).toMatchInlineSnapshot(`
    v0
    - errorCode: NONE, errorMessage: some, resourceType: 2, resourceName: orders
      configs:
        - name: retention.ms, value: 1000, readOnly: false, isDefault: false, configSource: -1, isSensitive: false, synonyms: [], configType: 0, documentation: ''
        - name: segment.bytes, value: 1073741824, readOnly: false, isDefault: false, configSource: -1, isSensitive: false, synonyms: [], configType: 0, documentation: ''
    v1–v2
    - errorCode: NONE, errorMessage: some, resourceType: 2, resourceName: orders
      configs:
        - name: retention.ms, value: 1000, readOnly: false, isDefault: false, configSource: 1, isSensitive: false, configType: 0, documentation: ''
          synonyms:
            - name: retention.ms, value: 1000, source: 1
        - name: segment.bytes, value: 1073741824, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, configType: 0, documentation: ''
          synonyms:
            - name: log.segment.bytes, value: 1073741824, source: 5
    v3–v4
    - errorCode: NONE, errorMessage: some, resourceType: 2, resourceName: orders
      configs:
        - name: retention.ms, value: 1000, readOnly: false, isDefault: false, configSource: 1, isSensitive: false, configType: 5, documentation: null
          synonyms:
            - name: retention.ms, value: 1000, source: 1
        - name: segment.bytes, value: 1073741824, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, configType: 3, documentation: null
          synonyms:
            - name: log.segment.bytes, value: 1073741824, source: 5
  `)
})

test('every key of a topic that Samsa has', async () => {
  const topic = await cluster.createTopic('orders')
  const keys = [
    'cleanup.policy',
    'compression.type',
    'delete.retention.ms',
    'file.delete.delay.ms',
    'flush.messages',
    'flush.ms',
    'index.interval.bytes',
    'max.compaction.lag.ms',
    'max.message.bytes',
    'message.timestamp.after.max.ms',
    'message.timestamp.before.max.ms',
    'message.timestamp.type',
    'min.cleanable.dirty.ratio',
    'min.compaction.lag.ms',
    'min.insync.replicas',
    'retention.bytes',
    'retention.ms',
    'segment.bytes',
    'segment.index.bytes',
    'segment.ms',
    'unclean.leader.election.enable',
  ]
  const [result] = await describe(topicType, topic, keys)
  expect(told(result?.configs.map(it => ({ ...it, documentation: '' })))).toMatchInlineSnapshot(`
    - name: cleanup.policy, value: delete, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, configType: 7, documentation: ''
      synonyms:
        - name: log.cleanup.policy, value: delete, source: 5
    - name: compression.type, value: producer, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, configType: 2, documentation: ''
      synonyms:
        - name: compression.type, value: producer, source: 5
    - name: delete.retention.ms, value: 86400000, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, configType: 5, documentation: ''
      synonyms:
        - name: log.cleaner.delete.retention.ms, value: 86400000, source: 5
    - name: file.delete.delay.ms, value: 60000, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, configType: 5, documentation: ''
      synonyms:
        - name: log.segment.delete.delay.ms, value: 60000, source: 5
    - name: flush.messages, value: 9223372036854775807, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, configType: 5, documentation: ''
      synonyms:
        - name: log.flush.interval.messages, value: 9223372036854775807, source: 5
    - name: flush.ms, value: 9223372036854775807, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, synonyms: [], configType: 5, documentation: ''
    - name: index.interval.bytes, value: 4096, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, configType: 3, documentation: ''
      synonyms:
        - name: log.index.interval.bytes, value: 4096, source: 5
    - name: max.compaction.lag.ms, value: 9223372036854775807, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, configType: 5, documentation: ''
      synonyms:
        - name: log.cleaner.max.compaction.lag.ms, value: 9223372036854775807, source: 5
    - name: max.message.bytes, value: 1048588, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, configType: 3, documentation: ''
      synonyms:
        - name: message.max.bytes, value: 1048588, source: 5
    - name: message.timestamp.after.max.ms, value: 9223372036854775807, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, configType: 5, documentation: ''
      synonyms:
        - name: log.message.timestamp.after.max.ms, value: 9223372036854775807, source: 5
    - name: message.timestamp.before.max.ms, value: 9223372036854775807, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, configType: 5, documentation: ''
      synonyms:
        - name: log.message.timestamp.before.max.ms, value: 9223372036854775807, source: 5
    - name: message.timestamp.type, value: CreateTime, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, configType: 2, documentation: ''
      synonyms:
        - name: log.message.timestamp.type, value: CreateTime, source: 5
    - name: min.cleanable.dirty.ratio, value: 0.5, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, configType: 6, documentation: ''
      synonyms:
        - name: log.cleaner.min.cleanable.ratio, value: 0.5, source: 5
    - name: min.compaction.lag.ms, value: 0, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, configType: 5, documentation: ''
      synonyms:
        - name: log.cleaner.min.compaction.lag.ms, value: 0, source: 5
    - name: min.insync.replicas, value: 1, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, configType: 3, documentation: ''
      synonyms:
        - name: min.insync.replicas, value: 1, source: 5
    - name: retention.bytes, value: -1, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, configType: 5, documentation: ''
      synonyms:
        - name: log.retention.bytes, value: -1, source: 5
    - name: retention.ms, value: 604800000, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, synonyms: [], configType: 5, documentation: ''
    - name: segment.bytes, value: 1073741824, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, configType: 3, documentation: ''
      synonyms:
        - name: log.segment.bytes, value: 1073741824, source: 5
    - name: segment.index.bytes, value: 10485760, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, configType: 3, documentation: ''
      synonyms:
        - name: log.index.size.max.bytes, value: 10485760, source: 5
    - name: segment.ms, value: 604800000, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, synonyms: [], configType: 5, documentation: ''
    - name: unclean.leader.election.enable, value: false, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, configType: 1, documentation: ''
      synonyms:
        - name: unclean.leader.election.enable, value: false, source: 5
  `)
})

test('keys of a broker', async () => {
  const keys = [
    'auto.create.topics.enable',
    'broker.id',
    'default.replication.factor',
    'log.retention.hours',
    'log.retention.ms',
    'log.segment.bytes',
    'message.max.bytes',
    'min.insync.replicas',
    'num.partitions',
    'offsets.topic.num.partitions',
    'unclean.leader.election.enable',
  ]
  const [result] = await describe(brokerType, '1', keys)
  expect(told(result?.configs)).toMatchInlineSnapshot(`
    - name: auto.create.topics.enable, value: true, readOnly: true, isDefault: false, configSource: 5, isSensitive: false, configType: 1, documentation: null
      synonyms:
        - name: auto.create.topics.enable, value: true, source: 5
    - name: broker.id, value: 1, readOnly: true, isDefault: false, configSource: 4, isSensitive: false, configType: 3, documentation: null
      synonyms:
        - name: broker.id, value: 1, source: 4
        - name: broker.id, value: -1, source: 5
    - name: default.replication.factor, value: 3, readOnly: true, isDefault: false, configSource: 4, isSensitive: false, configType: 3, documentation: null
      synonyms:
        - name: default.replication.factor, value: 3, source: 4
        - name: default.replication.factor, value: 1, source: 5
    - name: log.retention.hours, value: 168, readOnly: true, isDefault: false, configSource: 5, isSensitive: false, configType: 3, documentation: null
      synonyms:
        - name: log.retention.hours, value: 168, source: 5
    - name: log.retention.ms, value: null, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, synonyms: [], configType: 5, documentation: null
    - name: log.segment.bytes, value: 1073741824, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, configType: 3, documentation: null
      synonyms:
        - name: log.segment.bytes, value: 1073741824, source: 5
    - name: message.max.bytes, value: 1048588, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, configType: 3, documentation: null
      synonyms:
        - name: message.max.bytes, value: 1048588, source: 5
    - name: min.insync.replicas, value: 1, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, configType: 3, documentation: null
      synonyms:
        - name: min.insync.replicas, value: 1, source: 5
    - name: num.partitions, value: 1, readOnly: true, isDefault: false, configSource: 5, isSensitive: false, configType: 3, documentation: null
      synonyms:
        - name: num.partitions, value: 1, source: 5
    - name: offsets.topic.num.partitions, value: 4, readOnly: true, isDefault: false, configSource: 4, isSensitive: false, configType: 3, documentation: null
      synonyms:
        - name: offsets.topic.num.partitions, value: 4, source: 4
        - name: offsets.topic.num.partitions, value: 50, source: 5
    - name: unclean.leader.election.enable, value: false, readOnly: false, isDefault: false, configSource: 5, isSensitive: false, configType: 1, documentation: null
      synonyms:
        - name: unclean.leader.election.enable, value: false, source: 5
  `)
})

test('configurations that there are not', async () => {
  const ask = async (type: number, name: string) => told(await describe(type, name, null))
  expect(await ask(topicType, unique('none'))).toMatchInlineSnapshot(
    `- errorCode: UNKNOWN_TOPIC_OR_PARTITION, resourceType: 2, resourceName: none, configs: []`,
  )
  expect(await ask(topicType, 'a/b')).toMatchInlineSnapshot(
    `- errorCode: INVALID_TOPIC_EXCEPTION, resourceType: 2, resourceName: a/b, configs: []`,
  )
  expect(await ask(topicType, '')).toMatchInlineSnapshot(
    `- errorCode: INVALID_TOPIC_EXCEPTION, resourceType: 2, resourceName: '', configs: []`,
  )
  expect(await ask(brokerType, '2')).toMatchInlineSnapshot(
    `- errorCode: INVALID_REQUEST, resourceType: 4, resourceName: 2, configs: []`,
  )
  expect(await ask(brokerType, 'two')).toMatchInlineSnapshot(
    `- errorCode: INVALID_REQUEST, resourceType: 4, resourceName: two, configs: []`,
  )
  expect(await ask(brokerType, '')).toMatchInlineSnapshot(
    `- errorCode: NONE, errorMessage: some, resourceType: 4, resourceName: '', configs: []`,
  )
  expect(await ask(3, 'group')).toMatchInlineSnapshot(
    `- errorCode: INVALID_REQUEST, resourceType: 3, resourceName: group, configs: []`,
  )
  expect(await ask(0, 'x')).toMatchInlineSnapshot(
    `- errorCode: INVALID_REQUEST, resourceType: 0, resourceName: x, configs: []`,
  )
  expect(await ask(32, 'group')).toMatchInlineSnapshot(
    `- errorCode: INVALID_REQUEST, resourceType: 32, resourceName: group, configs: []`,
  )
})

test('a topic’s configuration is changed, key by key', async () => {
  const topic = await cluster.createTopic('orders', [[1]], { 'retention.ms': '1000' })
  expect(
    await change(topicType, topic, [['segment.bytes', operation.set, '1000']]),
  ).toMatchInlineSnapshot(`
    responses:
      - errorCode: NONE, errorMessage: null, resourceType: 2, resourceName: orders
  `)
  await until(topicType, topic, 'segment.bytes', '1000')
  expect(await valueIn(topicType, topic, 'retention.ms')).toBe('1000')
  expect(
    await change(topicType, topic, [['retention.ms', operation.delete, null]], { version: 0 }),
  ).toMatchInlineSnapshot(`
    responses:
      - errorCode: NONE, errorMessage: null, resourceType: 2, resourceName: orders
  `)
  await until(topicType, topic, 'retention.ms', '604800000')
  await change(topicType, topic, [['cleanup.policy', operation.append, 'compact']])
  await until(topicType, topic, 'cleanup.policy', 'delete,compact')
  await change(topicType, topic, [['cleanup.policy', operation.append, 'compact']])
  await change(topicType, topic, [['cleanup.policy', operation.subtract, 'delete']])
  await until(topicType, topic, 'cleanup.policy', 'compact')
  await change(topicType, topic, [['segment.bytes', operation.set, '2000']], { validateOnly: true })
  await sleep(200)
  expect(await valueIn(topicType, topic, 'segment.bytes')).toBe('1000')
})

test('a topic’s configuration is replaced', async () => {
  const topic = await cluster.createTopic('orders', [[1]], { 'retention.ms': '1000' })
  const before = ['segment.bytes', operation.set, '1000'] as const
  await change(topicType, topic, [before])
  expect(
    await toldByVersion(
      [0, 2],
      async version =>
        (await replace(topicType, topic, { 'min.insync.replicas': '2' }, { version })).text,
    ),
  ).toMatchInlineSnapshot(`
    v0–v2
    responses:
      - errorCode: NONE, errorMessage: null, resourceType: 2, resourceName: orders
  `)
  await until(topicType, topic, 'min.insync.replicas', '2')
  await until(topicType, topic, 'retention.ms', '604800000')
  await until(topicType, topic, 'segment.bytes', '1073741824')
})

test('changes of a topic that cannot be', async () => {
  const topic = await cluster.createTopic('orders')
  const set = (name: string, value: string | null) =>
    change(topicType, topic, [[name, operation.set, value]], { validateOnly: true })
  expect(await set('no.such.thing', '1')).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_CONFIG, resourceType: 2, resourceName: orders
  `)
  expect(await set('retention.ms', 'soon')).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_CONFIG, resourceType: 2, resourceName: orders
  `)
  expect(await set('retention.ms', null)).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_REQUEST, resourceType: 2, resourceName: orders
  `)
  expect(await set('min.insync.replicas', '0')).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_CONFIG, resourceType: 2, resourceName: orders
  `)
  expect(await set('cleanup.policy', 'keep')).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_CONFIG, resourceType: 2, resourceName: orders
  `)
  expect(await set('cleanup.policy', '')).toMatchInlineSnapshot(`
    responses:
      - errorCode: NONE, errorMessage: null, resourceType: 2, resourceName: orders
  `)
  expect(
    await change(topicType, topic, [['no.such.thing', operation.delete, null]]),
  ).toMatchInlineSnapshot(`
    responses:
      - errorCode: NONE, errorMessage: null, resourceType: 2, resourceName: orders
  `)
  expect(
    await change(topicType, topic, [['retention.ms', operation.append, '1']]),
  ).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_CONFIG, resourceType: 2, resourceName: orders
  `)
  expect(
    await change(topicType, topic, [['retention.ms', operation.subtract, '1']]),
  ).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_CONFIG, resourceType: 2, resourceName: orders
  `)
  expect(
    await change(topicType, topic, [['no.such.thing', operation.append, '1']]),
  ).toMatchInlineSnapshot(`
    responses:
      - errorCode: UNKNOWN_SERVER_ERROR, resourceType: 2, resourceName: orders
  `)
  expect(await change(topicType, topic, [['retention.ms', 9, '1']])).toMatchInlineSnapshot(`
    responses:
      - errorCode: UNKNOWN_SERVER_ERROR, resourceType: 2, resourceName: orders
  `)
  expect(
    await change(topicType, topic, [
      ['retention.ms', operation.set, '1'],
      ['retention.ms', operation.set, '2'],
    ]),
  ).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_REQUEST, resourceType: 2, resourceName: orders
  `)
  expect(await change(topicType, topic, [])).toMatchInlineSnapshot(`
    responses:
      - errorCode: NONE, errorMessage: null, resourceType: 2, resourceName: orders
  `)
  expect(
    await change(topicType, unique('none'), [['retention.ms', operation.set, '1']]),
  ).toMatchInlineSnapshot(`
    responses:
      - errorCode: UNKNOWN_TOPIC_OR_PARTITION, resourceType: 2, resourceName: none
  `)
  expect(
    await change(topicType, 'a/b', [['retention.ms', operation.set, '1']]),
  ).toMatchInlineSnapshot(`
    responses:
      - errorCode: UNKNOWN_TOPIC_OR_PARTITION, resourceType: 2, resourceName: a/b
  `)
  expect(
    await change(topicType, '', [['retention.ms', operation.set, '1']]),
  ).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_REQUEST, resourceType: 2, resourceName: ''
  `)
  expect(await change(0, 'x', [['retention.ms', operation.set, '1']])).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_REQUEST, resourceType: 0, resourceName: x
  `)
  expect(await change(3, 'x', [['retention.ms', operation.set, '1']])).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_REQUEST, resourceType: 3, resourceName: x
  `)
  expect(await replace(topicType, topic, { 'no.such.thing': '1' })).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_CONFIG, resourceType: 2, resourceName: orders
  `)
  expect(await replace(topicType, topic, { 'retention.ms': null })).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_REQUEST, resourceType: 2, resourceName: orders
  `)
  expect(await replace(topicType, unique('none'), { 'retention.ms': '1' })).toMatchInlineSnapshot(`
    responses:
      - errorCode: UNKNOWN_TOPIC_OR_PARTITION, resourceType: 2, resourceName: none
  `)
  expect(await replace(3, 'x', {})).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_REQUEST, resourceType: 3, resourceName: x
  `)
})

test('the same resource twice', async () => {
  const resourceName = await cluster.createTopic('orders')
  const resource = {
    resourceType: topicType,
    resourceName,
    configs: [{ name: 'retention.ms', configOperation: operation.set, value: '5' }],
  }
  const answer = await cluster.ask(1, IncrementalAlterConfigs, 1, {
    resources: [resource, resource],
    validateOnly: true,
  })
  expect(told(answer)).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_REQUEST, resourceType: 2, resourceName: orders
      - errorCode: INVALID_REQUEST, resourceType: 2, resourceName: orders
  `)
})

test('a broker’s configuration, as far as it is dynamic', async () => {
  const set = (name: string, value: string | null, resource = '1', brokerId = 1) =>
    change(brokerType, resource, [[name, operation.set, value]], { brokerId })
  expect(await set('producer.id.expiration.ms', '2000000')).toMatchInlineSnapshot(`
    responses:
      - errorCode: NONE, errorMessage: null, resourceType: 4, resourceName: 1
  `)
  await until(brokerType, '1', 'producer.id.expiration.ms', '2000000')
  const [result] = await describe(brokerType, '1', ['producer.id.expiration.ms'])
  expect(told(result?.configs)).toMatchInlineSnapshot(`
    - name: producer.id.expiration.ms, value: 2000000, readOnly: false, isDefault: false, configSource: 2, isSensitive: false, configType: 3, documentation: null
      synonyms:
        - name: producer.id.expiration.ms, value: 2000000, source: 2
        - name: producer.id.expiration.ms, value: 86400000, source: 5
  `)
  expect(
    await change(brokerType, '1', [['producer.id.expiration.ms', operation.delete, null]]),
  ).toMatchInlineSnapshot(`
    responses:
      - errorCode: NONE, errorMessage: null, resourceType: 4, resourceName: 1
  `)
  expect(await set('num.partitions', '3')).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_REQUEST, resourceType: 4, resourceName: 1
  `)
  expect(await set('broker.id', '7')).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_REQUEST, resourceType: 4, resourceName: 1
  `)
  expect(await set('producer.id.expiration.ms', 'large')).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_REQUEST, resourceType: 4, resourceName: 1
  `)
  expect(await set('producer.id.expiration.ms', '1', '2')).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_REQUEST, resourceType: 4, resourceName: 2
  `)
  expect(await set('producer.id.expiration.ms', '1', '9')).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_REQUEST, resourceType: 4, resourceName: 9
  `)
  expect(await set('producer.id.expiration.ms', '1', 'two')).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_REQUEST, resourceType: 4, resourceName: two
  `)
  expect(await set('log.retention.ms', '1000000')).toMatchInlineSnapshot(`
    responses:
      - errorCode: NONE, errorMessage: null, resourceType: 4, resourceName: 1
  `)
  expect(
    await change(brokerType, '1', [['log.retention.ms', operation.delete, null]]),
  ).toMatchInlineSnapshot(`
    responses:
      - errorCode: NONE, errorMessage: null, resourceType: 4, resourceName: 1
  `)
  expect(await set('log.cleanup.policy', 'keep')).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_REQUEST, resourceType: 4, resourceName: 1
  `)
  expect(await replace(brokerType, '1', { 'num.partitions': '3' })).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_REQUEST, resourceType: 4, resourceName: 1
  `)
  expect(await replace(brokerType, '1', {})).toMatchInlineSnapshot(`
    responses:
      - errorCode: NONE, errorMessage: null, resourceType: 4, resourceName: 1
  `)
})

test('the configuration of all brokers', async () => {
  const set = (name: string, value: string | null) =>
    change(brokerType, '', [[name, operation.set, value]])
  expect(await set('log.retention.ms', '7000000')).toMatchInlineSnapshot(`
    responses:
      - errorCode: NONE, errorMessage: null, resourceType: 4, resourceName: ''
  `)
  await until(brokerType, '2', 'log.retention.ms', '7000000', 2)
  const [own] = await describe(brokerType, '2', ['log.retention.ms'], 4, 2)
  expect(told(own?.configs)).toMatchInlineSnapshot(`
    - name: log.retention.ms, value: 7000000, readOnly: false, isDefault: false, configSource: 3, isSensitive: false, configType: 5, documentation: null
      synonyms:
        - name: log.retention.ms, value: 7000000, source: 3
        - name: log.retention.hours, value: 168, source: 5
  `)
  const [all] = await describe(brokerType, '', null, 4, 2)
  expect(told(all)).toMatchInlineSnapshot(`
    errorCode: NONE, errorMessage: some, resourceType: 4, resourceName: ''
    configs:
      - name: log.retention.ms, value: 7000000, readOnly: false, isDefault: false, configSource: 3, isSensitive: false, configType: 5, documentation: null
        synonyms:
          - name: log.retention.ms, value: 7000000, source: 3
  `)
  const topic = await cluster.createTopic('orders', [[2]])
  const [inherited] = await describe(topicType, topic, ['retention.ms'], 4, 2)
  expect(told(inherited?.configs)).toMatchInlineSnapshot(`
    - name: retention.ms, value: 7000000, readOnly: false, isDefault: false, configSource: 3, isSensitive: false, configType: 5, documentation: null
      synonyms:
        - name: log.retention.ms, value: 7000000, source: 3
        - name: log.retention.hours, value: 168, source: 5
  `)
  expect(
    await change(brokerType, '', [['log.retention.ms', operation.delete, null]]),
  ).toMatchInlineSnapshot(`
    responses:
      - errorCode: NONE, errorMessage: null, resourceType: 4, resourceName: ''
  `)
  expect(await set('num.partitions', '3')).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_REQUEST, resourceType: 4, resourceName: ''
  `)
  expect(await set('listeners', 'PLAINTEXT://:1')).toMatchInlineSnapshot(`
    responses:
      - errorCode: INVALID_REQUEST, resourceType: 4, resourceName: ''
  `)
})
