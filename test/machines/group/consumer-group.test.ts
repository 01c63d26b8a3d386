import { describe, expect, test } from 'vitest'
import { stateName } from '../../../actors/registry.ts'
import {
  type ConsumerGroupCommand,
  type ConsumerGroupFact,
  type ConsumerGroupInput,
  type ConsumerGroupSnapshot,
  commitError,
  groupStateName,
  heartbeatError,
  consumerGroupMachine as machine,
  references,
} from '../../../machines/group/consumer-group.ts'
import { RefusedFact } from '../../../src/assert.ts'
import { errors } from '../../../src/error.ts'
import type { JoinRequest, SyncRequest } from '../../../src/group/admission.ts'
import { begin, elapse, step, steps } from '../../step.ts'

// ─── The story's vocabulary ─────────────────────────────────────────────────────────────────────

const input: ConsumerGroupInput = {
  groupId: 'billing',
  initialRebalanceDelayMs: 3000,
  groupSizeMax: 100,
  loaded: null,
}

type Join = Extract<ConsumerGroupFact, { type: 'join.received' }>

/** JoinGroup of v3: no member id needed first. Request n of a member without id makes it `m<n>`. */
const join = (request: number, other: Partial<JoinRequest> = {}): Join => ({
  type: 'join.received',
  request,
  memberId: '',
  newMemberId: `m${request}`,
  groupInstanceId: null,
  clientId: 'client',
  clientHost: '/127.0.0.1',
  rebalanceTimeoutMs: 60_000,
  sessionTimeoutMs: 10_000,
  protocolType: 'consumer',
  protocols: ['range', 'roundrobin'],
  subscription: 1,
  memberIdRequired: false,
  skipsAssignment: false,
  ...other,
})

const sync = (
  request: number,
  memberId: string,
  other: Partial<SyncRequest> = {},
): ConsumerGroupFact => ({
  type: 'sync.received',
  request,
  generationId: 1,
  memberId,
  groupInstanceId: null,
  protocolType: null,
  protocolName: null,
  assignments: {},
  ...other,
})

const leave = (request: number, ...memberIds: string[]): ConsumerGroupFact => ({
  type: 'leave.received',
  request,
  members: memberIds.map(memberId => ({ memberId, groupInstanceId: null })),
})

const expired = (memberId: string): ConsumerGroupFact => ({ type: 'member.expired', memberId })
const committed = (write: number): ConsumerGroupFact => ({ type: 'group.committed', write })
const commitFailed = (write: number, errorCode = errors.COORDINATOR_NOT_AVAILABLE) =>
  ({ type: 'group.commitFailed', write, errorCode }) as const

const at = (snapshot: ConsumerGroupSnapshot): string => stateName(snapshot.value)
const members = (snapshot: ConsumerGroupSnapshot): string[] => Object.keys(snapshot.context.members)
const go = (snapshot: ConsumerGroupSnapshot, ...facts: ConsumerGroupFact[]) =>
  steps(machine, snapshot, ...facts)
const to = (snapshot: ConsumerGroupSnapshot, ...facts: ConsumerGroupFact[]) =>
  go(snapshot, ...facts)[0]
const answers = (commands: readonly ConsumerGroupCommand[]): string[] =>
  commands.flatMap(command => {
    if (command.type === 'join.answer')
      return [
        `join ${command.request} ${command.errorCode || `generation ${command.generationId}`}`,
      ]
    if (command.type === 'sync.answer')
      return [`sync ${command.request} ${command.errorCode || `assignment ${command.assignment}`}`]
    return []
  })
const sessions = (commands: readonly ConsumerGroupCommand[]): string[] =>
  commands.flatMap(command => {
    if (command.type === 'session.expect')
      return [`expect ${command.memberId} ${command.timeoutMs}`]
    return command.type === 'session.forget' ? [`forget ${command.memberId}`] : []
  })
const of = <T extends ConsumerGroupCommand['type']>(
  commands: readonly ConsumerGroupCommand[],
  type: T,
) =>
  commands.filter(command => command.type === type) as Extract<ConsumerGroupCommand, { type: T }>[]

const empty = () => begin(machine, input)[0]
const gathering = () => to(empty(), join(1))
/** Generation 1 of m1 (leads) and m2; both owe a SyncGroup. */
const completing = () => elapse(machine, to(gathering(), join(2)), 'initialRebalanceDelay')[0]
const completingPair = () => elapse(machine, completing(), 'initialRebalanceDelay')[0]
/** Both have synced; m1 has assignment 11, m2 12. */
const stable = () =>
  to(
    completingPair(),
    sync(3, 'm2'),
    sync(4, 'm1', { assignments: { m1: 11, m2: 12 } }),
    committed(1),
  )
/** m2 joined again, m1 not yet. */
const joining = () => to(stable(), join(5, { memberId: 'm2', subscription: 2 }))

/** Static member i1 (m1, leads) and dynamic m2, generation 1, stable. */
const stableWithStatic = () => {
  const [waiting] = go(empty(), join(1, { groupInstanceId: 'i1' }), join(2))
  const [more] = elapse(machine, waiting, 'initialRebalanceDelay')
  const [formed] = elapse(machine, more, 'initialRebalanceDelay')
  return to(
    formed,
    sync(3, 'm2'),
    sync(4, 'm1', { groupInstanceId: 'i1', assignments: { m1: 11, m2: 12 } }),
    committed(1),
  )
}

// ─── empty ──────────────────────────────────────────────────────────────────────────────────────

