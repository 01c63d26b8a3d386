import type { BrokerConfig } from '../src/broker/config.ts'
import { type BrokerId, noSession, type SessionId } from '../src/ids.ts'
import type { Address, Platform } from '../src/ports.ts'
import type { ConnectString } from '../src/zookeeper/connect-string.ts'
import { type RunningBroker, startBroker } from './broker/broker.ts'
import type { RequestFaults } from './broker/request-faults.ts'
import type { BrokerHandle, Cluster } from './cluster.ts'
import type { BrokerState, NodeState } from './cluster-state.ts'
import { Process } from './process.ts'
import type { Registry } from './registry.ts'
import { until } from './until.ts'
import { createWorld } from './world.ts'

/** What the nodes of one cluster have in common. */
export interface ClusterParts {
  readonly platform: Platform
  readonly registry: Registry
  readonly cluster: Cluster
  readonly faults: RequestFaults
  readonly zookeeper: ConnectString
  expireSession(session: {
    readonly id: SessionId
    readonly password: Uint8Array
    readonly timeoutMs: number
  }): void
}

/** What was asked cannot be done in this state: the message says what to do first. */
export class WrongState extends Error {
  override readonly name = 'WrongState'
}

/** How long a start or a stop may take, ms of the platform's clock: longer than any session timeout in use. */
const transitionTimeoutMs = 60_000

/** One broker over its lives: each start is a process of its own, on the same disk and port. */
export class BrokerNode implements BrokerHandle {
  readonly id: BrokerId
  readonly #parts: ClusterParts
  readonly #config: BrokerConfig
  readonly #host: string
  readonly #advertisedHost: string
  #port: number
  #state: NodeState = 'stopped'
  #process: Process | undefined
  #running: RunningBroker | undefined
  #error: string | null = null

  /** @param options.port 0: any free one at the first start, the same ever after. */
  constructor(
    parts: ClusterParts,
    options: {
      id: BrokerId
      config: BrokerConfig
      host: string
      advertisedHost: string
      port: number
    },
  ) {
    this.id = options.id
    this.#parts = parts
    this.#config = options.config
    this.#host = options.host
    this.#advertisedHost = options.advertisedHost
    this.#port = options.port
  }

  get cluster(): Cluster {
    return this.#parts.cluster
  }

  get path(): string {
    return `broker-${this.id}`
  }

  get state(): NodeState {
    return this.#state
  }

  get address(): Address | undefined {
    return this.#port === 0 ? undefined : { host: this.#advertisedHost, port: this.#port }
  }

  /** The parts of the running broker; undefined while no process runs. */
  get running(): RunningBroker | undefined {
    return this.#running
  }

  get sessionId(): SessionId | undefined {
    return this.#running?.world.zookeeper.sessionId
  }

  get isController(): boolean {
    return this.#state === 'running' && this.#running?.world.controller.isActive === true
  }

