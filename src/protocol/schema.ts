import { assert } from '../assert.ts'
import { noUuid, type Uuid } from '../ids.ts'

/**
 * The language in which the wire is declared: one table of fields per message, for all its
 * versions.
 *
 * A *type* says how a value looks on the wire. A *field* is a type with the versions it is in, a
 * default and perhaps a tag. A table is plain data: codec, documents and tests all read it. The
 * types of values are inferred from it; there is no second declaration.
 */

/** `'3+'`, `'0-12'`, `'8'`: the versions in which something is so. */
export type Versions = `${number}+` | `${number}-${number}` | `${number}`

/** First and last version, both included. */
export type Range = readonly [first: number, last: number]

export type ScalarKind =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'int64'
  | 'int64Clamped'
  | 'int64Bits'
  | 'float64'
  | 'string'
  | 'bytes'
  | 'records'
  | 'uuid'

declare const values: unique symbol

/**
 * A type of the wire.
 *
 * @typeParam Value what is read
 * @typeParam Draft what may be written: fields that have a default may be missing
 */
export interface Type<Value = unknown, Draft = Value> {
  readonly kind: ScalarKind | 'array' | 'struct'
  /** Versions in which it may be null; null where it never may. */
  readonly nullable: Range | null
  /** Of an array: its elements. */
  readonly element: Type | null
  /** Of a struct: its fields. */
  readonly fields: Fields | null
  /** Exists for the compiler alone. */
  readonly [values]?: { readonly value: Value; readonly draft: Draft }
}

/** A type with the versions it is in. Where a table says only the type, it is in all versions. */
export interface Field<Value = unknown, Draft = Value> {
  readonly type: Type
  readonly versions: Range
  /** The value where it is not on the wire. */
  readonly default: unknown
  /** Its tag, where it stands among the tagged fields. */
  readonly tag: number | null
  /** Whether it may silently be left out of a version which lacks it, even if it says something. */
  readonly ignorable: boolean
  readonly [values]?: { readonly value: Value; readonly draft: Draft }
}

/** Fields by name, in the order of the wire. Tagged ones may stand anywhere. */
export type Fields = { readonly [name: string]: Type | Field }

type Carried<F> = F extends { readonly [values]?: infer C } ? NonNullable<C> : never

/** What is read by a table of fields: every field, whichever the version. */
export type ValueOf<F extends Fields> = {
  readonly [name in keyof F]: Carried<F[name]> extends { readonly value: infer V } ? V : never
}

type OptionalNames<F extends Fields> = {
  [name in keyof F]: F[name] extends Field ? name : never
}[keyof F]

/**
 * What is written by a table of fields: those with versions of their own or a default may be
 * missing.
 */
export type DraftOf<F extends Fields> = {
  readonly [name in Exclude<keyof F, OptionalNames<F>>]: Carried<F[name]> extends {
    readonly draft: infer D
  }
    ? D
    : never
} & {
  readonly [name in OptionalNames<F>]?: Carried<F[name]> extends { readonly draft: infer D }
    ? D | undefined
    : never
}

/** Open ranges end here: versions are int16. */
const lastVersion = 0x7fff

export function range(versions: Versions): Range {
  const [, first, open, last] = /^(\d+)(\+?)(?:-(\d+))?$/.exec(versions) ?? []
  assert(first !== undefined, `not versions: ${versions}`)
  return [Number(first), open === '+' ? lastVersion : Number(last ?? first)]
}

export const isWithin = (version: number, [first, last]: Range): boolean =>
  first <= version && version <= last

/** `3+`, `0-12`, `8`; the inverse of {@link range}. */
export function printRange([first, last]: Range): Versions {
  if (last === lastVersion) return `${first}+`
  return first === last ? `${first}` : `${first}-${last}`
}

const everyVersion: Range = [0, lastVersion]

const scalar = <T>(kind: ScalarKind, nullable: Range | null = null): Type<T> => ({
  kind,
  nullable,
  element: null,
  fields: null,
})

export const bool = scalar<boolean>('bool')
export const int8 = scalar<number>('int8')
export const int16 = scalar<number>('int16')
export const uint16 = scalar<number>('uint16')
export const int32 = scalar<number>('int32')
/** A safe integer; a peer that sends another has sent a malformed frame. */
export const int64 = scalar<number>('int64')
/**
 * A safe integer; a larger one is read as the nearest. For what strangers send and we only compare,
 * as an offset or timestamp of "the very end": refusing the frame would close a connection that
 * Kafka keeps.
 */
export const int64Clamped = scalar<number>('int64Clamped')
/** All 64 bits, for opaque ids. */
export const int64Bits = scalar<bigint>('int64Bits')
export const float64 = scalar<number>('float64')
export const string = scalar<string>('string')
/** Read without a copy: a part of the frame. */
export const bytes = scalar<Uint8Array>('bytes')
/**
 * Record batches: like `bytes` and may be null in every version; large ones are written without a
 * copy too.
 */
