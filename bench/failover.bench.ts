/**
 * How soon a cluster serves, and how soon it serves again: `npm run bench -- failover`. Over TCP, three brokers in this process.
 *
 * The failover is counted from the expiry of the dead leader's session, as ZooKeeper deletes its znode, to the first record that the new
 * leader acknowledged with acks=all; what comes before is the session timeout alone, which is configuration.
 */
import { type Cluster, startCluster } from '../actors/node.ts'
import { Produce } from '../src/protocol/index.ts'
import { Connection } from '../test/contract/wire.ts'
import { fullBatch } from './kafka/load.ts'
import { median, table } from './report.ts'

const rounds = 5
const record = fullBatch(100, 1).bytes
const topic = 'orders'

/** Asks all who live to take a record, until one has. */
async function acknowledged(cluster: Cluster): Promise<void> {
  const up = cluster.brokers.filter(({ state }) => state === 'running')
  const connections = await Promise.all(
    up.map(({ address }) => Connection.open(`${address?.host}:${address?.port}`)),
  )
  for (;;) {
    for (const connection of connections) {
      const { responses } = await connection.request(Produce, 9, {
        acks: -1,
        timeoutMs: 10_000,
        topicData: [{ name: topic, partitionData: [{ index: 0, records: record }] }],
      })
      if (responses[0]?.partitionResponses[0]?.errorCode === 0) {
        for (const one of connections) one.close()
        return
      }
    }
    await new Promise(resolve => setTimeout(resolve, 1))
  }
}

const options = { topics: [{ name: topic, partitions: 1, replicationFactor: 3 }] }

async function toFirstRecord(): Promise<number> {
  const begin = performance.now()
  const cluster = await startCluster(options)
  await acknowledged(cluster)
  const taken = performance.now() - begin
  await cluster.stop()
  return taken
}

async function toNewLeader(partitions: number): Promise<number> {
  const cluster = await startCluster({
    topics: [
      ...options.topics,
      ...(partitions > 1
        ? [{ name: 'others', partitions: partitions - 1, replicationFactor: 3 }]
        : []),
    ],
    startTimeoutMs: 120_000,
  })
  await acknowledged(cluster)
  const { leader } = cluster.partition(topic, 0)
  const path = `/brokers/ids/${leader?.id}`
  const expired = new Promise<number>(resolve => {
    const following = cluster.trace.entries.subscribe(({ kind, type, detail }) => {
      if (kind !== 'znode' || type !== 'deleted') return
      if (!JSON.stringify(detail).includes(path)) return
      following.unsubscribe()
      resolve(performance.now())
    })
  })
  leader?.kill()
  const begin = await expired
  await acknowledged(cluster)
  const taken = performance.now() - begin
  await cluster.stop()
  return taken
}

async function times(count: number, measure: () => Promise<number>): Promise<number[]> {
  const taken: number[] = []
  for (let round = 0; round < count; round++) taken.push(await measure())
  return taken
}

const first = await toFirstRecord()
const rows: [string, number][] = [
  ['startCluster to the first acknowledged record, the first in a process', first],
  ['the same, once warm', median(await times(rounds, toFirstRecord))],
]
for (const partitions of [1, 1000])
  rows.push([
    `session expired to the first record acknowledged by the new leader, ${partitions} partition${partitions > 1 ? 's' : ''}`,
    median(await times(partitions > 1 ? 3 : rounds, () => toNewLeader(partitions))),
  ])
const resident = `${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB`
console.log(
  table(
    ['', 'Samsa'],
    [
      ...rows.map(([what, taken]) => [what, `${taken.toFixed(0)} ms`]),
      ['resident memory after three clusters of 1,000 partitions of three replicas', resident],
    ],
  ),
)
