import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Cluster, memoryPlatform, startCluster } from '../../../actors/memory.ts'
import { simulatedPlatform } from '../../../src/platform/simulated.ts'

let cluster: Cluster

beforeEach(async () => {
  cluster = await startCluster({
    topics: [{ name: 'orders', partitions: 2, replicationFactor: 3 }],
  })
})
afterEach(() => cluster.stop())

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const end = (partition = 0): number =>
  Math.max(
    ...(cluster.partition('orders', partition).state?.replicaStates ?? []).map(
      ({ logEndOffset }) => logEndOffset ?? 0,
    ),
  )

test('an injected error is met so often as was said, has no effect, and the producer gets over it', async () => {
  const fault = cluster.faults.injectError('Produce', 'NOT_LEADER_OR_FOLLOWER', {
    topic: 'orders',
    times: 2,
  })
  const producer = cluster.producer('p')
  const sent = await producer.send({ topic: 'orders', partition: 0, value: text('a') })
  expect(sent.offset).toBe(0)
  expect(fault.fired).toBe(2)
  expect(fault.isActive).toBe(false)
  expect(end()).toBe(1)
  expect(cluster.trace.kept.some(({ type }) => type.includes('meets NOT_LEADER_OR_FOLLOWER'))).toBe(
    true,
  )
})

test('only the partition, the client and the broker that were meant are met', async () => {
  const leader = cluster.partition('orders', 0).leader
  const others = cluster.brokers.filter(broker => broker !== leader).map(({ id }) => id)
  const faults = [
    cluster.faults.injectError('Produce', 'NOT_ENOUGH_REPLICAS', { topic: 'orders', partition: 1 }),
    cluster.faults.injectError('Produce', 'NOT_ENOUGH_REPLICAS', { topic: 'bills' }),
    cluster.faults.injectError('Produce', 'NOT_ENOUGH_REPLICAS', { clientId: 'somebody else' }),
    ...others.map(broker =>
      cluster.faults.injectError('Produce', 'NOT_ENOUGH_REPLICAS', {
        topic: 'orders',
        partition: 0,
        broker,
      }),
    ),
  ]
  const producer = cluster.producer('p', { clientId: 'me' })
  await producer.send({ topic: 'orders', partition: 0, value: text('a') })
  expect(faults.map(({ fired }) => fired)).toEqual([0, 0, 0, 0, 0])
})

test('an answer that is lost after the append does not make an idempotent producer write twice', async () => {
  const lost = cluster.faults.disconnectOn('Produce', { handled: true, times: 1 })
  const refused = cluster.faults.injectError('Produce', 'REQUEST_TIMED_OUT', {
    handled: true,
    after: 1,
    times: 1,
  })
  const producer = cluster.producer('p', { enableIdempotence: true })
  for (const value of ['a', 'b', 'c'])
    await producer.send({ topic: 'orders', partition: 0, value: text(value) })
  expect([lost.fired, refused.fired]).toEqual([1, 1])
  expect(end()).toBe(3)
})

test('a delay costs its time on the cluster’s clock, and what comes behind it waits too', async () => {
  const producer = cluster.producer('p', { lingerMs: 0 })
  await producer.send({ topic: 'orders', partition: 0, value: text('warm') })
  const fault = cluster.faults.delayOn('Produce', 700, { times: 1 })
  const beganAtMs = cluster.platform.clock.now()
  const sent = await Promise.all(
    ['a', 'b'].map(value => producer.send({ topic: 'orders', partition: 0, value: text(value) })),
  )
  expect(cluster.platform.clock.now() - beganAtMs).toBeGreaterThanOrEqual(700)
  expect(cluster.platform.clock.now() - beganAtMs).toBeLessThan(1000)
  expect(sent.map(({ offset }) => offset)).toEqual([1, 2])
  expect(fault.fired).toBe(1)
})

test('a client in a black hole hears nothing until it is let out', async () => {
  const producer = cluster.producer('p', { clientId: 'lost' })
  const hole = cluster.faults.blackholeClient('lost')
  let arrived = false
  const sending = producer.send({ topic: 'orders', partition: 0, value: text('a') }).then(() => {
    arrived = true
  })
  await cluster.advance(5000)
  expect(arrived).toBe(false)
  expect(hole.fired).toBeGreaterThan(0)
  hole.remove()
  await cluster.platform.waiting(sending)
  expect(end()).toBe(1)
})

test('a consumer meets errors in the partition that was meant, and reads on', async () => {
  const producer = cluster.producer('p')
  for (const partition of [0, 1])
    await producer.send({ topic: 'orders', partition, value: text(`${partition}`) })
  const fault = cluster.faults.injectError('Fetch', 'NOT_LEADER_OR_FOLLOWER', {
    topic: 'orders',
    partition: 1,
    times: 3,
  })
  const consumer = cluster.consumer('c', { topics: ['orders'], autoOffsetReset: 'earliest' })
  const seen: number[] = []
  const both = new Promise<void>(resolve =>
    consumer.batches.subscribe(batch => {
      seen.push(batch.partition)
      batch.ack()
      if (seen.length === 2) resolve()
    }),
  )
  await cluster.platform.waiting(both)
  expect(seen).toEqual([0, 1])
  expect(fault.fired).toBe(3)
})

