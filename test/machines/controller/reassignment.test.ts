import { expect, test } from 'vitest'
import {
  type ReassignmentFact,
  reassignmentMachine,
  replicasBehind,
} from '../../../machines/controller/reassignment.ts'
import { RefusedFact } from '../../../src/assert.ts'
import { begin, steps } from '../../step.ts'

/** From 1 and 2 to 2 and 3. */
const input = { topic: 'orders', partition: 0, target: [2, 3], removing: [1], isr: [1, 2] }
const step = { topic: 'orders', partition: 0, target: [2, 3], removing: [1] }
const told = (...isr: number[]): ReassignmentFact => ({ type: 'replicas.told', isr })
const changed = (...isr: number[]): ReassignmentFact => ({ type: 'isr.changed', isr })
const started = (...brokers: number[]): ReassignmentFact => ({ type: 'brokers.started', brokers })
const switched: ReassignmentFact = { type: 'leader.switched' }
const nobody: ReassignmentFact = { type: 'leader.missed' }
const written: ReassignmentFact = { type: 'assignment.written' }
const gone: ReassignmentFact = { type: 'partition.missed' }
const back = { target: [1, 2], removing: [], isr: [1, 2] }

const first = (isr = input.isr) => begin(reassignmentMachine, { ...input, isr })
const after = (...facts: ReassignmentFact[]) => steps(reassignmentMachine, first()[0], ...facts)

test('first all replicas are told of each other', () => {
  const [snapshot, emitted] = first()
  expect(snapshot.value).toBe('adding')
  expect(emitted).toEqual([{ type: 'replicas.tell', ...step }])
  expect(replicasBehind(snapshot)).toEqual([3])
})

test('then it waits until all of the target are in sync, and remembers who is', () => {
  const [waiting, nothing] = after(told(1, 2), changed(2))
  expect(waiting.value).toBe('catchingUp')
  expect(nothing).toEqual([])
  expect(replicasBehind(waiting)).toEqual([3])
})

test('when they are, one of them is to lead', () => {
  const [snapshot, emitted] = after(told(1, 2), changed(1, 2, 3))
  expect(snapshot.value).toBe('switching')
  expect(emitted).toEqual([{ type: 'leader.switch', ...step }])
})

test('they may be by the time they are told', () => {
  expect(after(told(1, 2, 3))[0].value).toBe('switching')
})

test('what a former controller began goes on where it stands', () => {
  const [snapshot, emitted] = first([2, 3])
  expect(snapshot.value).toBe('switching')
  expect(emitted).toEqual([{ type: 'leader.switch', ...step }])
})

test('with another leader the others are deleted, and then it is over', () => {
  const [removing, emitted] = after(told(1, 2, 3), switched)
  expect(removing.value).toBe('removing')
  expect(emitted.at(-1)).toEqual({ type: 'replicas.remove', ...step })
  const [completed, reported] = after(told(1, 2, 3), switched, written)
  expect(completed.status).toBe('done')
  expect(completed.value).toBe('completed')
  expect(reported.at(-1)).toEqual({ type: 'end.report', topic: 'orders', partition: 0 })
})

test('where none of the target is there to lead it waits for one to start', () => {
  const [waiting, emitted] = after(told(1, 2, 3), nobody)
  expect(waiting.value).toBe('catchingUp')
  expect(emitted.at(-1)).toEqual({ type: 'leader.switch', ...step })
  expect(after(told(1, 2, 3), nobody, started(2), told(1, 2, 3))[0].value).toBe('switching')
})

test('a broker of the target that starts is told again, another is not', () => {
  expect(after(told(1, 2), started(3))[0].value).toBe('adding')
  expect(after(told(1, 2), started(1))[0].value).toBe('catchingUp')
})

test('another target takes the place of the first', () => {
  const elsewhere = { target: [2, 4], removing: [1], isr: [1, 2] }
  const [snapshot, emitted] = after(told(1, 2), { type: 'reassignment.overridden', ...elsewhere })
  expect(snapshot.value).toBe('adding')
  expect(emitted).toEqual([
    { type: 'replicas.tell', topic: 'orders', partition: 0, target: [2, 4], removing: [1] },
  ])
})

test('cancelled, it goes back to where it came from, at once if all of those are in sync', () => {
  const [snapshot, emitted] = after(told(1, 2), { type: 'reassignment.cancelled', ...back })
  expect(snapshot.value).toBe('switching')
  expect(emitted.at(-1)).toMatchObject({ type: 'leader.switch', target: [1, 2], removing: [] })
  const behind = { ...back, isr: [1] }
  expect(after(told(1, 2), { type: 'reassignment.cancelled', ...behind })[0].value).toBe('adding')
})

test('a topic that is no more ends it wherever it is', () => {
  for (const facts of [[], [told(1, 2)], [told(1, 2, 3)], [told(1, 2, 3), switched]]) {
    const [snapshot, emitted] = after(...facts, gone)
    expect(snapshot.value).toBe('abandoned')
    expect(emitted.at(-1)).toEqual({ type: 'end.report', topic: 'orders', partition: 0 })
  }
})

test('what the next answer will say is passed over; what cannot be is refused', () => {
  expect(after(changed(1, 2, 3), started(3))[0].value).toBe('adding')
  expect(after(told(1, 2, 3), changed(2, 3), started(3))[0].value).toBe('switching')
  expect(() => after(written)).toThrow(RefusedFact)
  expect(() => after(told(1, 2), switched)).toThrow(RefusedFact)
  const cancelled: ReassignmentFact = { type: 'reassignment.cancelled', ...back }
  expect(() => after(told(1, 2, 3), cancelled)).toThrow(RefusedFact)
})
