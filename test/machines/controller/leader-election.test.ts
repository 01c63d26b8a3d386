import { expect, test } from 'vitest'
import {
  clusterView,
  isSettled,
  type LeaderElectionCommand,
  type LeaderElectionFact,
  type LeaderElectionInput,
  leaderElectionMachine,
} from '../../../machines/controller/leader-election.ts'
import { RefusedFact } from '../../../src/assert.ts'
import {
  type ClusterView,
  type Leadership,
  type LiveBroker,
  type PartitionRow,
  partitionRow,
  withFailedReplicas,
} from '../../../src/controller/cluster-view.ts'
import { errors } from '../../../src/error.ts'
import { broker, cluster, leadership, row } from '../../src/controller/view.ts'
import { begin, step, steps } from '../../step.ts'

type Snapshot = ReturnType<typeof begin<typeof leaderElectionMachine>>[0]

const partition = (n: number, topic = 'orders') => ({ topic, partition: n })
const znode = (kind: 'created' | 'deleted' | 'changed' | 'childrenChanged', path: string) =>
  ({ type: `znode.${kind}`, path }) as LeaderElectionFact
const listed = (...brokers: number[]): LeaderElectionFact => ({ type: 'brokers.listed', brokers })
const read = (...brokers: LiveBroker[]): LeaderElectionFact => ({ type: 'brokers.read', brokers })
/** The two answers to the question who is there. */
const brokersRead = (...ids: number[]): LeaderElectionFact[] => [
  listed(...ids),
  read(...ids.map(id => broker(id))),
]
const statesRead = (...states: (readonly [number, Leadership | null])[]): LeaderElectionFact => ({
  type: 'states.read',
  states: states.map(([n, led]) => ({ ...partition(n), leadership: led })),
  uncleanTopics: [],
})
const committed: LeaderElectionFact = { type: 'zk.committed' }
const badVersion = (...ns: number[]): LeaderElectionFact => ({
  type: 'zk.badVersion',
  stale: ns.map(n => partition(n)),
})
const queued: LeaderElectionFact = { type: 'orders.queued' }
const fenced: LeaderElectionFact = { type: 'zk.fenced' }

/** At the beginning of a reign, the first work just taken up. */
const taking = (view: ClusterView, more: Partial<LeaderElectionInput> = {}) =>
  begin(leaderElectionMachine, {
    controllerEpoch: 5,
    view,
    deletions: [],
    imbalancePercentageMax: 10,
    deletesTopics: true,
    ...more,
  })

/** A reign in which all is well, so that there is nothing to elect at its beginning. */
const settled = (view: ClusterView, more: Partial<LeaderElectionInput> = {}): Snapshot => {
  const [snapshot] = steps(leaderElectionMachine, taking(view, more)[0], queued)
  expect(isSettled(snapshot)).toBe(true)
  return snapshot
}

const three = (...rows: PartitionRow[]): ClusterView => cluster([1, 2, 3], { orders: rows })
const led = (leader: number, isr: number[], more: Partial<Leadership> = {}): PartitionRow =>
  row([1, 2, 3], leadership(leader, isr, more))

/** Commands in short: what, to whom, of which partitions with which leaders. */
const told = (commands: readonly LeaderElectionCommand[]): unknown[] =>
  commands.map(command => {
    switch (command.type) {
      case 'leaderAndIsr.send':
        return [
          'lisr',
          command.brokerId,
          ...command.partitions.map(it => [it.partition, it.leader, it.isr, it.leaderEpoch]),
        ]
      case 'updateMetadata.send':
        return [
          'umr',
          command.brokerId,
          command.liveBrokers.map(it => it.id),
          ...command.partitions.map(it => [it.partition, it.leader]),
        ]
      case 'stopReplica.send':
        return [
          'stop',
          command.brokerId,
          ...command.partitions.map(it => [it.partition, it.leaderEpoch, it.deletePartition]),
        ]
      default:
        return command
    }
  })
const confirm = { type: 'orders.confirm' }

test('the journey of a dead leader: settled, electing, committing, announcing, settled', () => {
  const start = settled(three(led(2, [1, 2, 3], { leaderEpoch: 4, partitionEpoch: 7 })))

  const [listing, list] = step(leaderElectionMachine, start, znode('deleted', '/brokers/ids/2'))
  expect(listing.value).toEqual({ electing: 'listingBrokers' })
  expect(list).toEqual([{ type: 'zk.listBrokers' }])

  const [reading, look] = step(leaderElectionMachine, listing, listed(1, 3))
  expect(reading.value).toEqual({ electing: 'readingBrokers' })
  expect(look).toEqual([{ type: 'zk.readBrokers', brokers: [1, 3] }])

  const [states, asked] = step(leaderElectionMachine, reading, read(broker(1), broker(3)))
  expect(states.value).toEqual({ electing: 'readingStates' })
  expect(asked).toEqual([
    { type: 'channel.close', brokerId: 2 },
    { type: 'deletions.halt', brokers: [2] },
    { type: 'zk.readStates', partitions: [partition(0)], configsOf: [] },
  ])

  const stored = leadership(2, [1, 2, 3], { leaderEpoch: 4, partitionEpoch: 7 })
  const [committing, written] = step(leaderElectionMachine, states, statesRead([0, stored]))
  expect(committing.value).toBe('committing')
  expect(written).toEqual([
    {
      type: 'zk.multi',
      writes: [
        {
          ...partition(0),
          partitionEpoch: 7,
          state: {
            leader: 1,
            isr: [1, 3],
            leaderEpoch: 5,
            controllerEpoch: 5,
            leaderRecoveryState: 0,
          },
        },
      ],
    },
  ])

  const [announcing, orders] = step(leaderElectionMachine, committing, committed)
  expect(announcing.value).toBe('announcing')
  expect(told(orders)).toEqual([
    ['lisr', 1, [0, 1, [1, 3], 5]],
    ['lisr', 3, [0, 1, [1, 3], 5]],
    ['umr', 1, [1, 3], [0, 1]],
    ['umr', 3, [1, 3], [0, 1]],
    confirm,
  ])
  expect(partitionRow(clusterView(announcing), partition(0))?.leadership?.partitionEpoch).toBe(8)

  const [end, nothing] = step(leaderElectionMachine, announcing, queued)
  expect([isSettled(end), nothing, end.context.task]).toEqual([true, [], null])
})

