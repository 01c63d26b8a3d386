import { expect, test } from 'vitest'
import { startConsumer } from '../../../actors/client/consumer.ts'
import type {
  ConsumedBatch,
  Consumer,
  ConsumerConfig,
  ConsumerEvent,
} from '../../../actors/client/consumer-config.ts'
import { errors } from '../../../src/error.ts'
import { printPartition } from '../../../src/ids.ts'
import {
  Fetch,
  FindCoordinator,
  Heartbeat,
  JoinGroup,
  LeaveGroup,
  ListOffsets,
  OffsetCommit,
  OffsetFetch,
  OffsetForLeaderEpoch,
} from '../../../src/protocol/index.ts'
import { encodeMarker } from '../../../src/records/control.ts'
import { encodeBatch } from '../../../src/records/record.ts'
import { answerOf, clientWorld } from './client-world.ts'
import { FakeCluster } from './fake-cluster.ts'

const text = (bytes: Uint8Array | null) => new TextDecoder().decode(bytes ?? undefined)

interface Started {
  readonly consumer: Consumer
  readonly values: string[]
  readonly events: ConsumerEvent[]
  readonly batches: ConsumedBatch[]
  readonly failures: unknown[]
  kill(): void
}

const start = (
  cluster: FakeCluster,
  name: string,
  config: Partial<ConsumerConfig> = {},
  read: 'acknowledging' | 'keeping' | 'not' = 'acknowledging',
): Started => {
  const { world, failures, kill } = clientWorld(cluster.platform, name)
  const consumer = startConsumer(world, {
    bootstrapServers: cluster.bootstrapServers,
    groupId: 'billing',
    topics: ['orders'],
    autoOffsetReset: 'earliest',
    sessionTimeoutMs: 3000,
    heartbeatIntervalMs: 500,
    rebalanceTimeoutMs: 5000,
    ...config,
  })
  const started: Started = { consumer, values: [], events: [], batches: [], failures, kill }
  consumer.events.subscribe(event => started.events.push(event))
  if (read !== 'not')
    consumer.batches.subscribe(batch => {
      started.batches.push(batch)
      started.values.push(...batch.records.map(({ value }) => text(value)))
      if (read === 'acknowledging') batch.ack()
    })
  return started
}

const write = (cluster: FakeCluster, partition: number, ...values: string[]) => {
  const records = values.map(value => ({ value: new TextEncoder().encode(value), timestamp: 1 }))
  const { leaderId } = cluster.partition('orders', partition)
  cluster.append(leaderId, 'orders', partition, encodeBatch({ records }))
}

const pass = (cluster: FakeCluster, ms: number) => cluster.platform.stepping?.advance(ms)

const owned = ({ consumer }: Started) => consumer.assignment.map(printPartition)

test('a lone member reads all partitions from the beginning and commits what it acknowledged', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 2)
  write(cluster, 0, 'a', 'b')
  write(cluster, 1, 'c')
  const one = start(cluster, 'one')
  await pass(cluster, 2000)
  expect(one.values.sort()).toEqual(['a', 'b', 'c'])
  expect(one.consumer.state).toBe('joined.membership.stable|session.resting')
  expect(cluster.askedOf(JoinGroup).map(({ body }) => body.memberId)).toEqual(['', 'member-1'])
  write(cluster, 1, 'd')
  await pass(cluster, 1000)
  expect(one.values).toHaveLength(4)
  await answerOf(cluster.platform, one.consumer.close())
  expect(
    Object.fromEntries([...cluster.group.offsets].map(([key, { offset }]) => [key, offset])),
  ).toEqual({ 'orders-0': 2, 'orders-1': 2 })
  expect(cluster.askedOf(LeaveGroup)).toHaveLength(1)
  expect(one.events.map(({ type }) => type)).toEqual([
    'assigned',
    'positioned',
    'positioned',
    'committed',
    'revoked',
    'closed',
  ])
  expect(one.failures).toEqual([])
})

test('it begins where the group had committed', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1)
  write(cluster, 0, 'a', 'b', 'c')
  cluster.group.offsets.set('orders-0', { offset: 2, leaderEpoch: 0, metadata: '' })
  const one = start(cluster, 'one')
  await pass(cluster, 1000)
  // The batch begins below the wanted offset; what is below it is not given.
  expect(one.values).toEqual(['c'])
})

