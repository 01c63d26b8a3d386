import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import type { PlantedBug } from './bugs.ts'

const root = resolve(import.meta.dirname, '../..')

/** What noticed a planted bug, and after how many seeds; null where none did. */
export interface Found {
  readonly by: string
  readonly seeds: number
}

/** `safety-…`, `lost write`, `liveness`: the property in a line of `npm run sim`. */
const propertyIn = (line: string): string => line.replace(/^([\w -]+?)(:| in ).*$/, '$1')

/**
 * Plants a bug and runs seeds 1, 2, 3 … until one fails, in a process of its own.
 *
 * @param minutes of chaos in each seed
 */
export function search(
  { name }: PlantedBug,
  options: { readonly seeds: number; readonly minutes: number },
): Promise<Found | null> {
  const child = spawn(
    process.execPath,
    [
      ...['--import', './test/planted/plant.ts', 'test/sim.ts', '--fail-fast', '--no-shrink'],
      ...['--seeds', String(options.seeds), '--minutes', String(options.minutes)],
    ],
    { cwd: root, env: { ...process.env, SAMSA_PLANT: name } },
  )
  let [said, complained] = ['', '']
  child.stdout.on('data', chunk => {
    said += chunk
  })
  child.stderr.on('data', chunk => {
    complained += chunk
  })
  return new Promise((done, fail) => {
    child.on('exit', code => {
      const [, seed, line] =
        /^seed (\d+) failed:\n {2}(?:[\d.]+ s, line \d+: )?(.*)$/m.exec(said) ?? []
      if (seed !== undefined && line !== undefined)
        done({ by: propertyIn(line), seeds: Number(seed) })
      else if (code === 0) done(null)
      else fail(new Error(`${name}: ${complained.slice(-2000)}`))
    })
  })
}
