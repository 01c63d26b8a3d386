/**
 * Removes each arrow of each chart in turn and looks who notices: `npm run arrows -- [--chart NAME | --arrow ID] [--write]`.
 *
 * First every witness (scenarios, simulated seeds, tests of actors and clusters; no chart's own tests) runs once on charts that count their arrows; then
 * each arrow is left out before the witnesses that take it, the cheapest first, until one fails. What was found is kept in
 * `node_modules/.arrows.json` and found anew for charts that have changed. Exits 0 only if every arrow asked for was noticed.
 */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Arrow, allArrows } from './arrow.ts'
import { type Covered, coverSeeds, coverTests, inLanes } from './coverage.ts'
import { arrowsPage, type Finding } from './page.ts'
import { SeedsProcess } from './seeds-process.ts'
import { runTests } from './tests-process.ts'
import { nameOf } from './witness.ts'

const { values } = parseArgs({
  options: {
    chart: { type: 'string' },
    arrow: { type: 'string' },
    seeds: { type: 'string', default: '40' },
    lanes: { type: 'string', default: '2' },
    results: { type: 'string' },
    'seeds-only': { type: 'boolean', default: false },
    'tests-only': { type: 'boolean', default: false },
    /** Nothing is run: with `--write`, the page of what was found so far. */
    'as-found': { type: 'boolean', default: false },
    /** Arrows that nothing noticed are tried again. */
    again: { type: 'boolean', default: false },
    fresh: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const root = resolve(import.meta.dirname, '../..')
const file = values.results ?? join(root, 'node_modules/.arrows.json')
const lanes = Number(values.lanes)
const chaosMs = 10_000
/** Of each kind, how many witnesses are asked about one arrow. */
const askedMax = { seed: 5, test: 3 }

interface Kept {
  /** What takes which arrows, as of some version of the charts. */
  readonly seeds: { readonly of: string; readonly by: readonly Covered[] }
  readonly tests: { readonly of: string; readonly by: readonly Covered[] }
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
  return { seeds: { of: '', by: [] }, tests: { of: '', by: [] }, findings: {} }
}

const before = kept()
const of = hash([...versions, values.seeds])
let { seeds, tests } = before
const findings = new Map(
  arrows.flatMap(arrow => {
    const finding = before.findings[arrow.id]
    return finding?.of === version(arrow) ? [[arrow.id, finding] as const] : []
  }),
)
const keep = (): void =>
  writeFileSync(file, JSON.stringify({ seeds, tests, findings: Object.fromEntries(findings) }))

const times = (one: Covered, arrow: Arrow): number => one.counts[arrow.id] ?? 0

/** Who is asked: the cheapest that take it; of seeds also those that take it most. */
function asked(by: readonly Covered[], max: number, arrow: Arrow): readonly Covered[] {
  const cheap = by.filter(one => times(one, arrow) > 0).sort((a, b) => a.costMs - b.costMs)
  const often = [...cheap].sort((a, b) => times(b, arrow) - times(a, arrow))
  return [...new Set(cheap.flatMap((one, at) => [one, often[at] as Covered]))].slice(0, max)
}

const wanted = arrows.filter(
  arrow =>
    (values.chart === undefined || values.chart === arrow.chart) &&
    (values.arrow === undefined || values.arrow === arrow.id),
)
const isOpen = (arrow: Arrow): boolean => (findings.get(arrow.id)?.by ?? null) === null
const processes = Array.from({ length: lanes }, () => new SeedsProcess())

let done = 0

function conclude(arrow: Arrow, finding: Finding): void {
  findings.set(arrow.id, { ...finding, of: version(arrow) })
  keep()
  const said =
    finding.by === null ? `NOTHING of ${finding.asked}` : `${finding.by}: ${finding.what}`
  console.log(`${++done} ${arrow.id} ${arrow.does} — ${said}`)
}

const openFor = (kind: 'seed' | 'test'): readonly Arrow[] =>
  wanted.filter(arrow => isOpen(arrow) && !findings.get(arrow.id)?.tried.includes(kind))

/** Leaves out each arrow that nobody has noticed yet, before seeds that take it. */
async function askSeeds(): Promise<void> {
  const open = openFor('seed')
  console.log(`${open.length} arrows are left out in turn, before seeds`)
  await inLanes(lanes, open, async (arrow, lane) => {
    const witnesses = asked(seeds.by, askedMax.seed, arrow)
    const finding: Finding = { by: null, what: null, asked: witnesses.length, tried: ['seed'] }
    for (const { witness } of witnesses) {
      if (witness.kind === 'test') continue
      const process = processes[lane] as SeedsProcess
      const { noticed } = await process.run({ witness, arrow: arrow.id })
      if (noticed === null) continue
      conclude(arrow, { ...finding, by: nameOf(witness), what: noticed })
      return
    }
    conclude(arrow, finding)
  })
}

/** The same before tests: all that are asked about the same test in one go, and again those that it did not notice, before another. */
async function askTests(): Promise<void> {
  let open = openFor('test')
  console.log(`${open.length} arrows are left out in turn, before tests`)
  const before = new Map(open.map(({ id }) => [id, findings.get(id)?.asked ?? 0]))
  const triedBefore = new Map(open.map(({ id }) => [id, findings.get(id)?.tried]))
  const finding = ({ id }: Arrow, times: number): Finding => ({
    by: null,
    what: null,
    asked: (before.get(id) ?? 0) + times,
    tried: [...new Set([...(triedBefore.get(id) ?? []), 'test' as const])],
  })
  for (let round = 0; open.length > 0; round++) {
    const plan: Record<string, string[]> = {}
    const left: Arrow[] = []
    for (const arrow of open) {
      const witness = asked(tests.by, askedMax.test, arrow)[round]?.witness
      if (witness?.kind === 'test') {
        const arrowsOf = plan[witness.test] ?? []
        plan[witness.test] = [...arrowsOf, arrow.id]
        left.push(arrow)
      } else conclude(arrow, finding(arrow, round))
    }
    if (left.length === 0) return
    const unnoticed: Arrow[] = []
    for (const part of inParts(plan)) {
      const told = await runTests(part)
      for (const id of Object.values(part).flat()) {
        const arrow = left.find(one => one.id === id) as Arrow
        const of = told.filter(one => 'arrow' in one && one.arrow === id)
        const end = of.find(one => 'noticed' in one)
        const what = end === undefined ? (of.length > 0 ? 'does not end' : null) : end.noticed
        if (what === null) unnoticed.push(arrow)
        else conclude(arrow, { ...finding(arrow, round + 1), by: of[0]?.test ?? null, what })
      }
    }
    open = unnoticed
  }
}

/** A plan in parts, so that what is found is kept now and then: some files each, with some dozens of arrows. */
function inParts(
  plan: Readonly<Record<string, readonly string[]>>,
): Record<string, readonly string[]>[] {
  const parts: Record<string, readonly string[]>[] = [{}]
  let [file, arrowsIn] = ['', 0]
  for (const [test, ids] of Object.entries(plan).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const [of = ''] = test.split(' > ', 1)
    if (of !== file && arrowsIn >= 40) {
      parts.push({})
      arrowsIn = 0
    }
    file = of
    arrowsIn += ids.length
    Object.assign(parts.at(-1) as object, { [test]: ids })
  }
  return parts
}

if (values.again)
  for (const { id } of wanted) if (findings.get(id)?.by === null) findings.delete(id)
if (seeds.of !== of && !values['as-found'] && !values['tests-only']) {
  console.log(`which of ${arrows.length} arrows ${values.seeds} seeds take …`)
  seeds = { of, by: await coverSeeds(Number(values.seeds), chaosMs, lanes, console.log) }
  keep()
}
if (!values['as-found'] && !values['tests-only']) await askSeeds()
if (!values['seeds-only'] && !values['as-found'] && wanted.some(isOpen)) {
  if (tests.of !== of) {
    console.log('which of them tests take …')
    tests = { of, by: await coverTests() }
    keep()
  }
  await askTests()
}
for (const one of processes) one.end()

const found = wanted.filter(({ id }) => (findings.get(id)?.by ?? null) !== null)
const taken = wanted.filter(arrow => (findings.get(arrow.id)?.asked ?? 0) > 0)
console.log(
  `${wanted.length} arrows: ${found.length} noticed, ${taken.length - found.length} taken and not noticed, ` +
    `${wanted.length - taken.length} never taken`,
)
if (values.write) writeFileSync(join(root, 'docs/ARROWS.md'), arrowsPage(arrows, findings))
process.exitCode = found.length === wanted.length ? 0 : 1
