/**
 * Runs simulations: `npm run sim -- [--seeds N [--first S] | --seed S] [--minutes M] [--faults kill,partition] [--trace FILE]`.
 *
 * Exits 0 only if every property held in every seed. A seed that failed is printed as a line to run it again.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type FaultName, faultNames } from '../actors/harness/nemesis.ts'
import { type SimulationReport, simulate } from '../actors/harness/run.ts'
import type { TraceEntry } from '../actors/trace.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    first: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '1' },
    faults: { type: 'string' },
    keep: { type: 'string' },
    trace: { type: 'string' },
    'keep-going': { type: 'boolean', default: false },
    'fail-fast': { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
})

const number = (name: string, text: string): number => {
  const value = Number(text)
  if (!Number.isFinite(value) || value < 0) {
    console.error(`--${name} must be a number from 0, not ${text}`)
    process.exit(2)
  }
  return value
}
const minutes = number('minutes', values.minutes)
const first = number('first', values.seed ?? values.first)
const count = values.seed === undefined ? number('seeds', values.seeds ?? '10') : 1
const isFault = (name: string): name is FaultName => faultNames.some(one => one === name)
const named = values.faults?.split(',')
const unknown = named?.filter(name => !isFault(name)) ?? []
if (unknown.length > 0) {
  console.error(`--faults: there is no ${unknown}; there are ${faultNames.join(', ')}`)
  process.exit(2)
}
const faults = named?.filter(isFault)
const keep = values.keep?.split(',').map(text => number('keep', text))

const line = (entry: TraceEntry, startAtMs: number): string => {
  const seconds = ((entry.atMs - startAtMs) / 1000).toFixed(3).padStart(9)
  const { seq, path, kind, type, cause, detail } = entry
  const told = JSON.stringify(detail, (_key, value) =>
    value instanceof Uint8Array ? `${value.length} bytes` : value,
  )
  return `${seconds} ${seq} <${cause ?? ''} ${path} ${kind} ${type} ${told}\n`
}

async function run(seed: number): Promise<SimulationReport> {
  const file = values.trace === undefined ? undefined : openSync(values.trace, 'w')
  let startAtMs: number | undefined
  try {
    return await simulate({
      seed,
      chaosMs: minutes * 60_000,
      ...(faults === undefined ? {} : { faults }),
      ...(keep === undefined ? {} : { keep }),
      ...(file === undefined
        ? {}
        : {
            told: entry => {
              startAtMs ??= entry.atMs
              writeSync(file, line(entry, startAtMs))
            },
          }),
    })
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

const startedAt = performance.now()
const sometimes = new Map<string, number>()
const add = (counts: ReadonlyMap<string, number>, prefix = ''): void => {
  for (const [what, times] of counts)
    sometimes.set(prefix + what, (sometimes.get(prefix + what) ?? 0) + times)
}
let simulatedMs = 0
let happened = 0
let operations = 0
const failed: number[] = []
for (let seed = first; seed < first + count; seed++) {
  const seedStartedAt = performance.now()
  const report = await run(seed)
  const seconds = (performance.now() - seedStartedAt) / 1000
  simulatedMs += report.simulatedMs
  operations += report.operations
  for (const times of report.faults.values()) happened += times
  add(report.faults, 'fault: ')
  add(report.sometimes)
  if (values.verbose)
    console.log(
      `seed ${seed}: ${report.traceHash} ${report.traceLines} lines, ${report.operations} operations, ` +
        `${(report.simulatedMs / 1000).toFixed(0)} s in ${seconds.toFixed(1)} s; ` +
        [...report.faults].map(([name, times]) => `${times} ${name}`).join(', '),
    )
  if (report.violations.length === 0 && report.anomalies.length === 0) continue
  failed.push(seed)
  console.log(`seed ${seed} failed:`)
  for (const { spec, text, atMs, seq } of report.violations.slice(0, 5))
    console.log(`  ${(atMs / 1000).toFixed(3)} s, line ${seq}: ${spec}: ${text}`)
  for (const { kind, key, text } of report.anomalies.slice(0, 5))
    console.log(`  ${kind} in ${key}: ${text}`)
  const options = [
    `--seed ${seed}`,
    `--minutes ${minutes}`,
    ...(faults === undefined ? [] : [`--faults ${faults.join(',')}`]),
    ...(keep === undefined ? [] : [`--keep ${keep.join(',')}`]),
  ]
  console.log(`  again: npm run sim -- ${options.join(' ')} --trace seed-${seed}.txt`)
  if (values['fail-fast'] || (!values['keep-going'] && failed.length >= 10)) break
}
const wallSeconds = (performance.now() - startedAt) / 1000
if (values.verbose || count > 1)
  console.log(
    [...sometimes]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([what, times]) => `  ${String(times).padStart(8)} ${what}`)
      .join('\n'),
  )
console.log(
  `${failed.length === 0 ? 'all held' : `${failed.length} FAILED (${failed.join(', ')})`}: ${count} seeds, ` +
    `${(simulatedMs / 1000).toFixed(0)} simulated seconds in ${wallSeconds.toFixed(0)} s, ${happened} faults, ${operations} operations`,
)
process.exitCode = failed.length === 0 ? 0 : 1
