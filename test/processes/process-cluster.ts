/** A cluster as several processes: `samsa zookeeper` and three times `samsa broker`, each with a data directory. */
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { readyLine, type SamsaProcess, startSamsa } from '../cli/samsa-process.ts'

export interface ProcessClusterOptions {
  /** Where everything is kept. */
  readonly dataDir: string
  /** `zookeeper.session.timeout.ms` of the brokers. */
  readonly sessionTimeoutMs: number
  /** The brokers' configuration. */
  readonly overrides?: Readonly<Record<string, string | number>>
}

const brokerIds = [1, 2, 3] as const

export class ProcessCluster {
  readonly ids: readonly number[] = brokerIds
  readonly #options: ProcessClusterOptions
  readonly #brokers = new Map<number, SamsaProcess>()
  /** Each keeps its port over its lives. */
  readonly #ports = new Map<string, string>()
  #zookeeper: SamsaProcess | undefined
  connect = ''

  constructor(options: ProcessClusterOptions) {
    this.#options = options
  }

  get bootstrapServers(): string {
    return brokerIds.map(id => `127.0.0.1:${this.#ports.get(`broker-${id}`)}`).join(',')
  }

  async start(): Promise<void> {
    await this.startZooKeeper()
    await Promise.all(brokerIds.map(id => this.startBroker(id)))
  }

  async startZooKeeper(): Promise<void> {
    const { dataDir } = this.#options
    const port = this.#ports.get('zookeeper') ?? '0'
    const process = startSamsa('zookeeper', '--json', '--port', port, '--data-dir', dataDir)
    this.#zookeeper = process
    const { zookeeper } = await readyLine<{ zookeeper: string }>(process)
    this.connect = zookeeper
    this.#ports.set('zookeeper', zookeeper.split(':')[1] ?? '0')
  }

  /** Resolves when it serves, with whether it had to wait for its former session to end. */
  async startBroker(id: number): Promise<{ hasWaited: boolean }> {
    const { dataDir, sessionTimeoutMs, overrides = {} } = this.#options
    const all = { 'zookeeper.session.timeout.ms': sessionTimeoutMs, ...overrides }
    const process = startSamsa(
      ...['broker', '--json', '--id', String(id), '--zookeeper', this.connect],
      ...['--port', this.#ports.get(`broker-${id}`) ?? '0', '--data-dir', dataDir],
      ...Object.entries(all).flatMap(([name, value]) => ['--override', `${name}=${value}`]),
    )
    this.#brokers.set(id, process)
    const { bootstrapServers } = await readyLine<{ bootstrapServers: string }>(process)
    this.#ports.set(`broker-${id}`, bootstrapServers.split(':')[1] ?? '0')
    return { hasWaited: process.err.includes('another session has its znode') }
  }

  /** Sends it a signal. */
  signal(name: number | 'zookeeper', signal: NodeJS.Signals): void {
    this.#of(name).child.kill(signal)
  }

  /** Resolves when it is gone. @throws where it ended otherwise than it was told to */
  async end(name: number | 'zookeeper', signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const { code, err } = await this.#of(name).end(signal)
    if (code !== (signal === 'SIGKILL' ? null : 0))
      throw new Error(`${name} ended with ${code}:\n${err}`)
  }

  /** Those that ended without having been asked. */
  get died(): readonly string[] {
    return [...this.#brokers].flatMap(([id, { child, err }]) =>
      child.exitCode === null || child.exitCode === 0 ? [] : [`broker ${id}: ${err}`],
    )
  }

  /** Of a broker that does not run. */
  removeDisk(id: number): void {
    rmSync(join(this.#options.dataDir, `broker-${id}`), { recursive: true })
  }

  /** All of a partition's log as a broker has it on disk. */
  logOnDisk(id: number, topic: string, partition: number): Buffer {
    const folder = join(this.#options.dataDir, `broker-${id}`, `${topic}-${partition}`)
    const segments = readdirSync(folder).filter(name => name.endsWith('.log'))
    return Buffer.concat(segments.sort().map(name => readFileSync(join(folder, name))))
  }

  #of(name: number | 'zookeeper'): SamsaProcess {
    const process = name === 'zookeeper' ? this.#zookeeper : this.#brokers.get(name)
    if (process === undefined) throw new Error(`${name} was never started`)
    return process
  }
}
