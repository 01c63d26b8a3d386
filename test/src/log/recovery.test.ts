import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Log } from '../../../src/log/log.ts'
import { defaultLogOptions } from '../../../src/log/log-options.ts'
import { encodeMarker } from '../../../src/records/control.ts'
import { batchOf, joined, type LogBox, logOf, nowMs, printed, read } from './logs.ts'

/** Twelve batches of two records in segments of three, of two leader epochs and one idempotent producer. */
function filled(): LogBox {
  const sent = (i: number) => batchOf(2, { producerId: 5, producerEpoch: 0, baseSequence: 2 * i })
  const box = logOf({ segmentBytes: 3 * sent(0).length, indexIntervalBytes: 100 })
  for (let i = 0; i < 12; i++) box.append(sent(i), i < 7 ? 0 : 3)
  return box
}

const all = printed(read(filled().log, 0))

const known = (log: Log) => ({
  logStartOffset: log.logStartOffset,
  logEndOffset: log.logEndOffset,
  segmentCount: log.segmentCount,
  sizeBytes: log.sizeBytes,
  leaderEpochs: log.leaderEpochs,
  producers: [...log.producers.values()].map(({ batches, ...entry }) => ({
    ...entry,
    last: batches.at(-1),
  })),
  batches: printed(read(log, log.logStartOffset)),
  greatest: log.offsetOfMaxTimestamp(),
})

test('a log that died is found as it was', () => {
  const box = filled()
  const before = known(box.log)
  box.reopen()
  expect(known(box.log)).toEqual(before)
  expect(box.append(batchOf(1), 3)).toBe(24)
})

test('a log that was closed is found as it was, without reading it through', () => {
  const box = filled()
  const before = known(box.log)
  box.log.close()
  box.log = Log.open(box.disk, 't-0', box.log.options, nowMs, { clean: true })
  expect(known(box.log)).toEqual(before)
  for (let offset = 0; offset < 24; offset++)
    expect(read(box.log, offset, { maxBytes: 1 })[0]?.baseOffset).toBe(offset - (offset % 2))
  expect(box.append(batchOf(1), 3)).toBe(24)
})

test('after a clean stop a producer may still try again each of its last five batches', () => {
  const box = filled()
  box.log.close()
  box.log = Log.open(box.disk, 't-0', box.log.options, nowMs, { clean: true })
  const again = (i: number) =>
    box.log.appendAsLeader(batchOf(2, { producerId: 5, producerEpoch: 0, baseSequence: 2 * i }), {
      leaderEpoch: 3,
      nowMs,
      origin: 'client',
    })
  for (let i = 7; i < 12; i++)
    expect(again(i)).toMatchObject({ duplicate: true, baseOffset: 2 * i })
  expect(again(6)).toMatchObject({ ok: false })
  expect(again(12)).toMatchObject({ duplicate: false, baseOffset: 24 })
})

test('what was flushed before the recovery point is not read through', () => {
  const box = filled()
  box.log.flush()
  expect(box.log.recoveryPoint).toBe(24)
  // A damage that reading through would find.
  const file = box.disk.open('t-0/00000000000000000006.log')
  file.write(80, new Uint8Array([1, 2, 3]))
  box.reopen({ recoveryPoint: 12 })
  expect(printed(read(box.log, 0))).toBe(all)
  box.reopen({ recoveryPoint: 6 })
  expect(box.log.logEndOffset).toBe(6)
})

test.each([
  { what: 'a batch cut short', cut: 40, extra: [], end: 22 },
  { what: 'a few bytes too many', cut: 0, extra: [1, 2, 3], end: 24 },
  { what: 'many zero bytes too many', cut: 0, extra: new Array(5000).fill(0), end: 24 },
  { what: 'a batch cut short within its header', cut: batchOf(2).length - 20, extra: [], end: 22 },
])('$what at the end is cut off', ({ cut, extra, end }) => {
  const box = filled()
  const file = box.disk.open('t-0/00000000000000000018.log')
  file.truncate(file.length - cut)
  file.append([new Uint8Array(extra)])
  box.reopen()
  expect(box.log.logEndOffset).toBe(end)
  expect(all.startsWith(printed(read(box.log, 0)))).toBe(true)
  expect(box.append(batchOf(2), 3)).toBe(end)
  expect(read(box.log, 0).at(-1)?.baseOffset).toBe(end)
})

