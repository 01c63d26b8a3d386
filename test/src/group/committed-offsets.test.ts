import { expect, test } from 'vitest'
import { CommittedOffsets, type ExpiryRules } from '../../../src/group/committed-offsets.ts'

const orders = (partition: number) => ({ topic: 'orders', partition })
const commit = (offset: number, other = {}) => ({
  offset,
  leaderEpoch: 3,
  metadata: '',
  commitTimestampMs: 1000,
  expireTimestampMs: null,
  ...other,
})

test('a commit counts when it is in the log, not before', () => {
  const offsets = new CommittedOffsets()
  const first = commit(5)
  offsets.stage(orders(0), first)
  expect(offsets.get(orders(0))).toBeUndefined()
  expect(offsets.isUnderWay(orders(0))).toBe(true)
  expect(offsets.isEmpty).toBe(false)
  offsets.appended(orders(0), first, 10)
  expect(offsets.get(orders(0))).toEqual(first)
  expect(offsets.isUnderWay(orders(0))).toBe(false)
})

test('of two commits the one later in the log counts, whichever is answered first', () => {
  const offsets = new CommittedOffsets()
  const [first, second] = [commit(5), commit(6)]
  offsets.stage(orders(0), first)
  offsets.stage(orders(0), second)
  offsets.appended(orders(0), second, 11)
  offsets.appended(orders(0), first, 10)
  expect(offsets.get(orders(0))?.offset).toBe(6)

  const others = new CommittedOffsets()
  others.stage(orders(0), first)
  others.stage(orders(0), second)
  others.appended(orders(0), first, 10)
  expect(others.get(orders(0))?.offset).toBe(5)
  expect(others.isUnderWay(orders(0))).toBe(true)
  others.appended(orders(0), second, 11)
  expect(others.get(orders(0))?.offset).toBe(6)
})

test('a commit may go back: only its place in the log decides', () => {
  const offsets = new CommittedOffsets()
  offsets.load(orders(0), commit(100), 1)
  offsets.load(orders(0), commit(0), 2)
  expect(offsets.get(orders(0))?.offset).toBe(0)
})

test('a commit that failed leaves what was, and others under way', () => {
  const offsets = new CommittedOffsets()
  offsets.load(orders(0), commit(1), 1)
  const [first, second] = [commit(5), commit(6)]
  offsets.stage(orders(0), first)
  offsets.failed(orders(0), first)
  expect(offsets.isUnderWay(orders(0))).toBe(false)
  expect(offsets.get(orders(0))?.offset).toBe(1)
  offsets.stage(orders(0), first)
  offsets.stage(orders(0), second)
  offsets.failed(orders(0), second)
  expect(offsets.isUnderWay(orders(0))).toBe(true)
  offsets.appended(orders(0), first, 2)
  expect(offsets.get(orders(0))?.offset).toBe(5)
})

test('a commit whose topic was deleted under way does not come back', () => {
  const offsets = new CommittedOffsets()
  const first = commit(5)
  offsets.load(orders(1), commit(7), 1)
  offsets.stage(orders(0), first)
  expect(offsets.remove([orders(0), orders(1), orders(2)])).toEqual([orders(1)])
  offsets.appended(orders(0), first, 10)
  expect(offsets.isEmpty).toBe(true)
})

test('offsets of a transaction count when it is committed, and hold up who wants stable ones', () => {
  const offsets = new CommittedOffsets()
  offsets.load(orders(0), commit(1), 1)
  offsets.addTransactional(77, orders(0), commit(5), 2)
  offsets.addTransactional(78, orders(1), commit(8), 3)
  expect(offsets.isUnderWay(orders(0))).toBe(true)
  expect(offsets.get(orders(0))?.offset).toBe(1)
  offsets.completeTransaction(77, true)
  offsets.completeTransaction(78, false)
  offsets.completeTransaction(79, true)
  expect(offsets.all().map(entry => [entry.partition, entry.commit.offset])).toEqual([[0, 5]])
  // One committed in between, later in the log, stays.
  offsets.addTransactional(77, orders(0), commit(2), 4)
  offsets.load(orders(0), commit(9), 5)
  offsets.completeTransaction(77, true)
  expect(offsets.get(orders(0))?.offset).toBe(9)
})

const rules: ExpiryRules = {
  nowMs: 11_000,
  retentionMs: 5000,
  protocolType: 'consumer',
  state: 'Empty',
  emptySinceMs: 1000,
  subscribedTopics: null,
}

// What the group is, and which of old (committed at 1,000) and new (at 10,000) offsets expire.
test.each<[string, Partial<ExpiryRules>, string[]]>([
  ['empty for long: all', {}, ['old', 'new']],
  ['empty since shortly: none', { emptySinceMs: 9000 }, []],
  ['empty, who knows since when: those committed long ago', { emptySinceMs: null }, ['old']],
  ['no group at all: those committed long ago', { protocolType: null }, ['old']],
  [
    'stable: those of topics nobody subscribes to',
    { state: 'Stable', subscribedTopics: new Set(['new']) },
    ['old'],
  ],
  ['stable: not of subscribed ones', { state: 'Stable', subscribedTopics: new Set(['old']) }, []],
  ['stable, subscriptions unknown: none', { state: 'Stable' }, []],
  ['stable, of another type: none', { state: 'Stable', protocolType: 'connect' }, []],
  ['rebalancing: none', { state: 'other', subscribedTopics: new Set() }, []],
])('offsets of a group that is %s', (_, other, expired) => {
  const offsets = new CommittedOffsets()
  offsets.load({ topic: 'old', partition: 0 }, commit(1), 1)
  offsets.load({ topic: 'new', partition: 0 }, commit(1, { commitTimestampMs: 10_000 }), 2)
  const found = offsets.expired({ ...rules, ...other }).map(partition => partition.topic)
  expect(found).toEqual(expired)
})

test('an expiry of its own comes before the retention, and nothing expires under a commit', () => {
  const offsets = new CommittedOffsets()
  offsets.load(orders(0), commit(1, { expireTimestampMs: 20_000 }), 1)
  offsets.load(orders(1), commit(1), 2)
  offsets.stage(orders(1), commit(2))
  expect(offsets.expired(rules)).toEqual([])
  expect(offsets.expired({ ...rules, nowMs: 20_000 })).toEqual([orders(0)])
})
