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

/** Room for unpacked bytes whose number nobody knows beforehand. */
export class Unpacked {
  readonly #sizeMax: number
  #bytes: Uint8Array<ArrayBuffer>
  /** How much of it is filled. */
  size = 0

  /** @param sizeGuess what to make room for at first */
  constructor(sizeGuess: number, sizeMax: number) {
    this.#sizeMax = sizeMax
    this.#bytes = new Uint8Array(Math.min(sizeGuess, sizeMax))
  }

  /** All the room there is, filled or not; another array after each call of {@link reserve}. */
  get room(): Uint8Array {
    return this.#bytes
  }

  /**
   * Makes room for so many bytes more where the bound allows it. Where it does not, for as many as it allows: whoever
   * writes finds out how many they really are.
   */
  reserve(more: number): void {
    const needed = Math.min(this.size + more, this.#sizeMax)
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.min(Math.max(needed, 2 * this.#bytes.length), this.#sizeMax))
    grown.set(this.#bytes.subarray(0, this.size))
    this.#bytes = grown
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.size)
  }
}
