/** Codecs by the low three bits of a batch's attributes. */
export const compressionNames = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

export type CompressionName = (typeof compressionNames)[number]

/**
 * A platform's codecs. A broker passes batches on as they are; only who looks inside needs this.
 * `decompress` throws where the bytes are not of the codec or exceed `sizeMax` when unpacked.
 */
export interface Compression {
  compress(codec: CompressionName, bytes: Uint8Array): Uint8Array
  decompress(codec: CompressionName, bytes: Uint8Array, sizeMax: number): Uint8Array
}
