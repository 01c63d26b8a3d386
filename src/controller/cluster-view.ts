/**
 * What the controller knows of the cluster (kafka.controller.ControllerContext): live brokers, topics, and who leads each
 * partition. Plain immutable rows: a change makes a new view that shares all it did not touch, so a batch over many
 * partitions copies each touched topic once.
 */
import type { BrokerId, TopicPartition, Uuid } from '../ids.ts'
import type { Endpoint, PartitionState, ReplicaAssignment } from '../zookeeper/paths.ts'

/** A registered broker: its znode in `/brokers/ids`. */
export interface LiveBroker {
  readonly id: BrokerId
  /** czxid of that znode: a higher one is a new life of the same broker (KIP-380). */
  readonly brokerEpoch: number
  readonly endpoints: readonly Endpoint[]
  readonly rack: string | null
}

/** A partition's state znode with its version. */
export interface Leadership extends PartitionState {
  /** zkVersion of the state znode. */
  readonly partitionEpoch: number
}

export interface PartitionRow extends ReplicaAssignment {
  /** Null: new, its state znode was never written. */
  readonly leadership: Leadership | null
}

export interface TopicRow {
  readonly topicId: Uuid
  /** By partition number. */
  readonly partitions: Readonly<Record<number, PartitionRow>>
}

export interface ClusterView {
  readonly brokers: Readonly<Record<BrokerId, LiveBroker>>
  /** Live brokers that asked for a controlled shutdown. They lead nothing new. */
  readonly shuttingDown: readonly BrokerId[]
  readonly topics: Readonly<Record<string, TopicRow>>
  /** Topics by id. */
  readonly topicNames: Readonly<Record<Uuid, string>>
  /** Topics queued for deletion: no elections for them any more. */
  readonly deleting: readonly string[]
  /** Topics to be deleted once the reassignments of their partitions are over. */
  readonly awaitingDeletion: readonly string[]
  /** Replicas whose disk failed on a live broker, by broker; `orders-0` each. */
  readonly failedReplicas: Readonly<Record<BrokerId, readonly string[]>>
}

export const emptyView: ClusterView = {
  brokers: {},
  shuttingDown: [],
  topics: {},
  topicNames: {},
  deleting: [],
  awaitingDeletion: [],
  failedReplicas: {},
}

