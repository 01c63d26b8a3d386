import { expect, test } from 'vitest'
import {
  aimsAfterDiskFailure,
  aimsAfterFailure,
  aimsForOnline,
  aimsForRebalance,
  aimsForShutdown,
  stillLedBy,
} from '../../../src/controller/aims.ts'
import {
  type ClusterView,
  type PartitionRow,
  partitionRow,
  withBrokers,
  withDeleting,
  withFailedReplicas,
  withLeaderships,
  withoutBrokers,
  withShuttingDown,
} from '../../../src/controller/cluster-view.ts'
import { type Aim, decide, written } from '../../../src/controller/partition-change.ts'
import { broker, cluster, leadership, row } from './view.ts'

const decided = (view: ClusterView, aims: readonly Aim[], uncleanTopics: string[] = []) =>
  decide(view, aims, { controllerEpoch: 5, uncleanTopics })

/** What is written of the partitions of one topic when these brokers die. */
function afterDeathOf(gone: number[], rows: PartitionRow[], unclean = false) {
  const view = withoutBrokers(cluster([1, 2, 3], { orders: rows }), gone)
  const decision = decided(view, aimsAfterFailure(view, gone), unclean ? ['orders'] : [])
  return {
    ...decision,
    states: decision.writes.map(({ partition, state }) => [
      partition,
      state.leader,
      state.isr,
      state.leaderEpoch,
    ]),
  }
}

test('a dead leader is replaced and leaves the ISR in one write', () => {
  const { writes, leaderless } = afterDeathOf(
    [1],
    [row([1, 2, 3], leadership(1, [1, 2, 3], { leaderEpoch: 4, partitionEpoch: 7 }))],
  )
  expect(writes).toEqual([
    {
      topic: 'orders',
      partition: 0,
      partitionEpoch: 7,
      state: {
        leader: 2,
        isr: [2, 3],
        leaderEpoch: 5,
        controllerEpoch: 5,
        leaderRecoveryState: 0,
      },
    },
  ])
  expect(leaderless).toEqual([])
})

test('a dead follower leaves the ISR, and the leader epoch rises', () => {
  expect(afterDeathOf([2], [row([1, 2, 3], leadership(1, [1, 2, 3]))]).states).toEqual([
    [0, 1, [1, 3], 1],
  ])
})

test('a partition that has no replica in sync on the dead broker is left alone', () => {
  expect(
    afterDeathOf([2], [row([1, 2, 3], leadership(1, [1, 3])), row([1, 3], leadership(3, [1, 3]))])
      .writes,
  ).toEqual([])
})

test('with nobody to elect the leader is -1 and the last member of the ISR stays', () => {
  const { states, leaderless } = afterDeathOf([2], [row([2, 3], leadership(2, [2]))])
  expect(states).toEqual([[0, -1, [2], 1]])
  expect(leaderless).toEqual([])
})

test('the ISR is never emptied, even when all its members die at once', () => {
  expect(afterDeathOf([1, 2], [row([1, 2], leadership(1, [1, 2]))]).states).toEqual([
    [0, -1, [2], 1],
  ])
})

test('a partition that has had no leader for long is not written again', () => {
  const { writes, leaderless } = afterDeathOf([2], [row([2, 3], leadership(-1, [2]))])
  expect(writes).toEqual([])
  expect(leaderless).toEqual([{ topic: 'orders', partition: 0 }])
})

test('where a topic allows it a replica outside the ISR leads, and has to recover', () => {
  const { writes } = afterDeathOf([2], [row([2, 3], leadership(2, [2]))], true)
  expect(writes[0]?.state).toMatchObject({ leader: 3, isr: [3], leaderRecoveryState: 1 })
})

test('the death of another gives a leaderless partition another chance', () => {
  expect(afterDeathOf([3], [row([1, 2], leadership(-1, [2]))]).states).toEqual([[0, 2, [2], 1]])
})

test('what a newer controller has written is left to it', () => {
  const led = leadership(1, [1, 2], { controllerEpoch: 6 })
  expect(afterDeathOf([1], [row([1, 2], led)]).writes).toEqual([])
})

test('topics being deleted are not looked at', () => {
  const view = withDeleting(
    withoutBrokers(cluster([1, 2], { a: [row([1, 2], leadership(1, [1, 2]))] }), [1]),
    ['a'],
  )
  expect(aimsAfterFailure(view, [1])).toEqual([])
  expect(aimsForOnline(view)).toEqual([])
  expect(aimsForShutdown(view, 2)).toEqual([])
})

test('a new partition is led by its first replica online, with all online ones in sync', () => {
  const view = withShuttingDown(
    cluster([1, 2, 3], { orders: [row([4, 2, 3, 1], null), row([4], null)] }),
    2,
  )
  const { writes, leaderless } = decided(view, aimsForOnline(view))
  expect(writes).toEqual([
    {
      topic: 'orders',
      partition: 0,
      partitionEpoch: null,
      state: { leader: 3, isr: [3, 1], leaderEpoch: 0, controllerEpoch: 5, leaderRecoveryState: 0 },
    },
  ])
  expect(leaderless).toEqual([{ topic: 'orders', partition: 1 }])
})

