/**
 * Writes CHARTS.md, every chart drawn, from the charts themselves: `npm run charts`. A test holds the page to it.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AnyStateMachine } from 'xstate'
import { type ChartState, chartOf, within } from '../cli/chart-arrows.ts'
import { mermaidText } from '../cli/machine-text.ts'
import { loadCharts } from '../cli/machines.ts'

const path = join(import.meta.dirname, 'CHARTS.md')
const machines = join(import.meta.dirname, '../machines')

/** `controller/leader-election.ts`, found by what it exports. */
function sourceOf(name: string): string {
  const door = `${name.replace(/-(.)/g, (_, next: string) => next.toUpperCase())}Machine`
  const line = readFileSync(join(machines, 'index.ts'), 'utf8')
    .split('\n')
    .find(text => text.includes(`{ ${door} }`))
  const file = /'\.\/([^']+)'/.exec(line ?? '')?.[1]
  if (file === undefined) throw new Error(`machines/index.ts exports no ${door}`)
  return file
}

const rooms: Readonly<Record<string, string>> = {
  broker: 'A broker',
  controller: 'The controller',
  group: 'A consumer group',
  zookeeper: 'ZooKeeper',
  client: 'Clients',
}

const escaped = (text: string): string => text.replace(/\|/g, '\\|')

function stateRow({ id, type, description }: ChartState, root: ChartState): string {
  const name = id.slice(root.id.length + 1)
  const kind = type === 'final' ? ' (final)' : type === 'parallel' ? ' (parallel)' : ''
  return `| \`${name}\`${kind} | ${escaped(description)} |`
}

function section(name: string, machine: AnyStateMachine): readonly string[] {
  const root = chartOf(machine)
  const file = sourceOf(name)
  return [
    `### ${name}`,
    '',
    `${root.description} [machines/${file}](../machines/${file})`,
    '',
    '```mermaid',
    mermaidText(machine).trimEnd(),
    '```',
    '',
    '<details><summary>Its states</summary>',
    '',
    '| State | |',
    '| --- | --- |',
    ...within(root)
      .slice(1)
      .map(state => stateRow(state, root)),
    '',
    '</details>',
    '',
  ]
}

/** The page as the charts have it now. */
export async function chartsPage(): Promise<string> {
  const charts = await loadCharts()
  const folders = readdirSync(machines, { withFileTypes: true })
    .filter(entry => entry.isDirectory() && !(entry.name in rooms))
    .map(({ name }) => name)
  if (folders.length > 0) throw new Error(`docs/charts.ts has no heading for ${folders.join(', ')}`)
  const lines = Object.entries(rooms).flatMap(([room, heading]) => [
    `## ${heading}`,
    '',
    ...[...charts]
      .filter(([name]) => sourceOf(name).startsWith(`${room}/`))
      .flatMap(([name, machine]) => section(name, machine)),
  ])
  return [
    '# The charts',
    '',
    'Every statechart that a cluster is made of, drawn from its source by `npm run charts`. An arrow bears the fact that it waits for and, in',
    'brackets, the guard that must hold; `after` is a timer, `always` is taken at once; one from _in any state_ holds in every state of its box. Arrows that stay',
    'where they are, and what each arrow does, are in `npx samsa machines show NAME --format svg`.',
    '',
    ...lines,
  ]
    .join('\n')
    .trimEnd()
    .concat('\n')
}

if (import.meta.main) writeFileSync(path, await chartsPage())
