/** The admin client, against a whole cluster; what a cluster does rarely, against brokers that only speak the protocol. */
import { expect, test } from 'vitest'
import { startAdmin } from '../../../actors/client/admin.ts'
import type { KafkaError } from '../../../actors/client/kafka-error.ts'
import { startCluster } from '../../../actors/memory.ts'
import { errors } from '../../../src/error.ts'
import { CreateTopics, DescribeCluster, Metadata } from '../../../src/protocol/index.ts'
import { answerOf, clientWorld } from './client-world.ts'
import { FakeCluster } from './fake-cluster.ts'

test('topics are made, described, listed and deleted', async () => {
  await using cluster = await startCluster()
  const admin = cluster.admin()
  const created = await admin.createTopics([
    { name: 'orders', numPartitions: 4, replicationFactor: 2, configs: { 'retention.ms': '5000' } },
    {
      name: 'placed',
      assignments: [
        [2, 3],
        [3, 1],
      ],
    },
    { name: 'not/legal', numPartitions: 1 },
  ])
  expect(created.map(({ name, error }) => [name, error?.name ?? null])).toEqual([
    ['orders', null],
    ['placed', null],
    ['not/legal', 'INVALID_TOPIC_EXCEPTION'],
  ])
  const [orders] = await admin.describeTopics(['orders'])
  expect(orders?.partitions.map(({ partition, replicas }) => [partition, replicas.length])).toEqual(
    [0, 1, 2, 3].map(partition => [partition, 2]),
  )
  expect(await admin.listTopics()).toEqual(['orders', 'placed'])
  const [config] = await admin.describeConfigs([
    { type: 'topic', name: 'orders', keys: ['retention.ms'] },
  ])
  expect(config?.entries).toMatchObject([{ name: 'retention.ms', value: '5000', isDefault: false }])
  expect((await admin.createTopics([{ name: 'orders' }]))[0]?.error?.name).toBe(
    'TOPIC_ALREADY_EXISTS',
  )
  expect(await admin.deleteTopics(['orders', 'nothing'])).toMatchObject([
    { name: 'orders', error: null },
    { name: 'nothing', error: { name: 'UNKNOWN_TOPIC_OR_PARTITION' } },
  ])
})

test('the cluster describes itself', async () => {
  await using cluster = await startCluster()
  const described = await cluster.admin().describeCluster()
  expect(described.brokers.map(({ id }) => id)).toEqual([1, 2, 3])
  expect(described.controllerId).toBeGreaterThan(0)
  expect(described.clusterId).toHaveLength(22)
})

test('offsets are listed in the order they were asked for, also one partition at several places', async () => {
  await using cluster = await startCluster({
    topics: [{ name: 'orders', partitions: 2, replicationFactor: 3 }],
  })
  const producer = cluster.producer('p')
  for (const timestamp of [1000, 2000, 3000])
    await producer.send({ topic: 'orders', partition: 1, value: 'v', timestamp })
  const offsets = await cluster.admin().listOffsets([
    { topic: 'orders', partition: 1, at: 'latest' },
    { topic: 'orders', partition: 0, at: 'latest' },
    { topic: 'orders', partition: 1, at: 'earliest' },
    { topic: 'orders', partition: 1, at: 1500 },
    { topic: 'orders', partition: 1, at: 9000 },
  ])
  expect(offsets.map(({ offset }) => offset)).toEqual([3, 0, 0, 1, -1])
  expect(offsets[3]?.timestamp).toBe(2000)
})

test('groups are listed, described, moved while empty, and deleted', async () => {
  await using cluster = await startCluster({
    topics: [{ name: 'orders', partitions: 2, replicationFactor: 3 }],
  })
  const admin = cluster.admin()
  const consumer = cluster.consumer('c', { groupId: 'billing', topics: ['orders'] })
  await cluster.group('billing').stable({ members: 1 })
  expect(await admin.listGroups()).toMatchObject([
    { groupId: 'billing', protocolType: 'consumer', state: 'Stable' },
  ])
  const [group] = await admin.describeGroups(['billing'])
  expect(group).toMatchObject({ state: 'Stable', protocolName: 'range', error: null })
  expect(group?.members[0]).toMatchObject({ clientId: 'c', topics: ['orders'] })
  expect(group?.members[0]?.assignment).toHaveLength(2)
  const offset = { topic: 'orders', partition: 0, offset: 7 }
  expect((await admin.alterGroupOffsets('billing', [offset]))[0]?.error?.name).toBe(
    'UNKNOWN_MEMBER_ID',
  )
  expect((await admin.deleteGroups(['billing']))[0]?.error?.name).toBe('NON_EMPTY_GROUP')
  await consumer.close()
  expect(await admin.alterGroupOffsets('billing', [offset])).toMatchObject([{ error: null }])
  // Where it stood in the other one it committed when it left, though it had read nothing.
  const other = { topic: 'orders', partition: 1, offset: 0 }
  expect(await admin.listGroupOffsets('billing')).toMatchObject([offset, other])
  const asked = [{ topic: 'orders', partition: 5 }]
  expect(await admin.listGroupOffsets('billing', asked)).toMatchObject([{ offset: -1 }])
  expect(await admin.deleteGroups(['billing', 'nobody'])).toMatchObject([
    { groupId: 'billing', error: null },
    { groupId: 'nobody', error: { name: 'GROUP_ID_NOT_FOUND' } },
  ])
})

