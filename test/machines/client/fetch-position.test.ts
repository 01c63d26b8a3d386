import { expect, test } from 'vitest'
import type { SnapshotFrom } from 'xstate'
import {
  type FetchPositionFact,
  type FetchPositionInput,
  isFetchable,
  fetchPositionMachine as machine,
  mayDeliver,
} from '../../../machines/client/fetch-position.ts'
import { RefusedFact } from '../../../src/assert.ts'
import { errors } from '../../../src/error.ts'
import { noUuid } from '../../../src/ids.ts'
import { begin, elapse, step, steps } from '../../step.ts'

type Snapshot = SnapshotFrom<typeof machine>

const input: FetchPositionInput = {
  topic: 'orders',
  partition: 0,
  hasGroup: true,
  autoOffsetReset: 'earliest',
  retryBackoffMs: 100,
  retryBackoffMaxMs: 1000,
}
const leader = (leaderId: number, leaderEpoch: number, topicId = 'first'): FetchPositionFact => ({
  type: 'leader.learned',
  topicId,
  leaderId,
  leaderEpoch,
})
const committed = (offset: number, leaderEpoch = -1, run = 0): FetchPositionFact => ({
  type: 'committed.read',
  run,
  offset,
  leaderEpoch,
})
const fetched = (run: number, nextOffset: number, recordCount = 1): FetchPositionFact => ({
  type: 'records.fetched',
  run,
  recordCount,
  nextOffset,
  leaderEpoch: 3,
})
const delivered = (batch: number, nextOffset: number): FetchPositionFact => ({
  type: 'batch.delivered',
  batch,
  nextOffset,
  leaderEpoch: 3,
})
const acknowledged = (batch: number): FetchPositionFact => ({ type: 'batch.acknowledged', batch })
const fetchRefused = (run: number, errorCode: number): FetchPositionFact => ({
  type: 'fetch.refused',
  run,
  errorCode,
})
const checked = (run: number, endOffset: number): FetchPositionFact => ({
  type: 'epoch.checked',
  run,
  leaderEpoch: 2,
  endOffset,
})
const announced = (offset: number, by: string) => ({ type: 'position.announce', offset, by })
const refresh = { type: 'metadata.refresh' }
const dropped = { type: 'records.drop' }

const asking = (more: Partial<FetchPositionInput> = {}): Snapshot =>
  begin(machine, { ...input, ...more })[0]
/** Reads from offset 5 at broker 1, leader epoch 3; run 1. */
const fetching = (more: Partial<FetchPositionInput> = {}): Snapshot =>
  steps(machine, asking(more), leader(1, 3), committed(5))[0]
const resetting = (more: Partial<FetchPositionInput> = {}): Snapshot =>
  steps(machine, asking(more), leader(1, 3), committed(-1))[0]
/** Has read up to 9 under epoch 3 of broker 1; now broker 2 leads under epoch 4. */
const validating = (more: Partial<FetchPositionInput> = {}): Snapshot =>
  steps(machine, fetching(more), fetched(1, 9), leader(2, 4))[0]
const leaderless = (): Snapshot => step(machine, asking(), committed(5))[0]
const pausing = (): Snapshot =>
  step(machine, fetching(), fetchRefused(1, errors.NOT_LEADER_OR_FOLLOWER))[0]
const adrift = (): Snapshot => step(machine, asking({ autoOffsetReset: 'none' }), committed(-1))[0]

test('with a group it asks first what was committed', () => {
  const [snapshot, commands] = begin(machine, input)
  expect(snapshot.value).toEqual({ readingCommitted: 'asking' })
  expect(commands).toEqual([{ type: 'committed.fetch', run: 0 }])
})

test('without a group it asks the leader where to begin, once there is one', () => {
  const [first, commands] = begin(machine, { ...input, hasGroup: false })
  expect(first.value).toBe('leaderless')
  expect(commands).toEqual([refresh])
  const [snapshot, more] = step(machine, first, leader(1, 3))
  expect(snapshot.value).toBe('resetting')
  expect(more).toEqual([
    { type: 'offset.list', run: 0, at: 'earliest', leaderId: 1, leaderEpoch: 3 },
  ])
})

