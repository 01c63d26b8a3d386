/**
 * Brokers as processes of their own, on files, under load, and what becomes of what was acknowledged when they are killed, one after
 * another. Whom it strikes, how and when is drawn from a seed; what follows is the machine's business, and differs from run to run.
 */
import { connectZooKeeper, type ZooKeeperClientHandle } from '../../actors/node.ts'
import type { Anomaly } from '../../src/history/anomalies.ts'
import { printPartition, type TopicPartition } from '../../src/ids.ts'
import { seededRandom } from '../../src/platform/random.ts'
import type { Random } from '../../src/ports.ts'
import { Ledger } from '../interop/ledger.ts'
import { Clients } from './clients.ts'
import { ProcessCluster } from './process-cluster.ts'
import { startKafkajsWriter, startOwnWriter, type Writer } from './writers.ts'

/** What happens to processes. */
export const processFaults = {
  kill: 'SIGKILL, started again at once: within its session',
  outlast: 'SIGKILL, started again when its session has ended',
  stop: 'SIGTERM, started again when it has ended',
  pause: 'SIGSTOP, SIGCONT after a while, within its session or past it',
  two: 'SIGKILL for two of three at once, started again one after the other',
  wipe: 'SIGKILL, its directory removed, started again at once: while the others have everything',
  zookeeper: 'SIGKILL for ZooKeeper, started again at once',
} as const

export type ProcessFault = keyof typeof processFaults

export interface ProcessRunOptions {
  readonly seed: number
  /** How long faults happen, ms; each at least once. */
  readonly durationMs: number
  /** Where everything is kept; empty. */
  readonly dataDir: string
  /** Default: all. */
  readonly faults?: readonly ProcessFault[]
  /** Of the brokers. Default 5000: a process begins in less. */
  readonly sessionTimeoutMs?: number
  /** Hears what happens, a line each. */
  readonly told?: (line: string) => void
}

export interface ProcessReport {
  readonly anomalies: readonly Anomaly[]
  /** What else is wrong: a process that ended, a client that gave up, replicas that differ. */
  readonly failures: readonly string[]
  readonly counts: Readonly<Record<string, number>>
  /** Why sends were given up: what became of them nobody knows. */
  readonly refusals: ReadonlyMap<string, number>
  /** How often each fault happened. */
  readonly faults: ReadonlyMap<string, number>
  /** Bytes of all partitions on one broker, all compared. */
  readonly bytesCompared: number
}

const topic = 'orders'
const partitions = 3
const groupId = 'billing'

/** After a fault everything must be well within this time. */
const recoveryMsMax = 120_000

const all: readonly TopicPartition[] = Array.from({ length: partitions }, (_, partition) => ({
  topic,
  partition,
}))

const sleep = (durationMs: number): Promise<void> =>
  new Promise(resolve => setTimeout(resolve, durationMs))

/** Tries until it is true; what fails is tried again. */
async function reach(what: string, condition: () => Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + recoveryMsMax
  let last: unknown
  for (;;) {
    try {
      if (await condition()) return
    } catch (error) {
      last = error
    }
    if (performance.now() > untilMs)
      throw new Error(`not within ${recoveryMsMax} ms: ${what}`, { cause: last })
    await sleep(50)
  }
}

export async function runProcesses(options: ProcessRunOptions): Promise<ProcessReport> {
  const { dataDir, sessionTimeoutMs = 5000 } = options
  const cluster = new ProcessCluster({
    dataDir,
    sessionTimeoutMs,
    overrides: {
      'min.insync.replicas': 2,
      // Segments roll, so that recovery has more than one to look at; nothing is removed.
      'log.segment.bytes': 256 * 1024,
      'log.retention.bytes': -1,
    },
  })
  await cluster.start()
  const clients = new Clients(cluster.bootstrapServers)
  const zookeeper = connectZooKeeper(clients.platform, 'looker', cluster.connect)
  const run = new Run(options, sessionTimeoutMs, cluster, clients, zookeeper)
  try {
    return await run.run()
  } finally {
    zookeeper.kill()
    clients.kill()
  }
}

class Run {
  readonly #options: ProcessRunOptions
  readonly #sessionTimeoutMs: number
  readonly #cluster: ProcessCluster
  readonly #clients: Clients
  readonly #zookeeper: ZooKeeperClientHandle
  readonly #random: Random
  readonly #ledger = new Ledger()
  readonly #faults = new Map<string, number>()
  readonly #failures: string[] = []
  #members = 0

