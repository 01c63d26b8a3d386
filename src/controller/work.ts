/**
 * The controller's work, piece by piece: what each event comes to before ZooKeeper is asked and after it has answered.
 * `machines/controller/leader-election.ts` takes the pieces up one at a time, as Kafka's event thread does.
 */
import { type ErrorCode, errors } from '../error.ts'
import { type BrokerId, printPartition, type TopicPartition, type Uuid } from '../ids.ts'
import {
  aimsAfterDiskFailure,
  aimsAfterFailure,
  aimsForElection,
  aimsForOnline,
  aimsForRebalance,
  aimsForShutdown,
  type ElectionResult,
  type ElectionType,
} from './aims.ts'
import {
  type IsrProposal,
  judgeProposal,
  type ProposalAnswer,
  withRefused,
} from './alter-partition.ts'
import {
  allPartitions,
  brokerIds,
  type ClusterView,
  compareBrokers,
  isAwaitingDeletion,
  isDeleting,
  type Leadership,
  type LiveBroker,
  lastingPartitions,
  onlineReplicas,
  partitionRow,
  partitionsOf,
  type TopicRow,
  topicRow,
  withAssignments,
  withAwaitingDeletion,
  withBrokers,
  withDeleting,
  withFailedReplicas,
  withLeaderships,
  withoutBrokers,
  withoutTopics,
  withRecoveredReplicas,
  withShuttingDown,
  withTopics,
} from './cluster-view.ts'
import type { Announced, Stopped } from './orders.ts'
import { type Aim, decide, type StateWrite, written } from './partition-change.ts'
import {
  type AskedReassignment,
  type AssignmentWrite,
  assignmentOf,
  isBeingReassigned,
  judgeReassignments,
  type Reassigned,
  type ReassignmentResult,
  reassignmentsOf,
} from './reassignment.ts'

/** A topic as its znode has it. */
export interface TopicRead {
  readonly topic: string
  readonly topicId: Uuid
  readonly partitions: Readonly<Record<number, Omit<TopicRow['partitions'][number], 'leadership'>>>
}

/** Something to be seen to. The first three kinds are to be read first; what was read comes back as other kinds. */
export type Work =
  | { readonly kind: 'brokers' }
  /** Null: all of them. */
  | { readonly kind: 'topics'; readonly topic: string | null }
  | { readonly kind: 'deletions' }
  /** The first work of a reign. */
  | { readonly kind: 'takeover'; readonly deletions: readonly string[] }
  | { readonly kind: 'startup'; readonly brokers: readonly LiveBroker[] }
  | { readonly kind: 'move'; readonly brokers: readonly LiveBroker[] }
  | { readonly kind: 'failure'; readonly brokers: readonly BrokerId[] }
  /** `listed`: all topics there are; null where only some were looked at. */
  | {
      readonly kind: 'assignment'
      readonly topics: readonly TopicRead[]
      readonly listed: readonly string[] | null
    }
  | { readonly kind: 'deletion'; readonly topics: readonly string[] }
  | { readonly kind: 'erasure'; readonly topic: string; readonly topicId: Uuid }
  | { readonly kind: 'proposal'; readonly request: number; readonly proposal: IsrProposal }
  | {
      readonly kind: 'shutdown'
      readonly request: number
      readonly brokerId: BrokerId
      readonly brokerEpoch: number
    }
  | { readonly kind: 'rebalance' }
  /** Unclean elections were allowed: of one topic, or (null) by default. */
  | { readonly kind: 'uncleanElection'; readonly topic: string | null }
  /** `request` null: by znode, from which what is refused is to go. */
  | {
      readonly kind: 'reassignment'
      readonly request: number | null
      readonly asked: readonly AskedReassignment[]
    }
  | ({ readonly kind: 'reassignmentStep' } & ReassignmentStep)
  | { readonly kind: 'reassignmentListing'; readonly request: number }
  /** ElectLeaders; `partitions` null: all. */
  | {
      readonly kind: 'election'
      /** Null: by znode. */
      readonly request: number | null
      readonly electionType: ElectionType
      readonly partitions: readonly TopicPartition[] | null
    }
  /** Their replicas are named to them again: those that are no more will be answered so (onBrokerLogDirFailure). */
  | { readonly kind: 'inquiry'; readonly brokers: readonly BrokerId[] }
  /** `partitions`: `orders-0` each. */
  | {
      readonly kind: 'diskFailure' | 'diskRecovery'
      readonly brokerId: BrokerId
      readonly partitions: readonly string[]
    }

