import { expect, test } from 'vitest'
import { crc32c } from '../../../src/binary/crc32c.ts'
import { errors } from '../../../src/error.ts'
import { viewOf } from '../../../src/records/batch.ts'
import { encodeMarker } from '../../../src/records/control.ts'
import { decodeRecords, encodeBatch } from '../../../src/records/record.ts'
import { batchOf, codeOf, joined, logOf, nowMs, printed, read } from './logs.ts'

test('a leader gives batches their offsets and its epoch, and leaves the caller’s bytes alone', () => {
  const { log } = logOf()
  const bytes = batchOf(3)
  const before = bytes.slice()
  const as = { leaderEpoch: 4, nowMs, origin: 'client' } as const
  expect(log.appendAsLeader(bytes, as)).toEqual({
    ok: true,
    baseOffset: 0,
    lastOffset: 2,
    logAppendTimeMs: -1,
    logStartOffset: 0,
    duplicate: false,
  })
  expect(log.appendAsLeader(bytes, as)).toMatchObject({ baseOffset: 3, lastOffset: 5 })
  expect(bytes).toEqual(before)
  expect(log.logEndOffset).toBe(6)
  expect(printed(read(log, 0))).toBe('0-2@4 3-5@4')
  expect(read(log, 0).every(batch => batch.hasValidCrc)).toBe(true)
  expect(log.latestLeaderEpoch).toBe(4)
})

test('a coordinator appends several batches at once', () => {
  const { log } = logOf()
  const answer = log.appendAsLeader(joined(batchOf(2), batchOf(3)), {
    leaderEpoch: 0,
    nowMs,
    origin: 'coordinator',
  })
  expect(answer).toMatchObject({ ok: true, baseOffset: 0, lastOffset: 4 })
  expect(printed(read(log, 0))).toBe('0-1@0 2-4@0')
})

test('under LogAppendTime records bear the time of the append', () => {
  const { log } = logOf({ timestampType: 'LogAppendTime' })
  const answer = log.appendAsLeader(batchOf(2, { timestampMs: 5 }), {
    leaderEpoch: 0,
    nowMs: nowMs + 9,
    origin: 'client',
  })
  expect(answer).toMatchObject({ ok: true, logAppendTimeMs: nowMs + 9 })
  const [batch] = read(log, 0)
  expect(batch?.hasValidCrc && batch.isLogAppendTime).toBe(true)
  expect(batch && decodeRecords(batch).map(record => record.timestamp)).toEqual([
    nowMs + 9,
    nowMs + 9,
  ])
})

test('a header that lies about its greatest timestamp is put right', () => {
  const { log, append } = logOf()
  const bytes = batchOf(2)
  const view = viewOf(bytes)
  view.setUint32(39, view.getUint32(39) + 500)
  view.setUint32(17, crc32c(bytes, 21))
  append(bytes)
  expect(read(log, 0)[0]?.maxTimestamp).toBe(nowMs + 1)
  expect(read(log, 0)[0]?.hasValidCrc).toBe(true)
})

test('a refused batch leaves no trace', () => {
  const { log, disk } = logOf({ maxMessageBytes: 100 })
  const used = disk.bytesUsed
  const as = { leaderEpoch: 1, nowMs, origin: 'client' } as const
  expect(codeOf(log.appendAsLeader(batchOf(9), as))).toBe(errors.MESSAGE_TOO_LARGE)
  expect(codeOf(log.appendAsLeader(new Uint8Array(3), as))).toBe(errors.INVALID_RECORD)
  expect(log.logEndOffset).toBe(0)
  expect(disk.bytesUsed).toBe(used)
})

test('an idempotent batch that comes again is answered with the offsets it has', () => {
  const { log, append } = logOf()
  const sent = (baseSequence: number) =>
    batchOf(2, { producerId: 5, producerEpoch: 0, baseSequence })
  append(batchOf(1))
  append(sent(0))
  append(sent(2))
  const as = { leaderEpoch: 0, nowMs, origin: 'client' } as const
  expect(log.appendAsLeader(sent(0), as)).toEqual({
    ok: true,
    baseOffset: 1,
    lastOffset: 2,
    logAppendTimeMs: nowMs + 1,
    logStartOffset: 0,
    duplicate: true,
  })
  expect(log.logEndOffset).toBe(5)
  expect(codeOf(log.appendAsLeader(sent(9), as))).toBe(errors.OUT_OF_ORDER_SEQUENCE_NUMBER)
})

