/** The election chart where replicas move, and where elections are asked for by znode or configuration. */
import { expect, test } from 'vitest'
import {
  clusterView,
  isSettled,
  type LeaderElectionCommand,
  type LeaderElectionFact,
  leaderElectionMachine,
} from '../../../machines/controller/leader-election.ts'
import {
  type ClusterView,
  type PartitionRow,
  partitionRow,
} from '../../../src/controller/cluster-view.ts'
import { errors } from '../../../src/error.ts'
import { cluster, leadership, row } from '../../src/controller/view.ts'
import { begin, step, steps } from '../../step.ts'

type Snapshot = ReturnType<typeof begin<typeof leaderElectionMachine>>[0]

const of = { topic: 'orders', partition: 0 }
const queued: LeaderElectionFact = { type: 'orders.queued' }
const committed: LeaderElectionFact = { type: 'zk.committed' }
const written = (...lost: (typeof of)[]): LeaderElectionFact => ({
  type: 'assignments.written',
  lost,
})
const requested = (replicas: number[] | null, request = 7): LeaderElectionFact => ({
  type: 'reassignment.requested',
  request,
  asked: [{ ...of, replicas }],
})
const advanced = (
  at: 'tell' | 'switch' | 'remove',
  target = [2, 3],
  removing = [1],
): LeaderElectionFact => ({ type: 'reassignment.advanced', ...of, step: at, target, removing })
const read = ({ leadership: led }: PartitionRow): LeaderElectionFact => ({
  type: 'states.read',
  states: [{ ...of, leadership: led }],
  uncleanTopics: [],
})

const taking = (view: ClusterView, deletions: string[] = []) =>
  begin(leaderElectionMachine, {
    controllerEpoch: 5,
    view,
    deletions,
    imbalancePercentageMax: 10,
    deletesTopics: true,
  })
const settled = (partition: PartitionRow): Snapshot => {
  const [start] = taking(cluster([1, 2, 3], { orders: [partition] }))
  const [snapshot] = steps(leaderElectionMachine, start, queued)
  expect(isSettled(snapshot)).toBe(true)
  return snapshot
}
const still = row([1, 2], leadership(1, [1, 2]))
/** From 1 and 2 to 2 and 3. */
const moving = (isr: number[], leader = 1) =>
  row([2, 3, 1], leadership(leader, isr), { addingReplicas: [3], removingReplicas: [1] })

const types = (commands: readonly LeaderElectionCommand[]) => commands.map(({ type }) => type)
const only = <T extends LeaderElectionCommand['type']>(
  commands: readonly LeaderElectionCommand[],
  type: T,
) =>
  commands.filter(command => command.type === type) as Extract<LeaderElectionCommand, { type: T }>[]

test('what is asked for is written into the topic’s znode, then its actor begins and the answer goes', () => {
  const [assigning, asked] = step(leaderElectionMachine, settled(still), requested([2, 3]))
  expect(assigning.value).toBe('assigning')
  const assignment = { ...of, replicas: [2, 3, 1], addingReplicas: [3], removingReplicas: [1] }
  expect(asked).toMatchObject([{ type: 'zk.writeAssignments', assignments: [assignment] }])
  const [announcing, told] = step(leaderElectionMachine, assigning, written())
  expect(announcing.value).toBe('announcing')
  expect(partitionRow(clusterView(announcing), of)).toMatchObject({ replicas: [2, 3, 1] })
  expect(told).toEqual([
    {
      type: 'reassignment.begin',
      ...of,
      target: [2, 3],
      removing: [1],
      isr: [1, 2],
      isCancelled: false,
    },
    { type: 'zk.dropReassignments', partitions: [of] },
    {
      type: 'alterReassignments.answer',
      request: 7,
      results: [{ ...of, errorCode: errors.NONE, errorMessage: null }],
    },
    { type: 'orders.confirm' },
  ])
})

test('what is refused is answered at once', () => {
  const [announcing, told] = step(leaderElectionMachine, settled(still), requested([2, 9]))
  expect(announcing.value).toBe('announcing')
  expect(told).toMatchObject([
    {
      type: 'alterReassignments.answer',
      results: [{ errorCode: errors.INVALID_REPLICA_ASSIGNMENT }],
    },
    { type: 'orders.confirm' },
  ])
})