test('it reads from the committed offset', () => {
  const [led] = step(machine, asking(), leader(1, 3))
  const [snapshot, commands] = step(machine, led, committed(5))
  expect(snapshot.value).toBe('fetching')
  expect(snapshot.context).toMatchObject({ position: 5, fetchOffset: 5, acknowledged: 5 })
  expect(commands).toEqual([announced(5, 'committed')])
  expect(isFetchable(snapshot)).toBe(true)
})

test('a committed offset with its epoch is checked with the leader first', () => {
  const [snapshot, commands] = steps(machine, asking(), leader(1, 3), committed(5, 2))
  expect(snapshot.value).toBe('validating')
  expect(commands.at(-1)).toEqual({
    type: 'epoch.check',
    run: 1,
    leaderId: 1,
    leaderEpoch: 3,
    fetchedEpoch: 2,
  })
})

test('with an offset of a later leader epoch than the leader’s it waits for that leader', () => {
  const [snapshot, commands] = steps(machine, asking(), leader(1, 3), committed(5, 4))
  expect(snapshot.value).toBe('pausing')
  expect(commands.at(-1)).toEqual(refresh)
  const [again, more] = elapse(machine, snapshot, 'retryBackoff')
  expect(again.value).toBe('pausing')
  expect(more).toEqual([refresh])
  expect(step(machine, again, leader(2, 4))[0].value).toBe('validating')
})

test('without a committed offset it resets by the policy', () => {
  const [, commands] = steps(machine, asking(), leader(1, 3), committed(-1))
  expect(commands).toMatchObject([{ type: 'offset.list', at: 'earliest' }])
  const [, latest] = steps(
    machine,
    asking({ autoOffsetReset: 'latest' }),
    leader(1, 3),
    committed(-1),
  )
  expect(latest).toMatchObject([{ type: 'offset.list', at: 'latest' }])
})

test('without a committed offset and without a policy it is adrift', () => {
  const [snapshot, commands] = step(machine, asking({ autoOffsetReset: 'none' }), committed(-1))
  expect(snapshot.value).toBe('adrift')
  expect(commands).toMatchObject([{ type: 'failure.announce', reason: 'noOffset' }])
})

test('a coordinator that cannot say now is asked again; one that will not leaves it adrift', () => {
  const refusal = (errorCode: number) => ({ type: 'committed.refused', run: 0, errorCode }) as const
  const [waiting] = step(machine, asking(), refusal(errors.COORDINATOR_LOAD_IN_PROGRESS))
  expect(waiting.value).toEqual({ readingCommitted: 'backingOff' })
  const [again, commands] = elapse(machine, waiting, 'retryBackoff')
  expect(again.value).toEqual({ readingCommitted: 'asking' })
  expect(commands).toEqual([{ type: 'committed.fetch', run: 0 }])
  const [lost, failure] = step(machine, asking(), refusal(errors.TOPIC_AUTHORIZATION_FAILED))
  expect(lost.value).toBe('adrift')
  expect(failure).toMatchObject([
    { reason: 'refused', errorCode: errors.TOPIC_AUTHORIZATION_FAILED },
  ])
})

test('the listed offset is where it reads from', () => {
  const listed = { type: 'offset.listed', run: 0, offset: 42, leaderEpoch: 1 } as const
  const [snapshot, commands] = step(machine, resetting(), listed)
  expect(snapshot.value).toBe('fetching')
  expect(snapshot.context).toMatchObject({ position: 42, fetchOffset: 42, run: 1 })
  expect(commands).toEqual([announced(42, 'reset')])
})

test('a refused reset is tried again after newer metadata, or given up', () => {
  const refusal = (errorCode: number) => ({ type: 'offset.refused', run: 0, errorCode }) as const
  const [waiting, commands] = step(machine, resetting(), refusal(errors.NOT_LEADER_OR_FOLLOWER))
  expect(waiting.value).toBe('pausing')
  expect(commands).toEqual([refresh])
  expect(elapse(machine, waiting, 'retryBackoff')[0].value).toBe('resetting')
  const [lost] = step(machine, resetting(), refusal(errors.TOPIC_AUTHORIZATION_FAILED))
  expect(lost.value).toBe('adrift')
})

