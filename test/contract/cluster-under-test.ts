/**
 * The cluster that the contract is held against: whichever `npm run contract -- --bootstrap HOST:PORT` names, or one of Samsa's
 * own. It must have the brokers 1, 2 and 3, with `contractConfig`.
 */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect } from 'vitest'
import { startCluster } from '../../actors/node.ts'
import { errorName, errors } from '../../src/error.ts'
import {
  type Api,
  CreateTopics,
  FindCoordinator,
  Metadata,
  type RequestDraftOf,
  type ResponseOf,
} from '../../src/protocol/index.ts'
import { contractConfig } from './config.ts'
import { Told } from './told.ts'
import { Connection } from './wire.ts'

expect.addSnapshotSerializer({
  test: value => value instanceof Told,
  serialize: (value: Told) => value.text,
})

export const sleep = (durationMs: number): Promise<void> =>
  new Promise(resolve => setTimeout(resolve, durationMs))

/** A name of its own, so that a cluster may be used again: told without what follows `_x`. */
export const unique = (name: string): string => `${name}_x${randomUUID().slice(0, 8)}`

export class ClusterUnderTest {
  readonly bootstrap: string
  readonly #open = new Set<Connection>()
  /** Addresses by broker id. */
  #addresses = new Map<number, string>()
  #byBroker = new Map<number, Connection>()

  constructor(bootstrap: string) {
    this.bootstrap = bootstrap
  }

  /** A connection of its own, to a broker or to any. */
  async connect(brokerId?: number, clientId: string | null = 'contract'): Promise<Connection> {
    const [first = ''] = this.bootstrap.split(',')
    const connection = await Connection.open(
      brokerId === undefined ? first : await this.#address(brokerId),
      clientId,
    )
    this.#open.add(connection)
    return connection
  }

  close(): void {
    for (const connection of this.#open) connection.close()
    this.#open.clear()
    this.#byBroker.clear()
  }

  /** Over a connection that stays, to this broker. */
  async ask<A extends Api>(
    brokerId: number,
    api: A,
    version: number,
    body: RequestDraftOf<A>,
  ): Promise<ResponseOf<A>> {
    let connection = this.#byBroker.get(brokerId)
    if (connection === undefined) {
      connection = await this.connect(brokerId)
      this.#byBroker.set(brokerId, connection)
      void connection.ended.then(() => this.#byBroker.delete(brokerId))
    }
    return connection.request(api, version, body)
  }

  /** Asks the controller. */
  async askController<A extends Api>(
    api: A,
    version: number,
    body: RequestDraftOf<A>,
  ): Promise<ResponseOf<A>> {
    return this.ask((await this.metadata([])).controllerId, api, version, body)
  }

  async metadata(topics: readonly string[]): Promise<ResponseOf<typeof Metadata>> {
    const bootstrap = await this.connect()
    const answer = await bootstrap.request(Metadata, 12, {
      topics: topics.map(name => ({ name })),
      allowAutoTopicCreation: false,
      includeTopicAuthorizedOperations: false,
    })
    bootstrap.close()
    this.#open.delete(bootstrap)
    this.#addresses = new Map(
      answer.brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`]),
    )
    return answer
  }

  /** Who leads; waits until somebody does. */
  async leader(topic: string, partition = 0): Promise<number> {
    for (;;) {
      const { topics } = await this.metadata([topic])
      const found = topics[0]?.partitions.find(it => it.partitionIndex === partition)
      if (found?.errorCode === errors.NONE) return found.leaderId
      await sleep(50)
    }
  }

  /** A broker that has no replica of it, or at least does not lead it. */
  async stranger(topic: string, partition = 0): Promise<number> {
    const { topics } = await this.metadata([topic])
    const found = topics[0]?.partitions.find(it => it.partitionIndex === partition)
    const id = [1, 2, 3].find(it => found?.replicaNodes.includes(it) === false)
    return id ?? [1, 2, 3].find(it => it !== found?.leaderId) ?? -1
  }

  /** Who coordinates a group; waits until it does. */
  async coordinator(group: string): Promise<number> {
    for (;;) {
      const answer = await this.ask(1, FindCoordinator, 4, {
        keyType: 0,
        coordinatorKeys: [group],
      })
      const [found] = answer.coordinators
      if (found?.errorCode === errors.NONE) return found.nodeId
      await sleep(50)
    }
  }

  /** By default one partition with one replica, on broker 1. Its name. */
  async createTopic(
    name = 'topic',
    assignments: readonly (readonly number[])[] = [[1]],
    configs: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const topic = unique(name)
    const answer = await this.askController(CreateTopics, 7, {
      topics: [
        {
          name: topic,
          numPartitions: -1,
          replicationFactor: -1,
          assignments: assignments.map((brokerIds, partitionIndex) => ({
            partitionIndex,
            brokerIds,
          })),
          configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
        },
      ],
      timeoutMs: 10_000,
    })
    const [created] = answer.topics
    if (created?.errorCode !== errors.NONE)
      throw new Error(`${topic}: ${errorName(created?.errorCode ?? -1)}`)
    for (const partition of assignments.keys()) {
      const leader = await this.leader(topic, partition)
      // The others hear of it in their own time.
      for (;;) {
        const known = await this.ask(leader, Metadata, 12, { topics: [{ name: topic }] })
        const at = known.topics[0]?.partitions.find(it => it.partitionIndex === partition)
        if (at?.leaderId === leader) break
        await sleep(20)
      }
    }
    return topic
  }

  async #address(brokerId: number): Promise<string> {
    for (;;) {
      const known = this.#addresses.get(brokerId)
      if (known !== undefined) return known
      await this.metadata([])
      if (!this.#addresses.has(brokerId)) await sleep(50)
    }
  }
}

/** In a test file: the cluster, from before its first test until after its last. */
export function clusterUnderTest(): ClusterUnderTest {
  const given = process.env.SAMSA_CONTRACT_BOOTSTRAP
  let cluster = new ClusterUnderTest(given ?? '')
  let stop = async (): Promise<void> => {}
  beforeAll(async () => {
    if (given === undefined) {
      const own = await startCluster({ profile: 'kafka', overrides: contractConfig })
      stop = () => own.stop()
      cluster = new ClusterUnderTest(own.bootstrapServers)
    }
  }, 60_000)
  afterAll(async () => {
    cluster.close()
    await stop()
  })
  return new Proxy(cluster, {
    get: (_target, name) => {
      const value: unknown = Reflect.get(cluster, name, cluster)
      return typeof value === 'function' ? value.bind(cluster) : value
    },
  })
}
