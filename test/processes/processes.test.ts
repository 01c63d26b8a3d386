import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { killSamsas } from '../cli/samsa-process.ts'
import { eventually } from '../interop/eventually.ts'
import { runProcesses } from './nemesis.ts'
import { ProcessCluster } from './process-cluster.ts'

// Processes begin cold, sessions are waited for.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 60_000 })

let dataDir: string
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'samsa-processes-'))
})
afterEach(async () => {
  await killSamsas()
  rmSync(dataDir, { recursive: true, force: true })
})

const clientOf = ({ bootstrapServers }: ProcessCluster): Kafka =>
  new Kafka({
    brokers: bootstrapServers.split(','),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 100 },
  })

/** As whoever is asked knows it; leader −1 while that one has not heard of the topic, as after its start. */
async function leadership(kafka: Kafka): Promise<{ leader: number; isr: number[] }> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: ['orders'] })
    const { leader = -1, isr = [] } = topics[0]?.partitions[0] ?? {}
    return { leader, isr }
  } catch (error) {
    const { type } = error as { type?: string }
    if (type !== 'UNKNOWN_TOPIC_OR_PARTITION' && type !== 'LEADER_NOT_AVAILABLE') throw error
    return { leader: -1, isr: [] }
  } finally {
    await admin.disconnect()
  }
}

/** The first leader that somebody knows, other than one. */
async function leaderOtherThan(kafka: Kafka, dead: number): Promise<number> {
  let found = -1
  await eventually(
    async () => {
      found = (await leadership(kafka)).leader
      return found >= 0 && found !== dead
    },
    () => `a leader other than ${dead}, not ${found}`,
    60_000,
  )
  return found
}

async function inSync(kafka: Kafka): Promise<void> {
  await eventually(
    async () => (await leadership(kafka)).isr.length === 3,
    () => 'all three in the ISR',
    120_000,
  )
}

async function send(kafka: Kafka, values: readonly string[]): Promise<void> {
  const producer = kafka.producer()
  await producer.connect()
  for (const value of values)
    await producer.send({ topic: 'orders', acks: -1, messages: [{ value, partition: 0 }] })
  await producer.disconnect()
}

async function readAll(kafka: Kafka, groupId: string, count: number): Promise<string[]> {
  const consumer = kafka.consumer({ groupId, sessionTimeout: 6000, maxWaitTimeInMs: 100 })
  const values: string[] = []
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => void values.push(String(message.value)),
  })
  await eventually(
    () => values.length >= count,
    () => `${values.length} of ${count} records`,
    120_000,
  )
  await consumer.disconnect()
  return values
}

test('four processes are one cluster; a broker that was killed comes back with its log, and so do all', async () => {
  const cluster = new ProcessCluster({ dataDir, sessionTimeoutMs: 3000 })
  await cluster.start()
  const kafka = clientOf(cluster)
  const admin = kafka.admin()
  await admin.connect()
  // Whoever is asked may not have heard of the last one yet.
  await eventually(
    async () => (await admin.describeCluster()).brokers.length === 3,
    () => 'three brokers in the metadata',
    60_000,
  )
  const { clusterId } = await admin.describeCluster()
  await admin.createTopics({
    topics: [{ topic: 'orders', numPartitions: 1, replicationFactor: 3 }],
    waitForLeaders: true,
  })
  await admin.disconnect()
  await send(kafka, ['a', 'b', 'c'])

  const leader = await leaderOtherThan(kafka, -1)
  await cluster.end(leader, 'SIGKILL')
  await send(kafka, ['d', 'e'])
  await leaderOtherThan(kafka, leader)
  await cluster.startBroker(leader)
  await inSync(kafka)
  await send(kafka, ['f'])
  expect(await readAll(kafka, 'first', 6)).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])

  // The lights go out.
  await Promise.all(
    [...cluster.ids, 'zookeeper' as const].map(name => cluster.end(name, 'SIGKILL')),
  )
  await cluster.start()
  const again = clientOf(cluster)
  await inSync(again)
  const later = again.admin()
  await later.connect()
  expect((await later.describeCluster()).clusterId).toBe(clusterId)
  await later.disconnect()
  await send(again, ['g'])
  expect(await readAll(again, 'second', 7)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g'])
  for (const name of [...cluster.ids, 'zookeeper' as const]) await cluster.end(name, 'SIGTERM')
})

test('nothing acknowledged is lost, doubled or reordered when brokers are killed, back within and after their session', async () => {
  const { anomalies, failures, counts, faults, bytesCompared } = await runProcesses({
    seed: 1,
    durationMs: 0,
    dataDir,
    faults: ['kill', 'outlast'],
    sessionTimeoutMs: 3000,
  })
  expect({ anomalies, failures }).toEqual({ anomalies: [], failures: [] })
  expect(Object.fromEntries(faults)).toMatchObject({ kill: 1, outlast: 1 })
  expect(counts.acknowledged).toBeGreaterThan(100)
  expect(bytesCompared).toBeGreaterThan(1000)
})
