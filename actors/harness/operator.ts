import type { SimulatedPlatform } from '../../src/platform/simulated.ts'
import type { Cluster } from '../cluster.ts'
import { Process } from '../process.ts'
import { createWorld } from '../world.ts'
import { startZooKeeperClient, type ZooKeeperClient } from '../zookeeper/client.ts'

/** Somebody with a ZooKeeper shell: what people do to a cluster when they know best. */
export class Operator {
  readonly #zookeeper: ZooKeeperClient

  constructor({ cluster, platform }: { cluster: Cluster; platform: SimulatedPlatform }) {
    const name = 'client/operator'
    const own = new Process(platform.node(name))
    const world = createWorld({
      name,
      platform: own.platform,
      registry: cluster.registry,
      failed: (path, error) => {
        throw new Error(`${path}: ${error}`)
      },
    })
    const [host = '', port] = cluster.zookeeper.split(':')
    this.#zookeeper = startZooKeeperClient(world, {
      servers: [{ host, port: Number(port) }],
      sessionTimeoutMs: 60_000,
      path: `${name}/zookeeper-client`,
    })
  }

  /** Deletes `/controller`, so that another is elected while the old one lives. */
  depose(): void {
    this.#zookeeper.delete('/controller').subscribe({ error() {} })
  }
}
