import { appendFileSync } from 'node:fs'
import { afterAll } from 'vitest'
import { useChartsWithout, useCountingCharts } from './changed-charts.ts'

const { SAMSA_ARROW: arrow, SAMSA_ARROWS_TAKEN: file } = process.env
if (arrow !== undefined) useChartsWithout(arrow)
else if (file !== undefined) {
  const counts = useCountingCharts()
  afterAll(() => appendFileSync(file, `${JSON.stringify([...counts])}\n`))
}
