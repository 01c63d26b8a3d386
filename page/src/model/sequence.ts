/** Messages between nodes as arrows between lanes, read off the lines of the trace. */
import type { Line } from '../../../story/line.ts'

export interface Arrow {
  /** The lane it leaves, and the one it is meant for. */
  readonly from: string
  readonly to: string
  readonly name: string
  readonly isAnswer: boolean
  /** Where it leaves and arrives: lines of the trace. */
  readonly sentSeq: number
  /** Null: nobody has received it. */
  readonly receivedSeq: number | null
  readonly atMs: number
  readonly error: string | null
}

export interface Happening {
  readonly lane: string
  readonly seq: number
  readonly atMs: number
  readonly text: string
}

export interface Sequence {
  readonly lanes: readonly string[]
  readonly arrows: readonly Arrow[]
  readonly happenings: readonly Happening[]
}

/** Clients that are none of this cluster's own. */
const outside = 'other clients'

export const laneOf = (path: string): string => /^(client\/[^/]+|[^/]+)/.exec(path)?.[0] ?? path

/** What goes on all the time. */
const isSteady = (type: string): boolean => /^(Fetch|Heartbeat|ApiVersions|zk\.ping)$/.test(type)

const rank = (lane: string): string =>
  lane === 'zookeeper' ? '0' : lane.startsWith('broker-') ? `1${lane.padStart(12)}` : `2${lane}`

/** What a line of a node's own is worth telling among messages; null for nearly all. */
function happeningOf({ kind, path, type, detail }: Line): string | null {
  if (kind === 'node') return type
  if (kind !== 'state') return null
  const from = String(detail.from ?? '')
  const [first] = type.split('.')
  if (path.endsWith('/controller'))
    return first === from.split('.')[0] ? null : `controller: ${first}`
  if (path.endsWith('/leader-election'))
    return first === from.split('.')[0] ? null : `election: ${first}`
  if (path.includes('/partition/') && path.startsWith('broker-') && first === 'leader')
    return from.startsWith('leader') ? null : `leads ${path.split('/').at(-1)}`
  if (path.startsWith('zookeeper/session/') && /^(expiring|closed)/.test(type))
    return `session …${path.slice(-4)} ${type}`
  return null
}

/**
 * @param lines the last ones are those that count
 * @param arrowsMax so many arrows at most, the latest
 * @param hidden lanes that are left out
 */
export function sequenceOf(
  lines: readonly Line[],
  end: number,
  options: {
    readonly arrowsMax: number
    readonly steady: boolean
    readonly hidden: ReadonlySet<string>
    readonly addresses: ReadonlyMap<string, string>
  },
): Sequence {
  const { arrowsMax, steady, hidden, addresses } = options
  const arrows: Arrow[] = []
  const happenings: Happening[] = []
  const received = new Map<number, number>()
  const bySeq = new Map<number, Line>()
  const lanes = new Set<string>()
  const add = (arrow: Arrow): void => {
    lanes.add(arrow.from)
    lanes.add(arrow.to)
    if (!hidden.has(arrow.from) && !hidden.has(arrow.to)) arrows.push(arrow)
  }
  const linesMax = 6000
  let at = end - 1
  for (const last = Math.max(0, end - linesMax); at >= last && arrows.length < arrowsMax; at--) {
    const line = lines[at] as Line
    const { seq, kind, type, path, detail, cause, atMs } = line
    const told = happeningOf(line)
    if (told !== null) {
      const lane = laneOf(path)
      lanes.add(lane)
      if (!hidden.has(lane)) happenings.push({ lane, seq, atMs, text: told })
    }
    if (kind !== 'message' || (!steady && isSteady(type))) continue
    bySeq.set(seq, line)
    const isAnswer = detail.direction === 'response'
    const lane = laneOf(path)
    const error = typeof detail.error === 'string' ? detail.error : null
    const common = { name: type, isAnswer, sentSeq: seq, receivedSeq: seq, atMs, error }
    if (type.startsWith('zk.'))
      add(
        detail.direction === 'request'
          ? { ...common, from: lane, to: 'zookeeper' }
          : { ...common, from: 'zookeeper', to: lane },
      )
    else if (path.includes('/connection/') !== isAnswer) {
      // The end at which it arrives; the other one has a line of its own where it is of this cluster.
      if (cause !== null) received.set(cause, seq)
      else if (!isAnswer) add({ ...common, from: outside, to: lane })
    } else {
      const arrived = received.get(seq)
      const there = arrived === undefined ? undefined : bySeq.get(arrived)
      const to =
        there === undefined ? (addresses.get(String(detail.to)) ?? outside) : laneOf(there.path)
      // What is answered to others arrives where nobody tells of it.
      const isTold = to !== outside
      add({
        ...common,
        from: lane,
        to,
        receivedSeq: arrived ?? (isTold ? null : seq),
      })
    }
  }
  return {
    lanes: [...lanes].sort((one, other) => (rank(one) < rank(other) ? -1 : 1)),
    arrows: arrows.reverse(),
    happenings: happenings.reverse(),
  }
}