  /** Starts its process; `started()` tells when it serves. */
  start(): void {
    const { platform, registry, zookeeper, faults, cluster } = this.#parts
    const own = cluster.platformOf(this.path)
    const process: Process = new Process(own, error => this.#failed(process, this.path, error))
    this.#error = null
    this.#process = process
    this.#enter('starting')
    const world = createWorld({
      name: this.path,
      platform: process.platform,
      registry,
      faults,
      failed: (path, error) => {
        // On a later turn: what failed is still on the stack.
        platform.clock.setTimeout(() => this.#failed(process, path, error), 0)
      },
    })
    this.#running = startBroker(world, {
      brokerId: this.id,
      config: this.#config,
      zookeeper: zookeeper.servers,
      chroot: zookeeper.chroot,
      host: this.#host,
      port: this.#port,
      advertisedHost: this.#advertisedHost,
      running: address => {
        this.#port = address.port
        if (this.#process === process && this.#state === 'starting') this.#enter('running')
      },
      stopped: () => {
        if (this.#process === process) this.#end(process, 'stopped')
      },
      failed: error => {
        if (this.#process === process) this.#failed(process, this.path, error)
      },
    })
  }

  /** Resolves when it serves; rejects when its start failed. */
  started(timeoutMs = transitionTimeoutMs): Promise<void> {
    const { platform, registry } = this.#parts
    return until(
      platform,
      registry.trace,
      () => {
        if (this.#state === 'failed') throw new WrongState(`broker ${this.id}: ${this.#error}`)
        return this.#state === 'running' ? true : undefined
      },
      { timeoutMs, what: () => `broker ${this.id} running; it is ${this.#state} (${this.chart})` },
    ).then(() => {})
  }

  kill(): void {
    const process = this.#need('kill', 'starting', 'running', 'paused', 'stopping')
    this.#end(process, 'killed')
  }

  async stop(): Promise<void> {
    this.#need('stop', 'running', 'stopping')
    if (this.#state === 'running') {
      this.#enter('stopping')
      this.#running?.stop()
    }
    const { platform, registry } = this.#parts
    await until(platform, registry.trace, () => (this.#state === 'stopping' ? undefined : true), {
      timeoutMs: transitionTimeoutMs,
      what: () => `broker ${this.id} stopped; it is ${this.#state} (${this.chart})`,
    })
  }

  /** Its part in the end of the whole cluster: closes its logs and its session, gives no leadership away. */
  async close(timeoutMs: number): Promise<void> {
    if (this.#state !== 'running') return
    this.#enter('stopping')
    this.#running?.stop(true)
    const { platform, registry } = this.#parts
    await until(platform, registry.trace, () => (this.#state === 'stopping' ? undefined : true), {
      timeoutMs,
      what: () => `broker ${this.id} closed`,
    })
  }

  async restart(): Promise<void> {
    if (this.#state === 'running' || this.#state === 'stopping') await this.stop()
    if (this.#state === 'paused' || this.#state === 'starting') this.kill()
    this.start()
    await this.started()
  }

  pause(): void {
    this.#need('pause', 'running').pause()
    this.#enter('paused')
  }

  resume(): void {
    const process = this.#need('resume', 'paused')
    this.#enter('running')
    process.resume()
  }

  expireSession(): void {
    this.#need('expire-session', 'running', 'paused', 'starting')
    const client = this.#running?.world.zookeeper
    if (client === undefined || client.sessionId === noSession)
      throw new WrongState(`broker ${this.id} has no session yet`)
    const { sessionId: id, sessionPassword: password, sessionTimeoutMs: timeoutMs } = client
    this.#parts.registry.trace.record('node', this.path, 'expire-session', { session: id })
    this.#parts.expireSession({ id, password, timeoutMs })
  }

  /** Ends it without a word, for the end of the whole cluster. */
  dispose(): void {
    if (this.#process !== undefined) this.#end(this.#process, 'stopped')
  }

  get chart(): string | null {
    return this.#running?.chartState ?? null
  }

  describe(): BrokerState {
    const epoch = this.#running?.world.brokerEpoch ?? -1
    return {
      id: this.id,
      state: this.#state,
      chart: this.chart,
      host: this.#advertisedHost,
      port: this.#port,
      brokerEpoch: epoch < 0 ? null : epoch,
      error: this.#error,
    }
  }

  #need(what: string, ...states: NodeState[]): Process {
    if (this.#process === undefined || !states.includes(this.#state))
      throw new WrongState(
        `cannot ${what} broker ${this.id}: it is ${this.#state}, not ${states.join(' or ')}`,
      )
    return this.#process
  }

  #enter(state: NodeState): void {
    const from = this.#state
    this.#state = state
    this.#parts.registry.trace.record('node', this.path, state, { from, to: state })
  }

  #failed(process: Process, path: string, error: unknown): void {
    if (this.#process !== process) return
    this.#error = error instanceof Error ? error.message : String(error)
    this.#parts.registry.trace.record('note', path, 'failed', { error: String(error) })
    this.#end(process, 'failed')
  }

  #end(process: Process, state: NodeState): void {
    process.kill()
    this.#process = undefined
    this.#running = undefined
    this.#enter(state)
    this.#parts.registry.stopNode(this.path)
  }
}
