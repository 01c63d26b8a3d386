import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BrokenInvariant } from '../../../src/assert.ts'
import { crc32c } from '../../../src/binary/crc32c.ts'
import { murmur2, partitionOfKey } from '../../../src/binary/murmur2.ts'
import { MalformedFrame, Reader } from '../../../src/binary/reader.ts'
import { passThroughMin, Writer } from '../../../src/binary/writer.ts'

/** Goal: bytes come out as they went in, and what is not so is refused. */

const utf8 = (text: string) => new TextEncoder().encode(text)

const round = <T>(write: (writer: Writer) => void, read: (reader: Reader) => T): T => {
  const writer = new Writer(1)
  write(writer)
  const reader = new Reader(writer.bytes())
  const value = read(reader)
  reader.finish()
  return value
}

describe('numbers', () => {
  const kinds = {
    int8: fc.integer({ min: -0x80, max: 0x7f }),
    int16: fc.integer({ min: -0x8000, max: 0x7fff }),
    uint16: fc.integer({ min: 0, max: 0xffff }),
    int32: fc.integer(),
    uint32: fc.nat({ max: 0xffffffff }),
    int64: fc.maxSafeInteger(),
    float64: fc.double(),
    unsignedVarint: fc.nat({ max: 0xffffffff }),
    varint: fc.integer(),
    varlong: fc.maxSafeInteger(),
  }

  test.each(Object.keys(kinds) as (keyof typeof kinds)[])('%s reads what it wrote', kind => {
    fc.assert(
      fc.property(kinds[kind], value => {
        expect(
          round(
            w => w[kind](value),
            r => r[kind](),
          ),
        ).toBe(value)
      }),
      { numRuns: 1000 },
    )
  })

  test.each([
    ['int8', 128],
    ['int16', -32769],
    ['uint16', -1],
    ['int32', 2 ** 31],
    ['uint32', -1],
    ['int32', 1.5],
    ['int64', 2 ** 53],
    ['unsignedVarint', -1],
    ['varlong', 0.5],
  ] as const)('%s does not write %d', (kind, value) => {
    expect(() => new Writer()[kind](value)).toThrow(BrokenInvariant)
  })

  test('a missing number is not written as zero', () => {
    expect(() => new Writer().int32(undefined as never)).toThrow(BrokenInvariant)
    expect(() => new Writer().bool(undefined as never)).toThrow(BrokenInvariant)
  })

  test('a 64-bit number beyond the safe integers is malformed, clamped or bits', () => {
    const bytes = round(
      w => w.int64Bits(2n ** 63n - 1n),
      r => r.slice(8),
    )
    expect(() => new Reader(bytes).int64()).toThrow(MalformedFrame)
    expect(new Reader(bytes).int64Clamped()).toBe(Number.MAX_SAFE_INTEGER)
    expect(new Reader(bytes).int64Bits()).toBe(2n ** 63n - 1n)
  })

  test.each([
    [0, '00'],
    [-1, '01'],
    [1, '02'],
    [-64, '7f'],
    [64, '8001'],
    [2147483647, 'feffffff0f'],
    [-2147483648, 'ffffffff0f'],
  ])('varint %d is %s', (value, hex) => {
    expect(
      Buffer.from(
        round(
          w => w.varint(value),
          r => r.slice(r.remaining),
        ),
      ).toString('hex'),
    ).toBe(hex)
    expect(
      Buffer.from(
        round(
          w => w.varlong(value),
          r => r.slice(r.remaining),
        ),
      ).toString('hex'),
    ).toBe(hex)
  })

  test.each([
    [2147483648, '8080808010'],
    [-2147483649, '8180808010'],
    [Number.MAX_SAFE_INTEGER, 'feffffffffffff1f'],
    [Number.MIN_SAFE_INTEGER, 'fdffffffffffff1f'],
  ])('varlong %d is %s', (value, hex) => {
    expect(
      Buffer.from(
        round(
          w => w.varlong(value),
          r => r.slice(r.remaining),
        ),
      ).toString('hex'),
    ).toBe(hex)
  })

  test.each(['808080808000', 'ffffffff1f', '80'])('the varint %s is malformed', hex => {
    expect(() => new Reader(Buffer.from(hex, 'hex')).unsignedVarint()).toThrow(MalformedFrame)
  })

  test.each(['ffffffffffffffffff02', '8080808080808080808001', 'feffffffffffffffff01', '80'])(
    'the varlong %s is malformed',
    hex => {
      expect(() => new Reader(Buffer.from(hex, 'hex')).varlong()).toThrow(MalformedFrame)
    },
  )
})

