import { expect, test } from 'vitest'
import type { SnapshotFrom } from 'xstate'
import {
  partitionSenderMachine as machine,
  maySend,
  type PartitionSenderFact,
} from '../../../machines/client/partition-sender.ts'
import { RefusedFact } from '../../../src/assert.ts'
import { errors } from '../../../src/error.ts'
import { begin, elapse, step, steps } from '../../step.ts'

type Snapshot = SnapshotFrom<typeof machine>

const input = {
  topic: 'orders',
  partition: 0,
  isIdempotent: true,
  underWayMax: 5,
  retryBackoffMs: 100,
  retryBackoffMaxMs: 1000,
}
const leader = (leaderId: number, leaderEpoch: number, topicId = 'first'): PartitionSenderFact => ({
  type: 'leader.learned',
  topicId,
  leaderId,
  leaderEpoch,
})
const identity = (producerEpoch: number): PartitionSenderFact => ({
  type: 'identity.assigned',
  producerId: 7,
  producerEpoch,
})
const drained = (batch: number, recordCount = 10): PartitionSenderFact => ({
  type: 'batch.drained',
  batch,
  recordCount,
})
const acknowledged = (batch: number): PartitionSenderFact => ({
  type: 'batch.acknowledged',
  batch,
  baseOffset: 100 * batch,
  logAppendTimeMs: -1,
})
const refused = (batch: number, errorCode: number): PartitionSenderFact => ({
  type: 'batch.refused',
  batch,
  errorCode,
})
const expired = (batch: number): PartitionSenderFact => ({ type: 'batch.expired', batch })
const sent = (batch: number, leaderId: number, producerEpoch: number, baseSequence: number) => ({
  type: 'batch.send',
  batch,
  leaderId,
  producerId: 7,
  producerEpoch,
  baseSequence,
})
const gaveUp = (batch: number, errorCode: number) => ({
  type: 'batches.fail',
  batches: [batch],
  errorCode,
})
const refresh = { type: 'metadata.refresh' }

const ready = (more: Partial<typeof input> = {}): Snapshot =>
  steps(machine, begin(machine, { ...input, ...more })[0], leader(1, 0), identity(0))[0]
/** Batches 1 to n are under way. */
const sending = (n: number, more: Partial<typeof input> = {}): Snapshot =>
  steps(machine, ready(more), ...Array.from({ length: n }, (_, at) => drained(at + 1)))[0]
/** The oldest of n batches is waiting to be sent again. */
const backingOff = (n = 1): Snapshot =>
  steps(
    machine,
    sending(n),
    ...Array.from({ length: n }, (_, at) => refused(at + 1, errors.NOT_LEADER_OR_FOLLOWER)),
  )[0]
const resending = (n = 1): Snapshot => elapse(machine, backingOff(n), 'retryBackoff')[0]
const leaderless = (): Snapshot =>
  elapse(machine, step(machine, backingOff(), leader(-1, 1))[0], 'retryBackoff')[0]
const renumbering = (n = 2): Snapshot => {
  const answers = Array.from({ length: n - 1 }, (_, at) =>
    refused(at + 2, errors.OUT_OF_ORDER_SEQUENCE_NUMBER),
  )
  return steps(machine, sending(n), refused(1, errors.INVALID_RECORD), ...answers)[0]
}

test('idle it may be given a batch once leader and identity are known', () => {
  const [first] = begin(machine, input)
  expect(first.value).toBe('idle')
  expect(maySend(first)).toBe(false)
  expect(maySend(step(machine, first, leader(1, 0))[0])).toBe(false)
  expect(maySend(step(machine, first, identity(0))[0])).toBe(false)
  expect(maySend(ready())).toBe(true)
})

test('without idempotence no identity is waited for, and nothing is counted', () => {
  const [first] = begin(machine, { ...input, isIdempotent: false })
  const [led] = step(machine, first, leader(1, 0))
  expect(maySend(led)).toBe(true)
  const [, commands] = step(machine, led, drained(1))
  expect(commands).toMatchObject([{ type: 'batch.send', producerId: -1, baseSequence: -1 }])
})

test('batches are sent under consecutive sequence numbers', () => {
  const [snapshot, commands] = steps(machine, ready(), drained(1, 3), drained(2, 4), drained(3, 1))
  expect(snapshot.value).toBe('sending')
  expect(commands).toEqual([sent(1, 1, 0, 0), sent(2, 1, 0, 3), sent(3, 1, 0, 7)])
})

