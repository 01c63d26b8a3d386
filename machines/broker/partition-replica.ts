/**
 * One replica of a partition on its broker: the chart of the house.
 *
 *                        leadership.assigned, of a newer leader epoch, from anywhere
 *              ┌───────────────────────────────┴────────────────────────────────┐
 *              ▼                                                                ▼
 *   follower { leaderless │ truncating ─▶ fetching ⇄ caughtUp }     leader { isrCommitted ⇄ isrProposed }
 *              │                                                                │
 *              └───────────────────────────────┬────────────────────────────────┘
 *                                       replica.stopped                    disk.failed, from anywhere
 *                                              ▼                                      ▼
 *                                      offline ─or─▶ deleted                       failed
 *
 *   isrProposed { unanswered ⇄ postponed │ outdated }
 *
 * The log itself is beside the chart: it is told where the log ends, and tells how far that is committed.
 *
 * High watermark (leader). The offset every member of the *maximal* ISR has reached: while a change of the ISR is under way
 * that is the union of the committed and the proposed set, since either may turn out to be the true one (KIP-497). Replicas
 * outside that are alive and not lagging are waited for as well, or they would chase the high watermark for ever. It never
 * falls, and stands still while the committed ISR is below min.insync.replicas (KAFKA-15583): what is beyond could be lost with
 * the one broker that has it.
 *
 * A follower joins the ISR by a fetch at or beyond both the high watermark and the start of this leader epoch (KAFKA-7128: a new
 * leader's high watermark may be behind the true one). It leaves when it has not been at the leader's end for
 * replica.lag.time.max.ms, or at once where it comes back with less than it had: its disk is gone, and what the ISR promises
 * with it (KAFKA-14139).
 *
 * After Partition.scala, Replica.scala and ReplicaManager.becomeLeaderOrFollower; KIP-101, KIP-279, KIP-320, KIP-497.
 */
import { assertEvent, assign, emit, type SnapshotFrom, setup } from 'xstate'
import { refuse } from '../../src/assert.ts'
import { type ErrorCode, errors } from '../../src/error.ts'
import { type BrokerId, noBroker } from '../../src/ids.ts'

export interface PartitionReplicaInput {
  /** The broker this replica is on. */
  readonly self: BrokerId
  readonly topic: string
  readonly partition: number
  /** Of the log as it was opened. */
  readonly logEndOffset: number
  /** From replication-offset-checkpoint, within the log's bounds. */
  readonly highWatermark: number
  /** The topic's `min.insync.replicas`. */
  readonly minInSyncReplicas: number
  /** `replica.lag.time.max.ms` */
  readonly lagMsMax: number
}

/** What a leader knows of a follower. */
export interface FollowerProgress {
  /** Everything below is in its log: the offset it fetched at. −1 before its first fetch in this reign. */
  readonly logEndOffset: number
  readonly logStartOffset: number
  readonly fetchedAtMs: number
  /** Where the leader's log ended at that fetch. */
  readonly leaderLogEndOffset: number
  /** When it last had all that the leader had. */
  readonly caughtUpAtMs: number
  /** czxid under which its broker was registered; −1 where it did not say (Fetch below v15). */
  readonly brokerEpoch: number
  /** The reign of that fetch; −1 before the first. */
  readonly leaderEpoch: number
}

export interface PartitionReplicaContext {
  readonly self: BrokerId
  readonly topic: string
  readonly partition: number
  readonly lagMsMax: number
  readonly minInSyncReplicas: number
  /** −1: none. */
  readonly leader: BrokerId
  /** −1 before the first assignment. */
  readonly leaderEpoch: number
  /** Version of the partition's state znode. */
  readonly partitionEpoch: number
  readonly replicas: readonly BrokerId[]
  /** As the controller has it; a follower's is what the leader had when it was told. */
  readonly isr: readonly BrokerId[]
  /** What the controller has been asked to make of it. */
  readonly proposedIsr: readonly BrokerId[] | null
  /** Number of the last proposal: an answer to another one is stale. */
  readonly proposal: number
  /** Those of the replicas whose brokers live, as far as the controller said. */
  readonly alive: readonly BrokerId[]
  /** By broker id: all other replicas. Empty unless this is the leader. */
  readonly followers: Readonly<Record<BrokerId, FollowerProgress>>
  readonly logEndOffset: number
  /** Where the log ended when this leader epoch began; a follower has none. */
  readonly leaderEpochStart: number
  readonly highWatermark: number
  /** The high watermark as last announced. */
  readonly announcedHighWatermark: number
}

