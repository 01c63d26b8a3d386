import type { Cluster } from '../cluster.ts'
import { type Scenario, ScenarioError, type ScenarioStep } from './scenario.ts'
import { scenarioCommands } from './scenario-commands.ts'
import { ScenarioStage } from './scenario-stage.ts'
import { ScenarioTelling, type ToldKind, toldKinds, usuallyTold } from './scenario-telling.ts'

/** What hears of a scenario as it is played. */
export interface ScenarioAudience {
  /** The cluster stands; it is ended with the scenario. */
  started?(cluster: Cluster): void
  /** Before a step is done. */
  step?(step: ScenarioStep): void
  /** A line of what happens, as the file has it. */
  told?(line: string): void
}

const isTold = (kind: string): kind is ToldKind => toldKinds.includes(kind as ToldKind)

/**
 * Plays a scenario on a cluster of its own, in memory, on a clock that costs no time: the same again each time, to the byte.
 *
 * @returns what happened at each step
 * @throws ScenarioError where a step cannot be done, with its line
 */
export async function playScenario(
  scenario: Scenario,
  audience: ScenarioAudience = {},
): Promise<readonly (readonly string[])[]> {
  const outcomes: string[][] = []
  let telling: ScenarioTelling | undefined
  let kinds: readonly ToldKind[] = usuallyTold
  let beganAtMs = 0
  let clock: { now(): number } | undefined
  let isOver = false
  const line = (who: string, what: string): void => {
    if (isOver) return
    const seconds = (((clock?.now() ?? 0) - beganAtMs) / 1000).toFixed(1)
    const said = who === '' ? what : `${seconds.padStart(5)} s  ${who.padEnd(22)}  ${what}`
    outcomes.at(-1)?.push(said)
    audience.told?.(said)
  }
  const stage = new ScenarioStage(line, cluster => {
    clock = cluster.platform.clock
    beganAtMs = clock.now()
    telling = new ScenarioTelling(cluster, kinds)
    cluster.trace.entries.subscribe(entry => {
      const told = telling?.line(entry)
      if (told) line(short(told[0]), told[1])
    })
    audience.started?.(cluster)
  })
  try {
    for (const step of scenario.steps) {
      outcomes.push([])
      audience.step?.(step)
      beganAtMs = clock?.now() ?? 0
      const [, list] = /^tell (.+)$/.exec(step.command) ?? []
      if (list !== undefined) kinds = told(scenario, step, list)
      else await play(scenario, step, stage)
    }
    return outcomes
  } finally {
    isOver = true
    await stage.end()
  }
}

/** Which kinds of lines are told: first of all commands. */
function told(scenario: Scenario, step: ScenarioStep, list: string): readonly ToldKind[] {
  const kinds = list.split(', ')
  const stranger = kinds.find(kind => !isTold(kind))
  if (stranger !== undefined)
    throw new ScenarioError(
      `${scenario.name}.txt:${step.line}: "${stranger}" cannot be told: ${toldKinds.join(', ')}`,
    )
  return kinds.filter(isTold)
}

async function play(scenario: Scenario, step: ScenarioStep, stage: ScenarioStage): Promise<void> {
  const where = `${scenario.name}.txt:${step.line}: ${step.command}`
  for (const { pattern, run } of scenarioCommands) {
    const match = pattern.exec(step.command)
    if (match === null) continue
    try {
      return await run(stage, (match.groups ?? {}) as Record<string, string>)
    } catch (error) {
      throw new ScenarioError(`${where}: ${(error as Error).message}`, { cause: error })
    }
  }
  throw new ScenarioError(
    `${where}: nobody knows how. There are:\n${scenarioCommands.map(({ usage }) => `  ${usage}`).join('\n')}`,
  )
}

/** `broker-1/controller/leader-election` in less room. */
const short = (path: string): string =>
  path
    .replace('/controller/leader-election', '/elector')
    .replace('/controller/topic-deletion', '/deletion')
    .replace('/partition/', '/')
