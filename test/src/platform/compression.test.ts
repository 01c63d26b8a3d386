import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nodeCompression } from '../../../src/platform/node-compression.ts'
import { pureCompression } from '../../../src/platform/pure-compression.ts'
import { compressionNames } from '../../../src/records/compression.ts'
import { packable } from './packable.ts'

const compression = nodeCompression()
const mebibyte = 1024 * 1024
const packing = compressionNames.filter(name => name !== 'none')

describe.each(compressionNames)('%s', codec => {
  const pack = (bytes: Uint8Array) => compression.compress(codec, bytes)
  const unpack = (bytes: Uint8Array, sizeMax = 64 * mebibyte) =>
    compression.decompress(codec, bytes, sizeMax)

  test('gives back what it was given', () => {
    fc.assert(
      fc.property(packable(200_000), bytes => {
        const packed = pack(bytes)
        // Bounds hold to the byte.
        expect(Buffer.compare(unpack(packed, bytes.length), bytes)).toBe(0)
        if (bytes.length > 0) expect(() => unpack(packed, bytes.length - 1)).toThrow('more than')
      }),
      { numRuns: 200 },
    )
  })

  test('packs bytes of every length around the edges of its blocks', () => {
    const random = Uint8Array.from({ length: 70_000 }, (_, i) => (i * i * 31 + (i >> 3)) & 0xff)
    const lengths = [32, 64, 65].flatMap(k =>
      Array.from({ length: 33 }, (_, i) => k * 1024 - 16 + i),
    )
    for (const length of [...Array.from({ length: 300 }, (_, i) => i), ...lengths])
      for (const bytes of [random.subarray(0, length), new Uint8Array(length).fill(7)])
        expect(Buffer.compare(unpack(pack(bytes)), bytes)).toBe(0)
  })

  test('gives no Buffer, whose slice is another one', () => {
    const packed = pack(new Uint8Array(100))
    expect(packed.constructor).toBe(Uint8Array)
    expect(unpack(packed).constructor).toBe(Uint8Array)
  })

  test('leaves what it was given as it was, and reads from the middle of a buffer', () => {
    const bytes = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7) & 0x3f)
    const before = bytes.slice()
    const packed = pack(bytes)
    const within = new Uint8Array(packed.length + 20).fill(0x82)
    within.set(packed, 10)
    expect(unpack(within.subarray(10, 10 + packed.length))).toEqual(bytes)
    expect(bytes).toEqual(before)
  })
})

describe.each(packing)('%s', codec => {
  const pack = (bytes: Uint8Array) => compression.compress(codec, bytes)
  const unpack = (bytes: Uint8Array, sizeMax = 64 * mebibyte) =>
    compression.decompress(codec, bytes, sizeMax)

  test('makes text smaller', () => {
    const text = new TextEncoder().encode(
      'the quick brown fox jumps over the lazy dog. '.repeat(99),
    )
    expect(pack(text).length).toBeLessThan(text.length / 5)
  })

  test('makes what cannot be packed hardly larger', () => {
    const noise = crypto.getRandomValues(new Uint8Array(60_000))
    expect(pack(noise).length).toBeLessThan(60_100)
  })

  test('does not read no bytes at all', () => {
    expect(() => unpack(new Uint8Array(0))).toThrow()
  })

  test('does not read what is cut short, wherever that is', () => {
    const bytes = Uint8Array.from({ length: 3000 }, (_, i) => (i * i) >> 5)
    const packed = pack(bytes)
    for (let length = 0; length < packed.length; length++) {
      // Framed snappy has no end mark: cut between two blocks it is whole. Here it has one block.
      if (codec === 'snappy' && length === 16) continue
      expect(() => unpack(packed.subarray(0, length)), `${length}`).toThrow()
    }
  })

  test('does not read what is no such thing', () => {
    const text = new TextEncoder().encode('these are words, and nothing packed them')
    expect(() => unpack(text)).toThrow()
    expect(() => unpack(new Uint8Array(100))).toThrow()
    expect(() => unpack(new Uint8Array(100).fill(255))).toThrow()
  })

  test('reads what was packed in pieces, all of it under one bound', () => {
    const pieces = ['one after', '', ' another'].map(text => new TextEncoder().encode(text))
    const packed = Buffer.concat(pieces.map(pack))
    expect(Buffer.from(unpack(packed, 17)).toString()).toBe('one after another')
    expect(() => unpack(packed, 16)).toThrow('more than')
  })

  test('does not pass over what stands behind', () => {
    const packed = pack(new TextEncoder().encode('one'))
    expect(() => unpack(Buffer.concat([packed, Buffer.from('two')]))).toThrow()
  })

  test('refuses a bomb, and holds no more of it than the bound', () => {
    const bomb = pack(new Uint8Array(256 * mebibyte))
    // Freed memory is not given back at once: what counts is that the bound, not the claim, is what is taken.
    const before = process.memoryUsage.rss()
    expect(() => unpack(bomb, 4 * mebibyte)).toThrow(`more than ${4 * mebibyte} bytes`)
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * mebibyte)
  })

  test('reads bent bytes or refuses them, and stays within the bound', () => {
    const sample = pack(Uint8Array.from({ length: 3000 }, (_, i) => (i * i) >> 5))
    const bends = fc.array(fc.tuple(fc.nat(sample.length - 1), fc.nat(255)), {
      minLength: 1,
      maxLength: 5,
    })
    fc.assert(
      fc.property(bends, places => {
        const bent = sample.slice()
        for (const [at, byte] of places) bent[at] = byte
        try {
          expect(unpack(bent, 5000).length).toBeLessThanOrEqual(5000)
        } catch (error) {
          expect(error).toMatchObject({ name: 'CorruptData' })
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('without Node', () => {
  const pure = pureCompression()

  test('there are none, snappy and lz4', () => {
    expect(compressionNames.filter(codec => pure.supports(codec))).toEqual([
      'none',
      'snappy',
      'lz4',
    ])
    expect(compressionNames.filter(codec => compression.supports(codec))).toEqual(compressionNames)
  })

  test.each(['gzip', 'zstd'] as const)('%s is refused by name', codec => {
    expect(() => pure.compress(codec, new Uint8Array(1))).toThrow(`no ${codec}`)
    expect(() => pure.decompress(codec, new Uint8Array(1), 1)).toThrow(`no ${codec}`)
  })
})
