/**
 * Checks the checker: plants each bug in turn and runs seeds until one notices. `npm run planted -- [--only NAME] [--seeds N] [--write]`.
 *
 * Prints a table, with `--write` into docs/TESTING.md, where bugs not asked for keep their rows; exits 0 only if every bug was found.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { plantedBugs } from './bugs.ts'
import { plantedTable, withTable } from './page.ts'
import { type Found, search } from './search.ts'

const { values } = parseArgs({
  options: {
    /** Names, with commas between. */
    only: { type: 'string' },
    seeds: { type: 'string', default: '60' },
    minutes: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '2' },
    write: { type: 'boolean', default: false },
  },
})
const [seeds, minutes] = [Number(values.seeds), Number(values.minutes)]
const only = values.only?.split(',')
const bugs = plantedBugs.filter(({ name }) => only === undefined || only.includes(name))
const found = new Map<string, Found | null>()
const left = [...bugs]
await Promise.all(
  Array.from({ length: Number(values.lanes) }, async () => {
    for (let bug = left.shift(); bug !== undefined; bug = left.shift()) {
      const one = await search(bug, { seeds, minutes })
      found.set(bug.name, one)
      console.log(`${bug.name}: ${one === null ? 'NOTHING' : `${one.by}, seed ${one.seeds}`}`)
    }
  }),
)
const path = resolve(import.meta.dirname, '../../docs/TESTING.md')
const page = readFileSync(path, 'utf8')
const table = plantedTable(plantedBugs, found, seeds, page)
console.log(`\n${table}`)
if (values.write) writeFileSync(path, withTable(page, table))
process.exitCode = [...found.values()].includes(null) ? 1 : 0
