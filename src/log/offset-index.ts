/**
 * Sparse index of a segment: offset → position in the log file. An entry is 8 bytes (offset relative to
 * the segment's base u32, position u32), in memory as in the file. After OffsetIndex.
 */
import type { Disk, DiskFile } from '../ports.ts'
import { IndexEntries } from './index-entries.ts'

const entryBytes = 8

export class OffsetIndex {
  readonly #baseOffset: number
  readonly #entries: IndexEntries

  constructor(disk: Disk, path: string, baseOffset: number) {
    this.#baseOffset = baseOffset
    this.#entries = new IndexEntries(disk, path, entryBytes)
  }

  get sizeBytes(): number {
    return this.#entries.sizeBytes
  }

  /** Remembers that the batch whose last offset this is begins at the position. */
  append(offset: number, position: number): void {
    const { view, at } = this.#entries.next()
    view.setUint32(at, offset - this.#baseOffset)
    view.setUint32(at + 4, position)
  }

  /** A position at or before the batch that holds the offset; 0 where nothing nearer is known. */
  positionBefore(offset: number): number {
    const relative = offset - this.#baseOffset
    const index = this.#entries.floor((view, at) => view.getUint32(at) - relative)
    return index < 0 ? 0 : this.#entries.view.getUint32(index * entryBytes + 4)
  }

  /** The greatest position of a batch known at or below a position; 0 where nothing nearer is known. */
  batchPositionBefore(position: number): number {
    const index = this.#entries.floor((view, at) => view.getUint32(at + 4) - position)
    return index < 0 ? 0 : this.#entries.view.getUint32(index * entryBytes + 4)
  }

  /** Drops the entries of batches at the position or beyond. */
  truncateToPosition(position: number): void {
    const index = this.#entries.floor((view, at) => view.getUint32(at + 4) - position + 1)
    this.#entries.truncate(index + 1)
  }

  /** Loads the file; false where it does not fit a log file of this size. */
  load(logBytes: number): boolean {
    return this.#entries.load((view, at, before) => {
      const position = view.getUint32(at + 4)
      if (position >= logBytes) return false
      return (
        before < 0 ||
        (view.getUint32(at) > view.getUint32(before) && position > view.getUint32(before + 4))
      )
    })
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
}
