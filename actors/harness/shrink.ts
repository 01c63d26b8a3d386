import { type Dispensable, dispensables, type SimulationReport } from './run.ts'

/** What a smaller run of the same seed has and does without. */
export interface Smaller {
  readonly chaosMs: number
  /** Numbers of the planned faults that happen. */
  readonly keep: readonly number[]
  readonly without: readonly Dispensable[]
}

/** The properties that did not hold, the first one first; empty where all did. */
export const brokenBy = ({ violations, anomalies }: SimulationReport): readonly string[] => [
  ...new Set([...violations.map(({ spec }) => spec), ...anomalies.map(({ kind }) => kind)]),
]

/**
 * Makes a failing run smaller, as long as the same property fails first: less time, fewer faults (ddmin), fewer clients, less time again.
 *
 * @param options.report of the run as it failed
 * @param options.run the same seed, smaller
 * @param options.isOver whether to be content with what there is
 */
export async function shrink(options: {
  readonly report: SimulationReport
  readonly chaosMs: number
  readonly without: readonly Dispensable[]
  run(smaller: Smaller): Promise<SimulationReport>
  isOver(): boolean
}): Promise<{
  readonly smaller: Smaller
  readonly report: SimulationReport
  readonly runs: number
}> {
  const broken = brokenBy(options.report)[0]
  let { report } = options
  let smaller: Smaller = {
    chaosMs: options.chaosMs,
    keep: report.plan.map(({ number }) => number),
    without: options.without,
  }
  let runs = 0
  /** Whether it still fails so; then that is what there is. */
  const attempt = async (next: Smaller): Promise<boolean> => {
    if (options.isOver()) return false
    runs++
    const tried = await options.run(next)
    if (!brokenBy(tried).includes(broken as string)) return false
    report = tried
    smaller = next
    return true
  }

  // What comes after the violation is not needed; where it came after the faults, perhaps half of them will do.
  const cutShort = async (): Promise<void> => {
    const atMs = report.violations[0]?.atMs
    if (atMs !== undefined && atMs < smaller.chaosMs) {
      const chaosMs = Math.ceil((atMs + 1) / 100) * 100
      const keep = report.plan.filter(one => one.atMs <= chaosMs).map(({ number }) => number)
      await attempt({ ...smaller, chaosMs, keep })
      return
    }
    for (let chaosMs = smaller.chaosMs / 2; chaosMs >= 1000; chaosMs /= 2) {
      const keep = report.plan.filter(one => one.atMs <= chaosMs).map(({ number }) => number)
      if (!(await attempt({ ...smaller, chaosMs: Math.ceil(chaosMs), keep }))) return
    }
  }

  await cutShort()
  for (let parts = 2; smaller.keep.length > 0 && !options.isOver(); ) {
    const { keep } = smaller
    const size = Math.ceil(keep.length / parts)
    let isLess = false
    for (let at = 0; at < keep.length && !isLess; at += size)
      isLess = await attempt({ ...smaller, keep: keep.filter((_, i) => i < at || i >= at + size) })
    if (isLess) parts = Math.max(2, parts - 1)
    else if (size <= 1) break
    else parts = Math.min(keep.length, parts * 2)
  }
  for (const one of dispensables)
    if (!smaller.without.includes(one))
      await attempt({ ...smaller, without: [...smaller.without, one] })
  await cutShort()
  return { smaller, report, runs }
}
