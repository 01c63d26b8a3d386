import { isObservable, Observable, of } from 'rxjs'
import type {
  BrokerChange,
  BrokerWorld,
  Partition,
  ProduceResult,
} from '../../../actors/broker/broker-world.ts'
import {
  type GroupCoordinator,
  startGroupCoordinator,
} from '../../../actors/broker/group-coordinator.ts'
import type { Call, Handler } from '../../../actors/broker/handler.ts'
import { Channel } from '../../../actors/channel.ts'
import { Registry } from '../../../actors/registry.ts'
import { Trace } from '../../../actors/trace.ts'
import { createWorld } from '../../../actors/world.ts'
import { brokerConfig } from '../../../src/broker/config.ts'
import { errors } from '../../../src/error.ts'
import { groupMetadataTopic } from '../../../src/group/group-id.ts'
import { Log } from '../../../src/log/log.ts'
import { defaultLogOptions } from '../../../src/log/log-options.ts'
import { memoryPlatform } from '../../../src/platform/memory.ts'
import { seededRandom } from '../../../src/platform/random.ts'
import type { Clock } from '../../../src/ports.ts'
import {
  type Api,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  type RequestDraftOf,
  type RequestOf,
  type ResponseOf,
} from '../../../src/protocol/index.ts'
import { Timeline } from '../../../src/timeline.ts'

/** Topics that there are, with their numbers of partitions. */
const topics: Readonly<Record<string, number>> = { orders: 6, payments: 2 }

/** What an append to `__consumer_offsets` comes to: at once, when released, or an error. */
type Outcome = 'commit' | 'hold' | number

/** Partitions of `__consumer_offsets`, as the brokers of a cluster share them by replication: they outlive a coordinator. */
export class Replicas {
  readonly logs: readonly Log[]

  constructor(count: number) {
    const platform = memoryPlatform({ clock: 'stepping' })
    this.logs = Array.from({ length: count }, (_, partition) =>
      Log.open(platform.disk('x'), `${groupMetadataTopic}-${partition}`, defaultLogOptions, 0),
    )
  }
}

/** A coordinator on a clock that moves by hand, over logs that are real and partitions that are not. */
export class CoordinatorBench {
  readonly timeline: Timeline
  readonly groups: GroupCoordinator
  readonly broker: BrokerWorld
  readonly trace: Trace
  readonly registry: Registry
  readonly failures: unknown[] = []
  outcome: Outcome = 'commit'
  /** Appends that wait for {@link release}. */
  readonly held: ((errorCode?: number) => void)[] = []
  readonly replicas: Replicas
  #leaderEpoch = 0

  constructor(
    options: {
      overrides?: Readonly<Record<string, string | number | boolean>>
      replicas?: Replicas
      brokerId?: number
      timeline?: Timeline
    } = {},
  ) {
    const brokerId = options.brokerId ?? 1
    this.timeline = options.timeline ?? new Timeline(1_000_000)
    this.replicas = options.replicas ?? new Replicas(4)
    const { timeline } = this
    const clock: Clock = {
      now: () => timeline.nowMs,
      setTimeout: (callback, delayMs) => timeline.add(callback, timeline.nowMs + delayMs),
      clearTimeout: timer => timeline.cancel(timer),
    }
    const platform = {
      ...memoryPlatform({ clock: 'stepping' }),
      clock,
      random: seededRandom(7 + brokerId),
    }
    this.trace = new Trace(clock)
    this.registry = new Registry(this.trace)
    const world = createWorld({
      name: `broker-${brokerId}`,
      platform,
      registry: this.registry,
      failed: (_path, error) => this.failures.push(error),
    })
    const partitionOf = (topic: string, partition: number) =>
      (topics[topic] ?? 0) > partition ? { partition } : undefined
    const broker = {
      ...world,
      brokerId,
      config: brokerConfig(
        { 'group.initial.rebalance.delay.ms': 0, ...options.overrides },
        'kafka',
        3,
      ),
      changes: new Channel<BrokerChange>(),
      metadata: {
        topic: (topic: string) =>
          topic === groupMetadataTopic
            ? { partitions: new Map(this.replicas.logs.map((_, i) => [i, {}])) }
            : undefined,
        partition: partitionOf,
      },
      partitions: {
        get: (topic: string, partition: number) =>
          topic === groupMetadataTopic ? this.#partition(partition) : undefined,
      },
    }
    // reason: the coordinator asks a broker for these parts only; the rest is not built here.
    this.broker = broker as unknown as BrokerWorld
    this.groups = startGroupCoordinator(this.broker)
    Object.assign(broker, { groups: this.groups })
  }

