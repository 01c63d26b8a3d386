import { assert, BrokenInvariant } from '../assert.ts'
import { MalformedFrame, type Reader } from '../binary/reader.ts'
import { Writer } from '../binary/writer.ts'
import {
  type DraftOf,
  type Field,
  type Fields,
  fieldOf,
  isWithin,
  type ScalarKind,
  type Type,
  type ValueOf,
} from './schema.ts'

/**
 * From a table and a version to functions that read and write. They are closures composed once per
 * table and version, on first use: no generated source, honest stack traces.
 */

/**
 * How lengths are written.
 *
 * - `classic`: a string's in 2 bytes, others in 4; −1 is null. Kafka before KIP-482.
 * - `compact`: all as unsigned varints, one too many so that 0 is null; structs end in tagged
 *   fields.
 * - `jute`: all in 4 bytes; −1 is null. ZooKeeper.
 */
export type Dialect = 'classic' | 'compact' | 'jute'

type Read = (reader: Reader) => unknown
type Write = (writer: Writer, value: never) => void

interface TypeCodec {
  readonly read: Read
  readonly write: Write
}

export interface Codec<F extends Fields> {
  /** Reads one message; throws MalformedFrame. What follows it is left for the caller. */
  read(reader: Reader): ValueOf<F>
  /** Writes one message; a value that does not fit its type or version is a broken invariant. */
  write(writer: Writer, draft: DraftOf<F>): void
}

const readLength: { readonly [d in Dialect]: (r: Reader, ofString: boolean) => number } = {
  classic: (r, ofString) => (ofString ? r.int16() : r.int32()),
  compact: r => r.unsignedVarint() - 1,
  jute: r => r.int32(),
}

const writeLength: { readonly [d in Dialect]: (w: Writer, n: number, ofString: boolean) => void } =
  {
    classic: (w, n, ofString) => (ofString ? w.int16(n) : w.int32(n)),
    compact: (w, n) => w.unsignedVarint(n + 1),
    jute: (w, n) => w.int32(n),
  }

function refuseNull(reader: Reader): never {
  throw new MalformedFrame(`null before ${reader.position}, where there is none`)
}

/**
 * What is as long as it says: strings, bytes, arrays. Null has the length −1, also where it is
 * refused.
 */
function lengthy<T>(
  dialect: Dialect,
  ofString: boolean,
  mayBeNull: boolean,
  read: (reader: Reader, length: number) => T,
  write: (writer: Writer, value: T) => void,
): TypeCodec {
  const length = readLength[dialect]
  const lengthTo = writeLength[dialect]
  return {
    read(reader) {
      const n = length(reader, ofString)
      if (n >= 0) return read(reader, n)
      if (n < -1) throw new MalformedFrame(`length ${n} before ${reader.position}`)
      return mayBeNull ? null : refuseNull(reader)
    },
    write(writer, value: T | null) {
      if (value !== null) write(writer, value)
      else {
        assert(mayBeNull, 'null, where this version has none')
        lengthTo(writer, -1, ofString)
      }
    },
  }
}

type Fixed = Exclude<ScalarKind, 'string' | 'bytes' | 'records'>

/** Types of a fixed length: the reader's and writer's methods of the same name. */
function fixed(kind: Fixed): TypeCodec {
  if (kind === 'int64Clamped')
    return { read: r => r.int64Clamped(), write: (w, value) => w.int64(value) }
  return { read: r => r[kind](), write: (w, value) => w[kind](value) }
}

function typeCodec(type: Type, version: number, dialect: Dialect): TypeCodec {
  const mayBeNull = type.nullable !== null && isWithin(version, type.nullable)
  const lengthTo = writeLength[dialect]
  switch (type.kind) {
    case 'string': {
      const stringLengthTo = (w: Writer, n: number) => lengthTo(w, n, true)
      return lengthy<string>(
        dialect,
        true,
        mayBeNull,
        (r, length) => r.utf8(length),
        (w, value) => w.string(value, stringLengthTo),
      )
    }
    case 'bytes':
    case 'records': {
      const passes = type.kind === 'records'
      return lengthy<Uint8Array>(
        dialect,
        false,
        mayBeNull,
        (r, length) => r.slice(length),
        (w, value) => {
          lengthTo(w, value.length, false)
          if (passes) w.passThrough(value)
          else w.raw(value)
        },
      )
    }
    case 'array': {
      const element = typeCodec(type.element as Type, version, dialect)
      const readElement = element.read
      const writeElement = element.write as (w: Writer, value: unknown) => void
      return lengthy<readonly unknown[]>(
        dialect,
        false,
        mayBeNull,
        (r, length) => {
          // No element is empty: this bounds what a short frame can make us allocate.
          if (length > r.remaining)
            throw new MalformedFrame(`${length} elements in ${r.remaining} bytes at ${r.position}`)
          const elements: unknown[] = []
          for (let i = 0; i < length; i++) elements.push(readElement(r))
          return elements
        },
        (w, value) => {
          lengthTo(w, value.length, false)
          for (const one of value) writeElement(w, one)
        },
      )
    }
    case 'struct': {
      const { read, write } = structCodec(type.fields as Fields, version, dialect)
      if (!mayBeNull) return { read, write }
      return {
        read: r => (r.int8() < 0 ? null : read(r)),
        write(w, value: Record<string, unknown> | null) {
          w.int8(value === null ? -1 : 1)
          if (value !== null) write(w, value)
        },
      }
    }
    default:
      return fixed(type.kind)
  }
}

