/** kafkajs 2.2.4, unmodified, into a cluster in memory: no port is opened. */
import { Kafka, logLevel } from 'kafkajs'
import { expect, test, vi } from 'vitest'
import { socketFactory, withCluster } from '../../../actors/harness/index.ts'
import type { Cluster } from '../../../actors/index.ts'

const kafkaOf = (cluster: Cluster): Kafka =>
  new Kafka({
    clientId: 'shop',
    brokers: cluster.bootstrapServers.split(','),
    socketFactory: socketFactory(cluster) as never,
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, retries: 20 },
  })

const topics = [{ name: 'orders', partitions: 3, replicationFactor: 3 }]

test('kafkajs produces and consumes in a group without a port, over the death of a leader', () =>
  withCluster({ platform: 'memory-wall', topics }, async cluster => {
    const kafka = kafkaOf(cluster)
    const producer = kafka.producer()
    await producer.connect()
    const values = Array.from({ length: 50 }, (_, n) => `${n}`)
    const send = (of: readonly string[]) =>
      producer.send({ topic: 'orders', messages: of.map(value => ({ key: value, value })) })
    await send(values.slice(0, 25))
    const dead = cluster.partition('orders', 0).leader
    dead?.kill()
    // While a partition has no leader, kafkajs drops what is meant for it without a word, over TCP as here.
    await cluster.partition('orders', 0).until(({ leader }) => leader >= 0 && leader !== dead?.id)
    await send(values.slice(25))
    // The offsets topic needs three brokers that know of each other to be made.
    await dead?.restart()
    await cluster.until(({ partitions }) => partitions.every(({ isr }) => isr.length === 3))
    const seen: string[] = []
    const consumer = kafka.consumer({
      groupId: 'billing',
      sessionTimeout: 6000,
      heartbeatInterval: 200,
    })
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message }) => void seen.push(String(message.value)),
    })
    await vi.waitFor(() => expect(new Set(seen)).toEqual(new Set(values)), { timeout: 20_000 })
    await consumer.disconnect()
    await producer.disconnect()
  }))

test('kafkajs meets the faults of the cluster', () =>
  withCluster({ platform: 'memory-wall', topics }, async cluster => {
    const producer = kafkaOf(cluster).producer()
    await producer.connect()
    const faults = [
      cluster.faults.injectError('Produce', 'NOT_LEADER_OR_FOLLOWER', {
        topic: 'orders',
        times: 2,
      }),
      cluster.faults.disconnectOn('Produce', { clientId: 'shop', times: 1 }),
      cluster.faults.delayOn('Produce', 20, { times: 1 }),
    ]
    const [sent] = await producer.send({
      topic: 'orders',
      messages: [{ value: 'a', partition: 0 }],
    })
    expect(sent).toMatchObject({ errorCode: 0, baseOffset: '0' })
    expect(faults.map(({ fired }) => fired)).toEqual([2, 1, 1])
    await producer.disconnect()
  }))

test('megabytes go both ways under back-pressure', () =>
  withCluster({ platform: 'memory-wall', topics }, async cluster => {
    const kafka = kafkaOf(cluster)
    const producer = kafka.producer()
    await producer.connect()
    const value = 'x'.repeat(900_000)
    for (let n = 0; n < 8; n++)
      await producer.send({ topic: 'orders', messages: [{ value, partition: 0 }] })
    const consumer = kafka.consumer({ groupId: 'big', sessionTimeout: 6000 })
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    let bytes = 0
    await consumer.run({
      eachMessage: async ({ message }) => {
        bytes += message.value?.length ?? 0
      },
    })
    await vi.waitFor(() => expect(bytes).toBe(8 * 900_000), { timeout: 15_000 })
    await consumer.disconnect()
    await producer.disconnect()
  }))

test('a virtual clock and TLS are refused with what to do instead', async () => {
  await withCluster({ brokers: 1 }, cluster => {
    expect(() => socketFactory(cluster)).toThrow(/platform: 'memory-wall'/)
  })
  await withCluster({ brokers: 1, platform: 'memory-wall' }, cluster => {
    const factory = socketFactory(cluster)
    const request = { host: '127.0.0.1', port: 1, onConnect: () => {} }
    expect(() => factory({ ...request, ssl: {} })).toThrow(/leave ssl out/)
  })
})

test('a broker that is down is refused as TCP refuses it', () =>
  withCluster({ brokers: 1, platform: 'memory-wall' }, async cluster => {
    const socket = socketFactory(cluster)({ host: '127.0.0.1', port: 1, onConnect: () => {} })
    const error = await new Promise(resolve => socket.once('error', resolve))
    expect(error).toMatchObject({ code: 'ECONNREFUSED' })
  }))
