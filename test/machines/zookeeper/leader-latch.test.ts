import { expect, test } from 'vitest'
import {
  type LeaderLatchFact,
  leaderLatchMachine,
  leads,
} from '../../../machines/zookeeper/leader-latch.ts'
import { RefusedFact } from '../../../src/assert.ts'
import type { Candidate } from '../../../src/zookeeper/latch-line.ts'
import { begin, step, steps } from '../../step.ts'

/** Goal: each arrow of a candidate's life, from the line to leadership and out of it. */

const input = { guid: 'me', connected: true }
const connected: LeaderLatchFact = { type: 'session.connected' }
const suspended: LeaderLatchFact = { type: 'session.suspended' }
const expired: LeaderLatchFact = { type: 'session.expired' }
const lost: LeaderLatchFact = { type: 'request.lost' }
const leave: LeaderLatchFact = { type: 'leave.requested' }
const created: LeaderLatchFact = { type: 'candidate.created', candidate: 'me-5' }
const gone: LeaderLatchFact = { type: 'candidate.gone', candidate: 'me-5' }

/** The line, from `guid-number`. */
const line = (...names: string[]): LeaderLatchFact => ({
  type: 'candidates.found',
  candidates: names.map((name): Candidate => {
    const [guid = '', number] = name.split('-')
    return { name, guid, number: Number(number) }
  }),
})
const predecessor = (state: 'found' | 'gone', name: string): LeaderLatchFact => ({
  type: `predecessor.${state}`,
  predecessor: name,
})

const after = (...facts: LeaderLatchFact[]) =>
  steps(leaderLatchMachine, begin(leaderLatchMachine, input)[0], ...facts)[0]
const told = (snapshot: ReturnType<typeof after>, fact: LeaderLatchFact) =>
  step(leaderLatchMachine, snapshot, fact)

const states = {
  enrolling: after(),
  looking: after(created),
  watching: after(created, line('a-3', 'me-5')),
  waiting: after(created, line('a-3', 'me-5'), predecessor('found', 'a-3')),
  leading: after(created, line('me-5', 'b-7')),
  away: after(suspended),
}

test('it enrols at once where its session stands on a connection', () => {
  const [snapshot, commands] = begin(leaderLatchMachine, input)
  expect(snapshot.value).toEqual({ standing: 'enrolling' })
  expect(commands).toEqual([{ type: 'candidate.create', guid: 'me' }])
})

test('without a connection it waits for one, then looks whether it stands already', () => {
  const [snapshot, commands] = begin(leaderLatchMachine, { ...input, connected: false })
  expect([snapshot.value, commands]).toEqual([{ standing: 'away' }, []])
  const [next, more] = step(leaderLatchMachine, snapshot, connected)
  expect([next.value, more]).toEqual([{ standing: 'looking' }, [{ type: 'candidates.read' }]])
})

test('enrolled, it looks at the line', () => {
  const [snapshot, commands] = told(states.enrolling, created)
  expect(snapshot.value).toEqual({ standing: 'looking' })
  expect(snapshot.context.candidate).toBe('me-5')
  expect(commands).toEqual([{ type: 'candidates.read' }])
})

test('the first in the line leads, and watches its own node', () => {
  const [snapshot, commands] = told(states.looking, line('me-5', 'b-7'))
  expect(leads(snapshot)).toBe(true)
  expect(commands).toEqual([
    { type: 'leadership.announce', leads: true },
    { type: 'candidate.watch', candidate: 'me-5' },
  ])
})

test('any other watches the one in front of it, and no other', () => {
  const [snapshot, commands] = told(states.looking, line('a-1', 'b-3', 'me-5', 'c-9'))
  expect(snapshot.value).toEqual({ standing: 'watching' })
  expect(commands).toEqual([{ type: 'predecessor.watch', predecessor: 'b-3' }])
})

test('who is not in the line enrols', () => {
  const [snapshot, commands] = told(states.looking, line('a-1'))
  expect(snapshot.value).toEqual({ standing: 'enrolling' })
  expect(snapshot.context.candidate).toBeNull()
  expect(commands).toEqual([{ type: 'candidate.create', guid: 'me' }])
})

