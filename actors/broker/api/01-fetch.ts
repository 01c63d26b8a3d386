import { finalize } from 'rxjs'
import {
  followerRefusal,
  isNewcomer,
  type PartitionReplicaSnapshot,
  readableUpTo,
  readRefusal,
} from '../../../machines/broker/partition-replica.ts'
import {
  type AnsweredPartition,
  answeredTopics,
  type FetchedData,
  type WantedPartition,
} from '../../../src/broker/fetch-session.ts'
import { type ErrorCode, errors } from '../../../src/error.ts'
import { type BrokerId, noUuid, type Uuid } from '../../../src/ids.ts'
import type { Fetch, RequestOf, ResponseDraftOf } from '../../../src/protocol/index.ts'
import type { BrokerWorld, Partition } from '../broker-world.ts'
import type { FetchContext } from '../fetch-sessions.ts'
import type { Call, Handler } from '../handler.ts'
import { LeaderHints } from '../leader-hints.ts'
import { partitionKey } from '../purgatory.ts'

type Request = RequestOf<typeof Fetch>
type Answer = ResponseDraftOf<typeof Fetch>

const noRecords = new Uint8Array(0)

/** Who reads, and what it may see. */
interface Reader {
  /** −1: a consumer. */
  readonly replicaId: BrokerId
  readonly brokerEpoch: number
  readonly isFollower: boolean
  /** Consumers before v11 are answered by leaders alone (KIP-392). */
  readonly leaderOnly: boolean
  readonly readsCommitted: boolean
}

/** A wanted partition with the replica that answers for it, or why none does. */
interface Target extends WantedPartition {
  /** The name, also where it was asked for by id; null where no topic has that id. */
  readonly name: string | null
  readonly partition: Partition | ErrorCode
}

/** All that a fetch brings, as of now. */
interface Pass {
  readonly answers: readonly AnsweredPartition[]
  readonly bytes: number
  /** Errors and divergences do not wait. */
  readonly isUrgent: boolean
}

/**
 * Fetch: v0–v17
 *
 * - A consumer reads up to the high watermark, or under read_committed up to the last stable offset; a follower all there is. What a
 *   follower asks for tells the leader how far it is, once per fetch, unless its log diverges (KAFKA-13141).
 * - It waits until there are minBytes, at most maxWaitMs; errors and divergences are answered at once. The next fetch on the same
 *   connection ends the waiting: whoever sends it wants something else.
 * - maxBytes and partitionMaxBytes are soft: the first batch of the answer comes whatever its size (KIP-74), but not before v3.
 * - A reader of an older leader epoch is FENCED_LEADER_EPOCH, of a newer one UNKNOWN_LEADER_EPOCH.
 * - Below v4 every partition that could be read is UNSUPPORTED_VERSION: records are not converted down.
 *
 * v7: incremental sessions (KIP-227) · v9: currentLeaderEpoch (KIP-320) · v11: followers answer consumers (KIP-392)
 * · v12: lastFetchedEpoch (KIP-595) · v13: topic ids (KIP-516) · v15: broker epochs (KIP-903) · v16: the new leader (KIP-951)
 * Not implemented: preferred replicas (no replica.selector.class), aborted transactions, quotas.
 */
export const fetch: Handler<typeof Fetch> = (broker, request, call) => {
  const { fetchSessions } = broker.partitions
  const reader = readerOf(request, call.version)
  fetchSessions.waiting.get(call.connectionId)?.()
  const context = fetchSessions.begin(request, {
    usesTopicIds: call.version >= 13,
    isFollower: reader.isFollower,
    nowMs: broker.platform.clock.now(),
  })
  if (context.errorCode !== errors.NONE)
    return { throttleTimeMs: 0, errorCode: context.errorCode, sessionId: 0, responses: [] }

  const targets = context.wanted.map(wanted => targetOf(broker, call, wanted))
  const limits = limitsOf(broker, request, call, reader)
  const hasNewcomer =
    reader.isFollower && broker.purgatory.together(() => noteProgress(targets, reader))
  const first = read(targets, reader, limits)
  const { maxWaitMs, minBytes } = request
  if (maxWaitMs <= 0 || targets.length === 0 || hasNewcomer || isEnough(first, minBytes))
    return answer(broker, call, context, first)

  let isOver = false
  const ownKey = `fetch of connection ${call.connectionId}`
  const end = (): void => {
    isOver = true
    broker.purgatory.advance(ownKey)
  }
  fetchSessions.waiting.set(call.connectionId, end)
  const keys = targets.map(({ name, topic, wanted }) =>
    partitionKey(name ?? topic, wanted.partition),
  )
  return broker.purgatory
    .wait(
      [...keys, ownKey],
      maxWaitMs,
      () => {
        if (!isOver && !targets.some(target => isNews(target, reader))) return undefined
        const pass = read(targets, reader, limits)
        return isOver || isEnough(pass, minBytes) ? answer(broker, call, context, pass) : undefined
      },
      () => answer(broker, call, context, read(targets, reader, limits)),
    )
    .pipe(
      finalize(() => {
        if (fetchSessions.waiting.get(call.connectionId) === end)
          fetchSessions.waiting.delete(call.connectionId)
      }),
    )
}

