import { describe, expect, test } from 'vitest'
import { offsetCommit } from '../../../actors/broker/api/08-offset-commit.ts'
import { offsetFetch } from '../../../actors/broker/api/09-offset-fetch.ts'
import { joinGroup } from '../../../actors/broker/api/11-join-group.ts'
import { heartbeat } from '../../../actors/broker/api/12-heartbeat.ts'
import { leaveGroup } from '../../../actors/broker/api/13-leave-group.ts'
import { syncGroup } from '../../../actors/broker/api/14-sync-group.ts'
import { describeGroups } from '../../../actors/broker/api/15-describe-groups.ts'
import { listGroups } from '../../../actors/broker/api/16-list-groups.ts'
import { deleteGroups } from '../../../actors/broker/api/42-delete-groups.ts'
import { offsetDelete } from '../../../actors/broker/api/47-offset-delete.ts'
import { errors } from '../../../src/error.ts'
import { partitionForGroup } from '../../../src/group/group-id.ts'
import { OffsetsLogReading } from '../../../src/group/offsets-log.ts'
import {
  DeleteGroups,
  DescribeGroups,
  Heartbeat,
  JoinGroup,
  LeaveGroup,
  ListGroups,
  OffsetCommit,
  OffsetDelete,
  OffsetFetch,
  type RequestDraftOf,
  SyncGroup,
} from '../../../src/protocol/index.ts'
import { encodeSubscription } from '../../../src/protocol/stored/consumer-protocol.ts'
import { type Asked, CoordinatorBench } from './coordinator-bench.ts'

// ─── The story's vocabulary ─────────────────────────────────────────────────────────────────────

const groupId = 'billing'
const bytes = (...values: number[]) => new Uint8Array(values)
const orders = { topics: ['orders'] }
const range = (subscription = encodeSubscription(orders)) => [
  { name: 'range', metadata: subscription },
]

const join = (
  bench: CoordinatorBench,
  request: Partial<RequestDraftOf<typeof JoinGroup>> = {},
  version = 3,
): Asked<typeof JoinGroup> =>
  bench.ask(JoinGroup, joinGroup, version, {
    groupId,
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 60_000,
    memberId: '',
    protocolType: 'consumer',
    protocols: range(),
    ...request,
  })

const sync = (
  bench: CoordinatorBench,
  memberId: string,
  assignments: Readonly<Record<string, Uint8Array>> = {},
  generationId = 1,
  version = 3,
): Asked<typeof SyncGroup> =>
  bench.ask(SyncGroup, syncGroup, version, {
    groupId,
    generationId,
    memberId,
    assignments: Object.entries(assignments).map(([memberId, assignment]) => ({
      memberId,
      assignment,
    })),
  })

const beat = (bench: CoordinatorBench, memberId: string, generationId = 1): number =>
  bench.ask(Heartbeat, heartbeat, 2, { groupId, generationId, memberId }).answer.errorCode

const commit = (
  bench: CoordinatorBench,
  offset: number,
  request: Partial<RequestDraftOf<typeof OffsetCommit>> = {},
  version = 7,
): Asked<typeof OffsetCommit> =>
  bench.ask(OffsetCommit, offsetCommit, version, {
    groupId,
    topics: [
      {
        name: 'orders',
        partitions: [{ partitionIndex: 0, committedOffset: offset, committedMetadata: 'note' }],
      },
    ],
    ...request,
  })
const codes = (asked: Asked<typeof OffsetCommit>) =>
  asked.answer.topics.flatMap(topic => topic.partitions.map(partition => partition.errorCode))

/** `orders-0:5` and so on; an error instead where there is one. */
function committed(bench: CoordinatorBench, requireStable = false): string[] | number {
  const { errorCode, topics } = bench.ask(OffsetFetch, offsetFetch, 7, {
    groupId,
    topics: null,
    requireStable,
  }).answer
  if (errorCode !== 0) return errorCode
  return topics.flatMap(({ name, partitions }) =>
    partitions.map(
      ({ partitionIndex, committedOffset, errorCode }) =>
        `${name}-${partitionIndex}:${errorCode || committedOffset}`,
    ),
  )
}

const describeGroup = (bench: CoordinatorBench, group = groupId) =>
  bench.ask(DescribeGroups, describeGroups, 5, { groups: [group] }).answer.groups[0]

const led = (overrides = {}) => new CoordinatorBench({ overrides }).lead().elapse(1)

/** A stable group of two; m1 leads. */
function pair(bench: CoordinatorBench): { m1: string; m2: string } {
  const first = join(bench)
  const second = join(bench, { protocols: range(encodeSubscription({ topics: ['orders'] })) })
  bench.elapse(1)
  const { memberId: m1, generationId } = first.answer
  const { memberId: m2 } = second.answer
  const waiting = sync(bench, m2, {}, generationId)
  sync(bench, m1, { [m1]: bytes(1), [m2]: bytes(2) }, generationId)
  expect(waiting.answer.assignment).toEqual(bytes(2))
  return { m1, m2 }
}

