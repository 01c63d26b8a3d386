import {
  api,
  array,
  at,
  bool,
  ignorable,
  int16,
  int32,
  int64,
  nullable,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * OffsetFetch (key 9). The offsets a group has committed. Null topics ask for all of them (v2 on).
 *
 * v2: top-level errorCode · v5: committedLeaderEpoch (KIP-320) · v6: flexible · v7: requireStable
 * (KIP-447) · v8: many groups at once (KIP-709) · v9: member and its epoch for KIP-848 groups
 */
export const OffsetFetch = api({
  key: 9,
  name: 'OffsetFetch',
  versions: '0-9',
  flexible: 6,
  request: {
    groupId: at('0-7', string),
    topics: at('0-7', nullable(array({ name: string, partitionIndexes: array(int32) }), '2-7')),
    groups: at(
      '8+',
      array({
        groupId: string,
        memberId: ignorable('9+', nullable(string), null),
        memberEpoch: ignorable('9+', int32, -1),
        topics: nullable(array({ name: string, partitionIndexes: array(int32) })),
      }),
    ),
    requireStable: at('7+', bool),
  },
  response: {
    throttleTimeMs: ignorable('3+', int32),
    topics: at(
      '0-7',
      array({
        name: string,
        partitions: array({
          partitionIndex: int32,
          committedOffset: int64,
          committedLeaderEpoch: ignorable('5-7', int32, -1),
          metadata: nullable(string),
          errorCode: int16,
        }),
      }),
    ),
    errorCode: ignorable('2-7', int16),
    groups: at(
      '8+',
      array({
        groupId: string,
        topics: array({
          name: string,
          partitions: array({
            partitionIndex: int32,
            committedOffset: int64,
            committedLeaderEpoch: ignorable('8+', int32, -1),
            metadata: nullable(string),
            errorCode: int16,
          }),
        }),
        errorCode: at('8+', int16),
      }),
    ),
  },
})

export type OffsetFetchRequest = RequestOf<typeof OffsetFetch>
export type OffsetFetchResponse = ResponseOf<typeof OffsetFetch>