test('a follower knows the producers too: when it leads, a batch sent again is a duplicate', () => {
  const leader = logOf()
  const follower = logOf()
  const sent = batchOf(2, { producerId: 5, producerEpoch: 0, baseSequence: 0 })
  leader.append(sent)
  const answer = leader.log.read(0, { maxBytes: 9999, upToOffset: 2, minOneBatch: true })
  follower.log.appendAsFollower(answer.ok ? answer.records : new Uint8Array(0), nowMs)
  expect(
    follower.log.appendAsLeader(sent, { leaderEpoch: 1, nowMs, origin: 'client' }),
  ).toMatchObject({ duplicate: true, baseOffset: 0 })
})

test('a full disk is KAFKA_STORAGE_ERROR, and the log goes on where it was', () => {
  const { log, append, disk } = logOf({}, 3000)
  const as = { leaderEpoch: 0, nowMs, origin: 'client' } as const
  let answer = log.appendAsLeader(batchOf(9), as)
  while (answer.ok) answer = log.appendAsLeader(batchOf(9), as)
  expect(answer.errorCode).toBe(errors.KAFKA_STORAGE_ERROR)
  const { logEndOffset } = log
  expect(read(log, 0).at(-1)?.lastOffset).toBe(logEndOffset - 1)
  expect(append(batchOf(1))).toBe(logEndOffset)
  expect(disk.bytesUsed).toBeLessThanOrEqual(3000)
})

test('reading at an offset inside a batch answers that batch', () => {
  const { log, append } = logOf()
  for (let i = 0; i < 4; i++) append(batchOf(5))
  for (let offset = 0; offset < 20; offset++) {
    const [batch] = read(log, offset, { maxBytes: 1 })
    expect(batch?.baseOffset).toBe(Math.floor(offset / 5) * 5)
  }
})

test('reading at the end is empty, outside of the log OFFSET_OUT_OF_RANGE', () => {
  const { log, append } = logOf()
  append(batchOf(3))
  const limits = { maxBytes: 100, upToOffset: 3, minOneBatch: true }
  expect(log.read(3, limits)).toEqual({ ok: true, records: new Uint8Array(0), nextOffset: 3 })
  expect(codeOf(log.read(4, limits))).toBe(errors.OFFSET_OUT_OF_RANGE)
  expect(codeOf(log.read(-1, limits))).toBe(errors.OFFSET_OUT_OF_RANGE)
  log.advanceLogStartOffset(2, 3)
  expect(codeOf(log.read(1, limits))).toBe(errors.OFFSET_OUT_OF_RANGE)
  expect(printed(read(log, 2))).toBe('0-2@0')
})

test('a read ends with a whole batch within its bytes; the first one comes in any case if asked for', () => {
  const { log, append } = logOf({ indexIntervalBytes: 200 })
  const one = batchOf(2)
  for (let i = 0; i < 50; i++) append(one)
  for (let maxBytes = 0; maxBytes < 20 * one.length; maxBytes += 37) {
    const whole = Math.floor(maxBytes / one.length)
    expect(read(log, 10, { maxBytes, minOneBatch: false }).length).toBe(whole)
    expect(read(log, 10, { maxBytes }).length).toBe(Math.max(1, whole))
  }
})

test('a read stays below its upper offset', () => {
  const { log, append } = logOf({ indexIntervalBytes: 200 })
  for (let i = 0; i < 30; i++) append(batchOf(2))
  for (let upToOffset = 0; upToOffset <= 60; upToOffset++) {
    const answer = log.read(4, { maxBytes: 1 << 20, upToOffset, minOneBatch: true })
    const whole = Math.max(4, Math.floor(upToOffset / 2) * 2)
    expect(answer.ok && answer.records.length / batchOf(2).length).toBe((whole - 4) / 2)
    expect(read(log, 4, { upToOffset }).at(-1)?.lastOffset ?? 3).toBe(whole - 1)
  }
})

