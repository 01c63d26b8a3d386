/**
 * The controller at work: it elects leaders, and all else that changes who leads what.
 *
 *              /brokers/ids/N deleted
 *   settled ─────────────────────────▶ electing { listingBrokers ─▶ readingBrokers, readingTopics, readingDeletions }
 *      ▲  ▲                                        │ read: what happened
 *      │  └──────────────── nothing to do ─────── weighing ─▶ readingStates
 *      │                                           │             │ states read: who shall lead
 *      │                                           ▼             ▼
 *      └─announced── announcing ◀── all written ── committing ◀──┘
 *                     ▲      ▲                      │    ▲ │
 *                     │      └── nothing to write ──│    │ └─ zk.badVersion: read again, for those alone
 *                     │                             │    └──── (electing.readingStates)
 *                     └── assigning ◀── replicas ───┤
 *                                       to write    └─ zk.fenced ─▶ resigned
 *
 * One piece of work at a time, as on Kafka's event thread; what comes meanwhile waits in `pending`, in order. The rows of the
 * partitions are in `view`: moving them in batches is what makes a broker's death cheap. A reign has an actor of this chart of
 * its own; the end of the reign is its end.
 *
 * - A broker is dead when its ephemeral znode is gone. It may be back before anybody looked: its higher broker epoch (czxid) tells, and
 *   it is treated as dead and then as started (KAFKA-1120, KIP-380).
 * - Every write is conditional twice: on the version of the controller epoch, so that a deposed controller writes nothing, and on
 *   the partition's own version, so that nothing unseen is overwritten.
 * - A partition's reassignment has an actor of its own (`reassignment.ts`), whose steps are done here, before all else that waits.
 * - Replicas hear of their partitions (LeaderAndIsr) before everybody does (UpdateMetadata); newcomers hear of the
 *   brokers first, or they could not find their leaders (KAFKA-4443).
 *
 * After Kafka's KafkaController (onBrokerStartup, onBrokerFailure, processTopicChange, processAlterPartition,
 * processControlledShutdown …), ZkPartitionStateMachine, ZkReplicaStateMachine, ControllerBrokerRequestBatch.
 */
import { assertEvent, assign, emit, enqueueActions, type SnapshotFrom, setup } from 'xstate'
import { refuse } from '../../src/assert.ts'
import { type ElectionResult, type ElectionType, stillLedBy } from '../../src/controller/aims.ts'
import type { IsrProposal, ProposalAnswer } from '../../src/controller/alter-partition.ts'
import {
  brokerIds,
  type ClusterView,
  type LiveBroker,
  partitionRow,
  partitionsOf,
  topicRow,
} from '../../src/controller/cluster-view.ts'
import {
  type LeaderAndIsrOrder,
  leaderAndIsrOrders,
  type Stopped,
  type StopReplicaOrder,
  stopReplicaOrders,
  type UpdateMetadataOrder,
  updateMetadataOrders,
} from '../../src/controller/orders.ts'
import type { StateWrite } from '../../src/controller/partition-change.ts'
import {
  type AskedReassignment,
  type AssignmentWrite,
  type ReassignmentResult,
  reassignmentsOf,
  targetOf,
} from '../../src/controller/reassignment.ts'
import {
  brokerWork,
  decideTask,
  electionResults,
  introduction,
  keepWork,
  movedPartitions,
  type ReassignmentStep,
  readingList,
  type StateRead,
  type StepOutcome,
  settleAssignments,
  settleWrites,
  type Task,
  type TopicRead,
  type Work,
  weigh,
} from '../../src/controller/work.ts'
import type { ErrorCode } from '../../src/error.ts'
import type { BrokerId, TopicPartition, Uuid } from '../../src/ids.ts'
import {
  BrokerIdsZNode,
  BrokerIdZNode,
  DeleteTopicsZNode,
  LogDirEventNotificationZNode,
  TopicsZNode,
  znodeName,
  znodeParent,
} from '../../src/zookeeper/paths.ts'

export interface LeaderElectionInput {
  readonly controllerEpoch: number
  /** The cluster as it was loaded. */
  readonly view: ClusterView
  /** Topics whose deletion was asked for, as read with it. */
  readonly deletions: readonly string[]
  /** `leader.imbalance.per.broker.percentage`. */
  readonly imbalancePercentageMax: number
  /** `delete.topic.enable`. */
  readonly deletesTopics: boolean
}