/** All that a new leader of the group's partition would read. */
function recorded(bench: CoordinatorBench) {
  const log = bench.replicas.logs[partitionForGroup(groupId, 4)]
  const read = log?.read(0, { maxBytes: 1e6, upToOffset: log.logEndOffset, minOneBatch: true })
  const reading = new OffsetsLogReading()
  if (read?.ok) reading.read(read.records)
  return reading.groups().find(group => group.groupId === groupId)
}

// ─── Whose groups ───────────────────────────────────────────────────────────────────────────────

describe('leading a partition of __consumer_offsets', () => {
  const all = (bench: CoordinatorBench) => ({
    join: join(bench).answer.errorCode,
    sync: sync(bench, 'm').answer.errorCode,
    heartbeat: beat(bench, 'm'),
    leave: bench.ask(LeaveGroup, leaveGroup, 3, { groupId, members: [{ memberId: 'm' }] }).answer
      .errorCode,
    commit: codes(commit(bench, 1)),
    fetch: committed(bench),
    describe: describeGroup(bench)?.errorCode,
    delete: bench.ask(DeleteGroups, deleteGroups, 1, { groupsNames: [groupId] }).answer.results[0]
      ?.errorCode,
    list: bench.ask(ListGroups, listGroups, 4, {}).answer.errorCode,
  })

  test('groups of partitions led elsewhere are coordinated elsewhere', () => {
    expect(all(new CoordinatorBench())).toEqual({
      join: 16,
      sync: 16,
      heartbeat: 16,
      leave: 16,
      commit: [16],
      fetch: 16,
      describe: 16,
      delete: 16,
      list: 0,
    })
  })

  test('while a partition is read, clients wait; heartbeats pass, and who syncs joins again', () => {
    const bench = new CoordinatorBench().lead()
    expect(all(bench)).toEqual({
      join: 14,
      sync: 27,
      heartbeat: 0,
      leave: 14,
      commit: [14],
      fetch: 14,
      describe: 14,
      delete: 14,
      list: 14,
    })
    bench.elapse(1)
    expect(committed(bench)).toEqual([])
    expect(bench.ask(ListGroups, listGroups, 4, {}).answer.errorCode).toBe(0)
  })

  test('a coordinator that stops answers for nothing', () => {
    const bench = led()
    const waiting = join(bench)
    bench.groups.stop()
    expect(waiting.answer.errorCode).toBe(errors.NOT_COORDINATOR)
    expect(all(bench)).toMatchObject({ join: 15, fetch: 15, list: 15 })
    expect(bench.timeline.size).toBe(0)
  })

  test('losing it sends away who waits, and stops the groups', () => {
    const bench = led()
    const { m2 } = pair(bench)
    const joining = join(bench)
    const syncing = sync(bench, m2, {}, 1)
    expect(joining.isAnswered).toBe(false)
    expect(syncing.answer.errorCode).toBe(errors.REBALANCE_IN_PROGRESS)
    expect([...bench.registry.roots.keys()]).toEqual(['broker-1/group/billing'])
    bench.role(partitionForGroup(groupId, 4), 'follower', 2)
    expect(joining.answer.errorCode).toBe(errors.NOT_COORDINATOR)
    expect([...bench.registry.roots.keys()]).toEqual([])
    expect(beat(bench, m2)).toBe(errors.NOT_COORDINATOR)
    expect(bench.failures).toEqual([])
  })

  test('what comes late of an older leader epoch changes nothing', () => {
    const bench = led()
    const { m1 } = pair(bench)
    const partition = partitionForGroup(groupId, 4)
    bench.role(partition, 'leader', 1)
    bench.role(partition, 'leader', 5)
    bench.role(partition, 'follower', 3)
    expect(beat(bench, m1)).toBe(0)
    bench.role(partition, 'follower', 6)
    bench.role(partition, 'leader', 5)
    bench.elapse(1)
    expect(beat(bench, m1)).toBe(errors.NOT_COORDINATOR)
    bench.role(partition, 'leader', 7)
    bench.elapse(1)
    expect(beat(bench, m1)).toBe(0)
    bench.role(partition, 'offline', -1)
    expect(beat(bench, m1)).toBe(errors.NOT_COORDINATOR)
  })

  test('losing it while it is read ends the reading', () => {
    const bench = new CoordinatorBench().lead()
    for (const partition of [0, 1, 2, 3]) bench.role(partition, 'follower', 2)
    bench.elapse(10)
    expect(beat(bench, 'm')).toBe(errors.NOT_COORDINATOR)
    expect(bench.trace.kept.filter(entry => entry.type === 'groups.loaded')).toEqual([])
  })

  test('the next coordinator knows members, generation, assignments and offsets', () => {
    const before = led()
    const { m1, m2 } = pair(before)
    expect(codes(commit(before, 42, { generationIdOrMemberEpoch: 1, memberId: m1 }))).toEqual([0])
    const after = new CoordinatorBench({ replicas: before.replicas, brokerId: 2 }).lead()
    after.elapse(1)
    expect(beat(after, m1)).toBe(0)
    expect(beat(after, m2, 2)).toBe(errors.ILLEGAL_GENERATION)
    expect(committed(after)).toEqual(['orders-0:42'])
    expect(sync(after, m2).answer.assignment).toEqual(bytes(2))
    expect(describeGroup(after)).toEqual(describeGroup(before))
    // A follower that says what it said before need not rebalance.
    expect(join(after, { memberId: m2 }).answer).toMatchObject({ errorCode: 0, generationId: 1 })
    after.elapse(10_100)
    expect(describeGroup(after)).toMatchObject({ groupState: 'Empty', members: [] })
  })

  test('a long log is read in portions, with other work in between', () => {
    const before = led()
    for (let offset = 0; offset < 50; offset++) commit(before, offset)
    const after = new CoordinatorBench({
      replicas: before.replicas,
      overrides: { 'offsets.load.buffer.size': 100 },
    }).lead()
    let turns = 0
    while (committed(after) === 14) {
      after.timeline.runNext()
      turns++
    }
    expect(turns).toBeGreaterThan(50)
    expect(committed(after)).toEqual(['orders-0:49'])
  })
})

