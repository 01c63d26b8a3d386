import { expect, test } from 'vitest'
import { noUuid } from '../../src/ids.ts'
import {
  CreatePartitions,
  CreateTopics,
  DeleteTopics,
  type RequestDraftOf,
} from '../../src/protocol/index.ts'
import { clusterUnderTest, unique } from './cluster-under-test.ts'
import { told, toldByVersion } from './told.ts'

const cluster = clusterUnderTest()

type NewTopic = RequestDraftOf<typeof CreateTopics>['topics'][number]

const newTopic = (topic: Partial<NewTopic> = {}): NewTopic => ({
  name: unique('topic'),
  numPartitions: 1,
  replicationFactor: 1,
  assignments: [],
  configs: [],
  ...topic,
})

const by = (...assignments: readonly (readonly number[])[]) => ({
  numPartitions: -1,
  replicationFactor: -1,
  assignments: assignments.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
})

const create = async (
  topic: Partial<NewTopic>,
  options: { version?: number; validateOnly?: boolean; timeoutMs?: number } = {},
) => {
  const { version = 7, ...rest } = options
  const answer = await cluster.askController(CreateTopics, version, {
    topics: [newTopic(topic)],
    timeoutMs: 10_000,
    ...rest,
  })
  return {
    topics: answer.topics.map(({ configs, name, ...it }) => ({
      name: name.slice(0, 15),
      ...it,
      configs: (configs ?? []).length > 0,
    })),
  }
}

test('a topic is made in every version', async () => {
  const answer = await toldByVersion([0, 7], version =>
    create({ numPartitions: 3, replicationFactor: 2 }, { version }),
  )
  expect(answer).toMatchInlineSnapshot(`
    v0
    topics:
      - name: topic, topicId: none, errorCode: NONE, errorMessage: some, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    v1–v4
    topics:
      - name: topic, topicId: none, errorCode: NONE, errorMessage: null, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    v5–v6
    topics:
      - name: topic, topicId: none, errorCode: NONE, errorMessage: null, topicConfigErrorCode: 0, numPartitions: 3, replicationFactor: 2, configs: true
    v7
    topics:
      - name: topic, topicId: <uuid>, errorCode: NONE, errorMessage: null, topicConfigErrorCode: 0, numPartitions: 3, replicationFactor: 2, configs: true
  `)
})

test('defaults stand in for −1, from v4 on', async () => {
  const defaults = { numPartitions: -1, replicationFactor: -1 }
  expect(
    await toldByVersion([2, 7], version => create(defaults, { version })),
  ).toMatchInlineSnapshot(`
    v2–v4
    topics:
      - name: topic, topicId: none, errorCode: NONE, errorMessage: null, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    v5–v6
    topics:
      - name: topic, topicId: none, errorCode: NONE, errorMessage: null, topicConfigErrorCode: 0, numPartitions: 1, replicationFactor: 3, configs: true
    v7
    topics:
      - name: topic, topicId: <uuid>, errorCode: NONE, errorMessage: null, topicConfigErrorCode: 0, numPartitions: 1, replicationFactor: 3, configs: true
  `)
})

