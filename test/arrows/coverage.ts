import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { SeedsProcess } from './seeds-process.ts'
import { runTests } from './tests-process.ts'
import type { Witness } from './witness.ts'

/** A witness, what it costs, and how often it takes each arrow. */
export interface Covered {
  readonly witness: Witness
  readonly costMs: number
  readonly counts: Readonly<Record<string, number>>
}

const root = resolve(import.meta.dirname, '../..')

/** Tests that start actors: whole clusters, nodes, clients. Charts' own tests are in `test/machines`, and stay out. */
const rooms = ['test/actors', 'test/control', 'test/scenarios', 'test/interop']

/** Only what runs everywhere and by itself. */
const out = [/^test\/interop\/(?!kafkajs)/, /^test\/actors\/harness\/(vitest|disappointed)/]

export const testFiles = (): readonly string[] =>
  [
    ...rooms.flatMap(room => {
      try {
        return readdirSync(join(root, room), { recursive: true, encoding: 'utf8' }).map(name =>
          join(room, name),
        )
      } catch {
        return []
      }
    }),
    'test/idle-followers.test.ts',
    'test/stall.test.ts',
  ]
    .filter(name => name.endsWith('.test.ts') && !out.some(pattern => pattern.test(name)))
    .sort()

/** Tasks one after another in each of several lanes. */
export async function inLanes<T>(
  lanes: number,
  tasks: readonly T[],
  run: (task: T, lane: number) => Promise<void>,
): Promise<void> {
  const left = [...tasks]
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      for (let task = left.shift(); task !== undefined; task = left.shift()) await run(task, lane)
    }),
  )
}

/** Runs witnesses once on charts that count their arrows. Whoever fails then is none. */
async function cover(
  witnesses: readonly Witness[],
  lanes: number,
  told: (text: string) => void,
): Promise<readonly Covered[]> {
  const covered: Covered[] = []
  const processes = Array.from({ length: lanes }, () => new SeedsProcess())
  await inLanes(lanes, witnesses, async (witness, lane) => {
    if (witness.kind === 'seed') {
      const { noticed, cpuMs, counts } = await (processes[lane] as SeedsProcess).run({
        ...witness,
        arrow: null,
      })
      if (noticed !== null) told(`seed ${witness.seed} fails as it is: ${noticed}`)
      else covered.push({ witness, costMs: cpuMs, counts: Object.fromEntries(counts) })
    } else {
      const { noticed, wallMs, counts } = await runTests(witness.file, null)
      if (noticed !== null) told(`${witness.file} fails as it is: ${noticed}`)
      else if (counts.size > 0)
        covered.push({ witness, costMs: wallMs, counts: Object.fromEntries(counts) })
    }
  })
  for (const one of processes) one.end()
  return covered
}

/** @param chaosMs how long faults happen in each */
export const coverSeeds = (
  count: number,
  chaosMs: number,
  lanes: number,
  told: (text: string) => void,
): Promise<readonly Covered[]> =>
  cover(
    Array.from({ length: count }, (_, at) => ({ kind: 'seed' as const, seed: at + 1, chaosMs })),
    lanes,
    told,
  )

export const coverTests = (
  lanes: number,
  told: (text: string) => void,
): Promise<readonly Covered[]> =>
  cover(
    testFiles().map(file => ({ kind: 'test' as const, file })),
    lanes,
    told,
  )
