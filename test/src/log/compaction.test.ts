import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dirtyRatio } from '../../../src/log/compaction.ts'
import { Log } from '../../../src/log/log.ts'
import type { LogOptions } from '../../../src/log/log-options.ts'
import { nodeCompression } from '../../../src/platform/node-compression.ts'
import type { CompressionName } from '../../../src/records/compression.ts'
import { encodeMarker } from '../../../src/records/control.ts'
import { decodeRecords, encodeBatch, type NewBatch } from '../../../src/records/record.ts'
import { type LogBox, logOf, nowMs, read } from './logs.ts'

const utf8 = (text: string) => new TextEncoder().encode(text)
const text = (bytes: Uint8Array | null) => (bytes === null ? null : new TextDecoder().decode(bytes))
const compression = nodeCompression()

/** `a=1 b=2 c=`: keys and values; without a value a tombstone. */
function records(line: string, more: Partial<NewBatch> = {}): Uint8Array {
  return encodeBatch({
    records: line.split(' ').map((one, i) => {
      const [key = '', value = ''] = one.split('=')
      return { key: utf8(key), value: value === '' ? null : utf8(value), timestamp: nowMs + i }
    }),
    ...more,
  })
}

const options: Partial<LogOptions> = {
  compacts: true,
  deletes: false,
  segmentBytes: 250,
  indexIntervalBytes: 100,
}

/** `0:a=1 1:b=2`: what a reader from an offset on sees; control records as `commit` and `abort`. */
function seen(log: Log, from = log.logStartOffset): string {
  return read(log, from)
    .flatMap(batch =>
      decodeRecords(batch, compression).map(({ offset, key, value }) =>
        batch.isControl ? `${offset}:marker` : `${offset}:${text(key)}=${text(value) ?? ''}`,
      ),
    )
    .join(' ')
}

/** Cleans all that may be; the new first dirty offset. */
function clean(log: Log, firstDirtyOffset = 0, atMs = nowMs): number | null {
  const run = log.compact(log.cleanable(firstDirtyOffset, log.logEndOffset, atMs), atMs)
  for (;;) {
    const { done, value } = run.next()
    if (done === true) return value
  }
}

/** A log with these batches, the last of which are in the active segment and never cleaned. */
function filled(lines: readonly string[], more: Partial<LogOptions> = {}): LogBox {
  const box = logOf({ ...options, ...more })
  for (const line of lines) box.append(records(line))
  return box
}

test('of records with the same key the last stays, at its offset', () => {
  const box = filled(['a=1 b=1 a=2', 'c=1 a=3', 'b=2 d=1', 'a=4', 'y=1 y=2 y=3', 'z=1', 'z=2'])
  const { logEndOffset } = box.log
  const upTo = box.log.cleanable(0, logEndOffset, nowMs).upToOffset
  expect(upTo).toBeGreaterThan(5)
  expect(clean(box.log)).toBe(upTo)
  expect(seen(box.log)).toMatch(/^3:c=1 5:b=2 6:d=1 7:a=4/)
  expect(box.log.logEndOffset).toBe(logEndOffset)
  expect(box.log.logStartOffset).toBe(0)
  for (let offset = 0; offset < logEndOffset; offset++)
    expect(seen(box.log).endsWith(seen(box.log, offset))).toBe(true)
  expect(box.append(records('a=5'))).toBe(logEndOffset)
})

test('a batch keeps its ends, and a second round finds what the first left', () => {
  const box = filled(['a=1 b=1 c=1', 'b=2 x=1 x=2', 'y=1 y=2 y=3 y=4', 'z=1 z=2 z=3'])
  const dirty = clean(box.log) ?? 0
  const [first] = read(box.log, 0)
  expect([first?.baseOffset, first?.lastOffset, first?.recordCount]).toEqual([0, 2, 2])
  expect(box.log.cleanable(dirty, box.log.logEndOffset, nowMs)).toMatchObject({ dirtyBytes: 0 })
  for (const line of ['a=2 c=2', 'w=1 w=2 w=3', 'v=1 v=2 v=3']) box.append(records(line))
  clean(box.log, dirty)
  expect(seen(box.log)).toMatch(/^3:b=2 5:x=2 9:y=4/)
})