export interface LeaderElectionContext extends Omit<LeaderElectionInput, 'deletions'> {
  /** What is under way; null while settled. */
  readonly task: Task | null
  /** What came meanwhile, in order. */
  readonly pending: readonly Work[]
}

export type LeaderElectionFact =
  /** A watch told. */
  | { type: 'znode.created'; path: string }
  | { type: 'znode.deleted'; path: string }
  | { type: 'znode.changed'; path: string }
  | { type: 'znode.childrenChanged'; path: string }
  /** Answers to what was read; each left a watch. */
  | { type: 'brokers.listed'; brokers: readonly BrokerId[] }
  | { type: 'brokers.read'; brokers: readonly LiveBroker[] }
  | { type: 'topics.read'; topics: readonly TopicRead[]; listed: readonly string[] | null }
  | { type: 'deletions.read'; topics: readonly string[] }
  | { type: 'states.read'; states: readonly StateRead[]; uncleanTopics: readonly string[] }
  /** All of a batch was written. */
  | { type: 'zk.committed' }
  /** All but these: their state znodes have another version, or are there already, or no more. */
  | { type: 'zk.badVersion'; stale: readonly TopicPartition[] }
  /** Another controller holds the epoch: nothing was written. */
  | { type: 'zk.fenced' }
  /** The orders are in the brokers' queues. */
  | { type: 'orders.queued' }
  | { type: 'rebalance.requested' }
  /** ElectLeaders; `partitions` null: all. */
  | {
      type: 'election.requested'
      request: number
      electionType: ElectionType
      partitions: readonly TopicPartition[] | null
    }
  /** The znode `/admin/preferred_replica_election` may ask for some. */
  | { type: 'preferredElections.noticed' }
  | { type: 'preferredElections.read'; partitions: readonly TopicPartition[] }
  /** A topic's configuration, or (null) the default, allows unclean elections now. */
  | { type: 'uncleanElection.allowed'; topic: string | null }
  /** AlterPartitionReassignments. */
  | {
      type: 'reassignment.requested'
      request: number
      asked: readonly AskedReassignment[]
    }
  /** The znode `/admin/reassign_partitions` may ask for some. */
  | { type: 'reassignments.noticed' }
  | { type: 'reassignments.read'; asked: readonly AskedReassignment[] }
  /** ListPartitionReassignments. */
  | { type: 'reassignmentListing.requested'; request: number }
  /** The actor of a reassignment has come to its next step. */
  | ({ type: 'reassignment.advanced' } & ReassignmentStep)
  /** All but these, whose topic is no more. */
  | { type: 'assignments.written'; lost: readonly TopicPartition[] }
  | { type: 'alterPartition.received'; request: number; proposal: IsrProposal }
  | {
      type: 'controlledShutdown.received'
      request: number
      brokerId: BrokerId
      /** −1: not said. */
      brokerEpoch: number
    }
  /** A live broker answered KAFKA_STORAGE_ERROR; `orders-0` each. */
  | { type: 'replicas.failed'; brokerId: BrokerId; partitions: readonly string[] }
  /** A live broker took up replicas of which it had answered so; `orders-0` each. */
  | { type: 'replicas.recovered'; brokerId: BrokerId; partitions: readonly string[] }
  /** Live brokers that gave notice of a failed log directory; which replicas were in it they will say when they are asked. */
  | { type: 'logDirs.failed'; brokers: readonly BrokerId[] }
  /** A broker's queue overflowed and was emptied: it must be told everything anew. */
  | { type: 'orders.dropped'; brokerId: BrokerId }
  | { type: 'topic.erased'; topic: string; topicId: Uuid }

