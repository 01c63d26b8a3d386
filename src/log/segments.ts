/**
 * A log's files on disk: finding, recovering and removing its segments and producer snapshots.
 * After LogLoader and LogSegments.
 */

import { MalformedFrame } from '../binary/reader.ts'
import type { Disk } from '../ports.ts'
import type { RecordBatch } from '../records/batch.ts'
import { readFile, replaceFileSoon } from './checkpoint.ts'
import {
  decodeSnapshot,
  encodeSnapshot,
  snapshotName,
  snapshotOffset,
} from './producer-snapshot.ts'
import type { ProducerState } from './producer-state.ts'
import { cleanedSuffix, Segment, segmentFiles, segmentName, swapSuffix } from './segment.ts'

/** Left by a crash in the middle of writing, cleaning, replacing or deleting. */
const leftover = /\.(tmp|deleted|cleaned|swap)$/
/** Of no use without its log file. */
const orphaned = /^\d{20}\.(index|timeindex|txnindex)$/

export interface Loading {
  readonly indexIntervalBytes: number
  readonly nowMs: number
  /** Everything below was flushed: segments that end there are taken as they are. */
  readonly recoveryPoint: number
  readonly clean: boolean
  /** Compaction leaves gaps between segments, which say nothing then. */
  readonly compacts: boolean
  /** Hears every batch of the segments that had to be read. */
  readonly recovered: (batch: RecordBatch) => void
}

/**
 * The segments of a directory, in order. One that was not flushed is read through; at the first bad
 * batch it is cut off there and what comes after it is removed. So is what comes after a gap: there the end of the
 * segment before it was lost, and the next one's beginning was not. (Where compaction leaves gaps too a segment is
 * flushed before the next one begins.)
 */
export function loadSegments(disk: Disk, directory: string, loading: Loading): Segment[] {
  completeSwaps(disk, directory)
  const names = disk.list(directory)
  const isOrphan = (name: string): boolean =>
    orphaned.test(name) && !names.includes(`${name.slice(0, 20)}.log`)
  for (const name of names)
    if (leftover.test(name) || isOrphan(name)) disk.remove(`${directory}/${name}`)
  const bases = names
    .filter(name => /^\d{20}\.log$/.test(name))
    .map(name => Number.parseInt(name, 10))
  const segments: Segment[] = []
  const { clean, recoveryPoint } = loading
  const isFlushed = (base: number | undefined): boolean =>
    clean || (base !== undefined && base <= recoveryPoint)
  const recovered: Segment[] = []
  let broken = false
  bases.forEach((baseOffset, i) => {
    const segment = new Segment(
      disk,
      directory,
      baseOffset,
      loading.indexIntervalBytes,
      loading.nowMs,
    )
    const end = segments.at(-1)?.endOffset ?? 0
    const follows = segments.length === 0 || baseOffset === end
    if (broken || baseOffset < end || (!follows && !loading.compacts && !isFlushed(baseOffset))) {
      broken = true
      segment.remove()
      return
    }
    if (!isFlushed(bases[i + 1]) || !segment.load()) {
      broken = segment.recover(loading.recovered) > 0
      recovered.push(segment)
    }
    segments.push(segment)
  })
  // Indexes that were made anew are written, or the next start would walk through these segments again.
  for (const segment of recovered) if (segment !== segments.at(-1)) segment.seal()
  // What was removed must not come back beside what is appended from now on.
  if (broken) disk.flushDirectory(directory)
  return segments
}

/** Files that can be made anew from a segment's log file. */
const indexFiles = ['.index', '.timeindex']

/**
 * Puts a cleaned and flushed segment in place of those it was made of. At any moment of it the directory holds the old ones or the
 * new one, as {@link completeSwaps} finds them. After LocalLog.replaceSegments.
 */
export function swapSegments(
  disk: Disk,
  directory: string,
  old: readonly Segment[],
  cleaned: Segment,
  indexIntervalBytes: number,
): Segment {
  const { baseOffset, createdAtMs } = cleaned
  const path = `${directory}/${segmentName(baseOffset)}`
  cleaned.close()
  // The log file last: where it bears the new suffix, it counts.
  const files = ['.txnindex', '.index', '.timeindex', '.log'].filter(file =>
    disk.exists(path + file + cleanedSuffix),
  )
  for (const file of files) disk.rename(path + file + cleanedSuffix, path + file + swapSuffix)
  disk.flushDirectory(directory)
  for (const segment of old)
    if (segment.baseOffset === baseOffset) segment.close()
    else segment.remove()
  disk.flushDirectory(directory)
  for (const file of files) disk.rename(path + file + swapSuffix, path + file)
  disk.flushDirectory(directory)
  const segment = new Segment(disk, directory, baseOffset, indexIntervalBytes, createdAtMs)
  if (!segment.load()) segment.recover(() => {})
  return segment
}

