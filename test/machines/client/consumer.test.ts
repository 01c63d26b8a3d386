import { expect, test } from 'vitest'
import type { SnapshotFrom } from 'xstate'
import {
  type ConsumerFact,
  type ConsumerInput,
  consumerMachine as machine,
  membership,
} from '../../../machines/client/consumer.ts'
import { RefusedFact } from '../../../src/assert.ts'
import { errors } from '../../../src/error.ts'
import type { TopicPartition } from '../../../src/ids.ts'
import { begin, elapse, step } from '../../step.ts'

type Snapshot = SnapshotFrom<typeof machine>

const input: ConsumerInput = {
  groupId: 'billing',
  isStatic: false,
  isCooperative: false,
  heartbeatIntervalMs: 3000,
  retryBackoffMs: 100,
  retryBackoffMaxMs: 1000,
  leaveTimeoutMs: 5000,
}
const cooperative = { isCooperative: true }
const orders = (...partitions: number[]): TopicPartition[] =>
  partitions.map(partition => ({ topic: 'orders', partition }))

const found = (coordinatorId = 1): ConsumerFact => ({ type: 'coordinator.found', coordinatorId })
const missed = (errorCode: number): ConsumerFact => ({ type: 'coordinator.missed', errorCode })
const lost = (coordinatorId: number): ConsumerFact => ({ type: 'coordinator.lost', coordinatorId })

const unanswered = {
  memberId: 'm1',
  generationId: 5,
  assignor: 'range',
  isLeader: false,
}
/** The answers of the round a snapshot is in. */
const joinAnswer = (
  { context }: Snapshot,
  errorCode: number = errors.NONE,
  isLeader = false,
): ConsumerFact => ({
  type: 'join.answered',
  ...unanswered,
  round: context.round,
  errorCode,
  isLeader,
})
const syncAnswer = (
  { context }: Snapshot,
  partitions: readonly TopicPartition[],
  errorCode: number = errors.NONE,
): ConsumerFact => ({ type: 'sync.answered', round: context.round, errorCode, partitions })
const beatAnswer = ({ context }: Snapshot, errorCode: number): ConsumerFact => ({
  type: 'heartbeat.answered',
  round: context.round,
  errorCode,
})
const commitRefusal = ({ context }: Snapshot, errorCode: number): ConsumerFact => ({
  type: 'commit.refused',
  round: context.round,
  errorCode,
})
const revoked = ({ context }: Snapshot): ConsumerFact => ({
  type: 'partitions.revoked',
  revocation: context.revocation,
})

const finding = (more: Partial<ConsumerInput> = {}): Snapshot =>
  begin(machine, { ...input, ...more })[0]
const joining = (more: Partial<ConsumerInput> = {}): Snapshot =>
  step(machine, finding(more), found())[0]
const syncing = (more: Partial<ConsumerInput> = {}): Snapshot => {
  const before = joining(more)
  return step(machine, before, joinAnswer(before))[0]
}
const assigning = (more: Partial<ConsumerInput> = {}): Snapshot => {
  const before = joining(more)
  return step(machine, before, joinAnswer(before, errors.NONE, true))[0]
}
const stable = (more: Partial<ConsumerInput> = {}, partitions = orders(0, 1)): Snapshot => {
  const before = syncing(more)
  return step(machine, before, syncAnswer(before, partitions))[0]
}
const leading = (more: Partial<ConsumerInput> = {}): Snapshot => {
  const before = assigning(more)
  const [ready] = step(machine, before, {
    type: 'assignment.computed',
    round: before.context.round,
  })
  return step(machine, ready, syncAnswer(ready, orders(0, 1)))[0]
}
const beating = (more: Partial<ConsumerInput> = {}): Snapshot =>
  elapse(machine, stable(more), 'heartbeatInterval')[0]
const revoking = (): Snapshot => {
  const before = beating()
  return step(machine, before, beatAnswer(before, errors.REBALANCE_IN_PROGRESS))[0]
}
/** It was a member, and joins again. */
const rejoining = (): Snapshot => {
  const before = revoking()
  return step(machine, before, revoked(before))[0]
}
const failed = (): Snapshot => {
  const before = beating()
  return step(machine, before, beatAnswer(before, errors.FENCED_INSTANCE_ID))[0]
}
const departing = (more: Partial<ConsumerInput> = {}): Snapshot =>
  step(machine, stable(more), { type: 'close.requested' })[0]

