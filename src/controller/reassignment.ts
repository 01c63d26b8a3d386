/**
 * Replicas that move to other brokers: what is asked, what becomes of a partition's replicas meanwhile (KIP-455;
 * kafka.controller.ReplicaAssignment, KafkaController.processApiPartitionReassignment).
 */
import { type ErrorCode, errorMessage, errors } from '../error.ts'
import type { BrokerId, TopicPartition } from '../ids.ts'
import type { ReplicaAssignment } from '../zookeeper/paths.ts'
import {
  allPartitions,
  type ClusterView,
  isAwaitingDeletion,
  isDeleting,
  isUp,
  type PartitionRow,
  partitionRow,
} from './cluster-view.ts'

/** Where a partition's replicas shall be. */
export interface AskedReassignment extends TopicPartition {
  /** The first one is preferred as leader; null: where they were before. */
  readonly replicas: readonly BrokerId[] | null
}

export interface ReassignmentResult extends TopicPartition {
  readonly errorCode: ErrorCode
  readonly errorMessage: string | null
}

/** Replicas of a partition, to be written into its topic's znode. */
export interface AssignmentWrite extends TopicPartition, ReplicaAssignment {}

/** A reassignment that was accepted. */
export interface Reassigned extends AssignmentWrite {
  readonly isCancelled: boolean
  /** Replicas that were coming and are wanted no more: out of the ISR with them, and their logs. */
  readonly unneeded: readonly BrokerId[]
}

export const isBeingReassigned = (assignment: ReplicaAssignment): boolean =>
  assignment.addingReplicas.length + assignment.removingReplicas.length > 0

/** The replicas there were before. */
export const originOf = ({ replicas, addingReplicas }: ReplicaAssignment): readonly BrokerId[] =>
  without(replicas, addingReplicas)

/** The replicas there shall be in the end. */
export const targetOf = ({ replicas, removingReplicas }: ReplicaAssignment): readonly BrokerId[] =>
  without(replicas, removingReplicas)

const without = (ids: readonly BrokerId[], gone: readonly BrokerId[]): readonly BrokerId[] =>
  ids.filter(id => !gone.includes(id))

/** The target first, then what is still there of the original replicas; replicas of a target given up are among neither. */
export function reassignTo(
  from: ReplicaAssignment,
  target: readonly BrokerId[],
): ReplicaAssignment {
  const origin = originOf(from)
  const replicas = [...target, ...without(origin, target)]
  return {
    replicas,
    addingReplicas: without(replicas, origin),
    removingReplicas: without(replicas, target),
  }
}

/** Every replica of the target is in sync: the others may go. */
export const isCaughtUp = (target: readonly BrokerId[], isr: readonly BrokerId[]): boolean =>
  target.every(id => isr.includes(id))

/** Partitions that are being reassigned. */
export const reassignmentsOf = (view: ClusterView): readonly AssignmentWrite[] =>
  [...allPartitions(view)].flatMap(({ topic, partition, row }) =>
    isBeingReassigned(row) ? [{ topic, partition, ...assignmentOf(row) }] : [],
  )

export const assignmentOf = (assignment: ReplicaAssignment): ReplicaAssignment => ({
  replicas: assignment.replicas,
  addingReplicas: assignment.addingReplicas,
  removingReplicas: assignment.removingReplicas,
})

export interface ReassignmentVerdict {
  readonly results: readonly ReassignmentResult[]
  readonly accepted: readonly Reassigned[]
}

/** Judges each partition by itself; of one that is asked for twice the last counts. */
export function judgeReassignments(
  view: ClusterView,
  asked: readonly AskedReassignment[],
): ReassignmentVerdict {
  const results: ReassignmentResult[] = []
  const accepted: Reassigned[] = []
  const last = new Map(asked.map(it => [`${it.topic}-${it.partition}`, it]))
  for (const it of last.values()) {
    const { topic, partition } = it
    const verdict = judge(view, it)
    if ('errorCode' in verdict) results.push({ topic, partition, ...verdict })
    else {
      accepted.push(verdict)
      results.push({ topic, partition, errorCode: errors.NONE, errorMessage: null })
    }
  }
  return { results, accepted }
}

type Refusal = Pick<ReassignmentResult, 'errorCode' | 'errorMessage'>

const unassigned: ReplicaAssignment = { replicas: [], addingReplicas: [], removingReplicas: [] }

function judge(view: ClusterView, asked: AskedReassignment): Reassigned | Refusal {
  const { topic, partition, replicas } = asked
  const row = partitionRow(view, asked)
  const current = row ?? unassigned
  const fault = replicas === null ? null : replicasFault(view, current, replicas)
  if (fault !== null) return { errorCode: errors.INVALID_REPLICA_ASSIGNMENT, errorMessage: fault }
  if (replicas === null && !isBeingReassigned(current)) {
    const errorCode = errors.NO_REASSIGNMENT_IN_PROGRESS
    return { errorCode, errorMessage: errorMessage(errorCode) }
  }
  if (row === undefined || isDeleting(view, topic) || isAwaitingDeletion(view, topic))
    return {
      errorCode: errors.UNKNOWN_TOPIC_OR_PARTITION,
      errorMessage: 'there is no such partition, or it is being deleted',
    }
  const next = keepingData(row, reassignTo(row, replicas ?? originOf(row)))
  const unneeded = without(row.replicas, next.replicas)
  return { topic, partition, ...next, unneeded, isCancelled: replicas === null }
}

function replicasFault(
  view: ClusterView,
  current: ReplicaAssignment,
  replicas: readonly BrokerId[],
): string | null {
  if (replicas.length === 0) return 'a partition needs a replica'
  if (new Set(replicas).size !== replicas.length) return 'a broker is named twice'
  if (replicas.some(id => id < 0)) return 'no broker has an id below 0'
  const missing = reassignTo(current, replicas).addingReplicas.filter(id => !isUp(view, id))
  return missing.length === 0 ? null : `no such broker lives: ${missing.join(', ')}`
}

/**
 * Where all that are in sync would be dropped as unneeded (their target is given up, and the original replicas have fallen behind),
 * they stay until others have caught up. Kafka deletes them, and with them what they alone have.
 */
function keepingData(row: PartitionRow, next: ReplicaAssignment): ReplicaAssignment {
  const isr = row.leadership?.isr ?? []
  if (isr.length === 0 || isr.some(id => next.replicas.includes(id))) return next
  return {
    ...next,
    replicas: [...next.replicas, ...isr],
    removingReplicas: [...next.removingReplicas, ...isr],
  }
}
