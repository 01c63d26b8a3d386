/**
 * The entries of an index file, all of one size, in memory exactly as in the file. New ones reach the file
 * at {@link IndexEntries.write}: an index can be made anew from its log, so it need not be in the file before.
 * After AbstractIndex, which maps the file instead.
 */
import type { Disk, DiskFile } from '../ports.ts'
import { viewOf } from '../records/batch.ts'

export class IndexEntries {
  readonly #disk: Disk
  readonly #path: string
  readonly #entryBytes: number
  #bytes = new Uint8Array(0)
  #view = viewOf(this.#bytes)
  #count = 0
  /** How many entries the file holds, the same as here. */
  #written = 0
  #file: DiskFile | undefined

  constructor(disk: Disk, path: string, entryBytes: number) {
    this.#disk = disk
    this.#path = path
    this.#entryBytes = entryBytes
  }

  get count(): number {
    return this.#count
  }

  get sizeBytes(): number {
    return this.#count * this.#entryBytes
  }

  /** Entry `i` begins at `i · entryBytes`. */
  get view(): DataView {
    return this.#view
  }

  /** Room for one more entry, which the caller fills in at once. */
  next(): { view: DataView; at: number } {
    const at = this.sizeBytes
    if (at + this.#entryBytes > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(16 * this.#entryBytes, 2 * this.#bytes.length))
      grown.set(this.#bytes)
      this.#bytes = grown
      this.#view = viewOf(grown)
    }
    this.#count++
    return { view: this.#view, at }
  }

  /**
   * The last entry for which `compare` (how far it is beyond the target; entries ascend in that) is ≤ 0;
   * −1 where there is none.
   */
  floor(compare: (view: DataView, at: number) => number): number {
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compare(this.#view, middle * this.#entryBytes) <= 0) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  /** Keeps the first `count` entries. */
  truncate(count: number): void {
    this.#count = Math.min(this.#count, count)
    this.#written = Math.min(this.#written, count)
  }

  /**
   * Takes the entries from the file. False, and nothing taken, where its length or an entry is wrong.
   *
   * @param fits whether the entry at `at` may follow the one at `before` (−1 for the first)
   */
  load(fits: (view: DataView, at: number, before: number) => boolean): boolean {
    if (!this.#disk.exists(this.#path)) return false
    const file = this.#open()
    const { length } = file
    if (length % this.#entryBytes !== 0) return false
    const bytes = file.read(0, length).slice()
    const view = viewOf(bytes)
    for (let at = 0; at < length; at += this.#entryBytes) {
      if (!fits(view, at, at - this.#entryBytes)) return false
    }
    this.#bytes = bytes
    this.#view = view
    this.#count = length / this.#entryBytes
    this.#written = this.#count
    return true
  }

  /** Brings the file up to date (which may fail as disks fail); the file, where there is one. */
  write(): DiskFile {
    const file = this.#open()
    const kept = this.#written * this.#entryBytes
    if (file.length !== kept) file.truncate(kept)
    if (this.sizeBytes > kept) file.append([this.#bytes.subarray(kept, this.sizeBytes)])
    this.#written = this.#count
    return file
  }

  close(): void {
    this.#file?.close()
    this.#file = undefined
  }

  #open(): DiskFile {
    this.#file ??= this.#disk.open(this.#path)
    return this.#file
  }
}
