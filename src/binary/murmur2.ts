/**
 * The hash by which Kafka's default partitioner spreads keys: MurmurHash2, 32 bits, with Kafka's
 * seed. All clients that want to agree with Java's on the partition of a key use it.
 *
 * @returns a signed 32-bit number, as Java has it
 */
export function murmur2(key: Uint8Array): number {
  const m = 0x5bd1e995
  const { length } = key
  let hash = 0x9747b28c ^ length
  let i = 0
  for (; i + 4 <= length; i += 4) {
    let k = key[i]! | (key[i + 1]! << 8) | (key[i + 2]! << 16) | (key[i + 3]! << 24)
    k = Math.imul(k, m)
    k = Math.imul(k ^ (k >>> 24), m)
    hash = Math.imul(hash, m) ^ k
  }
  const rest = length - i
  if (rest > 0) {
    if (rest > 2) hash ^= key[i + 2]! << 16
    if (rest > 1) hash ^= key[i + 1]! << 8
    hash = Math.imul(hash ^ key[i]!, m)
  }
  hash = Math.imul(hash ^ (hash >>> 13), m)
  return hash ^ (hash >>> 15)
}

/** The partition of a record with this key among so many. The sign bit is dropped, not negated. */
export const partitionOfKey = (key: Uint8Array, partitions: number): number =>
  (murmur2(key) & 0x7fffffff) % partitions
