/**
 * Goal: we read what real clients pack, and unpack it to the record. The batches beside this file were taken from Kafka's
 * Java client and out of the log of a Kafka 3.9.0 broker that kcat had written to. The Java ones are larger than a block of
 * snappy and of LZ4; those of librdkafka have snappy bare.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { nodeCompression } from '../../../src/platform/node-compression.ts'
import { pureCompression } from '../../../src/platform/pure-compression.ts'
import { RecordBatch, viewOf } from '../../../src/records/batch.ts'
import type { CompressionName } from '../../../src/records/compression.ts'
import { decodeRecords, encodeBatch } from '../../../src/records/record.ts'

const text = readFileSync(join(import.meta.dirname, 'compressed-batches.txt'), 'utf8')

const batches = [...text.matchAll(/^(\w+) by (.*)\n((?: {2}\S+\n)+)/gm)].map(
  ([, codec, writer, base64 = '']) => ({
    codec: codec as CompressionName,
    writer: writer ?? '',
    batch: new RecordBatch(viewOf(Uint8Array.from(Buffer.from(base64, 'base64')))),
  }),
)

const string = (bytes: Uint8Array | null) => bytes && Buffer.from(bytes).toString()

/** Letters in order, one of them left out every thousand. */
const long = Array.from({ length: 70_000 }, (_, i) =>
  String.fromCharCode(97 + ((i + Math.floor(i / 1000)) % 26)),
).join('')

const expected = {
  java: [
    { timestamp: 1_700_000_000_000, key: 'first', value: 'one' },
    { timestamp: 1_700_000_000_001, key: 'second', value: long },
    { timestamp: 1_700_000_000_002, key: null, value: null },
  ],
  kcat: Array.from({ length: 40 }, (_, i) => ({ key: null, value: `line number ${i + 1}` })),
}

test('all codecs of both writers are here', () => {
  expect(batches.map(({ codec }) => codec).sort()).toEqual([
    'gzip',
    'gzip',
    'lz4',
    'lz4',
    'snappy',
    'snappy',
    'zstd',
    'zstd',
  ])
})

test.each(batches)('$codec by $writer is read', ({ codec, writer, batch }) => {
  const compression = nodeCompression()
  expect(batch.compression).toBe(codec)
  expect(batch.hasValidCrc).toBe(true)
  const records = decodeRecords(batch, compression)
  const isJava = writer.startsWith('Java')
  expect(
    records.map(({ timestamp, key, value }) => ({
      ...(isJava ? { timestamp } : {}),
      key: string(key),
      value: string(value),
    })),
  ).toEqual(isJava ? expected.java : expected.kcat)
  if (pureCompression().supports(codec))
    expect(decodeRecords(batch, pureCompression())).toEqual(records)
  const ours = encodeBatch({ records, compression: { codec, by: compression } })
  expect(ours.length).toBeLessThan(1.25 * batch.sizeBytes)
  const again = decodeRecords(new RecordBatch(viewOf(ours)), compression)
  expect(again.map(({ value }) => value)).toEqual(records.map(({ value }) => value))
})
