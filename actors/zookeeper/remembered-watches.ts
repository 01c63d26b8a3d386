import { setWatchesBytesMax } from '../../src/limits.ts'
import type { Remembered } from '../../src/zookeeper/watches.ts'
import type { WatchEvent } from './client.ts'

/**
 * What a client watches, so that it can say so again on its next connection: watches live on the connection, and what changed in
 * between must be told then (ZKWatchManager).
 */
export class RememberedWatches {
  readonly #data = new Set<string>()
  readonly #exist = new Set<string>()
  readonly #child = new Set<string>()

  get size(): number {
    return this.#data.size + this.#exist.size + this.#child.size
  }

  /** `exist`: data watches left where there was no node. */
  add(kind: 'data' | 'exist' | 'child', path: string): void {
    if (kind === 'data') this.#data.add(path)
    else if (kind === 'exist') this.#exist.add(path)
    else this.#child.add(path)
  }

  /** One-shot: what was told is watched no more. */
  told({ kind, path }: Pick<WatchEvent, 'kind' | 'path'>): void {
    if (kind !== 'childrenChanged') {
      this.#data.delete(path)
      this.#exist.delete(path)
    }
    if (kind === 'childrenChanged' || kind === 'deleted') this.#child.delete(path)
  }

  clear(): void {
    this.#data.clear()
    this.#exist.clear()
    this.#child.clear()
  }

  /** All of them, in messages of bounded size. */
  batches(): Pick<Remembered, 'data' | 'exist' | 'child'>[] {
    const batches: { data: string[]; exist: string[]; child: string[] }[] = []
    let bytes = Number.POSITIVE_INFINITY
    const kinds = { data: this.#data, exist: this.#exist, child: this.#child }
    for (const kind of ['data', 'exist', 'child'] as const) {
      for (const path of kinds[kind]) {
        // At most three bytes of UTF-8 a character.
        const pathBytes = 4 + path.length * 3
        if (bytes + pathBytes > setWatchesBytesMax) {
          batches.push({ data: [], exist: [], child: [] })
          bytes = 0
        }
        bytes += pathBytes
        batches.at(-1)?.[kind].push(path)
      }
    }
    return batches
  }
}
