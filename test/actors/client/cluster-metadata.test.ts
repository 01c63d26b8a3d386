import { expect, test } from 'vitest'
import { BrokerConnections, parseBootstrap } from '../../../actors/client/broker-connections.ts'
import { clientDefaults } from '../../../actors/client/client-config.ts'
import { ClusterMetadata } from '../../../actors/client/cluster-metadata.ts'
import { errors } from '../../../src/error.ts'
import { ApiVersions, Metadata } from '../../../src/protocol/index.ts'
import { answerOf, clientWorld } from './client-world.ts'
import { FakeCluster } from './fake-cluster.ts'

const start = (cluster: FakeCluster, bootstrapServers = cluster.bootstrapServers) => {
  const { world } = clientWorld(cluster.platform)
  const config = { ...clientDefaults, clientId: 'test', bootstrapServers }
  const connections = new BrokerConnections(world, config)
  const metadata = new ClusterMetadata(world, config, connections, {
    allowAutoTopicCreation: true,
  })
  return { connections, metadata }
}

const refreshed = (cluster: FakeCluster, { metadata }: ReturnType<typeof start>) =>
  answerOf(cluster.platform, metadata.refreshed())

test('addresses are read as Kafka writes them; what is none is refused', () => {
  expect(parseBootstrap('a:1, [::1]:9092,b.c:65535')).toEqual([
    { host: 'a', port: 1 },
    { host: '::1', port: 9092 },
    { host: 'b.c', port: 65_535 },
  ])
  for (const wrong of ['', 'a', 'a:b', 'a:1,', 'a:99999'])
    expect(() => parseBootstrap(wrong)).toThrow('not host:port')
})

test('one address that answers is enough to know the cluster', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 2)
  const client = start(cluster, 'nowhere:1,kafka:9092,nowhere:2')
  client.metadata.care(['orders'])
  await refreshed(cluster, client)
  expect(client.metadata.topic('orders')?.partitions).toHaveLength(2)
  expect([...client.connections.brokerIds].sort()).toEqual([1, 2, 3])
})

test('a broker that knows only old versions of ApiVersions is asked in those', async () => {
  const cluster = new FakeCluster()
  cluster.apiVersionsMax = 1
  const client = start(cluster)
  await refreshed(cluster, client)
  expect(cluster.askedOf(ApiVersions).map(({ version }) => version)).toEqual([4, 1])
})

test('several who want newer metadata are served by one request, and it is not asked for too often', async () => {
  const cluster = new FakeCluster()
  const client = start(cluster)
  await Promise.all([1, 2, 3].map(() => refreshed(cluster, client)))
  expect(cluster.askedOf(Metadata)).toHaveLength(1)
  const beganAtMs = cluster.platform.clock.now()
  for (let i = 0; i < 10; i++) await refreshed(cluster, client)
  expect(cluster.platform.clock.now() - beganAtMs).toBeGreaterThan(10 * 80)
})

test('it is asked for again when it is old', async () => {
  const cluster = new FakeCluster()
  const client = start(cluster)
  await refreshed(cluster, client)
  await cluster.platform.stepping?.advance(clientDefaults.metadataMaxAgeMs)
  expect(cluster.askedOf(Metadata)).toHaveLength(2)
})

test('a leader epoch once seen never goes back', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1, [1])
  const client = start(cluster)
  client.metadata.care(['orders'])
  cluster.elect('orders', 0, 2)
  await refreshed(cluster, client)
  const partition = cluster.partition('orders', 0)
  Object.assign(partition, { leaderId: 1, leaderEpoch: 0 })
  await refreshed(cluster, client)
  const at = { topic: 'orders', partition: 0 }
  expect(client.metadata.partition(at)).toMatchObject({ leaderId: 2, leaderEpoch: 1 })
  expect(client.metadata.learn({ ...at, leaderId: 3, leaderEpoch: 1 })).toBe(false)
  expect(client.metadata.learn({ ...at, leaderId: 3, leaderEpoch: 2 })).toBe(true)
  expect(client.metadata.partition(at)?.leaderId).toBe(3)
})

test('a topic that was deleted and made anew begins with epoch 0 again', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1, [1])
  const client = start(cluster)
  client.metadata.care(['orders'])
  cluster.elect('orders', 0, 2)
  await refreshed(cluster, client)
  cluster.topic('orders', 1, [3])
  await refreshed(cluster, client)
  expect(client.metadata.partition({ topic: 'orders', partition: 0 })).toMatchObject({
    leaderId: 3,
    leaderEpoch: 0,
  })
})

test('a broker that knows no topics yet does not make the client forget them', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1, [1])
  const client = start(cluster)
  client.metadata.care(['orders'])
  await refreshed(cluster, client)
  cluster.next(Metadata, ({ body }) => ({
    brokers: [{ nodeId: 1, host: 'kafka', port: 9091 }],
    topics: (body.topics ?? []).map(({ name }) => ({
      errorCode: errors.UNKNOWN_TOPIC_OR_PARTITION,
      name,
      partitions: [],
    })),
  }))
  await refreshed(cluster, client)
  expect(client.metadata.topic('orders')?.partitions).toHaveLength(1)
})

test('when all brokers it knew are gone it begins again where it began', async () => {
  const cluster = new FakeCluster()
  const client = start(cluster, 'kafka:9091,kafka:9095')
  await refreshed(cluster, client)
  for (const id of [1, 2, 3]) cluster.kill(id)
  cluster.start(5)
  await refreshed(cluster, client)
  expect(cluster.askedOf(Metadata).at(-1)?.brokerId).toBe(5)
})

test('a request to a broker nobody knows fails as if it were gone', async () => {
  const cluster = new FakeCluster()
  const { connections } = start(cluster)
  const answer = answerOf(cluster.platform, connections.request(9, Metadata, { topics: [] }))
  await expect(answer).rejects.toMatchObject({ name: 'NETWORK_EXCEPTION' })
})

test('closed, everything asked and to be asked fails', async () => {
  const cluster = new FakeCluster()
  const { connections, metadata } = start(cluster)
  const early = answerOf(cluster.platform, connections.request('any', Metadata, { topics: [] }))
  const caught = early.catch((error: { name: string }) => error.name)
  metadata.close()
  connections.close()
  expect(await caught).toBe('NETWORK_EXCEPTION')
  const late = answerOf(cluster.platform, connections.request('any', Metadata, { topics: [] }))
  await expect(late).rejects.toMatchObject({ name: 'CLIENT_CLOSED' })
})
