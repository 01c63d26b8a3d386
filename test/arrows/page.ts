import type { Arrow } from './arrow.ts'

/** Who noticed that an arrow was missing. */
export interface Finding {
  /** `seed 7`, a test; null: nobody. */
  readonly by: string | null
  readonly what: string | null
  /** How many witnesses take the arrow and were asked, at most. */
  readonly asked: number
  readonly tried: readonly ('seed' | 'test')[]
}

const cell = (text: string): string =>
  (text.length > 140 ? `${text.slice(0, 139)}…` : text).replace(/\|/g, '\\|').replace(/</g, '&lt;')

/** What is known of an arrow. */
const kinds = {
  noticed: ({ by }: Finding) => by !== null,
  unnoticed: ({ by, asked }: Finding) => by === null && asked > 0,
  untaken: ({ asked, tried }: Finding) => asked === 0 && tried.length === 2,
  /** No seed takes it and tests were not asked yet, or the other way round. */
  open: ({ asked, tried }: Finding) => asked === 0 && tried.length < 2,
} as const

const noticed = (finding: Finding | undefined): string => {
  if (finding === undefined) return 'not tried yet'
  if (kinds.open(finding))
    return finding.tried[0] === 'seed'
      ? 'no seed takes it; tests not asked yet'
      : 'no test takes it; seeds not asked yet'
  if (kinds.untaken(finding)) return '**never taken**'
  if (finding.by === null) return `**nothing**, of ${finding.asked} that take it`
  const by = cell(finding.by.replace(/^test\//, '').replace(/\.test\.ts > /, ': '))
  return finding.by.startsWith('test/') ? by : `${by}: ${cell(finding.what ?? '')}`
}

/** docs/ARROWS.md: every arrow, and what noticed when it was not there. */
export function arrowsPage(
  arrows: readonly Arrow[],
  findings: ReadonlyMap<string, Finding>,
): string {
  const charts = [...new Set(arrows.map(({ chart }) => chart))]
  const sums = (name: string, of: readonly Arrow[]): string => {
    const known = of.flatMap(({ id }) => findings.get(id) ?? [])
    const { noticed, unnoticed, untaken, open } = kinds
    const counts = [noticed, unnoticed, untaken, open].map(holds => known.filter(holds).length)
    const untried = of.length - known.length + (counts.pop() as number)
    return `| ${[name, of.length, ...counts, untried].join(' | ')} |`
  }
  return [
    '# Every arrow, and what noticed when it was missing',
    '',
    'Written by `npm run arrows -- --write`; [TESTING](TESTING.md) says how. An arrow is one candidate of one event, delay or `always` in one state.',
    'Each was left out in turn, before scenarios, simulated seeds and tests of whole nodes that take it; the charts’ own tests were not asked.',
    '',
    '| Chart | Arrows | Noticed | Taken, not noticed | Never taken | Not tried yet |',
    '| --- | --: | --: | --: | --: | --: |',
    ...charts.map(chart =>
      sums(
        chart,
        arrows.filter(arrow => arrow.chart === chart),
      ),
    ),
    sums('all', arrows),
    '',
    ...charts.flatMap(chart => [
      `## ${chart}`,
      '',
      '| State | Event | Arrow | Noticed by |',
      '| --- | --- | --- | --- |',
      ...arrows
        .filter(arrow => arrow.chart === chart)
        .map(
          ({ id, state, event, does }) =>
            `| ${state === '' ? '(any)' : state} | ${event} | ${cell(does)} | ${noticed(findings.get(id))} |`,
        ),
      '',
    ]),
  ].join('\n')
}
