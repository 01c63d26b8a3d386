/** Samsa's own clients as actors: clients of the protocol, so of any cluster. */
import { Partitioners, type PartitionMetadata } from 'kafkajs'
import { afterAll, expect, test } from 'vitest'
import { createActor } from 'xstate'
import {
  type ConsumerActorEvent,
  type ConsumerConfig,
  connectAdmin,
  consumer,
  type ProducerActorEvent,
  type ProducerConfig,
  producer,
  records$,
} from '../../actors/index.ts'
import { nodePlatform } from '../../actors/node.ts'
import { eventually } from '../interop/eventually.ts'
import { clusterUnderTest, unique } from './cluster-under-test.ts'

const cluster = clusterUnderTest()
const platform = nodePlatform()
const running = new Set<{ stop(): unknown }>()
afterAll(() => {
  for (const actor of running) actor.stop()
})

/** A consumer as an actor, which takes note of everything and acknowledges what it is given. */
function member(topic: string, options: Partial<ConsumerConfig> = {}) {
  const actor = createActor(consumer(platform), {
    input: {
      bootstrapServers: cluster.bootstrap,
      topics: [topic],
      autoOffsetReset: 'earliest',
      sessionTimeoutMs: 10_000,
      heartbeatIntervalMs: 200,
      rebalanceTimeoutMs: 10_000,
      fetchMaxWaitMs: 100,
      autoCommitIntervalMs: 200,
      metadataMaxAgeMs: 1000,
      ...options,
    },
  })
  const events: ConsumerActorEvent[] = []
  const values: string[] = []
  let assignment: readonly string[] = []
  actor.on('*', event => {
    events.push(event)
    if (event.type === 'consumer.assigned')
      assignment = event.assignment.map(one => `${one.partition}`).sort()
    if (event.type === 'consumer.records') {
      values.push(...event.records.map(({ value }) => new TextDecoder().decode(value ?? undefined)))
      actor.send({ type: 'acknowledge', batch: event.batch })
    }
  })
  actor.start()
  running.add(actor)
  return {
    actor,
    events,
    values,
    get assignment() {
      return assignment
    },
    types: () => events.map(({ type }) => type),
  }
}

/** A producer as an actor; `send` resolves when all are answered. */
function writer(options: Partial<ProducerConfig> = {}) {
  const actor = createActor(producer(platform), {
    input: { bootstrapServers: cluster.bootstrap, ...options },
  })
  const events: ProducerActorEvent[] = []
  actor.on('*', event => events.push(event))
  actor.start()
  running.add(actor)
  const send = async (topic: string, values: readonly string[], partition?: number) => {
    const from = events.length
    for (const value of values)
      actor.send({
        type: 'send',
        id: value,
        record: { topic, key: value, value, ...(partition === undefined ? {} : { partition }) },
      })
    const answers = () =>
      events
        .slice(from)
        .filter(({ type }) => type === 'producer.sent' || type === 'producer.refused')
    await eventually(
      () => answers().length >= values.length,
      () => JSON.stringify(events.slice(from)),
    )
    return answers()
  }
  return { actor, events, send }
}
const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => String(from + i))
const sorted = (values: readonly string[]): string[] =>
  [...values].sort((a, b) => Number(a) - Number(b))

test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)(
  'codec %s, written and read',
  async compressionType => {
    const topic = await cluster.createTopic('orders')
    const values = numbers(0, 200)
    const { send, actor } = writer({ compressionType, lingerMs: 20 })
    const answers = await send(topic, values)
    expect(answers.map(answer => answer.type === 'producer.sent' && answer.offset)).toEqual(
      values.map(Number),
    )
    actor.stop()
    const reader = member(topic)
    await eventually(() => reader.values.length >= values.length)
    expect(reader.values).toEqual(values)
    reader.actor.stop()
  },
)

test('partitions by the key, as Java chooses them, by a partitioner, or by hand', async () => {
  const topic = await cluster.createTopic('orders', [[1], [2], [3], [1]])
  const where = async (options: Partial<ProducerConfig>, partition?: number) => {
    const { send, actor } = writer(options)
    const answers = await send(topic, ['a', 'b', 'c'], partition)
    actor.stop()
    // Partitions answer in an order of their own.
    return ['a', 'b', 'c'].map(id => {
      const answer = answers.find(one => one.type === 'producer.sent' && one.id === id)
      return answer?.type === 'producer.sent' ? answer.partition : undefined
    })
  }
  // kafkajs has Java's choice too.
  const partitionMetadata = [0, 1, 2, 3].map(partitionId => ({ partitionId, leader: 1 }))
  const javas = ['a', 'b', 'c'].map(key =>
    Partitioners.DefaultPartitioner()({
      topic,
      partitionMetadata: partitionMetadata as PartitionMetadata[],
      message: { key, value: key },
    }),
  )
  expect(await where({})).toEqual(javas)
  expect(await where({ partitioner: ({ partitions }) => partitions - 1 })).toEqual([3, 3, 3])
  expect(await where({}, 2)).toEqual([2, 2, 2])
})

