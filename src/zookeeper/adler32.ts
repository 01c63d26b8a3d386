/** Sums of so many bytes fit 31 bits before they are reduced. */
const blockBytes = 3800

/**
 * Adler-32, the checksum of ZooKeeper's logs and snapshots: an unsigned 32-bit number.
 *
 * @param before the checksum of what comes before these bytes, where they continue something
 */
export function adler32(bytes: Uint8Array, from = 0, to = bytes.length, before = 1): number {
  let low = before & 0xffff
  let high = before >>> 16
  for (let at = from; at < to; ) {
    const end = Math.min(to, at + blockBytes)
    for (; at < end; at++) {
      low += bytes[at]!
      high += low
    }
    low %= 65521
    high %= 65521
  }
  return ((high << 16) | low) >>> 0
}
