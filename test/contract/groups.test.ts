import { expect, test } from 'vitest'
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
} from '../../src/protocol/index.ts'
import { clusterUnderTest, unique } from './cluster-under-test.ts'
import { type Told, told, toldByVersion } from './told.ts'

const cluster = clusterUnderTest()
const text = new TextEncoder()

const join = async (
  groupId: string,
  options: Partial<RequestDraftOf<typeof JoinGroup>> & { version?: number } = {},
) => {
  const { version = 9, ...more } = options
  const connection = await cluster.connect(await cluster.coordinator(groupId))
  const answer = await connection.request(JoinGroup, version, {
    groupId,
    sessionTimeoutMs: 10_000,
    ...(version >= 1 ? { rebalanceTimeoutMs: 10_000 } : {}),
    memberId: '',
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: text.encode('range') }],
    ...more,
  })
  connection.close()
  return answer
}

const ask = async <R>(groupId: string, request: (brokerId: number) => Promise<R>): Promise<R> =>
  request(await cluster.coordinator(groupId))

const sync = (
  groupId: string,
  generationId: number,
  memberId: string,
  options: Partial<RequestDraftOf<typeof SyncGroup>> & { version?: number } = {},
) => {
  const { version = 5, ...more } = options
  return ask(groupId, broker =>
    cluster.ask(broker, SyncGroup, version, {
      groupId,
      generationId,
      memberId,
      assignments: [{ memberId, assignment: text.encode('mine') }],
      ...(version >= 5 ? { protocolType: 'consumer', protocolName: 'range' } : {}),
      ...more,
    }),
  )
}

const beat = (
  groupId: string,
  generationId: number,
  memberId: string,
  groupInstanceId: string | null = null,
) =>
  ask(groupId, broker =>
    cluster.ask(broker, Heartbeat, 4, { groupId, generationId, memberId, groupInstanceId }),
  )

/** A group of one, settled. */
async function settled(name = 'group', groupInstanceId: string | null = null) {
  const groupId = unique(name)
  const first = await join(groupId, { groupInstanceId })
  const memberId = first.memberId
  const joined = groupInstanceId === null ? await join(groupId, { memberId }) : first
  await sync(groupId, joined.generationId, memberId, { groupInstanceId })
  return { groupId, memberId, generationId: joined.generationId }
}

const shape = (answer: Awaited<ReturnType<typeof join>>): Told => told(answer)

test('a member joins, in every version', async () => {
  expect(
    await toldByVersion([0, 9], version => join(unique('group'), { version })),
  ).toMatchInlineSnapshot(`
    v0–v3
    errorCode: NONE, generationId: 1, protocolType: null, protocolName: range, leader: contract-<uuid>, skipAssignment: false, memberId: contract-<uuid>
    members:
      - memberId: contract-<uuid>, groupInstanceId: null, metadata: 5 bytes
    v4–v6
    errorCode: MEMBER_ID_REQUIRED, generationId: -1, protocolType: null, protocolName: '', leader: '', skipAssignment: false, memberId: contract-<uuid>, members: []
    v7–v9
    errorCode: MEMBER_ID_REQUIRED, generationId: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, memberId: contract-<uuid>, members: []
  `)
})

test('joins that are refused', async () => {
  const group = unique('group')
  expect(shape(await join(''))).toMatchInlineSnapshot(
    `errorCode: INVALID_GROUP_ID, generationId: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, memberId: '', members: []`,
  )
  expect(shape(await join(group, { sessionTimeoutMs: 499 }))).toMatchInlineSnapshot(
    `errorCode: INVALID_SESSION_TIMEOUT, generationId: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, memberId: '', members: []`,
  )
  expect(shape(await join(group, { sessionTimeoutMs: 1_800_001 }))).toMatchInlineSnapshot(
    `errorCode: INVALID_SESSION_TIMEOUT, generationId: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, memberId: '', members: []`,
  )
  expect(shape(await join(group, { memberId: 'stranger' }))).toMatchInlineSnapshot(
    `errorCode: UNKNOWN_MEMBER_ID, generationId: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, memberId: stranger, members: []`,
  )
  expect(shape(await join(group, { protocols: [] }))).toMatchInlineSnapshot(
    `errorCode: INCONSISTENT_GROUP_PROTOCOL, generationId: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, memberId: '', members: []`,
  )
  expect(shape(await join(group, { protocolType: '' }))).toMatchInlineSnapshot(
    `errorCode: INCONSISTENT_GROUP_PROTOCOL, generationId: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, memberId: '', members: []`,
  )
  const { groupId } = await settled()
  expect(shape(await join(groupId, { protocolType: 'connect' }))).toMatchInlineSnapshot(
    `errorCode: INCONSISTENT_GROUP_PROTOCOL, generationId: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, memberId: '', members: []`,
  )
  const other = [{ name: 'other', metadata: text.encode('x') }]
  expect(shape(await join(groupId, { protocols: other }))).toMatchInlineSnapshot(
    `errorCode: INCONSISTENT_GROUP_PROTOCOL, generationId: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, memberId: '', members: []`,
  )
  expect(shape(await join(groupId, { memberId: 'stranger' }))).toMatchInlineSnapshot(
    `errorCode: UNKNOWN_MEMBER_ID, generationId: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, memberId: stranger, members: []`,
  )
})