test('of several nodes of its own the first counts', () => {
  expect(told(states.looking, line('me-4', 'me-5'))[0].context.candidate).toBe('me-4')
})

test('the one in front stands: it waits', () => {
  const [snapshot, commands] = told(states.watching, predecessor('found', 'a-3'))
  expect([snapshot.value, commands]).toEqual([{ standing: 'waiting' }, []])
})

test('the one in front went between the look and the watch: it looks again', () => {
  const [snapshot, commands] = told(states.watching, predecessor('gone', 'a-3'))
  expect([snapshot.value, commands]).toEqual([
    { standing: 'looking' },
    [{ type: 'candidates.read' }],
  ])
})

test('the one in front goes: it looks again', () => {
  const [snapshot, commands] = told(states.waiting, predecessor('gone', 'a-3'))
  expect([snapshot.value, commands]).toEqual([
    { standing: 'looking' },
    [{ type: 'candidates.read' }],
  ])
})

test('the going of another is nothing to it', () => {
  for (const state of ['watching', 'waiting'] as const)
    expect(told(states[state], predecessor('gone', 'z-1'))).toEqual([states[state], []])
  expect(told(states.watching, predecessor('found', 'z-1'))).toEqual([states.watching, []])
  for (const state of ['enrolling', 'looking', 'leading', 'away'] as const)
    expect(told(states[state], predecessor('gone', 'a-3'))[1]).toEqual([])
})

test('a leader whose node somebody deletes leads no more, and looks', () => {
  const [snapshot, commands] = told(states.leading, gone)
  expect(snapshot.value).toEqual({ standing: 'looking' })
  expect(commands).toEqual([
    { type: 'leadership.announce', leads: false },
    { type: 'candidates.read' },
  ])
  const other: LeaderLatchFact = { type: 'candidate.gone', candidate: 'other-1' }
  expect(told(states.leading, other)).toEqual([states.leading, []])
})

test('elsewhere the loss of its node is found when it looks next', () => {
  for (const state of ['enrolling', 'looking', 'watching', 'waiting', 'away'] as const)
    expect(told(states[state], gone)).toEqual([states[state], []])
})

test('a leader that loses its connection leads no more, though its session may live', () => {
  const [snapshot, commands] = told(states.leading, suspended)
  expect(snapshot.value).toEqual({ standing: 'away' })
  expect(commands).toEqual([{ type: 'leadership.announce', leads: false }])
  // Back in time it finds its node in its place.
  const [back, more] = steps(leaderLatchMachine, snapshot, connected, line('me-5', 'b-7'))
  expect(leads(back)).toBe(true)
  expect(more.map(({ type }) => type)).toEqual([
    'candidates.read',
    'leadership.announce',
    'candidate.watch',
  ])
})

test('wherever it is, a lost connection takes it away from there', () => {
  for (const state of ['enrolling', 'looking', 'watching', 'waiting'] as const) {
    const [snapshot] = steps(leaderLatchMachine, states[state], lost, suspended)
    expect(snapshot.value).toEqual({ standing: 'away' })
  }
  expect(told(states.away, suspended)).toEqual([states.away, []])
})

test('a lost request alone changes nothing: the session says what follows', () => {
  for (const snapshot of Object.values(states)) expect(told(snapshot, lost)).toEqual([snapshot, []])
})

test('connected again it finds by its GUID what a lost creation has made', () => {
  const [snapshot] = steps(leaderLatchMachine, states.enrolling, lost, suspended, connected)
  expect(snapshot.value).toEqual({ standing: 'looking' })
  expect(leads(told(snapshot, line('me-5'))[0])).toBe(true)
  expect(told(snapshot, line('a-1'))[0].value).toEqual({ standing: 'enrolling' })
})

test('an expired session takes its node with it: it stands again with the next one', () => {
  for (const state of Object.values(states)) {
    const [snapshot] = told(state, expired)
    expect(snapshot.value).toEqual({ standing: 'away' })
    expect(snapshot.context).toMatchObject({ candidate: null, predecessor: null, mayStand: false })
  }
  expect(told(states.leading, expired)[1]).toEqual([{ type: 'leadership.announce', leads: false }])
})

