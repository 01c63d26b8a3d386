import {
  api,
  array,
  at,
  bool,
  int8,
  int16,
  int32,
  nullable,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * DescribeCluster (key 60). The brokers, the controller and what one may do with them (KIP-700).
 * v1: endpointType (KIP-919)
 */
export const DescribeCluster = api({
  key: 60,
  name: 'DescribeCluster',
  versions: '0-1',
  flexible: 0,
  request: { includeClusterAuthorizedOperations: bool, endpointType: at('1+', int8, 1) },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: at('0+', nullable(string), null),
    endpointType: at('1+', int8, 1),
    clusterId: string,
    controllerId: at('0+', int32, -1),
    brokers: array({
      brokerId: int32,
      host: string,
      port: int32,
      rack: at('0+', nullable(string), null),
    }),
    clusterAuthorizedOperations: at('0+', int32, -2147483648),
  },
})

export type DescribeClusterRequest = RequestOf<typeof DescribeCluster>
export type DescribeClusterResponse = ResponseOf<typeof DescribeCluster>