test('what a topic may not be', async () => {
  const taken = await cluster.createTopic('taken')
  const wrong: Partial<NewTopic>[] = [
    { name: taken },
    { name: '' },
    { name: 'a/b' },
    { name: '.' },
    { name: 'x'.repeat(250) },
    { numPartitions: 0 },
    { numPartitions: -2 },
    { replicationFactor: 0 },
    { replicationFactor: -2 },
    { replicationFactor: 4 },
    by([1, 1]),
    by([1], [1, 2]),
    by([9]),
    by([-1]),
    { ...by([1]), numPartitions: 1 },
    { ...by([1]), replicationFactor: 1 },
    { ...by(), assignments: [{ partitionIndex: 1, brokerIds: [1] }] },
    {
      ...by(),
      assignments: [
        { partitionIndex: 0, brokerIds: [1] },
        { partitionIndex: 0, brokerIds: [2] },
      ],
    },
    { configs: [{ name: 'no.such.thing', value: '1' }] },
    { configs: [{ name: 'retention.ms', value: 'soon' }] },
    { configs: [{ name: 'retention.ms', value: '-2' }] },
    { configs: [{ name: 'retention.ms', value: null }] },
    { configs: [{ name: 'cleanup.policy', value: 'keep' }] },
    { configs: [{ name: 'cleanup.policy', value: 'compact,delete' }] },
    { configs: [{ name: 'min.insync.replicas', value: '0' }] },
    { configs: [{ name: 'compression.type', value: 'zip' }] },
    { configs: [{ name: 'segment.bytes', value: '13' }] },
    { configs: [{ name: 'min.cleanable.dirty.ratio', value: '1.5' }] },
    { configs: [{ name: 'unclean.leader.election.enable', value: 'yes' }] },
    { configs: [{ name: 'message.timestamp.type', value: 'now' }] },
    { configs: [{ name: 'max.message.bytes', value: '-1' }] },
    { configs: [{ name: 'preallocate', value: 'true' }] },
    { configs: [{ name: 'message.format.version', value: '3.0' }] },
    { configs: [{ name: 'message.downconversion.enable', value: 'false' }] },
    { configs: [{ name: 'segment.jitter.ms', value: '5' }] },
    { configs: [{ name: 'local.retention.ms', value: '5' }] },
    { configs: [{ name: 'remote.storage.enable', value: 'true' }] },
    { configs: [{ name: 'compression.gzip.level', value: '5' }] },
    { configs: [{ name: 'message.timestamp.difference.max.ms', value: '5' }] },
    { configs: [{ name: 'leader.replication.throttled.replicas', value: '*' }] },
  ]
  const answers = []
  for (const topic of wrong) {
    const { topics } = await create(topic, { validateOnly: true })
    const { name: _, ...answer } = topics[0] ?? {}
    const { name: __, ...asked } = topic
    const label = topic.name?.replace(taken, 'taken').slice(0, 5)
    answers.push({
      asked: JSON.stringify(label === undefined ? asked : { name: label }),
      ...answer,
    })
  }
  expect(told(answers)).toMatchInlineSnapshot(`
    - asked: {"name":"taken"}, topicId: none, errorCode: TOPIC_ALREADY_EXISTS, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"name":""}, topicId: none, errorCode: INVALID_TOPIC_EXCEPTION, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"name":"a/b"}, topicId: none, errorCode: INVALID_TOPIC_EXCEPTION, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"name":"."}, topicId: none, errorCode: INVALID_TOPIC_EXCEPTION, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"name":"xxxxx"}, topicId: none, errorCode: INVALID_TOPIC_EXCEPTION, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"numPartitions":0}, topicId: none, errorCode: INVALID_PARTITIONS, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"numPartitions":-2}, topicId: none, errorCode: INVALID_PARTITIONS, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"replicationFactor":0}, topicId: none, errorCode: INVALID_REPLICATION_FACTOR, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"replicationFactor":-2}, topicId: none, errorCode: INVALID_REPLICATION_FACTOR, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"replicationFactor":4}, topicId: none, errorCode: INVALID_REPLICATION_FACTOR, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"numPartitions":-1,"replicationFactor":-1,"assignments":[{"partitionIndex":0,"brokerIds":[1,1]}]}, topicId: none, errorCode: INVALID_REPLICA_ASSIGNMENT, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"numPartitions":-1,"replicationFactor":-1,"assignments":[{"partitionIndex":0,"brokerIds":[1]},{"partitionIndex":1,"brokerIds":[1,2]}]}, topicId: none, errorCode: INVALID_REPLICA_ASSIGNMENT, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"numPartitions":-1,"replicationFactor":-1,"assignments":[{"partitionIndex":0,"brokerIds":[9]}]}, topicId: none, errorCode: NONE, errorMessage: null, topicConfigErrorCode: 0, numPartitions: 1, replicationFactor: 1, configs: true
    - asked: {"numPartitions":-1,"replicationFactor":-1,"assignments":[{"partitionIndex":0,"brokerIds":[-1]}]}, topicId: none, errorCode: NONE, errorMessage: null, topicConfigErrorCode: 0, numPartitions: 1, replicationFactor: 1, configs: true
    - asked: {"numPartitions":1,"replicationFactor":-1,"assignments":[{"partitionIndex":0,"brokerIds":[1]}]}, topicId: none, errorCode: INVALID_REQUEST, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"numPartitions":-1,"replicationFactor":1,"assignments":[{"partitionIndex":0,"brokerIds":[1]}]}, topicId: none, errorCode: INVALID_REQUEST, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"numPartitions":-1,"replicationFactor":-1,"assignments":[{"partitionIndex":1,"brokerIds":[1]}]}, topicId: none, errorCode: INVALID_REPLICA_ASSIGNMENT, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"numPartitions":-1,"replicationFactor":-1,"assignments":[{"partitionIndex":0,"brokerIds":[1]},{"partitionIndex":0,"brokerIds":[2]}]}, topicId: none, errorCode: NONE, errorMessage: null, topicConfigErrorCode: 0, numPartitions: 1, replicationFactor: 1, configs: true
    - asked: {"configs":[{"name":"no.such.thing","value":"1"}]}, topicId: none, errorCode: INVALID_CONFIG, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"configs":[{"name":"retention.ms","value":"soon"}]}, topicId: none, errorCode: INVALID_CONFIG, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"configs":[{"name":"retention.ms","value":"-2"}]}, topicId: none, errorCode: INVALID_CONFIG, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"configs":[{"name":"retention.ms","value":null}]}, topicId: none, errorCode: INVALID_CONFIG, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"configs":[{"name":"cleanup.policy","value":"keep"}]}, topicId: none, errorCode: INVALID_CONFIG, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"configs":[{"name":"cleanup.policy","value":"compact,delete"}]}, topicId: none, errorCode: NONE, errorMessage: null, topicConfigErrorCode: 0, numPartitions: 1, replicationFactor: 1, configs: true
    - asked: {"configs":[{"name":"min.insync.replicas","value":"0"}]}, topicId: none, errorCode: INVALID_CONFIG, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"configs":[{"name":"compression.type","value":"zip"}]}, topicId: none, errorCode: INVALID_CONFIG, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"configs":[{"name":"segment.bytes","value":"13"}]}, topicId: none, errorCode: INVALID_CONFIG, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"configs":[{"name":"min.cleanable.dirty.ratio","value":"1.5"}]}, topicId: none, errorCode: INVALID_CONFIG, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"configs":[{"name":"unclean.leader.election.enable","value":"yes"}]}, topicId: none, errorCode: INVALID_CONFIG, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"configs":[{"name":"message.timestamp.type","value":"now"}]}, topicId: none, errorCode: INVALID_CONFIG, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"configs":[{"name":"max.message.bytes","value":"-1"}]}, topicId: none, errorCode: INVALID_CONFIG, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"configs":[{"name":"preallocate","value":"true"}]}, topicId: none, errorCode: NONE, errorMessage: null, topicConfigErrorCode: 0, numPartitions: 1, replicationFactor: 1, configs: true
    - asked: {"configs":[{"name":"message.format.version","value":"3.0"}]}, topicId: none, errorCode: NONE, errorMessage: null, topicConfigErrorCode: 0, numPartitions: 1, replicationFactor: 1, configs: true
    - asked: {"configs":[{"name":"message.downconversion.enable","value":"false"}]}, topicId: none, errorCode: NONE, errorMessage: null, topicConfigErrorCode: 0, numPartitions: 1, replicationFactor: 1, configs: true
    - asked: {"configs":[{"name":"segment.jitter.ms","value":"5"}]}, topicId: none, errorCode: NONE, errorMessage: null, topicConfigErrorCode: 0, numPartitions: 1, replicationFactor: 1, configs: true
    - asked: {"configs":[{"name":"local.retention.ms","value":"5"}]}, topicId: none, errorCode: NONE, errorMessage: null, topicConfigErrorCode: 0, numPartitions: 1, replicationFactor: 1, configs: true
    - asked: {"configs":[{"name":"remote.storage.enable","value":"true"}]}, topicId: none, errorCode: INVALID_CONFIG, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
    - asked: {"configs":[{"name":"compression.gzip.level","value":"5"}]}, topicId: none, errorCode: NONE, errorMessage: null, topicConfigErrorCode: 0, numPartitions: 1, replicationFactor: 1, configs: true
    - asked: {"configs":[{"name":"message.timestamp.difference.max.ms","value":"5"}]}, topicId: none, errorCode: NONE, errorMessage: null, topicConfigErrorCode: 0, numPartitions: 1, replicationFactor: 1, configs: true
    - asked: {"configs":[{"name":"leader.replication.throttled.replicas","value":"*"}]}, topicId: none, errorCode: NONE, errorMessage: null, topicConfigErrorCode: 0, numPartitions: 1, replicationFactor: 1, configs: true
  `)
})

