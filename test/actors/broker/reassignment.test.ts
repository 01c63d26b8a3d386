/** Replicas that move to other brokers, by request and by znode, whatever happens meanwhile. */
import { expect, test } from 'vitest'
import { errors } from '../../../src/error.ts'
import {
  AlterPartitionReassignments,
  CreatePartitions,
  CreateTopics,
  DeleteTopics,
  ListPartitionReassignments,
} from '../../../src/protocol/index.ts'
import { DeleteTopicsZNode, ReassignPartitionsZNode } from '../../../src/zookeeper/paths.ts'
import { WholeCluster } from './whole-cluster.ts'

/** Four brokers, and the topic orders on some of them. */
async function started(
  assignments: readonly (readonly number[])[] = [[1, 2]],
): Promise<WholeCluster> {
  const it = await WholeCluster.start({ brokers: 4 })
  const answer = await it.ask(it.controllerId, CreateTopics, {
    topics: [
      {
        name: 'orders',
        numPartitions: -1,
        replicationFactor: -1,
        assignments: assignments.map((brokerIds, partitionIndex) => ({
          partitionIndex,
          brokerIds,
        })),
        configs: [],
      },
    ],
    timeoutMs: 10_000,
  })
  expect(answer.topics[0]?.errorCode).toBe(errors.NONE)
  return it
}

/** Asks for replicas; its error code. */
async function move(
  it: WholeCluster,
  replicas: readonly number[] | null,
  of = { topic: 'orders', partition: 0 },
): Promise<number> {
  const answer = await it.ask(it.controllerId, AlterPartitionReassignments, {
    timeoutMs: 10_000,
    topics: [{ name: of.topic, partitions: [{ partitionIndex: of.partition, replicas }] }],
  })
  return answer.errorCode || (answer.responses[0]?.partitions[0]?.errorCode ?? -1)
}

/** As tools before Kafka 2.4 asked. */
const moveByZnode = (it: WholeCluster, replicas: readonly number[], topic = 'orders') =>
  it.answer(
    it.zookeeper.create(
      ReassignPartitionsZNode.path,
      ReassignPartitionsZNode.encode([{ topic, partition: 0, replicas }]),
    ),
  )

const listed = async (it: WholeCluster): Promise<unknown[]> => {
  const answer = await it.ask(it.controllerId, ListPartitionReassignments, {
    timeoutMs: 10_000,
    topics: null,
  })
  return answer.topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, replicas, addingReplicas, removingReplicas }) => [
      `${name}-${partitionIndex}`,
      replicas,
      addingReplicas,
      removingReplicas,
    ]),
  )
}

const orders = (it: WholeCluster, partition = 0) =>
  it.cluster
    .state()
    .partitions.find(found => found.topic === 'orders' && found.partition === partition)

const has = (it: WholeCluster, broker: number): boolean =>
  it.world(broker).partitions.get('orders', 0) !== undefined

/** Until its replicas are these, all in sync and led by one of them, and the znode says nothing else. */
async function moved(it: WholeCluster, replicas: readonly number[]): Promise<void> {
  const isMoved = (): boolean => {
    const found = orders(it)
    return (
      String(found?.replicas) === String(replicas) &&
      String([...(found?.isr ?? [])].sort()) === String([...replicas].sort()) &&
      replicas.includes(found?.leader ?? -1)
    )
  }
  await it.until(isMoved, `orders on ${replicas}`)
  while ((await listed(it)).length > 0) await it.cluster.advance(10)
  const { partitions, adding_replicas, removing_replicas, version } = (await it.znode(
    '/brokers/topics/orders',
  )) as Record<string, unknown>
  expect({ partitions, adding_replicas, removing_replicas, version }).toEqual({
    partitions: expect.objectContaining({ 0: replicas }),
    adding_replicas: {},
    removing_replicas: {},
    version: 3,
  })
}

async function produce(it: WholeCluster, count: number): Promise<void> {
  const producer = it.cluster.producer(`writer-${it.cluster.trace.kept.length}`)
  for (let n = 0; n < count; n++) await producer.send({ topic: 'orders', partition: 0, value: '.' })
  await producer.close()
}

const logEnd = (it: WholeCluster, broker: number) =>
  it.world(broker).partitions.get('orders', 0)?.log.logEndOffset

