import {
  api,
  array,
  at,
  ignorable,
  int8,
  int16,
  int32,
  int64,
  int64Clamped,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * ListOffsets (key 2). Where a partition's log begins, ends, or reaches a timestamp. Special
 * timestamps: −1 latest, −2 earliest, −3 that of the largest timestamp (v7, KIP-734), −4 earliest
 * local (v8, KIP-405), −5 latest tiered (v9, KIP-1005).
 *
 * v0 could ask for several offsets · v1: one offset, with its timestamp (KIP-79) · v2:
 * isolationLevel (KIP-98) · v4: leader epochs (KIP-320) · v5: OFFSET_NOT_AVAILABLE (KIP-207) · v6:
 * flexible
 */
export const ListOffsets = api({
  key: 2,
  name: 'ListOffsets',
  versions: '0-9',
  flexible: 6,
  request: {
    replicaId: int32,
    isolationLevel: at('2+', int8),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        currentLeaderEpoch: ignorable('4+', int32, -1),
        timestamp: int64Clamped,
        maxNumOffsets: at('0', int32, 1),
      }),
    }),
  },
  response: {
    throttleTimeMs: ignorable('2+', int32),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        oldStyleOffsets: at('0', array(int64)),
        timestamp: at('1+', int64, -1),
        offset: at('1+', int64, -1),
        leaderEpoch: at('4+', int32, -1),
      }),
    }),
  },
})

export type ListOffsetsRequest = RequestOf<typeof ListOffsets>
export type ListOffsetsResponse = ResponseOf<typeof ListOffsets>
