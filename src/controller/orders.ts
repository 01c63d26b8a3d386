/**
 * What the controller tells the brokers: decisions gathered into one order per broker and kind
 * (AbstractControllerBrokerRequestBatch). In our own words; the wire's versions are not known here.
 */
import { type BrokerId, noUuid, printPartition, type TopicPartition, type Uuid } from '../ids.ts'
import type { Endpoint } from '../zookeeper/paths.ts'
import {
  brokerIds,
  type ClusterView,
  isDeleting,
  isReplicaOnline,
  type Leadership,
  type LiveBroker,
  type PartitionRow,
  partitionRow,
  topicRow,
} from './cluster-view.ts'

/** Stands for the leader of a partition whose topic is being deleted (LeaderAndIsr.LeaderDuringDelete). */
export const leaderDuringDelete = -2

/** Stands for the leader epoch when a replica is to be stopped whatever its own says (LeaderAndIsr.EpochDuringDelete). */
export const leaderEpochDuringDelete = -2

/** The broker an order goes to, as the controller knows it: a broker that began a new life since refuses it (KIP-380). */
export interface Addressed {
  readonly brokerId: BrokerId
  readonly brokerEpoch: number
}

export interface LeaderAndIsrPartition extends TopicPartition, Leadership {
  readonly topicId: Uuid
  readonly replicas: readonly BrokerId[]
  readonly addingReplicas: readonly BrokerId[]
  readonly removingReplicas: readonly BrokerId[]
  /** The replica is new to its broker, which may choose a disk for it. */
  readonly isNew: boolean
}

export interface LeaderAndIsrOrder extends Addressed {
  readonly partitions: readonly LeaderAndIsrPartition[]
  /** Where the leaders among these partitions are found. */
  readonly liveLeaders: readonly { readonly id: BrokerId; readonly endpoint: Endpoint }[]
}

export interface MetadataPartition extends TopicPartition, Leadership {
  readonly topicId: Uuid
  readonly replicas: readonly BrokerId[]
  readonly offlineReplicas: readonly BrokerId[]
}

export interface UpdateMetadataOrder extends Addressed {
  readonly partitions: readonly MetadataPartition[]
  /** All of them, always. */
  readonly liveBrokers: readonly LiveBroker[]
}

export interface StopReplicaOrder extends Addressed {
  readonly partitions: readonly (TopicPartition & {
    /** {@link leaderEpochDuringDelete}: whatever the replica's own. */
    readonly leaderEpoch: number
    readonly deletePartition: boolean
  })[]
}

/** Where brokers reach each other: the listener in plain text, else the first. */
export const interBrokerEndpoint = ({ endpoints }: LiveBroker): Endpoint | undefined =>
  endpoints.find(endpoint => endpoint.securityProtocol === 'PLAINTEXT') ?? endpoints[0]

const addressed = (broker: LiveBroker): Addressed => ({
  brokerId: broker.id,
  brokerEpoch: broker.brokerEpoch,
})

/** A partition to be told to the brokers that have a replica of it. */
export interface Announced extends TopicPartition {
  readonly isNew: boolean
  /** Only these; undefined: every replica. */
  readonly to?: readonly BrokerId[]
  /** To whom it is new, where not to all: replicas that are being added. */
  readonly newTo?: readonly BrokerId[]
}

/** LeaderAndIsr: to each registered broker what concerns its replicas. New partitions without a state are passed over. */
export function leaderAndIsrOrders(
  view: ClusterView,
  announced: readonly Announced[],
): readonly LeaderAndIsrOrder[] {
  const byBroker = new Map<BrokerId, LeaderAndIsrPartition[]>()
  for (const { topic, partition, isNew, to, newTo } of merged(announced)) {
    const row = partitionRow(view, { topic, partition })
    if (row === undefined || row.leadership === null) continue
    const state: LeaderAndIsrPartition = {
      topic,
      partition,
      topicId: topicRow(view, topic)?.topicId ?? noUuid,
      ...row.leadership,
      replicas: row.replicas,
      addingReplicas: row.addingReplicas,
      removingReplicas: row.removingReplicas,
      isNew,
    }
    for (const id of row.replicas)
      if (view.brokers[id] !== undefined && to?.includes(id) !== false)
        push(byBroker, id, newTo?.includes(id) === true ? { ...state, isNew: true } : state)
  }
  return ordered(view, byBroker).map(([broker, partitions]) => ({
    ...addressed(broker),
    partitions,
    liveLeaders: liveLeaders(view, partitions),
  }))
}

