/**
 * A group of consumers (or of anything that shares work by this protocol), as its coordinator sees it.
 *
 *          ┌───────────────────────── nobody is left ─────────────────────────┐
 *          ▼                                                                  │
 *        empty ──join.received──▶ preparingRebalance { gathering, joining ─▶ closing } ──▶ completingRebalance
 *          │                             ▲      ▲                                           │        │
 *   group.deleted                        │      └── join / leave / member.expired / ────────┘  group.committed
 *          ▼                             │          sync.timedOut / group.commitFailed               ▼
 *        dead ◀──group.unloaded── any    └──────────────────────────────────────────────────────── stable
 *
 * Two barriers: a generation begins when all have joined (or their time is over), and it is handed out when the leader has said
 * who gets what and the log has it. Requests are numbers; the coordinator keeps what waits for their answers. What members tell each
 * other is opaque and stays outside: `subscription` and `assignment` are numbers that stand for bytes.
 *
 * Heartbeats and commits of live members change nothing here and do not come in: {@link heartbeatError}, {@link commitError}.
 *
 * After Kafka 3.9's GroupCoordinator (the classic one, which ZooKeeper mode has), GroupMetadata and DelayedJoin; KIP-134 (initial
 * delay), KIP-345 (static members), KIP-394 (member ids first), KIP-814 (skipAssignment).
 */
import {
  assertEvent,
  assign,
  cancel,
  emit,
  enqueueActions,
  raise,
  type SnapshotFrom,
  setup,
} from 'xstate'
import { refuse } from '../../src/assert.ts'
import { type ErrorCode, errors } from '../../src/error.ts'
import {
  groupIsFull,
  isUnchanged,
  type JoinRequest,
  joinRefusal,
  mayExpire,
  newMember,
  owingSync,
  rebalanceIsFull,
  rejoined,
  replacedBy,
  type SyncRequest,
  syncRefusal,
  withReplaced,
} from '../../src/group/admission.ts'
import {
  dismissed,
  expectSession,
  forgetSession,
  type JoinAnswer,
  joinError,
  joined,
  removal,
  type SessionExpect,
  type SessionForget,
  type SyncAnswer,
  syncError,
  synced,
} from '../../src/group/answer.ts'
import {
  absentMembers,
  allJoined,
  allMembers,
  chooseProtocol,
  generationRefusal,
  isEmpty,
  type LeaveResult,
  leave,
  type Member,
  type Membership,
  mapMembers,
  memberOf,
  nextGeneration,
  noMembership,
  rebalanceTimeoutMs,
  unknownMemberId,
  withChanged,
  withMember,
  withoutMember,
  withoutMembers,
  withReplacedId,
} from '../../src/group/membership.ts'

export interface ConsumerGroupInput {
  readonly groupId: string
  /** `group.initial.rebalance.delay.ms` */
  readonly initialRebalanceDelayMs: number
  /** `group.max.size` */
  readonly groupSizeMax: number
  /** As the log has it; null for a new group. */
  readonly loaded: Membership | null
}

/** A static member that came back under a new id, while that is on its way into the log. */
export interface Replacement {
  readonly write: number
  /** Its JoinGroup, which waits for that. */
  readonly request: number
  /** The new id. */
  readonly memberId: string
  /** As it was, under its old id: should the write fail. */
  readonly before: Member
  /** Told to one that knows no skipAssignment: not its new id, so that it does not think that it leads. */
  readonly leaderBefore: string
  readonly skipsAssignment: boolean
}

export interface ConsumerGroupContext extends Membership {
  readonly groupId: string
  readonly initialRebalanceDelayMs: number
  readonly groupSizeMax: number
  /** How long this round of gathering lasts, and how much may follow it. */
  readonly gatheringMs: number
  readonly gatheringRemainingMs: number
  /** Somebody joined since this round began, so that another may be worth it. */
  readonly newMemberAdded: boolean
  /** Appends made so far: each has its number, so that an answer that comes too late is told apart. */
  readonly writes: number
  /** What the leader handed in, on its way into the log: assignments by member id. */
  readonly assigning: {
    readonly write: number
    readonly assignments: Readonly<Record<string, number>>
  } | null
  readonly replacements: readonly Replacement[]
}

