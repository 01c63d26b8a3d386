/** A whole cluster that is stopped, in order or by SIGKILL, and goes on where it was. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually } from '../interop/eventually.ts'

const samsa = join(import.meta.dirname, '../../bin/samsa.js')
const running: ChildProcess[] = []
let dataDir: string

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'samsa-data-'))
})
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL')
  rmSync(dataDir, { recursive: true, force: true })
})

/** `samsa up` on the data directory; resolves with its first line, or rejects with what it said instead. */
async function up(...args: string[]) {
  const ports = ['--port', '0', '--zookeeper-port', '0', '--control-port', '0']
  const child = spawn(process.execPath, [
    samsa,
    'up',
    '--json',
    '--data-dir',
    dataDir,
    ...ports,
    ...args,
  ])
  running.push(child)
  let out = ''
  let err = ''
  child.stderr.on('data', chunk => {
    err += chunk
  })
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', chunk => {
      out += chunk
      if (out.includes('\n')) resolve(out)
    })
    child.on('close', () => reject(new Error(err)))
  })
  const { bootstrapServers } = JSON.parse(line) as { bootstrapServers: string }
  const end = (signal: NodeJS.Signals) =>
    new Promise<number | null>(resolve => {
      child.on('close', resolve)
      child.kill(signal)
    })
  const kafka = new Kafka({
    brokers: bootstrapServers.split(','),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 60 },
  })
  return { kafka, end }
}

/** All values of the topic by partition, in order. */
async function readAll(kafka: Kafka, count: number): Promise<string[][]> {
  const consumer = kafka.consumer({
    groupId: `reader-${Math.random()}`,
    sessionTimeout: 6000,
    heartbeatInterval: 500,
    maxWaitTimeInMs: 100,
  })
  const values: string[][] = [[], [], []]
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ partition, message }) =>
      void values[partition]?.push(String(message.value)),
  })
  await eventually(
    () => values.flat().length >= count,
    () => `${values.flat().length} of ${count} records`,
  )
  await consumer.disconnect()
  return values
}

/** What must be the same afterwards. */
async function known(kafka: Kafka) {
  const admin = kafka.admin()
  await admin.connect()
  const { clusterId } = await admin.describeCluster()
  const offsets = await admin.fetchOffsets({ groupId: 'billing', topics: ['orders'] })
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: 'orders', configNames: ['retention.ms'] }],
  })
  await admin.disconnect()
  const topicId = readFileSync(join(dataDir, 'broker-1/orders-0/partition.metadata'), 'utf8')
  return {
    clusterId,
    topicId,
    offsets: offsets.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.toSorted((a, b) => a.partition - b.partition),
    })),
    retention: resources[0]?.configEntries.map(({ configName, configValue }) => [
      configName,
      configValue,
    ]),
  }
}

test.each(['SIGINT', 'SIGKILL'] as const)(
  'after %s all is there: cluster and topic ids, records, committed offsets, configurations',
  async signal => {
    const first = await up()
    const admin = first.kafka.admin()
    await admin.connect()
    await admin.createTopics({
      topics: [
        {
          topic: 'orders',
          numPartitions: 3,
          replicationFactor: 3,
          configEntries: [{ name: 'retention.ms', value: '123456789' }],
        },
      ],
      waitForLeaders: true,
    })
    await admin.setOffsets({
      groupId: 'billing',
      topic: 'orders',
      partitions: [0, 1, 2].map(partition => ({ partition, offset: String(3 + partition) })),
    })
    await admin.disconnect()
    const producer = first.kafka.producer({ idempotent: true })
    await producer.connect()
    for (let i = 0; i < 30; i++)
      await producer.send({
        topic: 'orders',
        acks: -1,
        messages: [0, 1, 2].map(partition => ({ partition, value: `${partition}:${i}` })),
      })
    await producer.disconnect()
    const before = await known(first.kafka)
    expect(before.topicId).toMatch(/topic_id: [\w-]{22}$/)
    expect(before.retention).toContainEqual(['retention.ms', '123456789'])
    const code = await first.end(signal)
    if (signal === 'SIGINT') expect(code).toBe(0)

    const second = await up()
    expect(await known(second.kafka)).toEqual(before)
    const values = await readAll(second.kafka, 90)
    expect(values).toEqual(
      [0, 1, 2].map(partition => Array.from({ length: 30 }, (_, i) => `${partition}:${i}`)),
    )
    const more = second.kafka.producer()
    await more.connect()
    const [answer] = await more.send({
      topic: 'orders',
      acks: -1,
      messages: [{ partition: 0, value: 'more' }],
    })
    expect(answer?.baseOffset).toBe('30')
    await more.disconnect()
    expect(await second.end('SIGTERM')).toBe(0)
  },
)

test('a directory that another process has is refused, and it is said which', async () => {
  const first = await up('--brokers', '1')
  const pid = running[0]?.pid
  await expect(up('--brokers', '1')).rejects.toThrow(`in use by process ${pid}`)
  expect(await first.end('SIGINT')).toBe(0)
})

test('a directory of another cluster is refused', async () => {
  const first = await up('--brokers', '1')
  await first.end('SIGINT')
  rmSync(join(dataDir, 'zookeeper'), { recursive: true })
  await expect(up('--brokers', '1')).rejects.toThrow(/this disk belongs to cluster [\w-]{22}/)
})