test('a dead follower leaves the ISR; partitions it was not in sync of are told as metadata alone', () => {
  const start = settled(three(led(1, [1, 2, 3]), led(1, [1, 3])))
  const [snapshot] = steps(
    leaderElectionMachine,
    start,
    znode('childrenChanged', '/brokers/ids'),
    ...brokersRead(1, 3),
    statesRead([0, leadership(1, [1, 2, 3])]),
  )
  const [, orders] = step(leaderElectionMachine, snapshot, committed)
  expect(told(orders)).toEqual([
    ['lisr', 1, [0, 1, [1, 3], 1]],
    ['lisr', 3, [0, 1, [1, 3], 1]],
    ['umr', 1, [1, 3], [0, 1], [1, 1]],
    ['umr', 3, [1, 3], [0, 1], [1, 1]],
    confirm,
  ])
})

test('a broker without replicas that dies changes the list of brokers only', () => {
  const start = settled(cluster([1, 2], { orders: [row([1], leadership(1, [1]))] }))
  const [snapshot, orders] = steps(
    leaderElectionMachine,
    start,
    znode('deleted', '/brokers/ids/2'),
    ...brokersRead(1),
  )
  expect(snapshot.value).toBe('announcing')
  expect(told(orders).slice(-2)).toEqual([['umr', 1, [1]], confirm])
})

test('with nobody to elect the leader is -1, and who returns from the ISR leads again', () => {
  const start = settled(three(led(2, [2])))
  const [dead, orders] = steps(
    leaderElectionMachine,
    start,
    znode('deleted', '/brokers/ids/2'),
    ...brokersRead(1, 3),
    statesRead([0, leadership(2, [2])]),
    committed,
  )
  expect(told(orders)).toContainEqual(['lisr', 1, [0, -1, [2], 1]])
  expect(orders).toContainEqual({
    type: 'zk.readStates',
    partitions: [partition(0)],
    configsOf: ['orders'],
  })

  const stored = leadership(-1, [2], { leaderEpoch: 1, partitionEpoch: 1, controllerEpoch: 5 })
  const [back, more] = steps(
    leaderElectionMachine,
    dead,
    queued,
    znode('childrenChanged', '/brokers/ids'),
    listed(1, 2, 3),
    read(broker(1), broker(3), broker(2, 999)),
    statesRead([0, stored]),
    committed,
  )
  expect(back.value).toBe('announcing')
  expect(told(more)).toEqual([
    { type: 'zk.listBrokers' },
    { type: 'zk.readBrokers', brokers: [1, 2, 3] },
    { type: 'channel.open', broker: broker(2, 999) },
    ['umr', 2, [1, 2, 3], [0, -1]],
    ['umr', 1, [1, 2, 3], [0, -1]],
    ['umr', 3, [1, 2, 3], [0, -1]],
    ['lisr', 2, [0, -1, [2], 1]],
    { type: 'deletions.resume', brokers: [2] },
    { type: 'reassignments.resume', brokers: [2] },
    { type: 'zk.readStates', partitions: [partition(0)], configsOf: [] },
    expect.objectContaining({ type: 'zk.multi' }),
    ['lisr', 1, [0, 2, [2], 2]],
    ['lisr', 2, [0, 2, [2], 2]],
    ['lisr', 3, [0, 2, [2], 2]],
    ['umr', 1, [1, 2, 3], [0, 2]],
    ['umr', 2, [1, 2, 3], [0, 2]],
    ['umr', 3, [1, 2, 3], [0, 2]],
    confirm,
  ])
})

test('where nobody can be elected at all nothing is written, and it is noted', () => {
  const start = settled(three(led(1, [1])))
  const [snapshot, orders] = steps(
    leaderElectionMachine,
    start,
    znode('deleted', '/brokers/ids/1'),
    ...brokersRead(2, 3),
    statesRead([0, leadership(-1, [1], { leaderEpoch: 1 })]),
  )
  expect(snapshot.value).toBe('announcing')
  expect(orders).toContainEqual({ type: 'leaderless.note', partitions: [partition(0)] })
})

test('where the topic allows it an unclean leader is elected', () => {
  const start = settled(three(led(2, [2])))
  const [, orders] = steps(
    leaderElectionMachine,
    start,
    znode('deleted', '/brokers/ids/2'),
    ...brokersRead(1, 3),
    {
      type: 'states.read',
      states: [{ ...partition(0), leadership: leadership(2, [2]) }],
      uncleanTopics: ['orders'],
    },
    committed,
  )
  expect(told(orders)).toContainEqual(['lisr', 1, [0, 1, [1], 1]])
})

test('a broker that bounced unseen is dead, then started', () => {
  const start = settled(three(led(2, [1, 2])))
  const [failed, closed] = steps(
    leaderElectionMachine,
    start,
    znode('childrenChanged', '/brokers/ids'),
    listed(1, 2, 3),
    read(broker(1), broker(2, 999), broker(3)),
    statesRead([0, leadership(2, [1, 2])]),
    committed,
  )
  expect(told(closed)).toContainEqual(['lisr', 1, [0, 1, [1], 1]])
  expect(told(closed)).toContainEqual({ type: 'channel.close', brokerId: 2 })
  const [started, opened] = step(leaderElectionMachine, failed, queued)
  expect(started.value).toBe('announcing')
  expect(told(opened)).toEqual([
    { type: 'channel.open', broker: broker(2, 999) },
    ['umr', 2, [1, 2, 3], [0, 1]],
    ['umr', 1, [1, 2, 3], [0, 1]],
    ['umr', 3, [1, 2, 3], [0, 1]],
    ['lisr', 2, [0, 1, [1], 1]],
    { type: 'deletions.resume', brokers: [2] },
    { type: 'reassignments.resume', brokers: [2] },
    confirm,
  ])
})

