import { expect, test } from 'vitest'
import { brokerConfig, topicDefaults } from '../../../src/broker/config.ts'
import {
  judgeTopic,
  type NewTopic,
  type TopicSurroundings,
} from '../../../src/controller/new-topic.ts'
import { errors } from '../../../src/error.ts'

const around: TopicSurroundings = {
  brokers: [1, 2, 3].map(id => ({ id, rack: null })),
  defaultPartitions: 2,
  defaultReplicationFactor: 3,
  topicDefaults: topicDefaults(brokerConfig({}, 'kafka', 3)),
  topicNames: ['orders', 'a_b'],
  start: { firstIndex: 0, shift: 0 },
}
const topic = (fields: Partial<NewTopic> = {}): NewTopic => ({
  name: 'payments',
  partitions: 1,
  replicationFactor: 1,
  configs: {},
  ...fields,
})
const byHand = (...replicas: number[][]): Partial<NewTopic> => ({
  partitions: -1,
  replicationFactor: -1,
  assignments: replicas.map((ids, partition) => ({ partition, replicas: ids })),
})
const refused = (fields: Partial<NewTopic>) => judgeTopic(topic(fields), around).errorCode

test('a topic gets its replicas, and its configuration over the defaults', () => {
  const verdict = judgeTopic(
    topic({ partitions: 3, replicationFactor: 2, configs: { 'cleanup.policy': 'compact' } }),
    around,
  )
  expect(verdict).toMatchObject({
    errorCode: 0,
    assignment: [
      [1, 2],
      [2, 3],
      [3, 1],
    ],
    config: { 'cleanup.policy': 'compact', 'segment.bytes': 1_073_741_824 },
  })
})

test('-1 stands for the defaults of the broker', () => {
  expect(judgeTopic(topic({ partitions: -1, replicationFactor: -1 }), around)).toMatchObject({
    assignment: [
      [1, 2, 3],
      [2, 3, 1],
    ],
  })
})

test('replicas by hand are taken as they are', () => {
  expect(judgeTopic(topic(byHand([3, 1], [1, 2])), around)).toMatchObject({
    assignment: [
      [3, 1],
      [1, 2],
    ],
  })
})

test('what cannot be is refused with the code of the reason', () => {
  expect(refused({ name: 'orders' })).toBe(errors.TOPIC_ALREADY_EXISTS)
  expect(refused({ name: 'no good' })).toBe(errors.INVALID_TOPIC_EXCEPTION)
  expect(refused({ name: 'a.b' })).toBe(errors.INVALID_TOPIC_EXCEPTION)
  expect(refused({ partitions: 0 })).toBe(errors.INVALID_PARTITIONS)
  expect(refused({ partitions: -2 })).toBe(errors.INVALID_PARTITIONS)
  expect(refused({ partitions: 2 ** 31 - 1 })).toBe(errors.INVALID_PARTITIONS)
  expect(refused({ replicationFactor: 0 })).toBe(errors.INVALID_REPLICATION_FACTOR)
  expect(refused({ replicationFactor: 4 })).toBe(errors.INVALID_REPLICATION_FACTOR)
  expect(refused({ configs: { 'retention.ms': 'soon' } })).toBe(errors.INVALID_CONFIG)
  expect(refused({ configs: { 'no.such.config': '1' } })).toBe(errors.INVALID_CONFIG)
  expect(refused({ configs: { 'retention.ms': null } })).toBe(errors.INVALID_CONFIG)
})

test('replicas by hand must be whole', () => {
  expect(refused({ ...byHand([1]), partitions: 1 })).toBe(errors.INVALID_REQUEST)
  expect(refused(byHand([1, 1]))).toBe(errors.INVALID_REPLICA_ASSIGNMENT)
  expect(refused(byHand([1, 2], [1]))).toBe(errors.INVALID_REPLICA_ASSIGNMENT)
  expect(refused(byHand([]))).toBe(errors.INVALID_REPLICA_ASSIGNMENT)
  for (const numbers of [[1], [0, 2], [-1, 0], [2 ** 31 - 1]])
    expect(
      refused({
        ...byHand(),
        assignments: numbers.map(partition => ({ partition, replicas: [1] })),
      }),
    ).toBe(errors.INVALID_REPLICA_ASSIGNMENT)
})
