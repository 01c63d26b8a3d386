/** `partition.metadata` beside a log: which topic id its records belong to (KIP-516). After PartitionMetadataFile. */
import { type Uuid, uuidBytes } from '../ids.ts'
import type { Disk } from '../ports.ts'
import { CorruptCheckpoint, readFile, replaceFile } from './checkpoint.ts'

export const partitionMetadataFile = 'partition.metadata'

/** Says which topic id the log in a directory belongs to. */
export function writePartitionMetadata(disk: Disk, directory: string, topicId: Uuid): void {
  const text = `version: 0\ntopic_id: ${topicId}`
  replaceFile(disk, `${directory}/${partitionMetadataFile}`, new TextEncoder().encode(text))
}

/** The topic id of the log in a directory; null where it has none. Throws CorruptCheckpoint. */
export function readPartitionMetadata(disk: Disk, directory: string): Uuid | null {
  const path = `${directory}/${partitionMetadataFile}`
  const text = new TextDecoder().decode(readFile(disk, path))
  if (text === '') return null
  const [version, line = ''] = text.split('\n')
  const topicId = line.replace(/^topic_id: /, '')
  if (version !== 'version: 0' || topicId === line) throw new CorruptCheckpoint(`${path}: ${text}`)
  try {
    uuidBytes(topicId)
  } catch {
    throw new CorruptCheckpoint(`${path}: topic id ${topicId}`)
  }
  return topicId
}