/**
 * One step of a partition's reassignment: to tell the replicas of each other; to move the leader and drop the others from the ISR,
 * when the target is in sync; to delete the others' logs and write the end down.
 */
export interface ReassignmentStep extends TopicPartition {
  readonly step: 'tell' | 'switch' | 'remove'
  readonly target: readonly BrokerId[]
  readonly removing: readonly BrokerId[]
}

/** None of the target is there to lead; there is no such partition any more. */
export type StepOutcome = 'done' | 'leaderless' | 'missing'

/** Work under way, and what has come of it so far. */
export interface Task {
  readonly work: Work
  /** What is still wanted of partitions. */
  readonly aims: readonly Aim[]
  /** Their state znodes are not as they were thought to be: nothing is decided before they are read. */
  readonly mistrusts: boolean
  /** What is being written. */
  readonly writes: readonly StateWrite[]
  /** A leader's proposals that were refused, or carried out with their answer lost: what is read will tell. */
  readonly doubted: readonly StateWrite[]
  /** To be told to replicas, and as metadata to everybody. */
  readonly announced: readonly Announced[]
  /** To be told as metadata alone. */
  readonly metadata: readonly TopicPartition[]
  /** Metadata is told even if no partition changed: the brokers did. */
  readonly tellsBrokers: boolean
  readonly stopped: readonly Stopped[]
  /** Replicas to be written into topics' znodes, when the states are written. */
  readonly assignments: readonly AssignmentWrite[]
  /** Reassignments that begin, or begin anew. */
  readonly reassigned: readonly Reassigned[]
  /** Of reassignments asked for, the results. */
  readonly reassignments: readonly ReassignmentResult[]
  /** To be taken out of the znode that asks for reassignments. */
  readonly settledRequests: readonly TopicPartition[]
  /** Topics that are no more. */
  readonly vanished: readonly string[]
  /** What became of a step of a reassignment. */
  readonly outcome: StepOutcome
  /** Topics whose deletion begins. */
  readonly deleted: readonly string[]
  /** Topics to be deleted that are none: the requests are dropped. */
  readonly undeletable: readonly string[]
  /** Elections that had nobody to elect. */
  readonly leaderless: readonly TopicPartition[]
  /** For the one who asked; null: nobody did. */
  readonly answer: ProposalAnswer | null
  readonly errorCode: ErrorCode
  /** Of elections asked for, the results that are known. */
  readonly elections: readonly ElectionResult[]
}

export interface WorkOptions {
  readonly controllerEpoch: number
  /** `leader.imbalance.per.broker.percentage`. */
  readonly imbalancePercentageMax: number
  /** `delete.topic.enable`. */
  readonly deletesTopics: boolean
}

/** Work that repeats what waits already is not kept. */
export const keepWork = (pending: readonly Work[], work: Work): readonly Work[] =>
  pending.some(other => JSON.stringify(other) === JSON.stringify(work))
    ? pending
    : [...pending, work]

/** Read brokers → what happened to them, in Kafka's order: new ones, bounced ones (dead and back), dead ones. */
export function brokerWork(view: ClusterView, read: readonly LiveBroker[]): readonly Work[] {
  const { appeared, bounced, died, moved } = compareBrokers(view, read)
  const work: Work[] = []
  if (appeared.length > 0) work.push({ kind: 'startup', brokers: appeared })
  if (bounced.length > 0)
    work.push(
      { kind: 'failure', brokers: bounced.map(broker => broker.id) },
      { kind: 'startup', brokers: bounced },
    )
  if (died.length > 0) work.push({ kind: 'failure', brokers: died })
  if (moved.length > 0) work.push({ kind: 'move', brokers: moved })
  return work
}

const plain = ({ topic, partition }: TopicPartition): TopicPartition => ({ topic, partition })

