/** What members do wrong, and that their group lives on: after each, a good member of the group beats and commits as before. */
import { expect, test } from 'vitest'
import { errorName, errors } from '../../src/error.ts'
import {
  DescribeGroups,
  Heartbeat,
  JoinGroup,
  LeaveGroup,
  OffsetCommit,
  OffsetDelete,
  OffsetFetch,
  type RequestDraftOf,
  SyncGroup,
} from '../../src/protocol/index.ts'
import { clusterUnderTest, sleep, unique } from './cluster-under-test.ts'
import { told } from './told.ts'

const cluster = clusterUnderTest()
const text = new TextEncoder()

interface Member {
  readonly groupId: string
  readonly memberId: string
  readonly generationId: number
}

const at = (groupId: string): Promise<number> => cluster.coordinator(groupId)

/** On a connection of its own, since it may wait for others. */
async function join(
  groupId: string,
  memberId: string,
  options: Partial<RequestDraftOf<typeof JoinGroup>> = {},
) {
  const connection = await cluster.connect(await at(groupId))
  const answer = await connection.request(JoinGroup, 9, {
    groupId,
    sessionTimeoutMs: 30_000,
    rebalanceTimeoutMs: 30_000,
    memberId,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: text.encode('range') }],
    ...options,
  })
  connection.close()
  return answer
}

const sync = async (
  { groupId, generationId, memberId }: Member,
  assignments: readonly { memberId: string; assignment: Uint8Array }[] = [],
) =>
  cluster.ask(await at(groupId), SyncGroup, 5, {
    groupId,
    generationId,
    memberId,
    assignments,
    protocolType: 'consumer',
    protocolName: 'range',
  })

const beat = async (member: Member) => cluster.ask(await at(member.groupId), Heartbeat, 4, member)

const commit = async (
  { groupId, memberId, generationId }: Member,
  topics: readonly { name: string; partition?: number; metadata?: string }[],
) =>
  cluster.ask(await at(groupId), OffsetCommit, 8, {
    groupId,
    generationIdOrMemberEpoch: generationId,
    memberId,
    topics: topics.map(({ name, partition = 0, metadata = '' }) => ({
      name,
      partitions: [{ partitionIndex: partition, committedOffset: 5, committedMetadata: metadata }],
    })),
  })

/** A group of one, stable. */
async function settled(options: Partial<RequestDraftOf<typeof JoinGroup>> = {}): Promise<Member> {
  const groupId = unique('group')
  const { memberId } = await join(groupId, '', options)
  const { generationId } = await join(groupId, memberId, options)
  const member = { groupId, memberId, generationId }
  await sync(member, [{ memberId, assignment: text.encode('mine') }])
  return member
}

const describe = async (groupId: string) => {
  const { groups } = await cluster.ask(await at(groupId), DescribeGroups, 5, { groups: [groupId] })
  return groups[0]
}

async function livesOn(member: Member): Promise<void> {
  expect((await beat(member)).errorCode).toBe(errors.NONE)
  const group = await describe(member.groupId)
  expect(group?.groupState).toBe('Stable')
  expect(group?.members.map(({ memberId }) => memberId)).toEqual([member.memberId])
}

test('a member that the group does not know', async () => {
  const member = await settled()
  const topic = await cluster.createTopic('orders')
  const stranger = { ...member, memberId: 'stranger' }
  expect(told(await beat(stranger))).toMatchInlineSnapshot(`errorCode: UNKNOWN_MEMBER_ID`)
  expect(told(await sync(stranger))).toMatchInlineSnapshot(
    `errorCode: UNKNOWN_MEMBER_ID, protocolType: null, protocolName: null, assignment: 0 bytes`,
  )
  expect(told(await join(member.groupId, 'stranger'))).toMatchInlineSnapshot(
    `errorCode: UNKNOWN_MEMBER_ID, generationId: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, memberId: stranger, members: []`,
  )
  expect(told(await commit(stranger, [{ name: topic }]))).toMatchInlineSnapshot(`
    topics:
      - name: orders
        partitions:
          - partitionIndex: 0, errorCode: UNKNOWN_MEMBER_ID
  `)
  const leave = { groupId: member.groupId, members: [{ memberId: 'stranger' }] }
  expect(
    told(await cluster.ask(await at(member.groupId), LeaveGroup, 5, leave)),
  ).toMatchInlineSnapshot(`
    errorCode: NONE
    members:
      - memberId: stranger, groupInstanceId: null, errorCode: UNKNOWN_MEMBER_ID
  `)
  await livesOn(member)
})

