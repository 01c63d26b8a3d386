import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MalformedFrame } from '../../../src/binary/reader.ts'
import { FrameSplitter } from '../../../src/protocol/index.ts'

/** Goal: frames come out of the stream as they went in, wherever it was cut. */

const framed = (frame: Uint8Array): Buffer => {
  const length = Buffer.alloc(4)
  length.writeInt32BE(frame.length)
  return Buffer.concat([length, frame])
}

/** Text compares faster than arrays. */
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

test('frames survive any cutting of their stream', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 12 }), { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 }),
      (frames, sizes) => {
        const stream = Buffer.concat(frames.map(framed))
        const splitter = new FrameSplitter(12)
        const seen: string[] = []
        for (let at = 0, i = 0; at < stream.length; i++) {
          const size = sizes[i % sizes.length] as number
          seen.push(...splitter.push(stream.subarray(at, at + size)).map(hex))
          at += size
        }
        expect(seen).toEqual(frames.map(hex))
        expect(splitter.pendingBytes).toBe(0)
      },
    ),
    { numRuns: 1000 },
  )
})

test('a frame whole in its chunk is not copied', () => {
  const chunk = Buffer.concat([framed(Uint8Array.of(1, 2)), framed(Uint8Array.of(3))])
  const frames = new FrameSplitter(100).push(chunk)
  expect(frames.map(hex)).toEqual(['0102', '03'])
  for (const frame of frames) expect(frame.buffer).toBe(chunk.buffer)
})

test('a frame longer than its bound is refused by its length alone, also when that comes in parts', () => {
  const over = Uint8Array.of(0, 0, 0, 101)
  expect(() => new FrameSplitter(100).push(over)).toThrow(MalformedFrame)
  const splitter = new FrameSplitter(100)
  expect(splitter.push(over.subarray(0, 3))).toEqual([])
  expect(() => splitter.push(over.subarray(3))).toThrow(MalformedFrame)
})

test('a negative length is refused', () => {
  expect(() => new FrameSplitter(100).push(Uint8Array.of(0xff, 0xff, 0xff, 0xff))).toThrow(
    MalformedFrame,
  )
})

test('what waits for its rest is counted', () => {
  const splitter = new FrameSplitter(100)
  splitter.push(Uint8Array.of(0, 0, 0, 9, 1, 2))
  expect(splitter.pendingBytes).toBe(6)
})
