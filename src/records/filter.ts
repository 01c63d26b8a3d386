/**
 * A batch with some of its records: what compaction makes of it. Offsets stay, and so do the batch's base and last offset, its
 * producer and sequence; what remains of the records are their bytes. After MemoryRecords.filterTo.
 */
import { MalformedFrame, Reader } from '../binary/reader.ts'
import { Writer } from '../binary/writer.ts'
import { attributeBits, joinBatch, noTimestamp, type RecordBatch } from './batch.ts'
import type { Compression } from './compression.ts'
import { plainRecordBytes, varlongBytes } from './record.ts'

/** A record where it stands. */
export interface PlacedRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: Uint8Array | null
  /** False: a tombstone. */
  readonly hasValue: boolean
}

interface RecordPlace extends PlacedRecord {
  /** Of its bytes, with the length before them. */
  readonly start: number
  readonly end: number
  /** Of what follows the timestamp. */
  readonly restStart: number
}

/** The records of a batch, which can be put together anew. */
export interface OpenedBatch {
  readonly batch: RecordBatch
  readonly records: readonly PlacedRecord[]
}

class Opened implements OpenedBatch {
  readonly batch: RecordBatch
  readonly plain: Uint8Array
  readonly records: readonly RecordPlace[]

  constructor(batch: RecordBatch, plain: Uint8Array, records: readonly RecordPlace[]) {
    this.batch = batch
    this.plain = plain
    this.records = records
  }
}

/**
 * Finds the records of a batch.
 *
 * @param compression needed where the batch is compressed
 * @throws MalformedFrame where the records are not what the header says, or the codec is not to be had
 */
export function openBatch(batch: RecordBatch, compression?: Compression): OpenedBatch {
  const plain = plainRecordBytes(batch, compression)
  const reader = new Reader(plain)
  const { baseOffset, baseTimestamp, recordCount } = batch
  const logAppendTime = batch.isLogAppendTime ? batch.maxTimestamp : null
  const records: RecordPlace[] = []
  for (let i = 0; i < recordCount; i++) {
    const start = reader.position
    const length = reader.varint()
    const end = reader.position + length
    if (length < 0 || length > reader.remaining)
      throw new MalformedFrame(`record ${i} of ${length} bytes`)
    reader.int8()
    const timestamp = logAppendTime ?? baseTimestamp + reader.varlong()
    if (logAppendTime !== null) reader.varlong()
    const restStart = reader.position
    const offset = baseOffset + reader.varint()
    const keyLength = reader.varint()
    const key = keyLength < 0 ? null : reader.slice(keyLength)
    const hasValue = reader.varint() >= 0
    records.push({ offset, timestamp, key, hasValue, start, end, restStart })
    reader.position = end
  }
  reader.finish()
  return new Opened(batch, plain, records)
}

export interface Filtering {
  /** By place: whether the record stays. At least one does, or the batch stays as an empty one. */
  readonly kept: readonly boolean[]
  /** From when on tombstones and markers in it may go; the batch's own where absent. */
  readonly deleteHorizonMs?: number
  readonly compression?: Compression | undefined
}

/** The batch with the records that stay. */
export function filteredBatch(opened: OpenedBatch, filtering: Filtering): Uint8Array {
  const { batch, plain, records } = opened as Opened
  const { kept, deleteHorizonMs, compression } = filtering
  const staying = records.filter((_, i) => kept[i] === true)
  const horizon = deleteHorizonMs ?? batch.deleteHorizonMs
  const { baseOffset, partitionLeaderEpoch, producerId, producerEpoch, baseSequence } = batch
  const { lastOffsetDelta, isLogAppendTime, attributes } = batch
  const identity = {
    baseOffset,
    partitionLeaderEpoch,
    lastOffsetDelta,
    producerId,
    producerEpoch,
    baseSequence,
  }
  if (staying.length === 0) {
    // Nothing is in it that could be compressed, or be waited for.
    const gone = attributeBits.compression | attributeBits.deleteHorizon
    const { maxTimestamp } = batch
    return joinBatch(
      {
        ...identity,
        attributes: attributes & ~gone,
        baseTimestamp: maxTimestamp,
        maxTimestamp,
        recordCount: 0,
      },
      new Uint8Array(0),
    )
  }
  const baseTimestamp = deleteHorizonMs ?? batch.baseTimestamp
  const isMoved = baseTimestamp !== batch.baseTimestamp
  const writer = new Writer(plain.length)
  let maxTimestamp = noTimestamp
  for (const { start, end, restStart, timestamp } of staying) {
    if (timestamp > maxTimestamp) maxTimestamp = timestamp
    if (isMoved) {
      // Of a log append time the header tells: the deltas mean nothing.
      const timestampDelta = isLogAppendTime ? 0 : timestamp - baseTimestamp
      writer.varint(1 + varlongBytes(timestampDelta) + end - restStart)
      writer.int8(0)
      writer.varlong(timestampDelta)
      writer.raw(plain.subarray(restStart, end))
    } else writer.raw(plain.subarray(start, end))
  }
  const codec = batch.compression ?? 'none'
  const bytes = writer.bytes()
  const packed =
    codec === 'none' || compression === undefined ? bytes : compression.compress(codec, bytes)
  return joinBatch(
    {
      ...identity,
      attributes: horizon === null ? attributes : attributes | attributeBits.deleteHorizon,
      baseTimestamp,
      maxTimestamp: isLogAppendTime ? batch.maxTimestamp : maxTimestamp,
      recordCount: staying.length,
    },
    packed,
  )
}
