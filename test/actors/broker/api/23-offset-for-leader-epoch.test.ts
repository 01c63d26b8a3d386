import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { errors } from '../../../../src/error.ts'
import { OffsetForLeaderEpoch } from '../../../../src/protocol/index.ts'
import { batchOf, ReplicaCluster } from '../replica-cluster.ts'

let cluster: ReplicaCluster
beforeEach(() => {
  cluster = new ReplicaCluster([1])
  const append = (...values: string[]) =>
    cluster.broker(1).orders.append(batchOf(values), { acks: 1, origin: 'client' })
  cluster.elect({ leaderEpoch: 2 })
  append('a', 'b')
  cluster.elect({ leaderEpoch: 5 })
  append('c')
})
afterEach(() => cluster.stop())

const ask = (leaderEpoch: number, of: { version?: number; currentLeaderEpoch?: number } = {}) => {
  const { version = 4, currentLeaderEpoch } = of
  return cluster.ask(1, OffsetForLeaderEpoch, version, {
    topics: [
      {
        topic: 'orders',
        partitions: [
          {
            partition: 0,
            leaderEpoch,
            ...(currentLeaderEpoch === undefined ? {} : { currentLeaderEpoch }),
          },
        ],
      },
    ],
  }).answer?.topics[0]?.partitions[0]
}

describe('OffsetForLeaderEpoch', () => {
  test.each([0, 1, 2, 3, 4])('v%i tells where an epoch ends', version => {
    const answer = ask(2, { version })
    expect(answer).toMatchObject({ errorCode: errors.NONE, partition: 0, endOffset: 2 })
    if (version > 0) expect(answer?.leaderEpoch).toBe(2)
  })

  test('the current epoch ends where the log does', () => {
    expect(ask(5)).toMatchObject({ leaderEpoch: 5, endOffset: 3 })
  })

  test('an epoch that never was stands for the one before it', () => {
    expect(ask(4)).toMatchObject({ leaderEpoch: 2, endOffset: 2 })
  })

  test('an epoch to come is not known', () => {
    expect(ask(9)).toMatchObject({ errorCode: errors.NONE, leaderEpoch: -1, endOffset: -1 })
  })

  test('an epoch begun and not written in is known all the same (KAFKA-7415)', () => {
    cluster.elect({ leaderEpoch: 7 })
    expect(ask(5)).toMatchObject({ leaderEpoch: 5, endOffset: 3 })
    expect(ask(7)).toMatchObject({ leaderEpoch: 7, endOffset: 3 })
  })

  test('is fenced by leader epoch, and answered by leaders alone', () => {
    expect(ask(2, { currentLeaderEpoch: 4 })?.errorCode).toBe(errors.FENCED_LEADER_EPOCH)
    expect(ask(2, { currentLeaderEpoch: 6 })?.errorCode).toBe(errors.UNKNOWN_LEADER_EPOCH)
    cluster.elect({ leader: 2 })
    expect(ask(2)).toMatchObject({ errorCode: errors.NOT_LEADER_OR_FOLLOWER, endOffset: -1 })
  })
})
