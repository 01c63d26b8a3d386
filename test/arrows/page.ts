import type { Arrow } from './arrow.ts'

/** Who noticed that an arrow was missing. */
export interface Finding {
  /** `seed 7`, a test file; null: nobody. */
  readonly by: string | null
  readonly what: string | null
  /** How many witnesses take the arrow and were asked, at most. */
  readonly asked: number
  readonly tried: readonly ('seed' | 'test')[]
}

const cell = (text: string): string =>
  (text.length > 140 ? `${text.slice(0, 139)}…` : text).replace(/\|/g, '\\|').replace(/</g, '&lt;')

const noticed = (finding: Finding | undefined): string => {
  if (finding === undefined) return 'not tried'
  if (finding.asked === 0) return '**never taken**'
  if (finding.by === null) return `**nothing**, of ${finding.asked} that take it`
  return `${finding.by.replace(/^test\/|\.test\.ts$/g, '')}: ${cell(finding.what ?? '')}`
}

/** docs/ARROWS.md: every arrow, and what noticed when it was not there. */
export function arrowsPage(
  arrows: readonly Arrow[],
  findings: ReadonlyMap<string, Finding>,
): string {
  const charts = [...new Set(arrows.map(({ chart }) => chart))]
  const count = (of: readonly Arrow[], holds: (finding: Finding) => boolean): number =>
    of.filter(({ id }) => {
      const finding = findings.get(id)
      return finding !== undefined && holds(finding)
    }).length
  const sums = (name: string, of: readonly Arrow[]): string =>
    `| ${name} | ${of.length} | ${count(of, one => one.by !== null)} | ` +
    `${count(of, one => one.by === null && one.asked > 0)} | ${count(of, one => one.asked === 0)} |`
  return [
    '# Every arrow, and what noticed when it was missing',
    '',
    'Written by `npm run arrows -- --write`; [TESTING](TESTING.md) says how. An arrow is one candidate of one event, delay or `always` in one state.',
    'Each was left out in turn, before simulated seeds and tests of whole nodes that take it; the charts’ own tests were not asked.',
    '',
    '| Chart | Arrows | Noticed | Taken, not noticed | Never taken |',
    '| --- | --: | --: | --: | --: |',
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