export interface LeadershipAssignment {
  readonly leader: BrokerId
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  readonly isr: readonly BrokerId[]
  readonly replicas: readonly BrokerId[]
}

export type PartitionReplicaFact =
  /** The controller's LeaderAndIsr named us among the replicas. */
  | ({
      type: 'leadership.assigned'
      /** Brokers alive, of the replicas. */
      alive: readonly BrokerId[]
      atMs: number
    } & LeadershipAssignment)
  /** StopReplica. Leader epochs −1 (old controllers) and −2 (the topic is being deleted) are obeyed always. */
  | { type: 'replica.stopped'; leaderEpoch: number; deletes: boolean }
  /** The log directory it is in does not do what it is asked. */
  | { type: 'disk.failed' }
  /** One batch or more, by a producer or from the leader. */
  | { type: 'log.appended'; logEndOffset: number; atMs: number }
  | { type: 'log.truncated'; logStartOffset: number; logEndOffset: number }
  /** A follower has everything below `logEndOffset`: it asked for what comes then, and its log does not diverge. */
  | {
      type: 'fetch.received'
      from: BrokerId
      /** The leader epoch it believes in; −1 where it did not say (Fetch below v9). */
      leaderEpoch: number
      brokerEpoch: number
      logEndOffset: number
      logStartOffset: number
      atMs: number
    }
  | { type: 'lag.checked'; atMs: number }
  | {
      type: 'alterPartition.answered'
      proposal: number
      errorCode: ErrorCode
      leaderEpoch: number
      partitionEpoch: number
      isr: readonly BrokerId[]
      atMs: number
    }
  | { type: 'brokers.changed'; alive: readonly BrokerId[]; atMs: number }
  | { type: 'topicConfig.changed'; minInSyncReplicas: number; atMs: number }
  /** The leader of this epoch answered a fetch of ours: our log is a beginning of its log. */
  | { type: 'highWatermark.learned'; leaderEpoch: number; highWatermark: number }
  /** … or it is not: the two agree below `endOffset` at most. */
  | { type: 'divergence.found'; leaderEpoch: number; endOffset: number }
  /** … or its log begins beyond the end of ours. */
  | { type: 'gap.found'; leaderEpoch: number; startOffset: number }

export type PartitionReplicaCommand =
  | {
      type: 'role.announce'
      role: 'leader' | 'follower' | 'offline' | 'deleted'
      leaderEpoch: number
    }
  | { type: 'isr.announce'; isr: readonly BrokerId[] }
  | { type: 'highWatermark.announce'; highWatermark: number }
  /** Remember, for good, that this epoch begins here: also where nothing is ever written in it (KAFKA-7415). */
  | { type: 'leaderEpoch.start'; leaderEpoch: number; startOffset: number }
  | {
      type: 'alterPartition.send'
      proposal: number
      isr: readonly BrokerId[]
      leaderEpoch: number
      partitionEpoch: number
    }
  | { type: 'fetcher.follow'; leader: BrokerId; leaderEpoch: number; highWatermark: number }
  | { type: 'fetcher.unfollow' }
  | { type: 'log.truncate'; leaderEpoch: number; endOffset: number }
  /** Drop everything: the log begins anew at `startOffset`. */
  | { type: 'log.restart'; leaderEpoch: number; startOffset: number }
  | { type: 'log.delete' }

/** Leader epoch of a StopReplica for a topic that is being deleted. */
const leaderEpochDuringDelete = -2
const noLeaderEpoch = -1

/** The committed and the proposed set together: whichever becomes true, no member of it is forgotten. */
export const maximalIsr = ({
  isr,
  proposedIsr,
}: Pick<PartitionReplicaContext, 'isr' | 'proposedIsr'>): readonly BrokerId[] =>
  proposedIsr === null ? isr : [...isr, ...proposedIsr.filter(id => !isr.includes(id))]

/** min.insync.replicas, but no more than there are replicas. */
const minIsr = (c: PartitionReplicaContext): number =>
  Math.min(c.minInSyncReplicas, Math.max(1, c.replicas.length))

/** At the leader's end, or was so within the lag time. */
const isCaughtUp = (c: PartitionReplicaContext, follower: FollowerProgress, atMs: number) =>
  follower.logEndOffset === c.logEndOffset || atMs - follower.caughtUpAtMs <= c.lagMsMax

