import { MalformedFrame } from '../binary/reader.ts'

/** The four bytes of length in front of a frame. */
const prefix = 4

/**
 * Frames out of a byte stream. A frame that arrives whole in one chunk is a part of that chunk; one
 * that spans chunks is put together once, when its last byte is there.
 */
export class FrameSplitter {
  readonly #frameBytesMax: number
  /** What has arrived of the frame begun, its length included. */
  #pieces: Uint8Array[] = []
  #piecesLength = 0
  /** The length of the frame begun; -1 while that is not known. */
  #frameLength = -1

  /** @param frameBytesMax a frame that announces more is refused before it has come */
  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax
  }

  /** Bytes that wait for the rest of their frame. */
  get pendingBytes(): number {
    return this.#piecesLength
  }

  /**
   * The frames that this chunk completes, without their lengths, in order. Throws MalformedFrame
   * for a length that cannot be; nothing can be read from the stream after that.
   */
  push(chunk: Uint8Array): Uint8Array[] {
    const frames: Uint8Array[] = []
    let at = 0
    while (at < chunk.length) {
      if (this.#piecesLength > 0) {
        at = this.#continue(chunk, at, frames)
        continue
      }
      const here = chunk.length - at
      if (here >= prefix) {
        const length = this.#checked(
          (chunk[at]! << 24) | (chunk[at + 1]! << 16) | (chunk[at + 2]! << 8) | chunk[at + 3]!,
        )
        if (here >= prefix + length) {
          frames.push(chunk.subarray(at + prefix, at + prefix + length))
          at += prefix + length
          continue
        }
        this.#frameLength = length
      }
      this.#keep(at === 0 ? chunk : chunk.subarray(at))
      break
    }
    return frames
  }

  /** Takes from the chunk what the frame begun still lacks; where the chunk is used up to. */
  #continue(chunk: Uint8Array, from: number, frames: Uint8Array[]): number {
    let at = from
    if (this.#frameLength < 0) {
      // The length itself came in parts; first only that.
      const lacking = prefix - this.#piecesLength
      at = Math.min(chunk.length, from + lacking)
      this.#keep(chunk.subarray(from, at))
      if (this.#piecesLength < prefix) return at
      const head = this.#joined()
      this.#frameLength = this.#checked(
        (head[0]! << 24) | (head[1]! << 16) | (head[2]! << 8) | head[3]!,
      )
      this.#pieces = [head]
      if (this.#frameLength > 0) return at
    } else {
      const lacking = prefix + this.#frameLength - this.#piecesLength
      at = Math.min(chunk.length, from + lacking)
      this.#keep(chunk.subarray(from, at))
    }
    if (this.#piecesLength === prefix + this.#frameLength) {
      frames.push(this.#joined().subarray(prefix))
      this.#pieces = []
      this.#piecesLength = 0
      this.#frameLength = -1
    }
    return at
  }

  #keep(piece: Uint8Array): void {
    this.#pieces.push(piece)
    this.#piecesLength += piece.length
  }

  #joined(): Uint8Array {
    const whole = new Uint8Array(this.#piecesLength)
    let at = 0
    for (const piece of this.#pieces) {
      whole.set(piece, at)
      at += piece.length
    }
    return whole
  }

  #checked(length: number): number {
    if (length < 0 || length > this.#frameBytesMax)
      throw new MalformedFrame(`a frame of ${length} bytes; at most ${this.#frameBytesMax}`)
    return length
  }
}