test('small segments become one, no larger than a segment may be', () => {
  const box = filled(
    Array.from({ length: 30 }, (_, i) => `k${i % 3}=${i} k${(i + 1) % 3}=${i}`),
    { segmentBytes: 200 },
  )
  const before = box.log.segmentCount
  // By what they were: it shows in the round after.
  for (let round = 0; round < 2; round++) clean(box.log)
  expect(box.log.segmentCount).toBeLessThan(before)
  const names = box.disk.list('t-0')
  for (const name of names.filter(one => one.endsWith('.log')))
    expect(box.disk.open(`t-0/${name}`).length).toBeLessThanOrEqual(200)
  expect(names.filter(name => /cleaned|swap|tmp/.test(name))).toEqual([])
  const after = seen(box.log)
  expect(after.match(/k0/g)?.length).toBeLessThanOrEqual(3)
  box.reopen({ recoveryPoint: box.log.recoveryPoint })
  expect(seen(box.log)).toBe(after)
})

test('a tombstone stays till its horizon, which the first round gives it, and hides what came before', () => {
  const box = filled(['a=1 b=1', 'a= c=1', 'y=1 y=2 y=3 y=4 y=5 y=6', 'z=1 z=2 z=3 z=4 z=5 z=6'], {
    deleteRetentionMs: 1000,
    segmentBytes: 180,
  })
  clean(box.log)
  expect(seen(box.log)).toContain('1:b=1 2:a= 3:c=1')
  const [, second] = read(box.log, 0)
  expect(second?.deleteHorizonMs).toBe(nowMs + 1000)
  expect(decodeRecords(second as never).map(({ timestamp }) => timestamp)).toEqual([
    nowMs,
    nowMs + 1,
  ])
  clean(box.log, 0, nowMs + 999)
  expect(seen(box.log)).toContain('2:a=')
  clean(box.log, 0, nowMs + 1000)
  expect(seen(box.log)).not.toContain('2:a=')
  expect(seen(box.log)).toContain('1:b=1 3:c=1')
})

test('records below the lag, not stable, not flushed, or of the active segment are not touched', () => {
  const box = filled(['a=1 a=2 a=3 a=4', 'a=5 a=6 a=7 a=8', 'a=9 a=10 a=11', 'a=12 a=13'], {
    minCompactionLagMs: 1000,
  })
  const upTo = (highWatermark: number, atMs: number) =>
    box.log.cleanable(0, highWatermark, atMs).upToOffset
  const { logEndOffset } = box.log
  expect(upTo(logEndOffset, nowMs + 900)).toBe(0)
  const all = upTo(logEndOffset, nowMs + 2000)
  expect(all).toBeGreaterThan(4)
  expect(all).toBeLessThan(logEndOffset)
  expect(upTo(all - 1, nowMs + 2000)).toBeLessThan(all)
  box.log.abandon()
  box.log = Log.open(box.disk, 't-0', box.log.options, nowMs)
  expect(box.log.recoveryPoint).toBe(0)
  expect(upTo(logEndOffset, nowMs + 2000)).toBe(0)
})

test('how dirty it is: the bytes never compared, of those that would be read', () => {
  const box = filled(Array.from({ length: 20 }, (_, i) => `k=${i} l=${i} m=${i}`))
  const first = box.log.cleanable(0, box.log.logEndOffset, nowMs)
  expect(dirtyRatio(first)).toBe(1)
  expect(first.earliestDirtyMs).toBe(nowMs + 2)
  const dirty = clean(box.log) ?? 0
  for (let i = 0; i < 5; i++) box.append(records(`k=${i} l=${i} m=${i}`))
  const second = box.log.cleanable(dirty, box.log.logEndOffset, nowMs)
  expect(second.firstDirtyOffset).toBe(dirty)
  expect(second.cleanBytes).toBeGreaterThan(0)
  expect(dirtyRatio(second)).toBeCloseTo(
    second.dirtyBytes / (second.cleanBytes + second.dirtyBytes),
  )
  expect(dirtyRatio(box.log.cleanable(10_000, box.log.logEndOffset, nowMs))).toBe(1)
})

