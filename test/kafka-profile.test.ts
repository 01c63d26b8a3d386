/** The stories under Kafka's own timeouts: the same charts, eighteen seconds of session, fifty partitions of offsets. On virtual time. */
import { afterEach, expect, test } from 'vitest'
import type { ConsumerHandle } from '../actors/index.ts'
import { type Cluster, startCluster } from '../actors/memory.ts'

let cluster: Cluster
afterEach(() => cluster.stop())

const start = async (partitions: number): Promise<Cluster> => {
  cluster = await startCluster({
    profile: 'kafka',
    topics: [{ name: 'orders', partitions, replicationFactor: 3 }],
  })
  return cluster
}

const text = (bytes: Uint8Array | null): string => new TextDecoder().decode(bytes ?? undefined)

/** What a consumer has read, in order; acknowledged as it comes. */
const readBy = (consumer: ConsumerHandle): string[] => {
  const read: string[] = []
  consumer.batches.subscribe(batch => {
    read.push(...batch.records.map(({ value }) => text(value)))
    batch.ack()
  })
  return read
}

/** Values `from`, `from + 1` …, one after the other, each waited for. */
const write = async (from: number, count: number): Promise<void> => {
  const producer = cluster.producer(`writer-${from}`)
  for (let n = from; n < from + count; n++)
    await producer.send({ topic: 'orders', partition: 0, value: `${n}` })
  await producer.close()
}

const upTo = (count: number): string[] => Array.from({ length: count }, (_, n) => `${n}`)

test('a producer with acks=all writes on while the leader dies: each record once, in order', async () => {
  await start(1)
  const orders = cluster.partition('orders', 0)
  const consumer = cluster.consumer('reader', { topics: ['orders'], autoOffsetReset: 'earliest' })
  const read = readBy(consumer)
  const producer = cluster.producer('shop')
  const sent: Promise<unknown>[] = []
  const send = (count: number): void => {
    for (let n = 0; n < count; n++)
      sent.push(producer.send({ topic: 'orders', partition: 0, value: `${sent.length}` }))
  }
  send(50)
  await cluster.until(() => read.length > 0)
  const beganAtMs = cluster.platform.clock.now()
  const dead = orders.leader
  dead?.kill()
  send(50)
  await orders.until(({ leader }) => leader >= 0 && leader !== dead?.id)
  // Its session was eighteen seconds long, of which up to a third had passed since its last ping.
  expect(cluster.platform.clock.now() - beganAtMs).toBeGreaterThan(11_000)
  expect(cluster.platform.clock.now() - beganAtMs).toBeLessThan(21_000)
  send(50)
  await Promise.all(sent)
  await cluster.until(() => read.length >= 150)
  expect(read).toEqual(upTo(150))
  await dead?.restart()
  await orders.until(({ isr }) => isr.length === 3, { timeoutMs: 120_000 })
})

