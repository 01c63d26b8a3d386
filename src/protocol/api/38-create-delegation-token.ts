import {
  api,
  array,
  at,
  bytes,
  int16,
  int32,
  int64,
  nullable,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * CreateDelegationToken (key 38). Makes a delegation token (KIP-48). v2: flexible · v3: for
 * another owner (KIP-373)
 */
export const CreateDelegationToken = api({
  key: 38,
  name: 'CreateDelegationToken',
  versions: '0-3',
  flexible: 2,
  request: {
    ownerPrincipalType: at('3+', nullable(string)),
    ownerPrincipalName: at('3+', nullable(string)),
    renewers: array({ principalType: string, principalName: string }),
    maxLifetimeMs: int64,
  },
  response: {
    errorCode: int16,
    principalType: string,
    principalName: string,
    tokenRequesterPrincipalType: at('3+', string),
    tokenRequesterPrincipalName: at('3+', string),
    issueTimestampMs: int64,
    expiryTimestampMs: int64,
    maxTimestampMs: int64,
    tokenId: string,
    hmac: bytes,
    throttleTimeMs: int32,
  },
})

export type CreateDelegationTokenRequest = RequestOf<typeof CreateDelegationToken>
export type CreateDelegationTokenResponse = ResponseOf<typeof CreateDelegationToken>
