import { expect, test } from 'vitest'
import {
  withAwaitingDeletion,
  withDeleting,
  withShuttingDown,
} from '../../../src/controller/cluster-view.ts'
import {
  isBeingReassigned,
  isCaughtUp,
  judgeReassignments,
  originOf,
  reassignmentsOf,
  reassignTo,
  targetOf,
} from '../../../src/controller/reassignment.ts'
import { errors } from '../../../src/error.ts'
import { cluster, leadership, row } from './view.ts'

const at = (replicas: number[], adding: number[] = [], removing: number[] = []) => ({
  replicas,
  addingReplicas: adding,
  removingReplicas: removing,
})

test('the target comes first, then the original replicas that go', () => {
  expect(reassignTo(at([1, 2]), [3, 2])).toEqual(at([3, 2, 1], [3], [1]))
  expect(reassignTo(at([1, 2]), [3, 4])).toEqual(at([3, 4, 1, 2], [3, 4], [1, 2]))
  expect(reassignTo(at([1, 2]), [2, 1])).toEqual(at([2, 1]))
  expect(reassignTo(at([1, 2]), [1, 2, 3])).toEqual(at([1, 2, 3], [3]))
  expect(reassignTo(at([1, 2]), [2])).toEqual(at([2, 1], [], [1]))
})

test('another target keeps the original replicas and forgets those of the first', () => {
  const moving = at([3, 4, 1, 2], [3, 4], [1, 2])
  expect([originOf(moving), targetOf(moving)]).toEqual([
    [1, 2],
    [3, 4],
  ])
  expect(reassignTo(moving, [4, 5])).toEqual(at([4, 5, 1, 2], [4, 5], [1, 2]))
  expect(reassignTo(moving, originOf(moving))).toEqual(at([1, 2]))
})

test('it is over when all of the target are in sync', () => {
  expect(isCaughtUp([3, 4], [1, 3, 4])).toBe(true)
  expect(isCaughtUp([3, 4], [1, 2, 3])).toBe(false)
  expect(isBeingReassigned(at([1, 2]))).toBe(false)
  expect(isBeingReassigned(at([1, 2], [2]))).toBe(true)
  expect(isBeingReassigned(at([1, 2], [], [2]))).toBe(true)
})

const view = cluster([1, 2, 3, 4], {
  orders: [row([1, 2], leadership(1, [1, 2])), row([3, 1], leadership(1, [1]), at([3, 1], [3]))],
})
const judged = (replicas: number[] | null, partition = 0, topic = 'orders', of = view) =>
  judgeReassignments(of, [{ topic, partition, replicas }])
const errorOf = (...args: Parameters<typeof judged>) => judged(...args).results[0]?.errorCode

test('what is asked for is judged', () => {
  expect(errorOf([3, 4])).toBe(errors.NONE)
  expect(errorOf([])).toBe(errors.INVALID_REPLICA_ASSIGNMENT)
  expect(errorOf([3, 3])).toBe(errors.INVALID_REPLICA_ASSIGNMENT)
  expect(errorOf([-1])).toBe(errors.INVALID_REPLICA_ASSIGNMENT)
  expect(errorOf([1, 5])).toBe(errors.INVALID_REPLICA_ASSIGNMENT)
  expect(errorOf([1, 4], 0, 'orders', withShuttingDown(view, 4))).toBe(
    errors.INVALID_REPLICA_ASSIGNMENT,
  )
  expect(errorOf(null)).toBe(errors.NO_REASSIGNMENT_IN_PROGRESS)
  expect(errorOf(null, 1)).toBe(errors.NONE)
  expect(errorOf([1], 0, 'none')).toBe(errors.UNKNOWN_TOPIC_OR_PARTITION)
  expect(errorOf(null, 0, 'none')).toBe(errors.NO_REASSIGNMENT_IN_PROGRESS)
  expect(errorOf([1], 0, 'orders', withDeleting(view, ['orders']))).toBe(
    errors.UNKNOWN_TOPIC_OR_PARTITION,
  )
  expect(errorOf(null, 1, 'orders', withAwaitingDeletion(view, ['orders']))).toBe(
    errors.UNKNOWN_TOPIC_OR_PARTITION,
  )
})

test('a replica that is there already need not live', () => {
  const dead = cluster([2, 3], { orders: [row([1, 2], leadership(2, [2]))] })
  expect(errorOf([1, 3], 0, 'orders', dead)).toBe(errors.NONE)
})

test('of a partition that comes twice the last counts', () => {
  const asked = [
    { topic: 'orders', partition: 0, replicas: [9] },
    { topic: 'orders', partition: 0, replicas: [4] },
  ]
  const { results, accepted } = judgeReassignments(view, asked)
  expect(results).toHaveLength(1)
  expect(accepted).toMatchObject([{ replicas: [4, 1, 2], isCancelled: false, unneeded: [] }])
})

test('cancelled, what was coming is not needed', () => {
  expect(judged(null, 1).accepted).toMatchObject([
    { replicas: [1], addingReplicas: [], removingReplicas: [], unneeded: [3], isCancelled: true },
  ])
})

test('what is in sync alone stays until others are', () => {
  const alone = cluster([2, 3], {
    orders: [row([3, 1], leadership(3, [3]), at([3, 1], [3], [1]))],
  })
  expect(judged(null, 0, 'orders', alone).accepted).toMatchObject([
    { replicas: [1, 3], addingReplicas: [], removingReplicas: [3], unneeded: [] },
  ])
  expect(judged([2], 0, 'orders', alone).accepted).toMatchObject([
    { replicas: [2, 1, 3], addingReplicas: [2], removingReplicas: [1, 3], unneeded: [] },
  ])
})

test('those under way are told', () => {
  expect(reassignmentsOf(view)).toEqual([{ topic: 'orders', partition: 1, ...at([3, 1], [3], []) }])
})