test('a read says where the next one goes on', () => {
  const { log, append } = logOf({ segmentBytes: 500, indexIntervalBytes: 100 })
  for (let i = 0; i < 40; i++) append(batchOf((i % 3) + 1))
  let offset = 0
  const bases: number[] = []
  while (offset < log.logEndOffset) {
    const answer = log.read(offset, {
      maxBytes: 700,
      upToOffset: log.logEndOffset,
      minOneBatch: true,
    })
    if (!answer.ok) throw new Error(answer.message)
    for (const batch of read(log, offset, { maxBytes: 700 })) bases.push(batch.baseOffset)
    expect(answer.nextOffset).toBeGreaterThan(offset)
    offset = answer.nextOffset
  }
  expect(bases).toEqual(read(log, 0).map(batch => batch.baseOffset))
  expect(bases.length).toBe(40)
})

test('a read of many segments is one array of all their batches', () => {
  const { log, append } = logOf({ segmentBytes: 300 })
  for (let i = 0; i < 30; i++) append(batchOf(2))
  expect(log.segmentCount).toBe(10)
  expect(read(log, 0).length).toBe(30)
  expect(read(log, 31).length).toBe(15)
})

test('what was read stays as it was, whatever happens to the log', () => {
  const { log, append } = logOf({ segmentBytes: 2000 })
  for (let i = 0; i < 5; i++) append(batchOf(3))
  const answer = log.read(0, { maxBytes: 1 << 20, upToOffset: 15, minOneBatch: true })
  const records = answer.ok ? answer.records : new Uint8Array(0)
  const before = records.slice()
  expect(before.length).toBe(5 * batchOf(3).length)
  for (let i = 0; i < 50; i++) append(batchOf(7))
  log.truncateTo(6)
  for (let i = 0; i < 50; i++) append(batchOf(2, { timestampMs: 1 }), 1)
  log.truncateFully(100)
  append(batchOf(1), 2)
  log.delete()
  expect(records).toEqual(before)
})

test('segments roll by size, and their files are named by their base offsets', () => {
  const { log, append, disk } = logOf({ segmentBytes: 2 * batchOf(2).length })
  for (let i = 0; i < 5; i++) append(batchOf(2))
  expect(log.segmentCount).toBe(3)
  log.close()
  expect(disk.list('t-0')).toEqual([
    '00000000000000000000.index',
    '00000000000000000000.log',
    '00000000000000000000.timeindex',
    '00000000000000000004.index',
    '00000000000000000004.log',
    '00000000000000000004.snapshot',
    '00000000000000000004.timeindex',
    '00000000000000000008.index',
    '00000000000000000008.log',
    '00000000000000000008.snapshot',
    '00000000000000000008.timeindex',
    '00000000000000000010.snapshot',
    'leader-epoch-checkpoint',
  ])
})

test('segments roll when their records span more than segment.ms', () => {
  const { log, append } = logOf({ segmentMs: 100 })
  append(batchOf(1, { timestampMs: nowMs }))
  append(batchOf(1, { timestampMs: nowMs + 100 }))
  expect(log.segmentCount).toBe(1)
  append(batchOf(1, { timestampMs: nowMs + 101 }))
  expect(log.segmentCount).toBe(2)
})

test('segments roll when the index is full', () => {
  const { log, append } = logOf({ indexIntervalBytes: 1, segmentIndexBytes: 60 })
  for (let i = 0; i < 12; i++) append(batchOf(1, { timestampMs: nowMs + i }))
  expect(log.segmentCount).toBeGreaterThan(1)
  expect(read(log, 0).length).toBe(12)
})

test('segments roll where offsets would not fit 31 bits', () => {
  const { log } = logOf()
  log.appendAsFollower(batchOf(1, { baseOffset: 0, partitionLeaderEpoch: 0 }), nowMs)
  log.appendAsFollower(batchOf(1, { baseOffset: 2 ** 31, partitionLeaderEpoch: 0 }), nowMs)
  expect(log.segmentCount).toBe(2)
  expect(printed(read(log, 1))).toBe(`${2 ** 31}-${2 ** 31}@0`)
})