test('autoOffsetReset latest begins at the end; none is an error until a seek', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1)
  write(cluster, 0, 'a')
  const late = start(cluster, 'late', { autoOffsetReset: 'latest' })
  await pass(cluster, 1000)
  write(cluster, 0, 'b')
  await pass(cluster, 1000)
  expect(late.values).toEqual(['b'])
  const strict = start(cluster, 'strict', { autoOffsetReset: 'none', groupId: 'audit' })
  cluster.group.offsets.clear()
  late.kill()
  cluster.group.expire(late.consumer.memberId)
  await pass(cluster, 2000)
  expect(strict.events).toContainEqual(
    expect.objectContaining({
      type: 'error',
      fatal: false,
      error: expect.objectContaining({ name: 'NO_OFFSET_FOR_PARTITION' }),
    }),
  )
  strict.consumer.seek({ topic: 'orders', partition: 0 }, 'earliest')
  await pass(cluster, 1000)
  expect(strict.values).toEqual(['a', 'b'])
  expect([late.failures, strict.failures]).toEqual([[], []])
})

test('members share; when one dies its partitions go to the other, from what it committed', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 4)
  const one = start(cluster, 'one', { autoCommitIntervalMs: 100 })
  await pass(cluster, 1000)
  expect(owned(one)).toHaveLength(4)
  const two = start(cluster, 'two', { autoCommitIntervalMs: 100 })
  await pass(cluster, 2000)
  expect(owned(one)).toEqual(['orders-0', 'orders-1'])
  expect(owned(two)).toEqual(['orders-2', 'orders-3'])
  for (let p = 0; p < 4; p++) write(cluster, p, `x${p}`)
  await pass(cluster, 1000)
  expect([...one.values, ...two.values].sort()).toEqual(['x0', 'x1', 'x2', 'x3'])
  two.kill()
  cluster.group.expire(two.consumer.memberId)
  write(cluster, 2, 'y2')
  await pass(cluster, 3000)
  expect(owned(one)).toHaveLength(4)
  expect(one.values.sort()).toEqual(['x0', 'x1', 'y2'])
  expect(one.failures).toEqual([])
})

test('with more members than partitions the extra ones idle in the group', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 2)
  const members = ['1', '2', '3'].map(name => start(cluster, name))
  await pass(cluster, 3000)
  expect(members.map(member => owned(member).length).sort()).toEqual([0, 1, 1])
  expect(members.map(({ consumer }) => consumer.state)).toEqual(
    Array(3).fill('joined.membership.stable|session.resting'),
  )
  expect(members.flatMap(({ failures }) => failures)).toEqual([])
})

test('before partitions go their batches are waited for and committed', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 2)
  write(cluster, 0, 'a')
  const one = start(cluster, 'one', {}, 'keeping')
  await pass(cluster, 1000)
  const two = start(cluster, 'two')
  await pass(cluster, 1000)
  expect(one.consumer.state).toContain('revoking')
  one.batches[0]?.ack()
  await pass(cluster, 1000)
  expect(cluster.group.offsets.get('orders-0')?.offset).toBe(1)
  expect(owned(one)).toEqual(['orders-0'])
  expect(owned(two)).toEqual(['orders-1'])
  expect([...one.values, ...two.values]).toEqual(['a'])
})

test('no more is fetched for a partition while too much of it is unacknowledged', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1)
  for (let i = 0; i < 10; i++) write(cluster, 0, `${i}`)
  const one = start(cluster, 'one', { maxPollRecords: 3, maxUnacknowledgedBatches: 2 }, 'keeping')
  await pass(cluster, 1000)
  expect(one.values).toEqual(['0', '1', '2', '3', '4', '5'])
  const fetches = cluster.askedOf(Fetch).length
  await pass(cluster, 1000)
  expect(cluster.askedOf(Fetch)).toHaveLength(fetches)
  one.batches[1]?.ack()
  await pass(cluster, 100)
  expect(one.values).toHaveLength(9)
  // Acknowledged out of order: nothing may be committed before the first one is.
  expect(one.consumer.acknowledged({ topic: 'orders', partition: 0 })).toBe(0)
  one.batches[0]?.ack()
  expect(one.consumer.acknowledged({ topic: 'orders', partition: 0 })).toBe(6)
  expect(one.consumer.position({ topic: 'orders', partition: 0 })).toBe(9)
})

