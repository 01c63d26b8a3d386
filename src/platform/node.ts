import type { Platform } from '../ports.ts'
import { disks } from './memory.ts'
import { memoryDisk } from './memory-disk.ts'
import { nodeCompression } from './node-compression.ts'
import { nodeNetwork } from './node-network.ts'
import { systemRandom } from './random.ts'
import { wallClock } from './wall-clock.ts'

/** TCP, wall clock; disks in memory, which outlive their broker but not the process. */
export function nodePlatform(): Platform {
  return {
    kind: 'node',
    clock: wallClock(),
    random: systemRandom(),
    network: nodeNetwork(),
    compression: nodeCompression(),
    disk: disks(() => memoryDisk()),
    waiting: promise => promise,
  }
}
