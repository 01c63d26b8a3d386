import fc from 'fast-check'
import { expect, test } from 'vitest'
import { assignReplicas } from '../../../src/controller/assignment.ts'

const brokers = (count: number, racks?: readonly string[]) =>
  Array.from({ length: count }, (_, id) => ({ id, rack: racks?.[id] ?? null }))

test('leaders go round, followers at a shift that grows with each round', () => {
  expect(assignReplicas(brokers(5), 10, 3, { firstIndex: 0, shift: 0 })).toEqual([
    [0, 1, 2],
    [1, 2, 3],
    [2, 3, 4],
    [3, 4, 0],
    [4, 0, 1],
    [0, 2, 3],
    [1, 3, 4],
    [2, 4, 0],
    [3, 0, 1],
    [4, 1, 2],
  ])
})

test('where the rounds begin is an argument', () => {
  expect(assignReplicas(brokers(3), 3, 2, { firstIndex: 2, shift: 1 })).toEqual([
    [2, 1],
    [0, 2],
    [1, 0],
  ])
})

test('more partitions of a topic go on where the first ones ended', () => {
  const start = { firstIndex: 1, shift: 1 }
  const all = assignReplicas(brokers(4), 4, 2, start)
  expect(assignReplicas(brokers(4), 2, 2, start, 2)).toEqual(all.slice(2))
})

test('one broker takes all when there is but one', () => {
  expect(assignReplicas(brokers(1), 2, 1, { firstIndex: 0, shift: 0 })).toEqual([[0], [0]])
})

test('with racks no two replicas share one while another is free', () => {
  const racks = ['r1', 'r3', 'r3', 'r2', 'r2', 'r1']
  const assignments = assignReplicas(brokers(6, racks), 12, 3, { firstIndex: 0, shift: 0 })
  for (const replicas of assignments) expect(new Set(replicas.map(id => racks[id])).size).toBe(3)
  const leaders = new Map<number, number>()
  for (const [leader] of assignments)
    leaders.set(leader as number, (leaders.get(leader as number) ?? 0) + 1)
  expect([...leaders.values()]).toEqual([2, 2, 2, 2, 2, 2])
})

test('racks known of some brokers only are as good as none', () => {
  const start = { firstIndex: 0, shift: 0 }
  expect(assignReplicas(brokers(3, ['a']), 3, 2, start)).toEqual(
    assignReplicas(brokers(3), 3, 2, start),
  )
})

test('every partition has distinct replicas, and leaders are spread evenly', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 40 }),
      fc.nat(7),
      fc.nat(7),
      fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 8, maxLength: 8 }),
      fc.boolean(),
      (count, partitions, first, shift, racks, racked) => {
        const replicationFactor = 1 + (shift % count)
        const all = brokers(count, racked ? racks : undefined)
        const assignments = assignReplicas(all, partitions, replicationFactor, {
          firstIndex: first % count,
          shift: shift % count,
        })
        const led = new Array<number>(count).fill(0)
        for (const replicas of assignments) {
          expect(replicas).toHaveLength(replicationFactor)
          expect(new Set(replicas).size).toBe(replicationFactor)
          led[replicas[0] as number] = (led[replicas[0] as number] ?? 0) + 1
        }
        expect(Math.max(...led) - Math.min(...led)).toBeLessThanOrEqual(1)
      },
    ),
  )
})
