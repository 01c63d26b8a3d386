/**
 * Who is told about which change (WatchManager): two tables, of data and of children, from a path to those who watch it. A
 * standard watch goes when it fires; a persistent one stays; a recursive one sees all below its path too.
 *
 * Standard and persistent watches of one watcher on one path do not touch each other (ZOOKEEPER-4466, ZooKeeper 3.9).
 */
import type { Zxid } from '../ids.ts'
import type { Change, DataTree } from './data-tree.ts'
import { parentPath } from './znode-path.ts'

/** Who watches; opaque here: a connection's number. */
export type Watcher = number

export type WatchMode = 'standard' | 'persistent' | 'recursive'

/** What a watcher is told. */
export interface Notification {
  readonly watcher: Watcher
  readonly kind: Change['kind']
  readonly path: string
}

/** What a client that comes back had watched; see {@link Watches.restore}. */
export interface Remembered {
  readonly relativeZxid: Zxid
  readonly data: readonly string[]
  readonly exist: readonly string[]
  readonly child: readonly string[]
  readonly persistent: readonly string[]
  readonly persistentRecursive: readonly string[]
}

/** 1 children, 2 data, 3 any, as in checkWatches and removeWatches. */
export type WatcherType = 1 | 2 | 3

class WatchTable {
  readonly #byPath = new Map<string, Map<Watcher, Set<WatchMode>>>()
  readonly #byWatcher = new Map<Watcher, Set<string>>()
  #recursiveCount = 0
  size = 0

  add(path: string, watcher: Watcher, mode: WatchMode): void {
    const watchers = this.#byPath.get(path) ?? new Map<Watcher, Set<WatchMode>>()
    this.#byPath.set(path, watchers)
    const modes = watchers.get(watcher) ?? new Set<WatchMode>()
    watchers.set(watcher, modes)
    if (modes.has(mode)) return
    modes.add(mode)
    this.size++
    if (mode === 'recursive') this.#recursiveCount++
    const paths = this.#byWatcher.get(watcher) ?? new Set()
    this.#byWatcher.set(watcher, paths.add(path))
  }

  remove(path: string, watcher: Watcher, mode: WatchMode): boolean {
    const watchers = this.#byPath.get(path)
    const modes = watchers?.get(watcher)
    if (watchers === undefined || !modes?.delete(mode)) return false
    this.size--
    if (mode === 'recursive') this.#recursiveCount--
    if (modes.size > 0) return true
    watchers.delete(watcher)
    if (watchers.size === 0) this.#byPath.delete(path)
    const paths = this.#byWatcher.get(watcher)
    paths?.delete(path)
    if (paths?.size === 0) this.#byWatcher.delete(watcher)
    return true
  }

