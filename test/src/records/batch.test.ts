import { createRequire } from 'node:module'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32c } from '../../../src/binary/crc32c.ts'
import { MalformedFrame } from '../../../src/binary/reader.ts'
import { assigned, RecordBatch, splitBatches, viewOf } from '../../../src/records/batch.ts'
import {
  type Compression,
  CorruptCompression,
  UnsupportedCompression,
} from '../../../src/records/compression.ts'
import { decodeMarker, encodeMarker } from '../../../src/records/control.ts'
import { decodeRecords, encodeBatch, type NewRecord } from '../../../src/records/record.ts'

const require = createRequire(import.meta.url)

const utf8 = (text: string) => new TextEncoder().encode(text)
const batchOf = (bytes: Uint8Array) => new RecordBatch(viewOf(bytes))
const joined = (chunks: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(chunks))

const two = () =>
  encodeBatch({
    records: [
      { key: utf8('a'), value: utf8('one'), timestamp: 1000 },
      { value: null, timestamp: 900, headers: [{ key: 'h', value: utf8('v') }] },
    ],
    producerId: 77,
    producerEpoch: 3,
    baseSequence: 2147483647,
  })

test('a batch is read in place, wherever in a buffer it lies', () => {
  const bytes = two()
  const buffer = new Uint8Array(bytes.length + 9)
  buffer.set(bytes, 5)
  const batch = new RecordBatch(viewOf(buffer), 5)
  expect(batch.baseOffset).toBe(0)
  expect(batch.sizeBytes).toBe(bytes.length)
  expect(batch.magic).toBe(2)
  expect(batch.partitionLeaderEpoch).toBe(-1)
  expect(batch.lastOffset).toBe(1)
  expect(batch.recordCount).toBe(2)
  expect(batch.baseTimestamp).toBe(1000)
  expect(batch.maxTimestamp).toBe(1000)
  expect(batch.producerId).toBe(77)
  expect(batch.producerEpoch).toBe(3)
  expect(batch.baseSequence).toBe(2147483647)
  expect(batch.lastSequence).toBe(0)
  expect(batch.compression).toBe('none')
  expect(batch.isTransactional || batch.isControl || batch.isLogAppendTime).toBe(false)
  expect(batch.deleteHorizonMs).toBeNull()
  expect(batch.hasValidCrc).toBe(true)
  expect(decodeRecords(batch)).toEqual([
    { offset: 0, timestamp: 1000, key: utf8('a'), value: utf8('one'), headers: [] },
    {
      offset: 1,
      timestamp: 900,
      key: null,
      value: null,
      headers: [{ key: 'h', value: utf8('v') }],
    },
  ])
})

test('the bytes of a batch are a view, not a copy', () => {
  const bytes = two()
  expect(batchOf(bytes).bytes.buffer).toBe(bytes.buffer)
})

test('base offset and leader epoch are assigned without touching the checksum or the records', () => {
  const bytes = two()
  const before = bytes.slice()
  const chunks = assigned(batchOf(bytes), { baseOffset: 2 ** 40 + 7, partitionLeaderEpoch: 9 })
  expect(bytes).toEqual(before)
  expect(chunks[1].buffer).toBe(bytes.buffer)
  const batch = batchOf(joined(chunks))
  expect(batch.baseOffset).toBe(2 ** 40 + 7)
  expect(batch.lastOffset).toBe(2 ** 40 + 8)
  expect(batch.partitionLeaderEpoch).toBe(9)
  expect(batch.crc).toBe(batchOf(before).crc)
  expect(batch.hasValidCrc).toBe(true)
})

test('stamping the log append time computes the checksum anew', () => {
  const bytes = two()
  const batch = batchOf(
    joined(
      assigned(batchOf(bytes), {
        baseOffset: 5,
        partitionLeaderEpoch: 1,
        maxTimestamp: 123456,
        isLogAppendTime: true,
      }),
    ),
  )
  expect(batch.isLogAppendTime).toBe(true)
  expect(batch.maxTimestamp).toBe(123456)
  expect(batch.hasValidCrc).toBe(true)
  expect(decodeRecords(batch).map(record => record.timestamp)).toEqual([123456, 123456])
})

