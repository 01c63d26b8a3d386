import { join } from 'node:path'
import type { Platform } from '../ports.ts'
import { FileDescriptors } from './file-descriptors.ts'
import { fileDisk } from './file-disk.ts'
import { disks } from './memory.ts'
import { memoryDisk } from './memory-disk.ts'
import { nodeCompression } from './node-compression.ts'
import { nodeNetwork } from './node-network.ts'
import { systemRandom } from './random.ts'
import { wallClock } from './wall-clock.ts'

export interface NodePlatformOptions {
  /** Where each node has a directory of its own, by its name (`broker-1`, `zookeeper`). Without it disks are in memory. */
  readonly dataDir?: string
}

/** TCP, wall clock, files; without a directory for them disks in memory, which outlive their node but not the process. */
export function nodePlatform({ dataDir }: NodePlatformOptions = {}): Platform {
  const descriptors = new FileDescriptors()
  return {
    kind: 'node',
    clock: wallClock(),
    random: systemRandom(),
    network: nodeNetwork(),
    compression: nodeCompression(),
    disk: disks(node =>
      dataDir === undefined ? memoryDisk() : fileDisk(join(dataDir, node), { descriptors }),
    ),
    waiting: promise => promise,
  }
}
