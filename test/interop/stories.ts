/**
 * The stories of a cluster, on any ZooKeeper: a broker dies, the controller dies, a session expires, a broker stands still for longer
 * than its session and comes back believing it leads and controls. kafkajs writes all the while; what it was told is
 * afterwards held against what is there.
 */
import { Kafka, logLevel, type Producer } from 'kafkajs'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import {
  type BrokerHandle,
  type Cluster,
  connectZooKeeper,
  type NodeClusterOptions,
  startCluster,
  type TraceEntry,
} from '../../actors/node.ts'
import { eventually } from './eventually.ts'
import { Ledger } from './ledger.ts'

const topic = 'orders'
const partitions = 3

let cluster: Cluster
let ledger: Ledger
let writers: Writer[]
let trace: TraceEntry[]

/** One producer, which sends one value after another to one partition until it is stopped. */
class Writer {
  readonly #producer: Producer
  readonly #partition: number
  readonly #name: string
  #isSending = true
  #loop: Promise<void> = Promise.resolve()
  acknowledged = 0

  constructor(partition: number) {
    this.#partition = partition
    this.#name = `kafkajs-${partition}`
    ledger.sender(this.#name, { isOnce: false, isOrdered: true })
    this.#producer = new Kafka({
      clientId: this.#name,
      brokers: cluster.bootstrapServers.split(','),
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 60 },
    }).producer()
  }

  async start(): Promise<void> {
    await this.#producer.connect()
    this.#loop = this.#send()
    await this.moreAcknowledged()
  }

  async #send(): Promise<void> {
    const partition = this.#partition
    while (this.#isSending) {
      const isAcknowledged = await ledger.send(this.#name, { topic, partition }, async value => {
        const [answer] = await this.#producer.send({
          topic,
          acks: -1,
          messages: [{ partition, value }],
        })
        return Number(answer?.baseOffset ?? -1)
      })
      if (isAcknowledged) this.acknowledged++
      await new Promise(resolve => setTimeout(resolve, 5))
    }
  }

  /** Some that were sent from now on are acknowledged. */
  async moreAcknowledged(): Promise<void> {
    const enough = this.acknowledged + 5
    await eventually(
      () => this.acknowledged >= enough,
      () => `${this.#name}: ${this.acknowledged} of ${enough} acknowledged`,
      60_000,
    )
  }

  async stop(): Promise<void> {
    this.#isSending = false
    await this.#loop
    await this.#producer.disconnect()
  }
}

/** All partitions are led, and all their replicas in sync and equal. */
const allWell = () =>
  cluster.until(
    ({ controller, brokers, partitions: all }) =>
      controller !== null &&
      brokers.every(({ state, brokerEpoch }) => state === 'running' && brokerEpoch !== null) &&
      all
        .filter(one => one.topic === topic)
        .every(
          ({ leader, isr, replicaStates }) =>
            leader > 0 &&
            isr.length === 3 &&
            new Set(replicaStates.map(({ logEndOffset }) => logEndOffset)).size === 1 &&
            new Set(replicaStates.map(({ highWatermark }) => highWatermark)).size === 1,
        ),
    { timeoutMs: 60_000, what: 'all well' },
  )

/** Nothing that was acknowledged is lost or reordered. */
async function nothingLost(): Promise<void> {
  for (const writer of writers.splice(0)) await writer.stop()
  const { partitions: all } = await allWell()
  const reader = cluster.consumer('reader', { topics: [topic], autoOffsetReset: 'earliest' })
  ledger.follow('reader', reader)
  const end = (partition: number): number =>
    all.find(one => one.topic === topic && one.partition === partition)?.replicaStates[0]
      ?.highWatermark ?? 0
  await eventually(
    () =>
      Array.from({ length: partitions }, (_, partition) => partition).every(
        partition => reader.consumer.position({ topic, partition }) === end(partition),
      ),
    () => 'everything read',
  )
  const { anomalies, counts } = ledger.check()
  expect(anomalies).toEqual([])
  expect(counts.acknowledged).toBeGreaterThan(20)
}

const controllerEpoch = async (): Promise<number> => {
  const looking = connectZooKeeper(cluster.platform, 'look', cluster.zookeeper)
  const { data } = await looking.getData('/controller_epoch')
  await looking.close()
  return Number(new TextDecoder().decode(data ?? undefined))
}

const brokerEpoch = (id: number): number =>
  cluster.state().brokers.find(broker => broker.id === id)?.brokerEpoch ?? -1

/** A broker with the partition that it leads: one that is controller, or one that is not. */
async function leaderWho(
  isController: boolean,
): Promise<{ broker: BrokerHandle; partition: number }> {
  const { partitions: all, controller } = await cluster.until(
    state =>
      state.controller !== null &&
      state.partitions.some(
        ({ leader }) => leader > 0 && (leader === state.controller) === isController,
      ),
    { timeoutMs: 60_000, what: 'a leader who is the controller, or one who is not' },
  )
  const found = all.find(({ leader }) => leader > 0 && (leader === controller) === isController)
  return { broker: cluster.broker(found?.leader ?? 0), partition: found?.partition ?? 0 }
}

