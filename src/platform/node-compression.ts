import zlib from 'node:zlib'
import type { Compression } from '../ports.ts'
import { type Codec, CorruptData, tooLarge } from './codecs/codec.ts'
import { compressionOf, pureCodecs } from './pure-compression.ts'

/** A Buffer slices differently from what its type says; nobody above expects one. */
const plain = ({ buffer, byteOffset, length }: Buffer): Uint8Array =>
  new Uint8Array(buffer, byteOffset, length)

/** zlib's answer, or its error as a fault of the bytes. A bound of 0 is none to zlib. */
function unpacked<T>(sizeMax: number, unpack: (maxOutputLength: number) => T): T {
  try {
    return unpack(Math.max(sizeMax, 1))
  } catch (error) {
    if (!(error instanceof Error)) throw error
    throw 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
      ? tooLarge(sizeMax)
      : new CorruptData(error.message)
  }
}

const gzip: Codec = {
  compress: bytes => plain(zlib.gzipSync(bytes)),
  decompress(packed, sizeMax) {
    const bytes = unpacked(sizeMax, maxOutputLength => zlib.gunzipSync(packed, { maxOutputLength }))
    if (bytes.length > sizeMax) throw tooLarge(sizeMax)
    return plain(bytes)
  },
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** What `info` adds to an answer of zlib: who gave it. */
interface Info {
  readonly buffer: Buffer
  readonly engine: { readonly bytesWritten: number }
}

const zstd: Codec = {
  // The frame tells its size, so that readers can make room at once.
  compress: bytes => plain(zlib.zstdCompressSync(bytes, { pledgedSrcSize: bytes.length })),
  decompress(packed, sizeMax) {
    // Node reads one frame and passes over what follows in silence; there may be more frames.
    const frames: Uint8Array[] = []
    let size = 0
    let rest = packed
    do {
      const { buffer, engine } = unpacked(sizeMax - size, maxOutputLength => {
        const options = { maxOutputLength, info: true }
        // reason: the types do not know what `info` does
        return zlib.zstdDecompressSync(rest, options) as unknown as Info
      })
      frames.push(plain(buffer))
      size += buffer.length
      if (engine.bytesWritten === 0) throw new CorruptData('a frame of no bytes')
      rest = rest.subarray(engine.bytesWritten)
    } while (rest.length > 0)
    if (size > sizeMax) throw tooLarge(sizeMax)
    return frames.length === 1 ? frames[0]! : joined(frames, size)
  },
}

/** All codecs that Kafka's batches may name. */
export const nodeCompression = (): Compression => compressionOf({ ...pureCodecs, gzip, zstd })