test('nothing is fetched before somebody subscribes', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1)
  write(cluster, 0, 'a')
  const one = start(cluster, 'one', {}, 'not')
  await pass(cluster, 1000)
  expect(cluster.askedOf(Fetch)).toEqual([])
  one.consumer.batches.subscribe(batch => batch.ack())
  await pass(cluster, 100)
  expect(one.consumer.position({ topic: 'orders', partition: 0 })).toBe(1)
})

test('a paused partition gives nothing until it is resumed', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1)
  const one = start(cluster, 'one')
  await pass(cluster, 1000)
  const partition = { topic: 'orders', partition: 0 }
  one.consumer.pause([partition])
  write(cluster, 0, 'a')
  await pass(cluster, 2000)
  expect(one.values).toEqual([])
  one.consumer.resume([partition])
  await pass(cluster, 1000)
  expect(one.values).toEqual(['a'])
})

test('after a seek it reads from there, whatever was under way', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1)
  write(cluster, 0, 'a', 'b', 'c')
  const one = start(cluster, 'one', { maxPollRecords: 1 }, 'keeping')
  await pass(cluster, 1000)
  const partition = { topic: 'orders', partition: 0 }
  one.consumer.seek(partition, 2)
  await pass(cluster, 1000)
  expect(one.values).toEqual(['a', 'c'])
  one.batches[0]?.ack()
  expect(one.consumer.acknowledged(partition)).toBe(2)
  expect(() => one.consumer.seek({ topic: 'orders', partition: 7 }, 0)).toThrow('not assigned')
})

test('it follows the leader, and checks first whether the new one has what was read', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1, [1])
  write(cluster, 0, 'a')
  const one = start(cluster, 'one')
  await pass(cluster, 1000)
  cluster.elect('orders', 0, 2)
  cluster.kill(1)
  cluster.coordinatorId = 2
  write(cluster, 0, 'b')
  await pass(cluster, 3000)
  expect(one.values).toEqual(['a', 'b'])
  expect(cluster.askedOf(OffsetForLeaderEpoch).map(({ brokerId }) => brokerId)).toEqual([2])
  expect(one.failures).toEqual([])
})

test('what a new leader no longer has is read again from where it ends', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1, [1])
  write(cluster, 0, 'a')
  write(cluster, 0, 'lost')
  const one = start(cluster, 'one')
  await pass(cluster, 1000)
  const partition = cluster.partition('orders', 0)
  partition.batches.pop()
  partition.logEndOffset = 1
  cluster.elect('orders', 0, 2)
  write(cluster, 0, 'other')
  cluster.on(OffsetForLeaderEpoch, () => ({
    topics: [
      {
        topic: 'orders',
        partitions: [{ partition: 0, errorCode: 0, leaderEpoch: 0, endOffset: 1 }],
      },
    ],
  }))
  await pass(cluster, 2000)
  expect(one.values).toEqual(['a', 'lost', 'other'])
  expect(one.events).toContainEqual(
    expect.objectContaining({ type: 'positioned', by: 'truncation', offset: 1 }),
  )
})

test('an offset the log no longer has is reset by the policy', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1)
  write(cluster, 0, 'a')
  write(cluster, 0, 'b')
  const partition = cluster.partition('orders', 0)
  partition.batches.shift()
  partition.logStartOffset = 1
  cluster.group.offsets.set('orders-0', { offset: 0, leaderEpoch: -1, metadata: '' })
  const one = start(cluster, 'one')
  await pass(cluster, 1000)
  expect(one.values).toEqual(['b'])
  expect(cluster.askedOf(ListOffsets)).toHaveLength(1)
})

test('when the coordinator moves it is found again; membership and partitions stay', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1, [3])
  const one = start(cluster, 'one')
  await pass(cluster, 1000)
  const { memberId } = one.consumer
  cluster.coordinatorId = 2
  await pass(cluster, 2000)
  expect(one.consumer.memberId).toBe(memberId)
  expect(cluster.askedOf(Heartbeat).at(-1)?.brokerId).toBe(2)
  cluster.coordinatorId = 3
  cluster.kill(2)
  await pass(cluster, 2000)
  expect(cluster.askedOf(Heartbeat).at(-1)?.brokerId).toBe(3)
  expect(cluster.askedOf(JoinGroup)).toHaveLength(2)
  expect(one.events.map(({ type }) => type)).not.toContain('lost')
  expect(one.failures).toEqual([])
})