/** The high watermark that follows from what the leader knows now; see the head of this file. */
function committedOffset(c: PartitionReplicaContext, atMs: number): number {
  if (c.leader !== c.self || c.isr.length < minIsr(c)) return c.highWatermark
  let offset = c.logEndOffset
  for (const id of c.replicas) {
    const follower = c.followers[id]
    if (follower === undefined || follower.logEndOffset >= offset) continue
    const isMember = c.isr.includes(id) || c.proposedIsr?.includes(id) === true
    if (isMember || (c.alive.includes(id) && isCaughtUp(c, follower, atMs)))
      offset = follower.logEndOffset
  }
  return Math.max(c.highWatermark, offset)
}

/** The context with this change, and the high watermark that follows. */
const committing = (
  context: PartitionReplicaContext,
  change: Partial<PartitionReplicaContext>,
  atMs: number,
): Partial<PartitionReplicaContext> => ({
  ...change,
  highWatermark: committedOffset({ ...context, ...change }, atMs),
})

type FetchReceived = Extract<PartitionReplicaFact, { type: 'fetch.received' }>

/** Caught up now where it asks beyond all we have; as of its last fetch where it has all that we had then. */
function progressed(c: PartitionReplicaContext, fetch: FetchReceived): FollowerProgress {
  const before = c.followers[fetch.from] as FollowerProgress
  const { logEndOffset, logStartOffset, brokerEpoch, atMs } = fetch
  const caughtUpAtMs =
    logEndOffset >= c.logEndOffset
      ? atMs
      : logEndOffset >= before.leaderLogEndOffset
        ? before.fetchedAtMs
        : before.caughtUpAtMs
  return {
    logEndOffset,
    logStartOffset,
    brokerEpoch,
    leaderEpoch: c.leaderEpoch,
    fetchedAtMs: atMs,
    leaderLogEndOffset: Math.max(c.logEndOffset, before.leaderLogEndOffset),
    caughtUpAtMs: Math.max(before.caughtUpAtMs, caughtUpAtMs),
  }
}

/**
 * Who leads, follows: what a new reign knows of the others. A leader confirmed in office keeps what it knows; not one that
 * missed an epoch, in which another may have led and had the followers cut their logs. (Kafka's keeps it then too: it may
 * commit at once what no other has.)
 */
function followersOf(
  c: PartitionReplicaContext,
  { replicas, isr, leaderEpoch }: LeadershipAssignment,
  atMs: number,
): Record<BrokerId, FollowerProgress> {
  const isConfirmed = leaderEpoch === c.leaderEpoch + 1
  const followers: Record<BrokerId, FollowerProgress> = {}
  for (const id of replicas) {
    if (id === c.self) continue
    const caughtUpAtMs = isr.includes(id) ? atMs : 0
    const before = isConfirmed ? c.followers[id] : undefined
    followers[id] =
      before === undefined
        ? {
            logEndOffset: -1,
            logStartOffset: -1,
            fetchedAtMs: 0,
            leaderLogEndOffset: -1,
            caughtUpAtMs,
            brokerEpoch: -1,
            leaderEpoch: noLeaderEpoch,
          }
        : {
            ...before,
            caughtUpAtMs,
            fetchedAtMs: caughtUpAtMs,
            leaderLogEndOffset: c.logEndOffset,
          }
  }
  return followers
}

/** Members of the ISR that no longer belong there. */
const lagging = (c: PartitionReplicaContext, atMs: number): readonly BrokerId[] =>
  c.isr.filter(id => {
    const follower = c.followers[id]
    return id !== c.self && (follower === undefined || !isCaughtUp(c, follower, atMs))
  })

/** A fetch of a reign that is over, of no replica of ours, or of a broker's former life (KAFKA-15221). */
function isStale(c: PartitionReplicaContext, fetch: Omit<FetchReceived, 'type'>): boolean {
  const follower = c.followers[fetch.from]
  return (
    (fetch.leaderEpoch !== noLeaderEpoch && fetch.leaderEpoch !== c.leaderEpoch) ||
    follower === undefined ||
    (fetch.brokerEpoch !== -1 && fetch.brokerEpoch < follower.brokerEpoch)
  )
}

/** Answers by which the controller says: you are right about the epochs, and this was not done. */
const turnedDown: readonly ErrorCode[] = [errors.OPERATION_NOT_ATTEMPTED, errors.INELIGIBLE_REPLICA]

/** Answers by which the controller says that it knows better: it has told us, or will. */
const outdated: readonly ErrorCode[] = [
  errors.UNKNOWN_TOPIC_OR_PARTITION,
  errors.UNKNOWN_TOPIC_ID,
  errors.FENCED_LEADER_EPOCH,
  errors.INVALID_UPDATE_VERSION,
  errors.INVALID_REQUEST,
  errors.NEW_LEADER_ELECTED,
]

