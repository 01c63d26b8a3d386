import type { SimulatedPlatform } from '../../src/platform/simulated.ts'
import { type ReassignedPartition, ReassignPartitionsZNode } from '../../src/zookeeper/paths.ts'
import { startAdmin } from '../client/admin.ts'
import type { Admin, AskedReassignment } from '../client/admin-config.ts'
import type { Cluster } from '../cluster.ts'
import { Process } from '../process.ts'
import { createWorld } from '../world.ts'
import { startZooKeeperClient, type ZooKeeperClient } from '../zookeeper/client.ts'

/** Somebody with a ZooKeeper shell and Kafka's tools: what people do to a cluster when they know best. */
export class Operator {
  readonly #zookeeper: ZooKeeperClient
  readonly #admin: Admin

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
    this.#admin = startAdmin(world, {
      bootstrapServers: cluster.bootstrapServers,
      defaultApiTimeoutMs: 10_000,
      requestTimeoutMs: 4000,
    })
  }

  /** Deletes `/controller`, so that another is elected while the old one lives. */
  depose(): void {
    this.#zookeeper.delete('/controller').subscribe({ error() {} })
  }

  /** Moves a partition's replicas, or (null) stops them on their way, as the tools of today do. */
  reassign(move: AskedReassignment): void {
    this.#admin.alterPartitionReassignments([move]).subscribe({ error() {} })
  }

  /** As the tools did before there was a request for it; where another such move is under way it is refused. */
  reassignByZnode(move: ReassignedPartition): void {
    const { path, encode } = ReassignPartitionsZNode
    this.#zookeeper.create(path, encode([move])).subscribe({ error() {} })
  }
}
