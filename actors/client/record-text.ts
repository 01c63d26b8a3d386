import type { NewRecord, RecordHeader } from '../../src/records/record.ts'
import type { Bytes, ProducerRecord } from './producer-config.ts'

const utf8 = new TextEncoder()

const bytesOf = (bytes: Bytes | null | undefined): Uint8Array | null =>
  typeof bytes === 'string' ? utf8.encode(bytes) : (bytes ?? null)

const headersOf = (headers: NonNullable<ProducerRecord['headers']>): RecordHeader[] =>
  Array.isArray(headers)
    ? headers.map(({ key, value }) => ({ key, value: bytesOf(value) }))
    : Object.entries(headers).map(([key, value]) => ({ key, value: bytesOf(value) }))

/** A record as it is written: text as UTF-8. */
export const newRecord = ({ key, value, headers }: ProducerRecord): NewRecord => ({
  key: bytesOf(key),
  value: bytesOf(value),
  ...(headers === undefined ? {} : { headers: headersOf(headers) }),
})
