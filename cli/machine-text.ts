import type { AnyStateMachine } from 'xstate'
import { arrowsOf, type ChartArrow, type ChartState, chartOf } from './chart-arrows.ts'

/** The parts of a chart's configuration that a drawing needs; its initial context is left out, since it is made from input. */
function plain(value: unknown): unknown {
  if (typeof value === 'function') return undefined
  if (Array.isArray(value)) return value.map(plain)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}

function config({ config: { context: _, ...drawn } }: AnyStateMachine): string {
  return JSON.stringify(plain(drawn), null, 2)
}

/** A chart as a module of its own, which the XState visualizer and Stately Studio open. */
export function xstateText(machine: AnyStateMachine): string {
  return `import { createMachine } from 'xstate'\n\nexport const machine = createMachine(${config(machine)})\n`
}

/** A chart as the JSON that `createMachine` takes. */
export const jsonText = (machine: AnyStateMachine): string => `${config(machine)}\n`

const mermaidId = (id: string): string => id.replace(/[^A-Za-z0-9]+/g, '_')

/** Mermaid draws no arrow from a box to what is inside it: such arrows leave from a mark in that box. */
const anyOf = (id: string): string => `${mermaidId(id)}_any`

const isInside = (id: string, box: string): boolean => id.startsWith(`${box}.`)

/** `fact [guard]`, as it stands on an arrow. */
const label = ({ on, guard }: ChartArrow): string => (guard === '' ? on : `${on} [${guard}]`)

function mermaidStates(
  state: ChartState,
  marked: ReadonlySet<string>,
  indent: string,
): readonly string[] {
  const { id, states, initial, type } = state
  const lines: string[] = []
  if (initial !== null) lines.push(`${indent}[*] --> ${mermaidId(initial)}`)
  if (marked.has(id)) lines.push(`${indent}state "in any state" as ${anyOf(id)}`)
  states.forEach((child, at) => {
    if (type === 'parallel' && at > 0) lines.push(`${indent}--`)
    lines.push(`${indent}state "${child.key}" as ${mermaidId(child.id)}`)
    if (child.states.length > 0)
      lines.push(
        `${indent}state ${mermaidId(child.id)} {`,
        ...mermaidStates(child, marked, `${indent}  `),
        `${indent}}`,
      )
    if (child.type === 'final') lines.push(`${indent}${mermaidId(child.id)} --> [*]`)
  })
  return lines
}

/** A chart as Mermaid's `stateDiagram-v2`, which GitHub draws. Arrows that stay where they are are left out. */
export function mermaidText(machine: AnyStateMachine): string {
  const chart = chartOf(machine)
  const labels = new Map<string, string[]>()
  const marked = new Set<string>()
  for (const arrow of arrowsOf(machine))
    for (const to of arrow.to) {
      const leavesInside = isInside(to, arrow.from)
      if (leavesInside) marked.add(arrow.from)
      const line = `${leavesInside ? anyOf(arrow.from) : mermaidId(arrow.from)} --> ${mermaidId(to)}`
      labels.set(line, [...(labels.get(line) ?? []), label(arrow)])
    }
  const arrows = [...labels].map(
    ([line, facts]) => `  ${line}: ${[...new Set(facts)].join('<br>')}`,
  )
  return ['stateDiagram-v2', ...mermaidStates(chart, marked, '  '), ...arrows, ''].join('\n')
}