const fetchedBatch = (baseOffset: number, count = 2, partitionLeaderEpoch = 0) =>
  batchOf(count, { baseOffset, partitionLeaderEpoch })

test('a follower takes offsets and epochs as they are', () => {
  const { log } = logOf()
  const fetched = joined(fetchedBatch(0), fetchedBatch(2, 3, 1), fetchedBatch(5, 1, 4))
  expect(log.appendAsFollower(fetched, nowMs)).toMatchObject({ baseOffset: 0, lastOffset: 5 })
  expect(printed(read(log, 0))).toBe('0-1@0 2-4@1 5-5@4')
  expect(log.leaderEpochs).toEqual([
    { leaderEpoch: 0, startOffset: 0 },
    { leaderEpoch: 1, startOffset: 2 },
    { leaderEpoch: 4, startOffset: 5 },
  ])
  expect(log.leaderEpochAt(4)).toBe(1)
})

test('a follower leaves out a batch that was cut short', () => {
  const { log } = logOf()
  const fetched = joined(fetchedBatch(0), fetchedBatch(2).subarray(0, 70))
  expect(log.appendAsFollower(fetched, nowMs)).toMatchObject({ ok: true, lastOffset: 1 })
  expect(log.appendAsFollower(new Uint8Array(0), nowMs)).toMatchObject({
    ok: true,
    baseOffset: 2,
    lastOffset: 1,
  })
})

test('a follower takes nothing of an append in which a batch is damaged or out of order', () => {
  const { log } = logOf()
  const damaged = fetchedBatch(2)
  damaged[80] = 0xee
  const append = (...chunks: Uint8Array[]) => codeOf(log.appendAsFollower(joined(...chunks), nowMs))
  expect(append(fetchedBatch(0), damaged)).toBe(errors.CORRUPT_MESSAGE)
  expect(append(fetchedBatch(0), new Uint8Array(100))).toBe(errors.CORRUPT_MESSAGE)
  expect(append(fetchedBatch(5), fetchedBatch(3))).toBe(errors.OFFSET_OUT_OF_RANGE)
  expect(log.logEndOffset).toBe(0)
  expect(append(fetchedBatch(0))).toBe(0)
  expect(append(fetchedBatch(1))).toBe(errors.OFFSET_OUT_OF_RANGE)
})

test('a follower leaves out batches of an epoch newer than the one it fetched in', () => {
  const { log } = logOf()
  const fetched = joined(fetchedBatch(0, 2, 3), fetchedBatch(2, 2, 9))
  expect(log.appendAsFollower(fetched, nowMs, 3)).toMatchObject({ ok: true, lastOffset: 1 })
  expect(log.latestLeaderEpoch).toBe(3)
})

test('a follower takes a gap, which compaction left at its leader', () => {
  const { log } = logOf()
  log.appendAsFollower(joined(fetchedBatch(0), fetchedBatch(10)), nowMs)
  expect(log.logEndOffset).toBe(12)
  expect(read(log, 5)[0]?.baseOffset).toBe(10)
})

test('a fetch larger than a segment is spread over segments', () => {
  const { log } = logOf({ segmentBytes: 2 * fetchedBatch(0).length })
  const fetched = Array.from({ length: 9 }, (_, i) => fetchedBatch(2 * i))
  log.appendAsFollower(joined(...fetched), nowMs)
  expect(log.segmentCount).toBe(5)
  expect(read(log, 0).length).toBe(9)
})

test('an empty follower whose leader’s log begins inside a batch takes that batch whole', () => {
  const { log } = logOf()
  log.truncateFully(13)
  expect(log.appendAsFollower(fetchedBatch(10, 5), nowMs)).toMatchObject({ ok: true })
  expect(log.logStartOffset).toBe(13)
  expect(log.logEndOffset).toBe(15)
  expect(printed(read(log, 13))).toBe('10-14@0')
})