const failures = (it: WholeCluster) => it.cluster.trace.kept.filter(({ type }) => type === 'failed')

test('replicas move: new ones catch up, one of them leads, the logs of the old ones are deleted', async () => {
  await using it = await started()
  await produce(it, 20)
  expect(await move(it, [3, 4])).toBe(errors.NONE)
  expect(await listed(it)).toEqual([['orders-0', [3, 4, 1, 2], [3, 4], [1, 2]]])
  await moved(it, [3, 4])
  expect(orders(it)?.leader).toBe(3)
  await it.until(() => !has(it, 1) && !has(it, 2), 'the old replicas deleted')
  await produce(it, 5)
  expect([logEnd(it, 3), logEnd(it, 4)]).toEqual([25, 25])
  const path = `broker-${it.controllerId}/controller/reassignment/orders-0`
  expect(it.states(path)).toEqual(['adding', 'catchingUp', 'switching', 'removing', 'completed'])
  expect(failures(it)).toEqual([])
})

test('the ISR has no stranger at any time, and every leader epoch one leader', async () => {
  await using it = await started()
  const wrong: unknown[] = []
  it.cluster.trace.entries.subscribe(({ kind, type, detail }) => {
    if (kind !== 'command' || type !== 'leaderAndIsr.send') return
    const { partitions } = detail as { partitions: { isr: number[]; replicas: number[] }[] }
    for (const one of partitions)
      if (!one.isr.every(id => one.replicas.includes(id))) wrong.push(one)
  })
  expect(await move(it, [2, 3])).toBe(errors.NONE)
  await moved(it, [2, 3])
  expect(await move(it, [1])).toBe(errors.NONE)
  await moved(it, [1])
  expect(wrong).toEqual([])
})

test('a new replica is told that it is new, the others are not', async () => {
  await using it = await started()
  expect(await move(it, [2, 3])).toBe(errors.NONE)
  await moved(it, [2, 3])
  const told = it.cluster.trace.kept
    .filter(({ kind, type }) => kind === 'command' && type === 'leaderAndIsr.send')
    .flatMap(({ detail }) => {
      // reason: the trace keeps commands as they are.
      const order = detail as never as {
        brokerId: number
        partitions: { isNew: boolean; leaderEpoch: number; addingReplicas: number[] }[]
      }
      return order.partitions
        .filter(({ addingReplicas }) => addingReplicas.length > 0)
        .map(({ isNew }) => [order.brokerId, isNew])
    })
  expect(told).toEqual([
    [1, false],
    [2, false],
    [3, true],
  ])
})

test('another order of the same replicas is written at once; the preferred leader is another then', async () => {
  await using it = await started()
  expect(await move(it, [2, 1])).toBe(errors.NONE)
  await it.until(() => String(orders(it)?.replicas) === '2,1', 'another order')
  expect(orders(it)?.leader).toBe(1)
  expect(has(it, 1) && has(it, 2)).toBe(true)
})

test('more replicas, and fewer', async () => {
  await using it = await started([[1]])
  await produce(it, 3)
  expect(await move(it, [1, 2, 3])).toBe(errors.NONE)
  await moved(it, [1, 2, 3])
  expect(await move(it, [3])).toBe(errors.NONE)
  await moved(it, [3])
  expect(logEnd(it, 3)).toBe(3)
  await it.until(() => !has(it, 1) && !has(it, 2), 'the others deleted')
})

test('what cannot be is refused', async () => {
  await using it = await started()
  it.cluster.broker(4).kill()
  await it.until(() => it.world(it.controllerId).metadata.broker(4) === undefined, 'a dead broker')
  expect(await move(it, [])).toBe(errors.INVALID_REPLICA_ASSIGNMENT)
  expect(await move(it, [1, 1])).toBe(errors.INVALID_REPLICA_ASSIGNMENT)
  expect(await move(it, [-1])).toBe(errors.INVALID_REPLICA_ASSIGNMENT)
  expect(await move(it, [1, 4])).toBe(errors.INVALID_REPLICA_ASSIGNMENT)
  expect(await move(it, null)).toBe(errors.NO_REASSIGNMENT_IN_PROGRESS)
  expect(await move(it, [1], { topic: 'none', partition: 0 })).toBe(
    errors.UNKNOWN_TOPIC_OR_PARTITION,
  )
  expect(await move(it, [1], { topic: 'orders', partition: 7 })).toBe(
    errors.UNKNOWN_TOPIC_OR_PARTITION,
  )
  const asked = { timeoutMs: 1000, topics: [] }
  expect(await it.ask(it.bystander, AlterPartitionReassignments, asked)).toMatchObject({
    errorCode: errors.NOT_CONTROLLER,
  })
  expect(await it.ask(it.bystander, ListPartitionReassignments, asked)).toMatchObject({
    errorCode: errors.NOT_CONTROLLER,
  })
  expect(await listed(it)).toEqual([])
})

