import type { Cluster } from '../actors/cluster.ts'
import type { NodeName } from '../actors/link-faults.ts'

/** What can be done to the lines between nodes on purpose. */
export const lineFaultKinds = ['isolate', 'partition', 'latency', 'heal'] as const

export type LineFaultKind = (typeof lineFaultKinds)[number]

/** What each does, in one line. */
export const lineFaultDescriptions: Readonly<Record<LineFaultKind, string>> = {
  isolate: 'cuts the lines of a broker to all others, as a pulled cable: what is written waits',
  partition: 'cuts the lines between groups of nodes: 1 2,3,zookeeper',
  latency: 'what is sent arrives so many ms later',
  heal: 'takes all faults of lines away: what they held goes on',
}

/** An order as it comes over HTTP: nothing of it is known to be what it should. */
export interface LineFaultOrder {
  readonly broker?: unknown
  readonly groups?: unknown
  readonly ms?: unknown
  readonly jitterMs?: unknown
  readonly of?: unknown
  readonly between?: unknown
}

/** One that stands: what, and how often it has bitten. */
export interface StandingFault {
  readonly what: string
  readonly fired: number
}

const node = (value: unknown): NodeName => {
  if (typeof value === 'number') return value
  if (typeof value !== 'string')
    throw new RangeError(`${JSON.stringify(value)} is no node: give a broker's number or a name`)
  return /^\d+$/.test(value) ? Number(value) : value
}

const nodes = (value: unknown): readonly NodeName[] => {
  if (!Array.isArray(value)) throw new RangeError(`${JSON.stringify(value)} is no list of nodes`)
  return value.map(node)
}

/** All faults that stand, those of requests included. */
export const standingFaults = ({ faults }: Cluster): readonly StandingFault[] =>
  faults.all.filter(({ isActive }) => isActive).map(({ what, fired }) => ({ what, fired }))

/** Does it; answers all faults that stand then. @throws RangeError for what cannot be */
export function inflictOnLines(
  cluster: Cluster,
  kind: LineFaultKind,
  order: LineFaultOrder,
): readonly StandingFault[] {
  const { faults } = cluster
  switch (kind) {
    case 'isolate':
      faults.isolate(node(order.broker))
      break
    case 'partition': {
      const groups = Array.isArray(order.groups) ? order.groups.map(nodes) : []
      if (groups.length < 2) throw new RangeError('a partition is between two groups or more')
      faults.partition(groups)
      break
    }
    case 'latency': {
      const { ms, jitterMs = 0 } = order
      if (typeof ms !== 'number' || typeof jitterMs !== 'number')
        throw new RangeError('latency wants ms, and jitterMs if any, as numbers')
      const [a, b] = order.between === undefined ? [] : nodes(order.between)
      faults.latency(ms, {
        jitterMs,
        ...(order.of === undefined ? {} : { of: node(order.of) }),
        ...(a === undefined || b === undefined ? {} : { between: [a, b] as const }),
      })
      break
    }
    case 'heal':
      faults.heal()
  }
  return standingFaults(cluster)
}