test('syncs', async () => {
  const groupId = unique('group')
  const { memberId } = await join(groupId)
  const { generationId } = await join(groupId, { memberId })
  expect(told(await sync(groupId, generationId, 'stranger'))).toMatchInlineSnapshot(
    `errorCode: UNKNOWN_MEMBER_ID, protocolType: null, protocolName: null, assignment: 0 bytes`,
  )
  expect(told(await sync(groupId, generationId + 1, memberId))).toMatchInlineSnapshot(
    `errorCode: ILLEGAL_GENERATION, protocolType: null, protocolName: null, assignment: 0 bytes`,
  )
  expect(
    told(await sync(groupId, generationId, memberId, { protocolName: 'other' })),
  ).toMatchInlineSnapshot(
    `errorCode: INCONSISTENT_GROUP_PROTOCOL, protocolType: null, protocolName: null, assignment: 0 bytes`,
  )
  expect(
    told(await sync(groupId, generationId, memberId, { protocolType: 'other' })),
  ).toMatchInlineSnapshot(
    `errorCode: INCONSISTENT_GROUP_PROTOCOL, protocolType: null, protocolName: null, assignment: 0 bytes`,
  )
  expect(
    await toldByVersion([0, 5], version => sync(groupId, generationId, memberId, { version })),
  ).toMatchInlineSnapshot(`
    v0–v4
    errorCode: NONE, protocolType: null, protocolName: null, assignment: 4 bytes
    v5
    errorCode: NONE, protocolType: consumer, protocolName: range, assignment: 4 bytes
  `)
  expect(told(await sync(unique('none'), 1, 'stranger'))).toMatchInlineSnapshot(
    `errorCode: UNKNOWN_MEMBER_ID, protocolType: null, protocolName: null, assignment: 0 bytes`,
  )
  expect(told(await sync('', 1, 'stranger'))).toMatchInlineSnapshot(
    `errorCode: INVALID_GROUP_ID, protocolType: null, protocolName: null, assignment: 0 bytes`,
  )
})

test('heartbeats', async () => {
  const { groupId, memberId, generationId } = await settled()
  expect(told(await beat(groupId, generationId, memberId))).toMatchInlineSnapshot(`errorCode: NONE`)
  expect(told(await beat(groupId, generationId + 1, memberId))).toMatchInlineSnapshot(
    `errorCode: ILLEGAL_GENERATION`,
  )
  expect(told(await beat(groupId, generationId, 'stranger'))).toMatchInlineSnapshot(
    `errorCode: UNKNOWN_MEMBER_ID`,
  )
  expect(told(await beat(unique('none'), 1, memberId))).toMatchInlineSnapshot(
    `errorCode: UNKNOWN_MEMBER_ID`,
  )
  expect(told(await beat('', 1, memberId))).toMatchInlineSnapshot(`errorCode: INVALID_GROUP_ID`)
  expect(told(await beat(groupId, generationId, memberId, 'instance'))).toMatchInlineSnapshot(
    `errorCode: UNKNOWN_MEMBER_ID`,
  )
})

