import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BrokenInvariant } from '../../../src/assert.ts'
import { MalformedFrame, Reader } from '../../../src/binary/reader.ts'
import { Writer } from '../../../src/binary/writer.ts'
import {
  apis,
  codec,
  type Fields,
  fieldOf,
  isWithin,
  storedMessages,
} from '../../../src/protocol/index.ts'
import { type Message, messageOf, messagesOf, structOf } from './arbitrary.ts'

/**
 * Goal: every table, in every version, reads what it wrote, exactly, and nothing that is not so.
 */

const messages: Message[] = [
  ...Object.values(apis).flatMap(messagesOf),
  ...storedMessages.map(messageOf),
]

const codecOf = ({ fields, flexible }: Message, version: number) =>
  codec(fields, version, flexible !== null && version >= flexible ? 'compact' : 'classic')

function written(message: Message, version: number, value: Record<string, unknown>): Uint8Array {
  const writer = new Writer(8)
  codecOf(message, version).write(writer, value as never)
  return writer.bytes()
}

const read = (message: Message, version: number, bytes: Uint8Array) =>
  new Reader(bytes).within(bytes.length, codecOf(message, version).read)

/** A value with every field at its default. */
const blank = (fields: Fields): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).map(([name, entry]) => [name, fieldOf(entry).default]))

describe.each(messages)('$title', message => {
  const each = message.versions.map(version => ({
    version,
    values: structOf(message.fields, version),
  }))

  test('reads what it wrote in every version', () => {
    for (const { version, values } of each)
      fc.assert(
        fc.property(values, value => {
          const bytes = written(message, version, value)
          expect(isDeepStrictEqual(read(message, version, bytes), value)).toBe(true)
        }),
        { numRuns: 15 },
      )
  })

  test('refuses what is cut short or too long', () => {
    for (const { version, values } of each)
      fc.assert(
        fc.property(
          values,
          fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
          (value, cut) => {
            const bytes = written(message, version, value)
            if (bytes.length === 0) return
            const shorter = bytes.subarray(0, Math.floor(bytes.length * cut))
            expect(() => read(message, version, shorter)).toThrow(MalformedFrame)
            const longer = new Uint8Array(bytes.length + 1)
            longer.set(bytes)
            expect(() => read(message, version, longer)).toThrow(MalformedFrame)
          },
        ),
        { numRuns: 5 },
      )
  })

  test('says nothing in a version that lacks the field, unless it may be ignored', () => {
    for (const { version } of each)
      for (const [name, entry] of Object.entries(message.fields)) {
        const field = fieldOf(entry)
        if (isWithin(version, field.versions)) continue
        // The last version that has it can say what this one cannot.
        const other = message.versions.findLast(v => isWithin(v, field.versions)) as number
        const [said] = fc.sample(
          structOf({ [name]: entry }, other).filter(
            value => !isDeepStrictEqual(value, blank({ [name]: entry })),
          ),
          { numRuns: 1, seed: 1 },
        )
        const value = { ...blank(message.fields), ...said }
        if (field.ignorable)
          expect(read(message, version, written(message, version, value))[name]).toEqual(
            field.default,
          )
        else expect(() => written(message, version, value)).toThrow(BrokenInvariant)
      }
  })
})

test('random bytes are read or refused as malformed, nothing else', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...messages).chain(message =>
        fc.record({
          message: fc.constant(message),
          version: fc.constantFrom(...message.versions),
          bytes: fc.uint8Array({ maxLength: 60 }),
        }),
      ),
      ({ message, version, bytes }) => {
        try {
          read(message, version, bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedFrame)
        }
      },
    ),
    { numRuns: 5000 },
  )
})