export type ConsumerGroupFact =
  | ({ readonly type: 'join.received' } & JoinRequest)
  | ({ readonly type: 'sync.received' } & SyncRequest)
  | {
      readonly type: 'leave.received'
      readonly request: number
      readonly members: readonly {
        readonly memberId: string
        readonly groupInstanceId: string | null
      }[]
    }
  /** It was not heard of for its session timeout; or never came back with the id it was given. */
  | { readonly type: 'member.expired'; readonly memberId: string }
  /** The group told itself: the rebalance timeout since this generation was formed is over. */
  | { readonly type: 'sync.timedOut'; readonly generationId: number }
  /** The in-sync replicas have it. */
  | { readonly type: 'group.committed'; readonly write: number }
  | { readonly type: 'group.commitFailed'; readonly write: number; readonly errorCode: ErrorCode }
  /** By an admin, or because its last offsets expired. */
  | { readonly type: 'group.deleted' }
  /** This broker leads its partition no more. */
  | { readonly type: 'group.unloaded' }

export type ConsumerGroupCommand =
  | JoinAnswer
  | SyncAnswer
  | {
      readonly type: 'leave.answer'
      readonly request: number
      readonly members: readonly LeaveResult[]
    }
  /** To `__consumer_offsets`; answered by `group.committed` or `group.commitFailed`. */
  | {
      readonly type: 'group.append'
      readonly write: number
      readonly generationId: number
      readonly protocolType: string
      readonly protocolName: string | null
      readonly leader: string | null
      readonly members: readonly Member[]
    }
  | SessionExpect
  | SessionForget

/**
 * A new member cannot send heartbeats before its first join is answered, and a client that gave up joins again as another:
 * without a bound of its own those would pile up in a long rebalance (GroupCoordinator.NewMemberJoinTimeoutMs).
 */
const newMemberTimeoutMs = 5 * 60 * 1000

const append = (group: ConsumerGroupContext, write: number): ConsumerGroupCommand => ({
  type: 'group.append',
  write,
  generationId: group.generationId,
  protocolType: group.protocolType ?? '',
  protocolName: group.protocolName,
  leader: group.leader,
  members: allMembers(group),
})

const withAssignments = <G extends Membership>(
  group: G,
  assignments: Readonly<Record<string, number>>,
): G =>
  mapMembers(group, member => ({
    ...member,
    assignment: Object.hasOwn(assignments, member.memberId)
      ? (assignments[member.memberId] as number)
      : 0,
  }))

const replacementOf = (group: ConsumerGroupContext, write: number): Replacement =>
  group.replacements.find(replacement => replacement.write === write) as Replacement

// The fact an arrow is for, known to the compiler.
const joining = (event: ConsumerGroupFact) => {
  assertEvent(event, 'join.received')
  return event
}
const syncing = (event: ConsumerGroupFact) => {
  assertEvent(event, 'sync.received')
  return event
}
const leaving = (event: ConsumerGroupFact) => {
  assertEvent(event, 'leave.received')
  return event
}
const expired = (event: ConsumerGroupFact) => {
  assertEvent(event, 'member.expired')
  return event
}
const written = (event: ConsumerGroupFact) => {
  assertEvent(event, ['group.committed', 'group.commitFailed'])
  return event
}

