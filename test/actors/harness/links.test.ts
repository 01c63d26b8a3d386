/** Faults of the lines between nodes: the same on every platform. */
import { delay, filter, map } from 'rxjs'
import { afterEach, expect, test } from 'vitest'
import {
  type Cluster,
  type LinkFrame,
  memoryPlatform,
  startCluster,
} from '../../../actors/memory.ts'
import { nodePlatform } from '../../../actors/node.ts'
import { simulatedPlatform } from '../../../src/platform/simulated.ts'
import type { Platform } from '../../../src/ports.ts'

const platforms: Readonly<Record<string, () => Platform>> = {
  memory: () => memoryPlatform({ clock: 'stepping' }),
  'memory on the wall clock': () => memoryPlatform({ clock: 'wall' }),
  simulated: () => simulatedPlatform({ seed: 4 }),
  node: () => nodePlatform(),
}

let cluster: Cluster
afterEach(() => cluster.stop())

const start = async (platform: Platform): Promise<Cluster> => {
  cluster = await startCluster({
    platform,
    topics: [{ name: 'orders', partitions: 1, replicationFactor: 3 }],
  })
  return cluster
}
const send = (value: string, name = value) =>
  cluster.producer(name).send({ topic: 'orders', partition: 0, value })
/** A follower and its leader. The controller is neither cut off nor needed by one that is: it has to write the smaller ISR. */
const pair = (): readonly [follower: number, leader: number] => {
  const leader = cluster.partition('orders', 0).leader?.id ?? 0
  const controller = cluster.controller?.id
  return [[1, 2, 3].find(id => id !== leader && id !== controller) ?? 0, leader]
}

for (const [name, platform] of Object.entries(platforms)) {
  test(`${name}: a follower whose fetches are dropped leaves the ISR, and comes back`, async () => {
    await start(platform())
    const [follower, leader] = pair()
    const orders = cluster.partition('orders', 0)
    const seen = new Set<string>()
    const fault = cluster.link(`broker-${follower}`, `broker-${leader}`, frames$ =>
      frames$.pipe(
        filter(({ api, direction }) => {
          seen.add(`${direction} ${api}`)
          return api !== 'Fetch' || direction === 'response'
        }),
      ),
    )
    await send('a')
    await orders.until(({ isr }) => !isr.includes(follower))
    expect(orders.isr).toHaveLength(2)
    expect(fault.fired).toBeGreaterThan(0)
    expect(seen).toContain('request Fetch')
    fault.remove()
    await orders.until(({ isr }) => isr.length === 3)
    expect(fault.isActive).toBe(false)
  })

  test(`${name}: a broker that is cut off loses its leadership, and follows when the cable is back`, async () => {
    await start(platform())
    const orders = cluster.partition('orders', 0)
    const old = orders.leader?.id ?? 0
    const cut = cluster.faults.isolate(old)
    await orders.until(({ leader }) => leader !== old && leader >= 0)
    expect(cut.fired).toBeGreaterThan(0)
    cut.remove()
    await orders.until(({ isr }) => isr.length === 3)
  })

  test(`${name}: a partition cuts between groups alone`, async () => {
    await start(platform())
    const [follower, leader] = pair()
    const orders = cluster.partition('orders', 0)
    const cut = cluster.faults.partition([[follower], [leader]])
    await send('a')
    await orders.until(({ isr }) => !isr.includes(follower))
    // ZooKeeper hears of both: nobody is elected anew.
    expect(orders.leader?.id).toBe(leader)
    cut.remove()
    await orders.until(({ isr }) => isr.length === 3)
    expect(orders.state?.leaderEpoch).toBe(0)
  })

  test(`${name}: latency is what a record takes longer, and what is sent keeps its order`, async () => {
    await start(platform())
    const producer = cluster.producer('shop', { lingerMs: 0 })
    await producer.send({ topic: 'orders', partition: 0, value: 'warm' })
    const slow = cluster.faults.latency(100, { of: 'client/shop', jitterMs: 30 })
    const beganAtMs = cluster.platform.clock.now()
    const sent = await Promise.all(
      ['a', 'b', 'c'].map(value => producer.send({ topic: 'orders', partition: 0, value })),
    )
    expect(cluster.platform.clock.now() - beganAtMs).toBeGreaterThanOrEqual(200)
    expect(sent.map(({ offset }) => offset)).toEqual([1, 2, 3])
    expect(slow.fired).toBeGreaterThan(1)
    slow.remove()
  })
}

test('a frame that is not emitted resets its connection, once nothing is to come any more', async () => {
  await start(memoryPlatform({ clock: 'stepping' }))
  let dropped = 0
  const fault = cluster.link('client/shop', '*', (frames$, scheduler) =>
    frames$.pipe(
      filter(({ api, direction }) => api !== 'Produce' || direction === 'request' || dropped++ > 0),
      delay(10, scheduler),
    ),
  )
  const producer = cluster.producer('shop', { enableIdempotence: true })
  const { offset } = await producer.send({ topic: 'orders', partition: 0, value: 'a' })
  // The answer was lost, the producer asked again, and the broker knew it.
  expect(offset).toBe(0)
  expect(dropped).toBeGreaterThan(1)
  expect(fault.fired).toBeGreaterThan(1)
  const told = cluster.trace.kept.filter(
    ({ path, type }) => path === 'story' && / is lost/.test(type),
  )
  expect(told.map(({ type }) => type)).toEqual([
    expect.stringMatching(/^Produce \(response\) is lost on the link client\/shop → broker-\d/),
  ])
})

