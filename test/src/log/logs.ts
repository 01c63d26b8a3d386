/** What the tests of the log share: small logs, batches, and reading all of one. */
import { Log } from '../../../src/log/log.ts'
import {
  defaultLogOptions,
  type LogOptions,
  type LogResumption,
} from '../../../src/log/log-options.ts'
import { type MemoryDisk, memoryDisk } from '../../../src/platform/memory-disk.ts'
import { type RecordBatch, splitBatches } from '../../../src/records/batch.ts'
import { encodeBatch, type NewBatch } from '../../../src/records/record.ts'
import type { Refusal } from '../../../src/records/refusal.ts'

export const nowMs = 1_700_000_000_000

/** A batch of `count` records, a millisecond apart. */
export const batchOf = (
  count = 1,
  { timestampMs = nowMs, ...more }: Partial<Omit<NewBatch, 'records'>> = {},
): Uint8Array =>
  encodeBatch({
    records: Array.from({ length: count }, (_, i) => ({
      key: new Uint8Array([i]),
      value: new Uint8Array(10).fill(i),
      timestamp: timestampMs + i,
    })),
    ...more,
  })

export const joined = (...chunks: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(Buffer.concat(chunks))

export interface LogBox {
  readonly disk: MemoryDisk
  log: Log
  /** Appends as the leader of epoch 0, unless told otherwise; answers the base offset. */
  append(bytes: Uint8Array, leaderEpoch?: number): number
  /** Opens the files again, as after the death of the process. */
  reopen(resumption?: LogResumption): void
}

export function logOf(options: Partial<LogOptions> = {}, bytesMax?: number): LogBox {
  const disk = memoryDisk(bytesMax === undefined ? {} : { bytesMax })
  const all = { ...defaultLogOptions, ...options }
  const box: LogBox = {
    disk,
    log: Log.open(disk, 't-0', all, nowMs),
    append(bytes, leaderEpoch = 0) {
      const answer = box.log.appendAsLeader(bytes, { leaderEpoch, nowMs, origin: 'client' })
      if (!answer.ok) throw new Error(answer.message)
      return answer.baseOffset
    },
    reopen(resumption) {
      box.log.abandon()
      box.log = Log.open(disk, 't-0', all, nowMs, resumption)
    },
  }
  return box
}

/** The batches one read answers. */
export function read(
  log: Log,
  fromOffset: number,
  limits: { maxBytes?: number; upToOffset?: number; minOneBatch?: boolean } = {},
): readonly RecordBatch[] {
  const answer = log.read(fromOffset, {
    maxBytes: limits.maxBytes ?? 1 << 30,
    upToOffset: limits.upToOffset ?? log.logEndOffset,
    minOneBatch: limits.minOneBatch ?? true,
  })
  if (!answer.ok) throw new Error(answer.message)
  const { batches, end } = splitBatches(answer.records)
  if (end !== 'complete') throw new Error(`a read that ends ${end}`)
  return batches
}

/** `0-2@0 3-5@1`: offsets and leader epochs. */
export const printed = (batches: readonly RecordBatch[]): string =>
  batches
    .map(batch => `${batch.baseOffset}-${batch.lastOffset}@${batch.partitionLeaderEpoch}`)
    .join(' ')

export const codeOf = (answer: { ok: true } | Refusal | null): number =>
  answer === null || answer.ok ? 0 : answer.errorCode
