/// <reference lib="esnext.disposable" preserve="true" />
import type { Observable } from 'rxjs'
import type { InspectionEvent } from 'xstate'
import { type BrokerConfig, brokerConfig, type Profile } from '../src/broker/config.ts'
import { errors } from '../src/error.ts'
import type { BrokerId, SessionId } from '../src/ids.ts'
import type { Address, Platform } from '../src/ports.ts'
import { profileOfZooKeeper } from '../src/zookeeper/config.ts'
import {
  type ConnectString,
  parseConnectString,
  printAddress,
} from '../src/zookeeper/connect-string.ts'
import { BrokerNode, WrongState } from './broker-node.ts'
import { startAdmin } from './client/admin.ts'
import { startConsumer } from './client/consumer.ts'
import type { ConsumerConfig } from './client/consumer-config.ts'
import { startProducer } from './client/producer.ts'
import type { ProducerConfig } from './client/producer-config.ts'
import {
  type AdminHandle,
  adminHandle,
  type ConsumerHandle,
  consumerHandle,
  type ProducerHandle,
  producerHandle,
} from './client-handles.ts'
import type { ClusterState, GroupState, NodeState, PartitionState } from './cluster-state.ts'
import { groupStates, partitionState, partitionStates } from './cluster-view.ts'
import type { FaultHandle } from './fault-handle.ts'
import { ClusterFaults, type Faults } from './faults.ts'
import type { LinkOperators } from './line-operators.ts'
import { Lines } from './lines.ts'
import type { NodeName } from './link-faults.ts'
import { Process } from './process.ts'
import { Registry } from './registry.ts'
import { endSession } from './session-end.ts'
import type { TopicSpec } from './topic-spec.ts'
import { Trace, type TraceEntry } from './trace.ts'
import { until } from './until.ts'
import { createWorld, type World } from './world.ts'
import { type EmbeddedZooKeeper, startZooKeeper } from './zookeeper/zookeeper.ts'

export interface ClusterOptions {
  /** What to run on: `nodePlatform()` (TCP), `memoryPlatform()`. */
  readonly platform: Platform
  /** How many brokers, with ids 1 to n; or their ids. Default 3. */
  readonly brokers?: number | readonly BrokerId[]
  /**
   * Somebody else's ZooKeeper: `host:port[,host:port…][/chroot]`. The cluster whose znodes it has is joined; the chroot is made where
   * it is missing. Default: one of its own, embedded.
   */
  readonly zookeeper?: string
  readonly topics?: readonly TopicSpec[]
  /**
   * The platform's disks outlive the process: ZooKeeper keeps its tree on one, and the end of the cluster is an orderly one. Default
   * false.
   */
  readonly durable?: boolean
  /** `fast` (default): timeouts for tests; `kafka`: Kafka's own defaults. */
  readonly profile?: Profile
  /** Broker configuration as Kafka spells it: `{ 'num.partitions': '3' }`. */
  readonly overrides?: Readonly<Record<string, string | number | boolean>>
  /** Where to listen. Default 127.0.0.1. */
  readonly host?: string
  /** What clients are told to connect to. Default: `host`. */
  readonly advertisedHost?: string
  /** The first broker's port; the others follow. 0 (default): any free ones. */
  readonly port?: number
  /** The embedded ZooKeeper's port. 0 (default): any free one. Of no effect with `zookeeper`. */
  readonly zookeeperPort?: number
  /** XState's own inspection events of every actor: attach the visualizer's inspector here. */
  readonly inspect?: (event: InspectionEvent) => void
  /** Hears every line of the trace, from the first one on; `cluster.trace` is to be had only when all stands. */
  readonly told?: (entry: TraceEntry) => void
  /** Lines of the trace kept for those who look later. Default 20,000. */
  readonly traceMax?: number
  /** Writes into the trace what changes in every chart's context and timers, so that all of it can be gone back to. Default false. */
  readonly traceContexts?: boolean
  /** How long the start may take, ms of the platform's clock. Default 30,000. */
  readonly startTimeoutMs?: number
}

