/**
 * A consumer as a member of its group.
 *
 *   unjoined { findingCoordinator ◀─▶ backingOff, joining ◀─▶ pausing }
 *      │ join.answered                          ▲ lost: unknown member, old generation
 *      ▼                                        │ revoked: the group rebalances
 *   joined ┬ membership { assigning ─▶ syncing ─▶ stable ─▶ revoking, departing }
 *          └ session    { resting ◀─▶ beating, finding ◀─▶ backingOff }
 *      │ close.requested                     │ processing.stalled
 *      ▼                                     ▼
 *   leaving ─▶ closed                     stalled ─▶ unjoined
 *
 * Two halves that change in one step: what the heartbeat hears moves the membership. A coordinator that is lost ends nothing: the member
 * keeps its partitions and its generation and looks for the next one.
 *
 * Eager: when the group rebalances all partitions are given up before it joins again. Cooperative (KIP-429): it joins with what it has,
 * goes on reading, and gives up only what the new assignment leaves out; then it joins once more, so that others get that.
 *
 * Joins and memberships are counted as rounds: what was asked in one is not heard in the next.
 * After Kafka's AbstractCoordinator and ConsumerCoordinator.
 */
import { assertEvent, assign, emit, type SnapshotFrom, setup } from 'xstate'
import { refuse } from '../../src/assert.ts'
import { type ErrorCode, errors, isRetriable } from '../../src/error.ts'
import { type BrokerId, noBroker, type TopicPartition } from '../../src/ids.ts'

export interface ConsumerInput {
  /** Null: it is in no group and reads all partitions of its topics. */
  readonly groupId: string | null
  /** It has a `group.instance.id`: it never says goodbye (KIP-345). */
  readonly isStatic: boolean
  /** All its assignors can do the cooperative protocol. */
  readonly isCooperative: boolean
  readonly heartbeatIntervalMs: number
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
  /** How long saying goodbye may take. */
  readonly leaveTimeoutMs: number
}

export interface ConsumerContext extends ConsumerInput {
  readonly coordinatorId: BrokerId
  /** Counts joins and memberships. */
  readonly round: number
  /** Counts revocations. */
  readonly revocation: number
  /** Empty before the coordinator gave one. */
  readonly memberId: string
  /** −1: none. */
  readonly generationId: number
  /** What the group chose, e.g. `range`. */
  readonly assignor: string
  /** It assigns partitions to all members. */
  readonly isLeader: boolean
  /** The partitions it may read. */
  readonly owned: readonly TopicPartition[]
  /** Those it is giving up. */
  readonly revoking: readonly TopicPartition[]
  /** Failures in a row of the search or the join. */
  readonly failures: number
  readonly errorCode: ErrorCode
}

export type ConsumerFact =
  | { type: 'coordinator.found'; coordinatorId: BrokerId }
  | { type: 'coordinator.missed'; errorCode: ErrorCode }
  /** The connection to it is gone. */
  | { type: 'coordinator.lost'; coordinatorId: BrokerId }
  | {
      type: 'join.answered'
      round: number
      errorCode: ErrorCode
      memberId: string
      generationId: number
      assignor: string
      /** It is the group's leader, and the assignment is its to make. */
      isLeader: boolean
    }
  | { type: 'assignment.computed'; round: number }
  | {
      type: 'sync.answered'
      round: number
      errorCode: ErrorCode
      partitions: readonly TopicPartition[]
    }
  | { type: 'heartbeat.answered'; round: number; errorCode: ErrorCode }
  | { type: 'commit.refused'; round: number; errorCode: ErrorCode }
  /** The application is done with them, and what is to be committed is. */
  | { type: 'partitions.revoked'; revocation: number }
  /** Of a topic that the group reads: how many there are has changed. */
  | { type: 'topics.changed' }
  /** Without a group: these are all there are. */
  | { type: 'partitions.discovered'; partitions: readonly TopicPartition[] }
  /** A batch has been unacknowledged for `max.poll.interval.ms`. */
  | { type: 'processing.stalled' }
  | { type: 'processing.resumed' }
  | { type: 'close.requested' }
  /** Its patience with what is unacknowledged is over. */
  | { type: 'close.expired' }
  | { type: 'leave.answered' }

/** Who speaks: what a member adds to its requests. */
interface Membership {
  readonly round: number
  readonly coordinatorId: BrokerId
  readonly memberId: string
  readonly generationId: number
}