test('a topic twice in a request', async () => {
  const name = unique('twice')
  const answer = await cluster.askController(CreateTopics, 7, {
    topics: [newTopic({ name }), newTopic({ name }), newTopic()],
    timeoutMs: 10_000,
    validateOnly: true,
  })
  const topics = answer.topics.map(({ configs: _, ...rest }) => rest)
  expect(told(topics.sort((a, b) => b.errorCode - a.errorCode))).toMatchInlineSnapshot(`
    - name: twice, topicId: none, errorCode: INVALID_REQUEST, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1
    - name: twice, topicId: none, errorCode: INVALID_REQUEST, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1
    - name: topic, topicId: none, errorCode: NONE, errorMessage: null, topicConfigErrorCode: 0, numPartitions: 1, replicationFactor: 1
  `)
})

test('a name that collides with another’s in metrics', async () => {
  const name = unique('a.b')
  await create({ name })
  expect(told(await create({ name: name.replace('.', '_') }))).toMatchInlineSnapshot(`
    topics:
      - name: a_b, topicId: none, errorCode: INVALID_TOPIC_EXCEPTION, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
  `)
})

test('what an unmade topic would be like', async () => {
  const answer = await cluster.askController(CreateTopics, 7, {
    topics: [
      newTopic({ ...by([1, 2], [2, 3]), configs: [{ name: 'retention.ms', value: '1000' }] }),
    ],
    timeoutMs: 10_000,
    validateOnly: true,
  })
  const ours = new Set(['retention.ms', 'segment.bytes', 'cleanup.policy', 'min.insync.replicas'])
  const topics = answer.topics.map(({ configs, ...topic }) => ({
    ...topic,
    configs: configs
      ?.filter(config => ours.has(config.name))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  }))
  expect(told(topics)).toMatchInlineSnapshot(`
    - name: topic, topicId: none, errorCode: NONE, errorMessage: null, topicConfigErrorCode: 0, numPartitions: 2, replicationFactor: 2
      configs:
        - name: cleanup.policy, value: delete, readOnly: false, configSource: 5, isSensitive: false
        - name: min.insync.replicas, value: 1, readOnly: false, configSource: 5, isSensitive: false
        - name: retention.ms, value: 1000, readOnly: false, configSource: 1, isSensitive: false
        - name: segment.bytes, value: 1073741824, readOnly: false, configSource: 5, isSensitive: false
  `)
})

