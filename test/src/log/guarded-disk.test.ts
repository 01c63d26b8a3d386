import { expect, test } from 'vitest'
import { errors } from '../../../src/error.ts'
import { guardedDisk, StorageError } from '../../../src/log/guarded-disk.ts'
import { Log } from '../../../src/log/log.ts'
import { defaultLogOptions } from '../../../src/log/log-options.ts'
import { memoryDisk } from '../../../src/platform/memory-disk.ts'
import { seededRandom } from '../../../src/platform/random.ts'
import { simulatedDisk } from '../../../src/platform/simulated-disk.ts'
import { diskContract } from '../../contract/disk.ts'
import { batchOf, codeOf, nowMs } from './logs.ts'

diskContract('a guarded disk', () =>
  guardedDisk(memoryDisk(), error => {
    throw error
  }),
)

function failing() {
  const base = simulatedDisk({ random: seededRandom(1) })
  const told: string[] = []
  const disk = guardedDisk(base, error => told.push(error.code))
  return { base, disk, told }
}

test.each(['EIO', 'ENOSPC', 'EROFS'] as const)(
  'after one %s nobody is let at the disk, though it may be well again',
  code => {
    const { base, disk, told } = failing()
    const file = disk.open('f')
    base.fail(code, 'writes')
    expect(() => file.append([new Uint8Array(1)])).toThrow(StorageError)
    base.fail(null)
    for (const call of [
      () => file.append([]),
      () => file.read(0, 1),
      () => disk.open('g'),
      () => disk.list(''),
      () => disk.flushDirectory(''),
    ])
      expect(call).toThrow(expect.objectContaining({ code }))
    file.close()
    expect(told).toEqual([code])
  },
)

test('what fails in the background counts', () => {
  const { base, disk, told } = failing()
  const file = disk.open('f')
  file.append([new Uint8Array(1)])
  base.flushLater = (_files, _directories, done) =>
    done(Object.assign(new Error('EIO: flush'), { code: 'EIO' }))
  const heard: (Error | null)[] = []
  disk.flushLater([file], [''], error => heard.push(error))
  expect(heard).toEqual([expect.any(StorageError)])
  expect(told).toEqual(['EIO'])
})

test('a mistake of the caller is not the fault of the disk', () => {
  const { disk, told } = failing()
  expect(() => disk.rename('nowhere', 'x')).toThrow(expect.objectContaining({ code: 'ENOENT' }))
  disk.open('f')
  expect(told).toEqual([])
})

test('a log on a disk that fails answers so, whatever it is asked', () => {
  const { base, disk, told } = failing()
  const log = Log.open(disk, 't-0', defaultLogOptions, nowMs)
  const as = { leaderEpoch: 0, nowMs, origin: 'client' } as const
  expect(log.appendAsLeader(batchOf(2), as).ok).toBe(true)
  base.fail('EIO')
  expect(codeOf(log.appendAsLeader(batchOf(2), as))).toBe(errors.KAFKA_STORAGE_ERROR)
  const limits = { maxBytes: 1000, upToOffset: 2, minOneBatch: true }
  expect(codeOf(log.read(0, limits))).toBe(errors.KAFKA_STORAGE_ERROR)
  expect(() => log.offsetForTimestamp(0)).toThrow(StorageError)
  expect(log.logEndOffset).toBe(2)
  log.abandon()
  expect(told).toEqual(['EIO'])
})
