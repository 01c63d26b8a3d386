import { expect, test } from 'vitest'
import { createTopic } from '../../../actors/broker/topic-admin.ts'
import { errors } from '../../../src/error.ts'
import { noUuid } from '../../../src/ids.ts'
import { CreateTopics, DeleteTopics, type RequestDraftOf } from '../../../src/protocol/index.ts'
import { WholeCluster } from './whole-cluster.ts'

type NewTopic = RequestDraftOf<typeof CreateTopics>['topics'][number]

const topic = (name: string, more: Partial<NewTopic> = {}): NewTopic => ({
  name,
  numPartitions: 2,
  replicationFactor: 2,
  assignments: [],
  configs: [],
  ...more,
})
const create = async (
  it: WholeCluster,
  topics: readonly NewTopic[],
  more: { version?: number; validateOnly?: boolean; timeoutMs?: number; at?: number } = {},
) => {
  const { version, at = it.controllerId, ...options } = more
  return (await it.ask(at, CreateTopics, { topics, ...options }, version)).topics
}
const remove = async (it: WholeCluster, names: readonly string[], timeoutMs = 10_000) =>
  (
    await it.ask(it.controllerId, DeleteTopics, {
      topics: names.map(name => ({ name, topicId: noUuid })),
      timeoutMs,
    })
  ).responses
const knows = (it: WholeCluster, name: string) =>
  it.cluster.brokers
    .filter(({ state }) => state === 'running')
    .map(({ id }) => it.world(id).metadata.topic(name) !== undefined)

test('a topic is created when its partitions have leaders, and answered with its id and configs', async () => {
  await using it = await WholeCluster.start()
  const [created] = await create(it, [
    topic('orders', { configs: [{ name: 'cleanup.policy', value: 'compact' }] }),
  ])
  expect(created).toMatchObject({
    name: 'orders',
    errorCode: 0,
    errorMessage: null,
    numPartitions: 2,
    replicationFactor: 2,
  })
  expect(created?.topicId).toHaveLength(22)
  expect(created?.configs).toContainEqual({
    name: 'cleanup.policy',
    value: 'compact',
    readOnly: false,
    configSource: 1,
    isSensitive: false,
  })
  expect(it.world(it.controllerId).metadata.partition('orders', 1)?.leader).toBeGreaterThan(0)
  expect(await it.znode('/brokers/topics/orders')).toMatchObject({
    version: 3,
    topic_id: created?.topicId,
    adding_replicas: {},
    removing_replicas: {},
  })
  expect(await it.znode('/config/topics/orders')).toEqual({
    version: 1,
    config: { 'cleanup.policy': 'compact' },
  })
})

test('-1 stands for the defaults of the broker', async () => {
  await using it = await WholeCluster.start({ overrides: { 'num.partitions': 4 } })
  const [created] = await create(it, [
    topic('orders', { numPartitions: -1, replicationFactor: -1 }),
  ])
  expect(created).toMatchObject({ errorCode: 0, numPartitions: 4, replicationFactor: 3 })
})

test('replicas by hand are taken as they are', async () => {
  await using it = await WholeCluster.start()
  const assignments = [
    { partitionIndex: 0, brokerIds: [3, 1] },
    { partitionIndex: 1, brokerIds: [2, 3] },
  ]
  const [created] = await create(it, [
    topic('orders', { numPartitions: -1, replicationFactor: -1, assignments }),
  ])
  expect(created).toMatchObject({ errorCode: 0, numPartitions: 2, replicationFactor: 2 })
  expect(it.cluster.state().partitions.map(({ replicas }) => replicas)).toEqual([
    [3, 1],
    [2, 3],
  ])
})

test('each topic of a request has its own outcome', async () => {
  await using it = await WholeCluster.start({ topics: [{ name: 'there', partitions: 1 }] })
  const answers = await create(it, [
    topic('there'),
    topic('good'),
    topic('no good'),
    topic('twice'),
    topic('twice'),
    topic('many', { replicationFactor: 4 }),
    topic('none', { numPartitions: 0 }),
    topic('odd', { configs: [{ name: 'retention.ms', value: 'soon' }] }),
    topic('__cluster_metadata'),
  ])
  expect(answers.map(({ name, errorCode }) => [name, errorCode])).toEqual([
    ['there', errors.TOPIC_ALREADY_EXISTS],
    ['good', errors.NONE],
    ['no good', errors.INVALID_TOPIC_EXCEPTION],
    ['twice', errors.INVALID_REQUEST],
    ['twice', errors.INVALID_REQUEST],
    ['many', errors.INVALID_REPLICATION_FACTOR],
    ['none', errors.INVALID_PARTITIONS],
    ['odd', errors.INVALID_CONFIG],
    ['__cluster_metadata', errors.TOPIC_AUTHORIZATION_FAILED],
  ])
  for (const { errorCode, errorMessage } of answers)
    expect(errorMessage === null).toBe(errorCode === 0)
})

