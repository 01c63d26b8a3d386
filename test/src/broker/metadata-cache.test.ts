import { expect, test } from 'vitest'
import { MetadataCache } from '../../../src/broker/metadata-cache.ts'
import { noUuid } from '../../../src/ids.ts'
import type { RequestOf, UpdateMetadata } from '../../../src/protocol/index.ts'

type Request = RequestOf<typeof UpdateMetadata>
type State = Request['ungroupedPartitionStates'][number]

const ordersId = 'AAAAAAAAAAAAAAAAAAAABA'

const state = (partitionIndex: number, rest: Partial<State> = {}): State => ({
  topicName: '',
  partitionIndex,
  controllerEpoch: 1,
  leader: 1,
  leaderEpoch: 3,
  isr: [1, 2],
  zkVersion: 5,
  replicas: [1, 2, 3],
  offlineReplicas: [3],
  ...rest,
})

const request = (rest: Partial<Request> = {}): Request => ({
  controllerId: 1,
  isKRaftController: false,
  type: 0,
  controllerEpoch: 1,
  brokerEpoch: -1,
  ungroupedPartitionStates: [],
  topicStates: [],
  liveBrokers: [1, 2].map(id => ({
    id,
    v0Host: '',
    v0Port: 0,
    endpoints: [{ port: 9091 + id, host: `h${id}`, listener: 'PLAINTEXT', securityProtocol: 0 }],
    rack: null,
  })),
  ...rest,
})

const orders = (...partitionStates: State[]) => ({
  topicStates: [{ topicName: 'orders', topicId: ordersId, partitionStates }],
})

test('the live brokers are always those of the last request', () => {
  const cache = new MetadataCache()
  cache.update(request())
  expect(cache.brokers().map(({ id, port }) => [id, port])).toEqual([
    [1, 9092],
    [2, 9093],
  ])
  cache.update(request({ liveBrokers: request().liveBrokers.slice(1), controllerId: -1 }))
  expect(cache.isLive(1)).toBe(false)
  expect(cache.broker(2)).toEqual({ id: 2, host: 'h2', port: 9093, rack: null })
  expect(cache.controllerId).toBeNull()
})

test('a live broker without the listener asked for has no address, yet lives', () => {
  const cache = new MetadataCache()
  cache.update(request())
  expect(cache.broker(1, 'INTERNAL')).toBeUndefined()
  expect(cache.brokers('INTERNAL')).toEqual([])
  expect(cache.isLive(1)).toBe(true)
})

test('partitions that a request does not name stay as they are', () => {
  const cache = new MetadataCache()
  cache.update(request(orders(state(0), state(1))))
  cache.update(request(orders(state(1, { leader: 2, leaderEpoch: 4 }))))
  expect(cache.partition('orders', 0)?.leader).toBe(1)
  expect(cache.partition('orders', 1)).toEqual({
    partition: 1,
    leader: 2,
    leaderEpoch: 4,
    isr: [1, 2],
    replicas: [1, 2, 3],
    offlineReplicas: [3],
    partitionEpoch: 5,
  })
  expect(cache.topicName(ordersId)).toBe('orders')
})

test('a topic is gone with the last partition whose leader is that of deletion, and so is its id', () => {
  const cache = new MetadataCache()
  cache.update(request(orders(state(0), state(1))))
  cache.update(request(orders(state(0, { leader: -2 }))))
  expect(cache.topicNames()).toEqual(['orders'])
  cache.update(request(orders(state(1, { leader: -2 }))))
  expect(cache.topicNames()).toEqual([])
  expect(cache.topicName(ordersId)).toBeUndefined()
  cache.update(request(orders(state(7, { leader: -2 }))))
  expect(cache.topic('orders')).toBeUndefined()
})

test('a topic created again has its new id alone', () => {
  const cache = new MetadataCache()
  cache.update(request(orders(state(0))))
  const newId = 'AAAAAAAAAAAAAAAAAAAACA'
  cache.update(
    request({
      topicStates: [{ topicName: 'orders', topicId: newId, partitionStates: [state(0)] }],
    }),
  )
  expect(cache.topicName(ordersId)).toBeUndefined()
  expect(cache.topicName(newId)).toBe('orders')
})

test('old requests name the topic in each partition and the broker without listeners', () => {
  const cache = new MetadataCache()
  cache.update(
    request({
      ungroupedPartitionStates: [state(0, { topicName: 'a' }), state(0, { topicName: 'b' })],
      liveBrokers: [{ id: 4, v0Host: 'old', v0Port: 1234, endpoints: [], rack: null }],
    }),
  )
  expect(cache.topicNames()).toEqual(['a', 'b'])
  expect(cache.topic('a')?.topicId).toBe(noUuid)
  expect(cache.broker(4)).toEqual({ id: 4, host: 'old', port: 1234, rack: null })
})

test('requests of a controller older than one heard of are not admitted', () => {
  const cache = new MetadataCache()
  expect(cache.admitController(5)).toBe(true)
  expect(cache.admitController(4)).toBe(false)
  expect(cache.admitController(5)).toBe(true)
  expect(cache.controllerEpoch).toBe(5)
})

test('what is not named first under a new registration was deleted while nobody told us', () => {
  const cache = new MetadataCache()
  const payments = (epoch: number) => ({
    brokerEpoch: epoch,
    topicStates: [{ topicName: 'payments', topicId: noUuid, partitionStates: [state(0)] }],
  })
  cache.update(request({ brokerEpoch: 10, ...orders(state(0)) }))
  cache.update(request(payments(10)))
  expect(cache.topicNames()).toEqual(['orders', 'payments'])
  cache.update(request({ brokerEpoch: 20 }))
  expect(cache.topicNames()).toEqual(['orders', 'payments'])
  cache.update(request(payments(20)))
  expect(cache.topicNames()).toEqual(['payments'])
  expect(cache.topicName(ordersId)).toBeUndefined()
  cache.update(request({ brokerEpoch: 20, ...orders(state(0)) }))
  expect(cache.topicNames()).toEqual(['payments', 'orders'])
})