/** Finishes what a crash interrupted in {@link swapSegments}: segments whose log file was renamed take the place of the old ones. */
function completeSwaps(disk: Disk, directory: string): void {
  const names = disk.list(directory).filter(name => name.endsWith(swapSuffix))
  if (names.length === 0) return
  for (const name of names) {
    const base = name.slice(0, 20)
    const path = `${directory}/${base}`
    // Of which of the two the indexes are is not known.
    for (const file of indexFiles) {
      disk.remove(path + file)
      disk.remove(path + file + swapSuffix)
    }
    if (!disk.exists(`${path}.log${swapSuffix}`)) continue
    const swapped = new Segment(disk, directory, Number(base), 0, 0, swapSuffix)
    swapped.recover(() => {})
    swapped.close()
    for (const one of disk.list(directory)) {
      const offset = Number(one.slice(0, 20))
      if (/^\d{20}\.log$/.test(one) && offset > Number(base) && offset < swapped.endOffset)
        for (const file of segmentFiles) disk.remove(`${directory}/${segmentName(offset)}${file}`)
    }
    disk.flushDirectory(directory)
    for (const file of ['.txnindex', '.log'])
      if (disk.exists(path + file + swapSuffix)) disk.rename(path + file + swapSuffix, path + file)
  }
  disk.flushDirectory(directory)
}

/** Writes the state of the producers before an offset. One that a crash damages is passed over for an older one. */
export function writeSnapshot(
  disk: Disk,
  directory: string,
  offset: number,
  state: ProducerState,
): void {
  const path = `${directory}/${snapshotName(offset)}`
  replaceFileSoon(disk, path, encodeSnapshot(state.producers.values()))
}

/** The offsets of the snapshots in a directory, ascending. */
function snapshots(disk: Disk, directory: string): number[] {
  return disk
    .list(directory)
    .map(snapshotOffset)
    .filter(offset => offset !== null)
}

/** Removes the snapshots that `goes` says are of no use. */
export function removeSnapshots(
  disk: Disk,
  directory: string,
  goes: (offset: number) => boolean,
): void {
  for (const offset of snapshots(disk, directory))
    if (goes(offset)) disk.remove(`${directory}/${snapshotName(offset)}`)
}

/**
 * Makes the state of the producers at the end of the log: from the newest sound snapshot and the batches
 * after it. Snapshots beyond the end, before the first segment, or of no segment (but the newest) are removed.
 */
export function rebuildProducers(
  disk: Disk,
  directory: string,
  segments: readonly Segment[],
  state: ProducerState,
  { nowMs, expirationMs }: { nowMs: number; expirationMs: number },
): void {
  state.clear()
  const first = (segments[0] as Segment).baseOffset
  const logEndOffset = (segments.at(-1) as Segment).endOffset
  const bases = new Set(segments.map(segment => segment.baseOffset))
  const newest = snapshots(disk, directory).findLast(offset => offset <= logEndOffset)
  removeSnapshots(
    disk,
    directory,
    offset => offset > logEndOffset || offset < first || (offset !== newest && !bases.has(offset)),
  )
  const restored = restoreNewest(disk, directory, state)
  const from = restored ?? first
  state.expire(nowMs, expirationMs)
  if (restored !== undefined) remind(segments, from, state)
  for (const segment of segments) {
    if (segment.endOffset <= from) continue
    segment.eachBatch(from, batch => {
      if (batch.baseOffset >= from) state.append(batch)
    })
  }
}

/** How many offsets before a snapshot are read again: more than five batches of a busy partition's producers, less than one waits for. */
const remindedOffsets = 10_000

/**
 * A snapshot has the last batch of each producer only. A producer with several requests under way when its broker
 * stopped, none of them answered, tries the first of them again: were the others not known, that would be a gap, the
 * producer would begin a new epoch, and its records would stand twice. Kafka has that hole.
 */
function remind(segments: readonly Segment[], before: number, state: ProducerState): void {
  if (state.producers.size === 0) return
  const from = Math.max(0, before - remindedOffsets)
  for (const segment of segments) {
    if (segment.endOffset <= from || segment.baseOffset >= before) continue
    segment.eachBatch(Math.max(from, segment.baseOffset), batch => {
      if (batch.baseOffset < before) state.remind(batch)
    })
  }
  state.reminded()
}

/** Takes the newest snapshot that can be read, removing those that cannot; its offset, or undefined without any. */
function restoreNewest(disk: Disk, directory: string, state: ProducerState): number | undefined {
  for (const offset of snapshots(disk, directory).reverse()) {
    const path = `${directory}/${snapshotName(offset)}`
    try {
      for (const entry of decodeSnapshot(readFile(disk, path))) state.restore(entry)
      return offset
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error
      disk.remove(path)
    }
  }
  return undefined
}
