/**
 * What went wrong in Kafka's ZooKeeper mode and is known by a number: reproduced in whole clusters. Where it is closed here, that is
 * what is seen; where it cannot be, what it costs.
 */
import { expect, test } from 'vitest'
import type { ClusterOptions } from '../../../actors/memory.ts'
import { Process } from '../../../actors/process.ts'
import { createWorld } from '../../../actors/world.ts'
import { startZooKeeperClient } from '../../../actors/zookeeper/client.ts'
import { errors } from '../../../src/error.ts'
import { type SimulatedPlatform, simulatedPlatform } from '../../../src/platform/simulated.ts'
import {
  AlterPartitionReassignments,
  CreateTopics,
  ElectLeaders,
  Produce,
} from '../../../src/protocol/index.ts'
import { encodeBatch } from '../../../src/records/record.ts'
import { WholeCluster } from './whole-cluster.ts'

/** The topic orders on these brokers; null: on the two that are not the controller. */
async function started(
  replicas: readonly number[] | null,
  options: Partial<ClusterOptions> = {},
  configs: Readonly<Record<string, string>> = {},
): Promise<WholeCluster> {
  const it = await WholeCluster.start(options)
  const answer = await it.ask(it.controllerId, CreateTopics, {
    topics: [
      {
        name: 'orders',
        numPartitions: -1,
        replicationFactor: -1,
        assignments: [{ partitionIndex: 0, brokerIds: replicas ?? bystanders(it) }],
        configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
      },
    ],
    timeoutMs: 10_000,
  })
  expect(answer.topics[0]?.errorCode).toBe(errors.NONE)
  return it
}

const orders = (it: WholeCluster) =>
  it.cluster.state().partitions.find(({ topic }) => topic === 'orders')

const logEnd = (it: WholeCluster, broker: number) =>
  it.world(broker).partitions.get('orders', 0)?.log.logEndOffset

/** One record to this broker, whatever others say about it; its error code. */
async function produceAt(it: WholeCluster, broker: number, acks: -1 | 1): Promise<number> {
  const records = encodeBatch({ records: [{ value: new Uint8Array(8) }], timestampMs: 1 })
  const answer = await it.ask(
    broker,
    Produce,
    {
      acks,
      timeoutMs: 2000,
      topicData: [{ name: 'orders', partitionData: [{ index: 0, records }] }],
    },
    11,
  )
  return answer.responses[0]?.partitionResponses[0]?.errorCode ?? -2
}

const bystanders = (it: WholeCluster): [number, number] =>
  it.cluster.brokers.map(({ id }) => id).filter(id => id !== it.controllerId) as [number, number]

/** Two replicas: the second falls out of the ISR; then `count` records are acknowledged by the first alone, and it dies. */
async function aloneThenDead(it: WholeCluster, count: number): Promise<[number, number]> {
  const [first, second] = [orders(it)?.replicas[0], orders(it)?.replicas[1]] as [number, number]
  it.cluster.broker(second).kill()
  await it.until(() => orders(it)?.isr.length === 1, 'an ISR of one')
  for (let n = 0; n < count; n++) expect(await produceAt(it, first, -1)).toBe(errors.NONE)
  it.cluster.broker(first).kill()
  await it.until(() => orders(it)?.leader === -1, 'no leader')
  return [first, second]
}

test('acks=all of an ISR of one is lost with it when another is elected uncleanly (Jepsen 2013)', async () => {
  await using it = await started(null, {}, { 'min.insync.replicas': '1' })
  const [first, second] = await aloneThenDead(it, 3)
  await it.cluster.broker(second).restart()
  await it.ask(it.controllerId, ElectLeaders, {
    electionType: 1,
    topicPartitions: [{ topic: 'orders', partitions: [0] }],
    timeoutMs: 5000,
  })
  await it.until(() => orders(it)?.leader === second, 'an unclean leader')
  expect(logEnd(it, second)).toBe(0)
  await it.cluster.broker(first).restart()
  await it.until(() => orders(it)?.isr.length === 2, 'both in sync')
  expect(logEnd(it, first)).toBe(0)
})

test('with min.insync.replicas=2 nothing is acknowledged that could be lost so', async () => {
  await using it = await started(null, {}, { 'min.insync.replicas': '2' })
  const [first, second] = bystanders(it)
  it.cluster.broker(second).kill()
  await it.until(() => orders(it)?.isr.length === 1, 'an ISR of one')
  expect(await produceAt(it, first, -1)).toBe(errors.NOT_ENOUGH_REPLICAS)
})

test('the last replica in sync leads after its machine lost what was not flushed: that is lost (KIP-966)', async () => {
  const platform: SimulatedPlatform = simulatedPlatform({ seed: 1, disks: 'torn' })
  await using it = await started(
    null,
    { platform, overrides: { 'lost.log.election.enable': true } },
    { 'min.insync.replicas': '1' },
  )
  const [first] = await aloneThenDead(it, 5)
  platform.tornDisk(`broker-${first}`)?.crash()
  await it.cluster.broker(first).restart()
  await it.until(() => orders(it)?.leader === first, 'it leads again')
  expect(logEnd(it, first)).toBeLessThan(5)
})