export type LeaderElectionCommand =
  | { type: 'zk.listBrokers' }
  | { type: 'zk.readBrokers'; brokers: readonly BrokerId[] }
  /** Of all topics the unknown ones, or one. */
  | { type: 'zk.readTopics'; known: readonly string[]; topic: string | null }
  | { type: 'zk.readDeletions' }
  /** And removes them. */
  | { type: 'zk.readLogDirEvents' }
  | {
      type: 'zk.readStates'
      partitions: readonly TopicPartition[]
      configsOf: readonly string[]
    }
  /** Pipelined, one multi each: the check of the controller epoch and the write. */
  | { type: 'zk.multi'; writes: readonly StateWrite[] }
  /** Into the topics' znodes, each under the fence and at the version read just before. */
  | { type: 'zk.writeAssignments'; assignments: readonly AssignmentWrite[] }
  | { type: 'zk.dropDeletions'; topics: readonly string[] }
  /** Each leaves a watch, whether or not the znode is there. */
  | { type: 'zk.readReassignments' }
  | { type: 'zk.readPreferredElections' }
  /** Takes these out of the znode; the last takes the znode with it. */
  | { type: 'zk.dropReassignments'; partitions: readonly TopicPartition[] }
  | { type: 'zk.dropPreferredElections' }
  | { type: 'channel.open'; broker: LiveBroker }
  | { type: 'channel.close'; brokerId: BrokerId }
  | ({ type: 'leaderAndIsr.send' } & LeaderAndIsrOrder)
  | ({ type: 'updateMetadata.send' } & UpdateMetadataOrder)
  | ({ type: 'stopReplica.send' } & StopReplicaOrder)
  | { type: 'leaderless.note'; partitions: readonly TopicPartition[] }
  /** To be answered when all of the above are in their queues. */
  | { type: 'orders.confirm' }
  | { type: 'alterPartition.answer'; request: number; answer: ProposalAnswer }
  | { type: 'electLeaders.answer'; request: number; results: readonly ElectionResult[] }
  | {
      type: 'controlledShutdown.answer'
      request: number
      errorCode: ErrorCode
      remaining: readonly TopicPartition[]
    }
  | {
      type: 'deletion.begin'
      topic: string
      topicId: Uuid
      replicas: readonly { readonly partition: number; readonly brokerId: BrokerId }[]
      live: readonly BrokerId[]
    }
  /** To the deletions under way: these brokers are there again, or gone. */
  | { type: 'deletions.resume'; brokers: readonly BrokerId[] }
  | { type: 'deletions.halt'; brokers: readonly BrokerId[] }
  /** To the partition's actor, if there is one: its target is another now. */
  | {
      type: 'reassignment.begin'
      topic: string
      partition: number
      target: readonly BrokerId[]
      removing: readonly BrokerId[]
      isr: readonly BrokerId[]
      isCancelled: boolean
    }
  | { type: 'reassignment.inform'; topic: string; partition: number; isr: readonly BrokerId[] }
  | {
      type: 'reassignment.answer'
      topic: string
      partition: number
      step: ReassignmentStep['step']
      outcome: StepOutcome
      isr: readonly BrokerId[]
    }
  /** To those under way: these brokers are there again. */
  | { type: 'reassignments.resume'; brokers: readonly BrokerId[] }
  /** Of topics that are no more. */
  | { type: 'reassignments.drop'; topics: readonly string[] }
  | { type: 'alterReassignments.answer'; request: number; results: readonly ReassignmentResult[] }
  | {
      type: 'listReassignments.answer'
      request: number
      reassignments: readonly AssignmentWrite[]
    }
  | { type: 'controller.resign' }

/** What a fact asks for; null: nothing. */
function workOf(fact: LeaderElectionFact, { view }: LeaderElectionContext): Work | null {
  switch (fact.type) {
    case 'znode.deleted':
    case 'znode.changed':
    case 'znode.childrenChanged':
      return workOfZnode(fact)
    case 'rebalance.requested':
      return { kind: 'rebalance' }
    case 'election.requested': {
      const { request, electionType, partitions } = fact
      return { kind: 'election', request, electionType, partitions }
    }
    case 'preferredElections.read': {
      const { partitions } = fact
      return { kind: 'election', request: null, electionType: 'preferred', partitions }
    }
    case 'uncleanElection.allowed':
      return { kind: 'uncleanElection', topic: fact.topic }
    case 'reassignment.requested':
      return { kind: 'reassignment', request: fact.request, asked: fact.asked }
    case 'reassignments.read':
      return { kind: 'reassignment', request: null, asked: fact.asked }
    case 'reassignmentListing.requested':
      return { kind: 'reassignmentListing', request: fact.request }
    case 'alterPartition.received':
      return { kind: 'proposal', request: fact.request, proposal: fact.proposal }
    case 'controlledShutdown.received': {
      const { request, brokerId, brokerEpoch } = fact
      return { kind: 'shutdown', request, brokerId, brokerEpoch }
    }
    case 'replicas.failed':
      return { kind: 'diskFailure', brokerId: fact.brokerId, partitions: fact.partitions }
    case 'replicas.recovered':
      return { kind: 'diskRecovery', brokerId: fact.brokerId, partitions: fact.partitions }
    case 'logDirs.failed':
      return { kind: 'inquiry', brokers: fact.brokers.filter(id => id in view.brokers) }
    case 'orders.dropped': {
      const broker = view.brokers[fact.brokerId]
      return broker === undefined ? null : { kind: 'startup', brokers: [broker] }
    }
    default:
      return null
  }
}