const idle = (work: Work): Task => ({
  work,
  aims: [],
  mistrusts: false,
  writes: [],
  doubted: [],
  announced: [],
  metadata: [],
  tellsBrokers: false,
  stopped: [],
  assignments: [],
  reassigned: [],
  reassignments: [],
  settledRequests: [],
  vanished: [],
  outcome: 'done',
  deleted: [],
  undeletable: [],
  leaderless: [],
  answer: null,
  errorCode: errors.NONE,
  elections: [],
})

/** Takes work up: the view as it is from now on, and what is wanted of which partitions. */
export function weigh(
  before: ClusterView,
  work: Work,
  options: WorkOptions,
): { readonly view: ClusterView; readonly task: Task } {
  const task = idle(work)
  switch (work.kind) {
    case 'brokers':
    case 'topics':
    case 'deletions':
      return { view: before, task }
    case 'takeover':
      return takeOver(before, task, work.deletions, options)
    case 'startup': {
      const view = withBrokers(before, work.brokers)
      return { view, task: { ...task, aims: aimsForOnline(view) } }
    }
    case 'move':
      return { view: withBrokers(before, work.brokers), task: { ...task, tellsBrokers: true } }
    case 'failure': {
      const view = withoutBrokers(before, work.brokers)
      const aims = aimsAfterFailure(view, work.brokers)
      const metadata = partitionsOn(view, work.brokers)
      return { view, task: { ...task, aims, metadata, tellsBrokers: true } }
    }
    case 'assignment': {
      const view = assign(before, work.topics, work.listed)
      const vanished = Object.keys(before.topics).filter(topic => isAnother(before, view, topic))
      return { view, task: { ...task, vanished, aims: aimsForNew(view, work.topics) } }
    }
    case 'deletion':
      return beginDeletion(before, task, work.topics, options)
    case 'erasure':
      return {
        view:
          topicRow(before, work.topic)?.topicId === work.topicId
            ? withoutTopics(before, [work.topic])
            : before,
        task,
      }
    case 'proposal': {
      const { answer, writes } = judgeProposal(before, work.proposal, options.controllerEpoch)
      return { view: before, task: { ...task, answer, writes } }
    }
    case 'shutdown':
      return shutDown(before, task, work)
    case 'election': {
      const { aims, refused } = aimsForElection(before, work.electionType, work.partitions)
      const sought = aims.map(aim => ({ ...plain(aim), errorCode: errors.NONE }))
      return { view: before, task: { ...task, aims, elections: [...refused, ...sought] } }
    }
    case 'uncleanElection': {
      const aims = aimsForOnline(before).filter(aim => (work.topic ?? aim.topic) === aim.topic)
      return { view: before, task: { ...task, aims } }
    }
    case 'reassignment':
      return { view: before, task: reassign(before, task, work) }
    case 'reassignmentStep':
      return takeStep(before, task, work)
    case 'reassignmentListing':
      return { view: before, task }
    case 'rebalance': {
      const aims = aimsForRebalance(before, options.imbalancePercentageMax)
      return { view: before, task: { ...task, aims } }
    }
    case 'inquiry': {
      const announced = partitionsOn(before, work.brokers)
        .filter(known => partitionRow(before, known)?.leadership)
        .map(known => ({ ...known, isNew: false, to: work.brokers }))
      return { view: before, task: { ...task, announced } }
    }
    case 'diskRecovery': {
      const view = withRecoveredReplicas(before, work.brokerId, work.partitions)
      const metadata = [...lastingPartitions(view)]
        .filter(known => work.partitions.includes(printPartition(known)))
        .map(plain)
      return { view, task: { ...task, aims: aimsForOnline(view), metadata } }
    }
    case 'diskFailure': {
      const view = withFailedReplicas(before, work.brokerId, work.partitions)
      const affected = [...lastingPartitions(view)].filter(known =>
        work.partitions.includes(printPartition(known)),
      )
      return {
        view,
        task: {
          ...task,
          aims: aimsAfterDiskFailure(view, work.brokerId),
          metadata: affected.map(plain),
          stopped: affected.map(known => stop(known, work.brokerId)),
        },
      }
    }
  }
}

const stop = (known: TopicPartition, brokerId: BrokerId): Stopped => ({
  ...plain(known),
  brokerId,
  deletePartition: false,
})

