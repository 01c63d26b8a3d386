/**
 * Runs simulations: `npm run sim -- [--seeds N [--first S] | --seed S] [--minutes M] [--faults kill,partition] [--trace FILE]`.
 *
 * Exits 0 only if every property held in every seed, and a batch of 20 or more put every property to the test and had every fault. The
 * first seed that fails is made smaller (`--no-shrink`: not; `--shrink-seconds N`) and told: the line to run it again, its last lines, a
 * Mermaid sequence diagram.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { unexercised } from '../actors/harness/exercised.ts'
import { type FaultName, faultNames } from '../actors/harness/nemesis.ts'
import {
  type Dispensable,
  dispensables,
  type SimulationOptions,
  type SimulationReport,
  simulate,
} from '../actors/harness/run.ts'
import { sequenceDiagram } from '../actors/harness/sequence-diagram.ts'
import { type Smaller, shrink } from '../actors/harness/shrink.ts'
import { timelineLine } from '../actors/timeline.ts'
import type { TraceEntry } from '../actors/trace.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    first: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '1' },
    faults: { type: 'string' },
    keep: { type: 'string' },
    without: { type: 'string' },
    trace: { type: 'string' },
    shrink: { type: 'boolean', default: false },
    'no-shrink': { type: 'boolean', default: false },
    'shrink-seconds': { type: 'string' },
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
/** `--keep none`: no fault at all. */
const keep = values.keep
  ?.split(',')
  .filter(text => text !== 'none')
  .map(text => number('keep', text))
const isDispensable = (name: string): name is Dispensable => dispensables.some(one => one === name)
const spared = values.without?.split(',') ?? []
const indispensable = spared.filter(name => !isDispensable(name))
if (indispensable.length > 0) {
  console.error(`--without: there is no ${indispensable}; there are ${dispensables.join(', ')}`)
  process.exit(2)
}
const without = spared.filter(isDispensable)
/** CPU seconds: by itself it takes a minute at most; asked for, five. */
const shrinkSeconds = number(
  'shrink-seconds',
  values['shrink-seconds'] ?? (values.shrink ? '300' : '60'),
)
/** From so many seeds on, each must have met everything. */
const batchMin = 20

const line = (entry: TraceEntry, startAtMs: number): string => {
  const seconds = ((entry.atMs - startAtMs) / 1000).toFixed(3).padStart(9)
  const { seq, path, kind, type, cause, detail } = entry
  const told = JSON.stringify(detail, (_key, value) =>
    value instanceof Uint8Array ? `${value.length} bytes` : value,
  )
  return `${seconds} ${seq} <${cause ?? ''} ${path} ${kind} ${type} ${told}\n`
}

const asked: Omit<SimulationOptions, 'seed'> = {
  chaosMs: minutes * 60_000,
  ...(faults === undefined ? {} : { faults }),
  ...(keep === undefined ? {} : { keep }),
  without,
}