test('with validateOnly nothing is created', async () => {
  await using it = await WholeCluster.start()
  const [valid, invalid] = await create(it, [topic('orders'), topic('a b')], {
    validateOnly: true,
  })
  expect(valid).toMatchObject({ errorCode: 0, numPartitions: 2, topicId: noUuid })
  expect(invalid?.errorCode).toBe(errors.INVALID_TOPIC_EXCEPTION)
  expect(await it.znode('/brokers/topics/orders')).toBeUndefined()
})

test('another broker than the controller refuses', async () => {
  await using it = await WholeCluster.start()
  const at = it.bystander
  expect(await create(it, [topic('orders')], { at })).toMatchObject([
    { errorCode: errors.NOT_CONTROLLER },
  ])
  expect(
    await it.ask(at, DeleteTopics, { topicNames: ['orders'], timeoutMs: 1000 }, 3),
  ).toMatchObject({ responses: [{ name: 'orders', errorCode: errors.NOT_CONTROLLER }] })
})

test('who does not wait hears that time is over, and the topic comes to be all the same', async () => {
  await using it = await WholeCluster.start()
  expect(await create(it, [topic('orders')], { timeoutMs: 0 })).toMatchObject([
    { errorCode: errors.REQUEST_TIMED_OUT },
  ])
  await it.cluster.partition('orders', 0).until(({ leader }) => leader > 0)
})

test('every version of CreateTopics is answered', async () => {
  await using it = await WholeCluster.start()
  for (let version = 0; version <= 7; version++)
    expect(await create(it, [topic(`orders-${version}`)], { version })).toMatchObject([
      { name: `orders-${version}`, errorCode: 0 },
    ])
})

test('of two who create the same topic at once one succeeds', async () => {
  await using it = await WholeCluster.start()
  const outcomes = await Promise.all([
    create(it, [topic('orders')]),
    create(it, [topic('orders')]),
    it.answer(
      createTopic(it.world(it.bystander), {
        name: 'orders',
        partitions: 1,
        replicationFactor: 1,
        configs: {},
      }),
    ),
  ])
  const codes = outcomes.flatMap(it => (typeof it === 'number' ? it : it.map(x => x.errorCode)))
  expect(codes.sort()).toEqual([0, errors.TOPIC_ALREADY_EXISTS, errors.TOPIC_ALREADY_EXISTS])
})

test('any broker may create a topic by itself', async () => {
  await using it = await WholeCluster.start()
  const code = await it.answer(
    createTopic(it.world(it.bystander), {
      name: 'orders',
      partitions: -1,
      replicationFactor: -1,
      configs: { 'cleanup.policy': 'compact' },
    }),
  )
  expect(code).toBe(0)
  await it.cluster.partition('orders', 0).until(({ leader }) => leader > 0)
})

test('a deleted topic is gone everywhere: metadata, replicas, znodes', async () => {
  await using it = await WholeCluster.start({
    topics: [{ name: 'orders', partitions: 3, replicationFactor: 3 }],
  })
  expect(await remove(it, ['orders', 'unheard-of'])).toMatchObject([
    { name: 'orders', errorCode: 0, errorMessage: null },
    { name: 'unheard-of', errorCode: errors.UNKNOWN_TOPIC_OR_PARTITION },
  ])
  await it.until(() => !knows(it, 'orders').includes(true), 'no broker knows it')
  await it.until(
    () =>
      !it.cluster.registry.roots.has(`broker-${it.controllerId}/controller/topic-deletion/orders`),
    'the deletion done',
  )
  for (const { id } of it.cluster.brokers)
    expect(it.world(id).partitions.get('orders', 0)).toBeUndefined()
  for (const path of [
    '/brokers/topics/orders',
    '/config/topics/orders',
    '/admin/delete_topics/orders',
  ])
    expect(await it.znode(path)).toBeUndefined()
})

test('a topic may be created again under its name, with another id and no old records', async () => {
  await using it = await WholeCluster.start()
  const [first] = await create(it, [topic('orders')])
  await remove(it, ['orders'])
  await it.until(() => !knows(it, 'orders').includes(true), 'no broker knows it')
  let again = await create(it, [topic('orders')])
  while (again[0]?.errorCode === errors.TOPIC_ALREADY_EXISTS)
    again = await create(it, [topic('orders')])
  expect(again[0]?.errorCode).toBe(0)
  expect(again[0]?.topicId).not.toBe(first?.topicId)
  await it.cluster.partition('orders', 0).until(({ isr }) => isr.length === 2)
})

