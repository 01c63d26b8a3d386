import { noUuid, printPartition, type TopicPartition, type Uuid } from '../../src/ids.ts'
import {
  CorruptCheckpoint,
  cleanerCheckpoint,
  cleanShutdownFile,
  highWatermarkCheckpoint,
  logStartOffsetCheckpoint,
  lostReplicaCheckpoint,
  type PartitionOffset,
  readOffsetCheckpoint,
  recoveryPointCheckpoint,
  replaceFile,
  writeOffsetCheckpoint,
} from '../../src/log/checkpoint.ts'
import { guardedDisk, type StorageError } from '../../src/log/guarded-disk.ts'
import { Log } from '../../src/log/log.ts'
import { isDoomed, partitionOf } from '../../src/log/log-name.ts'
import type { LogOptions } from '../../src/log/log-options.ts'
import { readPartitionMetadata, writePartitionMetadata } from '../../src/log/partition-metadata.ts'
import type { Clock, Compression, Disk } from '../../src/ports.ts'

/** What is written down of a replica besides its log. */
export interface Kept extends TopicPartition {
  readonly log: Log
  readonly highWatermark: number
}

export interface OpenedLog {
  readonly log: Log
  readonly topicId: Uuid
  readonly highWatermark: number
}

/** Whose logs should be here and are not: those written down with a high watermark, and those known to be lost from before. */
export function missingLogs(disk: Disk): readonly TopicPartition[] {
  const gone = readKnown(disk, highWatermarkCheckpoint).filter(
    entry => entry.offset > 0 && !disk.exists(printPartition(entry)),
  )
  const missing = [...gone, ...readKnown(disk, lostReplicaCheckpoint)]
  const byName = new Map(missing.map(entry => [printPartition(entry), entry]))
  return [...byName.values()].map(({ topic, partition }) => ({ topic, partition }))
}

/** Remembers replicas that are thought to be on a disk and are not, also over a restart. */
export function noteLostReplicas(disk: Disk, lost: readonly TopicPartition[]): void {
  if (lost.length === 0) {
    if (disk.exists(lostReplicaCheckpoint)) disk.remove(lostReplicaCheckpoint)
  } else
    writeOffsetCheckpoint(
      disk,
      lostReplicaCheckpoint,
      lost.map(({ topic, partition }) => ({ topic, partition, offset: 0 })),
    )
}

/** One that cannot be read is as good as none: all that follows is work (LogManager.loadLogs resets them likewise). */
function readKnown(disk: Disk, file: string): readonly PartitionOffset[] {
  try {
    return readOffsetCheckpoint(disk, file)
  } catch (error) {
    if (!(error instanceof CorruptCheckpoint)) throw error
    return []
  }
}

/**
 * The logs on a broker's disk, and the checkpoint files beside them. It outlives the broker: the next one finds what this one wrote.
 * After LogManager and OffsetCheckpointFile.
 */
export class LogDirectory {
  /** Of whose failures the first is the last. */
  readonly disk: Disk
  readonly #clock: Clock
  readonly #compression: Compression
  readonly #isClean: boolean
  /** As the last broker on this disk wrote them down, and of logs not opened since. */
  readonly #highWatermarks: Map<string, PartitionOffset>
  readonly #recoveryPoints: Map<string, PartitionOffset>
  readonly #logStarts: Map<string, PartitionOffset>
  readonly #firstDirty: Map<string, PartitionOffset>
  readonly #lost: Map<string, PartitionOffset>
  /** What the checkpoint files say now, so that an idle broker writes none. */
  readonly #written = new Map<string, string>()

  /** @param failed hears of the disk's first failure, in the middle of the call that met it */
  constructor(
    disk: Disk,
    clock: Clock,
    compression: Compression,
    failed: (error: StorageError) => void = () => {},
  ) {
    this.disk = guardedDisk(disk, failed)
    this.#clock = clock
    this.#compression = compression
    this.#isClean = this.disk.exists(cleanShutdownFile)
    this.#highWatermarks = this.#read(highWatermarkCheckpoint)
    this.#recoveryPoints = this.#read(recoveryPointCheckpoint)
    this.#logStarts = this.#read(logStartOffsetCheckpoint)
    this.#firstDirty = this.#read(cleanerCheckpoint)
    this.#lost = this.#read(lostReplicaCheckpoint)
  }

