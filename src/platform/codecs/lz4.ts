/**
 * LZ4 as Kafka's batches carry it: LZ4's frame format, little-endian.
 *
 *   magic u32 · flags u8 · block size u8 · [content size u64] · checksum of the header u8
 *   (block length u32, its highest bit set where it is not packed · block · [checksum u32])* · 0 u32 · [checksum of the content u32]
 *
 * Written are independent blocks of 64 KiB without checksums, as Java does, for Java reads no others than independent ones.
 * After Lz4BlockOutputStream and the description of the frame format 1.6.
 */
import { type Codec, CorruptData, tooLarge, Unpacked } from './codec.ts'
import { packBlock, packedSizeMax, unpackBlock, unpackedSizeMax } from './lz4-block.ts'
import { xxhash32 } from './xxhash32.ts'

const frameMagic = 0x184d2204
/** Sixteen magics announce what readers pass over. */
const skippableMagic = 0x184d2a50
const notPacked = 0x8000_0000
const blockBytes = 64 * 1024

/** Bits of the flags. The highest two are the version. */
const flags = {
  version: 0xc0,
  version1: 0x40,
  independent: 0x20,
  blockChecksums: 0x10,
  contentSize: 0x08,
  contentChecksum: 0x04,
  reserved: 0x02,
  dictionary: 0x01,
} as const

const headerChecksum = (bytes: Uint8Array, from: number, to: number): number =>
  (xxhash32(bytes, from, to) >>> 8) & 0xff

interface FrameHeader {
  readonly independent: boolean
  readonly blockChecksums: boolean
  readonly contentChecksum: boolean
  /** −1 where it is not told. */
  readonly contentSize: number
  readonly blockSizeMax: number
}

/** Reads packed bytes from front to back. */
class FrameReader {
  readonly #packed: Uint8Array
  readonly #view: DataView
  readonly #unpacked: Unpacked
  readonly #sizeMax: number
  #at = 0

  constructor(packed: Uint8Array, sizeMax: number) {
    this.#packed = packed
    this.#view = new DataView(packed.buffer, packed.byteOffset, packed.length)
    this.#unpacked = new Unpacked(4 * packed.length, sizeMax)
    this.#sizeMax = sizeMax
  }

  get atEnd(): boolean {
    return this.#at === this.#packed.length
  }

  bytes(): Uint8Array {
    return this.#unpacked.bytes()
  }

  #take(length: number): number {
    const from = this.#at
    if (length > this.#packed.length - from) throw new CorruptData('a frame cut short')
    this.#at += length
    return from
  }

  #uint32(): number {
    return this.#view.getUint32(this.#take(4), true)
  }

  /** One frame, or something to be passed over. */
  frame(): void {
    const magic = this.#uint32()
    if (magic >>> 4 === skippableMagic >>> 4) {
      this.#take(this.#uint32())
      return
    }
    if (magic !== frameMagic) throw new CorruptData(`a frame of magic 0x${magic.toString(16)}`)
    const header = this.#header()
    const start = this.#unpacked.size
    while (this.#block(header, start));
    const size = this.#unpacked.size - start
    if (header.contentSize >= 0 && size !== header.contentSize)
      throw new CorruptData(`${size} bytes instead of ${header.contentSize}`)
    if (header.contentChecksum && this.#uint32() !== xxhash32(this.bytes(), start))
      throw new CorruptData('the checksum of the content does not match')
  }

  #header(): FrameHeader {
    const packed = this.#packed
    const from = this.#take(2)
    const flag = packed[from]!
    const descriptor = packed[from + 1]!
    if ((flag & flags.version) !== flags.version1)
      throw new CorruptData(`a frame of version ${flag >> 6}`)
    if ((flag & flags.reserved) !== 0 || (descriptor & 0x8f) !== 0)
      throw new CorruptData('a frame with reserved bits')
    if ((flag & flags.dictionary) !== 0) throw new CorruptData('a frame that needs a dictionary')
    const sizeId = descriptor >> 4
    if (sizeId < 4) throw new CorruptData(`a block size of ${sizeId}`)
    let contentSize = -1
    if ((flag & flags.contentSize) !== 0) {
      const at = this.#take(8)
      contentSize = this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 2 ** 32
      if (contentSize > this.#sizeMax - this.#unpacked.size) throw tooLarge(this.#sizeMax)
    }
    const end = this.#at
    if (packed[this.#take(1)] !== headerChecksum(packed, from, end))
      throw new CorruptData('the checksum of the header does not match')
    return {
      independent: (flag & flags.independent) !== 0,
      blockChecksums: (flag & flags.blockChecksums) !== 0,
      contentChecksum: (flag & flags.contentChecksum) !== 0,
      contentSize,
      blockSizeMax: 2 ** (8 + 2 * sizeId),
    }
  }

  /** False behind the last one. */
  #block({ independent, blockChecksums, blockSizeMax }: FrameHeader, frameStart: number): boolean {
    const word = this.#uint32()
    if (word === 0) return false
    const packed = this.#packed
    const unpacked = this.#unpacked
    const length = word % notPacked
    if (length > blockSizeMax) throw new CorruptData(`a block of ${length} bytes`)
    const from = this.#take(length)
    if (blockChecksums && this.#uint32() !== xxhash32(packed, from, from + length))
      throw new CorruptData('the checksum of a block does not match')
    const start = unpacked.size
    const stored = word >= notPacked
    unpacked.reserve(stored ? length : Math.min(blockSizeMax, unpackedSizeMax(length)))
    const { room } = unpacked
    const end = Math.min(start + blockSizeMax, room.length)
    if (stored) {
      if (length > end - start) throw tooLarge(this.#sizeMax)
      room.set(packed.subarray(from, from + length), start)
      unpacked.size = start + length
      return true
    }
    const windowStart = independent ? start : frameStart
    const filled = unpackBlock(packed, from, from + length, room, start, end, windowStart)
    if (filled >= 0) unpacked.size = filled
    else if (end - start < blockSizeMax) throw tooLarge(this.#sizeMax)
    else throw new CorruptData(`a block of more than ${blockSizeMax} bytes`)
    return true
  }
}

export const lz4: Codec = {
  compress(bytes) {
    const blocks = Math.ceil(bytes.length / blockBytes)
    const packed = new Uint8Array(7 + packedSizeMax(bytes.length) + 24 * blocks + 4)
    const view = new DataView(packed.buffer)
    view.setUint32(0, frameMagic, true)
    packed[4] = flags.version1 | flags.independent
    packed[5] = 4 << 4
    packed[6] = headerChecksum(packed, 4, 6)
    let out = 7
    for (let from = 0; from < bytes.length; from += blockBytes) {
      const to = Math.min(from + blockBytes, bytes.length)
      const at = out + 4
      out = packBlock(bytes, from, to, packed, at)
      let word = out - at
      if (word >= to - from) {
        packed.set(bytes.subarray(from, to), at)
        out = at + to - from
        word = to - from + notPacked
      }
      view.setUint32(at - 4, word, true)
    }
    view.setUint32(out, 0, true)
    return packed.slice(0, out + 4)
  },

  decompress(packed, sizeMax) {
    const frames = new FrameReader(packed, sizeMax)
    do frames.frame()
    while (!frames.atEnd)
    return frames.bytes()
  },
}