export const consumerGroupMachine = setup({
  types: {
    input: {} as ConsumerGroupInput,
    context: {} as ConsumerGroupContext,
    events: {} as ConsumerGroupFact,
    emitted: {} as ConsumerGroupCommand,
  },
  delays: {
    initialRebalanceDelay: ({ context }) => context.gatheringMs,
    rebalanceTimeout: ({ context }) => rebalanceTimeoutMs(context),
  },
  guards: {
    hasMembers: ({ context }) => !isEmpty(context),
    isOverCapacity: ({ context }) => allMembers(context).length > context.groupSizeMax,

    rebalanceIsFull: ({ context, event }) =>
      rebalanceIsFull(context, context.groupSizeMax, joining(event).memberId),
    groupIsFull: ({ context, event }) =>
      groupIsFull(context, context.groupSizeMax, joining(event).memberId),
    joinIsRefused: ({ context, event }) => joinRefusal(context, joining(event)) !== errors.NONE,
    memberIdIsRequired: ({ event }) => {
      const { memberId, groupInstanceId, memberIdRequired } = joining(event)
      return memberIdRequired && memberId === unknownMemberId && groupInstanceId === null
    },
    replacesStaticMember: ({ context, event }) => replacedBy(context, joining(event)) !== undefined,
    /** The group goes on as it is if what it would choose now is what it has (KAFKA-10284). */
    replacesStaticMemberQuietly: ({ context, event }) => {
      const before = replacedBy(context, joining(event))
      if (before === undefined) return false
      const after = withReplaced(context, before, joining(event))
      return chooseProtocol(allMembers(after)) === context.protocolName
    },
    isNewMember: ({ context, event }) => memberOf(context, joining(event).memberId) === undefined,
    subscriptionIsUnchanged: ({ context, event }) => isUnchanged(context, joining(event)),
    /** A leader that joins again wants a rebalance: what it assigns from has changed. */
    isUnchangedFollower: ({ context, event }) =>
      joining(event).memberId !== context.leader && isUnchanged(context, joining(event)),

    mayGatherMore: ({ context }) => context.newMemberAdded && context.gatheringRemainingMs > 0,
    allJoined: ({ context }) => allJoined(context),
    nobodyIsLeft: ({ context }) => isEmpty(context),
    nobodyRejoined: ({ context }) => allMembers(context).every(member => member.join === null),

    syncIsRefused: ({ context, event }) => syncRefusal(context, syncing(event)) !== errors.NONE,
    bringsAssignment: ({ context, event }) =>
      syncing(event).memberId === context.leader && context.assigning === null,
    someOweSync: ({ context, event }) => {
      assertEvent(event, 'sync.timedOut')
      return event.generationId === context.generationId && owingSync(context).length > 0
    },
    isAssignment: ({ context, event }) => context.assigning?.write === written(event).write,
    isReplacement: ({ context, event }) =>
      context.replacements.some(({ write }) => write === written(event).write),

    leaveTakesMember: ({ context, event }) =>
      leave(context, leaving(event).members).removed.length > 0,
    isPendingMember: ({ context, event }) =>
      context.pendingMembers.includes(expired(event).memberId),
    mayExpire: ({ context, event }) => mayExpire(context, expired(event).memberId),
  },
  actions: {
    refuse,

    answerGroupFull: enqueueActions(({ context, event, enqueue }) => {
      const { request, memberId } = joining(event)
      // Kafka lets go of one that had been a member, or had been given its id.
      if (memberId !== unknownMemberId) enqueue.emit(forgetSession(memberId))
      enqueue.assign(withoutMember(context, memberId))
      enqueue.emit(joinError(request, unknownMemberId, errors.GROUP_MAX_SIZE_REACHED))
    }),
    answerJoinRefused: emit(({ context, event }) => {
      const { request, memberId } = joining(event)
      return joinError(request, memberId, joinRefusal(context, joining(event)))
    }),
    addPendingMember: enqueueActions(({ context, event, enqueue }) => {
      const { request, newMemberId, sessionTimeoutMs } = joining(event)
      enqueue.assign({ pendingMembers: [...context.pendingMembers, newMemberId] })
      enqueue.emit(expectSession(newMemberId, sessionTimeoutMs))
      enqueue.emit(joinError(request, newMemberId, errors.MEMBER_ID_REQUIRED))
    }),
    addMember: enqueueActions(({ context, event, enqueue }) => {
      const member = newMember(joining(event))
      enqueue.assign({
        ...withMember(context, member, joining(event).protocolType),
        newMemberAdded: context.newMemberAdded || context.generationId === 0,
      })
      enqueue.emit(expectSession(member.memberId, newMemberTimeoutMs))
    }),
    rejoin: enqueueActions(({ context, event, enqueue }) => {
      const before = context.members[joining(event).memberId] as Member
      // It asked anew, over another connection most likely; nobody may be left waiting for ever.
      if (before.join !== null)
        enqueue.emit(joinError(before.join, before.memberId, errors.REBALANCE_IN_PROGRESS))
      enqueue.assign(withChanged(context, rejoined(before, joining(event))))
    }),
    answerCurrentGeneration: emit(({ context, event }) =>
      joined(context, joining(event).request, joining(event).memberId),
    ),

    replaceStaticMember: enqueueActions(({ context, event, enqueue }) => {
      const { newMemberId, sessionTimeoutMs } = joining(event)
      const before = replacedBy(context, joining(event)) as Member
      for (const answer of dismissed(before, before.memberId, errors.FENCED_INSTANCE_ID))
        enqueue.emit(answer)
      enqueue.emit(forgetSession(before.memberId))
      enqueue.assign(withReplaced(context, before, joining(event)))
      enqueue.emit(expectSession(newMemberId, sessionTimeoutMs))
    }),
    /** The same generation is written once more, with the new id; the member waits for that. */
    appendReplacement: enqueueActions(({ context, event, enqueue }) => {
      const { request, newMemberId, skipsAssignment } = joining(event)
      const before = replacedBy(context, joining(event)) as Member
      const write = context.writes + 1
      const replacement: Replacement = {
        write,
        request,
        memberId: newMemberId,
        before: { ...before, join: null, sync: null },
        leaderBefore: context.leader ?? '',
        skipsAssignment,
      }
      enqueue.assign({ writes: write, replacements: [...context.replacements, replacement] })
      enqueue.emit(append(withReplaced(context, before, joining(event)), write))
    }),
    answerReplaced: enqueueActions(({ context, event, enqueue }) => {
      const done = replacementOf(context, written(event).write)
      const rest = { replacements: context.replacements.filter(other => other !== done) }
      const member = memberOf(context, done.memberId)
      // Replaced once more meanwhile, or gone: answered already.
      if (member?.join !== done.request) return enqueue.assign(rest)
      enqueue.assign({ ...withChanged(context, { ...member, join: null }), ...rest })
      const skipAssignment = context.leader === done.memberId
      enqueue.emit(
        joined(
          context,
          done.request,
          done.memberId,
          done.skipsAssignment ? { skipAssignment } : { leader: done.leaderBefore, members: [] },
        ),
      )
    }),
    revertReplaced: enqueueActions(({ context, event, enqueue }) => {
      assertEvent(event, 'group.commitFailed')
      const failed = replacementOf(context, event.write)
      const { before, memberId, request, leaderBefore } = failed
      const rest = { replacements: context.replacements.filter(other => other !== failed) }
      if (memberOf(context, memberId)?.join !== request) return enqueue.assign(rest)
      const renamed = withReplacedId(context, memberId, before.memberId)
      enqueue.assign({ ...withChanged(renamed, before), ...rest })
      enqueue.emit(forgetSession(memberId))
      enqueue.emit(expectSession(before.memberId, before.sessionTimeoutMs))
      const { errorCode } = event
      enqueue.emit(
        joined(renamed, request, unknownMemberId, { errorCode, leader: leaderBefore, members: [] }),
      )
    }),

    beginGathering: assign(({ context }) => ({
      gatheringMs: context.initialRebalanceDelayMs,
      gatheringRemainingMs: Math.max(
        rebalanceTimeoutMs(context) - context.initialRebalanceDelayMs,
        0,
      ),
      newMemberAdded: false,
    })),
    gatherMore: assign(({ context }) => {
      const gatheringMs = Math.min(context.initialRebalanceDelayMs, context.gatheringRemainingMs)
      return {
        gatheringMs,
        gatheringRemainingMs: context.gatheringRemainingMs - gatheringMs,
        newMemberAdded: false,
      }
    }),
    removeAbsent: enqueueActions(({ context, enqueue }) => {
      const absent = absentMembers(context).map(member => member.memberId)
      enqueue.assign(withoutMembers(context, absent))
      for (const memberId of absent) enqueue.emit(forgetSession(memberId))
    }),
    formGeneration: enqueueActions(({ context, enqueue }) => {
      const group = nextGeneration(context)
      enqueue.assign({ ...group, assigning: null, replacements: [] })
      for (const { memberId, join } of allMembers(context))
        if (join !== null) enqueue.emit(joined(group, join, memberId))
      for (const { memberId, sessionTimeoutMs } of allMembers(group))
        enqueue.emit(expectSession(memberId, sessionTimeoutMs))
    }),
    appendEmpty: enqueueActions(({ context, enqueue }) => {
      const group = nextGeneration(context)
      const write = context.writes + 1
      enqueue.assign({ ...group, writes: write, assigning: null, replacements: [] })
      enqueue.emit(append(group, write))
    }),
    // A timeout of two states, completingRebalance and stable: hence none of their `after`s.
    armSyncTimeout: raise(
      ({ context }) => ({
        type: 'sync.timedOut' as const,
        generationId: context.generationId,
      }),
      { id: 'syncTimeout', delay: 'rebalanceTimeout' },
    ),
    disarmSyncTimeout: cancel('syncTimeout'),

    answerSyncRefused: emit(({ context, event }) =>
      syncError(syncing(event).request, syncRefusal(context, syncing(event))),
    ),
    answerSyncRebalancing: emit(({ event }) =>
      syncError(syncing(event).request, errors.REBALANCE_IN_PROGRESS),
    ),
    awaitSync: enqueueActions(({ context, event, enqueue }) => {
      const { request, memberId } = syncing(event)
      const member = context.members[memberId] as Member
      if (member.sync !== null) enqueue.emit(syncError(member.sync, errors.REBALANCE_IN_PROGRESS))
      enqueue.assign(withChanged(context, { ...member, sync: request, owesSync: false }))
    }),
    appendAssignment: enqueueActions(({ context, event, enqueue }) => {
      const { assignments } = syncing(event)
      const write = context.writes + 1
      enqueue.assign({ writes: write, assigning: { write, assignments } })
      enqueue.emit(append(withAssignments(context, assignments), write))
    }),
    handOutAssignment: enqueueActions(({ context, enqueue }) => {
      const group = withAssignments(context, context.assigning?.assignments ?? {})
      enqueue.assign({
        ...mapMembers(group, member => ({ ...member, sync: null })),
        assigning: null,
      })
      for (const { memberId, sync, assignment, sessionTimeoutMs } of allMembers(group)) {
        if (sync === null) continue
        enqueue.emit(synced(context, sync, assignment))
        enqueue.emit(expectSession(memberId, sessionTimeoutMs))
      }
    }),
    /** Whoever waits for an assignment that will not come, or not yet. */
    dismissSyncs: enqueueActions(({ context, event, enqueue }) => {
      const errorCode =
        event.type === 'group.commitFailed' ? event.errorCode : errors.REBALANCE_IN_PROGRESS
      enqueue.assign({
        ...mapMembers(context, member => ({ ...member, assignment: 0, sync: null })),
        assigning: null,
      })
      for (const { memberId, sync, sessionTimeoutMs } of allMembers(context)) {
        if (sync === null) continue
        enqueue.emit(syncError(sync, errorCode))
        enqueue.emit(expectSession(memberId, sessionTimeoutMs))
      }
    }),
    answerCurrentAssignment: enqueueActions(({ context, event, enqueue }) => {
      const { request, memberId } = syncing(event)
      const member = context.members[memberId] as Member
      enqueue.assign(withChanged(context, { ...member, owesSync: false }))
      enqueue.emit(synced(context, request, member.assignment))
      enqueue.emit(expectSession(memberId, member.sessionTimeoutMs))
    }),
    removeOwingSync: enqueueActions(({ context, enqueue }) => {
      const owing = owingSync(context)
      const memberIds = owing.map(member => member.memberId)
      enqueue.assign(withoutMembers(context, memberIds))
      for (const answer of owing.flatMap(removal)) enqueue.emit(answer)
    }),

    takeOut: enqueueActions(({ context, event, enqueue }) => {
      const { request, members } = leaving(event)
      const { group, results, removed, removedPending } = leave(context, members)
      enqueue.assign(group)
      for (const answer of removed.flatMap(removal)) enqueue.emit(answer)
      for (const memberId of removedPending) enqueue.emit(forgetSession(memberId))
      enqueue.emit({ type: 'leave.answer', request, members: results })
    }),
    removeExpired: enqueueActions(({ context, event, enqueue }) => {
      const { memberId } = expired(event)
      const member = memberOf(context, memberId)
      enqueue.assign(withoutMember(context, memberId))
      for (const answer of member === undefined ? [] : removal(member)) enqueue.emit(answer)
    }),

    expectSessions: enqueueActions(({ context, enqueue }) => {
      for (const { memberId, sessionTimeoutMs } of allMembers(context))
        enqueue.emit(expectSession(memberId, sessionTimeoutMs))
    }),
    sendAway: enqueueActions(({ context, enqueue }) => {
      for (const member of allMembers(context))
        for (const answer of dismissed(member, member.memberId, errors.NOT_COORDINATOR))
          enqueue.emit(answer)
    }),
    forgetSessions: enqueueActions(({ context, enqueue }) => {
      const memberIds = [...Object.keys(context.members), ...context.pendingMembers]
      for (const memberId of memberIds) enqueue.emit(forgetSession(memberId))
    }),
  },
}).createMachine({
  id: 'consumerGroup',
  description: 'A group as its coordinator sees it (GroupMetadata, GroupCoordinator).',
  context: ({ input }) => ({
    ...(input.loaded ?? noMembership),
    groupId: input.groupId,
    initialRebalanceDelayMs: input.initialRebalanceDelayMs,
    groupSizeMax: input.groupSizeMax,
    gatheringMs: 0,
    gatheringRemainingMs: 0,
    newMemberAdded: false,
    writes: 0,
    assigning: null,
    replacements: [],
  }),
  initial: 'empty',
  on: {
    'group.unloaded': { target: '.dead', actions: ['sendAway', 'forgetSessions'] },
    '*': { actions: 'refuse' },
  },
  states: {
    empty: {
      description: 'No members; committed offsets live on (GroupState: Empty).',
      always: [
        // A group from the log comes with its members.
        {
          guard: 'isOverCapacity',
          target: 'preparingRebalance.joining',
          actions: 'expectSessions',
        },
        { guard: 'hasMembers', target: 'stable', actions: 'expectSessions' },
      ],
      on: {
        'join.received': [
          { guard: 'joinIsRefused', actions: 'answerJoinRefused' },
          { guard: 'memberIdIsRequired', actions: 'addPendingMember' },
          {
            target: 'preparingRebalance.gathering',
            actions: ['addMember', 'beginGathering'],
          },
        ],
        'sync.received': { actions: 'answerSyncRefused' },
        'leave.received': { actions: 'takeOut' },
        'member.expired': [{ guard: 'isPendingMember', actions: 'removeExpired' }, {}],
        'sync.timedOut': {},
        'group.committed': {},
        'group.commitFailed': {},
        'group.deleted': { target: 'dead', actions: 'forgetSessions' },
      },
    },
    preparingRebalance: {
      description: 'Members join again, and wait for each other (GroupState: PreparingRebalance).',
      initial: 'joining',
      entry: 'disarmSyncTimeout',
      on: {
        'join.received': [
          { guard: 'rebalanceIsFull', actions: 'answerGroupFull' },
          { guard: 'joinIsRefused', actions: 'answerJoinRefused' },
          { guard: 'memberIdIsRequired', actions: 'addPendingMember' },
          { guard: 'replacesStaticMember', actions: 'replaceStaticMember' },
          { guard: 'isNewMember', actions: 'addMember' },
          { actions: 'rejoin' },
        ],
        'sync.received': [
          { guard: 'syncIsRefused', actions: 'answerSyncRefused' },
          { actions: 'answerSyncRebalancing' },
        ],
        'leave.received': { actions: 'takeOut' },
        'member.expired': [
          { guard: 'isPendingMember', actions: 'removeExpired' },
          { guard: 'mayExpire', actions: 'removeExpired' },
          {},
        ],
        'sync.timedOut': {},
        'group.committed': {},
        'group.commitFailed': {},
      },
      states: {
        gathering: {
          description: 'Was empty: waits a moment for others to come (InitialDelayedJoin).',
          after: {
            initialRebalanceDelay: [
              { guard: 'mayGatherMore', target: 'gathering', reenter: true, actions: 'gatherMore' },
              { target: 'closing' },
            ],
          },
        },
        joining: {
          description:
            'Waits for every member, as long as the most patient one asked (DelayedJoin).',
          always: { guard: 'allJoined', target: 'closing' },
          after: { rebalanceTimeout: 'closing' },
        },
        closing: {
          description: 'Who is there forms the next generation (GroupCoordinator.onCompleteJoin).',
          entry: 'removeAbsent',
          always: [
            { guard: 'nobodyIsLeft', target: '#consumerGroup.empty', actions: 'appendEmpty' },
            // Static members may come late: until their sessions end there is somebody to wait for.
            { guard: 'nobodyRejoined', target: 'joining' },
            {
              target: '#consumerGroup.completingRebalance',
              actions: ['formGeneration', 'armSyncTimeout'],
            },
          ],
        },
      },
    },
    completingRebalance: {
      description: 'The leader assigns; the others wait for it (GroupState: CompletingRebalance).',
      on: {
        'join.received': [
          { guard: 'groupIsFull', actions: 'answerGroupFull' },
          { guard: 'joinIsRefused', actions: 'answerJoinRefused' },
          { guard: 'memberIdIsRequired', actions: 'addPendingMember' },
          {
            // The leader may be assigning to the old id just now.
            guard: 'replacesStaticMember',
            target: 'preparingRebalance',
            actions: ['replaceStaticMember', 'dismissSyncs'],
          },
          {
            guard: 'isNewMember',
            target: 'preparingRebalance',
            actions: ['addMember', 'dismissSyncs'],
          },
          // It may not have heard the first answer.
          { guard: 'subscriptionIsUnchanged', actions: 'answerCurrentGeneration' },
          { target: 'preparingRebalance', actions: ['rejoin', 'dismissSyncs'] },
        ],
        'sync.received': [
          { guard: 'syncIsRefused', actions: 'answerSyncRefused' },
          { guard: 'bringsAssignment', actions: ['awaitSync', 'appendAssignment'] },
          { actions: 'awaitSync' },
        ],
        'leave.received': [
          {
            guard: 'leaveTakesMember',
            target: 'preparingRebalance',
            actions: ['takeOut', 'dismissSyncs'],
          },
          { actions: 'takeOut' },
        ],
        'member.expired': [
          { guard: 'isPendingMember', actions: 'removeExpired' },
          {
            guard: 'mayExpire',
            target: 'preparingRebalance',
            actions: ['removeExpired', 'dismissSyncs'],
          },
          {},
        ],
        'sync.timedOut': [
          {
            guard: 'someOweSync',
            target: 'preparingRebalance',
            actions: ['removeOwingSync', 'dismissSyncs'],
          },
          {},
        ],
        'group.committed': [
          { guard: 'isAssignment', target: 'stable', actions: 'handOutAssignment' },
          {},
        ],
        'group.commitFailed': [
          { guard: 'isAssignment', target: 'preparingRebalance', actions: 'dismissSyncs' },
          {},
        ],
      },
    },
    stable: {
      description: 'Everybody has, or may fetch, its assignment (GroupState: Stable).',
      on: {
        'join.received': [
          { guard: 'groupIsFull', actions: 'answerGroupFull' },
          { guard: 'joinIsRefused', actions: 'answerJoinRefused' },
          { guard: 'memberIdIsRequired', actions: 'addPendingMember' },
          {
            guard: 'replacesStaticMemberQuietly',
            actions: ['appendReplacement', 'replaceStaticMember'],
          },
          {
            guard: 'replacesStaticMember',
            target: 'preparingRebalance',
            actions: 'replaceStaticMember',
          },
          { guard: 'isNewMember', target: 'preparingRebalance', actions: 'addMember' },
          { guard: 'isUnchangedFollower', actions: 'answerCurrentGeneration' },
          { target: 'preparingRebalance', actions: 'rejoin' },
        ],
        'sync.received': [
          { guard: 'syncIsRefused', actions: 'answerSyncRefused' },
          { actions: 'answerCurrentAssignment' },
        ],
        'leave.received': [
          { guard: 'leaveTakesMember', target: 'preparingRebalance', actions: 'takeOut' },
          { actions: 'takeOut' },
        ],
        'member.expired': [
          { guard: 'isPendingMember', actions: 'removeExpired' },
          { guard: 'mayExpire', target: 'preparingRebalance', actions: 'removeExpired' },
          {},
        ],
        'sync.timedOut': [
          { guard: 'someOweSync', target: 'preparingRebalance', actions: 'removeOwingSync' },
          {},
        ],
        'group.committed': [{ guard: 'isReplacement', actions: 'answerReplaced' }, {}],
        'group.commitFailed': [{ guard: 'isReplacement', actions: 'revertReplaced' }, {}],
      },
    },
    dead: {
      description: 'Deleted, or coordinated elsewhere now (GroupState: Dead).',
      type: 'final',
    },
  },
})

