import { expect, test } from 'vitest'
import {
  connectionOf,
  isOpen,
  type SessionFact,
  sessionMachine,
} from '../../../machines/zookeeper/session.ts'
import { RefusedFact } from '../../../src/assert.ts'
import { begin, step, steps } from '../../step.ts'

const input = { sessionId: '0x1', timeoutMs: 2000, connection: 7 } as const
const opened: SessionFact = { type: 'txn.committed', txn: 'createSession', zxid: 1 }
const closed: SessionFact = { type: 'txn.committed', txn: 'closeSession', zxid: 9 }
const lost = (connection: number): SessionFact => ({ type: 'connection.lost', connection })
const reconnect = (connection: number, passwordMatches = true): SessionFact => ({
  type: 'reconnect.requested',
  connection,
  passwordMatches,
  timeoutMs: 3000,
})
const timeout: SessionFact = { type: 'timeout.reached' }
const goodbye: SessionFact = { type: 'close.requested' }

/** A session after these facts. */
const after = (...facts: SessionFact[]) =>
  steps(sessionMachine, begin(sessionMachine, input)[0], ...facts)[0]

const closing = { type: 'txn.propose', txn: 'closeSession', timeoutMs: 2000 }

test('a session begins with a transaction', () => {
  const [snapshot, commands] = begin(sessionMachine, input)
  expect(snapshot.value).toBe('opening')
  expect(isOpen(snapshot)).toBe(false)
  expect(commands).toEqual([{ type: 'txn.propose', txn: 'createSession', timeoutMs: 2000 }])
})

test('one that a server found in its log is open already, without a connection, and waits for one', () => {
  const [snapshot, commands] = begin(sessionMachine, { ...input, connection: null })
  expect(snapshot.value).toEqual({ open: 'detached' })
  expect(commands).toEqual([])
  expect(step(sessionMachine, snapshot, reconnect(8))[1]).toEqual([
    { type: 'connect.grant', connection: 8, timeoutMs: 3000 },
  ])
  expect(step(sessionMachine, snapshot, timeout)[1]).toEqual([closing])
})

test('when that is committed the session is granted to its connection', () => {
  const [snapshot, commands] = step(sessionMachine, after(), opened)
  expect(snapshot.value).toEqual({ open: 'attached' })
  expect(isOpen(snapshot)).toBe(true)
  expect(commands).toEqual([{ type: 'connect.grant', connection: 7, timeoutMs: 2000 }])
})

test('a connection lost meanwhile leaves it open without one', () => {
  const [snapshot, commands] = step(sessionMachine, after(lost(7)), opened)
  expect(snapshot.value).toEqual({ open: 'detached' })
  expect(connectionOf(snapshot)).toBeNull()
  expect(commands).toEqual([])
})

test('while opening, the loss of another connection is nothing to it', () => {
  expect(connectionOf(after(lost(3)))).toBe(7)
})

test('while opening, who guesses its id is refused', () => {
  const [snapshot, commands] = step(sessionMachine, after(), reconnect(8))
  expect(snapshot.value).toBe('opening')
  expect(commands).toEqual([{ type: 'connect.refuse', connection: 8 }])
})

test('while opening, its time may be over', () => {
  const [snapshot, commands] = step(sessionMachine, after(), timeout)
  expect(snapshot.value).toBe('expiring')
  expect(commands).toEqual([closing])
  expect(step(sessionMachine, snapshot, opened)[0].value).toBe('expiring')
})

test('while opening, nobody can say goodbye', () => {
  expect(() => step(sessionMachine, after(), goodbye)).toThrow(RefusedFact)
})

test('losing its connection does not end it', () => {
  const [snapshot, commands] = step(sessionMachine, after(opened), lost(7))
  expect(snapshot.value).toEqual({ open: 'detached' })
  expect(commands).toEqual([])
  expect(step(sessionMachine, snapshot, lost(7))[0].value).toEqual({ open: 'detached' })
})

test('the loss of a connection it had before is nothing to it', () => {
  const [snapshot] = step(sessionMachine, after(opened), lost(3))
  expect(snapshot.value).toEqual({ open: 'attached' })
})

