import { expect, test } from 'vitest'
import { simulate } from '../../actors/harness/run.ts'

/** Short lives of whole clusters under faults; `npm run sim` has longer ones and more. */
test.each(Array.from({ length: 12 }, (_, at) => at + 1))(
  'seed %i: whatever happens to the cluster, every property holds',
  async seed => {
    const report = await simulate({ seed, chaosMs: 15_000 })
    expect(report.violations).toEqual([])
    expect(report.anomalies).toEqual([])
    expect(report.operations).toBeGreaterThan(100)
  },
)

test('the same seed gives the same run, to the last line of its trace', async () => {
  const run = async () => {
    const lines: string[] = []
    const report = await simulate({
      seed: 4,
      chaosMs: 10_000,
      told: entry => lines.push(JSON.stringify(entry)),
    })
    return { lines, hash: report.traceHash, operations: report.operations }
  }
  const [first, second] = [await run(), await run()]
  expect(first.lines.length).toBeGreaterThan(1000)
  expect(second.lines).toEqual(first.lines)
  expect(second.hash).toBe(first.hash)
  expect((await simulate({ seed: 5, chaosMs: 10_000 })).traceHash).not.toBe(first.hash)
})
