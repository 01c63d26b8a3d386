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
  records,
  string,
  struct,
  tagged,
} from '../schema.ts'

/**
 * Produce (key 0). Batches from a producer to the leaders of their partitions. With acks = 0 there
 * is no answer at all.
 *
 * v3: transactionalId, and record batches of magic 2 are the only ones taken · v7: zstd (KIP-110)
 * · v8: recordErrors (KIP-467) · v9: flexible · v10: the new leader in the answer (KIP-951) · v11:
 * TRANSACTION_ABORTABLE (KIP-890)
 */
export const Produce = api({
  key: 0,
  name: 'Produce',
  versions: '0-11',
  flexible: 9,
  request: {
    transactionalId: at('3+', nullable(string), null),
    acks: int16,
    timeoutMs: int32,
    topicData: array({ name: string, partitionData: array({ index: int32, records }) }),
  },
  response: {
    responses: array({
      name: string,
      partitionResponses: array({
        index: int32,
        errorCode: int16,
        baseOffset: int64,
        logAppendTimeMs: ignorable('2+', int64, -1),
        logStartOffset: ignorable('5+', int64, -1),
        recordErrors: ignorable(
          '8+',
          array({ batchIndex: int32, batchIndexErrorMessage: at('8+', nullable(string), null) }),
        ),
        errorMessage: ignorable('8+', nullable(string), null),
        currentLeader: tagged(
          '10+',
          0,
          struct({ leaderId: at('10+', int32, -1), leaderEpoch: at('10+', int32, -1) }),
        ),
      }),
    }),
    throttleTimeMs: ignorable('1+', int32),
    nodeEndpoints: tagged(
      '10+',
      0,
      array({ nodeId: int32, host: string, port: int32, rack: at('10+', nullable(string), null) }),
    ),
  },
})

export type ProduceRequest = RequestOf<typeof Produce>
export type ProduceResponse = ResponseOf<typeof Produce>
