import { expect, test } from 'vitest'
import {
  zookeeperClientMachine as machine,
  sessionState,
  type ZooKeeperClientFact,
} from '../../../machines/zookeeper/client.ts'
import { RefusedFact } from '../../../src/assert.ts'
import { begin, elapse, step, steps } from '../../step.ts'

const input = { serverCount: 2, sessionTimeoutMs: 2000 }
const connected = (link = 1): ZooKeeperClientFact => ({ type: 'link.connected', link })
const closed = (link = 1): ZooKeeperClientFact => ({ type: 'link.closed', link })
const silent = (link = 1): ZooKeeperClientFact => ({ type: 'server.silent', link })
const granted = (link = 1): ZooKeeperClientFact => ({
  type: 'session.granted',
  link,
  sessionId: '0x15',
  timeoutMs: 3000,
})
const refused = (link = 1): ZooKeeperClientFact => ({ type: 'session.refused', link })
const authRefused = (link = 1): ZooKeeperClientFact => ({ type: 'auth.refused', link })
const answered = (link = 1): ZooKeeperClientFact => ({ type: 'close.answered', link })
const close: ZooKeeperClientFact = { type: 'close.requested' }
const reopen: ZooKeeperClientFact = { type: 'reopen.requested' }

const after = (...facts: ZooKeeperClientFact[]) =>
  steps(machine, begin(machine, input)[0], ...facts)[0]
const dialing = after()
const handshaking = after(connected())
const waiting = after(closed())
const open = after(connected(), granted())
const suspended = after(connected(), granted(), closed())
const expired = after(connected(), refused())
const closing = after(connected(), granted(), close)

test('it dials the first server at once', () => {
  const [snapshot, commands] = begin(machine, input)
  expect(snapshot.value).toEqual({ connecting: 'dialing' })
  expect(sessionState(snapshot)).toBe('connecting')
  expect(commands).toEqual([{ type: 'link.open', link: 1, server: 0 }])
})

test('a connection made, it presents the session it has, at first none', () => {
  const [snapshot, commands] = step(machine, dialing, connected())
  expect(snapshot.value).toEqual({ connecting: 'handshaking' })
  expect(commands).toEqual([{ type: 'handshake.send', link: 1, sessionId: '0x0', timeoutMs: 2000 }])
})

test('no connection: requests that wait are lost, and the next server is tried in a moment', () => {
  const [snapshot, commands] = step(machine, dialing, closed())
  expect(snapshot.value).toEqual({ connecting: 'waiting' })
  expect(commands).toEqual([{ type: 'requests.fail', error: 'CONNECTIONLOSS' }])
  const [next, dial] = elapse(machine, snapshot, 'retryDelay')
  expect(next.value).toEqual({ connecting: 'dialing' })
  expect(dial).toEqual([{ type: 'link.open', link: 2, server: 1 }])
  const [third, again] = elapse(machine, step(machine, next, closed(2))[0], 'retryDelay')
  expect(third.context.link).toBe(3)
  expect(again).toEqual([{ type: 'link.open', link: 3, server: 0 }])
})

test.each([
  ['dialing', dialing],
  ['handshaking', handshaking],
])('%s, a server that does not answer in its share of the timeout is given up', (_, trying) => {
  const [snapshot, commands] = elapse(machine, trying, 'connectTimeout')
  expect(snapshot.value).toEqual({ connecting: 'waiting' })
  expect(commands).toEqual([
    { type: 'link.drop', link: 1 },
    { type: 'requests.fail', error: 'CONNECTIONLOSS' },
  ])
})

test('a server that hangs up instead of granting is left', () => {
  expect(step(machine, handshaking, closed())[0].value).toEqual({ connecting: 'waiting' })
})

test('the session granted, it is connected', () => {
  const [snapshot, commands] = step(machine, handshaking, granted())
  expect(snapshot.value).toBe('connected')
  expect(sessionState(snapshot)).toBe('connected')
  expect(snapshot.context).toMatchObject({ sessionId: '0x15', sessionTimeoutMs: 3000 })
  expect(commands).toEqual([{ type: 'session.announce', state: 'connected' }])
})

test.each([
  ['closed', closed()],
  ['silent', silent()],
])('a connection that is %s suspends the session, which may live', (_, fact) => {
  const [snapshot, commands] = step(machine, open, fact)
  expect(snapshot.value).toBe('suspended')
  expect(sessionState(snapshot)).toBe('suspended')
  expect(commands).toEqual([
    { type: 'link.drop', link: 1 },
    { type: 'requests.fail', error: 'CONNECTIONLOSS' },
    { type: 'session.announce', state: 'suspended' },
  ])
})

