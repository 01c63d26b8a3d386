/**
 * `npm run processes -- [--minutes M] [--seed S] [--faults kill,outlast] [--session-timeout MS] [--keep]`: three broker processes and
 * ZooKeeper on files, under load, killed one after another.
 *
 * Exits 0 only if nothing acknowledged was lost, doubled or reordered, and all replicas are equal.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { killSamsas } from '../cli/samsa-process.ts'
import { type ProcessFault, processFaults, runProcesses } from './nemesis.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    faults: { type: 'string' },
    'session-timeout': { type: 'string', default: '5000' },
    keep: { type: 'boolean', default: false },
  },
})
const names = Object.keys(processFaults) as ProcessFault[]
const faults = (values.faults?.split(',') ?? names) as ProcessFault[]
const unknown = faults.filter(name => !names.includes(name))
const [minutes, seed, sessionTimeoutMs] = [
  values.minutes,
  values.seed,
  values['session-timeout'],
].map(Number) as [number, number, number]
if (unknown.length > 0 || ![minutes, seed, sessionTimeoutMs].every(Number.isFinite)) {
  console.error(
    `faults are\n${names.map(name => `  ${name.padEnd(10)} ${processFaults[name]}`).join('\n')}`,
  )
  process.exit(2)
}

const dataDir = mkdtempSync(join(tmpdir(), 'samsa-processes-'))
const startedAt = performance.now()
const told = (line: string): void =>
  console.log(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(7)} s  ${line}`)
process.once('SIGINT', () => void killSamsas().then(() => process.exit(130)))
console.log(`seed ${seed}, ${minutes} minutes, sessions of ${sessionTimeoutMs} ms, ${dataDir}`)
try {
  const report = await runProcesses({
    seed,
    durationMs: minutes * 60_000,
    dataDir,
    faults,
    sessionTimeoutMs,
    told,
  })
  for (const [fault, count] of report.faults) console.log(`${String(count).padStart(7)}  ${fault}`)
  for (const [what, count] of Object.entries(report.counts))
    console.log(`${String(count).padStart(7)}  ${what}`)
  for (const [why, count] of report.refusals) console.log(`${String(count).padStart(7)}  ${why}`)
  console.log(`${String(report.bytesCompared).padStart(7)}  bytes of log, equal on all brokers`)
  for (const { kind, key, text } of report.anomalies) console.log(`ANOMALY ${kind} ${key}: ${text}`)
  for (const failure of report.failures) console.log(`FAILURE ${failure}`)
  process.exitCode = report.anomalies.length + report.failures.length > 0 ? 1 : 0
} finally {
  await killSamsas()
  if (values.keep || process.exitCode === 1) console.log(`kept: ${dataDir}`)
  else rmSync(dataDir, { recursive: true, force: true })
}
process.exit()
