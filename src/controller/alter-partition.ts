/** A leader's proposals for its ISRs, judged in Kafka's order (KafkaController.processAlterPartition; KIP-497, KIP-841). */
import { type ErrorCode, errors } from '../error.ts'
import type { BrokerId, TopicPartition, Uuid } from '../ids.ts'
import {
  type ClusterView,
  isDeleting,
  isUp,
  type Leadership,
  partitionRow,
  topicNameOf,
} from './cluster-view.ts'
import type { StateWrite } from './partition-change.ts'

export interface ProposedIsr {
  readonly partition: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  readonly isr: readonly BrokerId[]
  /** 0 recovered, 1 recovering (KIP-704). */
  readonly leaderRecoveryState: number
}

export interface ProposedTopic {
  /** By one of the two; the other says nothing. */
  readonly topic: string
  readonly topicId: Uuid
  readonly partitions: readonly ProposedIsr[]
}

/** An AlterPartition request, free of its version. */
export interface IsrProposal {
  readonly brokerId: BrokerId
  readonly brokerEpoch: number
  /** From v2 on: topics by their ids, and the sender knows INELIGIBLE_REPLICA. */
  readonly byTopicId: boolean
  readonly topics: readonly ProposedTopic[]
}

export interface PartitionAnswer {
  readonly partition: number
  readonly errorCode: ErrorCode
  /** How the partition stands now; null with an error. */
  readonly leadership: Leadership | null
}

export interface TopicAnswer {
  readonly topic: string
  readonly topicId: Uuid
  readonly partitions: readonly PartitionAnswer[]
}

export interface ProposalAnswer {
  /** For the whole request. */
  readonly errorCode: ErrorCode
  readonly topics: readonly TopicAnswer[]
}

export interface ProposalVerdict {
  /** As if all writes succeeded; see {@link withRefused}. */
  readonly answer: ProposalAnswer
  readonly writes: readonly StateWrite[]
}

const refused = (errorCode: ErrorCode): ProposalVerdict => ({
  answer: { errorCode, topics: [] },
  writes: [],
})

/** Judges a request as the active controller. */
export function judgeProposal(
  view: ClusterView,
  proposal: IsrProposal,
  controllerEpoch: number,
): ProposalVerdict {
  const sender = view.brokers[proposal.brokerId]
  if (sender === undefined || sender.brokerEpoch !== proposal.brokerEpoch)
    return refused(errors.STALE_BROKER_EPOCH)
  const writes: StateWrite[] = []
  const topics = proposal.topics.map((proposed): TopicAnswer => {
    const topic = proposal.byTopicId ? topicNameOf(view, proposed.topicId) : proposed.topic
    const partitions = proposed.partitions.map((change): PartitionAnswer => {
      const { partition } = change
      const error = (errorCode: ErrorCode): PartitionAnswer => ({
        partition,
        errorCode,
        leadership: null,
      })
      if (topic === undefined) return error(errors.UNKNOWN_TOPIC_ID)
      const verdict = judgeIsr(view, { topic, partition }, change, proposal.byTopicId)
      if (verdict.leadership === null) return error(verdict.errorCode)
      const { leadership } = verdict
      if (!verdict.changes) return { partition, errorCode: errors.NONE, leadership }
      const { partitionEpoch, ...state } = { ...leadership, controllerEpoch }
      writes.push({ topic, partition, state, partitionEpoch })
      return {
        partition,
        errorCode: errors.NONE,
        leadership: { ...state, partitionEpoch: partitionEpoch + 1 },
      }
    })
    return { topic: topic ?? proposed.topic, topicId: proposed.topicId, partitions }
  })
  return { answer: { errorCode: errors.NONE, topics }, writes }
}

type IsrVerdict =
  | { readonly leadership: Leadership; readonly changes: boolean }
  | { readonly leadership: null; readonly errorCode: ErrorCode }

/** One partition, in the order of Kafka's checks. */
function judgeIsr(
  view: ClusterView,
  of: TopicPartition,
  proposed: ProposedIsr,
  byTopicId: boolean,
): IsrVerdict {
  const error = (errorCode: ErrorCode): IsrVerdict => ({ errorCode, leadership: null })
  const row = partitionRow(view, of)
  const current = row?.leadership
  if (row === undefined || !current || isDeleting(view, of.topic))
    return error(errors.UNKNOWN_TOPIC_OR_PARTITION)
  // Somebody knows more than this controller: it is probably one no more.
  if (
    proposed.leaderEpoch > current.leaderEpoch ||
    proposed.partitionEpoch > current.partitionEpoch
  )
    return error(errors.NOT_CONTROLLER)
  if (proposed.leaderEpoch < current.leaderEpoch) return error(errors.FENCED_LEADER_EPOCH)
  const { leaderRecoveryState } = proposed
  // Asked again because the answer was lost: the partition epoch is behind, and that is no reason to refuse (KAFKA-14144).
  if (sameMembers(proposed.isr, current.isr) && leaderRecoveryState === current.leaderRecoveryState)
    return { leadership: current, changes: false }
  if (proposed.partitionEpoch < current.partitionEpoch) return error(errors.INVALID_UPDATE_VERSION)
  if (leaderRecoveryState !== 0 && leaderRecoveryState !== 1) return error(errors.INVALID_REQUEST)
  if (leaderRecoveryState === 1 && (proposed.isr.length > 1 || current.leaderRecoveryState === 0))
    return error(errors.INVALID_REQUEST)
  // An empty ISR, or one without its leader or with strangers, is nothing a leader of Kafka's would send.
  if (
    !proposed.isr.includes(current.leader) ||
    !proposed.isr.every(id => row.replicas.includes(id))
  )
    return error(errors.INVALID_REQUEST)
  // Who shuts down does not count as live: it would be let in again on its way out (KAFKA-14140).
  if (!proposed.isr.every(id => isUp(view, id)))
    return error(byTopicId ? errors.INELIGIBLE_REPLICA : errors.OPERATION_NOT_ATTEMPTED)
  return { leadership: { ...current, isr: proposed.isr, leaderRecoveryState }, changes: true }
}

const sameMembers = (a: readonly BrokerId[], b: readonly BrokerId[]): boolean =>
  a.length === b.length && a.every(id => b.includes(id))

/** The answer when some of the writes found another version: somebody changed these partitions meanwhile. */
export const withRefused = (
  answer: ProposalAnswer,
  stale: readonly TopicPartition[],
): ProposalAnswer => ({
  ...answer,
  topics: answer.topics.map(({ topic, topicId, partitions }) => ({
    topic,
    topicId,
    partitions: partitions.map(row =>
      stale.some(it => it.topic === topic && it.partition === row.partition)
        ? { ...row, errorCode: errors.INVALID_UPDATE_VERSION, leadership: null }
        : row,
    ),
  })),
})
