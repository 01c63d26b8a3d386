import { isObservable, Observable, of } from 'rxjs'
import { servedApis } from '../../../actors/broker/api/index.ts'
import type { BrokerChange, BrokerWorld, Partition } from '../../../actors/broker/broker-world.ts'
import { served } from '../../../actors/broker/dispatch.ts'
import type { Call } from '../../../actors/broker/handler.ts'
import { BrokerListener } from '../../../actors/broker/listener.ts'
import { startPartitions } from '../../../actors/broker/partitions.ts'
import { createPeers } from '../../../actors/broker/peers.ts'
import { Purgatory } from '../../../actors/broker/purgatory.ts'
import { Channel } from '../../../actors/channel.ts'
import { Process } from '../../../actors/process.ts'
import { Registry } from '../../../actors/registry.ts'
import { Trace } from '../../../actors/trace.ts'
import { createWorld } from '../../../actors/world.ts'
import {
  type BrokerConfig,
  brokerConfig,
  topicConfig,
  topicDefaults,
} from '../../../src/broker/config.ts'
import { MetadataCache } from '../../../src/broker/metadata-cache.ts'
import { errors } from '../../../src/error.ts'
import { memoryPlatform } from '../../../src/platform/memory.ts'
import type { SteppingClock } from '../../../src/platform/stepping-clock.ts'
import {
  AlterPartition,
  type Api,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  type RequestDraftOf,
  type RequestOf,
  type ResponseOf,
} from '../../../src/protocol/index.ts'
import { encodeBatch, type NewBatch } from '../../../src/records/record.ts'

export const ordersId = 'b3JkZXJzb3JkZXJzb3JkZQ'

const portOf = (brokerId: number): number => 9091 + brokerId

/** What the controller has in ZooKeeper for orders-0. */
export interface StateZNode {
  leader: number
  leaderEpoch: number
  isr: number[]
  partitionEpoch: number
}

/** A broker without ZooKeeper, groups and controller: its replicas, its port, its connections to the others. */
export class ReplicaBroker {
  readonly id: number
  readonly world: BrokerWorld
  readonly process: Process
  readonly changes: BrokerChange[] = []
  readonly #peers: ReturnType<typeof createPeers>

