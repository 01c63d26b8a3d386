import type { Zxid } from '../ids.ts'
import type { Disk } from '../ports.ts'

/** Where ZooKeeper keeps the files of this format (FileTxnSnapLog). */
export const dataDir = 'version-2'

export const snapshotName = (zxid: Zxid): string => `snapshot.${zxid.toString(16)}`

/** @param zxid of its first transaction */
export const logName = (zxid: Zxid): string => `log.${zxid.toString(16)}`

export const pathOf = (name: string): string => `${dataDir}/${name}`

/** Of one kind, by the zxid in their names, the lowest first. */
export function filesOf(disk: Disk, kind: 'log' | 'snapshot'): { name: string; zxid: Zxid }[] {
  return disk
    .list(dataDir)
    .flatMap(name => {
      const [, of, hex = ''] = /^(log|snapshot)\.([0-9a-f]+)$/.exec(name) ?? []
      return of === kind ? [{ name, zxid: Number.parseInt(hex, 16) }] : []
    })
    .sort((a, b) => a.zxid - b.zxid)
}

/** Of one kind, together. */
export function bytesOf(disk: Disk, kind: 'log' | 'snapshot'): number {
  let bytes = 0
  for (const { name } of filesOf(disk, kind)) bytes += lengthOf(disk, name)
  return bytes
}

function lengthOf(disk: Disk, name: string): number {
  const file = disk.open(pathOf(name))
  const { length } = file
  file.close()
  return length
}

/** All of a file. */
export function readWhole(disk: Disk, name: string): Uint8Array {
  const file = disk.open(pathOf(name))
  try {
    return file.read(0, file.length)
  } finally {
    file.close()
  }
}
