import { map, Observable, type Subscriber, type Subscription } from 'rxjs'
import { type ErrorCode, errors } from '../../src/error.ts'
import { type BrokerId, noBroker, noUuid, type TopicPartition, type Uuid } from '../../src/ids.ts'
import type { Timer } from '../../src/ports.ts'
import { Metadata, type MetadataResponse } from '../../src/protocol/index.ts'
import { Channel } from '../channel.ts'
import type { World } from '../world.ts'
import { backoffMs } from './backoff.ts'
import type { BrokerConnections } from './broker-connections.ts'
import type { ClientConfig, Complete } from './client-config.ts'
import type { KafkaError } from './kafka-error.ts'

export interface KnownPartition extends TopicPartition {
  /** Its topic's. */
  readonly topicId: Uuid
  /** −1: none. */
  readonly leaderId: BrokerId
  /** −1 where the broker is too old to tell. */
  readonly leaderEpoch: number
}

export interface KnownTopic {
  readonly name: string
  /** `noUuid` where the broker is too old to tell. */
  readonly topicId: Uuid
  /** 0, or why it has no partitions here. */
  readonly errorCode: number
  /** By number. */
  readonly partitions: readonly KnownPartition[]
}

/**
 * Errors of a topic that asking again will not cure. Of any other, such as INVALID_REPLICATION_FACTOR from a broker that has
 * just started, knows of no others, and was to make the topic, Kafka's clients ask on (Metadata.checkTopicErrors).
 */
export const isFinalOfTopic = (errorCode: ErrorCode): boolean =>
  errorCode === errors.INVALID_TOPIC_EXCEPTION || errorCode === errors.TOPIC_AUTHORIZATION_FAILED

/** A leader as an answer to Produce or Fetch tells it (KIP-951). */
export interface LearnedLeader extends TopicPartition {
  readonly leaderId: BrokerId
  readonly leaderEpoch: number
}

/**
 * What one client knows of its cluster: brokers, the partitions of the topics it cares for, their leaders. Asked for again
 * when somebody found it wrong, and when it is old; one request at a time, with a backoff between.
 */
export class ClusterMetadata {
  readonly #world: World
  readonly #config: Complete<ClientConfig>
  readonly #connections: BrokerConnections
  readonly #allowAutoTopicCreation: boolean
  readonly #topics = new Map<string, KnownTopic | undefined>()
  readonly #changes = new Channel<void>()
  #controllerId: BrokerId = noBroker
  #asking: Subscription | undefined
  #timer: Timer | undefined
  #dueAtMs = Number.POSITIVE_INFINITY
  #askedAtMs = Number.NEGATIVE_INFINITY
  #fruitless = 0
  /** Numbers of the last request sent; who waits wants the answer to one sent after their call. */
  #request = 0
  #waiting: { readonly after: number; readonly subscriber: Subscriber<void> }[] = []
  #failure: KafkaError | null = null

  constructor(
    world: World,
    config: Complete<ClientConfig>,
    connections: BrokerConnections,
    options: { readonly allowAutoTopicCreation: boolean },
  ) {
    this.#world = world
    this.#config = config
    this.#connections = connections
    this.#allowAutoTopicCreation = options.allowAutoTopicCreation
  }

  /** After each answer, and after a leader was learned otherwise. */
  get changes(): Observable<void> {
    return this.#changes.asObservable()
  }

  get controllerId(): BrokerId {
    return this.#controllerId
  }

  /** Why the last request failed; null where it did not. */
  get failure(): KafkaError | null {
    return this.#failure
  }

  /** Undefined while nothing is known of it. */
  topic(name: string): KnownTopic | undefined {
    return this.#topics.get(name)
  }

  partition({ topic, partition }: TopicPartition): KnownPartition | undefined {
    return this.#topics.get(topic)?.partitions.find(known => known.partition === partition)
  }

