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
 * TxnOffsetCommit (key 28). Commits offsets that count when their transaction commits (KIP-98).
 *
 * v2: committedLeaderEpoch (KIP-320) · v3: flexible; member and generation (KIP-447) · v4:
 * TRANSACTION_ABORTABLE (KIP-890)
 */
export const TxnOffsetCommit = api({
  key: 28,
  name: 'TxnOffsetCommit',
  versions: '0-4',
  flexible: 3,
  request: {
    transactionalId: string,
    groupId: string,
    producerId: int64,
    producerEpoch: int16,
    generationId: at('3+', int32, -1),
    memberId: at('3+', string),
    groupInstanceId: at('3+', nullable(string), null),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        committedOffset: int64,
        committedLeaderEpoch: ignorable('2+', int32, -1),
        committedMetadata: nullable(string),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32,
    topics: array({ name: string, partitions: array({ partitionIndex: int32, errorCode: int16 }) }),
  },
})

export type TxnOffsetCommitRequest = RequestOf<typeof TxnOffsetCommit>
export type TxnOffsetCommitResponse = ResponseOf<typeof TxnOffsetCommit>
