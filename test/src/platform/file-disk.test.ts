import { execFileSync, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { FileDescriptors } from '../../../src/platform/file-descriptors.ts'
import { fileDisk } from '../../../src/platform/file-disk.ts'
import { diskContract } from '../../contract/disk.ts'

const base = mkdtempSync(join(tmpdir(), 'samsa-disk-'))
afterAll(() => rmSync(base, { recursive: true }))
let made = 0
const fresh = (): string => join(base, String(++made))
const bytes = (...values: number[]) => new Uint8Array(values)
const code = (name: string) => expect.objectContaining({ code: name })

diskContract('a file disk', () => fileDisk(fresh()))
diskContract('a file disk that may have two files open', () =>
  fileDisk(fresh(), { descriptors: new FileDescriptors(2) }),
)

test('files are where they are said to be, and another disk of the same directory finds them', () => {
  const directory = fresh()
  fileDisk(directory)
    .open('orders-0/00000000000000000000.log')
    .append([bytes(1, 2), bytes(3)])
  expect(readdirSync(directory)).toEqual(['orders-0'])
  expect([...readFileSync(join(directory, 'orders-0/00000000000000000000.log'))]).toEqual([1, 2, 3])
  expect(fileDisk(directory).open('orders-0/00000000000000000000.log').length).toBe(3)
})

test('a path cannot leave the directory', () => {
  expect(() => fileDisk(fresh()).open('../outside')).toThrow(code('EINVAL'))
  expect(existsSync(join(base, 'outside'))).toBe(false)
})

test('no more files are open at once than may be, and none after they are closed', () => {
  const descriptors = new FileDescriptors(5)
  const disk = fileDisk(fresh(), { descriptors })
  const files = Array.from({ length: 40 }, (_, i) => disk.open(`f${i}`))
  expect(descriptors.size).toBe(5)
  for (let round = 0; round < 3; round++)
    files.forEach((file, i) => {
      file.append([bytes(i, round)])
    })
  expect(descriptors.size).toBe(5)
  files.forEach((file, i) => {
    expect([...file.read(0, 9)]).toEqual([i, 0, i, 1, i, 2])
  })
  for (const file of files) file.close()
  expect(descriptors.size).toBe(0)
})

test('what is read is exactly what is sent: no byte of memory more', () => {
  const file = fileDisk(fresh()).open('f')
  file.append([new Uint8Array(10_000)])
  expect(file.read(3, 100).buffer.byteLength).toBe(100)
})

test('a directory that cannot be made, or is none, says so', () => {
  const directory = fresh()
  writeFileSync(directory, 'a file')
  expect(() => fileDisk(directory)).toThrow(code('EEXIST'))
  expect(() => fileDisk(join(directory, 'below'))).toThrow(code('ENOTDIR'))
})

/** A file system of one megabyte in a directory; false where one may not be made. */
function mounted(directory: string): boolean {
  mkdirSync(directory)
  try {
    const options = ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory]
    execFileSync('mount', options, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

test('a full disk refuses an append as a whole, and takes it once there is room', () => {
  const directory = fresh()
  // Without the right to mount, /dev/full is what is left: it takes no byte.
  if (!mounted(directory)) {
    const full = fileDisk('/dev').open('full')
    expect(() => full.append([bytes(1)])).toThrow(code('ENOSPC'))
    return
  }
  try {
    const disk = fileDisk(directory)
    const file = disk.open('f')
    file.append([new Uint8Array(700_000)])
    const other = disk.open('g')
    const half = new Uint8Array(200_000)
    expect(() => other.append([half, half])).toThrow(code('ENOSPC'))
    expect(other.length).toBe(0)
    expect(readFileSync(join(directory, 'g')).length).toBe(0)
    disk.remove('f')
    other.append([half, half])
    expect(other.length).toBe(400_000)
    other.close()
    execFileSync('mount', ['-o', 'remount,ro', directory])
    expect(() => disk.open('h')).toThrow(code('EROFS'))
  } finally {
    execFileSync('umount', [directory])
  }
})

test('a life that ended without a word leaves no open files to the next, and the directory may be gone by then', () => {
  const directory = fresh()
  const descriptors = new FileDescriptors(5)
  const disk = fileDisk(directory, { descriptors })
  disk.lock()
  const file = disk.open('f')
  file.append([bytes(1)])
  // What the process that dies would do.
  rmSync(directory, { recursive: true })
  disk.lock()
  expect(descriptors.size).toBe(0)
  expect(disk.open('f').length).toBe(0)
  expect(() => file.read(0, 1)).toThrow(code('EBADF'))
})

test('a second process is refused by name, and takes over when the first has died', async () => {
  const directory = fresh()
  const disk = fileDisk(directory)
  const script = `
    import { fileDisk } from ${JSON.stringify(join(import.meta.dirname, '../../../src/platform/file-disk.ts'))}
    try {
      fileDisk(${JSON.stringify(directory)}).lock()
      console.log('locked')
    } catch (error) {
      console.log(error.message)
    }
    setInterval(() => {}, 1000)
  `
  const start = () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script])
    child.stderr.resume()
    const said = new Promise<string>(resolve =>
      child.stdout.once('data', chunk => resolve(String(chunk).trim())),
    )
    const ended = new Promise(resolve => child.once('exit', resolve))
    return { child, said, ended }
  }
  const unlock = disk.lock()
  const refused = start()
  expect(await refused.said).toContain(`is in use by process ${process.pid}`)
  refused.child.kill('SIGKILL')
  unlock()
  const holder = start()
  expect(await holder.said).toBe('locked')
  expect(() => disk.lock()).toThrow(`in use by process ${holder.child.pid}`)
  holder.child.kill('SIGKILL')
  await holder.ended
  disk.lock()
  expect(readdirSync(directory)).toEqual(['.lock'])
})

test.each([
  ['empty, as Kafka leaves it', ''],
  ['of a process that is gone', '4194304\n'],
  ['of a former process of the same id', `${process.pid}\nanother-start 1\n`],
  ['of noise', '\u0000\u0001ä\n\n'],
])('a lock %s is taken over', (_, content) => {
  const directory = fresh()
  mkdirSync(directory)
  writeFileSync(join(directory, '.lock'), content)
  // Where the system tells no one when a process began, its id is all there is.
  if (content.startsWith(String(process.pid)) && process.platform !== 'linux') return
  fileDisk(directory).lock()()
  expect(readdirSync(directory)).toEqual([])
})
