import { throwError } from 'rxjs'
import { acknowledgement } from '../../../machines/broker/partition-replica.ts'
import { type ErrorCode, errorName, errors } from '../../../src/error.ts'
import type { Produce, RequestOf, ResponseDraftOf } from '../../../src/protocol/index.ts'
import {
  batchHeaderBytes,
  batchSizeAt,
  currentMagic,
  RecordBatch,
  viewOf,
} from '../../../src/records/batch.ts'
import { isInternalTopic } from '../auto-topic-creation.ts'
import type { BrokerWorld, Partition } from '../broker-world.ts'
import type { Call, Handler } from '../handler.ts'
import { LeaderHints } from '../leader-hints.ts'
import { partitionKey } from '../purgatory.ts'

type Request = RequestOf<typeof Produce>
type Answer = ResponseDraftOf<typeof Produce>
type PartitionAnswer = Answer['responses'][number]['partitionResponses'][number]

/** Kafka's own admin client may write to internal topics, by the name it goes under (AdminUtils.ADMIN_CLIENT_ID). */
const adminClientId = '__admin_client'

/** Refusals beside which a log says where it begins: what is no batch at all does not come so far (ReplicaManager.appendToLocalLog). */
const tellsLogStart: ReadonlySet<ErrorCode> = new Set([
  errors.INVALID_RECORD,
  errors.INVALID_TIMESTAMP,
  errors.OUT_OF_ORDER_SEQUENCE_NUMBER,
  errors.INVALID_PRODUCER_EPOCH,
])

/** One partition of the request, and how it stands. */
interface Part {
  readonly topic: string
  readonly index: number
  readonly answer: PartitionAnswer
  /** What must be committed before that is the answer. */
  readonly awaits: { readonly partition: Partition; readonly requiredOffset: number } | null
}

/**
 * Produce: v0–v11
 *
 * - Below v3 every partition is UNSUPPORTED_VERSION, though v0 is advertised: old librdkafka looks for it before it looks further.
 * - acks=1 is answered after the append, acks=all (−1) when the high watermark is beyond it. acks=0 has no answer: an error closes
 *   the connection instead.
 * - acks=all with fewer than min.insync.replicas in sync is NOT_ENOUGH_REPLICAS; where they fell away after the append it is
 *   NOT_ENOUGH_REPLICAS_AFTER_APPEND. Not committed within timeoutMs is REQUEST_TIMED_OUT: it is in the log all the same.
 * - A batch that an idempotent producer sent before is answered with the offsets it has.
 *
 * v7: zstd (KIP-110) · v8: recordErrors (KIP-467) · v10: the new leader (KIP-951)
 * Not implemented: transactions. None is known here, so a transactional batch is INVALID_TXN_STATE, and without a transactional id
 * TRANSACTIONAL_ID_AUTHORIZATION_FAILED. Authorization, quotas.
 */
export const produce: Handler<typeof Produce> = (broker, request, call) => {
  const { acks, timeoutMs } = request
  let parts = broker.purgatory.together(() => append(broker, request, call))
  if (acks === 0) {
    const failed = parts.find(({ answer }) => answer.errorCode !== errors.NONE)
    return failed === undefined ? null : throwError(() => new Error(describe(failed)))
  }
  const waiting = parts.filter(({ awaits }) => awaits !== null)
  if (waiting.length === 0) return answered(broker, call, parts)
  return broker.purgatory.wait(
    waiting.map(({ topic, index }) => partitionKey(topic, index)),
    timeoutMs,
    () => {
      // What is committed stays so, whatever becomes of its leader while others are waited for.
      parts = parts.map(settle)
      return parts.some(({ awaits }) => awaits !== null) ? undefined : answered(broker, call, parts)
    },
    () => answered(broker, call, parts.map(settle).map(expire)),
  )
}

const describe = ({ topic, index, answer }: Part): string =>
  `${errorName(answer.errorCode)} for ${topic}-${index} with acks=0`