test('a state znode that a tool has touched does not keep its leader from changing the ISR (KAFKA-2729)', async () => {
  await using it = await started([1, 2, 3], {
    overrides: { 'replica.lag.time.max.ms': 500, 'zookeeper.session.timeout.ms': 6000 },
  })
  const path = '/brokers/topics/orders/partitions/0/state'
  const { data } = await it.answer(it.zookeeper.getData(path))
  await it.answer(it.zookeeper.setData(path, data))
  const leader = orders(it)?.leader as number
  const slow = bystanders(it).find(id => id !== leader) as number
  it.cluster.broker(slow).pause()
  expect(await produceAt(it, leader, 1)).toBe(errors.NONE)
  await it.until(() => orders(it)?.isr.includes(slow) === false, 'the slow one out of the ISR')
  it.cluster.broker(slow).resume()
  await it.until(() => orders(it)?.isr.length === 3, 'a full ISR')
  expect(logEnd(it, slow)).toBe(1)
})

test('a registration of a session that nobody knows of is waited for (KAFKA-14845)', async () => {
  await using it = await started([1, 2, 3])
  const [id] = bystanders(it)
  const { data } = await it.answer(it.zookeeper.getData(`/brokers/ids/${id}`))
  await it.cluster.broker(id).stop()
  const name = 'client/ghost'
  const ghost = new Process(it.cluster.platform)
  const { registry } = it.cluster
  const world = createWorld({ name, platform: ghost.platform, registry, failed: () => {} })
  const [host = '', port] = it.cluster.zookeeper.split(':')
  const client = startZooKeeperClient(world, {
    servers: [{ host, port: Number(port) }],
    sessionTimeoutMs: 2000,
    path: `${name}/zookeeper-client`,
  })
  await it.answer(client.create(`/brokers/ids/${id}`, data, { mode: 'ephemeral' }))
  ghost.kill()
  await it.cluster.broker(id).restart()
  expect(it.cluster.broker(id).state).toBe('running')
  await it.until(() => orders(it)?.isr.length === 3, 'a full ISR')
})

test('a topic whose id an old tool dropped keeps the id that its brokers know (KAFKA-14190)', async () => {
  await using it = await started([1, 2, 3])
  const path = '/brokers/topics/orders'
  const before = (await it.znode(path)) as { topic_id: string; partitions: object }
  const { topic_id: topicId, ...rest } = before
  const rewritten = { ...rest, version: 2, partitions: { ...rest.partitions, 1: [2, 3] } }
  const bytes = new TextEncoder().encode(JSON.stringify(rewritten))
  await it.answer(it.zookeeper.setData(path, bytes))
  await it.until(() => it.cluster.state().partitions.length === 2, 'the new partition')
  expect(await it.znode(path)).toMatchObject({ version: 3, topic_id: topicId })
  // While there is no controller to see it, too.
  it.cluster.broker(it.controllerId).kill()
  await it.answer(it.zookeeper.setData(path, bytes))
  await it.until(() => it.controllerId !== -1, 'another controller')
  await it.until(() => orders(it)?.isr.length === 2, 'an ISR without the dead')
  expect(await it.znode(path)).toMatchObject({ version: 3, topic_id: topicId })
})

test('a broker that was away when its replica was moved stops it when it hears of that', async () => {
  await using it = await WholeCluster.start({ brokers: 4 })
  const away = it.bystander
  const others = it.cluster.brokers.map(({ id }) => id).filter(id => id !== away)
  await it.ask(it.controllerId, CreateTopics, {
    topics: [
      {
        name: 'orders',
        numPartitions: -1,
        replicationFactor: -1,
        assignments: [{ partitionIndex: 0, brokerIds: [away, others[0] as number] }],
        configs: [],
      },
    ],
    timeoutMs: 10_000,
  })
  it.cluster.broker(away).pause()
  await it.until(() => orders(it)?.leader === others[0], 'another leader')
  await it.ask(it.controllerId, AlterPartitionReassignments, {
    timeoutMs: 10_000,
    topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, replicas: others.slice(0, 2) }] }],
  })
  await it.until(() => String(orders(it)?.replicas) === String(others.slice(0, 2)), 'the move')
  expect(it.world(away).partitions.get('orders', 0)?.isLeader).toBe(true)
  it.cluster.broker(away).resume()
  await it.until(
    () => it.world(away).partitions.get('orders', 0)?.isLeader === false,
    'the zombie knows',
  )
  await it.cluster.advance(3000)
  expect(it.world(away).partitions.get('orders', 0)?.state).toBe('offline')
  expect(await produceAt(it, away, 1)).toBe(errors.NOT_LEADER_OR_FOLLOWER)
})
