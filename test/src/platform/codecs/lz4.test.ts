import { describe, expect, test } from 'vitest'
import { lz4 } from '../../../../src/platform/codecs/lz4.ts'
import { xxhash32 } from '../../../../src/platform/codecs/xxhash32.ts'

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

const uint32 = (value: number): number[] => [0, 8, 16, 24].map(bits => (value >>> bits) & 0xff)
const magic = uint32(0x184d2204)
const endMark = uint32(0)

/** A frame's header with its checksum made right. */
const header = (flag: number, descriptor = 0x40, more: readonly number[] = []): number[] => {
  const checked = bytes(flag, descriptor, more)
  return [...magic, ...checked, (xxhash32(checked) >>> 8) & 0xff]
}
const plainHeader = header(0x60)

/** A block of what is not packed. */
const stored = (text: string) => bytes(uint32(0x8000_0000 + text.length), text)
const packed = (...block: (number | string)[]): Uint8Array => {
  const all = bytes(...block)
  return bytes(uint32(all.length), all)
}

const unpacked = (frame: Uint8Array, sizeMax = 1000) =>
  Buffer.from(lz4.decompress(frame, sizeMax)).toString()

describe('written', () => {
  test('is the frame Java writes: version 1, independent blocks of 64 KiB, no checksums', () => {
    expect(lz4.compress(bytes('abc'))).toEqual(
      bytes([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82], stored('abc'), endMark),
    )
  })

  test('takes 64 KiB a block', () => {
    const frame = lz4.compress(new Uint8Array(130_000))
    const view = new DataView(frame.buffer)
    const lengths: number[] = []
    for (let at = 7; at < frame.length; at += 4 + (lengths.at(-1) ?? 0))
      lengths.push(view.getUint32(at, true))
    expect(lengths).toHaveLength(3)
    expect(lengths.at(-1)).toBe(0)
  })
})

describe('read', () => {
  test.each([
    ['an empty frame', bytes(plainHeader, endMark), ''],
    ['a stored block', bytes(plainHeader, stored('abc'), endMark), 'abc'],
    ['a block of literals', bytes(plainHeader, packed(0x30, 'abc'), endMark), 'abc'],
    [
      'a match that overlaps itself',
      bytes(plainHeader, packed(0x11, 'a', 1, 0, 0x10, 'b'), endMark),
      'aaaaaab',
    ],
    [
      'long lengths',
      bytes(plainHeader, packed(0xff, 0, 'abcdefghijklmno', 15, 0, 1, 0x10, '.'), endMark),
      'abcdefghijklmnoabcdefghijklmnoabcde.',
    ],
    [
      'several frames, and one to be passed over',
      bytes(
        plainHeader,
        stored('abc'),
        endMark,
        uint32(0x184d2a53),
        uint32(2),
        'xx',
        plainHeader,
        stored('def'),
        endMark,
      ),
      'abcdef',
    ],
    [
      'a match into the block before, where blocks depend',
      bytes(header(0x40), stored('abcdefgh'), packed(0x03, 8, 0, 0x10, '!'), endMark),
      'abcdefghabcdefg!',
    ],
    [
      'the size and the checksum of the content, and of its block',
      bytes(
        header(0x7c, 0x70, [3, 0, 0, 0, 0, 0, 0, 0]),
        stored('abc'),
        uint32(0x32d153ff),
        endMark,
        uint32(0x32d153ff),
      ),
      'abc',
    ],
  ])('%s', (_, frame, text) => {
    expect(unpacked(frame)).toBe(text)
  })

  test('the frame of another writer, with dependent blocks and all checksums', () => {
    // By the tool lz4 1.9.4 with -BD -B4 -BX --content-size.
    const frame = Buffer.from(
      [
        '04224d185c407011010000000000e338010000ff0b6162636465666768696a6b6c6d6e6f70717273747576',
        '7778797a1a00ffffffbe0fdb03ffffffcb09b7070fb607ffffffbe09db0309920b0fd007',
        'ff'.repeat(245),
        '2550797a6162637dd9e08a1e0000000ffdffffbe0f00fa',
        'ff'.repeat(15),
        '97507576777879d2c82e9c000000001ee39369',
      ].join(''),
      'hex',
    )
    const letters = Array.from({ length: 70_000 }, (_, i) =>
      String.fromCharCode(97 + ((i + Math.floor(i / 1000)) % 26)),
    )
    expect(unpacked(frame, 70_000)).toBe(letters.join(''))
  })
})

