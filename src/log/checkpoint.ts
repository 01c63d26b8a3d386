/**
 * Kafka's checkpoint files: text, a version line, a count line, then one entry a line. They are replaced
 * as a whole, flushed before the rename, so that a crash leaves the old one or the new one (KAFKA-16541).
 * After CheckpointFile and OffsetCheckpointFile.
 */
import type { TopicPartition } from '../ids.ts'
import type { Disk, DiskFile } from '../ports.ts'

/** High watermarks of all partitions of a log directory. */
export const highWatermarkCheckpoint = 'replication-offset-checkpoint'
/** Offsets up to which logs are flushed. */
export const recoveryPointCheckpoint = 'recovery-point-offset-checkpoint'
/** Log start offsets beyond the first segment's base (DeleteRecords). */
export const logStartOffsetCheckpoint = 'log-start-offset-checkpoint'
/** Replicas that count as in sync and have lost their logs, with offsets that mean nothing: they must not lead. Kafka has no such file. */
export const lostReplicaCheckpoint = 'lost-replica-checkpoint'
/** First offsets that compaction has not looked at. */
export const cleanerCheckpoint = 'cleaner-offset-checkpoint'
/** Stands in a log directory whose broker was shut down in an orderly way; its start removes it. */
export const cleanShutdownFile = '.kafka_cleanshutdown'

/** A checkpoint file that is not one. It is written atomically, so something is broken: never guess on. */
export class CorruptCheckpoint extends Error {
  override readonly name = 'CorruptCheckpoint'
}

const currentVersion = 0

/** Replaces a file as a whole, for good. */
export function replaceFile(disk: Disk, path: string, bytes: Uint8Array): void {
  replaceFileSoon(disk, path, bytes, file => file.flush())
  disk.flushDirectory(directoryOf(path))
}

/** The same without making it survive a crash: for what carries a checksum and can be made anew. */
export function replaceFileSoon(
  disk: Disk,
  path: string,
  bytes: Uint8Array,
  written: (file: DiskFile) => void = () => {},
): void {
  const temporary = `${path}.tmp`
  const file = disk.open(temporary)
  file.truncate(0)
  file.append([bytes])
  written(file)
  file.close()
  disk.rename(temporary, path)
}

/** The directory that holds a path; '' at the top. */
export const directoryOf = (path: string): string =>
  path.slice(0, Math.max(0, path.lastIndexOf('/')))

/** All of a file; empty where it does not exist. */
export function readFile(disk: Disk, path: string): Uint8Array {
  if (!disk.exists(path)) return new Uint8Array(0)
  const file = disk.open(path)
  const bytes = file.read(0, file.length)
  file.close()
  return bytes
}

/** Writes a checkpoint file with these entries. */
export function writeCheckpoint(disk: Disk, path: string, entries: readonly string[]): void {
  const text = `${[currentVersion, entries.length, ...entries].join('\n')}\n`
  replaceFile(disk, path, new TextEncoder().encode(text))
}

/** The entries of a checkpoint file; none where there is no file. Throws CorruptCheckpoint. */
export function readCheckpoint(disk: Disk, path: string): readonly string[] {
  const text = new TextDecoder().decode(readFile(disk, path))
  if (text === '') return []
  const [version, count, ...rest] = text.split('\n')
  const entries = rest.filter(line => line !== '')
  if (version !== String(currentVersion))
    throw new CorruptCheckpoint(`${path}: version ${JSON.stringify(version)}`)
  if (count !== String(entries.length))
    throw new CorruptCheckpoint(`${path}: ${entries.length} entries, ${count} announced`)
  return entries
}

export interface PartitionOffset extends TopicPartition {
  readonly offset: number
}

/** Writes an offset per partition: `topic partition offset`. */
export function writeOffsetCheckpoint(
  disk: Disk,
  path: string,
  offsets: Iterable<PartitionOffset>,
): void {
  const entries = Array.from(offsets, o => `${o.topic} ${o.partition} ${o.offset}`)
  writeCheckpoint(disk, path, entries)
}

/** The offset of each partition; none where there is no file. Throws CorruptCheckpoint. */
export function readOffsetCheckpoint(disk: Disk, path: string): PartitionOffset[] {
  return readCheckpoint(disk, path).map(entry => {
    const [topic, partition, offset, ...rest] = entry.split(' ')
    if (topic === undefined || rest.length > 0) throw new CorruptCheckpoint(`${path}: ${entry}`)
    return {
      topic,
      partition: wholeNumber(partition, path),
      offset: wholeNumber(offset, path),
    }
  })
}

/** A field of a checkpoint file that must be a number ≥ 0. */
export function wholeNumber(field: string | undefined, path: string): number {
  const value = Number(field)
  if (field === undefined || !/^\d+$/.test(field) || !Number.isSafeInteger(value))
    throw new CorruptCheckpoint(`${path}: ${JSON.stringify(field)} is no offset`)
  return value
}