test('new brokers start before dead ones are mourned, as in Kafka', () => {
  const start = settled(cluster([1, 2], { orders: [row([1, 2], leadership(2, [1, 2]))] }))
  const [snapshot] = steps(
    leaderElectionMachine,
    start,
    znode('deleted', '/brokers/ids/2'),
    ...brokersRead(1, 4),
  )
  expect(snapshot.context.task?.work.kind).toBe('startup')
  expect(snapshot.context.pending).toEqual([{ kind: 'failure', brokers: [2] }])
})

test('a broker that moved to another address is told of and reconnected to', () => {
  const moved = { ...broker(2), endpoints: [{ ...broker(2).endpoints[0]!, port: 7777 }] }
  const [snapshot, orders] = steps(
    leaderElectionMachine,
    settled(three(led(1, [1, 2]))),
    znode('changed', '/brokers/ids/2'),
    listed(1, 2, 3),
    read(broker(1), moved, broker(3)),
  )
  expect(snapshot.value).toBe('announcing')
  expect(told(orders).slice(2)).toEqual([
    { type: 'channel.open', broker: moved },
    ['umr', 1, [1, 2, 3]],
    ['umr', 2, [1, 2, 3]],
    ['umr', 3, [1, 2, 3]],
    confirm,
  ])
})

test('a watch that told of what is known already leads back to settled', () => {
  const [snapshot, commands] = steps(
    leaderElectionMachine,
    settled(three(led(1, [1]))),
    znode('childrenChanged', '/brokers/ids'),
    ...brokersRead(1, 2, 3),
  )
  expect(isSettled(snapshot)).toBe(true)
  expect(commands.map(command => command.type)).toEqual(['zk.listBrokers', 'zk.readBrokers'])
})

test('one death is told by two znodes, and leads to one election', () => {
  const start = settled(three(led(2, [1, 2, 3])))
  const [snapshot, commands] = steps(
    leaderElectionMachine,
    start,
    znode('deleted', '/brokers/ids/2'),
    znode('childrenChanged', '/brokers/ids'),
    znode('changed', '/brokers/ids/3'),
    ...brokersRead(1, 3),
    statesRead([0, leadership(2, [1, 2, 3])]),
    committed,
    queued,
  )
  expect(isSettled(snapshot)).toBe(true)
  expect(commands.filter(command => command.type === 'zk.listBrokers')).toHaveLength(1)
})

test('while it lists the brokers other news wait', () => {
  const [snapshot] = steps(
    leaderElectionMachine,
    settled(three(led(2, [1, 2, 3]))),
    znode('deleted', '/brokers/ids/2'),
    znode('childrenChanged', '/brokers/topics'),
    znode('changed', '/brokers/topics/orders'),
    znode('deleted', '/brokers/topics/orders'),
  )
  expect(snapshot.context.pending).toEqual([
    { kind: 'topics', topic: null },
    { kind: 'topics', topic: 'orders' },
  ])
})

test('deaths that come meanwhile wait, once, and are taken up when it is settled', () => {
  const start = settled(three(led(2, [1, 2, 3])))
  const [busy, commands] = steps(
    leaderElectionMachine,
    start,
    znode('deleted', '/brokers/ids/2'),
    listed(1, 3),
    znode('deleted', '/brokers/ids/3'),
    read(broker(1), broker(3)),
    znode('childrenChanged', '/brokers/ids'),
    statesRead([0, leadership(2, [1, 2, 3])]),
    committed,
  )
  expect(busy.value).toBe('announcing')
  expect(busy.context.pending).toEqual([{ kind: 'brokers' }])
  expect(commands.filter(command => command.type === 'zk.listBrokers')).toHaveLength(1)
  const [next, more] = step(leaderElectionMachine, busy, queued)
  expect(next.value).toEqual({ electing: 'listingBrokers' })
  expect(more).toEqual([{ type: 'zk.listBrokers' }])
})

test('a state that changed meanwhile is read again and decided again, for that partition alone', () => {
  const start = settled(three(led(2, [1, 2, 3]), led(2, [1, 2, 3])))
  const [committing] = steps(
    leaderElectionMachine,
    start,
    znode('deleted', '/brokers/ids/2'),
    ...brokersRead(1, 3),
    statesRead([0, leadership(2, [1, 2, 3])], [1, leadership(2, [1, 2, 3])]),
  )
  const [again, asked] = step(leaderElectionMachine, committing, badVersion(1))
  expect(again.value).toEqual({ electing: 'readingStates' })
  expect(asked).toEqual([{ type: 'zk.readStates', partitions: [partition(1)], configsOf: [] }])
  const shrunk = leadership(2, [2, 3], { partitionEpoch: 1 })
  const [, written] = step(leaderElectionMachine, again, statesRead([1, shrunk]))
  expect(written).toMatchObject([
    { type: 'zk.multi', writes: [{ partition: 1, partitionEpoch: 1, state: { leader: 3 } }] },
  ])
  const [, orders] = steps(leaderElectionMachine, again, statesRead([1, shrunk]), committed)
  expect(told(orders)).toContainEqual(['lisr', 1, [0, 1, [1, 3], 1], [1, 3, [3], 1]])
})

test('a write whose answer was lost shows when read again: it is announced, not repeated', () => {
  const start = settled(three(led(2, [1, 2, 3])))
  const done = leadership(1, [1, 3], { leaderEpoch: 1, partitionEpoch: 1, controllerEpoch: 5 })
  const [snapshot, orders] = steps(
    leaderElectionMachine,
    start,
    znode('deleted', '/brokers/ids/2'),
    ...brokersRead(1, 3),
    statesRead([0, leadership(2, [1, 2, 3])]),
    badVersion(0),
    statesRead([0, done]),
  )
  expect(snapshot.value).toBe('announcing')
  expect(told(orders)).toContainEqual(['lisr', 1, [0, 1, [1, 3], 1]])
})

test('a partition whose state is gone is left alone', () => {
  const [snapshot, orders] = steps(
    leaderElectionMachine,
    settled(three(led(2, [1, 2, 3]))),
    znode('deleted', '/brokers/ids/2'),
    ...brokersRead(1, 3),
    statesRead([0, null]),
  )
  expect(snapshot.value).toBe('announcing')
  expect(orders.filter(command => command.type === 'zk.multi')).toEqual([])
})

