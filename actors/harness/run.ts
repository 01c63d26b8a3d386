import { isBeingReassigned } from '../../src/controller/reassignment.ts'
import type { Anomaly } from '../../src/history/anomalies.ts'
import { printPartition } from '../../src/ids.ts'
import { seededRandom } from '../../src/platform/random.ts'
import { type SimulatedPlatform, simulatedPlatform } from '../../src/platform/simulated.ts'
import { isMalformed, TopicZNode } from '../../src/zookeeper/paths.ts'
import type { BrokerNode } from '../broker-node.ts'
import { type Cluster, startCluster } from '../cluster.ts'
import type { TraceEntry } from '../trace.ts'
import { type FaultName, faultNames, Nemesis, type PlannedFault, planFaults } from './nemesis.ts'
import { specs } from './specs/all.ts'
import type { Violation, Watcher } from './specs/spec.ts'
import { TopicChurn } from './topic-churn.ts'
import { producerNames, Workload } from './workload.ts'

export interface SimulationOptions {
  readonly seed: number
  /** How long faults happen, ms of simulated time. Default 60,000. */
  readonly chaosMs?: number
  /** Kinds of faults that may happen. Default: all. */
  readonly faults?: readonly FaultName[]
  /** Of the planned faults only these numbers happen: for shrinking. */
  readonly keep?: readonly number[]
  /** What the run does without: topics that come and go, clients by name. For shrinking. */
  readonly without?: readonly Dispensable[]
  /** Hears every line of the trace, from the start of the chaos. */
  readonly told?: (entry: TraceEntry) => void
}

/** What a run can do without. */
export const dispensables = ['churn', 'group', 'reader', ...producerNames] as const

export type Dispensable = (typeof dispensables)[number]

export interface SimulationReport {
  readonly seed: number
  readonly violations: readonly Violation[]
  readonly anomalies: readonly Anomaly[]
  readonly simulatedMs: number
  readonly operations: number
  readonly plan: readonly PlannedFault[]
  /** How often each fault bit. */
  readonly faults: ReadonlyMap<string, number>
  /** How often each property was put to the test, and other things that are good to have happened. */
  readonly sometimes: ReadonlyMap<string, number>
  /** Of every line of the trace: same seed, same hash. */
  readonly traceHash: string
  readonly traceLines: number
  /** The last lines before the first violation, or before the end. */
  readonly lastLines: readonly TraceEntry[]
}

/** After the faults everything must be well within this time, ms: longer than any request or connection may hang. */
const recoveryMsMax = 90_000
/** Between two looks of the specifications at everything, ms. */
const lookMs = 500
const stepMs = 50

/** Why a broker may end itself: ZooKeeper out of reach, or another of its id still registered. */
const refusals = [/zookeeper\.connection\.timeout\.ms/, /already registered/, /NODEEXISTS/]

/** Runs one seed: chaos, healing, and the time in which all must be well again. */
export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  const random = seededRandom(options.seed ^ 0x73616d73)
  const partitions = 1 + Math.floor(random.next() * 3)
  const minInSync = random.next() < 0.5 ? 1 : 2
  // Machines that lose their power lose what was not flushed: then everything is, before it is acknowledged.
  const isTorn = random.next() < 0.35
  const platform = simulatedPlatform({ seed: options.seed, disks: isTorn ? 'torn' : 'whole' })
  const cluster = await startCluster({
    platform,
    topics: [{ name: 'orders', partitions, replicationFactor: 3 }],
    overrides: {
      'min.insync.replicas': minInSync,
      ...(isTorn ? { 'log.flush.interval.messages': 1 } : {}),
      // Segments roll, so that indexes and snapshots of the past are in play.
      'log.segment.bytes': random.next() < 0.5 ? 8 * 1024 * 1024 : 16 * 1024,
      'offsets.topic.segment.bytes': random.next() < 0.5 ? 4 * 1024 * 1024 : 8 * 1024,
      'unclean.leader.election.enable': false,
      'leader.imbalance.check.interval.seconds': 10,
      'replica.socket.timeout.ms': 5000,
      'controller.socket.timeout.ms': 5000,
    },
    traceMax: 100_000,
  })
  const simulation = new Simulation(options, platform, cluster, partitions)
  try {
    return simulation.run()
  } finally {
    await cluster.stop()
  }
}

