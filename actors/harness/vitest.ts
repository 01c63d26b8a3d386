/** The door for vitest: a cluster for each test, faults that must fire, and expectations that wait on the cluster's clock. */
import { test as base, vi } from 'vitest'
import type { Cluster } from '../cluster.ts'
import type { FaultHandle } from '../fault-handle.ts'
import type { Faults } from '../faults.ts'
import { endTestCluster, type HarnessOptions, isVirtual, startTestCluster } from './fixture.ts'
import { lastStory } from './story.ts'
import './matchers.ts'

export { expect } from 'vitest'
export type { Cluster, FaultHandle, Faults, HarnessOptions }

/** Taken when this file is first read, before a test can have put others in their place. */
const { setTimeout: trueTimeout, setImmediate: trueImmediate } = globalThis

/** Our clocks run on the true timers: with fake ones nothing would ever happen, and the test would hang without a word. */
function checkTimersAreTrue(): void {
  if (!vi.isFakeTimers()) return
  if (globalThis.setTimeout === trueTimeout && globalThis.setImmediate === trueImmediate) return
  throw new Error(
    'vi.useFakeTimers() is active, and a cluster runs on true timers: it would stand still for ever. ' +
      "Call vi.useRealTimers() first, or fake only what you need: vi.useFakeTimers({ toFake: ['Date'] }). " +
      'Time that costs nothing is what the default platform has by itself',
  )
}

/** What failed is told with how it came to that. */
function tellStories(
  errors: readonly { message?: string; stack?: string }[],
  clusters: readonly Cluster[],
): void {
  const story = clusters.map(cluster => lastStory(cluster)).join('\n')
  for (const error of errors) {
    if (error.message === undefined || error.message.includes('The last lines of the story'))
      continue
    const told = `${error.message}\n\n${story}`
    error.stack = error.stack?.replace(error.message, () => told) ?? told
    error.message = told
  }
}

/**
 * vitest's `test` with fixtures, each made on first use and ended with its test:
 * - `cluster`: one cluster, by `clusterOptions`: `test.override('clusterOptions', { brokers: 1, topics: [{ name: 'orders' }] })`;
 * - `faults`: its faults;
 * - `startCluster(options)`: others, for tests that want them at a moment of their own.
 *
 * A test whose faults never fired fails; one that failed tells the last lines of each cluster's story.
 */
export const test = base
  .extend('clusterOptions', {} as HarnessOptions)
  .extend('startCluster', async ({ clusterOptions, task }, { onCleanup }) => {
    const started: { cluster: Cluster; options: HarnessOptions }[] = []
    const hasFailed = (): boolean => task.result?.state === 'fail'
    onCleanup(async () => {
      if (hasFailed())
        tellStories(
          task.result?.errors ?? [],
          started.map(({ cluster }) => cluster),
        )
      // All are ended, whatever one of them says.
      const ends = started.map(({ cluster, options }) =>
        endTestCluster(cluster, options, hasFailed()),
      )
      const failed = (await Promise.allSettled(ends)).find(({ status }) => status === 'rejected')
      if (failed?.status === 'rejected') throw failed.reason
    })
    return async (own: HarnessOptions = {}): Promise<Cluster> => {
      checkTimersAreTrue()
      const options = { ...clusterOptions, ...own }
      const cluster = await startTestCluster(options)
      started.push({ cluster, options })
      return cluster
    }
  })
  .extend('cluster', ({ startCluster }): Promise<Cluster> => startCluster())
  .extend('faults', ({ cluster }): Faults => cluster.faults)

export { isVirtual }
