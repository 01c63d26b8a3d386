import { expect, test } from 'vitest'
import { lastLines, UnfiredFaults, withCluster } from '../../../actors/harness/index.ts'
import type { Cluster } from '../../../actors/index.ts'

const topics = [{ name: 'orders', partitions: 1, replicationFactor: 3 }]

test('the cluster is ended whatever happens, and what failed is told with the story', async () => {
  let kept: Cluster | undefined
  const failing = withCluster({ topics }, async cluster => {
    kept = cluster
    const orders = cluster.partition('orders', 0)
    const dead = orders.leader
    dead?.kill()
    await orders.until(({ leader }) => leader !== dead?.id && leader >= 0)
    throw new Error('my own assertion')
  })
  await expect(failing).rejects.toThrow(/my own assertion\n\nThe last lines of the story:\n.*s {2}/)
  await expect(failing).rejects.toThrow(/partition\/orders-0 .*leader/)
  expect(kept?.brokers.map(({ state }) => state)).not.toContain('running')
})

test('a fault that never fired fails the test, says why and what to do; an optional one does not', async () => {
  const run = (optional: boolean, onUnfiredFault: 'error' | 'ignore' = 'error') =>
    withCluster({ brokers: 1, onUnfiredFault }, cluster => {
      cluster.faults.injectError('Produce', 'NOT_CONTROLLER', { clientId: 'nobody', optional })
    })
  await expect(run(false)).rejects.toThrow(UnfiredFaults)
  await expect(run(false)).rejects.toThrow(
    /never fired.*\n {2}injectError Produce NOT_CONTROLLER \(clientId nobody\)\n.*optional: true/,
  )
  await run(true)
  await run(false, 'ignore')
})

test('the story is told about what was asked', () =>
  withCluster({ topics: [...topics, { name: 'orders-1', partitions: 1 }] }, async cluster => {
    const lines = lastLines(cluster, { about: ['orders-0'], linesMax: 1000 })
    expect(lines.some(line => line.includes('partition/orders-0 '))).toBe(true)
    expect(lines.some(line => line.includes('orders-1'))).toBe(false)
    expect(lastLines(cluster, { linesMax: 3 })).toHaveLength(3)
  }))

test('what it runs on is chosen by name', async () => {
  for (const platform of ['memory', 'memory-wall', 'simulated', 'node'] as const)
    await withCluster({ platform, brokers: 1 }, cluster => {
      expect(cluster.platform.kind).toBe(platform.replace('-wall', ''))
    })
  await expect(withCluster({ platform: 'mars' as 'node' }, () => {})).rejects.toThrow(
    /no platform mars: give 'memory'/,
  )
})
