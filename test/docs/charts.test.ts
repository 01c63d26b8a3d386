import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { chartsPage } from '../../docs/charts.ts'

test('docs/CHARTS.md draws the charts as they are: `npm run charts` writes it anew', async () => {
  expect(readFileSync('docs/CHARTS.md', 'utf8')).toBe(await chartsPage())
})
