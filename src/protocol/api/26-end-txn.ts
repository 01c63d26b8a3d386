import {
  api,
  bool,
  int16,
  int32,
  int64,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * EndTxn (key 26). Commits or aborts a transaction (KIP-98).
 *
 * v2: PRODUCER_FENCED (KIP-588) · v3: flexible · v4: TRANSACTION_ABORTABLE (KIP-890)
 */
export const EndTxn = api({
  key: 26,
  name: 'EndTxn',
  versions: '0-4',
  flexible: 3,
  request: { transactionalId: string, producerId: int64, producerEpoch: int16, committed: bool },
  response: { throttleTimeMs: int32, errorCode: int16 },
})

export type EndTxnRequest = RequestOf<typeof EndTxn>
export type EndTxnResponse = ResponseOf<typeof EndTxn>
