import { expect, test } from 'vitest'
import { crc32c } from '../../../src/binary/crc32c.ts'
import { errorName, type errors } from '../../../src/error.ts'
import { viewOf } from '../../../src/records/batch.ts'
import type { Compression } from '../../../src/records/compression.ts'
import { encodeMarker } from '../../../src/records/control.ts'
import { encodeBatch, type NewBatch } from '../../../src/records/record.ts'
import { type AppendRules, validate } from '../../../src/records/validate.ts'

const nowMs = 1_700_000_000_000

const rules: AppendRules = {
  origin: 'client',
  nowMs,
  maxMessageBytes: 1000,
  segmentBytes: 2000,
  compacts: false,
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  timestampAfterMaxMs: Number.MAX_SAFE_INTEGER,
}

const copying: Compression = {
  supports: codec => codec !== 'zstd',
  compress: (_, bytes) => bytes,
  decompress(codec, bytes) {
    if (codec === 'snappy') throw new Error('not to be unpacked')
    return bytes
  },
}

const sound = (more: Partial<NewBatch> = {}) =>
  encodeBatch({
    records: [
      { key: new Uint8Array(2), value: new Uint8Array(10), timestamp: nowMs },
      { key: null, value: new Uint8Array(10), timestamp: nowMs - 5 },
    ],
    ...more,
  })

/** A sound batch with bytes changed and the checksum made right again. */
function changed(change: (view: DataView) => void, more: Partial<NewBatch> = {}): Uint8Array {
  const bytes = sound(more)
  const view = viewOf(bytes)
  change(view)
  view.setUint32(17, crc32c(bytes, 21))
  return bytes
}

/** Says in both places that there are this many records. */
function counting(view: DataView, count: number): void {
  view.setInt32(57, count)
  view.setInt32(23, count - 1)
}

const joined = (...chunks: Uint8Array[]) => new Uint8Array(Buffer.concat(chunks))

const wrongChecksum = () => {
  const bytes = sound()
  bytes[70] = (bytes[70] as number) ^ 1
  return bytes
}

type Row = [
  what: string,
  bytes: Uint8Array,
  expected: keyof typeof errors,
  rules?: Partial<AppendRules>,
]

