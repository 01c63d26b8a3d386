import type { AnyStateMachine } from 'xstate'
import { Registry } from '../../actors/registry.ts'
import { chartsById, telling, without } from './arrow.ts'

type Charts = ReadonlyMap<string, AnyStateMachine>

const start = Registry.prototype.start

/** From now on every actor of this process is started with the chart given for its own, if one is. */
function use(charts: Charts): void {
  Registry.prototype.start = function (this: Registry, machine, options) {
    const other = charts.get(machine.id) as typeof machine | undefined
    return start.call(this, (other ?? machine) as AnyStateMachine, options as never) as never
  }
}

/** Every chart as it is written. */
export function useCharts(): void {
  Registry.prototype.start = start
}

/** Every chart as it is written, but for one arrow. */
export function useChartsWithout(arrow: string): void {
  const chart = arrow.split(':', 1)[0] as string
  const machine = chartsById.get(chart)
  if (machine === undefined) throw new Error(`there is no chart ${chart}`)
  use(new Map([[chart, without(machine, arrow)]]))
}

/** Every chart as it is written; how often each arrow was taken is counted. */
export function useCountingCharts(): Map<string, number> {
  const counts = new Map<string, number>()
  const taken = (id: string): void => {
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  use(new Map([...chartsById].map(([id, machine]) => [id, telling(machine, taken)])))
  return counts
}