const joined = (name: string, session = 'resting') => ({
  joined: { membership: name, session },
})
const loses = (...partitions: number[]) => ({
  type: 'partitions.lose',
  partitions: orders(...partitions),
})

test('it looks for its coordinator, then joins', () => {
  const [first, find] = begin(machine, input)
  expect(first.value).toEqual({ unjoined: 'findingCoordinator' })
  expect(find).toEqual([{ type: 'coordinator.find' }])
  const [snapshot, commands] = step(machine, first, found(2))
  expect(snapshot.value).toEqual({ unjoined: 'joining' })
  expect(commands).toEqual([
    {
      type: 'join.send',
      round: 0,
      coordinatorId: 2,
      memberId: '',
      generationId: -1,
      owned: [],
    },
  ])
})

test('a coordinator that is not to be found is looked for again; one that is forbidden is not', () => {
  const [waiting] = step(machine, finding(), missed(errors.COORDINATOR_NOT_AVAILABLE))
  expect(waiting.value).toEqual({ unjoined: 'backingOff' })
  const [again, commands] = elapse(machine, waiting, 'retryBackoff')
  expect(again.value).toEqual({ unjoined: 'findingCoordinator' })
  expect(commands).toEqual([{ type: 'coordinator.find' }])
  const [dead] = step(machine, finding(), missed(errors.GROUP_AUTHORIZATION_FAILED))
  expect(dead.value).toBe('failed')
})

test('it joins again with the id it is given first', () => {
  const before = joining()
  const answer = joinAnswer(before, errors.MEMBER_ID_REQUIRED)
  const [snapshot, commands] = step(machine, before, answer)
  expect(snapshot.value).toEqual({ unjoined: 'joining' })
  expect(commands).toMatchObject([{ type: 'join.send', round: 1, memberId: 'm1' }])
  expect(step(machine, snapshot, answer)[1]).toEqual([])
})

test('a follower syncs at once; the leader assigns first', () => {
  const before = joining()
  const [follower, sync] = step(machine, before, joinAnswer(before))
  expect(follower.value).toEqual(joined('syncing'))
  expect(sync).toMatchObject([
    { type: 'sync.send', memberId: 'm1', generationId: 5, assignor: 'range', isLeader: false },
  ])
  const [leader, compute] = step(machine, before, joinAnswer(before, errors.NONE, true))
  expect(leader.value).toEqual(joined('assigning'))
  const { round } = leader.context
  expect(compute).toEqual([{ type: 'assignment.compute', round, assignor: 'range' }])
  expect(step(machine, leader, { type: 'assignment.computed', round: 0 })[0].value).toEqual(
    joined('assigning'),
  )
  const [ready, sends] = step(machine, leader, { type: 'assignment.computed', round })
  expect(ready.value).toEqual(joined('syncing'))
  expect(sends).toMatchObject([{ type: 'sync.send', isLeader: true }])
})

test('a join that the coordinator is not ready for is tried again', () => {
  const before = joining()
  const [waiting] = step(machine, before, joinAnswer(before, errors.COORDINATOR_LOAD_IN_PROGRESS))
  expect(waiting.value).toEqual({ unjoined: 'pausing' })
  const [again, commands] = elapse(machine, waiting, 'retryBackoff')
  expect(again.value).toEqual({ unjoined: 'joining' })
  expect(commands).toMatchObject([{ type: 'join.send' }])
})

test('a join at the wrong coordinator, or a lost one, looks for the right one', () => {
  const before = joining()
  for (const code of [errors.NOT_COORDINATOR, errors.NETWORK_EXCEPTION, errors.REQUEST_TIMED_OUT]) {
    const [waiting] = step(machine, before, joinAnswer(before, code))
    expect(waiting.value).toEqual({ unjoined: 'backingOff' })
    expect(waiting.context.coordinatorId).toBe(-1)
    expect(elapse(machine, waiting, 'retryBackoff')[0].value).toEqual({
      unjoined: 'findingCoordinator',
    })
  }
})