const table: Row[] = [
  ['a sound batch', sound(), 'NONE'],
  ['an idempotent batch', sound({ producerId: 1, producerEpoch: 0, baseSequence: 0 }), 'NONE'],
  ['no bytes at all', new Uint8Array(0), 'INVALID_RECORD'],
  ['a batch cut short', sound().subarray(0, 80), 'INVALID_RECORD'],
  ['a whole batch before one cut short', joined(sound(), sound().subarray(0, 30)), 'NONE'],
  ['a length below any batch', changed(v => v.setInt32(8, 3)), 'CORRUPT_MESSAGE'],
  ['a negative length', changed(v => v.setInt32(8, -1)), 'CORRUPT_MESSAGE'],
  ['a length that ends within the header', changed(v => v.setInt32(8, 30)), 'CORRUPT_MESSAGE'],
  ['magic 0', changed(v => v.setInt8(16, 0)), 'INVALID_RECORD'],
  ['magic 1', changed(v => v.setInt8(16, 1)), 'INVALID_RECORD'],
  ['magic 3', changed(v => v.setInt8(16, 3)), 'CORRUPT_MESSAGE'],
  ['a wrong checksum', wrongChecksum(), 'CORRUPT_MESSAGE'],
  ['two batches', joined(sound(), sound()), 'INVALID_RECORD'],
  ['two batches of a coordinator', joined(sound(), sound()), 'NONE', { origin: 'coordinator' }],
  ['a base offset other than 0', sound({ baseOffset: 1 }), 'INVALID_RECORD'],
  ['a batch larger than max.message.bytes', sound(), 'MESSAGE_TOO_LARGE', { maxMessageBytes: 80 }],
  ['a batch larger than a segment', sound(), 'RECORD_LIST_TOO_LARGE', { segmentBytes: 80 }],
  ['a record count of 0', changed(v => v.setInt32(57, 0)), 'INVALID_RECORD'],
  ['a negative record count', changed(v => v.setInt32(57, -2)), 'INVALID_RECORD'],
  ['a record count too high', changed(v => v.setInt32(57, 3)), 'INVALID_RECORD'],
  ['a last offset delta too high', changed(v => v.setInt32(23, 2)), 'INVALID_RECORD'],
  ['a negative last offset delta', changed(v => v.setInt32(23, -1)), 'INVALID_RECORD'],
  [
    'count and delta that agree on one record too many',
    changed(v => counting(v, 3)),
    'INVALID_RECORD',
  ],
  [
    'count and delta that agree on one record too few',
    changed(v => counting(v, 1)),
    'INVALID_RECORD',
  ],
  ['a record longer than the batch', changed(v => v.setInt8(61, 0x7e)), 'INVALID_RECORD'],
  ['offset deltas that do not count', changed(v => v.setInt8(64, 2)), 'INVALID_RECORD'],
  ['a control batch from a client', sound({ isControl: true }), 'INVALID_RECORD'],
  [
    'a marker from a coordinator',
    encodeMarker({
      outcome: 'commit',
      coordinatorEpoch: 1,
      producerId: 1,
      producerEpoch: 1,
      timestampMs: nowMs,
    }),
    'NONE',
    { origin: 'coordinator', compacts: true },
  ],
  [
    'a producer id without a sequence',
    sound({ producerId: 1, producerEpoch: 0 }),
    'INVALID_RECORD',
  ],
  ['a producer id without an epoch', sound({ producerId: 1, baseSequence: 0 }), 'INVALID_RECORD'],
  ['a transaction without a producer id', sound({ isTransactional: true }), 'INVALID_RECORD'],
  ['a client’s log append time', sound({ logAppendTimeMs: nowMs }), 'INVALID_TIMESTAMP'],
  ['an old timestamp', sound(), 'INVALID_TIMESTAMP', { timestampBeforeMaxMs: 4 }],
  ['a timestamp just old enough', sound(), 'NONE', { timestampBeforeMaxMs: 5 }],
  [
    'a timestamp ahead of its time',
    sound({ records: [{ value: null, timestamp: nowMs + 11 }] }),
    'INVALID_TIMESTAMP',
    { timestampAfterMaxMs: 10 },
  ],
  [
    'an old timestamp where the broker sets its own',
    sound(),
    'NONE',
    { timestampBeforeMaxMs: 4, timestampType: 'LogAppendTime' },
  ],
  ['no timestamps', sound({ records: [{ value: null }] }), 'NONE', { timestampBeforeMaxMs: 4 }],
  [
    'a timestamp beyond the safe integers',
    changed(v => v.setInt32(35, 0x7fffffff)),
    'INVALID_TIMESTAMP',
  ],
  ['a record without a key in a compacted topic', sound(), 'INVALID_RECORD', { compacts: true }],
  [
    'a compressed record without a key in a compacted topic, with a codec',
    sound({ compression: { codec: 'gzip', by: copying } }),
    'INVALID_RECORD',
    { compacts: true, compression: copying },
  ],
  [
    'a compressed batch in a compacted topic, with a codec that cannot read it',
    sound({ compression: { codec: 'snappy', by: copying } }),
    'CORRUPT_MESSAGE',
    { compacts: true, compression: copying },
  ],
  [
    'a compressed record without a key in a compacted topic, without the codec',
    sound({ compression: { codec: 'zstd', by: copying } }),
    'NONE',
    { compacts: true, compression: copying },
  ],
  ['a compressed batch', sound({ compression: { codec: 'lz4', by: copying } }), 'NONE'],
  [
    'a compressed batch that is too old by its header',
    sound({
      compression: { codec: 'lz4', by: copying },
      records: [{ value: null, timestamp: nowMs - 50 }],
    }),
    'INVALID_TIMESTAMP',
    { timestampBeforeMaxMs: 49 },
  ],
  ['an unknown compression', changed(v => v.setInt16(21, 6)), 'UNSUPPORTED_COMPRESSION_TYPE'],
  [
    'zstd where the request is too old for it',
    sound({ compression: { codec: 'zstd', by: copying } }),
    'UNSUPPORTED_COMPRESSION_TYPE',
    { allowsZstd: false },
  ],
]

test.each(table.map(([what, bytes, expected, more]) => ({ what, bytes, expected, more })))(
  '$what is answered with $expected',
  ({ bytes, expected, more }) => {
    const answer = validate(bytes, { ...rules, ...more })
    expect(answer.ok ? 'NONE' : errorName(answer.errorCode)).toBe(expected)
  },
)

test('a refusal names the records that are at fault', () => {
  const keyless = validate(sound(), { ...rules, compacts: true })
  expect(keyless.ok || keyless.recordErrors?.map(error => error.batchIndex)).toEqual([1])
  const late = validate(sound(), { ...rules, timestampBeforeMaxMs: 4 })
  expect(late.ok || late.recordErrors?.map(error => error.batchIndex)).toEqual([1])
})

test('the greatest timestamp is that of the records, whatever the header says', () => {
  const answer = validate(
    changed(view => view.setInt32(39, 7)),
    rules,
  )
  expect(answer.ok && answer.batches[0]?.maxTimestamp).toBe(nowMs)
})
