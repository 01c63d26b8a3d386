/**
 * Checks the checker: plants each bug in turn and runs seeds until one notices. `npm run planted -- [--only NAME] [--seeds N] [--write]`.
 *
 * Prints a table, with `--write` into docs/TESTING.md; exits 0 only if every bug was found.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type PlantedBug, plantedBugs } from './bugs.ts'
import { plantedTable, withTable } from './page.ts'
import { type Found, search } from './search.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    seeds: { type: 'string', default: '60' },
    minutes: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '2' },
    write: { type: 'boolean', default: false },
  },
})
const [seeds, minutes] = [Number(values.seeds), Number(values.minutes)]
const bugs = plantedBugs.filter(({ name }) => values.only === undefined || values.only === name)
const found = new Map<PlantedBug, Found | null>()
const left = [...bugs]
await Promise.all(
  Array.from({ length: Number(values.lanes) }, async () => {
    for (let bug = left.shift(); bug !== undefined; bug = left.shift()) {
      const one = await search(bug, { seeds, minutes })
      found.set(bug, one)
      console.log(`${bug.name}: ${one === null ? 'NOTHING' : `${one.by}, seed ${one.seeds}`}`)
    }
  }),
)
const table = plantedTable(
  bugs.map(bug => [bug, found.get(bug) ?? null] as const),
  seeds,
)
console.log(`\n${table}`)
if (values.write) {
  const page = resolve(import.meta.dirname, '../../docs/TESTING.md')
  writeFileSync(page, withTable(readFileSync(page, 'utf8'), table))
}
process.exitCode = [...found.values()].includes(null) ? 1 : 0
