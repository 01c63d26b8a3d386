/** The states of a partition and the ways between them (kafka.controller.PartitionState, ZkPartitionStateMachine). */
import { type ClusterView, isReplicaOnline, type KnownPartition } from './cluster-view.ts'

/**
 * - `new`: assigned, its state znode not written yet;
 * - `online`: it has a leader that is up;
 * - `offline`: it had one;
 * - `nonExistent`: never created, or deleted.
 */
export type PartitionStateName = 'new' | 'online' | 'offline' | 'nonExistent'

/** Which states may come before each. */
export const partitionPredecessors: Readonly<
  Record<PartitionStateName, readonly PartitionStateName[]>
> = {
  new: ['nonExistent'],
  online: ['new', 'online', 'offline'],
  offline: ['new', 'online', 'offline'],
  nonExistent: ['offline'],
}

export const partitionMayBecome = (from: PartitionStateName, to: PartitionStateName): boolean =>
  partitionPredecessors[to].includes(from)

/** A known partition's state follows from who leads it: nothing to keep in step. */
export function partitionStateOf(
  view: ClusterView,
  partition: KnownPartition,
): Exclude<PartitionStateName, 'nonExistent'> {
  const { leadership } = partition.row
  if (leadership === null) return 'new'
  return isReplicaOnline(view, partition, leadership.leader) ? 'online' : 'offline'
}