function readerOf({ replicaId, replicaState, isolationLevel }: Request, version: number): Reader {
  const id = version >= 15 ? replicaState.replicaId : replicaId
  return {
    replicaId: id,
    brokerEpoch: version >= 15 ? replicaState.replicaEpoch : -1,
    isFollower: id >= 0,
    leaderOnly: id >= 0 || version < 11,
    readsCommitted: isolationLevel === 1,
  }
}

interface Limits {
  readonly bytes: number
  /** The first batch comes whatever its size. */
  readonly isSoft: boolean
}

function limitsOf(broker: BrokerWorld, request: Request, call: Call, reader: Reader): Limits {
  const bytes = reader.isFollower
    ? request.maxBytes
    : Math.min(request.maxBytes, broker.config['fetch.max.bytes'])
  return { bytes, isSoft: call.version >= 3 }
}

const isEnough = ({ bytes, isUrgent }: Pass, minBytes: number): boolean =>
  isUrgent || bytes >= minBytes

/** No topic has the zero id, though a topic of an older controller may have none. */
const nameOf = ({ metadata, partitions }: BrokerWorld, topicId: Uuid): string | null =>
  topicId === noUuid ? null : (metadata.topicName(topicId) ?? partitions.topicName(topicId) ?? null)

function targetOf(broker: BrokerWorld, call: Call, wanted: WantedPartition): Target {
  const { topicId } = wanted
  const name = call.version < 13 ? wanted.topic : nameOf(broker, topicId)
  if (name === null) return { ...wanted, name, partition: errors.UNKNOWN_TOPIC_ID }
  const partition = broker.partitions.find(name, wanted.wanted.partition)
  const isOther =
    typeof partition !== 'number' &&
    topicId !== noUuid &&
    partition.topicId !== noUuid &&
    partition.topicId !== topicId
  return { ...wanted, name, partition: isOther ? errors.INCONSISTENT_TOPIC_ID : partition }
}

/** Why a partition is not read, by the chart of its replica as it is now; NONE where it is. */
function refusalOf(snapshot: PartitionReplicaSnapshot, target: Target, reader: Reader): ErrorCode {
  const { currentLeaderEpoch } = target.wanted
  const refusal = readRefusal(snapshot, currentLeaderEpoch, reader.leaderOnly)
  if (refusal !== errors.NONE || !reader.isFollower) return refusal
  return followerRefusal(snapshot, reader.replicaId, currentLeaderEpoch, reader.brokerEpoch)
}

/** Where a reader must stop in a log. */
function endFor(partition: Partition, snapshot: PartitionReplicaSnapshot, reader: Reader): number {
  if (reader.isFollower) return partition.log.logEndOffset
  const highWatermark = readableUpTo(snapshot, 'committed')
  return reader.readsCommitted ? partition.log.lastStableOffset(highWatermark) : highWatermark
}

/** Whether a partition has something to say that it had not when the fetch began to wait. */
function isNews(target: Target, reader: Reader): boolean {
  const { partition, wanted } = target
  if (typeof partition === 'number') return false
  const { snapshot } = partition
  return (
    endFor(partition, snapshot, reader) > wanted.fetchOffset ||
    refusalOf(snapshot, target, reader) !== errors.NONE
  )
}

/** The epoch and end offset at which a reader's log parts from ours; null where it does not, an error where that cannot be said. */
function divergenceOf(
  { log }: Partition,
  { lastFetchedEpoch, fetchOffset }: WantedPartition['wanted'],
): { epoch: number; endOffset: number } | ErrorCode | null {
  if (lastFetchedEpoch < 0) return null
  const { leaderEpoch: epoch, endOffset } = log.endOffsetForEpoch(lastFetchedEpoch)
  if (epoch < 0 || endOffset < 0 || fetchOffset < log.logStartOffset)
    return errors.OFFSET_OUT_OF_RANGE
  return epoch < lastFetchedEpoch || endOffset < fetchOffset ? { epoch, endOffset } : null
}

/**
 * A follower asks for what comes after its logs: where they are a beginning of ours, the charts are told.
 *
 * @returns whether it was the first time in a reign. It is answered at once then: what the follower wants to know is that its log
 *   matches, and how far that is committed.
 */
function noteProgress(targets: readonly Target[], reader: Reader): boolean {
  let hasNewcomer = false
  for (const target of targets) {
    const { partition, wanted } = target
    if (typeof partition === 'number') continue
    const { log, snapshot } = partition
    const { fetchOffset, logStartOffset, currentLeaderEpoch } = wanted
    if (
      fetchOffset < log.logStartOffset ||
      fetchOffset > log.logEndOffset ||
      refusalOf(snapshot, target, reader) !== errors.NONE ||
      divergenceOf(partition, wanted) !== null
    )
      continue
    if (isNewcomer(snapshot, reader.replicaId)) hasNewcomer = true
    partition.fetchedBy({
      from: reader.replicaId,
      leaderEpoch: currentLeaderEpoch,
      brokerEpoch: reader.brokerEpoch,
      logEndOffset: fetchOffset,
      logStartOffset,
    })
  }
  return hasNewcomer
}

