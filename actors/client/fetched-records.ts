import { MalformedFrame } from '../../src/binary/reader.ts'
import { type ErrorCode, errors } from '../../src/error.ts'
import { printPartition, type TopicPartition } from '../../src/ids.ts'
import { type RecordBatch, splitBatches } from '../../src/records/batch.ts'
import { type Compression, UnsupportedCompression } from '../../src/records/compression.ts'
import { decodeMarker } from '../../src/records/control.ts'
import { decodeRecords } from '../../src/records/record.ts'
import type { ConsumedRecord } from './consumer-config.ts'

export interface FetchedRecords {
  readonly records: readonly ConsumedRecord[]
  /** Where to read on; the same offset where there was nothing. */
  readonly nextOffset: number
  /** Of the last batch; −1 without one. */
  readonly leaderEpoch: number
  /** Why it goes no further than `nextOffset`. */
  readonly failure: { readonly errorCode: ErrorCode; readonly message: string } | null
}

export interface FetchedFrom {
  readonly fetchOffset: number
  readonly checkCrcs: boolean
  readonly compression: Compression
  /** For `read_committed`: which producers' records are of no account from which offset on, until their marker. Null otherwise. */
  readonly aborted: readonly { readonly producerId: number; readonly firstOffset: number }[] | null
}

/**
 * The records in a fetch's bytes from the wanted offset on. Batches begin below it where it is amid one; control batches and aborted
 * records are left out, but read past. After Fetcher's CompletedFetch.
 */
export function fetchedRecords(
  partition: TopicPartition,
  bytes: Uint8Array,
  from: FetchedFrom,
): FetchedRecords {
  const { batches, end, oldMagic } = splitBatches(bytes)
  const records: ConsumedRecord[] = []
  let nextOffset = from.fetchOffset
  let leaderEpoch = -1
  const stop = (errorCode: ErrorCode, what: string): FetchedRecords => {
    const message = `${printPartition(partition)} at offset ${nextOffset}: ${what}`
    return { records, nextOffset, leaderEpoch, failure: { errorCode, message } }
  }
  const isAborted = abortedFilter(from.aborted)
  for (const batch of batches) {
    if (batch.lastOffset < nextOffset) continue
    if (from.checkCrcs && !batch.hasValidCrc)
      return stop(errors.CORRUPT_MESSAGE, `the checksum ${batch.crc} does not match`)
    try {
      if (!isAborted(batch) && !batch.isControl) {
        const epoch = batch.partitionLeaderEpoch
        for (const record of decodeRecords(batch, from.compression))
          if (record.offset >= nextOffset) records.push(consumed(partition, record, epoch))
      }
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error
      const unsupported = error instanceof UnsupportedCompression
      return stop(
        unsupported ? errors.UNSUPPORTED_COMPRESSION_TYPE : errors.CORRUPT_MESSAGE,
        error.message,
      )
    }
    nextOffset = batch.lastOffset + 1
    leaderEpoch = batch.partitionLeaderEpoch
  }
  if (oldMagic !== null && records.length === 0)
    return stop(errors.UNSUPPORTED_FOR_MESSAGE_FORMAT, `message format v${oldMagic}`)
  if (end === 'malformed' && oldMagic === null)
    return stop(errors.CORRUPT_MESSAGE, 'the bytes are not a record batch')
  return { records, nextOffset, leaderEpoch, failure: null }
}

const consumed = (
  { topic, partition }: TopicPartition,
  record: ReturnType<typeof decodeRecords>[number],
  leaderEpoch: number,
): ConsumedRecord => ({ topic, partition, leaderEpoch, ...record })

/** Aborted transactions begin at the offsets that the broker lists, and end with their markers (KIP-98). */
function abortedFilter(aborted: FetchedFrom['aborted']): (batch: RecordBatch) => boolean {
  if (aborted === null) return () => false
  const toCome = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
  const open = new Set<number>()
  return batch => {
    for (
      let [next] = toCome;
      next !== undefined && next.firstOffset <= batch.lastOffset;
      [next] = toCome
    ) {
      open.add(next.producerId)
      toCome.shift()
    }
    if (!batch.isControl) return batch.isTransactional && open.has(batch.producerId)
    if (decodeMarker(batch)?.outcome === 'abort') open.delete(batch.producerId)
    return false
  }
}