  constructor(cluster: ReplicaCluster, id: number) {
    this.id = id
    this.process = new Process(cluster.platform)
    const base = createWorld({
      name: `broker-${id}`,
      platform: this.process.platform,
      registry: cluster.registry,
      failed: (path, error) => cluster.failures.push(`${path}: ${error}`),
    })
    const overrides = () => cluster.topicOverrides
    const partial = {
      ...base,
      brokerId: id,
      brokerEpoch: cluster.nextBrokerEpoch++,
      clusterId: 'the-cluster',
      config: cluster.config,
      zookeeper: { state: 'suspended' },
      metadata: new MetadataCache(),
      changes: new Channel<BrokerChange>(),
      purgatory: new Purgatory(base.platform.clock),
      topicConfigs: {
        get: () => topicConfig(overrides(), topicDefaults(cluster.config)),
        overrides,
        refresh: () => of(undefined),
      },
    }
    this.world = partial as never
    this.#peers = createPeers(this.world)
    Object.assign(partial, { peers: this.#peers })
    this.world.changes.subscribe(change => this.changes.push(change))
    Object.assign(partial, { partitions: startPartitions(this.world) })
    const table = new Map(servedApis)
    table.set(
      AlterPartition.key,
      served(AlterPartition, (_broker, request) => cluster.alterPartition(request)),
    )
    const listener = new BrokerListener(this.world, table, 'PLAINTEXT')
    listener.bind(
      { host: '127.0.0.1', port: portOf(id) },
      { bound: () => listener.serve(), failed: error => cluster.failures.push(error) },
    )
  }

  get orders(): Partition {
    const partition = this.world.partitions.get('orders', 0)
    if (partition === undefined) throw new Error(`broker ${this.id} has no orders-0`)
    return partition
  }

  /** Where its fetcher for another broker is. */
  fetcher(source: number): unknown {
    const root = this.world.registry.roots.get(`broker-${this.id}/fetcher/${source}`)
    return root?.getSnapshot().value
  }
}

/** Brokers 1 to n on one stepping clock, joined by links in memory. The test is the controller; broker 1 answers AlterPartition in its name. */
export class ReplicaCluster {
  readonly platform = memoryPlatform({ clock: 'stepping' })
  readonly trace = new Trace(this.platform.clock)
  readonly registry = new Registry(this.trace)
  readonly config: BrokerConfig
  readonly brokers = new Map<number, ReplicaBroker>()
  readonly failures: string[] = []
  /** Brokers that stood still for so long that their sessions are gone. */
  readonly silent = new Set<number>()
  topicOverrides: Record<string, string> = {}
  nextBrokerEpoch = 100
  /** How AlterPartition is answered; null: not at all. */
  verdict: 'accept' | 'ignore' | number = 'accept'
  proposals: (readonly number[])[] = []
  state: StateZNode
  readonly replicas: readonly number[]
  readonly topic: string

  /** @param topic the one topic, with one partition. */
  constructor(
    ids: readonly number[] = [1, 2, 3],
    overrides: Readonly<Record<string, string | number | boolean>> = {},
    topic = 'orders',
  ) {
    this.topic = topic
    this.replicas = ids
    this.state = { leader: 1, leaderEpoch: 0, isr: [...ids], partitionEpoch: 0 }
    this.config = brokerConfig(overrides, 'fast', ids.length)
    for (const id of ids) this.start(id)
    this.tellAll()
  }

  get clock(): SteppingClock {
    return this.platform.stepping as SteppingClock
  }

  broker(id: number): ReplicaBroker {
    const broker = this.brokers.get(id)
    if (broker === undefined) throw new Error(`broker ${id} does not run`)
    return broker
  }

  start(id: number): ReplicaBroker {
    const broker = new ReplicaBroker(this, id)
    this.brokers.set(id, broker)
    return broker
  }

  /** As `kill -9`: what is on its disk stays. */
  kill(id: number): void {
    this.broker(id).process.kill()
    this.brokers.delete(id)
    this.registry.stopNode(`broker-${id}`)
  }

  advance(durationMs: number): Promise<void> {
    return this.clock.advance(durationMs)
  }

  /** Lets time pass until something is so. */
  async until(condition: () => boolean, what: string): Promise<void> {
    for (let i = 0; i < 2000; i++) {
      if (this.failures.length > 0) throw new Error(this.failures.join('\n'))
      if (condition()) return
      await this.advance(5)
    }
    throw new Error(`not within 10 s: ${what}; ${this.describe()}`)
  }

  describe(): string {
    const of = [...this.brokers.values()].map(({ id, world }) => {
      const partition = world.partitions.get(this.topic, 0)
      return partition === undefined
        ? `${id}: none`
        : `${id}: ${partition.state} isr ${partition.isr} end ${partition.log.logEndOffset} hw ${partition.highWatermark}`
    })
    return of.join('; ')
  }

  /** UpdateMetadata: who lives, who leads. */
  tellAll(alive: readonly number[] = this.alive): void {
    const { leader, leaderEpoch, isr, partitionEpoch } = this.state
    for (const { world } of this.brokers.values()) {
      world.metadata.update({
        controllerId: alive[0] ?? -1,
        isKRaftController: false,
        type: 0,
        controllerEpoch: 1,
        brokerEpoch: -1,
        ungroupedPartitionStates: [],
        topicStates: [
          {
            topicName: this.topic,
            topicId: ordersId,
            partitionStates: [
              {
                topicName: '',
                partitionIndex: 0,
                controllerEpoch: 1,
                leader,
                leaderEpoch,
                isr,
                zkVersion: partitionEpoch,
                replicas: this.replicas,
                offlineReplicas: [],
              },
            ],
          },
        ],
        liveBrokers: alive.map(id => ({
          id,
          v0Host: '',
          v0Port: 0,
          endpoints: [
            { host: '127.0.0.1', port: portOf(id), listener: 'PLAINTEXT', securityProtocol: 0 },
          ],
          rack: null,
        })),
      })
      world.changes.next({ kind: 'metadata' })
    }
  }

  /** A new reign: written to ZooKeeper, then told to these brokers. */
  elect(change: Partial<StateZNode>, told: readonly number[] = this.alive): void {
    const { leaderEpoch, partitionEpoch } = this.state
    this.state = {
      ...this.state,
      leaderEpoch: leaderEpoch + 1,
      partitionEpoch: partitionEpoch + 1,
      ...change,
    }
    this.tellAll()
    for (const id of told) this.order(id)
  }

  /** LeaderAndIsr to one broker, as the state is. */
  order(id: number) {
    const { leader, leaderEpoch, isr, partitionEpoch } = this.state
    return this.broker(id).world.partitions.leaderAndIsr({
      controllerId: 1,
      isKRaftController: false,
      controllerEpoch: 1,
      brokerEpoch: -1,
      type: 0,
      ungroupedPartitionStates: [],
      topicStates: [
        {
          topicName: this.topic,
          topicId: ordersId,
          partitionStates: [
            {
              topicName: '',
              partitionIndex: 0,
              controllerEpoch: 1,
              leader,
              leaderEpoch,
              isr,
              partitionEpoch,
              replicas: this.replicas,
              addingReplicas: [],
              removingReplicas: [],
              isNew: false,
              leaderRecoveryState: 0,
            },
          ],
        },
      ],
      liveLeaders: [],
    })
  }

  alterPartition(
    request: RequestOf<typeof AlterPartition>,
  ): Observable<ResponseOf<typeof AlterPartition>> | ResponseOf<typeof AlterPartition> {
    const asked = request.topics[0]?.partitions[0]
    if (asked === undefined) throw new Error('an AlterPartition about nothing')
    const isr = asked.newIsrWithEpochs.map(({ brokerId }) => brokerId)
    this.proposals.push(isr)
    if (this.verdict === 'ignore') return new Observable(() => {})
    let errorCode = this.verdict === 'accept' ? errors.NONE : this.verdict
    if (errorCode === errors.NONE) errorCode = this.#refusalOf(asked, isr)
    if (errorCode === errors.NONE && !isSame(isr, this.state.isr)) {
      this.state.isr = isr
      this.state.partitionEpoch++
    }
    const { leader: leaderId, leaderEpoch, partitionEpoch } = this.state
    const partition = { partitionIndex: 0, errorCode, leaderId, leaderEpoch, partitionEpoch }
    return {
      throttleTimeMs: 0,
      errorCode: errors.NONE,
      topics: [
        {
          topicName: '',
          topicId: ordersId,
          partitions: [{ ...partition, isr: this.state.isr, leaderRecoveryState: 0 }],
        },
      ],
    }
  }

  /** The checks of the controller, in its order. */
  #refusalOf(
    asked: { readonly leaderEpoch: number; readonly partitionEpoch: number },
    isr: readonly number[],
  ): number {
    const { leaderEpoch, partitionEpoch } = this.state
    if (asked.leaderEpoch !== leaderEpoch) return errors.FENCED_LEADER_EPOCH
    if (isSame(isr, this.state.isr)) return errors.NONE
    if (asked.partitionEpoch !== partitionEpoch) return errors.INVALID_UPDATE_VERSION
    return isr.every(id => this.lives(id)) ? errors.NONE : errors.INELIGIBLE_REPLICA
  }

  /** Whether the controller believes that a broker lives. */
  lives(id: number): boolean {
    return this.brokers.has(id) && !this.silent.has(id)
  }

  get alive(): number[] {
    return this.replicas.filter(id => this.lives(id))
  }

  /**
   * What a client of a broker would get: the answer as it comes, undefined before, null for none. Request and answer take the wire's
   * form of that version.
   */
  ask<A extends Api>(
    id: number,
    api: A,
    version: number,
    request: RequestDraftOf<A>,
    connectionId = 1,
  ): { answer: ResponseOf<A> | null | undefined; error: unknown } {
    const call: Call = {
      version,
      clientId: 'test',
      clientHost: '/127.0.0.1',
      connectionId,
      listener: 'PLAINTEXT',
    }
    const frame = joined(
      encodeRequest(api, version, { correlationId: 1, clientId: 'test' }, request),
    )
    const { body } = decodeRequest(frame)
    const held: { answer: ResponseOf<A> | null | undefined; error: unknown } = {
      answer: undefined,
      error: undefined,
    }
    const take = (answer: unknown): void => {
      held.answer =
        answer === null
          ? null
          : decodeResponse(
              api,
              version,
              joined(encodeResponse<A>(api, version, 1, answer as never)),
            ).body
    }
    const row = servedApis.get(api.key)
    const outcome = row?.handler(this.broker(id).world, body as never, call)
    if (isObservable(outcome))
      outcome.subscribe({
        next: take,
        error: error => {
          held.error = error
        },
      })
    else take(outcome)
    return held
  }

  stop(): void {
    for (const id of [...this.brokers.keys()]) this.kill(id)
  }
}

/** A frame as its receiver has it: in one piece, without its length. */
function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes.subarray(4)
}

const isSame = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every(id => b.includes(id))

const utf8 = new TextEncoder()

/** A batch of records with these values. */
export const batchOf = (
  values: readonly string[],
  of: Omit<NewBatch, 'records'> = {},
): Uint8Array =>
  encodeBatch({
    timestampMs: Date.UTC(2026, 0, 1),
    ...of,
    records: values.map(value => ({ value: utf8.encode(value) })),
  })
