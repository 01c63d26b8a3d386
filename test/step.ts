import {
  type AnyStateMachine,
  type EmittedFrom,
  type EventFromLogic,
  type InputFrom,
  initialTransition,
  type SnapshotFrom,
  transition,
} from 'xstate'
import { RefusedFact } from '../src/assert.ts'

interface ExecutableAction {
  type: string
  params?: unknown
  event?: unknown
}

/** The commands among a step's actions; throws {@link RefusedFact} where the chart refused the fact. */
function commands<M extends AnyStateMachine>(
  actions: readonly ExecutableAction[],
): EmittedFrom<M>[] {
  const emitted: EmittedFrom<M>[] = []
  for (const action of actions) {
    if (action.type === 'refuse') throw new RefusedFact('the chart has no arrow for this fact here')
    // XState's type of `transition()` leaves out `xstate.emit`, though it is returned.
    if (action.type === 'xstate.emit')
      emitted.push((action.params as { event: EmittedFrom<M> }).event)
  }
  return emitted
}

/** A chart's first snapshot and the commands of its entry actions. */
export function begin<M extends AnyStateMachine>(
  machine: M,
  input: InputFrom<M>,
): [SnapshotFrom<M>, EmittedFrom<M>[]] {
  const [snapshot, actions] = initialTransition(machine, input as never)
  return [snapshot as SnapshotFrom<M>, commands<M>(actions as never)]
}

/**
 * One step of a chart, without an actor, a clock or a performer.
 * A timeout of the chart is the fact `{ type: 'xstate.after.<delay>.<state id>' }`; see {@link elapse}.
 */
export function step<M extends AnyStateMachine>(
  machine: M,
  snapshot: SnapshotFrom<M>,
  fact: EventFromLogic<M>,
): [SnapshotFrom<M>, EmittedFrom<M>[]] {
  const [next, actions] = transition(machine, snapshot as never, fact as never)
  return [next as SnapshotFrom<M>, commands<M>(actions as never)]
}

/** Several facts in a row; the commands of all. */
export function steps<M extends AnyStateMachine>(
  machine: M,
  snapshot: SnapshotFrom<M>,
  ...facts: EventFromLogic<M>[]
): [SnapshotFrom<M>, EmittedFrom<M>[]] {
  let at = snapshot
  const emitted: EmittedFrom<M>[] = []
  for (const fact of facts) {
    const [next, more] = step(machine, at, fact)
    at = next
    emitted.push(...more)
  }
  return [at, emitted]
}

/** Lets a named delay of the chart elapse: `elapse(machine, snapshot, 'rebalanceTimeout')`. */
export function elapse<M extends AnyStateMachine>(
  machine: M,
  snapshot: SnapshotFrom<M>,
  delay: string,
): [SnapshotFrom<M>, EmittedFrom<M>[]] {
  const nodes = (
    snapshot as { _nodes: { id: string; after: { delay: unknown; eventType: string }[] }[] }
  )._nodes
  for (const node of nodes)
    for (const after of node.after)
      if (after.delay === delay) return step(machine, snapshot, { type: after.eventType } as never)
  throw new RefusedFact(`no state here waits for ${delay}`)
}