test('followers are no clients: they meet only what names them', async () => {
  const forClients = cluster.faults.injectError('Fetch', 'KAFKA_STORAGE_ERROR', { optional: true })
  const forFollowers = cluster.faults.injectError('Fetch', 'KAFKA_STORAGE_ERROR', {
    clientId: /fetcher/,
    times: 1,
  })
  await cluster.producer('p').send({ topic: 'orders', partition: 0, value: text('a') })
  await cluster.until(() => forFollowers.fired === 1, { what: 'a follower that meets the fault' })
  expect(forClients.fired).toBe(0)
})

test('groups meet errors of their coordinator', async () => {
  const fault = cluster.faults.injectError('JoinGroup', 'COORDINATOR_LOAD_IN_PROGRESS', {
    times: 1,
  })
  const found = cluster.faults.injectError('FindCoordinator', 'COORDINATOR_NOT_AVAILABLE', {
    times: 1,
  })
  cluster.consumer('c', { topics: ['orders'], groupId: 'billing' })
  await cluster.group('billing').stable({ members: 1 })
  expect([fault.fired, found.fired]).toEqual([1, 1])
})

test('what cannot be is refused with what to do instead', () => {
  const { faults } = cluster
  expect(() => faults.injectError('Produse' as 'Produce', 'NOT_CONTROLLER')).toThrow(
    /no API Produse: use the name/,
  )
  expect(() => faults.injectError('Produce', 'OOPS' as 'NOT_CONTROLLER')).toThrow(
    /OOPS is no error of Kafka's/,
  )
  expect(() => faults.injectError('Heartbeat', 'NOT_COORDINATOR', { topic: 'orders' })).toThrow(
    /Heartbeat request names no topic/,
  )
  expect(() => faults.delayOn('Heartbeat', 5, { topic: 'orders' })).toThrow(/names no topics/)
  expect(() => faults.injectError('Produce', 'NOT_CONTROLLER', { partition: 1 })).toThrow(
    /of which topic/,
  )
  expect(() => faults.delayOn('Produce', Number.NaN)).toThrow(/milliseconds/)
  expect(() => faults.delayOn('Produce', 1, { times: 1.5 })).toThrow(/whole number/)
  expect(() => faults.isolate(7)).toThrow(/no node broker-7: there are broker-1/)
  expect(() => faults.latency(-1)).toThrow(/milliseconds from 0/)
  expect(() => faults.latency(1, { of: 1, between: [1, 2] })).toThrow(/not both/)
  expect(() => cluster.link('broker-1', 'zookeper', frames$ => frames$)).toThrow(/no node zookeper/)
  expect(faults.all).toEqual([])
})

test('no fault outlives its removal', async () => {
  {
    using fault = cluster.faults.injectError('Produce', 'NOT_ENOUGH_REPLICAS')
    expect(fault.isActive).toBe(true)
  }
  cluster.faults.delayOn('Produce', 1e6)
  cluster.faults.blackholeClient(/./)
  cluster.faults.clear()
  expect(cluster.faults.all.map(({ isActive, fired }) => [isActive, fired])).toEqual([
    [false, 0],
    [false, 0],
    [false, 0],
  ])
  await cluster.producer('p').send({ topic: 'orders', partition: 0, value: text('a') })
})

test('the same seed draws the same requests', async () => {
  const run = async (): Promise<readonly number[]> => {
    await using other = await startCluster({
      platform: memoryPlatform({ clock: 'stepping', seed: 5 }),
      topics: [{ name: 'orders', partitions: 1 }],
    })
    const fault = other.faults.injectError('Produce', 'NOT_LEADER_OR_FOLLOWER', {
      probability: 0.5,
    })
    const producer = other.producer('p')
    const fired: number[] = []
    for (let n = 0; n < 10; n++) {
      await producer.send({ topic: 'orders', value: text(`${n}`) })
      fired.push(fault.fired)
    }
    return fired
  }
  const first = await run()
  expect(first.at(-1)).toBeGreaterThan(0)
  expect(await run()).toEqual(first)
})

test('on the simulated platform a leader is cut off, another leads, and it comes back', async () => {
  await using other = await startCluster({
    platform: simulatedPlatform({ seed: 3 }),
    topics: [{ name: 'orders', partitions: 1, replicationFactor: 3 }],
  })
  const orders = other.partition('orders', 0)
  const old = orders.leader
  if (old === undefined) throw new Error('no leader')
  const cut = other.faults.isolate(old.id)
  await orders.until(({ leader }) => leader !== old.id && leader >= 0)
  expect(cut.fired).toBeGreaterThan(0)
  cut.remove()
  await orders.until(({ isr }) => isr.length === 3)
  expect(() => other.faults.partition([[1], [7]])).toThrow(/no node broker-7: there are broker-1/)
})

test('a broker that dies takes the requests it held up with it', async () => {
  const hole = cluster.faults.blackholeClient('lost')
  cluster
    .producer('p', { clientId: 'lost' })
    .send({
      topic: 'orders',
      partition: 0,
      value: text('a'),
    })
    .catch(() => {})
  await cluster.until(() => hole.fired > 0)
  for (const broker of cluster.brokers) broker.kill()
  hole.remove()
  await cluster.advance(100)
  expect(cluster.brokers.map(({ state }) => state)).toEqual(['killed', 'killed', 'killed'])
})