test('an id the group does not know is given back', () => {
  const [named] = step(machine, joining(), joinAnswer(joining(), errors.MEMBER_ID_REQUIRED))
  const [waiting, commands] = step(machine, named, joinAnswer(named, errors.UNKNOWN_MEMBER_ID))
  expect(waiting.value).toEqual({ unjoined: 'pausing' })
  expect(waiting.context.memberId).toBe('')
  expect(commands).toEqual([loses()])
})

test('a join refused for good ends it', () => {
  const before = joining()
  const [snapshot, commands] = step(
    machine,
    before,
    joinAnswer(before, errors.INCONSISTENT_GROUP_PROTOCOL),
  )
  expect(snapshot.value).toBe('failed')
  expect(commands).toEqual([
    loses(),
    { type: 'failure.announce', errorCode: errors.INCONSISTENT_GROUP_PROTOCOL },
  ])
})

test('with its assignment it is stable', () => {
  const before = syncing()
  const [snapshot, commands] = step(machine, before, syncAnswer(before, orders(0, 1)))
  expect(snapshot.value).toEqual(joined('stable'))
  expect(commands).toEqual([
    { type: 'partitions.assign', added: orders(0, 1), assignment: orders(0, 1) },
  ])
  expect(membership(snapshot)).toMatchObject({ memberId: 'm1', generationId: 5 })
  expect(membership(joining())).toBe(null)
})

test('an assignment may be empty', () => {
  const before = syncing()
  const [snapshot, commands] = step(machine, before, syncAnswer(before, []))
  expect(snapshot.value).toEqual(joined('stable'))
  expect(commands).toEqual([{ type: 'partitions.assign', added: [], assignment: [] }])
})

test('a sync that is refused leads back to the join', () => {
  const before = syncing()
  const after = (code: number) => step(machine, before, syncAnswer(before, [], code))
  expect(after(errors.REBALANCE_IN_PROGRESS)[0].value).toEqual({ unjoined: 'joining' })
  expect(after(errors.REBALANCE_IN_PROGRESS)[0].context.memberId).toBe('m1')
  const [unknown, commands] = after(errors.UNKNOWN_MEMBER_ID)
  expect(unknown.value).toEqual({ unjoined: 'joining' })
  expect(commands).toMatchObject([loses(), { type: 'join.send', memberId: '', generationId: -1 }])
  const [old] = after(errors.ILLEGAL_GENERATION)
  expect(old.context).toMatchObject({ memberId: 'm1', generationId: -1 })
  expect(after(errors.NOT_COORDINATOR)[0].value).toEqual({ unjoined: 'backingOff' })
  expect(after(errors.COORDINATOR_LOAD_IN_PROGRESS)[0].value).toEqual({ unjoined: 'pausing' })
  expect(after(errors.GROUP_AUTHORIZATION_FAILED)[0].value).toBe('failed')
})

test('answers of a former round are dropped', () => {
  const before = stable()
  const stale: ConsumerFact[] = [
    { type: 'join.answered', ...unanswered, round: 0, errorCode: errors.NONE },
    { type: 'assignment.computed', round: 0 },
    { type: 'sync.answered', round: 0, errorCode: errors.UNKNOWN_MEMBER_ID, partitions: [] },
    { type: 'heartbeat.answered', round: 0, errorCode: errors.UNKNOWN_MEMBER_ID },
    { type: 'commit.refused', round: 0, errorCode: errors.UNKNOWN_MEMBER_ID },
    { type: 'commit.refused', round: 0, errorCode: errors.NOT_COORDINATOR },
    { type: 'partitions.revoked', revocation: 99 },
  ]
  for (const fact of stale)
    for (const at of [before, syncing(), beating(), departing(), revoking(), rejoining()]) {
      const [after, commands] = step(machine, at, fact)
      expect(after.value).toEqual(at.value)
      expect(commands).toEqual([])
    }
})

test('a heartbeat of a membership that is over is not heard in the next', () => {
  const before = elapse(machine, syncing(), 'heartbeatInterval')[0]
  const [waiting] = step(machine, before, syncAnswer(before, [], errors.NOT_COORDINATOR))
  expect(waiting.value).toEqual({ unjoined: 'backingOff' })
  expect(step(machine, waiting, beatAnswer(before, errors.NETWORK_EXCEPTION))[0].value).toEqual(
    waiting.value,
  )
})