  /** Topics to know of from now on; those that are new are asked for at once. */
  care(topics: Iterable<string>): void {
    let isNew = false
    for (const topic of topics) {
      if (this.#topics.has(topic)) continue
      this.#topics.set(topic, undefined)
      isNew = true
    }
    if (isNew) this.requestUpdate()
  }

  /** What is known was found wrong, or is too little: asks soon. */
  requestUpdate(): void {
    if (this.#asking !== undefined) {
      this.#dueAtMs = Math.min(this.#dueAtMs, this.#earliestMs())
      return
    }
    this.#schedule(this.#earliestMs())
  }

  /** Emits once, after an answer to a request that was sent after this call. Fails never: retries until unsubscribed. */
  refreshed(): Observable<void> {
    return new Observable(subscriber => {
      const waiting = { after: this.#request, subscriber }
      this.#waiting.push(waiting)
      this.requestUpdate()
      return () => {
        this.#waiting = this.#waiting.filter(other => other !== waiting)
      }
    })
  }

  /** A newer leader than the one known, from an answer; true where it is news. */
  learn({ topic, partition, leaderId, leaderEpoch }: LearnedLeader): boolean {
    const known = this.#topics.get(topic)
    const before = this.partition({ topic, partition })
    if (known === undefined || before === undefined || leaderEpoch <= before.leaderEpoch)
      return false
    const partitions = known.partitions.map(other =>
      other === before ? { ...other, leaderId, leaderEpoch } : other,
    )
    this.#topics.set(topic, { ...known, partitions })
    this.#changes.next()
    return true
  }

  close(): void {
    this.#asking?.unsubscribe()
    this.#world.platform.clock.clearTimeout(this.#timer)
    this.#changes.complete()
    this.#waiting = []
  }

  #earliestMs(): number {
    const { clock, random } = this.#world.platform
    const { retryBackoffMs, retryBackoffMaxMs } = this.#config
    const bounds = { firstMs: retryBackoffMs, maxMs: retryBackoffMaxMs }
    return Math.max(clock.now(), this.#askedAtMs + backoffMs(bounds, this.#fruitless, random))
  }

  #schedule(atMs: number): void {
    const { clock } = this.#world.platform
    if (this.#timer !== undefined && this.#dueAtMs <= atMs) return
    clock.clearTimeout(this.#timer)
    this.#dueAtMs = atMs
    this.#timer = clock.setTimeout(() => this.#ask(), Math.max(0, atMs - clock.now()))
  }

  #ask(): void {
    const { clock } = this.#world.platform
    this.#timer = undefined
    this.#dueAtMs = Number.POSITIVE_INFINITY
    this.#askedAtMs = clock.now()
    this.#request++
    const topics = [...this.#topics.keys()].map(name => ({ name }))
    const allowAutoTopicCreation = this.#allowAutoTopicCreation
    this.#asking = this.#connections
      .request('any', Metadata, version =>
        // Before v4 asking always creates.
        version >= 4 ? { topics, allowAutoTopicCreation } : { topics },
      )
      .pipe(map(response => this.#take(response)))
      .subscribe({
        next: needsMore => this.#answered(null, needsMore),
        error: (error: KafkaError) => this.#answered(error, true),
      })
  }

  #answered(failure: KafkaError | null, needsMore: boolean): void {
    this.#asking = undefined
    this.#failure = failure
    const due = this.#dueAtMs
    this.#dueAtMs = Number.POSITIVE_INFINITY
    this.#fruitless = needsMore ? this.#fruitless + 1 : 0
    if (failure === null) {
      const ready = this.#waiting.filter(({ after }) => after < this.#request)
      this.#waiting = this.#waiting.filter(({ after }) => after >= this.#request)
      this.#changes.next()
      for (const { subscriber } of ready) {
        subscriber.next()
        subscriber.complete()
      }
    }
    const again = needsMore || this.#waiting.length > 0 ? this.#earliestMs() : due
    this.#schedule(Math.min(again, this.#askedAtMs + this.#config.metadataMaxAgeMs))
  }

  /** Takes an answer in; true where it leaves something open that time will cure. */
  #take(response: MetadataResponse): boolean {
    this.#connections.learn(response.brokers)
    if (response.brokers.length > 0)
      this.#connections.retain(response.brokers.map(({ nodeId }) => nodeId))
    this.#controllerId = response.controllerId
    let needsMore = response.brokers.length === 0
    for (const topic of response.topics) {
      const { name, topicId, errorCode } = topic
      if (name === null || !this.#topics.has(name)) continue
      const before = this.#topics.get(name)
      if (errorCode !== errors.NONE) {
        needsMore ||= !isFinalOfTopic(errorCode)
        // A broker that has just started knows no topics yet: what was known holds until it is told otherwise.
        if (before === undefined || before.partitions.length === 0 || isFinalOfTopic(errorCode))
          this.#topics.set(name, { name, topicId, errorCode, partitions: [] })
        continue
      }
      const sameTopic = topicId === noUuid || topicId === before?.topicId
      const partitions = topic.partitions
        .map((told): KnownPartition => {
          const { partitionIndex: partition, leaderId, leaderEpoch } = told
          const known = sameTopic ? before?.partitions[partition] : undefined
          // Metadata travels by many ways; a leader epoch seen once never goes back (KIP-320).
          if (known !== undefined && leaderEpoch >= 0 && leaderEpoch < known.leaderEpoch)
            return known
          return { topic: name, topicId, partition, leaderId, leaderEpoch }
        })
        .sort((a, b) => a.partition - b.partition)
      needsMore ||= partitions.some(({ leaderId }) => leaderId < 0)
      this.#topics.set(name, { name, topicId, errorCode, partitions })
    }
    return needsMore
  }
}
