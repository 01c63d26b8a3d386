import type { BrokerId } from '../src/ids.ts'

/** What `samsa state --json` prints: the cluster at one instant, plain JSON. */
export interface ClusterState {
  readonly clusterId: string | null
  readonly atMs: number
  /** The broker that is controller; null while there is none. */
  readonly controller: BrokerId | null
  readonly brokers: readonly BrokerState[]
  readonly zookeeper: { readonly address: string; readonly sessions: readonly SessionState[] }
  readonly partitions: readonly PartitionState[]
  readonly groups: readonly GroupState[]
}

/**
 * A broker's process as its harness sees it: `killed` it runs no more and said goodbye to nobody, `paused` it stands still
 * with its connections open, `failed` it ended itself over a broken invariant or a refused start.
 */
export type NodeState =
  | 'starting'
  | 'running'
  | 'paused'
  | 'killed'
  | 'stopping'
  | 'stopped'
  | 'failed'

export interface BrokerState {
  readonly id: BrokerId
  readonly state: NodeState
  /** The chart's own word for where it is, e.g. `registering.waiting`; null while no process runs. */
  readonly chart: string | null
  readonly host: string
  readonly port: number
  /** czxid of its registration; null while it has none. */
  readonly brokerEpoch: number | null
  /** Why it failed. */
  readonly error: string | null
}

export interface SessionState {
  readonly id: string
  readonly timeoutMs: number
  readonly ephemerals: readonly string[]
  /** When its time is over if nothing is heard of it, ms since 1970; null where that is not known. */
  readonly expiresAtMs: number | null
}

export interface PartitionState {
  readonly topic: string
  readonly partition: number
  /** −1: none. */
  readonly leader: BrokerId
  readonly leaderEpoch: number
  readonly isr: readonly BrokerId[]
  readonly replicas: readonly BrokerId[]
  readonly replicaStates: readonly ReplicaState[]
}

export interface ReplicaState {
  readonly broker: BrokerId
  /**
   * The chart's state, e.g. `leader.isrCommitted`; `offline` while its broker does not run, `elsewhere` where that is no broker of
   * this handle.
   */
  readonly state: string
  readonly logStartOffset: number | null
  readonly logEndOffset: number | null
  readonly highWatermark: number | null
}

export interface GroupState {
  readonly groupId: string
  /** The broker that coordinates it. */
  readonly coordinator: BrokerId
  readonly state: string
  readonly generationId: number
  readonly members: readonly string[]
  /** By member id: partitions as `orders-0`. Empty while the group is not stable, and for others than consumers. */
  readonly assignments: Readonly<Record<string, readonly string[]>>
}