/** Partitions that last and have a replica on one of these brokers. */
const partitionsOn = (view: ClusterView, ids: readonly BrokerId[]): readonly TopicPartition[] =>
  [...lastingPartitions(view)]
    .filter(({ row }) => row.replicas.some(id => ids.includes(id)))
    .map(plain)

/**
 * The dead are whoever has replicas and is not there: their elections come first of all, then everybody is told everything
 * (KafkaController.onControllerFailover: startup of both state machines in one).
 */
function takeOver(
  before: ClusterView,
  task: Task,
  deletions: readonly string[],
  options: WorkOptions,
): { readonly view: ClusterView; readonly task: Task } {
  const begun = beginDeletion(before, task, deletions, options)
  const { view } = begun
  const replicas = [...lastingPartitions(view)].flatMap(({ row }) => row.replicas)
  const dead = [...new Set(replicas)].filter(id => view.brokers[id] === undefined)
  const lasting = [...lastingPartitions(view)]
  return {
    view,
    task: {
      ...begun.task,
      aims: aimsAfterFailure(
        view,
        dead.sort((a, b) => a - b),
      ),
      announced: lasting.map(known => ({ ...plain(known), isNew: false })),
      tellsBrokers: true,
      reassigned: reassignmentsOf(view).map(it => ({ ...it, isCancelled: false, unneeded: [] })),
    },
  }
}

/** Unknown topics cannot be deleted; the others' replicas are stopped, and nobody is to look for them any more. */
function beginDeletion(
  before: ClusterView,
  task: Task,
  topics: readonly string[],
  { deletesTopics }: WorkOptions,
): { readonly view: ClusterView; readonly task: Task } {
  const deletable = (topic: string): boolean =>
    deletesTopics && topicRow(before, topic) !== undefined
  const asked = topics.filter(topic => deletable(topic) && !isDeleting(before, topic))
  // Its replicas are on the move: later (markTopicIneligibleForDeletion).
  const waits = (topic: string): boolean =>
    [...partitionsOf(before, topic)].some(({ row }) => isBeingReassigned(row))
  const deleted = asked.filter(topic => !waits(topic))
  const view = withDeleting(withAwaitingDeletion(before, asked.filter(waits)), deleted)
  const partitions = deleted.flatMap(topic => [...partitionsOf(view, topic)])
  return {
    view,
    task: {
      ...task,
      deleted,
      undeletable: topics.filter(topic => !deletable(topic)),
      metadata: partitions.map(plain),
      stopped: partitions.flatMap(known => known.row.replicas.map(id => stop(known, id))),
    },
  }
}

/** Gone, or another of the same name. */
const isAnother = (before: ClusterView, after: ClusterView, topic: string): boolean =>
  topicRow(before, topic)?.topicId !== topicRow(after, topic)?.topicId

/** Topics and partitions as their znodes have them; what is known of leaders stays. A known topic that is not listed is gone. */
function assign(
  view: ClusterView,
  topics: readonly TopicRead[],
  listed: readonly string[] | null,
): ClusterView {
  const here = new Set(listed ?? Object.keys(view.topics))
  const vanished = Object.keys(view.topics).filter(topic => !here.has(topic))
  const rows = topics
    .filter(({ topic }) => !isDeleting(view, topic))
    .map(({ topic, topicId, partitions }) => {
      const known = topicRow(view, topic)
      // What is known is not read again: during a reassignment the znode is ahead of it, or behind.
      const rows = known?.topicId === topicId ? known.partitions : {}
      const entries = Object.entries(partitions).map(([partition, assigned]) => [
        partition,
        rows[Number(partition)] ?? { ...assigned, leadership: null },
      ])
      return [topic, { topicId, partitions: Object.fromEntries(entries) }] as const
    })
  return withTopics(vanished.length > 0 ? withoutTopics(view, vanished) : view, rows)
}

const aimsForNew = (view: ClusterView, topics: readonly TopicRead[]): readonly Aim[] =>
  topics.flatMap(({ topic }) =>
    isDeleting(view, topic)
      ? []
      : [...partitionsOf(view, topic)]
          .filter(({ row }) => row.leadership === null)
          .map(known => ({ ...plain(known), elect: 'offline' as const, goingOffline: [] })),
  )

