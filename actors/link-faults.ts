import type { Platform } from '../src/ports.ts'
import type { FaultHandle } from './fault-handle.ts'

/** A node as faults name it: a broker by its id, others by name: `zookeeper`, `client/<name>`. */
export type NodeName = number | string

const nameOf = (node: NodeName): string => (typeof node === 'number' ? `broker-${node}` : node)

/**
 * Cuts all lines between nodes of different groups, both ways: what is written waits, as behind a pulled cable.
 *
 * @param known every node there is, for a mistyped name
 * @throws RangeError on a platform whose lines cannot be cut, and for an unknown node
 */
export function cutLinks(
  platform: Platform,
  groups: readonly (readonly NodeName[])[],
  known: readonly string[],
): FaultHandle {
  const { lines } = platform
  if (lines === undefined)
    throw new RangeError(
      `links cannot be cut on the ${platform.kind} platform: nobody there knows whose bytes are whose. ` +
        `Start the cluster on a simulated platform, or pause() the broker instead`,
    )
  const named = groups.map(group => group.map(nameOf))
  const stranger = named.flat().find(name => !known.includes(name))
  if (stranger !== undefined)
    throw new RangeError(`no node ${stranger}: there are ${known.join(', ')}`)
  const pairs = named.flatMap((group, at) =>
    named
      .filter((_, other) => other !== at)
      .flatMap(others => group.flatMap(from => others.map(to => [from, to] as const))),
  )
  const heldBefore = lines.counts.held
  let held: number | undefined
  for (const [from, to] of pairs) lines.block(from, to)
  const remove = (): void => {
    if (held !== undefined) return
    held = lines.counts.held - heldBefore
    for (const [from, to] of pairs) lines.unblock(from, to)
  }
  return {
    what: `partition ${named.map(group => `[${group.join(' ')}]`).join(' ')}`,
    optional: false,
    // Writes that found a line cut; those of other cuts at the same time count too.
    get fired() {
      return held ?? lines.counts.held - heldBefore
    },
    get isActive() {
      return held === undefined
    },
    remove,
    [Symbol.dispose]: remove,
  }
}