export const records = scalar<Uint8Array | null>('records', everyVersion)
/** 16 bytes, printed as Kafka prints them; `noUuid` for zero. */
export const uuid = scalar<Uuid>('uuid')

export const struct = <F extends Fields>(fields: F): Type<ValueOf<F>, DraftOf<F>> => ({
  kind: 'struct',
  nullable: null,
  element: null,
  fields,
})

/** Many of one type, or of a struct with these fields. */
export function array<V, D>(element: Type<V, D>): Type<readonly V[], readonly D[]>
export function array<F extends Fields>(
  fields: F,
): Type<readonly ValueOf<F>[], readonly DraftOf<F>[]>
export function array(of: Type | Fields): Type {
  return { kind: 'array', nullable: null, element: isType(of) ? of : struct(of), fields: null }
}

/** A table may well have a field named `kind`, but no field is text. */
const isType = (of: Type | Fields): of is Type => typeof of.kind === 'string'

/** May be null, in all versions or only in some. */
export const nullable = <V, D>(
  type: Type<V, D>,
  versions: Versions = '0+',
): Type<V | null, D | null> => ({ ...type, nullable: range(versions) }) as Type<V | null, D | null>

function field<V, D>(
  versions: Versions,
  type: Type<V, D>,
  value: NoInfer<D> | undefined,
  tag: number | null,
  ignorable: boolean,
): Field<V, D> {
  return {
    type,
    versions: range(versions),
    default: value === undefined ? zeroOf(type) : value,
    tag,
    ignorable,
  }
}

/**
 * A field of some versions only, or (from version 0 on) one with a default. It may be missing when
 * written; saying something in it to a version that lacks it is a broken invariant.
 *
 * @param value what it is where it is not on the wire; zero, empty or false unless said
 */
export const at = <V, D>(versions: Versions, type: Type<V, D>, value?: NoInfer<D>): Field<V, D> =>
  field(versions, type, value, null, false)

/** Like {@link at}, but what it says is silently lost on a version that lacks it. */
export const ignorable = <V, D>(
  versions: Versions,
  type: Type<V, D>,
  value?: NoInfer<D>,
): Field<V, D> => field(versions, type, value, null, true)

/** A tagged field: on the wire only if it differs from its default (KIP-482). */
export const tagged = <V, D>(
  versions: Versions,
  tag: number,
  type: Type<V, D>,
  value?: NoInfer<D>,
): Field<V, D> => field(versions, type, value, tag, false)

/** Tagged and ignorable. */
export const ignorableTagged = <V, D>(
  versions: Versions,
  tag: number,
  type: Type<V, D>,
  value?: NoInfer<D>,
): Field<V, D> => field(versions, type, value, tag, true)

/**
 * The field a table's entry stands for: a bare type is a field of all versions with the default of
 * its type.
 */
export const fieldOf = (entry: Type | Field): Field =>
  'kind' in entry
    ? {
        type: entry,
        versions: everyVersion,
        default: zeroOf(entry),
        tag: null,
        ignorable: false,
      }
    : entry

const noBytes = new Uint8Array(0)

/**
 * What a value of this type is where nothing was said: zero, empty, false; for a struct that of its
 * fields.
 */
export function zeroOf(type: Type): unknown {
  switch (type.kind) {
    case 'bool':
      return false
    case 'int64Bits':
      return 0n
    case 'string':
      return ''
    case 'bytes':
      return noBytes
    case 'records':
      return null
    case 'uuid':
      return noUuid
    case 'array':
      return Object.freeze([])
    case 'struct': {
      const entries = Object.entries(type.fields as Fields)
      return Object.freeze(
        Object.fromEntries(entries.map(([name, entry]) => [name, fieldOf(entry).default])),
      )
    }
    default:
      return 0
  }
}

/** An API: its key, its versions and the tables of its two messages. */
export interface Api<Request extends Fields = Fields, Response extends Fields = Fields> {
  readonly key: number
  readonly name: string
  /** The versions that Kafka 3.9 serves. */
  readonly versions: Range
  /**
   * The first version with compact lengths and tagged fields (KIP-482); null where none has them.
   */
  readonly flexible: number | null
  readonly request: Request
  readonly response: Response
}

/** Declares an API. `flexible` is its first flexible version. */
export function api<Request extends Fields, Response extends Fields>(
  declaration: Omit<Api<Request, Response>, 'versions'> & { readonly versions: Versions },
): Api<Request, Response> {
  return { ...declaration, versions: range(declaration.versions) }
}

/** A request as read: every field is there, those that its version lacks by their default. */
export type RequestOf<A extends Api> = ValueOf<A['request']>
export type ResponseOf<A extends Api> = ValueOf<A['response']>
/** A request as written: what has a default may be missing. Every {@link RequestOf} is one. */
export type RequestDraftOf<A extends Api> = DraftOf<A['request']>
export type ResponseDraftOf<A extends Api> = DraftOf<A['response']>
