/**
 * Removes each arrow of each chart in turn and looks who notices: `npm run arrows -- [--chart NAME | --arrow ID] [--write]`.
 *
 * First every witness (simulated seeds, tests of actors and clusters; no chart's own tests) runs once on charts that count their arrows; then
 * each arrow is left out before the witnesses that take it, the cheapest first, until one fails. What was found is kept in
 * `node_modules/.arrows.json` and found anew for charts that have changed. Exits 0 only if every arrow asked for was noticed.
 */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Arrow, allArrows } from './arrow.ts'
import { type Covered, cover, inLanes } from './coverage.ts'
import { arrowsPage, type Finding } from './page.ts'
import { SeedsProcess } from './seeds-process.ts'
import { runTests } from './tests-process.ts'
import { nameOf } from './witness.ts'

const { values } = parseArgs({
  options: {
    chart: { type: 'string' },
    arrow: { type: 'string' },
    seeds: { type: 'string', default: '80' },
    lanes: { type: 'string', default: '2' },
    results: { type: 'string' },
    /** Arrows that nothing noticed are tried again. */
    again: { type: 'boolean', default: false },
    fresh: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const root = resolve(import.meta.dirname, '../..')
const file = values.results ?? join(root, 'node_modules/.arrows.json')
const lanes = Number(values.lanes)
const chaosMs = 15_000
/** Of each kind, how many witnesses are asked about one arrow. */
const askedMax = { seed: 6, test: 4 }

interface Kept {
  readonly covered: { readonly of: string; readonly by: readonly Covered[] }
  readonly findings: Readonly<Record<string, Finding & { readonly of: string }>>
}

const hash = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 12)
const arrows = allArrows()
const versions = new Map(
  [...new Set(arrows.map(({ chart }) => chart))].map(chart => [
    chart,
    hash(arrows.filter(arrow => arrow.chart === chart)),
  ]),
)
const version = ({ chart }: Arrow): string => versions.get(chart) as string

function kept(): Kept {
  try {
    if (!values.fresh) return JSON.parse(readFileSync(file, 'utf8')) as Kept
  } catch {}
  return { covered: { of: '', by: [] }, findings: {} }
}

const before = kept()
const of = hash([...versions, values.seeds])
let { covered } = before
if (covered.of !== of) {
  console.log(`what takes which of ${arrows.length} arrows …`)
  covered = {
    of,
    by: await cover({ seeds: Number(values.seeds), chaosMs, lanes, told: console.log }),
  }
}
const findings = new Map(
  arrows.flatMap(arrow => {
    const finding = before.findings[arrow.id]
    return finding?.of === version(arrow) ? [[arrow.id, finding] as const] : []
  }),
)
const keep = (): void =>
  writeFileSync(file, JSON.stringify({ covered, findings: Object.fromEntries(findings) }))
keep()

/** Who is asked: the cheapest seeds that take it, then those that take it most; then tests. */
function asked(arrow: Arrow): readonly Covered[] {
  const times = (one: Covered): number => one.counts[arrow.id] ?? 0
  const taking = covered.by.filter(one => times(one) > 0)
  const of = (kind: 'seed' | 'test') =>
    taking.filter(one => one.witness.kind === kind).sort((a, b) => a.costMs - b.costMs)
  const seeds = of('seed')
  const often = [...seeds].sort((a, b) => times(b) - times(a))
  return [
    ...new Set([...seeds.slice(0, askedMax.seed / 2), ...often.slice(0, askedMax.seed / 2)]),
    ...of('test').slice(0, askedMax.test),
  ]
}

const wanted = arrows.filter(
  arrow =>
    (values.chart === undefined || values.chart === arrow.chart) &&
    (values.arrow === undefined || values.arrow === arrow.id),
)
const open = wanted.filter(arrow => {
  const finding = findings.get(arrow.id)
  return finding === undefined || (values.again && finding.by === null)
})
console.log(`${wanted.length} arrows, ${open.length} of them to be left out in turn`)
const processes = Array.from({ length: lanes }, () => new SeedsProcess())
let done = 0
await inLanes(lanes, open, async (arrow, lane) => {
  const witnesses = asked(arrow)
  let finding: Finding = { by: null, what: null, asked: witnesses.length }
  for (const { witness } of witnesses) {
    const { noticed } =
      witness.kind === 'seed'
        ? await (processes[lane] as SeedsProcess).run({ ...witness, arrow: arrow.id })
        : await runTests(witness.file, arrow.id)
    if (noticed === null) continue
    finding = { by: nameOf(witness), what: noticed, asked: witnesses.length }
    break
  }
  findings.set(arrow.id, { ...finding, of: version(arrow) })
  keep()
  const said =
    finding.by === null ? `NOTHING of ${finding.asked}` : `${finding.by}: ${finding.what}`
  console.log(`${++done}/${open.length} ${arrow.id} ${arrow.does} — ${said}`)
})
for (const one of processes) one.end()

const found = wanted.filter(({ id }) => (findings.get(id)?.by ?? null) !== null)
const taken = wanted.filter(arrow => (findings.get(arrow.id)?.asked ?? 0) > 0)
console.log(
  `${wanted.length} arrows: ${found.length} noticed, ${taken.length - found.length} taken and not noticed, ` +
    `${wanted.length - taken.length} never taken`,
)
if (values.write) writeFileSync(join(root, 'docs/ARROWS.md'), arrowsPage(arrows, findings))
process.exitCode = found.length === wanted.length ? 0 : 1