test('a buffer is split into its batches', () => {
  const one = two()
  const { batches, sizeBytes, end } = splitBatches(joined([one, one, one]))
  expect(batches.map(batch => batch.start)).toEqual([0, one.length, 2 * one.length])
  expect(sizeBytes).toBe(3 * one.length)
  expect(end).toBe('complete')
})

test('a batch cut short at the end is told from one that is none', () => {
  const one = two()
  for (let length = 1; length < one.length; length++) {
    const split = splitBatches(joined([one, one.subarray(0, length)]))
    expect(split.batches.length).toBe(1)
    expect(split.end).toBe('torn')
    expect(split.sizeBytes).toBe(one.length)
  }
  const changed = (at: number, byte: number) => {
    const bytes = one.slice()
    bytes[at] = byte
    return splitBatches(bytes)
  }
  expect(changed(8, 0xff).end).toBe('malformed')
  expect(changed(8, 0x7f).end).toBe('torn')
  expect(changed(16, 3).end).toBe('malformed')
  expect(changed(16, 0xff)).toMatchObject({ end: 'malformed', oldMagic: null })
  expect(changed(16, 1)).toMatchObject({ end: 'malformed', oldMagic: 1 })
  expect(changed(16, 0)).toMatchObject({ end: 'malformed', oldMagic: 0 })
  const short = one.slice(0, 40)
  viewOf(short).setInt32(8, 28)
  expect(splitBatches(short).end).toBe('malformed')
})

test('random bytes split into nothing worse than a refusal, and records decode or throw MalformedFrame', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (noise, at) => {
      splitBatches(noise)
      const bytes = two()
      bytes.set(noise.subarray(0, Math.max(0, bytes.length - at)), Math.min(at, bytes.length))
      for (const batch of splitBatches(bytes).batches) {
        try {
          decodeRecords(batch)
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedFrame)
        }
      }
    }),
  )
})

const bytesOrNull = fc.option(fc.uint8Array({ maxLength: 300 }), { nil: null })
const newRecord = fc.record({
  timestamp: fc.integer({ min: 0, max: 2 ** 42 }),
  key: bytesOrNull,
  value: bytesOrNull,
  headers: fc.array(fc.record({ key: fc.string(), value: bytesOrNull }), { maxLength: 3 }),
})

test('what is encoded decodes to the same records', () => {
  fc.assert(
    fc.property(
      fc.array(newRecord, { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 0, max: 2 ** 50 }),
      (records, baseOffset) => {
        const batch = batchOf(encodeBatch({ records, baseOffset }))
        expect(batch.hasValidCrc).toBe(true)
        expect(batch.maxTimestamp).toBe(Math.max(...records.map(record => record.timestamp)))
        expect(decodeRecords(batch)).toEqual(
          records.map((record, i) => ({ ...record, offset: baseOffset + i })),
        )
      },
    ),
  )
})

test('records without a timestamp take the batch’s, and without that have none', () => {
  const at = (timestampMs?: number) =>
    decodeRecords(
      batchOf(encodeBatch({ records: [{ value: null }], ...(timestampMs ? { timestampMs } : {}) })),
    )[0]?.timestamp
  expect(at(55)).toBe(55)
  expect(at()).toBe(-1)
})

/** A codec that only turns the bits round: enough to see that it is asked. */
const flipping: Compression = {
  supports: codec => codec !== 'gzip',
  compress: (_, bytes) => bytes.map(byte => ~byte),
  decompress: (_, bytes) => bytes.map(byte => ~byte),
}

test('a compressed batch is unpacked through the port, and is malformed without it', () => {
  const records: NewRecord[] = [{ value: utf8('x'), timestamp: 1 }]
  const batch = batchOf(encodeBatch({ records, compression: { codec: 'lz4', by: flipping } }))
  expect(batch.compression).toBe('lz4')
  expect(batch.hasValidCrc).toBe(true)
  expect(decodeRecords(batch, flipping)[0]?.value).toEqual(utf8('x'))
  expect(() => decodeRecords(batch)).toThrow(UnsupportedCompression)
})

