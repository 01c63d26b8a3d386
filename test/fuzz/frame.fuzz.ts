import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MalformedFrame } from '../../src/binary/reader.ts'
import {
  type Api,
  apis,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  FrameSplitter,
} from '../../src/protocol/index.ts'

/**
 * Goal: whatever bytes arrive, they are read or refused as malformed; nothing else is thrown,
 * nothing hangs, and what was read can be written and read again.
 *
 * `FUZZ_SECONDS` per test, 20 unless set. fast-check prints the seed of what it finds.
 */

const seconds = Number(process.env.FUZZ_SECONDS ?? 20)
const budget = { numRuns: Number.MAX_SAFE_INTEGER, interruptAfterTimeLimit: seconds * 1000 }
const timeout = (seconds + 30) * 1000
const all = Object.values(apis) as readonly Api[]

/** Frames of real clients and brokers, to be bent. */
const golden = join(import.meta.dirname, '../golden')
const real = readdirSync(golden)
  .filter(name => name.endsWith('.txt'))
  .flatMap(name => {
    const api = all.find(({ key }) => key === Number(name.slice(0, 2))) as Api
    const text = readFileSync(join(golden, name), 'utf8')
    return [...text.matchAll(/^(request|response) v(\d+) from .*\n((?: {2}[0-9a-f]+\n)+)/gm)].map(
      ([, direction, version, hex = '']) => ({
        api,
        direction,
        version: Number(version),
        frame: Uint8Array.from(Buffer.from(hex.replace(/\s/g, ''), 'hex')),
      }),
    )
  })

const orMalformed = (read: () => void): void => {
  try {
    read()
  } catch (error) {
    if (!(error instanceof MalformedFrame)) throw error
  }
}

const frameOf = (chunks: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(Buffer.concat(chunks).subarray(4))

function readRequest(frame: Uint8Array): void {
  const { api, version, header, body, unsupported } = decodeRequest(frame)
  if (unsupported) return
  const again = decodeRequest(frameOf(encodeRequest(api, version, header, body)))
  expect(isDeepStrictEqual(again.body, body)).toBe(true)
}

function readResponse(api: Api, version: number, frame: Uint8Array): void {
  const { correlationId, body } = decodeResponse(api, version, frame)
  // A refused ApiVersions is answered in v0, whatever was asked.
  if (api.key === apis.ApiVersions.key) return
  const again = decodeResponse(
    api,
    version,
    frameOf(encodeResponse(api, version, correlationId, body)),
  )
  expect(isDeepStrictEqual(again.body, body)).toBe(true)
}

test('random requests of every API and version', { timeout }, () => {
  const request = fc
    .constantFrom(...all)
    .chain(({ key, versions: [min, max] }) =>
      fc.tuple(
        fc.constant(key),
        fc.integer({ min: min - 1, max: max + 1 }),
        fc.uint8Array({ maxLength: 200 }),
      ),
    )
  fc.assert(
    fc.property(request, ([key, version, rest]) => {
      const frame = Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...rest])
      const view = new DataView(frame.buffer)
      view.setInt16(0, key)
      view.setInt16(2, version)
      orMalformed(() => readRequest(frame))
    }),
    budget,
  )
})

test('real frames, bent', { timeout }, () => {
  const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  const bend = fc.oneof(
    fc.record({ kind: fc.constant('set' as const), place, byte: fc.integer({ min: 0, max: 255 }) }),
    fc.record({ kind: fc.constant('flip' as const), place, byte: fc.nat(7).map(bit => 1 << bit) }),
    fc.record({ kind: fc.constant('cut' as const), place, byte: fc.constant(0) }),
    fc.record({
      kind: fc.constant('insert' as const),
      place,
      byte: fc.integer({ min: 0, max: 255 }),
    }),
  )
  const bends = fc.array(bend, { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(fc.constantFrom(...real), bends, ({ api, direction, version, frame }, changes) => {
      let bent = [...frame]
      for (const change of changes) {
        const at = Math.floor(change.place * bent.length)
        if (change.kind === 'set') bent[at] = change.byte
        else if (change.kind === 'flip') bent[at] = (bent[at] ?? 0) ^ change.byte
        else if (change.kind === 'insert') bent.splice(at, 0, change.byte)
        else bent = bent.slice(0, at)
      }
      const bytes = Uint8Array.from(bent)
      if (direction === 'request') orMalformed(() => readRequest(bytes))
      else orMalformed(() => readResponse(api, version, bytes))
    }),
    budget,
  )
})

test('random streams, cut anywhere', { timeout }, () => {
  const frameBytesMax = 1000
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 }), chunks => {
      const splitter = new FrameSplitter(frameBytesMax)
      orMalformed(() => {
        for (const chunk of chunks)
          for (const frame of splitter.push(chunk))
            expect(frame.length).toBeLessThanOrEqual(frameBytesMax)
      })
      expect(splitter.pendingBytes).toBeLessThanOrEqual(frameBytesMax + 4)
    }),
    budget,
  )
})
