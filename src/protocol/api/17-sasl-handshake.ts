import { api, array, int16, type RequestOf, type ResponseOf, string } from '../schema.ts'

/**
 * SaslHandshake (key 17). A client picks the SASL mechanism. v0: the tokens follow bare; v1: in
 * SaslAuthenticate (KIP-152).
 */
export const SaslHandshake = api({
  key: 17,
  name: 'SaslHandshake',
  versions: '0-1',
  flexible: null,
  request: { mechanism: string },
  response: { errorCode: int16, mechanisms: array(string) },
})

export type SaslHandshakeRequest = RequestOf<typeof SaslHandshake>
export type SaslHandshakeResponse = ResponseOf<typeof SaslHandshake>
