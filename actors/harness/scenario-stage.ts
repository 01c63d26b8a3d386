import { type ErrorCode, errorName } from '../../src/error.ts'
import type { TopicPartition } from '../../src/ids.ts'
import { memoryPlatform } from '../../src/platform/memory.ts'
import type { AdminHandle, ConsumerHandle, ProducerHandle } from '../client-handles.ts'
import { type Cluster, type ClusterOptions, startCluster } from '../cluster.ts'
import { ScenarioError } from './scenario.ts'
import type { BackgroundWriter } from './scenario-load.ts'

/** All that a partition has below its high watermark, as a client reads it. */
export async function readAll(
  cluster: Cluster,
  { topic, partition }: TopicPartition,
  name: string,
): Promise<readonly string[]> {
  const admin = cluster.admin(`${name}-admin`)
  const [latest] = await admin.listOffsets([{ topic, partition, at: 'latest' }])
  admin.close()
  const end = latest?.offset ?? 0
  const values: string[] = []
  if (end === 0) return values
  const consumer = cluster.consumer(name, { topics: [topic], autoOffsetReset: 'earliest' })
  let done = false
  consumer.batches.subscribe(batch => {
    if (batch.partition === partition)
      for (const { value, offset } of batch.records)
        if (offset < end) {
          values.push(new TextDecoder().decode(value ?? undefined))
          if (offset === end - 1) done = true
        }
    batch.ack()
  })
  const { clock } = cluster.platform
  while (!done)
    await cluster.platform.waiting(new Promise<void>(resolve => void clock.setTimeout(resolve, 10)))
  consumer.kill()
  return values
}

/** Where a scenario is played: the cluster, and who acts. */
export class ScenarioStage {
  writer: BackgroundWriter | undefined
  readonly #told: (who: string, what: string) => void
  readonly #started: (cluster: Cluster) => void
  #cluster: Cluster | undefined
  #admin: AdminHandle | undefined
  readonly #producers = new Map<string, ProducerHandle>()
  readonly #members = new Map<string, { group: string; topic: string; handle: ConsumerHandle }>()
  /** Broker epochs in the order in which they came to be. */
  readonly #registrations: number[] = []
  #readers = 0

  /**
   * @param told hears what commands say themselves
   * @param started hears of the cluster before anything happens in it
   */
  constructor(told: (who: string, what: string) => void, started: (cluster: Cluster) => void) {
    this.#told = told
    this.#started = started
  }

  get cluster(): Cluster {
    return this.#cluster ?? this.fail('nothing runs yet: begin with "start 3 brokers"')
  }

  fail(why: string): never {
    throw new ScenarioError(why)
  }

  tell(who: string, what: string): void {
    this.#told(who, what)
  }

  tellError(what: string, code: number): void {
    if (code !== 0) this.tell('client', `${what} refused: ${errorName(code as ErrorCode)}`)
  }

  async start(options: Omit<ClusterOptions, 'platform'>): Promise<void> {
    if (this.#cluster !== undefined) this.fail('a cluster runs already')
    this.#cluster = await startCluster({
      ...options,
      platform: memoryPlatform({ clock: 'stepping' }),
    })
    this.#started(this.#cluster)
    for (const { id, state, isController } of this.#brokers())
      this.tell(`broker-${id}`, `${state}${isController ? ', controller' : ''}`)
  }

  #brokers() {
    const { brokers, controller } = this.cluster.state()
    return brokers.map(({ id, state }) => ({ id, state, isController: id === controller }))
  }

  admin(): AdminHandle {
    this.#admin ??= this.cluster.admin('operator-admin')
    return this.#admin
  }

  /** @param seconds that a record may take at most */
  producer(acks: -1 | 0 | 1, seconds: string | undefined): ProducerHandle {
    // The first is the one that scenarios speak of.
    const key = `${acks} ${seconds}`
    const known = this.#producers.get(key)
    if (known !== undefined) return known
    const name = this.#producers.size === 0 ? 'producer' : `producer-${this.#producers.size + 1}`
    const made = this.cluster.producer(name, {
      acks,
      ...(seconds === undefined ? {} : { deliveryTimeoutMs: Number(seconds) * 1000 }),
    })
    this.#producers.set(key, made)
    return made
  }

  read(partition: TopicPartition): Promise<readonly string[]> {
    return readAll(this.cluster, partition, `reader-${++this.#readers}`)
  }

  join(group: string, topic: string, name: string): void {
    const handle = this.cluster.consumer(name, {
      groupId: group,
      topics: [topic],
      sessionTimeoutMs: 3000,
      heartbeatIntervalMs: 500,
      rebalanceTimeoutMs: 3000,
    })
    handle.batches.subscribe(batch => batch.ack())
    this.#members.set(name, { group, topic, handle })
  }

  async part(name: string, dies: boolean): Promise<void> {
    const member = this.#members.get(name) ?? this.fail(`there is no member ${name}`)
    this.#members.delete(name)
    if (dies) member.handle.kill()
    else await member.handle.close()
  }

  /** Waits until so many members share all there is. */
  async shared(group: string, members: number): Promise<void> {
    await this.cluster.group(group).stable({ members })
    await this.cluster.until(() => {
      const own = this.#of(group)
      const topic = own[0]?.topic
      const all = this.cluster.state().partitions.filter(it => it.topic === topic).length
      return own.reduce((sum, { handle }) => sum + handle.consumer.assignment.length, 0) === all
    })
  }

  groupLines(group: string): readonly string[] {
    const { state } = this.cluster.group(group)
    if (state === undefined) return [`${group}: not there`]
    return [
      `${group}: ${state.state}, generation ${state.generationId}, coordinated by broker ${state.coordinator}`,
      ...this.#of(group).map(({ name, handle }) => {
        const own = handle.consumer.assignment.map(
          ({ topic, partition }) => `${topic}-${partition}`,
        )
        return `  ${name}: ${own.length === 0 ? 'idle' : own.join(' ')}`
      }),
    ]
  }

  /** Broker epochs as ordinals: what they are is ZooKeeper's business, that they differ is the point. */
  brokerLines(): readonly string[] {
    const { brokers, controller } = this.cluster.state()
    const epochs = brokers.flatMap(({ brokerEpoch }) => (brokerEpoch === null ? [] : [brokerEpoch]))
    for (const epoch of epochs.sort((a, b) => a - b))
      if (!this.#registrations.includes(epoch)) this.#registrations.push(epoch)
    return brokers.map(({ id, state, brokerEpoch }) => {
      const ordinal = this.#registrations.indexOf(brokerEpoch ?? Number.NaN) + 1
      const epoch = ordinal === 0 ? '' : `, broker epoch: the ${ordinalText(ordinal)} of all`
      return `broker ${id}: ${state}${epoch}${controller === id ? ', controller' : ''}`
    })
  }

  async end(): Promise<void> {
    await this.#cluster?.stop()
  }

  #of(group: string) {
    return [...this.#members]
      .filter(([, member]) => member.group === group)
      .map(([name, member]) => ({ name, ...member }))
  }
}

const ordinalText = (n: number): string => `${n}${['th', 'st', 'nd', 'rd'][n] ?? 'th'}`