test('truncating drops batches from the offset on; inside a batch all of it', () => {
  const { log, append } = logOf({ segmentBytes: 400 })
  for (let i = 0; i < 10; i++) append(batchOf(3), Math.floor(i / 3))
  log.truncateTo(99)
  expect(log.logEndOffset).toBe(30)
  log.truncateTo(24)
  expect(log.logEndOffset).toBe(24)
  log.truncateTo(22)
  expect(log.logEndOffset).toBe(21)
  expect(read(log, 0).length).toBe(7)
  expect(log.latestLeaderEpoch).toBe(2)
  expect(append(batchOf(1), 5)).toBe(21)
  log.truncateTo(0)
  expect(log.logEndOffset).toBe(0)
  expect(log.latestLeaderEpoch).toBe(-1)
})

test('truncating at the end still forgets an epoch that never wrote', () => {
  const { log, append } = logOf()
  append(batchOf(3), 1)
  log.assignLeaderEpoch(2, 3)
  expect(log.endOffsetForEpoch(1)).toEqual({ leaderEpoch: 1, endOffset: 3 })
  expect(log.latestLeaderEpoch).toBe(2)
  log.truncateTo(3)
  expect(log.latestLeaderEpoch).toBe(1)
})

test('truncating forgets the producers’ batches that went', () => {
  const { log, append } = logOf()
  const sent = (baseSequence: number) =>
    batchOf(2, { producerId: 5, producerEpoch: 0, baseSequence })
  append(sent(0))
  append(sent(2))
  log.truncateTo(2)
  expect(append(sent(2))).toBe(2)
  expect(log.producers.get(5)?.batches.length).toBe(2)
})

test('truncating fully begins anew', () => {
  const { log, append, disk } = logOf({ segmentBytes: 300 })
  for (let i = 0; i < 10; i++) append(batchOf(3))
  log.truncateFully(500)
  expect([log.logStartOffset, log.logEndOffset, log.sizeBytes]).toEqual([500, 500, 0])
  expect(disk.list('t-0')).toEqual(['00000000000000000500.log', 'leader-epoch-checkpoint'])
  expect(append(batchOf(1))).toBe(500)
})

test('truncating before the log’s start begins anew there', () => {
  const { log, append } = logOf()
  log.truncateFully(500)
  append(batchOf(3))
  log.truncateTo(400)
  expect([log.logStartOffset, log.logEndOffset]).toEqual([400, 400])
})

test('the log start moves on, never back, never beyond the high watermark', () => {
  const { log, append } = logOf({ segmentBytes: 2 * batchOf(2).length })
  for (let i = 0; i < 6; i++) append(batchOf(2), i)
  expect(codeOf(log.advanceLogStartOffset(9, 8))).toBe(errors.OFFSET_OUT_OF_RANGE)
  expect(log.advanceLogStartOffset(7, 8)).toBeNull()
  expect(log.advanceLogStartOffset(3, 8)).toBeNull()
  expect(log.logStartOffset).toBe(7)
  expect(log.segmentCount).toBe(2)
  expect(printed(read(log, 7)).startsWith('6-7@3')).toBe(true)
  expect(log.leaderEpochs[0]).toEqual({ leaderEpoch: 3, startOffset: 7 })
})

test('retention removes the oldest segments and moves the log start', () => {
  const one = batchOf(2).length
  const { log, append, disk } = logOf({ segmentBytes: 2 * one, retentionBytes: 4 * one })
  for (let i = 0; i < 11; i++) append(batchOf(2), Math.floor(i / 4))
  expect(log.applyRetention(3, nowMs)).toBe(0)
  expect(log.applyRetention(22, nowMs)).toBe(3)
  expect(log.logStartOffset).toBe(12)
  expect(log.leaderEpochs[0]).toEqual({ leaderEpoch: 1, startOffset: 12 })
  expect(disk.list('t-0').filter(name => /^0+(0|4|8)\./.test(name))).toEqual([])
  expect(log.applyRetention(22, nowMs)).toBe(0)
})

test('retention by time rolls the active segment away too', () => {
  const { log, append } = logOf({ retentionMs: 1000 })
  append(batchOf(2))
  expect(log.applyRetention(2, nowMs + 1001)).toBe(0)
  expect(log.applyRetention(2, nowMs + 1002)).toBe(1)
  expect([log.logStartOffset, log.logEndOffset, log.segmentCount]).toEqual([2, 2, 1])
  expect(append(batchOf(1))).toBe(2)
})

