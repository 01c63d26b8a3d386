import { type Uuid, uuid } from '../ids.ts'

/**
 * Bytes that are not what they claim to be. A fault of the peer: its connection is closed, nothing
 * else.
 */
export class MalformedFrame extends Error {
  override readonly name = 'MalformedFrame'
}

/**
 * Copying a short ASCII string by hand beats the decoder's call; measured up to about this many
 * bytes.
 */
const shortString = 24

// A byte order mark is part of the string, as it is for Java.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * A cursor over bytes, big-endian. Reading past the end, or a length that cannot be, throws
 * {@link MalformedFrame}; it never returns garbage. Byte strings are subarrays, not copies.
 */
export class Reader {
  readonly bytes: Uint8Array
  #end: number
  /** Where the next read begins, from the start of `bytes`. */
  position: number

  constructor(bytes: Uint8Array, position = 0) {
    this.bytes = bytes
    this.#end = bytes.byteLength
    this.position = position
  }

  get remaining(): number {
    return this.#end - this.position
  }

  /** Moves on by `length` bytes and tells where they begin. */
  #take(length: number): number {
    const from = this.position
    if (length > this.#end - from)
      throw new MalformedFrame(`${length} bytes expected at ${from}, ${this.#end - from} there`)
    this.position = from + length
    return from
  }

  /** Any byte but 0 is true. */
  bool(): boolean {
    return this.bytes[this.#take(1)] !== 0
  }

  int8(): number {
    return (this.bytes[this.#take(1)]! << 24) >> 24
  }

  int16(): number {
    return (this.uint16() << 16) >> 16
  }

  uint16(): number {
    const at = this.#take(2)
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!
  }

  int32(): number {
    const at = this.#take(4)
    const { bytes } = this
    return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
  }

  uint32(): number {
    return this.int32() >>> 0
  }

  /** A 64-bit number that must be a safe integer; the opaque ones are read by {@link int64Bits}. */
  int64(): number {
    const value = this.#double64()
    if (!Number.isSafeInteger(value))
      throw new MalformedFrame(`int64 before ${this.position} is beyond the safe integers`)
    return value
  }

  /** Like {@link int64}; a number beyond the safe integers becomes the nearest of them. */
  int64Clamped(): number {
    return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, this.#double64()))
  }

  /** The nearest double of a 64-bit number; exact for safe integers. */
  #double64(): number {
    const high = this.int32()
    return high * 0x1_0000_0000 + this.uint32()
  }

  #viewOf(length: number): DataView {
    const at = this.#take(length)
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + at, length)
  }

  int64Bits(): bigint {
    return this.#viewOf(8).getBigInt64(0)
  }

  float64(): number {
    return this.#viewOf(8).getFloat64(0)
  }

  uuid(): Uuid {
    const at = this.#take(16)
    return uuid(this.bytes.subarray(at, at + 16))
  }

  /** An unsigned number of at most 32 bits in groups of 7, the lowest first. */
  unsignedVarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes[this.#take(1)]!
      if (shift === 28 && byte > 0x0f) break
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw new MalformedFrame(`varint before ${this.position} is longer than 32 bits`)
  }

  /** A signed number of at most 32 bits, zigzag. */
  varint(): number {
    const value = this.unsignedVarint()
    return (value >>> 1) ^ -(value & 1)
  }

  /** A signed number of at most 64 bits, zigzag, that must be a safe integer. */
  varlong(): number {
    // Low and high halves of the zigzag number; a double would lose the last bits.
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.bytes[this.#take(1)]!
      const bits = byte & 0x7f
      if (shift === 63 && byte > 1) break
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (shift - 32)
      if (byte < 0x80) {
        const magnitude = (high >>> 1) * 0x1_0000_0000 + (((low >>> 1) | (high << 31)) >>> 0)
        const value = low & 1 ? -magnitude - 1 : magnitude
        if (!Number.isSafeInteger(value))
          throw new MalformedFrame(`varlong before ${this.position} is beyond the safe integers`)
        return value
      }
    }
    throw new MalformedFrame(`varlong before ${this.position} is longer than 64 bits`)
  }

  /** The next `length` bytes as they stand, without a copy. */
  slice(length: number): Uint8Array {
    if (length < 0) throw new MalformedFrame(`length ${length} at ${this.position}`)
    const at = this.#take(length)
    return this.bytes.subarray(at, at + length)
  }

  /** The next `length` bytes as UTF-8. What is not UTF-8 becomes U+FFFD, as for Java. */
  utf8(length: number): string {
    if (length < 0) throw new MalformedFrame(`length ${length} at ${this.position}`)
    const at = this.#take(length)
    const { bytes } = this
    const end = at + length
    if (length <= shortString) {
      let text = ''
      for (let i = at; i < end; i++) {
        const byte = bytes[i]!
        if (byte > 0x7f) return decoder.decode(bytes.subarray(at, end))
        text += String.fromCharCode(byte)
      }
      return text
    }
    return decoder.decode(bytes.subarray(at, end))
  }

  /** Reads with `read` what must be exactly `length` bytes long. */
  within<T>(length: number, read: (reader: Reader) => T): T {
    const outer = this.#end
    const end = this.position + length
    if (length < 0 || end > outer) throw new MalformedFrame(`length ${length} at ${this.position}`)
    this.#end = end
    const value = read(this)
    this.finish()
    this.#end = outer
    return value
  }

  /** All must have been read. */
  finish(): void {
    if (this.position !== this.#end)
      throw new MalformedFrame(`${this.#end - this.position} bytes left at ${this.position}`)
  }
}