export const partitionReplicaMachine = setup({
  types: {
    input: {} as PartitionReplicaInput,
    context: {} as PartitionReplicaContext,
    events: {} as PartitionReplicaFact,
    emitted: {} as PartitionReplicaCommand,
  },
  actions: {
    refuse,
    becomeLeader: assign(({ context, event }) => {
      assertEvent(event, 'leadership.assigned')
      const { leader, leaderEpoch, partitionEpoch, isr, replicas, alive, atMs } = event
      const followers = followersOf(context, event, atMs)
      const leaderEpochStart = context.logEndOffset
      const reign = { leader, leaderEpoch, partitionEpoch, isr, replicas, alive, followers }
      return committing(context, { ...reign, leaderEpochStart, proposedIsr: null }, atMs)
    }),
    becomeFollower: assign(({ event }) => {
      assertEvent(event, 'leadership.assigned')
      const { leader, leaderEpoch, partitionEpoch, isr, replicas, alive } = event
      const reign = { leader, leaderEpoch, partitionEpoch, isr, replicas, alive }
      return { ...reign, followers: {}, leaderEpochStart: -1, proposedIsr: null }
    }),
    stepDown: assign({ leader: noBroker, followers: {}, leaderEpochStart: -1, proposedIsr: null }),
    noteAppend: assign(({ context, event }) => {
      assertEvent(event, 'log.appended')
      return committing(context, { logEndOffset: event.logEndOffset }, event.atMs)
    }),
    noteTruncation: assign(({ context, event }) => {
      assertEvent(event, 'log.truncated')
      const { logStartOffset, logEndOffset } = event
      const highWatermark = Math.max(logStartOffset, Math.min(context.highWatermark, logEndOffset))
      // What was announced is taken back with it, so that a later rise is told again.
      const announcedHighWatermark = Math.min(context.announcedHighWatermark, logEndOffset)
      return { logEndOffset, highWatermark, announcedHighWatermark }
    }),
    noteFetch: assign(({ context, event }) => {
      assertEvent(event, 'fetch.received')
      const followers = { ...context.followers, [event.from]: progressed(context, event) }
      return committing(context, { followers }, event.atMs)
    }),
    noteHighWatermark: assign(({ context, event }) => {
      assertEvent(event, 'highWatermark.learned')
      const reached = Math.min(event.highWatermark, context.logEndOffset)
      return { highWatermark: Math.max(context.highWatermark, reached) }
    }),
    noteBrokers: assign(({ context, event }) => {
      assertEvent(event, 'brokers.changed')
      return committing(context, { alive: event.alive }, event.atMs)
    }),
    noteTopicConfig: assign(({ context, event }) => {
      assertEvent(event, 'topicConfig.changed')
      const { minInSyncReplicas, atMs } = event
      return committing(context, { minInSyncReplicas }, atMs)
    }),
    proposeJoiner: assign(({ context, event }) => {
      assertEvent(event, 'fetch.received')
      return { proposedIsr: [...context.isr, event.from], proposal: context.proposal + 1 }
    }),
    proposeWithoutAmnesiac: assign(({ context, event }) => {
      assertEvent(event, 'fetch.received')
      const proposedIsr = context.isr.filter(id => id !== event.from)
      return { proposedIsr, proposal: context.proposal + 1 }
    }),
    proposeWithoutLaggards: assign(({ context, event }) => {
      assertEvent(event, 'lag.checked')
      const laggards = lagging(context, event.atMs)
      const proposedIsr = context.isr.filter(id => !laggards.includes(id))
      return { proposedIsr, proposal: context.proposal + 1 }
    }),
    commitIsr: assign(({ context, event }) => {
      assertEvent(event, 'alterPartition.answered')
      const { isr, partitionEpoch, atMs } = event
      return committing(context, { isr, partitionEpoch, proposedIsr: null }, atMs)
    }),
    withdrawProposal: assign(({ context, event }) => {
      assertEvent(event, 'alterPartition.answered')
      return committing(context, { proposedIsr: null }, event.atMs)
    }),
    noteAnnouncement: assign(({ context }) => ({ announcedHighWatermark: context.highWatermark })),

    announceLeader: emit(({ context }) => ({
      type: 'role.announce',
      role: 'leader',
      leaderEpoch: context.leaderEpoch,
    })),
    announceFollower: emit(({ context }) => ({
      type: 'role.announce',
      role: 'follower',
      leaderEpoch: context.leaderEpoch,
    })),
    announceOffline: emit(({ context }) => ({
      type: 'role.announce',
      role: 'offline',
      leaderEpoch: context.leaderEpoch,
    })),
    announceDeleted: emit(({ context }) => ({
      type: 'role.announce',
      role: 'deleted',
      leaderEpoch: context.leaderEpoch,
    })),
    announceIsr: emit(({ context }) => ({ type: 'isr.announce', isr: context.isr })),
    announceHighWatermark: emit(({ context }) => ({
      type: 'highWatermark.announce',
      highWatermark: context.highWatermark,
    })),
    startLeaderEpoch: emit(({ context }) => ({
      type: 'leaderEpoch.start',
      leaderEpoch: context.leaderEpoch,
      startOffset: context.leaderEpochStart,
    })),
    sendAlterPartition: emit(({ context }) => ({
      type: 'alterPartition.send',
      proposal: context.proposal,
      isr: context.proposedIsr as readonly BrokerId[],
      leaderEpoch: context.leaderEpoch,
      partitionEpoch: context.partitionEpoch,
    })),
    follow: emit(({ context }) => ({
      type: 'fetcher.follow',
      leader: context.leader,
      leaderEpoch: context.leaderEpoch,
      highWatermark: context.highWatermark,
    })),
    unfollow: emit({ type: 'fetcher.unfollow' }),
    truncateLog: emit(({ context, event }) => {
      assertEvent(event, 'divergence.found')
      return {
        type: 'log.truncate',
        leaderEpoch: context.leaderEpoch,
        endOffset: event.endOffset,
      }
    }),
    restartLog: emit(({ context, event }) => {
      assertEvent(event, 'gap.found')
      return {
        type: 'log.restart',
        leaderEpoch: context.leaderEpoch,
        startOffset: event.startOffset,
      }
    }),
    deleteLog: emit({ type: 'log.delete' }),
  },
  guards: {
    isStaleAssignment: ({ context, event }) => {
      assertEvent(event, 'leadership.assigned')
      return (
        event.leaderEpoch <= context.leaderEpoch || event.partitionEpoch < context.partitionEpoch
      )
    },
    leadsHere: ({ context, event }) => {
      assertEvent(event, 'leadership.assigned')
      return event.leader === context.self
    },
    hasLeader: ({ event }) => {
      assertEvent(event, 'leadership.assigned')
      return event.leader !== noBroker
    },
    isStaleStop: ({ context, event }) => {
      assertEvent(event, 'replica.stopped')
      return stopRefusal(context, event.leaderEpoch) !== errors.NONE
    },
    deletes: ({ event }) => {
      assertEvent(event, 'replica.stopped')
      return event.deletes
    },
    isStaleFetch: ({ context, event }) => {
      assertEvent(event, 'fetch.received')
      return isStale(context, event)
    },
    mayJoinIsr: ({ context, event }) => {
      assertEvent(event, 'fetch.received')
      const { from, logEndOffset } = event
      return (
        !context.isr.includes(from) &&
        context.alive.includes(from) &&
        logEndOffset >= context.highWatermark &&
        logEndOffset >= context.leaderEpochStart
      )
    },
    hasLostItsLog: ({ context, event }) => {
      assertEvent(event, 'fetch.received')
      return context.isr.includes(event.from) && event.logEndOffset < context.highWatermark
    },
    isAnyoneLagging: ({ context, event }) => {
      assertEvent(event, 'lag.checked')
      return lagging(context, event.atMs).length > 0
    },
    answersAnotherProposal: ({ context, event }) => {
      assertEvent(event, 'alterPartition.answered')
      return event.proposal !== context.proposal
    },
    isAccepted: ({ context, event }) => {
      assertEvent(event, 'alterPartition.answered')
      return (
        event.errorCode === errors.NONE &&
        event.leaderEpoch === context.leaderEpoch &&
        event.partitionEpoch >= context.partitionEpoch
      )
    },
    isTurnedDown: ({ event }) => {
      assertEvent(event, 'alterPartition.answered')
      return turnedDown.includes(event.errorCode)
    },
    isOutdated: ({ event }) => {
      assertEvent(event, 'alterPartition.answered')
      return event.errorCode === errors.NONE || outdated.includes(event.errorCode)
    },
    isOfFormerLeader: ({ context, event }) => {
      assertEvent(event, ['highWatermark.learned', 'divergence.found', 'gap.found'])
      return event.leaderEpoch !== context.leaderEpoch
    },
    reachesHighWatermark: ({ context, event }) => {
      assertEvent(event, 'highWatermark.learned')
      return context.logEndOffset >= event.highWatermark
    },
    isHighWatermarkNews: ({ context }) => context.highWatermark > context.announcedHighWatermark,
  },
  delays: {
    /** The pause Kafka's DefaultAlterPartitionManager makes after an error, ms. */
    alterPartitionBackoff: 50,
  },
}).createMachine({
  id: 'partitionReplica',
  description: 'One replica of a partition on its broker (Partition.scala).',
  context: ({ input }) => ({
    self: input.self,
    topic: input.topic,
    partition: input.partition,
    lagMsMax: input.lagMsMax,
    minInSyncReplicas: input.minInSyncReplicas,
    leader: noBroker,
    leaderEpoch: noLeaderEpoch,
    partitionEpoch: -1,
    replicas: [],
    isr: [],
    proposedIsr: null,
    proposal: 0,
    alive: [],
    followers: {},
    logEndOffset: input.logEndOffset,
    leaderEpochStart: -1,
    highWatermark: input.highWatermark,
    announcedHighWatermark: input.highWatermark,
  }),
  initial: 'offline',
  always: {
    guard: 'isHighWatermarkNews',
    actions: ['noteAnnouncement', 'announceHighWatermark'],
  },
  on: {
    'leadership.assigned': [
      // The request's sender has its answer already, by `assignmentRefusal`.
      { guard: 'isStaleAssignment' },
      {
        guard: 'leadsHere',
        target: '.leader',
        actions: ['becomeLeader', 'startLeaderEpoch', 'announceLeader', 'announceIsr'],
      },
      {
        guard: 'hasLeader',
        target: '.follower.truncating',
        actions: ['becomeFollower', 'announceFollower', 'follow'],
      },
      { target: '.follower.leaderless', actions: ['becomeFollower', 'announceFollower'] },
    ],
    'replica.stopped': [
      { guard: 'isStaleStop' },
      { guard: 'deletes', target: '.deleted', actions: 'stepDown' },
      { target: '.offline', actions: ['stepDown', 'announceOffline'] },
    ],
    'disk.failed': { target: '.failed', actions: ['stepDown', 'announceOffline'] },
    'log.appended': { actions: 'noteAppend' },
    'log.truncated': { actions: 'noteTruncation' },
    'topicConfig.changed': { actions: 'noteTopicConfig' },
    'brokers.changed': { actions: 'noteBrokers' },
    // What the leader alone minds may reach a replica that leads no more.
    'fetch.received': {},
    'lag.checked': {},
    'alterPartition.answered': {},
    // And what a follower minds, one that follows no more.
    'highWatermark.learned': {},
    'divergence.found': {},
    'gap.found': {},
    '*': { actions: 'refuse' },
  },
  states: {
    offline: {
      description:
        'It has a log, and no word from the controller yet, or was stopped (StopReplica).',
    },
    follower: {
      description: 'Copies the log of its leader (Partition.makeFollower).',
      exit: 'unfollow',
      on: {
        'divergence.found': [
          { guard: 'isOfFormerLeader' },
          { target: '.truncating', actions: 'truncateLog' },
        ],
        'gap.found': [
          { guard: 'isOfFormerLeader' },
          { target: '.truncating', actions: 'restartLog' },
        ],
        'highWatermark.learned': [
          { guard: 'isOfFormerLeader' },
          { guard: 'reachesHighWatermark', target: '.caughtUp', actions: 'noteHighWatermark' },
          { target: '.fetching', actions: 'noteHighWatermark' },
        ],
      },
      states: {
        leaderless: {
          description: 'The partition has no leader at present: nothing to copy.',
          on: {
            'divergence.found': {},
            'gap.found': {},
            'highWatermark.learned': {},
          },
        },
        truncating: {
          description:
            'Its log may have an end that the leader never had: cut at the point where their leader epochs part (KIP-279).',
        },
        fetching: {
          description: 'Its log is a beginning of the leader’s; it lacks committed records.',
        },
        caughtUp: {
          description: 'It has all that is committed, and may be in the ISR.',
        },
      },
      initial: 'leaderless',
    },
    leader: {
      description: 'Takes writes and says what is committed (Partition.makeLeader).',
      initial: 'isrCommitted',
      on: {
        'fetch.received': [{ guard: 'isStaleFetch' }, { actions: 'noteFetch' }],
      },
      states: {
        isrCommitted: {
          description:
            'The ISR is what the controller wrote to ZooKeeper (CommittedPartitionState).',
          on: {
            'fetch.received': [
              { guard: 'isStaleFetch' },
              {
                guard: 'mayJoinIsr',
                target: 'isrProposed',
                actions: ['proposeJoiner', 'noteFetch'],
              },
              {
                guard: 'hasLostItsLog',
                target: 'isrProposed',
                actions: ['proposeWithoutAmnesiac', 'noteFetch'],
              },
              { actions: 'noteFetch' },
            ],
            'lag.checked': [
              {
                guard: 'isAnyoneLagging',
                target: 'isrProposed',
                actions: 'proposeWithoutLaggards',
              },
              {},
            ],
          },
        },
        isrProposed: {
          description:
            'The controller is asked for another ISR; till then both sets count (PendingPartitionChange, KIP-497).',
          initial: 'unanswered',
          on: {
            'alterPartition.answered': [
              { guard: 'answersAnotherProposal' },
              {
                guard: 'isAccepted',
                target: 'isrCommitted',
                actions: ['commitIsr', 'announceIsr'],
              },
              { guard: 'isTurnedDown', target: 'isrCommitted', actions: 'withdrawProposal' },
              { guard: 'isOutdated', target: '.outdated' },
              { target: '.postponed' },
            ],
          },
          states: {
            unanswered: {
              description: 'AlterPartition is under way, to whoever is the controller.',
              entry: 'sendAlterPartition',
            },
            postponed: {
              description: 'The controller could not do it just now: the same again after a pause.',
              after: { alterPartitionBackoff: 'unanswered' },
            },
            outdated: {
              description:
                'The controller knows of a later state: its LeaderAndIsr will end this reign or confirm it (KAFKA-2729).',
            },
          },
        },
      },
    },
    failed: {
      description:
        'Its log directory has failed: till the broker starts anew nobody reads or writes it (HostedPartition.Offline).',
      on: {
        // Who asked has KAFKA_STORAGE_ERROR for an answer, by the selectors below.
        'leadership.assigned': {},
        'replica.stopped': {},
        'disk.failed': {},
      },
    },
    deleted: {
      description: 'The log is gone.',
      type: 'final',
      entry: ['deleteLog', 'announceDeleted'],
    },
  },
})

