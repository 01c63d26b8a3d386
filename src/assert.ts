/**
 * The only way to state an invariant. A broken invariant is a fault of ours, never of a peer: the
 * actor that meets it fails, its broker stops, its session expires and the cluster heals.
 */
export class BrokenInvariant extends Error {
  override readonly name = 'BrokenInvariant'
}

/** Throws {@link BrokenInvariant} unless the condition holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new BrokenInvariant(message)
}

/** Closes a switch over a union: the compiler refuses a forgotten member. */
export function unreachable(value: never): never {
  throw new BrokenInvariant(`unreachable: ${JSON.stringify(value)}`)
}

/** A fact that a chart has no arrow for. Charts refuse it at their root (`'*': { actions: 'refuse' }`). */
export class RefusedFact extends Error {
  override readonly name = 'RefusedFact'
}

/** The action of that root arrow: XState alone would drop the fact without a word. */
export function refuse({ event }: { event: { type: string } }): never {
  throw new RefusedFact(`no arrow for ${JSON.stringify(event)}`)
}
