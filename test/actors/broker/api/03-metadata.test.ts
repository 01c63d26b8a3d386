import { beforeEach, expect, test } from 'vitest'
import { metadata } from '../../../../actors/broker/api/03-metadata.ts'
import { ensureTopLevelPaths } from '../../../../actors/broker/registration.ts'
import { errors } from '../../../../src/error.ts'
import { noUuid } from '../../../../src/ids.ts'
import { Metadata } from '../../../../src/protocol/index.ts'
import { isMalformed, TopicZNode } from '../../../../src/zookeeper/paths.ts'
import { Ensemble } from '../../zookeeper/ensemble.ts'
import { LoneBroker } from '../lone-broker.ts'

const ordersId = 'AAAAAAAAAAAAAAAAAAAABA'
const by = (...names: (string | null)[]) => names.map(name => ({ topicId: noUuid, name }))

let ensemble: Ensemble
let broker: LoneBroker

beforeEach(async () => {
  ensemble = new Ensemble()
  await ensemble.start()
  broker = new LoneBroker(ensemble)
  await ensemble.answer(ensureTopLevelPaths(broker.world.zookeeper))
  broker.learn({ topics: { orders: [{}, { leader: 2 }] }, topicIds: { orders: ordersId } })
})

const ask = (version: number, topics: ReturnType<typeof by> | null, more: object = {}) =>
  broker.ask(Metadata, metadata, version, { topics, allowAutoTopicCreation: false, ...more })

test('every version tells brokers, controller and topics, each in what it can say', async () => {
  for (let version = 0; version <= 12; version++) {
    const answer = await ask(version, by('orders'))
    expect(answer.brokers).toEqual(
      [1, 2, 3].map(id => ({ nodeId: id, host: `h${id}`, port: 9091 + id, rack: null })),
    )
    expect(answer.clusterId).toBe(version >= 2 ? 'the-cluster' : null)
    expect(answer.controllerId).toBe(version >= 1 ? 1 : -1)
    expect(answer.topics).toMatchObject([
      {
        errorCode: 0,
        name: 'orders',
        topicId: version >= 10 ? ordersId : noUuid,
        isInternal: false,
        partitions: [
          { errorCode: 0, partitionIndex: 0, leaderId: 1, leaderEpoch: version >= 7 ? 0 : -1 },
          { errorCode: 0, partitionIndex: 1, leaderId: 2 },
        ],
      },
    ])
  }
})

test('all topics are asked for by null, in v0 by an empty list', async () => {
  broker.learn({ topics: { payments: [{}], __consumer_offsets: [{}] } })
  const all = ['orders', 'payments', '__consumer_offsets']
  expect((await ask(1, null)).topics.map(({ name }) => name)).toEqual(all)
  expect((await ask(0, [])).topics.map(({ name }) => name)).toEqual(all)
  expect((await ask(1, [])).topics).toEqual([])
  expect((await ask(1, null)).topics.map(({ isInternal }) => isInternal)).toEqual([
    false,
    false,
    true,
  ])
})

test('topics are asked for by id from v12 on', async () => {
  const unknown = 'AAAAAAAAAAAAAAAAAAAACA'
  const topics = [ordersId, unknown].map(topicId => ({ topicId, name: null }))
  expect((await ask(12, topics)).topics).toMatchObject([
    { errorCode: 0, name: 'orders', topicId: ordersId },
    { errorCode: errors.UNKNOWN_TOPIC_ID, name: null, topicId: unknown, partitions: [] },
  ])
  expect((await ask(10, topics)).topics).toMatchObject([
    { errorCode: errors.INVALID_REQUEST, name: '' },
    { errorCode: errors.INVALID_REQUEST },
  ])
})

test('a topic that is missing is created where it may be, and has no leader yet', async () => {
  const created = await ask(9, by('new'), { allowAutoTopicCreation: true })
  expect(created.topics).toMatchObject([
    { errorCode: errors.LEADER_NOT_AVAILABLE, name: 'new', partitions: [] },
  ])
  const content = TopicZNode.decode(
    (await ensemble.answer(broker.world.zookeeper.getData(TopicZNode.path('new')))).data,
  )
  expect(isMalformed(content) ? content : Object.keys(content.partitions)).toEqual(['0'])
  // Asked again before the controller told of it.
  const again = await ask(9, by('new'), { allowAutoTopicCreation: true })
  expect(again.topics[0]?.errorCode).toBe(errors.LEADER_NOT_AVAILABLE)
})

