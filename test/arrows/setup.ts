import { useCharts, useChartsWithout, useCountingCharts } from './changed-charts.ts'

/** Charts as the tests' own modules have them, for the runner, which may be loaded apart from them. */
Object.assign(globalThis, { samsaCharts: { useCharts, useChartsWithout, useCountingCharts } })