describe('empty', () => {
  test('a first member begins to gather others, under a deadline of its own', () => {
    const [snapshot, commands] = step(machine, empty(), join(1))
    expect(at(snapshot)).toBe('preparingRebalance.gathering')
    expect(members(snapshot)).toEqual(['m1'])
    expect(snapshot.context).toMatchObject({ leader: 'm1', protocolType: 'consumer' })
    expect(sessions(commands)).toEqual(['expect m1 300000'])
    expect(answers(commands)).toEqual([])
  })

  test('a member without protocols, or of no type, is refused', () => {
    for (const other of [{ protocols: [] }, { protocolType: '' }]) {
      const [snapshot, commands] = step(machine, empty(), join(1, other))
      expect(at(snapshot)).toBe('empty')
      expect(answers(commands)).toEqual(['join 1 23'])
    }
  })

  test('a member id that nobody gave out is unknown', () => {
    const [snapshot, commands] = step(machine, empty(), join(1, { memberId: 'ghost' }))
    expect(at(snapshot)).toBe('empty')
    expect(commands).toEqual([
      expect.objectContaining({ errorCode: errors.UNKNOWN_MEMBER_ID, memberId: 'ghost' }),
    ])
  })

  test('a new member is first given its id, and expires if it does not come back with it', () => {
    const [snapshot, commands] = step(machine, empty(), join(1, { memberIdRequired: true }))
    expect(at(snapshot)).toBe('empty')
    expect(snapshot.context.pendingMembers).toEqual(['m1'])
    expect(commands).toEqual([
      { type: 'session.expect', memberId: 'm1', timeoutMs: 10_000 },
      expect.objectContaining({
        type: 'join.answer',
        request: 1,
        errorCode: errors.MEMBER_ID_REQUIRED,
        memberId: 'm1',
        generationId: -1,
      }),
    ])
    const [joined] = step(machine, snapshot, join(2, { memberId: 'm1', memberIdRequired: true }))
    expect(at(joined)).toBe('preparingRebalance.gathering')
    expect(joined.context.pendingMembers).toEqual([])
    expect(members(joined)).toEqual(['m1'])

    const [gone] = step(machine, snapshot, expired('m1'))
    expect(at(gone)).toBe('empty')
    expect(gone.context.pendingMembers).toEqual([])
  })

  test('ids are not given out without end', () => {
    const snapshot = empty()
    const pendingMembers = Array.from({ length: 10_000 }, (_, i) => `p${i}`)
    const full = {
      ...snapshot,
      context: { ...snapshot.context, pendingMembers },
    } as typeof snapshot
    const [, commands] = step(machine, full, join(1, { memberIdRequired: true }))
    expect(answers(commands)).toEqual(['join 1 81'])
    expect(at(to(full, join(1)))).toBe('preparingRebalance.gathering')
  })

  test('a static member needs no id first', () => {
    const fact = join(1, { groupInstanceId: 'i1', memberIdRequired: true })
    expect(members(to(empty(), fact))).toEqual(['m1'])
  })

  test('a pending id used with an instance is unknown', () => {
    const [pending] = step(machine, empty(), join(1, { memberIdRequired: true }))
    const [, commands] = step(machine, pending, join(2, { memberId: 'm1', groupInstanceId: 'i1' }))
    expect(answers(commands)).toEqual(['join 2 25'])
  })

  test('a SyncGroup is of an unknown member', () => {
    const [snapshot, commands] = step(machine, empty(), sync(1, 'm1'))
    expect(at(snapshot)).toBe('empty')
    expect(answers(commands)).toEqual(['sync 1 25'])
  })

  test('who leaves is unknown, unless it was pending', () => {
    const pending = to(empty(), join(1, { memberIdRequired: true }))
    const [snapshot, commands] = step(machine, pending, leave(2, 'm1', 'm9'))
    expect(snapshot.context.pendingMembers).toEqual([])
    expect(of(commands, 'leave.answer')[0]?.members.map(member => member.errorCode)).toEqual([
      errors.NONE,
      errors.UNKNOWN_MEMBER_ID,
    ])
  })

  test.each<ConsumerGroupFact>([
    expired('m1'),
    { type: 'sync.timedOut', generationId: 1 },
    committed(1),
    commitFailed(1),
  ])('$type changes nothing', fact => {
    const [snapshot, commands] = step(machine, empty(), fact)
    expect(at(snapshot)).toBe('empty')
    expect(commands).toEqual([])
  })

  test('deleted, it is dead, and forgets who was pending', () => {
    const pending = to(empty(), join(1, { memberIdRequired: true }))
    const [snapshot, commands] = step(machine, pending, { type: 'group.deleted' })
    expect(at(snapshot)).toBe('dead')
    expect(snapshot.status).toBe('done')
    expect(sessions(commands)).toEqual(['forget m1'])
  })

  test('a group from the log with members is stable, and expects to hear of them', () => {
    const { context } = stable()
    const [snapshot, commands] = begin(machine, { ...input, loaded: context })
    expect(at(snapshot)).toBe('stable')
    expect(snapshot.context.generationId).toBe(1)
    expect(sessions(commands)).toEqual(['expect m1 10000', 'expect m2 10000'])
  })

  test('a group from the log beyond the maximal size rebalances at once', () => {
    const [snapshot] = begin(machine, { ...input, groupSizeMax: 1, loaded: stable().context })
    expect(at(snapshot)).toBe('preparingRebalance.joining')
  })
})

// ─── preparingRebalance ─────────────────────────────────────────────────────────────────────────