test('replicas are moved, and stopped on their way', async () => {
  await using cluster = await startCluster({ brokers: 4 })
  const admin = cluster.admin()
  await admin.createTopics([
    {
      name: 'orders',
      assignments: [
        [1, 2],
        [2, 3],
      ],
    },
  ])
  const at = { topic: 'orders', partition: 0 }
  cluster.broker(4).pause()
  expect(
    await admin.alterPartitionReassignments([
      { ...at, replicas: [2, 4] },
      { topic: 'orders', partition: 1, replicas: [9] },
    ]),
  ).toMatchObject([
    { ...at, error: null },
    { topic: 'orders', partition: 1, error: { name: 'INVALID_REPLICA_ASSIGNMENT' } },
  ])
  const moving = { ...at, replicas: [2, 4, 1], addingReplicas: [4], removingReplicas: [1] }
  expect(await admin.listPartitionReassignments()).toEqual([moving])
  expect(await admin.listPartitionReassignments([at])).toEqual([moving])
  expect(await admin.listPartitionReassignments([{ topic: 'orders', partition: 1 }])).toEqual([])
  expect(await admin.alterPartitionReassignments([{ ...at, replicas: null }])).toMatchObject([
    { error: null },
  ])
  expect(await admin.listPartitionReassignments()).toEqual([])
  cluster.broker(4).resume()
})

test('a controller that is one no more is asked for once, and the next one found', async () => {
  const cluster = new FakeCluster()
  const { world } = clientWorld(cluster.platform)
  const admin = startAdmin(world, { bootstrapServers: cluster.bootstrapServers })
  cluster.on(CreateTopics, ({ body, brokerId }) => ({
    topics: body.topics.map(({ name }) => ({
      name,
      errorCode: brokerId === 2 ? errors.NONE : errors.NOT_CONTROLLER,
      errorMessage: null,
    })),
  }))
  cluster.platform.clock.setTimeout(() => {
    cluster.on(Metadata, () => ({
      brokers: [1, 2, 3].map(nodeId => ({ nodeId, host: 'kafka', port: 9090 + nodeId })),
      controllerId: 2,
      topics: [],
    }))
  }, 300)
  const [created] = await answerOf(cluster.platform, admin.createTopics([{ name: 'orders' }]))
  expect(created?.error).toBe(null)
  expect(new Set(cluster.askedOf(CreateTopics).map(({ brokerId }) => brokerId))).toEqual(
    new Set([1, 2]),
  )
})

test('what cannot be had in time fails with the last reason', async () => {
  const cluster = new FakeCluster()
  const { world } = clientWorld(cluster.platform)
  const admin = startAdmin(world, {
    bootstrapServers: cluster.bootstrapServers,
    defaultApiTimeoutMs: 3000,
  })
  for (const id of [1, 2, 3]) cluster.kill(id)
  const error = await answerOf(cluster.platform, admin.describeCluster()).catch(
    (caught: KafkaError) => caught,
  )
  expect(error).toMatchObject({ name: 'NETWORK_EXCEPTION', retriable: true })
})

test('a broker without DescribeCluster is asked for its metadata', async () => {
  const cluster = new FakeCluster()
  cluster.maxVersions.set('DescribeCluster', -1)
  const { world } = clientWorld(cluster.platform)
  const admin = startAdmin(world, { bootstrapServers: cluster.bootstrapServers })
  const described = await answerOf(cluster.platform, admin.describeCluster())
  expect(described).toMatchObject({ clusterId: 'fake', controllerId: 1 })
  expect(cluster.askedOf(DescribeCluster)).toEqual([])
})
