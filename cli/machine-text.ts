import type { AnyStateMachine, AnyStateNode } from 'xstate'

/** The parts of a chart's configuration that a drawing needs; functions (initial contexts, inline guards) are left out. */
function plain(value: unknown): unknown {
  if (typeof value === 'function') return undefined
  if (Array.isArray(value)) return value.map(plain)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== 'context' && key !== 'types')
      .map(([key, inner]) => [key, plain(inner)]),
  )
}

/** A chart as a module of its own, which the XState visualizer and Stately Studio open. */
export function xstateText(machine: AnyStateMachine): string {
  const config = JSON.stringify(plain(machine.config), null, 2)
  return `import { createMachine } from 'xstate'\n\nexport const machine = createMachine(${config})\n`
}

const mermaidId = (node: AnyStateNode): string => node.id.replace(/[^A-Za-z0-9]+/g, '_')

const guardName = (guard: unknown): string =>
  typeof guard === 'string' ? guard : ((guard as { type?: string } | undefined)?.type ?? '')

/** `fact [guard]`, as it stands on an arrow. */
function label(eventType: string, guard: unknown, delay: unknown): string {
  const fact = eventType.startsWith('xstate.after.')
    ? `after ${String(delay)}`
    : eventType === ''
      ? 'always'
      : eventType
  return guard === undefined ? fact : `${fact} [${guardName(guard)}]`
}

function mermaidLines(node: AnyStateNode, indent: string): string[] {
  const lines: string[] = []
  const children = Object.values(node.states) as AnyStateNode[]
  const [initial] = node.initial?.target ?? []
  if (initial !== undefined) lines.push(`${indent}[*] --> ${mermaidId(initial)}`)
  children.forEach((child, at) => {
    if (node.type === 'parallel' && at > 0) lines.push(`${indent}--`)
    lines.push(`${indent}state "${child.key}" as ${mermaidId(child)}`)
    if (Object.keys(child.states).length > 0)
      lines.push(
        `${indent}state ${mermaidId(child)} {`,
        ...mermaidLines(child, `${indent}  `),
        `${indent}}`,
      )
    if (child.type === 'final') lines.push(`${indent}${mermaidId(child)} --> [*]`)
  })
  return lines
}

function mermaidArrows(node: AnyStateNode): string[] {
  const transitions = [...[...node.transitions.values()].flat(), ...(node.always ?? [])]
  const own = transitions.flatMap(
    ({ target, eventType, guard, delay }: (typeof transitions)[number] & { delay?: unknown }) =>
      (target ?? []).map(
        to => `  ${mermaidId(node)} --> ${mermaidId(to)}: ${label(eventType, guard, delay)}`,
      ),
  )
  return [...own, ...(Object.values(node.states) as AnyStateNode[]).flatMap(mermaidArrows)]
}

/** A chart as Mermaid's `stateDiagram-v2`, which GitHub draws. Arrows that stay where they are are left out. */
export function mermaidText(machine: AnyStateMachine): string {
  const root = machine.root as AnyStateNode
  return ['stateDiagram-v2', ...mermaidLines(root, '  '), ...new Set(mermaidArrows(root)), ''].join(
    '\n',
  )
}