test('without a leader it waits for one', () => {
  expect(leaderless().value).toBe('leaderless')
  const [still, commands] = step(machine, leaderless(), {
    ...leader(-1, -1),
    topicId: noUuid,
  } as FetchPositionFact)
  expect(still.value).toBe('leaderless')
  expect(commands).toEqual([])
  const [none] = step(machine, leaderless(), leader(-1, 4))
  expect(none.value).toBe('leaderless')
  expect(step(machine, none, leader(1, 3))[0].value).toBe('leaderless')
  expect(step(machine, leaderless(), leader(1, 3))[0].value).toBe('fetching')
})

test('fetched records move the fetch offset, given ones the position', () => {
  const [one] = step(machine, fetching(), fetched(1, 9))
  expect(one.context).toMatchObject({ position: 5, fetchOffset: 9, fetchedEpoch: 3 })
  const [two] = step(machine, one, delivered(1, 7))
  expect(two.context).toMatchObject({ position: 7, acknowledged: 5 })
  expect(mayDeliver(two, 1)).toBe(false)
  expect(mayDeliver(two, 2)).toBe(true)
})

test('records of a former run are dropped', () => {
  expect(step(machine, fetching(), fetched(0, 9))[0].context.fetchOffset).toBe(5)
  expect(step(machine, pausing(), fetched(0, 9))[0].context.fetchOffset).toBe(5)
})

test('what was under way when the leader changed still counts', () => {
  expect(step(machine, pausing(), fetched(1, 9))[0].context.fetchOffset).toBe(9)
})

test('acknowledged is what is acknowledged without a gap', () => {
  const [three] = steps(
    machine,
    fetching(),
    fetched(1, 20),
    delivered(1, 7),
    delivered(2, 9),
    delivered(3, 12),
  )
  const [second] = step(machine, three, acknowledged(2))
  expect(second.context.acknowledged).toBe(5)
  const [first] = step(machine, second, acknowledged(1))
  expect(first.context).toMatchObject({ acknowledged: 9, acknowledgedEpoch: 3 })
  expect(first.context.delivered.map(({ batch }) => batch)).toEqual([3])
  const [last] = step(machine, first, acknowledged(3))
  expect(last.context).toMatchObject({ acknowledged: 12, delivered: [] })
  expect(step(machine, last, acknowledged(3))[0].context.acknowledged).toBe(12)
})

test('markers alone move the position, and what may be committed', () => {
  const [snapshot] = step(machine, fetching(), fetched(1, 6, 0))
  expect(snapshot.context).toMatchObject({ position: 6, fetchOffset: 6, acknowledged: 6 })
  const [behind] = steps(machine, fetching(), fetched(1, 7), delivered(1, 7), fetched(1, 8, 0))
  expect(behind.context).toMatchObject({ position: 8, acknowledged: 5 })
  expect(mayDeliver(behind, 2)).toBe(true)
  expect(step(machine, behind, acknowledged(1))[0].context.acknowledged).toBe(8)
})

test('an offset outside the log is reset by the policy, or leaves it adrift', () => {
  const [snapshot, commands] = step(
    machine,
    fetching(),
    fetchRefused(1, errors.OFFSET_OUT_OF_RANGE),
  )
  expect(snapshot.value).toBe('resetting')
  expect(snapshot.context).toMatchObject({ position: null, acknowledged: null, run: 2 })
  expect(commands).toMatchObject([dropped, { type: 'offset.list', run: 2 }])
  const [lost, failure] = step(
    machine,
    fetching({ autoOffsetReset: 'none' }),
    fetchRefused(1, errors.OFFSET_OUT_OF_RANGE),
  )
  expect(lost.value).toBe('adrift')
  expect(failure).toMatchObject([{ reason: 'outOfRange' }])
})

test('a refused fetch waits for newer metadata; a damaged batch is never cured', () => {
  const [waiting, commands] = step(
    machine,
    fetching(),
    fetchRefused(1, errors.NOT_LEADER_OR_FOLLOWER),
  )
  expect(waiting.value).toBe('pausing')
  expect(isFetchable(waiting)).toBe(false)
  expect(commands).toEqual([refresh])
  expect(elapse(machine, waiting, 'retryBackoff')[0].value).toBe('fetching')
  const [lost] = step(machine, fetching(), fetchRefused(1, errors.CORRUPT_MESSAGE))
  expect(lost.value).toBe('adrift')
  expect(step(machine, fetching(), fetchRefused(0, errors.CORRUPT_MESSAGE))[0].value).toBe(
    'fetching',
  )
})

