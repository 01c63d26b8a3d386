import { readRefusal } from '../../../machines/broker/partition-replica.ts'
import { errors } from '../../../src/error.ts'
import type { OffsetForLeaderEpoch } from '../../../src/protocol/index.ts'
import type { Handler } from '../handler.ts'

/**
 * OffsetForLeaderEpoch: v0–v4
 *
 * - Answers the largest leader epoch known at or below the one asked for, and where it ends in the log; the current one ends where the
 *   log does. An epoch that is not known, and none below it, is (−1, −1).
 * - Leaders alone answer; a reader of an older leader epoch is FENCED_LEADER_EPOCH, of a newer one UNKNOWN_LEADER_EPOCH.
 *
 * v1: the epoch in the answer (KIP-279) · v2: currentLeaderEpoch (KIP-320)
 */
export const offsetForLeaderEpoch: Handler<typeof OffsetForLeaderEpoch> = (broker, request) => ({
  throttleTimeMs: 0,
  topics: request.topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition: number, currentLeaderEpoch, leaderEpoch: asked }) => {
      const found = broker.partitions.find(topic, number)
      const errorCode =
        typeof found === 'number' ? found : readRefusal(found.snapshot, currentLeaderEpoch, true)
      if (typeof found === 'number' || errorCode !== errors.NONE)
        return { errorCode, partition: number, leaderEpoch: -1, endOffset: -1 }
      const { leaderEpoch, endOffset } = found.log.endOffsetForEpoch(asked)
      return { errorCode, partition: number, leaderEpoch, endOffset }
    }),
  })),
})
