/**
 * A node's files in a directory of this machine, by synchronous calls: a batched synchronous write costs a tenth of an awaited one.
 * Only what takes long (making much survive) is done in the background.
 */
import {
  close,
  closeSync,
  existsSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  open,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  writeSync,
  writevSync,
} from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'
import type { Disk, DiskFile } from '../ports.ts'
import { lockDirectory } from './directory-lock.ts'
import { type DescribedFile, FileDescriptors } from './file-descriptors.ts'

export interface FileDiskOptions {
  /** Shared by the disks of a process. */
  readonly descriptors?: FileDescriptors
}

/** A file that is in use, whoever opened it how often. */
interface OpenFile extends DescribedFile {
  length: number
  handles: number
  /** Removed or replaced: what its name leads to now is another. */
  gone: boolean
}

type Failure = NodeJS.ErrnoException

const codeOf = (error: unknown): string | undefined => (error as Failure).code

function failure(code: string, path: string): Error & { code: string } {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}

/**
 * The files below a directory, which is made where it is missing.
 *
 * @throws what the system says, with its `code`: EACCES, EROFS, ENOTDIR …; so does every call
 */
export function fileDisk(directory: string, options: FileDiskOptions = {}): Disk {
  const descriptors = options.descriptors ?? new FileDescriptors()
  const files = new Map<string, OpenFile>()
  mkdirSync(directory, { recursive: true })

  const at = (path: string): string => {
    const names = path.split('/').filter(name => name !== '' && name !== '.')
    if (names.includes('..')) throw failure('EINVAL', path)
    return join(directory, ...names)
  }
  const below = (path: string): OpenFile[] =>
    [...files.values()].filter(file => file.path === path || file.path.startsWith(path + sep))
  const forget = (path: string): void => {
    for (const file of below(path)) {
      files.delete(file.path)
      file.gone = true
      descriptors.close(file)
    }
  }

  return {
    open(path) {
      const full = at(path)
      let file = files.get(full)
      if (file === undefined) {
        file = { path: full, length: 0, handles: 0, gone: false }
        file.length = fstatSync(make(file, descriptors)).size
        files.set(full, file)
      }
      file.handles++
      return new FileHandle(file, descriptors, closed => {
        closed.handles--
        if (closed.handles > 0) return
        if (files.get(closed.path) === closed) files.delete(closed.path)
        descriptors.close(closed)
      })
    },
    exists: path => existsSync(at(path)),
    list(path) {
      try {
        return readdirSync(at(path)).sort()
      } catch (error) {
        if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return []
        throw error
      }
    },
    rename(from, to) {
      const source = at(from)
      const target = at(to)
      if (source === target) return
      moveOver(source, target)
      forget(target)
      for (const file of below(source)) {
        files.delete(file.path)
        file.path = target + file.path.slice(source.length)
        files.set(file.path, file)
      }
    },
    remove(path) {
      const full = at(path)
      forget(full)
      rmSync(full, { recursive: true, force: true })
    },
    flushDirectory: path => flushDirectory(at(path)),
    flushLater(handles, directories, done) {
      let waiting = handles.length + directories.length
      let failed: Error | null = null
      if (waiting === 0) done(null)
      const one = (error: Error | null): void => {
        failed ??= error
        waiting--
        if (waiting === 0) done(failed)
      }
      for (const handle of handles) (handle as FileHandle).flushLater(one)
      for (const path of directories) flushDirectoryLater(at(path), one)
    },
    volume() {
      const { blocks, bavail, bsize } = statfsSync(directory)
      const bytes = { totalBytes: blocks * bsize, usableBytes: bavail * bsize }
      return { directory: resolve(directory), ...bytes }
    },
    lock: () => {
      // Somebody may have removed it since the life before.
      mkdirSync(directory, { recursive: true })
      const unlock = lockDirectory(directory)
      // What that life had open it closes no more; and who knows what became of the files meanwhile.
      for (const path of [...files.keys()]) forget(path)
      return unlock
    },
  }
}

/** Opens a file, making it and its directories where they are missing. */
function make(file: DescribedFile, descriptors: FileDescriptors): number {
  try {
    return descriptors.make(file)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
    mkdirSync(dirname(file.path), { recursive: true })
    return descriptors.make(file)
  }
}