/** A broker wants to stop (KafkaController.processControlledShutdown). */
function shutDown(
  before: ClusterView,
  task: Task,
  { brokerId, brokerEpoch }: Extract<Work, { kind: 'shutdown' }>,
): { readonly view: ClusterView; readonly task: Task } {
  const broker = before.brokers[brokerId]
  if (broker === undefined)
    return { view: before, task: { ...task, errorCode: errors.BROKER_NOT_AVAILABLE } }
  // A higher one is a life that this controller has not seen yet: weaker than AlterPartition's test, as in Kafka.
  if (brokerEpoch !== -1 && brokerEpoch < broker.brokerEpoch)
    return { view: before, task: { ...task, errorCode: errors.STALE_BROKER_EPOCH } }
  const view = withShuttingDown(before, brokerId)
  const aims = aimsForShutdown(view, brokerId)
  const followed = aims.filter(aim => aim.elect === null)
  return { view, task: { ...task, aims, stopped: followed.map(aim => stop(aim, brokerId)) } }
}

/**
 * Replicas shall move. A target given up leaves the ISR before it leaves the znode, so that no ISR has strangers in it whenever this
 * controller may die.
 */
function reassign(
  view: ClusterView,
  task: Task,
  { request, asked }: Extract<Work, { kind: 'reassignment' }>,
): Task {
  const { results, accepted } = judgeReassignments(view, asked)
  // The znode is read whenever it changes: what is under way already goes on.
  const reassigned =
    request === null ? accepted.filter(it => changesAssignment(view, it)) : accepted
  const refused = results.filter(it => it.errorCode !== errors.NONE)
  return {
    ...task,
    reassignments: results,
    reassigned,
    assignments: reassigned.filter(it => changesAssignment(view, it)),
    // What is asked of the controller itself takes the place of what the znode asks for.
    settledRequests: (request === null ? refused : reassigned).map(plain),
    aims: reassigned
      .filter(it => it.unneeded.length > 0)
      .map(it => ({ ...plain(it), elect: 'reassign', goingOffline: it.unneeded })),
    stopped: reassigned.flatMap(it =>
      it.unneeded.map(id => ({ ...stop(it, id), deletePartition: true })),
    ),
  }
}

const changesAssignment = (view: ClusterView, it: AssignmentWrite): boolean => {
  const row = partitionRow(view, it)
  return row === undefined || JSON.stringify(assignmentOf(row)) !== JSON.stringify(assignmentOf(it))
}

function takeStep(
  before: ClusterView,
  task: Task,
  { topic, partition, step, target, removing }: ReassignmentStep,
): { readonly view: ClusterView; readonly task: Task } {
  const row = partitionRow(before, { topic, partition })
  if (row === undefined) return { view: before, task: { ...task, outcome: 'missing' } }
  const of = { topic, partition }
  const renewing: Aim = { ...of, elect: null, goingOffline: [], renewsLeaderEpoch: true }
  const done = { ...of, replicas: target, addingReplicas: [], removingReplicas: [] }
  switch (step) {
    case 'tell':
      return { view: before, task: { ...task, aims: [renewing] } }
    case 'switch': {
      const isElectable = onlineReplicas(before, { ...of, row }).some(
        id => target.includes(id) && row.leadership?.isr.includes(id) === true,
      )
      if (!isElectable) return { view: before, task: { ...task, outcome: 'leaderless' } }
      return {
        view: withAssignments(before, [done]),
        task: {
          ...task,
          aims: [{ ...renewing, elect: 'reassign', goingOffline: removing }],
          stopped: removing.map(id => stop(of, id)),
        },
      }
    }
    case 'remove':
      return {
        view: before,
        task: { ...task, assignments: [done], metadata: [of], settledRequests: [of] },
      }
  }
}

/**
 * Assignments are written, but for those whose topic is no more.
 *
 * @returns with the topics whose deletion waited for it
 */