function workOfZnode({ type, path }: { type: string; path: string }): Work | null {
  if (type === 'znode.childrenChanged')
    return path === BrokerIdsZNode.path
      ? { kind: 'brokers' }
      : path === TopicsZNode.path
        ? { kind: 'topics', topic: null }
        : path === DeleteTopicsZNode.path
          ? { kind: 'deletions' }
          : null
  if (znodeParent(path) === BrokerIdsZNode.path && BrokerIdZNode.id(path) !== null)
    return { kind: 'brokers' }
  if (type === 'znode.changed' && znodeParent(path) === TopicsZNode.path)
    return { kind: 'topics', topic: znodeName(path) }
  return null
}

/** What was read comes back as work, ahead of all that waits. */
function workRead(fact: LeaderElectionFact, { view }: LeaderElectionContext): readonly Work[] {
  switch (fact.type) {
    case 'brokers.read':
      return brokerWork(view, fact.brokers)
    case 'topics.read':
      return [{ kind: 'assignment', topics: fact.topics, listed: fact.listed }]
    case 'deletions.read':
      return [{ kind: 'deletion', topics: fact.topics }]
    default:
      return []
  }
}

/** Addresses and all there is to know, before anything is decided. */
function introducing({ view, task }: LeaderElectionContext): readonly LeaderElectionCommand[] {
  const work = task?.work
  if (work === undefined) return []
  const opened =
    work.kind === 'takeover'
      ? Object.values(view.brokers)
      : work.kind === 'startup' || work.kind === 'move'
        ? work.brokers
        : []
  const commands: LeaderElectionCommand[] = opened.map(broker => ({ type: 'channel.open', broker }))
  // Each leaves the first watch.
  if (work.kind === 'takeover')
    commands.push(
      { type: 'zk.readLogDirEvents' },
      { type: 'zk.readReassignments' },
      { type: 'zk.readPreferredElections' },
    )
  // Before the end is written down: the next controller will not know that there was something to delete.
  if (work.kind === 'reassignmentStep' && work.step === 'remove')
    for (const order of stopReplicaOrders(view, deletedReplicas(work)))
      commands.push({ type: 'stopReplica.send', ...order })
  if (work.kind === 'failure') {
    for (const brokerId of work.brokers) commands.push({ type: 'channel.close', brokerId })
    commands.push({ type: 'deletions.halt', brokers: work.brokers })
  }
  const told = introduction(view, work)
  if (told === null) return commands
  const { newcomers, toNewcomers, others, toOthers, announced } = told
  for (const order of updateMetadataOrders(view, toNewcomers, newcomers))
    commands.push({ type: 'updateMetadata.send', ...order })
  for (const order of updateMetadataOrders(view, toOthers, others))
    commands.push({ type: 'updateMetadata.send', ...order })
  for (const order of leaderAndIsrOrders(view, announced))
    commands.push({ type: 'leaderAndIsr.send', ...order })
  if (work.kind === 'startup')
    commands.push(
      { type: 'deletions.resume', brokers: newcomers },
      { type: 'reassignments.resume', brokers: newcomers },
    )
  return commands
}

const deletedReplicas = ({ topic, partition, removing }: ReassignmentStep): readonly Stopped[] =>
  removing.map(brokerId => ({ topic, partition, brokerId, deletePartition: true }))