test('who meets the fence resigns, whatever it is doing', () => {
  const start = settled(three(led(2, [1, 2, 3])))
  const way = [
    znode('deleted', '/brokers/ids/2'),
    ...brokersRead(1, 3),
    statesRead([0, leadership(2, [1, 2, 3])]),
    committed,
    queued,
  ]
  for (let length = 0; length <= way.length; length++) {
    const [snapshot] = steps(leaderElectionMachine, start, ...way.slice(0, length))
    const [end, commands] = step(leaderElectionMachine, snapshot, fenced)
    expect([end.value, end.status]).toEqual(['resigned', 'done'])
    expect(commands).toEqual([{ type: 'controller.resign' }])
  }
})

test('a reign begins with the dead: brokers are introduced, leaders elected, everybody is told everything', () => {
  const view = cluster([1, 3], {
    orders: [led(2, [2, 3]), led(1, [1, 2, 3]), led(3, [3]), row([1, 2, 3], null)],
  })
  const [start, introduced] = taking(view)
  expect(start.value).toEqual({ electing: 'readingStates' })
  expect(told(introduced)).toEqual([
    { type: 'channel.open', broker: broker(1) },
    { type: 'channel.open', broker: broker(3) },
    { type: 'zk.readLogDirEvents' },
    { type: 'zk.readReassignments' },
    { type: 'zk.readPreferredElections' },
    ['umr', 1, [1, 3]],
    ['umr', 3, [1, 3]],
    { type: 'zk.readStates', partitions: [partition(0), partition(1)], configsOf: [] },
  ])
  const [snapshot, orders] = steps(
    leaderElectionMachine,
    start,
    statesRead([0, leadership(2, [2, 3])], [1, leadership(1, [1, 2, 3])]),
    committed,
  )
  const states = [
    [0, 3, [3], 1],
    [1, 1, [1, 3], 1],
    [2, 3, [3], 0],
    [3, 1, [1, 3], 0],
  ]
  expect(told(orders).slice(1)).toEqual([
    ['lisr', 1, ...states],
    ['lisr', 3, ...states],
    ['umr', 1, [1, 3], [0, 3], [1, 1], [2, 3], [3, 1]],
    ['umr', 3, [1, 3], [0, 3], [1, 1], [2, 3], [3, 1]],
    confirm,
  ])
  const isNew = orders.flatMap(command =>
    command.type === 'leaderAndIsr.send' && command.brokerId === 1
      ? command.partitions.map(it => it.isNew)
      : [],
  )
  expect(isNew).toEqual([false, false, false, true])
  expect(isSettled(step(leaderElectionMachine, snapshot, queued)[0])).toBe(true)
})

test('a new topic is given leaders under new state znodes', () => {
  const start = settled(three())
  const assigned = { replicas: [2, 3], addingReplicas: [], removingReplicas: [] }
  const [reading, read] = step(
    leaderElectionMachine,
    start,
    znode('childrenChanged', '/brokers/topics'),
  )
  expect(reading.value).toEqual({ electing: 'readingTopics' })
  expect(read).toEqual([{ type: 'zk.readTopics', known: ['orders'], topic: null }])
  const [committing, written] = step(leaderElectionMachine, reading, {
    type: 'topics.read',
    topics: [{ topic: 'bills', topicId: 'bills-id', partitions: { 0: assigned } }],
    listed: ['orders', 'bills'],
  })
  expect(written).toMatchObject([
    {
      type: 'zk.multi',
      writes: [{ topic: 'bills', partitionEpoch: null, state: { leader: 2, isr: [2, 3] } }],
    },
  ])
  const [, orders] = step(leaderElectionMachine, committing, committed)
  expect(told(orders)).toEqual([
    ['lisr', 2, [0, 2, [2, 3], 0]],
    ['lisr', 3, [0, 2, [2, 3], 0]],
    ['umr', 1, [1, 2, 3], [0, 2]],
    ['umr', 2, [1, 2, 3], [0, 2]],
    ['umr', 3, [1, 2, 3], [0, 2]],
    confirm,
  ])
  expect(orders[0]).toMatchObject({ partitions: [{ isNew: true, topicId: 'bills-id' }] })
})

test('a state znode that is there already, of a write whose answer was lost, is taken as it is', () => {
  const assigned = { replicas: [2, 3], addingReplicas: [], removingReplicas: [] }
  const stored = leadership(2, [2, 3], { controllerEpoch: 5 })
  const stale = { topic: 'bills', partition: 0 }
  const [snapshot, orders] = steps(
    leaderElectionMachine,
    settled(three()),
    znode('childrenChanged', '/brokers/topics'),
    {
      type: 'topics.read',
      topics: [{ topic: 'bills', topicId: 'bills-id', partitions: { 0: assigned } }],
      listed: ['orders', 'bills'],
    },
    { type: 'zk.badVersion', stale: [stale] },
    { type: 'states.read', states: [{ ...stale, leadership: stored }], uncleanTopics: [] },
  )
  expect(snapshot.value).toBe('announcing')
  expect(orders.find(command => command.type === 'leaderAndIsr.send')).toMatchObject({
    brokerId: 2,
    partitions: [{ topic: 'bills', leader: 2, isNew: true }],
  })
})

test('a new partition that cannot be written and is not there belongs to a topic that is going', () => {
  const assigned = { replicas: [2], addingReplicas: [], removingReplicas: [] }
  const stale = { topic: 'bills', partition: 0 }
  const [snapshot] = steps(
    leaderElectionMachine,
    settled(three()),
    znode('childrenChanged', '/brokers/topics'),
    {
      type: 'topics.read',
      topics: [{ topic: 'bills', topicId: 'bills-id', partitions: { 0: assigned } }],
      listed: ['orders', 'bills'],
    },
    { type: 'zk.badVersion', stale: [stale] },
    { type: 'states.read', states: [{ ...stale, leadership: null }], uncleanTopics: [] },
  )
  expect(snapshot.value).toBe('announcing')
})

