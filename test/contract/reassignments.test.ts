import { expect, test } from 'vitest'
import {
  AlterPartitionReassignments,
  DeleteTopics,
  ListPartitionReassignments,
} from '../../src/protocol/index.ts'
import { clusterUnderTest, sleep, unique } from './cluster-under-test.ts'
import { told } from './told.ts'

const cluster = clusterUnderTest()

type Moves = readonly (readonly [partition: number, replicas: readonly number[] | null])[]

const alter = (topic: string, moves: Moves, brokerId?: number) => {
  const body = {
    timeoutMs: 10_000,
    topics: [
      {
        name: topic,
        partitions: moves.map(([partitionIndex, replicas]) => ({ partitionIndex, replicas })),
      },
    ],
  }
  return brokerId === undefined
    ? cluster.askController(AlterPartitionReassignments, 0, body)
    : cluster.ask(brokerId, AlterPartitionReassignments, 0, body)
}

const list = (topics: readonly { name: string; partitionIndexes: readonly number[] }[] | null) =>
  cluster.askController(ListPartitionReassignments, 0, { timeoutMs: 10_000, topics })

/** The replicas of partition 0, when nothing moves any more: the assignment is written last, and told after that. */
async function settled(topic: string, replicas: readonly number[]): Promise<unknown> {
  for (;;) {
    const { topics } = await list([{ name: topic, partitionIndexes: [0] }])
    const answer = await cluster.metadata([topic])
    const [found] = answer.topics[0]?.partitions ?? []
    const isThere = String(found?.replicaNodes) === String(replicas)
    if (topics.length === 0 && isThere && found?.isrNodes.length === replicas.length)
      return {
        leader: found.leaderId,
        replicas: found.replicaNodes,
        isr: [...found.isrNodes].sort(),
      }
    await sleep(50)
  }
}

const broker = async (isController: boolean): Promise<number> => {
  const { controllerId } = await cluster.metadata([])
  return isController ? controllerId : (controllerId % 3) + 1
}

test('replicas move to other brokers', async () => {
  const topic = await cluster.createTopic('moving', [[1]])
  expect(told(await alter(topic, [[0, [2, 3]]]))).toMatchInlineSnapshot(`
    errorCode: NONE, errorMessage: some
    responses:
      - name: moving
        partitions:
          - partitionIndex: 0, errorCode: NONE, errorMessage: null
  `)
  expect(told(await settled(topic, [2, 3]))).toMatchInlineSnapshot(
    `leader: 2, replicas: [2, 3], isr: [2, 3]`,
  )
  expect(told(await alter(topic, [[0, [1]]]))).toMatchInlineSnapshot(`
    errorCode: NONE, errorMessage: some
    responses:
      - name: moving
        partitions:
          - partitionIndex: 0, errorCode: NONE, errorMessage: null
  `)
  expect(told(await settled(topic, [1]))).toMatchInlineSnapshot(
    `leader: 1, replicas: [1], isr: [1]`,
  )
})

test('another order is written, and the leader stays', async () => {
  const topic = await cluster.createTopic('ordered', [[1, 2, 3]])
  expect(told(await alter(topic, [[0, [3, 2, 1]]]))).toMatchInlineSnapshot(`
    errorCode: NONE, errorMessage: some
    responses:
      - name: ordered
        partitions:
          - partitionIndex: 0, errorCode: NONE, errorMessage: null
  `)
  expect(told(await settled(topic, [3, 2, 1]))).toMatchInlineSnapshot(
    `leader: 1, replicas: [3, 2, 1], isr: [1, 2, 3]`,
  )
})

test('the replicas as they are: there is nothing to do', async () => {
  const topic = await cluster.createTopic('still', [[1, 2]])
  expect(told(await alter(topic, [[0, [1, 2]]]))).toMatchInlineSnapshot(`
    errorCode: NONE, errorMessage: some
    responses:
      - name: still
        partitions:
          - partitionIndex: 0, errorCode: NONE, errorMessage: null
  `)
  expect(told(await settled(topic, [1, 2]))).toMatchInlineSnapshot(
    `leader: 1, replicas: [1, 2], isr: [1, 2]`,
  )
})

