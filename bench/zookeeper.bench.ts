/**
 * The embedded ZooKeeper beside Apache's, where that is installed: `npm run bench -- zookeeper`. Create, set, get and multi per second, of one
 * client with 500 requests under way and of 50 with 10 each, over TCP, with fsync and without; and how long until there is a session.
 * Each server and the load have a process of their own; the same load asks both, in turns, so that a busy machine falls on both alike.
 *
 * `ROUNDS=5` `REQUESTS=20000` `WARM_UPS=3` say how much, `KINDS=set,get` which.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { apacheZooKeeperInstalled, startApacheZooKeeper } from '../test/interop/apache-zookeeper.ts'
import { median, table } from './report.ts'
import {
  kinds as allKinds,
  type Kind,
  type Round,
  type Taken,
  untilSession,
} from './zookeeper-load.ts'

const rounds = Number(process.env.ROUNDS ?? 5)
const requests = Number(process.env.REQUESTS ?? 20_000)
const kinds = allKinds.filter(kind => process.env.KINDS?.split(',').includes(kind) ?? true)
const warmUps = Number(process.env.WARM_UPS ?? 3)
const crowds = [
  { clients: 1, inFlight: 500 },
  { clients: 50, inFlight: 10 },
]

const folder = mkdtempSync(join(tmpdir(), 'samsa-bench-'))
const children: ChildProcess[] = []
let folders = 0
const freshFolder = (): string => join(folder, String(folders++))

function start(file: string, ...args: string[]): ChildProcess {
  const child = fork(join(import.meta.dirname, file), args)
  children.push(child)
  return child
}

const told = <T>(child: ChildProcess): Promise<T> =>
  new Promise((resolve, reject) => {
    const over = (code: number | null): void => reject(new Error(`a process ended: ${code}`))
    child.once('exit', over)
    child.once('message', message => {
      child.removeListener('exit', over)
      resolve(message as T)
    })
  })

const load = start('zookeeper-load.ts')
function asked<T>(child: ChildProcess, order: object): Promise<T> {
  const answer = told<T>(child)
  child.send(order)
  return answer
}

interface Server {
  readonly name: string
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
}

async function embedded(name: string, options: object): Promise<Server & { child: ChildProcess }> {
  const child = start('zookeeper-server.ts', JSON.stringify(options))
  const { port } = await told<{ port: number }>(child)
  const stop = async (): Promise<void> => void child.kill('SIGKILL')
  return { name, port, pid: child.pid ?? 0, stop, child }
}

async function apache(forceSync: boolean): Promise<Server> {
  const properties = { 'zookeeper.forceSync': forceSync ? 'yes' : 'no' }
  // As the embedded one's defaults, so that both do the same; the default tick, so that nothing expires.
  const config = { tickTime: 2000 }
  const { address, pid, stop } = await startApacheZooKeeper({ properties, config })
  return { name: 'Apache', port: address.port, pid, stop }
}

/** User and system time of a process so far, ms; NaN where there is no `/proc`. */
function cpuMs(pid: number): number {
  try {
    const [, utime, stime] =
      /\) (?:\S+ ){11}(\d+) (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
    // In ticks, of which Linux tells a hundred a second.
    return (Number(utime) + Number(stime)) * 10
  } catch {
    return Number.NaN
  }
}

type Sample = Taken & { readonly serverMicros: number }

async function sample(
  { name, port, pid }: Server,
  round: { kind: Kind; clients: number; inFlight: number },
  number: number,
): Promise<Sample> {
  const order: Round = {
    ...round,
    port,
    requests,
    name: `${name}-${round.kind}-${round.clients}-${number}`,
  }
  const before = cpuMs(pid)
  const taken = await asked<Taken>(load, { take: order })
  return { ...taken, serverMicros: ((cpuMs(pid) - before) * 1000) / requests }
}

