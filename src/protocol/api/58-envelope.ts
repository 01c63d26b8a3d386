import { api, at, bytes, int16, nullable, type RequestOf, type ResponseOf } from '../schema.ts'

/**
 * Envelope (key 58). A request that a broker forwards to the controller for its client (KIP-590).
 */
export const Envelope = api({
  key: 58,
  name: 'Envelope',
  versions: '0',
  flexible: 0,
  request: { requestData: bytes, requestPrincipal: nullable(bytes), clientHostAddress: bytes },
  response: { responseData: at('0+', nullable(bytes), null), errorCode: int16 },
})

export type EnvelopeRequest = RequestOf<typeof Envelope>
export type EnvelopeResponse = ResponseOf<typeof Envelope>