test('the last batch of each producer stays, if need be empty: its sequence goes on', () => {
  const box = logOf({ ...options, segmentBytes: 150 })
  const sent = (producerId: number, baseSequence: number, line: string) =>
    box.append(records(line, { producerId, producerEpoch: 1, baseSequence }))
  sent(7, 0, 'a=1')
  sent(7, 1, 'a=2')
  sent(8, 0, 'a=3')
  sent(8, 1, 'a=4')
  box.append(records('z=1'))
  box.append(records('z=2'))
  clean(box.log)
  expect(seen(box.log)).toMatch(/^3:a=4/)
  const [kept] = read(box.log, 0)
  expect([kept?.producerId, kept?.baseOffset, kept?.recordCount]).toEqual([7, 1, 0])
  for (const name of box.disk.list('t-0').filter(one => one.endsWith('.snapshot')))
    box.disk.remove(`t-0/${name}`)
  box.reopen({ recoveryPoint: box.log.recoveryPoint })
  expect(box.log.producers.get(7)?.batches.at(-1)?.lastSequence).toBe(1)
  sent(7, 2, 'b=1')
  expect(() => sent(8, 3, 'b=1')).toThrow(/sequence/)
})

test('of an aborted transaction nothing stays but, for its time, the marker', () => {
  const box = logOf({ ...options, segmentBytes: 160, deleteRetentionMs: 1000 })
  const inTransaction = (producerId: number, line: string, baseSequence: number) =>
    box.append(records(line, { producerId, producerEpoch: 0, baseSequence, isTransactional: true }))
  const end = (producerId: number, outcome: 'abort' | 'commit') => {
    const marker = {
      outcome,
      coordinatorEpoch: 0,
      producerId,
      producerEpoch: 0,
      timestampMs: nowMs,
    }
    const answer = box.log.appendAsLeader(encodeMarker(marker), {
      leaderEpoch: 0,
      nowMs,
      origin: 'coordinator',
    })
    expect(answer.ok).toBe(true)
  }
  box.append(records('a=1 b=1'))
  inTransaction(5, 'a=2', 0)
  inTransaction(6, 'b=2', 0)
  end(5, 'abort')
  end(6, 'commit')
  inTransaction(5, 'c=1', 1)
  end(5, 'commit')
  for (const line of ['y=1 y=2', 'y=3 y=4', 'z=1 z=2', 'z=3 z=4']) box.append(records(line))
  const first = clean(box.log) ?? 0
  expect(seen(box.log)).toMatch(/^0:a=1 3:b=2 4:marker 5:marker 6:c=1 7:marker /)
  clean(box.log, first, nowMs + 1)
  expect(read(box.log, 4)[0]?.deleteHorizonMs).toBe(nowMs + 1001)
  expect(read(box.log, 5)[0]?.deleteHorizonMs).toBeNull()
  clean(box.log, first, nowMs + 1001)
  expect(seen(box.log)).toMatch(/^0:a=1 3:b=2 5:marker 6:c=1 7:marker /)
})

test('nothing beyond an open transaction is cleaned', () => {
  const box = filled(['a=1 a=2 a=3 a=4', 'a=5 a=6 a=7'])
  const { logEndOffset } = box.log
  box.append(
    records('a=8', { producerId: 5, producerEpoch: 0, baseSequence: 0, isTransactional: true }),
  )
  for (const line of ['a=9 a=10 a=11', 'a=12 a=13 a=14', 'z=1']) box.append(records(line))
  expect(box.log.cleanable(0, box.log.logEndOffset, nowMs).upToOffset).toBeLessThanOrEqual(
    logEndOffset,
  )
})

test.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)(
  'batches compressed by %s are cleaned and stay so',
  codec => {
    const box = logOf({ ...options, segmentBytes: 400 })
    box.log = Log.open(box.disk, 't-0', box.log.options, nowMs, { compression })
    const packed = (line: string) =>
      records(line, { compression: { codec: codec as CompressionName, by: compression } })
    for (const line of [
      'a=1 b=1 c=1',
      'a=2 d=',
      'b=2',
      'y=1 y=2 y=3',
      'z=1',
      'z=2',
      'z=3',
      'z=4',
      'z=5',
    ])
      box.append(packed(line))
    clean(box.log)
    expect(seen(box.log)).toMatch(/^2:c=1 3:a=2 4:d= 5:b=2 8:y=3/)
    expect(read(box.log, 0)[0]?.compression).toBe(codec)
    expect(read(box.log, 0).every(batch => batch.hasValidCrc)).toBe(true)
  },
)

test('what cannot be looked into stays', () => {
  const box = logOf({ ...options, segmentBytes: 300 })
  const packed = records('a=1 a=2', { compression: { codec: 'gzip', by: compression } })
  box.append(packed)
  for (const line of ['a=3 b=1 b=2', 'c=1 c=2 c=3', 'd=1 d=2 d=3', 'z=1 z=2 z=3'])
    box.append(records(line))
  clean(box.log)
  expect(seen(box.log)).toMatch(/^0:a=1 1:a=2 2:a=3 4:b=2/)
})