test('refused, it stands no more, and says why', () => {
  const [snapshot, commands] = told(states.enrolling, { type: 'request.refused', error: 'NOAUTH' })
  expect(snapshot).toMatchObject({ value: 'failed', status: 'done', context: { error: 'NOAUTH' } })
  expect(commands).toEqual([])
})

test('leaving, a leader gives way first, then deletes its node', () => {
  const [snapshot, commands] = told(states.leading, leave)
  expect(snapshot.value).toEqual({ leaving: 'looking' })
  expect(commands).toEqual([
    { type: 'leadership.announce', leads: false },
    { type: 'candidates.read' },
  ])
  const [deleting, more] = told(snapshot, line('me-5', 'b-7'))
  expect([deleting.value, more]).toEqual([
    { leaving: 'deleting' },
    [{ type: 'candidate.delete', candidate: 'me-5' }],
  ])
  const [left] = told(deleting, { type: 'candidate.deleted', candidate: 'me-5' })
  expect(left).toMatchObject({ value: 'left', status: 'done' })
})

test('leaving, it deletes every node with its GUID', () => {
  const deleted: LeaderLatchFact = { type: 'candidate.deleted', candidate: '' }
  const [snapshot, commands] = steps(
    leaderLatchMachine,
    states.waiting,
    leave,
    line('me-4', 'a-3', 'me-5'),
    deleted,
    deleted,
  )
  expect(snapshot.value).toBe('left')
  expect(commands.filter(({ type }) => type === 'candidate.delete')).toEqual([
    { type: 'candidate.delete', candidate: 'me-4' },
    { type: 'candidate.delete', candidate: 'me-5' },
  ])
})

test('leaving while it enrols, it looks behind its own creation', () => {
  const [snapshot] = steps(leaderLatchMachine, states.enrolling, leave, created)
  expect(snapshot.value).toEqual({ leaving: 'looking' })
  expect(told(snapshot, line())[0].value).toBe('left')
})

test('it has left at once where no node of its can stand', () => {
  expect(steps(leaderLatchMachine, states.away, expired, leave)[0].value).toBe('left')
  const [idle] = begin(leaderLatchMachine, { ...input, connected: false })
  expect(told(idle, leave)[0].value).toBe('left')
})

test('leaving without a connection, it waits for one, or for the end of the session', () => {
  const [away] = told(states.away, leave)
  expect(away.value).toEqual({ leaving: 'away' })
  expect(told(away, suspended)).toEqual([away, []])
  expect(told(away, expired)[0].value).toBe('left')
  expect(told(away, connected)[0].value).toEqual({ leaving: 'looking' })
})

test('leaving, it drops what comes late', () => {
  const [looking] = told(states.waiting, leave)
  const [deleting] = told(looking, line('me-5'))
  for (const fact of [
    lost,
    gone,
    created,
    leave,
    predecessor('gone', 'a-3'),
    predecessor('found', 'a-3'),
  ])
    for (const snapshot of [looking, deleting]) expect(told(snapshot, fact)).toEqual([snapshot, []])
  expect(told(deleting, line('me-5'))).toEqual([deleting, []])
})

test('leaving can be cut short by the connection, the session, or a refusal', () => {
  const [looking] = told(states.waiting, leave)
  expect(told(looking, suspended)[0].value).toEqual({ leaving: 'away' })
  expect(told(looking, expired)[0].value).toBe('left')
  expect(told(looking, { type: 'request.refused', error: 'NOAUTH' })[0].value).toBe('failed')
})

test('what cannot be is refused', () => {
  expect(() => told(states.waiting, created)).toThrow(RefusedFact)
  expect(() => told(states.enrolling, line())).toThrow(RefusedFact)
  expect(() => told(states.leading, connected)).toThrow(RefusedFact)
  expect(() => told(states.waiting, { type: 'candidate.deleted', candidate: 'x' })).toThrow(
    RefusedFact,
  )
})
