import { checkHistory, type HistoryCheck } from '../../src/history/anomalies.ts'
import type { Guarantees, Operation } from '../../src/history/operation.ts'
import { printPartition, type TopicPartition } from '../../src/ids.ts'
import type { Random } from '../../src/ports.ts'
import type { ConsumerConfig } from '../client/consumer-config.ts'
import type { ProducerConfig } from '../client/producer-config.ts'
import type { ConsumerHandle, ProducerHandle } from '../client-handles.ts'
import type { Cluster } from '../cluster.ts'

export interface WorkloadOptions {
  readonly cluster: Cluster
  readonly random: Random
  readonly topic: string
  readonly partitions: number
  /** Mean pause of one producer between two records, ms. */
  readonly pauseMs: number
  /** Producers by name, `group`, `reader`: who is left out. */
  readonly without: readonly string[]
  sometimes(what: string): void
}

interface Sender {
  readonly name: string
  readonly handle: ProducerHandle
  readonly guarantees: Guarantees
  pending: number
}

interface Member {
  readonly name: string
  readonly groupId: string | undefined
  readonly handle: ConsumerHandle
}

const none: Guarantees = { isDurable: false, isOnce: false, isOrdered: false }

export const producerNames = [
  'idempotent-1',
  'idempotent-2',
  'all',
  'leader-only',
  'fire-and-forget',
] as const

const producers: Readonly<
  Record<(typeof producerNames)[number], readonly [ProducerConfig['acks'], boolean]>
> = {
  'idempotent-1': [-1, true],
  'idempotent-2': [-1, true],
  all: [-1, false],
  'leader-only': [1, false],
  'fire-and-forget': [0, false],
}

const strategies: readonly ConsumerConfig['partitionAssignmentStrategy'][] = [
  undefined,
  ['range'],
  ['roundrobin'],
  ['sticky'],
  ['cooperative-sticky'],
]

/** What every consumer of a run has in common: short timeouts, so that a minute holds many lives. */
const consumerDefaults = {
  autoOffsetReset: 'earliest',
  sessionTimeoutMs: 3000,
  heartbeatIntervalMs: 500,
  maxPollIntervalMs: 20_000,
  autoCommitIntervalMs: 700,
  requestTimeoutMs: 5000,
  metadataMaxAgeMs: 5000,
} as const

/** The library's own clients at work, over links, and what they saw. Everything happens in callbacks on the one clock. */
export class Workload {
  readonly history: Operation[] = []
  readonly #options: WorkloadOptions
  readonly #guarantees = new Map<string, Guarantees>()
  readonly #groups = new Map<string, string>()
  readonly #senders: Sender[] = []
  readonly #members = new Set<Member>()
  readonly #strategy: ConsumerConfig['partitionAssignmentStrategy']
  /** Sends without an answer, by value. */
  readonly unanswered = new Map<number, string>()
  /** Fatal errors and surprises of clients: they end the run. */
  readonly failures: string[] = []
  #value = 0
  #named = 0
  #isSending = false

  constructor(options: WorkloadOptions) {
    this.#options = options
    const { random } = options
    this.#strategy = strategies[Math.floor(random.next() * strategies.length)]
  }

  start(): void {
    const { cluster, random, without } = this.#options
    this.#isSending = true
    for (const name of producerNames) {
      if (without.includes(name)) continue
      const [acks, isIdempotent] = producers[name]
      const inFlight = 1 + Math.floor(random.next() * 5)
      const handle = cluster.producer(name, {
        ...(acks === undefined ? {} : { acks }),
        enableIdempotence: isIdempotent,
        requestTimeoutMs: 3000,
        deliveryTimeoutMs: random.next() < 0.5 ? 10_000 : 60_000,
        maxInFlightRequestsPerConnection: inFlight,
        lingerMs: random.next() < 0.5 ? 0 : 5,
        metadataMaxAgeMs: 5000,
      })
      const guarantees =
        acks === -1 ? { isDurable: true, isOnce: isIdempotent, isOrdered: isIdempotent } : none
      this.#guarantees.set(name, guarantees)
      const sender = { name, handle, guarantees, pending: 0 }
      this.#senders.push(sender)
      handle.producer.events.subscribe(event => {
        if (event.type !== 'failed') return
        this.failures.push(`producer ${name} failed: ${event.error.name} ${event.error.message}`)
      })
      this.#sendLater(sender)
    }
    if (!without.includes('group')) for (let member = 0; member < 2; member++) this.join('billing')
    if (!without.includes('reader')) this.join(undefined)
  }

  /** No more records; what is under way goes on. */
  stopSending(): void {
    this.#isSending = false
  }

  #sendLater(sender: Sender): void {
    const { cluster, random, pauseMs } = this.#options
    cluster.platform.clock.setTimeout(
      () => {
        if (!this.#isSending) return
        const count = random.next() < 0.2 ? 1 + Math.floor(random.next() * 10) : 1
        for (let i = 0; i < count; i++) this.send(sender)
        this.#sendLater(sender)
      },
      Math.floor(random.next() * 2 * pauseMs),
    )
  }

