import { expect, test } from 'vitest'
import { startCluster } from '../actors/memory.ts'

test('followers of idle partitions say they are caught up also after another broker died and came back', async () => {
  await using cluster = await startCluster({
    topics: [{ name: 'orders', partitions: 6, replicationFactor: 3 }],
  })
  const states = () =>
    cluster
      .state()
      .partitions.flatMap(({ replicaStates }) => replicaStates.map(({ state }) => state))
      .filter(state => state !== 'offline')
  const settled = () =>
    states().every(state => /^(leader\.isrCommitted|follower\.caughtUp)$/.test(state))
  cluster.broker(2).kill()
  await cluster.until(({ partitions }) =>
    partitions.every(({ leader, isr }) => leader !== 2 && isr.length === 2),
  )
  await cluster.until(settled)
  await cluster.broker(2).restart()
  await cluster.until(({ partitions }) => partitions.every(({ isr }) => isr.length === 3))
  await cluster.until(settled)
  expect(states()).toHaveLength(18)
})
