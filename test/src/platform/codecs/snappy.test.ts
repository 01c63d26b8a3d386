import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { snappy } from '../../../../src/platform/codecs/snappy.ts'
import { packable } from '../packable.ts'

const bytes = (...parts: (number | string | readonly number[] | Uint8Array)[]): Uint8Array =>
  Uint8Array.from(
    parts.flatMap(part =>
      typeof part === 'string'
        ? [...Buffer.from(part)]
        : typeof part === 'number'
          ? [part]
          : [...part],
    ),
  )

const int32 = (value: number): number[] => [24, 16, 8, 0].map(bits => (value >>> bits) & 0xff)
const header = bytes(0x82, 'SNAPPY', 0, int32(1), int32(1))
const framed = (...blocks: Uint8Array[]) =>
  bytes(header, ...blocks.flatMap(block => [int32(block.length), block]))
/** A block of one literal. */
const literal = (text: string) => bytes(text.length, (text.length - 1) << 2, text)

const unpacked = (packed: Uint8Array, sizeMax = 1000) =>
  Buffer.from(snappy.decompress(packed, sizeMax)).toString()

describe('written', () => {
  test('is framed as by Java, version 1', () => {
    expect(snappy.compress(bytes('abc'))).toEqual(framed(literal('abc')))
  })

  test('takes 32 KiB a block', () => {
    const packed = snappy.compress(new Uint8Array(70_000))
    const view = new DataView(packed.buffer)
    let blocks = 0
    for (let at = 16; at < packed.length; blocks++) at += 4 + view.getInt32(at)
    expect(blocks).toBe(3)
  })
})

describe('read', () => {
  test.each([
    ['a frame without blocks', header, ''],
    ['two blocks', framed(literal('abc'), literal('def')), 'abcdef'],
    ['frames behind each other', bytes(framed(literal('abc')), framed(literal('def'))), 'abcdef'],
    [
      'a version with its bytes in the other order',
      bytes(0x82, 'SNAPPY', 0, [1, 0, 0, 0, 1, 0, 0, 0], int32(5), literal('abc')),
      'abc',
    ],
    ['a bare block', literal('abc'), 'abc'],
    ['an empty bare block', bytes(0), ''],
    ['a copy of the short form', bytes(8, 0x0c, 'abcd', 0x01, 4), 'abcdabcd'],
    ['a copy that overlaps itself', bytes(7, 0x00, 'a', 0x09, 1), 'aaaaaaa'],
    ['a copy of the long form', bytes(6, 0x08, 'abc', 0x0a, 3, 0), 'abcabc'],
    ['a copy of the longest form', bytes(6, 0x08, 'abc', 0x0b, 3, 0, 0, 0), 'abcabc'],
    [
      'literals whose length takes one to four bytes',
      bytes(12, 0xf0, 2, 'abc', 0xf4, 2, 0, 'def', 0xf8, 2, 0, 0, 'ghi', 0xfc, 2, 0, 0, 0, 'jkl'),
      'abcdefghijkl',
    ],
  ])('%s', (_, packed, text) => {
    expect(unpacked(packed)).toBe(text)
  })

  test('the one block of a frame, taken out of it', () => {
    fc.assert(
      fc.property(packable(32 * 1024), plain => {
        fc.pre(plain.length > 0)
        const block = snappy.compress(plain).subarray(20)
        expect(Buffer.compare(snappy.decompress(block, plain.length), plain)).toBe(0)
      }),
    )
  })
})

describe('refused', () => {
  test.each([
    ['a version before the first', bytes(0x82, 'SNAPPY', 0, int32(0), int32(0)), 'version 0'],
    ['a header cut short', header.subarray(0, 12), 'cut short'],
    ['a length of a block cut short', bytes(header, 0, 0), 'cut short'],
    ['a block cut short', bytes(header, int32(9), literal('abc')), 'cut short'],
    ['a negative length', bytes(header, int32(-9), literal('abc')), 'cut short'],
    ['a block without a length', framed(bytes()), 'without a length'],
    ['a length of more than five bytes', bytes(255, 255, 255, 255, 255, 1, 0), 'without a length'],
    ['more bytes than so few can make', bytes(255, 255, 255, 255, 15, 0, 0), '4294967295 bytes'],
    ['fewer bytes than the length says', bytes(4, 0x08, 'abc'), '3 bytes instead of 4'],
    ['more bytes than the length says', bytes(2, 0x08, 'abc'), 'literal of 3'],
    ['a literal cut short', bytes(3, 0x08, 'ab'), 'literal of 3'],
    ['a literal of four gibibytes', bytes(3, 0xfc, 255, 255, 255, 255), 'literal of 4294967296'],
    ['a literal without a length', bytes(3, 0xf4, 1), 'literal without a length'],
    ['a copy without a distance', bytes(4, 0x00, 'a', 0x0a, 1), 'copy without a distance'],
    ['a copy from nowhere', bytes(5, 0x00, 'a', 0x01, 0), 'from 0 before'],
    ['a copy from before the block', bytes(5, 0x00, 'a', 0x01, 2), 'from 2 before'],
    [
      'a copy from the block before',
      framed(literal('abcd'), bytes(5, 0x00, 'e', 0x01, 5)),
      'from 5 before',
    ],
    [
      'a copy from four gibibytes before',
      bytes(4, 0x08, 'abc', 0x03, 255, 255, 255, 255),
      'from 4294967295 before',
    ],
    ['a copy beyond the end', bytes(6, 0x08, 'abc', 0x01, 3), 'copy of 4 bytes'],
  ])('%s', (_, packed, message) => {
    expect(() => unpacked(packed)).toThrow(message)
  })

  test('what would be one byte too many', () => {
    const packed = framed(literal('abc'), literal('def'))
    expect(unpacked(packed, 6)).toBe('abcdef')
    expect(() => unpacked(packed, 5)).toThrow('more than 5 bytes')
  })
})