/** A partition that is announced twice is told once: new if it was either time, to all if to all either time. */
function merged(announced: readonly Announced[]): Iterable<Announced> {
  const byPartition = new Map<string, Announced>()
  for (const it of announced) {
    const key = printPartition(it)
    const before = byPartition.get(key)
    if (before === undefined) byPartition.set(key, it)
    else {
      const { topic, partition } = it
      const to = before.to && it.to && [...before.to, ...it.to]
      const isNew = before.isNew || it.isNew
      const newTo = [...(before.newTo ?? []), ...(it.newTo ?? [])]
      byPartition.set(key, { topic, partition, isNew, newTo, ...(to === undefined ? {} : { to }) })
    }
  }
  return byPartition.values()
}

function liveLeaders(
  view: ClusterView,
  partitions: readonly LeaderAndIsrPartition[],
): LeaderAndIsrOrder['liveLeaders'] {
  return [...new Set(partitions.map(({ leader }) => leader))].flatMap(id => {
    const broker = view.brokers[id]
    const endpoint = broker && interBrokerEndpoint(broker)
    return endpoint === undefined ? [] : [{ id, endpoint }]
  })
}

/** UpdateMetadata: the same to each, each partition once, with all live brokers. To everybody where `to` is not given. */
export function updateMetadataOrders(
  view: ClusterView,
  partitions: Iterable<TopicPartition>,
  to: readonly BrokerId[] = brokerIds(view),
): readonly UpdateMetadataOrder[] {
  const states: MetadataPartition[] = []
  const told = new Set<string>()
  for (const known of partitions) {
    const key = printPartition(known)
    if (told.has(key)) continue
    told.add(key)
    const row = partitionRow(view, known)
    if (row?.leadership) states.push(metadataOf(view, known, row, row.leadership))
  }
  const liveBrokers = Object.values(view.brokers)
  return to.flatMap(id => {
    const broker = view.brokers[id]
    return broker === undefined ? [] : [{ ...addressed(broker), partitions: states, liveBrokers }]
  })
}

function metadataOf(
  view: ClusterView,
  { topic, partition }: TopicPartition,
  row: PartitionRow,
  leadership: Leadership,
): MetadataPartition {
  const { replicas } = row
  return {
    topic,
    partition,
    topicId: topicRow(view, topic)?.topicId ?? noUuid,
    ...leadership,
    ...(isDeleting(view, topic)
      ? { leader: leaderDuringDelete, leaderEpoch: 0, partitionEpoch: 0 }
      : {}),
    replicas,
    offlineReplicas: replicas.filter(id => !isReplicaOnline(view, { topic, partition }, id)),
  }
}

/** A replica to be stopped. */
export interface Stopped extends TopicPartition {
  readonly brokerId: BrokerId
  readonly deletePartition: boolean
}

/** StopReplica: to each registered broker which of its replicas to stop (KIP-570). */
export function stopReplicaOrders(
  view: ClusterView,
  stopped: readonly Stopped[],
): readonly StopReplicaOrder[] {
  const byBroker = new Map<BrokerId, StopReplicaOrder['partitions'][number][]>()
  for (const { topic, partition, brokerId, deletePartition } of stopped) {
    const leaderEpoch = isDeleting(view, topic)
      ? leaderEpochDuringDelete
      : (partitionRow(view, { topic, partition })?.leadership?.leaderEpoch ?? -1)
    push(byBroker, brokerId, { topic, partition, leaderEpoch, deletePartition })
  }
  return ordered(view, byBroker).map(([broker, partitions]) => ({
    ...addressed(broker),
    partitions,
  }))
}

function push<T>(byBroker: Map<BrokerId, T[]>, id: BrokerId, entry: T): void {
  const entries = byBroker.get(id)
  if (entries === undefined) byBroker.set(id, [entry])
  else entries.push(entry)
}

/** By broker id, registered ones only. */
const ordered = <T>(
  view: ClusterView,
  byBroker: ReadonlyMap<BrokerId, T>,
): readonly (readonly [LiveBroker, T])[] =>
  Object.values(view.brokers).flatMap(broker => {
    const entries = byBroker.get(broker.id)
    return entries === undefined ? [] : [[broker, entries] as const]
  })
