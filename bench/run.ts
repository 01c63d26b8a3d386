/**
 * `npm run bench [-- NAME…]`: each `NAME.bench.ts` beside this file in a process of its own, one after another, all of them when none is
 * named. What they say is about ratios within one run; how they were taken and what they came to stands in `docs/PERFORMANCE.md`.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const suffix = '.bench.ts'
const known = readdirSync(import.meta.dirname)
  .filter(file => file.endsWith(suffix))
  .map(file => file.slice(0, -suffix.length))
const asked = process.argv.slice(2)
const unknown = asked.find(name => !known.includes(name))
if (unknown !== undefined) {
  console.error(`No benchmark ${unknown}: there are ${known.join(', ')}`)
  process.exit(1)
}
for (const name of asked.length > 0 ? asked : known) {
  console.log(`\n## ${name}\n`)
  const file = join(import.meta.dirname, `${name}${suffix}`)
  const { status } = spawnSync(process.execPath, [file], { stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}
