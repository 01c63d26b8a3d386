import { setWatchesBytesMax } from '../../src/limits.ts'
import type { WatchEvent } from './client.ts'

export type WatchKind = 'data' | 'exist' | 'child' | 'persistent' | 'persistentRecursive'

/**
 * What a client watches, so that it can say so again on its next connection: watches live on the connection, and what changed in
 * between must be told then (ZKWatchManager).
 */
export class RememberedWatches {
  readonly #data = new Set<string>()
  readonly #exist = new Set<string>()
  readonly #child = new Set<string>()
  readonly #persistent = new Set<string>()
  readonly #persistentRecursive = new Set<string>()

  get size(): number {
    let size = 0
    for (const paths of Object.values(this.#byKind())) size += paths.size
    return size
  }

  /** `exist`: data watches left where there was no node. */
  add(kind: WatchKind, path: string): void {
    this.#byKind()[kind].add(path)
  }

  /** One-shot: what was told is watched no more, unless it is watched persistently. */
  told({ kind, path }: Pick<WatchEvent, 'kind' | 'path'>): void {
    if (kind !== 'childrenChanged') {
      this.#data.delete(path)
      this.#exist.delete(path)
    }
    if (kind === 'childrenChanged' || kind === 'deleted') this.#child.delete(path)
  }

  /** What a server has removed. @param types as of `removeWatches` */
  removed(path: string, types: 'children' | 'data' | 'any'): void {
    if (types !== 'children') {
      this.#data.delete(path)
      this.#exist.delete(path)
    }
    if (types !== 'data') this.#child.delete(path)
    // ZooKeeper 3.8 takes half of a persistent watch away with either type; a half is nothing to come back to.
    this.#persistent.delete(path)
    this.#persistentRecursive.delete(path)
  }

  clear(): void {
    for (const paths of Object.values(this.#byKind())) paths.clear()
  }

  /** All of them, in messages of bounded size. */
  batches(): Record<WatchKind, string[]>[] {
    const batches: Record<WatchKind, string[]>[] = []
    let bytes = Number.POSITIVE_INFINITY
    for (const [kind, paths] of Object.entries(this.#byKind())) {
      for (const path of paths) {
        // At most three bytes of UTF-8 a character.
        const pathBytes = 4 + path.length * 3
        if (bytes + pathBytes > setWatchesBytesMax) {
          batches.push({ data: [], exist: [], child: [], persistent: [], persistentRecursive: [] })
          bytes = 0
        }
        bytes += pathBytes
        batches.at(-1)?.[kind as WatchKind].push(path)
      }
    }
    return batches
  }

  #byKind(): Record<WatchKind, Set<string>> {
    return {
      data: this.#data,
      exist: this.#exist,
      child: this.#child,
      persistent: this.#persistent,
      persistentRecursive: this.#persistentRecursive,
    }
  }
}