describe('preparingRebalance.gathering', () => {
  test('does not end though everybody has joined, and not by the rebalance timeout', () => {
    const [snapshot, commands] = step(machine, gathering(), join(2))
    expect(at(snapshot)).toBe('preparingRebalance.gathering')
    expect(answers(commands)).toEqual([])
    expect(() => elapse(machine, snapshot, 'rebalanceTimeout')).toThrow(RefusedFact)
  })

  test('goes on as long as new members come, up to the rebalance timeout', () => {
    let snapshot = to(empty(), join(1, { rebalanceTimeoutMs: 7000 }))
    expect(snapshot.context).toMatchObject({ gatheringMs: 3000, gatheringRemainingMs: 4000 })
    ;[snapshot] = elapse(
      machine,
      to(snapshot, join(2, { rebalanceTimeoutMs: 7000 })),
      'initialRebalanceDelay',
    )
    expect(at(snapshot)).toBe('preparingRebalance.gathering')
    expect(snapshot.context).toMatchObject({ gatheringMs: 3000, gatheringRemainingMs: 1000 })
    ;[snapshot] = elapse(machine, to(snapshot, join(3)), 'initialRebalanceDelay')
    expect(snapshot.context).toMatchObject({ gatheringMs: 1000, gatheringRemainingMs: 0 })
    ;[snapshot] = elapse(machine, to(snapshot, join(4)), 'initialRebalanceDelay')
    expect(at(snapshot)).toBe('completingRebalance')
    expect(members(snapshot)).toEqual(['m1', 'm2', 'm3', 'm4'])
  })

  test('without another one it ends after the first delay; who is pending is not waited for', () => {
    const pending = to(gathering(), join(2, { memberIdRequired: true }))
    const [snapshot, commands] = elapse(machine, pending, 'initialRebalanceDelay')
    expect(at(snapshot)).toBe('completingRebalance')
    expect(answers(commands)).toEqual(['join 1 generation 1'])
    expect(snapshot.context.pendingMembers).toEqual(['m2'])
  })

  test('once the only member has left, the end is an empty generation, written to the log', () => {
    const [left] = step(machine, gathering(), leave(2, 'm1'))
    expect(at(left)).toBe('preparingRebalance.gathering')
    const [snapshot, commands] = elapse(machine, left, 'initialRebalanceDelay')
    expect(at(snapshot)).toBe('empty')
    expect(of(commands, 'group.append')).toEqual([
      expect.objectContaining({ generationId: 1, protocolName: null, leader: null, members: [] }),
    ])
  })
})

