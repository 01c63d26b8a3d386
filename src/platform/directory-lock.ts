/**
 * `.lock` in a directory: one process at a time. Node has no `flock`, so the file says who holds it: a process id, and when that
 * process began, since ids are given out again. A file whose process is gone, or an empty one (Kafka leaves such), is taken over.
 */
import { linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const lockFile = '.lock'

/** What tells this process from another that has the same id, at another time; empty where the system does not say. */
function birthOf(pid: number): string {
  try {
    // Field 22, counted behind the command's name, which may hold anything: ticks since the machine's start.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()} ${ticks}`
  } catch {
    return ''
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** The process that has a lock of the system's own on the file, as a Kafka broker does; undefined where none is known. */
function systemHolder(path: string): number | undefined {
  try {
    const { ino, dev } = statSync(path, { bigint: true })
    const hex = (part: bigint): string => part.toString(16).padStart(2, '0')
    const minor = (dev & 0xffn) | ((dev >> 12n) & 0xfff00n)
    const id = `${hex((dev >> 8n) & 0xfffn)}:${hex(minor)}:${ino}`
    const line = readFileSync('/proc/locks', 'latin1')
      .split('\n')
      .find(one => one.split(/\s+/).includes(id))
    return line === undefined ? undefined : Number(line.split(/\s+/)[4])
  } catch {
    return undefined
  }
}

/** The process that holds the lock which this text is; undefined where it is nobody's. */
function holder(path: string, text: string): number | undefined {
  const [pidText = '', birth = ''] = text.split('\n')
  const pid = Number(pidText)
  if (pidText !== '' && Number.isInteger(pid) && lives(pid)) {
    const now = birthOf(pid)
    if (birth === '' || now === '' || birth === now) return pid
  }
  return systemHolder(path)
}

function inUse(directory: string, pid: number): Error & { code: string } {
  const who = pid === process.pid ? 'this process' : `process ${pid}`
  return Object.assign(
    new Error(
      `ELOCKED: ${directory} is in use by ${who}: stop that one, or choose another directory`,
    ),
    { code: 'ELOCKED' },
  )
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Takes the directory, which must exist, for this process.
 *
 * @returns gives it back
 * @throws an error with code ELOCKED that names the process which has it, or what the disk says
 */
export function lockDirectory(directory: string): () => void {
  const path = join(directory, lockFile)
  const mine = `${process.pid}\n${birthOf(process.pid)}\n`
  // A name of its own for every attempt of every process.
  const beside = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`
  writeFileSync(beside, mine, { flag: 'wx' })
  try {
    while (!linked(beside, path)) {
      const content = contentOf(path)
      if (content === undefined) continue
      const pid = holder(path, content)
      if (pid !== undefined) throw inUse(directory, pid)
      takeAway(path, content)
    }
  } finally {
    rmSync(beside, { force: true })
  }
  return () => {
    if (contentOf(path) === mine) rmSync(path, { force: true })
  }
}

/** Gives the file a second name, whole, unless that name is taken. */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Removes a lock that nobody holds, unless another process has just put its own in its place. */
function takeAway(path: string, content: string): void {
  const aside = `${path}.${process.pid}.stale`
  try {
    renameSync(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  if (contentOf(aside) !== content) linked(aside, path)
  rmSync(aside, { force: true })
}