test('a topic that gets more partitions has leaders for them, and keeps the others’', () => {
  const assigned = { replicas: [3, 1], addingReplicas: [], removingReplicas: [] }
  const [reading, read] = step(
    leaderElectionMachine,
    settled(three(led(1, [1, 2, 3], { leaderEpoch: 9 }))),
    znode('changed', '/brokers/topics/orders'),
  )
  expect(read).toEqual([{ type: 'zk.readTopics', known: [], topic: 'orders' }])
  const [committing, written] = step(leaderElectionMachine, reading, {
    type: 'topics.read',
    topics: [
      {
        topic: 'orders',
        topicId: 'orders-id',
        partitions: { 0: { ...assigned, replicas: [1, 2, 3] }, 1: assigned },
      },
    ],
    listed: null,
  })
  expect(written).toMatchObject([{ writes: [{ partition: 1, state: { leader: 3 } }] }])
  expect(partitionRow(clusterView(committing), partition(0))?.leadership?.leaderEpoch).toBe(9)
})

test('a topic that is listed no more is forgotten', () => {
  const [snapshot] = steps(
    leaderElectionMachine,
    settled(three(led(1, [1]))),
    znode('childrenChanged', '/brokers/topics'),
    { type: 'topics.read', topics: [], listed: [] },
  )
  expect(clusterView(snapshot).topics).toEqual({})
})

test('the deletion of a topic begins: everybody forgets it, its replicas stop', () => {
  const [reading, read] = step(
    leaderElectionMachine,
    settled(cluster([1, 2], { orders: [row([1, 2], leadership(1, [1, 2]))], bills: [] })),
    znode('childrenChanged', '/admin/delete_topics'),
  )
  expect(reading.value).toEqual({ electing: 'readingDeletions' })
  expect(read).toEqual([{ type: 'zk.readDeletions' }])
  const [snapshot, orders] = step(leaderElectionMachine, reading, {
    type: 'deletions.read',
    topics: ['orders', 'unheard-of'],
  })
  expect(snapshot.value).toBe('announcing')
  expect(told(orders)).toEqual([
    ['umr', 1, [1, 2], [0, -2]],
    ['umr', 2, [1, 2], [0, -2]],
    ['stop', 1, [0, -2, false]],
    ['stop', 2, [0, -2, false]],
    {
      type: 'deletion.begin',
      topic: 'orders',
      topicId: 'orders-id',
      replicas: [
        { partition: 0, brokerId: 1 },
        { partition: 0, brokerId: 2 },
      ],
      live: [1, 2],
    },
    { type: 'zk.dropDeletions', topics: ['unheard-of'] },
    confirm,
  ])
  const [again, nothing] = steps(
    leaderElectionMachine,
    snapshot,
    queued,
    znode('childrenChanged', '/admin/delete_topics'),
    { type: 'deletions.read', topics: ['orders'] },
  )
  expect(again.value).toBe('announcing')
  expect(nothing.map(command => command.type)).toEqual(['zk.readDeletions', 'orders.confirm'])
})

test('with delete.topic.enable off every request is dropped', () => {
  const [, orders] = steps(
    leaderElectionMachine,
    settled(three(led(1, [1])), { deletesTopics: false }),
    znode('childrenChanged', '/admin/delete_topics'),
    { type: 'deletions.read', topics: ['orders'] },
  )
  expect(orders.slice(1)).toEqual([{ type: 'zk.dropDeletions', topics: ['orders'] }, confirm])
})

test('deletions that were asked for before the reign begin with it', () => {
  const [, orders] = taking(three(led(1, [1, 2])), { deletions: ['orders', 'unheard-of'] })
  const kinds = orders.map(command => command.type)
  expect(kinds).toContain('deletion.begin')
  expect(kinds).toContain('zk.dropDeletions')
  expect(kinds).not.toContain('leaderAndIsr.send')
})

test('an erased topic is forgotten, and its name looked for again', () => {
  const start = settled(three(led(1, [1])))
  const [snapshot, commands] = step(leaderElectionMachine, start, {
    type: 'topic.erased',
    topic: 'orders',
    topicId: 'orders-id',
  })
  expect(clusterView(snapshot).topics).toEqual({})
  expect(snapshot.value).toBe('announcing')
  expect(commands).toEqual([confirm])
  const [next, more] = step(leaderElectionMachine, snapshot, queued)
  expect(next.value).toEqual({ electing: 'readingTopics' })
  expect(more).toEqual([{ type: 'zk.readTopics', known: [], topic: null }])
})

test('another topic of that name is not forgotten', () => {
  const [snapshot] = step(leaderElectionMachine, settled(three(led(1, [1]))), {
    type: 'topic.erased',
    topic: 'orders',
    topicId: 'an older id',
  })
  expect(Object.keys(clusterView(snapshot).topics)).toEqual(['orders'])
})

const proposing = (isr: number[], request = 1): LeaderElectionFact => ({
  type: 'alterPartition.received',
  request,
  proposal: {
    brokerId: 1,
    brokerEpoch: 101,
    byTopicId: true,
    topics: [
      {
        topic: '',
        topicId: 'orders-id',
        partitions: [
          { partition: 0, leaderEpoch: 0, partitionEpoch: 0, isr, leaderRecoveryState: 0 },
        ],
      },
    ],
  },
})
const answered = (errorCode: number, isr?: number[]) => ({
  type: 'alterPartition.answer',
  request: 1,
  answer: {
    errorCode: 0,
    topics: [
      {
        topicId: 'orders-id',
        partitions: [{ errorCode, leadership: isr === undefined ? null : { isr } }],
      },
    ],
  },
})

test('a leader’s proposal is written and answered; the others hear of it as metadata', () => {
  const [committing, written] = step(
    leaderElectionMachine,
    settled(three(led(1, [1, 2]))),
    proposing([1, 2, 3]),
  )
  expect(written).toMatchObject([
    { writes: [{ partitionEpoch: 0, state: { leader: 1, leaderEpoch: 0, isr: [1, 2, 3] } }] },
  ])
  const [snapshot, orders] = step(leaderElectionMachine, committing, committed)
  expect(told(orders).slice(0, 3)).toEqual([
    ['umr', 1, [1, 2, 3], [0, 1]],
    ['umr', 2, [1, 2, 3], [0, 1]],
    ['umr', 3, [1, 2, 3], [0, 1]],
  ])
  expect(orders.slice(3)).toMatchObject([answered(0, [1, 2, 3]), confirm])
  expect(partitionRow(clusterView(snapshot), partition(0))?.leadership).toMatchObject({
    isr: [1, 2, 3],
    partitionEpoch: 1,
  })
})

