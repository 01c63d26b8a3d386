import { expect, test } from 'vitest'
import { Timeline } from '../../src/timeline.ts'

test('timers fire by deadline, equal ones in the order they were armed', () => {
  const timeline = new Timeline(0)
  const fired: string[] = []
  timeline.add(() => fired.push('c'), 20)
  timeline.add(() => fired.push('a'), 10)
  timeline.add(() => fired.push('b'), 10)
  timeline.runUntil(30)
  expect(fired).toEqual(['a', 'b', 'c'])
  expect(timeline.nowMs).toBe(30)
})

test('a repeating timer fires at every tick, however far one jumps', () => {
  const timeline = new Timeline(0)
  const at: number[] = []
  const tick = (): void => {
    at.push(timeline.nowMs)
    timeline.add(tick, timeline.nowMs + 100)
  }
  timeline.add(tick, 100)
  timeline.runUntil(450)
  expect(at).toEqual([100, 200, 300, 400])
})

test('a cancelled timer does not fire, and counts no more', () => {
  const timeline = new Timeline(0)
  const timer = timeline.add(() => expect.unreachable(), 10)
  timeline.cancel(timer)
  timeline.cancel(timer)
  expect(timeline.size).toBe(0)
  expect(timeline.nextDueAtMs).toBeUndefined()
  expect(timeline.runNext()).toBe(false)
})

test('many timers in any order come out in order', () => {
  const timeline = new Timeline(0)
  const fired: number[] = []
  for (let i = 0; i < 1000; i++) {
    const dueAtMs = (i * 7919) % 1009
    timeline.add(() => fired.push(dueAtMs), dueAtMs)
  }
  timeline.runUntil(2000)
  expect(fired).toEqual([...fired].sort((a, b) => a - b))
  expect(fired).toHaveLength(1000)
})