test('heartbeats go out at their interval', () => {
  const [snapshot, commands] = elapse(machine, stable(), 'heartbeatInterval')
  expect(snapshot.value).toEqual(joined('stable', 'beating'))
  expect(commands).toMatchObject([
    { type: 'heartbeat.send', coordinatorId: 1, memberId: 'm1', generationId: 5 },
  ])
  const [resting] = step(machine, snapshot, beatAnswer(snapshot, errors.NONE))
  expect(resting.value).toEqual(joined('stable', 'resting'))
})

test('also while it syncs, assigns and revokes', () => {
  for (const before of [syncing(), assigning(), revoking()]) {
    const [, commands] = elapse(machine, before, 'heartbeatInterval')
    expect(commands).toMatchObject([{ type: 'heartbeat.send' }])
  }
})

test('when the group rebalances an eager member gives everything up, then joins', () => {
  const before = beating()
  const answer = beatAnswer(before, errors.REBALANCE_IN_PROGRESS)
  const [snapshot, commands] = step(machine, before, answer)
  expect(snapshot.value).toEqual(joined('revoking'))
  expect(commands).toEqual([{ type: 'partitions.revoke', revocation: 1, partitions: orders(0, 1) }])
  const [still] = step(machine, snapshot, { type: 'partitions.revoked', revocation: 0 })
  expect(still.value).toEqual(joined('revoking'))
  const [after, join] = step(machine, snapshot, revoked(snapshot))
  expect(after.value).toEqual({ unjoined: 'joining' })
  expect(join).toMatchObject([{ type: 'join.send', memberId: 'm1', owned: [] }])
})

test('a commit may be the first to hear of the rebalance', () => {
  const before = stable()
  const [eager] = step(machine, before, commitRefusal(before, errors.REBALANCE_IN_PROGRESS))
  expect(eager.value).toEqual(joined('revoking'))
  const other = stable(cooperative)
  const [joins] = step(machine, other, commitRefusal(other, errors.REBALANCE_IN_PROGRESS))
  expect(joins.value).toEqual({ unjoined: 'joining' })
})

test('a cooperative member joins with what it has', () => {
  const before = beating(cooperative)
  const answer = beatAnswer(before, errors.REBALANCE_IN_PROGRESS)
  const [snapshot, commands] = step(machine, before, answer)
  expect(snapshot.value).toEqual({ unjoined: 'joining' })
  expect(commands).toMatchObject([{ type: 'join.send', owned: orders(0, 1) }])
  expect(membership(snapshot)).toMatchObject({ generationId: 5 })
})

test('of a new assignment a cooperative member takes what is added and gives up what is left out', () => {
  const before = beating(cooperative)
  const [again] = step(machine, before, beatAnswer(before, errors.REBALANCE_IN_PROGRESS))
  const [sync] = step(machine, again, joinAnswer(again))
  const [snapshot, commands] = step(machine, sync, syncAnswer(sync, orders(1, 2)))
  expect(snapshot.value).toEqual(joined('revoking'))
  expect(commands).toEqual([
    { type: 'partitions.revoke', revocation: 1, partitions: orders(0) },
    { type: 'partitions.assign', added: orders(2), assignment: orders(1, 2) },
  ])
  const [after, join] = step(machine, snapshot, revoked(snapshot))
  expect(after.value).toEqual({ unjoined: 'joining' })
  expect(join).toMatchObject([{ owned: orders(1, 2) }])
})

test('what only adds leaves it stable', () => {
  const before = beating(cooperative)
  const [again] = step(machine, before, beatAnswer(before, errors.REBALANCE_IN_PROGRESS))
  const [sync] = step(machine, again, joinAnswer(again))
  const [snapshot] = step(machine, sync, syncAnswer(sync, orders(0, 1, 2)))
  expect(snapshot.value).toEqual(joined('stable'))
})

test('a member the group no longer knows loses everything and joins as another', () => {
  for (const before of [beating(), revoking()])
    for (const fact of [beatAnswer, commitRefusal]) {
      const [snapshot, commands] = step(machine, before, fact(before, errors.UNKNOWN_MEMBER_ID))
      expect(snapshot.value).toEqual({ unjoined: 'joining' })
      expect(commands).toMatchObject([loses(0, 1), { type: 'join.send', memberId: '' }])
    }
})

