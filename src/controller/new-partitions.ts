/** Whether a topic may get more partitions, and with which replicas (ZkAdminManager.createPartitions, AdminZkClient.createNewPartitionsAssignment). */
import { type ErrorCode, errors } from '../error.ts'
import type { BrokerId } from '../ids.ts'
import { partitionsPerTopicMax } from '../limits.ts'
import { type AssignableBroker, assignReplicas } from './assignment.ts'

export interface MorePartitions {
  /** How many the topic is to have then. */
  readonly count: number
  /** Replicas of the new ones by hand; null: as they come. */
  readonly assignments: readonly (readonly BrokerId[])[] | null
}

export interface PartitionsRefusal {
  readonly errorCode: ErrorCode
  readonly errorMessage: string
}

/**
 * Replicas of the new partitions, in order.
 *
 * @param existing of the partitions there are, from 0 up; not empty
 * @param brokers the live ones
 */
export function judgeMorePartitions(
  { count, assignments }: MorePartitions,
  existing: readonly (readonly BrokerId[])[],
  brokers: readonly AssignableBroker[],
): readonly (readonly BrokerId[])[] | PartitionsRefusal {
  const missing = count - existing.length
  if (missing < 0)
    return invalid(`the topic has ${existing.length} partitions already, more than ${count}`)
  if (missing === 0) return invalid(`the topic has ${existing.length} partitions already`)
  if (count > partitionsPerTopicMax) return invalid(`more than ${partitionsPerTopicMax} partitions`)
  const [first = []] = existing
  if (assignments !== null) return byHand(assignments, missing, first.length, brokers)
  // From the first partition's leader on, as if all had been made at once.
  const sorted = brokers.toSorted((a, b) => a.id - b.id)
  const startIndex = Math.max(
    0,
    sorted.findIndex(({ id }) => id >= (first[0] ?? 0)),
  )
  if (first.length > sorted.length)
    return {
      errorCode: errors.INVALID_REPLICATION_FACTOR,
      errorMessage: `replication factor ${first.length}, but ${sorted.length} brokers are live`,
    }
  return assignReplicas(
    sorted,
    missing,
    first.length,
    { firstIndex: startIndex, shift: startIndex },
    existing.length,
  )
}

const invalid = (errorMessage: string): PartitionsRefusal => ({
  errorCode: errors.INVALID_PARTITIONS,
  errorMessage,
})

function byHand(
  assignments: readonly (readonly BrokerId[])[],
  missing: number,
  replicationFactor: number,
  brokers: readonly AssignableBroker[],
): readonly (readonly BrokerId[])[] | PartitionsRefusal {
  const refuse = (errorMessage: string): PartitionsRefusal => ({
    errorCode: errors.INVALID_REPLICA_ASSIGNMENT,
    errorMessage,
  })
  if (assignments.length !== missing)
    return refuse(`${missing} partitions are new, but ${assignments.length} are assigned`)
  for (const replicas of assignments) {
    if (replicas.length === 0) return refuse('a partition has no replica')
    if (new Set(replicas).size !== replicas.length)
      return refuse('a partition names a broker twice')
    const unknown = replicas.filter(id => !brokers.some(broker => broker.id === id))
    if (unknown.length > 0) return refuse(`no such broker lives: ${unknown.join(', ')}`)
    if (replicas.length !== replicationFactor)
      return refuse(`all partitions of the topic have ${replicationFactor} replicas`)
  }
  return assignments
}