export type ConsumerGroupSnapshot = SnapshotFrom<typeof consumerGroupMachine>

/** Kafka's names of its states, as DescribeGroups and ListGroups have them. */
export type GroupStateName =
  | 'Empty'
  | 'PreparingRebalance'
  | 'CompletingRebalance'
  | 'Stable'
  | 'Dead'

export function groupStateName(snapshot: ConsumerGroupSnapshot): GroupStateName {
  if (snapshot.matches('empty')) return 'Empty'
  if (snapshot.matches('preparingRebalance')) return 'PreparingRebalance'
  if (snapshot.matches('completingRebalance')) return 'CompletingRebalance'
  return snapshot.matches('stable') ? 'Stable' : 'Dead'
}

interface MemberRequest {
  readonly generationId: number
  readonly memberId: string
  readonly groupInstanceId: string | null
}

/** What a heartbeat is answered; NONE and REBALANCE_IN_PROGRESS mean that the member lives. */
export function heartbeatError(
  snapshot: ConsumerGroupSnapshot,
  heartbeat: MemberRequest,
): ErrorCode {
  if (snapshot.matches('dead')) return errors.COORDINATOR_NOT_AVAILABLE
  const refusal = generationRefusal(snapshot.context, heartbeat)
  if (refusal !== errors.NONE) return refusal
  return snapshot.matches('preparingRebalance') ? errors.REBALANCE_IN_PROGRESS : errors.NONE
}

