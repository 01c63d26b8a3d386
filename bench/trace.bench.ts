/**
 * What the trace costs: `npm run bench -- trace`. The same writes (one record, acks=all, three replicas, one at a time: hardly any bytes and
 * many facts, so the dearest case for a trace) with no trace, with the ring that is always on, and with the file of `up --trace`, in
 * turns within one run, so that a busy machine falls on all three alike. CPU time of the process, since nothing here waits.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startCluster } from '../actors/memory.ts'
import { openTraceFile, type TraceFile } from '../control/trace-file.ts'
import { median, table } from './report.ts'

const rounds = 60
const writesPerRound = 100

const modes = ['no trace', 'ring', 'ring and file'] as const
type Mode = (typeof modes)[number]

await using cluster = await startCluster({
  topics: [{ name: 'orders', partitions: 1, replicationFactor: 3 }],
})
const { trace } = cluster.registry
const producer = cluster.producer('bench')
const folder = mkdtempSync(join(tmpdir(), 'samsa-'))
const path = join(folder, 'story.ndjson')

let lines = 0
let fileBytes = 0

async function cpuMicros(mode: Mode): Promise<number> {
  let file: TraceFile | undefined
  const before = trace.record('note', 'bench', mode)
  if (mode === 'no trace')
    Object.defineProperty(trace, 'record', { value: () => 0, configurable: true })
  if (mode === 'ring and file') {
    file = openTraceFile(path, {
      failed: error => {
        throw error
      },
    })
    file.follow({ kept: [], entries: trace.entries })
  }
  const start = process.cpuUsage()
  for (let write = 0; write < writesPerRound; write++)
    await producer.send({ topic: 'orders', partition: 0, value: `order ${write}` })
  file?.close()
  const { user, system } = process.cpuUsage(start)
  if (mode === 'no trace') Reflect.deleteProperty(trace, 'record')
  else lines = (trace.record('note', 'bench', mode) - before) / writesPerRound
  if (file !== undefined) fileBytes = statSync(path).size / writesPerRound
  return (user + system) / writesPerRound
}

const taken: Record<Mode, number[]> = { 'no trace': [], ring: [], 'ring and file': [] }
for (const mode of modes) await cpuMicros(mode)
for (let round = 0; round < rounds; round++)
  for (let at = 0; at < modes.length; at++) {
    // Each mode is first, second and last equally often.
    const mode = modes[(round + at) % modes.length] as Mode
    taken[mode].push(await cpuMicros(mode))
  }
rmSync(folder, { recursive: true })

const bare = taken['no trace']
console.log(
  table(
    ['', 'CPU a write', 'ratio to none'],
    modes.map(mode => [
      mode,
      `${median(taken[mode]).toFixed(0)} µs`,
      median(taken[mode].map((value, round) => value / (bare[round] ?? Number.NaN))).toFixed(2),
    ]),
  ),
)
const linesMax = 1_000_000
const start = process.cpuUsage()
for (let line = 0; line < linesMax; line++) trace.record('note', 'bench', 'line', { line })
const { user, system } = process.cpuUsage(start)
console.log(`${(((user + system) / linesMax) * 1000).toFixed(0)} ns of CPU a line, by themselves`)
console.log(`${lines.toFixed(1)} lines a write, ${fileBytes.toFixed(0)} bytes of file`)
