import { expect, test } from 'vitest'
import type { PlannedFault } from '../../../actors/harness/nemesis.ts'
import type { SimulationReport } from '../../../actors/harness/run.ts'
import { brokenBy, type Smaller, shrink } from '../../../actors/harness/shrink.ts'

const plan: readonly PlannedFault[] = Array.from({ length: 20 }, (_, at) => ({
  number: at + 1,
  atMs: at * 3000,
  name: 'kill',
  durationMs: 100,
  choices: [0, 0, 0],
}))

const reportOf = (
  keep: readonly number[],
  broken: readonly string[],
  atMs: number,
): SimulationReport => ({
  seed: 1,
  violations: broken.map(spec => ({ spec, text: '', atMs, seq: 1 })),
  anomalies: [],
  simulatedMs: 0,
  operations: 100,
  plan: plan.filter(({ number }) => keep.includes(number)),
  faults: new Map(),
  sometimes: new Map(),
  traceHash: '',
  traceLines: 0,
  lastLines: [],
})

/** A run that goes wrong at 20 s if faults 3 and 6 happen while the group is there; without fault 2 something else goes wrong. */
const run = async ({ keep, without }: Smaller): Promise<SimulationReport> => {
  const isBroken = keep.includes(3) && keep.includes(6) && !without.includes('group')
  return reportOf(keep, isBroken ? ['one leader'] : keep.includes(2) ? [] : ['another'], 20_000)
}

const everything = { chaosMs: 60_000, keep: plan.map(({ number }) => number), without: [] }

test('a failing run is made smaller as long as the same property fails', async () => {
  const { smaller, report, runs } = await shrink({
    report: await run(everything),
    ...everything,
    run,
    isOver: () => false,
  })
  expect(smaller.keep).toEqual([3, 6])
  expect(smaller.chaosMs).toBe(20_100)
  expect(smaller.without).not.toContain('group')
  expect(smaller.without).toContain('churn')
  expect(brokenBy(report)).toEqual(['one leader'])
  expect(runs).toBeLessThan(40)
})

test('when its time is over it keeps what it has', async () => {
  let left = 3
  const { smaller, runs } = await shrink({
    report: await run(everything),
    ...everything,
    run,
    isOver: () => left-- <= 0,
  })
  expect(runs).toBeLessThan(4)
  expect(smaller.keep).toEqual(expect.arrayContaining([3, 6]))
})