export type ConsumerCommand =
  | { type: 'coordinator.find' }
  | ({ type: 'join.send'; owned: readonly TopicPartition[] } & Membership)
  | { type: 'assignment.compute'; round: number; assignor: string }
  | ({ type: 'sync.send'; assignor: string; isLeader: boolean } & Membership)
  | ({ type: 'heartbeat.send' } & Membership)
  | ({ type: 'leave.send' } & Membership)
  | {
      type: 'partitions.assign'
      added: readonly TopicPartition[]
      assignment: readonly TopicPartition[]
    }
  | { type: 'partitions.revoke'; revocation: number; partitions: readonly TopicPartition[] }
  /** They are another's already. */
  | { type: 'partitions.lose'; partitions: readonly TopicPartition[] }
  | { type: 'failure.announce'; errorCode: ErrorCode }
  | { type: 'consumer.close' }

/** The coordinator is to be looked for again. */
const coordinatorErrors: readonly ErrorCode[] = [
  errors.NOT_COORDINATOR,
  errors.COORDINATOR_NOT_AVAILABLE,
  errors.NETWORK_EXCEPTION,
  errors.REQUEST_TIMED_OUT,
]

/** The member is no longer one. */
const membershipErrors: readonly ErrorCode[] = [errors.UNKNOWN_MEMBER_ID, errors.ILLEGAL_GENERATION]

/** What no other attempt will change, whoever hears it. */
const fatalErrors: readonly ErrorCode[] = [
  errors.FENCED_INSTANCE_ID,
  errors.GROUP_AUTHORIZATION_FAILED,
  errors.INVALID_GROUP_ID,
  errors.UNSUPPORTED_VERSION,
]

const isIn = (partitions: readonly TopicPartition[], { topic, partition }: TopicPartition) =>
  partitions.some(other => other.topic === topic && other.partition === partition)

const minus = (from: readonly TopicPartition[], what: readonly TopicPartition[]) =>
  from.filter(one => !isIn(what, one))

const membershipOf = (context: ConsumerContext): Membership => {
  const { round, coordinatorId, memberId, generationId } = context
  return { round, coordinatorId, memberId, generationId }
}

