/**
 * A node's files in memory. They outlive the handles, as files outlive a process.
 *
 * A file is a list of chunks that never move and are only written beyond what has been handed out, so that
 * a read is a view of a chunk and stays valid for ever: an append writes behind it, a truncation seals
 * the chunk, a write inside the file replaces the chunk by a copy.
 */
import type { Disk, DiskFile } from '../ports.ts'

/** The first chunk of a file is small (most files are checkpoints and indexes) … */
const chunkBytesMin = 1024
/** … and each next one twice as large up to this, so that a fetch of 1 MiB rarely spans two. What is not written takes no memory yet. */
const chunkBytesMax = 4 * 1024 * 1024

/** An append this large that does not fit begins a new chunk, so that a large batch never spans two. */
const wholeBytesMin = 256 * 1024

interface Chunk {
  /** Position in the file of its first byte. */
  readonly start: number
  bytes: Uint8Array
  used: number
  sealed: boolean
}

interface StoredFile {
  readonly kind: 'file'
  readonly chunks: Chunk[]
  length: number
  removed: boolean
}

interface Directory {
  readonly kind: 'directory'
  readonly children: Map<string, StoredFile | Directory>
}

/** What the files of a disk take together, and may. */
interface Space {
  bytesUsed: number
  readonly bytesMax: number
  locked: boolean
}

export interface MemoryDisk extends Disk {
  /** Bytes of all files. */
  readonly bytesUsed: number
}

export interface MemoryDiskOptions {
  /** All files together may hold this much; beyond it appending throws an error with code ENOSPC. */
  readonly bytesMax?: number
}

/** A fresh, empty disk. */
export function memoryDisk(options: MemoryDiskOptions = {}): MemoryDisk {
  const root: Directory = { kind: 'directory', children: new Map() }
  const bytesMax = options.bytesMax ?? Number.POSITIVE_INFINITY
  const space: Space = { bytesUsed: 0, bytesMax, locked: false }

  return {
    get bytesUsed() {
      return space.bytesUsed
    },
    open(path) {
      const [directory, name] = enter(root, path, true)
      let file = directory?.children.get(name)
      if (file?.kind === 'directory') throw failure('EISDIR', path)
      if (file === undefined) {
        file = { kind: 'file', chunks: [], length: 0, removed: false }
        directory?.children.set(name, file)
      }
      return handle(file, space, path)
    },
    exists: path => find(root, path) !== undefined,
    list(path) {
      const directory = find(root, path)
      return directory?.kind === 'directory' ? [...directory.children.keys()].sort() : []
    },
    rename(from, to) {
      const moved = find(root, from)
      if (moved === undefined) throw failure('ENOENT', from)
      const [source, name] = enter(root, from, false)
      const [target, newName] = enter(root, to, true)
      const replaced = target?.children.get(newName)
      if (replaced === moved) return
      if (replaced !== undefined) forget(replaced, space)
      source?.children.delete(name)
      target?.children.set(newName, moved)
    },
    remove(path) {
      const [directory, name] = enter(root, path, false)
      const removed = directory?.children.get(name)
      if (removed === undefined) return
      forget(removed, space)
      directory?.children.delete(name)
    },
    flushDirectory() {},
    flushLater: (_files, _directories, done) => done(null),
    lock() {
      if (space.locked) throw failure('ELOCKED', 'this disk is in use by a running process')
      space.locked = true
      return () => {
        space.locked = false
      }
    },
  }
}

const names = (path: string): string[] =>
  path.split('/').filter(name => name !== '' && name !== '.')

function find(root: Directory, path: string): StoredFile | Directory | undefined {
  let node: StoredFile | Directory | undefined = root
  for (const name of names(path)) {
    if (node?.kind !== 'directory') return undefined
    node = node.children.get(name)
  }
  return node
}

/** The directory that holds a path, and the path's last name. */
function enter(root: Directory, path: string, make: boolean): [Directory | undefined, string] {
  const parts = names(path)
  const last = parts.pop()
  if (last === undefined) throw failure('EISDIR', path)
  let directory = root
  for (const name of parts) {
    let child = directory.children.get(name)
    if (child === undefined) {
      if (!make) return [undefined, last]
      child = { kind: 'directory', children: new Map() }
      directory.children.set(name, child)
    }
    if (child.kind === 'file') throw failure('ENOTDIR', path)
    directory = child
  }
  return [directory, last]
}

function forget(node: StoredFile | Directory, space: Space): void {
  if (node.kind === 'directory') {
    for (const child of node.children.values()) forget(child, space)
  } else {
    node.removed = true
    space.bytesUsed -= node.length
  }
}

