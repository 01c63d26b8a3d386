import type { FaultHandle } from './fault-handle.ts'
import type { LinkOperators } from './line-operators.ts'
import type { LineFault, Lines } from './lines.ts'

/** A node as faults name it: a broker by its id, others by name: `zookeeper`, `client/<name>`; any by `*`. */
export type NodeName = number | string

/** Between whom a line is slow. */
export interface LatencyScope {
  /** One node, with all it talks to. */
  readonly of?: NodeName
  /** Two nodes. */
  readonly between?: readonly [NodeName, NodeName]
  /** Up to so much more, ms, by the platform's chance. What is behind waits: a connection keeps its order. Default 0. */
  readonly jitterMs?: number
  /** It may as well never fire. Default false. */
  readonly optional?: boolean
}

const nameOf = (node: NodeName): string => (typeof node === 'number' ? `broker-${node}` : node)

/** @throws RangeError for a node that cannot be meant. Clients may come later. */
function named(nodes: readonly NodeName[], known: readonly string[]): string[] {
  const names = nodes.map(nameOf)
  const stranger = names.find(
    name => name !== '*' && !name.startsWith('client/') && !known.includes(name),
  )
  if (stranger !== undefined)
    throw new RangeError(
      `no node ${stranger}: there are ${known.join(', ')}, and client/<client.id> for clients from outside`,
    )
  return names
}

/** A fault of lines with a name. */
const handle = (what: string, fault: LineFault, optional = false): FaultHandle => ({
  what,
  optional,
  get fired() {
    return fault.fired
  },
  get isActive() {
    return fault.isActive
  },
  remove: fault.remove,
  [Symbol.dispose]: fault.remove,
})

/**
 * Cuts all lines between nodes of different groups, both ways: what is written waits, as behind a pulled cable.
 *
 * @param known every node there is, for a mistyped name
 * @throws RangeError for an unknown node
 */
export function cutLinks(
  lines: Lines,
  groups: readonly (readonly NodeName[])[],
  known: readonly string[],
): FaultHandle {
  const names = groups.map(group => named(group, known))
  const what = `partition ${names.map(group => `[${group.join(' ')}]`).join(' ')}`
  const { ofPlatform } = lines
  if (ofPlatform !== undefined) return handle(what, cutByPlatform(ofPlatform, names))
  const sides = (name: string): number[] =>
    names.flatMap((group, at) => (group.includes(name) || group.includes('*') ? [at] : []))
  const blocks = (from: string, to: string): boolean => {
    if (from === to) return false
    const theirs = sides(to)
    return sides(from).some(side => theirs.some(other => other !== side))
  }
  return handle(what, lines.block(blocks))
}

/** Where the platform has lines of its own, which take half-open connections into account. */
function cutByPlatform(
  lines: NonNullable<Lines['ofPlatform']>,
  names: readonly (readonly string[])[],
): LineFault {
  const pairs = names.flatMap((group, at) =>
    names
      .filter((_, other) => other !== at)
      .flatMap(others => group.flatMap(from => others.map(to => [from, to] as const))),
  )
  const heldBefore = lines.counts.held
  let held: number | undefined
  for (const [from, to] of pairs) lines.block(from, to)
  return {
    // Writes that found a line cut; those of other cuts at the same time count too.
    get fired() {
      return held ?? lines.counts.held - heldBefore
    },
    get isActive() {
      return held === undefined
    },
    remove() {
      if (held !== undefined) return
      held = lines.counts.held - heldBefore
      for (const [from, to] of pairs) lines.unblock(from, to)
    },
  }
}

/** Cuts a node's lines to all others, those included that are not here yet. */
export function isolateNode(lines: Lines, node: NodeName, known: readonly string[]): FaultHandle {
  const [own = ''] = named([node], known)
  const { ofPlatform } = lines
  const what = `isolate ${own}`
  if (ofPlatform !== undefined) {
    const others = known.filter(name => name !== own)
    return handle(what, cutByPlatform(ofPlatform, [[own], others]))
  }
  return handle(
    what,
    lines.block((from, to) => from !== to && (from === own || to === own)),
  )
}

/** @throws RangeError for an unknown node, and what is no time */
export function slowLinks(
  lines: Lines,
  ms: number,
  scope: LatencyScope,
  known: readonly string[],
): FaultHandle {
  const { of, between, jitterMs = 0, optional = false } = scope
  for (const time of [ms, jitterMs])
    if (!(time >= 0 && time < 2 ** 31))
      throw new RangeError(`latency: ${time} is no time to wait, give milliseconds from 0`)
  if (of !== undefined && between !== undefined)
    throw new RangeError('latency: of one node, or between two; not both')
  const [a = '*', b = '*'] = named(of === undefined ? (between ?? []) : [of], known)
  const is = (name: string, pattern: string): boolean => pattern === '*' || pattern === name
  const fault = lines.slow(
    (from, to) => (is(from, a) && is(to, b)) || (is(to, a) && is(from, b)),
    ms,
    jitterMs,
  )
  return handle(
    `latency ${ms}${jitterMs === 0 ? '' : `–${ms + jitterMs}`} ms ${a} ↔ ${b}`,
    fault,
    optional,
  )
}

/** @throws RangeError for an unknown node */
export function operateLink(
  lines: Lines,
  from: NodeName,
  to: NodeName,
  operators: LinkOperators,
  known: readonly string[],
  optional: boolean,
): FaultHandle {
  const [opener = '', acceptor = ''] = named([from, to], known)
  return handle(
    `link ${opener} → ${acceptor}`,
    lines.operate(opener, acceptor, operators),
    optional,
  )
}