test('what cannot be is refused, partition by partition', async () => {
  const topic = await cluster.createTopic('refused', [[1], [1], [1], [1], [1], [1]])
  const wrong: Moves = [
    [0, []],
    [1, [1, 1]],
    [2, [-1]],
    [3, [1, 9]],
    [4, null],
    [6, [1]],
    [7, [9]],
    [8, null],
  ]
  const answers = []
  for (const [partition, replicas] of wrong) {
    const { responses } = await alter(topic, [[partition, replicas]])
    const [of] = responses[0]?.partitions ?? []
    answers.push({ partition, replicas: String(replicas), errorCode: of?.errorCode })
  }
  expect(told({ answers })).toMatchInlineSnapshot(`
    answers:
      - partition: 0, replicas: '', errorCode: INVALID_REPLICA_ASSIGNMENT
      - partition: 1, replicas: 1,1, errorCode: INVALID_REPLICA_ASSIGNMENT
      - partition: 2, replicas: -1, errorCode: INVALID_REPLICA_ASSIGNMENT
      - partition: 3, replicas: 1,9, errorCode: INVALID_REPLICA_ASSIGNMENT
      - partition: 4, replicas: null, errorCode: NO_REASSIGNMENT_IN_PROGRESS
      - partition: 6, replicas: 1, errorCode: UNKNOWN_TOPIC_OR_PARTITION
      - partition: 7, replicas: 9, errorCode: INVALID_REPLICA_ASSIGNMENT
      - partition: 8, replicas: null, errorCode: NO_REASSIGNMENT_IN_PROGRESS
  `)
})

test('a topic that there is not', async () => {
  const topic = unique('none')
  expect(told(await alter(topic, [[0, [1]]]))).toMatchInlineSnapshot(`
    errorCode: NONE, errorMessage: some
    responses:
      - name: none
        partitions:
          - partitionIndex: 0, errorCode: UNKNOWN_TOPIC_OR_PARTITION
  `)
  expect(told(await alter(topic, [[0, null]]))).toMatchInlineSnapshot(`
    errorCode: NONE, errorMessage: some
    responses:
      - name: none
        partitions:
          - partitionIndex: 0, errorCode: NO_REASSIGNMENT_IN_PROGRESS
  `)
  expect(told(await list([{ name: topic, partitionIndexes: [0] }]))).toMatchInlineSnapshot(
    `errorCode: NONE, errorMessage: some, topics: []`,
  )
})

test('nothing asked for, nothing under way', async () => {
  expect(
    told(
      await cluster.askController(AlterPartitionReassignments, 0, { timeoutMs: 1000, topics: [] }),
    ),
  ).toMatchInlineSnapshot(`errorCode: NONE, errorMessage: some, responses: []`)
  expect(told(await list([]))).toMatchInlineSnapshot(
    `errorCode: NONE, errorMessage: some, topics: []`,
  )
})

test('only the controller is to be asked', async () => {
  const topic = await cluster.createTopic('elsewhere')
  const bystander = await broker(false)
  expect(told(await alter(topic, [[0, [1]]], bystander))).toMatchInlineSnapshot(
    `errorCode: NOT_CONTROLLER, responses: []`,
  )
  expect(
    told(
      await cluster.ask(bystander, ListPartitionReassignments, 0, {
        timeoutMs: 1000,
        topics: null,
      }),
    ),
  ).toMatchInlineSnapshot(`errorCode: NOT_CONTROLLER, topics: []`)
})

test('a topic that has moved can be deleted', async () => {
  const topic = await cluster.createTopic('gone', [[1, 2]])
  await alter(topic, [[0, [3]]])
  await settled(topic, [3])
  const answer = await cluster.askController(DeleteTopics, 5, {
    topicNames: [topic],
    timeoutMs: 10_000,
  })
  expect(told(answer)).toMatchInlineSnapshot(`
    responses:
      - name: gone, topicId: none, errorCode: NONE, errorMessage: null
  `)
})