describe('preparingRebalance.joining', () => {
  test('ends when all have joined: the leader hears of everybody, the others of it', () => {
    const [snapshot, commands] = step(machine, joining(), join(6, { memberId: 'm1' }))
    expect(at(snapshot)).toBe('completingRebalance')
    expect(snapshot.context).toMatchObject({ generationId: 2, protocolName: 'range', leader: 'm1' })
    expect(of(commands, 'join.answer')).toEqual([
      expect.objectContaining({
        request: 6,
        memberId: 'm1',
        leader: 'm1',
        generationId: 2,
        protocolName: 'range',
        protocolType: 'consumer',
        members: [
          { memberId: 'm1', groupInstanceId: null, subscription: 1 },
          { memberId: 'm2', groupInstanceId: null, subscription: 2 },
        ],
      }),
      expect.objectContaining({ request: 5, memberId: 'm2', leader: 'm1', members: [] }),
    ])
    expect(sessions(commands)).toEqual(['expect m1 10000', 'expect m2 10000'])
  })

  test('waits for those who are pending', () => {
    const pending = to(joining(), join(6, { memberIdRequired: true }))
    const [snapshot] = step(machine, pending, join(7, { memberId: 'm1' }))
    expect(at(snapshot)).toBe('preparingRebalance.joining')
    const [gone, commands] = step(machine, snapshot, expired('m6'))
    expect(at(gone)).toBe('completingRebalance')
    expect(answers(commands)).toEqual(['join 7 generation 2', 'join 5 generation 2'])
    expect(at(to(snapshot, leave(8, 'm6')))).toBe('completingRebalance')
  })

  test('after the rebalance timeout goes without those who did not come back', () => {
    const [snapshot, commands] = elapse(machine, joining(), 'rebalanceTimeout')
    expect(at(snapshot)).toBe('completingRebalance')
    expect(members(snapshot)).toEqual(['m2'])
    expect(snapshot.context.leader).toBe('m2')
    expect(sessions(commands)).toEqual(['forget m1', 'expect m2 10000'])
    expect(answers(commands)).toEqual(['join 5 generation 2'])
  })

  test('keeps static members that did not come back, but another leads', () => {
    const waiting = to(stableWithStatic(), join(5, { memberId: 'm2', subscription: 2 }))
    const [snapshot] = elapse(machine, waiting, 'rebalanceTimeout')
    expect(at(snapshot)).toBe('completingRebalance')
    expect(members(snapshot)).toEqual(['m1', 'm2'])
    expect(snapshot.context.leader).toBe('m2')
  })

  test('where only static members are left and none came back, it goes on waiting', () => {
    const waiting = to(stableWithStatic(), leave(5, 'm2'))
    expect(at(waiting)).toBe('preparingRebalance.joining')
    const [snapshot, commands] = elapse(machine, waiting, 'rebalanceTimeout')
    expect(at(snapshot)).toBe('preparingRebalance.joining')
    expect(commands).toEqual([])
    const [gone] = step(machine, snapshot, expired('m1'))
    expect(at(gone)).toBe('empty')
    expect(gone.context.generationId).toBe(2)
  })

  test('a member that joins twice is answered twice, the first time to come again', () => {
    const [snapshot, commands] = step(machine, joining(), join(6, { memberId: 'm2' }))
    expect(at(snapshot)).toBe('preparingRebalance.joining')
    expect(answers(commands)).toEqual(['join 5 27'])
    expect(snapshot.context.members.m2?.join).toBe(6)
  })

  test('a new member is added; one without a common protocol, or of another type, refused', () => {
    expect(members(to(joining(), join(6)))).toEqual(['m1', 'm2', 'm6'])
    for (const other of [{ protocols: ['sticky'] }, { protocolType: 'connect' }]) {
      const [, commands] = step(machine, joining(), join(6, other))
      expect(answers(commands)).toEqual(['join 6 23'])
    }
  })

  test('a rebalance takes no more members than the maximum, and lets go of the last', () => {
    const loaded = stable().context
    const [tooMany] = begin(machine, { ...input, groupSizeMax: 1, loaded })
    const [waiting] = step(machine, tooMany, join(5, { memberId: 'm2' }))
    const [snapshot, commands] = step(machine, waiting, join(6, { memberId: 'm1' }))
    expect(of(commands, 'join.answer')).toEqual([
      expect.objectContaining({
        request: 6,
        errorCode: errors.GROUP_MAX_SIZE_REACHED,
        memberId: '',
      }),
      expect.objectContaining({ request: 5, errorCode: errors.NONE, leader: 'm2' }),
    ])
    expect(at(snapshot)).toBe('completingRebalance')
    expect(members(snapshot)).toEqual(['m2'])
  })

  test('a static member that comes back takes its old place, and fences the old id', () => {
    const waiting = to(
      stableWithStatic(),
      join(5, { memberId: 'm1', groupInstanceId: 'i1' }),
      join(6, { groupInstanceId: 'i1' }),
    )
    expect(members(waiting)).toEqual(['m6', 'm2'])
    expect(waiting.context.leader).toBe('m6')
    const [, commands] = step(
      machine,
      to(stableWithStatic(), join(5, { memberId: 'm1', groupInstanceId: 'i1' })),
      join(6, { groupInstanceId: 'i1' }),
    )
    expect(answers(commands)).toEqual(['join 5 82'])
    expect(sessions(commands)).toEqual(['forget m1', 'expect m6 10000'])
  })

  test('a SyncGroup is told to rebalance; an older generation is illegal', () => {
    expect(answers(step(machine, joining(), sync(6, 'm1'))[1])).toEqual(['sync 6 27'])
    const old = sync(6, 'm1', { generationId: 0 })
    expect(answers(step(machine, joining(), old)[1])).toEqual(['sync 6 22'])
  })

  test('who leaves while waiting is answered; the last one missing gone, the generation forms', () => {
    const [left, commands] = step(machine, joining(), leave(6, 'm2'))
    expect(answers(commands)).toEqual(['join 5 25'])
    expect(at(left)).toBe('preparingRebalance.joining')
    expect(at(to(joining(), leave(6, 'm1')))).toBe('completingRebalance')
  })

  test('waiting members do not expire, new ones do, absent ones do', () => {
    const [same, none] = step(machine, joining(), expired('m2'))
    expect(members(same)).toEqual(['m1', 'm2'])
    expect(none).toEqual([])
    const [snapshot, commands] = step(machine, to(joining(), join(6)), expired('m6'))
    expect(answers(commands)).toEqual(['join 6 25'])
    expect(members(snapshot)).toEqual(['m1', 'm2'])
    expect(at(to(joining(), expired('m1')))).toBe('completingRebalance')
    expect(at(to(joining(), expired('ghost')))).toBe('preparingRebalance.joining')
  })

  test.each<ConsumerGroupFact>([
    { type: 'sync.timedOut', generationId: 1 },
    committed(1),
    commitFailed(1),
  ])('a late $type changes nothing', fact => {
    const [snapshot, commands] = step(machine, joining(), fact)
    expect(at(snapshot)).toBe('preparingRebalance.joining')
    expect(commands).toEqual([])
  })

  test('it cannot be deleted', () => {
    expect(() => step(machine, joining(), { type: 'group.deleted' })).toThrow(RefusedFact)
  })

  test('unloaded, it sends those who wait to the new coordinator', () => {
    const [snapshot, commands] = step(machine, joining(), { type: 'group.unloaded' })
    expect(at(snapshot)).toBe('dead')
    expect(answers(commands)).toEqual(['join 5 16'])
    expect(sessions(commands)).toEqual(['forget m1', 'forget m2'])
  })
})

// ─── completingRebalance ────────────────────────────────────────────────────────────────────────

