/** The open files of a process, bounded: the one not used for longest is closed, and opened again when it is next used. */
import { closeSync, constants, openSync } from 'node:fs'

/** Below what systems allow a process (macOS: 10,240; Linux: often 4096 and more), with room left for sockets. */
const descriptorsMax = 1000

/** A file that may or may not be open at the moment. */
export interface DescribedFile {
  /** Where it is now: renaming moves it. */
  path: string
}

interface Descriptor {
  readonly fd: number
  /** While work in the background needs it, it stays open. */
  pins: number
  /** To be closed when the last pin goes. */
  unwanted: boolean
}

export class FileDescriptors {
  readonly #max: number
  /** In the order of their last use. */
  readonly #open = new Map<DescribedFile, Descriptor>()

  constructor(max = descriptorsMax) {
    this.#max = max
  }

  get size(): number {
    return this.#open.size
  }

  /** A descriptor for reading and writing at positions. Throws what the system says, with its `code`. */
  of(file: DescribedFile): number {
    const known = this.#open.get(file)
    if (known !== undefined) {
      this.#open.delete(file)
      this.#open.set(file, known)
      return known.fd
    }
    return this.#add(file, openSync(file.path, constants.O_RDWR))
  }

  /** The same for a file that need not be there. Throws ENOENT where its directory is missing. */
  make(file: DescribedFile): number {
    return this.#add(file, openSync(file.path, constants.O_RDWR | constants.O_CREAT, 0o644))
  }

  #add(file: DescribedFile, fd: number): number {
    if (this.#open.size >= this.#max) this.#closeOldest()
    this.#open.set(file, { fd, pins: 0, unwanted: false })
    return fd
  }

  #closeOldest(): void {
    for (const [file, descriptor] of this.#open) {
      if (descriptor.pins > 0) continue
      this.#open.delete(file)
      closeSync(descriptor.fd)
      return
    }
  }

  /** A descriptor that stays open until `unpin`, also when the file is closed or removed. */
  pin(file: DescribedFile): { fd: number; unpin: () => void } {
    const fd = this.of(file)
    const descriptor = this.#open.get(file) as Descriptor
    descriptor.pins++
    const unpin = (): void => {
      descriptor.pins--
      if (descriptor.pins === 0 && descriptor.unwanted) closeSync(fd)
    }
    return { fd, unpin }
  }

  close(file: DescribedFile): void {
    const descriptor = this.#open.get(file)
    if (descriptor === undefined) return
    this.#open.delete(file)
    if (descriptor.pins > 0) descriptor.unwanted = true
    else closeSync(descriptor.fd)
  }
}