export type PartitionReplicaSnapshot = SnapshotFrom<typeof partitionReplicaMachine>

export type ReplicaRole = 'leader' | 'follower' | 'offline' | 'failed' | 'deleted'

export function roleOf(snapshot: PartitionReplicaSnapshot): ReplicaRole {
  const { value } = snapshot
  return (typeof value === 'string' ? value : Object.keys(value)[0]) as ReplicaRole
}

const leads = ({ context }: PartitionReplicaSnapshot): boolean => context.leader === context.self

/** Why it does not do a leader's work. */
const unled = ({ value }: PartitionReplicaSnapshot): ErrorCode =>
  value === 'failed' ? errors.KAFKA_STORAGE_ERROR : errors.NOT_LEADER_OR_FOLLOWER

/** Why a LeaderAndIsr is not obeyed; NONE where it is (ReplicaManager.becomeLeaderOrFollower). */
export const assignmentRefusal = (
  { value, context }: PartitionReplicaSnapshot,
  leaderEpoch: number,
): ErrorCode => {
  if (value === 'failed') return errors.KAFKA_STORAGE_ERROR
  return leaderEpoch > context.leaderEpoch ? errors.NONE : errors.STALE_CONTROLLER_EPOCH
}

const stopRefusal = (context: PartitionReplicaContext, leaderEpoch: number): ErrorCode =>
  leaderEpoch === leaderEpochDuringDelete ||
  leaderEpoch === noLeaderEpoch ||
  leaderEpoch >= context.leaderEpoch
    ? errors.NONE
    : errors.FENCED_LEADER_EPOCH

