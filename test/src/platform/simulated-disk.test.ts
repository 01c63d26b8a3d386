import { expect, test } from 'vitest'
import { seededRandom } from '../../../src/platform/random.ts'
import { MachineStopped, simulatedDisk } from '../../../src/platform/simulated-disk.ts'
import { SteppingClock } from '../../../src/platform/stepping-clock.ts'
import { diskContract } from '../../contract/disk.ts'

diskContract('a simulated disk', () => simulatedDisk({ random: seededRandom(1) }))

const bytes = (...values: number[]) => new Uint8Array(values)
const plain = (view: Uint8Array) => [...view]

/** What a run of a few calls may leave behind, over many chances. */
function outcomes(run: (disk: ReturnType<typeof simulatedDisk>) => void): Set<string> {
  const seen = new Set<string>()
  for (let seed = 0; seed < 300; seed++) {
    const disk = simulatedDisk({ random: seededRandom(seed) })
    run(disk)
    disk.crash()
    const files = disk.list('').map(name => `${name}:${plain(disk.open(name).read(0, 99))}`)
    seen.add(files.join(' '))
  }
  return seen
}

test('what was flushed survives, in a file whose name was', () => {
  const left = outcomes(disk => {
    const file = disk.open('f')
    file.append([bytes(1, 2, 3)])
    file.truncate(2)
    file.flush()
    disk.flushDirectory('')
  })
  expect(left).toEqual(new Set(['f:1,2']))
})

test('what was not is lost, torn, kept, or kept without what came before it', () => {
  const left = outcomes(disk => {
    const file = disk.open('f')
    disk.flushDirectory('')
    file.append([bytes(1)])
    file.append([bytes(2, 3)])
  })
  expect(left).toEqual(new Set(['f:', 'f:1', 'f:1,2', 'f:1,2,3', 'f:0,2,3']))
})

test('a name that was not flushed may be lost with all that is in it', () => {
  const left = outcomes(disk => {
    const file = disk.open('f')
    file.append([bytes(1)])
    file.flush()
  })
  expect(left).toEqual(new Set(['', 'f:1']))
})

test('a rename has happened or not', () => {
  const left = outcomes(disk => {
    for (const name of ['f', 'f.tmp']) {
      const file = disk.open(name)
      file.append([bytes(name.length)])
      file.flush()
    }
    disk.flushDirectory('')
    disk.rename('f.tmp', 'f')
  })
  expect(left).toEqual(new Set(['f:1 f.tmp:5', 'f:5']))
})

test('of a directory that was being removed some may be left', () => {
  const left = new Set<string>()
  for (let seed = 0; seed < 100; seed++) {
    const disk = simulatedDisk({ random: seededRandom(seed) })
    for (const name of ['d/a', 'd/b']) disk.open(name)
    disk.flushDirectory('d')
    disk.flushDirectory('')
    disk.remove('d')
    disk.crash()
    left.add(disk.list('d').join(' '))
  }
  expect(left).toEqual(new Set(['', 'a', 'b', 'a b']))
})

test('the machine stops where it is told, and every call after it finds it stopped', () => {
  const disk = simulatedDisk({ random: seededRandom(1) })
  const file = disk.open('f')
  disk.stopAt(2)
  file.append([bytes(1)])
  expect(() => file.flush()).toThrow(MachineStopped)
  expect(() => disk.list('')).toThrow(MachineStopped)
  expect(() => file.append([bytes(2)])).toThrow(MachineStopped)
  disk.crash()
  expect(() => file.append([bytes(2)])).toThrow(expect.objectContaining({ code: 'EBADF' }))
  disk.open('g').append([bytes(2)])
})

test('a broken disk answers with its code, to all calls or to those that write', () => {
  const disk = simulatedDisk({ random: seededRandom(1), bytesMax: 10 })
  const file = disk.open('f')
  file.append([bytes(1)])
  disk.fail('EROFS', 'writes')
  expect(plain(file.read(0, 9))).toEqual([1])
  expect(() => file.append([bytes(1)])).toThrow(expect.objectContaining({ code: 'EROFS' }))
  disk.fail('EIO')
  expect(() => file.read(0, 9)).toThrow(expect.objectContaining({ code: 'EIO' }))
  disk.fail(null)
  expect(() => file.append([new Uint8Array(10)])).toThrow(
    expect.objectContaining({ code: 'ENOSPC' }),
  )
})

test('what is flushed in the background is what was there when it began, and a crash may come first', async () => {
  const clock = new SteppingClock(0)
  const disk = simulatedDisk({ random: seededRandom(3), clock })
  const file = disk.open('f')
  disk.flushDirectory('')
  file.append([bytes(1)])
  const heard: string[] = []
  disk.flushLater([file], [], error => heard.push(String(error)))
  expect(heard).toEqual([])
  await clock.advance(20)
  expect(heard).toEqual(['null'])
  file.append([bytes(2)])
  disk.flushLater([file], [], error => heard.push(String(error)))
  disk.crash()
  await clock.advance(20)
  expect(heard).toEqual(['null'])
  expect(plain(disk.open('f').read(0, 1))).toEqual([1])
})
