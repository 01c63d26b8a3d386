/** How long requests took, in ms of the server's clock: from when their bytes came until their answers left (ServerStats). */
export class Latency {
  #count = 0
  #totalMs = 0
  #minMs = Number.POSITIVE_INFINITY
  #maxMs = 0
  /** Of the last request. */
  lastMs = 0

  add(durationMs: number, count = 1): void {
    const ms = Math.max(0, durationMs)
    this.#count += count
    this.#totalMs += ms * count
    this.#minMs = Math.min(this.#minMs, ms)
    this.#maxMs = Math.max(this.#maxMs, ms)
    this.lastMs = ms
  }

  /** As ZooKeeper prints it: whole ms, and the mean with up to four digits behind the point. */
  get printed(): { readonly min: string; readonly avg: string; readonly max: string } {
    const avg = this.#count === 0 ? 0 : Math.round((this.#totalMs / this.#count) * 10_000) / 10_000
    return {
      min: String(this.#count === 0 ? 0 : Math.floor(this.#minMs)),
      avg: Number.isInteger(avg) ? avg.toFixed(1) : String(avg),
      max: String(Math.floor(this.#maxMs)),
    }
  }

  reset(): void {
    this.#count = 0
    this.#totalMs = 0
    this.#minMs = Number.POSITIVE_INFINITY
    this.#maxMs = 0
    this.lastMs = 0
  }
}
