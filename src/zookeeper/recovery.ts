import { MalformedFrame } from '../binary/reader.ts'
import type { Zxid } from '../ids.ts'
import { printZxid } from '../ids.ts'
import type { Disk } from '../ports.ts'
import { dataDir, filesOf, pathOf, readWhole } from './data-dir.ts'
import { DataTree } from './data-tree.ts'
import { readSnapshot } from './snapshot.ts'
import { readLog } from './txn-log.ts'

/** Transactions that were written, and answered, are not there: a server must not serve as if they had never been. */
export class MissingTransactions extends Error {
  override readonly name = 'MissingTransactions'
}

/** What a server found on its disk. */
export interface Recovered {
  readonly tree: DataTree
  /** The snapshot it began with; null where there was none. */
  readonly snapshotZxid: Zxid | null
  /** Transactions replayed from logs. */
  readonly replayed: number
  /** Bytes cut from the end of the log: what had not been written whole, and so was never answered. */
  readonly cutBytes: number
  /** Snapshots that were not whole. */
  readonly damagedSnapshots: readonly string[]
}

/**
 * Brings back what a server knew when it ended, however it ended: the newest whole snapshot, then every transaction behind it. The end
 * of the last log is cut where an entry is not whole (FileTxnSnapLog.restore).
 *
 * @throws MissingTransactions where the logs do not follow one upon another
 */
export function recover(disk: Disk): Recovered {
  const damagedSnapshots: string[] = []
  let tree = new DataTree()
  let snapshotZxid: Zxid | null = null
  for (const { name, zxid } of filesOf(disk, 'snapshot').reverse()) {
    try {
      tree = readSnapshot(readWhole(disk, name), zxid)
      snapshotZxid = zxid
      break
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error
      damagedSnapshots.push(name)
    }
  }

  const logs = filesOf(disk, 'log')
  // The last that begins at or before what comes next, and all behind it.
  const first = logs.findLastIndex(({ zxid }) => zxid <= tree.lastZxid + 1)
  let replayed = 0
  let cutBytes = 0
  for (const [index, { name }] of logs.entries()) {
    if (index < first) continue
    const bytes = readWhole(disk, name)
    const { entries, end } = readLog(bytes)
    for (const entry of entries) {
      if (entry.zxid <= tree.lastZxid) continue
      if (!follows(tree.lastZxid, entry.zxid))
        throw new MissingTransactions(
          `${dataDir}/${name} goes on with transaction ${printZxid(entry.zxid)}, but those after ${printZxid(tree.lastZxid)} are missing`,
        )
      tree.replay(entry)
      replayed++
    }
    if (index === logs.length - 1 && end() < bytes.length) {
      cutBytes = bytes.length - end()
      cut(disk, name, end())
    }
  }
  return { tree, snapshotZxid, replayed, cutBytes, damagedSnapshots }
}

/** One by one; with a new leader of an ensemble a new count begins. */
const follows = (last: Zxid, next: Zxid): boolean =>
  next === last + 1 || Math.floor(next / 2 ** 32) > Math.floor(last / 2 ** 32)

function cut(disk: Disk, name: string, length: number): void {
  if (length === 0) {
    disk.remove(pathOf(name))
    disk.flushDirectory(dataDir)
    return
  }
  const file = disk.open(pathOf(name))
  file.truncate(length)
  file.flush()
  file.close()
}