test('a request without topics, and one with no time', async () => {
  const none = await cluster.askController(CreateTopics, 7, { topics: [], timeoutMs: 0 })
  expect(told(none)).toMatchInlineSnapshot(`topics: []`)
  expect(told(await create({}, { timeoutMs: 0 }))).toMatchInlineSnapshot(`
    topics:
      - name: topic, topicId: <uuid>, errorCode: REQUEST_TIMED_OUT, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: false
  `)
})

test('another broker than the controller', async () => {
  const { controllerId } = await cluster.metadata([])
  const other = controllerId === 1 ? 2 : 1
  const created = await cluster.ask(other, CreateTopics, 7, {
    topics: [newTopic()],
    timeoutMs: 1000,
  })
  expect(told(created)).toMatchInlineSnapshot(`
    topics:
      - name: topic, topicId: none, errorCode: NOT_CONTROLLER, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: []
  `)
  const deleted = await cluster.ask(other, DeleteTopics, 6, {
    topics: [{ name: 'x', topicId: noUuid }],
    timeoutMs: 1000,
  })
  expect(told(deleted)).toMatchInlineSnapshot(`
    responses:
      - name: x, topicId: none, errorCode: NOT_CONTROLLER
  `)
  const partitions = await cluster.ask(other, CreatePartitions, 3, {
    topics: [{ name: 'x', count: 2, assignments: null }],
    timeoutMs: 1000,
    validateOnly: false,
  })
  expect(told(partitions)).toMatchInlineSnapshot(`
    results:
      - name: x, errorCode: NOT_CONTROLLER
  `)
})