test('a damaged batch ends the log there: what comes after it is removed, segments too', () => {
  const box = filled()
  const file = box.disk.open('t-0/00000000000000000006.log')
  const one = file.length / 3
  file.write(one + 70, new Uint8Array([0xff]))
  box.reopen()
  expect(box.log.logEndOffset).toBe(8)
  expect(box.log.segmentCount).toBe(2)
  expect(box.log.latestLeaderEpoch).toBe(0)
  expect(box.disk.list('t-0').filter(name => name.endsWith('.log')).length).toBe(2)
  expect(box.log.producers.get(5)?.batches.at(-1)?.lastSequence).toBe(7)
})

test('after a gap that was not flushed nothing counts: it is a loss; compaction leaves such gaps too', () => {
  for (const compacts of [false, true]) {
    const box = filled()
    const file = box.disk.open('t-0/00000000000000000006.log')
    file.truncate((file.length / 3) * 2)
    box.log.abandon()
    const options = { ...box.log.options, compacts }
    box.log = Log.open(box.disk, 't-0', options, nowMs, { recoveryPoint: 12 })
    expect([box.log.logEndOffset, box.log.segmentCount]).toEqual([24, 4])
    box.log.abandon()
    box.log = Log.open(box.disk, 't-0', options, nowMs, { recoveryPoint: 6 })
    expect([box.log.logEndOffset, box.log.segmentCount]).toEqual(compacts ? [24, 4] : [10, 2])
  }
})

test('indexes that were made anew after a death are written: the next start does not walk through the segments again', () => {
  const box = filled()
  const indexes = () =>
    box.disk
      .list('t-0')
      .filter(name => /index$/.test(name))
      .map(name => `${name} ${box.disk.open(`t-0/${name}`).length}`)
  const before = indexes()
  for (const name of box.disk.list('t-0'))
    if (/index$/.test(name)) box.disk.open(`t-0/${name}`).truncate(0)
  box.reopen()
  expect(indexes()).toEqual(before)
})

test('damaged or missing indexes are made anew', () => {
  for (const damage of ['remove', 'tear', 'noise'] as const) {
    const box = filled()
    box.log.close()
    for (const name of box.disk.list('t-0').filter(one => /index$/.test(one))) {
      const file = box.disk.open(`t-0/${name}`)
      if (damage === 'remove') box.disk.remove(`t-0/${name}`)
      else if (damage === 'tear') file.truncate(Math.max(0, file.length - 3))
      else file.append([new Uint8Array(24).fill(0xee)])
    }
    box.log = Log.open(box.disk, 't-0', box.log.options, nowMs, { clean: true })
    expect(printed(read(box.log, 0))).toBe(all)
    for (let offset = 0; offset < 24; offset++)
      expect(read(box.log, offset, { maxBytes: 1 })[0]?.baseOffset).toBe(offset - (offset % 2))
  }
})

test('leader epochs that the log does not reach are forgotten, those it has are found in it', () => {
  const box = filled()
  box.log.assignLeaderEpoch(9, 24)
  box.reopen()
  expect(box.log.latestLeaderEpoch).toBe(3)
  box.disk.remove('t-0/leader-epoch-checkpoint')
  box.reopen()
  expect(box.log.leaderEpochs).toEqual([
    { leaderEpoch: 0, startOffset: 0 },
    { leaderEpoch: 3, startOffset: 14 },
  ])
})

test('a damaged producer snapshot is passed over for an older one', () => {
  const box = filled()
  for (const name of box.disk
    .list('t-0')
    .filter(one => one.endsWith('.snapshot'))
    .slice(1))
    box.disk.open(`t-0/${name}`).write(8, new Uint8Array([0xff]))
  box.reopen()
  expect(box.log.producers.get(5)?.batches.at(-1)?.lastSequence).toBe(23)
})

test('producers that were silent for too long do not come back from a snapshot', () => {
  const box = filled()
  box.log.close()
  const laterMs = nowMs + defaultLogOptions.producerIdExpirationMs + 2
  box.log = Log.open(box.disk, 't-0', box.log.options, laterMs, { clean: true })
  expect(box.log.producers.size).toBe(0)
})

