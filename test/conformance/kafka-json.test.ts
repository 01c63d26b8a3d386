import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  apis,
  type Fields,
  fieldOf,
  isWithin,
  type Range,
  range,
  storedMessages,
  type Type,
  type Versions,
} from '../../src/protocol/index.ts'

/**
 * Goal: our tables say what Kafka's own message definitions say. Set KAFKA_DIR to a source tree of
 * Kafka 3.9 (or to where its jars were unpacked): fields, order, versions, tags, nullability,
 * flexible versions, defaults and ignorable marks are compared with the JSON files below
 * `common/message`.
 */

/** A field as both sides can say it, with only what has an effect in some version. */
interface Said {
  readonly name: string
  readonly type: string
  readonly versions: Range
  readonly nullable: Range | null
  readonly tag: number | null
  readonly default: unknown
  readonly ignorable: boolean
  readonly fields: readonly Said[] | null
}

const overlap = (one: Range, other: Range): Range | null => {
  const both: Range = [Math.max(one[0], other[0]), Math.min(one[1], other[1])]
  return both[0] <= both[1] ? both : null
}

const covers = (outer: Range, inner: Range): boolean =>
  isWithin(inner[0], outer) && isWithin(inner[1], outer)

// ── Ours ──

const kindOf = (type: Type): string => {
  if (type.kind === 'array') return `[]${kindOf(type.element as Type)}`
  // How we read what strangers send is our affair.
  return type.kind === 'int64Clamped' ? 'int64' : type.kind
}

const fieldsOf = (type: Type): Fields | null =>
  type.kind === 'array' ? fieldsOf(type.element as Type) : type.fields

function ours(fields: Fields, parent: Range): Said[] {
  return Object.entries(fields).flatMap(([name, entry]) => {
    const field = fieldOf(entry)
    const versions = overlap(field.versions, parent)
    if (versions === null) return []
    const inner = fieldsOf(field.type)
    return {
      name,
      type: kindOf(field.type),
      versions,
      nullable: field.type.nullable && overlap(field.type.nullable, versions),
      tag: field.tag,
      default: field.type.kind === 'struct' ? 'struct' : plain(field.default),
      // Where a field is in all versions of what holds it, the mark says nothing.
      ignorable: field.ignorable && !covers(versions, parent),
      fields: inner && ours(inner, versions),
    }
  })
}

const plain = (value: unknown): unknown => (value instanceof Uint8Array ? [...value] : value)

// ── Upstream's ──

interface UpstreamField {
  readonly name: string
  readonly type: string
  readonly versions: Versions
  readonly nullableVersions?: Versions
  readonly taggedVersions?: Versions
  readonly tag?: number
  readonly default?: string | number | boolean
  readonly ignorable?: boolean | 'true' | 'false'
  readonly fields?: readonly UpstreamField[]
}

interface Upstream {
  readonly apiKey?: number
  readonly listeners?: readonly string[]
  readonly name: string
  readonly validVersions: Versions
  readonly flexibleVersions: Versions | 'none'
  readonly fields: readonly UpstreamField[]
  readonly commonStructs?: readonly UpstreamField[]
}

function parse(path: string): Upstream {
  const lines = readFileSync(path, 'utf8').split('\n')
  return JSON.parse(lines.map(line => line.replace(/^\s*\/\/.*$/, '')).join('\n'))
}

function defaultOf(field: UpstreamField): unknown {
  const { type } = field
  const said = field.default === undefined ? undefined : String(field.default)
  if (said === 'null') return null
  if (type.startsWith('[]') || type === 'bytes') return []
  if (type === 'records') return null
  if (type === 'string') return said ?? ''
  if (type === 'bool') return said === 'true'
  if (type === 'uuid') return 'A'.repeat(22)
  return Number(said ?? 0)
}

function theirs(message: Upstream, fields: readonly UpstreamField[], parent: Range): Said[] {
  return fields.flatMap(field => {
    const versions = overlap(range(field.versions), parent)
    if (versions === null) return []
    const elementName = field.type.replace('[]', '')
    const isStruct = /^[A-Z]/.test(elementName)
    const inner = isStruct
      ? (field.fields ?? message.commonStructs?.find(({ name }) => name === elementName)?.fields)
      : undefined
    const nullable = field.nullableVersions && overlap(range(field.nullableVersions), versions)
    if (field.tag !== undefined) expect(field.taggedVersions).toBe(field.versions)
    return {
      name: field.name.charAt(0).toLowerCase() + field.name.slice(1),
      type: field.type.replace(/[A-Z]\w*/, 'struct'),
      versions,
      // Ours may always be null; that of upstream is so declared one by one.
      nullable: nullable ?? null,
      tag: field.tag ?? null,
      default: field.type === elementName && isStruct ? 'struct' : defaultOf(field),
      ignorable: String(field.ignorable) === 'true' && !covers(versions, parent),
      fields: inner === undefined ? null : theirs(message, inner, versions),
    }
  })
}

// ── Both ──

const tables: readonly {
  name: string
  fields: Fields
  versions: Range
  flexible: number | null
}[] = [
  ...Object.values(apis).flatMap(api => [
    { ...api, name: `${api.name}Request`, fields: api.request },
    { ...api, name: `${api.name}Response`, fields: api.response },
  ]),
  ...storedMessages,
]

test('there are 62 APIs of a broker in ZooKeeper mode, each under its own key and name', () => {
  expect(Object.values(apis)).toHaveLength(62)
  expect(new Set(Object.values(apis).map(({ key }) => key)).size).toBe(62)
  for (const [name, api] of Object.entries(apis)) expect(api.name).toBe(name)
})

const kafkaDir = process.env.KAFKA_DIR

// Not a skipped test: without Kafka's sources there is nothing to compare.
if (kafkaDir !== undefined) {
  const files = new Map(
    readdirSync(kafkaDir, { recursive: true, encoding: 'utf8' })
      .filter(path => /common\/message\/\w+\.json$/.test(path))
      .map(path => [basename(path, '.json'), join(kafkaDir, path)]),
  )

  test('the APIs are those with the listener zkBroker', () => {
    const served = [...files.values()]
      .map(parse)
      .filter(({ listeners }) => listeners?.includes('zkBroker'))
      .map(({ name, apiKey }) => `${apiKey} ${name.replace(/Request$/, '')}`)
    expect(
      Object.values(apis)
        .map(({ key, name }) => `${key} ${name}`)
        .sort(),
    ).toEqual(served.sort())
  })

  describe.each([...tables])('$name', ({ name, fields, versions, flexible }) => {
    test('is as upstream has it', () => {
      const upstream = parse(files.get(name) as string)
      const valid = range(upstream.validVersions)
      expect(versions).toEqual(valid)
      expect(flexible).toBe(
        upstream.flexibleVersions === 'none' ? null : range(upstream.flexibleVersions)[0],
      )
      expect(ours(fields, versions)).toEqual(theirs(upstream, upstream.fields, valid))
    })
  })
}
