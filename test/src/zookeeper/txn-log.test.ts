import { expect, test } from 'vitest'
import { memoryDisk } from '../../../src/platform/memory-disk.ts'
import { seededRandom } from '../../../src/platform/random.ts'
import type { Disk } from '../../../src/ports.ts'
import { adler32 } from '../../../src/zookeeper/adler32.ts'
import { pathOf, readWhole, snapshotName } from '../../../src/zookeeper/data-dir.ts'
import { DataTree } from '../../../src/zookeeper/data-tree.ts'
import { MissingTransactions, recover } from '../../../src/zookeeper/recovery.ts'
import { readSnapshot, SnapshotWriter } from '../../../src/zookeeper/snapshot.ts'
import type { TxnEntry } from '../../../src/zookeeper/txn.ts'
import { readLog, TxnLog } from '../../../src/zookeeper/txn-log.ts'
import { dump } from './tree-dump.ts'
import { TxnWorkload } from './txn-workload.ts'

/** Goal: whatever of a log or a snapshot is left, the tree comes back as it was after the last whole transaction, or not at all. */

/** A tree after so many random transactions, and what it was after each. */
function run(seed: number, count: number, each: (entry: TxnEntry) => void = () => {}) {
  const tree = new DataTree()
  const workload = new TxnWorkload(tree, seededRandom(seed))
  const states = [dump(tree)]
  for (let i = 0; i < count; i++) {
    const entry = workload.next()
    each(entry)
    tree.apply(entry)
    states.push(dump(tree))
  }
  return { tree, workload, states }
}

function replace(disk: Disk, name: string, bytes: Uint8Array): void {
  const file = disk.open(pathOf(name))
  file.truncate(0)
  file.append([bytes])
  file.close()
}

/** A disk with one log of that many transactions, in flushes of three. */
function logged(seed: number, count: number) {
  const disk = memoryDisk()
  const log = new TxnLog(disk)
  let left = 3
  const ran = run(seed, count, entry => {
    log.append(entry)
    if (--left > 0) return
    log.write()
    left = 3
  })
  if (log.isDirty) log.write()
  return { ...ran, disk, bytes: readWhole(disk, 'log.1') }
}

const snapshotOf = (tree: DataTree, pieceBytes = 1, between: () => void = () => {}): Uint8Array => {
  const writer = new SnapshotWriter(tree)
  const pieces: Uint8Array[] = []
  for (let piece = writer.next(pieceBytes); piece !== null; piece = writer.next(pieceBytes)) {
    pieces.push(piece)
    between()
  }
  return Uint8Array.from(Buffer.concat(pieces))
}

test('Adler-32 is that of RFC 1950, in parts too', () => {
  expect(adler32(new TextEncoder().encode('Wikipedia'))).toBe(0x11e60398)
  const bytes = new Uint8Array(20_000).fill(255)
  expect(adler32(bytes, 7777, 20_000, adler32(bytes, 0, 7777))).toBe(adler32(bytes))
})

test('a log that was written brings back the same tree', () => {
  for (let seed = 1; seed <= 5; seed++) {
    const { disk, tree } = logged(seed, 200)
    expect(dump(recover(disk).tree)).toEqual(dump(tree))
  }
})

test('cut at any byte, a log brings back all transactions before the cut, and goes on from there', () => {
  const { bytes, states } = logged(7, 25)
  const ends = [0]
  const { entries, end } = readLog(bytes)
  for (const _ of entries) ends.push(end())
  ends.shift()
  // Where each entry ends is where the next begins, and the last at the end of the file.
  const wholeAt = (length: number) =>
    [...ends.slice(1), bytes.length].filter(at => at <= length).length
  for (let length = 0; length <= bytes.length; length++) {
    const disk = memoryDisk()
    replace(disk, 'log.1', bytes.subarray(0, length))
    const { tree } = recover(disk)
    expect(tree.lastZxid).toBe(wholeAt(length))
    expect(dump(tree)).toEqual(states[tree.lastZxid])
    // The server goes on, in a log of its own.
    const log = new TxnLog(disk)
    const workload = new TxnWorkload(tree, seededRandom(length))
    for (let i = 0; i < 3; i++) {
      const entry = workload.next()
      log.append(entry)
      tree.apply(entry)
    }
    log.write()
    expect(dump(recover(disk).tree)).toEqual(dump(tree))
  }
})