/** Every line of the trace goes into the file of `--trace`. */
async function run(seed: number, options = asked): Promise<SimulationReport> {
  const file = values.trace === undefined ? undefined : openSync(values.trace, 'w')
  let startAtMs: number | undefined
  try {
    return await simulate({
      ...options,
      seed,
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

function sayWhatFailed({ violations, anomalies }: SimulationReport): void {
  for (const { spec, text, atMs, seq } of violations.slice(0, 5))
    console.log(`  ${(atMs / 1000).toFixed(3)} s, line ${seq}: ${spec}: ${text}`)
  for (const { kind, key, text } of anomalies.slice(0, 5))
    console.log(`  ${kind} in ${key}: ${text}`)
}

/** The line that runs it again. */
function sayAgain(seed: number, smaller?: Smaller): void {
  const faultsKept = smaller?.keep ?? keep
  const spare = smaller?.without ?? without
  const options = [
    `--seed ${seed}`,
    `--minutes ${smaller === undefined ? minutes : smaller.chaosMs / 60_000}`,
    ...(faults === undefined ? [] : [`--faults ${faults.join(',')}`]),
    ...(faultsKept === undefined ? [] : [`--keep ${faultsKept.join(',') || 'none'}`]),
    ...(spare.length === 0 ? [] : [`--without ${spare.join(',')}`]),
  ]
  console.log(`  again: npm run sim -- ${options.join(' ')} --trace seed-${seed}.txt`)
}

/** Partitions and groups that a failure names. */
const namedIn = ({ violations, anomalies }: SimulationReport): readonly string[] => [
  ...new Set(
    [...violations.map(({ text }) => text), ...anomalies.map(({ key }) => key)].flatMap(
      text => text.match(/\b[\w.]+-\d+\b/g)?.filter(name => !/^(broker|billing)-/.test(name)) ?? [],
    ),
  ),
]

/** What happened before it failed, for people. */
function sayStory(report: SimulationReport): void {
  const entries = report.lastLines
  const about = namedIn(report)
  const startAtMs = entries[0]?.atMs ?? 0
  // Of what clients saw it is known when they were answered; what went wrong came soon after that.
  const answeredAtMs = report.anomalies[0]?.atMs
  const upToMs = answeredAtMs === undefined ? Number.POSITIVE_INFINITY : answeredAtMs + 2000
  const isTold = ({ atMs, path }: TraceEntry): boolean =>
    atMs <= upToMs &&
    (about.length === 0 ||
      !/\/(partition|position|topic-deletion)\//.test(path) ||
      about.some(name => path.endsWith(`/${name}`)))
  const lines = entries.filter(isTold).flatMap(entry => timelineLine(entry, startAtMs) ?? [])
  console.log(
    `  its story, up to there:\n${lines
      .slice(-40)
      .map(text => `    ${text}`)
      .join('\n')}`,
  )
  console.log(`\n\`\`\`mermaid\n${sequenceDiagram(entries, { about, upToMs })}\n\`\`\`\n`)
}

async function sayFailure(seed: number, report: SimulationReport): Promise<void> {
  failed.push(seed)
  console.log(`seed ${seed} failed:`)
  sayWhatFailed(report)
  sayAgain(seed)
  if (values['no-shrink'] || failed.length > 1) return
  const cpuSeconds = (): number => process.cpuUsage().user / 1e6
  const until = cpuSeconds() + shrinkSeconds
  const shrunk = await shrink({
    report,
    chaosMs: minutes * 60_000,
    without,
    run: smaller => simulate({ ...asked, ...smaller, seed }),
    isOver: () => cpuSeconds() > until,
  })
  console.log(
    `  made smaller in ${shrunk.runs} runs: ${(shrunk.smaller.chaosMs / 1000).toFixed(1)} s, ` +
      `${shrunk.smaller.keep.length} of ${report.plan.length} faults, ${shrunk.report.operations} of ${report.operations} operations`,
  )
  sayWhatFailed(shrunk.report)
  sayAgain(seed, shrunk.smaller)
  // Once more, with its trace.
  sayStory(await run(seed, { ...asked, ...shrunk.smaller }))
}

const startedAt = performance.now()
const sometimes = new Map<string, number>()
const happenedOf = new Map<string, number>()
const add = (to: Map<string, number>, counts: ReadonlyMap<string, number>): void => {
  for (const [what, times] of counts) to.set(what, (to.get(what) ?? 0) + times)
}
let simulatedMs = 0
let operations = 0
const failed: number[] = []
let ran = 0
for (let seed = first; seed < first + count; seed++) {
  const seedStartedAt = performance.now()
  const report = await run(seed)
  const seconds = (performance.now() - seedStartedAt) / 1000
  ran++
  simulatedMs += report.simulatedMs
  operations += report.operations
  add(happenedOf, report.faults)
  add(sometimes, report.sometimes)
  if (values.verbose)
    console.log(
      `seed ${seed}: ${report.traceHash} ${report.traceLines} lines, ${report.operations} operations, ` +
        `${(report.simulatedMs / 1000).toFixed(0)} s in ${seconds.toFixed(1)} s; ` +
        [...report.faults].map(([name, times]) => `${times} ${name}`).join(', '),
    )
  if (report.violations.length === 0 && report.anomalies.length === 0) continue
  await sayFailure(seed, report)
  if (values['fail-fast'] || (!values['keep-going'] && failed.length >= 10)) break
}
const wallSeconds = (performance.now() - startedAt) / 1000
if (values.verbose || count > 1)
  console.log(
    [...sometimes, ...[...happenedOf].map(([name, times]) => [`fault: ${name}`, times] as const)]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([what, times]) => `  ${String(times).padStart(8)} ${what}`)
      .join('\n'),
  )
const missing =
  ran >= batchMin && keep === undefined && without.length === 0
    ? unexercised(sometimes, happenedOf, faults ?? faultNames)
    : []
if (missing.length > 0) console.log(`NEVER put to the test, in ${ran} seeds: ${missing.join('; ')}`)
const happened = [...happenedOf.values()].reduce((sum, times) => sum + times, 0)
console.log(
  `${failed.length === 0 ? (missing.length === 0 ? 'all held' : 'all held, NOT ALL WAS TESTED') : `${failed.length} FAILED (${failed.join(', ')})`}: ` +
    `${ran} seeds, ${(simulatedMs / 1000).toFixed(0)} simulated seconds in ${wallSeconds.toFixed(0)} s, ${happened} faults, ${operations} operations`,
)
process.exitCode = failed.length === 0 && missing.length === 0 ? 0 : 1