export const consumerMachine = setup({
  types: {
    input: {} as ConsumerInput,
    context: {} as ConsumerContext,
    events: {} as ConsumerFact,
    emitted: {} as ConsumerCommand,
  },
  delays: {
    retryBackoff: ({ context }) =>
      Math.min(
        context.retryBackoffMaxMs,
        context.retryBackoffMs * 2 ** Math.max(0, context.failures - 1),
      ),
    heartbeatInterval: ({ context }) => context.heartbeatIntervalMs,
    leaveTimeout: ({ context }) => context.leaveTimeoutMs,
  },
  actions: {
    refuse,
    findCoordinator: emit({ type: 'coordinator.find' }),
    keepCoordinator: assign(({ event }) => {
      assertEvent(event, 'coordinator.found')
      return { coordinatorId: event.coordinatorId, failures: 0 }
    }),
    forgetCoordinator: assign({ coordinatorId: noBroker }),
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    endRound: assign({ round: ({ context }) => context.round + 1 }),
    sendJoin: emit(({ context }) => ({
      type: 'join.send',
      ...membershipOf(context),
      owned: context.owned,
    })),
    keepMemberId: assign(({ event }) => {
      assertEvent(event, 'join.answered')
      return { memberId: event.memberId }
    }),
    keepGeneration: assign(({ event }) => {
      assertEvent(event, 'join.answered')
      const { memberId, generationId, assignor, isLeader } = event
      return { memberId, generationId, assignor, isLeader, failures: 0 }
    }),
    computeAssignment: emit(({ context }) => ({
      type: 'assignment.compute',
      round: context.round,
      assignor: context.assignor,
    })),
    sendSync: emit(({ context }) => ({
      type: 'sync.send',
      ...membershipOf(context),
      assignor: context.assignor,
      isLeader: context.isLeader,
    })),
    sendHeartbeat: emit(({ context }) => ({ type: 'heartbeat.send', ...membershipOf(context) })),
    sendLeave: emit(({ context }) => ({ type: 'leave.send', ...membershipOf(context) })),
    giveUpLeftOut: assign(({ context, event }) => {
      assertEvent(event, 'sync.answered')
      const revoking = minus(context.owned, event.partitions)
      return { revoking, revocation: context.revocation + 1 }
    }),
    giveUpAll: assign(({ context }) => ({
      owned: [],
      revoking: [...context.revoking, ...context.owned],
      revocation: context.revocation + 1,
    })),
    revoke: emit(({ context }) => ({
      type: 'partitions.revoke',
      revocation: context.revocation,
      partitions: context.revoking,
    })),
    finishRevocation: assign({ revoking: [] }),
    assignAdded: emit(({ context, event }) => {
      assertEvent(event, ['sync.answered', 'partitions.discovered'])
      const added = minus(event.partitions, context.owned)
      return { type: 'partitions.assign', added, assignment: event.partitions }
    }),
    keepAssignment: assign(({ event }) => {
      assertEvent(event, ['sync.answered', 'partitions.discovered'])
      return { owned: event.partitions }
    }),
    loseAll: emit(({ context }) => ({
      type: 'partitions.lose',
      partitions: [...context.revoking, ...context.owned],
    })),
    ownNothing: assign({ owned: [], revoking: [] }),
    // An old generation leaves the member its id; one that the group does not know needs a new one.
    forgetMembership: assign(({ context, event }) => ({
      generationId: -1,
      isLeader: false,
      memberId:
        'errorCode' in event && event.errorCode === errors.ILLEGAL_GENERATION
          ? context.memberId
          : '',
    })),
    keepError: assign(({ event }) => ({
      errorCode: 'errorCode' in event ? event.errorCode : errors.UNKNOWN_SERVER_ERROR,
    })),
    announceFailure: emit(({ context }) => ({
      type: 'failure.announce',
      errorCode: context.errorCode,
    })),
    close: emit({ type: 'consumer.close' }),
  },
  guards: {
    isInNoGroup: ({ context }) => context.groupId === null,
    hasCoordinator: ({ context }) => context.coordinatorId !== noBroker,
    isOfFormerRound: ({ context, event }) => 'round' in event && event.round !== context.round,
    isOfFormerCoordinator: ({ context, event }) =>
      'coordinatorId' in event && event.coordinatorId !== context.coordinatorId,
    isOfFormerRevocation: ({ context, event }) =>
      'revocation' in event && event.revocation !== context.revocation,
    isFine: ({ event }) => 'errorCode' in event && event.errorCode === errors.NONE,
    isFineAsLeader: ({ event }) =>
      event.type === 'join.answered' && event.errorCode === errors.NONE && event.isLeader,
    isMemberIdRequired: ({ event }) =>
      'errorCode' in event && event.errorCode === errors.MEMBER_ID_REQUIRED,
    isCoordinatorGone: ({ event }) =>
      'errorCode' in event && coordinatorErrors.includes(event.errorCode),
    isNoMember: ({ event }) => 'errorCode' in event && membershipErrors.includes(event.errorCode),
    isRebalancing: ({ event }) =>
      'errorCode' in event && event.errorCode === errors.REBALANCE_IN_PROGRESS,
    isRebalancingCooperatively: ({ context, event }) =>
      context.isCooperative &&
      'errorCode' in event &&
      event.errorCode === errors.REBALANCE_IN_PROGRESS,
    mayHelpToRetry: ({ event }) =>
      'errorCode' in event &&
      (isRetriable(event.errorCode) || event.errorCode === errors.REBALANCE_IN_PROGRESS),
    isFatal: ({ event }) => 'errorCode' in event && fatalErrors.includes(event.errorCode),
    leavesSomeOut: ({ context, event }) =>
      event.type === 'sync.answered' &&
      event.errorCode === errors.NONE &&
      minus(context.owned, event.partitions).length > 0,
    isLeader: ({ context }) => context.isLeader,
    isLeaderAndCooperative: ({ context }) => context.isLeader && context.isCooperative,
    isDynamic: ({ context }) => !context.isStatic,
    /** A static member's place is kept for it; a member nobody knows has none. */
    mustSayGoodbye: ({ context }) =>
      !context.isStatic && context.memberId !== '' && context.coordinatorId !== noBroker,
  },
}).createMachine({
  id: 'consumer',
  description: 'A consumer as a member of its group (AbstractCoordinator, ConsumerCoordinator).',
  context: ({ input }) => ({
    ...input,
    coordinatorId: noBroker,
    round: 0,
    revocation: 0,
    memberId: '',
    generationId: -1,
    assignor: '',
    isLeader: false,
    owned: [],
    revoking: [],
    failures: 0,
    errorCode: errors.NONE,
  }),
  initial: 'starting',
  on: {
    // Asked for by a state that is over.
    'coordinator.found': {},
    'coordinator.missed': {},
    // Who waits for an answer over that connection hears of it there.
    'coordinator.lost': {},
    'join.answered': [{ guard: 'isOfFormerRound' }, { actions: 'refuse' }],
    'assignment.computed': [{ guard: 'isOfFormerRound' }, { actions: 'refuse' }],
    'sync.answered': [{ guard: 'isOfFormerRound' }, { actions: 'refuse' }],
    'heartbeat.answered': [{ guard: 'isOfFormerRound' }, { actions: 'refuse' }],
    // Whoever committed is told; a member that joins anew anyway has nothing more to learn from it.
    'commit.refused': {},
    'partitions.revoked': [{ guard: 'isOfFormerRevocation' }, { actions: 'refuse' }],
    'topics.changed': {},
    'processing.stalled': {},
    'processing.resumed': {},
    'close.expired': {},
    'leave.answered': {},
    '*': { actions: 'refuse' },
  },
  states: {
    starting: {
      description: 'With a group or on its own.',
      always: [{ guard: 'isInNoGroup', target: 'alone' }, { target: 'unjoined' }],
    },
    alone: {
      description: 'In no group: all partitions of its topics are its own (KafkaConsumer.assign).',
      on: {
        'partitions.discovered': { actions: ['assignAdded', 'keepAssignment'] },
        'close.requested': 'relinquishing',
      },
    },
    unjoined: {
      description:
        'Not a member, or one that must join again (MemberState: UNJOINED, PREPARING_REBALANCE).',
      initial: 'choosing',
      on: { 'close.requested': 'relinquishing' },
      states: {
        choosing: {
          always: [
            { guard: 'hasCoordinator', target: 'joining' },
            { target: 'findingCoordinator' },
          ],
        },
        findingCoordinator: {
          description: 'Any broker knows who coordinates the group (FindCoordinator).',
          entry: 'findCoordinator',
          on: {
            'coordinator.found': { target: 'joining', actions: 'keepCoordinator' },
            'coordinator.missed': [
              { guard: 'mayHelpToRetry', target: 'backingOff', actions: 'countFailure' },
              { target: '#consumer.failed', actions: 'keepError' },
            ],
          },
        },
        backingOff: {
          description: 'A moment before the next search (retry.backoff.ms).',
          after: { retryBackoff: 'findingCoordinator' },
        },
        joining: {
          description: 'JoinGroup is under way; it is answered when all members have joined.',
          entry: 'sendJoin',
          exit: 'endRound',
          on: {
            'join.answered': [
              { guard: 'isOfFormerRound' },
              {
                guard: 'isFineAsLeader',
                target: '#consumer.joined.membership.assigning',
                actions: 'keepGeneration',
              },
              {
                guard: 'isFine',
                target: '#consumer.joined.membership.syncing',
                actions: 'keepGeneration',
              },
              // KIP-394: the id is given first, so that a lost answer leaves no member behind.
              {
                guard: 'isMemberIdRequired',
                target: 'joining',
                reenter: true,
                actions: 'keepMemberId',
              },
              {
                guard: 'isCoordinatorGone',
                target: 'backingOff',
                actions: ['forgetCoordinator', 'countFailure'],
              },
              {
                guard: 'isNoMember',
                target: 'pausing',
                actions: ['loseAll', 'ownNothing', 'forgetMembership', 'countFailure'],
              },
              { guard: 'mayHelpToRetry', target: 'pausing', actions: 'countFailure' },
              { target: '#consumer.failed', actions: 'keepError' },
            ],
          },
        },
        pausing: {
          description: 'The coordinator is not ready, or did not know us: a moment, then again.',
          after: { retryBackoff: 'choosing' },
        },
      },
    },
    joined: {
      description: 'A member of a generation.',
      type: 'parallel',
      exit: 'endRound',
      // First the membership: what makes it leave this state must win over the session’s small steps.
      states: {
        membership: {
          description: 'What the generation means for its partitions.',
          initial: 'syncing',
          on: {
            'heartbeat.answered': [
              { guard: 'isOfFormerRound' },
              {
                guard: 'isNoMember',
                target: '#consumer.unjoined',
                actions: ['loseAll', 'ownNothing', 'forgetMembership'],
              },
              { guard: 'isFatal', target: '#consumer.failed', actions: 'keepError' },
              {},
            ],
            'commit.refused': [
              { guard: 'isOfFormerRound' },
              {
                guard: 'isNoMember',
                target: '#consumer.unjoined',
                actions: ['loseAll', 'ownNothing', 'forgetMembership'],
              },
              { guard: 'isFatal', target: '#consumer.failed', actions: 'keepError' },
              {},
            ],
            'processing.stalled': [
              {
                guard: 'isDynamic',
                target: '#consumer.stalled',
                actions: ['sendLeave', 'loseAll', 'ownNothing', 'forgetMembership'],
              },
              { target: '#consumer.stalled', actions: ['loseAll', 'ownNothing'] },
            ],
            'close.requested': '.departing',
          },
          states: {
            assigning: {
              description: 'The leader assigns partitions to all members (onLeaderElected).',
              entry: 'computeAssignment',
              on: {
                'assignment.computed': [{ guard: 'isOfFormerRound' }, { target: 'syncing' }],
              },
            },
            syncing: {
              description: 'SyncGroup is under way (MemberState: COMPLETING_REBALANCE).',
              entry: 'sendSync',
              on: {
                'sync.answered': [
                  { guard: 'isOfFormerRound' },
                  {
                    guard: 'leavesSomeOut',
                    target: 'revoking',
                    // What it gives up goes first: who hears of both never takes one partition for two.
                    actions: ['giveUpLeftOut', 'revoke', 'assignAdded', 'keepAssignment'],
                  },
                  { guard: 'isFine', target: 'stable', actions: ['assignAdded', 'keepAssignment'] },
                  { guard: 'isRebalancing', target: '#consumer.unjoined' },
                  {
                    guard: 'isNoMember',
                    target: '#consumer.unjoined',
                    actions: ['loseAll', 'ownNothing', 'forgetMembership'],
                  },
                  {
                    guard: 'isCoordinatorGone',
                    target: '#consumer.unjoined.backingOff',
                    actions: ['forgetCoordinator', 'countFailure'],
                  },
                  { guard: 'mayHelpToRetry', target: '#consumer.unjoined.pausing' },
                  { target: '#consumer.failed', actions: 'keepError' },
                ],
              },
            },
            stable: {
              description: 'It reads its partitions (MemberState: STABLE).',
              on: {
                'heartbeat.answered': [
                  { guard: 'isOfFormerRound' },
                  { guard: 'isRebalancingCooperatively', target: '#consumer.unjoined' },
                  {
                    guard: 'isRebalancing',
                    target: 'revoking',
                    actions: ['giveUpAll', 'revoke'],
                  },
                  {
                    guard: 'isNoMember',
                    target: '#consumer.unjoined',
                    actions: ['loseAll', 'ownNothing', 'forgetMembership'],
                  },
                  { guard: 'isFatal', target: '#consumer.failed', actions: 'keepError' },
                  {},
                ],
                'commit.refused': [
                  { guard: 'isOfFormerRound' },
                  { guard: 'isRebalancingCooperatively', target: '#consumer.unjoined' },
                  {
                    guard: 'isRebalancing',
                    target: 'revoking',
                    actions: ['giveUpAll', 'revoke'],
                  },
                  {
                    guard: 'isNoMember',
                    target: '#consumer.unjoined',
                    actions: ['loseAll', 'ownNothing', 'forgetMembership'],
                  },
                  { guard: 'isFatal', target: '#consumer.failed', actions: 'keepError' },
                  {},
                ],
                // Only the leader knows what it assigned; it makes the group rebalance by joining again.
                'topics.changed': [
                  { guard: 'isLeaderAndCooperative', target: '#consumer.unjoined' },
                  {
                    guard: 'isLeader',
                    target: 'revoking',
                    actions: ['giveUpAll', 'revoke'],
                  },
                  {},
                ],
              },
            },
            revoking: {
              description:
                'The application finishes what it has of them; then the join (onJoinPrepare).',
              on: {
                'partitions.revoked': [
                  { guard: 'isOfFormerRevocation' },
                  { target: '#consumer.unjoined', actions: 'finishRevocation' },
                ],
              },
            },
            departing: {
              description: 'The last batches are finished and committed; then the goodbye (close).',
              entry: ['giveUpAll', 'revoke'],
              on: {
                'partitions.revoked': [
                  { guard: 'isOfFormerRevocation' },
                  { target: '#consumer.parting', actions: 'finishRevocation' },
                ],
                'close.requested': {},
                'close.expired': '#consumer.parting',
                'processing.stalled': {},
                'assignment.computed': {},
                'sync.answered': {},
                'heartbeat.answered': [
                  { guard: 'isOfFormerRound' },
                  { guard: 'isNoMember', target: '#consumer.closed' },
                  {},
                ],
                'commit.refused': [
                  { guard: 'isOfFormerRound' },
                  { guard: 'isNoMember', target: '#consumer.closed' },
                  {},
                ],
              },
            },
          },
        },
        session: {
          description: 'Whether the coordinator knows that it lives.',
          initial: 'resting',
          on: {
            'commit.refused': [
              { guard: 'isOfFormerRound' },
              { guard: 'isCoordinatorGone', target: '.finding', actions: 'forgetCoordinator' },
              {},
            ],
            'coordinator.lost': [
              { guard: 'isOfFormerCoordinator' },
              { target: '.finding', actions: 'forgetCoordinator' },
            ],
          },
          states: {
            resting: {
              description: 'Until the next heartbeat (heartbeat.interval.ms).',
              after: { heartbeatInterval: 'beating' },
            },
            beating: {
              description: 'A heartbeat is under way.',
              entry: 'sendHeartbeat',
              on: {
                'heartbeat.answered': [
                  { guard: 'isOfFormerRound' },
                  { guard: 'isCoordinatorGone', target: 'finding', actions: 'forgetCoordinator' },
                  { target: 'resting' },
                ],
              },
            },
            finding: {
              description: 'The coordinator is another, or gone: who is it now?',
              entry: 'findCoordinator',
              on: {
                'coordinator.found': { target: 'beating', actions: 'keepCoordinator' },
                'coordinator.missed': [
                  { guard: 'mayHelpToRetry', target: 'backingOff', actions: 'countFailure' },
                  { target: '#consumer.failed', actions: 'keepError' },
                ],
                'coordinator.lost': {},
                'commit.refused': {},
                'heartbeat.answered': {},
              },
            },
            backingOff: {
              description: 'A moment before the next search (retry.backoff.ms).',
              after: { retryBackoff: 'finding' },
              on: { 'coordinator.lost': {}, 'commit.refused': {}, 'heartbeat.answered': {} },
            },
          },
        },
      },
    },
    stalled: {
      description: 'The application takes too long; others read meanwhile (max.poll.interval.ms).',
      on: {
        'processing.resumed': 'unjoined',
        'close.requested': 'parting',
        'partitions.revoked': {},
      },
    },
    relinquishing: {
      description: 'No member at present, and wanted no more: what it reads is finished.',
      entry: ['giveUpAll', 'revoke'],
      on: {
        'partitions.revoked': [
          { guard: 'isOfFormerRevocation' },
          { target: 'parting', actions: 'finishRevocation' },
        ],
        'close.requested': {},
        'close.expired': 'parting',
        'partitions.discovered': {},
      },
    },
    parting: {
      description: 'Does anybody wait for a goodbye?',
      always: [{ guard: 'mustSayGoodbye', target: 'leaving' }, { target: 'closed' }],
    },
    leaving: {
      description:
        'LeaveGroup is under way, so that the others need not wait for the session to end.',
      entry: 'sendLeave',
      on: {
        'leave.answered': 'closed',
        'close.requested': {},
        'partitions.revoked': {},
        'partitions.discovered': {},
      },
      after: { leaveTimeout: 'closed' },
    },
    failed: {
      description: 'Fenced, not allowed, or wrongly configured: it reads nothing any more.',
      entry: ['loseAll', 'ownNothing', 'announceFailure'],
      on: {
        'close.requested': 'closed',
        'partitions.revoked': {},
      },
    },
    closed: {
      description: 'By its own wish (KafkaConsumer.close).',
      entry: ['loseAll', 'ownNothing', 'close'],
      type: 'final',
    },
  },
})

/** Who a member is to its coordinator; null while it is none, so that nothing can be committed as one. */
export function membership(snapshot: SnapshotFrom<typeof consumerMachine>): Membership | null {
  const { context } = snapshot
  return context.generationId >= 0 ? membershipOf(context) : null
}
