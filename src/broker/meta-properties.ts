import type { BrokerId, Uuid } from '../ids.ts'
import type { Disk } from '../ports.ts'

/** Whose disk this is: Kafka's file of the same name, version 0, in each log directory (BrokerMetadataCheckpoint). */
export interface MetaProperties {
  readonly brokerId: BrokerId
  readonly clusterId: Uuid
}

const path = 'meta.properties'
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** What the file says; nulls where it is not there or does not say. */
export function readMetaProperties(disk: Disk): {
  readonly brokerId: BrokerId | null
  readonly clusterId: Uuid | null
} {
  if (!disk.exists(path)) return { brokerId: null, clusterId: null }
  const file = disk.open(path)
  const text = decoder.decode(file.read(0, file.length))
  file.close()
  const properties = new Map(
    text
      .split('\n')
      .filter(line => line.includes('=') && !line.startsWith('#'))
      .map(line => {
        const at = line.indexOf('=')
        return [line.slice(0, at).trim(), line.slice(at + 1).trim()]
      }),
  )
  const brokerId = properties.get('broker.id')
  return {
    brokerId: brokerId !== undefined && /^\d+$/.test(brokerId) ? Number(brokerId) : null,
    clusterId: properties.get('cluster.id') ?? null,
  }
}

/** Written beside and renamed, so that a crash leaves the old one or the new one. */
export function writeMetaProperties(disk: Disk, { brokerId, clusterId }: MetaProperties): void {
  const beside = `${path}.tmp`
  disk.remove(beside)
  const file = disk.open(beside)
  file.append([encoder.encode(`version=0\nbroker.id=${brokerId}\ncluster.id=${clusterId}\n`)])
  file.flush()
  file.close()
  disk.rename(beside, path)
  disk.flushDirectory('')
}