  removeAll(path: string, watcher: Watcher): boolean {
    const modes = [...(this.#byPath.get(path)?.get(watcher) ?? [])]
    for (const mode of modes) this.remove(path, watcher, mode)
    return modes.length > 0
  }

  forget(watcher: Watcher): void {
    for (const path of [...this.pathsOf(watcher)]) this.removeAll(path, watcher)
  }

  has(path: string, watcher: Watcher): boolean {
    return this.#byPath.get(path)?.has(watcher) ?? false
  }

  pathsOf(watcher: Watcher): ReadonlySet<string> {
    return this.#byWatcher.get(watcher) ?? new Set()
  }

  get watchers(): readonly Watcher[] {
    return [...this.#byWatcher.keys()]
  }

  get paths(): readonly string[] {
    return [...this.#byPath.keys()]
  }

  watchersOf(path: string): readonly Watcher[] {
    return [...(this.#byPath.get(path)?.keys() ?? [])]
  }

  /** Whom a change tells, each once. */
  fire(path: string, kind: Change['kind']): Set<Watcher> {
    const told = new Set<Watcher>()
    for (const [watcher, modes] of [...(this.#byPath.get(path) ?? [])]) {
      if (modes.has('standard') || modes.has('persistent')) told.add(watcher)
      // Of a child's coming and going a recursive watch hears from the child itself.
      else if (kind !== 'childrenChanged') told.add(watcher)
      this.remove(path, watcher, 'standard')
    }
    if (this.#recursiveCount === 0 || kind === 'childrenChanged') return told
    for (let above = path; above !== '/'; ) {
      above = parentPath(above)
      for (const [watcher, modes] of this.#byPath.get(above) ?? [])
        if (modes.has('recursive')) told.add(watcher)
    }
    return told
  }
}

const noWatchers: ReadonlySet<Watcher> = new Set()

export class Watches {
  readonly #data = new WatchTable()
  readonly #child = new WatchTable()

  /** Watches set, a persistent one counting twice as in ZooKeeper. */
  get size(): number {
    return this.#data.size + this.#child.size
  }

  /** Everybody who watches something. */
  get watchers(): readonly Watcher[] {
    return [...new Set([...this.#data.watchers, ...this.#child.watchers])]
  }

  /** Every path that is watched. */
  get paths(): readonly string[] {
    return [...new Set([...this.#data.paths, ...this.#child.paths])]
  }

  pathsOf(watcher: Watcher): readonly string[] {
    return [...new Set([...this.#data.pathsOf(watcher), ...this.#child.pathsOf(watcher)])]
  }

  /** What one watcher watches, a persistent watch counted twice. */
  countOf(watcher: Watcher): number {
    return this.#data.pathsOf(watcher).size + this.#child.pathsOf(watcher).size
  }

  watchersOf(path: string): readonly Watcher[] {
    return [...new Set([...this.#data.watchersOf(path), ...this.#child.watchersOf(path)])]
  }

  /** A one-shot watch, as left by getData and exists (`data`) or getChildren (`child`). */
  add(table: 'data' | 'child', path: string, watcher: Watcher): void {
    if (table === 'data') this.#data.add(path, watcher, 'standard')
    else this.#child.add(path, watcher, 'standard')
  }

  addPersistent(path: string, watcher: Watcher, mode: 'persistent' | 'recursive'): void {
    this.#data.add(path, watcher, mode)
    this.#child.add(path, watcher, mode)
  }

  has(path: string, watcher: Watcher, type: WatcherType): boolean {
    return (
      (type !== 1 && this.#data.has(path, watcher)) ||
      (type !== 2 && this.#child.has(path, watcher))
    )
  }

  /** False where there was none. */
  remove(path: string, watcher: Watcher, type: WatcherType): boolean {
    const data = type !== 1 && this.#data.removeAll(path, watcher)
    const child = type !== 2 && this.#child.removeAll(path, watcher)
    return data || child
  }

  /** Its connection is gone, and with it its watches. */
  forget(watcher: Watcher): void {
    this.#data.forget(watcher)
    this.#child.forget(watcher)
  }

  /** Whom a transaction's changes tell of what, in order. */
  fire(changes: readonly Change[]): Notification[] {
    const told: Notification[] = []
    // A deleted node's data and child watchers are told once.
    let deleted: ReadonlySet<Watcher> = noWatchers
    const tell = (watchers: ReadonlySet<Watcher>, { kind, path }: Change): void => {
      for (const watcher of watchers) told.push({ watcher, kind, path })
    }
    for (const change of changes) {
      const { kind, path } = change
      if (kind === 'childrenChanged') tell(this.#child.fire(path, kind), change)
      else {
        deleted = this.#data.fire(path, kind)
        tell(deleted, change)
      }
      if (kind !== 'deleted') continue
      const more = this.#child.fire(path, kind)
      for (const watcher of deleted) more.delete(watcher)
      tell(more, change)
    }
    return told
  }

  /**
   * Sets anew what a client watched on its last connection, and answers with what it missed: changes after the last zxid it
   * saw (DataTree.setWatches).
   */
  restore(tree: DataTree, watcher: Watcher, remembered: Remembered): Notification[] {
    const missed: Notification[] = []
    const { relativeZxid } = remembered
    for (const path of remembered.data) {
      const node = tree.node(path)
      if (node === undefined) missed.push({ watcher, kind: 'deleted', path })
      else if (node.mzxid > relativeZxid) missed.push({ watcher, kind: 'dataChanged', path })
      else this.add('data', path, watcher)
    }
    for (const path of remembered.exist) {
      if (tree.node(path) !== undefined) missed.push({ watcher, kind: 'created', path })
      else this.add('data', path, watcher)
    }
    for (const path of remembered.child) {
      const node = tree.node(path)
      if (node === undefined) missed.push({ watcher, kind: 'deleted', path })
      else if (node.pzxid > relativeZxid) missed.push({ watcher, kind: 'childrenChanged', path })
      else this.add('child', path, watcher)
    }
    for (const path of remembered.persistent) this.addPersistent(path, watcher, 'persistent')
    for (const path of remembered.persistentRecursive)
      this.addPersistent(path, watcher, 'recursive')
    return missed
  }
}
