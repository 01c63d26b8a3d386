import { Observable, type Subscriber } from 'rxjs'
import { beforeEach, expect, test } from 'vitest'
import type { BrokerWorld } from '../../../actors/broker/broker-world.ts'
import { OrderChannels } from '../../../actors/broker/order-channels.ts'
import { LinkClosed } from '../../../actors/requester.ts'
import { withTopics } from '../../../src/controller/cluster-view.ts'
import {
  leaderAndIsrOrders,
  stopReplicaOrders,
  updateMetadataOrders,
} from '../../../src/controller/orders.ts'
import { orderRetryMs, ordersWaitingMax } from '../../../src/limits.ts'
import { memoryPlatform } from '../../../src/platform/memory.ts'
import { type Api, decodeRequest, encodeRequest } from '../../../src/protocol/index.ts'
import { cluster, leadership, row } from '../../src/controller/view.ts'

const platform = memoryPlatform({ clock: 'stepping' })
const orders0 = { topic: 'orders', partition: 0 }
const id = 'AAAAAAAAAAAAAAAAAAAAAQ'
const view = withTopics(cluster([1, 2], {}), [
  [
    'orders',
    {
      topicId: id,
      partitions: { 0: row([1, 2], leadership(1, [1, 2], { leaderEpoch: 3 })) },
    },
  ],
])

/** A request as the other side reads it. */
interface Asked {
  readonly name: string
  readonly version: number
  readonly body: Record<string, unknown>
  readonly subscriber: Subscriber<unknown>
}

let asked: Asked[]
let closed: number[]
let dropped: number[]
let channels: OrderChannels

beforeEach(() => {
  asked = []
  closed = []
  dropped = []
  const peers = {
    connect: (brokerId: number) => ({
      brokerId,
      close: () => closed.push(brokerId),
      request: (api: Api, version: number, body: never) =>
        new Observable(subscriber => {
          const chunks = encodeRequest(api, version, { correlationId: 1, clientId: '1' }, body)
          const frame = new Uint8Array(Buffer.concat(chunks)).subarray(4)
          const decoded = decodeRequest(frame)
          asked.push({
            name: api.name,
            version,
            body: decoded.body as Record<string, unknown>,
            subscriber,
          })
        }),
    }),
  }
  const broker = { brokerId: 1, platform, peers, config: { 'controller.socket.timeout.ms': 1000 } }
  channels = new OrderChannels(
    // reason: the queues ask no more of a broker than this.
    broker as never as BrokerWorld,
    { controllerId: 1, controllerEpoch: 7 },
    { dropped: brokerId => dropped.push(brokerId) },
  )
  channels.open(2)
})

const update = () => {
  const [order] = updateMetadataOrders(view, [orders0], [2])
  if (order) channels.updateMetadata(order, () => {})
}
const answer = (at: number, body: unknown = { errorCode: 0 }) => {
  asked[at]?.subscriber.next(body)
  asked[at]?.subscriber.complete()
}

test('orders go in the versions of Kafka 3.9, with the epochs of controller and broker', () => {
  const told = { ...orders0, isNew: true }
  const [leaders] = leaderAndIsrOrders(view, [{ ...told, to: [2] }])
  const [metadata] = updateMetadataOrders(view, [orders0], [2])
  const [stop] = stopReplicaOrders(view, [{ ...orders0, brokerId: 2, deletePartition: true }])
  if (!leaders || !metadata || !stop) throw new Error('no orders')
  channels.leaderAndIsr(leaders, () => {})
  answer(0, { errorCode: 0, topics: [] })
  channels.updateMetadata(metadata, () => {})
  answer(1)
  channels.stopReplica(stop, () => {})
  expect(asked.map(({ name, version }) => [name, version])).toEqual([
    ['LeaderAndIsr', 7],
    ['UpdateMetadata', 8],
    ['StopReplica', 4],
  ])
  for (const { body } of asked)
    expect(body).toMatchObject({
      controllerId: 1,
      controllerEpoch: 7,
      brokerEpoch: 102,
      isKRaftController: false,
    })
  expect(asked[0]?.body).toMatchObject({
    topicStates: [
      {
        topicName: 'orders',
        topicId: id,
        partitionStates: [
          {
            partitionIndex: 0,
            controllerEpoch: 1,
            leader: 1,
            leaderEpoch: 3,
            isr: [1, 2],
            replicas: [1, 2],
            isNew: true,
          },
        ],
      },
    ],
    liveLeaders: [{ brokerId: 1, hostName: '127.0.0.1', port: 9001 }],
  })
  expect(asked[1]?.body).toMatchObject({
    topicStates: [
      {
        topicName: 'orders',
        topicId: id,
        partitionStates: [{ leader: 1, leaderEpoch: 3, zkVersion: 0, offlineReplicas: [] }],
      },
    ],
    liveBrokers: [
      {
        id: 1,
        endpoints: [{ host: '127.0.0.1', port: 9001, listener: 'PLAINTEXT', securityProtocol: 0 }],
        rack: null,
      },
      { id: 2 },
    ],
  })
  expect(asked[2]?.body).toMatchObject({
    topicStates: [
      {
        topicName: 'orders',
        partitionStates: [{ partitionIndex: 0, leaderEpoch: 3, deletePartition: true }],
      },
    ],
  })
})

test('one order is under way at a time', () => {
  update()
  update()
  expect(asked).toHaveLength(1)
  answer(0)
  expect(asked).toHaveLength(2)
})

test('an order that was not answered is sent again before the next', async () => {
  const heard: number[] = []
  const [order] = updateMetadataOrders(view, [], [2])
  if (!order) throw new Error('no order')
  channels.updateMetadata(order, () => heard.push(1))
  channels.updateMetadata(order, () => heard.push(2))
  for (let time = 1; time <= 3; time++) {
    asked.at(-1)?.subscriber.error(new LinkClosed('gone'))
    await platform.stepping?.advance(orderRetryMs + 1)
    expect(asked).toHaveLength(time + 1)
  }
  answer(3)
  answer(4)
  expect(heard).toEqual([1, 2])
})

test('a broker that is given up hears no more, and its late answers reach nobody', async () => {
  const heard: string[] = []
  const [order] = updateMetadataOrders(view, [], [2])
  if (!order) throw new Error('no order')
  channels.updateMetadata(order, () => heard.push('answer'))
  channels.updateMetadata(order, () => heard.push('next'))
  channels.close(2)
  answer(0)
  await platform.stepping?.advance(1000)
  expect([closed, heard, asked.length]).toEqual([[2], [], 1])
  update()
  expect(asked).toHaveLength(1)
})

test('a broker at another address gets another connection; all end together', () => {
  channels.open(2)
  expect(closed).toEqual([2])
  channels.closeAll()
  expect(closed).toEqual([2, 2])
})

test('a queue beyond its bound is emptied, and whoever gives the orders told', () => {
  for (let order = 0; order < ordersWaitingMax; order++) update()
  expect(dropped).toEqual([])
  update()
  expect(dropped).toEqual([2])
  answer(0)
  expect(asked).toHaveLength(1)
  update()
  expect(asked).toHaveLength(2)
})
