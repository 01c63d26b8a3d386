import { type AnyStateMachine, createMachine } from 'xstate'
import * as charts from '../../machines/index.ts'

/** One arrow of a chart: one candidate of one event, delay or `always` in one state. */
export interface Arrow {
  /** `session:open.attached:reconnect.requested:0`: what `--arrow` takes. */
  readonly id: string
  readonly chart: string
  /** `open.attached`; empty for the chart itself. */
  readonly state: string
  /** The event's name, `after lag`, `always`, `done`. */
  readonly event: string
  /** `[passwordMatches] → attached / attach, grant` */
  readonly does: string
}

interface Candidate {
  readonly target?: string | readonly string[]
  readonly guard?: unknown
  readonly actions?: unknown
  readonly reenter?: boolean
}

type Written = string | Candidate | undefined
type Arrows = Written | readonly Written[]

interface StateConfig {
  readonly on?: Readonly<Record<string, Arrows>>
  readonly after?: Readonly<Record<string, Arrows>>
  readonly always?: Arrows
  readonly onDone?: Arrows
  readonly states?: Readonly<Record<string, StateConfig>>
}

const listed = (arrows: Arrows): readonly Written[] =>
  Array.isArray(arrows) ? arrows : [arrows as Written]

const named = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : typeof value === 'object' && value !== null && 'type' in value
      ? String(value.type)
      : typeof value === 'function'
        ? value.name || '…'
        : '…'

function described(written: Written): string {
  const { target, guard, actions, reenter }: Candidate =
    typeof written === 'string' ? { target: written } : (written ?? {})
  const done = actions === undefined ? [] : [actions].flat()
  const parts = [
    ...(guard === undefined ? [] : [`[${named(guard)}]`]),
    ...(target === undefined ? [] : [`→ ${[target].flat().join(', ')}`]),
    ...(reenter ? ['anew'] : []),
    ...(done.length === 0 ? [] : [`/ ${done.map(named).join(', ')}`]),
  ]
  return parts.length === 0 ? 'is passed over' : parts.join(' ')
}

/** What becomes of one arrow: itself, another, or nothing. */
type Change = (written: Written, arrow: Arrow) => Written | null

/** A chart's configuration with each arrow put through `change`. What loses its last arrow is not there any more. */
function rewritten(chart: string, config: StateConfig, change: Change, state = ''): StateConfig {
  const one = (event: string, arrows: Arrows): readonly Written[] =>
    listed(arrows).flatMap((written, at) => {
      const id = `${chart}:${state}:${event}:${at}`
      const to = change(written, { id, chart, state, event, does: described(written) })
      return to === null ? [] : [to]
    })
  const all = (
    events: Readonly<Record<string, Arrows>>,
    name: (key: string) => string,
  ): Record<string, Arrows> =>
    Object.fromEntries(
      Object.entries(events)
        .map(([key, arrows]) => [key, one(name(key), arrows)] as const)
        .filter(([, left]) => left.length > 0),
    )
  const { on, after, always, onDone, states, ...rest } = config
  return {
    ...rest,
    ...(on && { on: all(on, key => key) }),
    ...(after && { after: all(after, key => `after ${key}`) }),
    ...(always && { always: one('always', always) }),
    ...(onDone && { onDone: one('done', onDone) }),
    ...(states && {
      states: Object.fromEntries(
        Object.entries(states).map(([key, inner]) => [
          key,
          rewritten(chart, inner, change, state === '' ? key : `${state}.${key}`),
        ]),
      ),
    }),
  }
}

const made = (machine: AnyStateMachine, change: Change): AnyStateMachine =>
  createMachine(
    rewritten(machine.id, machine.config as StateConfig, change) as never,
    machine.implementations as never,
  ) as unknown as AnyStateMachine // reason: made from a configuration that was typed before

/** Every chart by its id. */
export const chartsById: ReadonlyMap<string, AnyStateMachine> = new Map(
  Object.values(charts).map(machine => [machine.id, machine as AnyStateMachine]),
)

/** Every arrow of every chart, in the order they are written. */
export function allArrows(): readonly Arrow[] {
  const arrows: Arrow[] = []
  for (const [id, machine] of chartsById)
    rewritten(id, machine.config as StateConfig, (written, arrow) => {
      arrows.push(arrow)
      return written
    })
  return arrows
}

/** The chart without one of its arrows. */
export const without = (machine: AnyStateMachine, id: string): AnyStateMachine =>
  made(machine, (written, arrow) => (arrow.id === id ? null : written))

/** The same chart, which tells each arrow that it takes. */
export const telling = (machine: AnyStateMachine, taken: (id: string) => void): AnyStateMachine =>
  made(machine, (written, { id }) => {
    const candidate: Candidate = typeof written === 'string' ? { target: written } : (written ?? {})
    const actions = candidate.actions === undefined ? [] : [candidate.actions].flat()
    return { ...candidate, actions: [() => taken(id), ...actions] }
  })
