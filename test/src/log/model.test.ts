import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Log } from '../../../src/log/log.ts'
import { batchOf, logOf, nowMs, read } from './logs.ts'

/** What the log should hold: a list of batches, and nothing clever. */
interface ModelBatch {
  readonly base: number
  readonly last: number
  readonly leaderEpoch: number
  readonly timestampMs: number
  readonly bytes: number
}

const part = fc.double({ min: 0, max: 1, noNaN: true })
const action = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('append'),
      count: fc.integer({ min: 1, max: 9 }),
      timestampMs: fc.integer({ min: 0, max: 1000 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lead') }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('read'),
      at: part,
      upTo: part,
      maxBytes: fc.integer({ min: 0, max: 3000 }),
      minOneBatch: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('search'),
      timestampMs: fc.integer({ min: -1, max: 1010 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('truncate'), at: part }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('advance'), at: part }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('retain'),
      bytes: fc.integer({ min: 0, max: 3000 }),
      at: part,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('die'), torn: fc.integer({ min: 0, max: 50 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('close') }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('begin'), at: fc.integer({ min: 0, max: 90 }) }),
  },
)
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never

function run(actions: readonly Action[]): void {
  const box = logOf({ segmentBytes: 900, indexIntervalBytes: 150 })
  let batches: ModelBatch[] = []
  let start = 0
  let end = 0
  let leaderEpoch = 0
  const offsetAt = (at: number) => Math.min(end, start + Math.floor(at * (end - start + 1)))
  /** Every view handed out, with what it was. */
  const views: { view: Uint8Array; copy: Uint8Array }[] = []

  const step = (one: Action): void => {
    const { log } = box
    if (one.kind === 'append') {
      const bytes = batchOf(one.count, { timestampMs: one.timestampMs })
      expect(box.append(bytes, leaderEpoch)).toBe(end)
      const last = end + one.count - 1
      const { timestampMs } = one
      batches.push({ base: end, last, leaderEpoch, timestampMs, bytes: bytes.length })
      end = last + 1
    } else if (one.kind === 'lead') {
      leaderEpoch++
      log.assignLeaderEpoch(leaderEpoch, end)
      expect(log.latestLeaderEpoch).toBe(leaderEpoch)
    } else if (one.kind === 'read') {
      const from = offsetAt(one.at)
      const upToOffset = offsetAt(one.upTo)
      const { maxBytes, minOneBatch } = one
      const answer = log.read(from, { maxBytes, upToOffset, minOneBatch })
      if (!answer.ok) throw new Error(answer.message)
      views.push({ view: answer.records, copy: answer.records.slice() })
      const expected: ModelBatch[] = []
      let bytes = 0
      for (const batch of batches) {
        if (batch.last < from) continue
        const fits = bytes + batch.bytes <= maxBytes || (minOneBatch && bytes === 0)
        if (!fits || batch.last >= upToOffset) break
        bytes += batch.bytes
        expected.push(batch)
      }
      const got = read(log, from, { maxBytes, upToOffset, minOneBatch })
      expect(
        got.map(batch => [batch.baseOffset, batch.lastOffset, batch.partitionLeaderEpoch]),
      ).toEqual(expected.map(batch => [batch.base, batch.last, batch.leaderEpoch]))
      expect(answer.nextOffset).toBe(expected.length > 0 ? (expected.at(-1)?.last ?? 0) + 1 : from)
    } else if (one.kind === 'search') {
      const records = batches.flatMap(batch =>
        Array.from({ length: batch.last - batch.base + 1 }, (_, i) => ({
          offset: batch.base + i,
          timestamp: batch.timestampMs + i,
          leaderEpoch: batch.leaderEpoch,
        })),
      )
      const within = records.filter(record => record.offset >= start)
      expect(log.offsetForTimestamp(one.timestampMs)).toEqual(
        within.find(record => record.timestamp >= one.timestampMs) ?? null,
      )
    } else if (one.kind === 'truncate') {
      const at = offsetAt(one.at)
      batches = batches.filter(batch => batch.last < at)
      if (at < end) end = batches.at(-1)?.last === undefined ? at : (batches.at(-1)?.last ?? 0) + 1
      log.truncateTo(at)
      // What stood before the start may be gone with its segment: then the log begins where it was cut.
      if (batches.length === 0) end = log.logEndOffset
      start = Math.min(start, end)
      leaderEpoch++
    } else if (one.kind === 'advance') {
      const at = offsetAt(one.at)
      expect(log.advanceLogStartOffset(at, end)).toBeNull()
      start = Math.max(start, at)
    } else if (one.kind === 'retain') {
      const highWatermark = offsetAt(one.at)
      const bytesBefore = log.sizeBytes
      log.reconfigure({ ...log.options, retentionBytes: one.bytes, retentionMs: -1 })
      log.applyRetention(highWatermark, nowMs)
      expect(log.sizeBytes).toBeGreaterThanOrEqual(Math.min(one.bytes, bytesBefore))
      expect(log.logStartOffset).toBeLessThanOrEqual(Math.max(start, highWatermark))
      start = log.logStartOffset
      batches = batches.filter(batch => batch.last >= start)
    } else if (one.kind === 'die') {
      const name = box.disk.list('t-0').findLast(file => file.endsWith('.log')) as string
      const file = box.disk.open(`t-0/${name}`)
      const torn = file.length === 0 ? 0 : one.torn
      file.truncate(Math.max(0, file.length - torn))
      if (torn > 0) {
        const lost = batches.pop()
        if (lost !== undefined) end = lost.base
      }
      box.reopen({ logStartOffset: Math.min(start, end) })
      start = Math.min(start, end)
    } else if (one.kind === 'close') {
      log.close()
      const resumption = { clean: true, logStartOffset: start, recoveryPoint: end }
      box.log = Log.open(box.disk, 't-0', log.options, nowMs, resumption)
    } else {
      log.truncateFully(one.at)
      batches = []
      start = one.at
      end = one.at
      leaderEpoch++
    }
  }

  for (const one of actions) {
    step(one)
    const { log } = box
    expect(log.logEndOffset).toBe(end)
    expect(log.logStartOffset).toBe(start)
    const epochs = log.leaderEpochs.map(entry => entry.leaderEpoch)
    expect(epochs).toEqual(epochs.toSorted((a, b) => a - b))
    const live = batches.filter(batch => batch.last >= start)
    for (const batch of live)
      expect(log.leaderEpochAt(Math.max(start, batch.base))).toBe(batch.leaderEpoch)
    expect(read(log, start).map(batch => batch.baseOffset)).toEqual(live.map(batch => batch.base))
    expect(read(log, start).every(batch => batch.hasValidCrc)).toBe(true)
  }
  for (const { view, copy } of views) expect(view).toEqual(copy)
}