test('a member the group has forgotten loses its partitions and joins anew', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1)
  const one = start(cluster, 'one')
  await pass(cluster, 1000)
  const { memberId } = one.consumer
  cluster.group.expire(memberId)
  await pass(cluster, 2000)
  expect(one.consumer.memberId).not.toBe(memberId)
  expect(one.events.map(({ type }) => type)).toEqual([
    'assigned',
    'positioned',
    'lost',
    'assigned',
    'positioned',
  ])
})

test('a coordinator that is loading, or missing, is waited for', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1)
  write(cluster, 0, 'a')
  const missing = { key: 'billing', nodeId: -1, host: '', port: -1, errorMessage: null }
  cluster.next(FindCoordinator, () => ({
    coordinators: [{ ...missing, errorCode: errors.COORDINATOR_NOT_AVAILABLE }],
  }))
  const loading = () => ({
    errorCode: errors.COORDINATOR_LOAD_IN_PROGRESS,
    generationId: -1,
    protocolName: '',
    leader: '',
    memberId: '',
    members: [],
  })
  cluster.next(JoinGroup, loading, loading)
  cluster.next(OffsetFetch, ({ body }) => ({
    groups: [
      {
        groupId: body.groups[0]?.groupId ?? '',
        topics: [],
        errorCode: errors.COORDINATOR_LOAD_IN_PROGRESS,
      },
    ],
  }))
  const one = start(cluster, 'one')
  await pass(cluster, 3000)
  expect(one.values).toEqual(['a'])
  expect(one.failures).toEqual([])
})

test('a fenced static member stops for good, and tells why', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1)
  const one = start(cluster, 'one', { groupInstanceId: 'i1' })
  await pass(cluster, 1000)
  expect(cluster.askedOf(JoinGroup)[0]?.body.groupInstanceId).toBe('i1')
  cluster.next(Heartbeat, () => ({ errorCode: errors.FENCED_INSTANCE_ID }))
  await pass(cluster, 1000)
  expect(one.consumer.state).toBe('failed')
  expect(one.events.at(-2)).toMatchObject({
    type: 'fenced',
    error: { name: 'FENCED_INSTANCE_ID' },
  })
  expect(one.events.at(-1)).toMatchObject({
    type: 'error',
    fatal: true,
    error: { name: 'FENCED_INSTANCE_ID' },
  })
  await answerOf(cluster.platform, one.consumer.close())
  expect(cluster.askedOf(LeaveGroup)).toEqual([])
  expect(one.failures).toEqual([])
})

test('commit by hand, with metadata, and committed reads it back', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1)
  write(cluster, 0, 'a', 'b')
  const one = start(cluster, 'one', { enableAutoCommit: false })
  await pass(cluster, 1000)
  expect(cluster.askedOf(OffsetCommit)).toEqual([])
  const partition = { topic: 'orders', partition: 0 }
  await answerOf(
    cluster.platform,
    one.consumer.commit([{ ...partition, offset: 1, metadata: 'm' }]),
  )
  expect(await answerOf(cluster.platform, one.consumer.committed([partition]))).toEqual([
    { ...partition, offset: 1, leaderEpoch: -1, metadata: 'm' },
  ])
  expect(await answerOf(cluster.platform, one.consumer.commit())).toMatchObject([{ offset: 2 }])
})

test('commits go one after another: one that is tried again takes none back', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1)
  write(cluster, 0, 'a', 'b')
  const one = start(cluster, 'one', { enableAutoCommit: false })
  await pass(cluster, 1000)
  const partition = { topic: 'orders', partition: 0 }
  let isLoading = true
  cluster.on(OffsetCommit, ({ body }) => {
    if (!isLoading) return cluster.group.commit(body)
    isLoading = false
    const errorCode = errors.COORDINATOR_LOAD_IN_PROGRESS
    return { topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, errorCode }] }] }
  })
  const [first, second] = [1, 2].map(offset => one.consumer.commit([{ ...partition, offset }]))
  await pass(cluster, 1000)
  expect(await answerOf(cluster.platform, first as NonNullable<typeof first>)).toMatchObject([
    { offset: 1 },
  ])
  expect(await answerOf(cluster.platform, second as NonNullable<typeof second>)).toMatchObject([
    { offset: 2 },
  ])
  expect(cluster.group.offsets.get('orders-0')?.offset).toBe(2)
})