describe('completingRebalance', () => {
  test('members wait for the leader, whose assignment is written before it is handed out', () => {
    const [waiting, none] = step(machine, completingPair(), sync(3, 'm2'))
    expect(none).toEqual([])
    const assigning = sync(4, 'm1', { assignments: { m1: 11, m2: 12 } })
    const [writing, appended] = step(machine, waiting, assigning)
    expect(at(writing)).toBe('completingRebalance')
    expect(of(appended, 'group.append')).toEqual([
      expect.objectContaining({ write: 1, generationId: 1, protocolName: 'range', leader: 'm1' }),
    ])
    expect(
      of(appended, 'group.append')[0]?.members.map(member => [member.memberId, member.assignment]),
    ).toEqual([
      ['m1', 11],
      ['m2', 12],
    ])
    const [snapshot, commands] = step(machine, writing, committed(1))
    expect(at(snapshot)).toBe('stable')
    expect(answers(commands)).toEqual(['sync 4 assignment 11', 'sync 3 assignment 12'])
    expect(sessions(commands)).toEqual(['expect m1 10000', 'expect m2 10000'])
  })

  test('a member that the leader forgot gets nothing', () => {
    const [, commands] = go(
      completingPair(),
      sync(3, 'm2'),
      sync(4, 'm1', { assignments: { m1: 11, stranger: 9 } }),
      committed(1),
    )
    expect(answers(commands)).toEqual(['sync 4 assignment 11', 'sync 3 assignment 0'])
  })

  test('a leader that asks again while its assignment is written does not write it twice', () => {
    const assigning = (request: number) => sync(request, 'm1', { assignments: { m1: 11 } })
    const [snapshot, commands] = go(completingPair(), assigning(4), assigning(5))
    expect(of(commands, 'group.append')).toHaveLength(1)
    expect(answers(commands)).toEqual(['sync 4 27'])
    expect(answers(step(machine, snapshot, committed(1))[1])).toEqual(['sync 5 assignment 11'])
  })

  test.each([
    [sync(9, 'ghost'), 25],
    [sync(9, 'm1', { generationId: 2 }), 22],
    [sync(9, 'm1', { groupInstanceId: 'i9' }), 25],
    [sync(9, 'm1', { protocolType: 'connect' }), 23],
    [sync(9, 'm1', { protocolName: 'sticky' }), 23],
  ] as const)('a SyncGroup is refused: %#', (fact, errorCode) => {
    const [snapshot, commands] = step(machine, completingPair(), fact)
    expect(at(snapshot)).toBe('completingRebalance')
    expect(answers(commands)).toEqual([`sync 9 ${errorCode}`])
  })

  test('an assignment that could not be written is no assignment: all join again', () => {
    const waiting = to(completingPair(), sync(3, 'm2'), sync(4, 'm1'))
    const [snapshot, commands] = step(machine, waiting, commitFailed(1))
    expect(at(snapshot)).toBe('preparingRebalance.joining')
    expect(answers(commands)).toEqual(['sync 4 15', 'sync 3 15'])
  })

  test('the outcome of another write changes nothing', () => {
    const waiting = to(completingPair(), sync(4, 'm1'))
    for (const fact of [committed(7), commitFailed(7)]) {
      const [snapshot, commands] = step(machine, waiting, fact)
      expect(at(snapshot)).toBe('completingRebalance')
      expect(commands).toEqual([])
    }
  })

  test('a new member begins another rebalance; those who wait for the leader are told', () => {
    const waiting = to(completingPair(), sync(3, 'm2'))
    const [snapshot, commands] = step(machine, waiting, join(6))
    expect(at(snapshot)).toBe('preparingRebalance.joining')
    expect(answers(commands)).toEqual(['sync 3 27'])
    expect(sessions(commands)).toEqual(['expect m6 300000', 'expect m2 10000'])
  })

  test('a late write of the generation before does not end the next one', () => {
    const [snapshot] = go(
      completingPair(),
      sync(4, 'm1', { assignments: { m1: 11 } }),
      join(5),
      join(6, { memberId: 'm1' }),
      join(7, { memberId: 'm2' }),
      committed(1),
    )
    expect(at(snapshot)).toBe('completingRebalance')
    expect(snapshot.context.generationId).toBe(2)
  })

  test('a member that did not hear its answer is told again, the leader of everybody', () => {
    const [snapshot, commands] = go(
      completingPair(),
      join(6, { memberId: 'm1' }),
      join(7, { memberId: 'm2' }),
    )
    expect(at(snapshot)).toBe('completingRebalance')
    expect(of(commands, 'join.answer').map(answer => answer.members.length)).toEqual([2, 0])
    expect(answers(commands)).toEqual(['join 6 generation 1', 'join 7 generation 1'])
  })

  test('a member that wants something else begins another rebalance', () => {
    const changed = join(6, { memberId: 'm2', subscription: 9 })
    expect(at(to(completingPair(), changed))).toBe('preparingRebalance.joining')
    const reordered = join(6, { memberId: 'm2', protocols: ['roundrobin', 'range'] })
    expect(at(to(completingPair(), reordered))).toBe('preparingRebalance.joining')
  })

  test('a full group takes nobody; a new one is given its id; a wrong one is refused', () => {
    const [full] = begin(machine, { ...input, groupSizeMax: 1 })
    const [formed] = elapse(machine, to(full, join(1)), 'initialRebalanceDelay')
    expect(answers(step(machine, formed, join(2))[1])).toEqual(['join 2 81'])
    const [pending, commands] = step(machine, completingPair(), join(6, { memberIdRequired: true }))
    expect(at(pending)).toBe('completingRebalance')
    expect(answers(commands)).toEqual(['join 6 79'])
    const refused = join(6, { protocolType: 'connect' })
    expect(answers(step(machine, completingPair(), refused)[1])).toEqual(['join 6 23'])
  })

  test('a static member that comes back begins another rebalance', () => {
    const forming = to(
      stableWithStatic(),
      join(5, { memberId: 'm1', groupInstanceId: 'i1' }),
      join(6, { memberId: 'm2' }),
    )
    expect(at(forming)).toBe('completingRebalance')
    const waiting = to(
      forming,
      sync(7, 'm1', { generationId: 2, groupInstanceId: 'i1' }),
      sync(8, 'm2', { generationId: 2 }),
    )
    const [snapshot, commands] = step(machine, waiting, join(9, { groupInstanceId: 'i1' }))
    expect(at(snapshot)).toBe('preparingRebalance.joining')
    expect(answers(commands)).toEqual(['sync 7 82', 'sync 8 27'])
    expect(members(snapshot)).toEqual(['m9', 'm2'])
  })

  test('who leaves or expires begins another rebalance; waiting members do not expire', () => {
    const waiting = to(completingPair(), sync(3, 'm2'))
    for (const fact of [leave(6, 'm1'), expired('m1')]) {
      const [snapshot, commands] = step(machine, waiting, fact)
      expect(at(snapshot)).toBe('preparingRebalance.joining')
      expect(answers(commands)).toEqual(['sync 3 27'])
      expect(members(snapshot)).toEqual(['m2'])
    }
    expect(at(to(waiting, expired('m2')))).toBe('completingRebalance')
    expect(at(to(waiting, leave(6, 'ghost')))).toBe('completingRebalance')
  })

  test('a waiting member that an admin removes is told so', () => {
    const [, commands] = step(machine, to(completingPair(), sync(3, 'm2')), leave(6, 'm2'))
    expect(answers(commands)).toEqual(['sync 3 25'])
  })

  test('a pending member that expires or leaves changes nothing else', () => {
    const pending = to(completingPair(), join(6, { memberIdRequired: true }))
    for (const fact of [expired('m6'), leave(7, 'm6')]) {
      const [snapshot] = step(machine, pending, fact)
      expect(at(snapshot)).toBe('completingRebalance')
      expect(snapshot.context.pendingMembers).toEqual([])
    }
  })

  test('members that never sync are removed (KAFKA-12890)', () => {
    const waiting = to(completingPair(), sync(3, 'm2'))
    const [snapshot, commands] = step(machine, waiting, { type: 'sync.timedOut', generationId: 1 })
    expect(at(snapshot)).toBe('preparingRebalance.joining')
    expect(members(snapshot)).toEqual(['m2'])
    expect(sessions(commands)).toEqual(['forget m1', 'expect m2 10000'])
    expect(answers(commands)).toEqual(['sync 3 27'])
    const late = step(machine, waiting, { type: 'sync.timedOut', generationId: 0 })[0]
    expect(at(late)).toBe('completingRebalance')
  })

  test('it cannot be deleted', () => {
    expect(() => step(machine, completingPair(), { type: 'group.deleted' })).toThrow(RefusedFact)
  })

  test('unloaded, it sends those who wait to the new coordinator', () => {
    const waiting = to(completingPair(), sync(3, 'm2'))
    const [snapshot, commands] = step(machine, waiting, { type: 'group.unloaded' })
    expect(at(snapshot)).toBe('dead')
    expect(answers(commands)).toEqual(['sync 3 16'])
  })
})

