/**
 * Control batches: one record that ends a transaction, invisible to applications.
 *
 * Key: version i16 = 0, type i16 (0 abort, 1 commit). Value: version i16 = 0, coordinatorEpoch i32.
 * After ControlRecordType and EndTransactionMarker; KIP-98.
 */
import type { RecordBatch } from './batch.ts'
import { viewOf } from './batch.ts'
import { decodeRecords, encodeBatch } from './record.ts'

export interface TransactionMarker {
  readonly outcome: 'commit' | 'abort'
  /** Leader epoch of the transaction log's partition: fences an old coordinator. */
  readonly coordinatorEpoch: number
}

export interface NewMarker extends TransactionMarker {
  readonly producerId: number
  readonly producerEpoch: number
  readonly timestampMs: number
}

/** A control batch with one transaction marker. */
export function encodeMarker(marker: NewMarker): Uint8Array {
  const key = new Uint8Array(4)
  viewOf(key).setInt16(2, marker.outcome === 'commit' ? 1 : 0)
  const value = new Uint8Array(6)
  viewOf(value).setInt32(2, marker.coordinatorEpoch)
  return encodeBatch({
    records: [{ key, value, timestamp: marker.timestampMs }],
    producerId: marker.producerId,
    producerEpoch: marker.producerEpoch,
    isTransactional: true,
    isControl: true,
  })
}

/** The marker in a control batch; null where it is of another kind, or was cleaned away. Throws MalformedFrame. */
export function decodeMarker(batch: RecordBatch): TransactionMarker | null {
  if (!batch.isControl || batch.recordCount === 0) return null
  const record = decodeRecords(batch)[0]
  if (record?.key === null || record?.key === undefined || record.key.length < 4) return null
  const type = viewOf(record.key).getInt16(2)
  if (type !== 0 && type !== 1) return null
  if (record.value === null || record.value.length < 6) return null
  return {
    outcome: type === 1 ? 'commit' : 'abort',
    coordinatorEpoch: viewOf(record.value).getInt32(2),
  }
}
