import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ExpiryQueue } from '../../src/expiry-queue.ts'
import type { Clock, Timer } from '../../src/ports.ts'

/** A clock turned by hand: `advance` fires what is due, `stall` only lets time pass. */
function handClock() {
  let nowMs = 1000
  let timers: { atMs: number; callback: () => void }[] = []
  const clock: Clock = {
    now: () => nowMs,
    setTimeout(callback, delayMs) {
      const timer = { atMs: nowMs + delayMs, callback }
      timers.push(timer)
      return timer
    },
    clearTimeout(timer: Timer | undefined) {
      timers = timers.filter(one => one !== timer)
    },
  }
  return {
    clock,
    armed: () => timers.length,
    stall(ms: number) {
      nowMs += ms
    },
    advance(ms: number) {
      const untilMs = nowMs + ms
      for (;;) {
        const next = timers.toSorted((a, b) => a.atMs - b.atMs)[0]
        if (next === undefined || next.atMs > untilMs) break
        timers = timers.filter(one => one !== next)
        nowMs = Math.max(nowMs, next.atMs)
        next.callback()
      }
      nowMs = Math.max(nowMs, untilMs)
    },
  }
}

function queueOf(intervalMs = 100) {
  const hand = handClock()
  const expired: string[][] = []
  const queue = new ExpiryQueue<string>(hand.clock, intervalMs, keys => expired.push(keys))
  return { ...hand, queue, expired }
}

test('a key expires at the first multiple of the interval after its deadline', () => {
  const { queue, expired, advance } = queueOf()
  queue.touch('a', 250)
  expect(queue.expiresAtMs('a')).toBe(1300)
  advance(299)
  expect(expired).toEqual([])
  advance(1)
  expect(expired).toEqual([['a']])
  expect(queue.has('a')).toBe(false)
})

test('a deadline that is a multiple of the interval itself waits for the next one, as in ZooKeeper', () => {
  const { queue } = queueOf()
  queue.touch('a', 200)
  expect(queue.expiresAtMs('a')).toBe(1300)
})

test('keys of one bucket expire together', () => {
  const { queue, expired, advance } = queueOf()
  queue.touch('a', 210)
  queue.touch('b', 280)
  queue.touch('c', 310)
  advance(300)
  expect(expired).toEqual([['a', 'b']])
  advance(100)
  expect(expired).toEqual([['a', 'b'], ['c']])
})

test('a key that is touched in time lives on', () => {
  const { queue, expired, advance } = queueOf()
  queue.touch('a', 250)
  for (let i = 0; i < 20; i++) {
    advance(200)
    queue.touch('a', 250)
  }
  expect(expired).toEqual([])
  advance(400)
  expect(expired).toEqual([['a']])
})

test('a deadline can be moved nearer', () => {
  const { queue, expired, advance } = queueOf()
  queue.touch('a', 5000)
  queue.touch('a', 50)
  advance(100)
  expect(expired).toEqual([['a']])
})

test('a removed key does not expire', () => {
  const { queue, expired, advance } = queueOf()
  queue.touch('a', 100)
  queue.touch('b', 100)
  queue.remove('a')
  queue.remove('nobody')
  advance(1000)
  expect(expired).toEqual([['b']])
})

test('the timer is armed only while there are keys, and there is one for all', () => {
  const { queue, armed, advance } = queueOf()
  expect(armed()).toBe(0)
  for (let i = 0; i < 50; i++) queue.touch(`k${i}`, 100 * i)
  expect(armed()).toBe(1)
  advance(10_000)
  expect(queue.size).toBe(0)
  expect(armed()).toBe(0)
  queue.touch('a', 100)
  queue.remove('a')
  expect(armed()).toBe(0)
  queue.touch('a', 100)
  queue.stop()
  expect(armed()).toBe(0)
  expect(queue.size).toBe(0)
})

test('a key may be touched again from within its expiry', () => {
  const hand = handClock()
  let times = 0
  const queue: ExpiryQueue<string> = new ExpiryQueue(hand.clock, 100, () => {
    if (++times < 3) queue.touch('a', 100)
  })
  queue.touch('a', 100)
  hand.advance(5000)
  expect(times).toBe(3)
  expect(hand.armed()).toBe(0)
})

test('after a stall the input that is waiting can save its key before anything expires', () => {
  const { queue, expired, advance, stall, clock } = queueOf()
  queue.touch('spoke', 200)
  queue.touch('silent', 200)
  stall(5000)
  // The late timer fires first; what the sockets hold is read in the turn after it.
  clock.setTimeout(() => queue.touch('spoke', 200), 0)
  advance(0)
  expect(expired).toEqual([['silent']])
  expect(queue.has('spoke')).toBe(true)
})

test('no key expires before its deadline, and each at most an interval after it', () => {
  const action = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd'),
    timeoutMs: fc.integer({ min: 1, max: 700 }),
    waitMs: fc.integer({ min: 0, max: 300 }),
    remove: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), actions => {
      const hand = handClock()
      const deadlines = new Map<string, number>()
      const queue = new ExpiryQueue<string>(hand.clock, 100, keys => {
        for (const key of keys) {
          const deadlineMs = deadlines.get(key) ?? Number.NaN
          expect(hand.clock.now()).toBeGreaterThan(deadlineMs)
          expect(hand.clock.now()).toBeLessThanOrEqual(deadlineMs + 100)
          deadlines.delete(key)
        }
      })
      for (const { key, timeoutMs, waitMs, remove } of actions) {
        if (remove) {
          queue.remove(key)
          deadlines.delete(key)
        } else {
          queue.touch(key, timeoutMs)
          deadlines.set(key, hand.clock.now() + timeoutMs)
        }
        hand.advance(waitMs)
        expect(queue.size).toBe(deadlines.size)
      }
      hand.advance(2000)
      expect(deadlines.size).toBe(0)
      expect(hand.armed()).toBe(0)
    }),
  )
})
