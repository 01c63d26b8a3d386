/** What events ask of partitions: which are touched, and what is to become of each (KafkaController's onBroker… reactions). */
import { type ErrorCode, errors } from '../error.ts'
import { type BrokerId, printPartition, type TopicPartition } from '../ids.ts'
import {
  allPartitions,
  type ClusterView,
  isDeleting,
  isReplicaOnline,
  lastingPartitions,
  onlineReplicas,
  type PartitionRow,
  partitionRow,
} from './cluster-view.ts'
import { electPreferred } from './election.ts'
import type { Aim } from './partition-change.ts'
import { partitionStateOf } from './partition-states.ts'
import { isBeingReassigned } from './reassignment.ts'

const electing = (
  { topic, partition }: TopicPartition,
  elect: Aim['elect'],
  goingOffline: readonly BrokerId[] = [],
): Aim => ({ topic, partition, elect, goingOffline })

const counts = ({ leadership }: PartitionRow, id: BrokerId): boolean =>
  leadership !== null && (leadership.leader === id || leadership.isr.includes(id))

/**
 * Brokers died: what they led needs another leader, and they leave the ISRs they were in, after those whose disk failed: who
 * stays as the last should have the records. Whatever else has no leader tries again (onBrokerFailure).
 *
 * @param view without them
 * @param gone ascending
 */
export function aimsAfterFailure(view: ClusterView, gone: readonly BrokerId[]): readonly Aim[] {
  const aims: Aim[] = []
  for (const known of lastingPartitions(view)) {
    const failed = known.row.replicas.filter(
      id => !gone.includes(id) && hasFailed(view, known, id) && counts(known.row, id),
    )
    const lost = [...failed, ...gone.filter(id => counts(known.row, id))]
    if (lost.length > 0 || partitionStateOf(view, known) !== 'online')
      aims.push(electing(known, 'offline', lost))
  }
  return aims
}

const hasFailed = (view: ClusterView, known: TopicPartition, id: BrokerId): boolean =>
  view.failedReplicas[id]?.includes(printPartition(known)) === true

/** Replicas whose disk failed on a live broker: as if it had died, for them alone (onReplicasBecomeOffline). */
export function aimsAfterDiskFailure(view: ClusterView, id: BrokerId): readonly Aim[] {
  const aims: Aim[] = []
  for (const known of lastingPartitions(view)) {
    const lost = counts(known.row, id) && !isReplicaOnline(view, known, id, 'registered')
    if (lost || partitionStateOf(view, known) !== 'online')
      aims.push(electing(known, 'offline', lost ? [id] : []))
  }
  return aims
}

/** Brokers started, or partitions were created: whatever is new or has no leader tries (triggerOnlinePartitionStateChange). */
export function aimsForOnline(view: ClusterView): readonly Aim[] {
  const aims: Aim[] = []
  for (const known of lastingPartitions(view))
    if (partitionStateOf(view, known) !== 'online') aims.push(electing(known, 'offline'))
  return aims
}

/** A broker wants to stop: what it leads moves away, what it follows goes on without it; of replicated partitions only. */
export function aimsForShutdown(view: ClusterView, id: BrokerId): readonly Aim[] {
  const aims: Aim[] = []
  for (const known of lastingPartitions(view)) {
    const { replicas, leadership } = known.row
    if (replicas.length < 2 || leadership === null || !replicas.includes(id)) continue
    aims.push(
      leadership.leader === id
        ? electing(known, 'controlledShutdown')
        : electing(known, null, [id]),
    )
  }
  return aims
}

/** What a broker in controlled shutdown still leads; empty: it may go. */
export function stillLedBy(view: ClusterView, id: BrokerId): readonly TopicPartition[] {
  const led: TopicPartition[] = []
  for (const { topic, partition, row } of lastingPartitions(view))
    if (row.replicas.length > 1 && row.leadership?.leader === id) led.push({ topic, partition })
  return led
}

/** Elections asked for by name: which partitions need one, and what the others are told (KafkaController.processReplicaLeaderElection). */
export interface RequestedElections {
  readonly aims: readonly Aim[]
  readonly refused: readonly ElectionResult[]
}

export interface ElectionResult extends TopicPartition {
  readonly errorCode: ErrorCode
}

/** ElectLeaders: back to the preferred replica, or anybody at all for what nobody leads. */
export type ElectionType = 'preferred' | 'unclean'

/** @param partitions null: all there are, and those that need none are not told */
export function aimsForElection(
  view: ClusterView,
  type: ElectionType,
  partitions: readonly TopicPartition[] | null,
): RequestedElections {
  const aims: Aim[] = []
  const refused: ElectionResult[] = []
  for (const { topic, partition } of partitions ?? allPartitions(view)) {
    const refuse = (errorCode: ErrorCode): void =>
      void refused.push({ topic, partition, errorCode })
    const row = partitionRow(view, { topic, partition })
    if (row === undefined) refuse(errors.UNKNOWN_TOPIC_OR_PARTITION)
    else if (isDeleting(view, topic)) refuse(errors.INVALID_TOPIC_EXCEPTION)
    else if (
      type === 'preferred'
        ? row.leadership?.leader !== row.replicas[0]
        : partitionStateOf(view, { topic, partition, row }) !== 'online'
    )
      aims.push({
        topic,
        partition,
        goingOffline: [],
        ...(type === 'preferred'
          ? { elect: 'preferred' }
          : { elect: 'offline', uncleanAllowed: true }),
      })
    else if (partitions !== null) refuse(errors.ELECTION_NOT_NEEDED)
  }
  return { aims, refused }
}

/**
 * Leadership back to the preferred replicas of every broker of whose partitions more than this share is led by others, where
 * that can be; none while any partition is being reassigned (checkAndTriggerAutoLeaderRebalance).
 *
 * @param imbalancePercentageMax `leader.imbalance.per.broker.percentage`
 */
export function aimsForRebalance(
  view: ClusterView,
  imbalancePercentageMax: number,
): readonly Aim[] {
  // Replicas on the move need what the brokers can do.
  if ([...allPartitions(view)].some(({ row }) => isBeingReassigned(row))) return []
  const byPreferred = Map.groupBy(lastingPartitions(view), ({ row }) => row.replicas[0])
  const aims: Aim[] = []
  for (const [preferred, partitions] of byPreferred) {
    const astray = partitions.filter(
      ({ row }) => row.leadership !== null && row.leadership.leader !== preferred,
    )
    if (astray.length * 100 <= partitions.length * imbalancePercentageMax) continue
    for (const known of astray) {
      const { leadership, replicas } = known.row
      const elected = electPreferred({
        replicas,
        isr: leadership?.isr ?? [],
        online: onlineReplicas(view, known),
        shuttingDown: view.shuttingDown,
        uncleanAllowed: false,
      })
      if (elected !== null) aims.push(electing(known, 'preferred'))
    }
  }
  return aims
}
