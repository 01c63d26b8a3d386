/**
 * Checks the checker: plants each bug in turn and runs seeds until one notices. `npm run planted -- [--only NAME] [--seeds N]`.
 *
 * Prints a table; exits 0 only if every bug was found.
 */
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { plantedBugs } from './bugs.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    seeds: { type: 'string', default: '60' },
    minutes: { type: 'string', default: '1' },
  },
})
const root = resolve(import.meta.dirname, '../..')
let missed = 0
console.log('| Planted bug | What noticed | Seeds needed |\n| --- | --- | --- |')
for (const { name, what } of plantedBugs) {
  if (values.only !== undefined && values.only !== name) continue
  const run = spawnSync(
    process.execPath,
    [
      '--import',
      './test/planted/plant.ts',
      'test/sim.ts',
      '--seeds',
      values.seeds,
      '--minutes',
      values.minutes,
      '--fail-fast',
    ],
    { cwd: root, env: { ...process.env, SAMSA_PLANT: name }, encoding: 'utf8' },
  )
  const [, seed, noticed] =
    /^seed (\d+) failed:\n {2}(?:[\d.]+ s, line \d+: )?(.*)$/m.exec(run.stdout) ?? []
  if (seed === undefined) missed++
  if (run.status !== 0 && seed === undefined) console.error(run.stderr.slice(-2000))
  const by = noticed?.replace(/^([\w -]+?)(:| in ).*$/, '$1') ?? 'NOTHING'
  console.log(`| ${name}: ${what} | ${by} | ${seed ?? `not within ${values.seeds}`} |`)
}
process.exitCode = missed === 0 ? 0 : 1
