import type { Zxid } from '../../src/ids.ts'
import type { Disk, DiskFile, Timer } from '../../src/ports.ts'
import type { ZooKeeperConfig } from '../../src/zookeeper/config.ts'
import { bytesOf, dataDir, filesOf, pathOf, snapshotName } from '../../src/zookeeper/data-dir.ts'
import type { DataTree } from '../../src/zookeeper/data-tree.ts'
import { recover } from '../../src/zookeeper/recovery.ts'
import { SnapshotWriter } from '../../src/zookeeper/snapshot.ts'
import type { TxnEntry } from '../../src/zookeeper/txn.ts'
import { TxnLog } from '../../src/zookeeper/txn-log.ts'
import type { World } from '../world.ts'
import type { Flushing } from './output-gate.ts'

/** A snapshot under way; whoever finds it after a crash ignores it. */
const unfinished = pathOf('snapshot.tmp')

/** Written of a snapshot between two turns: some 5 ms. */
const pieceBytes = 256 * 1024

/**
 * What makes a server durable: the log that each transaction is written to before it is answered, and snapshots, taken while it serves, that
 * keep the log short.
 */
export class TxnStore implements Flushing {
  /** As it was when the server ended; from now on the server's own. */
  readonly tree: DataTree
  readonly #world: World
  readonly #disk: Disk
  readonly #config: ZooKeeperConfig
  readonly #log: TxnLog
  readonly #unlock: () => void
  /** Transactions since the last snapshot began. */
  #txns: number
  #mustRoll = false
  #snapshot: { writer: SnapshotWriter; file: DiskFile } | null = null
  #nextPiece: Timer | undefined
  #isClosed = false

  /**
   * Takes the world's disk and reads what is on it.
   *
   * @throws what the disk says (ELOCKED: another process has it), or MissingTransactions
   */
  constructor(world: World, config: ZooKeeperConfig) {
    this.#world = world
    this.#config = config
    this.#disk = world.platform.disk(world.name)
    this.#unlock = this.#disk.lock()
    try {
      this.#disk.remove(unfinished)
      const { tree, ...found } = recover(this.#disk)
      this.tree = tree
      this.#txns = found.replayed
      this.#log = new TxnLog(this.#disk)
      // ZooKeeper refuses logs without a snapshot to begin with.
      if (found.snapshotZxid === null) this.#writeWhole(new SnapshotWriter(tree))
      else world.trace.record('note', world.name, 'recovered', { ...found, zxid: tree.lastZxid })
    } catch (error) {
      this.#unlock()
      throw error
    }
  }

  get isDirty(): boolean {
    return this.#log.isDirty
  }

  /** Bytes of all snapshots, and of all logs. */
  get bytes(): { readonly snapshots: number; readonly logs: number } {
    return { snapshots: bytesOf(this.#disk, 'snapshot'), logs: bytesOf(this.#disk, 'log') }
  }

  append(entry: TxnEntry): void {
    this.#log.append(entry)
    this.#txns++
  }

  flush(done: (error: Error | null) => void): void {
    try {
      if (this.#mustRoll) this.#log.roll()
      this.#mustRoll = false
      const { file, isNew } = this.#log.write()
      this.#maybeSnapshot(file)
      if (this.#config.forceSync) this.#disk.flushLater([file], isNew ? [dataDir] : [], done)
      else done(null)
    } catch (error) {
      done(error as Error)
    }
  }

  /** Gives the disk back. What was not flushed was not answered; it is written all the same. */
  close(): void {
    this.#isClosed = true
    this.#world.platform.clock.clearTimeout(this.#nextPiece)
    this.#snapshot?.writer.cancel()
    this.#snapshot?.file.close()
    this.#snapshot = null
    try {
      if (this.#log.isDirty) this.#log.write()
    } finally {
      this.#log.roll()
      this.#unlock()
    }
  }

  // ─── Snapshots ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #maybeSnapshot(log: DiskFile): void {
    const { snapCount, snapSizeLimitInKb, forceSync } = this.#config
    const isDue = this.#txns >= snapCount || this.#log.bytes >= snapSizeLimitInKb * 1024
    if (!isDue || this.#snapshot !== null) return
    this.#txns = 0
    // A log that nobody flushes otherwise must not end before the next one begins.
    if (!forceSync) log.flush()
    this.#mustRoll = true
    const file = this.#disk.open(unfinished)
    file.truncate(0)
    this.#snapshot = { writer: new SnapshotWriter(this.tree), file }
    this.#writeLater()
  }

  #writeLater(): void {
    this.#nextPiece = this.#world.platform.clock.setTimeout(() => this.#attempt(), 0)
  }

  #attempt(): void {
    const { writer, file } = this.#snapshot ?? {}
    if (writer === undefined || file === undefined) return
    try {
      const piece = writer.next(pieceBytes)
      if (piece !== null) {
        file.append([piece])
        this.#writeLater()
      } else
        this.#disk.flushLater([file], [], error =>
          error === null ? this.#finish(writer.zxid) : this.#abandon(error),
        )
    } catch (error) {
      this.#abandon(error as Error)
    }
  }

  #finish(zxid: Zxid): void {
    if (this.#snapshot === null) return
    try {
      this.#snapshot.file.close()
      this.#snapshot = null
      this.#disk.rename(unfinished, pathOf(snapshotName(zxid)))
    } catch (error) {
      this.#abandon(error as Error)
      return
    }
    this.#disk.flushLater([], [dataDir], error => {
      if (this.#isClosed) return
      if (error !== null) this.#abandon(error)
      else {
        this.#world.trace.record('note', this.#world.name, 'snapshot.taken', { zxid })
        this.#purge()
      }
    })
  }

  /** The log goes on, and with it the server; the next snapshot may succeed. */
  #abandon(error: Error): void {
    this.#world.trace.record('note', this.#world.name, 'snapshot.failed', { error: String(error) })
    this.#snapshot?.writer.cancel()
    this.#snapshot = null
  }

  /** At once, before anybody is served. */
  #writeWhole(writer: SnapshotWriter): void {
    const file = this.#disk.open(unfinished)
    for (let piece = writer.next(pieceBytes); piece !== null; piece = writer.next(pieceBytes))
      file.append([piece])
    file.flush()
    file.close()
    this.#disk.rename(unfinished, pathOf(snapshotName(writer.zxid)))
    this.#disk.flushDirectory(dataDir)
    // Where the directory itself is new.
    this.#disk.flushDirectory('')
  }

  /** Old snapshots, and logs that none of those kept needs (PurgeTxnLog). */
  #purge(): void {
    const kept = Math.max(1, this.#config['autopurge.snapRetainCount'])
    const snapshots = filesOf(this.#disk, 'snapshot')
    const oldest = snapshots.at(-kept)
    if (oldest === undefined) return
    for (const { name, zxid } of snapshots) if (zxid < oldest.zxid) this.#disk.remove(pathOf(name))
    const logs = filesOf(this.#disk, 'log')
    for (const [index, { name }] of logs.entries()) {
      const next = logs[index + 1]
      if (next !== undefined && next.zxid <= oldest.zxid + 1) this.#disk.remove(pathOf(name))
    }
  }
}
