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

/** The most that so many packed bytes can unpack to: each byte of a length adds at most 255. */
export const unpackedSizeMax = (packedSize: number): number => 255 * packedSize

/**
 * Unpacks `packed[from..to)` into `bytes[start..end)`.
 *
 * @param windowStart how far back matches may reach
 * @returns where it ends; −1 where it has no room
 * @throws CorruptData where it is cut short or points outside
 */
export function unpackBlock(
  packed: Uint8Array,
  from: number,
  to: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  windowStart: number,
): number {
  let at = from
  let place = start
  for (;;) {
    if (at >= to) throw new CorruptData('a block without its last literals')
    const token = packed[at++]!
    let literals = token >> 4
    if (literals === 15) {
      let more: number | undefined = 255
      while (more === 255) {
        more = at < to ? packed[at++] : undefined
        if (more === undefined) throw new CorruptData('a literal without a length')
        literals += more
      }
    }
    if (literals > to - at) throw new CorruptData(`a literal of ${literals} bytes`)
    if (literals > end - place) return -1
    copyBytes(packed, at, literals, bytes, place)
    at += literals
    place += literals
    if (at === to) return place
    if (to - at < 2) throw new CorruptData('a match without a distance')
    const distance = packed[at]! | (packed[at + 1]! << 8)
    at += 2
    let length = (token & 15) + matchBytesMin
    if ((token & 15) === 15) {
      let more: number | undefined = 255
      while (more === 255) {
        more = at < to ? packed[at++] : undefined
        if (more === undefined) throw new CorruptData('a match without a length')
        length += more
      }
    }
    if (distance === 0 || distance > place - windowStart)
      throw new CorruptData(`a match from ${distance} before`)
    if (length > end - place) return -1
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
