import { scenarioNames } from '../../cli/scenario.ts'
import { SeedsProcess } from './seeds-process.ts'
import { runTests } from './tests-process.ts'
import { nameOf, type Witness } from './witness.ts'

/** A witness, what it costs, and how often it takes each arrow. */
export interface Covered {
  readonly witness: Witness
  readonly costMs: number
  readonly counts: Readonly<Record<string, number>>
}

/** Tasks one after another in each of several lanes. */
export async function inLanes<T>(
  lanes: number,
  tasks: readonly T[],
  run: (task: T, lane: number) => Promise<void>,
): Promise<void> {
  const left = [...tasks]
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      for (let task = left.shift(); task !== undefined; task = left.shift()) await run(task, lane)
    }),
  )
}

/**
 * Plays every scenario and runs seeds once on charts that count their arrows. Whoever fails then is no witness.
 *
 * @param chaosMs how long faults happen in each seed
 */
export async function coverSeeds(
  count: number,
  chaosMs: number,
  lanes: number,
  told: (text: string) => void,
): Promise<readonly Covered[]> {
  const covered: Covered[] = []
  const processes = Array.from({ length: lanes }, () => new SeedsProcess())
  const witnesses = [
    ...(await scenarioNames()).map(name => ({ kind: 'scenario', name }) as const),
    ...Array.from({ length: count }, (_, at) => ({ kind: 'seed', seed: at + 1, chaosMs }) as const),
  ]
  await inLanes(lanes, witnesses, async (witness, lane) => {
    const process = processes[lane] as SeedsProcess
    const { noticed, cpuMs, counts } = await process.run({ witness, arrow: null })
    if (noticed !== null) told(`${nameOf(witness)} fails as it is: ${noticed}`)
    else covered.push({ witness, costMs: cpuMs, counts: Object.fromEntries(counts) })
  })
  for (const one of processes) one.end()
  return covered
}

/** The same of tests. */
export async function coverTests(): Promise<readonly Covered[]> {
  return (await runTests(null)).flatMap(told =>
    'counts' in told
      ? [{ witness: { kind: 'test', test: told.test }, costMs: told.ms, counts: told.counts }]
      : [],
  )
}
