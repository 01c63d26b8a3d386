/**
 * A log directory's disk, of which one failure is the last: who has failed once is not trusted with what comes next.
 * After LogDirFailureChannel and LogManager.handleLogDirFailure.
 */
import type { Disk, DiskFile } from '../ports.ts'

/** The disk does not do what it is asked: it is full, broken, read-only, or failed before. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
  /** The system's: ENOSPC, EIO, EROFS … */
  readonly code: string

  constructor(message: string, code: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

/** The caller's fault, not the disk's. */
const ofCallers = new Set(['EBADF', 'EINVAL', 'EISDIR', 'ENOENT', 'ENOTDIR', 'ELOCKED'])

function isFailure(error: unknown): error is Error & { code: string } {
  if (!(error instanceof Error) || !('code' in error)) return false
  return typeof error.code === 'string' && !ofCallers.has(error.code)
}

/**
 * @param failed hears of the first failure, in the middle of the call that met it
 * @returns the disk, whose calls throw {@link StorageError} from then on
 */
export function guardedDisk(disk: Disk, failed: (error: StorageError) => void): Disk {
  let failure: StorageError | undefined
  /** By those handed out. */
  const files = new WeakMap<DiskFile, DiskFile>()

  const fail = (error: unknown): unknown => {
    if (!isFailure(error)) return error
    if (failure === undefined) {
      failure = new StorageError(error.message, error.code, error)
      failed(failure)
    }
    return failure
  }
  const asking = <T>(ask: () => T): T => {
    if (failure !== undefined) throw failure
    try {
      return ask()
    } catch (error) {
      throw fail(error)
    }
  }

  const guarded = (file: DiskFile): DiskFile => {
    const handle: DiskFile = {
      get length() {
        return file.length
      },
      append: chunks => asking(() => file.append(chunks)),
      read: (position, length) => asking(() => file.read(position, length)),
      write: (position, bytes) => asking(() => file.write(position, bytes)),
      truncate: length => asking(() => file.truncate(length)),
      flush: () => asking(() => file.flush()),
      // Also of a disk that has failed.
      close: () => file.close(),
    }
    files.set(handle, file)
    return handle
  }

  return {
    open: path => asking(() => guarded(disk.open(path))),
    exists: path => asking(() => disk.exists(path)),
    list: path => asking(() => disk.list(path)),
    rename: (from, to) => asking(() => disk.rename(from, to)),
    remove: path => asking(() => disk.remove(path)),
    flushDirectory: path => asking(() => disk.flushDirectory(path)),
    flushLater: (handles, directories, done) =>
      asking(() =>
        disk.flushLater(
          handles.map(handle => files.get(handle) ?? handle),
          directories,
          error => {
            if (failure !== undefined) done(failure)
            else done(error === null ? null : (fail(error) as Error))
          },
        ),
      ),
    lock: () => asking(() => disk.lock()),
  }
}