test.each(['range', 'roundrobin', 'sticky', 'cooperative-sticky'] as const)(
  'a group by %s: members come, and go in good order',
  async assignor => {
    const topic = await cluster.createTopic('orders', [[1], [2], [3], [1], [2], [3]])
    const groupId = unique('group')
    const options = { groupId, partitionAssignmentStrategy: [assignor], sessionTimeoutMs: 2000 }
    const members = [member(topic, options), member(topic, options), member(topic, options)]
    const share = (of: readonly (typeof members)[number][], each: number): Promise<void> =>
      eventually(
        () =>
          of.every(({ assignment }) => assignment.length === each) &&
          sorted(of.flatMap(({ assignment }) => assignment)).join() === '0,1,2,3,4,5',
        () => JSON.stringify(of.map(({ assignment }) => assignment)),
      )
    await share(members, 2)
    const { send, actor } = writer()
    await send(topic, numbers(0, 60))
    const [first, ...rest] = members
    await eventually(() => sorted(members.flatMap(({ values }) => values)).length >= 60)
    first?.actor.stop()
    await share(rest, 3)
    await send(topic, numbers(60, 120))
    await eventually(() => new Set(members.flatMap(({ values }) => values)).size === 120)
    // Nothing was read twice: who went had committed.
    expect(members.flatMap(({ values }) => values)).toHaveLength(120)
    for (const one of rest) one.actor.stop()
    actor.stop()
  },
)

test('a group goes over to the cooperative protocol member by member', async () => {
  const topic = await cluster.createTopic('orders', [[1], [2], [3], [1]])
  const groupId = unique('group')
  const { send, actor } = writer()
  const all: ReturnType<typeof member>[] = []
  const start = (...partitionAssignmentStrategy: ('range' | 'cooperative-sticky')[]) => {
    const started = member(topic, { groupId, partitionAssignmentStrategy })
    all.push(started)
    return started
  }
  const shared = (...members: ReturnType<typeof member>[]): Promise<void> =>
    eventually(() => members.every(({ assignment }) => assignment.length === 2))
  const admin = connectAdmin(platform, { bootstrapServers: cluster.bootstrap })
  const protocol = async () => (await admin.describeGroups([groupId]))[0]?.protocolName
  let [a, b] = [start('range'), start('range')]
  await shared(a, b)
  await send(topic, numbers(0, 20))
  await eventually(() => new Set(all.flatMap(({ values }) => values)).size === 20)
  // First all know both, then none the old one (KIP-429).
  for (const strategy of [['cooperative-sticky', 'range'], ['cooperative-sticky']] as const) {
    a.actor.stop()
    a = start(...strategy)
    await shared(a, b)
    b.actor.stop()
    b = start(...strategy)
    await shared(a, b)
  }
  await eventually(() => all.every(({ types }) => !types().includes('consumer.error')))
  expect(await protocol()).toBe('cooperative-sticky')
  await send(topic, numbers(20, 40))
  await eventually(() => new Set(all.flatMap(({ values }) => values)).size === 40)
  for (const one of [a, b]) one.actor.stop()
  actor.stop()
  admin.close()
})

test('a static member that is started again has its partitions, its group no rebalance', async () => {
  const topic = await cluster.createTopic('orders', [[1], [2]])
  const groupId = unique('group')
  const as = (groupInstanceId: string) => member(topic, { groupId, groupInstanceId })
  const [a, b] = [as('a'), as('b')]
  await eventually(() => a.assignment.length === 1 && b.assignment.length === 1)
  const generation = () =>
    b.events.findLast(event => event.type === 'consumer.assigned')?.generationId
  const before = generation()
  const had = a.assignment
  a.actor.stop()
  const again = as('a')
  await eventually(() => again.assignment.length === 1)
  expect(again.assignment).toEqual(had)
  const fenced = as('b')
  await eventually(() => b.types().includes('consumer.fenced'))
  expect(b.types()).toContain('consumer.error')
  await eventually(() => fenced.assignment.length === 1)
  expect(fenced.events.findLast(event => event.type === 'consumer.assigned')?.generationId).toBe(
    before,
  )
  again.actor.stop()
  fenced.actor.stop()
})

