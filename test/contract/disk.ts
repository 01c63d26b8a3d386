/** What every disk does, whatever it is made of: a suite for those who make one. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Disk } from '../../src/ports.ts'

const bytes = (...values: number[]) => new Uint8Array(values)
const code = (name: string) => expect.objectContaining({ code: name })
/** As plain arrays: a disk may answer with a subclass of Uint8Array. */
const plain = (view: Uint8Array) => new Uint8Array(view)

/** @param make a fresh, empty disk */
export function diskContract(name: string, make: () => Disk): void {
  describe(name, () => {
    test('a file holds what was appended, and outlives its handle', () => {
      const disk = make()
      const file = disk.open('orders-0/0.log')
      file.append([bytes(1, 2), bytes(), bytes(3)])
      expect(file.length).toBe(3)
      file.close()
      file.close()
      expect(plain(disk.open('orders-0/0.log').read(0, 10))).toEqual(bytes(1, 2, 3))
    })

    test('what is appended is copied', () => {
      const file = make().open('f')
      const mine = bytes(1, 2)
      file.append([mine])
      mine[0] = 9
      expect(plain(file.read(0, 2))).toEqual(bytes(1, 2))
    })

    test('a read ends at the end of the file', () => {
      const file = make().open('f')
      file.append([bytes(1, 2, 3)])
      expect(plain(file.read(2, 5))).toEqual(bytes(3))
      expect(plain(file.read(3, 5))).toEqual(bytes())
      expect(plain(file.read(9, 5))).toEqual(bytes())
    })

    test('thousands of chunks in one append', () => {
      const file = make().open('f')
      file.append(Array.from({ length: 5000 }, (_, i) => new Uint8Array(3).fill(i)))
      expect(file.length).toBe(15_000)
      expect(plain(file.read(3 * 4999 - 1, 5))).toEqual(bytes(4998, 4999, 4999, 4999))
    })

    test('two handles of one file see the same', () => {
      const disk = make()
      const one = disk.open('f')
      const other = disk.open('f')
      one.append([bytes(1, 2, 3)])
      expect(other.length).toBe(3)
      other.truncate(1)
      one.close()
      other.append([bytes(4)])
      expect(plain(other.read(0, 9))).toEqual(bytes(1, 4))
      expect(disk.open('f').length).toBe(2)
    })

    test('views stay as they were after appends, truncations and writes', () => {
      const file = make().open('f')
      file.append([bytes(1, 2, 3, 4)])
      const view = file.read(0, 4)
      file.append([bytes(5)])
      file.write(1, bytes(9))
      const second = file.read(0, 5)
      expect(plain(second)).toEqual(bytes(1, 9, 3, 4, 5))
      file.truncate(2)
      file.append([bytes(7, 8)])
      expect(plain(view)).toEqual(bytes(1, 2, 3, 4))
      expect(plain(second)).toEqual(bytes(1, 9, 3, 4, 5))
      expect(plain(file.read(0, 9))).toEqual(bytes(1, 9, 7, 8))
    })

    test('names below a directory are listed in order, once', () => {
      const disk = make()
      disk.open('a/c/x').close()
      disk.open('a/b').close()
      disk.open('a/c/y').close()
      expect(disk.list('a')).toEqual(['b', 'c'])
      expect(disk.list('a/c')).toEqual(['x', 'y'])
      expect(disk.list('')).toEqual(['a'])
      expect(disk.list('nowhere')).toEqual([])
      expect(disk.list('a/b')).toEqual([])
      expect(disk.exists('a/c')).toBe(true)
      expect(disk.exists('a/d')).toBe(false)
    })

    test('a file is renamed over another, a directory with all below it', () => {
      const disk = make()
      disk.open('t/new').append([bytes(1)])
      disk.open('t/old').append([bytes(2, 2)])
      disk.rename('t/new', 't/old')
      expect(disk.list('t')).toEqual(['old'])
      expect(plain(disk.open('t/old').read(0, 9))).toEqual(bytes(1))
      disk.open('u/v/gone').append([bytes(7)])
      disk.rename('t', 'u/v')
      expect(disk.list('u/v')).toEqual(['old'])
      expect(plain(disk.open('u/v/old').read(0, 9))).toEqual(bytes(1))
      expect(disk.exists('t')).toBe(false)
      expect(() => disk.rename('nowhere', 'x')).toThrow(code('ENOENT'))
    })

    test('a handle moves with its file', () => {
      const disk = make()
      const file = disk.open('a/f')
      file.append([bytes(1)])
      disk.rename('a', 'b')
      file.append([bytes(2)])
      file.flush()
      expect(plain(disk.open('b/f').read(0, 9))).toEqual(bytes(1, 2))
    })

    test('a directory is removed with all below it; what is not there is removed in silence', () => {
      const disk = make()
      disk.open('a/b/c').append([bytes(1, 2, 3)])
      disk.remove('a')
      disk.remove('a')
      disk.remove('x/y')
      expect(disk.exists('a/b/c')).toBe(false)
      expect(disk.open('a/b/c').length).toBe(0)
    })

    test('a closed handle is of no use', () => {
      const file = make().open('f')
      file.close()
      expect(() => file.append([bytes(1)])).toThrow(code('EBADF'))
      expect(() => file.read(0, 1)).toThrow(code('EBADF'))
      expect(() => file.flush()).toThrow(code('EBADF'))
    })

    test('a write stays inside the file', () => {
      const file = make().open('f')
      file.append([bytes(1, 2)])
      expect(() => file.write(1, bytes(1, 2))).toThrow(code('EINVAL'))
    })

    test('what is flushed later is told of, also when it is closed or removed meanwhile', async () => {
      const disk = make()
      const files = ['f', 'g', 'h'].map(path => disk.open(path))
      for (const file of files) file.append([bytes(1, 2, 3)])
      const told = new Promise<Error | null>(resolve =>
        disk.flushLater(files, ['', 'nowhere'], resolve),
      )
      files[0]?.close()
      files[1]?.close()
      disk.remove('g')
      expect(await told).toBeNull()
      expect(await new Promise(resolve => disk.flushLater([], [], resolve))).toBeNull()
      disk.flushDirectory('')
      disk.flushDirectory('nowhere')
    })

    test('one owner at a time', () => {
      const disk = make()
      const unlock = disk.lock()
      expect(() => disk.lock()).toThrow(code('ELOCKED'))
      unlock()
      disk.lock()()
      disk.lock()
    })

    test('a file behaves like an array of bytes, and no view ever changes', () => {
      const part = fc.double({ min: 0, max: 1, noNaN: true })
      const action = fc.oneof(
        fc.record({
          kind: fc.constant('append'),
          size: fc.oneof(fc.integer({ min: 0, max: 5000 }), fc.constant(270_000)),
        }),
        fc.record({ kind: fc.constant('truncate'), to: part }),
        fc.record({
          kind: fc.constant('write'),
          at: part,
          size: fc.integer({ min: 0, max: 3000 }),
        }),
        fc.record({ kind: fc.constant('read'), at: part, size: fc.integer({ min: 0, max: 9000 }) }),
        fc.record({ kind: fc.constant('reopen') }),
      )
      fc.assert(
        fc.property(fc.array(action, { maxLength: 40 }), actions => {
          const disk = make()
          let file = disk.open('f')
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
            } else if (step.kind === 'read') {
              const at = Math.floor(step.at * model.length)
              const view = file.read(at, step.size)
              expect(same(view, model.slice(at, at + step.size))).toBe(true)
              views.push({ view, copy: view.slice() })
            } else {
              file.close()
              file = disk.open('f')
            }
            expect(file.length).toBe(model.length)
          }
          expect(same(file.read(0, model.length), model)).toBe(true)
          for (const { view, copy } of views) expect(same(view, copy)).toBe(true)
        }),
      )
    })
  })
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