test('a topic that goes meanwhile is not moved, and says so', () => {
  const [, told] = steps(leaderElectionMachine, settled(still), requested([2, 3]), written(of))
  expect(only(told, 'reassignment.begin')).toEqual([])
  expect(only(told, 'alterReassignments.answer')[0]?.results).toMatchObject([
    { errorCode: errors.UNKNOWN_TOPIC_OR_PARTITION },
  ])
})

test('a target given up leaves the ISR before it leaves the znode', () => {
  const before = moving([1, 2, 3])
  const facts = [requested(null), read(before)]
  const [committing, commands] = steps(leaderElectionMachine, settled(before), ...facts)
  expect(committing.value).toBe('committing')
  expect(only(commands, 'zk.multi')[0]?.writes[0]?.state).toMatchObject({ isr: [1, 2] })
  const [assigning, asked] = step(leaderElectionMachine, committing, committed)
  expect(assigning.value).toBe('assigning')
  expect(asked).toMatchObject([
    { type: 'zk.writeAssignments', assignments: [{ replicas: [2, 1] }] },
  ])
  const [, told] = step(leaderElectionMachine, assigning, written())
  expect(only(told, 'stopReplica.send').map(it => [it.brokerId, it.partitions])).toEqual([
    [3, [{ ...of, leaderEpoch: 1, deletePartition: true }]],
  ])
  expect(only(told, 'reassignment.begin')).toMatchObject([
    { target: [2, 1], removing: [], isr: [1, 2], isCancelled: true },
  ])
})

test('the fence ends it while assignments are written', () => {
  const facts: LeaderElectionFact[] = [requested([2, 3]), { type: 'zk.fenced' }]
  const [snapshot, commands] = steps(leaderElectionMachine, settled(still), ...facts)
  expect(snapshot.value).toBe('resigned')
  expect(commands.at(-1)).toEqual({ type: 'controller.resign' })
})

test('told of each other, replicas hear a new leader epoch; to those that come it is new', () => {
  const before = moving([1, 2])
  const facts = [advanced('tell'), read(before), committed]
  const [, told] = steps(leaderElectionMachine, settled(before), ...facts)
  expect(
    only(told, 'leaderAndIsr.send').map(({ brokerId, partitions: [it] }) => [
      brokerId,
      it?.leaderEpoch,
      it?.isNew,
    ]),
  ).toEqual([
    [1, 1, false],
    [2, 1, false],
    [3, 1, true],
  ])
  expect(told.at(-2)).toEqual({
    type: 'reassignment.answer',
    ...of,
    step: 'tell',
    outcome: 'done',
    isr: [1, 2],
  })
})

test('the switch is one write: one of the target leads, and they alone are in sync', () => {
  const before = moving([1, 2, 3])
  const facts = [advanced('switch'), read(before), committed]
  const [snapshot, told] = steps(leaderElectionMachine, settled(before), ...facts)
  expect(only(told, 'zk.multi')[0]?.writes.map(({ state }) => state)).toMatchObject([
    { leader: 2, isr: [2, 3], leaderEpoch: 1 },
  ])
  expect(only(told, 'leaderAndIsr.send').map(({ brokerId }) => brokerId)).toEqual([2, 3])
  expect(only(told, 'stopReplica.send').map(({ brokerId }) => brokerId)).toEqual([1])
  expect(only(told, 'reassignment.answer')[0]?.outcome).toBe('done')
  expect(partitionRow(clusterView(snapshot), of)).toMatchObject({
    replicas: [2, 3],
    addingReplicas: [],
    removingReplicas: [],
  })
})

test('nothing is switched where none of the target is there', () => {
  const dead = row([1, 2], leadership(-1, [1]), { removingReplicas: [2] })
  const [, told] = step(leaderElectionMachine, settledWith(dead), advanced('switch', [1], [2]))
  expect(only(told, 'zk.multi')).toEqual([])
  expect(only(told, 'reassignment.answer')[0]?.outcome).toBe('leaderless')
})

