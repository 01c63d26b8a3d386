import { expect, test } from 'vitest'
import {
  replicasLeft,
  type TopicDeletionFact,
  topicDeletionMachine,
} from '../../../machines/controller/topic-deletion.ts'
import { RefusedFact } from '../../../src/assert.ts'
import { errors } from '../../../src/error.ts'
import { begin, step, steps } from '../../step.ts'

const replica = (partition: number, brokerId: number) => ({ partition, brokerId })
const input = {
  topic: 'orders',
  topicId: 'orders-id',
  replicas: [replica(0, 1), replica(0, 2), replica(1, 2)],
  live: [1, 2, 3],
}
const stopped = (brokerId: number, ...partitions: number[]): TopicDeletionFact => ({
  type: 'replicas.stopped',
  brokerId,
  partitions: partitions.map(partition => ({ partition, errorCode: errors.NONE })),
})
const failing = (brokerId: number, partition: number): TopicDeletionFact => ({
  type: 'replicas.stopped',
  brokerId,
  partitions: [{ partition, errorCode: errors.KAFKA_STORAGE_ERROR }],
})
const started = (...brokers: number[]): TopicDeletionFact => ({ type: 'brokers.started', brokers })
const failed = (...brokers: number[]): TopicDeletionFact => ({ type: 'brokers.failed', brokers })
const erased: TopicDeletionFact = { type: 'topic.erased' }
const fenced: TopicDeletionFact = { type: 'zk.fenced' }

const first = (live = input.live) => begin(topicDeletionMachine, { ...input, live })
const after = (...facts: TopicDeletionFact[]) => steps(topicDeletionMachine, first()[0], ...facts)
const states = (snapshot: ReturnType<typeof after>[0]) =>
  snapshot.context.replicas.map(({ state }) => state)

test('every broker is told once to delete its replicas', () => {
  const [snapshot, emitted] = first()
  expect(snapshot.value).toBe('stopping')
  expect(emitted).toEqual([
    { type: 'replicas.delete', topic: 'orders', brokerId: 1, partitions: [0] },
    { type: 'replicas.delete', topic: 'orders', brokerId: 2, partitions: [0, 1] },
  ])
  expect(states(snapshot)).toEqual(Array(3).fill('deletionStarted'))
})

test('when all logs are deleted the topic is erased, not before', () => {
  const [waiting, nothing] = after(stopped(2, 0, 1))
  expect([waiting.value, nothing]).toEqual(['stopping', []])
  expect(replicasLeft(waiting)).toHaveLength(1)
  const [snapshot, emitted] = after(stopped(2, 0, 1), stopped(1, 0))
  expect(snapshot.value).toBe('erasing')
  expect(emitted).toEqual([{ type: 'zk.eraseTopic', topic: 'orders' }])
  expect(states(snapshot)).toEqual(Array(3).fill('nonExistent'))
  expect(replicasLeft(snapshot)).toEqual([])
})

test('once erased it says so and ends', () => {
  const [snapshot, emitted] = after(stopped(2, 0, 1), stopped(1, 0), erased)
  expect(snapshot.status).toBe('done')
  expect(emitted.at(-1)).toEqual({ type: 'erasure.report', topic: 'orders', topicId: 'orders-id' })
})

test('the fence ends it: the request is the next controller’s', () => {
  const [snapshot, emitted] = after(stopped(2, 0, 1), stopped(1, 0), fenced)
  expect(snapshot.value).toBe('abandoned')
  expect(emitted.at(-1)).toEqual({ type: 'controller.resign' })
})

test('a replica on a dead broker halts the deletion once the others have answered', () => {
  const [snapshot, emitted] = first([1])
  expect(emitted.map(command => 'brokerId' in command && command.brokerId)).toEqual([1])
  expect(states(snapshot)).toEqual(['deletionStarted', 'deletionIneligible', 'deletionIneligible'])
  expect(step(topicDeletionMachine, snapshot, stopped(1, 0))[0].value).toBe('ineligible')
})

test('so does a broker that dies meanwhile, or fails to delete', () => {
  expect(after(stopped(1, 0), failed(2))[0].value).toBe('ineligible')
  expect(after(stopped(1, 0), stopped(2, 1), failing(2, 0))[0].value).toBe('ineligible')
})

test('a broker that starts resumes it, for what is left', () => {
  const [snapshot, emitted] = after(stopped(1, 0), stopped(2, 1), failed(2), started(2))
  expect(snapshot.value).toBe('stopping')
  expect(emitted).toEqual([
    { type: 'replicas.delete', topic: 'orders', brokerId: 2, partitions: [0] },
  ])
  expect(step(topicDeletionMachine, snapshot, stopped(2, 0))[0].value).toBe('erasing')
})

test('a broker that starts while others are waited for is told too', () => {
  const [snapshot] = steps(topicDeletionMachine, first([1])[0], started(2))
  expect(states(snapshot)).toEqual(Array(3).fill('deletionStarted'))
  expect(
    steps(topicDeletionMachine, snapshot, stopped(1, 0), stopped(1, 0), stopped(2, 0, 1))[0].value,
  ).toBe('erasing')
})

test('while ineligible further deaths are kept, late answers dropped', () => {
  const [snapshot] = after(failed(2), stopped(1, 0), failed(3), stopped(2, 0))
  expect(snapshot.value).toBe('ineligible')
  expect(snapshot.context.live).toEqual([1])
})

test('while it is erased brokers may come and go', () => {
  const [snapshot] = after(stopped(2, 0, 1), stopped(1, 0), started(4), failed(1), stopped(1, 0))
  expect(snapshot.value).toBe('erasing')
})

test('a topic without partitions is erased at once', () => {
  expect(begin(topicDeletionMachine, { ...input, replicas: [] })[0].value).toBe('erasing')
})

test('what a state has no arrow for is refused', () => {
  expect(() => after(erased)).toThrow(RefusedFact)
  expect(() => after(fenced)).toThrow(RefusedFact)
  expect(() => after(failed(2), stopped(1, 0), erased)).toThrow(RefusedFact)
})
