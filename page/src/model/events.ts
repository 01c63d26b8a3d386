/** Which lines of the trace the list shows: a filter in words, and heartbeats and the like folded away. */
import type { Line } from '../../../story/line.ts'

/** One condition of a filter: `kind:state`, `-type:fetch`, `path:broker-1/**`, or any words. */
interface Term {
  readonly isWanted: boolean
  readonly test: (line: Line) => boolean
}

const glob = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
      .replaceAll('**', '\0')
      .replaceAll('*', '[^/]*')
      .replaceAll('\0', '.*')}`,
    'i',
  )

function termOf(text: string): Term {
  const isWanted = !text.startsWith('-')
  const word = isWanted ? text : text.slice(1)
  const [, field, pattern] = /^(path|kind|type|cause|seq):(.+)$/.exec(word) ?? []
  if (field === 'cause' || field === 'seq') {
    const number = Number(pattern)
    return { isWanted, test: line => line[field] === number }
  }
  if (field !== undefined && pattern !== undefined) {
    const expression = glob(pattern)
    return {
      isWanted,
      test: line => expression.test(String(line[field as 'path' | 'kind' | 'type'])),
    }
  }
  const lower = word.toLowerCase()
  return {
    isWanted,
    test: ({ path, kind, type, detail }) =>
      `${path} ${kind} ${type}`.toLowerCase().includes(lower) ||
      JSON.stringify(detail).toLowerCase().includes(lower),
  }
}

/** All of its words must be met. */
export function filterOf(text: string): (line: Line) => boolean {
  const terms = text.split(/\s+/).filter(Boolean).map(termOf)
  if (terms.length === 0) return () => true
  return line => terms.every(({ isWanted, test }) => test(line) === isWanted)
}

/** What goes on all the time and tells nothing by itself. */
export function isNoise({ kind, path, type }: Line): boolean {
  if (kind === 'message')
    return type === 'Fetch' || type === 'Heartbeat' || type === 'ApiVersions' || type === 'zk.ping'
  if (kind === 'state') return path.includes('/fetcher/') && !type.startsWith('idle')
  return /^(fetch\.|heartbeat|highWatermark\.|link\.(pause|resume)|requests\.allowed|lag\.checked|session\.expect)/.test(
    type,
  )
}

/** A row: one line, or how many were folded into one. */
export type Row =
  | { readonly line: Line; readonly folded: 0 }
  | { readonly line: Line; readonly folded: number; readonly last: Line }

/** Rows of a growing list of lines. Only new lines are looked at when it has grown. */
export class EventRows {
  readonly rows: Row[] = []
  readonly #passes: (line: Line) => boolean
  readonly #folds: boolean
  #seq = 0
  hidden = 0

  /** @param folds folds runs of noise into one row */
  constructor(filter: string, folds: boolean) {
    this.#passes = filterOf(filter)
    this.#folds = folds
  }

  add(lines: readonly Line[], from: number): void {
    const { rows } = this
    for (let at = from; at < lines.length; at++) {
      const line = lines[at] as Line
      if (line.seq <= this.#seq) continue
      this.#seq = line.seq
      // What changes in contexts and what is looked up belong to other views.
      const isAside = this.#folds && (line.kind === 'context' || line.kind === 'sample')
      if (isAside || !this.#passes(line)) {
        this.hidden++
        continue
      }
      const before = rows.at(-1)
      if (!this.#folds || !isNoise(line)) rows.push({ line, folded: 0 })
      else if (before !== undefined && before.folded > 0)
        rows[rows.length - 1] = { line: before.line, folded: before.folded + 1, last: line }
      else rows.push({ line, folded: 1, last: line })
    }
  }

  get seq(): number {
    return this.#seq
  }
}
