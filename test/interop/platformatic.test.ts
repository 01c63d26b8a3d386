/** @platformatic/kafka 2.x, unmodified, over TCP. */
import {
  Admin,
  Consumer,
  MessagesStreamModes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Cluster, startCluster } from '../../actors/node.ts'
import { eventually } from './eventually.ts'

let cluster: Cluster
const base = () => ({
  clientId: 'test',
  bootstrapBrokers: cluster.bootstrapServers.split(','),
  retries: 100,
  retryDelay: 100,
})

beforeEach(async () => {
  cluster = await startCluster()
})
afterEach(() => cluster.stop())

async function createTopic(name: string, partitions: number): Promise<void> {
  const admin = new Admin(base())
  await admin.createTopics({ topics: [name], partitions, replicas: 3 })
  await admin.close()
}

/** Reads in a group from the beginning until `count` values are there. */
async function readAll(topic: string, count: number, groupId = 'reader'): Promise<string[]> {
  const consumer = new Consumer({ ...base(), groupId, deserializers: stringDeserializers })
  const stream = await consumer.consume({
    topics: [topic],
    mode: MessagesStreamModes.EARLIEST,
    sessionTimeout: 6000,
    heartbeatInterval: 500,
    maxWaitTime: 200,
  })
  const values: string[] = []
  stream.on('data', message => values.push(message.value))
  await eventually(
    () => values.length >= count,
    () => `${values.length} of ${count} records`,
  )
  await consumer.close(true)
  return values
}

test('platformatic sees three brokers, makes a topic, produces to it and reads it back in a group', async () => {
  const admin = new Admin(base())
  await createTopic('orders', 6)
  const metadata = await admin.metadata({ topics: ['orders'] })
  expect([...metadata.brokers.keys()].sort()).toEqual([1, 2, 3])
  expect(metadata.topics.get('orders')?.partitionsCount).toBe(6)
  const producer = new Producer({ ...base(), serializers: stringSerializers })
  const sent = Array.from({ length: 600 }, (_, i) => `value-${i}`)
  await producer.send({
    acks: -1,
    messages: sent.map((value, i) => ({ topic: 'orders', key: `key-${i}`, value })),
  })
  expect((await readAll('orders', sent.length)).sort()).toEqual([...sent].sort())
  await producer.close()
  await admin.close()
})

test('an idempotent producer writes on while its leader is killed: each acknowledged record is there once, in order', async () => {
  await createTopic('orders', 1)
  const orders = cluster.partition('orders', 0)
  const producer = new Producer({
    ...base(),
    idempotent: true,
    acks: -1,
    serializers: stringSerializers,
  })
  const acknowledged: number[] = []
  const send = async (count: number) => {
    for (let i = 0; i < count; i++) {
      const value = acknowledged.length
      await producer.send({
        acks: -1,
        messages: [{ topic: 'orders', partition: 0, value: String(value) }],
      })
      acknowledged.push(value)
    }
  }
  await send(50)
  const dead = orders.leader
  const writing = send(100)
  dead?.kill()
  await writing
  expect(orders.leader?.id).not.toBe(dead?.id)
  await dead?.restart()
  await orders.until(({ isr }) => isr.length === 3)
  expect((await readAll('orders', 150)).map(Number)).toEqual(acknowledged)
  await producer.close()
})

test('a group of three rebalances when one leaves and one dies', async () => {
  await createTopic('orders', 6)
  const join = async (name: string) => {
    const consumer = new Consumer({
      ...base(),
      clientId: name,
      groupId: 'billing',
      deserializers: stringDeserializers,
    })
    const stream = await consumer.consume({
      topics: ['orders'],
      mode: MessagesStreamModes.EARLIEST,
      sessionTimeout: 2000,
      heartbeatInterval: 200,
      rebalanceTimeout: 4000,
      maxWaitTime: 100,
    })
    stream.on('data', () => {})
    return { consumer, stream }
  }
  const partitions = ({ consumer }: { consumer: Consumer<string, string, string, string> }) =>
    (consumer.assignments ?? []).flatMap(assignment => assignment.partitions)
  const members = [await join('m1'), await join('m2'), await join('m3')] as const
  await cluster.group('billing').stable({ members: 3 })
  await eventually(() => members.every(member => partitions(member).length === 2))
  await members[0].consumer.close(true)
  await cluster.group('billing').stable({ members: 2 })
  await eventually(() => members.slice(1).every(member => partitions(member).length === 3))
  expect(members.slice(1).flatMap(partitions).sort()).toEqual([0, 1, 2, 3, 4, 5])
  await members[1].consumer.close(true)
  await members[2].consumer.close(true)
})
