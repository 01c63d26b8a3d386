/** A broker that comes back without its log (KAFKA-14139): nobody takes it for what it was. */
import { expect, test } from 'vitest'
import type { Cluster, ClusterOptions } from '../../actors/memory.ts'
import { ElectLeaders, IncrementalAlterConfigs } from '../../src/protocol/index.ts'
import { WholeCluster } from './broker/whole-cluster.ts'

const text = (bytes: Uint8Array | null) => new TextDecoder().decode(bytes ?? undefined)
const session = 2000

/** Thirty records, of which three brokers have every one. */
async function filled(
  options: Partial<ClusterOptions> = {},
): Promise<{ whole: WholeCluster; cluster: Cluster; expected: readonly string[] }> {
  const whole = await WholeCluster.start({
    topics: [{ name: 'orders', partitions: 1, replicationFactor: 3 }],
    ...options,
  })
  const { cluster } = whole
  const producer = cluster.producer('writer')
  const expected = Array.from({ length: 30 }, (_, i) => String(i))
  for (const value of expected) await producer.send({ topic: 'orders', partition: 0, value })
  await producer.close()
  // High watermarks are written down.
  await cluster.advance(6000)
  return { whole, cluster, expected }
}

const orders = (cluster: Cluster) => cluster.partition('orders', 0)
const leaderOf = (cluster: Cluster): number => orders(cluster).state?.leader ?? -1

/** All of the directory goes, or what is of the topic. */
function lose(cluster: Cluster, id: number, what: 'all' | 'orders-0' = 'all'): void {
  const disk = cluster.platform.disk(`broker-${id}`)
  for (const name of what === 'all' ? disk.list('') : [what]) disk.remove(name)
}

async function readAll(cluster: Cluster, count: number): Promise<string[]> {
  const name = `reader-${cluster.platform.clock.now()}`
  const consumer = cluster.consumer(name, { topics: ['orders'], autoOffsetReset: 'earliest' })
  const values: string[] = []
  consumer.batches.subscribe(({ records }) => {
    for (const { value } of records) values.push(text(value))
  })
  await cluster.until(() => values.length >= count, { what: `${count} records` })
  await consumer.close()
  return values
}

/** How often logs were missed at a start. */
const losses = (cluster: Cluster): number =>
  cluster.trace.kept.filter(({ type }) => type === 'logs are lost').length

/** Kills everybody but one, which is left as the only one in sync; its id. */
async function lastOfAll(cluster: Cluster): Promise<number> {
  const last = leaderOf(cluster)
  for (const { id } of cluster.brokers) if (id !== last) cluster.broker(id).kill()
  await orders(cluster).until(({ isr }) => isr.length === 1)
  return last
}

const electUnclean = (whole: WholeCluster) =>
  whole.ask(whole.controllerId, ElectLeaders, {
    electionType: 1,
    topicPartitions: [{ topic: 'orders', partitions: [0] }],
    timeoutMs: 10_000,
  })

const allowUnclean = (whole: WholeCluster, at: number) =>
  whole.ask(at, IncrementalAlterConfigs, {
    resources: [
      {
        resourceType: 2,
        resourceName: 'orders',
        configs: [{ name: 'unclean.leader.election.enable', configOperation: 0, value: 'true' }],
      },
    ],
    validateOnly: false,
  })

test.each([
  ['within its session', 0, 'all'],
  ['after its session', 2 * session, 'all'],
  ['within its session, of the partition alone', 0, 'orders-0'],
] as const)(
  'in the ISR beside a leader, back %s: it is in the ISR no more till it has everything again',
  async (_when, awayMs, what) => {
    const { whole, cluster, expected } = await filled()
    await using _ = whole
    const leader = leaderOf(cluster)
    const [fresh = 0, third = 0] = cluster.brokers.map(({ id }) => id).filter(id => id !== leader)
    cluster.broker(third).kill()
    await orders(cluster).until(({ isr }) => isr.length === 2)
    cluster.broker(fresh).kill()
    lose(cluster, fresh, what)
    await cluster.advance(awayMs)
    // It is not to fetch anything, yet.
    const held = cluster.faults.blackholeClient(/fetcher/, { broker: leader })
    await cluster.broker(fresh).restart()
    expect(orders(cluster).state).toMatchObject({ leader, isr: [leader] })
    held.remove()
    await orders(cluster).until(({ isr }) => isr.length === 2)
    cluster.broker(leader).kill()
    await orders(cluster).until(state => state.leader === fresh)
    expect(await readAll(cluster, 30)).toEqual(expected)
    expect(losses(cluster)).toBe(0)
  },
)