/** Why a StopReplica is not obeyed; NONE where it is (KIP-570). */
export const stopReplicaRefusal = (
  { value, context }: PartitionReplicaSnapshot,
  leaderEpoch: number,
): ErrorCode =>
  value === 'failed' ? errors.KAFKA_STORAGE_ERROR : stopRefusal(context, leaderEpoch)

/** Why a produce is not taken; NONE where it is. */
export function refusal(snapshot: PartitionReplicaSnapshot, acks: number): ErrorCode {
  const { context } = snapshot
  if (!leads(snapshot)) return unled(snapshot)
  return acks === -1 && context.isr.length < minIsr(context)
    ? errors.NOT_ENOUGH_REPLICAS
    : errors.NONE
}

/**
 * What to answer to a produce with acks=all that ends before `requiredOffset`; null: nothing yet (Partition.checkEnoughReplicasReachOffset).
 */
export function acknowledgement(
  snapshot: PartitionReplicaSnapshot,
  requiredOffset: number,
): ErrorCode | null {
  const { context } = snapshot
  if (!leads(snapshot)) return unled(snapshot)
  if (context.highWatermark < requiredOffset) return null
  return maximalIsr(context).length < minIsr(context)
    ? errors.NOT_ENOUGH_REPLICAS_AFTER_APPEND
    : errors.NONE
}