test('a member that has expired', async () => {
  const topic = await cluster.createTopic('orders')
  const expired = await settled({ sessionTimeoutMs: 500 })
  const { groupId } = expired
  while ((await describe(groupId))?.groupState !== 'Empty') await sleep(50)
  expect(told(await beat(expired))).toMatchInlineSnapshot(`errorCode: UNKNOWN_MEMBER_ID`)
  expect(told(await sync(expired))).toMatchInlineSnapshot(
    `errorCode: UNKNOWN_MEMBER_ID, protocolType: null, protocolName: null, assignment: 0 bytes`,
  )
  expect(told(await commit(expired, [{ name: topic }]))).toMatchInlineSnapshot(`
    topics:
      - name: orders
        partitions:
          - partitionIndex: 0, errorCode: UNKNOWN_MEMBER_ID
  `)
  expect(told(await join(groupId, expired.memberId))).toMatchInlineSnapshot(
    `errorCode: UNKNOWN_MEMBER_ID, generationId: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, memberId: contract-<uuid>, members: []`,
  )
  const { memberId } = await join(groupId, '')
  const { generationId } = await join(groupId, memberId)
  const member = { groupId, memberId, generationId }
  await sync(member, [{ memberId, assignment: text.encode('mine') }])
  await livesOn(member)
})

test('a member of an older, or a later, generation', async () => {
  const topic = await cluster.createTopic('orders')
  const member = await settled()
  for (const generationId of [member.generationId - 1, member.generationId + 1, -1, 0x7fffffff]) {
    const stale = { ...member, generationId }
    expect((await beat(stale)).errorCode).toBe(errors.ILLEGAL_GENERATION)
    expect((await sync(stale)).errorCode).toBe(errors.ILLEGAL_GENERATION)
    const { topics } = await commit(stale, [{ name: topic }])
    expect(topics[0]?.partitions[0]?.errorCode).toBe(errors.ILLEGAL_GENERATION)
  }
  await livesOn(member)
})

/** What became of each partition; Kafka tells those that failed first. */
const byPartition = ({ topics }: Awaited<ReturnType<typeof commit>>): string[] =>
  topics
    .flatMap(({ name, partitions }) =>
      partitions.map(
        ({ partitionIndex, errorCode }) =>
          `${name.replace(/_x.*/, '')}-${partitionIndex} ${errorName(errorCode)}`,
      ),
    )
    .sort()

test('commits for what there is not, beside what there is', async () => {
  const topic = await cluster.createTopic('orders')
  const member = await settled()
  const mixed = [{ name: unique('none') }, { name: topic }, { name: topic, partition: 9 }]
  expect(byPartition(await commit(member, mixed))).toEqual([
    'none-0 UNKNOWN_TOPIC_OR_PARTITION',
    'orders-0 NONE',
    'orders-9 UNKNOWN_TOPIC_OR_PARTITION',
  ])
  const answer = await cluster.ask(await at(member.groupId), OffsetFetch, 8, {
    groups: [{ groupId: member.groupId, topics: null }],
    requireStable: false,
  })
  expect(told(answer)).toMatchInlineSnapshot(`
    topics: [], errorCode: NONE
    groups:
      - groupId: group, errorCode: NONE
        topics:
          - name: orders
            partitions:
              - partitionIndex: 0, committedOffset: 5, committedLeaderEpoch: -1, metadata: '', errorCode: NONE
  `)
  await livesOn(member)
})