test('a commit made before a rebalance is not made after it', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 2)
  write(cluster, 0, 'a')
  const one = start(cluster, 'one', { enableAutoCommit: false })
  await pass(cluster, 1000)
  const errorCode = errors.COORDINATOR_LOAD_IN_PROGRESS
  let isLoading = true
  cluster.on(OffsetCommit, ({ body }) =>
    isLoading
      ? { topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, errorCode }] }] }
      : cluster.group.commit(body),
  )
  let failure: unknown
  const partition = { topic: 'orders', partition: 0 }
  one.consumer
    .commit([{ ...partition, offset: 1 }])
    .subscribe({ error: error => (failure = error) })
  start(cluster, 'two', { enableAutoCommit: false })
  await pass(cluster, 8000)
  isLoading = false
  await pass(cluster, 2000)
  expect(failure).toMatchObject({ name: 'ILLEGAL_GENERATION' })
  expect(cluster.group.offsets.get('orders-0')).toBeUndefined()
})

test('a commit in the revoked event still counts', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 2)
  write(cluster, 0, 'a')
  const one = start(cluster, 'one', { enableAutoCommit: false })
  one.consumer.events.subscribe(event => {
    if (event.type === 'revoked') one.consumer.commit()
  })
  await pass(cluster, 1000)
  start(cluster, 'two')
  await pass(cluster, 1000)
  expect(cluster.group.offsets.get('orders-0')?.offset).toBe(1)
})

test('an application that takes too long loses its place, and gets it back when it is done', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1)
  write(cluster, 0, 'a')
  const one = start(cluster, 'one', { maxPollIntervalMs: 2000 }, 'keeping')
  await pass(cluster, 4000)
  expect(one.consumer.state).toBe('stalled')
  expect(cluster.askedOf(LeaveGroup)).toHaveLength(1)
  expect(one.events.at(-1)).toMatchObject({ type: 'lost' })
  one.batches[0]?.ack()
  await pass(cluster, 1000)
  expect(one.consumer.state).toContain('stable')
  expect(one.values).toEqual(['a', 'a'])
  expect(one.failures).toEqual([])
})

test('without a group it reads all partitions, also those that are added', async () => {
  const cluster = new FakeCluster()
  const topic = cluster.topic('orders', 1)
  write(cluster, 0, 'a')
  const one = start(cluster, 'one', { groupId: undefined, metadataMaxAgeMs: 1000 })
  await pass(cluster, 1000)
  topic.partitions.push({ ...cluster.partition('orders', 0), batches: [], logEndOffset: 0 })
  write(cluster, 1, 'b')
  await pass(cluster, 2000)
  expect(one.values).toEqual(['a', 'b'])
  expect(cluster.askedOf(JoinGroup)).toEqual([])
  await answerOf(cluster.platform, one.consumer.close())
  expect(one.failures).toEqual([])
})

test('a topic that grows makes the leader bring about a rebalance', async () => {
  const cluster = new FakeCluster()
  const topic = cluster.topic('orders', 1)
  const one = start(cluster, 'one', { metadataMaxAgeMs: 1000 })
  const two = start(cluster, 'two', { metadataMaxAgeMs: 1000 })
  await pass(cluster, 2000)
  topic.partitions.push({ ...cluster.partition('orders', 0), batches: [] })
  await pass(cluster, 4000)
  expect([...owned(one), ...owned(two)].sort()).toEqual(['orders-0', 'orders-1'])
})

