/** The first test of the README, and that it is this one. */
import { readFileSync } from 'node:fs'
import { expect, test } from '../../actors/harness/vitest.ts'

test.override('clusterOptions', {
  topics: [{ name: 'orders', partitions: 1, replicationFactor: 3 }],
})

test('a record outlives the broker that took it', async ({ cluster, faults }) => {
  const orders = cluster.partition('orders', 0)
  const refused = faults.injectError('Produce', 'NOT_LEADER_OR_FOLLOWER', {
    topic: 'orders',
    times: 2,
  })
  await cluster.producer('shop').send({ topic: 'orders', value: new TextEncoder().encode('paid') })
  expect(refused).toHaveFired(2)

  const dead = orders.leader
  dead?.kill()
  await expect(orders).toHaveLeaderOtherThan(dead?.id ?? 0)
  await dead?.restart()
  await expect(orders).toHaveIsr([1, 2, 3])
})

test('the README has it so', () => {
  const bare = (text: string): string => text.replace(/\s+/g, '').replace(/,(?=[})\]])/g, '')
  const readme = readFileSync('README.md', 'utf8')
  const section = readme.slice(readme.indexOf('### Your first test'))
  const [, fence = ''] = /```ts\n([\s\S]*?)```/.exec(section) ?? []
  const first = fence.replace("'samsa/vitest'", "'../../actors/harness/vitest.ts'")
  expect(first).not.toBe('')
  expect(bare(readFileSync(import.meta.filename, 'utf8'))).toContain(bare(first))
})
