/**
 * A consumer group shares six partitions: two members, three, seven; one leaves, one dies.
 *
 *   npx tsx examples/rebalance.ts
 *
 * In your own project the import is `samsa/memory`.
 */

import type { ConsumerHandle } from '../actors/index.ts'
import { startCluster } from '../actors/memory.ts'
import { timelineLine } from '../actors/timeline.ts'

await using cluster = await startCluster({
  topics: [{ name: 'orders', partitions: 6, replicationFactor: 3 }],
})
const startAtMs = cluster.platform.clock.now()
cluster.trace.entries.subscribe(entry => {
  const line = timelineLine(entry, startAtMs)
  if (line !== null) console.log(line)
})

const members = new Map<string, ConsumerHandle>()
const join = (name: string): void => {
  const member = cluster.consumer(name, {
    groupId: 'billing',
    topics: ['orders'],
    sessionTimeoutMs: 3000,
    heartbeatIntervalMs: 500,
    rebalanceTimeoutMs: 3000,
  })
  member.batches.subscribe(batch => batch.ack())
  members.set(name, member)
}
/** Waits until every member has its share, and says who reads what. */
const settle = async (): Promise<void> => {
  const shared = (): number =>
    [...members.values()].reduce((sum, { consumer }) => sum + consumer.assignment.length, 0)
  await cluster.group('billing').stable({ members: members.size })
  await cluster.until(() => shared() === 6)
  for (const [name, { consumer }] of members) {
    const partitions = consumer.assignment.map(({ partition }) => partition)
    cluster.note(
      `${name} reads ${partitions.length === 0 ? 'nothing: it is idle' : partitions.join(', ')}`,
    )
  }
}

cluster.note('two members share six partitions')
join('member-1')
join('member-2')
await settle()

cluster.note('a third joins')
join('member-3')
await settle()

cluster.note('four more join: more members than partitions, so one is idle')
for (const name of ['member-4', 'member-5', 'member-6', 'member-7']) join(name)
await settle()

cluster.note('member-1 leaves in good order')
await members.get('member-1')?.close()
members.delete('member-1')
await settle()

cluster.note('member-2 dies without a word')
members.get('member-2')?.kill()
members.delete('member-2')
await settle()