test('sequence numbers go on at 0 after the last of 31 bits', () => {
  const [, commands] = steps(
    machine,
    ready(),
    drained(1, 2 ** 31 - 2),
    drained(2, 5),
    drained(3, 1),
  )
  expect(commands).toEqual([sent(1, 1, 0, 0), sent(2, 1, 0, 2 ** 31 - 2), sent(3, 1, 0, 3)])
})

test('only so many batches are under way at once', () => {
  expect(maySend(sending(4))).toBe(true)
  expect(maySend(sending(5))).toBe(false)
  expect(maySend(sending(1, { underWayMax: 1 }))).toBe(false)
})

test('what is under way to a former leader is heard before more is sent', () => {
  const [moved] = step(machine, sending(1), leader(2, 1))
  expect(maySend(moved)).toBe(false)
})

test('an acknowledged batch is complete; the last one leaves it idle', () => {
  const [one, first] = step(machine, sending(2), acknowledged(1))
  expect(one.value).toBe('sending')
  expect(first).toEqual([
    { type: 'batch.complete', batch: 1, baseOffset: 100, logAppendTimeMs: -1 },
  ])
  const [idle] = step(machine, one, acknowledged(2))
  expect(idle.value).toBe('idle')
})

test('answers to batches that were given up are dropped', () => {
  const [draining] = step(machine, sending(2), refused(1, errors.NETWORK_EXCEPTION))
  for (const before of [ready(), sending(1), draining, backingOff(), resending(), renumbering(1)])
    for (const fact of [
      acknowledged(99),
      refused(99, errors.NOT_LEADER_OR_FOLLOWER),
      expired(99),
    ]) {
      const [after, commands] = step(machine, before, fact)
      expect(after.value).toEqual(before.value)
      expect(commands).toEqual([])
    }
})

test('a batch the leader knows already is complete, wherever it came to stand', () => {
  const [snapshot, commands] = step(
    machine,
    sending(1),
    refused(1, errors.DUPLICATE_SEQUENCE_NUMBER),
  )
  expect(snapshot.value).toBe('idle')
  expect(commands).toEqual([
    { type: 'batch.complete', batch: 1, baseOffset: -1, logAppendTimeMs: -1 },
  ])
})

test('a retriable refusal is followed by new metadata, and all that is under way is heard first', () => {
  const [draining, commands] = step(machine, sending(3), refused(1, errors.NOT_LEADER_OR_FOLLOWER))
  expect(draining.value).toEqual({ retrying: 'draining' })
  expect(commands).toEqual([refresh])
  expect(maySend(draining)).toBe(false)
  const [still, none] = step(machine, draining, refused(2, errors.OUT_OF_ORDER_SEQUENCE_NUMBER))
  expect(still.value).toEqual({ retrying: 'draining' })
  expect(none).toEqual([])
  const [waiting] = step(machine, still, refused(3, errors.NETWORK_EXCEPTION))
  expect(waiting.value).toEqual({ retrying: 'backingOff' })
})

test('while it drains a batch may yet be acknowledged, be a duplicate or be refused for good', () => {
  const [draining] = step(machine, sending(5), refused(1, errors.NOT_LEADER_OR_FOLLOWER))
  const [, commands] = steps(
    machine,
    draining,
    acknowledged(2),
    refused(3, errors.DUPLICATE_SEQUENCE_NUMBER),
    refused(4, errors.INVALID_RECORD),
  )
  expect(commands).toEqual([
    { type: 'batch.complete', batch: 2, baseOffset: 200, logAppendTimeMs: -1 },
    { type: 'batch.complete', batch: 3, baseOffset: -1, logAppendTimeMs: -1 },
    gaveUp(4, errors.INVALID_RECORD),
  ])
})

test('if all was written after all, it is idle again', () => {
  const [draining] = step(machine, sending(2), refused(2, errors.REQUEST_TIMED_OUT))
  const [waiting] = step(machine, draining, acknowledged(1))
  const [again] = elapse(machine, waiting, 'retryBackoff')
  const [idle] = step(machine, again, acknowledged(2))
  expect(idle.value).toBe('idle')
})

test('after the backoff the oldest batch goes out alone, under its old number, then the next', () => {
  const [one, first] = elapse(machine, backingOff(2), 'retryBackoff')
  expect(one.value).toEqual({ retrying: 'resending' })
  expect(first).toEqual([sent(1, 1, 0, 0)])
  const [two, second] = step(machine, one, acknowledged(1))
  expect(two.value).toEqual({ retrying: 'resending' })
  expect(second).toEqual([
    { type: 'batch.complete', batch: 1, baseOffset: 100, logAppendTimeMs: -1 },
    sent(2, 1, 0, 10),
  ])
  const [idle] = step(machine, two, acknowledged(2))
  expect(idle.value).toBe('idle')
})

