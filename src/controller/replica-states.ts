/** The states of a replica and the ways between them (kafka.controller.ReplicaState, ZkReplicaStateMachine). */

/**
 * - `new`: assigned, not told yet;
 * - `online`: on a live broker, leading or following;
 * - `offline`: its broker or disk is gone, or it was told to stop;
 * - `deletionStarted`: told to delete its log;
 * - `deletionSuccessful`: it has;
 * - `deletionIneligible`: it cannot now: its broker is gone, or it failed to;
 * - `nonExistent`: never created, or deleted and forgotten.
 */
export type ReplicaState =
  | 'new'
  | 'online'
  | 'offline'
  | 'deletionStarted'
  | 'deletionSuccessful'
  | 'deletionIneligible'
  | 'nonExistent'

/** Which states may come before each. */
export const replicaPredecessors: Readonly<Record<ReplicaState, readonly ReplicaState[]>> = {
  new: ['nonExistent'],
  online: ['new', 'online', 'offline', 'deletionIneligible'],
  offline: ['new', 'online', 'offline', 'deletionIneligible'],
  deletionStarted: ['offline'],
  deletionSuccessful: ['deletionStarted'],
  deletionIneligible: ['offline', 'deletionStarted'],
  nonExistent: ['deletionSuccessful'],
}

export const replicaMayBecome = (from: ReplicaState, to: ReplicaState): boolean =>
  replicaPredecessors[to].includes(from)