test('logs are deleted first, then the znode forgets them, then everybody hears of it', () => {
  const after = row([2, 3], leadership(2, [2, 3]))
  const [assigning, first] = step(leaderElectionMachine, settled(after), advanced('remove'))
  expect(types(first)).toEqual(['stopReplica.send', 'zk.writeAssignments'])
  expect(only(first, 'stopReplica.send')[0]).toMatchObject({
    brokerId: 1,
    partitions: [{ deletePartition: true }],
  })
  const [, told] = step(leaderElectionMachine, assigning, written())
  expect(types(told)).toEqual([
    ...Array(3).fill('updateMetadata.send'),
    'reassignment.answer',
    'zk.dropReassignments',
    'orders.confirm',
  ])
  const [, missing] = step(leaderElectionMachine, assigning, written(of))
  expect(only(missing, 'reassignment.answer')[0]?.outcome).toBe('missing')
})

test('a step of a partition that is no more says so', () => {
  const step0: LeaderElectionFact = {
    type: 'reassignment.advanced',
    topic: 'none',
    partition: 0,
    step: 'tell',
    target: [1],
    removing: [],
  }
  const [, told] = step(leaderElectionMachine, settled(still), step0)
  expect(only(told, 'reassignment.answer')[0]?.outcome).toBe('missing')
})

test('steps go before all that waits, in their order', () => {
  const [busy] = steps(
    leaderElectionMachine,
    settled(still),
    requested([2, 3]),
    { type: 'rebalance.requested' },
    advanced('tell'),
    advanced('switch'),
  )
  expect(busy.context.pending).toMatchObject([
    { kind: 'reassignmentStep', step: 'tell' },
    { kind: 'reassignmentStep', step: 'switch' },
    { kind: 'rebalance' },
  ])
})

test('the actor hears of its partition’s ISR, others’ have none to hear', () => {
  const proposal = {
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
            leaderEpoch: 0,
            partitionEpoch: 0,
            isr: [1],
            leaderRecoveryState: 0,
          },
        ],
      },
    ],
  }
  const received: LeaderElectionFact = { type: 'alterPartition.received', request: 1, proposal }
  const heard = (partition: PartitionRow) =>
    only(
      steps(leaderElectionMachine, settled(partition), received, committed)[1],
      'reassignment.inform',
    )
  expect(heard(moving([1, 2]))).toEqual([{ type: 'reassignment.inform', ...of, isr: [1] }])
  expect(heard(still)).toEqual([])
})

test('what was under way when the reign began goes on', () => {
  const [, commands] = taking(cluster([1, 2, 3], { orders: [moving([1, 2])] }))
  expect(only(commands, 'reassignment.begin')).toMatchObject([
    { ...of, target: [2, 3], removing: [1], isr: [1, 2] },
  ])
})

test('a topic on the move is deleted when it has arrived', () => {
  const [start, begun] = taking(cluster([1, 2, 3], { orders: [moving([1, 2])] }), ['orders'])
  expect(only(begun, 'deletion.begin')).toEqual([])
  expect(clusterView(start).awaitingDeletion).toEqual(['orders'])
  const [waiting] = step(leaderElectionMachine, start, queued)
  const [, refused] = step(leaderElectionMachine, waiting, requested(null))
  expect(only(refused, 'alterReassignments.answer')[0]?.results).toMatchObject([
    { errorCode: errors.UNKNOWN_TOPIC_OR_PARTITION },
  ])
  const facts = [advanced('remove'), written(), queued]
  const [snapshot, commands] = steps(leaderElectionMachine, waiting, ...facts)
  expect(only(commands, 'deletion.begin')).toMatchObject([{ topic: 'orders' }])
  expect(clusterView(snapshot)).toMatchObject({ deleting: ['orders'], awaitingDeletion: [] })
})

test('a topic that is gone ends its reassignments', () => {
  const facts: LeaderElectionFact[] = [
    { type: 'znode.childrenChanged', path: '/brokers/topics' },
    { type: 'topics.read', topics: [], listed: [] },
  ]
  const [, commands] = steps(leaderElectionMachine, settled(moving([1, 2])), ...facts)
  expect(only(commands, 'reassignments.drop')).toEqual([
    { type: 'reassignments.drop', topics: ['orders'] },
  ])
})