test('a timestamp is found to the record', () => {
  const { log, append } = logOf({ segmentBytes: 700, indexIntervalBytes: 150 })
  for (let i = 0; i < 40; i++) append(batchOf(3, { timestampMs: 1000 + 10 * i }), 2)
  for (let timestamp = 995; timestamp < 1392; timestamp++) {
    const i = Math.max(0, Math.floor((timestamp - 1000) / 10))
    const within = Math.max(0, timestamp - 1000 - 10 * i)
    const offset = within <= 2 ? 3 * i + within : 3 * (i + 1)
    expect(log.offsetForTimestamp(timestamp)).toMatchObject({ offset, leaderEpoch: 2 })
  }
  expect(log.offsetForTimestamp(1393)).toBeNull()
  expect(log.offsetForTimestamp(-5)).toMatchObject({ offset: 0, timestamp: 1000 })
})

test('timestamps out of order are found where they first reach the target', () => {
  const { log, append } = logOf({ indexIntervalBytes: 100 })
  const stamps = [50, 10, 70, 20, 60, 90, 80]
  for (const timestampMs of stamps) append(batchOf(1, { timestampMs }))
  const found = (timestamp: number) => log.offsetForTimestamp(timestamp)?.offset
  expect([5, 50, 51, 61, 71, 90].map(found)).toEqual([0, 0, 2, 2, 5, 5])
  expect(log.offsetOfMaxTimestamp()).toEqual({ timestamp: 90, offset: 5, leaderEpoch: 0 })
})

test('the search by timestamp minds the log start', () => {
  const { log, append } = logOf()
  append(batchOf(5, { timestampMs: 100 }))
  append(batchOf(5, { timestampMs: 50 }))
  log.advanceLogStartOffset(3, 10)
  expect(log.offsetForTimestamp(60)).toMatchObject({ offset: 3, timestamp: 103 })
  log.advanceLogStartOffset(5, 10)
  expect(log.offsetForTimestamp(60)).toBeNull()
})

test('the greatest timestamp of an empty log is none, of records without timestamps too', () => {
  const { log, append } = logOf()
  expect(log.offsetOfMaxTimestamp()).toBeNull()
  append(encodeBatch({ records: [{ value: null }] }))
  expect(log.offsetOfMaxTimestamp()).toBeNull()
})

test('the last stable offset waits for transactions, and for their ends to be replicated', () => {
  const { log, append } = logOf()
  append(batchOf(2))
  expect(log.lastStableOffset(2)).toBe(2)
  append(batchOf(2, { producerId: 5, producerEpoch: 0, baseSequence: 0, isTransactional: true }))
  append(batchOf(2))
  expect(log.lastStableOffset(6)).toBe(2)
  expect(log.lastStableOffset(1)).toBe(1)
  const marker = encodeMarker({
    outcome: 'commit',
    coordinatorEpoch: 0,
    producerId: 5,
    producerEpoch: 0,
    timestampMs: nowMs,
  })
  log.appendAsLeader(marker, { leaderEpoch: 0, nowMs, origin: 'coordinator' })
  expect(log.lastStableOffset(6)).toBe(2)
  expect(log.lastStableOffset(7)).toBe(7)
})

test('silent producers are forgotten, and then any sequence is taken', () => {
  const { log, append } = logOf({ producerIdExpirationMs: 1000 })
  append(batchOf(1, { producerId: 5, producerEpoch: 0, baseSequence: 0 }))
  log.expireProducers(nowMs + 999)
  expect(log.producers.size).toBe(1)
  log.expireProducers(nowMs + 1000)
  append(batchOf(1, { producerId: 5, producerEpoch: 0, baseSequence: 40 }))
})

test('a new configuration holds from the next append on', () => {
  const { log, append } = logOf()
  log.reconfigure({ ...log.options, maxMessageBytes: 10 })
  expect(() => append(batchOf(1))).toThrow('at most 10')
})

test('a deleted log leaves nothing behind', () => {
  const { log, append, disk } = logOf({ segmentBytes: 300 })
  for (let i = 0; i < 10; i++) append(batchOf(2))
  log.delete()
  expect(disk.list('')).toEqual([])
  expect(disk.bytesUsed).toBe(0)
})