/** To the actors of reassignments, and to those who asked for them. */
function reassigning({
  view,
  task,
}: Pick<LeaderElectionContext, 'view' | 'task'>): readonly LeaderElectionCommand[] {
  if (task === null) return []
  const { work } = task
  const isrOf = (it: TopicPartition): readonly BrokerId[] =>
    partitionRow(view, it)?.leadership?.isr ?? []
  const commands: LeaderElectionCommand[] = movedPartitions(view, task).map(it => ({
    type: 'reassignment.inform',
    ...it,
    isr: isrOf(it),
  }))
  for (const it of task.reassigned) {
    const { topic, partition, removingReplicas: removing, isCancelled } = it
    const of = { topic, partition, target: targetOf(it), removing }
    commands.push({ type: 'reassignment.begin', ...of, isr: isrOf(it), isCancelled })
  }
  if (work.kind === 'reassignmentStep') {
    const { topic, partition, step } = work
    const of = { topic, partition, step }
    commands.push({
      type: 'reassignment.answer',
      ...of,
      outcome: task.outcome,
      isr: isrOf(work),
    })
  }
  if (task.settledRequests.length > 0)
    commands.push({ type: 'zk.dropReassignments', partitions: task.settledRequests })
  if (work.kind === 'reassignment' && work.request !== null)
    commands.push({
      type: 'alterReassignments.answer',
      request: work.request,
      results: task.reassignments,
    })
  if (work.kind === 'reassignmentListing')
    commands.push({
      type: 'listReassignments.answer',
      request: work.request,
      reassignments: reassignmentsOf(view),
    })
  if (task.vanished.length > 0) commands.push({ type: 'reassignments.drop', topics: task.vanished })
  return commands
}

/** What became of it: replicas first, then everybody, then those that stop, then whoever asked. */
function announcing({
  view,
  task,
}: Pick<LeaderElectionContext, 'view' | 'task'>): readonly LeaderElectionCommand[] {
  if (task === null) return []
  const commands: LeaderElectionCommand[] = []
  for (const order of leaderAndIsrOrders(view, task.announced))
    commands.push({ type: 'leaderAndIsr.send', ...order })
  if (task.tellsBrokers || task.announced.length + task.metadata.length > 0)
    for (const order of updateMetadataOrders(view, [...task.announced, ...task.metadata]))
      commands.push({ type: 'updateMetadata.send', ...order })
  for (const order of stopReplicaOrders(view, task.stopped))
    commands.push({ type: 'stopReplica.send', ...order })
  for (const topic of task.deleted)
    commands.push({
      type: 'deletion.begin',
      topic,
      topicId: topicRow(view, topic)?.topicId ?? '',
      replicas: [...partitionsOf(view, topic)].flatMap(({ partition, row }) =>
        row.replicas.map(brokerId => ({ partition, brokerId })),
      ),
      live: brokerIds(view),
    })
  if (task.undeletable.length > 0)
    commands.push({ type: 'zk.dropDeletions', topics: task.undeletable })
  if (task.leaderless.length > 0)
    commands.push({ type: 'leaderless.note', partitions: task.leaderless })
  const { work, errorCode } = task
  if (work.kind === 'proposal' && task.answer !== null)
    commands.push({ type: 'alterPartition.answer', request: work.request, answer: task.answer })
  if (work.kind === 'election')
    commands.push(
      work.request === null
        ? { type: 'zk.dropPreferredElections' }
        : {
            type: 'electLeaders.answer',
            request: work.request,
            results: electionResults(task),
          },
    )
  if (work.kind === 'shutdown')
    commands.push({
      type: 'controlledShutdown.answer',
      request: work.request,
      errorCode,
      remaining: errorCode === 0 ? stillLedBy(view, work.brokerId) : [],
    })
  commands.push(...reassigning({ view, task }), { type: 'orders.confirm' })
  return commands
}

