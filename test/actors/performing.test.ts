import { expect, test } from 'vitest'
import { emit, setup } from 'xstate'
import { Registry, stateName } from '../../actors/registry.ts'
import { Trace } from '../../actors/trace.ts'
import { refuse } from '../../src/assert.ts'
import type { Clock } from '../../src/ports.ts'

const clock: Clock = { now: () => 0, setTimeout: () => ({}), clearTimeout: () => {} }

const doorMachine = setup({
  types: {
    events: {} as { type: 'opened' } | { type: 'closed' },
    emitted: {} as { type: 'light.switch'; on: boolean },
  },
  actions: { refuse, light: emit({ type: 'light.switch', on: true }) },
}).createMachine({
  id: 'door',
  initial: 'shut',
  on: { '*': { actions: 'refuse' } },
  states: {
    shut: { entry: 'light', on: { opened: 'ajar' } },
    ajar: { entry: 'light', on: { closed: 'shut' } },
  },
})

const start = (performer: (send: (fact: { type: 'opened' | 'closed' }) => void) => void) => {
  const trace = new Trace(clock)
  const failures: unknown[] = []
  const root = new Registry(trace).start(doorMachine, {
    path: 'house/door',
    clock,
    input: undefined,
    performers: { 'light.switch': (_command, send) => performer(send) },
    failed: error => failures.push(error),
  })
  return { root, trace, failures }
}

test("the performers of entry actions' commands run at the start, after the snapshot is set", () => {
  const seen: string[] = []
  const { root } = start(() => seen.push('light'))
  expect(seen).toEqual(['light'])
  expect(root.getSnapshot().value).toBe('shut')
})

test('a fact sent from inside a performer waits until the step is complete, and carries its cause', () => {
  let count = 0
  const { root, trace } = start(send => {
    if (++count < 4) send({ type: count % 2 === 1 ? 'opened' : 'closed' })
  })
  expect(root.getSnapshot().value).toBe('ajar')
  const facts = trace.kept.filter(entry => entry.kind === 'fact')
  expect(facts.map(entry => entry.type)).toEqual(['opened', 'closed', 'opened'])
  expect(facts[2]?.cause).not.toBeNull()
})

test('a fact without an arrow fails the actor and tells its owner', () => {
  const { root, failures, trace } = start(() => {})
  root.send({ type: 'closed' })
  expect(failures.map(String)).toEqual(['RefusedFact: no arrow for {"type":"closed"}'])
  expect(trace.kept.at(-1)).toMatchObject({ kind: 'actor', type: 'stopped' })
  root.send({ type: 'opened' })
  expect(failures).toHaveLength(1)
})

test('a performer that throws fails the actor', () => {
  const { failures } = start(() => {
    throw new Error('lamp broken')
  })
  expect(failures.map(String)).toEqual(['Error: lamp broken'])
})

test('states print as dotted paths, regions side by side', () => {
  expect(stateName({ leader: { isr: 'committed' } })).toBe('leader.isr.committed')
  expect(stateName({ session: 'open', leader: {} })).toBe('session.open|leader')
})
