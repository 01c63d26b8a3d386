import { errors } from '../../../src/error.ts'
import type { DescribeLogDirs } from '../../../src/protocol/index.ts'
import type { BrokerWorld, Partition } from '../broker-world.ts'
import type { Handler } from '../handler.ts'

/**
 * DescribeLogDirs: v0–v4
 *
 * - This broker's one log directory, and the bytes of the replicas in it: of all (no topics named), or of those asked for that are here.
 * - How far a replica's log end is behind its high watermark is its lag: more than 0 only after a truncation.
 *
 * - A directory whose disk has failed is KAFKA_STORAGE_ERROR, and nothing is said of what is in it.
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
  const failed = [...broker.partitions.all()].some(({ state }) => state === 'failed')
  return {
    throttleTimeMs: 0,
    errorCode: errors.NONE,
    results: [
      {
        logDir: `/${broker.name}`,
        errorCode: failed ? errors.KAFKA_STORAGE_ERROR : errors.NONE,
        topics: failed
          ? []
          : [...byTopic].map(([name, partitions]) => ({
              name,
              partitions: partitions.map(describe),
            })),
        ...volumeOf(broker, failed),
      },
    ],
  }
}

/** Only from a disk that does what it is asked. */
function volumeOf({ platform, name }: BrokerWorld, failed: boolean) {
  if (failed) return {}
  try {
    const volume = platform.disk(name).volume?.()
    if (volume === undefined) return {}
    const { directory: logDir, totalBytes, usableBytes } = volume
    return { logDir, totalBytes, usableBytes }
  } catch {
    return {}
  }
}

const describe = ({ partition, log, highWatermark }: Partition) => ({
  partitionIndex: partition,
  partitionSize: log.sizeBytes,
  offsetLag: Math.max(highWatermark - log.logEndOffset, 0),
  isFutureKey: false,
})
