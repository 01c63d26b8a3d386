import {
  api,
  array,
  bytes,
  int8,
  int16,
  int32,
  nullable,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * AlterUserScramCredentials (key 51). Sets and removes SCRAM credentials (KIP-554).
 */
export const AlterUserScramCredentials = api({
  key: 51,
  name: 'AlterUserScramCredentials',
  versions: '0',
  flexible: 0,
  request: {
    deletions: array({ name: string, mechanism: int8 }),
    upsertions: array({
      name: string,
      mechanism: int8,
      iterations: int32,
      salt: bytes,
      saltedPassword: bytes,
    }),
  },
  response: {
    throttleTimeMs: int32,
    results: array({ user: string, errorCode: int16, errorMessage: nullable(string) }),
  },
})

export type AlterUserScramCredentialsRequest = RequestOf<typeof AlterUserScramCredentials>
export type AlterUserScramCredentialsResponse = ResponseOf<typeof AlterUserScramCredentials>
