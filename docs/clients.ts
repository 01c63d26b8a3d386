/**
 * Writes the table of clients and features into COMPATIBILITY.md, from a run of their tests: `npm run clients`. With `-- --current` it
 * also fetches the current confluent-kafka from PyPI, librdkafka in it, and holds it to the same. A test holds the table to what is
 * declared.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type ClientUnderTest,
  clientsUnderTest,
  currentLibrdkafka,
  type Feature,
  features,
} from '../test/interop/clients/clients-under-test.ts'

const path = join(import.meta.dirname, 'COMPATIBILITY.md')
const [begin, end] = ['<!-- clients -->\n', '<!-- /clients -->']

/** What came of a test; `–`: the client has nothing to test. */
export type Outcome = 'passed' | 'failed' | '–'

/** Of one client: its version, and what came of each feature. */
export interface Column {
  readonly client: ClientUnderTest
  readonly version: string
  readonly outcomes: Readonly<Record<string, Outcome>>
}

const cell = ({ client, outcomes }: Column, feature: Feature): string =>
  client.lacks[feature] !== undefined ? '–' : outcomes[feature] === 'passed' ? '✓' : '✗'

export const clientsTable = (columns: readonly Column[]): string =>
  [
    `| | ${columns.map(({ client }) => client.name).join(' | ')} |`,
    `| --- |${' --- |'.repeat(columns.length)}`,
    `| version | ${columns.map(({ version }) => version).join(' | ')} |`,
    ...Object.entries(features).map(
      ([feature, title]) =>
        `| ${title} | ${columns.map(column => cell(column, feature as Feature)).join(' | ')} |`,
    ),
    '',
  ].join('\n')

/** The table as the page has it. */
export const tableOf = (page: string): string =>
  page.slice(page.indexOf(begin) + begin.length, page.indexOf(end))

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[]
      readonly title: string
      readonly status: string
      readonly meta: { readonly version?: string }
    }[]
  }[]
}

export const allClients: readonly ClientUnderTest[] = [
  ...Object.values(clientsUnderTest),
  currentLibrdkafka,
]

/** What a run of the tests says of each client that took part. */
export function columnsOf(report: Report): readonly Column[] {
  const results = report.testResults.flatMap(({ assertionResults }) => assertionResults)
  return allClients.flatMap(client => {
    const own = results.filter(({ ancestorTitles }) => ancestorTitles[0] === client.name)
    if (own.length === 0) return []
    const outcomes = Object.entries(features).map(([feature, title]) => {
      const result = own.find(test => test.title === title)
      return [feature, result?.status === 'passed' ? 'passed' : 'failed'] as const
    })
    const version = own.find(({ meta }) => meta.version !== undefined)?.meta.version ?? 'unknown'
    return [{ client, version, outcomes: Object.fromEntries(outcomes) }]
  })
}

function run(isCurrentToo: boolean): number {
  const folder = mkdtempSync(join(tmpdir(), 'samsa-clients-'))
  try {
    const env = { ...process.env }
    if (isCurrentToo) {
      const venv = join(folder, 'venv')
      execFileSync('python3', ['-m', 'venv', venv], { stdio: 'inherit' })
      const python = join(venv, 'bin/python')
      const pip = ['-m', 'pip', 'install', '--quiet', '--only-binary=:all:', 'confluent-kafka']
      execFileSync(python, pip, { stdio: 'inherit' })
      env.SAMSA_CURRENT_PYTHON = python
    }
    const report = join(folder, 'report.json')
    const { status } = spawnSync(
      'npx',
      [
        ...['vitest', 'run', '--mode', 'clients', '--reporter=default', '--reporter=json'],
        `--outputFile=${report}`,
      ],
      { stdio: 'inherit', env },
    )
    const columns = columnsOf(JSON.parse(readFileSync(report, 'utf8')))
    const page = readFileSync(path, 'utf8')
    // A client that took no part keeps what it had.
    const known = tableOf(page)
    const table = merged(known, clientsTable(columns))
    writeFileSync(
      path,
      page.replace(`${begin}${known}${end}`, () => `${begin}${table}${end}`),
    )
    return status ?? 1
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const cellsOf = (table: string): string[][] =>
  table
    .trim()
    .split('\n')
    .map(line => line.split('|').slice(1, -1))

/** The new table, with the columns of the old one that it has not. */
function merged(old: string, table: string): string {
  const [oldCells, cells] = [cellsOf(old), cellsOf(table)]
  const has = (name: string): boolean => cells[0]?.includes(name) ?? false
  const kept = (oldCells[0] ?? []).flatMap((name, at) => (has(name) ? [] : [at]))
  if (oldCells.length !== cells.length) return table
  return `${cells
    .map((line, row) => `|${[...line, ...kept.map(at => oldCells[row]?.[at] ?? '')].join('|')}|`)
    .join('\n')}\n`
}

if (import.meta.main) process.exitCode = run(process.argv.includes('--current'))
