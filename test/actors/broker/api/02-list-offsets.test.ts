import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { errors } from '../../../../src/error.ts'
import { ListOffsets } from '../../../../src/protocol/index.ts'
import { batchOf, ReplicaCluster } from '../replica-cluster.ts'

const t0 = Date.UTC(2026, 0, 1)

let cluster: ReplicaCluster
beforeEach(() => {
  cluster = new ReplicaCluster([1])
  cluster.elect({})
  const { orders } = cluster.broker(1)
  for (const [i, value] of ['a', 'b', 'c', 'd'].entries())
    orders.append(batchOf([value], { timestampMs: t0 + 100 * i }), { acks: 1, origin: 'client' })
  orders.log.advanceLogStartOffset(1, 4)
})
afterEach(() => cluster.stop())

const list = (
  timestamp: number,
  of: {
    version?: number
    replicaId?: number
    currentLeaderEpoch?: number
    partitions?: readonly number[]
    maxNumOffsets?: number
  } = {},
) => {
  const { version = 9, replicaId = -1, currentLeaderEpoch, partitions = [0], maxNumOffsets } = of
  return cluster
    .ask(1, ListOffsets, version, {
      replicaId,
      topics: [
        {
          name: 'orders',
          partitions: partitions.map(partitionIndex => ({
            partitionIndex,
            timestamp,
            ...(currentLeaderEpoch === undefined ? {} : { currentLeaderEpoch }),
            ...(maxNumOffsets === undefined ? {} : { maxNumOffsets }),
          })),
        },
      ],
    })
    .answer?.topics[0]?.partitions.at(0)
}

describe('ListOffsets', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9])('v%i finds both ends', version => {
    expect(list(-2, { version })).toMatchObject({ errorCode: 0, offset: 1, timestamp: -1 })
    expect(list(-1, { version })).toMatchObject({ errorCode: 0, offset: 4, timestamp: -1 })
    if (version >= 4) expect(list(-1, { version })?.leaderEpoch).toBe(1)
  })

  test('v0 lists offsets, the latest first', () => {
    expect(list(-1, { version: 0, maxNumOffsets: 5 })?.oldStyleOffsets).toEqual([4, 1])
    expect(list(-1, { version: 0 })?.oldStyleOffsets).toEqual([4])
    expect(list(-2, { version: 0 })?.oldStyleOffsets).toEqual([1])
    expect(list(-1, { version: 0, partitions: [7] })).toMatchObject({
      errorCode: errors.UNKNOWN_TOPIC_OR_PARTITION,
      oldStyleOffsets: [],
    })
  })

  test('finds the first record at or after a timestamp', () => {
    expect(list(t0 + 150)).toMatchObject({ offset: 2, timestamp: t0 + 200, leaderEpoch: 1 })
    expect(list(t0)).toMatchObject({ offset: 1, timestamp: t0 + 100 })
    expect(list(t0 + 999)).toMatchObject({ errorCode: errors.NONE, offset: -1, timestamp: -1 })
  })

  test('finds the record of the greatest timestamp', () => {
    expect(list(-3)).toMatchObject({ offset: 3, timestamp: t0 + 300 })
  })

  test('knows the local log, and of no tiered one', () => {
    expect(list(-4)?.offset).toBe(1)
    expect(list(-5)).toMatchObject({ errorCode: errors.NONE, offset: -1 })
  })

  test('does not show consumers what is not committed, but brokers', () => {
    Object.assign(cluster, { replicas: [1, 2] })
    cluster.elect({ isr: [1, 2] })
    const { orders } = cluster.broker(1)
    orders.append(batchOf(['e'], { timestampMs: t0 + 900 }), { acks: 1, origin: 'client' })
    expect(list(-1)?.offset).toBe(4)
    expect(list(t0 + 900)).toMatchObject({ errorCode: errors.NONE, offset: -1 })
    expect(list(-3)).toMatchObject({ offset: -1 })
    expect(list(-1, { replicaId: 2 })?.offset).toBe(5)
  })

  test('before v5 calls an unknown end LEADER_NOT_AVAILABLE (KIP-207)', () => {
    cluster.stop()
    cluster = new ReplicaCluster([1, 2])
    cluster.elect({})
    const { orders } = cluster.broker(1)
    orders.append(batchOf(['a']), { acks: 1, origin: 'client' })
    cluster.elect({})
    expect(list(-1, { version: 4 })?.errorCode).toBe(errors.LEADER_NOT_AVAILABLE)
    expect(list(-1, { version: 5 })?.errorCode).toBe(errors.OFFSET_NOT_AVAILABLE)
    expect(list(t0, { version: 5 })?.errorCode).toBe(errors.OFFSET_NOT_AVAILABLE)
    expect(list(-2)?.errorCode).toBe(errors.NONE)
  })

  test('is fenced by leader epoch', () => {
    expect(list(-1, { currentLeaderEpoch: 0 })?.errorCode).toBe(errors.FENCED_LEADER_EPOCH)
    expect(list(-1, { currentLeaderEpoch: 2 })?.errorCode).toBe(errors.UNKNOWN_LEADER_EPOCH)
  })

  test('is answered by leaders, and for a debugging tool by followers', () => {
    cluster.elect({ leader: 2 })
    expect(list(-1)?.errorCode).toBe(errors.NOT_LEADER_OR_FOLLOWER)
    expect(list(-2, { replicaId: -2 })).toMatchObject({ errorCode: errors.NONE, offset: 1 })
  })

  test('of one partition twice is INVALID_REQUEST', () => {
    expect(list(-1, { partitions: [0, 0] })?.errorCode).toBe(errors.INVALID_REQUEST)
  })
})
