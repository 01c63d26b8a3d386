import {
  api,
  at,
  int16,
  int32,
  int64,
  nullable,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * InitProducerId (key 22). A producer gets its id and epoch (KIP-98).
 *
 * v2: flexible · v3: it may name those it has, to recover (KIP-360) · v4: PRODUCER_FENCED
 * (KIP-588) · v5: TRANSACTION_ABORTABLE (KIP-890)
 */
export const InitProducerId = api({
  key: 22,
  name: 'InitProducerId',
  versions: '0-5',
  flexible: 2,
  request: {
    transactionalId: nullable(string),
    transactionTimeoutMs: int32,
    producerId: at('3+', int64, -1),
    producerEpoch: at('3+', int16, -1),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    producerId: at('0+', int64, -1),
    producerEpoch: int16,
  },
})

export type InitProducerIdRequest = RequestOf<typeof InitProducerId>
export type InitProducerIdResponse = ResponseOf<typeof InitProducerId>
