import { MalformedFrame, Reader } from '../../binary/reader.ts'
import { Writer } from '../../binary/writer.ts'
import { codec, type Dialect } from '../codec.ts'
import type { Versions } from '../schema.ts'
import { type DraftOf, type Fields, isWithin, type Range, range, type ValueOf } from '../schema.ts'

/**
 * A message that is kept, in a record or inside another message: two bytes of version, then its
 * fields.
 */
export interface Stored<F extends Fields = Fields> {
  readonly name: string
  readonly versions: Range
  /** The first version with compact lengths and tagged fields; null where none has them. */
  readonly flexible: number | null
  readonly fields: F
}

/** Declares one. */
export const stored = <F extends Fields>(
  declaration: Omit<Stored<F>, 'versions'> & { readonly versions: Versions },
): Stored<F> => ({ ...declaration, versions: range(declaration.versions) })

export const dialectOfStored = ({ flexible }: Stored, version: number): Dialect =>
  flexible !== null && version >= flexible ? 'compact' : 'classic'

/** The bytes of a value in a version. */
export function encodeStored<F extends Fields>(
  table: Stored<F>,
  version: number,
  draft: DraftOf<F>,
): Uint8Array {
  const writer = new Writer()
  writer.int16(version)
  codec(table.fields, version, dialectOfStored(table, version)).write(writer, draft)
  return writer.bytes()
}

/**
 * The value of such bytes. Throws MalformedFrame, also for versions that Kafka 3.9 does not have.
 */
export function decodeStored<F extends Fields>(table: Stored<F>, bytes: Uint8Array): ValueOf<F> {
  const reader = new Reader(bytes)
  const version = reader.int16()
  if (!isWithin(version, table.versions))
    throw new MalformedFrame(`${table.name} of unknown version ${version}`)
  const value = codec(table.fields, version, dialectOfStored(table, version)).read(reader)
  reader.finish()
  return value
}