interface FieldCodec {
  readonly name: string
  readonly field: Field
  /** A bare type: the writer must say it. */
  readonly required: boolean
  readonly read: Read
  readonly write: (writer: Writer, value: unknown) => void
}

interface StructCodec {
  read(reader: Reader): Record<string, unknown>
  write(writer: Writer, value: Record<string, unknown>): void
}

function structCodec(fields: Fields, version: number, dialect: Dialect): StructCodec {
  const present: FieldCodec[] = []
  const withTags: FieldCodec[] = []
  /** Fields that this version lacks and that must then say nothing. */
  const lacking: { readonly name: string; readonly field: Field }[] = []
  const blank: Record<string, unknown> = {}
  for (const [name, entry] of Object.entries(fields)) {
    const field = fieldOf(entry)
    blank[name] = field.default
    if (!isWithin(version, field.versions)) {
      if (!field.ignorable) lacking.push({ name, field })
      continue
    }
    const { read, write } = typeCodec(field.type, version, dialect)
    const required = field !== entry
    const codec: FieldCodec = { name, field, required, read, write: write as FieldCodec['write'] }
    if (field.tag === null) present.push(codec)
    else withTags.push(codec)
  }
  withTags.sort((one, other) => (one.field.tag as number) - (other.field.tag as number))
  const flexible = dialect === 'compact'
  assert(flexible || withTags.length === 0, 'a tagged field in a version that is not flexible')

  return {
    read(reader) {
      // A copy of one blank has all fields at once, in one order: the engine gives all values one
      // shape.
      const value = { ...blank }
      for (const { name, read } of present) value[name] = read(reader)
      if (flexible) readTagged(reader, withTags, value)
      return value
    },
    write(writer, value) {
      for (const { name, field } of lacking) {
        const said = value[name]
        if (said !== undefined && !isDefault(field.type, said, field.default))
          throw new BrokenInvariant(`${name} is not in version ${version}`)
      }
      for (const { name, field, required, write } of present) {
        const said = value[name]
        if (said === undefined && required) throw new BrokenInvariant(`${name} is missing`)
        write(writer, said === undefined ? field.default : said)
      }
      if (flexible) writeTagged(writer, withTags, value)
    },
  }
}

function readTagged(
  reader: Reader,
  withTags: readonly FieldCodec[],
  value: Record<string, unknown>,
): void {
  let tags = reader.unsignedVarint()
  for (; tags > 0; tags--) {
    const tag = reader.unsignedVarint()
    const length = reader.unsignedVarint()
    const known = withTags.find(({ field }) => field.tag === tag)
    // A newer peer may say more than we know.
    if (known === undefined) reader.slice(length)
    else value[known.name] = reader.within(length, known.read)
  }
}

function writeTagged(
  writer: Writer,
  withTags: readonly FieldCodec[],
  value: Record<string, unknown>,
): void {
  if (withTags.length === 0) {
    writer.unsignedVarint(0)
    return
  }
  let said = 0
  for (const one of withTags) if (isSaid(one, value)) said++
  writer.unsignedVarint(said)
  if (said === 0) return
  for (const one of withTags) {
    if (!isSaid(one, value)) continue
    const inner = new Writer(64)
    one.write(inner, value[one.name])
    writer.unsignedVarint(one.field.tag as number)
    writer.unsignedVarint(inner.length)
    for (const chunk of inner.chunks()) writer.passThrough(chunk)
  }
}

function isSaid({ name, field }: FieldCodec, value: Record<string, unknown>): boolean {
  const said = value[name]
  return said !== undefined && !isDefault(field.type, said, field.default)
}

/** Whether a draft says no more than the default; in structs, what is missing says nothing. */
function isDefault(type: Type, said: unknown, value: unknown): boolean {
  if (said === value) return true
  if (said === null || value === null) return false
  switch (type.kind) {
    case 'array':
      return (said as unknown[]).length === 0 && (value as unknown[]).length === 0
    case 'bytes':
    case 'records':
      return (said as Uint8Array).length === 0 && (value as Uint8Array).length === 0
    case 'struct':
      return Object.entries(type.fields as Fields).every(([name, entry]) => {
        const one = (said as Record<string, unknown>)[name]
        const other = (value as Record<string, unknown>)[name]
        return one === undefined || isDefault(fieldOf(entry).type, one, other)
      })
    default:
      return false
  }
}

type ByVersion = { [version: number]: StructCodec | undefined }
const composed: { readonly [d in Dialect]: WeakMap<Fields, ByVersion> } = {
  classic: new WeakMap(),
  compact: new WeakMap(),
  jute: new WeakMap(),
}

/** The codec of a table in a version, composed on first use. */
export function codec<F extends Fields>(fields: F, version: number, dialect: Dialect): Codec<F> {
  let byVersion = composed[dialect].get(fields)
  if (byVersion === undefined) {
    byVersion = {}
    composed[dialect].set(fields, byVersion)
  }
  const found = byVersion[version] ?? structCodec(fields, version, dialect)
  byVersion[version] = found
  // The table says what its codec reads and writes; the compiler cannot follow it through closures.
  return found as Codec<F>
}