/**
 * Why a read is not answered here; NONE where it is.
 *
 * @param currentLeaderEpoch what the reader believes in, −1 where it did not say (KIP-320)
 * @param leaderOnly false for readers who may also be served by a follower (KIP-392)
 */
export function readRefusal(
  snapshot: PartitionReplicaSnapshot,
  currentLeaderEpoch: number,
  leaderOnly: boolean,
): ErrorCode {
  const { context } = snapshot
  if (snapshot.value === 'offline' || snapshot.value === 'failed') return unled(snapshot)
  if (currentLeaderEpoch !== noLeaderEpoch && currentLeaderEpoch !== context.leaderEpoch)
    return currentLeaderEpoch < context.leaderEpoch
      ? errors.FENCED_LEADER_EPOCH
      : errors.UNKNOWN_LEADER_EPOCH
  return leaderOnly && !leads(snapshot) ? errors.NOT_LEADER_OR_FOLLOWER : errors.NONE
}

/** Why a follower's fetch is not answered here, after {@link readRefusal}: it is no replica as far as we know, or a ghost of one. */
export function followerRefusal(
  { context }: PartitionReplicaSnapshot,
  from: BrokerId,
  currentLeaderEpoch: number,
  brokerEpoch: number,
): ErrorCode {
  const follower = context.followers[from]
  if (follower === undefined)
    return currentLeaderEpoch === noLeaderEpoch
      ? errors.NOT_LEADER_OR_FOLLOWER
      : errors.UNKNOWN_LEADER_EPOCH
  return brokerEpoch !== -1 && brokerEpoch < follower.brokerEpoch
    ? errors.NOT_LEADER_OR_FOLLOWER
    : errors.NONE
}

