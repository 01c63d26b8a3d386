/** The library's door on Node: a cluster in three lines. */

import { nodePlatform } from '../src/platform/node.ts'
import { nodeCompression } from '../src/platform/node-compression.ts'
import { type Cluster, type ClusterOptions, startCluster as startOn } from './cluster.ts'
import {
  startZooKeeperServer as startServerOn,
  type ZooKeeperHandle,
  type ZooKeeperServerOptions,
} from './zookeeper-handles.ts'

export interface NodeClusterOptions extends Partial<Omit<ClusterOptions, 'durable'>> {
  /**
   * Where ZooKeeper (`zookeeper`) and the brokers (`broker-1` …) have their directories; made where they are missing. A cluster that
   * is started on them again goes on where the last one ended. Without it everything is in memory.
   */
  readonly dataDir?: string
}

export * from './index.ts'
export { nodeCompression, nodePlatform }

/**
 * Starts ZooKeeper and brokers; by default three brokers over TCP on free ports of 127.0.0.1.
 *
 * ```ts
 * await using cluster = await startCluster({ topics: [{ name: 'orders', partitions: 6, replicationFactor: 3 }] })
 * connect(cluster.bootstrapServers)
 * cluster.partition('orders', 0).leader?.kill()
 * ```
 *
 * @param options.platform default: `nodePlatform()`. See {@link ClusterOptions} for the rest.
 * @throws ConfigError, RangeError, WrongState, NotReached: see `startCluster` of `samsa/actors`; what the system says of `dataDir`.
 */
export async function startCluster({
  dataDir,
  ...options
}: NodeClusterOptions = {}): Promise<Cluster> {
  if (dataDir === undefined)
    return startOn({ ...options, platform: options.platform ?? nodePlatform() })
  if (options.platform !== undefined)
    throw new RangeError('dataDir is for the Node platform: make it nodePlatform({ dataDir })')
  return startOn({ ...options, platform: nodePlatform({ dataDir }), durable: true })
}

/**
 * Starts ZooKeeper alone; by default over TCP on a free port of 127.0.0.1.
 *
 * @param options.dataDir where it keeps everything, in `zookeeper` below it. Without it everything is in memory.
 * @throws what the system says: EADDRINUSE, or of `dataDir`
 */
export async function startZooKeeperServer({
  dataDir,
  ...options
}: Partial<Omit<ZooKeeperServerOptions, 'durable'>> & {
  readonly dataDir?: string
} = {}): Promise<ZooKeeperHandle> {
  if (dataDir === undefined)
    return startServerOn({ ...options, platform: options.platform ?? nodePlatform() })
  return startServerOn({ ...options, platform: nodePlatform({ dataDir }), durable: true })
}