test('a byte that is not what it was ends the log in front of its entry', () => {
  const { bytes, states } = logged(8, 20)
  for (let at = 0; at < bytes.length; at++) {
    const disk = memoryDisk()
    const bent = bytes.slice()
    bent[at] = (bent[at] as number) ^ 0x10
    replace(disk, 'log.1', bent)
    const { tree } = recover(disk)
    expect(dump(tree)).toEqual(states[tree.lastZxid])
    // The last byte that its entry needs stands behind it; version and number of the file matter to nobody.
    if (at >= 16) expect(tree.lastZxid).toBeLessThan(20)
  }
})

test('zeros behind the last entry are its end: Apache ZooKeeper fills its files up with them', () => {
  const { bytes, states } = logged(9, 30)
  const disk = memoryDisk()
  replace(disk, 'log.1', Uint8Array.from(Buffer.concat([bytes, new Uint8Array(65_536)])))
  const { tree, cutBytes } = recover(disk)
  expect(dump(tree)).toEqual(states[30])
  expect(cutBytes).toBe(65_536)
})

test('a snapshot holds one moment, whatever changes while it is written', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { tree, workload } = run(seed, 150)
    const moment = dump(tree)
    const { lastZxid } = tree
    const bytes = snapshotOf(tree, 1, () => {
      for (let i = 0; i < 3; i++) tree.apply(workload.next())
    })
    expect(tree.lastZxid).toBeGreaterThan(lastZxid)
    expect(dump(readSnapshot(bytes, lastZxid))).toEqual(moment)
  }
})

test('a snapshot that is not whole is none: the one before it counts, and the log behind that', () => {
  const { disk, tree, states } = logged(3, 100)
  const older = run(3, 50)
  replace(disk, snapshotName(50), snapshotOf(older.tree))
  const newest = snapshotOf(run(3, 80).tree)
  for (const length of [0, 10, newest.length >> 1, newest.length - 6]) {
    replace(disk, snapshotName(80), newest.subarray(0, length))
    const found = recover(disk)
    expect(found).toMatchObject({
      snapshotZxid: 50,
      replayed: 50,
      damagedSnapshots: ['snapshot.50'],
    })
    expect(dump(found.tree)).toEqual(dump(tree))
  }
  const bent = newest.slice()
  bent[200] = (bent[200] as number) ^ 1
  replace(disk, snapshotName(80), bent)
  expect(recover(disk).snapshotZxid).toBe(50)
  replace(disk, snapshotName(80), newest)
  expect(recover(disk)).toMatchObject({ snapshotZxid: 80, replayed: 20 })
  expect(dump(recover(disk).tree)).toEqual(states[100])
})

test('logs that do not follow upon one another are refused: what is missing was answered once', () => {
  const disk = memoryDisk()
  let log = new TxnLog(disk)
  run(4, 30, entry => {
    if (entry.zxid === 11 || entry.zxid === 21) {
      log.write()
      log = new TxnLog(disk)
    }
    log.append(entry)
  })
  log.write()
  expect(recover(disk).tree.lastZxid).toBe(30)
  disk.remove(pathOf('log.b'))
  expect(() => recover(disk)).toThrow(MissingTransactions)
  expect(() => recover(disk)).toThrow('those after 0xa are missing')
})

test('what a snapshot took while it was written to has already is replayed without harm', () => {
  // Apache ZooKeeper's snapshots are such: here one of transaction 60 in the clothes of one of 40.
  for (let seed = 1; seed <= 10; seed++) {
    const { disk, tree } = logged(seed, 100)
    replace(disk, snapshotName(40), snapshotOf(run(seed, 60).tree))
    expect(dump(recover(disk).tree)).toEqual(dump(tree))
  }
})
