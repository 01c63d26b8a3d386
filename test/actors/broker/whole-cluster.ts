import { catchError, firstValueFrom, type Observable, of, throwError } from 'rxjs'
import type { BrokerWorld } from '../../../actors/broker/broker-world.ts'
import type { BrokerNode } from '../../../actors/broker-node.ts'
import { type Cluster, type ClusterOptions, startCluster } from '../../../actors/memory.ts'
import { connectRequester } from '../../../actors/requester.ts'
import { createWorld, type World } from '../../../actors/world.ts'
import { startZooKeeperClient, type ZooKeeperClient } from '../../../actors/zookeeper/client.ts'
import type { Address } from '../../../src/ports.ts'
import type { Api, RequestDraftOf, ResponseOf } from '../../../src/protocol/index.ts'
import { isKeeperError } from '../../../src/zookeeper/error.ts'

/** A whole cluster in memory, on a stepping clock, with a stranger at its ports: a ZooKeeper client and raw Kafka requests. */
export class WholeCluster implements AsyncDisposable {
  readonly cluster: Cluster
  readonly stranger: World
  readonly zookeeper: ZooKeeperClient
  readonly failures: unknown[] = []

  private constructor(cluster: Cluster) {
    this.cluster = cluster
    this.stranger = createWorld({
      name: 'stranger',
      platform: cluster.platform,
      registry: cluster.registry,
      failed: (path, error) => this.failures.push(`${path}: ${error}`),
    })
    const [host = '', port] = cluster.zookeeper.split(':')
    this.zookeeper = startZooKeeperClient(this.stranger, {
      servers: [{ host, port: Number(port) }],
      sessionTimeoutMs: 60_000,
      path: 'stranger/zookeeper-client',
    })
  }

  static async start(options: Partial<ClusterOptions> = {}): Promise<WholeCluster> {
    return new WholeCluster(await startCluster({ traceMax: 200_000, ...options }))
  }

  answer<T>(observable: Observable<T>): Promise<T> {
    return this.cluster.platform.waiting(firstValueFrom(observable))
  }

  /** Sends one request to a broker. */
  ask<A extends Api>(
    broker: number,
    api: A,
    body: RequestDraftOf<A>,
    version = api.versions[1],
  ): Promise<ResponseOf<A>> {
    const requester = connectRequester(
      this.stranger,
      this.cluster.broker(broker).address as Address,
      { clientId: 'stranger', path: 'stranger', frameBytesMax: 1e8 },
    )
    return this.answer(
      requester.request(api, version, body as never, { timeoutMs: 60_000 }),
    ).finally(() => requester.close())
  }

  /** The rooms of a running broker. */
  world(broker: number): BrokerWorld {
    const { running } = this.cluster.broker(broker) as BrokerNode
    if (running === undefined) throw new Error(`broker ${broker} does not run`)
    return running.world
  }

  get controllerId(): number {
    return this.cluster.controller?.id ?? -1
  }

  /** A broker that is not the controller. */
  get bystander(): number {
    return this.cluster.brokers.find(it => it.state === 'running' && it.id !== this.controllerId)
      ?.id as number
  }

  /** Content of a znode as JSON; undefined where there is none. */
  async znode(path: string): Promise<unknown> {
    const read = this.zookeeper
      .getData(path)
      .pipe(
        catchError(error => (isKeeperError(error, 'NONODE') ? of(null) : throwError(() => error))),
      )
    const found = await this.answer(read)
    if (found === null) return undefined
    return found.data === null ? null : JSON.parse(new TextDecoder().decode(found.data))
  }

  /** Until something holds, looked at whenever the story goes on. */
  until(condition: () => boolean, what: string): Promise<unknown> {
    return this.cluster.until(condition, { what })
  }

  states(path: string): string[] {
    return this.cluster.trace.kept
      .filter(entry => entry.kind === 'state' && entry.path === path)
      .map(entry => entry.type)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster[Symbol.asyncDispose]()
  }
}
