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
 * DescribeDelegationToken (key 41). The delegation tokens of some owners (KIP-48). v2: flexible ·
 * v3: who asked for them (KIP-373)
 */
export const DescribeDelegationToken = api({
  key: 41,
  name: 'DescribeDelegationToken',
  versions: '0-3',
  flexible: 2,
  request: { owners: nullable(array({ principalType: string, principalName: string })) },
  response: {
    errorCode: int16,
    tokens: array({
      principalType: string,
      principalName: string,
      tokenRequesterPrincipalType: at('3+', string),
      tokenRequesterPrincipalName: at('3+', string),
      issueTimestamp: int64,
      expiryTimestamp: int64,
      maxTimestamp: int64,
      tokenId: string,
      hmac: bytes,
      renewers: array({ principalType: string, principalName: string }),
    }),
    throttleTimeMs: int32,
  },
})

export type DescribeDelegationTokenRequest = RequestOf<typeof DescribeDelegationToken>
export type DescribeDelegationTokenResponse = ResponseOf<typeof DescribeDelegationToken>
