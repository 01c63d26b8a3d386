import {
  isEndUnknown,
  readableUpTo,
  readRefusal,
} from '../../../machines/broker/partition-replica.ts'
import { type ErrorCode, errors } from '../../../src/error.ts'
import type { ListOffsets, RequestOf, ResponseDraftOf } from '../../../src/protocol/index.ts'
import type { BrokerWorld, Partition } from '../broker-world.ts'
import type { Call, Handler } from '../handler.ts'

type Request = RequestOf<typeof ListOffsets>
type Asked = Request['topics'][number]['partitions'][number]
type Answer = ResponseDraftOf<typeof ListOffsets>['topics'][number]['partitions'][number]

/** Timestamps that stand for something else. */
const latest = -1
const earliest = -2
const maxTimestamp = -3
const earliestLocal = -4
const latestTiered = -5

const consumer = -1
/** A tool that may also ask followers (ListOffsetsRequest.DEBUGGING_REPLICA_ID). */
const debuggingConsumer = -2

/**
 * ListOffsets: v0–v9
 *
 * - "Latest" is the high watermark for consumers, the last stable offset under read_committed, the log's end for brokers. A record
 *   beyond it is not found by its timestamp either.
 * - While a new leader's high watermark is before its epoch it does not know where the log ends for consumers: OFFSET_NOT_AVAILABLE
 *   (KIP-207), before v5 LEADER_NOT_AVAILABLE.
 * - Nothing found is offset −1 without an error. A partition named twice is INVALID_REQUEST.
 * - v0 lists several offsets below one; here at most the two ends of the log, since nobody reads more of it.
 *
 * v4: currentLeaderEpoch (KIP-320) · v7: −3, the greatest timestamp (KIP-734) · v8: −4, the earliest local offset · v9: −5, the
 * latest tiered one, of which there is none
 */
export const listOffsets: Handler<typeof ListOffsets> = (broker, request, call) => {
  const named = new Set<string>()
  const twice = new Set<string>()
  for (const { name, partitions } of request.topics)
    for (const { partitionIndex } of partitions) {
      const key = `${name}-${partitionIndex}`
      if (named.has(key)) twice.add(key)
      named.add(key)
    }
  return {
    throttleTimeMs: 0,
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(asked =>
        twice.has(`${name}-${asked.partitionIndex}`)
          ? refused(asked, call, errors.INVALID_REQUEST)
          : answer(broker, request, call, name, asked),
      ),
    })),
  }
}

function answer(
  broker: BrokerWorld,
  { replicaId, isolationLevel }: Request,
  call: Call,
  topic: string,
  asked: Asked,
): Answer {
  if (call.version > 0 && !isKnownTimestamp(asked.timestamp, call.version))
    return refused(asked, call, errors.UNSUPPORTED_VERSION)
  const partition = broker.partitions.find(topic, asked.partitionIndex)
  if (typeof partition === 'number') return refused(asked, call, partition)
  const leaderOnly = replicaId !== debuggingConsumer
  const refusal = readRefusal(partition.snapshot, asked.currentLeaderEpoch, leaderOnly)
  if (refusal !== errors.NONE) return refused(asked, call, refusal)
  const found = offsetOf(partition, asked, {
    isBroker: replicaId >= 0,
    readsCommitted: isolationLevel === 1 && replicaId === consumer,
  })
  if (typeof found === 'number') {
    const isTooNew = found === errors.OFFSET_NOT_AVAILABLE && call.version < 5
    return refused(asked, call, isTooNew ? errors.LEADER_NOT_AVAILABLE : found)
  }
  const { timestamp, offset, leaderEpoch } = found
  const { partitionIndex } = asked
  if (call.version > 0)
    return {
      partitionIndex,
      errorCode: errors.NONE,
      timestamp,
      offset,
      ...(call.version >= 4 ? { leaderEpoch } : {}),
    }
  const { logStartOffset } = partition.log
  const ends = offset < 0 ? [] : offset > logStartOffset ? [offset, logStartOffset] : [offset]
  return {
    partitionIndex,
    errorCode: errors.NONE,
    oldStyleOffsets: ends.slice(0, Math.max(0, asked.maxNumOffsets)),
  }
}

/** Times, and what negative ones stand for since which version (KafkaApis.timestampMinSupportedVersion). */
const isKnownTimestamp = (timestamp: number, version: number): boolean =>
  timestamp >= earliest ||
  (timestamp === maxTimestamp && version >= 7) ||
  (timestamp === earliestLocal && version >= 8) ||
  (timestamp === latestTiered && version >= 9)

interface Found {
  readonly timestamp: number
  readonly offset: number
  readonly leaderEpoch: number
}

const nothing: Found = { timestamp: -1, offset: -1, leaderEpoch: -1 }

/** The offset that a timestamp stands for, or an error code (Partition.fetchOffsetForTimestamp). */
function offsetOf(
  partition: Partition,
  { timestamp }: Asked,
  reader: { readonly isBroker: boolean; readonly readsCommitted: boolean },
): Found | ErrorCode {
  const { log, snapshot, leaderEpoch, lastStableOffset } = partition
  const end = reader.readsCommitted
    ? lastStableOffset
    : readableUpTo(snapshot, reader.isBroker ? 'everything' : 'committed')
  const isUnsure = !reader.isBroker && isEndUnknown(snapshot)
  switch (timestamp) {
    case latest:
      return isUnsure ? errors.OFFSET_NOT_AVAILABLE : { timestamp: -1, offset: end, leaderEpoch }
    case earliest:
    case earliestLocal: {
      const offset = log.logStartOffset
      return { timestamp: -1, offset, leaderEpoch: log.leaderEpochAt(offset) }
    }
    case latestTiered:
      return nothing
    default: {
      const found =
        timestamp === maxTimestamp ? log.offsetOfMaxTimestamp() : log.offsetForTimestamp(timestamp)
      if (found !== null && found.offset < end) return found
      return isUnsure ? errors.OFFSET_NOT_AVAILABLE : nothing
    }
  }
}

const refused = ({ partitionIndex }: Asked, call: Call, errorCode: ErrorCode): Answer => ({
  partitionIndex,
  errorCode,
  ...(call.version === 0 ? { oldStyleOffsets: [] } : {}),
})
