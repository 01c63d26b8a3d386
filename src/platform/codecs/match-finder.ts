/** Where bytes came before: what the packers of Snappy and LZ4 have in common. Greedy, one look each, as both do. */

/** The shortest match that is worth one. */
export const matchBytesMin = 4
/** The longest stretch of bytes that is searched at once: both formats look back by 16 bits. */
export const searchedBytesMax = 65_536

/** LZ4 wants no match to begin in the last twelve bytes of a block, nor to reach into the last five. */
const matchStartMargin = 12
const matchEndMargin = 5

const hashBits = 14
/** Each hash's latest place from the beginning of the stretch. Scratch, empty of meaning between two calls. */
const places = new Uint16Array(1 << hashBits)

const int32At = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)

const hashOf = (four: number): number => Math.imul(four, 0x9e3779b1) >>> (32 - hashBits)

/**
 * Finds what in `bytes[from..to)` is already there earlier in the same stretch, in order and without overlap.
 *
 * @param found hears of each match: where it begins, how far back its like is, how long it is
 */
export function findMatches(
  bytes: Uint8Array,
  from: number,
  to: number,
  found: (at: number, distance: number, length: number) => void,
): void {
  const startMax = to - matchStartMargin
  const endMax = to - matchEndMargin
  places.fill(0)
  // The first byte has nothing before it; a place of 0 is thus always a candidate, and always in the past.
  let at = from + 1
  // The longer nothing is found, the longer the strides: what cannot be packed costs little.
  let misses = 0
  while (at <= startMax) {
    const four = int32At(bytes, at)
    const hash = hashOf(four)
    const candidate = from + places[hash]!
    places[hash] = at - from
    if (int32At(bytes, candidate) !== four) {
      at += 1 + (misses++ >> 5)
      continue
    }
    let end = at + matchBytesMin
    for (let like = candidate + matchBytesMin; end < endMax && bytes[end] === bytes[like]; like++)
      end++
    found(at, at - candidate, end - at)
    at = end
    misses = 0
    if (end <= startMax) places[hashOf(int32At(bytes, end - 2))] = end - 2 - from
  }
}

/** Below this many bytes a loop is faster than a call. */
const loopBytesMax = 24

/** Copies between two arrays, `from[at..at + length)` to `to[place..)`. */
export function copyBytes(
  from: Uint8Array,
  at: number,
  length: number,
  to: Uint8Array,
  place: number,
): void {
  if (length > loopBytesMax) to.set(from.subarray(at, at + length), place)
  else for (let i = 0; i < length; i++) to[place + i] = from[at + i]!
}

/** Writes at `place` the `length` bytes that stand `distance` before; where they overlap, they repeat. */
export function repeatBytes(
  bytes: Uint8Array,
  place: number,
  distance: number,
  length: number,
): void {
  const like = place - distance
  if (length <= loopBytesMax) {
    for (let i = 0; i < length; i++) bytes[place + i] = bytes[like + i]!
    return
  }
  // What was written is itself to be repeated: each turn doubles what there is to copy.
  for (let done = 0; done < length; ) {
    const part = Math.min(distance + done, length - done)
    bytes.copyWithin(place + done, like, like + part)
    done += part
  }
}
