/** Names of log directories. After UnifiedLog.logDeleteDirName and LocalLog.parseTopicPartitionName. */
import type { TopicPartition } from '../ids.ts'

/** Kafka puts a random id here; a name is in use only until its directory is removed, so one will do. */
const doomedSuffix = `.${'0'.repeat(32)}-delete`

/** What file systems allow a name. */
const nameLengthMax = 255

/** The name under which a log is removed: one that no partition has. */
export function doomedName(directory: string): string {
  const partition = directory.slice(directory.lastIndexOf('-'))
  const topic = directory.slice(0, directory.length - partition.length)
  const suffix = partition + doomedSuffix
  return topic.slice(0, nameLengthMax - suffix.length) + suffix
}

/** Left of a removal that a crash interrupted, ours or Kafka's. */
export const isDoomed = (name: string): boolean => /-\d+\.[\da-f]{32}-delete$/.test(name)

/** The partition whose log a directory holds; null for another directory or file. */
export function partitionOf(name: string): TopicPartition | null {
  if (isDoomed(name)) return null
  const [, topic, partition] = /^(.+)-(\d+)$/.exec(name) ?? []
  return topic === undefined ? null : { topic, partition: Number(partition) }
}