test('with an old generation it loses everything and keeps its id', () => {
  const before = beating()
  const [, commands] = step(machine, before, beatAnswer(before, errors.ILLEGAL_GENERATION))
  expect(commands).toMatchObject([
    loses(0, 1),
    { type: 'join.send', memberId: 'm1', generationId: -1 },
  ])
})

test('fenced it ends', () => {
  for (const before of [beating(), revoking(), stable()])
    for (const fact of [beatAnswer, commitRefusal]) {
      const [snapshot, commands] = step(machine, before, fact(before, errors.FENCED_INSTANCE_ID))
      expect(snapshot.value).toBe('failed')
      expect(commands).toEqual([
        loses(0, 1),
        { type: 'failure.announce', errorCode: errors.FENCED_INSTANCE_ID },
      ])
    }
})

test('while it gives up, or is about to sync, a rebalance is no news', () => {
  for (const before of [revoking(), syncing(), assigning()]) {
    const [after, commands] = step(
      machine,
      before,
      beatAnswer(before, errors.REBALANCE_IN_PROGRESS),
    )
    expect(after.value).toEqual(before.value)
    expect(commands).toEqual([])
  }
})

test('an odd refusal of a commit is the committer’s affair alone', () => {
  const before = stable()
  const [after] = step(machine, before, commitRefusal(before, errors.OFFSET_METADATA_TOO_LARGE))
  expect(after.value).toEqual(before.value)
})

test('a coordinator that moved or went is looked for; the membership stands', () => {
  const before = beating()
  const ways: ConsumerFact[] = [
    beatAnswer(before, errors.NOT_COORDINATOR),
    beatAnswer(before, errors.NETWORK_EXCEPTION),
    commitRefusal(before, errors.NOT_COORDINATOR),
    lost(1),
  ]
  for (const way of ways) {
    const [snapshot, commands] = step(machine, before, way)
    expect(snapshot.value).toEqual(joined('stable', 'finding'))
    expect(snapshot.context).toMatchObject({ coordinatorId: -1, owned: orders(0, 1) })
    expect(commands).toEqual([{ type: 'coordinator.find' }])
  }
  expect(step(machine, before, lost(2))[0].value).toEqual(before.value)
})

test('a found coordinator is told at once that the member lives', () => {
  const [searching] = step(machine, stable(), lost(1))
  const [snapshot, commands] = step(machine, searching, found(3))
  expect(snapshot.value).toEqual(joined('stable', 'beating'))
  expect(commands).toMatchObject([{ type: 'heartbeat.send', coordinatorId: 3 }])
})

test('the search goes on until it succeeds, or is forbidden', () => {
  const [searching] = step(machine, stable(), lost(1))
  const [waiting] = step(machine, searching, missed(errors.COORDINATOR_NOT_AVAILABLE))
  expect(waiting.value).toEqual(joined('stable', 'backingOff'))
  const [again, commands] = elapse(machine, waiting, 'retryBackoff')
  expect(again.value).toEqual(joined('stable', 'finding'))
  expect(commands).toEqual([{ type: 'coordinator.find' }])
  expect(step(machine, searching, missed(errors.GROUP_AUTHORIZATION_FAILED))[0].value).toBe(
    'failed',
  )
})

test('while it searches what the former coordinator says of itself is no news', () => {
  const [searching] = step(machine, stable(), lost(1))
  const [waiting] = step(machine, searching, missed(errors.COORDINATOR_NOT_AVAILABLE))
  for (const before of [searching, waiting])
    for (const fact of [
      beatAnswer(before, errors.NETWORK_EXCEPTION),
      commitRefusal(before, errors.NOT_COORDINATOR),
      lost(-1),
    ]) {
      const [after, commands] = step(machine, before, fact)
      expect(after.value).toEqual(before.value)
      expect(commands).toEqual([])
    }
})

test('what was found for a state that is over is dropped', () => {
  for (const before of [stable(), joining(), failed()])
    for (const fact of [found(9), missed(errors.COORDINATOR_NOT_AVAILABLE), lost(7)])
      expect(step(machine, before, fact)[0].value).toEqual(before.value)
})