test('cancelled, the replicas stay where they were, and what was copied is deleted', async () => {
  await using it = await started([[1, 2]])
  await produce(it, 5)
  it.cluster.broker(4).pause()
  expect(await move(it, [3, 4])).toBe(errors.NONE)
  await it.until(() => orders(it)?.isr.includes(3) === true, 'one of two caught up')
  expect(await move(it, null)).toBe(errors.NONE)
  expect(await listed(it)).toEqual([])
  await moved(it, [1, 2])
  await it.until(() => !has(it, 3), 'the copy deleted')
  it.cluster.broker(4).resume()
  await produce(it, 5)
  expect(failures(it)).toEqual([])
})

test('another target takes the place of the first', async () => {
  await using it = await started([[1, 2]])
  it.cluster.broker(4).pause()
  expect(await move(it, [4, 1])).toBe(errors.NONE)
  expect(await move(it, [3, 2])).toBe(errors.NONE)
  expect(await listed(it)).toEqual([['orders-0', [3, 2, 1], [3], [1]]])
  await moved(it, [3, 2])
  it.cluster.broker(4).resume()
  await it.until(() => !has(it, 4), 'the first target deleted')
})

test('a target that dies is waited for, and the rest goes on without it', async () => {
  await using it = await started([[1, 2]])
  it.cluster.broker(4).pause()
  expect(await move(it, [3, 4])).toBe(errors.NONE)
  it.cluster.broker(4).kill()
  await it.until(() => it.world(it.controllerId).metadata.broker(4) === undefined, 'a dead target')
  await produce(it, 10)
  expect(await listed(it)).toEqual([['orders-0', [3, 4, 1, 2], [3, 4], [1, 2]]])
  await it.cluster.broker(4).restart()
  await moved(it, [3, 4])
  expect([logEnd(it, 3), logEnd(it, 4)]).toEqual([10, 10])
})

test('the next controller takes it up where it stands', async () => {
  await using it = await started([[1, 2]])
  it.cluster.broker(4).pause()
  expect(await move(it, [3, 4])).toBe(errors.NONE)
  await it.answer(it.zookeeper.delete('/controller'))
  while ((await it.znode('/controller_epoch')) !== 2 || it.controllerId === -1)
    await it.cluster.advance(10)
  expect(await listed(it)).toEqual([['orders-0', [3, 4, 1, 2], [3, 4], [1, 2]]])
  it.cluster.broker(4).resume()
  await moved(it, [3, 4])
  await it.until(() => !has(it, 1) && !has(it, 2), 'the old replicas deleted')
})

test('controllers that come and go all the time do no harm', async () => {
  await using it = await started([[1, 2]])
  await produce(it, 5)
  expect(await move(it, [3, 4])).toBe(errors.NONE)
  for (let n = 0; n < 30; n++) {
    it.zookeeper.delete('/controller').subscribe({ error: () => {} })
    await it.cluster.advance(n)
  }
  await it.until(() => it.controllerId !== -1, 'a controller')
  await moved(it, [3, 4])
  expect([logEnd(it, 3), logEnd(it, 4)]).toEqual([5, 5])
  expect(failures(it)).toEqual([])
})

test('a topic to be deleted waits until its reassignment is over', async () => {
  await using it = await started([[1, 2]])
  it.cluster.broker(4).pause()
  expect(await move(it, [3, 4])).toBe(errors.NONE)
  const deleted = it.ask(it.controllerId, DeleteTopics, {
    topics: [{ name: 'orders', topicId: 'AAAAAAAAAAAAAAAAAAAAAA' }],
    timeoutMs: 20_000,
  })
  await it.cluster.advance(500)
  expect(await it.znode(DeleteTopicsZNode.topicPath('orders'))).toBe(null)
  expect(await move(it, null)).toBe(errors.UNKNOWN_TOPIC_OR_PARTITION)
  expect(orders(it)?.leader).toBe(1)
  it.cluster.broker(4).resume()
  expect((await deleted).responses[0]?.errorCode).toBe(errors.NONE)
  while ((await it.znode('/brokers/topics/orders')) !== undefined) await it.cluster.advance(10)
  for (const id of [1, 2, 3, 4]) expect(has(it, id)).toBe(false)
})

