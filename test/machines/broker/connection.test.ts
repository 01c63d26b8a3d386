import { expect, test } from 'vitest'
import { type ConnectionFact, connectionMachine } from '../../../machines/broker/connection.ts'
import { RefusedFact } from '../../../src/assert.ts'
import { begin, elapse, step, steps } from '../../step.ts'

const allowed: ConnectionFact = { type: 'requests.allowed' }
const filled: ConnectionFact = { type: 'work.filled' }
const drained: ConnectionFact = { type: 'work.drained' }
const ending: ConnectionFact = { type: 'ending.requested', reason: 'malformed frame' }
const idle: ConnectionFact = { type: 'idle.elapsed' }
const linkClosed: ConnectionFact = { type: 'link.closed' }

const at = (...facts: ConnectionFact[]) =>
  steps(connectionMachine, begin(connectionMachine, undefined)[0], ...facts)[0]

const types = (commands: readonly { type: string }[]) => commands.map(({ type }) => type)

test('an accepted connection is not read', () => {
  const [snapshot, commands] = begin(connectionMachine, undefined)
  expect(snapshot.value).toBe('opened')
  expect(types(commands)).toEqual(['link.pause'])
})

test('it is read once its broker serves', () => {
  const [snapshot, commands] = step(connectionMachine, at(), allowed)
  expect(snapshot.value).toBe('ready')
  expect(types(commands)).toEqual(['link.resume'])
})

test('with enough under way it is not read', () => {
  const [snapshot, commands] = step(connectionMachine, at(allowed), filled)
  expect(snapshot.value).toBe('throttled')
  expect(types(commands)).toEqual(['link.pause'])
})

test('with room again it is read again', () => {
  const [snapshot, commands] = step(connectionMachine, at(allowed, filled), drained)
  expect(snapshot.value).toBe('ready')
  expect(types(commands)).toEqual(['link.resume'])
})

test.each([
  ['opened', at()],
  ['ready', at(allowed)],
  ['throttled', at(allowed, filled)],
])('%s, its end sends what is buffered and reads on, to see the other end', (_state, snapshot) => {
  for (const fact of [ending, idle]) {
    const [next, commands] = step(connectionMachine, snapshot, fact)
    expect(next.value).toBe('closing')
    expect(types(commands)).toEqual(['link.end', 'link.resume'])
  }
})

test.each([
  ['opened', at()],
  ['ready', at(allowed)],
  ['throttled', at(allowed, filled)],
  ['closing', at(allowed, ending)],
])('%s, a lost link closes it and forgets it', (_state, snapshot) => {
  const [next, commands] = step(connectionMachine, snapshot, linkClosed)
  expect(next.value).toBe('closed')
  expect(next.status).toBe('done')
  expect(types(commands)).toEqual(['connection.forget'])
})

test('a client that does not read its last answers is dropped', () => {
  const [next, commands] = elapse(connectionMachine, at(allowed, ending), 'closingTimeout')
  expect(next.value).toBe('closed')
  expect(types(commands)).toEqual(['link.destroy', 'connection.forget'])
})

test('while it closes nothing else matters', () => {
  const [next, commands] = steps(
    connectionMachine,
    at(ending),
    allowed,
    filled,
    drained,
    ending,
    idle,
  )
  expect(next.value).toBe('closing')
  expect(commands).toEqual([])
})

test('facts without sense are refused', () => {
  expect(() => step(connectionMachine, at(), filled)).toThrow(RefusedFact)
  expect(() => step(connectionMachine, at(), drained)).toThrow(RefusedFact)
  expect(() => step(connectionMachine, at(allowed), allowed)).toThrow(RefusedFact)
  expect(() => step(connectionMachine, at(allowed), drained)).toThrow(RefusedFact)
  expect(() => step(connectionMachine, at(allowed, filled), filled)).toThrow(RefusedFact)
  expect(() => step(connectionMachine, at(allowed, filled), allowed)).toThrow(RefusedFact)
})
