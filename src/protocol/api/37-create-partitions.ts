import {
  api,
  array,
  at,
  bool,
  int16,
  int32,
  nullable,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * CreatePartitions (key 37). Adds partitions to topics (KIP-195). v2: flexible · v3:
 * THROTTLING_QUOTA_EXCEEDED (KIP-599)
 */
export const CreatePartitions = api({
  key: 37,
  name: 'CreatePartitions',
  versions: '0-3',
  flexible: 2,
  request: {
    topics: array({
      name: string,
      count: int32,
      assignments: nullable(array({ brokerIds: array(int32) })),
    }),
    timeoutMs: int32,
    validateOnly: bool,
  },
  response: {
    throttleTimeMs: int32,
    results: array({
      name: string,
      errorCode: int16,
      errorMessage: at('0+', nullable(string), null),
    }),
  },
})

export type CreatePartitionsRequest = RequestOf<typeof CreatePartitions>
export type CreatePartitionsResponse = ResponseOf<typeof CreatePartitions>
