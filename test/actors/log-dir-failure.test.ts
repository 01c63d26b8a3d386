/** A broker whose disk fails: it lives on, and others lead. */
import { expect, test } from 'vitest'
import { type Cluster, startCluster } from '../../actors/cluster.ts'
import { type SimulatedPlatform, simulatedPlatform } from '../../src/platform/simulated.ts'

const utf8 = (text: string) => new TextEncoder().encode(text)
const topics = [{ name: 'orders', partitions: 3, replicationFactor: 3 }]

async function onTornDisks(
  seed: number,
  run: (cluster: Cluster, platform: SimulatedPlatform) => Promise<void>,
): Promise<void> {
  const platform = simulatedPlatform({ seed, disks: 'torn' })
  const cluster = await startCluster({ platform, topics })
  try {
    await run(cluster, platform)
  } finally {
    await cluster.stop()
  }
}

/** All values of the topic's first partition, as a new consumer reads them. */
async function readAll(cluster: Cluster, name: string, count: number): Promise<string[]> {
  const consumer = cluster.consumer(name, { topics: ['orders'], autoOffsetReset: 'earliest' })
  const values: string[] = []
  consumer.batches.subscribe(({ records }) => {
    for (const { value } of records)
      if (value !== null) values.push(new TextDecoder().decode(value))
  })
  await cluster.until(() => values.length >= count, { what: `${count} records` })
  await consumer.close()
  return values
}

test.each(['EIO', 'ENOSPC', 'EROFS'] as const)(
  '%s: the broker lives, its replicas are offline, others lead, nothing acknowledged is lost',
  async code => {
    await onTornDisks(7, async (cluster, platform) => {
      const producer = cluster.producer('writer')
      const send = (i: number) =>
        producer.send({ topic: 'orders', partition: i % 3, value: utf8(String(i)) })
      const expected: string[] = []
      for (let i = 0; i < 30; i++) {
        await send(i)
        expected.push(String(i))
      }
      const dead = cluster.partition('orders', 0).leader
      const id = dead?.id ?? 0
      platform.tornDisk(`broker-${id}`)?.fail(code, code === 'EIO' ? 'all' : 'writes')
      for (let i = 30; i < 60; i++) {
        await send(i)
        expected.push(String(i))
      }
      for (const partition of [0, 1, 2])
        await cluster
          .partition('orders', partition)
          .until(({ leader, isr }) => leader !== id && leader >= 0 && !isr.includes(id))
      expect(dead?.state).toBe('running')
      const states = cluster
        .state()
        .partitions.flatMap(({ topic, replicaStates }) =>
          topic === 'orders' ? replicaStates.filter(({ broker }) => broker === id) : [],
        )
      expect(states.map(({ state }) => state)).toEqual(['failed', 'failed', 'failed'])
      const values = await readAll(cluster, 'reader', 60)
      expect(values.toSorted((a, b) => Number(a) - Number(b))).toEqual(expected)

      // A disk that is well again is used from the next start on.
      platform.tornDisk(`broker-${id}`)?.fail(null)
      await dead?.restart()
      for (const partition of [0, 1, 2])
        await cluster.partition('orders', partition).until(({ isr }) => isr.length === 3)
      await producer.close()
    })
  },
)

test('a broker does not start on a disk that does not do what it is asked, and says why', async () => {
  await onTornDisks(3, async (cluster, platform) => {
    const broker = cluster.broker(2)
    broker.kill()
    platform.tornDisk('broker-2')?.fail('EROFS', 'writes')
    await expect(broker.restart()).rejects.toThrow(/EROFS/)
    platform.tornDisk('broker-2')?.fail(null)
    await broker.restart()
    expect(broker.state).toBe('running')
  })
})