test('a proposal that was written though the answer was lost is answered as written', () => {
  const made = leadership(1, [1, 2, 3], { partitionEpoch: 1, controllerEpoch: 5 })
  const [reading, asked] = steps(
    leaderElectionMachine,
    settled(three(led(1, [1, 2]))),
    proposing([1, 2, 3]),
    badVersion(0),
  )
  expect(reading.value).toEqual({ electing: 'readingStates' })
  expect(asked.at(-1)).toMatchObject({ type: 'zk.readStates', partitions: [partition(0)] })
  const [snapshot, orders] = step(leaderElectionMachine, reading, statesRead([0, made]))
  expect(snapshot.value).toBe('announcing')
  expect(told(orders)[0]).toEqual(['umr', 1, [1, 2, 3], [0, 1]])
  expect(orders.slice(3)).toMatchObject([answered(0, [1, 2, 3]), confirm])
  expect(partitionRow(clusterView(snapshot), partition(0))?.leadership).toEqual(made)
})

test('a proposal over a state that somebody changed is refused, and its leader told what is', () => {
  const foreign = leadership(1, [1, 3], { partitionEpoch: 4 })
  const [committing, written] = steps(
    leaderElectionMachine,
    settled(three(led(1, [1, 2]))),
    proposing([1, 2, 3]),
    badVersion(0),
    statesRead([0, foreign]),
  )
  expect(written.at(-1)).toMatchObject({
    type: 'zk.multi',
    writes: [{ partitionEpoch: 4, state: { leader: 1, isr: [1, 3], leaderEpoch: 1 } }],
  })
  const [snapshot, orders] = step(leaderElectionMachine, committing, committed)
  expect(snapshot.value).toBe('announcing')
  expect(told(orders)[0]).toEqual(['lisr', 1, [0, 1, [1, 3], 1]])
  expect(orders.slice(-2)).toMatchObject([answered(errors.INVALID_UPDATE_VERSION), confirm])
  const [again] = step(leaderElectionMachine, committing, badVersion(0))
  expect(again.value).toEqual({ electing: 'readingStates' })
})

test('a proposal that is refused at once is answered without a write', () => {
  const [snapshot, orders] = step(
    leaderElectionMachine,
    settled(three(led(1, [1, 2]))),
    proposing([2]),
  )
  expect(snapshot.value).toBe('announcing')
  expect(orders).toMatchObject([answered(errors.INVALID_REQUEST), confirm])
})

test('a proposal that comes during an election waits, and is judged by its outcome', () => {
  const [snapshot] = steps(
    leaderElectionMachine,
    settled(three(led(1, [1, 2, 3]))),
    znode('deleted', '/brokers/ids/2'),
    proposing([1, 2]),
    ...brokersRead(1, 3),
    statesRead([0, leadership(1, [1, 2, 3])]),
    committed,
  )
  const [next, orders] = step(leaderElectionMachine, snapshot, queued)
  expect(next.value).toBe('announcing')
  expect(orders).toMatchObject([answered(errors.FENCED_LEADER_EPOCH), confirm])
})

test('a broker that wants to stop is rid of what it leads and follows, and hears what is left', () => {
  const asked: LeaderElectionFact = {
    type: 'controlledShutdown.received',
    request: 4,
    brokerId: 1,
    brokerEpoch: 101,
  }
  const [reading] = step(
    leaderElectionMachine,
    settled(three(led(1, [1, 2, 3]), led(2, [1, 2, 3]), led(1, [1]))),
    asked,
  )
  expect(reading.value).toEqual({ electing: 'readingStates' })
  const [, orders] = steps(
    leaderElectionMachine,
    reading,
    statesRead(
      [0, leadership(1, [1, 2, 3])],
      [1, leadership(2, [1, 2, 3])],
      [2, leadership(1, [1])],
    ),
    committed,
  )
  expect(told(orders).slice(1)).toEqual([
    ['lisr', 1, [0, 2, [2, 3], 1]],
    ['lisr', 2, [0, 2, [2, 3], 1], [1, 2, [2, 3], 1]],
    ['lisr', 3, [0, 2, [2, 3], 1], [1, 2, [2, 3], 1]],
    ['umr', 1, [1, 2, 3], [0, 2], [1, 2]],
    ['umr', 2, [1, 2, 3], [0, 2], [1, 2]],
    ['umr', 3, [1, 2, 3], [0, 2], [1, 2]],
    ['stop', 1, [1, 1, false]],
    { type: 'leaderless.note', partitions: [partition(2)] },
    {
      type: 'controlledShutdown.answer',
      request: 4,
      errorCode: 0,
      remaining: [partition(2)],
    },
    confirm,
  ])
})

test('a shutdown of a broker that is unknown, or of an earlier life, is refused', () => {
  const asked = (brokerId: number, brokerEpoch: number): LeaderElectionFact => ({
    type: 'controlledShutdown.received',
    request: 4,
    brokerId,
    brokerEpoch,
  })
  const start = settled(three(led(1, [1, 2, 3])))
  const errorOf = (fact: LeaderElectionFact) =>
    step(leaderElectionMachine, start, fact)[1].map(command =>
      command.type === 'controlledShutdown.answer' ? command.errorCode : command.type,
    )
  expect(errorOf(asked(9, -1))).toEqual([errors.BROKER_NOT_AVAILABLE, 'orders.confirm'])
  expect(errorOf(asked(1, 100))).toEqual([errors.STALE_BROKER_EPOCH, 'orders.confirm'])
  expect(errorOf(asked(1, 102))).toEqual(['zk.readStates'])
  expect(errorOf(asked(1, -1))).toEqual(['zk.readStates'])
})

test('strayed leaders go back to the preferred replica', () => {
  const [snapshot, orders] = steps(
    leaderElectionMachine,
    settled(three(led(2, [1, 2, 3]))),
    { type: 'rebalance.requested' },
    statesRead([0, leadership(2, [1, 2, 3])]),
    committed,
  )
  expect(snapshot.value).toBe('announcing')
  expect(told(orders)).toContainEqual(['lisr', 1, [0, 1, [1, 2, 3], 1]])
})

