/**
 * LZ4 as Kafka's batches carry it: LZ4's frame format, little-endian.
 *
 *   magic u32 · flags u8 · block size u8 · [content size u64] · checksum of the header u8
 *   (block length u32, its highest bit set where it is not packed · block · [checksum u32])* · 0 u32 · [checksum of the content u32]
 *
 * Written are independent blocks of 64 KiB without checksums, as Java does, for Java reads no others than independent ones.
 * After Lz4BlockOutputStream and the description of the frame format 1.6.
 */
import { type Codec, CorruptData, tooLarge } from './codec.ts'
import { blockSize, packBlock, packedSizeMax, unpackBlock } from './lz4-block.ts'
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

interface Block {
  /** Where it stands in the packed bytes. */
  readonly from: number
  readonly to: number
  readonly isPacked: boolean
  /** Unpacked bytes. */
  readonly size: number
}

interface Frame {
  readonly blocks: readonly Block[]
  /** Unpacked bytes. */
  readonly size: number
  readonly independent: boolean
  /** Of the unpacked bytes, where the frame has one. */
  readonly checksum: number | undefined
}

/** Takes frames apart, from front to back. Nothing is unpacked yet: the lengths tell how much that will be. */
class FrameReader {
  readonly #packed: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(packed: Uint8Array) {
    this.#packed = packed
    this.#view = new DataView(packed.buffer, packed.byteOffset, packed.length)
  }

  get atEnd(): boolean {
    return this.#at === this.#packed.length
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

  /** One frame; undefined for something to be passed over. */
  frame(): Frame | undefined {
    const magic = this.#uint32()
    if (magic >>> 4 === skippableMagic >>> 4) {
      this.#take(this.#uint32())
      return undefined
    }
    if (magic !== frameMagic) throw new CorruptData(`a frame of magic 0x${magic.toString(16)}`)
    const { flag, blockSizeMax, contentSize } = this.#header()
    const blocks: Block[] = []
    let size = 0
    for (;;) {
      const word = this.#uint32()
      if (word === 0) break
      const block = this.#block(word, blockSizeMax)
      if ((flag & flags.blockChecksums) !== 0)
        this.#check(xxhash32(this.#packed, block.from, block.to))
      blocks.push(block)
      size += block.size
    }
    if (contentSize >= 0 && size !== contentSize)
      throw new CorruptData(`${size} bytes instead of ${contentSize}`)
    const checksum = (flag & flags.contentChecksum) !== 0 ? this.#uint32() : undefined
    return { blocks, size, independent: (flag & flags.independent) !== 0, checksum }
  }

  /** @returns `contentSize` −1 where it is not told */
  #header(): { flag: number; blockSizeMax: number; contentSize: number } {
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
    }
    const end = this.#at
    if (packed[this.#take(1)] !== headerChecksum(packed, from, end))
      throw new CorruptData('the checksum of the header does not match')
    return { flag, blockSizeMax: 2 ** (8 + 2 * sizeId), contentSize }
  }

  #block(word: number, blockSizeMax: number): Block {
    const isPacked = word < notPacked
    const length = word % notPacked
    const from = this.#take(length)
    const to = this.#at
    const size = isPacked ? blockSize(this.#packed, from, to) : length
    if (size > blockSizeMax)
      throw new CorruptData(`a block of ${size} bytes, at most ${blockSizeMax} announced`)
    return { from, to, isPacked, size }
  }

  #check(checksum: number): void {
    if (this.#uint32() !== checksum) throw new CorruptData('the checksum of a block does not match')
  }
}

/** Unpacks a frame into `bytes` from `start` on. */
function unpackFrame(packed: Uint8Array, frame: Frame, bytes: Uint8Array, start: number): void {
  let place = start
  for (const { from, to, isPacked, size } of frame.blocks) {
    if (isPacked) unpackBlock(packed, from, to, bytes, place, frame.independent ? place : start)
    else bytes.set(packed.subarray(from, to), place)
    place += size
  }
  if (frame.checksum !== undefined && frame.checksum !== xxhash32(bytes, start, place))
    throw new CorruptData('the checksum of the content does not match')
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
    const reader = new FrameReader(packed)
    const frames: Frame[] = []
    let total = 0
    do {
      const frame = reader.frame()
      if (frame === undefined) continue
      frames.push(frame)
      total += frame.size
    } while (!reader.atEnd)
    if (total > sizeMax) throw tooLarge(sizeMax)
    const bytes = new Uint8Array(total)
    let place = 0
    for (const frame of frames) {
      unpackFrame(packed, frame, bytes, place)
      place += frame.size
    }
    return bytes
  },
}
