import { assert, BrokenInvariant } from '../assert.ts'
import { type Uuid, uuidBytes } from '../ids.ts'

/**
 * From this many bytes on, passing a byte string through as a chunk of its own is cheaper than
 * copying it.
 */
export const passThroughMin = 2048

const encoder = new TextEncoder()
const nothing = new Uint8Array(0)

function outside(kind: string, value: unknown): never {
  throw new BrokenInvariant(`${value} is no ${kind}`)
}

/**
 * Writers share slabs, each its own part, because a part of an array costs a tenth of a small array
 * of one's own. A part is never used again, so what was written may be kept; but as it keeps its
 * whole slab alive, slabs are small.
 */
const slabBytes = 16 * 1024
let slab = new Uint8Array(slabBytes)
let slabUsed = 0

/**
 * A growing buffer, big-endian. It ends as one array ({@link bytes}) or as chunks for a socket
 * ({@link chunks}), where large byte strings stand between its own pieces without having been
 * copied. A value that does not fit its type is a broken invariant: it is ours.
 */
export class Writer {
  #buffer: Uint8Array
  /** Up to where in `#buffer` we may write. */
  #end: number
  /** Where in `#buffer` the piece begins that is in no chunk yet. */
  #from: number
  #position: number
  #chunks: Uint8Array[] = []
  #chunksLength = 0

  /** @param capacity bytes to begin with */
  constructor(capacity = 256) {
    if (capacity > slabBytes) {
      this.#buffer = new Uint8Array(capacity)
      this.#from = 0
    } else {
      if (slabUsed + capacity > slabBytes) {
        slab = new Uint8Array(slabBytes)
        slabUsed = 0
      }
      this.#buffer = slab
      this.#from = slabUsed
      slabUsed += capacity
    }
    this.#position = this.#from
    this.#end = this.#from + capacity
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#chunksLength + this.#position - this.#from
  }

  /** Moves on by `length` bytes and tells where in the buffer they begin. */
  #take(length: number): number {
    const at = this.#position
    const end = at + length
    if (end > this.#end) return this.#grow(length)
    this.#position = end
    return at
  }

  #grow(length: number): number {
    const kept = this.#position - this.#from
    const capacity = 2 * (kept + length)
    // The last to take a part of the slab may simply take more.
    const more = this.#from + capacity
    if (this.#buffer === slab && this.#end === slabUsed && more <= slabBytes) {
      slabUsed = more
      this.#end = more
    } else {
      const buffer = new Uint8Array(capacity)
      buffer.set(this.#buffer.subarray(this.#from, this.#position))
      this.#buffer = buffer
      this.#from = 0
      this.#position = kept
      this.#end = capacity
    }
    const at = this.#position
    this.#position = at + length
    return at
  }

  /** Gives back what the last to take a part of the slab does not need. */
  #release(): void {
    if (this.#buffer === slab && this.#end === slabUsed) slabUsed = this.#position
    this.#end = this.#position
  }

