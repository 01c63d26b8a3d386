import { beforeEach, expect, test } from 'vitest'
import {
  type BrokerOptions,
  type RunningBroker,
  startBroker,
} from '../../../actors/broker/broker.ts'
import { createTopic } from '../../../actors/broker/topic-admin.ts'
import type { Process } from '../../../actors/process.ts'
import { connectRequester } from '../../../actors/requester.ts'
import { until } from '../../../actors/until.ts'
import { brokerConfig } from '../../../src/broker/config.ts'
import { errors } from '../../../src/error.ts'
import type { Address } from '../../../src/ports.ts'
import { ApiVersions, DescribeCluster, Metadata } from '../../../src/protocol/index.ts'
import { isMalformed, TopicPartitionStateZNode } from '../../../src/zookeeper/paths.ts'
import { Ensemble, text } from '../zookeeper/ensemble.ts'

let it: Ensemble

beforeEach(async () => {
  it = new Ensemble()
  await it.start()
})

interface Started extends RunningBroker {
  readonly id: number
  readonly process: Process
  /** `running`, `stopped`, or why it failed; each as it was told. */
  readonly told: string[]
}

/** As the harness does: a process of its own, on the disk of its name. */
function start(
  id: number,
  options: Partial<BrokerOptions> & { overrides?: Record<string, string | number | boolean> } = {},
): Started {
  const { world, process } = it.world(`broker-${id}`)
  const told: string[] = []
  const { overrides = {}, ...rest } = options
  const running = startBroker(world, {
    brokerId: id,
    config: brokerConfig(overrides, 'fast', 3),
    zookeeper: [it.address],
    host: '127.0.0.1',
    port: 9091 + id,
    running: () => told.push('running'),
    stopped: () => told.push('stopped'),
    failed: error => told.push(error.message),
    ...rest,
  })
  return Object.assign(Object.create(running) as RunningBroker, { id, process, told })
}

const reach = (condition: () => boolean, what: string, timeoutMs = 20_000): Promise<unknown> =>
  until(it.platform, it.trace, () => (condition() ? true : undefined), {
    timeoutMs,
    what: () => what,
  })

const serving = async (broker: Started): Promise<Started> => {
  await reach(() => broker.told.length > 0, `broker ${broker.id} tells something`)
  expect(broker.told).toEqual(['running'])
  return broker
}

const kill = (broker: Started): void => {
  broker.process.kill()
  it.registry.stopNode(`broker-${broker.id}`)
}

const sessionOf = (broker: Started) => broker.world.zookeeper.sessionId

const path = (id: number) => `/brokers/ids/${id}`
const stat = (id: number) => it.zookeeper.tree.stat(path(id))

const requester = (address: Address) =>
  connectRequester(it.world('client/test').world, address, {
    clientId: 'test',
    path: 'client/test',
    frameBytesMax: 1_000_000,
  })

test('a broker registers itself and serves', async () => {
  const broker = await serving(start(1))
  expect(broker.chartState).toBe('running.connected')
  expect(broker.address).toEqual({ host: '127.0.0.1', port: 9092 })
  expect(stat(1)).toMatchObject({
    version: 1,
    czxid: broker.world.brokerEpoch,
    ephemeralOwner: sessionOf(broker),
  })
  const { client } = it.join('tool')
  const { data } = await it.answer(client.getData(path(1)))
  expect(JSON.parse(text(data) ?? '')).toMatchObject({
    version: 5,
    endpoints: ['PLAINTEXT://127.0.0.1:9092'],
    listener_security_protocol_map: { PLAINTEXT: 'PLAINTEXT' },
    host: '127.0.0.1',
    port: 9092,
    jmx_port: -1,
    features: {},
  })
  const asked = requester(broker.address as Address)
  const { apiKeys } = await it.answer(asked.request(ApiVersions, 0, {}, { timeoutMs: 1000 }))
  expect(apiKeys.find(({ apiKey }) => apiKey === 0)).toEqual({
    apiKey: 0,
    minVersion: 0,
    maxVersion: 11,
  })
  expect(it.failures).toEqual([])
})

test('three brokers find each other and agree on a controller', async () => {
  const brokers = await Promise.all([1, 2, 3].map(id => serving(start(id))))
  await reach(
    () => brokers.every(({ world }) => world.metadata.brokers().length === 3),
    'all know all',
  )
  const controllers = brokers.filter(({ world }) => world.controller.isActive)
  expect(controllers).toHaveLength(1)
  expect(new Set(brokers.map(({ world }) => world.metadata.controllerId))).toEqual(
    new Set([controllers[0]?.id]),
  )
  expect(new Set(brokers.map(({ world }) => world.clusterId)).size).toBe(1)
  const asked = requester(brokers[1]?.address as Address)
  const cluster = await it.answer(
    asked.request(
      DescribeCluster,
      1,
      { includeClusterAuthorizedOperations: false },
      { timeoutMs: 1000 },
    ),
  )
  expect(cluster.brokers.map(({ port }) => port)).toEqual([9092, 9093, 9094])
  expect(it.failures).toEqual([])
})

