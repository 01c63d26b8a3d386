/** Finding a record by its timestamp within a batch. After FileRecords.searchForTimestamp. */
import { MalformedFrame } from '../binary/reader.ts'
import type { RecordBatch } from '../records/batch.ts'
import type { Compression } from '../records/compression.ts'
import { decodeRecords } from '../records/record.ts'

export interface TimestampAndOffset {
  readonly timestamp: number
  readonly offset: number
  /** −1 where unknown. */
  readonly leaderEpoch: number
}

/**
 * The first record of a batch at or after both a timestamp and an offset; null where there is none.
 * Of a batch that cannot be looked into it is the first record: reading begins too early rather than too late.
 */
export function recordAtTimestamp(
  batch: RecordBatch,
  timestamp: number,
  fromOffset: number,
  compression: Compression | undefined,
): TimestampAndOffset | null {
  const { partitionLeaderEpoch: leaderEpoch } = batch
  try {
    for (const record of decodeRecords(batch, compression)) {
      if (record.timestamp >= timestamp && record.offset >= fromOffset)
        return { timestamp: record.timestamp, offset: record.offset, leaderEpoch }
    }
    return null
  } catch (error) {
    if (!(error instanceof MalformedFrame)) throw error
    const offset = Math.max(batch.baseOffset, fromOffset)
    return { timestamp: batch.maxTimestamp, offset, leaderEpoch }
  }
}
