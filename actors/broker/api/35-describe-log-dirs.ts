import { errors } from '../../../src/error.ts'
import type { DescribeLogDirs } from '../../../src/protocol/index.ts'
import type { Partition } from '../broker-world.ts'
import type { Handler } from '../handler.ts'

/**
 * DescribeLogDirs: v0–v4
 *
 * - This broker's one log directory, and the bytes of the replicas in it: of all (no topics named), or of those asked for that are here.
 * - How far a replica's log end is behind its high watermark is its lag: more than 0 only after a truncation.
 *
 * v3: errorCode · v4: totalBytes and usableBytes (KIP-827), which are not known of memory: −1
 * Not implemented: authorization, replicas that move between directories.
 */
export const describeLogDirs: Handler<typeof DescribeLogDirs> = (broker, { topics }) => {
  const wanted =
    topics && new Map(topics.map(({ topic, partitions }) => [topic, new Set(partitions)]))
  const here = [...broker.partitions.all()].filter(
    ({ topic, partition }) => wanted === null || wanted.get(topic)?.has(partition),
  )
  const byTopic = Map.groupBy(here, ({ topic }) => topic)
  return {
    throttleTimeMs: 0,
    errorCode: errors.NONE,
    results: [
      {
        errorCode: errors.NONE,
        logDir: `/${broker.name}`,
        topics: [...byTopic].map(([name, partitions]) => ({
          name,
          partitions: partitions.map(describe),
        })),
      },
    ],
  }
}

const describe = ({ partition, log, highWatermark }: Partition) => ({
  partitionIndex: partition,
  partitionSize: log.sizeBytes,
  offsetLag: Math.max(highWatermark - log.logEndOffset, 0),
  isFutureKey: false,
})
