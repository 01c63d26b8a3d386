import {
  api,
  bytes,
  ignorable,
  int16,
  int64,
  nullable,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * SaslAuthenticate (key 36). One step of a SASL exchange (KIP-152). v1: session lifetime (KIP-368)
 * · v2: flexible
 */
export const SaslAuthenticate = api({
  key: 36,
  name: 'SaslAuthenticate',
  versions: '0-2',
  flexible: 2,
  request: { authBytes: bytes },
  response: {
    errorCode: int16,
    errorMessage: nullable(string),
    authBytes: bytes,
    sessionLifetimeMs: ignorable('1+', int64),
  },
})

export type SaslAuthenticateRequest = RequestOf<typeof SaslAuthenticate>
export type SaslAuthenticateResponse = ResponseOf<typeof SaslAuthenticate>
