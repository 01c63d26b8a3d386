import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { errors } from '../../../../src/error.ts'
import { DeleteRecords } from '../../../../src/protocol/index.ts'
import { batchOf, ReplicaCluster } from '../replica-cluster.ts'

let cluster: ReplicaCluster
beforeEach(async () => {
  cluster = new ReplicaCluster([1, 2, 3], { 'log.segment.bytes': 200 })
  cluster.elect({ leader: 1 })
  for (const value of ['a', 'b', 'c', 'd', 'e'])
    cluster.broker(1).orders.append(batchOf([value, value]), { acks: 1, origin: 'client' })
  await cluster.until(() => cluster.broker(1).orders.highWatermark === 10, 'all is committed')
})
afterEach(() => cluster.stop())

const ask = (offset: number, of: { id?: number; version?: number; topic?: string } = {}) =>
  cluster.ask(of.id ?? 1, DeleteRecords, of.version ?? 2, {
    topics: [{ name: of.topic ?? 'orders', partitions: [{ partitionIndex: 0, offset }] }],
    timeoutMs: 2000,
  })

const outcome = (asked: ReturnType<typeof ask>) => {
  const { lowWatermark, errorCode } = asked.answer?.topics[0]?.partitions[0] ?? {}
  return [errorCode, lowWatermark]
}

const starts = () => [1, 2, 3].map(id => cluster.broker(id).orders.log.logStartOffset)

describe('DeleteRecords', () => {
  test.each([0, 1, 2])('v%i is answered when all replicas begin there', async version => {
    const asked = ask(5, { version })
    expect(asked.answer).toBeUndefined()
    expect(cluster.broker(1).orders.log.logStartOffset).toBe(5)
    await cluster.until(() => asked.answer !== undefined, 'it is answered')
    expect(outcome(asked)).toEqual([errors.NONE, 5])
    expect(starts()).toEqual([5, 5, 5])
    const read = cluster
      .broker(1)
      .orders.log.read(4, { maxBytes: 1, upToOffset: 10, minOneBatch: true })
    expect(read).toMatchObject({ ok: false, errorCode: errors.OFFSET_OUT_OF_RANGE })
  })

  test('−1 stands for all that is committed', async () => {
    const asked = ask(-1)
    await cluster.until(() => asked.answer !== undefined, 'it is answered')
    expect(outcome(asked)).toEqual([errors.NONE, 10])
    expect(cluster.broker(2).orders.log.segmentCount).toBe(1)
  })

  test('never moves a log back: what is gone already is answered with where it begins', async () => {
    const first = ask(7)
    await cluster.until(() => first.answer !== undefined, 'it is answered')
    expect(outcome(ask(3))).toEqual([errors.NONE, 7])
    expect(starts()).toEqual([7, 7, 7])
  })

  test('a replica that lives and does not follow holds the answer up, a dead one does not', async () => {
    cluster.broker(3).process.pause()
    const asked = ask(5)
    await cluster.advance(1900)
    expect(asked.answer).toBeUndefined()
    await cluster.advance(200)
    expect(outcome(asked)).toEqual([errors.REQUEST_TIMED_OUT, 0])
    cluster.kill(3)
    cluster.tellAll([1, 2])
    const again = ask(5)
    await cluster.until(() => again.answer !== undefined, 'it is answered')
    expect(outcome(again)).toEqual([errors.NONE, 5])
  })

  test('a leader that is deposed meanwhile says so', async () => {
    for (const id of [2, 3]) cluster.broker(id).process.pause()
    const asked = ask(5)
    cluster.elect({ leader: 2 }, [1])
    await cluster.until(() => asked.answer !== undefined, 'it is answered')
    expect(outcome(asked)).toEqual([errors.NOT_LEADER_OR_FOLLOWER, -1])
  })

  test('is refused beyond the high watermark, at followers, of what there is not and of internal topics', () => {
    expect(outcome(ask(11))).toEqual([errors.OFFSET_OUT_OF_RANGE, -1])
    expect(outcome(ask(-2))).toEqual([errors.OFFSET_OUT_OF_RANGE, -1])
    expect(outcome(ask(5, { id: 2 }))).toEqual([errors.NOT_LEADER_OR_FOLLOWER, -1])
    expect(outcome(ask(5, { topic: 'nowhere' }))).toEqual([errors.UNKNOWN_TOPIC_OR_PARTITION, -1])
    expect(outcome(ask(5, { topic: '__consumer_offsets' }))).toEqual([
      errors.INVALID_TOPIC_EXCEPTION,
      -1,
    ])
    expect(starts()).toEqual([0, 0, 0])
  })

  test('of a topic that is compacted only nothing is deleted', () => {
    cluster.topicOverrides = { 'cleanup.policy': 'compact' }
    cluster.broker(1).world.changes.next({ kind: 'topicConfig', topic: 'orders' })
    expect(outcome(ask(5))).toEqual([errors.POLICY_VIOLATION, -1])
  })
})
