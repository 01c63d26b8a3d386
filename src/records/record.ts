/**
 * Records within a batch: varints, deltas to the batch's base offset and timestamp.
 *
 *   length varint · attributes i8 · timestampDelta varlong · offsetDelta varint
 *   keyLength varint · key · valueLength varint · value · headers: count varint, (key, value)*
 *
 * After DefaultRecord.
 */
import { assert } from '../assert.ts'
import { MalformedFrame, Reader } from '../binary/reader.ts'
import { Writer } from '../binary/writer.ts'
import { decompressedBytesMax } from '../limits.ts'
import {
  attributeBits,
  joinBatch,
  noProducerId,
  noSequence,
  noTimestamp,
  type RecordBatch,
} from './batch.ts'
import {
  type Compression,
  type CompressionName,
  CorruptCompression,
  compressionNames,
  UnsupportedCompression,
} from './compression.ts'

export interface RecordHeader {
  readonly key: string
  readonly value: Uint8Array | null
}

/** A record as it is read. Bytes are subarrays of the batch. */
export interface BatchRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly RecordHeader[]
}

/** A record to be written. */
export interface NewRecord {
  /** −1 or absent: the batch's `timestampMs`. */
  readonly timestamp?: number
  readonly key?: Uint8Array | null
  readonly value?: Uint8Array | null
  readonly headers?: readonly RecordHeader[]
}

export interface NewBatch {
  readonly records: readonly NewRecord[]
  /** Timestamp of records that bring none; −1 by default, which is "no timestamp". */
  readonly timestampMs?: number
  /** 0 for what goes to a leader, which assigns its own. */
  readonly baseOffset?: number
  readonly partitionLeaderEpoch?: number
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly isTransactional?: boolean
  readonly isControl?: boolean
  /** All records bear this one timestamp, given by the broker. */
  readonly logAppendTimeMs?: number
  readonly compression?: { readonly codec: CompressionName; readonly by: Compression }
}

const noHeaders: readonly RecordHeader[] = []
const utf8 = new TextEncoder()

/** Builds one batch. There must be at least one record. */
export function encodeBatch(batch: NewBatch): Uint8Array {
  const { records, timestampMs = noTimestamp, compression } = batch
  assert(records.length > 0, 'a batch without records')
  const baseTimestamp = timestampOf(records[0] as NewRecord, timestampMs)
  let maxTimestamp = noTimestamp
  const writer = new Writer(64 * records.length)
  records.forEach((record, offsetDelta) => {
    const timestamp = timestampOf(record, timestampMs)
    maxTimestamp = Math.max(maxTimestamp, timestamp)
    writeRecord(writer, record, timestamp - baseTimestamp, offsetDelta)
  })
  const plain = writer.bytes()
  const codec = compression?.codec ?? 'none'
  const packed =
    codec === 'none' || compression === undefined ? plain : compression.by.compress(codec, plain)
  return joinBatch(
    {
      baseOffset: batch.baseOffset ?? 0,
      partitionLeaderEpoch: batch.partitionLeaderEpoch ?? -1,
      attributes:
        compressionNames.indexOf(codec) |
        (batch.logAppendTimeMs === undefined ? 0 : attributeBits.logAppendTime) |
        (batch.isTransactional === true ? attributeBits.transactional : 0) |
        (batch.isControl === true ? attributeBits.control : 0),
      lastOffsetDelta: records.length - 1,
      baseTimestamp,
      maxTimestamp: batch.logAppendTimeMs ?? maxTimestamp,
      producerId: batch.producerId ?? noProducerId,
      producerEpoch: batch.producerEpoch ?? -1,
      baseSequence: batch.baseSequence ?? noSequence,
      recordCount: records.length,
    },
    packed,
  )
}

const timestampOf = (record: NewRecord, otherwise: number): number =>
  record.timestamp === undefined || record.timestamp === noTimestamp ? otherwise : record.timestamp

function writeRecord(
  writer: Writer,
  record: NewRecord,
  timestampDelta: number,
  offsetDelta: number,
): void {
  const { key = null, value = null } = record
  const headers = (record.headers ?? noHeaders).map(header => ({
    key: utf8.encode(header.key),
    value: header.value,
  }))
  let length = 1 + varlongBytes(timestampDelta) + varlongBytes(offsetDelta)
  length += fieldBytes(key) + fieldBytes(value) + varlongBytes(headers.length)
  for (const header of headers) length += fieldBytes(header.key) + fieldBytes(header.value)
  writer.varint(length)
  writer.int8(0)
  writer.varlong(timestampDelta)
  writer.varint(offsetDelta)
  writeBytes(writer, key)
  writeBytes(writer, value)
  writer.varint(headers.length)
  for (const header of headers) {
    writeBytes(writer, header.key)
    writeBytes(writer, header.value)
  }
}

/** How long a signed number is as a varint or varlong. */
export function varlongBytes(value: number): number {
  let rest = value < 0 ? -2 * value - 1 : 2 * value
  let bytes = 1
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++
  return bytes
}

const fieldBytes = (bytes: Uint8Array | null): number =>
  bytes === null ? 1 : varlongBytes(bytes.length) + bytes.length

function writeBytes(writer: Writer, bytes: Uint8Array | null): void {
  writer.varint(bytes === null ? -1 : bytes.length)
  if (bytes !== null) writer.raw(bytes)
}