/** One broker, as the harness holds it. */
export interface BrokerHandle {
  readonly cluster: Cluster
  readonly id: BrokerId
  readonly state: NodeState
  /** Where clients reach it; undefined until it has bound its port. It keeps its port over restarts. */
  readonly address: Address | undefined
  /** The session its znode hangs on; undefined while it runs not. */
  readonly sessionId: SessionId | undefined
  /** Ends its process at once, as `kill -9`: peers see connections close, its ZooKeeper session goes silent. */
  kill(): void
  /** Controlled shutdown: leaders move first, then the session is closed. Resolves when it is down. */
  stop(): Promise<void>
  /**
   * Starts a broker that is down, on its old disk and port; one that runs is stopped first, one that is paused killed.
   * Resolves when it serves: within the old session's time that waits for the old znode to go.
   */
  restart(): Promise<void>
  /** Stands still with its connections open, as SIGSTOP. */
  pause(): void
  /** Goes on, as SIGCONT. */
  resume(): void
  /** ZooKeeper ends its session now, or soon where it is somebody else's; the broker learns of it and registers anew. */
  expireSession(): void
}

export interface PartitionHandle {
  readonly cluster: Cluster
  readonly topic: string
  readonly partition: number
  /** As the cluster has it now; undefined while there is no such partition. */
  readonly state: PartitionState | undefined
  /** The broker that leads and knows it; undefined while there is none. */
  readonly leader: BrokerHandle | undefined
  readonly isr: readonly BrokerId[]
  /** Resolves with the first state that meets the condition. Rejects after `timeoutMs` (default 30,000) of the platform's clock. */
  until(
    condition: (state: PartitionState) => boolean,
    options?: { timeoutMs?: number },
  ): Promise<PartitionState>
}

export interface GroupHandle {
  readonly cluster: Cluster
  readonly groupId: string
  readonly state: GroupState | undefined
  /** Resolves when the group is Stable, with that many members where given. */
  stable(options?: { members?: number; timeoutMs?: number }): Promise<GroupState>
}

/** A running cluster: ZooKeeper, brokers, and what a test wants to know and do. */
export interface Cluster extends AsyncDisposable {
  /** `127.0.0.1:9092,127.0.0.1:9093,…`: what a Kafka client connects to. */
  readonly bootstrapServers: string
  /** `127.0.0.1:2181`: what a ZooKeeper client connects to; with `ClusterOptions.zookeeper` that. */
  readonly zookeeper: string
  readonly brokers: readonly BrokerHandle[]
  /** @throws RangeError where there is no such broker. */
  broker(id: BrokerId): BrokerHandle
  /**
   * What a znode holds, as the embedded ZooKeeper has it now; undefined where there is none.
   *
   * @throws WrongState where ZooKeeper is somebody else's: ask it by a client (`connectZooKeeper`)
   */
  znode(path: string): Uint8Array | null | undefined
  /** What each session of the embedded ZooKeeper watches: paths. */
  watches(): ReadonlyMap<SessionId, readonly string[]>
  /** The broker of this handle that is controller; undefined while there is none. */
  readonly controller: BrokerHandle | undefined
  partition(topic: string, partition: number): PartitionHandle
  group(groupId: string): GroupHandle
  state(): ClusterState
  /** Resolves with the first state that meets the condition. Rejects after `timeoutMs` (default 30,000) of the platform's clock. */
  until(
    condition: (state: ClusterState) => boolean,
    options?: { timeoutMs?: number; what?: string },
  ): Promise<ClusterState>
  /** The story: every fact, command, state, message and znode. */
  readonly trace: { readonly entries: Observable<TraceEntry>; readonly kept: readonly TraceEntry[] }
  /** Every running chart by its path. */
  readonly registry: Registry
  readonly platform: Platform
  /** Errors, delays, cuts for requests on purpose. What happens to whole brokers is done by their handles. */
  readonly faults: Faults
  /**
   * Gives the frames of a link to RxJS: those of the connections that `from` opens to `to`, both ways. What is not emitted is lost, and
   * its connection is reset; what is emitted later arrives later, in order.
   *
   * ```ts
   * cluster.link('broker-3', 'broker-1', frames$ => frames$.pipe(filter(({ api }) => api !== 'Fetch')))
   * cluster.link('*', 'zookeeper', (frames$, scheduler) => frames$.pipe(delay(50, scheduler)))
   * ```
   *
   * @param operators given the cluster's scheduler: virtual time where the cluster's is
   * @throws RangeError for an unknown node
   */
  link(
    from: NodeName,
    to: NodeName,
    operators: LinkOperators,
    options?: { readonly optional?: boolean },
  ): FaultHandle
  /** The platform as a node of this name has it: what goes over it meets the faults of links. */
  platformOf(node: string): Platform
  /** A producer in a world of its own, `client/<name>`. */
  producer(name: string, config?: Partial<ProducerConfig>): ProducerHandle
  /** A consumer in a world of its own, `client/<name>`. */
  consumer(
    name: string,
    config: Partial<ConsumerConfig> & Pick<ConsumerConfig, 'topics'>,
  ): ConsumerHandle
  admin(name?: string): AdminHandle
  /** Adds a line to the story, for those who read it. */
  note(text: string): void
  /** Lets this much time pass; on a stepping clock it costs none. */
  advance(durationMs: number): Promise<void>
  /** Ends everything, in an orderly way and quickly; safe to call twice. */
  stop(): Promise<void>
}

