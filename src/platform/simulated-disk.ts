/**
 * A disk whose machine may die at any moment. What was not flushed is then lost, kept, torn or kept out of order, as chance has it:
 * all that POSIX leaves open to a file system, whether or not one makes use of it.
 *
 * - A file's bytes survive when the file was flushed after they were written, its name when its directory was.
 * - Of later writes any subset survives, in sectors; what is missing between them reads as zeros.
 * - A rename happens or does not; names made, moved and removed since their directory was flushed survive in any subset.
 */
import type { Clock, Disk, DiskFile, Random } from '../ports.ts'

/** What a disk writes as a whole. */
const sectorBytes = 512

/** The machine stopped at this call. It has no `code`: nobody is to take it for an answer of the disk. */
export class MachineStopped extends Error {
  override readonly name = 'MachineStopped'
}

export interface SimulatedDiskOptions {
  readonly random: Random
  /** All files together may hold this much; beyond it appending throws ENOSPC. */
  readonly bytesMax?: number
  /** Flushing in the background takes up to `flushMsMax` (default 10) of this clock; without one it is done at once. */
  readonly clock?: Clock
  readonly flushMsMax?: number
}

export interface SimulatedDisk extends Disk {
  /** Calls so far that change something or make it survive. */
  readonly writes: number
  /** The machine stops within the n-th such call from now (1: the next): it and all after it throw {@link MachineStopped}. */
  stopAt(call: number): void
  /** The machine is started again, with what has survived. Handles and locks of before are gone. */
  crash(): void
  /** From now on calls throw an error with this code: all, or only those that change something. Null: no more. */
  fail(code: 'EIO' | 'ENOSPC' | 'EROFS' | null, which?: 'all' | 'writes'): void
}

interface Write {
  readonly at: number
  readonly bytes: Uint8Array
}

/** A change of a file's bytes; a number: cut to this length. */
type Change = Write | number

/** Bytes that grow. */
class Content {
  #bytes = new Uint8Array(64)
  length = 0

  apply(change: Change): void {
    if (typeof change === 'number') {
      if (change >= this.length) return
      this.#bytes.fill(0, change, this.length)
      this.length = change
      return
    }
    const end = change.at + change.bytes.length
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, 2 * this.#bytes.length))
      grown.set(this.#bytes.subarray(0, this.length))
      this.#bytes = grown
    }
    this.#bytes.set(change.bytes, change.at)
    this.length = Math.max(this.length, end)
  }

  read(from: number, to: number): Uint8Array {
    return this.#bytes.slice(from, to)
  }

  clone(): Content {
    const other = new Content()
    other.apply({ at: 0, bytes: this.read(0, this.length) })
    return other
  }
}

class StoredFile {
  current = new Content()
  /** What survives for certain. */
  durable = new Content()
  pending: Change[] = []

  change(change: Change): void {
    this.current.apply(change)
    this.pending.push(change)
  }

  /** Makes the first changes survive. */
  flush(count: number): void {
    for (const change of this.pending.splice(0, count)) this.durable.apply(change)
  }
}

class Directory {
  current = new Map<string, StoredFile | Directory>()
  durable = new Map<string, StoredFile | Directory>()
}

/** Names that change together; undefined: the name goes. */
type Renaming = readonly {
  readonly directory: Directory
  readonly name: string
  readonly node: StoredFile | Directory | undefined
}[]

function failure(code: string, path: string): Error & { code: string } {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}

const namesOf = (path: string): string[] =>
  path.split('/').filter(name => name !== '' && name !== '.')

export function simulatedDisk(options: SimulatedDiskOptions): SimulatedDisk {
  return new Simulation(options)
}

class Simulation implements SimulatedDisk {
  readonly #random: Random
  readonly #options: SimulatedDiskOptions
  readonly #root = new Directory()
  #renamings: Renaming[] = []
  #failing: { code: string; which: 'all' | 'writes' } | null = null
  #stopped = false
  #stopAt = Number.POSITIVE_INFINITY
  #locked = false
  /** Handles of an earlier life are dead. */
  #life = 0
  writes = 0

  constructor(options: SimulatedDiskOptions) {
    this.#options = options
    this.#random = options.random
  }

  stopAt(call: number): void {
    this.#stopAt = this.writes + call
  }

  fail(code: string | null, which: 'all' | 'writes' = 'all'): void {
    this.#failing = code === null ? null : { code, which }
  }

