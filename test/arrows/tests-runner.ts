import { appendFileSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { type RunnerTask, type RunnerTestCase, TestRunner, type TestTryOptions } from 'vitest'
import type * as Charts from './changed-charts.ts'

/** Test → arrows to be left out before it; null: all are there, and are counted. */
export type Plan = Readonly<Record<string, readonly string[]>> | null

export type Told =
  | {
      readonly test: string
      readonly ms: number
      readonly counts: Readonly<Record<string, number>>
    }
  | { readonly test: string; readonly arrow: string; readonly begins: true }
  | { readonly test: string; readonly arrow: string; readonly noticed: string | null }

function nameOf(task: RunnerTask): string {
  const names: string[] = []
  for (let at: RunnerTask | undefined = task; at !== undefined && at !== at.file; at = at.suite)
    names.unshift(at.name)
  return `${relative(process.cwd(), task.file.filepath)} > ${names.join(' > ')}`
}

const charts = (): typeof Charts =>
  (globalThis as unknown as { samsaCharts: typeof Charts }).samsaCharts // reason: set by setup.ts

const { SAMSA_ARROWS_PLAN: planFile = '', SAMSA_ARROWS_TOLD: toldFile = '' } = process.env
const tell = (told: Told): void => appendFileSync(toldFile, `${JSON.stringify(told)}\n`)

/** Runs a test once with all arrows, counted, or once for each arrow that its plan leaves out. */
export default class ArrowsRunner extends TestRunner {
  readonly #plan = JSON.parse(readFileSync(planFile, 'utf8')) as Plan
  #counts = new Map<string, number>()

  override async onBeforeRunTask(test: RunnerTask): Promise<void> {
    await super.onBeforeRunTask(test)
    if (test.type !== 'test' || test.mode !== 'run' || this.#plan === null) return
    const arrows = this.#plan[nameOf(test)] ?? []
    if (arrows.length === 0) test.mode = 'skip'
    else test.repeats = arrows.length - 1
  }

  override onBeforeTryTask(test: RunnerTask, options: TestTryOptions): void {
    super.onBeforeTryTask(test, options)
    const arrow = this.#plan?.[nameOf(test)]?.[options.repeats]
    if (this.#plan === null) this.#counts = charts().useCountingCharts()
    else if (arrow !== undefined) {
      tell({ test: nameOf(test), arrow, begins: true })
      charts().useChartsWithout(arrow)
    }
  }

  override async onAfterRetryTask(test: RunnerTestCase, options: TestTryOptions): Promise<void> {
    await super.onAfterRetryTask(test, options)
    charts().useCharts()
  }

  override onAfterRunTask(test: RunnerTask): void {
    super.onAfterRunTask(test)
    if (test.type !== 'test' || test.mode !== 'run' || test.result === undefined) return
    const name = nameOf(test)
    const { attempts = [], state, duration = 0 } = test.result
    if (this.#plan === null) {
      if (state !== 'pass' || this.#counts.size === 0) return
      tell({ test: name, ms: Math.round(duration), counts: Object.fromEntries(this.#counts) })
      return
    }
    for (const { state: of, errors, repeatIndex } of attempts) {
      const arrow = this.#plan[name]?.[repeatIndex]
      if (arrow === undefined) continue
      const said = errors?.[0]?.message?.split('\n', 1)[0] ?? 'an error'
      tell({ test: name, arrow, noticed: of === 'pass' ? null : said })
    }
  }
}