test('a refusal heard while it waits changes nothing', () => {
  const refusal = fetchRefused(1, errors.OFFSET_OUT_OF_RANGE)
  expect(step(machine, pausing(), refusal)[0].value).toBe('pausing')
})

test('a new leader ends the wait', () => {
  expect(step(machine, pausing(), leader(1, 3))[0].value).toBe('pausing')
  expect(step(machine, pausing(), leader(2, 2))[0].value).toBe('pausing')
  expect(step(machine, pausing(), leader(2, 4))[0].value).toBe('fetching')
})

test('under a new leader what was read is checked before it reads on', () => {
  expect(step(machine, fetching(), leader(1, 3))[0].value).toBe('fetching')
  expect(step(machine, fetching(), leader(2, 2))[0].context.leaderId).toBe(1)
  expect(step(machine, resetting(), leader(2, 2))[0].context.leaderId).toBe(1)
  expect(step(machine, resetting(), leader(2, 4))[0].context.leaderId).toBe(2)
  const [snapshot, commands] = steps(machine, fetching(), fetched(1, 9), leader(2, 4))
  expect(snapshot.value).toBe('validating')
  expect(commands).toEqual([
    { type: 'epoch.check', run: 1, leaderId: 2, leaderEpoch: 4, fetchedEpoch: 3 },
  ])
})

test('of a topic made anew any leader epoch is believed, and what was read is checked there', () => {
  const [snapshot, commands] = steps(machine, fetching(), fetched(1, 9), leader(2, 0, 'second'))
  expect(snapshot.value).toBe('validating')
  expect(commands).toMatchObject([{ type: 'epoch.check', leaderId: 2, leaderEpoch: 0 }])
  for (const before of [pausing(), leaderless()])
    expect(step(machine, before, leader(2, 0, 'second'))[0].context.leaderEpoch).toBe(0)
})

test('a leader that has it all is read from', () => {
  const [snapshot, commands] = step(machine, validating(), checked(1, 9))
  expect(snapshot.value).toBe('fetching')
  expect(commands).toEqual([])
  expect(step(machine, validating(), checked(0, 1))[0].value).toBe('validating')
})

test('a leader that lost some of it is read from where it ends', () => {
  const [given] = step(machine, validating(), delivered(1, 9))
  const [snapshot, commands] = step(machine, given, checked(1, 7))
  expect(snapshot.value).toBe('fetching')
  expect(snapshot.context).toMatchObject({ position: 7, fetchOffset: 7, run: 2, delivered: [] })
  expect(commands).toEqual([dropped, announced(7, 'truncation')])
  // Of what was fetched and lost nothing was given yet: the position stays.
  expect(step(machine, validating(), checked(1, 7))[0].context).toMatchObject({
    position: 5,
    fetchOffset: 5,
  })
})

test('a leader that does not know the epoch at all makes it reset', () => {
  const [snapshot] = step(machine, validating(), checked(1, -1))
  expect(snapshot.value).toBe('pausing')
  expect(elapse(machine, snapshot, 'retryBackoff')[0].value).toBe('resetting')
})

test('without a policy a loss of log leaves it adrift', () => {
  const [snapshot, commands] = step(machine, validating({ autoOffsetReset: 'none' }), checked(1, 7))
  expect(snapshot.value).toBe('adrift')
  expect(commands).toMatchObject([{ reason: 'truncated' }])
})

test('a check that is refused is made again, given up, or not needed', () => {
  const refusal = (errorCode: number) => ({ type: 'epoch.refused', run: 1, errorCode }) as const
  const [waiting] = step(machine, validating(), refusal(errors.FENCED_LEADER_EPOCH))
  expect(waiting.value).toBe('pausing')
  expect(elapse(machine, waiting, 'retryBackoff')[0].value).toBe('validating')
  const old = refusal(errors.UNSUPPORTED_VERSION)
  expect(step(machine, validating(), old)[0].value).toBe('fetching')
  const forbidden = refusal(errors.TOPIC_AUTHORIZATION_FAILED)
  expect(step(machine, validating(), forbidden)[0].value).toBe('adrift')
  const late = { ...refusal(errors.TOPIC_AUTHORIZATION_FAILED), run: 0 }
  expect(step(machine, validating(), late)[0].value).toBe('validating')
})

