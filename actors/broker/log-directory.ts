import { noUuid, printPartition, type TopicPartition, type Uuid } from '../../src/ids.ts'
import {
  cleanShutdownFile,
  highWatermarkCheckpoint,
  logStartOffsetCheckpoint,
  type PartitionOffset,
  readOffsetCheckpoint,
  recoveryPointCheckpoint,
  replaceFile,
  writeOffsetCheckpoint,
} from '../../src/log/checkpoint.ts'
import { Log } from '../../src/log/log.ts'
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

/** `orders-0`; the rest of the directory is files. */
const directoryName = /^(.+)-(\d+)$/

/**
 * The logs on a broker's disk, and the checkpoint files beside them. It outlives the broker: the next one finds what this one wrote.
 * After LogManager and OffsetCheckpointFile.
 */
export class LogDirectory {
  readonly #disk: Disk
  readonly #clock: Clock
  readonly #compression: Compression
  readonly #isClean: boolean
  /** As the last broker on this disk wrote them down, and of logs not opened since. */
  readonly #highWatermarks: Map<string, PartitionOffset>
  readonly #recoveryPoints: Map<string, PartitionOffset>
  readonly #logStarts: Map<string, PartitionOffset>
  /** What the checkpoint files say now, so that an idle broker writes none. */
  readonly #written = new Map<string, string>()

  constructor(disk: Disk, clock: Clock, compression: Compression) {
    this.#disk = disk
    this.#clock = clock
    this.#compression = compression
    this.#isClean = disk.exists(cleanShutdownFile)
    const read = (file: string) =>
      new Map(readOffsetCheckpoint(disk, file).map(entry => [printPartition(entry), entry]))
    this.#highWatermarks = read(highWatermarkCheckpoint)
    this.#recoveryPoints = read(recoveryPointCheckpoint)
    this.#logStarts = read(logStartOffsetCheckpoint)
  }

  /** The partitions that have a log here. */
  partitions(): readonly TopicPartition[] {
    return this.#disk.list('').flatMap(name => {
      const [, topic, partition] = directoryName.exec(name) ?? []
      if (topic === undefined || this.#disk.list(name).length === 0) return []
      return [{ topic, partition: Number(partition) }]
    })
  }

  /** All logs are open: what else was written down is of logs that are gone. From now on the shutdown is unclean until it is not. */
  opened(): void {
    const here = new Set(this.partitions().map(printPartition))
    for (const known of [this.#highWatermarks, this.#recoveryPoints, this.#logStarts])
      for (const directory of [...known.keys()]) if (!here.has(directory)) known.delete(directory)
    this.#disk.remove(cleanShutdownFile)
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
    const log = Log.open(this.#disk, directory, options, this.#clock.now(), {
      clean: this.#isClean,
      writeRecoveryPoint: offset => this.#noteRecoveryPoint({ ...of, offset }),
      compression: this.#compression,
      ...(logStart === undefined ? {} : { logStartOffset: logStart.offset }),
      ...(recoveryPoint === undefined ? {} : { recoveryPoint: recoveryPoint.offset }),
    })
    const known = readPartitionMetadata(this.#disk, directory)
    if (known === null && topicId !== noUuid) writePartitionMetadata(this.#disk, directory, topicId)
    const highWatermark = this.#highWatermarks.get(directory)?.offset ?? 0
    return { log, topicId: known ?? topicId, highWatermark }
  }

  /** A log was deleted: whatever is made in its place has nothing of it. */
  forget(of: TopicPartition): void {
    const directory = printPartition(of)
    this.#highWatermarks.delete(directory)
    this.#recoveryPoints.delete(directory)
    this.#logStarts.delete(directory)
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

  /** An orderly shutdown: all is written down, and that it was orderly. The logs are closed. */
  close(replicas: Iterable<Kept>): void {
    this.checkpoint(replicas)
    replaceFile(this.#disk, cleanShutdownFile, new TextEncoder().encode('{"version":0}'))
  }

  #write(file: string, offsets: readonly PartitionOffset[]): void {
    const text = JSON.stringify(offsets)
    if (this.#written.get(file) === text) return
    writeOffsetCheckpoint(this.#disk, file, offsets)
    this.#written.set(file, text)
  }
}