test('leader and controller are one, die and come back; a leader that was cut off truncates what nobody had acknowledged', async () => {
  await start(1)
  const orders = cluster.partition('orders', 0)
  // Whoever leads becomes controller.
  for (let tries = 0; cluster.controller !== orders.leader && tries < 3; tries++) {
    const deposed = cluster.controller
    await deposed?.restart()
    await cluster.until(({ controller }) => controller !== null && controller !== deposed?.id)
    await orders.until(({ isr }) => isr.length === 3, { timeoutMs: 120_000 })
  }
  const both = cluster.controller
  expect(orders.leader).toBe(both)
  await write(0, 10)
  const leaderEpoch = orders.state?.leaderEpoch ?? 0
  both?.kill()
  const writing = write(10, 10)
  await orders.until(({ leader }) => leader >= 0 && leader !== both?.id, { timeoutMs: 60_000 })
  await writing
  expect(orders.state?.leaderEpoch).toBeGreaterThan(leaderEpoch)
  expect(cluster.controller?.id).not.toBe(both?.id)
  await both?.restart()
  await orders.until(({ isr }) => isr.length === 3, { timeoutMs: 120_000 })

  // Within its old session's time a broker waits for its old znode to go.
  const third = cluster.brokers.find(
    broker => broker !== cluster.controller && broker !== orders.leader,
  )
  third?.kill()
  const diedAtMs = cluster.platform.clock.now()
  await third?.restart()
  expect(cluster.platform.clock.now() - diedAtMs).toBeGreaterThan(11_000)
  await orders.until(({ isr }) => isr.length === 3, { timeoutMs: 120_000 })

  // Cut off from all but its clients, the leader takes what it will not keep.
  const stale = cluster.producer('stale', { acks: 1 })
  await stale.send({ topic: 'orders', partition: 0, value: '20' })
  await orders.until(({ replicaStates }) =>
    replicaStates.every(({ logEndOffset }) => logEndOffset === 21),
  )
  await orders.until(() => orders.leader !== undefined)
  const old = orders.leader
  const others = cluster.brokers.filter(broker => broker !== old).map(({ id }) => id)
  const cut = cluster.faults.partition([[old?.id ?? 0], [...others, 'zookeeper']])
  expect((await stale.send({ topic: 'orders', partition: 0, value: 'lost' })).offset).toBe(21)
  await orders.until(({ leader }) => leader >= 0 && leader !== old?.id, { timeoutMs: 60_000 })
  // By then it knows that it has not heard of ZooKeeper, and nothing else.
  expect(orders.state?.replicaStates.find(({ broker }) => broker === old?.id)?.logEndOffset).toBe(
    22,
  )
  cut.remove()
  await orders.until(({ isr }) => isr.length === 3, { timeoutMs: 120_000 })
  await write(21, 9)
  await orders.until(({ replicaStates }) =>
    replicaStates.every(({ logEndOffset }) => logEndOffset === 30),
  )
  const read = readBy(
    cluster.consumer('reader', { topics: ['orders'], autoOffsetReset: 'earliest' }),
  )
  await cluster.until(() => read.length >= 30)
  expect(read).toEqual(upTo(30))
})

test('a group of two, three, seven; one is idle; what is committed outlives its coordinator', async () => {
  await start(6)
  const members = new Map<string, ConsumerHandle>()
  const read: string[] = []
  const join = (name: string): void => {
    const member = cluster.consumer(name, {
      groupId: 'billing',
      topics: ['orders'],
      autoOffsetReset: 'earliest',
      rebalanceTimeoutMs: 10_000,
    })
    member.batches.subscribe(batch => {
      read.push(...batch.records.map(({ value }) => text(value)))
      batch.ack()
    })
    members.set(name, member)
  }
  const settle = async (): Promise<number[]> => {
    await cluster.group('billing').stable({ members: members.size, timeoutMs: 120_000 })
    const shares = () => [...members.values()].map(({ consumer }) => consumer.assignment.length)
    await cluster.until(() => shares().reduce((sum, count) => sum + count, 0) === 6)
    return shares().sort()
  }
  const produce = async (count: number): Promise<void> => {
    const producer = cluster.producer(`writer-${read.length}`)
    for (let n = 0; n < count; n++)
      await producer.send({ topic: 'orders', partition: n % 6, value: `${read.length}-${n}` })
    await producer.close()
  }
  join('m1')
  join('m2')
  expect(await settle()).toEqual([3, 3])
  await produce(12)
  await cluster.until(() => read.length === 12)
  join('m3')
  expect(await settle()).toEqual([2, 2, 2])
  for (const name of ['m4', 'm5', 'm6', 'm7']) join(name)
  expect(await settle()).toEqual([0, 1, 1, 1, 1, 1, 1])

  await cluster.advance(6000) // auto.commit.interval.ms
  const admin = cluster.admin()
  const committed = async (): Promise<number> =>
    (await admin.listGroupOffsets('billing')).reduce((sum, { offset }) => sum + offset, 0)
  expect(await committed()).toBe(12)
  const coordinator = cluster.group('billing').state?.coordinator ?? 0
  cluster.broker(coordinator).kill()
  await cluster.until(
    ({ groups }) => groups.some(it => it.groupId === 'billing' && it.coordinator !== coordinator),
    { timeoutMs: 120_000 },
  )
  expect(await settle()).toEqual([0, 1, 1, 1, 1, 1, 1])
  expect(await committed()).toBe(12)
  await produce(6)
  await cluster.until(() => read.length >= 18)
  expect(new Set(read).size).toBe(18)
  expect(read).toHaveLength(18)

  // One leaves, one dies: their partitions move on, at once and after its session.
  await members.get('m1')?.close()
  members.delete('m1')
  expect(await settle()).toEqual([1, 1, 1, 1, 1, 1])
  members.get('m2')?.kill()
  members.delete('m2')
  expect(await settle()).toEqual([1, 1, 1, 1, 2])
}, 120_000)
