/**
 * From what is to become of partitions to what must be written for it: elections and shrinking ISRs, many partitions at
 * once (ZkPartitionStateMachine.doElectLeaderForPartitions, ZkReplicaStateMachine.doRemoveReplicasFromIsr).
 */
import { type BrokerId, noBroker, type TopicPartition } from '../ids.ts'
import type { PartitionState } from '../zookeeper/paths.ts'
import {
  type ClusterView,
  type KnownPartition,
  type Leadership,
  onlineReplicas,
  partitionRow,
} from './cluster-view.ts'
import { type ElectionStrategy, elect } from './election.ts'
import { partitionMayBecome, partitionStateOf } from './partition-states.ts'

/** What is wanted of one partition. */
export interface Aim extends TopicPartition {
  /** The election it needs; null: none. A new partition is given its first leader by `offline`. */
  readonly elect: ElectionStrategy | null
  /** Replicas that go offline: they leave the ISR. */
  readonly goingOffline: readonly BrokerId[]
  /** Somebody asked for an unclean election by hand, whatever the topic says. */
  readonly uncleanAllowed?: true
  /** The leader epoch rises in any case, so that the replicas take in what they hear of the partition. */
  readonly renewsLeaderEpoch?: boolean
}

/** A state znode to be written under the fence of the controller epoch. */
export interface StateWrite extends TopicPartition {
  readonly state: PartitionState
  /** The version it must have; null: it must not be there. */
  readonly partitionEpoch: number | null
}

export interface Decision {
  readonly writes: readonly StateWrite[]
  /** Elections that had nobody to elect. */
  readonly leaderless: readonly TopicPartition[]
}

/**
 * Decides on a batch, from the states that the view holds; a partition that is as wanted already is written no more.
 *
 * @param options.uncleanTopics those with `unclean.leader.election.enable`
 */
export function decide(
  view: ClusterView,
  aims: readonly Aim[],
  options: { readonly controllerEpoch: number; readonly uncleanTopics: readonly string[] },
): Decision {
  const writes: StateWrite[] = []
  const leaderless: TopicPartition[] = []
  for (const aim of aims) {
    const { topic, partition } = aim
    const row = partitionRow(view, aim)
    if (row === undefined) continue
    const known = { topic, partition, row }
    // A newer controller has written there: the fence would refuse us (KAFKA-6082).
    if ((row.leadership?.controllerEpoch ?? 0) > options.controllerEpoch) continue
    const uncleanAllowed = aim.uncleanAllowed ?? options.uncleanTopics.includes(topic)
    const state =
      row.leadership === null
        ? aim.elect === 'offline'
          ? firstState(view, known)
          : null
        : nextState(view, known, row.leadership, aim, uncleanAllowed)
    if (state !== null)
      writes.push({
        topic,
        partition,
        state: {
          leader: state.leader,
          isr: state.isr,
          leaderEpoch: state.leaderEpoch,
          leaderRecoveryState: state.leaderRecoveryState,
          controllerEpoch: options.controllerEpoch,
        },
        partitionEpoch: row.leadership?.partitionEpoch ?? null,
      })
    else if (needsElection(view, known, aim)) leaderless.push({ topic, partition })
  }
  return { writes, leaderless }
}

type Undated = Omit<PartitionState, 'controllerEpoch'>

/** New → Online: the first online replica leads, all online ones are in sync, for there is nothing to be behind with. */
function firstState(view: ClusterView, partition: KnownPartition): Undated | null {
  const isr = onlineReplicas(view, partition)
  const [leader] = isr
  return leader === undefined ? null : { leader, leaderEpoch: 0, isr, leaderRecoveryState: 0 }
}

/** Whether the election is (still) to be held: what was read may say that somebody has seen to it. */
function needsElection(
  view: ClusterView,
  partition: KnownPartition,
  { elect: strategy, goingOffline }: Aim,
): boolean {
  const { leadership, replicas } = partition.row
  const state = partitionStateOf(view, partition)
  if (!partitionMayBecome(state, 'online')) return false
  const leader = leadership?.leader ?? noBroker
  switch (strategy) {
    case null:
      return false
    case 'offline':
      return state !== 'online'
    case 'preferred':
      return leader !== replicas[0]
    case 'controlledShutdown':
      return view.shuttingDown.includes(leader)
    case 'reassign':
      return state !== 'online' || goingOffline.includes(leader)
  }
}

function nextState(
  view: ClusterView,
  partition: KnownPartition,
  leadership: Leadership,
  aim: Aim,
  uncleanAllowed: boolean,
): Undated | null {
  const { replicas } = partition.row
  const stays = (id: BrokerId): boolean => !aim.goingOffline.includes(id)
  if (aim.elect !== null && needsElection(view, partition, aim)) {
    const elected = elect(aim.elect, {
      replicas: aim.elect === 'reassign' ? replicas.filter(stays) : replicas,
      isr: leadership.isr,
      online: onlineReplicas(view, partition),
      shuttingDown: view.shuttingDown,
      uncleanAllowed,
    })
    if (elected !== null)
      return {
        leader: elected.leader,
        // One write for the election and for those that go: the ISR never has more members than there are replicas (KAFKA-9672).
        isr: aim.elect === 'reassign' ? elected.isr.filter(stays) : elected.isr,
        leaderEpoch: leadership.leaderEpoch + 1,
        leaderRecoveryState: elected.unclean ? 1 : leadership.leaderRecoveryState,
      }
  }
  const changed = withoutReplicas(leadership, aim.goingOffline)
  if (changed !== null || aim.renewsLeaderEpoch !== true) return changed
  return { ...leadership, leaderEpoch: leadership.leaderEpoch + 1 }
}

/**
 * → OfflineReplica: out of the ISR with them, one by one; a leader among them leaves the partition without one. The last member
 * stays: an empty ISR would make any replica as good as those that have the records. Null where nothing changes.
 */
function withoutReplicas(leadership: Leadership, gone: readonly BrokerId[]): Undated | null {
  let { leader, isr } = leadership
  for (const id of gone) {
    if (id === leader) leader = noBroker
    if (isr.length > 1) isr = isr.filter(member => member !== id)
  }
  if (leader === leadership.leader && isr.length === leadership.isr.length) return null
  const { leaderRecoveryState } = leadership
  return { leader, isr, leaderEpoch: leadership.leaderEpoch + 1, leaderRecoveryState }
}

/** The view once these writes have been made: setData adds one to the version, and a new znode has version 0. */
export const written = (
  writes: readonly StateWrite[],
): readonly (TopicPartition & { readonly leadership: Leadership })[] =>
  writes.map(({ topic, partition, state, partitionEpoch }) => ({
    topic,
    partition,
    leadership: { ...state, partitionEpoch: partitionEpoch === null ? 0 : partitionEpoch + 1 },
  }))
