/**
 * Every scenario, played: what happens is what its file says, to the byte. `npm run scenarios -- --rewrite` writes what happens now into the
 * files; read the difference before you commit it.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { describe, expect, test, vi } from 'vitest'
import { parseScenario, printScenario } from '../actors/harness/scenario.ts'
import { playScenario } from '../actors/harness/scenario-run.ts'
import { addScenarioCommands, readScenario, scenarioNames } from '../cli/scenario.ts'

const root = join(import.meta.dirname, '..')
const rewrites = process.env.SCENARIOS === 'rewrite'

describe.concurrent('scenarios', async () => {
  test.for(await scenarioNames())('%s', async (name, { expect }) => {
    const scenario = await readScenario(name)
    const played = printScenario(scenario, await playScenario(scenario))
    const file = join(root, 'actors/harness/scenarios', `${name}.txt`)
    if (rewrites) await writeFile(file, played)
    expect(played).toBe(await readFile(file, 'utf8'))
  })
})

test('a scenario told twice is the same twice', async () => {
  const scenario = await readScenario('leader-dies')
  expect(await playScenario(scenario)).toEqual(await playScenario(scenario))
})

test('what is no scenario, and what cannot be done, is said with its line', async () => {
  expect(() => parseScenario('x', '# Title\n\nwhatever\n')).toThrow(
    'x.txt:3: "whatever" is neither prose (#), nor a command (>)',
  )
  expect(() => parseScenario('x', '> start 3 brokers\n')).toThrow(/has a title/)
  expect(() => parseScenario('x', '# Title\n')).toThrow(/and steps/)
  const play = (...commands: string[]) =>
    playScenario(parseScenario('x', ['# Title', ...commands.map(it => `> ${it}`)].join('\n')))
  await expect(play('dance')).rejects.toThrow(
    /x\.txt:2: dance: nobody knows how\. There are:\n {2}start N/,
  )
  await expect(play('kill broker 1')).rejects.toThrow(/x\.txt:2.*begin with "start 3 brokers"/)
  await expect(play('start 1 brokers', 'kill broker 7')).rejects.toThrow(/x\.txt:3.*no broker 7/)
  await expect(play('tell tales')).rejects.toThrow(/"tales" cannot be told: nodes, /)
})

test('samsa scenario lists them, plays one as a tour, and knows no others', async () => {
  const samsa = async (...args: string[]): Promise<string> => {
    const program = new Command('samsa').exitOverride()
    addScenarioCommands(program)
    const said: string[] = []
    const log = vi.spyOn(console, 'log').mockImplementation(line => void said.push(line))
    try {
      await program.parseAsync(['scenario', ...args], { from: 'user' })
      return `${said.join('\n')}\n`
    } finally {
      log.mockRestore()
    }
  }
  expect(await samsa('list')).toMatch(/^leader-dies +A leader dies$/m)
  expect(JSON.parse(await samsa('list', '--json'))).toContainEqual(
    expect.objectContaining({ name: 'leader-dies', summary: expect.stringContaining('session') }),
  )
  expect(await samsa('run', 'leader-dies')).toMatch(
    /^A leader dies\n\nThe broker that leads[\s\S]*As by kill -9[^\n]*\n> kill the leader of orders-0\n {4} +0\.0 s {2}broker-2 +killed\n/,
  )
  await expect(samsa('run', 'leader-lives')).rejects.toThrow(
    /^there is no scenario leader-lives: there are .*leader-dies/,
  )
})
