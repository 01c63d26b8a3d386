import { describe, expect, test } from 'vitest'
import { errors } from '../../../src/error.ts'
import {
  absentMembers,
  allJoined,
  chooseProtocol,
  leave,
  type Member,
  type Membership,
  memberRefusal,
  nextGeneration,
  noMembership,
  rebalanceTimeoutMs,
  supportsProtocols,
  withChanged,
  withMember,
  withoutMember,
  withReplacedId,
} from '../../../src/group/membership.ts'

const member = (memberId: string, other: Partial<Member> = {}): Member => ({
  memberId,
  groupInstanceId: null,
  clientId: 'client',
  clientHost: '/127.0.0.1',
  rebalanceTimeoutMs: 60_000,
  sessionTimeoutMs: 10_000,
  protocols: ['range'],
  subscription: 1,
  assignment: 0,
  join: null,
  sync: null,
  isNew: false,
  owesSync: false,
  ...other,
})

const group = (...members: Member[]): Membership =>
  members.reduce((group, one) => withMember(group, one, 'consumer'), noMembership)

describe('the choice of a protocol', () => {
  // Each member's protocols, best first, and the one chosen.
  test.each<[string[][], string | null]>([
    [[], null],
    [[['range']], 'range'],
    [
      [
        ['range', 'roundrobin'],
        ['range', 'roundrobin'],
      ],
      'range',
    ],
    // Only what all support counts.
    [[['range', 'roundrobin'], ['roundrobin']], 'roundrobin'],
    [
      [
        ['a', 'b'],
        ['b', 'c'],
      ],
      'b',
    ],
    // Most votes among those.
    [
      [
        ['a', 'b'],
        ['b', 'a'],
        ['b', 'a'],
      ],
      'b',
    ],
    [
      [
        ['c', 'a', 'b'],
        ['a', 'b'],
        ['b', 'a'],
      ],
      'a',
    ],
    // Of equals, that of the member that came first.
    [
      [
        ['a', 'b'],
        ['b', 'a'],
      ],
      'a',
    ],
    [
      [
        ['b', 'a'],
        ['a', 'b'],
      ],
      'b',
    ],
    // Nothing in common.
    [[['a'], ['b']], null],
  ])('%j chooses %s', (protocols, chosen) => {
    expect(chooseProtocol(protocols.map((names, i) => member(`m${i}`, { protocols: names })))).toBe(
      chosen,
    )
  })
})

test('a group without members takes on any protocol, others the type and one that all support', () => {
  expect(supportsProtocols(noMembership, 'consumer', ['range'])).toBe(true)
  expect(supportsProtocols(noMembership, '', ['range'])).toBe(false)
  expect(supportsProtocols(noMembership, 'consumer', [])).toBe(false)
  const pair = group(
    member('m1', { protocols: ['range', 'sticky'] }),
    member('m2', { protocols: ['sticky', 'range'] }),
  )
  expect(supportsProtocols(pair, 'consumer', ['x', 'sticky'])).toBe(true)
  expect(supportsProtocols(pair, 'connect', ['sticky'])).toBe(false)
  expect(supportsProtocols(pair, 'consumer', ['x'])).toBe(false)
  expect(supportsProtocols(pair, 'consumer', [])).toBe(false)
})

test.each([
  ['m1', null, errors.NONE],
  ['m1', 'i1', errors.NONE],
  ['m2', null, errors.NONE],
  ['m9', null, errors.UNKNOWN_MEMBER_ID],
  ['', null, errors.UNKNOWN_MEMBER_ID],
  ['m2', 'i1', errors.FENCED_INSTANCE_ID],
  ['m9', 'i1', errors.FENCED_INSTANCE_ID],
  ['m1', 'i9', errors.UNKNOWN_MEMBER_ID],
  ['toString', null, errors.UNKNOWN_MEMBER_ID],
] as const)('member %s of instance %s: %i', (memberId, groupInstanceId, refusal) => {
  const pair = group(member('m1', { groupInstanceId: 'i1' }), member('m2'))
  expect(memberRefusal(pair, memberId, groupInstanceId)).toBe(refusal)
})