// ─── Rebalances ─────────────────────────────────────────────────────────────────────────────────

describe('a group', () => {
  test('of two: both join, the leader hears of both, each gets what the leader gave it', () => {
    const bench = led()
    const first = join(bench)
    const second = join(bench)
    expect(first.isAnswered).toBe(false)
    bench.elapse(1)
    const { memberId, leader, members, generationId, protocolName } = first.answer
    expect(memberId).toMatch(/^client-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-/)
    expect({ leader, generationId, protocolName }).toEqual({
      leader: memberId,
      generationId: 1,
      protocolName: 'range',
    })
    expect(members.map(member => member.memberId)).toEqual([memberId, second.answer.memberId])
    expect(members[0]?.metadata).toEqual(encodeSubscription(orders))
    expect(second.answer).toMatchObject({ leader: memberId, members: [] })
  })

  test('hands nothing out before the in-sync replicas have it', () => {
    const bench = led()
    const joined = join(bench)
    bench.elapse(1)
    bench.outcome = 'hold'
    const { memberId } = joined.answer
    const waiting = sync(bench, memberId, { [memberId]: bytes(9) })
    expect(waiting.isAnswered).toBe(false)
    expect(beat(bench, memberId)).toBe(0)
    expect(codes(commit(bench, 1, { generationIdOrMemberEpoch: 1, memberId }))).toEqual([27])
    bench.release()
    expect(waiting.answer.assignment).toEqual(bytes(9))
    expect(recorded(bench)?.stored).toMatchObject({
      generation: 1,
      protocolType: 'consumer',
      protocol: 'range',
      leader: memberId,
      members: [
        {
          memberId,
          clientId: 'client',
          clientHost: '/127.0.0.1',
          sessionTimeout: 10_000,
          rebalanceTimeout: 60_000,
          subscription: encodeSubscription(orders),
          assignment: bytes(9),
        },
      ],
    })
  })

  test.each([
    [errors.NOT_ENOUGH_REPLICAS, errors.COORDINATOR_NOT_AVAILABLE],
    [errors.NOT_LEADER_OR_FOLLOWER, errors.NOT_COORDINATOR],
    [errors.REQUEST_TIMED_OUT, errors.REBALANCE_IN_PROGRESS],
    [errors.MESSAGE_TOO_LARGE, errors.UNKNOWN_SERVER_ERROR],
  ])(
    'whose generation cannot be written (%i) tells its members %i and begins anew',
    (why, told) => {
      const bench = led()
      const joined = join(bench)
      bench.elapse(1)
      bench.outcome = why
      expect(sync(bench, joined.answer.memberId).answer.errorCode).toBe(told)
      expect(beat(bench, joined.answer.memberId)).toBe(errors.REBALANCE_IN_PROGRESS)
    },
  )

  test('waits for more members at first, as long as they come', () => {
    const bench = led({ 'group.initial.rebalance.delay.ms': 3000 })
    const first = join(bench)
    bench.elapse(2999)
    const second = join(bench)
    bench.elapse(2)
    expect(first.isAnswered).toBe(false)
    bench.elapse(3000)
    expect(first.answer.members).toHaveLength(2)
    expect(second.isAnswered).toBe(true)
  })

  test('goes on without a member that is silent, and keeps one that is not', () => {
    const bench = led()
    const { m1, m2 } = pair(bench)
    for (let i = 0; i < 5; i++) {
      bench.elapse(3000)
      beat(bench, m1)
    }
    expect(beat(bench, m1)).toBe(errors.REBALANCE_IN_PROGRESS)
    expect(beat(bench, m2)).toBe(errors.UNKNOWN_MEMBER_ID)
    const again = join(bench, { memberId: m1 })
    expect(again.answer).toMatchObject({ errorCode: 0, generationId: 2 })
  })

  test('goes on without a member that did not come back in time', () => {
    const bench = led()
    const { m1, m2 } = pair(bench)
    const again = join(bench, { memberId: m1 })
    for (let i = 0; i < 20; i++) {
      bench.elapse(3000)
      beat(bench, m2)
    }
    expect(again.answer).toMatchObject({ generationId: 2, leader: m1 })
    expect(again.answer.members).toHaveLength(1)
    expect(beat(bench, m2)).toBe(errors.UNKNOWN_MEMBER_ID)
  })

  test('goes on without members that never fetch their assignment', () => {
    const bench = led()
    const first = join(bench)
    const second = join(bench)
    bench.elapse(1)
    const { memberId: m1 } = first.answer
    const { memberId: m2 } = second.answer
    sync(bench, m1)
    for (let i = 0; i < 20; i++) {
      bench.elapse(3000)
      for (const memberId of [m1, m2]) beat(bench, memberId)
    }
    expect(beat(bench, m2)).toBe(errors.UNKNOWN_MEMBER_ID)
    expect(beat(bench, m1)).toBe(errors.REBALANCE_IN_PROGRESS)
  })

  test('gives new members their ids first (v4)', () => {
    const bench = led()
    const { errorCode, memberId } = join(bench, {}, 4).answer
    expect(errorCode).toBe(errors.MEMBER_ID_REQUIRED)
    const joined = join(bench, { memberId }, 4)
    bench.elapse(1)
    expect(joined.answer).toMatchObject({ errorCode: 0, memberId })
    expect(join(bench, { memberId: 'ghost' }, 4).answer.errorCode).toBe(25)
  })

  test('begins with somebody who has no id: one that names an id comes too late', () => {
    expect(join(led(), { memberId: 'ghost' }).answer.errorCode).toBe(errors.UNKNOWN_MEMBER_ID)
  })

  test.each([
    [{ groupId: '' }, errors.INVALID_GROUP_ID],
    [{ sessionTimeoutMs: 5999 }, errors.INVALID_SESSION_TIMEOUT],
    [{ sessionTimeoutMs: 1_800_001 }, errors.INVALID_SESSION_TIMEOUT],
    [{ protocols: [] }, errors.INCONSISTENT_GROUP_PROTOCOL],
    [{ protocolType: '' }, errors.INCONSISTENT_GROUP_PROTOCOL],
  ])('refuses %j', (request, errorCode) => {
    expect(join(led(), request).answer.errorCode).toBe(errorCode)
  })

  test('a member that leaves is let go of at once; an admin may take several out', () => {
    const bench = led()
    const { m1, m2 } = pair(bench)
    const ask = (version: number, request: Partial<RequestDraftOf<typeof LeaveGroup>>) =>
      bench.ask(LeaveGroup, leaveGroup, version, { groupId, ...request }).answer
    expect(ask(2, { memberId: 'ghost' }).errorCode).toBe(errors.UNKNOWN_MEMBER_ID)
    expect(ask(2, { memberId: m2 }).errorCode).toBe(errors.NONE)
    expect(beat(bench, m1)).toBe(errors.REBALANCE_IN_PROGRESS)
    const left = ask(5, { members: [{ memberId: m1, reason: 'tired' }, { memberId: m2 }] })
    expect(left.errorCode).toBe(errors.NONE)
    expect(left.members.map(member => member.errorCode)).toEqual([0, 25])
    expect(describeGroup(bench)).toMatchObject({ groupState: 'Empty' })
    expect(recorded(bench)?.stored).toMatchObject({ generation: 2, members: [], protocol: null })
    const nobody = bench.ask(LeaveGroup, leaveGroup, 3, {
      groupId: 'nobody',
      members: [{ memberId: 'm' }],
    })
    expect(nobody.answer).toMatchObject({ errorCode: 0, members: [{ errorCode: 25 }] })
  })

  test('a static member that restarts has its assignment again, over coordinators too', () => {
    const before = led()
    const first = join(before, { groupInstanceId: 'i1' }, 5)
    before.elapse(1)
    const { memberId: old } = first.answer
    expect(old).toMatch(/^i1-/)
    const handed = before.ask(SyncGroup, syncGroup, 3, {
      groupId,
      generationId: 1,
      memberId: old,
      groupInstanceId: 'i1',
      assignments: [{ memberId: old, assignment: bytes(7) }],
    })
    expect(handed.answer.assignment).toEqual(bytes(7))
    const back = join(before, { groupInstanceId: 'i1' }, 9)
    const { memberId, skipAssignment, leader } = back.answer
    expect({ skipAssignment, leader }).toEqual({ skipAssignment: true, leader: memberId })
    const beatOf = (bench: CoordinatorBench, memberId: string) =>
      bench.ask(Heartbeat, heartbeat, 4, {
        groupId,
        generationId: 1,
        memberId,
        groupInstanceId: 'i1',
      }).answer.errorCode
    expect(beatOf(before, old)).toBe(errors.FENCED_INSTANCE_ID)
    expect(sync(before, memberId).answer.assignment).toEqual(bytes(7))
    const after = new CoordinatorBench({ replicas: before.replicas, brokerId: 2 }).lead().elapse(1)
    expect(beatOf(after, memberId)).toBe(0)
    expect(beatOf(after, old)).toBe(errors.FENCED_INSTANCE_ID)
    // Before v9 it is told of the leader that was.
    const again = join(after, { groupInstanceId: 'i1' }, 8)
    expect(again.answer).toMatchObject({ errorCode: 0, leader: memberId, skipAssignment: false })
  })

  test('a member that gave up is answered into the void', () => {
    const bench = led()
    const first = join(bench)
    const second = join(bench)
    second.giveUp()
    bench.elapse(1)
    expect(first.answer.members).toHaveLength(2)
    expect(second.isAnswered).toBe(false)
    expect(bench.failures).toEqual([])
  })

  test('members of v0 have one timeout for both; their protocol has a name even in a refusal', () => {
    const bench = led()
    const joined = join(bench, { rebalanceTimeoutMs: -1 }, 0)
    expect(join(bench, { protocolType: 'connect' }, 0).answer.protocolName).toBe('')
    expect(join(bench, { protocolType: 'connect' }, 7).answer.protocolName).toBeNull()
    bench.elapse(1)
    expect(joined.answer.errorCode).toBe(0)
    const { memberId } = joined.answer
    sync(bench, memberId)
    expect(recorded(bench)?.stored?.members[0]).toMatchObject({ rebalanceTimeout: 10_000 })
  })

  test('a SyncGroup of v5 names its protocol', () => {
    const bench = led()
    const { m1 } = pair(bench)
    const ask = (protocolType: string | null, protocolName: string | null) =>
      bench.ask(SyncGroup, syncGroup, 5, {
        groupId,
        generationId: 1,
        memberId: m1,
        protocolType,
        protocolName,
        assignments: [],
      }).answer
    expect(ask(null, null).errorCode).toBe(errors.INCONSISTENT_GROUP_PROTOCOL)
    expect(ask('consumer', 'sticky').errorCode).toBe(errors.INCONSISTENT_GROUP_PROTOCOL)
    expect(ask('consumer', 'range')).toMatchObject({
      errorCode: 0,
      protocolType: 'consumer',
      protocolName: 'range',
      assignment: bytes(1),
    })
  })

  test('remembers no bytes that nobody needs', () => {
    const bench = led()
    const { m1, m2 } = pair(bench)
    const group = () => describeGroup(bench)
    bench.ask(LeaveGroup, leaveGroup, 2, { groupId, memberId: m2 })
    for (let generation = 2; generation < 60; generation++) {
      const metadata = encodeSubscription({ topics: [`t${generation}`] })
      const again = join(bench, { memberId: m1, protocols: range(metadata) })
      bench.elapse(1)
      expect(again.answer.generationId).toBe(generation)
      sync(bench, m1, { [m1]: bytes(generation) }, generation)
    }
    expect(group()?.members[0]?.memberMetadata).toEqual(encodeSubscription({ topics: ['t59'] }))
    expect(group()?.members[0]?.memberAssignment).toEqual(bytes(59))
  })
})