describe('text', () => {
  test('reads what it wrote, of any length and alphabet', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), text => {
        expect(
          round(
            w => w.string(text, (to, n) => to.int16(n)),
            r => r.utf8(r.int16()),
          ),
        ).toBe(text)
      }),
    )
  })

  test('a byte order mark is part of it', () => {
    const text = '\ufeffand more than what is copied by hand'
    expect(
      round(
        w => w.string(text, (to, n) => to.int16(n)),
        r => r.utf8(r.int16()),
      ),
    ).toBe(text)
  })

  test('what is not UTF-8 is read as Java reads it', () => {
    expect(new Reader(Uint8Array.of(0x61, 0xff)).utf8(2)).toBe('a\ufffd')
  })
})

describe('lengths', () => {
  test('nothing is read past the end', () => {
    const reader = new Reader(new Uint8Array(3))
    expect(() => reader.int32()).toThrow(MalformedFrame)
    expect(() => reader.slice(4)).toThrow(MalformedFrame)
    expect(() => reader.slice(-1)).toThrow(MalformedFrame)
    expect(() => reader.utf8(-2)).toThrow(MalformedFrame)
    expect(() => reader.uuid()).toThrow(MalformedFrame)
    expect(reader.position).toBe(0)
  })

  test('a part must be read whole, and nothing beyond it', () => {
    const bytes = new Uint8Array(8)
    expect(() => new Reader(bytes).within(4, r => r.int16())).toThrow(MalformedFrame)
    expect(() => new Reader(bytes).within(4, r => r.int64())).toThrow(MalformedFrame)
    expect(() => new Reader(bytes).within(9, r => r.int64())).toThrow(MalformedFrame)
    expect(() => new Reader(bytes).within(-1, r => r.int64())).toThrow(MalformedFrame)
    const reader = new Reader(bytes)
    reader.within(4, r => r.int32())
    expect(reader.remaining).toBe(4)
  })
})

describe('chunks', () => {
  test('large bytes are passed through, small ones copied', () => {
    const large = new Uint8Array(passThroughMin).fill(7)
    const writer = new Writer(4)
    writer.int32(0)
    writer.passThrough(Uint8Array.of(1, 2))
    writer.passThrough(large)
    writer.int8(3)
    const chunks = writer.frame()
    expect(chunks).toHaveLength(3)
    expect(chunks[1]).toBe(large)
    expect([...(chunks[0] as Uint8Array)]).toEqual([0, 0, 0x08, 0x03, 1, 2])
    expect([...(chunks[2] as Uint8Array)]).toEqual([3])
  })

  test('all in one is the chunks joined, however the buffer grew', () => {
    const part = fc.uint8Array({ maxLength: 2 * passThroughMin, size: 'max' })
    fc.assert(
      fc.property(fc.array(fc.tuple(part, fc.boolean()), { maxLength: 8 }), parts => {
        const write = () => {
          const writer = new Writer(1)
          for (const [bytes, pass] of parts) {
            if (pass) writer.passThrough(bytes)
            else writer.raw(bytes)
          }
          return writer
        }
        const expected = Buffer.concat(parts.map(([bytes]) => bytes))
        expect(write().length).toBe(expected.length)
        expect(expected.equals(write().bytes())).toBe(true)
        expect(expected.equals(Buffer.concat(write().chunks()))).toBe(true)
      }),
      { numRuns: 50 },
    )
  })
})

describe('CRC-32C', () => {
  test.each([
    ['123456789', 0xe3069283],
    ['', 0],
    ['The quick brown fox jumps over the lazy dog', 0x22620404],
  ])('of %j', (text, crc) => {
    expect(crc32c(utf8(text))).toBe(crc)
  })

  test('of 32 zeros and 32 ones, as RFC 3720 gives them', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43)
  })

  test('of a part, and of parts one after another, is that of the whole', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (bytes, cut) => {
        const at = Math.min(cut, bytes.length)
        const whole = crc32c(bytes)
        expect(crc32c(bytes, at, bytes.length, crc32c(bytes, 0, at))).toBe(whole)
        const padded = Buffer.concat([new Uint8Array(at), bytes, new Uint8Array(3)])
        expect(crc32c(padded, at, at + bytes.length)).toBe(whole)
      }),
    )
  })
})

describe('murmur2', () => {
  // The values of Java's Utils.murmur2.
  test.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('of %s', (text, hash) => {
    expect(murmur2(utf8(text))).toBe(hash)
  })

  test('a partition is never negative', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.integer({ min: 1, max: 1000 }), (key, partitions) => {
        const partition = partitionOfKey(key, partitions)
        expect(partition).toBeGreaterThanOrEqual(0)
        expect(partition).toBeLessThan(partitions)
      }),
    )
  })
})