class Simulation {
  readonly #options: SimulationOptions
  readonly #platform: SimulatedPlatform
  readonly #cluster: Cluster
  readonly #workload: Workload
  readonly #churn: TopicChurn | undefined
  readonly #nemesis: Nemesis
  readonly #watchers: (Watcher & { readonly name: string })[]
  readonly #violations: Violation[] = []
  readonly #sometimes = new Map<string, number>()
  readonly #plan: readonly PlannedFault[]
  readonly #chaosMs: number
  readonly #startedAtMs: number
  #hash = 0x811c9dc5
  #hash2 = 0x9e3779b9
  #lines = 0
  #lookedAtMs = 0
  #lastSeq = 0
  #lastLines: readonly TraceEntry[] | undefined

  constructor(
    options: SimulationOptions,
    platform: SimulatedPlatform,
    cluster: Cluster,
    partitions: number,
  ) {
    this.#options = options
    this.#platform = platform
    this.#cluster = cluster
    this.#startedAtMs = platform.clock.now()
    this.#chaosMs = options.chaosMs ?? 60_000
    const random = seededRandom(options.seed ^ 0x776f726b)
    this.#workload = new Workload({
      cluster,
      random,
      topic: 'orders',
      partitions,
      pauseMs: 100 + random.next() * 700,
      without: options.without ?? [],
      sometimes: what => this.#count(what),
    })
    this.#churn =
      random.next() < 0.5 && !options.without?.includes('churn')
        ? new TopicChurn({ cluster, platform, random, sometimes: what => this.#count(what) })
        : undefined
    this.#nemesis = new Nemesis({
      cluster,
      platform,
      workload: this.#workload,
      sometimes: what => this.#count(what),
    })
    const { keep } = options
    const plan = planFaults({
      seed: options.seed,
      names: options.faults ?? faultNames,
      atMs: this.#chaosMs,
    })
    this.#plan = keep === undefined ? plan : plan.filter(({ number }) => keep.includes(number))
    const nodes = cluster.brokers as readonly BrokerNode[]
    this.#watchers = specs.map(({ name, watch }) => ({
      name,
      ...watch({
        cluster,
        nodes,
        sometimes: what => this.#count(`${name}: ${what}`),
        violated: text => this.#violate(name, text),
      }),
    }))
  }

  run(): SimulationReport {
    const cluster = this.#cluster
    for (const entry of cluster.trace.kept) this.#see(entry)
    cluster.trace.entries.subscribe(entry => {
      this.#see(entry)
      this.#options.told?.(entry)
    })
    this.#workload.start()
    this.#churn?.start()
    this.#nemesis.schedule(this.#plan)
    this.#pass(this.#chaosMs)
    if (this.#violations.length === 0) this.#recover()
    const check = this.#violations.length === 0 ? this.#workload.check() : undefined
    return {
      seed: this.#options.seed,
      violations: this.#violations,
      anomalies: check?.anomalies ?? [],
      simulatedMs: this.#platform.clock.now() - this.#startedAtMs,
      operations: this.#workload.history.length,
      plan: this.#plan,
      faults: this.#nemesis.counts,
      sometimes: this.#sometimes,
      traceHash: `${(this.#hash >>> 0).toString(16)}${(this.#hash2 >>> 0).toString(16)}`,
      traceLines: this.#lines,
      lastLines: this.#lastLines ?? cluster.trace.kept,
    }
  }

  /** Faults are over: all must be well in a bounded time, and stay so under a last round of records. */
  #recover(): void {
    this.#nemesis.heal()
    this.#workload.stopSending()
    this.#churn?.stop()
    if (!this.#reach('after the faults')) return
    this.#workload.sendEverywhere()
    this.#reach('after a last round of records')
  }

  #reach(when: string): boolean {
    const deadlineMs = this.#platform.clock.now() + recoveryMsMax
    let missing: readonly string[] = []
    while (this.#platform.clock.now() < deadlineMs) {
      this.#pass(500)
      if (this.#violations.length > 0) return false
      this.#nemesis.tend()
      missing = this.#missing()
      if (missing.length === 0) {
        this.#count('liveness: all well again')
        this.#look()
        return true
      }
    }
    this.#violate(
      'liveness',
      `${when}, not within ${recoveryMsMax} ms:\n    ${missing.join('\n    ')}`,
    )
    return false
  }

  /** What is not well, in words. */
  #missing(): string[] {
    const state = this.#cluster.state()
    const missing: string[] = []
    if (state.controller === null) missing.push('there is no controller')
    for (const broker of state.brokers)
      if (broker.state !== 'running')
        missing.push(
          `broker ${broker.id} is ${broker.state} (${broker.chart}) ${broker.error ?? ''}`,
        )
    for (const partition of state.partitions) {
      const { leader, isr, replicas, replicaStates } = partition
      const ends = new Set(replicaStates.map(one => one.logEndOffset))
      const marks = new Set(replicaStates.map(one => one.highWatermark))
      if (leader < 0 || isr.length < replicas.length || ends.size > 1 || marks.size > 1)
        missing.push(
          `${printPartition(partition)}: leader ${leader} in epoch ${partition.leaderEpoch}, ISR ${isr} of ${replicas}, ` +
            replicaStates
              .map(one => `${one.broker} ${one.state} ${one.highWatermark}/${one.logEndOffset}`)
              .join(', '),
        )
    }
    for (const topic of new Set(state.partitions.map(it => it.topic))) {
      const znode = TopicZNode.decode(this.#cluster.znode(TopicZNode.path(topic)) ?? null)
      if (isMalformed(znode)) continue
      const moving = Object.values(znode.partitions).filter(isBeingReassigned)
      if (moving.length > 0) missing.push(`${topic} is being reassigned: ${JSON.stringify(moving)}`)
    }
    const remaining = this.#churn?.remaining() ?? []
    if (remaining.length > 0) missing.push(`topics that should be gone: ${remaining.join(', ')}`)
    const members = this.#workload.members('billing').length
    const groups = state.groups.filter(
      ({ groupId, members: list }) => groupId === 'billing' && list.length > 0,
    )
    const group = groups[0]
    if (members > 0 && (group?.state !== 'stable' || group.members.length !== members))
      missing.push(`group billing with ${members} members: ${JSON.stringify(groups)}`)
    const lag = this.#workload.lag(at =>
      this.#cluster.partition(at.topic, at.partition).leader === undefined
        ? Number.POSITIVE_INFINITY
        : Math.max(
            ...(this.#cluster
              .partition(at.topic, at.partition)
              .state?.replicaStates.map(one => one.highWatermark ?? 0) ?? [0]),
          ),
    )
    if (lag > 0 || this.#workload.unanswered.size > 0)
      missing.push(`readers lack ${lag} records; ${this.#workload.describe()}`)
    return missing
  }

  #pass(durationMs: number): void {
    const endMs = this.#platform.clock.now() + durationMs
    while (this.#platform.clock.now() < endMs && this.#violations.length === 0) {
      this.#platform.pass(Math.min(stepMs, endMs - this.#platform.clock.now()))
      const [failure] = [...this.#workload.failures, ...(this.#churn?.failures ?? [])]
      if (failure !== undefined) this.#violate('clients', failure)
      const failed = this.#cluster.brokers.find(({ state }) => state === 'failed') as
        | BrokerNode
        | undefined
      if (failed !== undefined) this.#judgeEnd(failed)
      if (this.#platform.clock.now() - this.#lookedAtMs >= lookMs) this.#look()
    }
  }

  /** A broker may refuse to start, as Kafka's does; its supervisor tries again. It may not break. */
  #judgeEnd(node: BrokerNode): void {
    const error = String(node.describe().error)
    const refusal = refusals.find(pattern => pattern.test(error))
    if (refusal === undefined) this.#violate('no broker fails', `broker ${node.id}: ${error}`)
    else {
      this.#count(`start refused: ${refusal.source}`)
      this.#nemesis.reviveLater(node)
    }
  }

  #look(): void {
    this.#lookedAtMs = this.#platform.clock.now()
    for (const watcher of this.#watchers) watcher.looked?.()
  }

  #see(entry: TraceEntry): void {
    this.#lastSeq = entry.seq
    this.#lines++
    this.#mix(`${entry.atMs} ${entry.path} ${entry.kind} ${entry.type} ${entry.cause}`)
    if (entry.kind === 'state' && entry.path.includes('/controller/reassignment/'))
      this.#count(`reassignment ${entry.type}`)
    for (const watcher of this.#watchers) watcher.saw?.(entry)
  }

  #mix(text: string): void {
    let hash = this.#hash
    for (let at = 0; at < text.length; at++)
      hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
    this.#hash = hash
    this.#hash2 = Math.imul(this.#hash2 ^ hash, 0x85ebca6b) ^ (this.#hash2 >>> 13)
  }

  #count(what: string): void {
    this.#sometimes.set(what, (this.#sometimes.get(what) ?? 0) + 1)
  }

  #violate(spec: string, text: string): void {
    if (this.#violations.length >= 10) return
    this.#lastLines ??= this.#cluster.trace.kept
    this.#violations.push({
      spec,
      text,
      atMs: this.#platform.clock.now() - this.#startedAtMs,
      seq: this.#lastSeq,
    })
  }
}