// ─── Offsets ────────────────────────────────────────────────────────────────────────────────────

describe('committed offsets', () => {
  test('of a consumer that manages itself: anybody may commit into a group without members', () => {
    const bench = led()
    expect(codes(commit(bench, 5))).toEqual([0])
    expect(committed(bench)).toEqual(['orders-0:5'])
    expect(codes(commit(bench, 6, { generationIdOrMemberEpoch: 1, memberId: 'm' }))).toEqual([25])
    const stranger = { groupId: 'other', generationIdOrMemberEpoch: 1, memberId: 'm' }
    expect(codes(commit(bench, 6, stranger))).toEqual([22])
    // The group may have no name; other APIs refuse that.
    expect(codes(commit(bench, 6, { groupId: '' }))).toEqual([0])
  })

  test('of a member: only of the generation there is', () => {
    const bench = led()
    const { m1 } = pair(bench)
    expect(codes(commit(bench, 5, { generationIdOrMemberEpoch: 1, memberId: m1 }))).toEqual([0])
    expect(codes(commit(bench, 5, { generationIdOrMemberEpoch: 0, memberId: m1 }))).toEqual([22])
    expect(codes(commit(bench, 5))).toEqual([25])
    expect(
      codes(commit(bench, 5, { generationIdOrMemberEpoch: 1, memberId: m1, groupInstanceId: 'i' })),
    ).toEqual([25])
  })

  test('a commit is a sign of life', () => {
    const bench = led()
    const { m1, m2 } = pair(bench)
    for (let i = 0; i < 5; i++) {
      bench.elapse(3000)
      for (const memberId of [m1, m2]) commit(bench, i, { generationIdOrMemberEpoch: 1, memberId })
    }
    expect(describeGroup(bench)).toMatchObject({ groupState: 'Stable' })
  })

  test('count when the in-sync replicas have them, and are answered then', () => {
    const bench = led()
    commit(bench, 1)
    bench.outcome = 'hold'
    const waiting = commit(bench, 2)
    expect(waiting.isAnswered).toBe(false)
    expect(committed(bench)).toEqual(['orders-0:1'])
    expect(committed(bench, true)).toEqual([`orders-0:${errors.UNSTABLE_OFFSET_COMMIT}`])
    bench.release()
    expect(codes(waiting)).toEqual([0])
    expect(committed(bench, true)).toEqual(['orders-0:2'])
    const failing = commit(bench, 3)
    bench.release(errors.REQUEST_TIMED_OUT)
    expect(codes(failing)).toEqual([errors.REQUEST_TIMED_OUT])
    expect(committed(bench)).toEqual(['orders-0:2'])
  })

  test('count also where the client did not wait for it', () => {
    const bench = led()
    bench.outcome = 'hold'
    commit(bench, 1).giveUp()
    bench.release()
    expect(committed(bench, true)).toEqual(['orders-0:1'])
  })

  test.each([
    [errors.NOT_ENOUGH_REPLICAS, errors.COORDINATOR_NOT_AVAILABLE],
    [errors.NOT_LEADER_OR_FOLLOWER, errors.NOT_COORDINATOR],
    [errors.MESSAGE_TOO_LARGE, errors.INVALID_COMMIT_OFFSET_SIZE],
  ])('that cannot be written (%i) are answered with %i', (why, told) => {
    const bench = led()
    bench.outcome = why
    expect(codes(commit(bench, 1))).toEqual([told])
    expect(committed(bench)).toEqual([])
  })

  test('each partition has its own error; what fits is committed', () => {
    const bench = led({ 'offset.metadata.max.bytes': 4 })
    const topics = [
      {
        name: 'orders',
        partitions: [
          { partitionIndex: 0, committedOffset: 1, committedMetadata: 'four' },
          { partitionIndex: 1, committedOffset: 1, committedMetadata: 'five!' },
          { partitionIndex: 9, committedOffset: 1, committedMetadata: null },
        ],
      },
      {
        name: 'nowhere',
        partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: null }],
      },
    ]
    expect(codes(commit(bench, 0, { topics }))).toEqual([0, 12, 3, 3])
    expect(committed(bench)).toEqual(['orders-0:1'])
    const none = [{ name: 'nowhere', partitions: topics[1]?.partitions ?? [] }]
    expect(codes(commit(bench, 0, { topics: none }))).toEqual([3])
  })

  test('come back with leader epoch and metadata', () => {
    const bench = led()
    commit(bench, 0, {
      topics: [
        {
          name: 'orders',
          partitions: [
            {
              partitionIndex: 3,
              committedOffset: 8,
              committedLeaderEpoch: 5,
              committedMetadata: 'x',
            },
          ],
        },
      ],
    })
    const asked = [{ name: 'orders', partitionIndexes: [3, 4] }]
    const { topics } = bench.ask(OffsetFetch, offsetFetch, 5, { groupId, topics: asked }).answer
    const expected = [
      {
        name: 'orders',
        partitions: [
          {
            partitionIndex: 3,
            committedOffset: 8,
            committedLeaderEpoch: 5,
            metadata: 'x',
            errorCode: 0,
          },
          {
            partitionIndex: 4,
            committedOffset: -1,
            committedLeaderEpoch: -1,
            metadata: '',
            errorCode: 0,
          },
        ],
      },
    ]
    expect(topics).toEqual(expected)
    const many = bench.ask(OffsetFetch, offsetFetch, 8, {
      groups: [
        { groupId, topics: asked },
        { groupId: 'nobody', topics: null },
        { groupId, topics: null },
      ],
    }).answer.groups
    expect(many.map(group => [group.groupId, group.errorCode])).toEqual([
      [groupId, 0],
      ['nobody', 0],
      [groupId, 0],
    ])
    expect(many[0]?.topics).toEqual(expected)
    expect(many[1]?.topics).toEqual([])
    expect(many[2]?.topics[0]?.partitions).toHaveLength(1)
  })

  test('v1 tells what is wrong with the group in each partition', () => {
    const asked = [{ name: 'orders', partitionIndexes: [3] }]
    const { topics } = new CoordinatorBench().ask(OffsetFetch, offsetFetch, 1, {
      groupId,
      topics: asked,
    }).answer
    expect(topics[0]?.partitions[0]).toMatchObject({ committedOffset: -1, errorCode: 16 })
  })

  const week = 7 * 24 * 3600 * 1000

  test('of a group that is empty go when it has been for so long, and the group with them', () => {
    const bench = led({
      'offsets.retention.minutes': 1,
      'offsets.retention.check.interval.ms': 1000,
    })
    const { m1, m2 } = pair(bench)
    commit(bench, 5, { generationIdOrMemberEpoch: 1, memberId: m1 })
    for (let i = 0; i < 40; i++) {
      bench.elapse(3000)
      for (const memberId of [m1, m2]) expect(beat(bench, memberId)).toBe(0)
    }
    bench.ask(LeaveGroup, leaveGroup, 3, { groupId, members: [{ memberId: m1 }, { memberId: m2 }] })
    bench.elapse(59_000)
    expect(committed(bench)).toEqual(['orders-0:5'])
    bench.elapse(2000)
    expect(committed(bench)).toEqual([])
    expect(describeGroup(bench)).toMatchObject({ groupState: 'Dead', errorCode: 0 })
    expect(recorded(bench)).toBeUndefined()
    expect([...bench.registry.roots.keys()]).toEqual([])
    expect(bench.failures).toEqual([])
  })

  test('of a stable group stay as long as somebody subscribes to their topic', () => {
    const bench = led({
      'offsets.retention.minutes': 1,
      'offsets.retention.check.interval.ms': 1000,
    })
    const { m1, m2 } = pair(bench)
    const partitions = [{ partitionIndex: 0, committedOffset: 5, committedMetadata: null }]
    commit(bench, 5, {
      generationIdOrMemberEpoch: 1,
      memberId: m1,
      topics: ['orders', 'payments'].map(name => ({ name, partitions })),
    })
    for (let i = 0; i < 40; i++) {
      bench.elapse(3000)
      for (const memberId of [m1, m2]) beat(bench, memberId)
    }
    expect(committed(bench)).toEqual(['orders-0:5'])
  })

  test('of a consumer that manages itself go a week after each commit', () => {
    const bench = led()
    commit(bench, 5)
    bench.elapse(week / 2)
    commit(bench, 7, {
      topics: [
        {
          name: 'payments',
          partitions: [{ partitionIndex: 1, committedOffset: 7, committedMetadata: null }],
        },
      ],
    })
    bench.elapse(week / 2 + 1_200_000)
    expect(committed(bench)).toEqual(['payments-1:7'])
    bench.elapse(week / 2)
    expect(recorded(bench)).toBeUndefined()
  })

  test('with a retention of their own go after that (v2 to v4)', () => {
    const bench = led()
    commit(bench, 5, { retentionTimeMs: 60_000 }, 3)
    bench.elapse(600_000)
    expect(committed(bench)).toEqual([])
  })

  test('go with their topic', () => {
    const bench = led()
    commit(bench, 5)
    bench.groups.partitionsDeleted([{ topic: 'orders', partition: 0 }])
    expect(committed(bench)).toEqual([])
    expect(recorded(bench)).toBeUndefined()
  })

  test('are deleted by an admin, but not under a consumer', () => {
    const bench = led()
    const ask = (name: string, partitionIndex = 0, group = groupId) =>
      bench.ask(OffsetDelete, offsetDelete, 0, {
        groupId: group,
        topics: [{ name, partitions: [{ partitionIndex }] }],
      }).answer
    expect(ask('orders').errorCode).toBe(errors.GROUP_ID_NOT_FOUND)
    const { m1 } = pair(bench)
    commit(bench, 5, { generationIdOrMemberEpoch: 1, memberId: m1 })
    const code = (answer: ReturnType<typeof ask>) => answer.topics[0]?.partitions[0]?.errorCode
    expect(code(ask('orders'))).toBe(errors.GROUP_SUBSCRIBED_TO_TOPIC)
    expect(code(ask('payments'))).toBe(errors.NONE)
    expect(code(ask('orders', 9))).toBe(errors.UNKNOWN_TOPIC_OR_PARTITION)
    expect(committed(bench)).toEqual(['orders-0:5'])
    commit(bench, 5, { groupId: 'simple' })
    expect(code(ask('orders', 0, 'simple'))).toBe(errors.NONE)
    expect(describeGroup(bench, 'simple')).toMatchObject({ groupState: 'Dead' })
  })

  test('are not deleted under members that say nothing of topics', () => {
    const bench = led()
    const joined = join(bench, { protocolType: 'connect' })
    bench.elapse(1)
    sync(bench, joined.answer.memberId)
    const answer = bench.ask(OffsetDelete, offsetDelete, 0, {
      groupId,
      topics: [{ name: 'orders', partitions: [{ partitionIndex: 0 }] }],
    }).answer
    expect(answer).toMatchObject({ errorCode: errors.NON_EMPTY_GROUP, topics: [] })
  })
})