export function settleAssignments(
  before: ClusterView,
  task: Task,
  lost: readonly TopicPartition[],
): { readonly view: ClusterView; readonly task: Task; readonly deletions: readonly string[] } {
  const stays = (it: TopicPartition): boolean => !has(lost, it)
  const done = task.assignments.filter(stays)
  const view = withAssignments(before, done)
  const isOver = (topic: string): boolean =>
    [...partitionsOf(view, topic)].every(({ row }) => !isBeingReassigned(row))
  const topics = task.work.kind === 'reassignmentStep' ? done.map(({ topic }) => topic) : []
  return {
    view,
    task: {
      ...task,
      assignments: [],
      reassigned: task.reassigned.filter(stays),
      reassignments: task.reassignments.map(it =>
        stays(it) ? it : { ...it, errorCode: errors.UNKNOWN_TOPIC_OR_PARTITION },
      ),
      outcome: lost.length === 0 ? task.outcome : 'missing',
    },
    deletions: topics.filter(topic => isAwaitingDeletion(view, topic) && isOver(topic)),
  }
}

/** Partitions whose leader or ISR may have changed, of those that are on the move. */
export const movedPartitions = (view: ClusterView, task: Task): readonly TopicPartition[] => {
  const changed = new Map(
    [...task.announced, ...task.metadata].map(it => [printPartition(it), plain(it)]),
  )
  return [...changed.values()].filter(it => {
    const row = partitionRow(view, it)
    return row !== undefined && isBeingReassigned(row)
  })
}

/**
 * What must be read before it can be decided: states (a new partition has none), and where it might come to that whether a topic
 * allows unclean elections.
 */
export function readingList(
  view: ClusterView,
  { aims, mistrusts }: Task,
): { readonly partitions: readonly TopicPartition[]; readonly configsOf: readonly string[] } {
  const hopeless = aims.filter(aim => {
    const row = partitionRow(view, aim)
    if (aim.elect !== 'offline' || !row?.leadership) return false
    const { isr } = row.leadership
    return !onlineReplicas(view, { ...plain(aim), row }).some(id => isr.includes(id))
  })
  return {
    partitions: aims
      .filter(aim => mistrusts || partitionRow(view, aim)?.leadership != null)
      .map(plain),
    configsOf: [...new Set(hopeless.map(aim => aim.topic))],
  }
}

/** A partition's state znode as read; null: there is none. */
export interface StateRead extends TopicPartition {
  readonly leadership: Leadership | null
}

/** Takes in what was read, and decides. */
export function decideTask(
  before: ClusterView,
  task: Task,
  read: readonly StateRead[],
  options: { readonly controllerEpoch: number; readonly uncleanTopics: readonly string[] },
): { readonly view: ClusterView; readonly task: Task } {
  const known = (state: TopicPartition) => partitionRow(before, state)?.leadership ?? null
  const found = read.flatMap(({ leadership, ...state }) =>
    leadership === null ? [] : [{ ...state, leadership }],
  )
  const view = withLeaderships(before, found)
  const confirmed = written(task.doubted).filter(made =>
    sameLeadership(made.leadership, partitionRow(view, made)?.leadership),
  )
  // Whoever's write it was (our own, whose answer was lost, or a tool's): the replicas are to hear of it.
  const unheard = found.filter(
    ({ leadership, ...state }) =>
      !sameLeadership(leadership, known(state)) && !has(confirmed, state),
  )
  // Not there though it was known, or though it was in the way of being created: the topic is on its way out.
  const lost = read.filter(
    state => state.leadership === null && (known(state) !== null || task.mistrusts),
  )
  const aims = task.aims.filter(aim => !has(lost, aim) && !has(confirmed, aim))
  const { writes, leaderless } = decide(view, aims, options)
  const denied = task.doubted.filter(write => !has(confirmed, write))
  return {
    view,
    task: {
      ...task,
      aims,
      writes,
      doubted: [],
      answer: task.answer && withRefused(task.answer, denied),
      leaderless: [...task.leaderless, ...leaderless],
      announced: [
        ...task.announced,
        ...unheard.map(state => ({ ...plain(state), isNew: known(state) === null })),
      ],
      metadata: [...task.metadata, ...confirmed.map(plain)],
    },
  }
}

const has = (partitions: readonly TopicPartition[], it: TopicPartition): boolean =>
  partitions.some(({ topic, partition }) => topic === it.topic && partition === it.partition)

/** Of a state znode as written and as read; the order of their fields may differ. */
function sameLeadership(
  a: Leadership | null | undefined,
  b: Leadership | null | undefined,
): boolean {
  if (!a || !b) return a === b
  return (
    a.leader === b.leader &&
    a.leaderEpoch === b.leaderEpoch &&
    a.controllerEpoch === b.controllerEpoch &&
    a.partitionEpoch === b.partitionEpoch &&
    a.leaderRecoveryState === b.leaderRecoveryState &&
    a.isr.length === b.isr.length &&
    a.isr.every((id, index) => id === b.isr[index])
  )
}

