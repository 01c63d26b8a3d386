/**
 * Sparse index of a segment: greatest timestamp so far → last offset of the first batch that bears it. An
 * entry is 12 bytes (timestamp i64, offset relative to the segment's base u32), in memory as in the file.
 * After TimeIndex.
 */
import type { Disk, DiskFile } from '../ports.ts'
import { int64At, noTimestamp, setInt64At } from '../records/batch.ts'
import { IndexEntries } from './index-entries.ts'

const entryBytes = 12

export interface TimestampOffset {
  readonly timestamp: number
  readonly offset: number
}

export class TimeIndex {
  readonly #baseOffset: number
  readonly #entries: IndexEntries

  constructor(disk: Disk, path: string, baseOffset: number) {
    this.#baseOffset = baseOffset
    this.#entries = new IndexEntries(disk, path, entryBytes)
  }

  get sizeBytes(): number {
    return this.#entries.sizeBytes
  }

  /** The last entry; (−1, base offset) where there is none. */
  get last(): TimestampOffset {
    return this.#entryAt(this.#entries.count - 1)
  }

  /** Remembers the greatest timestamp so far; nothing where it has not risen. */
  append(timestamp: number, offset: number): void {
    if (timestamp <= this.last.timestamp) return
    const { view, at } = this.#entries.next()
    setInt64At(view, at, timestamp)
    view.setUint32(at + 8, offset - this.#baseOffset)
  }

  /** The entry with the greatest timestamp at or below the given one; (−1, base offset) where there is none. */
  before(timestamp: number): TimestampOffset {
    return this.#entryAt(this.#entries.floor((view, at) => int64At(view, at) - timestamp))
  }

  /** Drops the entries at the offset or beyond. */
  truncateToOffset(offset: number): void {
    const relative = offset - this.#baseOffset
    const index = this.#entries.floor((view, at) => view.getUint32(at + 8) - relative + 1)
    this.#entries.truncate(index + 1)
  }

  /** Loads the file; false where it is not an index. */
  load(): boolean {
    return this.#entries.load(
      (view, at, before) =>
        before < 0 ||
        (int64At(view, at) > int64At(view, before) &&
          view.getUint32(at + 8) > view.getUint32(before + 8)),
    )
  }

  clear(): void {
    this.#entries.truncate(0)
  }

  write(): DiskFile {
    return this.#entries.write()
  }

  close(): void {
    this.#entries.close()
  }

  #entryAt(index: number): TimestampOffset {
    if (index < 0) return { timestamp: noTimestamp, offset: this.#baseOffset }
    const { view } = this.#entries
    const at = index * entryBytes
    return { timestamp: int64At(view, at), offset: this.#baseOffset + view.getUint32(at + 8) }
  }
}