test('a log start from the checkpoint holds, and one beyond the end begins anew', () => {
  const box = filled()
  box.reopen({ logStartOffset: 7 })
  expect(box.log.logStartOffset).toBe(7)
  expect(box.log.leaderEpochs[0]).toEqual({ leaderEpoch: 0, startOffset: 7 })
  box.reopen({ logStartOffset: 99 })
  expect([box.log.logStartOffset, box.log.logEndOffset]).toEqual([99, 99])
})

test('open transactions are found again', () => {
  const box = logOf({ segmentBytes: 300 })
  const sent = (baseSequence: number) =>
    batchOf(2, { producerId: 5, producerEpoch: 0, baseSequence, isTransactional: true })
  box.append(batchOf(2))
  for (let i = 0; i < 5; i++) box.append(sent(2 * i))
  box.reopen()
  expect(box.log.lastStableOffset(12)).toBe(2)
  const marker = encodeMarker({
    outcome: 'abort',
    coordinatorEpoch: 0,
    producerId: 5,
    producerEpoch: 0,
    timestampMs: nowMs,
  })
  box.log.appendAsLeader(marker, { leaderEpoch: 0, nowMs, origin: 'coordinator' })
  box.reopen()
  expect(box.log.lastStableOffset(13)).toBe(13)
})

test('leftovers of interrupted work are removed', () => {
  const box = filled()
  for (const name of [
    '00000000000000000000.log.deleted',
    'x.cleaned',
    'leader-epoch-checkpoint.tmp',
  ])
    box.disk.open(`t-0/${name}`).close()
  box.reopen()
  expect(box.disk.list('t-0').filter(name => /deleted|cleaned|tmp/.test(name))).toEqual([])
  expect(printed(read(box.log, 0))).toBe(all)
})

test('batches larger than a reading window are recovered', () => {
  const box = logOf({ maxMessageBytes: 8 << 20 })
  const large = batchOf(60_000)
  expect(large.length).toBeGreaterThan(1 << 20)
  box.append(batchOf(1))
  box.append(large)
  box.append(batchOf(1))
  box.reopen()
  expect(printed(read(box.log, 0))).toBe('0-0@0 1-60000@0 60001-60001@0')
  const file = box.disk.open('t-0/00000000000000000000.log')
  file.truncate(file.length - batchOf(1).length - 5)
  box.reopen()
  expect(box.log.logEndOffset).toBe(1)
})

test('a segment that begins before the end of the one before it is removed', () => {
  const box = filled()
  box.disk
    .open('t-0/00000000000000000020.log')
    .append([joined(batchOf(2, { baseOffset: 20, partitionLeaderEpoch: 3 }))])
  box.reopen()
  expect(printed(read(box.log, 0))).toBe(all)
})

test('whatever the disk did to its files, the log opens with sound batches in order', () => {
  const damage = fc.record({
    file: fc.nat(30),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    bytes: fc.uint8Array({ maxLength: 40 }),
    how: fc.constantFrom('cut', 'write', 'append'),
  })
  fc.assert(
    fc.property(
      fc.array(damage, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      (damages, closed) => {
        const box = filled()
        if (closed) box.log.close()
        const names = box.disk
          .list('t-0')
          .filter(name => /\.(log|index|timeindex|snapshot)$/.test(name))
        for (const { file, at, bytes, how } of damages) {
          const damaged = box.disk.open(`t-0/${names[file % names.length]}`)
          const position = Math.floor(at * damaged.length)
          if (how === 'cut') damaged.truncate(position)
          else if (how === 'append') damaged.append([bytes])
          else damaged.write(position, bytes.subarray(0, damaged.length - position))
        }
        box.log = Log.open(box.disk, 't-0', box.log.options, nowMs)
        const batches = read(box.log, 0)
        expect(batches.every(batch => batch.hasValidCrc)).toBe(true)
        const bases = batches.map(batch => batch.baseOffset)
        expect(bases).toEqual(bases.toSorted((a, b) => a - b))
        // A segment cut between two batches leaves a gap, as compaction does: it cannot be told from one.
        const { logEndOffset } = box.log
        expect(logEndOffset).toBeGreaterThan(batches.at(-1)?.lastOffset ?? -1)
        expect(box.append(batchOf(1), 4)).toBe(logEndOffset)
        expect(read(box.log, logEndOffset)[0]?.baseOffset).toBe(logEndOffset)
      },
    ),
  )
})
