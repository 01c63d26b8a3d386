/** A process that stalls (garbage collection, a busy machine) must not expire its own brokers. */
import { expect, test } from 'vitest'
import { startCluster } from '../actors/node.ts'

test('after a stall longer than the session timeout every broker still has its session, and members their group', async () => {
  await using cluster = await startCluster({
    topics: [{ name: 'orders', partitions: 2, replicationFactor: 3 }],
  })
  const consumer = cluster.consumer('member', {
    groupId: 'billing',
    topics: ['orders'],
    sessionTimeoutMs: 1000,
    heartbeatIntervalMs: 300,
  })
  consumer.batches.subscribe(batch => batch.ack())
  const { generationId } = await cluster.group('billing').stable({ members: 1 })
  const before = cluster.state()
  const stalledUntil = performance.now() + 3000
  while (performance.now() < stalledUntil);
  await cluster.advance(3000) // time is caught up, and goes on
  const after = cluster.state()
  expect(after.zookeeper.sessions.map(({ id }) => id)).toEqual(
    before.zookeeper.sessions.map(({ id }) => id),
  )
  expect(after.brokers.map(({ brokerEpoch }) => brokerEpoch)).toEqual(
    before.brokers.map(({ brokerEpoch }) => brokerEpoch),
  )
  expect(after.partitions.map(({ leaderEpoch, isr }) => [leaderEpoch, isr])).toEqual(
    before.partitions.map(({ leaderEpoch, isr }) => [leaderEpoch, isr]),
  )
  expect(cluster.group('billing').state?.generationId).toBe(generationId)
})
