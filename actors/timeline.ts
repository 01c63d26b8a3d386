import type { TraceEntry } from './trace.ts'

/** Topics that Kafka keeps for itself; their partitions would drown the story. */
const isInternal = (path: string): boolean => path.includes('__')

/** The znodes whose comings and goings are the story. */
const toldZnodes =
  /^\/(controller|brokers\/ids\/.+|brokers\/topics\/[^/]+\/partitions\/\d+\/state)$/

/** The charts whose states are the story; connections, fetchers and clients' inner lives are not. */
const toldCharts =
  /^(zookeeper\/session\/|broker-\d+$|broker-\d+\/(controller|partition|group)(\/|$))/

/** What one line of the trace says to a reader; null where it is not worth one. */
export function tell({ kind, path, type, detail }: TraceEntry): string | null {
  switch (kind) {
    case 'node':
      return type
    case 'znode': {
      const znode = String(detail.path)
      if (!toldZnodes.test(znode) || isInternal(znode)) return null
      const ephemeral = detail.ephemeralOwner ? 'ephemeral ' : ''
      return `${type} ${ephemeral}${znode}`
    }
    case 'state':
      if (!toldCharts.test(path) || isInternal(path)) return null
      return detail.from === '' ? `starts in ${detail.to}` : `${detail.from} → ${detail.to}`
    case 'actor':
      return type === 'failed' ? `failed: ${detail.error}` : null
    case 'note':
      return path.startsWith('client/') || path === 'story' ? type : null
    default:
      return null
  }
}

/**
 * The story as lines to print: seconds since the first line, where, what.
 *
 * @param startAtMs the instant that is second 0.
 */
export function timelineLine(entry: TraceEntry, startAtMs: number): string | null {
  const told = tell(entry)
  if (told === null) return null
  const seconds = ((entry.atMs - startAtMs) / 1000).toFixed(3).padStart(8)
  return `${seconds} s  ${entry.path.padEnd(36)}  ${told}`
}