// ─── Admins ─────────────────────────────────────────────────────────────────────────────────────

describe('an admin', () => {
  test('sees members with what they subscribe to and are assigned, once the group is stable', () => {
    const bench = led()
    const { m1, m2 } = pair(bench)
    expect(describeGroup(bench)).toMatchObject({
      errorCode: 0,
      groupState: 'Stable',
      protocolType: 'consumer',
      protocolData: 'range',
      members: [
        {
          memberId: m1,
          clientId: 'client',
          clientHost: '/127.0.0.1',
          memberMetadata: encodeSubscription(orders),
          memberAssignment: bytes(1),
        },
        { memberId: m2, memberAssignment: bytes(2) },
      ],
    })
    join(bench)
    const rebalancing = describeGroup(bench)
    expect(rebalancing).toMatchObject({ groupState: 'PreparingRebalance', protocolData: '' })
    expect(rebalancing?.members.map(member => member.memberMetadata.length)).toEqual([0, 0, 0])
    const { groups } = bench.ask(DescribeGroups, describeGroups, 3, {
      groups: [groupId, 'nobody', ''],
      includeAuthorizedOperations: true,
    }).answer
    expect(groups.map(group => [group.groupState, group.authorizedOperations])).toEqual([
      ['PreparingRebalance', 328],
      ['Dead', 328],
      ['Dead', 328],
    ])
    expect(describeGroup(bench)?.authorizedOperations).toBe(-2147483648)
  })

  test('lists groups by state and type', () => {
    const bench = led()
    pair(bench)
    commit(bench, 1, { groupId: 'simple' })
    const ask = (version: number, filter = {}) =>
      bench
        .ask(ListGroups, listGroups, version, filter)
        .answer.groups.map(group => [group.groupId, group.protocolType, group.groupState].join(' '))
    expect(ask(4)).toEqual(['billing consumer Stable', 'simple  Empty'])
    expect(ask(4, { statesFilter: ['stable'] })).toEqual(['billing consumer Stable'])
    expect(ask(4, { statesFilter: ['Dead', 'nonsense'] })).toEqual([])
    expect(ask(5, { typesFilter: ['CLASSIC'] })).toHaveLength(2)
    expect(ask(5, { typesFilter: ['consumer'] })).toEqual([])
    expect(ask(0)).toEqual(['billing consumer ', 'simple  '])
  })

  test('deletes groups that have no members', () => {
    const bench = led()
    const { m1, m2 } = pair(bench)
    commit(bench, 1, { generationIdOrMemberEpoch: 1, memberId: m1 })
    const ask = (...groupsNames: string[]) =>
      bench
        .ask(DeleteGroups, deleteGroups, 2, { groupsNames })
        .answer.results.map(({ groupId, errorCode }) => [groupId, errorCode])
    expect(ask(groupId, 'nobody', 'nobody')).toEqual([
      [groupId, errors.NON_EMPTY_GROUP],
      ['nobody', errors.GROUP_ID_NOT_FOUND],
    ])
    bench.ask(LeaveGroup, leaveGroup, 3, { groupId, members: [{ memberId: m1 }, { memberId: m2 }] })
    expect(ask(groupId)).toEqual([[groupId, errors.NONE]])
    expect(recorded(bench)).toBeUndefined()
    expect(committed(bench)).toEqual([])
    expect(ask(groupId)).toEqual([[groupId, errors.GROUP_ID_NOT_FOUND]])
    // It may begin again.
    const again = join(bench)
    bench.elapse(1)
    expect(again.answer.generationId).toBe(1)
    expect(bench.failures).toEqual([])
  })
})
