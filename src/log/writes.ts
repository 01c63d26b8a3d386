/** Batches made ready for the disk: as their leader orders them, or as they came from the leader. */
import { errors } from '../error.ts'
import { assigned, type RecordBatch } from '../records/batch.ts'
import { type Refusal, refusal } from '../records/refusal.ts'
import type { ValidBatch } from '../records/validate.ts'

/** A batch with what the log says of it, whatever its header says. */
export interface PlacedBatch {
  readonly batch: RecordBatch
  readonly baseOffset: number
  readonly lastOffset: number
  readonly sizeBytes: number
  readonly maxTimestamp: number
  readonly leaderEpoch: number
}

/** Batches that go to the disk in one write. */
export interface Write {
  readonly chunks: Uint8Array[]
  readonly batches: PlacedBatch[]
  sizeBytes: number
}

/**
 * Gives batches their offsets, leader epoch and, where the broker is to say it, timestamp.
 *
 * @param logAppendTimeMs −1 under CreateTime: the records' own timestamps stay
 */
export function placed(
  valid: readonly ValidBatch[],
  logEndOffset: number,
  leaderEpoch: number,
  logAppendTimeMs: number,
): Write {
  const write: Write = { chunks: [], batches: [], sizeBytes: 0 }
  const isLogAppendTime = logAppendTimeMs >= 0
  let baseOffset = logEndOffset
  for (const { batch, maxTimestamp: latest } of valid) {
    const maxTimestamp = isLogAppendTime ? logAppendTimeMs : latest
    const to = { baseOffset, partitionLeaderEpoch: leaderEpoch }
    const kept = batch.isLogAppendTime === isLogAppendTime && batch.maxTimestamp === maxTimestamp
    const chunks = kept
      ? assigned(batch, to)
      : assigned(batch, { ...to, maxTimestamp, isLogAppendTime })
    write.chunks.push(...chunks)
    const { sizeBytes } = batch
    const lastOffset = baseOffset + batch.lastOffsetDelta
    write.batches.push({ batch, baseOffset, lastOffset, sizeBytes, maxTimestamp, leaderEpoch })
    write.sizeBytes += sizeBytes
    baseOffset = lastOffset + 1
  }
  return write
}

/**
 * Fetched batches as they are, in writes of at most a segment each.
 *
 * @param records where the batches lie back to back
 * @returns OFFSET_OUT_OF_RANGE for offsets that go back, CORRUPT_MESSAGE for a damaged batch
 */
export function fetched(
  batches: readonly RecordBatch[],
  records: Uint8Array,
  logEndOffset: number,
  segmentBytes: number,
): Write[] | Refusal {
  const writes: Write[] = []
  let write: Write | undefined
  let nextOffset = logEndOffset
  let start = 0
  for (const batch of batches) {
    const refused = checkFetched(batch, nextOffset)
    if (refused !== null) return refused
    const { baseOffset, lastOffset, sizeBytes, maxTimestamp } = batch
    const { partitionLeaderEpoch: leaderEpoch } = batch
    if (write === undefined || write.sizeBytes + sizeBytes > segmentBytes) {
      write = { chunks: [], batches: [], sizeBytes: 0 }
      writes.push(write)
      start = batch.start
    }
    write.sizeBytes += sizeBytes
    write.chunks[0] = records.subarray(start, start + write.sizeBytes)
    write.batches.push({ batch, baseOffset, lastOffset, sizeBytes, maxTimestamp, leaderEpoch })
    nextOffset = lastOffset + 1
  }
  return writes
}

function checkFetched(batch: RecordBatch, nextOffset: number): Refusal | null {
  const { baseOffset, lastOffset, crc } = batch
  if (baseOffset < nextOffset || lastOffset < baseOffset)
    return refusal(
      errors.OFFSET_OUT_OF_RANGE,
      `offsets ${baseOffset} to ${lastOffset} where ${nextOffset} is next`,
    )
  if (!Number.isSafeInteger(lastOffset) || !batch.hasValidCrc)
    return refusal(errors.CORRUPT_MESSAGE, `the checksum ${crc} at ${baseOffset} does not match`)
  return null
}
