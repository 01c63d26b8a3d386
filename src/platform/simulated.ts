import type { Clock, Compression, Disk, Platform, Timer } from '../ports.ts'
import { disks } from './memory.ts'
import { memoryDisk } from './memory-disk.ts'
import { pureCompression } from './pure-compression.ts'
import { seededRandom } from './random.ts'
import { type SimulatedDisk, simulatedDisk } from './simulated-disk.ts'
import {
  type Lines,
  networkOf,
  SimulatedLines,
  type SimulatedNetworkOptions,
} from './simulated-network.ts'
import { SteppingClock } from './stepping-clock.ts'

export interface SimulatedPlatformOptions {
  /** Where all chance begins: each node, the network and each disk have a stream of their own from it. */
  readonly seed: number
  readonly network?: SimulatedNetworkOptions
  /** `torn`: disks that may lose what was not flushed, fail and fill. Default `whole`: what was written stays. */
  readonly disks?: 'whole' | 'torn'
  /** With torn disks: bytes of one node's disk. Default: no bound. */
  readonly diskBytesMax?: number
  /** Milliseconds since 1970 at the start. Default 2026-01-01T00:00:00Z. */
  readonly startAtMs?: number
  readonly compression?: Compression
}

export interface SimulatedPlatform extends Platform {
  readonly kind: 'simulated'
  readonly seed: number
  readonly clock: SteppingClock
  readonly lines: Lines
  node(name: string): Platform
  /** The disk of one node as its faults have it; undefined where disks are whole. */
  tornDisk(node: string): SimulatedDisk | undefined
  /** The clock of a node runs this much faster from now on (0.01: one in a hundred), or slower. */
  drift(node: string, by: number): void
  /** Lets this much time pass in one go. See {@link SteppingClock.pass}. */
  pass(durationMs: number): void
}

/** A number for a stream of chance of its own. */
function streamOf(seed: number, name: string): number {
  let hash = seed ^ 0x811c9dc5
  for (let at = 0; at < name.length; at++) {
    hash ^= name.charCodeAt(at)
    hash = Math.imul(hash, 0x01000193)
  }
  return hash | 0
}

/** A clock that may run faster or slower than the world's. */
class DriftingClock implements Clock {
  readonly #base: Clock
  #rate = 1
  #sinceMs: number
  #readMs: number

  constructor(base: Clock) {
    this.#base = base
    this.#sinceMs = base.now()
    this.#readMs = this.#sinceMs
  }

  drift(by: number): void {
    const nowMs = this.#exactMs()
    this.#sinceMs = this.#base.now()
    this.#readMs = nowMs
    this.#rate = 1 + by
  }

  #exactMs(): number {
    return this.#readMs + (this.#base.now() - this.#sinceMs) * this.#rate
  }

  now(): number {
    // A timer's callback finds its deadline reached, whatever the rounding.
    return Math.floor(this.#exactMs() + 1e-6)
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    if (this.#rate === 1) return this.#base.setTimeout(callback, delayMs)
    return this.#base.setTimeout(callback, Math.ceil(Math.max(0, delayMs) / this.#rate))
  }

  clearTimeout(timer: Timer | undefined): void {
    this.#base.clearTimeout(timer)
  }
}

/**
 * A world under a seed: virtual time, a network that delays and drops, disks that tear. The same seed gives the same run,
 * to the byte.
 */
export function simulatedPlatform(options: SimulatedPlatformOptions): SimulatedPlatform {
  const { seed } = options
  const clock = new SteppingClock(options.startAtMs ?? Date.UTC(2026, 0, 1))
  const lines = new SimulatedLines(clock, seededRandom(streamOf(seed, 'network')), options.network)
  const compression = options.compression ?? pureCompression()
  const torn = new Map<string, SimulatedDisk>()
  const { diskBytesMax } = options
  const disk = disks((name): Disk => {
    if (options.disks !== 'torn') return memoryDisk()
    const made = simulatedDisk({
      random: seededRandom(streamOf(seed, `disk/${name}`)),
      clock,
      ...(diskBytesMax === undefined ? {} : { bytesMax: diskBytesMax }),
    })
    torn.set(name, made)
    return made
  })
  const waiting = <T>(promise: Promise<T>): Promise<T> => clock.waiting(promise)
  const nodes = new Map<string, Platform>()
  const clocks = new Map<string, DriftingClock>()
  const node = (name: string): Platform => {
    const known = nodes.get(name)
    if (known !== undefined) return known
    const ownClock = new DriftingClock(clock)
    const made: Platform = {
      kind: 'simulated',
      clock: ownClock,
      random: seededRandom(streamOf(seed, name)),
      network: networkOf(lines, name),
      compression,
      disk,
      waiting,
    }
    nodes.set(name, made)
    clocks.set(name, ownClock)
    return made
  }
  return {
    kind: 'simulated',
    seed,
    clock,
    random: seededRandom(streamOf(seed, '')),
    network: networkOf(lines, ''),
    lines,
    compression,
    disk,
    node,
    tornDisk: name => torn.get(name),
    drift: (name, by) => {
      node(name)
      clocks.get(name)?.drift(by)
    },
    pass: durationMs => clock.pass(durationMs),
    waiting,
  }
}
