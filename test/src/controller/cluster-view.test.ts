import { expect, test } from 'vitest'
import * as views from '../../../src/controller/cluster-view.ts'
import { partitionMayBecome, partitionStateOf } from '../../../src/controller/partition-states.ts'
import { type ReplicaState, replicaMayBecome } from '../../../src/controller/replica-states.ts'
import { broker, cluster, leadership, row } from './view.ts'

test('brokers that appeared, died, bounced or moved are told apart by id, epoch and endpoints', () => {
  const view = cluster([1, 2, 3, 4], {})
  const moved = { ...broker(4), rack: 'r1' }
  expect(views.compareBrokers(view, [broker(5), broker(1), broker(3, 999), moved])).toEqual({
    appeared: [broker(5)],
    bounced: [broker(3, 999)],
    died: [2],
    moved: [moved],
  })
  expect(
    views.compareBrokers(
      view,
      [4, 3, 2, 1].map(id => broker(id)),
    ),
  ).toEqual({
    appeared: [],
    bounced: [],
    died: [],
    moved: [],
  })
})

test('a change shares all it did not touch', () => {
  const view = cluster([1], { a: [row([1], null), row([1], null)], b: [row([1], null)] })
  const next = views.withLeaderships(view, [
    { topic: 'a', partition: 1, leadership: leadership(1, [1]) },
    { topic: 'unknown', partition: 0, leadership: leadership(1, [1]) },
  ])
  expect(views.partitionRow(next, { topic: 'a', partition: 1 })?.leadership?.leader).toBe(1)
  expect(views.partitionRow(next, { topic: 'a', partition: 0 })).toBe(
    views.partitionRow(view, { topic: 'a', partition: 0 }),
  )
  expect(next.topics.b).toBe(view.topics.b)
  expect(views.topicRow(next, 'unknown')).toBeUndefined()
})

test("topics may be called like an object's own things", () => {
  const names = ['constructor', '__proto__', 'toString']
  const empty = cluster([], {})
  for (const name of names) expect(views.topicRow(empty, name)).toBeUndefined()
  const view = views.withTopics(
    empty,
    names.map(name => [name, { topicId: `${name}-id`, partitions: { 0: row([1], null) } }]),
  )
  for (const name of names) {
    expect(views.topicNameOf(view, `${name}-id`)).toBe(name)
    const led = views.withLeaderships(view, [
      { topic: name, partition: 0, leadership: leadership(7, [7]) },
    ])
    expect(views.partitionRow(led, { topic: name, partition: 0 })?.leadership?.leader).toBe(7)
    expect(views.topicRow(views.withoutTopics(led, [name]), name)).toBeUndefined()
  }
})

test('a topic created again under its name is known by its new id alone', () => {
  const view = views.withTopics(cluster([], { a: [] }), [['a', { topicId: 'new', partitions: {} }]])
  expect(views.topicNameOf(view, 'new')).toBe('a')
  expect(views.topicNameOf(view, 'a-id')).toBeUndefined()
})

test('a topic being deleted has no lasting partitions, and is forgotten whole', () => {
  const view = views.withDeleting(cluster([1], { a: [row([1], null)], b: [row([1], null)] }), ['a'])
  expect([...views.lastingPartitions(view)].map(known => known.topic)).toEqual(['b'])
  expect([...views.allPartitions(view)]).toHaveLength(2)
  const gone = views.withoutTopics(view, ['a'])
  expect([gone.deleting, Object.keys(gone.topics), gone.topicNames]).toEqual([
    [],
    ['b'],
    { 'b-id': 'b' },
  ])
})

test('a replica is online while its broker is up and its disk works', () => {
  const orders = { topic: 'orders', partition: 0 }
  const known = { ...orders, row: row([1, 2, 3], null) }
  let view = cluster([1, 2], { orders: [known.row] })
  expect(views.onlineReplicas(view, known)).toEqual([1, 2])
  view = views.withShuttingDown(view, 2)
  expect(views.onlineReplicas(view, known)).toEqual([1])
  expect(views.onlineReplicas(view, known, 'registered')).toEqual([1, 2])
  view = views.withFailedReplicas(view, 1, ['orders-0'])
  expect(views.onlineReplicas(view, known)).toEqual([])
  expect(views.isReplicaOnline(view, { topic: 'orders', partition: 1 }, 1)).toBe(true)
})

test('a broker that starts or dies has its directories back and is not shutting down any more', () => {
  const view = views.withFailedReplicas(views.withShuttingDown(cluster([1, 2], {}), 1), 1, ['a-0'])
  expect(views.withBrokers(view, [broker(1, 999)]).failedReplicas).toEqual({})
  const gone = views.withoutBrokers(view, [1])
  expect([views.brokerIds(gone), gone.shuttingDown, gone.failedReplicas]).toEqual([[2], [], {}])
})

test("a partition's state follows from its leader", () => {
  const view = views.withShuttingDown(cluster([1, 2], {}), 2)
  const state = (led: views.Leadership | null) =>
    partitionStateOf(view, { topic: 'a', partition: 0, row: row([1, 2, 3], led) })
  expect(state(null)).toBe('new')
  expect(state(leadership(1, [1]))).toBe('online')
  expect(state(leadership(2, [2]))).toBe('offline')
  expect(state(leadership(3, [3]))).toBe('offline')
  expect(state(leadership(-1, [3]))).toBe('offline')
})

test('partitions go from state to state as in Kafka, and no other way', () => {
  const states = ['new', 'online', 'offline', 'nonExistent'] as const
  const legal = states.flatMap(from =>
    states.filter(to => partitionMayBecome(from, to)).map(to => `${from} > ${to}`),
  )
  expect(legal).toEqual([
    'new > online',
    'new > offline',
    'online > online',
    'online > offline',
    'offline > online',
    'offline > offline',
    'offline > nonExistent',
    'nonExistent > new',
  ])
})

test('replicas go from state to state as in Kafka, and no other way', () => {
  const states: ReplicaState[] = [
    'new',
    'online',
    'offline',
    'deletionStarted',
    'deletionSuccessful',
    'deletionIneligible',
    'nonExistent',
  ]
  const legal = states.map(from => [from, ...states.filter(to => replicaMayBecome(from, to))])
  expect(legal).toEqual([
    ['new', 'online', 'offline'],
    ['online', 'online', 'offline'],
    ['offline', 'online', 'offline', 'deletionStarted', 'deletionIneligible'],
    ['deletionStarted', 'deletionSuccessful', 'deletionIneligible'],
    ['deletionSuccessful', 'nonExistent'],
    ['deletionIneligible', 'online', 'offline'],
    ['nonExistent', 'new'],
  ])
})