test('static members', async () => {
  const { groupId, memberId, generationId } = await settled('group', 'one')
  const again = await join(groupId, { groupInstanceId: 'one' })
  expect(shape(again)).toMatchInlineSnapshot(`
    errorCode: NONE, generationId: 1, protocolType: consumer, protocolName: range, leader: one-<uuid>, skipAssignment: true, memberId: one-<uuid>
    members:
      - memberId: one-<uuid>, groupInstanceId: one, metadata: 5 bytes
  `)
  expect(told(await beat(groupId, generationId, memberId, 'one'))).toMatchInlineSnapshot(
    `errorCode: FENCED_INSTANCE_ID`,
  )
  expect(shape(await join(groupId, { groupInstanceId: 'one', memberId }))).toMatchInlineSnapshot(
    `errorCode: FENCED_INSTANCE_ID, generationId: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, memberId: one-<uuid>, members: []`,
  )
  expect(
    shape(await join(groupId, { groupInstanceId: 'two', memberId: 'x' })),
  ).toMatchInlineSnapshot(
    `errorCode: UNKNOWN_MEMBER_ID, generationId: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, memberId: x, members: []`,
  )
  expect(told(await beat(groupId, generationId, again.memberId, 'one'))).toMatchInlineSnapshot(
    `errorCode: NONE`,
  )
})

test('members leave', async () => {
  const { groupId, memberId } = await settled()
  const leave = (
    members: readonly { memberId: string; groupInstanceId?: string | null }[],
    group = groupId,
  ) =>
    ask(group, broker => cluster.ask(broker, LeaveGroup, 5, { groupId: group, members })).then(told)
  expect(await leave([{ memberId: 'stranger' }])).toMatchInlineSnapshot(`
    errorCode: NONE
    members:
      - memberId: stranger, groupInstanceId: null, errorCode: UNKNOWN_MEMBER_ID
  `)
  expect(await leave([{ memberId: '', groupInstanceId: 'none' }])).toMatchInlineSnapshot(`
    errorCode: NONE
    members:
      - memberId: '', groupInstanceId: none, errorCode: UNKNOWN_MEMBER_ID
  `)
  expect(await leave([{ memberId }, { memberId: 'stranger' }])).toMatchInlineSnapshot(`
    errorCode: NONE
    members:
      - memberId: contract-<uuid>, groupInstanceId: null, errorCode: NONE
      - memberId: stranger, groupInstanceId: null, errorCode: UNKNOWN_MEMBER_ID
  `)
  expect(await leave([{ memberId: 'x' }], unique('none'))).toMatchInlineSnapshot(`
    errorCode: NONE
    members:
      - memberId: x, groupInstanceId: null, errorCode: UNKNOWN_MEMBER_ID
  `)
  expect(await leave([])).toMatchInlineSnapshot(`errorCode: NONE, members: []`)
  const old = await settled()
  expect(
    await toldByVersion([0, 2], version =>
      ask(old.groupId, broker =>
        cluster.ask(broker, LeaveGroup, version, { groupId: old.groupId, memberId: old.memberId }),
      ),
    ),
  ).toMatchInlineSnapshot(`
    v0
    errorCode: NONE, members: []
    v1–v2
    errorCode: UNKNOWN_MEMBER_ID, members: []
  `)
})

