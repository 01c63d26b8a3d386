/**
 * Producer state as a file, `<20 digits>.snapshot`: the state before the offset in its name. Only the last
 * batch of each producer is in it.
 *
 * version i16 = 1 · crc u32 of what follows · count i32 · per producer: producerId i64, producerEpoch i16,
 * lastSequence i32, lastOffset i64, offsetDelta i32, timestamp i64, coordinatorEpoch i32,
 * transactionFirstOffset i64. After ProducerStateManager.
 */
import { crc32c } from '../binary/crc32c.ts'
import { MalformedFrame, Reader } from '../binary/reader.ts'
import { Writer } from '../binary/writer.ts'
import { noSequence, sequenceAfter, viewOf } from '../records/batch.ts'
import type { ProducerEntry, RememberedBatch } from './producer-state.ts'
import { segmentName } from './segment.ts'

const snapshotVersion = 1
const entriesPosition = 6

export const snapshotName = (offset: number): string => `${segmentName(offset)}.snapshot`

/** The offset in a snapshot's name; null for another file. */
export function snapshotOffset(name: string): number | null {
  return /^\d{20}\.snapshot$/.test(name) ? Number(name.slice(0, 20)) : null
}

export function encodeSnapshot(producers: Iterable<Readonly<ProducerEntry>>): Uint8Array {
  const entries = [...producers]
  const writer = new Writer(64 + 46 * entries.length)
  writer.int16(snapshotVersion)
  writer.uint32(0)
  writer.int32(entries.length)
  for (const entry of entries) {
    const last = entry.batches.at(-1)
    writer.int64(entry.producerId)
    writer.int16(entry.producerEpoch)
    writer.int32(last?.lastSequence ?? noSequence)
    writer.int64(last?.lastOffset ?? -1)
    writer.int32(last === undefined ? 0 : last.lastOffset - last.baseOffset)
    writer.int64(entry.lastTimestamp)
    writer.int32(entry.coordinatorEpoch)
    writer.int64(entry.transactionFirstOffset)
  }
  const bytes = writer.bytes()
  viewOf(bytes).setUint32(2, crc32c(bytes, entriesPosition))
  return bytes
}

/** Throws MalformedFrame where the file is damaged. */
export function decodeSnapshot(bytes: Uint8Array): ProducerEntry[] {
  const reader = new Reader(bytes)
  const version = reader.int16()
  if (version !== snapshotVersion) throw new MalformedFrame(`snapshot version ${version}`)
  if (reader.uint32() !== crc32c(bytes, entriesPosition))
    throw new MalformedFrame('snapshot checksum')
  const count = reader.int32()
  const entries: ProducerEntry[] = []
  for (let i = 0; i < count; i++) {
    const producerId = reader.int64()
    const producerEpoch = reader.int16()
    const lastSequence = reader.int32()
    const lastOffset = reader.int64()
    const offsetDelta = reader.int32()
    const lastTimestamp = reader.int64()
    const coordinatorEpoch = reader.int32()
    const transactionFirstOffset = reader.int64()
    const batches: RememberedBatch[] =
      lastOffset < 0
        ? []
        : [
            {
              baseSequence: sequenceBefore(lastSequence, offsetDelta),
              lastSequence,
              baseOffset: lastOffset - offsetDelta,
              lastOffset,
              timestamp: lastTimestamp,
            },
          ]
    entries.push({
      producerId,
      producerEpoch,
      coordinatorEpoch,
      lastTimestamp,
      transactionFirstOffset,
      batches,
    })
  }
  reader.finish()
  return entries
}

const sequenceBefore = (sequence: number, count: number): number =>
  sequence === noSequence ? noSequence : sequenceAfter(sequence, 0x8000_0000 - count)
