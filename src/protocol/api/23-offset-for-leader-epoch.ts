import {
  api,
  array,
  at,
  ignorable,
  int16,
  int32,
  int64,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * OffsetForLeaderEpoch (key 23). Where a leader epoch ends in the log; followers and consumers
 * find by it where they diverge (KIP-101, KIP-279).
 *
 * v1: leaderEpoch in the answer · v2: currentLeaderEpoch fences (KIP-320) · v3: replicaId · v4:
 * flexible
 */
export const OffsetForLeaderEpoch = api({
  key: 23,
  name: 'OffsetForLeaderEpoch',
  versions: '0-4',
  flexible: 4,
  request: {
    replicaId: ignorable('3+', int32, -2),
    topics: array({
      topic: string,
      partitions: array({
        partition: int32,
        currentLeaderEpoch: ignorable('2+', int32, -1),
        leaderEpoch: int32,
      }),
    }),
  },
  response: {
    throttleTimeMs: ignorable('2+', int32),
    topics: array({
      topic: string,
      partitions: array({
        errorCode: int16,
        partition: int32,
        leaderEpoch: ignorable('1+', int32, -1),
        endOffset: at('0+', int64, -1),
      }),
    }),
  },
})

export type OffsetForLeaderEpochRequest = RequestOf<typeof OffsetForLeaderEpoch>
export type OffsetForLeaderEpochResponse = ResponseOf<typeof OffsetForLeaderEpoch>