/**
 * The records of a batch, whose checksum is taken for checked.
 *
 * @param compression needed where the batch is compressed
 * @throws MalformedFrame where the records are not what the header says; as CorruptCompression where they cannot be
 * unpacked, as UnsupportedCompression where the codec is not to be had
 */
export function decodeRecords(batch: RecordBatch, compression?: Compression): BatchRecord[] {
  const reader = new Reader(plainRecordBytes(batch, compression))
  const { baseOffset, baseTimestamp, recordCount } = batch
  const logAppendTime = batch.isLogAppendTime ? batch.maxTimestamp : null
  // Seven bytes is the least a record takes; a count that lies must not make us allocate.
  if (recordCount < 0 || recordCount * 7 > reader.remaining)
    throw new MalformedFrame(`${recordCount} records in ${reader.remaining} bytes`)
  const records: BatchRecord[] = []
  for (let i = 0; i < recordCount; i++) {
    const length = reader.varint()
    records.push(
      reader.within(length, () => readRecord(reader, baseOffset, baseTimestamp, logAppendTime)),
    )
  }
  reader.finish()
  return records
}

/** What stands behind the header, unpacked. */
export function plainRecordBytes(
  batch: RecordBatch,
  compression: Compression | undefined,
): Uint8Array {
  const codec = batch.compression
  if (codec === 'none') return batch.recordBytes
  if (codec === undefined)
    throw new UnsupportedCompression(`no codec for compression ${batch.compressionId}`)
  if (compression === undefined || !compression.supports(codec))
    throw new UnsupportedCompression(`no codec for ${codec} here`)
  try {
    return compression.decompress(codec, batch.recordBytes, decompressedBytesMax)
  } catch (error) {
    throw new CorruptCompression(`${codec}: ${error instanceof Error ? error.message : error}`)
  }
}

function readRecord(
  reader: Reader,
  baseOffset: number,
  baseTimestamp: number,
  logAppendTime: number | null,
): BatchRecord {
  reader.int8()
  const timestampDelta = reader.varlong()
  const offset = baseOffset + reader.varint()
  const key = readBytes(reader)
  const value = readBytes(reader)
  const count = reader.varint()
  if (count < 0 || count > reader.remaining) throw new MalformedFrame(`${count} record headers`)
  let headers = noHeaders
  if (count > 0) {
    headers = Array.from({ length: count }, () => {
      const name = reader.utf8(reader.varint())
      return { key: name, value: readBytes(reader) }
    })
  }
  return { offset, timestamp: logAppendTime ?? baseTimestamp + timestampDelta, key, value, headers }
}

function readBytes(reader: Reader): Uint8Array | null {
  const length = reader.varint()
  return length < 0 ? null : reader.slice(length)
}

/** What a leader learns by walking over the records of a batch. */
export interface RecordsOutline {
  readonly maxTimestamp: number
  /** Places of records without a key. */
  readonly keyless: readonly number[]
  /** Places of records whose timestamp is outside the bounds; those without a timestamp are not. */
  readonly untimely: readonly number[]
}

export interface TimestampBounds {
  readonly earliest: number
  readonly latest: number
}

/**
 * Walks over the records of a batch without making objects of them: lengths must add up, the count must
 * be true and offsets must go up by one.
 *
 * @param compression needed where the batch is compressed
 * @throws MalformedFrame where they do not; as with {@link decodeRecords}
 */
export function outlineRecords(
  batch: RecordBatch,
  { earliest, latest }: TimestampBounds,
  compression?: Compression,
): RecordsOutline {
  const reader = new Reader(plainRecordBytes(batch, compression))
  const { baseTimestamp, recordCount } = batch
  const keyless: number[] = []
  const untimely: number[] = []
  let maxTimestamp = noTimestamp
  for (let i = 0; i < recordCount; i++) {
    const length = reader.varint()
    const end = reader.position + length
    if (length < 0 || length > reader.remaining)
      throw new MalformedFrame(`record ${i} of ${length} bytes`)
    reader.int8()
    const timestamp = baseTimestamp + reader.varlong()
    if (timestamp > maxTimestamp) maxTimestamp = timestamp
    if (timestamp !== noTimestamp && (timestamp < earliest || timestamp > latest)) untimely.push(i)
    const offsetDelta = reader.varint()
    if (offsetDelta !== i)
      throw new MalformedFrame(`record ${i} has the offset delta ${offsetDelta}`)
    if (!skipBytes(reader)) keyless.push(i)
    skipBytes(reader)
    const headers = reader.varint()
    if (headers < 0) throw new MalformedFrame(`record ${i} has ${headers} headers`)
    for (let h = 0; h < headers; h++) {
      if (!skipBytes(reader)) throw new MalformedFrame(`record ${i} has a header without a key`)
      skipBytes(reader)
    }
    if (reader.position !== end) throw new MalformedFrame(`record ${i} is not ${length} bytes`)
  }
  reader.finish()
  return { maxTimestamp, keyless, untimely }
}

/** Skips a byte string; false where it is null. */
function skipBytes(reader: Reader): boolean {
  const length = reader.varint()
  if (length < 0) return false
  if (length > reader.remaining)
    throw new MalformedFrame(`${length} bytes, ${reader.remaining} left`)
  reader.position += length
  return true
}
