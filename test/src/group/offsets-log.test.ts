import { expect, test } from 'vitest'
import {
  commitBatch,
  groupBatch,
  OffsetsLogReading,
  tombstoneBatch,
} from '../../../src/group/offsets-log.ts'
import { RecordBatch, viewOf } from '../../../src/records/batch.ts'
import { encodeMarker } from '../../../src/records/control.ts'
import { decodeRecords, encodeBatch } from '../../../src/records/record.ts'

const commit = (offset: number) => ({
  offset,
  leaderEpoch: 3,
  metadata: 'note',
  commitTimestampMs: 1000,
  expireTimestampMs: null,
})
const group = {
  protocolType: 'consumer',
  generation: 4,
  protocol: 'range',
  leader: 'm1',
  currentStateTimestamp: 900,
  members: [
    {
      memberId: 'm1',
      groupInstanceId: 'i1',
      clientId: 'client',
      clientHost: '/127.0.0.1',
      rebalanceTimeout: 60_000,
      sessionTimeout: 10_000,
      subscription: new Uint8Array([1, 2]),
      assignment: new Uint8Array([3]),
    },
  ],
}

/** As the log would have them: one after the other, each with its base offset. */
function log(...batches: (Uint8Array | null)[]): Uint8Array {
  let offset = 0
  const placed = batches.flatMap(bytes => {
    if (bytes === null) return []
    const batch = bytes.slice()
    const view = viewOf(batch)
    view.setBigInt64(0, BigInt(offset))
    offset += new RecordBatch(view).recordCount
    return [...batch]
  })
  return new Uint8Array(placed)
}

const read = (...batches: (Uint8Array | null)[]) => {
  const reading = new OffsetsLogReading()
  reading.read(log(...batches))
  return reading
}
const offsetsOf = (reading: OffsetsLogReading, groupId: string) =>
  reading
    .groups()
    .find(loaded => loaded.groupId === groupId)
    ?.offsets.all()
    .map(({ topic, partition, commit }) => `${topic}-${partition}:${commit.offset}`)

test('a group and its offsets come back as they were written', () => {
  const reading = read(
    groupBatch('billing', group, 1000),
    commitBatch('billing', [{ topic: 'orders', partition: 2, commit: commit(42) }], 1000),
  )
  const [loaded] = reading.groups()
  expect(loaded?.groupId).toBe('billing')
  expect(loaded?.stored).toEqual(group)
  expect(loaded?.offsets.get({ topic: 'orders', partition: 2 })).toEqual(commit(42))
})

test('an expiry of its own comes back, without the leader epoch that its version lacks', () => {
  const expiring = { ...commit(1), expireTimestampMs: 5000 }
  const [loaded] = read(
    commitBatch('billing', [{ topic: 'orders', partition: 0, commit: expiring }], 1),
  ).groups()
  expect(loaded?.offsets.get({ topic: 'orders', partition: 0 })).toEqual({
    ...expiring,
    leaderEpoch: -1,
  })
})

test('later records count, tombstones take back', () => {
  const orders = (offset: number, partition = 0) => ({
    topic: 'orders',
    partition,
    commit: commit(offset),
  })
  const reading = read(
    groupBatch('billing', group, 1000),
    commitBatch('billing', [orders(1), orders(5, 1)], 1000),
    commitBatch('billing', [orders(2)], 1000),
    commitBatch('gone', [orders(9)], 1000),
    groupBatch('gone', group, 1000),
    tombstoneBatch('gone', [{ topic: 'orders', partition: 0 }], true, 1000),
    tombstoneBatch('billing', [{ topic: 'orders', partition: 1 }], false, 1000),
  )
  expect(reading.groups().map(loaded => loaded.groupId)).toEqual(['billing'])
  expect(offsetsOf(reading, 'billing')).toEqual(['orders-0:2'])
})

test('where there is nothing to take back, nothing is written', () => {
  expect(tombstoneBatch('billing', [], false, 1)).toBeNull()
})

test('offsets without a group are those of a consumer that manages itself', () => {
  const [loaded] = read(
    commitBatch('simple', [{ topic: 'orders', partition: 0, commit: commit(1) }], 1),
  ).groups()
  expect(loaded).toMatchObject({ groupId: 'simple', stored: null })
})

test('offsets in a transaction wait for its marker', () => {
  const inTransaction = (producerId: number, offset: number) => {
    const plain = commitBatch(
      'g',
      [{ topic: 't', partition: producerId, commit: commit(offset) }],
      1,
    )
    const [record] = decodeRecords(new RecordBatch(viewOf(plain)))
    return encodeBatch({
      records: [{ key: record?.key ?? null, value: record?.value ?? null }],
      producerId,
      producerEpoch: 0,
      baseSequence: 0,
      isTransactional: true,
    })
  }
  const marker = (producerId: number, outcome: 'commit' | 'abort') =>
    encodeMarker({ producerId, producerEpoch: 0, outcome, coordinatorEpoch: 0, timestampMs: 1 })
  const reading = read(
    inTransaction(1, 10),
    inTransaction(2, 20),
    inTransaction(3, 30),
    marker(1, 'commit'),
    marker(2, 'abort'),
  )
  expect(offsetsOf(reading, 'g')).toEqual(['t-1:10'])
  expect(reading.groups()[0]?.offsets.isUnderWay({ topic: 't', partition: 3 })).toBe(true)
})

test('records of other kinds and what cannot be read are passed over', () => {
  const bytes = (...values: number[]) => new Uint8Array(values)
  const reading = read(
    encodeBatch({ records: [{ key: bytes(0, 3, 9, 9), value: bytes(0, 0) }] }),
    encodeBatch({ records: [{ key: bytes(0, 1, 0), value: bytes(0, 3) }] }),
    encodeBatch({ records: [{ value: bytes(1) }] }),
    commitBatch('billing', [{ topic: 'orders', partition: 0, commit: commit(1) }], 1),
  )
  expect(reading.groups().map(loaded => loaded.groupId)).toEqual(['billing'])
  expect(reading.unreadable).toHaveLength(2)
})
