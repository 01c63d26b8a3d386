/** Clusters, and parts of one, on a ZooKeeper that is not theirs. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  type Cluster,
  type ClusterOptions,
  type MemoryPlatform,
  memoryPlatform,
  startCluster,
  startZooKeeperServer,
  type ZooKeeperHandle,
} from '../../actors/memory.ts'

let platform: MemoryPlatform
let zookeeper: ZooKeeperHandle
const clusters: Cluster[] = []

beforeEach(async () => {
  platform = memoryPlatform({ clock: 'stepping' })
  zookeeper = await startZooKeeperServer({ platform, tickTime: 100, maxSessionTimeout: 60_000 })
})
afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster.stop()
  await zookeeper.stop()
})

/** Each is on a machine of its own: the network is common, the disks are not. */
async function start(options: Partial<ClusterOptions> = {}): Promise<Cluster> {
  const machine = memoryPlatform()
  const cluster = await startCluster({
    platform: { ...platform, disk: node => machine.disk(node) },
    zookeeper: zookeeper.connectString,
    ...options,
  })
  clusters.push(cluster)
  return cluster
}

const orders = { name: 'orders', partitions: 1, replicationFactor: 3 }

test('parts of a cluster find each other in ZooKeeper and replicate', async () => {
  const one = await start({ brokers: [1, 2] })
  const other = await start({ brokers: [3], topics: [orders] })
  expect(other.state().clusterId).toBe(one.state().clusterId)
  expect(other.state().controller).toBe(one.state().controller)
  expect(other.controller).toBeUndefined()
  expect(other.zookeeper).toBe(zookeeper.connectString)

  const known = await one.partition('orders', 0).until(({ isr }) => isr.length === 3)
  expect(
    known.replicaStates.map(({ broker, state }) => [broker, state === 'elsewhere']).sort(),
  ).toEqual([
    [1, false],
    [2, false],
    [3, true],
  ])
  await one.producer('shop').send({ topic: 'orders', partition: 0, value: 'paid' })
  const copy = await other
    .partition('orders', 0)
    .until(({ replicaStates }) => replicaStates.some(({ highWatermark }) => highWatermark === 1))
  expect(copy.isr).toHaveLength(3)

  // The controller's part goes, in good order: what is left elects.
  await one.stop()
  const left = await other.until(({ controller }) => controller === 3)
  expect(left.brokers).toHaveLength(1)
  await other.partition('orders', 0).until(({ leader }) => leader === 3)
})

test('a used ZooKeeper: cluster id and topics are taken up; a chroot is made and is a cluster of its own', async () => {
  // Of several servers one that answers is enough.
  const first = await start({
    topics: [orders],
    zookeeper: `127.0.0.1:1,${zookeeper.connectString}`,
  })
  const { clusterId } = first.state()
  await first.stop()
  expect(zookeeper.server.tree.node('/brokers/ids/1')).toBeUndefined()
  const second = await start({ topics: [orders] })
  expect(second.state().clusterId).toBe(clusterId)
  await second.partition('orders', 0).until(({ isr }) => isr.length === 3)

  const below = await start({ zookeeper: `${zookeeper.connectString}/kafka/a`, brokers: 1 })
  expect(below.zookeeper).toBe(`${zookeeper.connectString}/kafka/a`)
  expect(below.state().clusterId).not.toBe(clusterId)
  expect(below.state().partitions).toEqual([])
  expect(zookeeper.server.tree.node('/kafka/a/brokers/ids/1')).toBeDefined()
})

test('a session is ended by whoever has its password: the broker registers anew', async () => {
  const cluster = await start({ topics: [orders] })
  const broker = cluster.broker(2)
  const before = cluster.state().brokers[1]?.brokerEpoch ?? 0
  const session = broker.sessionId
  broker.expireSession()
  await cluster.until(({ brokers }) => (brokers[1]?.brokerEpoch ?? 0) > before)
  expect(broker.sessionId).not.toBe(session)
  await cluster.partition('orders', 0).until(({ isr }) => isr.length === 3)
  expect(() => cluster.znode('/controller')).toThrow('is not ours to look into')
  // A paused one hears of it when it wakes.
  broker.pause()
  broker.expireSession()
  await cluster.partition('orders', 0).until(({ isr }) => isr.length === 2)
  broker.resume()
  await cluster.partition('orders', 0).until(({ isr }) => isr.length === 3)
})

test('what cannot be is said: an id that lives, no ZooKeeper, a connect string that is none', async () => {
  await start({ brokers: [1] })
  await expect(start({ brokers: [1] })).rejects.toThrow(
    /broker 1: a live broker at 127\.0\.0\.1:\d+ \(session 0x[0-9a-f]+\) has the id 1 already/,
  )
  await expect(start({ brokers: [2], zookeeper: '127.0.0.1:1' })).rejects.toThrow(
    'broker 2: ZooKeeper at 127.0.0.1:1 did not answer within 2000 ms',
  )
  await expect(start({ zookeeper: 'zoo:keeper' })).rejects.toThrow(
    'zoo:keeper: "zoo:keeper" is no server; host:port is expected',
  )
  await expect(start({ zookeeper: '127.0.0.1:2181/a/' })).rejects.toThrow('/a/ is no path')
  await expect(start({ brokers: [1, 1] })).rejects.toThrow('brokers must be different')
})

test("a server's long session is waited out: a broker that died comes back at another port", async () => {
  await zookeeper.stop()
  zookeeper = await startZooKeeperServer({ platform, tickTime: 2000 })
  const first = await start({ brokers: [1] })
  first.broker(1).kill()
  await first.stop()
  const second = await start({ brokers: [1] })
  expect(second.broker(1).state).toBe('running')
})

test('the port of our own ZooKeeper is taken: it is said which', async () => {
  const { port } = zookeeper.address
  await expect(startCluster({ platform, zookeeperPort: port })).rejects.toThrow(
    `ZooKeeper: port ${port} on 127.0.0.1 is taken: stop what listens there, or choose another port`,
  )
  await expect(startZooKeeperServer({ platform, port })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  })
})
