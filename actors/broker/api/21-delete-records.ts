import { of } from 'rxjs'
import { errors } from '../../../src/error.ts'
import type { DeleteRecords, RequestOf, ResponseDraftOf } from '../../../src/protocol/index.ts'
import { isInternalTopic } from '../auto-topic-creation.ts'
import type { BrokerWorld } from '../broker-world.ts'
import type { Handler } from '../handler.ts'
import { partitionKey } from '../purgatory.ts'

type Answer = ResponseDraftOf<typeof DeleteRecords>

/** What became of one partition; `requiredOffset` until every live replica has it too. */
interface Deleted {
  readonly topic: string
  readonly partition: number
  readonly errorCode: number
  /** Where the log begins now at the leader, and is to begin everywhere. */
  readonly requiredOffset: number
}

const noLowWatermark = -1

/**
 * DeleteRecords: v0–v2 (KIP-107)
 *
 * - The leader moves its log's start on at once, −1 to the high watermark; beyond that is OFFSET_OUT_OF_RANGE. Followers learn of it by
 *   their fetches, and the answer waits until all that live have done it: then the low watermark has passed the offset.
 * - Of internal topics nothing is deleted (INVALID_TOPIC_EXCEPTION), nor of topics whose policy is compaction alone
 *   (POLICY_VIOLATION).
 *
 * v2: flexible
 *
 * After ReplicaManager.deleteRecords and DelayedDeleteRecords. Not implemented: authorization.
 */
export const deleteRecords: Handler<typeof DeleteRecords> = (broker, request) => {
  const deleted = request.topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, offset }) => remove(broker, name, partitionIndex, offset)),
  )
  const waiting = deleted.filter(it => it.errorCode === errors.NONE && !isEverywhere(broker, it))
  if (waiting.length === 0) return of(answer(broker, request, deleted))
  return broker.purgatory.wait(
    waiting.map(({ topic, partition }) => partitionKey(topic, partition)),
    request.timeoutMs,
    () =>
      waiting.every(it => isEverywhere(broker, it)) ? answer(broker, request, deleted) : undefined,
    () => answer(broker, request, deleted),
  )
}

function remove(broker: BrokerWorld, topic: string, partition: number, offset: number): Deleted {
  const refused = (errorCode: number): Deleted => ({
    topic,
    partition,
    errorCode,
    requiredOffset: offset,
  })
  if (isInternalTopic(topic)) return refused(errors.INVALID_TOPIC_EXCEPTION)
  const found = broker.partitions.find(topic, partition)
  if (typeof found === 'number') return refused(found)
  const requiredOffset = offset === -1 ? found.highWatermark : offset
  return { topic, partition, errorCode: found.deleteRecords(requiredOffset), requiredOffset }
}

/** Or it leads no more, and somebody else knows. */
function isEverywhere(broker: BrokerWorld, { topic, partition, requiredOffset }: Deleted): boolean {
  const found = broker.partitions.find(topic, partition)
  return typeof found === 'number' || !found.isLeader || found.lowWatermark >= requiredOffset
}

function answer(
  broker: BrokerWorld,
  request: RequestOf<typeof DeleteRecords>,
  deleted: readonly Deleted[],
): Answer {
  const outcome = (topic: string, partitionIndex: number) => {
    const it = deleted.find(one => one.topic === topic && one.partition === partitionIndex)
    const found = broker.partitions.find(topic, partitionIndex)
    const refuse = (errorCode: number) => ({
      partitionIndex,
      lowWatermark: noLowWatermark,
      errorCode,
    })
    if (it === undefined || it.errorCode !== errors.NONE)
      return refuse(it?.errorCode ?? errors.UNKNOWN_SERVER_ERROR)
    if (typeof found === 'number') return refuse(found)
    if (!found.isLeader) return refuse(errors.NOT_LEADER_OR_FOLLOWER)
    const { lowWatermark } = found
    return lowWatermark >= it.requiredOffset
      ? { partitionIndex, lowWatermark, errorCode: errors.NONE }
      : { partitionIndex, lowWatermark, errorCode: errors.REQUEST_TIMED_OUT }
  }
  return {
    throttleTimeMs: 0,
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => outcome(name, partitionIndex)),
    })),
  }
}
