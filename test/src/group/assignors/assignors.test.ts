import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Assignments, Assignor, Subscribed } from '../../../../src/group/assignors/assignor.ts'
import { cooperativeStickyAssignor } from '../../../../src/group/assignors/cooperative-sticky.ts'
import { rangeAssignor } from '../../../../src/group/assignors/range.ts'
import { roundRobinAssignor } from '../../../../src/group/assignors/round-robin.ts'
import { stickyAssignor } from '../../../../src/group/assignors/sticky.ts'
import { printPartition } from '../../../../src/ids.ts'

const member = (
  memberId: string,
  topics: string[],
  more: Partial<Subscribed> = {},
): Subscribed => ({
  memberId,
  groupInstanceId: null,
  topics,
  owned: [],
  generationId: -1,
  ...more,
})

const print = (assignments: Assignments): Record<string, string> =>
  Object.fromEntries(
    [...assignments].map(([id, partitions]) => [id, partitions.map(printPartition).join(' ')]),
  )

const counts = (of: Record<string, number>) => new Map(Object.entries(of))

/** The same members with what they were given, a generation on. */
const holding = (members: readonly Subscribed[], given: Assignments, generationId: number) =>
  members.map(one => ({ ...one, owned: given.get(one.memberId) ?? [], generationId }))

test('range gives the first members of each topic one more', () => {
  const members = [member('b', ['t', 'u']), member('a', ['t', 'u'])]
  expect(print(rangeAssignor.assign(members, counts({ t: 3, u: 3 })))).toEqual({
    a: 't-0 t-1 u-0 u-1',
    b: 't-2 u-2',
  })
})

test('range serves static members by their instance ids, before the others', () => {
  const members = [
    member('a', ['t']),
    member('z', ['t'], { groupInstanceId: 'i1' }),
    member('y', ['t'], { groupInstanceId: 'i2' }),
  ]
  expect(print(rangeAssignor.assign(members, counts({ t: 3 })))).toEqual({
    z: 't-0',
    y: 't-1',
    a: 't-2',
  })
})

test('with more members than partitions the last ones have nothing', () => {
  const members = ['a', 'b', 'c'].map(id => member(id, ['t']))
  for (const assignor of [rangeAssignor, roundRobinAssignor, stickyAssignor])
    expect(print(assignor.assign(members, counts({ t: 2 })))).toEqual({ a: 't-0', b: 't-1', c: '' })
})

test('round robin deals all partitions in turn', () => {
  const members = [member('a', ['t', 'u']), member('b', ['t', 'u'])]
  expect(print(roundRobinAssignor.assign(members, counts({ t: 3, u: 3 })))).toEqual({
    a: 't-0 t-2 u-1',
    b: 't-1 u-0 u-2',
  })
})

test('round robin passes over who does not subscribe', () => {
  const members = [member('a', ['t']), member('b', ['t', 'u']), member('c', ['t', 'u', 'v'])]
  expect(print(roundRobinAssignor.assign(members, counts({ t: 1, u: 2, v: 3 })))).toEqual({
    a: 't-0',
    b: 'u-0',
    c: 'u-1 v-0 v-1 v-2',
  })
})

test('topics that do not exist give nobody anything', () => {
  for (const assignor of [rangeAssignor, roundRobinAssignor, stickyAssignor])
    expect(print(assignor.assign([member('a', ['none'])], counts({})))).toEqual({ a: '' })
})

test('sticky leaves everybody what they have when one goes, and spreads the rest', () => {
  const members = ['a', 'b', 'c'].map(id => member(id, ['t']))
  const first = stickyAssignor.assign(members, counts({ t: 6 }))
  const left = holding(members, first, 1).filter(({ memberId }) => memberId !== 'b')
  const second = stickyAssignor.assign(left, counts({ t: 6 }))
  for (const id of ['a', 'c'])
    for (const partition of first.get(id) ?? []) expect(second.get(id)).toContainEqual(partition)
  expect([...second.values()].map(({ length }) => length)).toEqual([3, 3])
})

test('sticky believes the newer generation, and nobody where two claim the same', () => {
  const partitions = [{ topic: 't', partition: 0 }]
  const members = [
    member('a', ['t'], { owned: partitions, generationId: 1 }),
    member('b', ['t'], { owned: partitions, generationId: 2 }),
  ]
  expect(print(stickyAssignor.assign(members, counts({ t: 1 })))).toEqual({ a: '', b: 't-0' })
  const equal = members.map(one => ({ ...one, generationId: 2 }))
  expect(print(stickyAssignor.assign(equal, counts({ t: 1 })))).toEqual({ a: 't-0', b: '' })
})

