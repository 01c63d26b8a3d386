import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nodeCompression } from '../../src/platform/node-compression.ts'
import { compressionNames } from '../../src/records/compression.ts'
import { packable } from '../src/platform/packable.ts'

/**
 * Goal: what was packed is unpacked to the byte; whatever else is unpacked is read or refused as corrupt, within its bound
 * and in time that grows with the bytes alone.
 *
 * `FUZZ_SECONDS` per test, 20 unless set. fast-check prints the seed of what it finds.
 */

const seconds = Number(process.env.FUZZ_SECONDS ?? 20)
const budget = { numRuns: Number.MAX_SAFE_INTEGER, interruptAfterTimeLimit: seconds * 1000 }
const timeout = (seconds + 30) * 1000
const compression = nodeCompression()
const codecs = compressionNames.filter(name => name !== 'none')

/** Places, by how far in, and what to write there. */
const bends = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255)), {
  minLength: 1,
  maxLength: 6,
})

test.each(codecs)(
  '%s: packed bytes come back',
  codec => {
    fc.assert(
      fc.property(packable(400_000), bytes => {
        const packed = compression.compress(codec, bytes)
        const unpacked = compression.decompress(codec, packed, bytes.length)
        expect(Buffer.compare(unpacked, bytes)).toBe(0)
      }),
      budget,
    )
  },
  timeout,
)

test.each(codecs)(
  '%s: bent bytes are read or corrupt',
  codec => {
    const sizeMax = 20_000
    fc.assert(
      fc.property(packable(10_000), bends, fc.nat(40), (bytes, places, cut) => {
        const bent = compression.compress(codec, bytes).slice()
        for (const [place, byte] of places) bent[Math.floor(place * (bent.length - 1))] = byte
        try {
          const unpacked = compression.decompress(
            codec,
            bent.subarray(0, bent.length - cut),
            sizeMax,
          )
          expect(unpacked.length).toBeLessThanOrEqual(sizeMax)
        } catch (error) {
          expect(error).toMatchObject({ name: 'CorruptData' })
        }
      }),
      budget,
    )
  },
  timeout,
)

test.each(codecs)(
  '%s: any bytes are read or corrupt',
  codec => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
        try {
          compression.decompress(codec, bytes, 20_000)
        } catch (error) {
          expect(error).toMatchObject({ name: 'CorruptData' })
        }
      }),
      budget,
    )
  },
  timeout,
)
