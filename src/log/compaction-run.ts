/** Rewriting the segments of a log without the records that may go, step by step. After Cleaner.doClean and cleanSegments. */
import type { Disk } from '../ports.ts'
import type { RecordBatch } from '../records/batch.ts'
import type { Compression } from '../records/compression.ts'
import { readFile } from './checkpoint.ts'
import {
  type Cleaning,
  cleanedBatch,
  grouped,
  noteKeys,
  OffsetMap,
  Transactions,
} from './compaction.ts'
import type { LogOptions } from './log-options.ts'
import type { ProducerEntry } from './producer-state.ts'
import { cleanedSuffix, relativeOffsetMax, Segment, segmentName } from './segment.ts'

/** A log as compaction sees it. */
export interface Compactable {
  readonly disk: Disk
  readonly directory: string
  readonly options: LogOptions
  readonly segments: readonly Segment[]
  readonly producers: ReadonlyMap<number, Readonly<ProducerEntry>>
  readonly compression: Compression | undefined
  /** Everything below survives a crash. */
  readonly recoveryPoint: number
  /** Changes when segments are cut, removed or closed: what was written meanwhile is then of no use. */
  readonly generation: number
  /** One segment, flushed, stands in place of some. */
  swap(old: readonly Segment[], cleaned: Segment): void
}

/** Steps to be taken one by one, with other work between them; the value is the new first dirty offset, null where the log was cut meanwhile. */
export type CompactionRun = Generator<void, number | null>

/**
 * @param range.firstDirtyOffset from here on keys are gathered …
 * @param range.upToOffset … up to here, the base of a segment that stays; records below are compared with them
 */
export function compaction(log: Compactable, range: Range, nowMs: number): CompactionRun {
  const { generation } = log
  // From now on, not from the first step on.
  return steps(log, range, nowMs, () => log.generation !== generation)
}

interface Range {
  readonly firstDirtyOffset: number
  readonly upToOffset: number
}

function* steps(
  log: Compactable,
  { firstDirtyOffset, upToOffset }: Range,
  nowMs: number,
  isCut: () => boolean,
): CompactionRun {
  const { compression } = log
  if (isCut()) return null
  const { recoveryPoint } = log
  const transactions = new Transactions()
  const flushedEnds = new Map<number, number>()
  for (const segment of log.segments)
    for (const batches of segment.pieces(segment.baseOffset)) {
      for (const batch of batches) {
        transactions.note(batch)
        if (batch.hasProducerId && !batch.isControl && batch.lastOffset < recoveryPoint)
          flushedEnds.set(batch.producerId, batch.lastOffset)
      }
      yield
      if (isCut()) return null
    }
  const map = new OffsetMap(firstDirtyOffset)
  const sources = log.segments.filter(({ baseOffset }) => baseOffset < upToOffset)
  for (const segment of sources.filter(({ endOffset }) => endOffset > firstDirtyOffset))
    for (const batches of segment.pieces(firstDirtyOffset)) {
      if (map.isFull) break
      for (const batch of batches) noteKeys(map, batch, transactions, compression)
      yield
      if (isCut()) return null
    }
  if (!map.isFull) map.endOffset = upToOffset
  const cleaning: Cleaning = {
    map,
    transactions,
    producers: log.producers,
    flushedEnds,
    compression,
    deleteRetentionMs: log.options.deleteRetentionMs,
    nowMs,
  }
  const limits = { ...log.options, relativeOffsetMax }
  let at = 0
  const cleanable = sources.filter(({ baseOffset }) => baseOffset < map.endOffset)
  for (const count of grouped(cleanable.map(factsOf), limits)) {
    const group = cleanable.slice(at, at + count)
    at += count
    const cleaned = yield* rewrite(log, group, cleaning, isCut)
    if (cleaned === 'cut') return null
    if (cleaned !== 'same') log.swap(group, cleaned)
  }
  return map.endOffset
}

/** What the choice of segments goes by. */
export const factsOf = (segment: Segment) => ({
  baseOffset: segment.baseOffset,
  endOffset: segment.endOffset,
  sizeBytes: segment.sizeBytes,
  indexBytes: segment.indexBytes,
  latestMs: segment.max.timestamp >= 0 ? segment.max.timestamp : segment.createdAtMs,
  earliestMs:
    segment.firstTimestamp !== undefined && segment.firstTimestamp >= 0
      ? segment.firstTimestamp
      : segment.createdAtMs,
})

/** Writes what is left of some segments to a new one, and has it flushed; `same` where nothing would change. */
function* rewrite(
  log: Compactable,
  group: readonly Segment[],
  cleaning: Cleaning,
  isCut: () => boolean,
): Generator<void, Segment | 'cut' | 'same'> {
  const { disk, directory, options } = log
  const { baseOffset } = group[0] as Segment
  const { createdAtMs } = group.at(-1) as Segment
  const path = [directory, baseOffset, options.indexIntervalBytes, createdAtMs] as const
  new Segment(disk, ...path, cleanedSuffix).remove()
  const cleaned = new Segment(disk, ...path, cleanedSuffix)
  let isChanged = group.length > 1
  let state: 'cut' | 'same' | 'written' = 'cut'
  try {
    for (const segment of group)
      for (const batches of segment.pieces(segment.baseOffset)) {
        isChanged = copy(batches, cleaned, cleaning) || isChanged
        yield
        if (isCut()) return state
      }
    state = 'same'
    if (!isChanged) return state
    joinTransactionIndexes(log, group, cleaned)
    cleaned.seal()
    let failed: Error | null | undefined
    disk.flushLater(cleaned.files, [directory], error => {
      failed = error
    })
    while (failed === undefined) yield
    state = 'cut'
    if (failed !== null) throw failed
    if (isCut()) return state
    state = 'written'
    return cleaned
  } finally {
    if (state !== 'written') cleaned.remove()
  }
}

/** Aborted transactions bear offsets of the log, not of a segment: those of several segments are just more of them. */
function joinTransactionIndexes(
  { disk, directory }: Compactable,
  group: readonly Segment[],
  cleaned: Segment,
): void {
  const path = (segment: Segment, suffix = ''): string =>
    `${directory}/${segmentName(segment.baseOffset)}.txnindex${suffix}`
  const parts = group.map(segment => readFile(disk, path(segment))).filter(part => part.length > 0)
  if (parts.length === 0) return
  const file = disk.open(path(cleaned, cleanedSuffix))
  file.append(parts)
  file.flush()
  file.close()
}

/** Appends what is left of batches; whether it is not all of them. */
function copy(batches: readonly RecordBatch[], to: Segment, cleaning: Cleaning): boolean {
  const left = batches.map(batch => cleanedBatch(batch, cleaning))
  const staying = left.filter(batch => batch !== null)
  if (staying.length > 0)
    to.append(
      staying.map(batch => batch.bytes),
      staying,
    )
  return left.some((batch, i) => batch !== batches[i])
}
