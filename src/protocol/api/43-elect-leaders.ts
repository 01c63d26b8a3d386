import {
  api,
  array,
  at,
  int8,
  int16,
  int32,
  nullable,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * ElectLeaders (key 43). Has leaders elected: the preferred ones, or unclean ones (KIP-183). v1:
 * electionType, top-level errorCode (KIP-460) · v2: flexible
 */
export const ElectLeaders = api({
  key: 43,
  name: 'ElectLeaders',
  versions: '0-2',
  flexible: 2,
  request: {
    electionType: at('1+', int8),
    topicPartitions: nullable(array({ topic: string, partitions: array(int32) })),
    timeoutMs: at('0+', int32, 60000),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: at('1+', int16),
    replicaElectionResults: array({
      topic: string,
      partitionResult: array({
        partitionId: int32,
        errorCode: int16,
        errorMessage: nullable(string),
      }),
    }),
  },
})

export type ElectLeadersRequest = RequestOf<typeof ElectLeaders>
export type ElectLeadersResponse = ResponseOf<typeof ElectLeaders>
