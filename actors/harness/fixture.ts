/// <reference lib="esnext.disposable" preserve="true" />
import { type MemoryPlatform, memoryPlatform } from '../../src/platform/memory.ts'
import { simulatedPlatform } from '../../src/platform/simulated.ts'
import type { Platform } from '../../src/ports.ts'
import { type Cluster, type ClusterOptions, startCluster } from '../cluster.ts'
import { lastStory } from './story.ts'

/**
 * What a test's cluster runs on:
 * - `memory` (default): no ports, and a stepping clock: waiting costs nothing, the run is the same again. For Samsa's own
 *   clients;
 * - `memory-wall`: no ports, the wall clock. For kafkajs by {@link socketFactory};
 * - `node`: TCP on free ports of 127.0.0.1, the wall clock. For any client;
 * - `simulated`: as `memory`, with links that take their time and can be cut.
 */
export type PlatformName = 'memory' | 'memory-wall' | 'node' | 'simulated'

export interface HarnessOptions extends Omit<ClusterOptions, 'platform'> {
  readonly platform?: PlatformName | Platform
  /** Where chance begins in `memory` and `simulated`. Default 1. */
  readonly seed?: number
  /** What a fault that never fired does to its test. Default `error`. */
  readonly onUnfiredFault?: 'error' | 'ignore'
}

/** Faults that were set and never fired: the test says nothing about them. */
export class UnfiredFaults extends Error {
  override readonly name = 'UnfiredFaults'
}

/** Whether time costs nothing there and moves only while somebody waits for the cluster. */
export const isVirtual = (platform: Platform): boolean =>
  platform.kind === 'simulated' || (platform as Partial<MemoryPlatform>).stepping !== undefined

async function platformNamed(name: PlatformName | Platform, seed: number): Promise<Platform> {
  if (typeof name !== 'string') return name
  switch (name) {
    case 'memory':
      return memoryPlatform({ clock: 'stepping', seed })
    case 'memory-wall':
      return memoryPlatform({ clock: 'wall' })
    case 'simulated':
      return simulatedPlatform({ seed })
    case 'node': {
      // Only who asks for Node needs it.
      const { nodePlatform } = await import('../node.ts')
      return nodePlatform()
    }
    default:
      throw new RangeError(
        `there is no platform ${String(name)}: give 'memory', 'memory-wall', 'simulated', 'node', or a platform of your own`,
      )
  }
}

/** Starts a cluster for one test. {@link endTestCluster} it, or let {@link withCluster} do both. */
export async function startTestCluster(options: HarnessOptions = {}): Promise<Cluster> {
  const { platform = 'memory', seed = 1, onUnfiredFault: _, ...rest } = options
  return startCluster({ ...rest, platform: await platformNamed(platform, seed) })
}

/** @throws UnfiredFaults where faults were set that are not optional and have not fired */
export function checkFaultsFired(cluster: Cluster): void {
  const unfired = cluster.faults.all.filter(({ fired, optional }) => fired === 0 && !optional)
  if (unfired.length === 0) return
  throw new UnfiredFaults(
    `${unfired.length === 1 ? 'a fault' : `${unfired.length} faults`} never fired, so this test says nothing about it:\n` +
      `${unfired.map(({ what }) => `  ${what}`).join('\n')}\n` +
      'Nobody sent such a request after it was set, or its scope (topic, partition, clientId, broker) fits none. ' +
      'Say { optional: true } where a fault may stay unused.\n' +
      lastStory(cluster),
  )
}

/**
 * Ends a test's cluster, always.
 *
 * @param hasFailed the test failed already: its own error says more than a fault that never fired
 * @throws UnfiredFaults
 */
export async function endTestCluster(
  cluster: Cluster,
  options: HarnessOptions = {},
  hasFailed = false,
): Promise<void> {
  try {
    if (!hasFailed && options.onUnfiredFault !== 'ignore') checkFaultsFired(cluster)
  } finally {
    await cluster.stop()
  }
}

/**
 * A cluster for the duration of a function, in any test runner: it is ended whatever happens, what the function throws is told with
 * the last lines of the story, and faults that never fired fail it.
 *
 * ```ts
 * test('…', () => withCluster({ topics: [{ name: 'orders' }] }, async cluster => { … }))
 * ```
 */
export async function withCluster<T>(
  options: HarnessOptions,
  use: (cluster: Cluster) => T | Promise<T>,
): Promise<T> {
  const cluster = await startTestCluster(options)
  let answer: T
  try {
    answer = await use(cluster)
  } catch (error) {
    tellStory(error, cluster)
    await endTestCluster(cluster, options, true)
    throw error
  }
  await endTestCluster(cluster, options)
  return answer
}

function tellStory(error: unknown, cluster: Cluster): void {
  if (!(error instanceof Error) || error.message.includes('The last lines of the story')) return
  error.message += `\n\n${lastStory(cluster)}`
}