// ─── stable ─────────────────────────────────────────────────────────────────────────────────────

describe('stable', () => {
  test('a SyncGroup is answered with the assignment there is, once or twice', () => {
    const [snapshot, commands] = step(machine, stable(), sync(6, 'm2'))
    expect(at(snapshot)).toBe('stable')
    expect(answers(commands)).toEqual(['sync 6 assignment 12'])
    expect(sessions(commands)).toEqual(['expect m2 10000'])
    const old = sync(6, 'm2', { generationId: 0 })
    expect(answers(step(machine, stable(), old)[1])).toEqual(['sync 6 22'])
  })

  test('a follower that says nothing new is told of its generation', () => {
    const [snapshot, commands] = step(machine, stable(), join(6, { memberId: 'm2' }))
    expect(at(snapshot)).toBe('stable')
    expect(answers(commands)).toEqual(['join 6 generation 1'])
  })

  test('a leader that joins again begins a rebalance, and so does a changed follower', () => {
    expect(at(to(stable(), join(6, { memberId: 'm1' })))).toBe('preparingRebalance.joining')
    const changed = join(6, { memberId: 'm2', subscription: 3 })
    expect(at(to(stable(), changed))).toBe('preparingRebalance.joining')
  })

  test('a new member begins a rebalance; alone, a leader that joins again completes it at once', () => {
    const [snapshot, none] = step(machine, stable(), join(6))
    expect(at(snapshot)).toBe('preparingRebalance.joining')
    expect(answers(none)).toEqual([])
    const alone = to(stable(), leave(6, 'm2'), join(7, { memberId: 'm1' }))
    expect(at(alone)).toBe('completingRebalance')
    const [again, commands] = go(
      alone,
      sync(8, 'm1', { generationId: 2 }),
      committed(2),
      join(9, { memberId: 'm1' }),
    )
    expect(at(again)).toBe('completingRebalance')
    expect(answers(commands)).toEqual(['sync 8 assignment 0', 'join 9 generation 3'])
  })

  test('a full group takes nobody; a new one is given its id; wrong ones are refused', () => {
    const [full] = begin(machine, { ...input, groupSizeMax: 2, loaded: stable().context })
    expect(answers(step(machine, full, join(6))[1])).toEqual(['join 6 81'])
    expect(answers(step(machine, full, join(6, { memberId: 'm2' }))[1])).toEqual([
      'join 6 generation 1',
    ])
    expect(answers(step(machine, stable(), join(6, { memberIdRequired: true }))[1])).toEqual([
      'join 6 79',
    ])
    expect(answers(step(machine, stable(), join(6, { memberId: 'ghost' }))[1])).toEqual([
      'join 6 25',
    ])
    const unknownInstance = join(6, { memberId: 'm1', groupInstanceId: 'i9' })
    expect(answers(step(machine, stable(), unknownInstance)[1])).toEqual(['join 6 25'])
    const fenced = join(6, { memberId: 'm2', groupInstanceId: 'i1' })
    expect(answers(step(machine, stableWithStatic(), fenced)[1])).toEqual(['join 6 82'])
  })

  test('who leaves or expires begins a rebalance; nobody left, the group is empty', () => {
    for (const fact of [leave(6, 'm2'), expired('m2')])
      expect(at(to(stable(), fact))).toBe('preparingRebalance.joining')
    const [snapshot, commands] = step(machine, stable(), leave(6, 'm1', 'm2'))
    expect(at(snapshot)).toBe('empty')
    expect(snapshot.context.generationId).toBe(2)
    expect(of(commands, 'group.append')[0]).toMatchObject({ write: 2, members: [] })
    expect(at(to(stable(), leave(6, 'ghost')))).toBe('stable')
    expect(at(to(stable(), expired('ghost')))).toBe('stable')
  })

  test('an admin removes a static member by its instance', () => {
    const [snapshot, commands] = step(machine, stableWithStatic(), {
      type: 'leave.received',
      request: 6,
      members: [
        { memberId: '', groupInstanceId: 'i1' },
        { memberId: '', groupInstanceId: 'i9' },
        { memberId: '', groupInstanceId: null },
      ],
    })
    expect(members(snapshot)).toEqual(['m2'])
    expect(of(commands, 'leave.answer')[0]?.members).toEqual([
      { memberId: '', groupInstanceId: 'i1', errorCode: errors.NONE },
      { memberId: '', groupInstanceId: 'i9', errorCode: errors.UNKNOWN_MEMBER_ID },
      { memberId: '', groupInstanceId: null, errorCode: errors.UNKNOWN_MEMBER_ID },
    ])
  })

  test('a pending member that expires or leaves changes nothing else', () => {
    const pending = to(stable(), join(6, { memberIdRequired: true }))
    for (const fact of [expired('m6'), leave(7, 'm6')]) {
      const [snapshot] = step(machine, pending, fact)
      expect(at(snapshot)).toBe('stable')
      expect(snapshot.context.pendingMembers).toEqual([])
    }
  })

  test('members that have not fetched their assignment in time are removed', () => {
    const onlyLeader = to(completingPair(), sync(4, 'm1', { assignments: { m1: 1 } }), committed(1))
    const [snapshot] = step(machine, onlyLeader, { type: 'sync.timedOut', generationId: 1 })
    expect(at(snapshot)).toBe('preparingRebalance.joining')
    expect(members(snapshot)).toEqual(['m1'])
    const all = to(onlyLeader, sync(5, 'm2'))
    expect(at(to(all, { type: 'sync.timedOut', generationId: 1 }))).toBe('stable')
  })

  test('a static member that comes back changes nothing but its id, once the log has that', () => {
    const back = join(6, { groupInstanceId: 'i1' })
    const [waiting, commands] = step(machine, stableWithStatic(), back)
    expect(at(waiting)).toBe('stable')
    expect(members(waiting)).toEqual(['m6', 'm2'])
    expect(of(commands, 'group.append')).toEqual([
      expect.objectContaining({ write: 2, generationId: 1, leader: 'm6' }),
    ])
    expect(of(commands, 'group.append')[0]?.members[0]).toMatchObject({
      memberId: 'm6',
      assignment: 11,
    })
    expect(sessions(commands)).toEqual(['forget m1', 'expect m6 10000'])
    const [snapshot, done] = step(machine, waiting, committed(2))
    expect(at(snapshot)).toBe('stable')
    // Before v9 a leader is told of its old id, lest it assign.
    expect(done).toEqual([
      expect.objectContaining({
        request: 6,
        memberId: 'm6',
        leader: 'm1',
        generationId: 1,
        skipAssignment: false,
        members: [],
      }),
    ])
    expect(answers(step(machine, snapshot, sync(7, 'm6'))[1])).toEqual(['sync 7 assignment 11'])
    expect(heartbeatError(snapshot, request('m1', 'i1'))).toBe(errors.FENCED_INSTANCE_ID)
  })

  test('from v9 on a static leader that comes back leads, and need not assign (KIP-814)', () => {
    const back = join(6, { groupInstanceId: 'i1', skipsAssignment: true })
    const [, commands] = go(stableWithStatic(), back, committed(2))
    expect(of(commands, 'join.answer')).toEqual([
      expect.objectContaining({ leader: 'm6', skipAssignment: true }),
    ])
    expect(of(commands, 'join.answer')[0]?.members).toHaveLength(2)
  })

  test('where its new id could not be written, a static member has its old one again', () => {
    const waiting = to(stableWithStatic(), join(6, { groupInstanceId: 'i1', subscription: 8 }))
    const [snapshot, commands] = step(machine, waiting, commitFailed(2))
    expect(at(snapshot)).toBe('stable')
    expect(members(snapshot)).toEqual(['m1', 'm2'])
    expect(snapshot.context.leader).toBe('m1')
    expect(snapshot.context.members.m1).toMatchObject({ subscription: 1, join: null })
    expect(of(commands, 'join.answer')).toEqual([
      expect.objectContaining({ request: 6, errorCode: 15, memberId: '' }),
    ])
    expect(sessions(commands)).toEqual(['forget m6', 'expect m1 10000'])
  })

  test('replaced twice in a row, the first newcomer is fenced and the second answered', () => {
    const [snapshot, commands] = go(
      stableWithStatic(),
      join(6, { groupInstanceId: 'i1' }),
      join(7, { groupInstanceId: 'i1' }),
      committed(2),
      committed(3),
    )
    expect(answers(commands)).toEqual(['join 6 82', 'join 7 generation 1'])
    expect(snapshot.context.replacements).toEqual([])
    const [reverted] = go(
      stableWithStatic(),
      join(6, { groupInstanceId: 'i1' }),
      join(7, { groupInstanceId: 'i1' }),
      commitFailed(2),
    )
    expect(members(reverted)).toEqual(['m7', 'm2'])
  })

  test('a static member whose return changes the protocol begins a rebalance', () => {
    const back = join(6, { groupInstanceId: 'i1', protocols: ['roundrobin'] })
    const [snapshot, commands] = step(machine, stableWithStatic(), back)
    expect(at(snapshot)).toBe('preparingRebalance.joining')
    expect(of(commands, 'group.append')).toEqual([])
    const [formed, done] = step(machine, snapshot, join(7, { memberId: 'm2' }))
    expect(formed.context.protocolName).toBe('roundrobin')
    expect(answers(done)).toEqual(['join 6 generation 2', 'join 7 generation 2'])
  })

  test('a static return overtaken by a rebalance takes part in it', () => {
    const [snapshot, commands] = go(
      stableWithStatic(),
      join(6, { groupInstanceId: 'i1' }),
      join(7, { memberId: 'm2', subscription: 5 }),
      committed(2),
    )
    expect(at(snapshot)).toBe('completingRebalance')
    expect(answers(commands)).toEqual(['join 6 generation 2', 'join 7 generation 2'])
  })

  test.each<ConsumerGroupFact>([committed(9), commitFailed(9)])(
    '$type of another write changes nothing',
    fact => {
      const [snapshot, commands] = step(machine, stable(), fact)
      expect(at(snapshot)).toBe('stable')
      expect(commands).toEqual([])
    },
  )

  test('it cannot be deleted', () => {
    expect(() => step(machine, stable(), { type: 'group.deleted' })).toThrow(RefusedFact)
  })

  test('unloaded, it is dead', () => {
    const waiting = to(stableWithStatic(), join(6, { groupInstanceId: 'i1' }))
    const [snapshot, commands] = step(machine, waiting, { type: 'group.unloaded' })
    expect(at(snapshot)).toBe('dead')
    expect(answers(commands)).toEqual(['join 6 16'])
  })
})

