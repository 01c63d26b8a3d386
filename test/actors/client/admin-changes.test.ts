/** What the admin changes and looks at, against a cluster. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AdminHandle } from '../../../actors/client-handles.ts'
import type { Cluster } from '../../../actors/cluster.ts'
import { startCluster } from '../../../actors/memory.ts'

let cluster: Cluster
let admin: AdminHandle
const orders = (partition: number) => ({ topic: 'orders', partition })

beforeAll(async () => {
  cluster = await startCluster({
    topics: [{ name: 'orders', partitions: 2, replicationFactor: 3 }],
  })
  admin = cluster.admin('operator')
})
afterAll(() => cluster.stop())

test('partitions are added, or it is said why not', async () => {
  const [validated] = await admin.createPartitions([{ name: 'orders', totalCount: 4 }], {
    validateOnly: true,
  })
  expect(validated).toEqual({ name: 'orders', error: null })
  expect((await admin.describeTopics(['orders']))[0]?.partitions).toHaveLength(2)
  expect(
    await admin.createPartitions([
      { name: 'orders', totalCount: 3, assignments: [[3, 1, 2]] },
      { name: 'nothing', totalCount: 3 },
    ]),
  ).toMatchObject([
    { name: 'orders', error: null },
    { name: 'nothing', error: { name: 'UNKNOWN_TOPIC_OR_PARTITION' } },
  ])
  await cluster.partition('orders', 2).until(({ leader, isr }) => leader === 3 && isr.length === 3)
})

test('configurations are set, appended to and deleted, of topics and of brokers', async () => {
  const of = async (type: 'topic' | 'broker', name: string, key: string) =>
    (await admin.describeConfigs([{ type, name, keys: [key] }]))[0]?.entries[0]
  const change = (changes: Parameters<AdminHandle['alterConfigs']>[0][number]['changes']) =>
    admin.alterConfigs([{ type: 'topic', name: 'orders', changes }])
  expect(await change([{ name: 'retention.ms', value: '1234567' }])).toEqual([
    { type: 'topic', name: 'orders', error: null },
  ])
  expect(await of('topic', 'orders', 'retention.ms')).toMatchObject({
    value: '1234567',
    isDefault: false,
  })
  await change([{ op: 'append', name: 'cleanup.policy', value: 'compact' }])
  expect((await of('topic', 'orders', 'cleanup.policy'))?.value).toBe('delete,compact')
  await change([
    { op: 'delete', name: 'retention.ms' },
    { op: 'subtract', name: 'cleanup.policy', value: 'compact' },
  ])
  expect(await of('topic', 'orders', 'retention.ms')).toMatchObject({ isDefault: true })
  expect(await change([{ name: 'retention.ms', value: 'soon' }])).toMatchObject([
    { error: { name: 'INVALID_CONFIG' } },
  ])
  const brokers = [
    {
      type: 'broker' as const,
      name: '2',
      changes: [{ name: 'message.max.bytes', value: '99999' }],
    },
  ]
  expect(await admin.alterConfigs(brokers)).toMatchObject([{ name: '2', error: null }])
  await cluster.advance(100)
  expect((await of('broker', '2', 'message.max.bytes'))?.value).toBe('99999')
})

test('records are deleted up to an offset, or all that is committed', async () => {
  const producer = cluster.producer('writer')
  for (const partition of [0, 1])
    for (const value of ['a', 'b', 'c']) await producer.send({ ...orders(partition), value })
  expect(
    await admin.deleteRecords([
      { ...orders(0), before: 2 },
      { ...orders(1), before: 'highWatermark' },
      { topic: 'nothing', partition: 0, before: 1 },
      { ...orders(0), before: 99 },
    ]),
  ).toMatchObject([
    { ...orders(0), lowWatermark: 2, error: null },
    { ...orders(1), lowWatermark: 3, error: null },
    { topic: 'nothing', lowWatermark: -1, error: { name: 'UNKNOWN_TOPIC_OR_PARTITION' } },
    { ...orders(0), error: { name: 'OFFSET_OUT_OF_RANGE' } },
  ])
  const [begins] = await admin.listOffsets([{ ...orders(0), at: 'earliest' }])
  expect(begins?.offset).toBe(2)
  const { producerId } = producer.producer
  expect(await admin.describeProducers([orders(0), orders(9)])).toMatchObject([
    { ...orders(0), producers: [{ producerId, producerEpoch: 0, lastSequence: 2 }], error: null },
    { ...orders(9), producers: [], error: { name: 'UNKNOWN_TOPIC_OR_PARTITION' } },
  ])
  await producer.close()
})

test('leaders are elected: those preferred, where they are not yet', async () => {
  const partition = cluster.partition('orders', 0)
  const preferred = partition.leader
  await preferred?.stop()
  await partition.until(({ leader }) => leader >= 0 && leader !== preferred?.id)
  await preferred?.restart()
  await partition.until(({ isr }) => isr.length === 3)
  expect(await admin.electLeaders('preferred', [orders(0)])).toEqual([
    { ...orders(0), error: null },
  ])
  await partition.until(({ leader }) => leader === preferred?.id)
  expect(await admin.electLeaders('preferred', [orders(0)])).toMatchObject([
    { error: { name: 'ELECTION_NOT_NEEDED' } },
  ])
})

test('members are removed, and offsets of what nobody reads forgotten', async () => {
  const consumer = cluster.consumer('member', {
    groupId: 'billing',
    topics: ['orders'],
    groupInstanceId: 'till',
  })
  consumer.batches.subscribe(batch => batch.ack())
  await cluster.group('billing').stable({ members: 1 })
  expect(await admin.deleteGroupOffsets('billing', [orders(0)])).toMatchObject([
    { error: { name: 'GROUP_SUBSCRIBED_TO_TOPIC' } },
  ])
  consumer.kill()
  expect(
    await admin.removeGroupMembers(
      'billing',
      [{ groupInstanceId: 'till' }, { memberId: 'nobody' }],
      { reason: 'it is dead' },
    ),
  ).toMatchObject([
    { groupInstanceId: 'till', error: null },
    { memberId: 'nobody', error: { name: 'UNKNOWN_MEMBER_ID' } },
  ])
  await cluster
    .group('billing')
    .stable({ members: 0 })
    .catch(() => {})
  await admin.alterGroupOffsets('billing', [{ ...orders(0), offset: 2 }])
  expect(await admin.deleteGroupOffsets('billing', [orders(0)])).toEqual([
    { ...orders(0), error: null },
  ])
  expect(await admin.listGroupOffsets('billing', [orders(0)])).toMatchObject([{ offset: -1 }])
})

test('what lies on the disks of all brokers, or of one', async () => {
  const dirs = await admin.describeLogDirs()
  expect(dirs.map(({ brokerId }) => brokerId)).toEqual([1, 2, 3])
  for (const { replicas } of dirs)
    expect(replicas).toContainEqual(
      expect.objectContaining({ ...orders(0), offsetLag: 0, isFuture: false }),
    )
  expect(await admin.describeLogDirs([2])).toMatchObject([{ brokerId: 2, error: null }])
})