test('its client comes back with the password, and what it asks for is granted', () => {
  const [snapshot, commands] = step(sessionMachine, after(opened, lost(7)), reconnect(8))
  expect(snapshot.value).toEqual({ open: 'attached' })
  expect(commands).toEqual([{ type: 'connect.grant', connection: 8, timeoutMs: 3000 }])
  expect(snapshot.context).toEqual({ sessionId: '0x1', timeoutMs: 3000, connection: 8 })
})

test('a wrong password is refused', () => {
  const [snapshot, commands] = step(sessionMachine, after(opened, lost(7)), reconnect(8, false))
  expect(snapshot.value).toEqual({ open: 'detached' })
  expect(commands).toEqual([{ type: 'connect.refuse', connection: 8 }])
})

test('it moves to the connection that shows its password, and the old one is closed first', () => {
  const [snapshot, commands] = step(sessionMachine, after(opened), reconnect(8))
  expect(snapshot.value).toEqual({ open: 'attached' })
  expect(commands).toEqual([
    { type: 'connection.close', connection: 7, reason: 'moved' },
    { type: 'connect.grant', connection: 8, timeoutMs: 3000 },
  ])
})

test('a wrong password cuts the owner off, who can come back', () => {
  const [snapshot, commands] = step(sessionMachine, after(opened), reconnect(8, false))
  expect(snapshot.value).toEqual({ open: 'detached' })
  expect(commands).toEqual([
    { type: 'connection.close', connection: 7, reason: 'moved' },
    { type: 'connect.refuse', connection: 8 },
  ])
})

test.each([
  ['attached', after(opened)],
  ['detached', after(opened, lost(7))],
])('%s, a session that is silent too long expires by a transaction', (_, open) => {
  const [snapshot, commands] = step(sessionMachine, open, timeout)
  expect(snapshot.value).toBe('expiring')
  expect(isOpen(snapshot)).toBe(false)
  expect(commands).toEqual([closing])
})

test('when that is committed its connection is closed', () => {
  const [snapshot, commands] = step(sessionMachine, after(opened, timeout), closed)
  expect(snapshot.status).toBe('done')
  expect(commands).toEqual([{ type: 'connection.close', connection: 7, reason: 'expired' }])
})

test('an expired session without a connection just ends', () => {
  for (const expiring of [after(opened, lost(7), timeout), after(opened, timeout, lost(7))]) {
    const [snapshot, commands] = step(sessionMachine, expiring, closed)
    expect(snapshot.status).toBe('done')
    expect(commands).toEqual([])
  }
})

test('goodbye closes it by a transaction, then its connection', () => {
  const [snapshot, commands] = step(sessionMachine, after(opened), goodbye)
  expect(snapshot.value).toBe('closing')
  expect(commands).toEqual([closing])
  const [over, last] = step(sessionMachine, snapshot, closed)
  expect(over.status).toBe('done')
  expect(last).toEqual([{ type: 'connection.close', connection: 7, reason: 'closed' }])
})

test('a connection lost while it closes needs no closing', () => {
  const [snapshot, commands] = step(sessionMachine, after(opened, goodbye, lost(7)), closed)
  expect(snapshot.status).toBe('done')
  expect(commands).toEqual([])
  expect(connectionOf(after(opened, goodbye, lost(3)))).toBe(7)
})

test.each([
  ['expiring', after(opened, timeout)],
  ['closing', after(opened, goodbye)],
])('%s, it is given to nobody and ends once', (_, ending) => {
  const [snapshot, commands] = step(sessionMachine, ending, reconnect(8))
  expect(commands).toEqual([{ type: 'connect.refuse', connection: 8 }])
  for (const fact of [timeout, goodbye, lost(3)]) {
    const [same, none] = step(sessionMachine, snapshot, fact)
    expect(same.value).toBe(ending.value)
    expect(none).toEqual([])
  }
})

test('an open session is opened by no second transaction', () => {
  expect(() => step(sessionMachine, after(opened), opened)).toThrow(RefusedFact)
})