// ─── Selectors ──────────────────────────────────────────────────────────────────────────────────

const request = (memberId: string, groupInstanceId: string | null = null, generationId = 1) => ({
  memberId,
  groupInstanceId,
  generationId,
})

test('every state has its name of Kafka', () => {
  const dead = to(empty(), { type: 'group.unloaded' })
  expect([empty(), joining(), completingPair(), stable(), dead].map(groupStateName)).toEqual([
    'Empty',
    'PreparingRebalance',
    'CompletingRebalance',
    'Stable',
    'Dead',
  ])
})

test('heartbeats are answered by state, member and generation', () => {
  expect(heartbeatError(empty(), request('m1'))).toBe(errors.UNKNOWN_MEMBER_ID)
  expect(heartbeatError(joining(), request('m1'))).toBe(errors.REBALANCE_IN_PROGRESS)
  expect(heartbeatError(completingPair(), request('m1'))).toBe(errors.NONE)
  expect(heartbeatError(stable(), request('m1'))).toBe(errors.NONE)
  expect(heartbeatError(stable(), request('m1', null, 2))).toBe(errors.ILLEGAL_GENERATION)
  expect(heartbeatError(stable(), request('ghost'))).toBe(errors.UNKNOWN_MEMBER_ID)
  expect(heartbeatError(stable(), request('m1', 'i9'))).toBe(errors.UNKNOWN_MEMBER_ID)
  expect(heartbeatError(stable(), request('constructor'))).toBe(errors.UNKNOWN_MEMBER_ID)
  const dead = to(stable(), { type: 'group.unloaded' })
  expect(heartbeatError(dead, request('m1'))).toBe(errors.COORDINATOR_NOT_AVAILABLE)
})

