/**
 * Snappy as Kafka's batches carry it: the framing of Java's snappy-java, big-endian.
 *
 *   82 'SNAPPY' 00 · version i32 · oldest compatible version i32 · (length i32 · block)*
 *
 * Some clients write one bare block instead, which is read too. After SnappyOutputStream and SnappyInputStream of
 * snappy-java.
 */
import { type Codec, CorruptData, tooLarge } from './codec.ts'
import { type BlockSize, blockSize, packBlock, packedSizeMax, unpackBlock } from './snappy-block.ts'

const magic = Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0)
const version = 1
const headerBytes = magic.length + 8
/** Unpacked bytes of a block: what Java's library writes unless told otherwise. */
const blockBytes = 32 * 1024

const hasMagic = (bytes: Uint8Array, at: number): boolean =>
  magic.every((byte, i) => bytes[at + i] === byte)

interface Block extends BlockSize {
  readonly end: number
}

/** The blocks of framed bytes, or the one bare block. */
function blocksOf(packed: Uint8Array): Block[] {
  const { length } = packed
  if (!hasMagic(packed, 0)) return [{ ...blockSize(packed, 0, length), end: length }]
  const view = new DataView(packed.buffer, packed.byteOffset, length)
  const blocks: Block[] = []
  let at = 0
  while (at < length) {
    // Streams may follow each other; a magic is no length, for its first bit is set.
    if (hasMagic(packed, at)) {
      if (headerBytes > length - at) throw new CorruptData('a header cut short')
      // Java looks no further, and some clients have written the version with the other end first.
      const found = view.getInt32(at + magic.length)
      if (found < version) throw new CorruptData(`framing of version ${found}`)
      at += headerBytes
      continue
    }
    const packedBytes = length - at < 4 ? -1 : view.getInt32(at)
    at += 4
    if (packedBytes < 0 || packedBytes > length - at) throw new CorruptData('a block cut short')
    const end = at + packedBytes
    blocks.push({ ...blockSize(packed, at, end), end })
    at = end
  }
  return blocks
}

export const snappy: Codec = {
  compress(bytes) {
    const blocks = Math.ceil(bytes.length / blockBytes)
    const packed = new Uint8Array(headerBytes + packedSizeMax(bytes.length) + 36 * blocks)
    const view = new DataView(packed.buffer)
    packed.set(magic)
    view.setInt32(magic.length, version)
    view.setInt32(magic.length + 4, version)
    let out = headerBytes
    for (let from = 0; from < bytes.length; from += blockBytes) {
      const to = Math.min(from + blockBytes, bytes.length)
      const end = packBlock(bytes, from, to, packed, out + 4)
      view.setInt32(out, end - out - 4)
      out = end
    }
    return packed.slice(0, out)
  },

  decompress(packed, sizeMax) {
    const blocks = blocksOf(packed)
    let total = 0
    for (const { size } of blocks) total += size
    if (total > sizeMax) throw tooLarge(sizeMax)
    const bytes = new Uint8Array(total)
    let place = 0
    for (const { elementsAt, end, size } of blocks) {
      unpackBlock(packed, elementsAt, end, bytes, place, size)
      place += size
    }
    return bytes
  },
}
