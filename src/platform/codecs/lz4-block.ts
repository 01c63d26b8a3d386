/**
 * LZ4's block format: sequences of
 *
 *   token LLLLMMMM · [more of L]* · L literal bytes · distance u16, little-endian · [more of M]*
 *
 * where 15 means "and more": bytes are added up to the first that is not 255. A match has M + 4 bytes. The last sequence
 * ends behind its literals.
 */
import { CorruptData } from './codec.ts'
import { copyBytes, findMatches, matchBytesMin, repeatBytes } from './match-finder.ts'

/** The most a block's packed bytes can be. */
export const packedSizeMax = (size: number): number => 16 + size + Math.ceil(size / 255)

/**
 * How many bytes the block in `packed[from..to)` unpacks to, found by its lengths alone.
 *
 * @throws CorruptData where it is cut short
 */
export function blockSize(packed: Uint8Array, from: number, to: number): number {
  let at = from
  let size = 0
  /** What is added to a length of 15. */
  const more = (): number => {
    for (let sum = 0; ; ) {
      if (at >= to) throw new CorruptData('a length cut short')
      const byte = packed[at++]!
      sum += byte
      if (byte < 255) return sum
    }
  }
  while (at < to) {
    const token = packed[at++]!
    const literals = token >> 4 === 15 ? 15 + more() : token >> 4
    if (literals > to - at) throw new CorruptData(`a literal of ${literals} bytes`)
    at += literals
    size += literals
    if (at === to) return size
    if (to - at < 2) throw new CorruptData('a match without a distance')
    at += 2
    size += matchBytesMin + ((token & 15) === 15 ? 15 + more() : token & 15)
  }
  throw new CorruptData('a block without its last literals')
}

/**
 * Unpacks `packed[from..to)` into `bytes` from `start` on. Its lengths were checked by {@link blockSize}.
 *
 * @param windowStart how far back matches may reach
 * @throws CorruptData where one reaches further
 */
export function unpackBlock(
  packed: Uint8Array,
  from: number,
  to: number,
  bytes: Uint8Array,
  start: number,
  windowStart: number,
): void {
  let at = from
  let place = start
  for (;;) {
    const token = packed[at++]!
    let literals = token >> 4
    if (literals === 15) {
      for (; packed[at] === 255; at++) literals += 255
      literals += packed[at++]!
    }
    copyBytes(packed, at, literals, bytes, place)
    at += literals
    place += literals
    if (at >= to) return
    const distance = packed[at]! | (packed[at + 1]! << 8)
    at += 2
    let length = (token & 15) + matchBytesMin
    if ((token & 15) === 15) {
      for (; packed[at] === 255; at++) length += 255
      length += packed[at++]!
    }
    if (distance === 0 || distance > place - windowStart)
      throw new CorruptData(`a match from ${distance} before`)
    repeatBytes(bytes, place, distance, length)
    place += length
  }
}

/**
 * Packs `bytes[from..to)`, at most `searchedBytesMax`, into `packed` from `start` on.
 *
 * @returns where it ends
 */
export function packBlock(
  bytes: Uint8Array,
  from: number,
  to: number,
  packed: Uint8Array,
  start: number,
): number {
  let out = start
  let literalAt = from
  findMatches(bytes, from, to, (at, distance, length) => {
    const more = length - matchBytesMin
    out = writeLiteral(bytes, literalAt, at - literalAt, Math.min(more, 15), packed, out)
    packed[out++] = distance & 0xff
    packed[out++] = distance >> 8
    if (more >= 15) out = writeLength(packed, out, more - 15)
    literalAt = at + length
  })
  return writeLiteral(bytes, literalAt, to - literalAt, 0, packed, out)
}

/** The token, with the low bits of what follows the literals, and the literals. */
function writeLiteral(
  bytes: Uint8Array,
  at: number,
  length: number,
  lowBits: number,
  packed: Uint8Array,
  start: number,
): number {
  let out = start
  packed[out++] = (Math.min(length, 15) << 4) | lowBits
  if (length >= 15) out = writeLength(packed, out, length - 15)
  copyBytes(bytes, at, length, packed, out)
  return out + length
}

function writeLength(packed: Uint8Array, start: number, more: number): number {
  let out = start
  let rest = more
  for (; rest >= 255; rest -= 255) packed[out++] = 255
  packed[out++] = rest
  return out
}