/** Reads all partitions in order, until the answer is full. */
function read(targets: readonly Target[], reader: Reader, limits: Limits): Pass {
  const answers: AnsweredPartition[] = []
  let bytes = 0
  let isUrgent = false
  for (const target of targets) {
    const room = Math.max(0, limits.bytes - bytes)
    const data = readOne(target, reader, room, limits.isSoft && bytes === 0)
    bytes += data.records?.length ?? 0
    if (data.errorCode !== errors.NONE || data.divergingEpoch !== undefined) isUrgent = true
    answers.push({ topic: target.topic, topicId: target.topicId, data })
  }
  return { answers, bytes, isUrgent }
}

function readOne(
  target: Target,
  reader: Reader,
  roomBytes: number,
  minOneBatch: boolean,
): FetchedData {
  const { partition, wanted } = target
  const index = wanted.partition
  if (typeof partition === 'number') return refused(index, partition)
  const { log, snapshot } = partition
  const refusal = refusalOf(snapshot, target, reader)
  if (refusal !== errors.NONE) return refused(index, refusal)
  const divergence = divergenceOf(partition, wanted)
  if (typeof divergence === 'number') return refused(index, divergence)
  const highWatermark = readableUpTo(snapshot, 'committed')
  const data = {
    partitionIndex: index,
    errorCode: errors.NONE,
    highWatermark,
    lastStableOffset: log.lastStableOffset(highWatermark),
    logStartOffset: log.logStartOffset,
    abortedTransactions: reader.readsCommitted ? [] : null,
    records: noRecords,
  }
  if (divergence !== null) return { ...data, divergingEpoch: divergence }
  const { fetchOffset } = wanted
  const upToOffset = endFor(partition, snapshot, reader)
  if (fetchOffset < log.logStartOffset || fetchOffset > log.logEndOffset)
    return refused(index, errors.OFFSET_OUT_OF_RANGE)
  const maxBytes = Math.max(0, Math.min(wanted.partitionMaxBytes, roomBytes))
  if (upToOffset <= fetchOffset || (maxBytes === 0 && !minOneBatch)) return data
  const found = log.read(fetchOffset, { maxBytes, upToOffset, minOneBatch })
  return found.ok ? { ...data, records: found.records } : refused(index, found.errorCode)
}

const isUnknown = (errorCode: ErrorCode): boolean =>
  errorCode === errors.UNKNOWN_TOPIC_OR_PARTITION || errorCode === errors.UNKNOWN_TOPIC_ID

const refused = (partitionIndex: number, errorCode: ErrorCode): FetchedData => ({
  partitionIndex,
  errorCode,
  highWatermark: -1,
  // What no log was looked for has none; of a log that was, they were not asked for.
  abortedTransactions: isUnknown(errorCode) ? [] : null,
  records: noRecords,
})

/** Why records of a topic cannot be given to so old a client (KafkaApis.maybeConvertFetchedData); NONE where they can. */
function misfitOf(broker: BrokerWorld, topic: string, version: number): ErrorCode {
  if (version < 4) return errors.UNSUPPORTED_VERSION
  if (version >= 10) return errors.NONE
  return broker.topicConfigs.get(topic)['compression.type'] === 'zstd'
    ? errors.UNSUPPORTED_COMPRESSION_TYPE
    : errors.NONE
}

function answer(broker: BrokerWorld, call: Call, context: FetchContext, pass: Pass): Answer {
  const { version } = call
  const { sessionId, answers } = context.answer(pass.answers)
  const hints = new LeaderHints(broker, call.listener)
  const hinted = answers.map(answered => {
    const { topic, topicId, data } = answered
    if (data.errorCode === errors.NONE) {
      const misfit = misfitOf(broker, topic, version)
      return misfit === errors.NONE
        ? answered
        : { ...answered, data: refused(data.partitionIndex, misfit) }
    }
    const isElsewhere =
      data.errorCode === errors.NOT_LEADER_OR_FOLLOWER ||
      data.errorCode === errors.FENCED_LEADER_EPOCH
    if (version < 16 || !isElsewhere) return answered
    const name = nameOf(broker, topicId) ?? topic
    const currentLeader = hints.currentLeader(name, data.partitionIndex)
    return { ...answered, data: { ...data, currentLeader } }
  })
  const { nodeEndpoints } = hints
  return {
    throttleTimeMs: 0,
    errorCode: errors.NONE,
    sessionId,
    responses: answeredTopics(hinted),
    ...(nodeEndpoints.length === 0 ? {} : { nodeEndpoints }),
  }
}