const electionAsked = (
  electionType: 'preferred' | 'unclean',
  partitions: readonly { topic: string; partition: number }[] | null,
): LeaderElectionFact => ({ type: 'election.requested', request: 5, electionType, partitions })

const electionAnswer = (commands: readonly LeaderElectionCommand[]) =>
  commands.flatMap(command =>
    command.type === 'electLeaders.answer'
      ? command.results.map(it => [it.topic, it.partition, it.errorCode])
      : [],
  )

test('a preferred leader asked for by hand is elected, and who asked is told what became of each', () => {
  const [snapshot, orders] = steps(
    leaderElectionMachine,
    settled(three(led(2, [1, 2, 3]), led(1, [1, 2, 3]), led(2, [2, 3]))),
    electionAsked('preferred', [
      partition(0),
      partition(1),
      partition(2),
      partition(9),
      partition(0, 'none'),
    ]),
    statesRead([0, leadership(2, [1, 2, 3])], [2, leadership(2, [2, 3])]),
    committed,
  )
  expect(snapshot.value).toBe('announcing')
  expect(told(orders)).toContainEqual(['lisr', 1, [0, 1, [1, 2, 3], 1]])
  expect(electionAnswer(orders)).toEqual([
    ['orders', 1, errors.ELECTION_NOT_NEEDED],
    ['orders', 9, errors.UNKNOWN_TOPIC_OR_PARTITION],
    ['none', 0, errors.UNKNOWN_TOPIC_OR_PARTITION],
    ['orders', 0, errors.NONE],
    ['orders', 2, errors.PREFERRED_LEADER_NOT_AVAILABLE],
  ])
})

test('an election by hand that nobody needs is answered at once; of all, in silence', () => {
  const start = settled(three(led(1, [1, 2, 3])))
  const one = step(leaderElectionMachine, start, electionAsked('preferred', [partition(0)]))
  expect([one[0].value, electionAnswer(one[1])]).toEqual([
    'announcing',
    [['orders', 0, errors.ELECTION_NOT_NEEDED]],
  ])
  const all = step(leaderElectionMachine, start, electionAsked('preferred', null))
  expect(all[1]).toEqual([{ type: 'electLeaders.answer', request: 5, results: [] }, confirm])
})

test('an unclean election by hand takes whoever lives, whatever the topic says', () => {
  const leaderless = led(-1, [3], { leaderEpoch: 4 })
  const found = statesRead([0, leadership(-1, [3], { leaderEpoch: 4 })])
  const left = (view: ClusterView): Snapshot =>
    steps(leaderElectionMachine, taking(view)[0], found, queued)[0]
  const [, orders] = steps(
    leaderElectionMachine,
    left(cluster([1, 2], { orders: [leaderless, led(1, [1])] })),
    electionAsked('unclean', [partition(0), partition(1)]),
    found,
    committed,
  )
  expect(told(orders)).toContainEqual(['lisr', 1, [0, 1, [1], 5]])
  expect(electionAnswer(orders)).toEqual([
    ['orders', 1, errors.ELECTION_NOT_NEEDED],
    ['orders', 0, errors.NONE],
  ])
  const [, nobody] = steps(
    leaderElectionMachine,
    left(cluster([9], { orders: [leaderless] })),
    electionAsked('unclean', [partition(0)]),
    found,
  )
  expect(electionAnswer(nobody)).toEqual([['orders', 0, errors.ELIGIBLE_LEADERS_NOT_AVAILABLE]])
})

test('a topic that is being deleted has no elections', () => {
  const [deleting] = steps(
    leaderElectionMachine,
    settled(three(led(2, [1, 2, 3]))),
    znode('childrenChanged', '/admin/delete_topics'),
    { type: 'deletions.read', topics: ['orders'] },
    queued,
  )
  const [, orders] = step(
    leaderElectionMachine,
    deleting,
    electionAsked('preferred', [partition(0)]),
  )
  expect(electionAnswer(orders)).toEqual([['orders', 0, errors.INVALID_TOPIC_EXCEPTION]])
})

test('a replica whose disk failed is offline while its broker lives', () => {
  const [snapshot, orders] = steps(
    leaderElectionMachine,
    settled(three(led(1, [1, 2, 3]), led(1, [1, 2, 3]))),
    { type: 'replicas.failed', brokerId: 1, partitions: ['orders-0'] },
    statesRead([0, leadership(1, [1, 2, 3])]),
    committed,
  )
  expect(snapshot.value).toBe('announcing')
  expect(told(orders).slice(2)).toEqual([
    ['lisr', 2, [0, 2, [2, 3], 1]],
    ['lisr', 3, [0, 2, [2, 3], 1]],
    ['umr', 1, [1, 2, 3], [0, 2]],
    ['umr', 2, [1, 2, 3], [0, 2]],
    ['umr', 3, [1, 2, 3], [0, 2]],
    ['stop', 1, [0, 1, false]],
    confirm,
  ])
})

test('where unclean elections are allowed now, whatever has no leader tries again', () => {
  const view = three(led(-1, [2]), led(1, [1, 2, 3]))
  const [start] = steps(
    leaderElectionMachine,
    taking(withFailedReplicas(view, 2, ['orders-0']))[0],
    statesRead([0, leadership(-1, [2])]),
    queued,
  )
  const [, commands] = step(leaderElectionMachine, start, {
    type: 'uncleanElection.allowed',
    topic: null,
  })
  expect(commands).toEqual([
    { type: 'zk.readStates', partitions: [partition(0)], configsOf: ['orders'] },
  ])
})

test('a replica that is taken up again may lead', () => {
  const alone = { brokerId: 1, partitions: ['orders-0'] }
  const [failed] = steps(
    leaderElectionMachine,
    settled(three(led(1, [1]))),
    { type: 'replicas.failed', ...alone },
    statesRead([0, leadership(1, [1])]),
    committed,
    queued,
  )
  expect(clusterView(failed).failedReplicas).toEqual({ 1: ['orders-0'] })
  expect(partitionRow(clusterView(failed), partition(0))?.leadership?.leader).toBe(-1)
  const [snapshot, orders] = steps(
    leaderElectionMachine,
    failed,
    { type: 'replicas.recovered', ...alone },
    statesRead([0, leadership(-1, [1])]),
    committed,
  )
  expect(clusterView(snapshot).failedReplicas).toEqual({ 1: [] })
  expect(told(orders).slice(2, 5)).toEqual([1, 2, 3].map(id => ['lisr', id, [0, 1, [1], 1]]))
})