test('a batch whose codec is not to be had is told from one that is broken', () => {
  const records: NewRecord[] = [{ value: utf8('x'), timestamp: 1 }]
  const batch = batchOf(encodeBatch({ records, compression: { codec: 'zstd', by: flipping } }))
  const failing: Compression = {
    ...flipping,
    decompress: () => {
      throw new Error('bad block')
    },
  }
  expect(() => decodeRecords(batch, failing)).toThrow(CorruptCompression)
  const gzip = batchOf(encodeBatch({ records, compression: { codec: 'gzip', by: flipping } }))
  expect(() => decodeRecords(gzip, flipping)).toThrow(UnsupportedCompression)
})

test('a record count that lies is malformed', () => {
  const bytes = two()
  for (const count of [-1, 1, 3, 0x7fffffff]) {
    viewOf(bytes).setInt32(57, count)
    expect(() => decodeRecords(batchOf(bytes))).toThrow(MalformedFrame)
  }
})

test('a transaction marker reads as it was written', () => {
  for (const outcome of ['commit', 'abort'] as const) {
    const batch = batchOf(
      encodeMarker({
        outcome,
        coordinatorEpoch: 12,
        producerId: 5,
        producerEpoch: 2,
        timestampMs: 99,
      }),
    )
    expect(batch.isControl && batch.isTransactional).toBe(true)
    expect(batch.producerId).toBe(5)
    expect(decodeMarker(batch)).toEqual({ outcome, coordinatorEpoch: 12 })
  }
  expect(decodeMarker(batchOf(two()))).toBeNull()
})

test('kafkajs reads our batches and we read those of kafkajs', async () => {
  const Decoder = require('kafkajs/src/protocol/decoder')
  const Long = require('kafkajs/src/utils/long')
  const { RecordBatch: encodeTheirs } = require('kafkajs/src/protocol/recordBatch/v0')
  const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0')
  const decodeTheirs = require('kafkajs/src/protocol/recordBatch/v0/decoder')

  const theirs: { buffer: Buffer } = await encodeTheirs({
    firstTimestamp: 1_700_000_000_000,
    maxTimestamp: 1_700_000_000_500,
    producerId: Long.fromValue(9),
    producerEpoch: 1,
    firstSequence: 4,
    lastOffsetDelta: 1,
    records: [
      encodeRecord({
        offsetDelta: 0,
        timestampDelta: 0,
        key: 'k',
        value: 'v',
        headers: { a: 'b' },
      }),
      encodeRecord({ offsetDelta: 1, timestampDelta: 500, key: null, value: 'w', headers: {} }),
    ],
  })
  const batch = batchOf(new Uint8Array(theirs.buffer))
  expect(batch.hasValidCrc).toBe(true)
  expect(batch.baseSequence).toBe(4)
  expect(decodeRecords(batch)).toEqual([
    {
      offset: 0,
      timestamp: 1_700_000_000_000,
      key: utf8('k'),
      value: utf8('v'),
      headers: [{ key: 'a', value: utf8('b') }],
    },
    { offset: 1, timestamp: 1_700_000_000_500, key: null, value: utf8('w'), headers: [] },
  ])

  const ours = encodeBatch({
    records: [
      {
        key: utf8('k'),
        value: utf8('v'),
        timestamp: 42,
        headers: [{ key: 'a', value: utf8('b') }],
      },
    ],
    baseOffset: 1234,
  })
  const read = await decodeTheirs(new Decoder(Buffer.from(ours)))
  expect(read.records).toMatchObject([
    { offset: '1234', timestamp: '42', headers: { a: Buffer.from('b') } },
  ])
  expect(read.records[0].value.toString()).toBe('v')
})

test('the checksum is CRC-32C', () => {
  expect(crc32c(utf8('123456789'))).toBe(0xe3069283)
})
