/**
 * An answer as text, for a test to hold against what Apache Kafka said: errors by name, without what is chance (names, ids, times,
 * ports, the wording of messages).
 */
import { errorName } from '../../src/error.ts'

/** As vitest's snapshots print it: verbatim. */
export class Told {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

const uuid = /^[A-Za-z0-9_-]{22}$/
const longUuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
const dayMs = 86_400_000

/** Of topics and groups: what makes their names their own in a cluster that others have used. */
export const uniqueSuffix = /_x[0-9a-f]{8}/g

function leaf(name: string, value: unknown): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (name === 'errorCode') return errorName(value as number)
  if (name === 'errorMessage' || name === 'batchIndexErrorMessage')
    return value === null ? 'null' : 'some'
  if (name === 'port') return '<port>'
  if (name === 'clusterId') return '<id>'
  if (typeof value === 'number' && Math.abs(value - Date.now()) < dayMs) return '<now>'
  if (typeof value !== 'string') return String(value)
  if (/[iI]d$/.test(name) && uuid.test(value))
    return value === 'AAAAAAAAAAAAAAAAAAAAAA' ? 'none' : '<uuid>'
  const text = value.replace(uniqueSuffix, '').replace(longUuid, '<uuid>')
  return text === '' ? "''" : text
}

const isLeaf = (value: unknown): boolean =>
  value === null || typeof value !== 'object' || value instanceof Uint8Array

function lines(name: string, value: unknown): string[] {
  if (isLeaf(value)) return [leaf(name, value)]
  if (Array.isArray(value)) {
    if (value.every(isLeaf)) return [`[${value.map(one => leaf(name, one)).join(', ')}]`]
    return value.flatMap(one => {
      const [first = '', ...rest] = lines(name, one)
      return [`- ${first}`, ...rest.map(line => `  ${line}`)]
    })
  }
  const { errorCode } = value as { errorCode?: number }
  const entries = Object.entries(value as object).filter(
    // Beside an error there is a message or none: what it says is nobody's business but the reader's.
    ([key]) => key !== 'throttleTimeMs' && !(key === 'errorMessage' && errorCode !== 0),
  )
  const flat: string[] = []
  const deep: string[] = []
  for (const [key, one] of entries) {
    const printed = lines(key, one)
    if (isLeaf(one) || (printed.length === 1 && printed[0]?.startsWith('[')))
      flat.push(`${key}: ${printed[0]}`)
    else if (printed.length === 0) flat.push(`${key}: []`)
    else deep.push(`${key}:`, ...printed.map(line => `  ${line}`))
  }
  return flat.length > 0 ? [flat.join(', '), ...deep] : deep
}

/** @throws nothing: whatever it is, it has a text */
export const told = (answer: unknown): Told => new Told(lines('', answer).join('\n'))

/** What was said to each of several versions; those that were told the same stand together. */
export async function toldByVersion(
  [first, last]: readonly [number, number],
  ask: (version: number) => Promise<unknown>,
): Promise<Told> {
  const groups: { from: number; to: number; text: string }[] = []
  for (let version = first; version <= last; version++) {
    const { text } = told(await ask(version).catch(error => String(error)))
    const group = groups.at(-1)
    if (group?.text === text) group.to = version
    else groups.push({ from: version, to: version, text })
  }
  const range = (from: number, to: number): string => (from === to ? `v${from}` : `v${from}–v${to}`)
  return new Told(groups.map(({ from, to, text }) => `${range(from, to)}\n${text}`).join('\n'))
}