const defaultTimeoutMs = 30_000

/** What an orderly end may take, ms of the platform's clock: who presses Ctrl-C waits a second. */
const closingTimeoutMs = 900

/** Replication factors of the profile `fast` want to know how many brokers there will be: of a part nobody does. */
const clusterSizeOfPart = 3

/**
 * Starts ZooKeeper and the brokers, waits until a controller is elected and every broker knows of every other, makes the
 * topics, and waits for their leaders. With `zookeeper` the brokers may be a part of a cluster: then its controller counts,
 * wherever it is, and topics that are there already are taken as they are.
 *
 * @throws ConfigError, RangeError for options that cannot be; `WrongState` / `NotReached` where the cluster does not come up
 *   (a port or a broker id is taken, no ZooKeeper answers …). What was started is ended again.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { platform, host = '127.0.0.1', port = 0 } = options
  const ids = brokerIds(options.brokers ?? 3)
  const isPart = typeof options.brokers === 'object'
  // A whole cluster in memory, on a ZooKeeper that knows of an earlier one: what that had is gone, and nobody has it.
  const isFresh = options.zookeeper !== undefined && options.durable !== true && !isPart
  const config = brokerConfig(
    { ...(isFresh ? { 'lost.log.election.enable': true } : {}), ...options.overrides },
    options.profile ?? 'fast',
    isPart ? clusterSizeOfPart : ids.length,
  )
  const foreign = options.zookeeper === undefined ? null : parseConnectString(options.zookeeper)
  const trace = new Trace(platform.clock, options.traceMax)
  if (options.told !== undefined) trace.entries.subscribe(options.told)
  const registry = new Registry(trace, options.inspect, {
    contexts: options.traceContexts ?? false,
  })
  const startTimeoutMs = options.startTimeoutMs ?? defaultTimeoutMs
  const started = new StartedCluster(platform, registry, options.durable ?? false, foreign)
  try {
    const zookeeper =
      foreign ??
      (await started.startZooKeeper(
        { host, port: options.zookeeperPort ?? 0 },
        options.profile ?? 'fast',
        startTimeoutMs,
      ))
    ids.forEach((id, index) => {
      started.addBroker({
        id,
        config,
        host,
        advertisedHost: options.advertisedHost ?? host,
        port: port === 0 ? 0 : port + index,
        zookeeper,
      })
    })
    await Promise.all(started.nodes.map(node => node.started(startTimeoutMs)))
    await started.until(({ controller }) => controller !== null && started.knowEachOther(), {
      timeoutMs: startTimeoutMs,
      what: 'a controller, and every broker known to every other',
    })
    await started.createTopics(options.topics ?? [], startTimeoutMs)
    return started
  } catch (error) {
    await started.stop()
    throw error
  }
}

/** @throws RangeError */
function brokerIds(brokers: number | readonly BrokerId[]): readonly BrokerId[] {
  if (typeof brokers !== 'number') {
    const isIds = brokers.every(id => Number.isInteger(id) && id >= 0)
    if (isIds && brokers.length > 0 && new Set(brokers).size === brokers.length) return brokers
    throw new RangeError(`brokers must be different whole numbers from 0, not ${brokers}`)
  }
  if (!Number.isInteger(brokers) || brokers < 1)
    throw new RangeError(`brokers must be a whole number from 1, not ${brokers}`)
  return Array.from({ length: brokers }, (_, index) => index + 1)
}

