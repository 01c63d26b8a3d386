import {
  api,
  array,
  at,
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
 * OffsetCommit (key 8). A member, or a consumer on its own, commits the offsets up to which it has
 * read.
 *
 * v1: member and generation, commitTimestamp · v2: retentionTimeMs for it · v5: neither any more
 * (KIP-211) · v6: committedLeaderEpoch (KIP-320) · v7: groupInstanceId (KIP-345) · v8: flexible ·
 * v9: the same for KIP-848 groups
 */
export const OffsetCommit = api({
  key: 8,
  name: 'OffsetCommit',
  versions: '0-9',
  flexible: 8,
  request: {
    groupId: string,
    generationIdOrMemberEpoch: ignorable('1+', int32, -1),
    memberId: ignorable('1+', string),
    groupInstanceId: at('7+', nullable(string), null),
    retentionTimeMs: ignorable('2-4', int64, -1),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        committedOffset: int64,
        committedLeaderEpoch: ignorable('6+', int32, -1),
        commitTimestamp: at('1', int64, -1),
        committedMetadata: nullable(string),
      }),
    }),
  },
  response: {
    throttleTimeMs: ignorable('3+', int32),
    topics: array({ name: string, partitions: array({ partitionIndex: int32, errorCode: int16 }) }),
  },
})

export type OffsetCommitRequest = RequestOf<typeof OffsetCommit>
export type OffsetCommitResponse = ResponseOf<typeof OffsetCommit>
