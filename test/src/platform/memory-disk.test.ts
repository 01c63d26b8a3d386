import fc from 'fast-check'
import { expect, test } from 'vitest'
import { memoryDisk } from '../../../src/platform/memory-disk.ts'

const bytes = (...values: number[]) => new Uint8Array(values)

test('a file holds what was appended, and outlives its handle', () => {
  const disk = memoryDisk()
  const file = disk.open('orders-0/0.log')
  file.append([bytes(1, 2), bytes(), bytes(3)])
  expect(file.length).toBe(3)
  file.close()
  expect(disk.open('orders-0/0.log').read(0, 10)).toEqual(bytes(1, 2, 3))
})

test('what is appended is copied', () => {
  const file = memoryDisk().open('f')
  const mine = bytes(1, 2)
  file.append([mine])
  mine[0] = 9
  expect(file.read(0, 2)).toEqual(bytes(1, 2))
})

test('a read ends at the end of the file', () => {
  const file = memoryDisk().open('f')
  file.append([bytes(1, 2, 3)])
  expect(file.read(2, 5)).toEqual(bytes(3))
  expect(file.read(3, 5)).toEqual(bytes())
  expect(file.read(9, 5)).toEqual(bytes())
})

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

test('views stay as they were after appends, truncations and writes', () => {
  const file = memoryDisk().open('f')
  file.append([bytes(1, 2, 3, 4)])
  const view = file.read(0, 4)
  file.append([bytes(5)])
  file.write(1, bytes(9))
  expect(view).toEqual(bytes(1, 2, 3, 4))
  const second = file.read(0, 5)
  expect(second).toEqual(bytes(1, 9, 3, 4, 5))
  file.truncate(2)
  file.append([bytes(7, 8)])
  expect(view).toEqual(bytes(1, 2, 3, 4))
  expect(second).toEqual(bytes(1, 9, 3, 4, 5))
  expect(file.read(0, 9)).toEqual(bytes(1, 9, 7, 8))
})

test('names below a directory are listed in order, once', () => {
  const disk = memoryDisk()
  disk.open('a/c/x').close()
  disk.open('a/b').close()
  disk.open('a/c/y').close()
  expect(disk.list('a')).toEqual(['b', 'c'])
  expect(disk.list('a/c')).toEqual(['x', 'y'])
  expect(disk.list('')).toEqual(['a'])
  expect(disk.list('nowhere')).toEqual([])
  expect(disk.exists('a/c')).toBe(true)
  expect(disk.exists('a/d')).toBe(false)
})

test('a file is renamed over another, a directory with all below it', () => {
  const disk = memoryDisk()
  disk.open('t/new').append([bytes(1)])
  disk.open('t/old').append([bytes(2, 2)])
  disk.rename('t/new', 't/old')
  expect(disk.list('t')).toEqual(['old'])
  expect(disk.open('t/old').read(0, 9)).toEqual(bytes(1))
  expect(disk.bytesUsed).toBe(1)
  disk.rename('t', 'u/v')
  expect(disk.open('u/v/old').read(0, 9)).toEqual(bytes(1))
  expect(disk.exists('t')).toBe(false)
  expect(() => disk.rename('nowhere', 'x')).toThrow(expect.objectContaining({ code: 'ENOENT' }))
})

test('a directory is removed with all below it; what is not there is removed in silence', () => {
  const disk = memoryDisk()
  disk.open('a/b/c').append([bytes(1, 2, 3)])
  disk.remove('a')
  disk.remove('a')
  disk.remove('x/y')
  expect(disk.exists('a/b/c')).toBe(false)
  expect(disk.bytesUsed).toBe(0)
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

test('a closed handle is of no use', () => {
  const file = memoryDisk().open('f')
  file.close()
  expect(() => file.append([bytes(1)])).toThrow(expect.objectContaining({ code: 'EBADF' }))
})

test('a write stays inside the file', () => {
  const file = memoryDisk().open('f')
  file.append([bytes(1, 2)])
  expect(() => file.write(1, bytes(1, 2))).toThrow(expect.objectContaining({ code: 'EINVAL' }))
})

test('a file behaves like an array of bytes, and no view ever changes', () => {
  const action = fc.oneof(
    fc.record({
      kind: fc.constant('append'),
      size: fc.oneof(fc.integer({ min: 0, max: 5000 }), fc.constant(270_000)),
    }),
    fc.record({ kind: fc.constant('truncate'), to: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({
      kind: fc.constant('write'),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      size: fc.integer({ min: 0, max: 3000 }),
    }),
    fc.record({
      kind: fc.constant('read'),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      size: fc.integer({ min: 0, max: 9000 }),
    }),
  )
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), actions => {
      const disk = memoryDisk()
      const file = disk.open('f')
      let model = new Uint8Array(0)
      let seed = 0
      const fill = (size: number) => new Uint8Array(size).fill(++seed)
      const views: { view: Uint8Array; copy: Uint8Array }[] = []
      for (const step of actions) {
        if (step.kind === 'append') {
          const chunk = fill(step.size)
          file.append([chunk.subarray(0, 7), chunk.subarray(7)])
          model = new Uint8Array(Buffer.concat([model, chunk]))
        } else if (step.kind === 'truncate') {
          const length = Math.floor(step.to * model.length)
          file.truncate(length)
          model = model.slice(0, length)
        } else if (step.kind === 'write') {
          const at = Math.floor(step.at * model.length)
          const chunk = fill(Math.min(step.size, model.length - at))
          file.write(at, chunk)
          model = model.slice()
          model.set(chunk, at)
        } else {
          const at = Math.floor(step.at * model.length)
          const view = file.read(at, step.size)
          expect(view).toEqual(model.slice(at, at + step.size))
          views.push({ view, copy: view.slice() })
        }
        expect(file.length).toBe(model.length)
        expect(disk.bytesUsed).toBe(model.length)
      }
      expect(file.read(0, model.length)).toEqual(model)
      for (const { view, copy } of views) expect(view).toEqual(copy)
    }),
  )
})