test('from suspended it tries the next server with the session it has', () => {
  const [snapshot, commands] = elapse(machine, suspended, 'retryDelay')
  expect(snapshot.value).toEqual({ connecting: 'dialing' })
  expect(sessionState(snapshot)).toBe('suspended')
  expect(commands).toEqual([{ type: 'link.open', link: 2, server: 1 }])
  const [, handshake] = step(machine, snapshot, connected(2))
  expect(handshake).toEqual([
    { type: 'handshake.send', link: 2, sessionId: '0x15', timeoutMs: 2000 },
  ])
})

test('the session refused, it has expired', () => {
  const [snapshot, commands] = step(machine, handshaking, refused())
  expect(snapshot.value).toBe('expired')
  expect(sessionState(snapshot)).toBe('expired')
  expect(commands).toEqual([
    { type: 'link.drop', link: 1 },
    { type: 'requests.fail', error: 'SESSIONEXPIRED' },
    { type: 'session.announce', state: 'expired' },
  ])
})

test('what follows an expiry is the wish of its owner: a new session', () => {
  const [snapshot, commands] = step(machine, expired, reopen)
  expect(snapshot.value).toEqual({ connecting: 'dialing' })
  expect(sessionState(snapshot)).toBe('connecting')
  expect(commands).toEqual([{ type: 'link.open', link: 2, server: 0 }])
})

test('… or the end', () => {
  expect(step(machine, expired, close)[0].value).toBe('closed')
  expect(step(machine, expired, closed())[0].value).toBe('expired')
})

test('nobody reopens a session that lives', () => {
  for (const snapshot of [dialing, handshaking, waiting, open, suspended, closing])
    expect(() => step(machine, snapshot, reopen)).toThrow(RefusedFact)
})

test('credentials refused end it', () => {
  const [snapshot, commands] = step(machine, open, authRefused())
  expect(snapshot.value).toBe('authFailed')
  expect(sessionState(snapshot)).toBe('authFailed')
  expect(snapshot.status).toBe('done')
  expect(commands).toEqual([
    { type: 'link.drop', link: 1 },
    { type: 'requests.fail', error: 'AUTHFAILED' },
    { type: 'session.announce', state: 'authFailed' },
  ])
})

test('connected, it closes the session first', () => {
  const [snapshot, commands] = step(machine, open, close)
  expect(snapshot.value).toBe('closing')
  expect(sessionState(snapshot)).toBe('connected')
  expect(commands).toEqual([{ type: 'closeSession.send', link: 1 }])
  expect(step(machine, snapshot, close)[0].value).toBe('closing')
})

test.each([
  ['answered', answered()],
  ['cut', closed()],
  ['silent', silent()],
  ['no longer taken', authRefused()],
])('closing and %s, it is closed', (_, fact) => {
  const [snapshot, commands] = step(machine, closing, fact)
  expect(snapshot.value).toBe('closed')
  expect(sessionState(snapshot)).toBe('closed')
  expect(snapshot.status).toBe('done')
  expect(commands).toEqual([
    { type: 'link.drop', link: 1 },
    { type: 'requests.fail', error: 'SESSIONEXPIRED' },
    { type: 'session.announce', state: 'closed' },
  ])
})

test('closing does not wait for ever', () => {
  expect(elapse(machine, closing, 'closeTimeout')[0].value).toBe('closed')
})

test('without a connection it closes at once and leaves the session to expire', () => {
  for (const snapshot of [dialing, handshaking, waiting, suspended])
    expect(step(machine, snapshot, close)[0].value).toBe('closed')
})

test('what an earlier connection still says is nothing to it', () => {
  const second = steps(machine, elapse(machine, suspended, 'retryDelay')[0])[0]
  const secondOpen = steps(machine, second, connected(2), granted(2))[0]
  const stale = [connected(), closed(), silent(), granted(), refused(), authRefused(), answered()]
  for (const snapshot of [second, step(machine, second, connected(2))[0], secondOpen]) {
    for (const fact of stale) {
      const [same, commands] = step(machine, snapshot, fact)
      expect(same.value).toEqual(snapshot.value)
      expect(commands).toEqual([])
    }
  }
  expect(step(machine, suspended, closed())[0].value).toBe('suspended')
  expect(step(machine, waiting, closed())[0].value).toEqual({ connecting: 'waiting' })
})

test('what its present connection cannot say yet is refused', () => {
  expect(() => step(machine, dialing, granted())).toThrow(RefusedFact)
  expect(() => step(machine, dialing, refused())).toThrow(RefusedFact)
  expect(() => step(machine, handshaking, connected())).toThrow(RefusedFact)
  expect(() => step(machine, handshaking, silent())).toThrow(RefusedFact)
  expect(() => step(machine, open, granted())).toThrow(RefusedFact)
  expect(() => step(machine, open, answered())).toThrow(RefusedFact)
})
