import { errors } from '../../src/error.ts'
import type { SimulatedPlatform } from '../../src/platform/simulated.ts'
import type { Random } from '../../src/ports.ts'
import { startAdmin } from '../client/admin.ts'
import type { Admin } from '../client/admin-config.ts'
import type { KafkaError } from '../client/kafka-error.ts'
import { startProducer } from '../client/producer.ts'
import type { Producer } from '../client/producer-config.ts'
import type { Cluster } from '../cluster.ts'
import { Process } from '../process.ts'
import { createWorld, type World } from '../world.ts'

/** Topics that come and go, with somebody writing to them: what a controller must carry through whoever dies meanwhile. */
export class TopicChurn {
  readonly #cluster: Cluster
  readonly #platform: SimulatedPlatform
  readonly #random: Random
  readonly #sometimes: (what: string) => void
  readonly #admin: Admin
  readonly #producer: Producer
  readonly failures: string[] = []
  #named = 0
  #isOver = false
  #isClosed = false
  /** Asked for, and not known to be gone. */
  readonly #topics = new Set<string>()

  constructor(around: {
    readonly cluster: Cluster
    readonly platform: SimulatedPlatform
    readonly random: Random
    sometimes(what: string): void
  }) {
    this.#cluster = around.cluster
    this.#platform = around.platform
    this.#random = around.random
    this.#sometimes = what => around.sometimes(what)
    const { bootstrapServers } = around.cluster
    this.#admin = startAdmin(this.#world('client/admin'), {
      bootstrapServers,
      defaultApiTimeoutMs: 10_000,
      requestTimeoutMs: 4000,
    })
    this.#producer = startProducer(this.#world('client/passing-by'), {
      bootstrapServers,
      requestTimeoutMs: 3000,
      deliveryTimeoutMs: 8000,
      maxBlockMs: 5000,
    })
  }

  #world(name: string): World {
    const failed = (path: string, error: unknown): void => {
      this.failures.push(`${path}: ${error}`)
    }
    const own = new Process(this.#platform.node(name), error => failed(name, error))
    const { registry } = this.#cluster
    return createWorld({ name, platform: own.platform, registry, failed })
  }

  start(): void {
    this.#next()
  }

  #next(): void {
    this.#platform.clock.setTimeout(
      () => {
        if (this.#isOver) return
        this.#turn()
        this.#next()
      },
      200 + Math.floor(this.#random.next() * 4000),
    )
  }

  #turn(): void {
    const chance = this.#random.next()
    const topics = [...this.#topics]
    const topic = topics[Math.floor(this.#random.next() * topics.length)]
    if (topic === undefined || (chance < 0.4 && topics.length < 4)) this.#create()
    else if (chance < 0.7) this.#delete(topic)
    else this.#write(topic)
  }

  #create(): void {
    // Some names come again: a broker that was away finds another topic under it.
    const name = `passing-${this.#random.next() < 0.4 ? 'again' : ++this.#named}`
    const replicationFactor = 1 + Math.floor(this.#random.next() * 3)
    const numPartitions = 1 + Math.floor(this.#random.next() * 3)
    this.#topics.add(name)
    this.#admin.createTopics([{ name, numPartitions, replicationFactor }]).subscribe({
      next: ([created]) => this.#sometimes(`topic created: ${created?.error?.name ?? 'done'}`),
      error: (error: KafkaError) => this.#sometimes(`topic created: ${error.name}`),
    })
    this.#platform.clock.setTimeout(() => this.#write(name), 500)
  }

  #write(topic: string): void {
    if (!this.#topics.has(topic) || this.#isOver) return
    for (let i = 0; i < 3; i++)
      this.#producer.send({ topic, key: `${i}`, value: 'passing by' }).subscribe({ error() {} })
  }

  #delete(name: string): void {
    this.#admin.deleteTopics([name]).subscribe({
      next: ([deleted]) => {
        const error = deleted?.error ?? null
        this.#sometimes(`topic deleted: ${error?.name ?? 'done'}`)
        if (error === null || error.code === errors.UNKNOWN_TOPIC_OR_PARTITION)
          this.#topics.delete(name)
      },
      error: (error: KafkaError) => this.#sometimes(`topic deleted: ${error.name}`),
    })
  }

  /** No more of it. The producer goes too: asking for a topic's metadata makes it anew. */
  stop(): void {
    this.#isOver = true
    this.#producer.close({ timeoutMs: 10_000 }).subscribe(() => {
      this.#isClosed = true
    })
  }

  /** Topics that are still there, or on some broker's disk; they are asked to go again. */
  remaining(): readonly string[] {
    const left = new Set<string>()
    for (const { topic } of this.#cluster.state().partitions)
      if (topic.startsWith('passing-')) left.add(topic)
    if (!this.#isClosed) return [...left, 'the producer']
    for (const topic of left) if (!this.#asked.has(topic)) this.#askAgain(topic)
    return [...left]
  }

  readonly #asked = new Set<string>()

  #askAgain(topic: string): void {
    this.#asked.add(topic)
    this.#delete(topic)
    this.#platform.clock.setTimeout(() => this.#asked.delete(topic), 5000)
  }
}