test('a log behaves like a list of batches, through rolls, truncations, deaths and restarts', () => {
  fc.assert(fc.property(fc.array(action, { maxLength: 60 }), run), {
    numRuns: Number(process.env.FUZZ_RUNS ?? 200),
  })
})

test('a follower that copies its leader in pieces of any size has the same bytes', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 30 })
  const counts = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(counts, sizes, (batches, pieces) => {
      const leader = logOf({ segmentBytes: 1500, indexIntervalBytes: 200 })
      const follower = logOf({ segmentBytes: 700, indexIntervalBytes: 100 })
      batches.forEach((count, i) => void leader.append(batchOf(count), Math.floor(i / 5)))
      const { logEndOffset } = leader.log
      for (let i = 0; follower.log.logEndOffset < logEndOffset; i++) {
        const maxBytes = pieces[i % pieces.length] as number
        const from = follower.log.logEndOffset
        const answer = leader.log.read(from, {
          maxBytes,
          upToOffset: logEndOffset,
          minOneBatch: true,
        })
        if (!answer.ok) throw new Error(answer.message)
        expect(follower.log.appendAsFollower(answer.records, nowMs).ok).toBe(true)
      }
      const whole = (log: Log) =>
        log.read(0, { maxBytes: 1 << 30, upToOffset: logEndOffset, minOneBatch: true })
      expect(whole(follower.log)).toEqual(whole(leader.log))
      expect(follower.log.leaderEpochs).toEqual(leader.log.leaderEpochs)
    }),
  )
})