class StartedCluster implements Cluster {
  readonly platform: Platform
  readonly registry: Registry
  readonly nodes: BrokerNode[] = []
  readonly faults: ClusterFaults
  readonly #lines: Lines
  readonly #processes = new Map<string, Process>()
  #zookeeper: EmbeddedZooKeeper | undefined
  #zookeeperAddress: Address | undefined
  #stopped = false
  #sessionsEnded = 0
  readonly #durable: boolean
  /** Somebody else's ZooKeeper; null: our own. */
  readonly #foreign: ConnectString | null

  constructor(
    platform: Platform,
    registry: Registry,
    durable: boolean,
    foreign: ConnectString | null,
  ) {
    this.platform = platform
    this.registry = registry
    this.#durable = durable
    this.#foreign = foreign
    this.#lines = new Lines(platform, registry.trace)
    for (const server of foreign?.servers ?? []) this.#lines.named(server, 'zookeeper')
    this.faults = new ClusterFaults(platform, registry.trace, this.#lines, () => [
      ...(foreign === null ? [] : ['zookeeper']),
      ...this.nodes.map(node => node.path),
      ...this.#processes.keys(),
    ])
  }

  get trace(): Trace {
    return this.registry.trace
  }

  get brokers(): readonly BrokerHandle[] {
    return this.nodes
  }

  get bootstrapServers(): string {
    return this.nodes
      .flatMap(({ address }) => (address ? [`${address.host}:${address.port}`] : []))
      .join(',')
  }

  get zookeeper(): string {
    if (this.#foreign !== null)
      return this.#foreign.servers.map(printAddress).join(',') + this.#foreign.chroot
    return printAddress(this.#zookeeperAddress ?? { host: '', port: 0 })
  }

  znode(path: string): Uint8Array | null | undefined {
    if (this.#foreign !== null)
      throw new WrongState(`ZooKeeper at ${this.zookeeper} is not ours to look into`)
    return this.#zookeeper?.tree.node(path)?.data
  }

  watches(): ReadonlyMap<SessionId, readonly string[]> {
    return this.#zookeeper?.watches() ?? new Map()
  }

  get controller(): BrokerHandle | undefined {
    return this.nodes.find(node => node.isController)
  }

  broker(id: BrokerId): BrokerHandle {
    const found = this.nodes.find(node => node.id === id)
    if (found === undefined)
      throw new RangeError(
        `no broker ${id}: there are ${this.nodes.map(node => node.id).join(', ')}`,
      )
    return found
  }

  partition(topic: string, partition: number): PartitionHandle {
    const cluster = this
    const at = { topic, partition }
    const read = (): PartitionState | undefined => partitionState(cluster.nodes, at)
    return {
      cluster,
      topic,
      partition,
      get state() {
        return read()
      },
      get leader() {
        return cluster.nodes.find(
          node =>
            node.state === 'running' &&
            node.running?.world.partitions.get(topic, partition)?.isLeader,
        )
      },
      get isr() {
        return read()?.isr ?? []
      },
      until: (condition, { timeoutMs = defaultTimeoutMs } = {}) =>
        until(
          cluster.platform,
          cluster.trace,
          () => {
            const state = read()
            return state !== undefined && condition(state) ? state : undefined
          },
          {
            timeoutMs,
            what: () => `${topic}-${partition}: ${JSON.stringify(read() ?? 'unknown')}`,
          },
        ),
    }
  }

  group(groupId: string): GroupHandle {
    const read = (): GroupState | undefined =>
      groupStates(this.registry, this.nodes).find(group => group.groupId === groupId)
    return {
      cluster: this,
      groupId,
      get state() {
        return read()
      },
      stable: ({ members, timeoutMs = defaultTimeoutMs } = {}) =>
        until(
          this.platform,
          this.trace,
          () => {
            const group = read()
            const fits =
              group?.state === 'stable' &&
              (members ?? group.members.length) === group.members.length
            return fits ? group : undefined
          },
          {
            timeoutMs,
            what: () =>
              `group ${groupId} stable${members === undefined ? '' : ` with ${members} members`}: ${JSON.stringify(read() ?? 'unknown')}`,
          },
        ),
    }
  }

  state(): ClusterState {
    const running = this.nodes.find(node => node.state === 'running')?.running
    return {
      clusterId: running?.world.clusterId ?? null,
      atMs: this.platform.clock.now(),
      controller: this.controller?.id ?? this.#controllerElsewhere() ?? null,
      brokers: this.nodes.map(node => node.describe()),
      zookeeper: { address: this.zookeeper, sessions: this.#zookeeper?.sessions() ?? [] },
      partitions: partitionStates(this.nodes),
      groups: groupStates(this.registry, this.nodes),
    }
  }

  until(
    condition: (state: ClusterState) => boolean,
    {
      timeoutMs = defaultTimeoutMs,
      what = 'the condition',
    }: { timeoutMs?: number; what?: string } = {},
  ): Promise<ClusterState> {
    return until(
      this.platform,
      this.trace,
      () => {
        const state = this.state()
        return condition(state) ? state : undefined
      },
      { timeoutMs, what: () => `${what}; the cluster is ${JSON.stringify(this.state())}` },
    )
  }

  link(
    from: NodeName,
    to: NodeName,
    operators: LinkOperators,
    options: { readonly optional?: boolean } = {},
  ): FaultHandle {
    return this.faults.link(from, to, operators, options)
  }

  platformOf(node: string): Platform {
    return this.#lines.node(node)
  }

  producer(name: string, config: Partial<ProducerConfig> = {}): ProducerHandle {
    const { world, end } = this.#client(name)
    const producer = startProducer(world, { bootstrapServers: this.bootstrapServers, ...config })
    return producerHandle(this.platform, producer, end)
  }

  consumer(
    name: string,
    config: Partial<ConsumerConfig> & Pick<ConsumerConfig, 'topics'>,
  ): ConsumerHandle {
    const { world, end } = this.#client(name)
    const consumer = startConsumer(world, { bootstrapServers: this.bootstrapServers, ...config })
    return consumerHandle(this.platform, consumer, end)
  }

  admin(name = 'admin'): AdminHandle {
    const { world, end } = this.#client(name)
    const admin = startAdmin(world, { bootstrapServers: this.bootstrapServers })
    return adminHandle(this.platform, admin, end)
  }

  note(text: string): void {
    this.trace.record('note', 'story', text)
  }

  advance(durationMs: number): Promise<void> {
    const { clock } = this.platform
    return this.platform.waiting(new Promise(resolve => void clock.setTimeout(resolve, durationMs)))
  }

  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    // Somebody else's ZooKeeper would keep the sessions.
    if (this.#durable || this.#foreign !== null) {
      // All in one turn, so that none of them sees another go.
      await Promise.allSettled(this.nodes.map(node => node.close(closingTimeoutMs)))
      this.#zookeeper?.close()
    }
    for (const node of this.nodes) node.dispose()
    for (const [path, process] of this.#processes) {
      process.kill()
      this.registry.stopNode(path)
    }
    this.#lines.end()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async startZooKeeper(
    address: Address,
    profile: Profile,
    timeoutMs: number,
  ): Promise<ConnectString> {
    let failure: Error | undefined
    this.#zookeeper = startZooKeeper(this.#world('zookeeper'), {
      ...address,
      durable: this.#durable,
      ...profileOfZooKeeper(profile, address.host),
      bound: bound => {
        this.#zookeeperAddress = bound
        this.trace.record('node', 'zookeeper', 'running', { ...bound })
      },
      failed: error => {
        failure = error
        this.trace.record('node', 'zookeeper', 'failed', { error: String(error) })
      },
    })
    const bound = await until(
      this.platform,
      this.trace,
      () => {
        if (failure !== undefined) throw failure
        return this.#zookeeperAddress
      },
      { timeoutMs, what: () => `ZooKeeper listening on ${address.host}:${address.port}` },
    )
    return { servers: [bound], chroot: '' }
  }

  addBroker(options: {
    id: BrokerId
    config: BrokerConfig
    host: string
    advertisedHost: string
    port: number
    zookeeper: ConnectString
  }): void {
    const node = new BrokerNode(
      {
        platform: this.platform,
        registry: this.registry,
        cluster: this,
        faults: this.faults,
        zookeeper: options.zookeeper,
        expireSession: session => this.#expireSession(session),
      },
      options,
    )
    this.nodes.push(node)
    node.start()
  }

  /** Every running broker's metadata lists every running broker. */
  knowEachOther(): boolean {
    const running = this.nodes.filter(node => node.state === 'running')
    return running.every(node => {
      const known = node.running?.world.metadata.brokers() ?? []
      // In a cluster of our own there is nobody else.
      if (this.#foreign === null && known.length !== running.length) return false
      return running.every(({ id }) => known.some(broker => broker.id === id))
    })
  }

  /** The controller, where it is no broker of ours. */
  #controllerElsewhere(): BrokerId | undefined {
    if (this.#foreign === null) return undefined
    for (const { state, running } of this.nodes) {
      const id = state === 'running' ? running?.world.metadata.controllerId : null
      if (id !== null && id !== undefined && !this.nodes.some(node => node.id === id)) return id
    }
    return undefined
  }

  #expireSession(session: { id: SessionId; password: Uint8Array; timeoutMs: number }): void {
    if (this.#foreign === null) {
      this.#zookeeper?.expireSession(session.id)
      return
    }
    const { world, end } = this.#client(`expire-session-${++this.#sessionsEnded}`)
    endSession(world, {
      servers: this.#foreign.servers,
      session,
      sessionTimeoutMs: session.timeoutMs,
      done: isOver => {
        if (!isOver) this.trace.record('note', world.name, 'session lives on', { id: session.id })
        // On a later turn: the client is still on the stack.
        this.platform.clock.setTimeout(end, 0)
      },
    })
  }

  /** Makes topics as any client would, and waits until all their leaders serve. */
  async createTopics(topics: readonly TopicSpec[], timeoutMs: number): Promise<void> {
    if (topics.length === 0) return
    const admin = this.admin('start')
    const created = await admin.createTopics(
      topics.map(({ name, partitions, replicationFactor, configs }) => ({
        name,
        ...(partitions === undefined ? {} : { numPartitions: partitions }),
        ...(replicationFactor === undefined ? {} : { replicationFactor }),
        ...(configs === undefined ? {} : { configs }),
      })),
      { timeoutMs },
    )
    admin.close()
    for (const { name, error, numPartitions } of created) {
      // Of an earlier life of the cluster.
      const lived = this.#durable || this.#foreign !== null
      const isThere = lived && error?.code === errors.TOPIC_ALREADY_EXISTS
      if (error !== null && !isThere) throw new RangeError(`topic ${name}: ${error.message}`)
      for (let partition = 0; partition < numPartitions; partition++) {
        const handle = this.partition(name, partition)
        // A leader elsewhere serves, for all we know.
        const isElsewhere = (id: BrokerId): boolean =>
          id >= 0 && !this.nodes.some(node => node.id === id)
        await handle.until(({ leader }) => handle.leader !== undefined || isElsewhere(leader), {
          timeoutMs,
        })
      }
    }
  }

  #client(name: string): { world: World; end: () => void } {
    const path = `client/${name}`
    if (this.#processes.has(path)) throw new RangeError(`there is a client ${name} already`)
    const world = this.#world(path)
    const end = (): void => {
      this.#processes.get(path)?.kill()
      this.#processes.delete(path)
      this.registry.stopNode(path)
    }
    return { world, end }
  }

  /** A part of the cluster whose failure ends that part alone. */
  #world(path: string): World {
    const failed = (failedPath: string, error: unknown): void => {
      this.trace.record('note', failedPath, 'failed', { error: String(error) })
      process.kill()
      // On a later turn: what failed may still be on the stack.
      this.platform.clock.setTimeout(() => this.registry.stopNode(path), 0)
    }
    const own = this.#lines.node(path)
    const process: Process = new Process(own, error => failed(path, error))
    this.#processes.set(path, process)
    return createWorld({
      name: path,
      platform: process.platform,
      registry: this.registry,
      failed,
    })
  }
}