test('a member may be called like a property of every object', () => {
  const odd = group(member('__proto__'), member('constructor'))
  expect(Object.keys(odd.members)).toEqual(['__proto__', 'constructor'])
  expect(memberRefusal(odd, '__proto__', null)).toBe(errors.NONE)
  expect(Object.keys(withoutMember(odd, '__proto__').members)).toEqual(['constructor'])
  expect(Object.keys(nextGeneration(odd).members)).toEqual(['__proto__', 'constructor'])
})

test('the first member brings the protocol type and leads; where it goes, the next one leads', () => {
  const pair = group(member('m1'), member('m2'))
  expect(pair).toMatchObject({ protocolType: 'consumer', leader: 'm1' })
  expect(withoutMember(pair, 'm1').leader).toBe('m2')
  expect(withoutMember(withoutMember(pair, 'm1'), 'm2').leader).toBeNull()
})

test('a replaced member keeps its place and the lead', () => {
  const pair = group(member('m1', { groupInstanceId: 'i1', assignment: 7 }), member('m2'))
  const replaced = withReplacedId(pair, 'm1', 'm9')
  expect(Object.keys(replaced.members)).toEqual(['m9', 'm2'])
  expect(replaced.leader).toBe('m9')
  expect(replaced.members.m9).toMatchObject({ memberId: 'm9', assignment: 7 })
})

test('who is absent, and whether all have joined', () => {
  const waiting = group(
    member('m1', { join: 1 }),
    member('m2'),
    member('m3', { groupInstanceId: 'i3' }),
  )
  expect(absentMembers(waiting).map(one => one.memberId)).toEqual(['m2'])
  expect(allJoined(waiting)).toBe(false)
  const all = group(member('m1', { join: 1 }))
  expect(allJoined(all)).toBe(true)
  expect(allJoined({ ...all, pendingMembers: ['m2'] })).toBe(false)
  expect(allJoined(noMembership)).toBe(true)
})

test('the next generation is led by one that is there, and everybody owes a SyncGroup', () => {
  const waiting = group(
    member('m1', { groupInstanceId: 'i1', protocols: ['a', 'b'] }),
    member('m2', { join: 5, isNew: true, protocols: ['b', 'a'] }),
  )
  const next = nextGeneration(waiting)
  expect(next).toMatchObject({ generationId: 1, leader: 'm2', protocolName: 'a' })
  expect(Object.values(next.members).map(one => [one.join, one.isNew, one.owesSync])).toEqual([
    [null, false, true],
    [null, false, true],
  ])
  expect(nextGeneration(noMembership)).toMatchObject({
    generationId: 1,
    protocolName: null,
    leader: null,
  })
})

test('the most patient member decides how long a rebalance waits', () => {
  expect(rebalanceTimeoutMs(noMembership)).toBe(0)
  expect(
    rebalanceTimeoutMs(group(member('m1'), member('m2', { rebalanceTimeoutMs: 90_000 }))),
  ).toBe(90_000)
})

test('members leave one after the other: the second time one is unknown', () => {
  const some = { ...group(member('m1'), member('m2', { groupInstanceId: 'i2' })) }
  const {
    group: rest,
    results,
    removed,
    removedPending,
  } = leave({ ...some, pendingMembers: ['p1'] }, [
    { memberId: 'm1', groupInstanceId: null },
    { memberId: 'm1', groupInstanceId: null },
    { memberId: '', groupInstanceId: 'i2' },
    { memberId: '', groupInstanceId: 'i2' },
    { memberId: 'p1', groupInstanceId: null },
  ])
  expect(results.map(result => result.errorCode)).toEqual([0, 25, 0, 25, 0])
  expect(removed.map(one => one.memberId)).toEqual(['m1', 'm2'])
  expect(removedPending).toEqual(['p1'])
  expect(rest.members).toEqual({})
  const fenced = leave(some, [{ memberId: 'm1', groupInstanceId: 'i2' }])
  expect(fenced.results[0]?.errorCode).toBe(errors.FENCED_INSTANCE_ID)
})

test('a changed member stays where it is', () => {
  const pair = group(member('m1'), member('m2'))
  expect(Object.keys(withChanged(pair, member('m1', { join: 3 })).members)).toEqual(['m1', 'm2'])
})
