import {
  api,
  array,
  at,
  int16,
  int32,
  nullable,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * AlterPartitionReassignments (key 45). Starts and cancels reassignments of partitions (KIP-455).
 */
export const AlterPartitionReassignments = api({
  key: 45,
  name: 'AlterPartitionReassignments',
  versions: '0',
  flexible: 0,
  request: {
    timeoutMs: at('0+', int32, 60000),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        replicas: at('0+', nullable(array(int32)), null),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    responses: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: nullable(string),
      }),
    }),
  },
})

export type AlterPartitionReassignmentsRequest = RequestOf<typeof AlterPartitionReassignments>
export type AlterPartitionReassignmentsResponse = ResponseOf<typeof AlterPartitionReassignments>
