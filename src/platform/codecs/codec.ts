/** One way to pack bytes, both directions at once: no promise, so that a virtual clock owns every turn. */
export interface Codec {
  compress(bytes: Uint8Array): Uint8Array
  /** @throws CorruptData where the bytes are not this codec's, or would unpack to more than `sizeMax` */
  decompress(bytes: Uint8Array, sizeMax: number): Uint8Array
}

/** Packed bytes that cannot be unpacked. A fault of whoever packed them. */
export class CorruptData extends Error {
  override readonly name = 'CorruptData'
}

export const tooLarge = (sizeMax: number): CorruptData =>
  new CorruptData(`it unpacks to more than ${sizeMax} bytes`)