test('groups are described and listed', async () => {
  const { groupId } = await settled()
  const describe = (group: string, version = 5) =>
    ask(group, broker => cluster.ask(broker, DescribeGroups, version, { groups: [group] }))
  expect(await toldByVersion([0, 5], version => describe(groupId, version))).toMatchInlineSnapshot(`
    v0–v5
    groups:
      - errorCode: NONE, groupId: group, groupState: Stable, protocolType: consumer, protocolData: range, authorizedOperations: -2147483648
        members:
          - memberId: contract-<uuid>, groupInstanceId: null, clientId: contract, clientHost: /127.0.0.1, memberMetadata: 5 bytes, memberAssignment: 4 bytes
  `)
  expect(told(await describe(unique('none')))).toMatchInlineSnapshot(`
    groups:
      - errorCode: NONE, groupId: none, groupState: Dead, protocolType: '', protocolData: '', members: [], authorizedOperations: -2147483648
  `)
  expect(told(await describe(''))).toMatchInlineSnapshot(`
    groups:
      - errorCode: NONE, groupId: '', groupState: Dead, protocolType: '', protocolData: '', members: [], authorizedOperations: -2147483648
  `)
  const list = (version: number, more: Partial<RequestDraftOf<typeof ListGroups>> = {}) =>
    ask(groupId, broker =>
      cluster.ask(broker, ListGroups, version, {
        ...(version >= 4 ? { statesFilter: [] } : {}),
        ...(version >= 5 ? { typesFilter: [] } : {}),
        ...more,
      }),
    ).then(it => ({ ...it, groups: it.groups.filter(group => group.groupId === groupId) }))
  expect(await toldByVersion([0, 5], version => list(version))).toMatchInlineSnapshot(`
    v0–v3
    errorCode: NONE
    groups:
      - groupId: group, protocolType: consumer, groupState: '', groupType: ''
    v4
    errorCode: NONE
    groups:
      - groupId: group, protocolType: consumer, groupState: Stable, groupType: ''
    v5
    errorCode: NONE
    groups:
      - groupId: group, protocolType: consumer, groupState: Stable, groupType: classic
  `)
  expect(told(await list(5, { statesFilter: ['Empty'] }))).toMatchInlineSnapshot(
    `errorCode: NONE, groups: []`,
  )
  expect(told(await list(5, { statesFilter: ['stable'] }))).toMatchInlineSnapshot(`
    errorCode: NONE
    groups:
      - groupId: group, protocolType: consumer, groupState: Stable, groupType: classic
  `)
  expect(told(await list(5, { typesFilter: ['Consumer'] }))).toMatchInlineSnapshot(
    `errorCode: NONE, groups: []`,
  )
  expect(told(await list(5, { typesFilter: ['CLASSIC'] }))).toMatchInlineSnapshot(`
    errorCode: NONE
    groups:
      - groupId: group, protocolType: consumer, groupState: Stable, groupType: classic
  `)
})

const commit = (
  groupId: string,
  topic: string,
  options: Partial<RequestDraftOf<typeof OffsetCommit>> & {
    version?: number
    partition?: number
    offset?: number
    metadata?: string | null
  } = {},
) => {
  const { version = 8, partition = 0, offset = 5, metadata = 'note', ...more } = options
  return ask(groupId, broker =>
    cluster.ask(broker, OffsetCommit, version, {
      groupId,
      ...(version >= 1 ? { generationIdOrMemberEpoch: -1, memberId: '' } : {}),
      topics: [
        {
          name: topic,
          partitions: [
            { partitionIndex: partition, committedOffset: offset, committedMetadata: metadata },
          ],
        },
      ],
      ...more,
    }),
  )
}

const committed = (groupId: string, topic: string | null, version = 8, partition = 0) =>
  ask(groupId, broker => {
    const topics = topic === null ? null : [{ name: topic, partitionIndexes: [partition] }]
    return cluster.ask(broker, OffsetFetch, version, {
      ...(version >= 8 ? { groups: [{ groupId, topics }] } : { groupId, topics }),
      ...(version >= 7 ? { requireStable: false } : {}),
    })
  })

test('offsets of a group without members, in every version', async () => {
  const topic = await cluster.createTopic('orders')
  const groupId = unique('group')
  expect(
    await toldByVersion([1, 9], version => commit(groupId, topic, { version })),
  ).toMatchInlineSnapshot(`
    v1–v9
    topics:
      - name: orders
        partitions:
          - partitionIndex: 0, errorCode: NONE
  `)
  expect(
    await toldByVersion([1, 9], version => committed(groupId, topic, version)),
  ).toMatchInlineSnapshot(`
    v1–v7
    errorCode: NONE, groups: []
    topics:
      - name: orders
        partitions:
          - partitionIndex: 0, committedOffset: 5, committedLeaderEpoch: -1, metadata: note, errorCode: NONE
    v8–v9
    topics: [], errorCode: NONE
    groups:
      - groupId: group, errorCode: NONE
        topics:
          - name: orders
            partitions:
              - partitionIndex: 0, committedOffset: 5, committedLeaderEpoch: -1, metadata: note, errorCode: NONE
  `)
  expect(
    await toldByVersion([2, 9], version => committed(groupId, null, version)),
  ).toMatchInlineSnapshot(`
    v2–v7
    errorCode: NONE, groups: []
    topics:
      - name: orders
        partitions:
          - partitionIndex: 0, committedOffset: 5, committedLeaderEpoch: -1, metadata: note, errorCode: NONE
    v8–v9
    topics: [], errorCode: NONE
    groups:
      - groupId: group, errorCode: NONE
        topics:
          - name: orders
            partitions:
              - partitionIndex: 0, committedOffset: 5, committedLeaderEpoch: -1, metadata: note, errorCode: NONE
  `)
  expect(
    await toldByVersion([1, 9], version => committed(groupId, topic, version, 3)),
  ).toMatchInlineSnapshot(`
    v1–v7
    errorCode: NONE, groups: []
    topics:
      - name: orders
        partitions:
          - partitionIndex: 3, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: NONE
    v8–v9
    topics: [], errorCode: NONE
    groups:
      - groupId: group, errorCode: NONE
        topics:
          - name: orders
            partitions:
              - partitionIndex: 3, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: NONE
  `)
  expect(told(await committed(unique('none'), topic))).toMatchInlineSnapshot(`
    topics: [], errorCode: NONE
    groups:
      - groupId: none, errorCode: NONE
        topics:
          - name: orders
            partitions:
              - partitionIndex: 0, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: NONE
  `)
  expect(told(await committed(groupId, unique('none')))).toMatchInlineSnapshot(`
    topics: [], errorCode: NONE
    groups:
      - groupId: group, errorCode: NONE
        topics:
          - name: none
            partitions:
              - partitionIndex: 0, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: NONE
  `)
})