  constructor(
    options: ProcessRunOptions,
    sessionTimeoutMs: number,
    cluster: ProcessCluster,
    clients: Clients,
    zookeeper: ZooKeeperClientHandle,
  ) {
    this.#options = options
    this.#sessionTimeoutMs = sessionTimeoutMs
    this.#cluster = cluster
    this.#clients = clients
    this.#zookeeper = zookeeper
    this.#random = seededRandom(options.seed ^ 0x70726f63)
  }

  async run(): Promise<ProcessReport> {
    const admin = this.#clients.admin('maker')
    const [made] = await admin.createTopics([
      { name: topic, numPartitions: partitions, replicationFactor: 3 },
    ])
    admin.close()
    if (made?.error) throw made.error
    await this.#allInSync()
    const writers = await this.#writers()
    const tail = this.#clients.consumer('tail', this.#reading())
    this.#ledger.follow('tail', tail)
    let member = this.#join()
    const kinds = this.#options.faults ?? (Object.keys(processFaults) as ProcessFault[])
    const endMs = performance.now() + this.#options.durationMs
    try {
      // Each fault happens at least once.
      for (let round = 1; round === 1 || performance.now() < endMs; round++)
        for (const fault of this.#shuffled(kinds)) {
          if (round > 1 && performance.now() > endMs) break
          const acknowledged = this.#ledger.acknowledged
          await this.#strike(fault)
          this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + 1)
          if (this.#random.next() < 0.6) await this.#allInSync()
          await reach('acknowledged again', async () => this.#ledger.acknowledged > acknowledged)
          if (this.#random.next() < 0.5) {
            member.kill()
            member = this.#join()
          }
          if (this.#cluster.died.length > 0) break
        }
      await this.#allInSync()
      this.#tell('the writers stop')
      for (const writer of writers) await writer.stop()
      await this.#readAll()
    } catch (error) {
      const { message, cause } = error as Error
      this.#failures.push(cause === undefined ? message : `${message} (${cause})`)
    }
    member.kill()
    const bytesCompared = await this.#compareLogs()
    const { anomalies, counts } = this.#ledger.check()
    return {
      anomalies,
      counts,
      refusals: this.#ledger.refusals,
      failures: [...this.#failures, ...this.#cluster.died, ...this.#clients.failures],
      faults: this.#faults,
      bytesCompared,
    }
  }

  #tell(line: string): void {
    this.#options.told?.(line)
  }

  #writers(): Promise<readonly Writer[]> {
    const { bootstrapServers } = this.#cluster
    const own = (name: string, isIdempotent: boolean) =>
      startOwnWriter(this.#clients, this.#ledger, { name, isIdempotent, topic, partitions })
    const kafkajs = (name: string, isIdempotent: boolean, partition: number) =>
      startKafkajsWriter(bootstrapServers, this.#ledger, { name, isIdempotent, topic, partition })
    return Promise.all([
      own('own-idempotent-1', true),
      own('own-idempotent-2', true),
      own('own', false),
      kafkajs('kafkajs', false, 0),
      kafkajs('kafkajs-idempotent', true, 1),
    ])
  }

  #reading() {
    return {
      topics: [topic],
      autoOffsetReset: 'earliest',
      requestTimeoutMs: 5000,
      metadataMaxAgeMs: 5000,
    } as const
  }

  #join() {
    const name = `${groupId}-${++this.#members}`
    const member = this.#clients.consumer(name, {
      ...this.#reading(),
      groupId,
      sessionTimeoutMs: 3000,
      heartbeatIntervalMs: 500,
      autoCommitIntervalMs: 300,
    })
    this.#ledger.follow(name, member, groupId)
    return member
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random.next() * from.length)] as T
  }

  #shuffled<T>(items: readonly T[]): T[] {
    const rest = [...items]
    const shuffled: T[] = []
    while (rest.length > 0)
      shuffled.push(...rest.splice(Math.floor(this.#random.next() * rest.length), 1))
    return shuffled
  }

  async #strike(fault: ProcessFault): Promise<void> {
    const cluster = this.#cluster
    const id = this.#pick(cluster.ids)
    switch (fault) {
      case 'kill':
        this.#tell(`broker ${id}: SIGKILL`)
        await cluster.end(id, 'SIGKILL')
        return this.#start(id)
      case 'outlast':
        this.#tell(`broker ${id}: SIGKILL, for longer than its session`)
        await cluster.end(id, 'SIGKILL')
        await this.#unregistered(id)
        await sleep(this.#random.next() * 1000)
        return this.#start(id)
      case 'stop':
        this.#tell(`broker ${id}: SIGTERM`)
        await cluster.end(id, 'SIGTERM')
        return this.#start(id)
      case 'pause': {
        const durationMs = Math.floor((0.2 + 1.8 * this.#random.next()) * this.#sessionTimeoutMs)
        this.#tell(`broker ${id}: SIGSTOP for ${durationMs} ms`)
        cluster.signal(id, 'SIGSTOP')
        await sleep(durationMs)
        cluster.signal(id, 'SIGCONT')
        return
      }
      case 'two': {
        const [first, second] = this.#shuffled(cluster.ids) as [number, number]
        this.#tell(`brokers ${first} and ${second}: SIGKILL`)
        await Promise.all([cluster.end(first, 'SIGKILL'), cluster.end(second, 'SIGKILL')])
        await sleep(this.#random.next() * 2 * this.#sessionTimeoutMs)
        await this.#start(first)
        return this.#start(second)
      }
      case 'wipe':
        await this.#allInSync()
        this.#tell(`broker ${id}: SIGKILL, and its disk is gone`)
        await cluster.end(id, 'SIGKILL')
        cluster.removeDisk(id)
        await this.#start(id)
        return this.#allInSync()
      case 'zookeeper':
        this.#tell('ZooKeeper: SIGKILL')
        await cluster.end('zookeeper', 'SIGKILL')
        return cluster.startZooKeeper()
    }
  }

  async #start(id: number): Promise<void> {
    const { hasWaited } = await this.#cluster.startBroker(id)
    this.#tell(`broker ${id}: back${hasWaited ? ', within its former session' : ''}`)
    const when = hasWaited ? 'started within the former session' : 'started after it'
    this.#faults.set(when, (this.#faults.get(when) ?? 0) + 1)
  }

  #unregistered(id: number): Promise<void> {
    return reach(
      `/brokers/ids/${id} gone`,
      async () => (await this.#zookeeper.exists(`/brokers/ids/${id}`)) === null,
    )
  }

  /** Every partition is led, with all replicas in its ISR. */
  async #allInSync(): Promise<void> {
    const admin = this.#clients.admin(`looker-${performance.now()}`)
    try {
      await reach('all replicas in sync', async () => {
        const [described] = await admin.describeTopics([topic])
        return (
          described?.error === null &&
          described.partitions.length === partitions &&
          described.partitions.every(({ leaderId, isr }) => leaderId >= 0 && isr.length === 3)
        )
      })
    } finally {
      admin.close()
    }
  }

  /** A reader from the beginning sees all there is. */
  async #readAll(): Promise<void> {
    const admin = this.#clients.admin('end')
    const reader = this.#clients.consumer('reader', this.#reading())
    this.#ledger.follow('reader', reader)
    await reach('everything read', async () => {
      const ends = await admin.listOffsets(all.map(at => ({ ...at, at: 'latest' })))
      return ends.every(
        ({ offset, error, ...at }) => error === null && reader.consumer.position(at) === offset,
      )
    })
    admin.close()
  }

  /** Ends everything in good order; then the replicas' files must be equal to the byte. */
  async #compareLogs(): Promise<number> {
    const cluster = this.#cluster
    // A replica in sync may still lack the last records for a moment; nobody writes any more.
    await sleep(1000)
    for (const id of cluster.ids) await this.#noted(cluster.end(id, 'SIGTERM'))
    await this.#noted(cluster.end('zookeeper', 'SIGTERM'))
    let bytes = 0
    for (const { partition } of all) {
      const [first, ...others] = cluster.ids.map(id => cluster.logOnDisk(id, topic, partition))
      if (first === undefined) continue
      bytes += first.length
      others.forEach((other, index) => {
        if (first.equals(other)) return
        const end = Math.min(first.length, other.length)
        let at = 0
        while (at < end && first[at] === other[at]) at++
        this.#failures.push(
          `${printPartition({ topic, partition })}: brokers ${cluster.ids[0]} and ${cluster.ids[index + 1]} differ from byte ${at} on, of ${first.length} and ${other.length}`,
        )
      })
    }
    return bytes
  }

  async #noted(done: Promise<void>): Promise<void> {
    await done.catch(error => void this.#failures.push(String(error)))
  }
}
