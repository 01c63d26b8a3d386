/**
 * Snappy's block format.
 *
 *   unpacked length varint · elements*
 *   literal  nnnnnn00 [n − 59 bytes of length − 1 where n ≥ 60] bytes    length n + 1
 *   copy     dddnnn01 dddddddd                                           length n + 4, distance of 11 bits
 *            nnnnnn10 distance u16                                       length n + 1, little-endian
 *            nnnnnn11 distance u32
 */
import { CorruptData } from './codec.ts'
import { copyBytes, findMatches, repeatBytes } from './match-finder.ts'

/** The most a block's packed bytes can be. */
export const packedSizeMax = (size: number): number => 32 + size + Math.ceil(size / 6)

/** What a block says of itself. */
export interface BlockSize {
  /** Unpacked bytes. */
  readonly size: number
  /** Where its elements begin. */
  readonly elementsAt: number
}

/**
 * Reads the length of the block in `packed[from..to)`.
 *
 * @throws CorruptData where there is none, or so many bytes cannot come from so few
 */
export function blockSize(packed: Uint8Array, from: number, to: number): BlockSize {
  let size = 0
  let at = from
  for (let unit = 1; ; unit *= 0x80) {
    const byte = packed[at]
    if (byte === undefined || at >= to || at === from + 5)
      throw new CorruptData('a block without a length')
    at++
    size += (byte & 0x7f) * unit
    if (byte < 0x80) break
  }
  // No element makes more of its bytes than a copy of 64 does of its three.
  if (3 * size > 64 * (to - at)) throw new CorruptData(`${size} bytes out of ${to - at}`)
  return { size, elementsAt: at }
}

/**
 * Unpacks the elements in `packed[from..to)`, which must be `size` bytes, into `bytes` from `start` on.
 *
 * @throws CorruptData where they are more or fewer, or point outside
 */
export function unpackBlock(
  packed: Uint8Array,
  from: number,
  to: number,
  bytes: Uint8Array,
  start: number,
  size: number,
): void {
  const end = start + size
  let at = from
  let place = start
  while (at < to) {
    const tag = packed[at++]!
    const kind = tag & 3
    let length = (tag >> 2) + 1
    if (kind === 0) {
      if (length > 60) {
        const more = length - 60
        if (more > to - at) throw new CorruptData('a literal without a length')
        length = 1
        for (let i = 0, unit = 1; i < more; i++, unit *= 0x100) length += packed[at + i]! * unit
        at += more
      }
      if (length > to - at || length > end - place)
        throw new CorruptData(`a literal of ${length} bytes`)
      copyBytes(packed, at, length, bytes, place)
      at += length
    } else {
      const wide = kind === 3 ? 4 : kind
      if (wide > to - at) throw new CorruptData('a copy without a distance')
      let distance = packed[at]!
      if (kind === 1) {
        length = ((tag >> 2) & 7) + 4
        distance |= (tag >> 5) << 8
      } else {
        distance |= packed[at + 1]! << 8
        if (kind === 3) distance += packed[at + 2]! * 0x1_0000 + packed[at + 3]! * 0x100_0000
      }
      at += wide
      if (distance === 0 || distance > place - start || length > end - place)
        throw new CorruptData(`a copy of ${length} bytes from ${distance} before`)
      repeatBytes(bytes, place, distance, length)
    }
    place += length
  }
  if (place !== end) throw new CorruptData(`${place - start} bytes instead of ${size}`)
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
  let rest = to - from
  for (; rest >= 0x80; rest >>>= 7) packed[out++] = (rest & 0x7f) | 0x80
  packed[out++] = rest
  let literalAt = from
  findMatches(bytes, from, to, (at, distance, length) => {
    out = writeLiteral(bytes, literalAt, at - literalAt, packed, out)
    out = writeCopy(packed, out, distance, length)
    literalAt = at + length
  })
  return writeLiteral(bytes, literalAt, to - literalAt, packed, out)
}

function writeLiteral(
  bytes: Uint8Array,
  at: number,
  length: number,
  packed: Uint8Array,
  start: number,
): number {
  if (length === 0) return start
  let out = start
  const last = length - 1
  if (last < 60) packed[out++] = last << 2
  else if (last < 0x100) {
    packed[out++] = 60 << 2
    packed[out++] = last
  } else {
    packed[out++] = 61 << 2
    packed[out++] = last & 0xff
    packed[out++] = last >> 8
  }
  copyBytes(bytes, at, length, packed, out)
  return out + length
}

function writeCopy(packed: Uint8Array, start: number, distance: number, length: number): number {
  let out = start
  const wide = (part: number): void => {
    packed[out++] = ((part - 1) << 2) | 2
    packed[out++] = distance & 0xff
    packed[out++] = distance >> 8
  }
  let rest = length
  for (; rest >= 68; rest -= 64) wide(64)
  // 65 to 67 in one of 60 and the rest, which would else be too short for the short form.
  if (rest > 64) {
    wide(60)
    rest -= 60
  }
  if (rest < 4 || rest > 11 || distance > 0x7ff) wide(rest)
  else {
    packed[out++] = ((distance >> 8) << 5) | ((rest - 4) << 2) | 1
    packed[out++] = distance & 0xff
  }
  return out
}
