import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { errors } from '../../../../src/error.ts'
import { Produce } from '../../../../src/protocol/index.ts'
import { batchOf, ReplicaCluster } from '../replica-cluster.ts'

let cluster: ReplicaCluster
beforeEach(() => {
  cluster = new ReplicaCluster([1])
  cluster.elect({})
})
afterEach(() => {
  expect(cluster.failures).toEqual([])
  cluster.stop()
})

const produce = (
  records: Uint8Array | null,
  of: {
    acks?: number
    version?: number
    topic?: string
    index?: number
    transactionalId?: string | null
  } = {},
) => {
  const { acks = 1, version = 11, topic = 'orders', index = 0, transactionalId = null } = of
  return cluster.ask(1, Produce, version, {
    ...(transactionalId === null ? {} : { transactionalId }),
    acks,
    timeoutMs: 1000,
    topicData: [{ name: topic, partitionData: [{ index, records }] }],
  })
}

const outcome = (...args: Parameters<typeof produce>) => {
  const { answer } = produce(...args)
  return answer?.responses[0]?.partitionResponses[0]
}

const idempotent = { producerId: 7, producerEpoch: 0, baseSequence: 0 }

describe('a produce', () => {
  test.each([3, 4, 5, 6, 7, 8, 9, 10, 11])('of v%i is appended and answered', version => {
    expect(outcome(batchOf(['a', 'b']), { version })).toMatchObject({
      errorCode: errors.NONE,
      baseOffset: 0,
      logAppendTimeMs: -1,
    })
    expect(outcome(batchOf(['c']), { version })?.baseOffset).toBe(2)
  })

  test.each([0, 1, 2])('of v%i is UNSUPPORTED_VERSION', version => {
    expect(outcome(batchOf(['a']), { version })?.errorCode).toBe(errors.UNSUPPORTED_VERSION)
    expect(cluster.broker(1).orders.log.logEndOffset).toBe(0)
  })

  test('with acks=0 has no answer', () => {
    expect(produce(batchOf(['a']), { acks: 0 })).toEqual({ answer: null, error: undefined })
    expect(cluster.broker(1).orders.log.logEndOffset).toBe(1)
  })

  test('with acks=0 that fails closes its connection', () => {
    const { answer, error } = produce(batchOf(['a']), { acks: 0, index: 9 })
    expect(answer).toBeUndefined()
    expect(String(error)).toContain('UNKNOWN_TOPIC_OR_PARTITION for orders-9')
  })

  test('with acks=all is answered at once where the leader is alone', () => {
    expect(outcome(batchOf(['a']), { acks: -1 })?.errorCode).toBe(errors.NONE)
  })

  test.each([2, -2, 7])('with acks=%i is INVALID_REQUIRED_ACKS', acks => {
    expect(outcome(batchOf(['a']), { acks })?.errorCode).toBe(errors.INVALID_REQUIRED_ACKS)
  })

  test('to what is not there is UNKNOWN_TOPIC_OR_PARTITION', () => {
    for (const where of [{ topic: 'pears' }, { index: 3 }])
      expect(outcome(batchOf(['a']), where)?.errorCode).toBe(errors.UNKNOWN_TOPIC_OR_PARTITION)
  })

  test('to a follower is NOT_LEADER_OR_FOLLOWER, from v10 on with the leader', () => {
    cluster.elect({ leader: 2 })
    const { answer } = produce(batchOf(['a']))
    expect(answer?.responses[0]?.partitionResponses[0]).toMatchObject({
      errorCode: errors.NOT_LEADER_OR_FOLLOWER,
      baseOffset: -1,
      currentLeader: { leaderId: 2, leaderEpoch: 2 },
    })
    // Broker 2 is not alive: nobody can be sent there.
    expect(answer?.nodeEndpoints).toEqual([])
    expect(outcome(batchOf(['a']), { version: 9 })?.currentLeader.leaderId).toBe(-1)
  })

  test('of damaged bytes is CORRUPT_MESSAGE', () => {
    const records = batchOf(['a'])
    records[records.length - 1] = (records.at(-1) ?? 0) ^ 1
    expect(outcome(records)?.errorCode).toBe(errors.CORRUPT_MESSAGE)
  })

  test('of an old message format is INVALID_RECORD', () => {
    const records = batchOf(['a'])
    records[16] = 1
    expect(outcome(records)?.errorCode).toBe(errors.INVALID_RECORD)
  })

  test('of nothing, or of two batches, is INVALID_RECORD', () => {
    expect(outcome(null)?.errorCode).toBe(errors.INVALID_RECORD)
    const two = new Uint8Array([...batchOf(['a']), ...batchOf(['b'])])
    expect(outcome(two)?.errorCode).toBe(errors.INVALID_RECORD)
  })

  test('above max.message.bytes is MESSAGE_TOO_LARGE', () => {
    const records = batchOf(['x'.repeat(1_048_588)])
    expect(outcome(records)?.errorCode).toBe(errors.MESSAGE_TOO_LARGE)
  })

  test('without a key to a compacted topic names the records at fault', () => {
    cluster.topicOverrides = { 'cleanup.policy': 'compact' }
    cluster.broker(1).world.changes.next({ kind: 'topicConfig', topic: 'orders' })
    expect(outcome(batchOf(['a', 'b']))).toMatchObject({
      errorCode: errors.INVALID_RECORD,
      recordErrors: [{ batchIndex: 0 }, { batchIndex: 1 }],
    })
  })

  test('sent again by an idempotent producer is answered with the offset it has', () => {
    const records = batchOf(['a', 'b'], idempotent)
    expect(outcome(records)?.baseOffset).toBe(0)
    expect(outcome(batchOf(['c'], { ...idempotent, baseSequence: 2 }))?.baseOffset).toBe(2)
    expect(outcome(records)).toMatchObject({ errorCode: errors.NONE, baseOffset: 0 })
    expect(cluster.broker(1).orders.log.logEndOffset).toBe(3)
  })

  test('with a gap in the sequence is OUT_OF_ORDER_SEQUENCE_NUMBER', () => {
    outcome(batchOf(['a'], idempotent))
    expect(outcome(batchOf(['b'], { ...idempotent, baseSequence: 5 }))?.errorCode).toBe(
      errors.OUT_OF_ORDER_SEQUENCE_NUMBER,
    )
  })

  test('by clients to an internal topic is INVALID_TOPIC_EXCEPTION', () => {
    expect(outcome(batchOf(['a']), { topic: '__consumer_offsets' })?.errorCode).toBe(
      errors.INVALID_TOPIC_EXCEPTION,
    )
  })

  test('of a transaction is refused: none is known here', () => {
    const records = batchOf(['a'], { ...idempotent, isTransactional: true })
    expect(outcome(records, { transactionalId: 't' })?.errorCode).toBe(errors.INVALID_TXN_STATE)
    expect(outcome(records)?.errorCode).toBe(errors.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
  })

  test('answers each partition for itself', () => {
    const { answer } = cluster.ask(1, Produce, 9, {
      acks: -1,
      timeoutMs: 1000,
      topicData: [
        {
          name: 'orders',
          partitionData: [
            { index: 0, records: batchOf(['a']) },
            { index: 1, records: batchOf(['a']) },
          ],
        },
        { name: 'pears', partitionData: [{ index: 0, records: batchOf(['a']) }] },
      ],
    })
    expect(
      answer?.responses.map(({ name, partitionResponses }) => [
        name,
        ...partitionResponses.map(({ errorCode }) => errorCode),
      ]),
    ).toEqual([
      ['orders', errors.NONE, errors.UNKNOWN_TOPIC_OR_PARTITION],
      ['pears', errors.UNKNOWN_TOPIC_OR_PARTITION],
    ])
  })
})