test('a new leader ends the wait', () => {
  const [snapshot, commands] = step(machine, backingOff(), leader(2, 1))
  expect(snapshot.value).toEqual({ retrying: 'resending' })
  expect(commands).toEqual([sent(1, 2, 0, 0)])
})

test('an older leader than the one known is not believed; no leader is', () => {
  const [moved] = step(machine, ready(), leader(2, 3))
  expect(step(machine, moved, leader(1, 2))[0].context.leaderId).toBe(2)
  const [waiting] = step(machine, backingOff(), leader(-1, 1))
  expect(waiting.value).toEqual({ retrying: 'backingOff' })
  expect(waiting.context.leaderId).toBe(-1)
  expect(step(machine, waiting, leader(1, 0))[0].context.leaderId).toBe(-1)
})

test('of a topic made anew any leader epoch is believed', () => {
  const [moved] = step(machine, ready(), leader(2, 3))
  expect(step(machine, moved, leader(1, 0, 'second'))[0].context.leaderId).toBe(1)
  const [again] = step(machine, backingOff(), leader(1, 0, 'second'))
  expect(again.value).toEqual({ retrying: 'resending' })
})

test('without a leader it waits for one, and asks again', () => {
  const lost = leaderless()
  expect(lost.value).toEqual({ retrying: 'leaderless' })
  const [asking, commands] = elapse(machine, lost, 'retryBackoff')
  expect(asking.value).toEqual({ retrying: 'leaderless' })
  expect(commands).toEqual([refresh])
  expect(step(machine, lost, leader(-1, 2))[0].value).toEqual({ retrying: 'leaderless' })
  expect(step(machine, lost, leader(2, 0))[0].value).toEqual({ retrying: 'leaderless' })
  const [found, sends] = step(machine, lost, leader(2, 2))
  expect(found.value).toEqual({ retrying: 'resending' })
  expect(sends).toEqual([sent(1, 2, 0, 0)])
})

test('the batch sent again may be refused once more, with a longer wait', () => {
  const before = resending()
  const [snapshot, commands] = step(machine, before, refused(1, errors.NOT_ENOUGH_REPLICAS))
  expect(snapshot.value).toEqual({ retrying: 'backingOff' })
  expect(snapshot.context.failures).toBe(before.context.failures + 1)
  expect(commands).toEqual([refresh])
})

test('the batch sent again may turn out to be a duplicate', () => {
  const [snapshot] = step(machine, resending(), refused(1, errors.DUPLICATE_SEQUENCE_NUMBER))
  expect(snapshot.value).toBe('idle')
})

test('a batch refused for good leaves a gap: the rest goes under the next epoch from 0', () => {
  const [draining, first] = step(machine, sending(3), refused(1, errors.INVALID_RECORD))
  expect(first).toEqual([gaveUp(1, errors.INVALID_RECORD), refresh])
  const [waiting, second] = steps(
    machine,
    draining,
    refused(2, errors.OUT_OF_ORDER_SEQUENCE_NUMBER),
    refused(3, errors.OUT_OF_ORDER_SEQUENCE_NUMBER),
  )
  expect(waiting.value).toEqual({ retrying: 'renumbering' })
  expect(second).toEqual([{ type: 'gap.report', producerEpoch: 0 }])
  const [next] = step(machine, waiting, identity(1))
  expect(next.value).toEqual({ retrying: 'backingOff' })
  const [one, sends] = elapse(machine, next, 'retryBackoff')
  expect(sends).toEqual([sent(2, 1, 1, 0)])
  expect(step(machine, one, acknowledged(2))[1].at(-1)).toEqual(sent(3, 1, 1, 10))
})

test('a gap with nothing behind it leaves it idle, in the next epoch', () => {
  const before = renumbering(1)
  expect(before.value).toEqual({ retrying: 'renumbering' })
  const [idle] = step(machine, before, identity(1))
  expect(idle.value).toBe('idle')
  expect(idle.context).toMatchObject({ producerEpoch: 1, nextSequence: 0, hasGap: false })
})

test('the identity it has already does not close a gap', () => {
  const [snapshot] = step(machine, renumbering(), identity(0))
  expect(snapshot.value).toEqual({ retrying: 'renumbering' })
})

