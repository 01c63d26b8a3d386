import type { Compression, Disk, Platform } from '../ports.ts'
import { memoryDisk } from './memory-disk.ts'
import { memoryNetwork } from './memory-network.ts'
import { pureCompression } from './pure-compression.ts'
import { seededRandom, systemRandom } from './random.ts'
import { SteppingClock } from './stepping-clock.ts'
import { wallClock } from './wall-clock.ts'

/** Disks by node's name: a node that starts again finds what it wrote. */
export function disks(make: (node: string) => Disk): (node: string) => Disk {
  const made = new Map<string, Disk>()
  return node => {
    const disk = made.get(node) ?? make(node)
    made.set(node, disk)
    return disk
  }
}

export interface MemoryPlatformOptions {
  /** `stepping`: time jumps from one timer to the next and costs none; the run is the same again. Default `wall`. */
  readonly clock?: 'wall' | 'stepping'
  /** With a stepping clock: where chance begins. Default 1. */
  readonly seed?: number
  /** With a stepping clock: milliseconds since 1970 at the start. Default 2026-01-01T00:00:00Z. */
  readonly startAtMs?: number
  /** Default: none, snappy and lz4, which are all that a browser can do. On Node `nodeCompression()` has gzip and zstd too. */
  readonly compression?: Compression
}

export interface MemoryPlatform extends Platform {
  readonly kind: 'memory'
  /** The clock to let time pass by hand; undefined on wall time. */
  readonly stepping: SteppingClock | undefined
}

/** Everything in one process: no ports, no files; in browsers too. */
export function memoryPlatform(options: MemoryPlatformOptions = {}): MemoryPlatform {
  const steps = options.clock === 'stepping'
  const stepping = steps ? new SteppingClock(options.startAtMs ?? Date.UTC(2026, 0, 1)) : undefined
  const clock = stepping ?? wallClock()
  return {
    kind: 'memory',
    stepping,
    clock,
    random: steps ? seededRandom(options.seed ?? 1) : systemRandom(),
    // A millisecond on the stepping clock, so that the story's lines have an order one can read.
    network: memoryNetwork(clock, steps ? 1 : 0),
    compression: options.compression ?? pureCompression(),
    disk: disks(() => memoryDisk()),
    waiting: promise => stepping?.waiting(promise) ?? promise,
  }
}
