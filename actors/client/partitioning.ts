import { partitionOfKey } from '../../src/binary/murmur2.ts'
import type { Random } from '../../src/ports.ts'
import type { NewRecord } from '../../src/records/record.ts'
import type { KnownTopic } from './cluster-metadata.ts'
import type { Partitioner } from './producer-config.ts'

interface Sticky {
  partition: number
  bytes: number
}

/**
 * Chooses partitions as Java's producer does: by the key's hash; without a key one partition until a batch's worth of bytes
 * has gone there, then another of those that have a leader (KIP-794).
 */
export class Partitioning {
  readonly #random: Random
  readonly #batchSize: number
  readonly #custom: Partitioner | undefined
  readonly #sticky = new Map<string, Sticky>()

  constructor(random: Random, batchSize: number, custom: Partitioner | undefined) {
    this.#random = random
    this.#batchSize = batchSize
    this.#custom = custom
  }

  /** @param topic one that has partitions */
  choose(topic: KnownTopic, { key = null, value = null }: NewRecord, sizeBytes: number): number {
    const partitions = topic.partitions.length
    const chosen = this.#custom?.({ topic: topic.name, key, value, partitions })
    if (chosen !== undefined) return chosen
    if (key !== null) return partitionOfKey(key, partitions)
    const sticky = this.#sticky.get(topic.name)
    if (sticky !== undefined && sticky.bytes < this.#batchSize && sticky.partition < partitions) {
      sticky.bytes += sizeBytes
      return sticky.partition
    }
    const led = topic.partitions.filter(({ leaderId }) => leaderId >= 0)
    const candidates = led.length > 0 ? led : topic.partitions
    const at = Math.floor(this.#random.next() * candidates.length)
    const partition = candidates[at]?.partition ?? 0
    this.#sticky.set(topic.name, { partition, bytes: sizeBytes })
    return partition
  }
}