test('topics are deleted by id too, from v6 on', async () => {
  await using it = await WholeCluster.start()
  const [created] = await create(it, [topic('orders')])
  const topicId = created?.topicId as string
  const asking = (topics: readonly { name: string | null; topicId: string }[]) =>
    it.ask(it.controllerId, DeleteTopics, { topics, timeoutMs: 10_000 })
  expect((await asking([{ name: 'orders', topicId }])).responses).toMatchObject([
    { errorCode: errors.INVALID_REQUEST },
  ])
  expect(
    (await asking([{ name: null, topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' }])).responses,
  ).toMatchObject([{ errorCode: errors.UNKNOWN_TOPIC_ID }])
  expect((await asking([{ name: null, topicId }])).responses).toMatchObject([
    { name: 'orders', topicId, errorCode: 0 },
  ])
})

test('with delete.topic.enable off no topic goes', async () => {
  await using it = await WholeCluster.start({
    topics: [{ name: 'orders', partitions: 1 }],
    overrides: { 'delete.topic.enable': false },
  })
  expect(await remove(it, ['orders'])).toMatchObject([
    { errorCode: errors.TOPIC_DELETION_DISABLED },
  ])
  const old = { topicNames: ['orders'], timeoutMs: 1000 }
  expect(await it.ask(it.controllerId, DeleteTopics, old, 2)).toMatchObject({
    responses: [{ errorCode: errors.INVALID_REQUEST }],
  })
  await it.answer(it.zookeeper.create('/admin/delete_topics/orders', null))
  let there: unknown = null
  while (there !== undefined) there = await it.znode('/admin/delete_topics/orders')
  expect(knows(it, 'orders')).toEqual([true, true, true])
})

test('the request to delete a topic that is none is dropped', async () => {
  await using it = await WholeCluster.start()
  await it.answer(it.zookeeper.create('/admin/delete_topics/unheard-of', null))
  let there: unknown = null
  while (there !== undefined) there = await it.znode('/admin/delete_topics/unheard-of')
})

test('a topic with a replica on a dead broker is gone for clients; its znodes go when the broker is back', async () => {
  await using it = await WholeCluster.start({
    topics: [{ name: 'orders', partitions: 2, replicationFactor: 3 }],
  })
  const dead = it.bystander
  it.cluster.broker(dead).kill()
  await it.cluster.partition('orders', 0).until(({ isr }) => isr.length === 2)
  expect(await remove(it, ['orders'])).toMatchObject([{ errorCode: 0 }])
  const path = `broker-${it.controllerId}/controller/topic-deletion/orders`
  await it.until(() => it.states(path).at(-1) === 'ineligible', 'the deletion halted')
  expect(await it.znode('/brokers/topics/orders')).toBeDefined()
  await it.cluster.broker(dead).restart()
  await it.until(() => it.states(path).at(-1) === 'erased', 'the deletion done')
  expect(await it.znode('/brokers/topics/orders')).toBeUndefined()
  expect(it.world(dead).partitions.get('orders', 0)).toBeUndefined()
})

test('the next controller carries on a deletion', async () => {
  await using it = await WholeCluster.start({
    topics: [{ name: 'orders', partitions: 2, replicationFactor: 3 }],
  })
  const dead = it.controllerId
  it.cluster.broker(it.bystander).pause()
  const asked = it.ask(dead, DeleteTopics, {
    topics: [{ name: 'orders', topicId: noUuid }],
    timeoutMs: 1,
  })
  expect((await asked).responses[0]?.name).toBe('orders')
  await it.until(
    () => it.states(`broker-${dead}/controller/topic-deletion/orders`).length > 0,
    'the deletion begun',
  )
  it.cluster.broker(dead).kill()
  const sleeper = it.cluster.brokers.find(({ state }) => state === 'paused')
  sleeper?.resume()
  await it.until(() => it.controllerId > 0 && it.controllerId !== dead, 'another controller')
  await it.cluster.broker(dead).restart()
  await it.until(
    () =>
      it.states(`broker-${it.controllerId}/controller/topic-deletion/orders`).at(-1) === 'erased',
    'the deletion done',
  )
  expect(await it.znode('/brokers/topics/orders')).toBeUndefined()
  expect(await it.znode('/admin/delete_topics/orders')).toBeUndefined()
})