test('of those in the ISR the dead stay rather than one whose disk failed', () => {
  const view = withFailedReplicas(cluster([1], { orders: [led(2, [1, 2, 3])] }), 1, ['orders-0'])
  const [snapshot] = steps(
    leaderElectionMachine,
    taking(view)[0],
    statesRead([0, leadership(2, [1, 2, 3])]),
    committed,
  )
  expect(partitionRow(clusterView(snapshot), partition(0))?.leadership).toMatchObject({
    leader: -1,
    isr: [3],
  })
})

test('notices of failed log directories are read at once, also while something else is under way', () => {
  const start = settled(three(led(1, [1, 2, 3])))
  const notice = znode('childrenChanged', '/log_dir_event_notification')
  const looking = step(leaderElectionMachine, start, znode('deleted', '/brokers/ids/2'))[0]
  for (const before of [start, looking]) {
    const [snapshot, commands] = step(leaderElectionMachine, before, notice)
    expect([snapshot.value, commands]).toEqual([before.value, [{ type: 'zk.readLogDirEvents' }]])
  }
})

test('a broker whose log directory failed is asked which of its replicas are no more', () => {
  const view = cluster([1, 2, 3], {
    orders: [led(1, [1, 2, 3]), row([2, 3], leadership(2, [2, 3]))],
  })
  const [snapshot, orders] = step(leaderElectionMachine, settled(view), {
    type: 'logDirs.failed',
    brokers: [1, 9],
  })
  expect(snapshot.value).toBe('announcing')
  expect(told(orders).filter(order => Array.isArray(order) && order[0] === 'lisr')).toEqual([
    ['lisr', 1, [0, 1, [1, 2, 3], 0]],
  ])
})

test('a broker whose queue overflowed is told everything anew; one that is gone is not', () => {
  const start = settled(three(led(1, [1, 2, 3])))
  const [snapshot, orders] = step(leaderElectionMachine, start, {
    type: 'orders.dropped',
    brokerId: 2,
  })
  expect(snapshot.value).toBe('announcing')
  expect(told(orders)).toContainEqual(['lisr', 2, [0, 1, [1, 2, 3], 0]])
  const gone = step(leaderElectionMachine, start, { type: 'orders.dropped', brokerId: 9 })
  expect([isSettled(gone[0]), gone[1]]).toEqual([true, []])
})

test('watches on other znodes tell nothing here', () => {
  const start = settled(three(led(1, [1, 2, 3])))
  for (const fact of [
    znode('deleted', '/brokers/topics/orders'),
    znode('deleted', '/brokers/ids/x'),
    znode('changed', '/config/topics/orders'),
    znode('childrenChanged', '/config/changes'),
    znode('created', '/brokers/ids/2'),
  ]) {
    const [snapshot, commands] = step(leaderElectionMachine, start, fact)
    expect([isSettled(snapshot), commands]).toEqual([true, []])
    const [busy] = steps(leaderElectionMachine, start, znode('deleted', '/brokers/ids/2'), fact)
    expect(busy.context.pending).toEqual([])
  }
})

test('every kind of work waits in order while another is under way', () => {
  const [busy] = steps(
    leaderElectionMachine,
    settled(three(led(1, [1, 2, 3]))),
    znode('deleted', '/brokers/ids/2'),
    { type: 'rebalance.requested' },
    { type: 'rebalance.requested' },
    znode('changed', '/brokers/topics/orders'),
    znode('childrenChanged', '/admin/delete_topics'),
    { type: 'replicas.failed', brokerId: 1, partitions: ['orders-0'] },
    { type: 'replicas.recovered', brokerId: 1, partitions: ['orders-0'] },
    { type: 'uncleanElection.allowed', topic: null },
    { type: 'logDirs.failed', brokers: [1] },
    { type: 'orders.dropped', brokerId: 1 },
    { type: 'controlledShutdown.received', request: 1, brokerId: 1, brokerEpoch: -1 },
    electionAsked('preferred', null),
    { type: 'topic.erased', topic: 'orders', topicId: 'orders-id' },
  )
  expect(busy.context.pending.map(work => work.kind)).toEqual([
    'erasure',
    'rebalance',
    'topics',
    'deletions',
    'diskFailure',
    'diskRecovery',
    'uncleanElection',
    'inquiry',
    'startup',
    'shutdown',
    'election',
    'topics',
  ])
})

test('an answer that nobody waits for is refused', () => {
  const start = settled(three(led(2, [1, 2, 3])))
  const way = [
    znode('deleted', '/brokers/ids/2'),
    ...brokersRead(1, 3),
    statesRead([0, leadership(2, [1, 2, 3])]),
    committed,
  ]
  const answers: LeaderElectionFact[] = [
    listed(1),
    read(broker(1)),
    { type: 'topics.read', topics: [], listed: null },
    { type: 'deletions.read', topics: [] },
    statesRead(),
    committed,
    badVersion(0),
    queued,
  ]
  const legal = [
    '',
    'brokers.listed',
    'brokers.read',
    'states.read',
    'zk.committed zk.badVersion',
    'orders.queued',
  ]
  for (const [length, names] of legal.entries()) {
    const [snapshot] = steps(leaderElectionMachine, start, ...way.slice(0, length))
    for (const answer of answers)
      if (!names.split(' ').includes(answer.type))
        expect(
          () => step(leaderElectionMachine, snapshot, answer),
          `${JSON.stringify(snapshot.value)} ${answer.type}`,
        ).toThrow(RefusedFact)
  }
})

test('the context is plain JSON', () => {
  const [snapshot] = steps(
    leaderElectionMachine,
    settled(three(led(2, [1, 2, 3]))),
    znode('deleted', '/brokers/ids/2'),
    ...brokersRead(1, 3),
  )
  expect(JSON.parse(JSON.stringify(snapshot.context))).toEqual(snapshot.context)
})
