import type { Cluster } from '../cluster.ts'
import { timelineLine } from '../timeline.ts'
import type { TraceEntry } from '../trace.ts'

export interface StoryOptions {
  /** Lines of these are told (`orders-0`, `group/billing`, `broker-1`), and what is everybody's: nodes, controllers, faults. Default: all. */
  readonly about?: readonly string[]
  /** How many lines at most. Default 15. */
  readonly linesMax?: number
}

const isEverybodys = ({ path, kind, detail }: TraceEntry): boolean =>
  kind === 'node' ||
  kind === 'actor' ||
  path === 'story' ||
  /^broker-\d+(\/controller)?$/.test(path) ||
  /^\/(controller|brokers\/ids\/.+)$/.test(String(detail.path ?? ''))

/** `/brokers/topics/orders/partitions/0/state` is about `orders-0`. */
const subject = ({ path, type, detail }: TraceEntry): string => {
  const [, topic, partition] =
    /^\/brokers\/topics\/([^/]+)\/partitions\/(\d+)/.exec(String(detail.path ?? '')) ?? []
  return `${path} ${type} ${topic === undefined ? '' : `${topic}-${partition}`}`
}

const names = (text: string, name: string): boolean => {
  const at = text.indexOf(name)
  // `orders-1` is not `orders-12`.
  return at >= 0 && !/[\w-]/.test(text[at + name.length] ?? ' ')
}

/** The last lines of the story, to print where something failed: seconds since the start, where, what. */
export function lastLines(cluster: Cluster, options: StoryOptions = {}): readonly string[] {
  const { about = [], linesMax = 15 } = options
  const { kept } = cluster.trace
  const startAtMs = kept[0]?.atMs ?? 0
  const lines: string[] = []
  for (let at = kept.length - 1; at >= 0 && lines.length < linesMax; at--) {
    const entry = kept[at] as TraceEntry
    const isRelevant =
      about.length === 0 || isEverybodys(entry) || about.some(name => names(subject(entry), name))
    const line = isRelevant ? timelineLine(entry, startAtMs) : null
    if (line !== null) lines.unshift(line)
  }
  return lines
}

/** The same as a paragraph, with a heading. */
export function lastStory(cluster: Cluster, options: StoryOptions = {}): string {
  const lines = lastLines(cluster, options)
  const of = options.about?.length ? ` about ${options.about.join(', ')}` : ''
  return lines.length === 0
    ? 'The trace has no lines yet.'
    : `The last lines of the story${of}:\n${lines.map(line => `  ${line}`).join('\n')}`
}
