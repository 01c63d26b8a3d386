import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')

export interface TestAnswer {
  /** The test that failed; null where none did. */
  readonly noticed: string | null
  readonly wallMs: number
  readonly counts: ReadonlyMap<string, number>
}

interface Report {
  readonly success: boolean
  readonly numTotalTests: number
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly title: string }[]
  }[]
}

/** Runs a test file on charts that lack an arrow; with null, on charts that count theirs. What fails is tried twice. */
export function runTests(file: string, arrow: string | null): Promise<TestAnswer> {
  const folder = mkdtempSync(join(tmpdir(), 'samsa-arrows-'))
  const [report, taken] = [join(folder, 'report.json'), join(folder, 'taken')]
  const startedAt = performance.now()
  const child = spawn(
    process.execPath,
    [
      join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      ...['--config', 'test/arrows/vitest.config.ts'],
      ...['--reporter', 'json', '--outputFile', report, '--bail', '1'],
      ...(arrow === null ? [] : ['--retry', '1']),
      file,
    ],
    {
      cwd: root,
      stdio: 'ignore',
      env: {
        ...process.env,
        ...(arrow === null ? { SAMSA_ARROWS_TAKEN: taken } : { SAMSA_ARROW: arrow }),
      },
    },
  )
  return new Promise(done => {
    const timer = setTimeout(() => child.kill('SIGKILL'), 240_000)
    child.on('exit', code => {
      clearTimeout(timer)
      const wallMs = Math.round(performance.now() - startedAt)
      const counts = new Map<string, number>()
      if (arrow === null)
        for (const line of read(taken).split('\n').filter(Boolean))
          for (const [id, times] of JSON.parse(line) as [string, number][])
            counts.set(id, (counts.get(id) ?? 0) + times)
      const noticed = code === 0 ? null : failedTest(read(report))
      rmSync(folder, { recursive: true, force: true })
      done({ noticed, wallMs, counts })
    })
  })
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function failedTest(text: string): string {
  if (text === '') return 'does not end'
  const { testResults } = JSON.parse(text) as Report
  const failed = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .find(({ status }) => status === 'failed')
  return failed?.title ?? 'an error that no test caught'
}