test('its death unseen by any controller: with the leader gone nobody leads, and nothing is lost when the leader is back', async () => {
  const { whole, cluster, expected } = await filled()
  await using _ = whole
  const leader = leaderOf(cluster)
  for (const { id } of cluster.brokers) cluster.broker(id).kill()
  const [fresh = 0, third = 0] = cluster.brokers.map(({ id }) => id).filter(id => id !== leader)
  lose(cluster, fresh)
  await cluster.broker(fresh).restart()
  await orders(cluster).until(({ leader, isr }) => leader === -1 && !isr.includes(fresh))
  // Again, with the directory it has begun.
  await cluster.broker(fresh).restart()
  await cluster.advance(5000)
  expect(orders(cluster).state).toMatchObject({ leader: -1 })

  for (const id of [leader, third]) await cluster.broker(id).restart()
  // It follows like anybody else, and may lead again.
  await orders(cluster).until(({ isr }) => isr.length === 3)
  for (const id of [leader, third]) cluster.broker(id).kill()
  await orders(cluster).until(state => state.leader === fresh)
  expect(await readAll(cluster, 30)).toEqual(expected)
})

test.each(['asked for', 'allowed'])(
  'the last in the ISR: nobody leads till an unclean election is %s, and then it follows',
  async how => {
    const { whole, cluster, expected } = await filled()
    await using _ = whole
    const fresh = await lastOfAll(cluster)
    cluster.broker(fresh).kill()
    lose(cluster, fresh)
    await cluster.broker(fresh).restart()
    await orders(cluster).until(state => state.leader === -1)
    const others = cluster.brokers.filter(({ id }) => id !== fresh)
    for (const broker of others) await broker.restart()
    await cluster.advance(5000)
    expect(orders(cluster).state).toMatchObject({ leader: -1, isr: [fresh] })

    if (how === 'allowed') await allowUnclean(whole, fresh)
    else await electUnclean(whole)
    await orders(cluster).until(state => state.leader >= 0 && state.isr.length === 3)
    expect(await readAll(cluster, 30)).toEqual(expected)
  },
)

test('elected by another broker, which does not know, it refuses', async () => {
  const { whole, cluster, expected } = await filled({ brokers: 4 })
  await using _ = whole
  const { replicas = [] } = orders(cluster).state ?? {}
  const fresh = leaderOf(cluster)
  const others = replicas.filter(id => id !== fresh)
  for (const id of others) cluster.broker(id).kill()
  await orders(cluster).until(({ isr }) => isr.length === 1)
  cluster.broker(fresh).kill()
  lose(cluster, fresh)
  await cluster.broker(fresh).restart()
  const refusal = () => cluster.trace.kept.find(({ type }) => type === 'leadership refused')
  await cluster.until(() => refusal() !== undefined, { what: 'a refusal' })
  expect(refusal()).toMatchObject({
    detail: { error: expect.stringMatching(/^the log of orders-0 is gone/) },
  })
  await orders(cluster).until(state => state.leader === -1)
  for (const id of others) await cluster.broker(id).restart()
  await electUnclean(whole)
  await orders(cluster).until(({ isr }) => isr.length === 3)
  // It follows, and the controller knows that it may lead again.
  for (const id of others) cluster.broker(id).kill()
  await orders(cluster).until(state => state.leader === fresh)
  expect(await readAll(cluster, 30)).toEqual(expected)
})

test('where unclean elections are allowed it leads with what it has, if nobody else is there', async () => {
  const { whole, cluster } = await filled()
  await using _ = whole
  const fresh = await lastOfAll(cluster)
  cluster.broker(fresh).kill()
  lose(cluster, fresh)
  await cluster.broker(fresh).restart()
  await orders(cluster).until(state => state.leader === -1)
  await allowUnclean(whole, fresh)
  await orders(cluster).until(state => state.leader === fresh)
  const producer = cluster.producer('again')
  await producer.send({ topic: 'orders', partition: 0, value: 'first' })
  expect(await readAll(cluster, 1)).toEqual(['first'])
})

test('lost.log.election.enable, as Kafka has it: it leads with an empty log, and the others lose theirs', async () => {
  const { whole, cluster } = await filled({ overrides: { 'lost.log.election.enable': true } })
  await using _ = whole
  const fresh = await lastOfAll(cluster)
  cluster.broker(fresh).kill()
  lose(cluster, fresh)
  await cluster.broker(fresh).restart()
  await orders(cluster).until(state => state.leader === fresh)
  for (const { id } of cluster.brokers) if (id !== fresh) await cluster.broker(id).restart()
  await orders(cluster).until(({ isr }) => isr.length === 3)
  const producer = cluster.producer('again')
  await producer.send({ topic: 'orders', partition: 0, value: 'first' })
  expect(await readAll(cluster, 1)).toEqual(['first'])
})
