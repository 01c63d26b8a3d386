/**
 * RecordBatch v2, read in place: header fields at their offsets, no copies.
 *
 *    0 baseOffset i64            21 attributes i16        43 producerId i64
 *    8 batchLength i32           23 lastOffsetDelta i32   51 producerEpoch i16
 *   12 partitionLeaderEpoch i32  27 baseTimestamp i64     53 baseSequence i32
 *   16 magic i8                  35 maxTimestamp i64      57 recordCount i32
 *   17 crc u32                                            61 records
 *
 * The checksum covers everything from the attributes on: base offset and leader epoch can be assigned
 * without computing it anew. After DefaultRecordBatch and KIP-98.
 */
import { crc32c } from '../binary/crc32c.ts'
import { type CompressionName, compressionNames } from './compression.ts'

const positions = {
  baseOffset: 0,
  batchLength: 8,
  partitionLeaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
} as const

/** Base offset and length: what comes before the counted bytes. */
export const batchLengthOverhead = 12
/** What a leader assigns to every batch: base offset, (length,) leader epoch. */
export const batchAssignedBytes = 16
/** Everything before the records. */
export const batchHeaderBytes = 61
/** The least length field of any format (a v0 message), below which nothing is a batch. */
const batchLengthMin = 14

export const currentMagic = 2
/** `producerId` of a batch that is not idempotent. */
export const noProducerId = -1
export const noSequence = -1
export const noTimestamp = -1

/** Bits of the attributes. */
export const attributeBits = {
  compression: 0x07,
  logAppendTime: 0x08,
  transactional: 0x10,
  control: 0x20,
  deleteHorizon: 0x40,
} as const

/** A signed 64-bit field; beyond the safe integers it is the nearest double. */
export const int64At = (view: DataView, at: number): number =>
  view.getInt32(at) * 0x1_0000_0000 + view.getUint32(at + 4)

export function setInt64At(view: DataView, at: number, value: number): void {
  view.setInt32(at, Math.floor(value / 0x1_0000_0000))
  view.setUint32(at + 4, value >>> 0)
}

/** For walks over many headers, where an object each would be waste: fields of the batch at `at`. */
export const batchSizeAt = (view: DataView, at: number): number =>
  batchLengthOverhead + view.getInt32(at + positions.batchLength)
export const baseOffsetAt = (view: DataView, at: number): number => int64At(view, at)
export const lastOffsetAt = (view: DataView, at: number): number =>
  int64At(view, at) + view.getInt32(at + positions.lastOffsetDelta)
export const maxTimestampAt = (view: DataView, at: number): number =>
  int64At(view, at + positions.maxTimestamp)

/** The sequence number after `count` more; they wrap from 2³¹ − 1 to 0. */
export const sequenceAfter = (sequence: number, count: number): number =>
  (sequence + count) % 0x8000_0000

export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** One batch within a buffer. The header must be there; only what touches the records needs them too. */
export class RecordBatch {
  readonly view: DataView
  /** Where in the view the batch begins. */
  readonly start: number

  constructor(view: DataView, start = 0) {
    this.view = view
    this.start = start
  }

  get baseOffset(): number {
    return int64At(this.view, this.start)
  }

  /** The length field: bytes behind itself. */
  get batchLength(): number {
    return this.view.getInt32(this.start + positions.batchLength)
  }

  get sizeBytes(): number {
    return batchLengthOverhead + this.batchLength
  }

  get partitionLeaderEpoch(): number {
    return this.view.getInt32(this.start + positions.partitionLeaderEpoch)
  }

  get magic(): number {
    return this.view.getInt8(this.start + positions.magic)
  }

  get crc(): number {
    return this.view.getUint32(this.start + positions.crc)
  }

  get attributes(): number {
    return this.view.getInt16(this.start + positions.attributes)
  }

  get compressionId(): number {
    return this.attributes & attributeBits.compression
  }

  /** Undefined for the ids 5 to 7, which nobody defined. */
  get compression(): CompressionName | undefined {
    return compressionNames[this.compressionId]
  }

  get isLogAppendTime(): boolean {
    return (this.attributes & attributeBits.logAppendTime) !== 0
  }

  get isTransactional(): boolean {
    return (this.attributes & attributeBits.transactional) !== 0
  }

  get isControl(): boolean {
    return (this.attributes & attributeBits.control) !== 0
  }

  /** When tombstones and markers in it may go, in place of the base timestamp; null where not set. */
  get deleteHorizonMs(): number | null {
    return (this.attributes & attributeBits.deleteHorizon) !== 0 ? this.baseTimestamp : null
  }

  get lastOffsetDelta(): number {
    return this.view.getInt32(this.start + positions.lastOffsetDelta)
  }

  get lastOffset(): number {
    return this.baseOffset + this.lastOffsetDelta
  }

  get baseTimestamp(): number {
    return int64At(this.view, this.start + positions.baseTimestamp)
  }

  get maxTimestamp(): number {
    return int64At(this.view, this.start + positions.maxTimestamp)
  }

  get producerId(): number {
    return int64At(this.view, this.start + positions.producerId)
  }

  get hasProducerId(): boolean {
    return this.producerId > noProducerId
  }

  get producerEpoch(): number {
    return this.view.getInt16(this.start + positions.producerEpoch)
  }

  get baseSequence(): number {
    return this.view.getInt32(this.start + positions.baseSequence)
  }

  get lastSequence(): number {
    const first = this.baseSequence
    return first === noSequence ? noSequence : sequenceAfter(first, this.lastOffsetDelta)
  }