const ledByAnother = (partition: number, former: BrokerHandle) =>
  cluster
    .partition(topic, partition)
    .until(({ leader }) => leader >= 0 && leader !== former.id, { timeoutMs: 60_000 })

const controlledByAnother = (former: BrokerHandle) =>
  cluster.until(({ controller }) => controller !== null && controller !== former.id, {
    timeoutMs: 60_000,
  })

/**
 * The stories as tests.
 *
 * @param zookeeper its connect string for one story, which no other story has; undefined for the cluster's own
 */
export function tellStories(zookeeper: () => string | undefined): void {
  // The stories wait for sessions to end, and for real clients to notice.
  vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 })

  beforeEach(async () => {
    const connect = zookeeper()
    const options: NodeClusterOptions = {
      topics: [{ name: topic, partitions, replicationFactor: 3 }],
      overrides: {
        // Each leads what it is preferred for, again soon after a session has ended by accident.
        'leader.imbalance.check.interval.seconds': 1,
        'leader.imbalance.per.broker.percentage': 0,
        // Beside another process a busy machine may be late for more than the profile's two seconds.
        'zookeeper.session.timeout.ms': 3000,
      },
      ...(connect === undefined ? {} : { zookeeper: connect }),
    }
    cluster = await startCluster(options)
    trace = []
    cluster.trace.entries.subscribe(entry => void trace.push(entry))
    await allWell()
    ledger = new Ledger()
    writers = Array.from({ length: partitions }, (_, partition) => new Writer(partition))
    await Promise.all(writers.map(writer => writer.start()))
  })
  afterEach(async () => {
    await Promise.all(writers.splice(0).map(writer => writer.stop()))
    await cluster.stop()
  })

  test('a leader dies: another of the ISR leads, and it comes back into the ISR', async () => {
    const { broker, partition } = await leaderWho(false)
    broker.kill()
    const { leaderEpoch } = await ledByAnother(partition, broker)
    expect(leaderEpoch).toBeGreaterThan(0)
    await writers[partition]?.moreAcknowledged()
    await broker.restart()
    await nothingLost()
  })

  test('the controller dies: another one, of a higher epoch, elects in its place', async () => {
    const { broker, partition } = await leaderWho(true)
    const before = await controllerEpoch()
    broker.kill()
    await controlledByAnother(broker)
    await ledByAnother(partition, broker)
    await writers[partition]?.moreAcknowledged()
    expect(await controllerEpoch()).toBeGreaterThan(before)
    const admin = cluster.admin('later')
    const [made] = await admin.createTopics([
      { name: 'later', numPartitions: 1, replicationFactor: 2 },
    ])
    expect(made?.error).toBeNull()
    admin.close()
    await broker.restart()
    await nothingLost()
  })

  test('a session expires: the broker lives, registers anew under another epoch, and the controller resigns', async () => {
    const { broker, partition } = await leaderWho(true)
    const before = { controllerEpoch: await controllerEpoch(), brokerEpoch: brokerEpoch(broker.id) }
    const session = broker.sessionId
    broker.expireSession()
    await cluster.until(() => brokerEpoch(broker.id) > before.brokerEpoch, { timeoutMs: 60_000 })
    expect(broker.sessionId).not.toBe(session)
    await cluster.until(({ controller }) => controller !== null, { timeoutMs: 60_000 })
    expect(await controllerEpoch()).toBeGreaterThan(before.controllerEpoch)
    expect(trace).toContainEqual(
      expect.objectContaining({ path: `broker-${broker.id}/controller`, type: 'session.expired' }),
    )
    await writers[partition]?.moreAcknowledged()
    await nothingLost()
  })

  test('a zombie: paused past its session it leads and controls no more when it wakes', async () => {
    const { broker: zombie, partition } = await leaderWho(true)
    const before = { controllerEpoch: await controllerEpoch(), brokerEpoch: brokerEpoch(zombie.id) }
    zombie.pause()
    // What it has still to hear of as controller waits in its socket.
    cluster.brokers.find(({ id }) => id !== zombie.id)?.expireSession()
    await controlledByAnother(zombie)
    await ledByAnother(partition, zombie)
    expect(await controllerEpoch()).toBeGreaterThan(before.controllerEpoch)

    const woken = trace.length
    zombie.resume()
    await cluster.until(() => brokerEpoch(zombie.id) > before.brokerEpoch, { timeoutMs: 60_000 })
    await writers[partition]?.moreAcknowledged()
    await allWell()
    const since = trace.slice(woken)
    const registered = since.findIndex(
      ({ path, kind, detail }) =>
        path === `broker-${zombie.id}` &&
        kind === 'state' &&
        detail.to === 'running.connected' &&
        String(detail.from).startsWith('registering'),
    )
    expect(registered).toBeGreaterThan(0)
    const deeds = since
      .slice(0, registered)
      .filter(
        ({ path, kind, type }) =>
          path.startsWith(`broker-${zombie.id}/controller`) &&
          ((kind === 'command' && type.endsWith('.send')) || type === 'zk.committed'),
      )
    expect(deeds).toEqual([])
    await nothingLost()
  })
}
