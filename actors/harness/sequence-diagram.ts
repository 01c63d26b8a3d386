import { tell } from '../timeline.ts'
import type { TraceEntry } from '../trace.ts'

/** Messages that come and go all the time, and say little. */
const small = new Set([
  'ApiVersions',
  'Fetch',
  'FindCoordinator',
  'Heartbeat',
  'Metadata',
  'UpdateMetadata',
  'zk.ping',
])

/** `broker-1/partition/orders-0` → `broker-1`, `client/all/partition/orders-0` → `client/all`. */
function nodeOf(path: string): string {
  const [first = '', second = ''] = path.split('/', 2)
  return first === 'client' ? `${first}/${second}` : first
}

const label = (text: string): string =>
  text.replace(/[;#]/g, ',').replace(/\n/g, ' ').replace(/ +/g, ' ').slice(0, 100)

export interface DiagramOptions {
  /** The last instant that counts. */
  readonly upToMs?: number
  /** Names of partitions, groups: only what is about them is noted, and messages. Default: everything. */
  readonly about?: readonly string[]
  /** How many messages and notes at most, the last ones. Default 40. */
  readonly linesMax?: number
}

interface Line {
  /** Nobody: a note over everybody. */
  readonly from: string | null
  /** Nobody: a note. */
  readonly to: string | null
  readonly arrow: string
  readonly said: string
}

/** The last messages and changes of state of a trace, as a Mermaid sequence diagram. */
export function sequenceDiagram(
  entries: readonly TraceEntry[],
  options: DiagramOptions = {},
): string {
  const { upToMs = Number.POSITIVE_INFINITY, about = [], linesMax = 40 } = options
  const bySeq = new Map(entries.map(entry => [entry.seq, entry]))
  const startAtMs = entries[0]?.atMs ?? 0

  const message = ({ path, type, cause, detail }: TraceEntry): Line | null => {
    const sent = cause === null ? undefined : bySeq.get(cause)
    if (sent?.kind !== 'message' || sent.type !== type || small.has(type)) return null
    const [from, to] = [nodeOf(sent.path), nodeOf(path)]
    const isAnswer = detail.direction === 'response'
    if (from === to) return null
    return { from, to, arrow: isAnswer ? '-->>' : '->>', said: type }
  }
  const note = (entry: TraceEntry): Line | null => {
    const told = tell(entry)
    const node = nodeOf(entry.path)
    const inner = entry.path.slice(node.length + 1)
    const isEverybodys = inner === '' || inner === 'controller'
    if (told === null) return null
    if (about.length > 0 && !isEverybodys && !about.some(name => inner.endsWith(name))) return null
    const seconds = ((entry.atMs - startAtMs) / 1000).toFixed(3)
    const said = `${seconds} s ${inner} ${told}`
    return { from: node === 'story' ? null : node, to: null, arrow: '', said }
  }

  const lines: Line[] = []
  for (let at = entries.length - 1; at >= 0 && lines.length < linesMax; at--) {
    const entry = entries[at] as TraceEntry
    const line =
      entry.atMs > upToMs ? null : entry.kind === 'message' ? message(entry) : note(entry)
    if (line !== null) lines.unshift(line)
  }
  const nodes = [...new Set(lines.flatMap(({ from, to }) => [from, to]))]
    .filter(node => node !== null)
    .sort()
  const id = (node: string): string => `n${nodes.indexOf(node)}`
  const everybody = [...new Set([nodes[0], nodes.at(-1)])].filter(node => node !== undefined)
  return [
    'sequenceDiagram',
    ...nodes.map(node => `  participant ${id(node)} as ${node}`),
    ...lines
      .filter(({ from }) => from !== null || everybody.length > 0)
      .map(({ from, to, arrow, said }) =>
        from !== null && to !== null
          ? `  ${id(from)}${arrow}${id(to)}: ${label(said)}`
          : `  Note over ${(from === null ? everybody : [from]).map(id)}: ${label(said)}`,
      ),
  ].join('\n')
}