  /** Before a call that only looks. */
  #look(path: string): void {
    if (this.#stopped) throw new MachineStopped(path)
    if (this.#failing?.which === 'all') throw failure(this.#failing.code, path)
  }

  /** Before a call that changes something. */
  #prepare(path: string): void {
    if (this.#stopped) throw new MachineStopped(path)
    if (this.#failing !== null) throw failure(this.#failing.code, path)
  }

  /** After it: the machine may have stopped meanwhile. */
  #changed(path: string): void {
    this.writes++
    if (this.writes < this.#stopAt) return
    this.#stopped = true
    throw new MachineStopped(`within call ${this.writes}: ${path}`)
  }

  #find(path: string): StoredFile | Directory | undefined {
    let node: StoredFile | Directory | undefined = this.#root
    for (const name of namesOf(path)) {
      if (!(node instanceof Directory)) return undefined
      node = node.current.get(name)
    }
    return node
  }

  #rename(renaming: Renaming): void {
    for (const { directory, name, node } of renaming) apply(directory.current, name, node)
    this.#renamings.push(renaming)
  }

  /** The directory that holds a path, made where it is missing, and the path's last name. */
  #enter(path: string): [Directory, string] {
    const names = namesOf(path)
    const last = names.pop()
    if (last === undefined) throw failure('EISDIR', path)
    let directory = this.#root
    for (const name of names) {
      let child = directory.current.get(name)
      if (child === undefined) {
        child = new Directory()
        this.#rename([{ directory, name, node: child }])
      }
      if (child instanceof StoredFile) throw failure('ENOTDIR', path)
      directory = child
    }
    return [directory, last]
  }

  open(path: string): DiskFile {
    this.#look(path)
    const known = this.#find(path)
    if (known instanceof Directory) throw failure('EISDIR', path)
    if (known !== undefined) return this.#handle(known, path)
    this.#prepare(path)
    const [directory, name] = this.#enter(path)
    const file = new StoredFile()
    this.#rename([{ directory, name, node: file }])
    this.#changed(path)
    return this.#handle(file, path)
  }

  exists(path: string): boolean {
    this.#look(path)
    return this.#find(path) !== undefined
  }

  list(path: string): readonly string[] {
    this.#look(path)
    const directory = this.#find(path)
    return directory instanceof Directory ? [...directory.current.keys()].sort() : []
  }

  rename(from: string, to: string): void {
    this.#prepare(from)
    const node = this.#find(from)
    if (node === undefined) throw failure('ENOENT', from)
    const [source, name] = this.#enter(from)
    const [target, newName] = this.#enter(to)
    if (source === target && name === newName) return
    this.#rename([
      { directory: source, name, node: undefined },
      { directory: target, name: newName, node },
    ])
    this.#changed(from)
  }

  remove(path: string): void {
    this.#prepare(path)
    const node = this.#find(path)
    if (node === undefined) return
    const [directory, name] = this.#enter(path)
    // One name after the other, as a system removes them: a crash may leave some.
    if (node instanceof Directory)
      for (const child of node.current.keys()) this.remove(`${path}/${child}`)
    this.#rename([{ directory, name, node: undefined }])
    this.#changed(path)
  }

  flushDirectory(path: string): void {
    this.#prepare(path)
    this.#changed(path)
    this.#settleDirectory(path)
  }

  #settleDirectory(path: string): void {
    const directory = this.#find(path)
    if (!(directory instanceof Directory)) return
    const isHere = (renaming: Renaming) => renaming.some(one => one.directory === directory)
    for (const renaming of this.#renamings) if (isHere(renaming)) settle(renaming)
    this.#renamings = this.#renamings.filter(renaming => !isHere(renaming))
  }

  flushLater(
    files: readonly DiskFile[],
    directories: readonly string[],
    done: (error: Error | null) => void,
  ): void {
    const flushes = files.map(file => (file as SimulatedFile).beginFlush())
    const life = this.#life
    const finish = (): void => {
      if (this.#stopped || this.#life !== life) return
      if (this.#failing !== null) {
        done(failure(this.#failing.code, 'flush'))
        return
      }
      for (const flush of flushes) flush()
      for (const path of directories) this.#settleDirectory(path)
      done(null)
    }
    const { clock, flushMsMax = 10 } = this.#options
    if (clock === undefined) finish()
    else clock.setTimeout(finish, Math.ceil(this.#random.next() * flushMsMax))
  }

  lock(): () => void {
    this.#look('.lock')
    if (this.#locked) throw failure('ELOCKED', 'this disk is in use by a running process')
    this.#locked = true
    const life = this.#life
    return () => {
      if (this.#life === life) this.#locked = false
    }
  }

  crash(): void {
    const survivors = this.#survivors(this.#renamings)
    for (const renaming of survivors) settle(renaming)
    this.#renamings = []
    this.#revive(this.#root)
    this.#life++
    this.#locked = false
    this.#stopped = false
    this.#stopAt = Number.POSITIVE_INFINITY
  }

  #revive(directory: Directory): void {
    directory.current = new Map(directory.durable)
    for (const node of directory.durable.values()) {
      if (node instanceof Directory) this.#revive(node)
      else this.#reviveFile(node)
    }
  }

  #reviveFile(file: StoredFile): void {
    const chance = this.#random.next()
    const { pending, durable } = file
    file.pending = []
    if (chance < 0.3) {
      for (const change of this.#survivors(pending)) durable.apply(change)
    } else if (chance < 0.6) {
      const count = Math.floor(this.#random.next() * (pending.length + 1))
      for (const change of pending.slice(0, count)) durable.apply(change)
      const torn = pending[count]
      if (torn !== undefined && typeof torn !== 'number') {
        const length = Math.floor(this.#random.next() * torn.bytes.length)
        durable.apply({ at: torn.at, bytes: torn.bytes.subarray(0, length) })
      }
    } else if (chance < 0.85) {
      for (const change of pending.flatMap(sectorsOf))
        if (this.#random.next() < 0.6) durable.apply(change)
    }
    file.current = durable.clone()
  }

  /** All, none, the first few, or any. */
  #survivors<T>(all: readonly T[]): readonly T[] {
    const chance = this.#random.next()
    if (chance < 0.2) return all
    if (chance < 0.4) return []
    if (chance < 0.7) return all.slice(0, Math.floor(this.#random.next() * (all.length + 1)))
    return all.filter(() => this.#random.next() < 0.5)
  }

  #bytesUsed(directory = this.#root): number {
    let bytes = 0
    for (const node of directory.current.values())
      bytes += node instanceof Directory ? this.#bytesUsed(node) : node.current.length
    return bytes
  }

  #handle(file: StoredFile, path: string): SimulatedFile {
    const life = this.#life
    let closed = false
    const check = (): void => {
      if (closed || this.#life !== life) throw failure('EBADF', path)
    }
    const changing = (change: () => void): void => {
      this.#prepare(path)
      check()
      change()
      this.#changed(path)
    }
    return {
      get length() {
        return file.current.length
      },
      append: chunks => {
        changing(() => {
          const bytes = joined(chunks)
          const { bytesMax } = this.#options
          if (bytesMax !== undefined && this.#bytesUsed() + bytes.length > bytesMax)
            throw failure('ENOSPC', path)
          file.change({ at: file.current.length, bytes })
        })
      },
      read: (position, length) => {
        this.#look(path)
        check()
        return file.current.read(position, Math.min(position + length, file.current.length))
      },
      write: (position, bytes) => {
        changing(() => {
          if (position < 0 || position + bytes.length > file.current.length)
            throw failure('EINVAL', path)
          file.change({ at: position, bytes: bytes.slice() })
        })
      },
      truncate: length => {
        if (length < file.current.length) changing(() => file.change(length))
        else check()
      },
      flush: () => {
        changing(() => {})
        file.flush(file.pending.length)
      },
      beginFlush: () => {
        changing(() => {})
        const content = file.pending.slice()
        // Those that a flush in between has not taken already.
        return () => file.flush(content.filter(change => file.pending.includes(change)).length)
      },
      close: () => {
        closed = true
      },
    }
  }
}

interface SimulatedFile extends DiskFile {
  /** Notes what is there now; the answer makes that survive. */
  beginFlush(): () => void
}

function apply<N>(entries: Map<string, N>, name: string, node: N | undefined): void {
  if (node === undefined) entries.delete(name)
  else entries.set(name, node)
}

function settle(renaming: Renaming): void {
  for (const { directory, name, node } of renaming) apply(directory.durable, name, node)
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

/** A write in pieces that do not cross the boundaries of sectors. */
function sectorsOf(change: Change): Change[] {
  if (typeof change === 'number') return [change]
  const { at, bytes } = change
  const pieces: Write[] = []
  for (let from = 0; from < bytes.length; ) {
    const length = sectorBytes - ((at + from) % sectorBytes)
    pieces.push({ at: at + from, bytes: bytes.subarray(from, from + length) })
    from += length
  }
  return pieces
}