  /** This broker leads these partitions (all by default), and has read them unless told otherwise. */
  lead(partitions = [...this.replicas.logs.keys()], leaderEpoch = ++this.#leaderEpoch): this {
    for (const partition of partitions) this.role(partition, 'leader', leaderEpoch)
    return this
  }

  role(
    partition: number,
    role: 'leader' | 'follower' | 'offline' | 'deleted',
    leaderEpoch: number,
  ) {
    this.broker.changes.next({
      kind: 'role',
      topic: groupMetadataTopic,
      partition,
      role,
      leaderEpoch,
    })
  }

  /** Lets time pass, timer by timer. */
  elapse(durationMs: number): this {
    const untilMs = this.timeline.nowMs + durationMs
    let arrived = false
    this.timeline.add(() => {
      arrived = true
    }, untilMs)
    while (!arrived) this.timeline.runNext()
    return this
  }

  /** What was held is in the log of all replicas now, or is not. */
  release(errorCode?: number): void {
    for (const settle of this.held.splice(0)) settle(errorCode)
  }

  /** Asks as a client of that version would, over the wire's form; the answers come in as they are given. */
  ask<A extends Api>(
    api: A,
    handler: Handler<A>,
    version: number,
    request: RequestDraftOf<A>,
    clientId: string | null = 'client',
  ): Asked<A> {
    const call: Call = {
      version,
      clientId,
      clientHost: '/127.0.0.1',
      connectionId: 1,
      listener: 'PLAINTEXT',
    }
    const frame = encodeRequest(api, version, { correlationId: 1, clientId }, request)
    const bytes = frame.flatMap(chunk => [...chunk])
    const { body } = decodeRequest(new Uint8Array(bytes.slice(4)))
    const answer = handler(this.broker, body as RequestOf<A>, call)
    return new Asked(api, version, isObservable(answer) ? answer : of(answer))
  }

  #partition(partition: number): Partition {
    const log = this.replicas.logs[partition] as Log
    const produce = (records: Uint8Array): Observable<ProduceResult> => {
      const answer = (errorCode: number, baseOffset: number): ProduceResult => ({
        errorCode,
        errorMessage: null,
        baseOffset,
        logAppendTimeMs: -1,
        logStartOffset: 0,
      })
      if (typeof this.outcome === 'number') return of(answer(this.outcome, -1))
      const appended = log.appendAsLeader(records, {
        leaderEpoch: 0,
        nowMs: this.timeline.nowMs,
        origin: 'coordinator',
      })
      if (!appended.ok) return of(answer(appended.errorCode, -1))
      if (this.outcome === 'commit') return of(answer(errors.NONE, appended.baseOffset))
      return new Observable(subscriber => {
        this.held.push((errorCode = errors.NONE) => {
          subscriber.next(answer(errorCode, appended.baseOffset))
          subscriber.complete()
        })
      })
    }
    // reason: the coordinator uses a partition's log and produces to it, nothing else.
    return { log, produce } as unknown as Partition
  }
}

/** A question and its answer, once there is one. */
export class Asked<A extends Api> {
  readonly #answers: ResponseOf<A>[] = []
  readonly #subscription

  constructor(api: A, version: number, answer: Observable<unknown>) {
    this.#subscription = answer.subscribe(value => {
      const frame = encodeResponse(api, version, 1, value as never)
      const bytes = frame.flatMap(chunk => [...chunk])
      this.#answers.push(decodeResponse(api, version, new Uint8Array(bytes.slice(4))).body)
    })
  }

  get isAnswered(): boolean {
    return this.#answers.length > 0
  }

  get answer(): ResponseOf<A> {
    if (this.#answers.length !== 1) throw new Error(`${this.#answers.length} answers`)
    return this.#answers[0] as ResponseOf<A>
  }

  /** The connection is gone. */
  giveUp(): void {
    this.#subscription.unsubscribe()
  }
}