  /** One record by each producer to each partition. */
  sendEverywhere(): void {
    for (const sender of this.#senders)
      for (let partition = 0; partition < this.#options.partitions; partition++)
        this.send(sender, partition)
  }

  send(sender: Sender, to?: number): void {
    const { cluster, random, topic, partitions } = this.#options
    const { name, handle } = sender
    const { clock } = cluster.platform
    // A producer that waits for a cluster without leaders is not fed for ever.
    if (sender.pending > 200) return
    const partition = to ?? Math.floor(random.next() * partitions)
    const key = printPartition({ topic, partition })
    const value = ++this.#value
    sender.pending++
    this.unanswered.set(value, `${value} of ${name} to ${key}, sent at ${clock.now()}`)
    this.history.push({
      f: 'send',
      type: 'invoke',
      process: name,
      atMs: clock.now(),
      key,
      value,
    })
    const done = (type: 'ok' | 'info', offset: number): void => {
      sender.pending--
      this.unanswered.delete(value)
      this.history.push({
        f: 'send',
        type,
        process: name,
        atMs: clock.now(),
        key,
        value,
        offset,
      })
    }
    handle.producer.send({ topic, partition, value: String(value) }).subscribe({
      next: ({ offset }) => done('ok', offset),
      error: error => {
        this.#options.sometimes(`send failed: ${(error as Error).name}`)
        done('info', -1)
      },
    })
  }

  /** Another consumer: in a group, or on its own. */
  join(groupId: string | undefined): void {
    const { cluster, random, topic } = this.#options
    const name = `${groupId ?? 'reader'}-${++this.#named}`
    const handle = cluster.consumer(name, {
      ...consumerDefaults,
      groupId,
      topics: [topic],
      ...(groupId === undefined || this.#strategy === undefined
        ? {}
        : { partitionAssignmentStrategy: this.#strategy }),
    })
    const member = { name, groupId, handle }
    this.#members.add(member)
    if (groupId !== undefined) this.#groups.set(name, groupId)
    this.#watch(member, random.next() < 0.3 ? 50 : 0)
  }

  #watch({ name, handle }: Member, processingMs: number): void {
    const { clock } = this.#options.cluster.platform
    handle.events.subscribe(event => {
      if (event.type === 'positioned') {
        const key = printPartition(event.partition)
        const position = event.offset
        const atMs = clock.now()
        this.history.push({ f: 'assign', type: 'ok', process: name, atMs, key, position })
        if (event.by === 'truncation') this.#options.sometimes('consumer saw a truncation')
      } else if (event.type === 'committed') {
        for (const { offset, ...at } of event.offsets) {
          const key = printPartition(at)
          const atMs = clock.now()
          this.history.push({ f: 'commit', type: 'ok', process: name, atMs, key, offset })
        }
      } else if (event.type === 'error') {
        this.#options.sometimes(`consumer error: ${event.error.name}`)
        if (event.fatal)
          this.failures.push(`consumer ${name} failed: ${event.error.name} ${event.error.message}`)
      }
    })
    const decoder = new TextDecoder()
    handle.batches.subscribe(batch => {
      this.history.push({
        f: 'poll',
        type: 'ok',
        process: name,
        atMs: clock.now(),
        key: printPartition(batch),
        offsets: batch.records.map(({ offset }) => offset),
        values: batch.records.map(({ value }) => Number(decoder.decode(value ?? undefined))),
      })
      if (processingMs === 0) batch.ack()
      else clock.setTimeout(() => batch.ack(), processingMs)
    })
  }

  members(groupId: string): readonly string[] {
    return [...this.#members].filter(one => one.groupId === groupId).map(one => one.name)
  }

  get clients(): readonly string[] {
    return [...this.#senders, ...this.#members].map(({ name }) => `client/${name}`)
  }

  /** A member goes: in good order, or without a word. False where none is left. */
  leave(groupId: string, choice: number, isKilled: boolean): boolean {
    const members = [...this.#members].filter(one => one.groupId === groupId)
    const member = members[Math.floor(choice * members.length)]
    if (member === undefined) return false
    this.#members.delete(member)
    if (isKilled) member.handle.kill()
    else member.handle.consumer.close().subscribe({ complete: () => member.handle.kill() })
    return true
  }

  /** How far each reader is from the end of what is committed: 0 everywhere when all is read. */
  lag(end: (at: TopicPartition) => number): number {
    const { topic, partitions } = this.#options
    let lag = 0
    const groups = new Set([...this.#members].map(({ groupId }) => groupId))
    for (const groupId of groups)
      for (let partition = 0; partition < partitions; partition++) {
        const at = { topic, partition }
        const owners = [...this.#members].filter(
          one => one.groupId === groupId && one.handle.consumer.position(at) !== null,
        )
        const position = owners[0]?.handle.consumer.position(at) ?? 0
        lag += Math.max(0, end(at) - position)
      }
    return lag
  }

  /** How things stand, for those who wait in vain. */
  describe(): string {
    const waiting = [...this.unanswered.values()].slice(0, 3)
    const members = [...this.#members].map(({ name, handle: { consumer } }) => {
      const at = consumer.assignment.map(
        one => `${printPartition(one)} at ${consumer.position(one)}`,
      )
      return `${name} is ${consumer.state} (${at.join(', ')})`
    })
    return [`${this.unanswered.size} unanswered ${waiting.join('; ')}`, ...members].join('\n    ')
  }

  check(): HistoryCheck {
    return checkHistory(this.history, {
      guarantees: process => this.#guarantees.get(process) ?? none,
      groupOf: process => this.#groups.get(process),
    })
  }
}