/**
 * Why offsets may not be committed; NONE where they may. Without generation, member and instance it is a consumer that manages
 * itself, or an admin: only while the group is empty. During PreparingRebalance the old generation still commits.
 */
export function commitError(snapshot: ConsumerGroupSnapshot, commit: MemberRequest): ErrorCode {
  if (snapshot.matches('dead')) return errors.COORDINATOR_NOT_AVAILABLE
  const { generationId, memberId, groupInstanceId } = commit
  const isInEmpty = snapshot.matches('empty')
  if (generationId < 0 && isInEmpty) return errors.NONE
  if (generationId < 0 && memberId === unknownMemberId && groupInstanceId === null)
    return errors.UNKNOWN_MEMBER_ID
  const refusal = generationRefusal(snapshot.context, commit)
  if (refusal !== errors.NONE) return refusal
  return snapshot.matches('completingRebalance') ? errors.REBALANCE_IN_PROGRESS : errors.NONE
}

/** The numbers that still stand for bytes, some more than once: all others may be forgotten. */
export function references({ context }: ConsumerGroupSnapshot): {
  readonly subscriptions: readonly number[]
  readonly assignments: readonly number[]
} {
  const members = [...allMembers(context), ...context.replacements.map(({ before }) => before)]
  return {
    subscriptions: members.map(member => member.subscription),
    assignments: [
      ...members.map(member => member.assignment),
      ...Object.values(context.assigning?.assignments ?? {}),
    ],
  }
}
