import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Plan, Told } from './tests-runner.ts'

const root = resolve(import.meta.dirname, '../..')

/** Tests that start actors: whole clusters, nodes, clients. Charts' own tests are in `test/machines`, and stay out. */
const rooms = ['test/actors', 'test/control']
const alone = ['test/idle-followers.test.ts', 'test/stall.test.ts']

const isWitness = (file: string): boolean => {
  if (!file.endsWith('.test.ts') || /harness\/(vitest|disappointed)/.test(file)) return false
  // Where tests share actors, one that broke them would speak for those behind it.
  return !/\bbeforeAll\b|^(const|await using) \w+ = await /m.test(
    readFileSync(join(root, file), 'utf8'),
  )
}

export const testFiles = (): readonly string[] =>
  rooms
    .flatMap(room => {
      const names = readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
      return names.map(name => join(room, name))
    })
    .concat(alone)
    .filter(isWitness)
    .sort()

/** Runs tests as planned and answers what they told; what hangs is ended and told of as such. */
export function runTests(plan: Plan, all = testFiles()): Promise<readonly Told[]> {
  const folder = mkdtempSync(join(tmpdir(), 'samsa-arrows-'))
  const [planFile, toldFile] = [join(folder, 'plan.json'), join(folder, 'told')]
  writeFileSync(planFile, JSON.stringify(plan))
  writeFileSync(toldFile, '')
  const files =
    plan === null
      ? all
      : [...new Set(Object.keys(plan).map(name => name.split(' > ', 1)[0] as string))]
  const child = spawn(
    process.execPath,
    [
      join(root, 'node_modules/vitest/vitest.mjs'),
      ...['run', '--config', 'test/arrows/vitest.config.ts', '--reporter', 'dot'],
      ...files,
    ],
    {
      cwd: root,
      stdio: 'ignore',
      detached: true,
      env: { ...process.env, SAMSA_ARROWS_PLAN: planFile, SAMSA_ARROWS_TOLD: toldFile },
    },
  )
  const told = (): Told[] =>
    readFileSync(toldFile, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line) as Told)
  return new Promise(done => {
    // Nothing told for so long: something turns in a circle.
    let before = -1
    const watch = setInterval(() => {
      const { length } = told()
      if (length === before && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      before = length
    }, 300_000)
    child.on('exit', () => {
      clearInterval(watch)
      const all = told()
      rmSync(folder, { recursive: true, force: true })
      done(all)
    })
  })
}