describe('refused', () => {
  const tooLong = packed(0x1f, 'a', 1, 0, ...Array(260).fill(255), 0, 0x10, 'b')

  test.each([
    ['another magic', bytes(uint32(0x184c2102), stored('abc'), endMark), 'magic 0x184c2102'],
    ['another version', bytes(header(0xa0), endMark), 'version 2'],
    ['reserved bits', bytes(header(0x62), endMark), 'reserved'],
    ['reserved bits of the block size', bytes(header(0x60, 0xc0), endMark), 'reserved'],
    ['a block size nobody defined', bytes(header(0x60, 0x30), endMark), 'block size of 3'],
    ['a dictionary', bytes(header(0x61, 0x40, [1, 0, 0, 0]), endMark), 'dictionary'],
    [
      'a wrong checksum of the header, as Kafka’s oldest clients wrote it',
      bytes(magic, 0x60, 0x40, 0x83, endMark),
      'checksum of the header',
    ],
    [
      'a wrong checksum of a block',
      bytes(header(0x70), stored('abc'), uint32(1), endMark),
      'checksum of a block',
    ],
    [
      'a wrong checksum of the content',
      bytes(header(0x64), stored('abc'), endMark, uint32(1)),
      'checksum of the content',
    ],
    [
      'another size of the content',
      bytes(header(0x68, 0x40, [4, 0, 0, 0, 0, 0, 0, 0]), stored('abc'), endMark),
      '3 bytes instead of 4',
    ],
    ['no end mark', bytes(plainHeader, stored('abc')), 'cut short'],
    ['a block cut short', bytes(plainHeader, uint32(9), 'abc'), 'cut short'],
    ['bytes behind the frame', bytes(plainHeader, endMark, 'more'), 'magic'],
    ['a block larger than announced', bytes(plainHeader, tooLong, endMark), 'at most 65536'],
    ['a distance of 0', bytes(plainHeader, packed(0x10, 'a', 0, 0, 0), endMark), 'from 0 before'],
    [
      'a match before the frame',
      bytes(header(0x40), packed(0x10, 'a', 2, 0, 0x10, 'b'), endMark),
      'from 2 before',
    ],
    [
      'a match into the block before, where blocks are independent',
      bytes(plainHeader, stored('abcdefgh'), packed(0x03, 8, 0, 0x10, '!'), endMark),
      'from 8 before',
    ],
    ['a literal beyond the block', bytes(plainHeader, packed(0x40, 'abc'), endMark), 'literal'],
    ['a length cut short', bytes(plainHeader, packed(0xf0, 255), endMark), 'length'],
    ['a match without a distance', bytes(plainHeader, packed(0x10, 'a', 1), endMark), 'distance'],
    [
      'a block that ends with a match',
      bytes(plainHeader, packed(0x10, 'a', 1, 0), endMark),
      'last literals',
    ],
  ])('%s', (_, frame, message) => {
    expect(() => unpacked(frame, 1_000_000)).toThrow(message)
  })

  test('what would be one byte too many', () => {
    const frame = bytes(plainHeader, packed(0x11, 'a', 1, 0, 0x10, 'b'), endMark)
    expect(unpacked(frame, 7)).toBe('aaaaaab')
    expect(() => unpacked(frame, 6)).toThrow('more than 6 bytes')
  })
})