test('a topic’s znode that is read anew does not move known partitions back', () => {
  const facts: LeaderElectionFact[] = [
    { type: 'znode.changed', path: '/brokers/topics/orders' },
    {
      type: 'topics.read',
      topics: [
        {
          topic: 'orders',
          topicId: 'orders-id',
          partitions: {
            0: { replicas: [1, 2], addingReplicas: [], removingReplicas: [] },
            1: { replicas: [2, 3], addingReplicas: [], removingReplicas: [] },
          },
        },
      ],
      listed: null,
    },
  ]
  const [snapshot] = steps(leaderElectionMachine, settled(moving([1, 2])), ...facts)
  expect(partitionRow(clusterView(snapshot), of)?.replicas).toEqual([2, 3, 1])
  expect(partitionRow(clusterView(snapshot), { ...of, partition: 1 })?.replicas).toEqual([2, 3])
})

test('a znode that asks for reassignments is read; what is under way already goes on', () => {
  const noticed: LeaderElectionFact = { type: 'reassignments.noticed' }
  const [same, commands] = step(leaderElectionMachine, settled(still), noticed)
  expect([same.value, commands]).toEqual(['settled', [{ type: 'zk.readReassignments' }]])
  const found = (replicas: number[]): LeaderElectionFact => ({
    type: 'reassignments.read',
    asked: [{ ...of, replicas }],
  })
  expect(step(leaderElectionMachine, settled(still), found([2, 3]))[0].value).toBe('assigning')
  const [, again] = step(leaderElectionMachine, settled(moving([1, 2])), found([2, 3]))
  expect(again).toEqual([{ type: 'orders.confirm' }])
  const [, refused] = step(leaderElectionMachine, settled(still), found([9]))
  expect(only(refused, 'zk.dropReassignments')).toMatchObject([{ partitions: [of] }])
})

test('a znode that asks for preferred leaders is read, obeyed and removed', () => {
  const [same, commands] = step(leaderElectionMachine, settled(still), {
    type: 'preferredElections.noticed',
  })
  expect([same.value, commands]).toEqual(['settled', [{ type: 'zk.readPreferredElections' }]])
  const astray = row([2, 1], leadership(1, [1, 2]))
  const [, told] = steps(
    leaderElectionMachine,
    settled(astray),
    { type: 'preferredElections.read', partitions: [of] },
    read(astray),
    committed,
  )
  expect(only(told, 'zk.multi')[0]?.writes[0]?.state.leader).toBe(2)
  expect(told.at(-2)).toEqual({ type: 'zk.dropPreferredElections' })
})

test('where unclean elections are allowed now, what nobody leads gets a leader', () => {
  const lost = row([1, 2], leadership(-1, [1]))
  const allowed = (topic: string | null): LeaderElectionFact => ({
    type: 'uncleanElection.allowed',
    topic,
  })
  const reading = steps(leaderElectionMachine, settledWith(lost), allowed('orders'))
  expect(only(reading[1], 'zk.readStates')).toMatchObject([{ configsOf: ['orders'] }])
  const unclean: LeaderElectionFact = {
    type: 'states.read',
    states: [{ ...of, leadership: lost.leadership }],
    uncleanTopics: ['orders'],
  }
  const [, elected] = step(leaderElectionMachine, reading[0], unclean)
  expect(only(elected, 'zk.multi')[0]?.writes[0]?.state).toMatchObject({ leader: 2, isr: [2] })
  expect(step(leaderElectionMachine, settledWith(lost), allowed('bills'))[1]).toEqual([
    { type: 'orders.confirm' },
  ])
  expect(types(step(leaderElectionMachine, settledWith(lost), allowed(null))[1])).toEqual([
    'zk.readStates',
  ])
})

/** Nobody in the ISR is there; looked at once already. */
function settledWith(partition: PartitionRow): Snapshot {
  const [start] = taking(cluster([2, 3], { orders: [partition] }))
  const [snapshot] = steps(leaderElectionMachine, start, read(partition), queued)
  expect(isSettled(snapshot)).toBe(true)
  return snapshot
}

test('all reassignments under way are told on demand, after what was asked before', () => {
  const [, told] = step(leaderElectionMachine, settled(moving([1, 2])), {
    type: 'reassignmentListing.requested',
    request: 3,
  })
  expect(told[0]).toEqual({
    type: 'listReassignments.answer',
    request: 3,
    reassignments: [{ ...of, replicas: [2, 3, 1], addingReplicas: [3], removingReplicas: [1] }],
  })
})