test('a log that is cut while it is cleaned stays as it is then, and no file is left over', () => {
  for (let steps = 0; steps < 30; steps++) {
    const box = filled(Array.from({ length: 12 }, (_, i) => `a=${i} k${i}=1`))
    const range = box.log.cleanable(0, box.log.logEndOffset, nowMs)
    const run = box.log.compact(range, nowMs)
    let ended = false
    for (let i = 0; i < steps && !ended; i++) ended = run.next().done === true
    box.log.truncateTo(3)
    for (let i = 0; i < 100 && !ended; i++) {
      const { done, value } = run.next()
      ended = done === true
      if (ended) expect(value).toBeNull()
    }
    expect(ended).toBe(true)
    expect(box.disk.list('t-0').filter(name => /cleaned|swap/.test(name))).toEqual([])
    expect(box.log.logEndOffset).toBeLessThanOrEqual(3)
    box.append(records('a=99'))
    expect(seen(box.log)).toMatch(/a=99$/)
  }
})

test('a compacted log reads as the last value of each key, from every offset, through rounds and restarts', () => {
  const step = fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        kind: fc.constant('append'),
        keys: fc.array(fc.nat(7), { minLength: 1, maxLength: 5 }),
        tombstone: fc.boolean(),
        producerId: fc.nat(2),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('clean'), afterMs: fc.nat(2000) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen'), clean: fc.boolean() }) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), steps => {
      const box = logOf({ ...options, segmentBytes: 300, deleteRetentionMs: 500 })
      const all: { offset: number; key: string; value: string }[] = []
      const sequences = [0, 0, 0]
      let dirty = 0
      let atMs = nowMs
      for (const one of steps) {
        if (one.kind === 'append') {
          const { keys, tombstone, producerId } = one
          const values = keys.map((_, i) => (tombstone && i === 0 ? '' : String(all.length + i)))
          const baseOffset = box.append(
            records(keys.map((key, i) => `k${key}=${values[i]}`).join(' '), {
              producerId,
              producerEpoch: 0,
              baseSequence: sequences[producerId] as number,
            }),
          )
          keys.forEach((key, i) => {
            all.push({ offset: baseOffset + i, key: `k${key}`, value: values[i] as string })
          })
          sequences[producerId] = (sequences[producerId] as number) + keys.length
        } else if (one.kind === 'clean') {
          atMs += one.afterMs
          const before = box.log.logEndOffset
          const range = box.log.cleanable(dirty, before, atMs)
          dirty = clean(box.log, dirty, atMs) ?? dirty
          expect(dirty).toBe(Math.max(range.upToOffset, range.firstDirtyOffset))
          expect(box.log.logEndOffset).toBe(before)
        } else {
          const recoveryPoint = box.log.recoveryPoint
          if (one.clean) box.log.close()
          box.reopen({ recoveryPoint, clean: one.clean })
        }
        const { logStartOffset } = box.log
        const found = seen(box.log)
          .split(' ')
          .filter(line => line !== '')
          .map(line => {
            const [, offset, key, value] = /^(\d+):(\w+)=(.*)$/.exec(line) as string[]
            return { offset: Number(offset), key: key as string, value: value as string }
          })
        // Nothing is invented, offsets ascend, and the last value of each key is there (a tombstone for its time).
        for (const record of found) expect(all[record.offset]).toEqual(record)
        const offsets = found.map(({ offset }) => offset)
        expect(offsets).toEqual(offsets.toSorted((a, b) => a - b))
        const last = new Map(all.map(record => [record.key, record]))
        const state = new Map(found.map(record => [record.key, record]))
        for (const [key, record] of last)
          if (record.value !== '') expect(state.get(key)).toEqual(record)
          else expect([undefined, record.offset]).toContain(state.get(key)?.offset)
        // Below what was cleaned each key is there once at most.
        const cleaned = found.filter(({ offset }) => offset < dirty).map(({ key }) => key)
        expect(new Set(cleaned).size).toBe(cleaned.length)
        for (const producerId of [0, 1, 2])
          if (sequences[producerId] !== 0)
            expect(box.log.producers.get(producerId)?.batches.at(-1)?.lastSequence).toBe(
              (sequences[producerId] as number) - 1,
            )
        expect(logStartOffset).toBe(0)
      }
    }),
    { numRuns: Number(process.env.FUZZ_RUNS ?? 150) },
  )
})