  // A view of its own would cost more than it saves: most messages are short.
  #two(value: number): void {
    const at = this.#take(2)
    const buffer = this.#buffer
    buffer[at] = value >> 8
    buffer[at + 1] = value
  }

  #four(value: number): void {
    const at = this.#take(4)
    const buffer = this.#buffer
    buffer[at] = value >> 24
    buffer[at + 1] = value >> 16
    buffer[at + 2] = value >> 8
    buffer[at + 3] = value
  }

  #view(): DataView {
    return new DataView(this.#buffer.buffer)
  }

  bool(value: boolean): void {
    if (typeof value !== 'boolean') outside('bool', value)
    const at = this.#take(1)
    this.#buffer[at] = value ? 1 : 0
  }

  int8(value: number): void {
    if (value !== (value << 24) >> 24) outside('int8', value)
    const at = this.#take(1)
    this.#buffer[at] = value
  }

  int16(value: number): void {
    if (value !== (value << 16) >> 16) outside('int16', value)
    this.#two(value)
  }

  uint16(value: number): void {
    if (value !== (value & 0xffff)) outside('uint16', value)
    this.#two(value)
  }

  int32(value: number): void {
    if (value !== (value | 0)) outside('int32', value)
    this.#four(value)
  }

  uint32(value: number): void {
    if (value !== value >>> 0) outside('uint32', value)
    this.#four(value)
  }

  int64(value: number): void {
    if (!Number.isSafeInteger(value)) outside('safe integer', value)
    this.#four(Math.floor(value / 0x1_0000_0000))
    this.#four(value)
  }

  int64Bits(value: bigint): void {
    if (value !== BigInt.asIntN(64, value)) outside('int64', value)
    const at = this.#take(8)
    this.#view().setBigInt64(at, value)
  }

  float64(value: number): void {
    if (typeof value !== 'number') outside('float64', value)
    const at = this.#take(8)
    this.#view().setFloat64(at, value)
  }

  uuid(value: Uuid): void {
    this.raw(uuidBytes(value))
  }

  /** An unsigned number of at most 32 bits in groups of 7, the lowest first. */
  unsignedVarint(value: number): void {
    if (value !== value >>> 0) outside('uint32', value)
    let rest = value
    while (rest > 0x7f) {
      const at = this.#take(1)
      this.#buffer[at] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    const at = this.#take(1)
    this.#buffer[at] = rest
  }

  /** A signed number of at most 32 bits, zigzag. */
  varint(value: number): void {
    if (value !== (value | 0)) outside('int32', value)
    this.unsignedVarint(((value << 1) ^ (value >> 31)) >>> 0)
  }

  /** A signed safe integer, zigzag. */
  varlong(value: number): void {
    if (!Number.isSafeInteger(value)) outside('safe integer', value)
    if (value === value >> 0) {
      this.varint(value)
      return
    }
    // Zigzag doubles the magnitude, which may leave the safe integers: halves again.
    const magnitude = value < 0 ? -(value + 1) : value
    const upper = Math.floor(magnitude / 0x8000_0000)
    let low = (((magnitude >>> 0) << 1) | (value < 0 ? 1 : 0)) >>> 0
    let high = upper
    while (high > 0 || low > 0x7f) {
      const at = this.#take(1)
      this.#buffer[at] = (low & 0x7f) | 0x80
      low = ((low >>> 7) | (high << 25)) >>> 0
      high >>>= 7
    }
    const at = this.#take(1)
    this.#buffer[at] = low
  }

  /** The bytes as they stand, copied. */
  raw(value: Uint8Array): void {
    const at = this.#take(value.length)
    this.#buffer.set(value, at)
  }

  /** The bytes as they stand; large ones are not copied and must not be changed afterwards. */
  passThrough(value: Uint8Array): void {
    if (value.length < passThroughMin) {
      this.raw(value)
      return
    }
    this.#cut()
    this.#chunks.push(value)
    this.#chunksLength += value.length
  }

  /** Makes what was written since the last cut a chunk of its own. */
  #cut(): void {
    if (this.#position === this.#from) return
    this.#chunks.push(this.#buffer.subarray(this.#from, this.#position))
    this.#chunksLength += this.#position - this.#from
    this.#from = this.#position
  }

  /**
   * A string in UTF-8 behind its length in bytes.
   *
   * @param writeLength writes the length; where it may be 1 byte long for short strings and longer
   *   for others, the string is measured first
   */
  string(value: string, writeLength: (writer: Writer, length: number) => void): void {
    if (typeof value !== 'string') outside('string', value)
    const { length } = value
    if (length <= 32) {
      let ascii = true
      for (let i = 0; i < length && ascii; i++) ascii = value.charCodeAt(i) < 0x80
      if (ascii) {
        writeLength(this, length)
        const at = this.#take(length)
        for (let i = 0; i < length; i++) this.#buffer[at + i] = value.charCodeAt(i)
        return
      }
    }
    const bytes = encoder.encode(value)
    writeLength(this, bytes.length)
    this.raw(bytes)
  }

  /** What was written, as one array. Nothing may be written afterwards. */
  bytes(): Uint8Array {
    const { length } = this
    this.#cut()
    this.#release()
    const [first = nothing] = this.#chunks
    if (this.#chunks.length < 2) return first
    const whole = new Uint8Array(length)
    let at = 0
    for (const chunk of this.#chunks) {
      whole.set(chunk, at)
      at += chunk.length
    }
    return whole
  }

  /** What was written, as chunks. Nothing may be written afterwards. */
  chunks(): Uint8Array[] {
    this.#cut()
    this.#release()
    return this.#chunks
  }

  /**
   * What was written, as chunks of one frame: the first four bytes, left free by the caller, become
   * the length of all that follows.
   */
  frame(): Uint8Array[] {
    const { length } = this
    assert(length >= 4 && length < 0x8000_0000, `a frame of ${length} bytes`)
    const chunks = this.chunks()
    const first = chunks[0] as Uint8Array
    const body = length - 4
    first[0] = body >> 24
    first[1] = body >> 16
    first[2] = body >> 8
    first[3] = body
    return chunks
  }
}