async function throughput(title: string, servers: readonly Server[]): Promise<void> {
  for (const { port } of servers) await asked(load, { prepare: port })
  // Java's compiler takes its time.
  let warm = 0
  for (let i = 0; i < warmUps; i++)
    for (const kind of kinds)
      for (const server of servers)
        await sample(server, { kind, clients: 1, inFlight: 500 }, --warm)
  const rows: string[][] = []
  let highest = 0
  for (const { clients, inFlight } of crowds)
    for (const kind of kinds) {
      const taken = new Map(servers.map(server => [server, [] as Sample[]]))
      for (let round = 0; round < rounds; round++)
        for (let at = 0; at < servers.length; at++) {
          // Each is first equally often.
          const server = servers[(round + at) % servers.length] as Server
          taken.get(server)?.push(await sample(server, { kind, clients, inFlight }, round))
        }
      const all = [...taken.values()]
      highest = Math.max(highest, ...all.flat().map(({ cpuShare }) => cpuShare))
      const [ours = [], theirs] = all
      const ratios = theirs?.map((their, round) => (ours[round]?.perSecond ?? 0) / their.perSecond)
      rows.push([
        `${kind}, ${clients} client${clients > 1 ? 's' : ''}`,
        ...all.map(samples => `${Math.round(median(samples.map(each => each.perSecond)))}`),
        ...(ratios === undefined ? [] : [median(ratios).toFixed(2)]),
        ...all.map(samples => `${median(samples.map(each => each.serverMicros)).toFixed(0)} µs`),
      ])
    }
  const names = servers.map(({ name }) => name)
  const head = [
    'a second',
    ...names,
    ...(servers.length > 1 ? ['ratio'] : []),
    ...names.map(name => `CPU, ${name}`),
  ]
  console.log(`\n### ${title}\n\n${table(head, rows)}\n`)
  console.log(`The load took at most ${(highest * 100).toFixed(0)} % of a core.`)
}

async function beside(title: string, options: object, forceSync: boolean): Promise<void> {
  const servers: Server[] = [await embedded('Samsa', options)]
  try {
    if (apacheZooKeeperInstalled) servers.push(await apache(forceSync))
    await throughput(title, servers)
  } finally {
    for (const server of servers) await server.stop()
  }
}

async function coldStart(): Promise<void> {
  const since = async (run: () => Promise<void>): Promise<number> => {
    const startMs = performance.now()
    await run()
    return performance.now() - startMs
  }
  const warm = await embedded('warm', { dataDir: freshFolder(), forceSync: true })
  const taken = { inProcess: [] as number[], process: [] as number[], apache: [] as number[] }
  for (let round = -1; round < rounds * 2; round++) {
    const started: Server[] = []
    const { durationMs } = await asked<{ durationMs: number }>(warm.child, {
      dataDir: freshFolder(),
    })
    const ready = async (start: () => Promise<Server>): Promise<void> => {
      const server = await start()
      started.push(server)
      await untilSession(server.port)
    }
    const inProcess = await since(() =>
      ready(() => embedded('Samsa', { dataDir: freshFolder(), forceSync: true })),
    )
    const theirs = apacheZooKeeperInstalled ? await since(() => ready(() => apache(true))) : NaN
    for (const server of started) await server.stop()
    if (round < 0) continue
    taken.inProcess.push(durationMs)
    taken.process.push(inProcess)
    taken.apache.push(theirs)
  }
  await warm.stop()
  console.log('\n### Until there is a session, on a new data directory\n')
  const row = (name: string, values: number[]): string[] => [
    name,
    `${median(values).toFixed(1)} ms`,
    `${Math.min(...values).toFixed(1)}–${Math.max(...values).toFixed(1)} ms`,
  ]
  console.log(
    table(
      ['', 'median', 'of'],
      [
        row('Samsa, in a process that runs', taken.inProcess),
        row('Samsa, with its process', taken.process),
        ...(apacheZooKeeperInstalled ? [row('Apache, with its process', taken.apache)] : []),
      ],
    ),
  )
}

if (!apacheZooKeeperInstalled)
  console.warn('Apache ZooKeeper is not installed (apt-get install zookeeper): Samsa alone.')
console.log(
  `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model.trim()}; medians of ${rounds} rounds of ${requests} requests, 100 bytes of data.`,
)
try {
  await beside('With fsync', { dataDir: freshFolder(), forceSync: true }, true)
  await beside('Without fsync', { dataDir: freshFolder(), forceSync: false }, false)
  await beside('Samsa in memory, Apache without fsync', {}, false)
  await coldStart()
} finally {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
}
