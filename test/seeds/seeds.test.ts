import { expect, test } from 'vitest'
import { unexercised } from '../../actors/harness/exercised.ts'
import { faultNames } from '../../actors/harness/nemesis.ts'
import { simulate } from '../../actors/harness/run.ts'

const counts = new Map<string, number>()
const faults = new Map<string, number>()
const add = (to: Map<string, number>, of: ReadonlyMap<string, number>): void => {
  for (const [what, times] of of) to.set(what, (to.get(what) ?? 0) + times)
}

/** Short lives of whole clusters under faults; `npm run sim` has longer ones and more. */
test.each(Array.from({ length: 24 }, (_, at) => at + 1))(
  'seed %i: whatever happens to the cluster, every property holds',
  async seed => {
    const report = await simulate({ seed, chaosMs: 10_000 })
    expect(report.violations).toEqual([])
    expect(report.anomalies).toEqual([])
    expect(report.operations).toBeGreaterThan(100)
    add(counts, report.sometimes)
    add(faults, report.faults)
  },
)

test('between them they put every property to the test and had every fault', () => {
  expect(unexercised(counts, faults, faultNames)).toEqual([])
})

test('the same seed gives the same run, to the last line of its trace', async () => {
  const run = async () => {
    const lines: string[] = []
    const report = await simulate({
      seed: 4,
      chaosMs: 8000,
      told: entry => lines.push(JSON.stringify(entry)),
    })
    return { lines, hash: report.traceHash, operations: report.operations }
  }
  const [first, second] = [await run(), await run()]
  expect(first.lines.length).toBeGreaterThan(1000)
  expect(second.lines).toEqual(first.lines)
  expect(second.hash).toBe(first.hash)
  expect((await simulate({ seed: 5, chaosMs: 8000 })).traceHash).not.toBe(first.hash)
})
