/** The library's door on Node: a cluster in three lines. */

import { nodePlatform } from '../src/platform/node.ts'
import { nodeCompression } from '../src/platform/node-compression.ts'
import { type Cluster, type ClusterOptions, startCluster as startOn } from './cluster.ts'

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
 * @throws ConfigError, RangeError, WrongState, NotReached: see `startCluster` of `samsa/actors`.
 */
export const startCluster = (options: Partial<ClusterOptions> = {}): Promise<Cluster> =>
  startOn({ ...options, platform: options.platform ?? nodePlatform() })