test('a broker killed and started at once waits for its old znode to go', async () => {
  const first = await serving(start(1))
  const epoch = first.world.brokerEpoch
  kill(first)
  const second = start(1)
  await it.pass(1000)
  expect(second.told).toEqual([])
  expect(second.chartState).toBe('registering.waiting')
  await serving(second)
  expect(second.world.brokerEpoch).toBeGreaterThan(epoch)
  expect(stat(1)?.ephemeralOwner).toBe(sessionOf(second))
})

test('so does one that comes back at another port', async () => {
  const first = await serving(start(1))
  kill(first)
  const second = await serving(start(1, { port: 0 }))
  expect(second.address?.port).not.toBe(9092)
  expect(stat(1)?.ephemeralOwner).toBe(sessionOf(second))
})

test('a second broker of an id that lives is refused, and the first goes on', async () => {
  const first = await serving(start(1))
  const { world, process } = it.world('impostor')
  const told: string[] = []
  startBroker(world, {
    brokerId: 1,
    config: brokerConfig({}, 'fast', 3),
    zookeeper: [it.address],
    host: '127.0.0.1',
    port: 9999,
    running: () => told.push('running'),
    failed: error => told.push(error.message),
  })
  await reach(() => told.length > 0, 'the second is refused')
  expect(told).toEqual([expect.stringContaining('a live broker at 127.0.0.1:9092')])
  process.kill()
  await it.pass(5000)
  expect(first.chartState).toBe('running.connected')
  expect(stat(1)?.ephemeralOwner).toBe(sessionOf(first))
  expect(it.failures).toEqual([])
})

test('a port that is taken is said so, and nothing is left behind', async () => {
  await serving(start(1))
  const second = start(2, { port: 9092 })
  await reach(() => second.told.length > 0, 'the second is refused')
  expect(second.told).toEqual([expect.stringContaining('port 9092 on 127.0.0.1 is taken')])
  expect(stat(2)).toBeNull()
  expect(it.zookeeper.sessions()).toHaveLength(1)
})

test('an endpoint that another broker advertises is refused', async () => {
  await serving(start(1))
  const second = start(2, { host: 'elsewhere', port: 9092, advertisedHost: '127.0.0.1' })
  await reach(() => second.told.length > 0, 'the second is refused')
  expect(second.told).toEqual(['endpoint 127.0.0.1:9092 is registered by broker 1 already'])
})

test('a disk that another process has is refused, and one of another cluster', async () => {
  const first = await serving(start(1))
  const second = start(1, { port: 9292 })
  await reach(() => second.told.length > 0, 'the second is refused')
  expect(second.told).toEqual([expect.stringContaining('this disk is in use')])
  kill(first)
  const other = new Ensemble(it.platform, 2182)
  await other.start()
  it = Object.assign(other, { address: other.address })
  const stranger = start(1, { port: 9192 })
  await reach(() => stranger.told.length > 0, 'the stranger is refused')
  expect(stranger.told).toEqual([expect.stringContaining('this disk belongs to cluster')])
})

test('without ZooKeeper the start is given up', async () => {
  const broker = start(1, { zookeeper: [{ host: '127.0.0.1', port: 1 }] })
  await reach(() => broker.told.length > 0, 'it is refused')
  expect(broker.told).toEqual([
    'ZooKeeper at 127.0.0.1:1 did not answer within 2000 ms (zookeeper.connection.timeout.ms)',
  ])
})

test('an expired session is followed by another registration; serving goes on', async () => {
  const broker = await serving(start(1))
  const epoch = broker.world.brokerEpoch
  const session = sessionOf(broker)
  const asked = requester(broker.address as Address)
  await it.answer(asked.request(ApiVersions, 0, {}, { timeoutMs: 1000 }))
  it.zookeeper.expireSession(session)
  await reach(() => broker.world.brokerEpoch > epoch, 'it has registered again')
  await reach(() => broker.chartState === 'running.connected', 'it runs')
  expect(sessionOf(broker)).not.toBe(session)
  expect(stat(1)).toMatchObject({ czxid: broker.world.brokerEpoch })
  await it.answer(asked.request(ApiVersions, 0, {}, { timeoutMs: 1000 }))
  await reach(() => broker.world.controller.isActive, 'it is controller again')
  expect(broker.told).toEqual(['running'])
  expect(it.failures).toEqual([])
})

