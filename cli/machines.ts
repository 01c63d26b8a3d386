import { type Command, Option } from 'commander'
import type { AnyStateMachine } from 'xstate'
import { svgText } from './machine-svg.ts'
import { jsonText, mermaidText, xstateText } from './machine-text.ts'
import { table } from './table.ts'

/** `leaderElectionMachine` → `leader-election`, as its file is called. */
const nameOf = (door: string): string =>
  door.replace(/Machine$/, '').replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)

/** Every chart by its name, in the order of the names: `leader-election`, `partition-replica` … Loaded when asked for: other commands need none. */
export async function loadCharts(): Promise<ReadonlyMap<string, AnyStateMachine>> {
  const doors: Readonly<Record<string, unknown>> = await import('../machines/index.ts')
  return new Map(
    Object.entries(doors)
      .filter((door): door is [string, AnyStateMachine] => door[0].endsWith('Machine'))
      .map(([door, machine]): [string, AnyStateMachine] => [nameOf(door), machine])
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  )
}

const formats: Readonly<Record<string, (machine: AnyStateMachine) => string>> = {
  xstate: xstateText,
  mermaid: mermaidText,
  json: jsonText,
  svg: svgText,
}

/** `samsa machines list`, `samsa machines show NAME --format xstate|mermaid|json|svg`. */
export function addMachinesCommands(program: Command): void {
  const machines = program
    .command('machines')
    .description('the statecharts that a cluster is made of')
  machines
    .command('list')
    .description('every chart by name')
    .action(async () => {
      const rows = [...(await loadCharts())].map(([name, { root, config }]) => [
        name,
        Object.keys(root.states).join(' '),
        config.description,
      ])
      console.log(table(['CHART', 'STATES', ''], rows))
    })
  machines
    .command('show')
    .description('one chart, to be opened in the XState visualizer, or drawn')
    .argument('<name>', 'as `samsa machines list` has it')
    .addOption(
      new Option(
        '--format <format>',
        'xstate: a createMachine(…) module; mermaid: a stateDiagram-v2; json: its configuration; svg: a picture',
      )
        .choices(Object.keys(formats))
        .default('xstate'),
    )
    .action(async (name: string, { format }: { format: string }) => {
      const charts = await loadCharts()
      const machine = charts.get(name)
      if (machine === undefined)
        throw new Error(`there is no chart ${name}: there are ${[...charts.keys()].join(', ')}`)
      process.stdout.write(formats[format]?.(machine) ?? '')
    })
}