test('an epoch that another partition brought about closes its gap too', () => {
  const [ahead] = step(machine, sending(1), identity(1))
  expect(maySend(ahead)).toBe(false)
  const [snapshot, commands] = step(machine, ahead, refused(1, errors.INVALID_RECORD))
  expect(snapshot.value).toBe('idle')
  expect(snapshot.context).toMatchObject({ producerEpoch: 1, nextSequence: 0 })
  expect(commands).toEqual([
    gaveUp(1, errors.INVALID_RECORD),
    refresh,
    { type: 'gap.report', producerEpoch: 0 },
  ])
})

test('a new epoch is taken on when nothing of the old one is left', () => {
  const [ahead] = step(machine, sending(1), identity(1))
  expect(ahead.context.producerEpoch).toBe(0)
  const [idle] = step(machine, ahead, acknowledged(1))
  expect(idle.context).toMatchObject({ producerEpoch: 1, nextSequence: 0 })
  expect(step(machine, ready(), identity(1))[0].context.producerEpoch).toBe(1)
})

test('a leader that has lost the count of the oldest batch makes it count anew', () => {
  for (const code of [errors.OUT_OF_ORDER_SEQUENCE_NUMBER, errors.UNKNOWN_PRODUCER_ID]) {
    const [snapshot, commands] = step(machine, sending(1), refused(1, code))
    expect(snapshot.value).toEqual({ retrying: 'renumbering' })
    expect(snapshot.context.batches).toHaveLength(1)
    expect(commands).toEqual([refresh, { type: 'gap.report', producerEpoch: 0 }])
    const [again] = step(machine, resending(), refused(1, code))
    expect(again.value).toEqual({ retrying: 'renumbering' })
    const [drainingOldest] = step(machine, sending(2), refused(2, errors.NETWORK_EXCEPTION))
    expect(step(machine, drainingOldest, refused(1, code))[0].value).toEqual({
      retrying: 'renumbering',
    })
  }
})

test('for a later batch the same only says that an older one is missing', () => {
  const [snapshot] = step(machine, sending(2), refused(2, errors.OUT_OF_ORDER_SEQUENCE_NUMBER))
  expect(snapshot.value).toEqual({ retrying: 'draining' })
  expect(snapshot.context.hasGap).toBe(false)
})

test('without idempotence a refused batch is given up, and the others go on', () => {
  const before = sending(2, { isIdempotent: false })
  const [snapshot, commands] = step(machine, before, refused(1, errors.INVALID_RECORD))
  expect(snapshot.value).toBe('sending')
  expect(commands).toEqual([gaveUp(1, errors.INVALID_RECORD)])
  const [late, more] = step(machine, before, expired(1))
  expect(late.value).toBe('sending')
  expect(more).toEqual([gaveUp(1, errors.REQUEST_TIMED_OUT)])
})

test('a batch whose time is over is given up, and what is left counts anew', () => {
  const [draining, commands] = step(machine, sending(2), expired(1))
  expect(draining.value).toEqual({ retrying: 'draining' })
  expect(commands).toEqual([gaveUp(1, errors.REQUEST_TIMED_OUT), refresh])
  const [snapshot] = step(machine, draining, refused(2, errors.OUT_OF_ORDER_SEQUENCE_NUMBER))
  expect(snapshot.value).toEqual({ retrying: 'renumbering' })
})

test('what stands behind a batch whose time is over keeps its numbers: it may have been written, or tell of the other', () => {
  const [draining] = step(machine, sending(2), expired(1))
  const [waiting] = step(machine, draining, refused(2, errors.NETWORK_EXCEPTION))
  expect(waiting.value).toEqual({ retrying: 'backingOff' })
  const [again, commands] = elapse(machine, waiting, 'retryBackoff')
  expect(commands).toEqual([sent(2, 1, 0, 10)])
  const [settled, done] = step(machine, again, acknowledged(2))
  expect(settled.value).toBe('idle')
  expect(done).toEqual([expect.objectContaining({ type: 'batch.complete', batch: 2 })])
  const [gap, report] = step(machine, again, refused(2, errors.OUT_OF_ORDER_SEQUENCE_NUMBER))
  expect(gap.value).toEqual({ retrying: 'renumbering' })
  expect(report.at(-1)).toEqual({ type: 'gap.report', producerEpoch: 0 })
})

