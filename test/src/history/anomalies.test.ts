import { describe, expect, test } from 'vitest'
import { type AnomalyKind, checkHistory } from '../../../src/history/anomalies.ts'
import type { Guarantees, Operation } from '../../../src/history/operation.ts'

const strict: Guarantees = { isDurable: true, isOnce: true, isOrdered: true }
const lax: Guarantees = { isDurable: false, isOnce: false, isOrdered: false }
const key = 'orders-0'

/** A history in a few words; each word is an instant of its own. */
class Story {
  readonly operations: Operation[] = []

  get #atMs(): number {
    return this.operations.length
  }

  invoked(value: number, process = 'p'): this {
    this.operations.push({ f: 'send', type: 'invoke', process, atMs: this.#atMs, key, value })
    return this
  }

  done(type: 'ok' | 'fail' | 'info', value: number, offset = -1, process = 'p'): this {
    this.operations.push({ f: 'send', type, process, atMs: this.#atMs, key, value, offset })
    return this
  }

  sent(value: number, offset: number, process = 'p'): this {
    return this.invoked(value, process).done('ok', value, offset, process)
  }

  polled(records: Readonly<Record<number, number>>, process = 'reader'): this {
    const offsets = Object.keys(records).map(Number)
    const values = Object.values(records)
    this.operations.push({
      f: 'poll',
      type: 'ok',
      process,
      atMs: this.#atMs,
      key,
      offsets,
      values,
    })
    return this
  }

  assigned(position: number, process = 'reader'): this {
    this.operations.push({ f: 'assign', type: 'ok', process, atMs: this.#atMs, key, position })
    return this
  }

  committed(offset: number, process: string): this {
    this.operations.push({ f: 'commit', type: 'ok', process, atMs: this.#atMs, key, offset })
    return this
  }

  found(guarantees: Guarantees = strict): AnomalyKind[] {
    const { anomalies } = checkHistory(this.operations, {
      guarantees: () => guarantees,
      groupOf: process => (process.startsWith('member') ? 'billing' : undefined),
    })
    return anomalies.map(({ kind }) => kind)
  }
}

const story = () => new Story()

describe('a history is clean', () => {
  test('where all that was acknowledged was read once, in order', () => {
    expect(story().sent(1, 0).sent(2, 1).polled({ 0: 1, 1: 2 }).found()).toEqual([])
  })

  test('where what nobody knows of was written, or was not', () => {
    const one = story().invoked(1).done('info', 1).sent(2, 1)
    expect(one.polled({ 0: 1, 1: 2 }).found()).toEqual([])
    expect(story().invoked(1).done('info', 1).sent(2, 0).polled({ 0: 2 }).found()).toEqual([])
  })

  test('where offsets are left out that hold no record', () => {
    expect(story().sent(1, 0).sent(2, 7).polled({ 0: 1, 7: 2 }).found()).toEqual([])
  })

  test('where a consumer begins anew, and reads again', () => {
    const again = story().sent(1, 0).sent(2, 1).polled({ 0: 1, 1: 2 }).assigned(0)
    expect(again.polled({ 0: 1, 1: 2 }).found()).toEqual([])
  })

  test('where a producer was promised nothing', () => {
    const careless = story().sent(1, 0).sent(2, 1).sent(3, 5).invoked(4).done('ok', 4, 9)
    expect(careless.polled({ 0: 2, 1: 1, 2: 2 }).found(lax)).toEqual([])
  })
})

describe('found is', () => {
  test.each<[AnomalyKind, Story]>([
    ['lost write', story().sent(1, 0).sent(2, 1).polled({ 1: 2 })],
    ['unseen', story().sent(1, 0).sent(2, 1).polled({ 0: 1 })],
    ['unwritten', story().polled({ 0: 1 })],
    ['unwritten', story().invoked(1).done('fail', 1).polled({ 0: 1 })],
    ['duplicate', story().sent(1, 0).sent(2, 1).polled({ 0: 1, 1: 2, 2: 1 })],
    ['out of time', story().sent(1, 1, 'p').sent(2, 0, 'q').polled({ 0: 2, 1: 1 })],
    ['nonmonotonic poll', story().sent(1, 0).polled({ 0: 1 }).polled({ 0: 1 })],
    [
      'skipped',
      story()
        .sent(1, 0)
        .sent(2, 1)
        .sent(3, 2)
        .polled({ 0: 1, 1: 2, 2: 3 })
        .polled({ 0: 1, 2: 3 }, 'q'),
    ],
    ['lost commit', story().committed(5, 'member-1').assigned(3, 'member-2')],
    [
      'missed by group',
      story()
        .sent(1, 0)
        .sent(2, 1)
        .polled({ 0: 1, 1: 2 })
        .assigned(1, 'member-1')
        .polled({ 1: 2 }, 'member-1'),
    ],
  ])('%s', (kind, found) => {
    expect(found.found()).toEqual([kind])
  })

  test('inconsistent offset: in two reads, and between a read and an acknowledgement', () => {
    const reads = story().sent(1, 0).invoked(2).done('info', 2).polled({ 0: 1 })
    expect(reads.polled({ 0: 2 }, 'q').found()).toEqual(['inconsistent offset'])
    const told = story().sent(1, 0).sent(2, 1).polled({ 0: 1, 1: 2 })
    expect(told.invoked(3).done('ok', 3, 1).found()).toContain('inconsistent offset')
  })

  test('reordered, and nonmonotonic send with it', () => {
    const swapped = story().invoked(1).invoked(2).done('ok', 1, 1).done('ok', 2, 0)
    const found = swapped.polled({ 0: 2, 1: 1 }).found()
    expect(found).toContain('reordered')
    expect(found).toContain('nonmonotonic send')
  })
})

test('a million operations take seconds', () => {
  const operations: Operation[] = []
  for (let value = 0; value < 300_000; value++) {
    const at = { process: `p${value % 5}`, atMs: value, key: `orders-${value % 6}` }
    const offset = Math.floor(value / 6)
    operations.push({ ...at, f: 'send', type: 'invoke', value })
    operations.push({ ...at, f: 'send', type: 'ok', value, offset })
    for (const process of ['a', 'b'])
      operations.push({ ...at, process, f: 'poll', type: 'ok', offsets: [offset], values: [value] })
  }
  expect(operations.length).toBeGreaterThan(1_000_000)
  const before = process.cpuUsage()
  const { anomalies, counts } = checkHistory(operations, { guarantees: () => strict })
  expect(anomalies).toEqual([])
  expect(counts.read).toBe(600_000)
  const { user, system } = process.cpuUsage(before)
  expect((user + system) / 1e6).toBeLessThan(15)
}, 120_000)
