import {
  api,
  array,
  at,
  int16,
  int32,
  int64,
  nullable,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * DescribeProducers (key 61). The idempotent and transactional producers a leader knows (KIP-664).
 */
export const DescribeProducers = api({
  key: 61,
  name: 'DescribeProducers',
  versions: '0',
  flexible: 0,
  request: { topics: array({ name: string, partitionIndexes: array(int32) }) },
  response: {
    throttleTimeMs: int32,
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: at('0+', nullable(string), null),
        activeProducers: array({
          producerId: int64,
          producerEpoch: int32,
          lastSequence: at('0+', int32, -1),
          lastTimestamp: at('0+', int64, -1),
          coordinatorEpoch: int32,
          currentTxnStartOffset: at('0+', int64, -1),
        }),
      }),
    }),
  },
})

export type DescribeProducersRequest = RequestOf<typeof DescribeProducers>
export type DescribeProducersResponse = ResponseOf<typeof DescribeProducers>