function failure(code: string, path: string): Error & { code: string } {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}

function handle(file: StoredFile, space: Space, path: string): DiskFile {
  let closed = false
  const open = () => {
    if (closed) throw failure('EBADF', path)
  }
  return {
    get length() {
      return file.length
    },
    append(chunks) {
      open()
      let bytes = 0
      for (const chunk of chunks) bytes += chunk.length
      if (!file.removed) {
        if (space.bytesUsed + bytes > space.bytesMax) throw failure('ENOSPC', path)
        space.bytesUsed += bytes
      }
      if (bytes >= wholeBytesMin) makeRoom(file, bytes)
      for (const chunk of chunks) add(file, chunk)
    },
    read(position, length) {
      open()
      const end = Math.min(position + length, file.length)
      return position >= end ? empty : read(file, position, end)
    },
    write(position, bytes) {
      open()
      if (position < 0 || position + bytes.length > file.length) throw failure('EINVAL', path)
      if (bytes.length > 0) overwrite(file, position, bytes)
    },
    truncate(length) {
      open()
      if (length >= file.length) return
      if (!file.removed) space.bytesUsed -= file.length - length
      cut(file, length)
    },
    flush: open,
    close() {
      closed = true
    },
  }
}

const empty = new Uint8Array(0)

/** Sees to it that the next `bytes` go into one chunk. */
function makeRoom(file: StoredFile, bytes: number): void {
  const last = file.chunks.at(-1)
  if (last !== undefined && !last.sealed && last.bytes.length - last.used >= bytes) return
  if (last !== undefined) last.sealed = true
  addChunk(file, bytes)
}

function addChunk(file: StoredFile, bytes: number): Chunk {
  const grown = Math.max(chunkBytesMin, 2 * (file.chunks.at(-1)?.bytes.length ?? 0))
  const size = Math.max(bytes, Math.min(grown, chunkBytesMax))
  const chunk = { start: file.length, bytes: new Uint8Array(size), used: 0, sealed: false }
  file.chunks.push(chunk)
  return chunk
}

function add(file: StoredFile, bytes: Uint8Array): void {
  let from = 0
  while (from < bytes.length) {
    let chunk = file.chunks.at(-1)
    if (chunk === undefined || chunk.sealed || chunk.used === chunk.bytes.length) {
      chunk = addChunk(file, Math.min(bytes.length - from, chunkBytesMax))
    }
    const part = Math.min(bytes.length - from, chunk.bytes.length - chunk.used)
    const whole = part === bytes.length
    chunk.bytes.set(whole ? bytes : bytes.subarray(from, from + part), chunk.used)
    chunk.used += part
    file.length += part
    from += part
  }
}

/** Index of the chunk that holds a position inside the file. */
function chunkAt(file: StoredFile, position: number): number {
  let low = 0
  let high = file.chunks.length - 1
  // Readers are mostly at the end.
  if ((file.chunks[high] as Chunk).start <= position) return high
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if ((file.chunks[middle] as Chunk).start <= position) low = middle
    else high = middle - 1
  }
  return low
}

function read(file: StoredFile, position: number, end: number): Uint8Array {
  let index = chunkAt(file, position)
  const first = file.chunks[index] as Chunk
  if (end <= first.start + first.used) {
    return first.bytes.subarray(position - first.start, end - first.start)
  }
  const joined = new Uint8Array(end - position)
  let at = position
  while (at < end) {
    const { start, bytes, used } = file.chunks[index++] as Chunk
    const until = Math.min(end, start + used)
    joined.set(bytes.subarray(at - start, until - start), at - position)
    at = until
  }
  return joined
}

function overwrite(file: StoredFile, position: number, bytes: Uint8Array): void {
  let at = 0
  for (let index = chunkAt(file, position); at < bytes.length; index++) {
    const chunk = file.chunks[index] as Chunk
    const from = position + at - chunk.start
    const part = Math.min(bytes.length - at, chunk.used - from)
    chunk.bytes = chunk.bytes.slice()
    chunk.bytes.set(bytes.subarray(at, at + part), from)
    at += part
  }
}

function cut(file: StoredFile, length: number): void {
  while (file.chunks.length > 0 && (file.chunks.at(-1) as Chunk).start >= length) file.chunks.pop()
  const last = file.chunks.at(-1)
  if (last !== undefined && last.start + last.used > length) {
    last.used = length - last.start
    last.sealed = true
  }
  file.length = length
}