test('it may be over while the batch waits, or is sent again', () => {
  for (const before of [backingOff(), resending(), leaderless()]) {
    const [snapshot, commands] = step(machine, before, expired(1))
    expect(snapshot.value).toEqual({ retrying: 'renumbering' })
    expect(commands).toEqual([
      gaveUp(1, errors.REQUEST_TIMED_OUT),
      { type: 'gap.report', producerEpoch: 0 },
    ])
  }
})

test('the batch sent again may be refused for good', () => {
  const [snapshot, commands] = step(machine, resending(2), refused(1, errors.INVALID_RECORD))
  expect(snapshot.value).toEqual({ retrying: 'renumbering' })
  expect(commands).toEqual([
    gaveUp(1, errors.INVALID_RECORD),
    { type: 'gap.report', producerEpoch: 0 },
  ])
})

test('a batch that is too large is divided, and its parts take its numbers', () => {
  const [asked, commands] = step(machine, sending(1), refused(1, errors.MESSAGE_TOO_LARGE))
  expect(commands).toEqual([{ type: 'batch.divide', batch: 1 }, refresh])
  const [divided] = step(machine, asked, {
    type: 'batch.divided',
    batch: 1,
    parts: [
      { batch: 11, recordCount: 6 },
      { batch: 12, recordCount: 4 },
    ],
  })
  const [one, sends] = elapse(machine, divided, 'retryBackoff')
  expect(sends).toEqual([sent(11, 1, 0, 0)])
  expect(step(machine, one, acknowledged(11))[1].at(-1)).toEqual(sent(12, 1, 0, 6))
})

test('also when it is sent again, or another is heard first', () => {
  const [again, commands] = step(machine, resending(), refused(1, errors.MESSAGE_TOO_LARGE))
  expect(again.value).toEqual({ retrying: 'backingOff' })
  expect(commands).toEqual([{ type: 'batch.divide', batch: 1 }, refresh])
  const [draining] = step(machine, sending(2), refused(1, errors.NETWORK_EXCEPTION))
  expect(step(machine, draining, refused(2, errors.MESSAGE_TOO_LARGE))[1]).toEqual([
    { type: 'batch.divide', batch: 2 },
  ])
})

test('one record that is too large is given up', () => {
  const [one] = step(machine, ready(), drained(1, 1))
  const [, commands] = step(machine, one, refused(1, errors.MESSAGE_TOO_LARGE))
  expect(commands[0]).toEqual(gaveUp(1, errors.MESSAGE_TOO_LARGE))
})

test('parts of a batch that was given up meanwhile are dropped', () => {
  const fact = { type: 'batch.divided', batch: 99, parts: [] } as const
  for (const before of [ready(), backingOff()])
    expect(step(machine, before, fact)[0].value).toEqual(before.value)
})

test('fencing is reported to the producer, whatever is under way', () => {
  const fenced = { type: 'fencing.report', errorCode: errors.INVALID_PRODUCER_EPOCH }
  const [draining] = step(machine, sending(2), refused(1, errors.NETWORK_EXCEPTION))
  expect(step(machine, sending(1), refused(1, errors.INVALID_PRODUCER_EPOCH))[1]).toEqual([fenced])
  expect(step(machine, draining, refused(2, errors.INVALID_PRODUCER_EPOCH))[1]).toEqual([fenced])
  expect(step(machine, resending(), refused(1, errors.INVALID_PRODUCER_EPOCH))[1]).toEqual([fenced])
})

test('when the producer has failed everything is given up, now and later', () => {
  const failure = { type: 'producer.failed', errorCode: errors.PRODUCER_FENCED } as const
  for (const before of [ready(), sending(2), backingOff(), renumbering()]) {
    const [failed, commands] = step(machine, before, failure)
    expect(failed.value).toBe('failed')
    expect(commands).toEqual([
      {
        type: 'batches.fail',
        batches: before.context.batches.map(({ batch }) => batch),
        errorCode: errors.PRODUCER_FENCED,
      },
    ])
    expect(maySend(failed)).toBe(true)
    const [, more] = steps(machine, failed, drained(50), acknowledged(1), failure)
    expect(more).toEqual([gaveUp(50, errors.PRODUCER_FENCED)])
  }
})

test('a batch handed over when none may be is refused', () => {
  for (const before of [backingOff(), resending(), renumbering()])
    expect(() => step(machine, before, drained(9))).toThrow(RefusedFact)
})

test('an answer for a batch that is not under way is refused', () => {
  for (const fact of [acknowledged(1), refused(1, errors.NONE)])
    expect(() => step(machine, backingOff(), fact)).toThrow(RefusedFact)
})
