import { expect, test } from 'vitest'
import { wallClock } from '../../../src/platform/wall-clock.ts'

const later = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

test('timers fire at their deadlines and `now` inside is that deadline or later', async () => {
  const clock = wallClock()
  const start = clock.now()
  const seen: number[] = []
  await new Promise<void>(resolve => {
    clock.setTimeout(() => seen.push(clock.now() - start), 20)
    clock.setTimeout(() => {
      seen.push(clock.now() - start)
      resolve()
    }, 40)
  })
  expect(seen[0]).toBeGreaterThanOrEqual(20)
  expect(seen[1]).toBeGreaterThanOrEqual(40)
})

test('after a stall a timeout does not overtake the input that cancels it', async () => {
  const clock = wallClock()
  let expired = false
  // A session of 60 ms kept alive by a ping every 10 ms that takes one turn of the event loop to arrive.
  let session = clock.setTimeout(() => (expired = true), 60)
  const ping = (): void => {
    setImmediate(() => {
      clock.clearTimeout(session)
      session = clock.setTimeout(() => (expired = true), 60)
    })
    clock.setTimeout(ping, 10)
  }
  clock.setTimeout(ping, 10)
  await later(30)
  const until = performance.now() + 400
  while (performance.now() < until); // the stall
  await later(100)
  expect(expired).toBe(false)
})

test('time never goes back and loses nothing over a stall', async () => {
  const clock = wallClock()
  const start = clock.now()
  const wall = performance.now()
  const seen: number[] = []
  const tick = (): void => {
    seen.push(clock.now())
    if (seen.length < 40) clock.setTimeout(tick, 5)
  }
  clock.setTimeout(tick, 5)
  const until = performance.now() + 100
  while (performance.now() < until);
  while (seen.length < 40) await later(5)
  expect(seen).toEqual([...seen].sort((a, b) => a - b))
  expect(Math.abs(clock.now() - start - (performance.now() - wall))).toBeLessThan(50)
})

test('timers that arm one another without a pause leave promises and input their turns', async () => {
  const clock = wallClock()
  let steps = 0
  let heard = 0
  const again = (): void => {
    if (++steps < 1000) clock.setTimeout(again, 0)
  }
  clock.setTimeout(again, 0)
  const listen = (): void => {
    heard++
    if (steps < 1000) setImmediate(() => Promise.resolve().then(listen))
  }
  listen()
  while (steps < 1000) await later(1)
  expect(heard).toBeGreaterThan(100)
})