test('a topic that may not be created is unknown, and its name looked at', async () => {
  const { topics } = await ask(9, by('new', 'not a name'))
  expect(topics).toMatchObject([
    { errorCode: errors.UNKNOWN_TOPIC_OR_PARTITION, name: 'new' },
    { errorCode: errors.INVALID_TOPIC_EXCEPTION, name: 'not a name' },
  ])
  const { topics: asked } = await ask(9, by('not a name'), { allowAutoTopicCreation: true })
  expect(asked).toMatchObject([{ errorCode: errors.INVALID_TOPIC_EXCEPTION }])
})

test('a broker that creates none says unknown, whatever the client allows', async () => {
  const strict = new LoneBroker(ensemble, 2, { 'auto.create.topics.enable': false })
  strict.learn()
  const { topics } = await strict.ask(Metadata, metadata, 4, {
    topics: by('new'),
    allowAutoTopicCreation: true,
  })
  expect(topics).toMatchObject([{ errorCode: errors.UNKNOWN_TOPIC_OR_PARTITION }])
})

test('a broker that the controller has not spoken to yet makes nothing: the topic may long be there', async () => {
  const fresh = new LoneBroker(ensemble, 2)
  const { topics } = await fresh.ask(Metadata, metadata, 4, {
    topics: by('new'),
    allowAutoTopicCreation: true,
  })
  expect(topics).toMatchObject([{ errorCode: errors.LEADER_NOT_AVAILABLE }])
  expect(ensemble.zookeeper.tree.node(TopicZNode.path('new'))).toBeUndefined()
})

test('with too few brokers a topic is not created, and the answer says why', async () => {
  broker.learn({ brokers: [1, 2] })
  const { topics } = await ask(9, by('new'), { allowAutoTopicCreation: true })
  expect(topics).toMatchObject([{ errorCode: errors.INVALID_REPLICATION_FACTOR }])
})

test('the offsets topic is created as its configuration says', async () => {
  await ask(9, by('__consumer_offsets'), { allowAutoTopicCreation: true })
  const { zookeeper } = broker.world
  const topic = TopicZNode.decode(
    (await ensemble.answer(zookeeper.getData('/brokers/topics/__consumer_offsets'))).data,
  )
  expect(isMalformed(topic) ? topic : Object.values(topic.partitions)).toHaveLength(4)
  const { data } = await ensemble.answer(zookeeper.getData('/config/topics/__consumer_offsets'))
  expect(JSON.parse(new TextDecoder().decode(data ?? undefined)).config).toEqual({
    'cleanup.policy': 'compact',
    'compression.type': 'producer',
    'segment.bytes': '4194304',
  })
})

test('a partition without a live leader says so, and names the replicas that are gone', async () => {
  broker.learn({ brokers: [2, 3], topics: { orders: [{ offlineReplicas: [1], isr: [2, 3] }] } })
  expect((await ask(9, by('orders'))).topics[0]?.partitions).toEqual([
    {
      errorCode: errors.LEADER_NOT_AVAILABLE,
      partitionIndex: 0,
      leaderId: -1,
      leaderEpoch: 0,
      replicaNodes: [1, 2, 3],
      isrNodes: [2, 3],
      offlineReplicas: [1],
    },
    expect.objectContaining({ partitionIndex: 1, leaderId: 2 }),
  ])
})

test('v0 leaves out replicas that are gone', async () => {
  broker.learn({ brokers: [1, 2], topics: { orders: [{}] } })
  expect((await ask(0, by('orders'))).topics[0]?.partitions[0]).toMatchObject({
    errorCode: errors.REPLICA_NOT_AVAILABLE,
    leaderId: 1,
    replicaNodes: [1, 2],
    isrNodes: [1, 2],
  })
  expect((await ask(1, by('orders'))).topics[0]?.partitions[0]).toMatchObject({
    errorCode: errors.NONE,
    replicaNodes: [1, 2, 3],
  })
})

test('a live leader without the listener asked by is told apart from v6 on', async () => {
  broker.learn({ listener: 'INTERNAL', topics: { orders: [{}] } })
  const error = async (version: number) =>
    (await ask(version, by('orders'))).topics[0]?.partitions[0]?.errorCode
  expect(await error(6)).toBe(errors.LISTENER_NOT_FOUND)
  expect(await error(5)).toBe(errors.LEADER_NOT_AVAILABLE)
})

test('operations are told to who asks for them', async () => {
  const silent = await ask(8, by('orders'))
  expect(silent.topics[0]?.topicAuthorizedOperations).toBe(-2_147_483_648)
  expect(silent.clusterAuthorizedOperations).toBe(-2_147_483_648)
  const told = await ask(8, by('orders'), {
    includeTopicAuthorizedOperations: true,
    includeClusterAuthorizedOperations: true,
  })
  expect(told.topics[0]?.topicAuthorizedOperations).toBe(3576)
  expect(told.clusterAuthorizedOperations).toBe(8096)
})