test('a join over a connection that is gone hears of it by its answer', () => {
  expect(step(machine, joining(), lost(1))[0].value).toEqual({ unjoined: 'joining' })
})

test('when topics grow the leader makes the group rebalance; the others wait for that', () => {
  const [eager, commands] = step(machine, leading(), { type: 'topics.changed' })
  expect(eager.value).toEqual(joined('revoking'))
  expect(commands).toMatchObject([{ type: 'partitions.revoke' }])
  const [joins] = step(machine, leading(cooperative), { type: 'topics.changed' })
  expect(joins.value).toEqual({ unjoined: 'joining' })
  expect(step(machine, stable(), { type: 'topics.changed' })[0].value).toEqual(joined('stable'))
  expect(step(machine, joining(), { type: 'topics.changed' })[0].value).toEqual({
    unjoined: 'joining',
  })
})

test('an application that stalls costs it its membership, and gets it back when it goes on', () => {
  const [snapshot, commands] = step(machine, stable(), { type: 'processing.stalled' })
  expect(snapshot.value).toBe('stalled')
  expect(commands).toMatchObject([{ type: 'leave.send', memberId: 'm1' }, loses(0, 1)])
  expect(step(machine, snapshot, { type: 'leave.answered' })[0].value).toBe('stalled')
  const late = { type: 'partitions.revoked', revocation: 0 } as const
  expect(step(machine, snapshot, late)[0].value).toBe('stalled')
  const [again] = step(machine, snapshot, { type: 'processing.resumed' })
  expect(again.value).toEqual({ unjoined: 'joining' })
  const [closed] = step(machine, snapshot, { type: 'close.requested' })
  expect(closed.status).toBe('done')
})

test('a static member that stalls says nothing', () => {
  const [, commands] = step(machine, stable({ isStatic: true }), { type: 'processing.stalled' })
  expect(commands).toEqual([loses(0, 1)])
})

test('a stall that nothing hangs on is no news', () => {
  for (const before of [joining(), failed(), departing()]) {
    expect(step(machine, before, { type: 'processing.stalled' })[0].value).toEqual(before.value)
    expect(step(machine, before, { type: 'processing.resumed' })[0].value).toEqual(before.value)
  }
})

test('asked to close a member finishes its partitions, then leaves', () => {
  const [snapshot, commands] = step(machine, stable(), { type: 'close.requested' })
  expect(snapshot.value).toEqual(joined('departing'))
  expect(commands).toMatchObject([{ type: 'partitions.revoke', partitions: orders(0, 1) }])
  const [leaving, leave] = step(machine, snapshot, revoked(snapshot))
  expect(leaving.value).toBe('leaving')
  expect(leave).toMatchObject([{ type: 'leave.send', memberId: 'm1', coordinatorId: 1 }])
  const [closed, close] = step(machine, leaving, { type: 'leave.answered' })
  expect(closed.status).toBe('done')
  expect(close).toEqual([loses(), { type: 'consumer.close' }])
})

test('it waits only so long for its application, and for the answer to its goodbye', () => {
  const [leaving] = step(machine, departing(), { type: 'close.expired' })
  expect(leaving.value).toBe('leaving')
  const [closed, commands] = elapse(machine, leaving, 'leaveTimeout')
  expect(closed.status).toBe('done')
  expect(commands).toEqual([loses(0, 1), { type: 'consumer.close' }])
})

test('a static member, and one without a coordinator, close without a goodbye', () => {
  const before = departing({ isStatic: true })
  expect(step(machine, before, revoked(before))[0].status).toBe('done')
  const [searching] = step(machine, departing(), lost(1))
  expect(step(machine, searching, revoked(searching))[0].status).toBe('done')
})

test('while it departs nothing brings it back', () => {
  const before = departing()
  const facts: ConsumerFact[] = [
    { type: 'close.requested' },
    { type: 'assignment.computed', round: before.context.round },
    syncAnswer(before, orders(0)),
    beatAnswer(before, errors.REBALANCE_IN_PROGRESS),
    commitRefusal(before, errors.REBALANCE_IN_PROGRESS),
    { type: 'partitions.revoked', revocation: 0 },
  ]
  for (const fact of facts) expect(step(machine, before, fact)[0].value).toEqual(before.value)
})