test('while it checks the leader may change once more', () => {
  expect(step(machine, validating(), leader(1, 3))[1]).toEqual([])
  expect(step(machine, validating(), leader(2, 4))[1]).toEqual([])
  const [snapshot, commands] = step(machine, validating(), leader(3, 5))
  expect(snapshot.value).toBe('validating')
  expect(commands).toMatchObject([{ type: 'epoch.check', leaderId: 3, leaderEpoch: 5 }])
  const [none] = step(machine, validating(), leader(-1, 5))
  expect(none.value).toBe('leaderless')
})

test('a seek to an offset reads on from there, wherever it was', () => {
  for (const before of [asking(), fetching(), validating(), pausing(), adrift(), resetting()]) {
    const [led] = step(machine, before, leader(4, 9))
    const [snapshot, commands] = step(machine, led, { type: 'seek.requested', to: 3 })
    expect(snapshot.value).toBe('fetching')
    expect(snapshot.context).toMatchObject({ position: 3, fetchOffset: 3, acknowledged: 3 })
    expect(commands).toEqual([dropped, announced(3, 'seek')])
  }
})

test('a seek to an end asks the leader where that is', () => {
  for (const to of ['earliest', 'latest'] as const) {
    const [snapshot, commands] = step(machine, fetching(), { type: 'seek.requested', to })
    expect(snapshot.value).toBe('resetting')
    expect(commands).toMatchObject([dropped, { type: 'offset.list', at: to }])
  }
})

test('answers to what was asked before a seek are dropped', () => {
  const sought = (before: Snapshot) => step(machine, before, { type: 'seek.requested', to: 3 })[0]
  const [led] = step(machine, asking(), leader(1, 3))
  const late: FetchPositionFact[] = [
    committed(5),
    { type: 'committed.refused', run: 0, errorCode: errors.NOT_COORDINATOR },
    { type: 'offset.listed', run: 0, offset: 1, leaderEpoch: 0 },
    { type: 'offset.refused', run: 0, errorCode: errors.NOT_LEADER_OR_FOLLOWER },
    checked(0, 1),
    { type: 'epoch.refused', run: 0, errorCode: errors.NOT_LEADER_OR_FOLLOWER },
    fetchRefused(0, errors.OFFSET_OUT_OF_RANGE),
    acknowledged(1),
  ]
  for (const fact of late) {
    const [snapshot, commands] = step(machine, sought(led), fact)
    expect(snapshot.value).toBe('fetching')
    expect(snapshot.context.position).toBe(3)
    expect(commands).toEqual([])
  }
})

test('a late listed or committed offset in the same state is dropped by its run', () => {
  const [again] = step(machine, resetting(), { type: 'seek.requested', to: 'latest' })
  const listed = { type: 'offset.listed', run: 0, offset: 1, leaderEpoch: 0 } as const
  expect(step(machine, again, listed)[0].value).toBe('resetting')
  const refusal = { type: 'offset.refused', run: 0, errorCode: errors.NOT_COORDINATOR } as const
  expect(step(machine, again, refusal)[0].value).toBe('resetting')
  const old = committed(5, -1, -1)
  expect(step(machine, asking(), old)[0].value).toEqual({ readingCommitted: 'asking' })
  const oldRefusal = { type: 'committed.refused', run: -1, errorCode: 1 } as const
  expect(step(machine, asking(), oldRefusal)[0].value).toEqual({ readingCommitted: 'asking' })
})

test('paused it neither fetches nor gives, until it is resumed', () => {
  const [paused] = step(machine, fetching(), { type: 'pause.requested' })
  expect(isFetchable(paused)).toBe(false)
  expect(mayDeliver(paused, 9)).toBe(false)
  const [resumed] = step(machine, paused, { type: 'resume.requested' })
  expect(isFetchable(resumed)).toBe(true)
  expect(mayDeliver(resumed, 9)).toBe(true)
})

test('an offset nobody asked for is refused', () => {
  const listed = { type: 'offset.listed', run: 1, offset: 1, leaderEpoch: 0 } as const
  expect(() => step(machine, fetching(), listed)).toThrow(RefusedFact)
  expect(() => step(machine, fetching(), committed(5, -1, 1))).toThrow(RefusedFact)
  expect(() => step(machine, fetching(), { type: 'join.answered' } as never)).toThrow(RefusedFact)
})