test('topics are deleted in every version', async () => {
  const answer = await toldByVersion([0, 6], async version => {
    const name = await cluster.createTopic('gone')
    const asked = version >= 6 ? { topics: [{ name, topicId: noUuid }] } : { topicNames: [name] }
    return cluster.askController(DeleteTopics, version, { ...asked, timeoutMs: 10_000 })
  })
  expect(answer).toMatchInlineSnapshot(`
    v0–v6
    responses:
      - name: gone, topicId: none, errorCode: NONE, errorMessage: null
  `)
})

test('what cannot be deleted', async () => {
  const topic = await cluster.createTopic('kept')
  const { topics } = await cluster.metadata([topic])
  const topicId = topics[0]?.topicId as string
  const remove = (asked: { name?: string | null; topicId?: string }[]) =>
    cluster
      .askController(DeleteTopics, 6, {
        topics: asked.map(it => ({ name: null, topicId: noUuid, ...it })),
        timeoutMs: 10_000,
      })
      .then(told, error => told(String(error)))
  expect(await remove([{ name: unique('none') }])).toMatchInlineSnapshot(
    `
    responses:
      - name: none, topicId: none, errorCode: UNKNOWN_TOPIC_OR_PARTITION
  `,
  )
  expect(await remove([{ topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' }])).toMatchInlineSnapshot(`
    responses:
      - name: null, topicId: <uuid>, errorCode: UNKNOWN_TOPIC_ID
  `)
  expect(await remove([{ name: topic, topicId }])).toMatchInlineSnapshot(`
    responses:
      - name: kept, topicId: <uuid>, errorCode: INVALID_REQUEST
  `)
  expect(await remove([{}])).toMatchInlineSnapshot(`
    responses:
      - name: null, topicId: none, errorCode: TOPIC_AUTHORIZATION_FAILED
  `)
  expect(await remove([])).toMatchInlineSnapshot(`responses: []`)
  expect(await remove([{ name: 'a/b' }])).toMatchInlineSnapshot(
    `
    responses:
      - name: a/b, topicId: none, errorCode: UNKNOWN_TOPIC_OR_PARTITION
  `,
  )
  expect(await remove([{ name: topic }, { name: topic }])).toMatchInlineSnapshot(
    `
    responses:
      - name: kept, topicId: none, errorCode: NONE, errorMessage: null
      - name: kept, topicId: none, errorCode: NONE, errorMessage: null
  `,
  )
})

const grow = async (
  topics: RequestDraftOf<typeof CreatePartitions>['topics'],
  options: { version?: number; validateOnly?: boolean; timeoutMs?: number } = {},
) => {
  const { version = 3, validateOnly = false, timeoutMs = 10_000 } = options
  const answer = await cluster.askController(CreatePartitions, version, {
    topics,
    timeoutMs,
    validateOnly,
  })
  return told(answer)
}

test('a topic gets more partitions, in every version', async () => {
  const topic = await cluster.createTopic('growing')
  let count = 1
  const answer = await toldByVersion([0, 3], version => {
    count++
    return cluster.askController(CreatePartitions, version, {
      topics: [{ name: topic, count, assignments: null }],
      timeoutMs: 10_000,
      validateOnly: false,
    })
  })
  expect(answer).toMatchInlineSnapshot(`
    v0–v3
    results:
      - name: growing, errorCode: NONE, errorMessage: null
  `)
  await cluster.leader(topic, 4)
  const { topics } = await cluster.metadata([topic])
  expect(topics[0]?.partitions.map(it => it.replicaNodes.length)).toEqual([1, 1, 1, 1, 1])
})

test('more partitions, where they are wanted', async () => {
  const name = await cluster.createTopic('growing', [[1, 2]])
  const assignments = [{ brokerIds: [3, 1] }, { brokerIds: [2, 3] }]
  expect(
    await grow([{ name, count: 3, assignments }], { validateOnly: true }),
  ).toMatchInlineSnapshot(`
    results:
      - name: growing, errorCode: NONE, errorMessage: null
  `)
  expect((await cluster.metadata([name])).topics[0]?.partitions).toHaveLength(1)
  expect(await grow([{ name, count: 3, assignments }])).toMatchInlineSnapshot(`
    results:
      - name: growing, errorCode: NONE, errorMessage: null
  `)
  await cluster.leader(name, 2)
  const { topics } = await cluster.metadata([name])
  const replicas = topics[0]?.partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex)
  expect(replicas?.map(it => it.replicaNodes)).toEqual([
    [1, 2],
    [3, 1],
    [2, 3],
  ])
})

test('partitions that cannot be', async () => {
  const name = await cluster.createTopic('growing', [
    [1, 2],
    [2, 3],
  ])
  expect(
    await grow([{ name: unique('none'), count: 2, assignments: null }]),
  ).toMatchInlineSnapshot(`
    results:
      - name: none, errorCode: UNKNOWN_TOPIC_OR_PARTITION
  `)
  expect(await grow([{ name, count: 2, assignments: null }])).toMatchInlineSnapshot(`
    results:
      - name: growing, errorCode: INVALID_PARTITIONS
  `)
  expect(await grow([{ name, count: 1, assignments: null }])).toMatchInlineSnapshot(`
    results:
      - name: growing, errorCode: INVALID_PARTITIONS
  `)
  expect(await grow([{ name, count: 0, assignments: null }])).toMatchInlineSnapshot(`
    results:
      - name: growing, errorCode: INVALID_PARTITIONS
  `)
  expect(await grow([{ name, count: -1, assignments: null }])).toMatchInlineSnapshot(`
    results:
      - name: growing, errorCode: INVALID_PARTITIONS
  `)
  const by = (...lists: number[][]) => lists.map(brokerIds => ({ brokerIds }))
  expect(await grow([{ name, count: 3, assignments: by([1, 2], [2, 3]) }])).toMatchInlineSnapshot(`
    results:
      - name: growing, errorCode: INVALID_REPLICA_ASSIGNMENT
  `)
  expect(await grow([{ name, count: 4, assignments: by([1, 2]) }])).toMatchInlineSnapshot(`
    results:
      - name: growing, errorCode: INVALID_REPLICA_ASSIGNMENT
  `)
  expect(await grow([{ name, count: 3, assignments: by([1]) }])).toMatchInlineSnapshot(`
    results:
      - name: growing, errorCode: INVALID_REPLICA_ASSIGNMENT
  `)
  expect(await grow([{ name, count: 3, assignments: by([1, 1]) }])).toMatchInlineSnapshot(`
    results:
      - name: growing, errorCode: INVALID_REPLICA_ASSIGNMENT
  `)
  expect(await grow([{ name, count: 3, assignments: by([1, 9]) }])).toMatchInlineSnapshot(`
    results:
      - name: growing, errorCode: INVALID_REPLICA_ASSIGNMENT
  `)
  expect(await grow([{ name, count: 3, assignments: by([]) }])).toMatchInlineSnapshot(`
    results:
      - name: growing, errorCode: INVALID_REPLICA_ASSIGNMENT
  `)
  expect(await grow([{ name, count: 3, assignments: [] }])).toMatchInlineSnapshot(`
    results:
      - name: growing, errorCode: INVALID_REPLICA_ASSIGNMENT
  `)
  expect(
    await grow([
      { name, count: 3, assignments: null },
      { name, count: 4, assignments: null },
    ]),
  ).toMatchInlineSnapshot(`
    results:
      - name: growing, errorCode: INVALID_REQUEST
  `)
  expect(await grow([])).toMatchInlineSnapshot(`results: []`)
  expect(
    await grow([{ name, count: 3, assignments: null }], { timeoutMs: 0 }),
  ).toMatchInlineSnapshot(`
    results:
      - name: growing, errorCode: REQUEST_TIMED_OUT
  `)
})