test('metadata as long as it may be, and longer', async () => {
  const topic = await cluster.createTopic('orders', [[1], [1]])
  const member = await settled()
  const long = [
    { name: topic, metadata: 'x'.repeat(4096) },
    { name: topic, partition: 1, metadata: 'x'.repeat(4097) },
  ]
  expect(byPartition(await commit(member, long))).toEqual([
    'orders-0 NONE',
    'orders-1 OFFSET_METADATA_TOO_LARGE',
  ])
  // Characters are counted, not bytes.
  const wide = [{ name: topic, metadata: 'ä'.repeat(4096) }]
  expect(byPartition(await commit(member, wide))).toEqual(['orders-0 NONE'])
  await livesOn(member)
})

/**
 * Subscriptions by the bytes: version, topics, user data. The coordinator reads the oldest version of them, which all begin with; of what
 * it cannot read it takes every topic for subscribed.
 */
const { NONE, GROUP_SUBSCRIBED_TO_TOPIC } = errors
const subscriptions: Record<string, readonly [bytes: readonly number[], deletion: number]> = {
  'no byte': [[], GROUP_SUBSCRIBED_TO_TOPIC],
  'one byte': [[0], GROUP_SUBSCRIBED_TO_TOPIC],
  'an unknown version': [[0x7f, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], NONE],
  'a negative version': [[0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], NONE],
  'a newer version with more behind': [[0, 9, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3], NONE],
}

/** Kafka's coordinator stumbles over these, and never answers the join; Samsa takes them as it takes the others. */
const worse: typeof subscriptions = {
  'no topics at all': [
    [0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    GROUP_SUBSCRIBED_TO_TOPIC,
  ],
  'more topics than bytes': [[0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 1, 97], GROUP_SUBSCRIBED_TO_TOPIC],
  'a topic that is cut off': [[0, 0, 0, 0, 0, 1, 0, 9, 97], GROUP_SUBSCRIBED_TO_TOPIC],
  noise: [Array.from({ length: 200 }, (_, i) => (i * 37) & 0xff), GROUP_SUBSCRIBED_TO_TOPIC],
}

const all = process.env.SAMSA_CONTRACT_BOOTSTRAP ? subscriptions : { ...subscriptions, ...worse }

test.for(Object.entries(all))('a subscription of %s', async ([, [bytes, wanted]]) => {
  const topic = await cluster.createTopic('orders')
  const protocols = [{ name: 'range', metadata: Uint8Array.from(bytes) }]
  const member = await settled({ protocols })
  await livesOn(member)
  const { topics } = await commit(member, [{ name: topic }])
  expect(topics[0]?.partitions[0]?.errorCode).toBe(errors.NONE)
  // Whether it reads a topic is asked for here.
  const deletion = await cluster.ask(await at(member.groupId), OffsetDelete, 0, {
    groupId: member.groupId,
    topics: [{ name: topic, partitions: [{ partitionIndex: 0 }] }],
  })
  expect([deletion.errorCode, deletion.topics[0]?.partitions[0]?.errorCode]).toEqual([NONE, wanted])
  const [described] = (await describe(member.groupId))?.members ?? []
  expect([...(described?.memberMetadata ?? [])]).toEqual([...bytes])
  await livesOn(member)
})

test('an assignment that is none, and one for nobody', async () => {
  const groupId = unique('group')
  const { memberId } = await join(groupId, '')
  const { generationId } = await join(groupId, memberId)
  const member = { groupId, memberId, generationId }
  const assigned = await sync(member, [
    { memberId: 'stranger', assignment: text.encode('theirs') },
    { memberId, assignment: Uint8Array.from([0xff]) },
  ])
  expect(told(assigned)).toMatchInlineSnapshot(
    `errorCode: NONE, protocolType: consumer, protocolName: range, assignment: 1 bytes`,
  )
  expect(told(await sync(member))).toMatchInlineSnapshot(
    `errorCode: NONE, protocolType: consumer, protocolName: range, assignment: 1 bytes`,
  )
  await livesOn(member)
})