test('commits that are refused', async () => {
  const topic = await cluster.createTopic('orders')
  const { groupId, memberId, generationId } = await settled()
  const as = (generationIdOrMemberEpoch: number, member: string) =>
    commit(groupId, topic, { generationIdOrMemberEpoch, memberId: member }).then(told)
  expect(await as(generationId, memberId)).toMatchInlineSnapshot(`
    topics:
      - name: orders
        partitions:
          - partitionIndex: 0, errorCode: NONE
  `)
  expect(await as(generationId + 1, memberId)).toMatchInlineSnapshot(`
    topics:
      - name: orders
        partitions:
          - partitionIndex: 0, errorCode: ILLEGAL_GENERATION
  `)
  expect(await as(generationId, 'stranger')).toMatchInlineSnapshot(`
    topics:
      - name: orders
        partitions:
          - partitionIndex: 0, errorCode: UNKNOWN_MEMBER_ID
  `)
  expect(await as(-1, '')).toMatchInlineSnapshot(`
    topics:
      - name: orders
        partitions:
          - partitionIndex: 0, errorCode: UNKNOWN_MEMBER_ID
  `)
  const free = unique('group')
  expect(told(await commit(free, topic, { generationIdOrMemberEpoch: 3 }))).toMatchInlineSnapshot(`
    topics:
      - name: orders
        partitions:
          - partitionIndex: 0, errorCode: ILLEGAL_GENERATION
  `)
  expect(told(await commit(free, topic, { memberId: 'x' }))).toMatchInlineSnapshot(`
    topics:
      - name: orders
        partitions:
          - partitionIndex: 0, errorCode: NONE
  `)
  expect(told(await commit(free, unique('none')))).toMatchInlineSnapshot(`
    topics:
      - name: none
        partitions:
          - partitionIndex: 0, errorCode: UNKNOWN_TOPIC_OR_PARTITION
  `)
  expect(told(await commit(free, topic, { partition: 7 }))).toMatchInlineSnapshot(`
    topics:
      - name: orders
        partitions:
          - partitionIndex: 7, errorCode: UNKNOWN_TOPIC_OR_PARTITION
  `)
  expect(told(await commit(free, topic, { metadata: 'x'.repeat(4097) }))).toMatchInlineSnapshot(`
    topics:
      - name: orders
        partitions:
          - partitionIndex: 0, errorCode: OFFSET_METADATA_TOO_LARGE
  `)
  expect(told(await commit(free, topic, { metadata: null }))).toMatchInlineSnapshot(`
    topics:
      - name: orders
        partitions:
          - partitionIndex: 0, errorCode: NONE
  `)
  expect(told(await commit(free, topic, { offset: -5 }))).toMatchInlineSnapshot(`
    topics:
      - name: orders
        partitions:
          - partitionIndex: 0, errorCode: NONE
  `)
  expect(told(await committed(free, topic))).toMatchInlineSnapshot(`
    topics: [], errorCode: NONE
    groups:
      - groupId: group, errorCode: NONE
        topics:
          - name: orders
            partitions:
              - partitionIndex: 0, committedOffset: -5, committedLeaderEpoch: -1, metadata: note, errorCode: NONE
  `)
  expect(told(await commit('', topic))).toMatchInlineSnapshot(`
    topics:
      - name: orders
        partitions:
          - partitionIndex: 0, errorCode: NONE
  `)
})