test('it seeks, pauses, resumes and commits; without a policy it says that it knows no offset', async () => {
  const topic = await cluster.createTopic('orders')
  const { send, actor } = writer()
  await send(topic, numbers(0, 10))
  const groupId = unique('group')
  const options = { groupId, enableAutoCommit: false, autoOffsetReset: 'none' as const }
  const { actor: reader, events, values, types } = member(topic, options)
  await eventually(() => types().includes('consumer.error'))
  expect(events.find(event => event.type === 'consumer.error')).toMatchObject({
    fatal: false,
    error: { name: 'NO_OFFSET_FOR_PARTITION' },
  })
  const partition = { topic, partition: 0 }
  reader.send({ type: 'seek', partition, offset: 4 })
  await eventually(() => values.length === 6)
  reader.send({ type: 'pause', partitions: [partition] })
  await send(topic, numbers(10, 12))
  reader.send({ type: 'commit' })
  await eventually(() => types().includes('consumer.committed'))
  expect(events.find(event => event.type === 'consumer.committed')).toMatchObject({
    offsets: [{ ...partition, offset: 10 }],
  })
  expect(values).toEqual(numbers(4, 10))
  reader.send({ type: 'resume', partitions: [partition] })
  await eventually(() => values.length === 8)
  expect(values).toEqual(numbers(4, 12))
  reader.stop()
  actor.stop()
})

test('records as an Observable', async () => {
  const topic = await cluster.createTopic('orders')
  const { send, actor } = writer()
  await send(topic, numbers(0, 5))
  const values: string[] = []
  const reading = records$(platform, {
    bootstrapServers: cluster.bootstrap,
    groupId: unique('group'),
    topics: [topic],
    autoOffsetReset: 'earliest',
  }).subscribe(batch => {
    for (const { value } of batch.records) values.push(new TextDecoder().decode(value ?? undefined))
    batch.ack()
  })
  await eventually(() => values.length === 5)
  expect(values).toEqual(numbers(0, 5))
  reading.unsubscribe()
  actor.stop()
})

test('the admin', async () => {
  const admin = connectAdmin(platform, { bootstrapServers: cluster.bootstrap })
  const name = unique('admin')
  expect(
    await admin.createTopics([{ name, numPartitions: 1, replicationFactor: 3 }]),
  ).toMatchObject([{ name, error: null, numPartitions: 1, replicationFactor: 3 }])
  const { brokers, controllerId } = await admin.describeCluster()
  expect(brokers.map(({ id }) => id).sort()).toEqual([1, 2, 3])
  expect([1, 2, 3]).toContain(controllerId)
  expect(await admin.createPartitions([{ name, totalCount: 2 }])).toEqual([{ name, error: null }])
  const at = { topic: name, partition: 0 }
  const { send, actor } = writer()
  await send(name, numbers(0, 5), 0)
  actor.stop()
  const changes = [{ name: 'retention.ms', value: '123456' }]
  expect(await admin.alterConfigs([{ type: 'topic', name, changes }])).toEqual([
    { type: 'topic', name, error: null },
  ])
  const [described] = await admin.describeConfigs([{ type: 'topic', name, keys: ['retention.ms'] }])
  expect(described?.entries[0]?.value).toBe('123456')
  expect(await admin.deleteRecords([{ ...at, before: 2 }])).toEqual([
    { ...at, lowWatermark: 2, error: null },
  ])
  const ends = await admin.listOffsets([
    { ...at, at: 'earliest' },
    { ...at, at: 'latest' },
  ])
  expect(ends.map(({ offset }) => offset)).toEqual([2, 5])
  expect((await admin.describeProducers([at]))[0]?.producers).toHaveLength(1)
  expect(await admin.electLeaders('preferred', [at])).toMatchObject([
    { error: { name: 'ELECTION_NOT_NEEDED' } },
  ])
  const dirs = await admin.describeLogDirs()
  expect(dirs.flatMap(({ replicas }) => replicas).filter(one => one.topic === name)).toHaveLength(6)
  expect(await admin.listPartitionReassignments([at])).toEqual([])
  const groupId = unique('group')
  await admin.alterGroupOffsets(groupId, [{ ...at, offset: 3 }])
  expect(await admin.listGroupOffsets(groupId, [at])).toMatchObject([{ ...at, offset: 3 }])
  expect(await admin.deleteGroupOffsets(groupId, [at])).toEqual([{ ...at, error: null }])
  expect(await admin.removeGroupMembers(groupId, [{ memberId: 'nobody' }])).toMatchObject([
    { memberId: 'nobody', error: { name: 'UNKNOWN_MEMBER_ID' } },
  ])
  expect(await admin.deleteTopics([name])).toEqual([{ name, error: null }])
  await eventuallyGone(admin, name)
  admin.close()
})

async function eventuallyGone(admin: ReturnType<typeof connectAdmin>, name: string): Promise<void> {
  for (const byMs = performance.now() + 20_000; (await admin.listTopics()).includes(name); )
    if (performance.now() > byMs) throw new Error(`${name} is listed still`)
}
