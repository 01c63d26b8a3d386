import { expect, test } from 'vitest'
import {
  type IsrProposal,
  judgeProposal,
  type ProposedIsr,
  withRefused,
} from '../../../src/controller/alter-partition.ts'
import {
  type ClusterView,
  withDeleting,
  withoutBrokers,
  withShuttingDown,
} from '../../../src/controller/cluster-view.ts'
import { errors } from '../../../src/error.ts'
import { noUuid } from '../../../src/ids.ts'
import { cluster, leadership, row } from './view.ts'

const current = leadership(1, [1, 2], { leaderEpoch: 4, partitionEpoch: 7 })
const view = cluster([1, 2, 3], { orders: [row([1, 2, 3], current), row([1], null)] })

const proposal = (
  isr: Partial<ProposedIsr> = {},
  request: Partial<IsrProposal> = {},
): IsrProposal => ({
  brokerId: 1,
  brokerEpoch: 101,
  byTopicId: true,
  topics: [
    {
      topic: '',
      topicId: 'orders-id',
      partitions: [
        {
          partition: 0,
          leaderEpoch: 4,
          partitionEpoch: 7,
          isr: [1, 2, 3],
          leaderRecoveryState: 0,
          ...isr,
        },
      ],
    },
  ],
  ...request,
})

const judge = (asked: IsrProposal, of: ClusterView = view) => judgeProposal(of, asked, 5)
const errorOf = (isr: Partial<ProposedIsr>, of = view, request: Partial<IsrProposal> = {}) =>
  judge(proposal(isr, request), of).answer.topics[0]?.partitions[0]?.errorCode

test('an accepted ISR is written at the same leader epoch and answered with the next partition epoch', () => {
  const { answer, writes } = judge(proposal())
  expect(writes).toEqual([
    {
      topic: 'orders',
      partition: 0,
      partitionEpoch: 7,
      state: {
        leader: 1,
        leaderEpoch: 4,
        isr: [1, 2, 3],
        controllerEpoch: 5,
        leaderRecoveryState: 0,
      },
    },
  ])
  expect(answer).toMatchObject({
    errorCode: 0,
    topics: [
      {
        topic: 'orders',
        topicId: 'orders-id',
        partitions: [
          { partition: 0, errorCode: 0, leadership: { isr: [1, 2, 3], partitionEpoch: 8 } },
        ],
      },
    ],
  })
})

test('a sender unknown or of another life is refused whole', () => {
  expect(judge(proposal({}, { brokerId: 9 })).answer).toEqual({
    errorCode: errors.STALE_BROKER_EPOCH,
    topics: [],
  })
  for (const brokerEpoch of [100, 102, -1])
    expect(judge(proposal({}, { brokerEpoch })).answer.errorCode).toBe(errors.STALE_BROKER_EPOCH)
})

test('topics are found by id, or by name before v2', () => {
  const named = (topic: string, topicId: string) => [
    { topic, topicId, partitions: proposal().topics[0]?.partitions ?? [] },
  ]
  expect(errorOf({}, view, { topics: named('orders', 'x') })).toBe(errors.UNKNOWN_TOPIC_ID)
  expect(errorOf({}, view, { topics: named('', noUuid) })).toBe(errors.UNKNOWN_TOPIC_ID)
  expect(errorOf({}, view, { byTopicId: false, topics: named('orders', noUuid) })).toBe(0)
  expect(errorOf({}, view, { byTopicId: false, topics: named('x', noUuid) })).toBe(
    errors.UNKNOWN_TOPIC_OR_PARTITION,
  )
})

test('a partition that is unknown, new or being deleted is unknown', () => {
  expect(errorOf({ partition: 9 })).toBe(errors.UNKNOWN_TOPIC_OR_PARTITION)
  expect(errorOf({ partition: 1 })).toBe(errors.UNKNOWN_TOPIC_OR_PARTITION)
  expect(errorOf({}, withDeleting(view, ['orders']))).toBe(errors.UNKNOWN_TOPIC_OR_PARTITION)
})

test('who knows a higher epoch than the controller is told to look for another one', () => {
  expect(errorOf({ leaderEpoch: 5 })).toBe(errors.NOT_CONTROLLER)
  expect(errorOf({ partitionEpoch: 8 })).toBe(errors.NOT_CONTROLLER)
})

test('an old leader epoch is fenced, an old partition epoch refused', () => {
  expect(errorOf({ leaderEpoch: 3 })).toBe(errors.FENCED_LEADER_EPOCH)
  expect(errorOf({ partitionEpoch: 6 })).toBe(errors.INVALID_UPDATE_VERSION)
})

test('asked again with what is already so it is answered again, whatever the partition epoch', () => {
  for (const partitionEpoch of [6, 7]) {
    const { answer, writes } = judge(proposal({ isr: [2, 1], partitionEpoch }))
    expect(writes).toEqual([])
    expect(answer.topics[0]?.partitions[0]).toMatchObject({ errorCode: 0, leadership: current })
  }
})

test('a recovering leader is alone, and nobody begins to recover by himself', () => {
  const recovering = cluster([1, 2, 3], {
    orders: [row([1, 2, 3], leadership(1, [1], { leaderRecoveryState: 1 }))],
  })
  const at = { leaderEpoch: 0, partitionEpoch: 0 }
  expect(errorOf({ leaderRecoveryState: 1, isr: [1] })).toBe(errors.INVALID_REQUEST)
  expect(errorOf({ ...at, leaderRecoveryState: 1, isr: [1, 2] }, recovering)).toBe(
    errors.INVALID_REQUEST,
  )
  expect(errorOf({ ...at, leaderRecoveryState: 7, isr: [1] }, recovering)).toBe(
    errors.INVALID_REQUEST,
  )
  expect(errorOf({ ...at, leaderRecoveryState: 0, isr: [1] }, recovering)).toBe(0)
})

test('an ISR has its leader in it and replicas only', () => {
  for (const isr of [[], [2, 3], [1, 9]]) expect(errorOf({ isr })).toBe(errors.INVALID_REQUEST)
})

test('a member that is dead or shutting down is ineligible; before v2 the change is not attempted', () => {
  for (const of of [withoutBrokers(view, [3]), withShuttingDown(view, 3)]) {
    expect(errorOf({}, of)).toBe(errors.INELIGIBLE_REPLICA)
    const topics = [{ ...proposal().topics[0], topic: 'orders' } as IsrProposal['topics'][number]]
    expect(errorOf({}, of, { byTopicId: false, topics })).toBe(errors.OPERATION_NOT_ATTEMPTED)
  }
})

test('a write that found another version is answered with that', () => {
  const { answer } = judge(proposal())
  expect(withRefused(answer, [{ topic: 'orders', partition: 0 }]).topics[0]?.partitions[0]).toEqual(
    { partition: 0, errorCode: errors.INVALID_UPDATE_VERSION, leadership: null },
  )
  expect(withRefused(answer, [{ topic: 'orders', partition: 1 }])).toEqual(answer)
})