test('offsets are committed by members of the generation, or by anybody into an empty group', () => {
  const anybody = request('', null, -1)
  expect(commitError(empty(), anybody)).toBe(errors.NONE)
  expect(commitError(empty(), request('m1', null, -1))).toBe(errors.NONE)
  expect(commitError(empty(), request('m1'))).toBe(errors.UNKNOWN_MEMBER_ID)
  expect(commitError(stable(), anybody)).toBe(errors.UNKNOWN_MEMBER_ID)
  expect(commitError(stable(), request('m1', null, -1))).toBe(errors.ILLEGAL_GENERATION)
  expect(commitError(stable(), request('m1'))).toBe(errors.NONE)
  expect(commitError(stable(), request('m1', null, 0))).toBe(errors.ILLEGAL_GENERATION)
  expect(commitError(stableWithStatic(), request('m2', 'i1'))).toBe(errors.FENCED_INSTANCE_ID)
  expect(commitError(joining(), request('m1'))).toBe(errors.NONE)
  expect(commitError(completingPair(), request('m1'))).toBe(errors.REBALANCE_IN_PROGRESS)
  const dead = to(stable(), { type: 'group.unloaded' })
  expect(commitError(dead, request('m1'))).toBe(errors.COORDINATOR_NOT_AVAILABLE)
})

test('the numbers that stand for bytes are known, also those under way', () => {
  const writing = to(completingPair(), sync(4, 'm1', { assignments: { m1: 21, m2: 22 } }))
  expect([...new Set(references(writing).assignments)]).toEqual([0, 21, 22])
  const waiting = to(stableWithStatic(), join(6, { groupInstanceId: 'i1', subscription: 8 }))
  expect([...new Set(references(waiting).subscriptions)].sort()).toEqual([1, 8])
})

test('the context is plain JSON', () => {
  for (const snapshot of [joining(), completingPair(), stableWithStatic()])
    expect(JSON.parse(JSON.stringify(snapshot.context))).toEqual(snapshot.context)
})