  #read(file: string): Map<string, PartitionOffset> {
    return new Map(readKnown(this.disk, file).map(entry => [printPartition(entry), entry]))
  }

  /** The partitions that have a log here. */
  partitions(): readonly TopicPartition[] {
    return this.disk.list('').flatMap(name => {
      const partition = partitionOf(name)
      return partition === null || this.disk.list(name).length === 0 ? [] : [partition]
    })
  }

  /** All logs are open: what else was written down is of logs that are gone. From now on the shutdown is unclean until it is not. */
  opened(): void {
    const here = new Set(this.partitions().map(printPartition))
    for (const known of this.#known)
      for (const directory of [...known.keys()]) if (!here.has(directory)) known.delete(directory)
    for (const name of this.disk.list('')) if (isDoomed(name)) this.disk.remove(name)
    this.disk.remove(cleanShutdownFile)
    this.disk.flushDirectory('')
  }

  get #known(): readonly Map<string, PartitionOffset>[] {
    return [this.#highWatermarks, this.#recoveryPoints, this.#logStarts, this.#firstDirty]
  }

  /**
   * Opens or makes a partition's log; recovers it where the last shutdown was not orderly.
   *
   * @param topicId what the log belongs to, where its directory does not say
   */
  open(of: TopicPartition, topicId: Uuid, options: LogOptions): OpenedLog {
    const directory = printPartition(of)
    const logStart = this.#logStarts.get(directory)
    const recoveryPoint = this.#recoveryPoints.get(directory)
    const log = Log.open(this.disk, directory, options, this.#clock.now(), {
      clean: this.#isClean,
      writeRecoveryPoint: offset => this.#noteRecoveryPoint({ ...of, offset }),
      compression: this.#compression,
      ...(logStart === undefined ? {} : { logStartOffset: logStart.offset }),
      ...(recoveryPoint === undefined ? {} : { recoveryPoint: recoveryPoint.offset }),
    })
    const known = readPartitionMetadata(this.disk, directory)
    if (known === null && topicId !== noUuid) writePartitionMetadata(this.disk, directory, topicId)
    const highWatermark = this.#highWatermarks.get(directory)?.offset ?? 0
    return { log, topicId: known ?? topicId, highWatermark }
  }

  /** A log was deleted: whatever is made in its place has nothing of it. */
  forget(of: TopicPartition): void {
    for (const known of this.#known) known.delete(printPartition(of))
  }

  get lost(): readonly TopicPartition[] {
    return [...this.#lost.values()]
  }

  /** Whether the cluster thinks of this replica that it had what is committed, and it has not. */
  isLost(of: TopicPartition): boolean {
    return this.#lost.size > 0 && this.#lost.has(printPartition(of))
  }

  /** Nobody counts on it any more, or whoever does knows what it has. */
  noteFound(of: TopicPartition): void {
    if (this.#lost.delete(printPartition(of))) noteLostReplicas(this.disk, [...this.#lost.values()])
  }

  /** Where compaction goes on. */
  firstDirtyOffset(of: TopicPartition): number {
    return this.#firstDirty.get(printPartition(of))?.offset ?? 0
  }

  noteCleaned({ topic, partition }: TopicPartition, firstDirtyOffset: number): void {
    const entry = { topic, partition, offset: firstDirtyOffset }
    this.#firstDirty.set(printPartition(entry), entry)
    this.#write(cleanerCheckpoint, [...this.#firstDirty.values()])
  }

  /** One log is about to be cut below what was flushed: nobody may find the old point after a crash. */
  #noteRecoveryPoint({ topic, partition, offset }: PartitionOffset): void {
    this.#recoveryPoints.set(printPartition({ topic, partition }), { topic, partition, offset })
    this.#write(recoveryPointCheckpoint, [...this.#recoveryPoints.values()])
  }

  /** Writes down high watermarks, recovery points and log starts, where they changed. */
  checkpoint(replicas: Iterable<Kept>): void {
    const kept = [...replicas]
    this.#write(
      highWatermarkCheckpoint,
      kept.map(({ topic, partition, highWatermark }) => ({
        topic,
        partition,
        offset: highWatermark,
      })),
    )
    this.#write(
      logStartOffsetCheckpoint,
      kept
        .filter(({ log }) => log.logStartOffset > 0)
        .map(({ topic, partition, log }) => ({ topic, partition, offset: log.logStartOffset })),
    )
    for (const { topic, partition, log } of kept)
      this.#recoveryPoints.set(printPartition({ topic, partition }), {
        topic,
        partition,
        offset: log.recoveryPoint,
      })
    this.#write(recoveryPointCheckpoint, [...this.#recoveryPoints.values()])
  }

  /**
   * An orderly shutdown: all is written down, and that it was orderly. The logs are closed.
   *
   * @param brokerEpoch of the life that ends
   */
  close(replicas: Iterable<Kept>, brokerEpoch = -1): void {
    this.checkpoint(replicas)
    const content = JSON.stringify({ version: 0, brokerEpoch })
    replaceFile(this.disk, cleanShutdownFile, new TextEncoder().encode(content))
  }

  #write(file: string, offsets: readonly PartitionOffset[]): void {
    const text = JSON.stringify(offsets)
    if (this.#written.get(file) === text) return
    writeOffsetCheckpoint(this.disk, file, offsets)
    this.#written.set(file, text)
  }
}
