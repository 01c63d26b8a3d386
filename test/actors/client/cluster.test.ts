/** The clients against a whole cluster, while its brokers die under them. */
import { expect, test } from 'vitest'
import type { ConsumerHandle, ProducerHandle } from '../../../actors/client-handles.ts'
import type { Cluster } from '../../../actors/cluster.ts'
import { startCluster } from '../../../actors/memory.ts'

const partitions = [0, 1, 2]

const start = () =>
  startCluster({ topics: [{ name: 'orders', partitions: 3, replicationFactor: 3 }] })

/** Writes three records every few milliseconds, one to each partition, until it is told to stop. */
function writing(cluster: Cluster, producer: ProducerHandle) {
  const written: string[][] = [[], [], []]
  const offsets: number[][] = [[], [], []]
  const refused: unknown[] = []
  let goes = true
  const tick = (): void => {
    if (!goes) return
    for (const partition of partitions) {
      const value = `${written[partition]?.length}`
      const at = written[partition]?.push(value) as number
      producer.producer.send({ topic: 'orders', partition, value }).subscribe({
        next: ({ offset }) => {
          ;(offsets[partition] as number[])[at - 1] = offset
        },
        error: error => refused.push(error),
      })
    }
    cluster.platform.clock.setTimeout(tick, 40)
  }
  tick()
  const stop = async (): Promise<void> => {
    goes = false
    await producer.flush()
  }
  return { written, offsets, refused, stop }
}

function reading(consumer: ConsumerHandle, into: string[][]): void {
  const text = new TextDecoder()
  consumer.batches.subscribe(batch => {
    for (const { value } of batch.records)
      into[batch.partition]?.push(text.decode(value ?? undefined))
    batch.ack()
  })
}

const pass = (cluster: Cluster, ms: number) =>
  cluster.platform.waiting(
    new Promise<void>(resolve => cluster.platform.clock.setTimeout(resolve, ms)),
  )

const member = (cluster: Cluster, name: string, into: string[][]): ConsumerHandle => {
  const consumer = cluster.consumer(name, {
    groupId: 'billing',
    topics: ['orders'],
    autoOffsetReset: 'earliest',
    sessionTimeoutMs: 3000,
    heartbeatIntervalMs: 300,
    autoCommitIntervalMs: 200,
  })
  reading(consumer, into)
  return consumer
}

const inOrder = (written: string[][]): number[][] =>
  written.map(values => values.map((_, offset) => offset))

test('every leader dies once under an idempotent producer: each record once, in order', async () => {
  await using cluster = await start()
  const { written, offsets, refused, stop } = writing(cluster, cluster.producer('p'))
  await pass(cluster, 500)
  for (const id of [1, 2, 3]) {
    cluster.broker(id).kill()
    await pass(cluster, 3500)
    await cluster.broker(id).restart()
    await pass(cluster, 2500)
  }
  await stop()
  expect(refused).toEqual([])
  expect(offsets).toEqual(inOrder(written))
  const read: string[][] = [[], [], []]
  const reader = cluster.consumer('r', { topics: ['orders'], autoOffsetReset: 'earliest' })
  reading(reader, read)
  await cluster.until(() => read.flat().length >= written.flat().length)
  expect(read).toEqual(written)
})

test('a leader that stands still for a while, and wakes, does no harm', async () => {
  await using cluster = await start()
  const { written, offsets, refused, stop } = writing(cluster, cluster.producer('p'))
  await pass(cluster, 500)
  cluster.broker(2).pause()
  await pass(cluster, 4000)
  cluster.broker(2).resume()
  await pass(cluster, 3000)
  await stop()
  expect(refused).toEqual([])
  expect(offsets).toEqual(inOrder(written))
})

test('when the coordinator dies the members go on, and commits are not lost', async () => {
  await using cluster = await start()
  const { written, stop } = writing(cluster, cluster.producer('p'))
  const read: string[][] = [[], [], []]
  const members = ['one', 'two'].map(name => member(cluster, name, read))
  await cluster.group('billing').stable({ members: 2 })
  await pass(cluster, 1000)
  const [group] = await cluster.admin('a').describeGroups(['billing'])
  cluster.broker(group?.coordinatorId as number).kill()
  await pass(cluster, 5000)
  await stop()
  await pass(cluster, 2000)
  expect(read).toEqual(written)
  for (const one of members) await one.close()
  const offsets = await cluster.admin('b').listGroupOffsets('billing')
  expect(offsets.map(({ partition, offset }) => [partition, offset]).sort()).toEqual(
    partitions.map(partition => [partition, written[partition]?.length]),
  )
})

test('a member that dies without a word is replaced when its session is over', async () => {
  await using cluster = await start()
  const { written, stop } = writing(cluster, cluster.producer('p'))
  const read: string[][] = [[], [], []]
  const [one, two] = ['one', 'two'].map(name => member(cluster, name, read))
  await cluster.group('billing').stable({ members: 2 })
  await pass(cluster, 1000)
  one?.kill()
  await pass(cluster, 6000)
  await stop()
  await pass(cluster, 2000)
  expect(two?.consumer.assignment).toHaveLength(3)
  // What the dead one had read and not committed is read again.
  for (const partition of partitions)
    expect([...new Set(read[partition])]).toEqual(written[partition])
})

test('cooperative members hand partitions over without stopping the others', async () => {
  await using cluster = await start()
  const { written, stop } = writing(cluster, cluster.producer('p'))
  const read: string[][] = [[], [], []]
  const names = ['one', 'two', 'three']
  const members: ConsumerHandle[] = []
  for (const name of names) {
    const consumer = cluster.consumer(name, {
      groupId: 'billing',
      topics: ['orders'],
      autoOffsetReset: 'earliest',
      sessionTimeoutMs: 3000,
      heartbeatIntervalMs: 300,
      partitionAssignmentStrategy: ['cooperative-sticky'],
    })
    reading(consumer, read)
    members.push(consumer)
    await pass(cluster, 3000)
  }
  expect(members.map(({ consumer }) => consumer.assignment.length)).toEqual([1, 1, 1])
  await stop()
  await pass(cluster, 1000)
  expect(read).toEqual(written)
})

test('a topic that is deleted and made anew is written and read on, from its beginning', async () => {
  await using cluster = await start()
  const producer = cluster.producer('p')
  const read: string[][] = [[], [], []]
  const reader = cluster.consumer('r', {
    topics: ['orders'],
    autoOffsetReset: 'earliest',
    metadataMaxAgeMs: 1000,
  })
  reading(reader, read)
  for (const value of ['a', 'b', 'c']) await producer.send({ topic: 'orders', partition: 0, value })
  cluster.broker(2).kill()
  await pass(cluster, 4000)
  await cluster.broker(2).restart()
  await pass(cluster, 1000)
  const admin = cluster.admin()
  await admin.deleteTopics(['orders'])
  await cluster.until(() => !cluster.state().partitions.some(({ topic }) => topic === 'orders'))
  await admin.createTopics([{ name: 'orders', numPartitions: 3, replicationFactor: 3 }])
  await producer.send({ topic: 'orders', partition: 0, value: 'anew' })
  await pass(cluster, 4000)
  expect(read[0]).toEqual(['a', 'b', 'c', 'anew'])
})
