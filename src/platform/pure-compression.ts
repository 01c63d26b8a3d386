import type { Compression, CompressionName } from '../ports.ts'
import { type Codec, tooLarge } from './codecs/codec.ts'
import { lz4 } from './codecs/lz4.ts'
import { snappy } from './codecs/snappy.ts'

const none: Codec = {
  compress: bytes => bytes,
  decompress(bytes, sizeMax) {
    if (bytes.length > sizeMax) throw tooLarge(sizeMax)
    return bytes
  },
}

/** A platform's compression, made of the codecs it has. */
export function compressionOf(codecs: Partial<Record<CompressionName, Codec>>): Compression {
  const codec = (name: CompressionName): Codec => {
    const found = codecs[name]
    if (found === undefined)
      throw new Error(`this platform has no ${name}: give it a compression that has`)
    return found
  }
  return {
    supports: name => codecs[name] !== undefined,
    compress: (name, bytes) => codec(name).compress(bytes),
    decompress: (name, bytes, sizeMax) => codec(name).decompress(bytes, sizeMax),
  }
}

/** The codecs that are JavaScript alone, and so run in browsers. */
export const pureCodecs = { none, snappy, lz4 } as const

/** None, snappy and lz4. Browsers unpack gzip by streams only, which are promises, and zstd not at all. */
export const pureCompression = (): Compression => compressionOf(pureCodecs)
