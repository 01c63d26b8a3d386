import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { plantedBugs } from './bugs.ts'
import { tableIn, withTable } from './page.ts'
import { search } from './search.ts'

test('every bug can still be planted: what it replaces stands in its file once', () => {
  const wrong = plantedBugs.flatMap(({ name, edits }) =>
    edits
      .filter(({ file, find }) => readFileSync(file, 'utf8').split(find).length !== 2)
      .map(({ file }) => `${name} in ${file}`),
  )
  expect(wrong).toEqual([])
})

test('docs/TESTING.md says how many seeds found bugs that there are: `npm run planted -- --write`', () => {
  const names = plantedBugs.map(({ name }) => name)
  const table = tableIn(readFileSync('docs/TESTING.md', 'utf8'))
  expect([...table.keys()].filter(name => !names.includes(name))).toEqual([])
  expect(table.size).toBeGreaterThanOrEqual(10)
})

test('a table takes the place of the one before', () => {
  const page = 'a\n<!-- npm run planted -- --write -->\nold\n<!-- so far -->\nb'
  expect(withTable(page, 'new')).toBe(page.replace('old', 'new'))
})

const quick = ['ephemerals-stay', 'two-owners']
test.each(plantedBugs.filter(({ name }) => quick.includes(name)))(
  '$name is found: $what',
  { timeout: 120_000 },
  async bug => {
    expect(await search(bug, { seeds: 3, minutes: 1 })).not.toBeNull()
  },
)
