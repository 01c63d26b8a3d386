import {
  api,
  array,
  at,
  int16,
  int32,
  int64,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * ListTransactions (key 66). The transactions that a broker coordinates (KIP-664). v1: older than
 * a duration (KIP-994)
 */
export const ListTransactions = api({
  key: 66,
  name: 'ListTransactions',
  versions: '0-1',
  flexible: 0,
  request: {
    stateFilters: array(string),
    producerIdFilters: array(int64),
    durationFilter: at('1+', int64, -1),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    unknownStateFilters: array(string),
    transactionStates: array({
      transactionalId: string,
      producerId: int64,
      transactionState: string,
    }),
  },
})

export type ListTransactionsRequest = RequestOf<typeof ListTransactions>
export type ListTransactionsResponse = ResponseOf<typeof ListTransactions>