/** Replaces what stands at `target`, be it a directory with something in it. */
function moveOver(source: string, target: string): void {
  try {
    renameSync(source, target)
  } catch (error) {
    if (!existsSync(source)) throw error
    mkdirSync(dirname(target), { recursive: true })
    if (codeOf(error) !== 'ENOENT') rmSync(target, { recursive: true, force: true })
    renameSync(source, target)
  }
}

function flushDirectory(path: string): void {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    if (isFlushless(error)) return
    throw error
  }
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

function flushDirectoryLater(path: string, done: (error: Error | null) => void): void {
  open(path, 'r', (error, fd) => {
    if (error !== null) done(isFlushless(error) ? null : error)
    else fsync(fd, failed => close(fd, () => done(failed)))
  })
}

/** What is not there has nothing to lose; Windows opens no directories and needs none of this. */
const isFlushless = (error: unknown): boolean =>
  codeOf(error) === 'ENOENT' || process.platform === 'win32'

class FileHandle implements DiskFile {
  readonly #file: OpenFile
  readonly #descriptors: FileDescriptors
  readonly #closed: (file: OpenFile) => void
  #isOpen = true

  constructor(file: OpenFile, descriptors: FileDescriptors, closed: (file: OpenFile) => void) {
    this.#file = file
    this.#descriptors = descriptors
    this.#closed = closed
  }

  get length(): number {
    return this.#file.length
  }

  get #fd(): number {
    this.#check()
    return this.#descriptors.of(this.#file)
  }

  #check(): void {
    if (!this.#isOpen || this.#file.gone) throw failure('EBADF', this.#file.path)
  }

  append(chunks: readonly Uint8Array[]): void {
    const fd = this.#fd
    const start = this.#file.length
    try {
      this.#file.length = start + writeAll(fd, chunks, start)
    } catch (error) {
      // As if nothing had been written. Where even that fails, what is beyond the length is written over.
      try {
        ftruncateSync(fd, start)
      } catch {}
      throw error
    }
  }

  read(position: number, length: number): Uint8Array {
    const fd = this.#fd
    const size = Math.min(length, this.#file.length - position)
    if (size <= 0) return empty
    // Not from the pool: what is sent must not hold 8 KiB of others' bytes, nor be written to by them.
    const bytes = Buffer.allocUnsafeSlow(size)
    let got = 0
    while (got < size) {
      const count = readSync(fd, bytes, got, size - got, position + got)
      if (count === 0) throw failure('EIO', `${this.#file.path} is shorter than it was`)
      got += count
    }
    return bytes
  }

  write(position: number, bytes: Uint8Array): void {
    const fd = this.#fd
    if (position < 0 || position + bytes.length > this.#file.length)
      throw failure('EINVAL', this.#file.path)
    writeAll(fd, [bytes], position)
  }

  truncate(length: number): void {
    const fd = this.#fd
    if (length >= this.#file.length) return
    ftruncateSync(fd, length)
    this.#file.length = length
  }

  flush(): void {
    fdatasyncSync(this.#fd)
  }

  flushLater(done: (error: Error | null) => void): void {
    this.#check()
    const { fd, unpin } = this.#descriptors.pin(this.#file)
    fdatasync(fd, error => {
      unpin()
      done(error)
    })
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#closed(this.#file)
  }
}

const empty = new Uint8Array(0)

/** Writes all the chunks, which a system may take in parts; how many bytes. */
function writeAll(fd: number, chunks: readonly Uint8Array[], position: number): number {
  let size = 0
  for (const chunk of chunks) size += chunk.length
  if (size === 0) return 0
  const [first] = chunks
  let written =
    chunks.length === 1 && first !== undefined
      ? writeSync(fd, first, 0, size, position)
      : writevSync(fd, chunks as Uint8Array[], position)
  if (written === size) return size
  // The rest piece by piece: the next call says what is the matter.
  let start = 0
  for (const chunk of chunks) {
    const end = start + chunk.length
    while (written < end)
      written += writeSync(fd, chunk, written - start, end - written, position + written)
    start = end
  }
  return size
}
