/** The library's door in memory: no ports, no files; browsers, examples, tests. */
import { memoryPlatform } from '../src/platform/memory.ts'
import { type Cluster, type ClusterOptions, startCluster as startOn } from './cluster.ts'
import {
  startZooKeeperServer as startServerOn,
  type ZooKeeperHandle,
  type ZooKeeperServerOptions,
} from './zookeeper-handles.ts'

export type { MemoryPlatform, MemoryPlatformOptions } from '../src/platform/memory.ts'
export * from './index.ts'
export { memoryPlatform }

/**
 * Starts a cluster in this process's memory, on a stepping clock: time costs none, and the run is the same again.
 *
 * @param options.platform default: `memoryPlatform({ clock: 'stepping' })`.
 */
export const startCluster = (options: Partial<ClusterOptions> = {}): Promise<Cluster> =>
  startOn({ ...options, platform: options.platform ?? memoryPlatform({ clock: 'stepping' }) })

/** Starts ZooKeeper alone, in this process's memory, on a stepping clock. @param options.platform default: as `startCluster`'s. */
export const startZooKeeperServer = (
  options: Partial<ZooKeeperServerOptions> = {},
): Promise<ZooKeeperHandle> =>
  startServerOn({ ...options, platform: options.platform ?? memoryPlatform({ clock: 'stepping' }) })
