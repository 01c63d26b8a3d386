import { MalformedFrame } from '../binary/reader.ts'
import type { CompressionName } from '../ports.ts'

export type { Compression, CompressionName } from '../ports.ts'

/** Codecs by the low three bits of a batch's attributes. */
export const compressionNames = [
  'none',
  'gzip',
  'snappy',
  'lz4',
  'zstd',
] as const satisfies readonly CompressionName[]

/** Packed records that their codec cannot read, or that unpack to more than anybody takes. */
export class CorruptCompression extends MalformedFrame {}

/** Packed records by a codec that nobody defined, or that this platform does not have. Perhaps they are sound. */
export class UnsupportedCompression extends MalformedFrame {}