test('groups and offsets are deleted', async () => {
  const topic = await cluster.createTopic('orders')
  const { groupId } = await settled()
  const remove = (...groupsNames: string[]) =>
    ask(groupsNames[0] ?? '', broker => cluster.ask(broker, DeleteGroups, 2, { groupsNames })).then(
      told,
    )
  expect(await remove(groupId)).toMatchInlineSnapshot(`
    results:
      - groupId: group, errorCode: NON_EMPTY_GROUP
  `)
  expect(await remove(unique('none'))).toMatchInlineSnapshot(`
    results:
      - groupId: none, errorCode: GROUP_ID_NOT_FOUND
  `)
  expect(await remove('')).toMatchInlineSnapshot(`
    results:
      - groupId: '', errorCode: NONE
  `)
  const free = unique('group')
  await commit(free, topic)
  const forget = (group: string, name: string, partitionIndex = 0) =>
    ask(group, broker =>
      cluster.ask(broker, OffsetDelete, 0, {
        groupId: group,
        topics: [{ name, partitions: [{ partitionIndex }] }],
      }),
    ).then(told)
  expect(await forget(free, unique('none'))).toMatchInlineSnapshot(`
    errorCode: NONE
    topics:
      - name: none
        partitions:
          - partitionIndex: 0, errorCode: UNKNOWN_TOPIC_OR_PARTITION
  `)
  expect(await forget(free, topic, 4)).toMatchInlineSnapshot(`
    errorCode: NONE
    topics:
      - name: orders
        partitions:
          - partitionIndex: 4, errorCode: UNKNOWN_TOPIC_OR_PARTITION
  `)
  expect(await forget(free, topic)).toMatchInlineSnapshot(`
    errorCode: NONE
    topics:
      - name: orders
        partitions:
          - partitionIndex: 0, errorCode: NONE
  `)
  expect(await forget(unique('none'), topic)).toMatchInlineSnapshot(
    `errorCode: GROUP_ID_NOT_FOUND, topics: []`,
  )
  expect(await forget(groupId, topic)).toMatchInlineSnapshot(`
    errorCode: NONE
    topics:
      - name: orders
        partitions:
          - partitionIndex: 0, errorCode: GROUP_SUBSCRIBED_TO_TOPIC
  `)
  await commit(free, topic)
  expect(await remove(free)).toMatchInlineSnapshot(`
    results:
      - groupId: group, errorCode: NONE
  `)
  expect(told(await committed(free, topic))).toMatchInlineSnapshot(`
    topics: [], errorCode: NONE
    groups:
      - groupId: group, errorCode: NONE
        topics:
          - name: orders
            partitions:
              - partitionIndex: 0, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: NONE
  `)
})

test('another broker than the coordinator', async () => {
  const groupId = unique('group')
  const coordinator = await cluster.coordinator(groupId)
  const other = coordinator === 1 ? 2 : 1
  const member = { groupId, generationId: 1, memberId: 'm' }
  expect(told(await cluster.ask(other, Heartbeat, 4, member))).toMatchInlineSnapshot(
    `errorCode: NOT_COORDINATOR`,
  )
  expect(
    told(await cluster.ask(other, DescribeGroups, 5, { groups: [groupId] })),
  ).toMatchInlineSnapshot(`
    groups:
      - errorCode: NOT_COORDINATOR, groupId: group, groupState: '', protocolType: '', protocolData: '', members: [], authorizedOperations: -2147483648
  `)
  expect(
    told(await cluster.ask(other, DeleteGroups, 2, { groupsNames: [groupId] })),
  ).toMatchInlineSnapshot(`
    results:
      - groupId: group, errorCode: NOT_COORDINATOR
  `)
  expect(
    told(
      await cluster.ask(other, OffsetFetch, 8, {
        groups: [{ groupId, topics: null }],
        requireStable: false,
      }),
    ),
  ).toMatchInlineSnapshot(`
    topics: [], errorCode: NONE
    groups:
      - groupId: group, topics: [], errorCode: NOT_COORDINATOR
  `)
  expect(
    told(await cluster.ask(other, LeaveGroup, 5, { groupId, members: [{ memberId: 'm' }] })),
  ).toMatchInlineSnapshot(`errorCode: NOT_COORDINATOR, members: []`)
})
