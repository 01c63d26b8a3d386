/** A process that runs seeds and scenarios on charts that lack an arrow, or that count their arrows, for `run.ts`. */
import { useCharts, useChartsWithout, useCountingCharts } from './changed-charts.ts'
import { run, type Witness } from './witness.ts'

export interface SeedTask {
  readonly witness: Exclude<Witness, { kind: 'test' }>
  /** Left out; null: all arrows are there, and are counted. */
  readonly arrow: string | null
}

export interface SeedAnswer {
  readonly noticed: string | null
  readonly cpuMs: number
  readonly counts: readonly (readonly [string, number])[]
}

process.on('message', async ({ witness, arrow }: SeedTask) => {
  const before = process.cpuUsage()
  const counts = arrow === null ? useCountingCharts() : new Map<string, number>()
  if (arrow !== null) useChartsWithout(arrow)
  const noticed = await run(witness)
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
