import { zookeeperUnreadBytesMax } from '../../src/limits.ts'
import type { Clock, Socket } from '../../src/ports.ts'
import type { Latency } from './latency.ts'

/** What leaves a connection together. */
export interface Parcel {
  readonly chunks: readonly Uint8Array[]
  readonly bytes: number
  /** Requests that it answers, by when they came. */
  readonly answers: readonly { readonly askedAtMs: number; readonly count: number }[]
  /** Nothing comes behind it: our direction ends. */
  readonly isLast: boolean
}

/**
 * What one connection is to be sent, in the order in which it came about. It is taken as a parcel, and written once all that the
 * parcel tells of is safe.
 */
export class Outbox {
  readonly #socket: Socket
  readonly #clock: Clock
  readonly #latencies: readonly Latency[]
  readonly #written: () => void
  #chunks: Uint8Array[] = []
  #bytes = 0
  #answers: { askedAtMs: number; count: number }[] = []
  #isLast = false
  /** In parcels that were taken and not written. */
  #takenBytes = 0
  #outstanding = 0
  /** All was written that will be, or nothing can be any more. */
  #over = false

  /** @param written some of it has left, and there may be room for more */
  constructor(socket: Socket, clock: Clock, latencies: readonly Latency[], written: () => void) {
    this.#socket = socket
    this.#clock = clock
    this.#latencies = latencies
    this.#written = written
  }

  /** Requests whose answers have not been written. */
  get outstanding(): number {
    return this.#outstanding
  }

  /** What the peer has yet to take. */
  get unsentBytes(): number {
    return this.#bytes + this.#takenBytes + this.#socket.bufferedBytes
  }

  get isFull(): boolean {
    return this.unsentBytes > zookeeperUnreadBytesMax
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0 && !this.#isLast
  }

  add(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) {
      this.#chunks.push(chunk)
      this.#bytes += chunk.length
    }
  }

  /** @param askedAtMs when the request came */
  addAnswer(chunks: readonly Uint8Array[], askedAtMs: number): void {
    this.add(chunks)
    this.#outstanding++
    const last = this.#answers.at(-1)
    if (last?.askedAtMs === askedAtMs) last.count++
    else this.#answers.push({ askedAtMs, count: 1 })
  }

  /** Nothing more is added. */
  addEnd(): void {
    this.#isLast = true
  }

  take(): Parcel {
    const parcel: Parcel = {
      chunks: this.#chunks,
      bytes: this.#bytes,
      answers: this.#answers,
      isLast: this.#isLast,
    }
    this.#takenBytes += this.#bytes
    this.#chunks = []
    this.#bytes = 0
    this.#answers = []
    return parcel
  }

  /** In one write. Parcels are written in the order they were taken. */
  write({ chunks, bytes, answers, isLast }: Parcel): void {
    if (this.#over) return
    this.#takenBytes -= bytes
    const nowMs = this.#clock.now()
    for (const { askedAtMs, count } of answers) {
      this.#outstanding -= count
      for (const latency of this.#latencies) latency.add(nowMs - askedAtMs, count)
    }
    if (chunks.length > 0) this.#socket.write(chunks)
    if (!isLast) this.#written()
    else {
      this.#over = true
      this.#socket.end()
    }
  }

  /** The connection is gone, or to be gone: what waits is forgotten. */
  drop(): void {
    this.#over = true
    this.#chunks = []
    this.#answers = []
    this.#bytes = 0
  }
}
