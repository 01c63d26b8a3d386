import fc from 'fast-check'
import { uuid } from '../../../src/ids.ts'
import {
  type Api,
  type Fields,
  fieldOf,
  isWithin,
  type Stored,
  type Type,
} from '../../../src/protocol/index.ts'

/** Values of a table, for properties. */

/** A message with all its versions: both halves of an API, or a stored one. */
export interface Message {
  readonly title: string
  readonly fields: Fields
  readonly flexible: number | null
  readonly versions: readonly number[]
}

const numbers = ([first, last]: readonly [number, number]): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i)

export const messagesOf = (api: Api): Message[] => {
  const versions = numbers(api.versions)
  const { name, flexible } = api
  return [
    { title: `${name} request`, fields: api.request, flexible, versions },
    { title: `${name} response`, fields: api.response, flexible, versions },
  ]
}

export const messageOf = ({ name, fields, flexible, versions }: Stored): Message => ({
  title: name,
  fields,
  flexible,
  versions: numbers(versions),
})

const anyBytes = fc.uint8Array({ maxLength: 40 })

/** Values that this type may have in this version. */
export function valuesOf(type: Type, version: number): fc.Arbitrary<unknown> {
  const some = nonNull(type, version)
  return type.nullable !== null && isWithin(version, type.nullable)
    ? fc.option(some, { nil: null, freq: 4 })
    : some
}

function nonNull(type: Type, version: number): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'bool':
      return fc.boolean()
    case 'int8':
      return fc.integer({ min: -128, max: 127 })
    case 'int16':
      return fc.integer({ min: -32768, max: 32767 })
    case 'uint16':
      return fc.integer({ min: 0, max: 65535 })
    case 'int32':
      return fc.integer()
    case 'int64':
    case 'int64Clamped':
      return fc.maxSafeInteger()
    case 'int64Bits':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    case 'float64':
      return fc.double()
    case 'string':
      return fc.string({ unit: 'binary', maxLength: 40 })
    case 'bytes':
    case 'records':
      return anyBytes
    case 'uuid':
      return fc.uint8Array({ minLength: 16, maxLength: 16 }).map(uuid)
    case 'array':
      return fc.array(valuesOf(type.element as Type, version), { maxLength: 3 })
    case 'struct':
      return structOf(type.fields as Fields, version)
  }
}

/** Values of a table in a version; fields that the version lacks have their default. */
export function structOf(fields: Fields, version: number): fc.Arbitrary<Record<string, unknown>> {
  return fc.record(
    Object.fromEntries(
      Object.entries(fields).map(([name, entry]) => {
        const field = fieldOf(entry)
        const present = isWithin(version, field.versions)
        return [name, present ? valuesOf(field.type, version) : fc.constant(field.default)]
      }),
    ),
    { noNullPrototype: true },
  )
}
