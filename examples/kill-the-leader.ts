/**
 * A leader dies while a producer writes, and nothing acknowledged is lost.
 *
 *   npx tsx examples/kill-the-leader.ts
 *
 * Three brokers and their ZooKeeper in this process's memory, on a stepping clock: the session timeout that ZooKeeper waits for costs
 * no time of yours. In your own project the import is `samsa/memory`.
 */
import { startCluster } from '../actors/memory.ts'
import { timelineLine } from '../actors/timeline.ts'

await using cluster = await startCluster({
  topics: [{ name: 'orders', partitions: 1, replicationFactor: 3 }],
})
const startAtMs = cluster.platform.clock.now()
cluster.trace.entries.subscribe(entry => {
  const line = timelineLine(entry, startAtMs)
  if (line !== null) console.log(line)
})

const orders = cluster.partition('orders', 0)
const producer = cluster.producer('producer')
const consumer = cluster.consumer('consumer', {
  groupId: 'billing',
  topics: ['orders'],
  autoOffsetReset: 'earliest',
})
const read: string[] = []
consumer.batches.subscribe(batch => {
  read.push(...batch.records.map(({ value }) => new TextDecoder().decode(value ?? undefined)))
  batch.ack()
})

const written: string[] = []
const write = async (count: number): Promise<void> => {
  for (const stop = written.length + count; written.length < stop; ) {
    const value = `order ${written.length}`
    await producer.send({ topic: 'orders', partition: 0, value })
    written.push(value)
  }
}
/** Who leads, and at which offset everybody stands. */
const stand = (): void => {
  const state = orders.state
  cluster.note(
    `orders-0: broker ${state?.leader} leads (leader epoch ${state?.leaderEpoch}), in sync ${state?.isr}; ` +
      `${written.length} acknowledged; the consumer stands at offset ${consumer.consumer.position(orders)}`,
  )
}

await write(10)
await cluster.until(() => read.length === 10)
stand()

const leader = orders.leader
cluster.note(`broker ${leader?.id} is killed: nobody is told, its ZooKeeper session goes silent`)
leader?.kill()
await write(10) // the producer goes on by itself: it retries until there is a new leader
await cluster.until(() => read.length === 20)
stand()

cluster.note(`broker ${leader?.id} comes back`)
await leader?.restart()
await orders.until(({ isr }) => isr.length === 3)
await write(10)
await cluster.until(() => read.length === 30)
stand()

const whole = written.every((value, at) => value === read[at]) && read.length === written.length
cluster.note(
  `${written.length} acknowledged, ${read.length} read: ${whole ? 'each once, in order' : 'NOT THE SAME'}`,
)
if (!whole) process.exitCode = 1
