import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Trace } from '../../actors/trace.ts'
import { openTraceFile } from '../../control/trace-file.ts'
import { wallClock } from '../../src/platform/wall-clock.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'samsa-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const linesOf = (file: string): string[] => readFileSync(file, 'utf8').split('\n').slice(0, -1)

const failed = (error: Error): void => expect.unreachable(error.message)

test('lines are held back for a moment or a piece, and none is lost', async () => {
  const file = join(folder, 'story.ndjson')
  const trace = new Trace(wallClock())
  trace.record('note', 'story', 'before anybody looked')
  const written = openTraceFile(file, { failed })
  written.follow(trace)
  expect(linesOf(file)).toEqual([])
  await expect.poll(() => linesOf(file).length).toBe(1)
  for (let at = 0; at < 5000; at++) trace.record('note', 'story', `chapter ${at}`)
  expect(linesOf(file).length).toBeGreaterThan(1000)
  written.close()
  written.close()
  trace.record('note', 'story', 'after the end')
  const lines = linesOf(file).map(line => JSON.parse(line))
  expect(lines.map(({ seq }) => seq)).toEqual(Array.from({ length: 5001 }, (_, at) => at + 1))
})

test.skipIf(!existsSync('/dev/full'))(
  'a disk that is full ends the file and not the cluster',
  () => {
    const trace = new Trace(wallClock())
    const failures: string[] = []
    const written = openTraceFile('/dev/full', { failed: ({ message }) => failures.push(message) })
    written.follow(trace)
    for (let at = 0; at < 5000; at++) trace.record('note', 'story', `chapter ${at}`)
    written.close()
    expect(failures).toEqual([expect.stringContaining('ENOSPC')])
  },
)

test('a file that cannot be opened says so at once', () => {
  expect(() => openTraceFile(join(folder, 'no/such/place'), { failed })).toThrow('ENOENT')
})
