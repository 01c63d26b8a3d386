/**
 * What the disk costs: `npm run bench -- log`. Files against memory and against a bare loop of `writev`, in turns within one run, by the CPU
 * time of this process, so that a busy machine falls on all alike; recovery; a start with many partitions; memory while much is read.
 * Needs 12 GB of free space.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writevSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startCluster } from '../actors/node.ts'
import { Log } from '../src/log/log.ts'
import { defaultLogOptions } from '../src/log/log-options.ts'
import { fileDisk } from '../src/platform/file-disk.ts'
import { memoryDisk } from '../src/platform/memory-disk.ts'
import type { Disk } from '../src/ports.ts'
import { Fetch, Produce } from '../src/protocol/index.ts'
import { Connection } from '../test/contract/wire.ts'
import { fullBatch, pipelined, produceRequest } from './kafka/load.ts'
import { median, table } from './report.ts'

const mib = 1024 * 1024
const gib = 1024 * mib
const batchBytes = 16 * 1024
const replicas = 3
/** Of one round, in one copy. */
const roundBytes = 64 * mib
const rounds = 7
const clusterRoundBytes = 16 * mib
const clusterRounds = 3
/** Requests under way. */
const depth = 5
const recoveredBytes = 2 * gib
const servedBytes = 10 * gib
const partitionCount = 1000

const home = mkdtempSync(join(tmpdir(), 'samsa-bench-log-'))
let made = 0
const fresh = (): string => join(home, String(++made))
const seconds = (sinceMs: number): number => (performance.now() - sinceMs) / 1000
/** Seconds of CPU since then, in the system's calls too. */
const worked = (since: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1e6
}
const thousands = (perSecond: number): string => `${Math.round(perSecond / 1000)}`
const perSecond = (values: readonly number[], records: number): string =>
  `${thousands(records / median(values))} k, ${Math.round(roundBytes / mib / median(values))} MiB`

// ─── Logs by themselves: a leader's, and those of two followers that take what it reads to them ────────────────────────────────────

interface Taken {
  readonly append: number[]
  readonly read: number[]
}

function logs(disk: Disk, batch: Uint8Array, into: Taken): void {
  const names = Array.from({ length: replicas }, (_, i) => `bench-${i}`)
  const [leader, ...followers] = names.map(name => Log.open(disk, name, defaultLogOptions, 0)) as [
    Log,
    ...Log[],
  ]
  const readTo = (from: number, take: (records: Uint8Array) => void): number => {
    const upToOffset = leader.logEndOffset
    const found = leader.read(from, { maxBytes: mib, upToOffset, minOneBatch: true })
    if (!found.ok) throw new Error(found.message)
    if (found.records.length > 0) take(found.records)
    return found.nextOffset
  }
  const started = process.cpuUsage()
  let copied = 0
  for (let bytes = 0; bytes < roundBytes; bytes += batch.length) {
    leader.appendAsLeader(batch, { leaderEpoch: 0, nowMs: 0, origin: 'client' })
    if (bytes % (4 * batchBytes) >= batchBytes) continue
    copied = readTo(copied, records => {
      for (const follower of followers) follower.appendAsFollower(records, 0)
    })
  }
  into.append.push(worked(started))
  const reading = process.cpuUsage()
  for (let at = 0; at < leader.logEndOffset; ) at = readTo(at, () => {})
  into.read.push(worked(reading))
  for (const log of [leader, ...followers]) log.abandon()
}

function bareWrites(batch: Uint8Array, into: Taken): void {
  const files = Array.from({ length: replicas }, () => openSync(fresh(), 'w'))
  const started = process.cpuUsage()
  for (let bytes = 0; bytes < roundBytes; bytes += batch.length)
    for (const file of files) writevSync(file, [batch])
  into.append.push(worked(started))
  for (const file of files) closeSync(file)
}

function logsAlone(): void {
  const rows: string[][] = []
  for (const recordBytes of [1024, 100]) {
    const { bytes, records } = fullBatch(recordBytes, batchBytes)
    const count = Math.ceil(roundBytes / bytes.length) * records
    const kinds = ['memory', 'files', 'bare writev'] as const
    const taken = Object.fromEntries(
      kinds.map(kind => [kind, { append: [], read: [] } as Taken]),
    ) as Record<(typeof kinds)[number], Taken>
    for (let round = 0; round < rounds + 1; round++) {
      // The first is for the compiler.
      const into =
        round === 0 ? () => ({ append: [], read: [] }) : (kind: keyof typeof taken) => taken[kind]
      logs(memoryDisk(), bytes, into('memory'))
      logs(fileDisk(fresh()), bytes, into('files'))
      bareWrites(bytes, into('bare writev'))
      rmSync(home, { recursive: true })
      fresh()
      fileDisk(home)
    }
    const ratio = (kind: keyof typeof taken): string =>
      median(
        taken[kind].append.map((value, i) => (taken['bare writev'].append[i] ?? 0) / value),
      ).toFixed(2)
    for (const kind of kinds)
      rows.push([
        `${recordBytes} B, ${kind}`,
        perSecond(taken[kind].append, count),
        ratio(kind),
        taken[kind].read.length === 0 ? '' : perSecond(taken[kind].read, count),
      ])
  }
  console.log(
    table(['records of', 'appended ×3 per CPU s', 'to bare writev', 'read per CPU s'], rows),
  )
}