/** Where a reader must stop, exclusive. Of `committed` the log knows the last stable offset. */
export const readableUpTo = (
  { context }: PartitionReplicaSnapshot,
  isolation: 'everything' | 'committed',
): number => (isolation === 'everything' ? context.logEndOffset : context.highWatermark)

/**
 * Below it no live replica has anything: the least start of all their logs; −1 while one has not said (Partition.lowWatermarkIfLeader).
 *
 * @param logStartOffset of the leader's own log
 */
export const lowWatermark = (
  { context }: PartitionReplicaSnapshot,
  logStartOffset: number,
): number =>
  Object.entries(context.followers)
    .filter(([id]) => context.alive.includes(Number(id)))
    .reduce((least, [, follower]) => Math.min(least, follower.logStartOffset), logStartOffset)

/** A new leader whose high watermark has not reached the start of its epoch: it cannot say yet where the log ends for consumers (KIP-207). */
export const isEndUnknown = ({ context }: PartitionReplicaSnapshot): boolean =>
  context.leaderEpochStart > context.highWatermark

/** Whether an append of what this leader sent is still wanted. */
export const follows = (snapshot: PartitionReplicaSnapshot, leaderEpoch: number): boolean =>
  snapshot.context.leaderEpoch === leaderEpoch && roleOf(snapshot) === 'follower'

/** Whether `lag.checked` would have an effect. */
export const isLagging = (snapshot: PartitionReplicaSnapshot, atMs: number): boolean =>
  snapshot.matches({ leader: 'isrCommitted' }) && lagging(snapshot.context, atMs).length > 0

/** Whether nothing was heard of a follower yet in this reign. */
export const isNewcomer = ({ context }: PartitionReplicaSnapshot, from: BrokerId): boolean =>
  context.followers[from]?.leaderEpoch !== context.leaderEpoch

/**
 * Whether a follower's fetch says anything. One that was at the end of our log and still is does not: idle partitions are fetched
 * twice a second by each follower, and by every fetch of a busy one. When it was there counts only once the log grows: whoever keeps
 * such a fetch back tells it then, before `log.appended`.
 */
export function isNews(
  { context }: PartitionReplicaSnapshot,
  fetch: { from: BrokerId; logEndOffset: number; logStartOffset: number; brokerEpoch: number },
): boolean {
  const follower = context.followers[fetch.from]
  return (
    follower === undefined ||
    follower.leaderEpoch !== context.leaderEpoch ||
    fetch.logEndOffset !== follower.logEndOffset ||
    fetch.logEndOffset !== context.logEndOffset ||
    fetch.logStartOffset !== follower.logStartOffset ||
    fetch.brokerEpoch !== follower.brokerEpoch ||
    follower.leaderLogEndOffset !== context.logEndOffset ||
    !context.isr.includes(fetch.from)
  )
}