  get recordCount(): number {
    return this.view.getInt32(this.start + positions.recordCount)
  }

  /** The whole batch, a subarray. */
  get bytes(): Uint8Array {
    const { buffer, byteOffset } = this.view
    return new Uint8Array(buffer, byteOffset + this.start, this.sizeBytes)
  }

  /** What is behind the header, as it stands (compressed or not), a subarray. */
  get recordBytes(): Uint8Array {
    return this.bytes.subarray(batchHeaderBytes)
  }

  get hasValidCrc(): boolean {
    return this.crc === crc32c(this.bytes, positions.attributes)
  }
}

/** Whole batches found at the beginning of a buffer. */
export interface SplitBatches {
  readonly batches: readonly RecordBatch[]
  /** How far they reach. */
  readonly sizeBytes: number
  /** Why it ends there: everything is read, the next batch is cut short, or it cannot be a batch. */
  readonly end: 'complete' | 'torn' | 'malformed'
  /** The magic byte of the first batch of an older format, where that is what made it malformed. */
  readonly oldMagic: number | null
}

/**
 * Splits a buffer into batches by their length fields. Checksums and the fields' sense are not looked
 * at. A batch of an older format (magic 0 and 1) ends it like a malformed one.
 */
export function splitBatches(records: Uint8Array): SplitBatches {
  const view = viewOf(records)
  const batches: RecordBatch[] = []
  let at = 0
  const ending = (end: SplitBatches['end'], oldMagic: number | null = null): SplitBatches => ({
    batches,
    sizeBytes: at,
    end,
    oldMagic,
  })
  while (at < records.length) {
    const remaining = records.length - at
    if (remaining < batchLengthOverhead) return ending('torn')
    const batchLength = view.getInt32(at + positions.batchLength)
    if (batchLength < batchLengthMin) return ending('malformed')
    if (remaining <= positions.magic) return ending('torn')
    const magic = view.getInt8(at + positions.magic)
    if (magic === 0 || magic === 1) return ending('malformed', magic)
    if (magic !== currentMagic) return ending('malformed')
    if (batchLengthOverhead + batchLength < batchHeaderBytes) return ending('malformed')
    if (remaining < batchLengthOverhead + batchLength) return ending('torn')
    batches.push(new RecordBatch(view, at))
    at += batchLengthOverhead + batchLength
  }
  return ending('complete')
}

/** What the leader writes over a batch. `maxTimestamp` and `logAppendTime` only where they differ from what is there. */
export interface Assignment {
  readonly baseOffset: number
  readonly partitionLeaderEpoch: number
  readonly maxTimestamp?: number
  readonly isLogAppendTime?: boolean
}

/**
 * The batch under another base offset, leader epoch and, where given, timestamp, as chunks: a new
 * header and the untouched rest of the old bytes. Only a changed timestamp costs a checksum.
 */
export function assigned(batch: RecordBatch, to: Assignment): [Uint8Array, Uint8Array] {
  const { bytes } = batch
  const restamped = to.maxTimestamp !== undefined || to.isLogAppendTime !== undefined
  const headerBytes = restamped ? batchHeaderBytes : batchAssignedBytes
  const header = bytes.slice(0, headerBytes)
  const rest = bytes.subarray(headerBytes)
  const view = viewOf(header)
  setInt64At(view, positions.baseOffset, to.baseOffset)
  view.setInt32(positions.partitionLeaderEpoch, to.partitionLeaderEpoch)
  if (restamped) {
    if (to.isLogAppendTime !== undefined) {
      const others = batch.attributes & ~attributeBits.logAppendTime
      const attributes = to.isLogAppendTime ? others | attributeBits.logAppendTime : others
      view.setInt16(positions.attributes, attributes)
    }
    if (to.maxTimestamp !== undefined) setInt64At(view, positions.maxTimestamp, to.maxTimestamp)
    const crcOfHeader = crc32c(header, positions.attributes)
    view.setUint32(positions.crc, crc32c(rest, 0, rest.length, crcOfHeader))
  }
  return [header, rest]
}

/** The fields of a new batch's header; `recordBytes` follow it. */
export interface BatchHeader {
  readonly baseOffset: number
  readonly partitionLeaderEpoch: number
  readonly attributes: number
  readonly lastOffsetDelta: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
}

/** A batch of these fields and records, in one array, with its length and checksum. */
export function joinBatch(header: BatchHeader, recordBytes: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(batchHeaderBytes + recordBytes.length)
  const view = viewOf(bytes)
  setInt64At(view, positions.baseOffset, header.baseOffset)
  view.setInt32(positions.batchLength, bytes.length - batchLengthOverhead)
  view.setInt32(positions.partitionLeaderEpoch, header.partitionLeaderEpoch)
  view.setInt8(positions.magic, currentMagic)
  view.setInt16(positions.attributes, header.attributes)
  view.setInt32(positions.lastOffsetDelta, header.lastOffsetDelta)
  setInt64At(view, positions.baseTimestamp, header.baseTimestamp)
  setInt64At(view, positions.maxTimestamp, header.maxTimestamp)
  setInt64At(view, positions.producerId, header.producerId)
  view.setInt16(positions.producerEpoch, header.producerEpoch)
  view.setInt32(positions.baseSequence, header.baseSequence)
  view.setInt32(positions.recordCount, header.recordCount)
  bytes.set(recordBytes, batchHeaderBytes)
  view.setUint32(positions.crc, crc32c(bytes, positions.attributes))
  return bytes
}