test('cooperative members keep reading what they keep, and give up only what goes', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 4)
  const strategy = { partitionAssignmentStrategy: ['cooperative-sticky' as const] }
  const one = start(cluster, 'one', strategy)
  await pass(cluster, 1000)
  const two = start(cluster, 'two', strategy)
  await pass(cluster, 4000)
  expect(owned(one)).toHaveLength(2)
  expect(owned(two)).toHaveLength(2)
  expect(new Set([...owned(one), ...owned(two)]).size).toBe(4)
  const revoked = one.events.filter(({ type }) => type === 'revoked')
  expect(revoked).toHaveLength(1)
  expect(revoked[0]).toMatchObject({ partitions: expect.objectContaining({ length: 2 }) })
  expect(one.events.map(({ type }) => type)).not.toContain('lost')
  for (let p = 0; p < 4; p++) write(cluster, p, `${p}`)
  await pass(cluster, 1000)
  expect([...one.values, ...two.values].sort()).toEqual(['0', '1', '2', '3'])
  expect([...one.failures, ...two.failures]).toEqual([])
})

test('sticky members get back what they had', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 6)
  const strategy = { partitionAssignmentStrategy: ['sticky' as const] }
  const [one, two] = [start(cluster, '1', strategy), start(cluster, '2', strategy)]
  await pass(cluster, 3000)
  const before = [one, two].map(owned)
  const three = start(cluster, '3', strategy)
  await pass(cluster, 3000)
  expect(owned(three)).toHaveLength(2)
  for (const [at, member] of [one, two].entries())
    for (const kept of owned(member)) expect(before[at]).toContain(kept)
})

test('markers are read past and aborted records left out', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1)
  const { leaderId } = cluster.partition('orders', 0)
  const batch = (value: string, producerId: number, isTransactional: boolean) =>
    encodeBatch({
      records: [{ value: new TextEncoder().encode(value), timestamp: 1 }],
      ...(isTransactional
        ? { producerId, producerEpoch: 0, baseSequence: 0, isTransactional }
        : {}),
    })
  cluster.append(leaderId, 'orders', 0, batch('aborted', 7, true))
  cluster.append(leaderId, 'orders', 0, batch('plain', -1, false))
  const marker = { outcome: 'abort' as const, coordinatorEpoch: 0, timestampMs: 1 }
  const bytes = encodeMarker({ ...marker, producerId: 7, producerEpoch: 0 })
  const partition = cluster.partition('orders', 0)
  new DataView(bytes.buffer).setBigInt64(0, 2n)
  partition.batches.push(bytes)
  partition.logEndOffset++
  cluster.on(Fetch, ({ body }) =>
    body.topics[0]?.partitions[0]?.fetchOffset === 0
      ? {
          sessionId: 0,
          responses: [
            {
              topic: 'orders',
              topicId: body.topics[0].topicId,
              partitions: [
                {
                  partitionIndex: 0,
                  errorCode: 0,
                  highWatermark: 3,
                  lastStableOffset: 3,
                  abortedTransactions: [{ producerId: 7, firstOffset: 0 }],
                  records: Uint8Array.from(partition.batches.flatMap(one => [...one])),
                },
              ],
            },
          ],
        }
      : undefined,
  )
  const one = start(cluster, 'one', { isolationLevel: 'read_committed' })
  await pass(cluster, 1000)
  expect(one.values).toEqual(['plain'])
  expect(one.consumer.position({ topic: 'orders', partition: 0 })).toBe(3)
  expect(one.consumer.acknowledged({ topic: 'orders', partition: 0 })).toBe(3)
})

test('a compressed batch without its codec is an error that names it', async () => {
  const cluster = new FakeCluster()
  cluster.topic('orders', 1)
  const { leaderId } = cluster.partition('orders', 0)
  const by = {
    supports: () => true,
    compress: (_codec: string, bytes: Uint8Array) => bytes,
    decompress: (_codec: string, bytes: Uint8Array) => bytes,
  }
  const records = [{ value: new TextEncoder().encode('packed'), timestamp: 1 }]
  const batch = encodeBatch({ records, compression: { codec: 'zstd', by } })
  write(cluster, 0, 'plain')
  cluster.append(leaderId, 'orders', 0, batch)
  const one = start(cluster, 'one')
  await pass(cluster, 1000)
  expect(one.values).toEqual(['plain'])
  const error = one.events.find(event => event.type === 'error')
  expect(error).toMatchObject({ fatal: false, error: { name: 'UNSUPPORTED_COMPRESSION_TYPE' } })
  expect(String(error?.type === 'error' && error.error.message)).toContain('zstd')
  const two = start(cluster, 'two', { groupId: undefined, compression: by })
  await pass(cluster, 1000)
  expect(two.values).toEqual(['plain', 'packed'])
})
