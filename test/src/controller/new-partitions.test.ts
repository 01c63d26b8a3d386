import { expect, test } from 'vitest'
import { judgeMorePartitions } from '../../../src/controller/new-partitions.ts'
import { errors } from '../../../src/error.ts'

const brokers = [1, 2, 3].map(id => ({ id, rack: null }))
const judge = (count: number, assignments: number[][] | null, existing = [[2, 3]]) =>
  judgeMorePartitions({ count, assignments }, existing, brokers)

test('new partitions go on where the first one began', () => {
  expect(judge(4, null)).toEqual([
    [3, 2],
    [1, 3],
    [2, 3],
  ])
})

test('replicas by hand are taken as they are', () => {
  expect(
    judge(3, [
      [1, 2],
      [3, 1],
    ]),
  ).toEqual([
    [1, 2],
    [3, 1],
  ])
})

test.for([
  ['as many as there are', 1, null, errors.INVALID_PARTITIONS],
  ['fewer than there are', 0, null, errors.INVALID_PARTITIONS],
  ['more than there may be', 10_000_000, null, errors.INVALID_PARTITIONS],
  ['assignments for too few', 3, [[1, 2]], errors.INVALID_REPLICA_ASSIGNMENT],
  ['no replica', 2, [[]], errors.INVALID_REPLICA_ASSIGNMENT],
  ['a broker twice', 2, [[1, 1]], errors.INVALID_REPLICA_ASSIGNMENT],
  ['a broker that does not live', 2, [[1, 9]], errors.INVALID_REPLICA_ASSIGNMENT],
  ['another number of replicas', 2, [[1]], errors.INVALID_REPLICA_ASSIGNMENT],
] as const)('%s cannot be', ([, count, assignments, errorCode]) => {
  expect(judge(count, assignments as number[][] | null)).toMatchObject({ errorCode })
})

test('more replicas than brokers live cannot be', () => {
  expect(judge(2, null, [[1, 2, 3, 4]])).toMatchObject({
    errorCode: errors.INVALID_REPLICATION_FACTOR,
  })
})
