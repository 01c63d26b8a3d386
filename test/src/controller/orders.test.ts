import { expect, test } from 'vitest'
import { withDeleting, withShuttingDown } from '../../../src/controller/cluster-view.ts'
import {
  leaderAndIsrOrders,
  stopReplicaOrders,
  updateMetadataOrders,
} from '../../../src/controller/orders.ts'
import { broker, cluster, leadership, row } from './view.ts'

const view = cluster([1, 2], {
  orders: [row([1, 2, 3], leadership(2, [1, 2])), row([2], leadership(2, [2])), row([1], null)],
})
const orders = (partition: number) => ({ topic: 'orders', partition })

test('each registered broker is told of its own replicas, once, with its epoch', () => {
  const told = leaderAndIsrOrders(view, [
    { ...orders(0), isNew: true },
    { ...orders(1), isNew: false },
    { ...orders(2), isNew: true },
  ])
  expect(
    told.map(order => [
      order.brokerId,
      order.brokerEpoch,
      order.partitions.map(it => [it.partition, it.isNew]),
    ]),
  ).toEqual([
    [1, 101, [[0, true]]],
    [
      2,
      102,
      [
        [0, true],
        [1, false],
      ],
    ],
  ])
  expect(told[0]?.partitions[0]).toMatchObject({
    topicId: 'orders-id',
    leader: 2,
    isr: [1, 2],
    replicas: [1, 2, 3],
  })
  expect(told[0]?.liveLeaders).toEqual([{ id: 2, endpoint: broker(2).endpoints[0] }])
})

test('an announcement may be meant for some replicas only', () => {
  const told = leaderAndIsrOrders(view, [{ ...orders(0), isNew: false, to: [2] }])
  expect(told.map(order => order.brokerId)).toEqual([2])
})

test('metadata goes to everybody, with all live brokers, those shutting down included', () => {
  const told = updateMetadataOrders(withShuttingDown(view, 1), [orders(0), orders(2)])
  expect(told.map(order => order.brokerId)).toEqual([1, 2])
  for (const order of told) {
    expect(order.liveBrokers.map(it => it.id)).toEqual([1, 2])
    expect(order.partitions.map(it => [it.partition, it.offlineReplicas])).toEqual([[0, [1, 3]]])
  }
})

test('metadata of no partition carries the brokers alone, also to some only', () => {
  expect(updateMetadataOrders(view, [], [2, 9])).toMatchObject([{ brokerId: 2, partitions: [] }])
})

test('a topic being deleted is told with leader -2, and stopped whatever its epoch', () => {
  const deleting = withDeleting(view, ['orders'])
  expect(updateMetadataOrders(deleting, [orders(0)], [1])[0]?.partitions).toMatchObject([
    { leader: -2, leaderEpoch: 0, partitionEpoch: 0 },
  ])
  const stop = { ...orders(0), deletePartition: true }
  expect(stopReplicaOrders(deleting, [{ ...stop, brokerId: 1 }])).toEqual([
    { brokerId: 1, brokerEpoch: 101, partitions: [{ ...stop, leaderEpoch: -2 }] },
  ])
})

test('a replica to be stopped is told with its leader epoch, dead brokers nothing', () => {
  const stop = { deletePartition: false }
  expect(
    stopReplicaOrders(view, [
      { ...orders(0), ...stop, brokerId: 1 },
      { ...orders(0), ...stop, brokerId: 3 },
      { ...orders(2), ...stop, brokerId: 1 },
    ]),
  ).toEqual([
    {
      brokerId: 1,
      brokerEpoch: 101,
      partitions: [
        { ...orders(0), ...stop, leaderEpoch: 0 },
        { ...orders(2), ...stop, leaderEpoch: -1 },
      ],
    },
  ])
})