/**
 * Writes are done, but for those that found another version. What was written is announced; what was not is still wanted.
 *
 * @param stale partitions whose state znode is not as it was thought to be
 */
export function settleWrites(
  before: ClusterView,
  task: Task,
  stale: readonly TopicPartition[],
): { readonly view: ClusterView; readonly task: Task } {
  const isStale = (it: TopicPartition): boolean => has(stale, it)
  const done = stale.length === 0 ? task.writes : task.writes.filter(write => !isStale(write))
  const view = withLeaderships(before, written(done))
  // Leaders know the ISR they proposed: they get an answer, the others metadata, and nobody LeaderAndIsr.
  if (task.work.kind === 'proposal' && task.aims.length === 0) {
    const doubted = task.writes.filter(isStale)
    return {
      view,
      task: {
        ...task,
        writes: [],
        doubted,
        // A leader that is refused waits for the next LeaderAndIsr, which must be a new one for it (KAFKA-2729).
        aims: doubted.map(write => ({
          ...plain(write),
          elect: null,
          goingOffline: [],
          renewsLeaderEpoch: true,
        })),
        mistrusts: true,
        metadata: done.map(plain),
      },
    }
  }
  const offline = new Map(task.aims.map(aim => [printPartition(aim), aim.goingOffline]))
  const announced = done.map((write): Announced => {
    const gone = offline.get(printPartition(write)) ?? []
    const isNew = write.partitionEpoch === null
    const { replicas = [], addingReplicas: newTo = [] } = partitionRow(view, write) ?? {}
    if (task.work.kind === 'reassignmentStep' && task.work.step === 'tell')
      return { ...plain(write), isNew, newTo }
    if (gone.length === 0) return { ...plain(write), isNew }
    return { ...plain(write), isNew, to: replicas.filter(id => !gone.includes(id)) }
  })
  return {
    view,
    task: {
      ...task,
      writes: [],
      aims: stale.length === 0 ? [] : task.aims.filter(isStale),
      mistrusts: true,
      announced: [...task.announced, ...announced],
    },
  }
}

/** What became of the elections that were asked for: where nobody could be elected, it says why. */
export const electionResults = (task: Task): readonly ElectionResult[] =>
  task.elections.map(result => {
    const found = task.leaderless.some(
      ({ topic, partition }) => topic === result.topic && partition === result.partition,
    )
    if (!found || task.work.kind !== 'election') return result
    const errorCode =
      task.work.electionType === 'preferred'
        ? errors.PREFERRED_LEADER_NOT_AVAILABLE
        : errors.ELIGIBLE_LEADERS_NOT_AVAILABLE
    return { ...result, errorCode }
  })

/** Whom to tell of whom before anything is decided: addresses go before the orders that need them (KAFKA-4443). */
export interface Introduction {
  /** To those who know nothing yet: everything; at a takeover, when all is about to be told, the brokers only. */
  readonly newcomers: readonly BrokerId[]
  readonly toNewcomers: readonly TopicPartition[]
  /** To the others: what changes for them. */
  readonly others: readonly BrokerId[]
  readonly toOthers: readonly TopicPartition[]
  /** LeaderAndIsr to the newcomers, of what they have replicas of. */
  readonly announced: readonly Announced[]
}

/** Null for work that needs none. */
export function introduction(view: ClusterView, work: Work): Introduction | null {
  if (work.kind === 'takeover')
    return {
      newcomers: brokerIds(view),
      toNewcomers: [],
      others: [],
      toOthers: [],
      announced: [],
    }
  if (work.kind !== 'startup') return null
  const newcomers = work.brokers.map(broker => broker.id)
  const theirs = partitionsOn(view, newcomers)
  return {
    newcomers,
    toNewcomers: [...allPartitions(view)].map(plain),
    others: brokerIds(view).filter(id => !newcomers.includes(id)),
    toOthers: theirs,
    announced: theirs.map(known => ({ ...known, isNew: false, to: newcomers })),
  }
}
