import type { TopicPartition } from '../../src/ids.ts'
import { splitBatches } from '../../src/records/batch.ts'
import { decodeRecords } from '../../src/records/record.ts'
import type { BrokerNode } from '../broker-node.ts'
import type { Cluster } from '../cluster.ts'

/** Who leads, who follows, where each stands. */
export function partitionLines(
  cluster: Cluster,
  { topic, partition }: TopicPartition,
): readonly string[] {
  const { state } = cluster.partition(topic, partition)
  if (state === undefined) return [`${topic}-${partition}: not there`]
  const { leader, leaderEpoch, isr, replicas, replicaStates } = state
  return [
    `${topic}-${partition}: leader ${leader < 0 ? 'none' : leader}, leader epoch ${leaderEpoch}, ISR ${isr.join(',')} of ${replicas.join(',')}`,
    ...replicaStates.map(({ broker, state: chart, logEndOffset, highWatermark }) =>
      logEndOffset === null
        ? `  broker ${broker}: ${chart}`
        : `  broker ${broker}: ${chart}, log end ${logEndOffset}, high watermark ${highWatermark}`,
    ),
  ]
}

/** Each replica's records, and in which leader epoch they were appended. */
export function logLines(
  cluster: Cluster,
  { topic, partition }: TopicPartition,
): readonly string[] {
  return (cluster.brokers as readonly BrokerNode[]).flatMap(node => {
    const log = node.running?.world.partitions.get(topic, partition)?.log
    if (log === undefined) return []
    const records: string[] = []
    for (let from = log.logStartOffset; from < log.logEndOffset; ) {
      const read = log.read(from, {
        maxBytes: 1 << 20,
        upToOffset: log.logEndOffset,
        minOneBatch: true,
      })
      if (!read.ok || read.nextOffset <= from) break
      for (const batch of splitBatches(read.records).batches)
        for (const { value } of decodeRecords(batch))
          records.push(
            `${new TextDecoder().decode(value ?? undefined)}(epoch ${batch.partitionLeaderEpoch})`,
          )
      from = read.nextOffset
    }
    return [`broker ${node.id}: ${records.length === 0 ? 'empty' : records.join(' ')}`]
  })
}
