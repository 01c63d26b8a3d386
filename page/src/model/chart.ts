/** A chart as the build has drawn it (`page/chart-drawing.ts`), and what can be read off it. */
import { signal } from '@preact/signals'

export interface State {
  readonly id: string
  readonly key: string
  readonly type: string
  readonly initial: string | null
  readonly description: string
  readonly entry: readonly string[]
  readonly exit: readonly string[]
  readonly states: readonly State[]
}

export interface Arrow {
  readonly from: string
  /** Empty: it stays where it is. */
  readonly to: readonly string[]
  readonly on: string
  readonly guard: string
  readonly actions: readonly string[]
}

export interface Box {
  readonly id: string
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface Chart {
  readonly name: string
  readonly root: State
  readonly arrows: readonly Arrow[]
  readonly width: number
  readonly height: number
  readonly boxes: readonly Box[]
  readonly lines: readonly {
    readonly from: string
    readonly to: string
    readonly points: readonly (readonly [number, number])[]
    readonly labels: readonly string[]
    readonly x: number
    readonly y: number
  }[]
}

/** Every chart by its id; empty until `loadCharts` is done. */
export const charts = signal<ReadonlyMap<string, Chart>>(new Map())

let isLoading = false

/** Loads the drawings: not part of what the page begins with. */
export function loadCharts(): void {
  if (isLoading) return
  isLoading = true
  void import('samsa:charts').then(({ default: all }) => {
    charts.value = new Map(all.map(chart => [chart.root.id, chart]))
  })
}

/**
 * The ids of all states that a state's name says are active, the chart's own among them: `running.connected` or, of a
 * parallel state, `joined.membership.stable|session.beating`.
 */
export function activeIds(chartId: string, root: State, name: string): ReadonlySet<string> {
  const active = new Set([chartId])
  const enter = (state: State, rest: string): void => {
    active.add(state.id)
    if (rest === '') return
    if (state.type === 'parallel') {
      for (const region of regionsOf(rest, state)) enterChild(state, region)
    } else enterChild(state, rest)
  }
  const enterChild = (state: State, path: string): void => {
    const [key = ''] = path.split(/[.|]/, 1)
    const child = state.states.find(inner => inner.key === key)
    if (child !== undefined) enter(child, path.slice(key.length + 1))
  }
  if (name !== '') enter(root, name)
  return active
}

/** `a.b|c.d` of a parallel state, by its regions' names: a region may itself have an inner `|`. */
function regionsOf(text: string, { states }: State): readonly string[] {
  const parts: string[] = []
  for (const part of text.split('|')) {
    const [key = ''] = part.split('.', 1)
    if (states.some(state => state.key === key)) parts.push(part)
    else if (parts.length > 0) parts[parts.length - 1] += `|${part}`
  }
  return parts
}

export interface Takes {
  readonly on: string
  readonly arrows: readonly Arrow[]
}

/** What an actor in these states has an arrow for, the innermost first. */
export function takes(chart: Chart, active: ReadonlySet<string>): readonly Takes[] {
  const depth = (id: string): number => id.split('.').length
  const found = new Map<string, Arrow[]>()
  const arrows = chart.arrows
    .filter(({ from, on }) => active.has(from) && on !== '*' && on !== 'always')
    .toSorted((one, other) => depth(other.from) - depth(one.from))
  for (const arrow of arrows) {
    const same = found.get(arrow.on) ?? []
    found.set(arrow.on, same)
    same.push(arrow)
  }
  return [...found].map(([on, same]) => ({ on, arrows: same }))
}
