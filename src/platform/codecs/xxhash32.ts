/** XXH32, the checksum within LZ4 frames. */

const prime1 = 0x9e3779b1 | 0
const prime2 = 0x85ebca77 | 0
const prime3 = 0xc2b2ae3d | 0
const prime4 = 0x27d4eb2f | 0
const prime5 = 0x165667b1 | 0

const rotated = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits))

const int32At = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)

const mixed = (lane: number, four: number): number =>
  Math.imul(rotated(lane + Math.imul(four, prime2), 13), prime1)

/** The hash of `bytes[from..to)` with the seed 0, an unsigned 32-bit number. */
export function xxhash32(bytes: Uint8Array, from = 0, to = bytes.length): number {
  let at = from
  let hash = prime5
  if (to - from >= 16) {
    let a = (prime1 + prime2) | 0
    let b = prime2
    let c = 0
    let d = -prime1 | 0
    for (; at + 16 <= to; at += 16) {
      a = mixed(a, int32At(bytes, at))
      b = mixed(b, int32At(bytes, at + 4))
      c = mixed(c, int32At(bytes, at + 8))
      d = mixed(d, int32At(bytes, at + 12))
    }
    hash = (rotated(a, 1) + rotated(b, 7) + rotated(c, 12) + rotated(d, 18)) | 0
  }
  hash = (hash + (to - from)) | 0
  for (; at + 4 <= to; at += 4)
    hash = Math.imul(rotated(hash + Math.imul(int32At(bytes, at), prime3), 17), prime4)
  for (; at < to; at++) hash = Math.imul(rotated(hash + Math.imul(bytes[at]!, prime5), 11), prime1)
  hash = Math.imul(hash ^ (hash >>> 15), prime2)
  hash = Math.imul(hash ^ (hash >>> 13), prime3)
  return (hash ^ (hash >>> 16)) >>> 0
}