test('a returning broker leads what nobody led, if it is in the ISR', () => {
  const before = cluster([1], {
    orders: [row([1, 2], leadership(-1, [2], { leaderEpoch: 3 })), row([1, 2], leadership(1, [1]))],
  })
  const view = withBrokers(before, [broker(2)])
  expect(decided(view, aimsForOnline(view)).writes).toMatchObject([
    { partition: 0, state: { leader: 2, isr: [2], leaderEpoch: 4 } },
  ])
})

test('what was read may show that somebody has seen to it: then nothing is written', () => {
  const view = cluster([1, 2], { orders: [row([1, 2], leadership(2, [2]))] })
  const aim = { topic: 'orders', partition: 0, goingOffline: [] }
  expect(decided(view, [{ ...aim, elect: 'offline' }]).writes).toEqual([])
  expect(decided(view, [{ ...aim, elect: 'controlledShutdown' }]).writes).toEqual([])
  const preferred = withLeaderships(view, [
    { topic: 'orders', partition: 0, leadership: leadership(1, [1, 2]) },
  ])
  expect(decided(preferred, [{ ...aim, elect: 'preferred' }])).toEqual({
    writes: [],
    leaderless: [],
  })
  expect(decided(preferred, [{ ...aim, elect: 'reassign' }]).writes).toEqual([])
})

test('a reassignment elects among the replicas that stay, and the others leave the ISR in one write', () => {
  const view = cluster([1, 2], { orders: [row([2, 1], leadership(1, [1, 2]))] })
  const aim: Aim = { topic: 'orders', partition: 0, elect: 'reassign', goingOffline: [1] }
  expect(decided(view, [aim]).writes[0]?.state).toMatchObject({
    leader: 2,
    isr: [2],
    leaderEpoch: 1,
  })
  const stays = { ...aim, goingOffline: [2] }
  expect(decided(view, [stays]).writes[0]?.state).toMatchObject({ leader: 1, isr: [1] })
})

test('before a shutdown leaders move away and followers leave the ISR', () => {
  const view = withShuttingDown(
    cluster([1, 2, 3], {
      orders: [
        row([1, 2, 3], leadership(1, [1, 2, 3])),
        row([2, 1, 3], leadership(2, [1, 2])),
        row([2, 1], leadership(2, [2])),
        row([1, 2], leadership(1, [1])),
        row([1], leadership(1, [1])),
        row([2, 3], leadership(2, [2, 3])),
      ],
    }),
    1,
  )
  const { writes, leaderless } = decided(view, aimsForShutdown(view, 1))
  expect(writes.map(({ partition, state }) => [partition, state.leader, state.isr])).toEqual([
    [0, 2, [2, 3]],
    [1, 2, [2]],
  ])
  expect(leaderless).toEqual([{ topic: 'orders', partition: 3 }])
  const after = withLeaderships(view, written(writes))
  expect(stillLedBy(after, 1)).toEqual([{ topic: 'orders', partition: 3 }])
})

test('a failed disk is a death for the replicas on it alone', () => {
  const view = withFailedReplicas(
    cluster([1, 2], {
      orders: [row([1, 2], leadership(1, [1, 2])), row([1, 2], leadership(1, [1, 2]))],
    }),
    1,
    ['orders-1'],
  )
  expect(decided(view, aimsAfterDiskFailure(view, 1)).writes).toMatchObject([
    { partition: 1, state: { leader: 2, isr: [2] } },
  ])
})

test('leaders go back to the preferred replica of a broker that too many left', () => {
  const astray = row([1, 2], leadership(2, [1, 2]))
  const home = row([1, 2], leadership(1, [1, 2]))
  const rebalanced = (rows: PartitionRow[], brokers = [1, 2]) => {
    const view = cluster(brokers, { orders: rows })
    return decided(view, aimsForRebalance(view, 10)).writes.map(({ partition, state }) => [
      partition,
      state.leader,
    ])
  }
  expect(rebalanced([astray, home])).toEqual([[0, 1]])
  expect(rebalanced([astray, ...Array<PartitionRow>(9).fill(home)])).toEqual([])
  expect(rebalanced([astray, ...Array<PartitionRow>(8).fill(home)])).toEqual([[0, 1]])
  expect(rebalanced([row([1, 2], leadership(2, [2]))])).toEqual([])
  expect(rebalanced([astray], [2])).toEqual([])
  expect(rebalanced([astray, { ...home, addingReplicas: [1] }])).toEqual([])
})

test('the view is as the writes were: versions count up, a new znode has version 0', () => {
  const view = cluster([1, 2], {
    orders: [row([1, 2], null), row([1, 2], leadership(9, [2], { partitionEpoch: 6 }))],
  })
  const after = withLeaderships(view, written(decided(view, aimsForOnline(view)).writes))
  expect(partitionRow(after, { topic: 'orders', partition: 0 })?.leadership).toMatchObject({
    leader: 1,
    partitionEpoch: 0,
  })
  expect(partitionRow(after, { topic: 'orders', partition: 1 })?.leadership).toMatchObject({
    leader: 2,
    partitionEpoch: 7,
  })
})
