/** Each source file as the editor's extension for XState reads it: without running it. */
import { readdirSync, readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type AnyStateMachine, createMachine } from 'xstate'
import { arrowsOf, chartOf } from '../../cli/chart-arrows.ts'

// The extractor asks XState 4 for one function (`choose`, which no chart of ours uses) and its types.
registerHooks({
  resolve: (name, context, next) => next(name.startsWith('xstate/lib/') ? 'xstate' : name, context),
})
const { extractMachinesFromFile } = await import('@xstate/machine-extractor')

const folder = join(import.meta.dirname, '../../machines')
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter(file => /\/.*\.ts$/.test(file))
  .sort()

/** What the extractor made of names, as names again; XState 4 called guards `cond`. */
function asWritten(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asWritten)
  if (value === null || typeof value !== 'object') return value
  const part = value as { kind?: string; type?: string; action?: { type: string } }
  if (part.kind === 'named') return part.action?.type ?? part.type
  if (part.kind !== undefined) throw new Error(`not by name: ${JSON.stringify(part)}`)
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key === 'cond' ? 'guard' : key, asWritten(inner)]),
  )
}

/** `reenter` is XState 5's own; the extractor reads past it, and the arrow is drawn all the same. */
const arrows = (machine: AnyStateMachine) =>
  arrowsOf(machine).map(({ reenter: _, ...arrow }) => arrow)

test.each(files)('no state and no arrow of %s is hidden from one who only reads it', async file => {
  const read = extractMachinesFromFile(readFileSync(join(folder, file), 'utf8'))?.machines ?? []
  expect(read).toHaveLength(1)
  const drawn = createMachine(asWritten(read[0]?.toConfig()) as object)
  const door: Readonly<Record<string, unknown>> = await import(join(folder, file))
  const [machine] = Object.entries(door)
    .filter(([name]) => name.endsWith('Machine'))
    .map(([, found]) => found as AnyStateMachine)
  if (machine === undefined) throw new Error(`${file} exports no machine`)
  expect(chartOf(drawn)).toEqual(chartOf(machine))
  expect(arrows(drawn)).toEqual(arrows(machine))
})
