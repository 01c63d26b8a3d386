import { readdir, readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { parseScenario, printScenario, type Scenario } from '../actors/harness/scenario.ts'
import { playScenario } from '../actors/harness/scenario-run.ts'

/** Beside the sources, or, from `dist/cli`, where the package has them. */
const folder = new URL(
  import.meta.url.includes('/dist/')
    ? '../../actors/harness/scenarios/'
    : '../actors/harness/scenarios/',
  import.meta.url,
)

/** Names of all scenarios, in order. */
export async function scenarioNames(): Promise<readonly string[]> {
  const files = await readdir(folder)
  return files
    .filter(file => file.endsWith('.txt'))
    .map(file => file.slice(0, -'.txt'.length))
    .sort()
}

/** @throws Error that names all there are, where there is none of this name */
export async function readScenario(name: string): Promise<Scenario> {
  const names = await scenarioNames()
  if (!names.includes(name))
    throw new Error(`there is no scenario ${name}: there are ${names.join(', ')}`)
  return parseScenario(name, await readFile(new URL(`${name}.txt`, folder), 'utf8'))
}

/** `samsa scenario list|run NAME`. */
export function addScenarioCommands(program: Command): void {
  const scenario = program
    .command('scenario')
    .description('what happens in a cluster, as guided tours: each is a test too')
  scenario
    .command('list')
    .description('all there are')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: true }) => {
      const all = await Promise.all((await scenarioNames()).map(readScenario))
      if (json)
        return console.log(
          JSON.stringify(all.map(({ name, title, summary }) => ({ name, title, summary }))),
        )
      const width = Math.max(...all.map(({ name }) => name.length))
      for (const { name, title } of all) console.log(`${name.padEnd(width)}  ${title}`)
    })
  scenario
    .command('run')
    .description('plays one, in memory, on a clock that costs no time')
    .argument('<name>', 'its name, from the list')
    .option('--transcript', 'prints the file with what happened this time, and nothing else')
    .action(async (name: string, { transcript }: { transcript?: true }) => {
      const chosen = await readScenario(name)
      if (transcript) {
        process.stdout.write(printScenario(chosen, await playScenario(chosen)))
        return
      }
      console.log(`${chosen.title}\n\n${chosen.summary}`)
      await playScenario(chosen, {
        step: ({ prose, command }) => {
          if (command.startsWith('tell ')) return
          if (prose !== '') console.log(`\n${prose}`)
          console.log(`> ${command}`)
        },
        told: line => console.log(`    ${line}`),
      })
    })
}