test('one that is no member any more when it departs is closed', () => {
  const before = departing()
  for (const fact of [beatAnswer, commitRefusal]) {
    const [closed, commands] = step(machine, before, fact(before, errors.UNKNOWN_MEMBER_ID))
    expect(closed.status).toBe('done')
    expect(commands).toEqual([loses(0, 1), { type: 'consumer.close' }])
  }
})

test('asked to close before it is a member it gives up what it has, and goes', () => {
  const before = joining()
  const [snapshot, commands] = step(machine, before, { type: 'close.requested' })
  expect(snapshot.value).toBe('relinquishing')
  expect(commands).toEqual([{ type: 'partitions.revoke', revocation: 1, partitions: [] }])
  expect(step(machine, snapshot, { type: 'close.requested' })[0].value).toBe('relinquishing')
  expect(step(machine, snapshot, joinAnswer(before))[0].value).toBe('relinquishing')
  const stale = { type: 'partitions.revoked', revocation: 0 } as const
  expect(step(machine, snapshot, stale)[0].value).toBe('relinquishing')
  expect(step(machine, snapshot, revoked(snapshot))[0].status).toBe('done')
  expect(step(machine, snapshot, { type: 'close.expired' })[0].status).toBe('done')
})

test('one that joins again has a goodbye to say', () => {
  const before = beating(cooperative)
  const [again] = step(machine, before, beatAnswer(before, errors.REBALANCE_IN_PROGRESS))
  const [giving, commands] = step(machine, again, { type: 'close.requested' })
  expect(commands).toMatchObject([{ partitions: orders(0, 1) }])
  const [leaving] = step(machine, giving, revoked(giving))
  expect(leaving.value).toBe('leaving')
  for (const fact of [
    { type: 'close.requested' },
    { type: 'partitions.revoked', revocation: 1 },
    { type: 'partitions.discovered', partitions: [] },
  ] as const)
    expect(step(machine, leaving, fact)[0].value).toBe('leaving')
})

test('a failed one hears nothing more, and closes when asked to', () => {
  const before = failed()
  for (const fact of [
    { type: 'partitions.revoked', revocation: before.context.revocation },
    { type: 'close.expired' },
    { type: 'leave.answered' },
    { type: 'commit.refused', round: before.context.round, errorCode: errors.NOT_COORDINATOR },
  ] as const)
    expect(step(machine, before, fact)[0].value).toBe('failed')
  const [closed, commands] = step(machine, before, { type: 'close.requested' })
  expect(closed.status).toBe('done')
  expect(commands).toEqual([loses(), { type: 'consumer.close' }])
})

test('without a group all partitions are its own, and the new ones too', () => {
  const alone = finding({ groupId: null })
  expect(alone.value).toBe('alone')
  const discovered = (...partitions: number[]): ConsumerFact => ({
    type: 'partitions.discovered',
    partitions: orders(...partitions),
  })
  const [one, first] = step(machine, alone, discovered(0))
  expect(first).toEqual([{ type: 'partitions.assign', added: orders(0), assignment: orders(0) }])
  const [two, second] = step(machine, one, discovered(0, 1))
  expect(second).toEqual([
    { type: 'partitions.assign', added: orders(1), assignment: orders(0, 1) },
  ])
  const [closing] = step(machine, two, { type: 'close.requested' })
  expect(closing.value).toBe('relinquishing')
  expect(step(machine, closing, discovered(0, 1, 2))[0].value).toBe('relinquishing')
  expect(step(machine, closing, revoked(closing))[0].status).toBe('done')
})

test('an answer nobody waits for is refused', () => {
  const before = stable()
  expect(() => step(machine, before, joinAnswer(before))).toThrow(RefusedFact)
  expect(() => step(machine, before, syncAnswer(before, []))).toThrow(RefusedFact)
  expect(() =>
    step(machine, before, { type: 'assignment.computed', round: before.context.round }),
  ).toThrow(RefusedFact)
  expect(() => step(machine, before, revoked(before))).toThrow(RefusedFact)
  expect(() => step(machine, before, { type: 'seek.requested' } as never)).toThrow(RefusedFact)
  const waiting = joining()
  expect(() => step(machine, waiting, beatAnswer(waiting, errors.NONE))).toThrow(RefusedFact)
})