test('a topic that somebody removes by hand ends its reassignment', async () => {
  await using it = await started([[1, 2]])
  it.cluster.broker(4).pause()
  expect(await move(it, [3, 4])).toBe(errors.NONE)
  for (const path of ['/partitions/0/state', '/partitions/0', '/partitions', ''])
    await it.answer(it.zookeeper.delete(`/brokers/topics/orders${path}`))
  const path = `broker-${it.controllerId}/controller/reassignment/orders-0`
  await it.until(() => it.states(path).includes('abandoned'), 'its end')
  expect(await listed(it)).toEqual([])
  expect(failures(it)).toEqual([])
})

test('a topic on the move gets no partitions, and keeps those it is given by others', async () => {
  await using it = await started([[1, 2]])
  it.cluster.broker(4).pause()
  expect(await move(it, [3, 4])).toBe(errors.NONE)
  const answer = await it.ask(it.controllerId, CreatePartitions, {
    topics: [{ name: 'orders', count: 2, assignments: null }],
    timeoutMs: 1000,
    validateOnly: false,
  })
  expect(answer.results[0]?.errorCode).toBe(errors.REASSIGNMENT_IN_PROGRESS)
  const znode = (await it.znode('/brokers/topics/orders')) as { partitions: object }
  const more = { ...znode, partitions: { ...znode.partitions, 1: [1, 3] } }
  await it.answer(
    it.zookeeper.setData('/brokers/topics/orders', new TextEncoder().encode(JSON.stringify(more))),
  )
  await it.until(() => orders(it, 1)?.leader === 1, 'a second partition')
  it.cluster.broker(4).resume()
  await moved(it, [3, 4])
  expect(orders(it, 1)?.replicas).toEqual([1, 3])
})

test('the last replica in sync is not dropped with the target that it belongs to', async () => {
  await using it = await started([[1]])
  await produce(it, 5)
  it.cluster.broker(4).pause()
  expect(await move(it, [3, 4])).toBe(errors.NONE)
  await it.until(() => orders(it)?.isr.includes(3) === true, 'a copy')
  it.cluster.broker(1).kill()
  await it.until(
    () => orders(it)?.leader === 3 && String(orders(it)?.isr) === '3',
    'the copy alone',
  )
  await produce(it, 5)
  expect(await move(it, null)).toBe(errors.NONE)
  expect(await listed(it)).toEqual([['orders-0', [1, 3], [], [3]]])
  await it.cluster.broker(1).restart()
  await moved(it, [1])
  expect(logEnd(it, 1)).toBe(10)
  it.cluster.broker(4).resume()
})

test('asked by znode it is done and the znode goes; what cannot be is taken out', async () => {
  await using it = await started([[1, 2]])
  await moveByZnode(it, [3, 4])
  await moved(it, [3, 4])
  const isGone = async (): Promise<boolean> =>
    (await it.znode(ReassignPartitionsZNode.path)) === undefined
  while (!(await isGone())) await it.cluster.advance(10)
  await moveByZnode(it, [1], 'none')
  while (!(await isGone())) await it.cluster.advance(10)
  // The watch is there for the next one.
  await moveByZnode(it, [1, 2])
  await moved(it, [1, 2])
  while (!(await isGone())) await it.cluster.advance(10)
})

test('a znode written while there was no controller is seen by the next one', async () => {
  await using it = await started([[1, 2]])
  it.cluster.broker(it.controllerId).kill()
  await moveByZnode(it, [
    2,
    it.cluster.brokers.find(({ id }) => id > 2 && it.controllerId !== id)?.id ?? 3,
  ])
  await it.until(() => it.controllerId !== -1, 'another controller')
  await it.until(
    () => (orders(it)?.replicas ?? []).length === 2 && orders(it)?.replicas[0] === 2,
    'a move',
  )
  while ((await it.znode(ReassignPartitionsZNode.path)) !== undefined) await it.cluster.advance(10)
})
