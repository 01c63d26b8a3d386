import { expect, test } from 'vitest'
import { FrameCursor } from '../../actors/line-frames.ts'

const frame = (length: number, fill: number): Uint8Array => {
  const bytes = new Uint8Array(4 + length).fill(fill)
  new DataView(bytes.buffer).setInt32(0, length)
  return bytes
}
const stream = new Uint8Array([...frame(5, 1), ...frame(0, 0), ...frame(300, 2), ...frame(1, 3)])

test('who looks from any byte on sees whole frames from the next one on, and the rest of the one before as it is', () => {
  for (let from = 0; from <= stream.length; from++)
    for (const size of [1, 3, 7, 400]) {
      const cursor = new FrameCursor()
      cursor.pass(stream.subarray(0, from))
      const out: number[] = [...stream.subarray(0, from)]
      const lengths: number[] = []
      for (let at = from; at < stream.length; at += size) {
        const { raw, frames } = cursor.split(stream.subarray(at, at + size))
        out.push(...(raw ?? []))
        for (const bytes of frames) {
          lengths.push(bytes.length)
          out.push(...frame(bytes.length, bytes[0] ?? 0))
        }
      }
      expect(out).toEqual([...stream])
      expect([5, 0, 300, 1].slice(4 - lengths.length)).toEqual(lengths)
    }
})

test('four-letter words are no frames, and pass as they are', () => {
  const cursor = new FrameCursor()
  const word = new TextEncoder().encode('ruok')
  expect(cursor.split(word)).toEqual({ raw: word, frames: [] })
  expect(cursor.split(word)).toEqual({ raw: word, frames: [] })
})
