import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { simulate } from '../../actors/harness/run.ts'
import { printScenario } from '../../actors/harness/scenario.ts'
import { playScenario } from '../../actors/harness/scenario-run.ts'
import { readScenario } from '../../cli/scenario.ts'

const scenarios = resolve(import.meta.dirname, '../../actors/harness/scenarios')

/** What may notice that an arrow is missing: a simulated seed, a scenario, or a test that is no chart's own. */
export type Witness =
  | { readonly kind: 'seed'; readonly seed: number; readonly chaosMs: number }
  | { readonly kind: 'scenario'; readonly name: string }
  | { readonly kind: 'test'; readonly test: string }

export function nameOf(witness: Witness): string {
  if (witness.kind === 'seed') return `seed ${witness.seed}`
  return witness.kind === 'scenario' ? `scenario ${witness.name}` : witness.test
}

const firstLine = (text: string): string => (text.split('\n', 1)[0] as string).trim()

async function playSeed(seed: number, chaosMs: number): Promise<string | null> {
  const { violations, anomalies } = await simulate({ seed, chaosMs })
  const [violation] = violations
  const [anomaly] = anomalies
  if (violation !== undefined) return `${violation.spec}: ${firstLine(violation.text)}`
  return anomaly === undefined ? null : `${anomaly.kind}: ${firstLine(anomaly.text)}`
}

/** The first line that is told otherwise. */
async function playAsWritten(name: string): Promise<string | null> {
  const scenario = await readScenario(name)
  const played = printScenario(scenario, await playScenario(scenario)).split('\n')
  const written = (await readFile(join(scenarios, `${name}.txt`), 'utf8')).split('\n')
  const at = written.findIndex((line, i) => played[i] !== line)
  if (at < 0 && played.length === written.length) return null
  return `not as written: ${(written[at] ?? 'more than that').trim()}`
}

/** Runs a seed or plays a scenario: what was wrong with it, null where nothing was. */
export async function run(witness: Exclude<Witness, { kind: 'test' }>): Promise<string | null> {
  // What is thrown where nobody catches it is noticed as well.
  const thrown: unknown[] = []
  const caught = (error: unknown): void => {
    thrown.push(error)
  }
  process.on('uncaughtException', caught)
  process.on('unhandledRejection', caught)
  try {
    const noticed =
      witness.kind === 'seed'
        ? await playSeed(witness.seed, witness.chaosMs)
        : await playAsWritten(witness.name)
    await new Promise(resolve => setImmediate(resolve))
    if (noticed !== null || thrown.length === 0) return noticed
    return `thrown: ${firstLine(String(thrown[0]))}`
  } catch (error) {
    return `thrown: ${firstLine(String(error))}`
  } finally {
    process.off('uncaughtException', caught)
    process.off('unhandledRejection', caught)
  }
}

export const runSeed = (seed: number, chaosMs: number): Promise<string | null> =>
  run({ kind: 'seed', seed, chaosMs })
