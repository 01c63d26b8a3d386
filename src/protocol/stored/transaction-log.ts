import {
  array,
  type DraftOf,
  int8,
  int16,
  int32,
  int64,
  nullable,
  string,
  type ValueOf,
} from '../schema.ts'
import { decodeStored, encodeStored, stored } from './stored.ts'

/** Keys and values of the records in `__transaction_state`, after Kafka's TransactionLog. */

export const TransactionLogKey = stored({
  name: 'TransactionLogKey',
  versions: '0',
  flexible: null,
  fields: { transactionalId: string },
})

/** v1: flexible (KIP-915) */
export const TransactionLogValue = stored({
  name: 'TransactionLogValue',
  versions: '0-1',
  flexible: 1,
  fields: {
    producerId: int64,
    producerEpoch: int16,
    transactionTimeoutMs: int32,
    transactionStatus: int8,
    transactionPartitions: nullable(array({ topic: string, partitionIds: array(int32) })),
    transactionLastUpdateTimestampMs: int64,
    transactionStartTimestampMs: int64,
  },
})

export type StoredTransaction = ValueOf<typeof TransactionLogValue.fields>

export const encodeTransactionKey = (transactionalId: string): Uint8Array =>
  encodeStored(TransactionLogKey, 0, { transactionalId })

/** As Kafka 3.9 writes it: v0. */
export const encodeTransactionValue = (
  draft: DraftOf<typeof TransactionLogValue.fields>,
): Uint8Array => encodeStored(TransactionLogValue, 0, draft)

/** Throws MalformedFrame. */
export const decodeTransactionKey = (key: Uint8Array): string =>
  decodeStored(TransactionLogKey, key).transactionalId

/** Reads v0–1; throws MalformedFrame. */
export const decodeTransactionValue = (value: Uint8Array): StoredTransaction =>
  decodeStored(TransactionLogValue, value)
