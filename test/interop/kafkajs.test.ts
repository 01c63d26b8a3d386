/** kafkajs 2.2.4, unmodified, over TCP: what clients/ does not ask of every client. */
import { type Consumer, Kafka, logLevel } from 'kafkajs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Cluster, startCluster } from '../../actors/node.ts'
import { eventually } from './eventually.ts'

let cluster: Cluster
let kafka: Kafka

const client = (clientId = 'test'): Kafka =>
  new Kafka({
    clientId,
    brokers: cluster.bootstrapServers.split(','),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 60 },
  })

beforeEach(async () => {
  cluster = await startCluster()
  kafka = client()
})
afterEach(() => cluster.stop())

async function createTopic(topic: string, numPartitions: number): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({
    topics: [{ topic, numPartitions, replicationFactor: 3 }],
    waitForLeaders: true,
  })
  await admin.disconnect()
}

/** Reads until `count` values are there, in a group of its own. */
async function readAll(topic: string, count: number, groupId = 'reader'): Promise<string[]> {
  const consumer = kafka.consumer({
    groupId,
    sessionTimeout: 6000,
    heartbeatInterval: 500,
    maxWaitTimeInMs: 200,
  })
  const values: string[] = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => void values.push(String(message.value)),
  })
  await eventually(
    () => values.length >= count,
    () => `${values.length} of ${count} records`,
  )
  await consumer.disconnect()
  return values
}

const inOrderAndOnce = (read: string[], acknowledged: number[]): void => {
  const numbers = read.map(Number)
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
  expect(numbers.slice(0, acknowledged.length)).toEqual(acknowledged)
}

test('a producer writes on while its leader, the controller, is killed: nothing is lost, doubled or out of order', async () => {
  await createTopic('orders', 3)
  const controller = cluster.controller
  const led = [0, 1, 2].find(p => cluster.partition('orders', p).leader === controller) as number
  const orders = cluster.partition('orders', led)
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const send = async (from: number, to: number) => {
    for (let i = from; i < to; i++)
      await producer.send({
        topic: 'orders',
        acks: -1,
        messages: [{ partition: led, value: String(i) }],
      })
  }
  await send(0, 30)
  controller?.kill()
  await send(30, 60)
  await producer.disconnect()
  expect(cluster.controller).not.toBe(controller)
  expect(orders.leader).not.toBe(controller)
  await controller?.restart()
  await orders.until(({ isr }) => isr.length === 3)
  inOrderAndOnce(
    await readAll('orders', 60),
    Array.from({ length: 60 }, (_, i) => i),
  )
})

/** A member of a group that notes its partitions and what it reads. */
async function member(groupId: string, topic: string, name: string) {
  const consumer: Consumer = client(name).consumer({
    groupId,
    sessionTimeout: 3000,
    heartbeatInterval: 200,
    rebalanceTimeout: 5000,
    maxWaitTimeInMs: 100,
  })
  const at = { name, consumer, partitions: undefined as number[] | undefined, read: [] as string[] }
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    at.partitions = payload.memberAssignment[topic] ?? []
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    autoCommitInterval: 200,
    eachMessage: async ({ message }) => void at.read.push(String(message.value)),
  })
  return at
}

const shares = (members: { partitions: number[] | undefined }[]) =>
  members.map(({ partitions }) => partitions?.length ?? -1).sort()

test('a group splits the partitions, leaves the surplus idle, and moves them when a member goes', async () => {
  await createTopic('orders', 6)
  const members = [await member('billing', 'orders', 'm1'), await member('billing', 'orders', 'm2')]
  await cluster.group('billing').stable({ members: 2 })
  await eventually(() => shares(members).join() === '3,3')
  members.push(await member('billing', 'orders', 'm3'))
  await eventually(() => shares(members).join() === '2,2,2')
  for (const name of ['m4', 'm5', 'm6', 'm7']) members.push(await member('billing', 'orders', name))
  await cluster.group('billing').stable({ members: 7 })
  await eventually(() => shares(members).join() === '0,1,1,1,1,1,1')
  const leaver = members.find(({ partitions }) => partitions?.length === 1)
  await leaver?.consumer.disconnect()
  const rest = members.filter(at => at !== leaver)
  await eventually(
    () => shares(rest).join() === '1,1,1,1,1,1',
    () => shares(rest).join(),
  )
  const all = rest.flatMap(({ partitions }) => partitions ?? []).sort()
  expect(all).toEqual([0, 1, 2, 3, 4, 5])
  await Promise.all(rest.map(({ consumer }) => consumer.disconnect()))
})

test("committed offsets survive the death of the group's coordinator", async () => {
  await createTopic('orders', 1)
  const producer = kafka.producer()
  await producer.connect()
  const send = (values: string[]) =>
    producer.send({ topic: 'orders', acks: -1, messages: values.map(value => ({ value })) })
  await send(['a', 'b', 'c'])
  const first = await member('billing', 'orders', 'first')
  await eventually(() => first.read.length === 3)
  await first.consumer.disconnect()
  const coordinator = cluster.group('billing').state?.coordinator as number
  cluster.broker(coordinator).kill()
  await send(['d'])
  const second = await member('billing', 'orders', 'second')
  await eventually(() => second.read.length > 0)
  expect(second.read).toEqual(['d'])
  await second.consumer.disconnect()
  await producer.disconnect()
})