test('frames that are emitted out of order, twice or made up leave in order, once, or not at all', async () => {
  await start(memoryPlatform({ clock: 'stepping' }))
  const orders: number[] = []
  cluster.link('client/shop', '*', (frames$, scheduler) =>
    frames$.pipe(
      // The first of two takes longer than the second.
      map((frame, at): [LinkFrame, number] => [frame, at % 2 === 0 ? 20 : 1]),
      source =>
        new (frames$.constructor as typeof import('rxjs').Observable)<LinkFrame>(subscriber => {
          const subscription = source.subscribe(([frame, ms]) => {
            subscription.add(
              scheduler.schedule(() => {
                subscriber.next(frame)
                subscriber.next(frame)
                subscriber.next({ ...frame, correlationId: -7 })
              }, ms),
            )
          })
          return subscription
        }),
    ),
  )
  const producer = cluster.producer('shop', { lingerMs: 0, enableIdempotence: true })
  await Promise.all(
    Array.from({ length: 10 }, async (_, n) => {
      const { offset } = await producer.send({ topic: 'orders', partition: 0, value: `${n}` })
      orders.push(offset)
    }),
  )
  expect(orders).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('a frame may go on with other bytes', async () => {
  await start(memoryPlatform({ clock: 'stepping' }))
  let spoiled = 0
  const fault = cluster.link('client/shop', '*', frames$ =>
    frames$.pipe(
      map(frame => {
        if (frame.api !== 'Produce' || frame.direction === 'response' || spoiled++ > 0) return frame
        // The value of the record: behind it come its headers and the request's tags.
        const bytes = frame.frame.slice()
        bytes[bytes.length - 5] = (bytes.at(-5) as number) ^ 0xff
        return { ...frame, frame: bytes }
      }),
    ),
  )
  const { offset } = await send('a', 'shop')
  expect(offset).toBe(0)
  // CORRUPT_MESSAGE, and sent again.
  expect([spoiled, fault.fired]).toEqual([2, 1])
})

test('ZooKeeper’s operations have names too: a broker whose pings are dropped keeps its session, as its heartbeats come from a new connection', async () => {
  await start(memoryPlatform({ clock: 'stepping' }))
  const names = new Set<string | null>()
  const fault = cluster.link('broker-2', 'zookeeper', frames$ =>
    frames$.pipe(
      filter(({ api, direction }) => {
        names.add(api)
        return api !== 'ping' || direction === 'response'
      }),
    ),
  )
  const session = cluster.broker(2).sessionId
  await cluster.advance(10_000)
  expect(fault.fired).toBeGreaterThan(0)
  expect(cluster.broker(2).sessionId).toBe(session)
  expect([...names]).toEqual(expect.arrayContaining(['ping', 'connect']))
})

test('clients from outside are known by their client.id once they have asked something', async () => {
  await start(nodePlatform())
  const { Kafka, logLevel } = await import('kafkajs')
  const kafka = new Kafka({
    clientId: 'webshop',
    brokers: cluster.bootstrapServers.split(','),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 20, retries: 20 },
  })
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic: 'orders', messages: [{ value: 'a' }] })
  const seen: string[] = []
  const fault = cluster.link('client/webshop', '*', frames$ =>
    frames$.pipe(
      filter(({ api, direction, clientId }) => {
        seen.push(`${direction} ${api} ${clientId}`)
        return !(
          api === 'Produce' && seen.filter(line => /request Produce/.test(line)).length === 1
        )
      }),
    ),
  )
  await producer.send({ topic: 'orders', messages: [{ value: 'b' }] })
  await producer.disconnect()
  expect(fault.fired).toBe(1)
  expect(seen).toContain('request Produce webshop')
  expect(seen).toContain('response Produce webshop')
  const orders = cluster.partition('orders', 0)
  await orders.until(state => state.replicaStates.every(replica => replica.logEndOffset === 2))
})

test('a client from outside is cut off with its broker, and hears of it when the cable is back', async () => {
  await start(nodePlatform())
  const { Kafka, logLevel } = await import('kafkajs')
  const kafka = new Kafka({
    clientId: 'webshop',
    brokers: cluster.bootstrapServers.split(','),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 20, retries: 20 },
  })
  const admin = kafka.admin()
  await admin.connect()
  const cut = cluster.faults.partition([['client/webshop'], [1, 2, 3]])
  const topics = admin.listTopics()
  let isThere = false
  void topics.then(() => {
    isThere = true
  })
  await cluster.until(() => cut.fired > 0, { what: 'a question that is held' })
  await cluster.advance(300)
  expect(isThere).toBe(false)
  cut.remove()
  expect(await topics).toContain('orders')
  await admin.disconnect()
})

test('the same link, the same clock: the same run', async () => {
  const run = async (): Promise<string[]> => {
    await using own = await startCluster({
      platform: memoryPlatform({ clock: 'stepping', seed: 3 }),
      topics: [{ name: 'orders', partitions: 1, replicationFactor: 3 }],
    })
    own.link('*', '*', (frames$, scheduler) => frames$.pipe(delay(7, scheduler)))
    own.faults.latency(3, { jitterMs: 9 })
    await own.producer('p').send({ topic: 'orders', partition: 0, value: 'a' })
    return own.trace.kept.map(({ atMs, path, type }) => `${atMs} ${path} ${type}`)
  }
  cluster = await startCluster({ brokers: 1 })
  expect(await run()).toEqual(await run())
})