/** Writes what may be written: every batch of the request, in this turn. */
function append(broker: BrokerWorld, request: Request, call: Call): Part[] {
  const { acks, transactionalId, topicData } = request
  const whole = refusalOfAll(request, call)
  return topicData.flatMap(({ name: topic, partitionData }) =>
    partitionData.map(({ index, records }): Part => {
      const refuse = (errorCode: ErrorCode): Part => ({
        topic,
        index,
        awaits: null,
        answer: refused(index, errorCode),
      })
      if (whole !== errors.NONE) return refuse(whole)
      if (isInternalTopic(topic) && call.clientId !== adminClientId)
        return refuse(errors.INVALID_TOPIC_EXCEPTION)
      const partition = broker.partitions.find(topic, index)
      if (typeof partition === 'number') return refuse(partition)
      if (records === null) return refuse(errors.INVALID_RECORD)
      // A batch belongs to a transaction that was told of its partition: none was.
      if (transactionalId !== null && isTransactional(records))
        return refuse(errors.INVALID_TXN_STATE)
      const result = partition.append(records, {
        acks: acks as -1 | 0 | 1,
        origin: 'client',
        allowsZstd: call.version >= 7,
      })
      if (!result.ok) {
        const { errorCode, message, recordErrors = [] } = result
        const refusals = recordErrors.map(({ batchIndex, message: batchIndexErrorMessage }) => ({
          batchIndex,
          batchIndexErrorMessage,
        }))
        const answer = {
          ...refused(index, errorCode),
          ...(tellsLogStart.has(errorCode) && isOneBatch(records)
            ? { logStartOffset: partition.log.logStartOffset }
            : {}),
          errorMessage: message,
          recordErrors: refusals,
        }
        return { topic, index, awaits: null, answer }
      }
      const { baseOffset, lastOffset, logAppendTimeMs, logStartOffset } = result
      const awaits = acks === -1 ? { partition, requiredOffset: lastOffset + 1 } : null
      const answer = { index, errorCode: errors.NONE, baseOffset, logAppendTimeMs, logStartOffset }
      return { topic, index, awaits, answer }
    }),
  )
}

/** Why nothing of a request is taken; NONE where something may be. */
function refusalOfAll({ acks, topicData, transactionalId }: Request, call: Call): ErrorCode {
  if (call.version < 3) return errors.UNSUPPORTED_VERSION
  if (acks < -1 || acks > 1) return errors.INVALID_REQUIRED_ACKS
  const isUnauthorized =
    transactionalId === null &&
    topicData.some(({ partitionData }) =>
      partitionData.some(({ records }) => records !== null && isTransactional(records)),
    )
  return isUnauthorized ? errors.TRANSACTIONAL_ID_AUTHORIZATION_FAILED : errors.NONE
}

const isOneBatch = (records: Uint8Array): boolean =>
  records.length >= batchHeaderBytes &&
  new RecordBatch(viewOf(records)).magic === currentMagic &&
  batchSizeAt(viewOf(records), 0) === records.length

/** By the first batch: a request that has more than one for a partition is refused anyway. */
const isTransactional = (records: Uint8Array): boolean =>
  records.length >= batchHeaderBytes && new RecordBatch(viewOf(records)).isTransactional

/** A part that is committed awaits nothing; one that cannot be has another answer. */
function settle(part: Part): Part {
  if (part.awaits === null) return part
  const { partition, requiredOffset } = part.awaits
  const errorCode = acknowledgement(partition.snapshot, requiredOffset)
  if (errorCode === null) return part
  const answer = errorCode === errors.NONE ? part.answer : refused(part.index, errorCode)
  return { ...part, answer, awaits: null }
}

const expire = (part: Part): Part =>
  part.awaits === null
    ? part
    : { ...part, answer: refused(part.index, errors.REQUEST_TIMED_OUT), awaits: null }

const refused = (index: number, errorCode: ErrorCode): PartitionAnswer => ({
  index,
  errorCode,
  baseOffset: -1,
})

function answered(broker: BrokerWorld, call: Call, parts: readonly Part[]): Answer {
  const hints = new LeaderHints(broker, call.listener)
  const responses: { name: string; partitionResponses: PartitionAnswer[] }[] = []
  for (const { topic, index, answer } of parts) {
    const isElsewhere = call.version >= 10 && answer.errorCode === errors.NOT_LEADER_OR_FOLLOWER
    const hinted = isElsewhere
      ? { ...answer, currentLeader: hints.currentLeader(topic, index) }
      : answer
    const last = responses.at(-1)
    if (last?.name === topic) last.partitionResponses.push(hinted)
    else responses.push({ name: topic, partitionResponses: [hinted] })
  }
  const { nodeEndpoints } = hints
  return { throttleTimeMs: 0, responses, ...(nodeEndpoints.length === 0 ? {} : { nodeEndpoints }) }
}