test('paused for longer than its session lasts, it comes back as it was, with a new epoch', async () => {
  const broker = await serving(start(1))
  const epoch = broker.world.brokerEpoch
  broker.process.pause()
  await it.pass(5000)
  expect(stat(1)).toBeNull()
  broker.process.resume()
  await reach(() => broker.chartState === 'running.connected' && stat(1) !== null, 'it runs')
  expect(broker.world.brokerEpoch).toBeGreaterThan(epoch)
  expect(it.failures).toEqual([])
})

test('a stop says goodbye: the znode goes at once, clients are let go, nothing runs on', async () => {
  const [one, two] = await Promise.all([serving(start(1)), serving(start(2))])
  await reach(() => two.world.metadata.brokers().length === 2, 'they know each other')
  const before = it.platform.clock.now()
  one.stop()
  await reach(() => one.told.length > 1, 'it is down')
  expect(one.told).toEqual(['running', 'stopped'])
  expect(it.platform.clock.now() - before).toBeLessThan(1000)
  expect(stat(1)).toBeNull()
  await reach(() => two.world.controller.isActive, 'the other is controller')
  const left = [...it.registry.roots.keys()].filter(path => path.startsWith('broker-1'))
  expect(left).toEqual([])
  expect(it.failures).toEqual([])
})

test('a start can be called off', async () => {
  const broker = start(1)
  await it.pass(3)
  broker.stop()
  await reach(() => broker.told.length > 0, 'it is down')
  expect(broker.told).toEqual(['stopped'])
  expect(stat(1)).toBeNull()
})

test('with a chroot a cluster lives below it', async () => {
  const broker = await serving(start(1, { chroot: '/kafka/test' }))
  expect(it.zookeeper.tree.stat('/kafka/test/brokers/ids/1')).not.toBeNull()
  expect(it.zookeeper.tree.stat('/brokers')).toBeNull()
  expect(broker.chartState).toBe('running.connected')
})

test('what is asked for is created, and answered once it has leaders', async () => {
  const [one] = await Promise.all([serving(start(1)), serving(start(2)), serving(start(3))])
  await reach(() => one?.world.metadata.brokers().length === 3, 'all are known')
  const asked = requester(one?.address as Address)
  const ask = () =>
    it.answer(
      asked.request(
        Metadata,
        12,
        { topics: [{ name: 'orders' }], allowAutoTopicCreation: true },
        { timeoutMs: 1000 },
      ),
    )
  expect((await ask()).topics).toMatchObject([{ errorCode: errors.LEADER_NOT_AVAILABLE }])
  await reach(() => (one?.world.metadata.partition('orders', 0)?.leader ?? -1) > 0, 'it is led')
  const [topic] = (await ask()).topics
  expect(topic).toMatchObject({ errorCode: 0, name: 'orders' })
  expect(topic?.partitions[0]).toMatchObject({ errorCode: 0, partitionIndex: 0 })
  expect(topic?.partitions[0]?.replicaNodes).toHaveLength(3)
  expect(it.failures).toEqual([])
})

test('a broker that is stopped has given its leaderships away before its znode goes', async () => {
  const brokers = await Promise.all([1, 2, 3].map(id => serving(start(id))))
  const [one] = brokers as [Started, Started, Started]
  await reach(() => one.world.metadata.brokers().length === 3, 'all are known')
  await it.answer(
    createTopic(one.world, { name: 'orders', partitions: 6, replicationFactor: 3, configs: {} }),
  )
  const leaders = () =>
    [0, 1, 2, 3, 4, 5].map(partition => {
      const znode = TopicPartitionStateZNode.path({ topic: 'orders', partition })
      const state = TopicPartitionStateZNode.decode(it.zookeeper.tree.node(znode)?.data ?? null)
      return isMalformed(state) ? -1 : state.leader
    })
  await reach(() => !leaders().includes(-1), 'all are led')
  expect(leaders()).toContain(1)
  let ledAtTheEnd: number[] | undefined
  it.trace.entries.subscribe(({ kind, type, detail }) => {
    if (kind === 'znode' && type === 'deleted' && detail.path === path(1)) ledAtTheEnd = leaders()
  })
  one.stop()
  await reach(() => one.told.includes('stopped'), 'it is down')
  expect(one.told).toEqual(['running', 'stopped'])
  expect(ledAtTheEnd).toHaveLength(6)
  expect(ledAtTheEnd).not.toContain(1)
  expect(it.failures).toEqual([])
})