// ─── A cluster: three replicas over TCP, acks=all ──────────────────────────────────────────────────────────────────────────────────

/** Bytes of it. */
async function fetchAll(port: number, partition: number): Promise<number> {
  const connection = await Connection.open(`127.0.0.1:${port}`)
  let bytes = 0
  for (let fetchOffset = 0; ; ) {
    const { responses } = await connection.request(Fetch, 11, {
      replicaId: -1,
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 50 * mib,
      sessionId: 0,
      sessionEpoch: -1,
      topics: [
        {
          topic: 'bench',
          partitions: [
            {
              partition,
              fetchOffset,
              partitionMaxBytes: 4 * mib,
              currentLeaderEpoch: -1,
              logStartOffset: -1,
            },
          ],
        },
      ],
    })
    const { records, errorCode } = responses[0]?.partitions[0] ?? { records: null, errorCode: -1 }
    if (errorCode !== 0) throw new Error(`fetch: ${errorCode}`)
    if (records === null || records.length === 0) break
    bytes += records.length
    fetchOffset = endOf(records)
  }
  connection.close()
  return bytes
}

/** One past the last offset of whole batches. */
function endOf(records: Uint8Array): number {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength)
  let end = 0
  for (let at = 0; at + 61 <= records.length; at += 12 + view.getInt32(at + 8))
    end = Number(view.getBigInt64(at)) + view.getInt32(at + 23) + 1
  return end
}

async function clusters(): Promise<void> {
  const rows: string[][] = []
  for (const recordBytes of [1024, 100]) {
    const { bytes, records } = fullBatch(recordBytes, batchBytes)
    const taken = {
      memory: { append: [], read: [] } as Taken,
      files: { append: [], read: [] } as Taken,
    }
    const requests = Math.ceil(clusterRoundBytes / bytes.length)
    const count = requests * records
    for (let round = 0; round < clusterRounds + 1; round++)
      for (const kind of ['memory', 'files'] as const) {
        const cluster = await startCluster({
          topics: [{ name: 'bench', partitions: 1, replicationFactor: replicas }],
          ...(kind === 'files' ? { dataDir: fresh() } : {}),
        })
        const started = process.cpuUsage()
        const port = cluster.partition('bench', 0).leader?.address?.port ?? 0
        await pipelined([port], [produceRequest('bench', [0], bytes)], { count: requests, depth })
        const appended = worked(started)
        const reading = process.cpuUsage()
        await fetchAll(port, 0)
        if (round > 0) {
          taken[kind].append.push(appended)
          taken[kind].read.push(worked(reading))
        }
        await cluster.stop()
      }
    const rate = (values: readonly number[]): string => `${thousands(count / median(values))} k`
    for (const kind of ['memory', 'files'] as const)
      rows.push([
        `${recordBytes} B, ${kind}`,
        rate(taken[kind].append),
        median(taken[kind].append.map((value, i) => (taken.memory.append[i] ?? 0) / value)).toFixed(
          2,
        ),
        rate(taken[kind].read),
        median(taken[kind].read.map((value, i) => (taken.memory.read[i] ?? 0) / value)).toFixed(2),
      ])
  }
  console.log(
    table(
      ['records of', 'produced per CPU s', 'to memory', 'fetched per CPU s', 'to memory'],
      rows,
    ),
  )
}

// ─── Recovery ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function fill(disk: Disk, directory: string, bytes: number): Log {
  const { bytes: batch } = fullBatch(1024, batchBytes)
  const log = Log.open(disk, directory, defaultLogOptions, Date.now())
  for (let done = 0; done < bytes; done += batch.length)
    log.appendAsLeader(batch, { leaderEpoch: 0, nowMs: Date.now(), origin: 'client' })
  return log
}

function recovery(): void {
  const rows: string[][] = []
  const directory = fresh()
  fill(fileDisk(directory), 'bench-0', recoveredBytes).close()
  for (const clean of [true, false]) {
    const started = process.cpuUsage()
    const recoveryPoint = clean ? Number.MAX_SAFE_INTEGER : 0
    const log = Log.open(fileDisk(directory), 'bench-0', defaultLogOptions, Date.now(), {
      clean,
      recoveryPoint,
    })
    const taken = worked(started)
    log.abandon()
    rows.push([
      clean ? 'after a clean shutdown' : 'after a crash, nothing of it flushed',
      `${taken.toFixed(3)} s`,
      `${((taken * gib) / recoveredBytes).toFixed(3)} s`,
    ])
  }
  rmSync(directory, { recursive: true })
  console.log(table([`a log of ${recoveredBytes / gib} GiB`, 'opens in CPU s', 'per GiB'], rows))
}