export const leaderElectionMachine = setup({
  types: {
    input: {} as LeaderElectionInput,
    context: {} as LeaderElectionContext,
    events: {} as LeaderElectionFact,
    emitted: {} as LeaderElectionCommand,
  },
  actions: {
    refuse,
    /** It has to wait. */
    keep: assign(({ context, event }) => {
      const work = workOf(event, context)
      return work === null ? {} : { pending: keepWork(context.pending, work) }
    }),
    /**
     * At once, then a look at what topics there are: one of that name may have been created since, and the watch that told of it
     * was used up while the old one still stood in the view.
     */
    keepErased: assign(({ context, event }) => {
      assertEvent(event, 'topic.erased')
      const { topic, topicId } = event
      const pending: readonly Work[] = [{ kind: 'erasure', topic, topicId }, ...context.pending]
      return { pending: keepWork(pending, { kind: 'topics', topic: null }) }
    }),
    /** At once, after the other steps that wait: between two steps of a reassignment nobody is to ask for another. */
    keepStep: assign(({ context, event }) => {
      assertEvent(event, 'reassignment.advanced')
      const { type: _, ...step } = event
      const steps = context.pending.filter(({ kind }) => kind === 'reassignmentStep')
      const others = context.pending.filter(({ kind }) => kind !== 'reassignmentStep')
      return { pending: [...steps, { kind: 'reassignmentStep', ...step }, ...others] }
    }),
    keepRead: assign(({ context, event }) => ({
      pending: [...workRead(event, context), ...context.pending],
    })),
    takeUp: assign(({ context }) => {
      const [work, ...pending] = context.pending
      return work === undefined ? {} : { ...weigh(context.view, work, context), pending }
    }),
    introduce: enqueueActions(({ context, enqueue }) => {
      for (const command of introducing(context)) enqueue.emit(command)
    }),
    listBrokers: emit({ type: 'zk.listBrokers' }),
    readBrokers: emit(({ event }) => {
      assertEvent(event, 'brokers.listed')
      return { type: 'zk.readBrokers', brokers: event.brokers }
    }),
    readTopics: emit(({ context }) => {
      const topic = context.task?.work.kind === 'topics' ? context.task.work.topic : null
      const known = topic === null ? Object.keys(context.view.topics) : []
      return { type: 'zk.readTopics', known, topic }
    }),
    readDeletions: emit({ type: 'zk.readDeletions' }),
    readLogDirEvents: emit({ type: 'zk.readLogDirEvents' }),
    readStates: emit(({ context }) => ({
      type: 'zk.readStates',
      ...readingList(context.view, context.task as Task),
    })),
    decide: assign(({ context, event }) => {
      const { states, uncleanTopics } =
        event.type === 'states.read' ? event : { states: [], uncleanTopics: [] }
      const { controllerEpoch, view } = context
      return decideTask(view, context.task as Task, states, { controllerEpoch, uncleanTopics })
    }),
    write: emit(({ context }) => ({ type: 'zk.multi', writes: context.task?.writes ?? [] })),
    keepWritten: assign(({ context, event }) =>
      settleWrites(
        context.view,
        context.task as Task,
        event.type === 'zk.badVersion' ? event.stale : [],
      ),
    ),
    writeAssignments: emit(({ context }) => ({
      type: 'zk.writeAssignments',
      assignments: context.task?.assignments ?? [],
    })),
    keepAssigned: assign(({ context, event }) => {
      assertEvent(event, 'assignments.written')
      const { view, task, deletions } = settleAssignments(
        context.view,
        context.task as Task,
        event.lost,
      )
      const pending =
        deletions.length === 0
          ? context.pending
          : keepWork(context.pending, { kind: 'deletion', topics: deletions })
      return { view, task, pending }
    }),
    readReassignments: emit({ type: 'zk.readReassignments' }),
    readPreferredElections: emit({ type: 'zk.readPreferredElections' }),
    announce: enqueueActions(({ context, enqueue }) => {
      for (const command of announcing(context)) enqueue.emit(command)
    }),
    finish: assign({ task: null }),
    resign: emit({ type: 'controller.resign' }),
  },
  guards: {
    /** Of what waits, the first. */
    brokersWait: ({ context }) => context.pending[0]?.kind === 'brokers',
    topicsWait: ({ context }) => context.pending[0]?.kind === 'topics',
    deletionsWait: ({ context }) => context.pending[0]?.kind === 'deletions',
    workWaits: ({ context }) => context.pending.length > 0,
    isOfBroker: ({ context, event }) => workOf(event, context)?.kind === 'brokers',
    isOfTopics: ({ context, event }) => workOf(event, context)?.kind === 'topics',
    isOfDeletions: ({ context, event }) => workOf(event, context)?.kind === 'deletions',
    isOfLogDirs: ({ event }) =>
      event.type === 'znode.childrenChanged' && event.path === LogDirEventNotificationZNode.path,
    asksForWork: ({ context, event }) => workOf(event, context) !== null,
    mustRead: ({ context }) =>
      context.task !== null && readingList(context.view, context.task).partitions.length > 0,
    mustWrite: ({ context }) => (context.task?.writes.length ?? 0) > 0,
    mustAssign: ({ context }) => (context.task?.assignments.length ?? 0) > 0,
  },
}).createMachine({
  id: 'leaderElection',
  description: 'The controller at work: elections, and all else that changes who leads what.',
  context: ({ input: { deletions, ...input } }) => ({
    ...input,
    task: null,
    pending: [{ kind: 'takeover', deletions }],
  }),
  initial: 'settled',
  on: {
    'znode.deleted': { actions: 'keep' },
    'znode.changed': { actions: 'keep' },
    'znode.childrenChanged': [
      { guard: 'isOfLogDirs', actions: 'readLogDirEvents' },
      { actions: 'keep' },
    ],
    // Of what is watched only /controller can be created, and that is another chart's.
    'znode.created': {},
    'rebalance.requested': { actions: 'keep' },
    'election.requested': { actions: 'keep' },
    'alterPartition.received': { actions: 'keep' },
    'controlledShutdown.received': { actions: 'keep' },
    'preferredElections.noticed': { actions: 'readPreferredElections' },
    'preferredElections.read': { actions: 'keep' },
    'uncleanElection.allowed': { actions: 'keep' },
    'reassignment.requested': { actions: 'keep' },
    'reassignments.noticed': { actions: 'readReassignments' },
    'reassignments.read': { actions: 'keep' },
    'reassignmentListing.requested': { actions: 'keep' },
    'reassignment.advanced': { actions: 'keepStep' },
    'replicas.failed': { actions: 'keep' },
    'replicas.recovered': { actions: 'keep' },
    'logDirs.failed': { actions: 'keep' },
    'orders.dropped': { actions: 'keep' },
    'topic.erased': { actions: 'keepErased' },
    // A deletion of a topic met the fence.
    'zk.fenced': '.resigned',
    '*': { actions: 'refuse' },
  },
  states: {
    settled: {
      description: 'Every partition has the leader it can have (ControllerState.Idle).',
      entry: 'finish',
      always: [
        { guard: 'brokersWait', target: 'electing.listingBrokers', actions: 'takeUp' },
        { guard: 'topicsWait', target: 'electing.readingTopics', actions: 'takeUp' },
        { guard: 'deletionsWait', target: 'electing.readingDeletions', actions: 'takeUp' },
        { guard: 'workWaits', target: 'electing.weighing', actions: 'takeUp' },
      ],
      on: {
        // The ephemeral znode of a broker is gone: the broker is dead.
        'znode.deleted': [
          {
            guard: 'isOfBroker',
            target: 'electing.listingBrokers',
            actions: ['keep', 'takeUp'],
          },
          {},
        ],
        'znode.childrenChanged': [
          {
            guard: 'isOfBroker',
            target: 'electing.listingBrokers',
            actions: ['keep', 'takeUp'],
          },
          { guard: 'isOfTopics', target: 'electing.readingTopics', actions: ['keep', 'takeUp'] },
          {
            guard: 'isOfDeletions',
            target: 'electing.readingDeletions',
            actions: ['keep', 'takeUp'],
          },
          { guard: 'isOfLogDirs', actions: 'readLogDirEvents' },
          {},
        ],
        'znode.changed': [
          {
            guard: 'isOfBroker',
            target: 'electing.listingBrokers',
            actions: ['keep', 'takeUp'],
          },
          { guard: 'isOfTopics', target: 'electing.readingTopics', actions: ['keep', 'takeUp'] },
          {},
        ],
        'rebalance.requested': { target: 'electing.weighing', actions: ['keep', 'takeUp'] },
        'election.requested': { target: 'electing.weighing', actions: ['keep', 'takeUp'] },
        'alterPartition.received': { target: 'electing.weighing', actions: ['keep', 'takeUp'] },
        'controlledShutdown.received': {
          target: 'electing.weighing',
          actions: ['keep', 'takeUp'],
        },
        'replicas.failed': { target: 'electing.weighing', actions: ['keep', 'takeUp'] },
        'replicas.recovered': { target: 'electing.weighing', actions: ['keep', 'takeUp'] },
        'logDirs.failed': { target: 'electing.weighing', actions: ['keep', 'takeUp'] },
        'orders.dropped': [
          {
            guard: 'asksForWork',
            target: 'electing.weighing',
            actions: ['keep', 'takeUp'],
          },
          {},
        ],
        'topic.erased': { target: 'electing.weighing', actions: ['keepErased', 'takeUp'] },
      },
    },
    electing: {
      description: 'What happened, and who shall lead now.',
      initial: 'weighing',
      states: {
        listingBrokers: {
          description: 'Who is there (KafkaController.processBrokerChange).',
          entry: 'listBrokers',
          on: {
            'brokers.listed': 'readingBrokers',
            // A watch tells before any answer that shows the change: the list will. One death is told twice, by its own znode and
            // by their parent; it leads to one election.
            'znode.deleted': [{ guard: 'isOfBroker' }, { actions: 'keep' }],
            'znode.changed': [{ guard: 'isOfBroker' }, { actions: 'keep' }],
            'znode.childrenChanged': [
              { guard: 'isOfBroker' },
              { guard: 'isOfLogDirs', actions: 'readLogDirEvents' },
              { actions: 'keep' },
            ],
          },
        },
        readingBrokers: {
          description:
            'Since when: a higher czxid is another life (getAllBrokerAndEpochsInCluster).',
          entry: 'readBrokers',
          on: { 'brokers.read': { target: '#leaderElection.settled', actions: 'keepRead' } },
        },
        readingTopics: {
          description: 'Which topics and partitions are new (processTopicChange).',
          entry: 'readTopics',
          on: { 'topics.read': { target: '#leaderElection.settled', actions: 'keepRead' } },
        },
        readingDeletions: {
          description: 'Which topics are to go (processTopicDeletion).',
          entry: 'readDeletions',
          on: { 'deletions.read': { target: '#leaderElection.settled', actions: 'keepRead' } },
        },
        weighing: {
          description: 'What is to become of which partitions.',
          entry: 'introduce',
          always: [
            { guard: 'mustRead', target: 'readingStates' },
            // A proposal was judged by what the leader had read: nothing is left to decide.
            { guard: 'mustWrite', target: '#leaderElection.committing' },
            { target: 'deciding', actions: 'decide' },
          ],
        },
        readingStates: {
          description: 'As ZooKeeper has them now (getTopicPartitionStatesRaw).',
          entry: 'readStates',
          on: { 'states.read': { target: 'deciding', actions: 'decide' } },
        },
        deciding: {
          description: 'Elected, as far as anybody could be (Election.leaderForOffline …).',
          always: [
            { guard: 'mustWrite', target: '#leaderElection.committing' },
            { guard: 'mustAssign', target: '#leaderElection.assigning' },
            { target: '#leaderElection.announcing' },
          ],
        },
      },
    },
    committing: {
      description: 'Writes the state znodes under the fence (KafkaZkClient.updateLeaderAndIsr).',
      entry: 'write',
      on: {
        'zk.committed': [
          { guard: 'mustAssign', target: 'assigning', actions: 'keepWritten' },
          { target: 'announcing', actions: 'keepWritten' },
        ],
        // Somebody wrote there, or we did and the answer was lost: read again, for those alone.
        'zk.badVersion': { target: 'electing.readingStates', actions: 'keepWritten' },
        'zk.fenced': 'resigned',
      },
    },
    assigning: {
      description:
        'Writes which replicas partitions have into their topics’ znodes (setTopicAssignment).',
      entry: 'writeAssignments',
      on: {
        'assignments.written': { target: 'announcing', actions: 'keepAssigned' },
        'zk.fenced': 'resigned',
      },
    },
    announcing: {
      description: 'Tells the brokers, and whoever asked (sendRequestsToBrokers).',
      entry: 'announce',
      on: { 'orders.queued': 'settled' },
    },
    resigned: {
      description: 'Another controller has taken over (ControllerMovedException).',
      type: 'final',
      entry: 'resign',
    },
  },
})

type LeaderElectionSnapshot = SnapshotFrom<typeof leaderElectionMachine>

/** The cluster as this controller knows it. */
export const clusterView = (snapshot: LeaderElectionSnapshot): ClusterView => snapshot.context.view

/** Nothing is under way and nothing waits. */
export const isSettled = (snapshot: LeaderElectionSnapshot): boolean => snapshot.matches('settled')
