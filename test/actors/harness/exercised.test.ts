import { expect, test } from 'vitest'
import { unexercised } from '../../../actors/harness/exercised.ts'
import { specs } from '../../../actors/harness/specs/all.ts'

const all = new Map([
  ...specs.flatMap(({ name, exercises }) =>
    exercises.map(what => [`${name}: ${what}`, 1] as const),
  ),
  ['liveness: all well again', 1] as const,
])

test('a batch that met everything lacks nothing', () => {
  expect(unexercised(all, new Map([['kill', 3]]), ['kill'])).toEqual([])
})

test('a property that was never put to the test is told, and a fault that never bit', () => {
  const [some] = [...all.keys()]
  const counts = new Map([...all].filter(([what]) => what !== some))
  const faults = new Map([['kill', 0]])
  expect(unexercised(counts, faults, ['kill', 'pause'])).toEqual([
    some,
    'fault: kill',
    'fault: pause',
  ])
})