/** A topic may be called `constructor`: only own keys count. */
const own = <T>(record: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined

// ─── Brokers ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Ids of the registered brokers, those shutting down included, ascending. */
export const brokerIds = (view: ClusterView): readonly BrokerId[] =>
  Object.values(view.brokers).map(broker => broker.id)

/** Registered, and not on its way out. */
export const isUp = (view: ClusterView, id: BrokerId): boolean =>
  view.brokers[id] !== undefined && !view.shuttingDown.includes(id)

export function withBrokers(view: ClusterView, brokers: readonly LiveBroker[]): ClusterView {
  const ids = brokers.map(broker => broker.id)
  return {
    ...view,
    brokers: { ...view.brokers, ...Object.fromEntries(brokers.map(broker => [broker.id, broker])) },
    // A broker that starts has its directories back.
    failedReplicas: without(view.failedReplicas, ids),
  }
}

export const withoutBrokers = (view: ClusterView, ids: readonly BrokerId[]): ClusterView => ({
  ...view,
  brokers: without(view.brokers, ids),
  shuttingDown: view.shuttingDown.filter(id => !ids.includes(id)),
  failedReplicas: without(view.failedReplicas, ids),
})

const without = <T>(
  record: Readonly<Record<BrokerId, T>>,
  ids: readonly BrokerId[],
): Readonly<Record<BrokerId, T>> =>
  Object.fromEntries(Object.entries(record).filter(([id]) => !ids.includes(Number(id))))

export const withShuttingDown = (view: ClusterView, id: BrokerId): ClusterView =>
  view.shuttingDown.includes(id) ? view : { ...view, shuttingDown: [...view.shuttingDown, id] }

/** How the registered brokers differ from what the view knows. */
export interface BrokerChanges {
  readonly appeared: readonly LiveBroker[]
  /** The same id with a higher broker epoch: gone and back between two looks (KAFKA-1120). */
  readonly bounced: readonly LiveBroker[]
  readonly died: readonly BrokerId[]
  /** The same life at another address. */
  readonly moved: readonly LiveBroker[]
}

export function compareBrokers(view: ClusterView, read: readonly LiveBroker[]): BrokerChanges {
  const sorted = [...read].sort((a, b) => a.id - b.id)
  const known = sorted.filter(broker => view.brokers[broker.id] !== undefined)
  const before = (broker: LiveBroker): LiveBroker => view.brokers[broker.id] as LiveBroker
  return {
    appeared: sorted.filter(broker => view.brokers[broker.id] === undefined),
    bounced: known.filter(broker => broker.brokerEpoch > before(broker).brokerEpoch),
    died: brokerIds(view).filter(id => !sorted.some(broker => broker.id === id)),
    moved: known.filter(
      broker =>
        broker.brokerEpoch === before(broker).brokerEpoch &&
        JSON.stringify(broker) !== JSON.stringify(before(broker)),
    ),
  }
}

// ─── Topics and partitions ───────────────────────────────────────────────────────────────────────────────────────────

export const topicRow = (view: ClusterView, topic: string): TopicRow | undefined =>
  own(view.topics, topic)

export const partitionRow = (
  view: ClusterView,
  { topic, partition }: TopicPartition,
): PartitionRow | undefined => topicRow(view, topic)?.partitions[partition]

export const topicNameOf = (view: ClusterView, topicId: Uuid): string | undefined =>
  own(view.topicNames, topicId)

export const isDeleting = (view: ClusterView, topic: string): boolean =>
  view.deleting.includes(topic)

export const isAwaitingDeletion = (view: ClusterView, topic: string): boolean =>
  view.awaitingDeletion.includes(topic)

/** A partition with what is known of it. */
export interface KnownPartition extends TopicPartition {
  readonly row: PartitionRow
}

/** Every partition, topics queued for deletion included. */
export function* allPartitions(view: ClusterView): Generator<KnownPartition> {
  for (const topic of Object.keys(view.topics)) yield* partitionsOf(view, topic)
}

export function* partitionsOf(view: ClusterView, topic: string): Generator<KnownPartition> {
  for (const [partition, row] of Object.entries(topicRow(view, topic)?.partitions ?? {}))
    yield { topic, partition: Number(partition), row }
}

/** The partitions that still matter: those of topics that are not being deleted. */
export function* lastingPartitions(view: ClusterView): Generator<KnownPartition> {
  const deleting = new Set(view.deleting)
  for (const topic of Object.keys(view.topics))
    if (!deleting.has(topic)) yield* partitionsOf(view, topic)
}

/** Adds topics, or replaces what is known of them. */
export function withTopics(
  view: ClusterView,
  topics: readonly (readonly [name: string, row: TopicRow])[],
): ClusterView {
  if (topics.length === 0) return view
  const renewed = new Set(topics.map(([name]) => name))
  const names = Object.entries(view.topicNames).filter(([, name]) => !renewed.has(name))
  return {
    ...view,
    topics: { ...view.topics, ...Object.fromEntries(topics) },
    topicNames: Object.fromEntries([...names, ...topics.map(([name, row]) => [row.topicId, name])]),
  }
}

/** Forgets topics, deletion included. */
export function withoutTopics(view: ClusterView, topics: readonly string[]): ClusterView {
  const gone = new Set(topics)
  const stay = (name: string): boolean => !gone.has(name)
  return {
    ...view,
    topics: Object.fromEntries(Object.entries(view.topics).filter(([name]) => stay(name))),
    topicNames: Object.fromEntries(
      Object.entries(view.topicNames).filter(([, name]) => stay(name)),
    ),
    deleting: view.deleting.filter(stay),
    awaitingDeletion: view.awaitingDeletion.filter(stay),
  }
}

export const withDeleting = (view: ClusterView, topics: readonly string[]): ClusterView => ({
  ...view,
  deleting: [...new Set([...view.deleting, ...topics])],
  awaitingDeletion: view.awaitingDeletion.filter(topic => !topics.includes(topic)),
})

export const withAwaitingDeletion = (
  view: ClusterView,
  topics: readonly string[],
): ClusterView => ({
  ...view,
  awaitingDeletion: [...new Set([...view.awaitingDeletion, ...topics])],
})

/** What became of partitions: their state znodes as written or read. Unknown partitions are passed over. */
export function withLeaderships(
  view: ClusterView,
  changes: readonly (TopicPartition & { readonly leadership: Leadership })[],
): ClusterView {
  return withRows(
    view,
    changes.map(({ topic, partition, leadership }) => [{ topic, partition }, { leadership }]),
  )
}

/** What became of partitions' replicas: as written into the topics' znodes. Unknown partitions are passed over. */
export const withAssignments = (
  view: ClusterView,
  changes: readonly (TopicPartition & ReplicaAssignment)[],
): ClusterView =>
  withRows(
    view,
    changes.map(({ topic, partition, replicas, addingReplicas, removingReplicas }) => [
      { topic, partition },
      { replicas, addingReplicas, removingReplicas },
    ]),
  )

function withRows(
  view: ClusterView,
  changes: readonly (readonly [TopicPartition, Partial<PartitionRow>])[],
): ClusterView {
  if (changes.length === 0) return view
  const touched = new Map<string, Record<number, PartitionRow>>()
  for (const [{ topic, partition }, change] of changes) {
    const partitions = touched.get(topic) ?? { ...topicRow(view, topic)?.partitions }
    const row = partitions[partition]
    if (row === undefined) continue
    partitions[partition] = { ...row, ...change }
    touched.set(topic, partitions)
  }
  const topics = [...touched].map(
    ([topic, partitions]) =>
      [topic, { ...(topicRow(view, topic) as TopicRow), partitions }] as const,
  )
  return { ...view, topics: { ...view.topics, ...Object.fromEntries(topics) } }
}

export const withFailedReplicas = (
  view: ClusterView,
  id: BrokerId,
  partitions: readonly string[],
): ClusterView => ({
  ...view,
  failedReplicas: {
    ...view.failedReplicas,
    [id]: [...new Set([...(view.failedReplicas[id] ?? []), ...partitions])],
  },
})

export const withRecoveredReplicas = (
  view: ClusterView,
  id: BrokerId,
  partitions: readonly string[],
): ClusterView => ({
  ...view,
  failedReplicas: {
    ...view.failedReplicas,
    [id]: (view.failedReplicas[id] ?? []).filter(name => !partitions.includes(name)),
  },
})

// ─── Replicas ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Its broker is registered and its disk works; a broker that shuts down counts only where asked for (isReplicaOnline). */
export const isReplicaOnline = (
  view: ClusterView,
  { topic, partition }: TopicPartition,
  id: BrokerId,
  counting: 'up' | 'registered' = 'up',
): boolean =>
  (counting === 'up' ? isUp(view, id) : view.brokers[id] !== undefined) &&
  view.failedReplicas[id]?.includes(`${topic}-${partition}`) !== true

/** A partition's replicas that are online, in the order of its assignment. */
export const onlineReplicas = (
  view: ClusterView,
  partition: KnownPartition,
  counting: 'up' | 'registered' = 'up',
): readonly BrokerId[] =>
  partition.row.replicas.filter(id => isReplicaOnline(view, partition, id, counting))
