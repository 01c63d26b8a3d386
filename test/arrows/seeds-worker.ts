/** A process that runs seeds on charts that lack an arrow, or that count their arrows, for `run.ts`. */
import { useCharts, useChartsWithout, useCountingCharts } from './changed-charts.ts'
import { runSeed } from './witness.ts'

export interface SeedTask {
  readonly seed: number
  readonly chaosMs: number
  /** Left out; null: all arrows are there, and are counted. */
  readonly arrow: string | null
}

export interface SeedAnswer {
  readonly noticed: string | null
  readonly cpuMs: number
  readonly counts: readonly (readonly [string, number])[]
}

process.on('message', async ({ seed, chaosMs, arrow }: SeedTask) => {
  const before = process.cpuUsage()
  const counts = arrow === null ? useCountingCharts() : new Map<string, number>()
  if (arrow !== null) useChartsWithout(arrow)
  const noticed = await runSeed(seed, chaosMs)
  useCharts()
  const { user, system } = process.cpuUsage(before)
  const answer: SeedAnswer = {
    noticed,
    cpuMs: Math.round((user + system) / 1000),
    counts: [...counts],
  }
  process.send?.(answer)
})

process.on('disconnect', () => process.exit())
