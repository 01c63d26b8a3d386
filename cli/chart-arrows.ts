/** What every drawing of a chart is made from: its states and its arrows, as XState has resolved them. */
import type { AnyStateMachine, AnyStateNode } from 'xstate'

export interface ChartState {
  /** `leaderElection.electing.weighing`; the chart's own id for its root. */
  readonly id: string
  readonly key: string
  readonly type: AnyStateNode['type']
  /** Where one begins who enters here; null in a state without states, and in a parallel one. */
  readonly initial: string | null
  readonly description: string
  readonly entry: readonly string[]
  readonly exit: readonly string[]
  readonly states: readonly ChartState[]
}

export interface ChartArrow {
  readonly from: string
  /** Empty: it stays where it is. */
  readonly to: readonly string[]
  /** A fact, `after closingTimeout`, `always`, or `done`. */
  readonly on: string
  /** Empty: taken in any case. */
  readonly guard: string
  readonly actions: readonly string[]
  readonly reenter: boolean
}

function nameOf(part: unknown): string {
  if (part === undefined) return ''
  if (typeof part === 'string') return part
  const { type, name } = part as { type?: string; name?: string }
  return type ?? name ?? 'inline'
}

/** Without what XState adds itself to start and cancel the timers of `after`. */
const namesOf = (parts: readonly unknown[]): readonly string[] =>
  parts.map(nameOf).filter(name => name !== 'xstate.raise' && name !== 'xstate.cancel')

const childrenOf = (node: AnyStateNode): readonly AnyStateNode[] => Object.values(node.states)

function stateOf(node: AnyStateNode): ChartState {
  return {
    id: node.id,
    key: node.key,
    type: node.type,
    initial: node.type === 'parallel' ? null : (node.initial?.target?.[0]?.id ?? null),
    description: node.description ?? '',
    entry: namesOf(node.entry),
    exit: namesOf(node.exit),
    states: childrenOf(node).map(stateOf),
  }
}

/** The chart's root, with all its states inside. */
export const chartOf = (machine: AnyStateMachine): ChartState => stateOf(machine.root)

/** A state and all inside it, from the outside in. */
export const within = (state: ChartState): readonly ChartState[] => [
  state,
  ...state.states.flatMap(within),
]

function cause(eventType: string, delay: unknown): string {
  if (eventType === '') return 'always'
  if (eventType.startsWith('xstate.after.')) return `after ${String(delay)}`
  return eventType.startsWith('xstate.done.state.') ? 'done' : eventType
}

function arrowsFrom(node: AnyStateNode): readonly ChartArrow[] {
  const transitions = [...[...node.transitions.values()].flat(), ...(node.always ?? [])]
  const own = transitions.map(
    (transition: (typeof transitions)[number] & { delay?: unknown }): ChartArrow => ({
      from: node.id,
      to: (transition.target ?? []).map(({ id }: AnyStateNode) => id),
      on: cause(transition.eventType, transition.delay),
      guard: nameOf(transition.guard),
      actions: namesOf(transition.actions),
      reenter: transition.reenter,
    }),
  )
  return [...own, ...childrenOf(node).flatMap(arrowsFrom)]
}

/** Every arrow of a chart, in the order in which a state tries them. */
export const arrowsOf = (machine: AnyStateMachine): readonly ChartArrow[] =>
  arrowsFrom(machine.root)
