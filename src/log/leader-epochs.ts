/**
 * Which offset each leader epoch begins at. A follower compares its own with the leader's to find where the
 * two logs part (KIP-101, KIP-279). Kept in `leader-epoch-checkpoint`. After LeaderEpochFileCache.
 */
import { assert } from '../assert.ts'
import type { Disk } from '../ports.ts'
import { CorruptCheckpoint, readCheckpoint, wholeNumber, writeCheckpoint } from './checkpoint.ts'

export const leaderEpochCheckpoint = 'leader-epoch-checkpoint'

/** No epoch, as OffsetForLeaderEpoch says it. */
export const undefinedEpoch = -1
export const undefinedEpochOffset = -1

export interface LeaderEpochStart {
  readonly leaderEpoch: number
  readonly startOffset: number
}

/** The answer of OffsetForLeaderEpoch: (−1, −1) where undefined. */
export interface EpochEndOffset {
  readonly leaderEpoch: number
  readonly endOffset: number
}

/** Entries strictly increase in both epoch and start offset. Every change is in the file when the call returns. */
export class LeaderEpochs {
  readonly #disk: Disk
  readonly #path: string
  #entries: LeaderEpochStart[] = []

  /** Reads what the directory holds. Throws CorruptCheckpoint. */
  constructor(disk: Disk, directory: string) {
    this.#disk = disk
    this.#path = `${directory}/${leaderEpochCheckpoint}`
    for (const line of readCheckpoint(disk, this.#path)) {
      const [leaderEpoch, startOffset, ...rest] = line.split(' ')
      if (rest.length > 0) throw new CorruptCheckpoint(`${this.#path}: ${line}`)
      this.#put(wholeNumber(leaderEpoch, this.#path), wholeNumber(startOffset, this.#path))
    }
  }

  get entries(): readonly LeaderEpochStart[] {
    return this.#entries
  }

  get latest(): LeaderEpochStart | undefined {
    return this.#entries.at(-1)
  }

  /** The newest epoch; −1 where there is none. */
  get latestEpoch(): number {
    return this.latest?.leaderEpoch ?? undefinedEpoch
  }

  /**
   * An epoch begins at an offset. The latest epoch again is no news, unless it begins earlier. Entries that
   * contradict the new one (a later epoch, or a start at or beyond its own) fall away. Where the epoch had begun
   * before them, it began there: a leader that lost its office before its first write leaves a later one behind, and
   * then copies more of the earlier. (LeaderEpochFileCache forgets the earlier start; its followers cut such entries first.)
   */
  assign(leaderEpoch: number, startOffset: number): void {
    assert(
      leaderEpoch >= 0 && startOffset >= 0,
      `leader epoch ${leaderEpoch} starting at ${startOffset}`,
    )
    const { latest } = this
    if (latest?.leaderEpoch === leaderEpoch && startOffset >= latest.startOffset) return
    this.#put(leaderEpoch, startOffset)
    this.#write()
  }

  /** Forgets the epochs that begin at the offset or beyond. */
  truncateFromEnd(offset: number): void {
    const kept = this.#entries.filter(entry => entry.startOffset < offset)
    this.#replace(kept)
  }

  /** Forgets the epochs that end at the offset or before; the one which holds it now begins there. */
  truncateFromStart(offset: number): void {
    const before = this.#entries.filter(entry => entry.startOffset <= offset)
    const last = before.at(-1)
    if (last === undefined || (before.length === 1 && last.startOffset === offset)) return
    const kept = this.#entries.slice(before.length)
    this.#replace([{ leaderEpoch: last.leaderEpoch, startOffset: offset }, ...kept])
  }

  clear(): void {
    this.#replace([])
  }

  /**
   * The largest known epoch at or below the requested one, and where it ends.
   *
   * - The latest epoch ends at the log's end.
   * - Above the latest, or without any: undefined.
   * - Below the first: the requested epoch itself, ending where the first begins.
   */
  endOffsetFor(requestedEpoch: number, logEndOffset: number): EpochEndOffset {
    if (requestedEpoch === undefinedEpoch || this.#entries.length === 0) return undefinedEnd
    if (requestedEpoch === this.latestEpoch)
      return { leaderEpoch: requestedEpoch, endOffset: logEndOffset }
    const later = this.#entries.findIndex(entry => entry.leaderEpoch > requestedEpoch)
    if (later < 0) return undefinedEnd
    const endOffset = (this.#entries[later] as LeaderEpochStart).startOffset
    const floor = this.#entries[later - 1]
    return { leaderEpoch: floor?.leaderEpoch ?? requestedEpoch, endOffset }
  }

  /** The epoch of the record at an offset; −1 where unknown. */
  epochAt(offset: number): number {
    return (
      this.#entries.findLast(entry => entry.startOffset <= offset)?.leaderEpoch ?? undefinedEpoch
    )
  }

  #put(leaderEpoch: number, startOffset: number): void {
    let last = this.#entries.at(-1)
    while (
      last !== undefined &&
      (last.leaderEpoch > leaderEpoch || last.startOffset >= startOffset)
    ) {
      this.#entries.pop()
      last = this.#entries.at(-1)
    }
    if (last?.leaderEpoch !== leaderEpoch) this.#entries.push({ leaderEpoch, startOffset })
  }

  #replace(entries: LeaderEpochStart[]): void {
    const changed =
      entries.length !== this.#entries.length ||
      entries[0]?.startOffset !== this.#entries[0]?.startOffset
    if (!changed) return
    this.#entries = entries
    this.#write()
  }

  #write(): void {
    const lines = this.#entries.map(entry => `${entry.leaderEpoch} ${entry.startOffset}`)
    writeCheckpoint(this.#disk, this.#path, lines)
  }
}

const undefinedEnd: EpochEndOffset = {
  leaderEpoch: undefinedEpoch,
  endOffset: undefinedEpochOffset,
}