test('cooperative sticky takes a partition away first, and gives it in the next round', () => {
  const old = ['a', 'b'].map(id => member(id, ['t']))
  const before = cooperativeStickyAssignor.assign(old, counts({ t: 6 }))
  const members = [...holding(old, before, 1), member('c', ['t'])]
  const first = cooperativeStickyAssignor.assign(members, counts({ t: 6 }))
  expect([...first.values()].map(({ length }) => length)).toEqual([2, 2, 0])
  const second = cooperativeStickyAssignor.assign(holding(members, first, 2), counts({ t: 6 }))
  expect([...second.values()].map(({ length }) => length)).toEqual([2, 2, 2])
  for (const id of ['a', 'b']) expect(second.get(id)).toEqual(first.get(id))
})

const topics = ['t', 'u', 'v']
const anyGroup = fc.record({
  partitionCounts: fc.record({ t: fc.nat(7), u: fc.nat(7), v: fc.nat(7) }),
  subscriptions: fc.array(fc.subarray(topics, { minLength: 1 }), { minLength: 1, maxLength: 7 }),
})

const check = (assignor: Assignor, members: readonly Subscribed[], of: Map<string, number>) => {
  const given = assignor.assign(members, of)
  const seen = [...given.values()].flat().map(printPartition)
  expect(new Set(seen).size).toBe(seen.length)
  for (const { memberId, topics: subscribed } of members)
    for (const { topic } of given.get(memberId) ?? []) expect(subscribed).toContain(topic)
  return { given, seen }
}

test('every assignor gives each partition to exactly one who may have it', () => {
  fc.assert(
    fc.property(anyGroup, ({ partitionCounts, subscriptions }) => {
      const of = counts(partitionCounts)
      const members = subscriptions.map((subscribed, at) => member(`m${at}`, subscribed))
      const expected = topics
        .filter(topic => members.some(one => one.topics.includes(topic)))
        .reduce((sum, topic) => sum + (of.get(topic) ?? 0), 0)
      for (const assignor of [rangeAssignor, roundRobinAssignor, stickyAssignor])
        expect(check(assignor, members, of).seen.length).toBe(expected)
    }),
  )
})

test('the sticky assignment is even: nobody could take one from who has two more', () => {
  fc.assert(
    fc.property(anyGroup, anyGroup, (before, after) => {
      const old = before.subscriptions.map((subscribed, at) => member(`m${at}`, subscribed))
      const given = stickyAssignor.assign(old, counts(before.partitionCounts))
      const members = after.subscriptions.map((subscribed, at) =>
        member(`m${at}`, subscribed, { owned: given.get(`m${at}`) ?? [], generationId: 1 }),
      )
      const { given: next } = check(stickyAssignor, members, counts(after.partitionCounts))
      for (const from of members)
        for (const to of members) {
          const [has, other] = [next.get(from.memberId) ?? [], next.get(to.memberId) ?? []]
          const mayMove = has.some(({ topic }) => to.topics.includes(topic))
          if (mayMove) expect(has.length - other.length).toBeLessThan(2)
        }
    }),
  )
})

test('with equal subscriptions sticky moves no more than it must', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 6 }),
      fc.nat(20),
      (n, m, p) => {
        const of = counts({ t: p })
        const old = Array.from({ length: n }, (_, at) => member(`m${at}`, ['t']))
        const given = stickyAssignor.assign(old, of)
        const members = holding(
          Array.from({ length: m }, (_, at) => member(`m${at}`, ['t'])),
          given,
          1,
        )
        const next = stickyAssignor.assign(members, of)
        const kept = members.reduce(
          (sum, { memberId, owned }) =>
            sum +
            owned.filter(one =>
              next.get(memberId)?.some(({ partition }) => partition === one.partition),
            ).length,
          0,
        )
        const least = Math.floor(p / m)
        let withOneMore = p % m
        const most = members
          .map(({ owned }) => owned.length)
          .sort((a, b) => b - a)
          .reduce((sum, has) => {
            const share = has > least && withOneMore-- > 0 ? least + 1 : least
            return sum + Math.min(has, share)
          }, 0)
        expect(kept).toBe(most)
      },
    ),
  )
})

test('cooperative rounds end in the sticky balance, and never give one partition to two', () => {
  fc.assert(
    fc.property(anyGroup, anyGroup, (before, after) => {
      const old = before.subscriptions.map((subscribed, at) => member(`m${at}`, subscribed))
      const of = counts(after.partitionCounts)
      let given = stickyAssignor.assign(old, counts(before.partitionCounts))
      let members = after.subscriptions.map((subscribed, at) => member(`m${at}`, subscribed))
      for (let round = 1; round < 20; round++) {
        members = holding(members, given, round)
        const { given: next } = check(cooperativeStickyAssignor, members, of)
        const revoked = members.some(({ memberId, owned }) =>
          owned.some(
            one =>
              !next.get(memberId)?.some(other => printPartition(other) === printPartition(one)),
          ),
        )
        given = next
        if (!revoked) {
          const total = [...given.values()].flat().length
          const expected = topics
            .filter(topic => members.some(one => one.topics.includes(topic)))
            .reduce((sum, topic) => sum + (of.get(topic) ?? 0), 0)
          expect(total).toBe(expected)
          return
        }
      }
      throw new Error('the group never came to rest')
    }),
  )
})
