import {
  api,
  array,
  int8,
  int16,
  int32,
  nullable,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * DescribeUserScramCredentials (key 50). Which SCRAM credentials users have (KIP-554).
 */
export const DescribeUserScramCredentials = api({
  key: 50,
  name: 'DescribeUserScramCredentials',
  versions: '0',
  flexible: 0,
  request: { users: nullable(array({ name: string })) },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    results: array({
      user: string,
      errorCode: int16,
      errorMessage: nullable(string),
      credentialInfos: array({ mechanism: int8, iterations: int32 }),
    }),
  },
})

export type DescribeUserScramCredentialsRequest = RequestOf<typeof DescribeUserScramCredentials>
export type DescribeUserScramCredentialsResponse = ResponseOf<typeof DescribeUserScramCredentials>
