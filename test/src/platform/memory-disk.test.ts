import { expect, test } from 'vitest'
import { memoryDisk } from '../../../src/platform/memory-disk.ts'
import { diskContract } from '../../contract/disk.ts'

const bytes = (...values: number[]) => new Uint8Array(values)

diskContract('a memory disk', () => memoryDisk())

test('many small appends are read as one view, without a copy', () => {
  const file = memoryDisk().open('f')
  for (let i = 0; i < 20_000; i++) file.append([new Uint8Array(100).fill(i)])
  const view = file.read(1_500_000, 100_000)
  expect(view.length).toBe(100_000)
  expect(view.buffer).toBe(file.read(1_500_000, 1).buffer)
})

test('a large append is read as one view, wherever it falls', () => {
  const file = memoryDisk().open('f')
  const sizes = [300_000, 70_000, 1_500_000, 300_000, 300_000, 300_000, 300_000, 1_000_000]
  for (const size of sizes) {
    const at = file.length
    file.append([new Uint8Array(16), new Uint8Array(size - 16)])
    if (size >= 256 * 1024)
      expect(file.read(at, size).buffer).toBe(file.read(at + size - 1, 1).buffer)
  }
})

test('a full disk refuses an append as a whole, and takes it once there is room', () => {
  const disk = memoryDisk({ bytesMax: 10 })
  const file = disk.open('f')
  const other = disk.open('g')
  file.append([bytes(1, 2, 3, 4, 5, 6)])
  expect(() => other.append([bytes(1, 2), bytes(3, 4, 5)])).toThrow(
    expect.objectContaining({ code: 'ENOSPC' }),
  )
  expect(other.length).toBe(0)
  file.truncate(5)
  other.append([bytes(1, 2), bytes(3, 4, 5)])
  disk.remove('f')
  other.append([bytes(6, 7, 8, 9, 10)])
  expect(disk.bytesUsed).toBe(10)
})

test('it counts what its files hold', () => {
  const disk = memoryDisk()
  disk.open('t/new').append([bytes(1)])
  disk.open('t/old').append([bytes(2, 2)])
  expect(disk.bytesUsed).toBe(3)
  disk.rename('t/new', 't/old')
  expect(disk.bytesUsed).toBe(1)
  disk.open('t/old').truncate(0)
  disk.open('a/b').append([bytes(1, 2, 3)])
  expect(disk.bytesUsed).toBe(3)
  disk.remove('a')
  expect(disk.bytesUsed).toBe(0)
})