// ─── A process of its own ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const samsa = join(import.meta.dirname, '../bin/samsa.js')

interface Up {
  readonly child: ChildProcess
  readonly ports: readonly number[]
  end(signal: NodeJS.Signals): Promise<void>
}

async function up(dataDir: string, ...args: string[]): Promise<Up> {
  const ports = ['--port', '0', '--zookeeper-port', '0', '--control-port', '0']
  const child = spawn(
    process.execPath,
    [samsa, 'up', '--json', '--data-dir', dataDir, ...ports, ...args],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  const line = await new Promise<string>((resolve, reject) => {
    let out = ''
    child.stdout?.on('data', chunk => {
      out += chunk
      if (out.includes('\n')) resolve(out)
    })
    void ended.then(() => reject(new Error('samsa up ended')))
  })
  const { bootstrapServers } = JSON.parse(line) as { bootstrapServers: string }
  return {
    child,
    ports: bootstrapServers.split(',').map(server => Number(server.split(':')[1])),
    end: async signal => {
      child.kill(signal)
      await ended
    },
  }
}

/** Kilobytes, as the system has it: `VmRSS` now, `VmHWM` at most. */
const residentKb = ({ pid }: ChildProcess, which: 'VmRSS' | 'VmHWM'): number =>
  Number(new RegExp(`${which}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])

/** Every one of them takes a record. */
async function touchAll(ports: readonly number[], count: number): Promise<void> {
  const { bytes } = fullBatch(100, 1)
  const connections = await Promise.all(ports.map(port => Connection.open(`127.0.0.1:${port}`)))
  let waiting = Array.from({ length: count }, (_, i) => i)
  while (waiting.length > 0) {
    const missed = new Set(waiting)
    for (const connection of connections) {
      const { responses } = await connection.request(Produce, 9, {
        acks: -1,
        timeoutMs: 30_000,
        topicData: [
          { name: 'bench', partitionData: waiting.map(index => ({ index, records: bytes })) },
        ],
      })
      for (const { index, errorCode } of responses[0]?.partitionResponses ?? [])
        if (errorCode === 0) missed.delete(index)
    }
    waiting = [...missed]
  }
  for (const connection of connections) connection.close()
}

async function manyPartitions(): Promise<void> {
  const dataDir = fresh()
  const rows: string[][] = []
  const first = await up(dataDir, '--topic', `bench:${partitionCount}:${replicas}`)
  await touchAll(first.ports, partitionCount)
  let before = first
  for (const [how, signal] of [
    ['a clean shutdown', 'SIGTERM'],
    ['SIGKILL', 'SIGKILL'],
  ] as const) {
    await before.end(signal)
    const started = performance.now()
    const again = await up(dataDir)
    const ready = seconds(started)
    await touchAll(again.ports, partitionCount)
    const rss = Math.round(residentKb(again.child, 'VmRSS') / 1024)
    rows.push([how, `${ready.toFixed(1)} s`, `${seconds(started).toFixed(1)} s`, `${rss} MiB`])
    before = again
  }
  await before.end('SIGKILL')
  rmSync(dataDir, { recursive: true })
  console.log(
    table(
      [
        `${partitionCount} partitions, ${replicas} replicas each, after`,
        'ready',
        'each has taken a record',
        'resident',
      ],
      rows,
    ),
  )
}

async function serving(): Promise<void> {
  const dataDir = fresh()
  const partitions = 10
  const args = ['--brokers', '1', '--override', 'log.retention.bytes=-1']
  const maker = await up(dataDir, ...args, '--topic', `bench:${partitions}:1`)
  await maker.end('SIGTERM')
  const disk = fileDisk(join(dataDir, 'broker-1'))
  for (let partition = 0; partition < partitions; partition++)
    fill(disk, `bench-${partition}`, servedBytes / partitions).close()
  const server = await up(dataDir, ...args)
  const [port = 0] = server.ports
  const before = residentKb(server.child, 'VmRSS')
  const started = performance.now()
  let bytes = 0
  for (let partition = 0; partition < partitions; partition++)
    bytes += await fetchAll(port, partition)
  const taken = seconds(started)
  const mebibytes = (kb: number): string => `${Math.round(kb / 1024)} MiB`
  console.log(
    table(
      ['read from one broker', 'in', 'resident before', 'at most', 'after'],
      [
        [
          `${(bytes / gib).toFixed(1)} GiB`,
          `${taken.toFixed(1)} s, ${Math.round(bytes / mib / taken)} MiB/s`,
          mebibytes(before),
          mebibytes(residentKb(server.child, 'VmHWM')),
          mebibytes(residentKb(server.child, 'VmRSS')),
        ],
      ],
    ),
  )
  await server.end('SIGTERM')
  rmSync(dataDir, { recursive: true })
}

try {
  logsAlone()
  console.log()
  await clusters()
  console.log()
  recovery()
  console.log()
  await manyPartitions()
  console.log()
  await serving()
} finally {
  rmSync(home, { recursive: true, force: true })
}
