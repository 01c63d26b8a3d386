import { expect, test } from 'vitest'
import {
  DescribeLogDirs,
  DescribeProducers,
  ElectLeaders,
  InitProducerId,
  Produce,
} from '../../src/protocol/index.ts'
import { encodeBatch } from '../../src/records/record.ts'
import { clusterUnderTest, unique } from './cluster-under-test.ts'
import { told, toldByVersion } from './told.ts'

const cluster = clusterUnderTest()

const elect = async (
  topicPartitions: readonly { topic: string; partitions: readonly number[] }[] | null,
  options: { version?: number; electionType?: number; brokerId?: number } = {},
) => {
  const { version = 2, electionType = 0, brokerId } = options
  const body = { topicPartitions, timeoutMs: 10_000, ...(version >= 1 ? { electionType } : {}) }
  return brokerId === undefined
    ? cluster.askController(ElectLeaders, version, body)
    : cluster.ask(brokerId, ElectLeaders, version, body)
}

test('an election that is not needed, in every version', async () => {
  const topic = await cluster.createTopic('led', [[1, 2]])
  expect(
    await toldByVersion([0, 2], version => elect([{ topic, partitions: [0] }], { version })),
  ).toMatchInlineSnapshot(`
    v0–v2
    errorCode: NONE
    replicaElectionResults:
      - topic: led
        partitionResult:
          - partitionId: 0, errorCode: ELECTION_NOT_NEEDED
  `)
  expect(
    told(await elect([{ topic, partitions: [0] }], { electionType: 1 })),
  ).toMatchInlineSnapshot(`
    errorCode: NONE
    replicaElectionResults:
      - topic: led
        partitionResult:
          - partitionId: 0, errorCode: ELECTION_NOT_NEEDED
  `)
})

test('elections of what there is not', async () => {
  const topic = await cluster.createTopic('led')
  expect(told(await elect([{ topic, partitions: [1] }]))).toMatchInlineSnapshot(`
    errorCode: NONE
    replicaElectionResults:
      - topic: led
        partitionResult:
          - partitionId: 1, errorCode: UNKNOWN_TOPIC_OR_PARTITION
  `)
  expect(told(await elect([{ topic: unique('none'), partitions: [0] }]))).toMatchInlineSnapshot(`
    errorCode: NONE
    replicaElectionResults:
      - topic: none
        partitionResult:
          - partitionId: 0, errorCode: UNKNOWN_TOPIC_OR_PARTITION
  `)
  expect(told(await elect([]))).toMatchInlineSnapshot(`errorCode: NONE, replicaElectionResults: []`)
  expect(told(await elect([{ topic, partitions: [0, 0] }]))).toMatchInlineSnapshot(`
    errorCode: NONE
    replicaElectionResults:
      - topic: led
        partitionResult:
          - partitionId: 0, errorCode: ELECTION_NOT_NEEDED
  `)
})

test('an election of a type that there is not', async () => {
  const topic = await cluster.createTopic('led')
  const answer = await elect([{ topic, partitions: [0] }], { electionType: 7 }).then(told, error =>
    told(String(error)),
  )
  expect(answer).toMatchInlineSnapshot(`
    errorCode: UNKNOWN_SERVER_ERROR
    replicaElectionResults:
      - topic: led
        partitionResult:
          - partitionId: 0, errorCode: UNKNOWN_SERVER_ERROR
  `)
})

test('elections for all, of which none is needed', async () => {
  expect(told(await elect(null))).toMatchInlineSnapshot(
    `errorCode: NONE, replicaElectionResults: []`,
  )
})

test('elections by another than the controller', async () => {
  const { controllerId } = await cluster.metadata([])
  const brokerId = controllerId === 1 ? 2 : 1
  const topic = await cluster.createTopic('led', [[1, 2]])
  expect(
    await toldByVersion([0, 2], version =>
      elect([{ topic, partitions: [0] }], { version, brokerId }),
    ),
  ).toMatchInlineSnapshot(`
    v0–v2
    errorCode: NONE
    replicaElectionResults:
      - topic: led
        partitionResult:
          - partitionId: 0, errorCode: NOT_CONTROLLER
  `)
})

test('log directories in every version', async () => {
  const topic = await cluster.createTopic('logged', [[1]])
  const answer = await toldByVersion([0, 4], async version => {
    const { results, ...rest } = await cluster.ask(1, DescribeLogDirs, version, {
      topics: [{ topic, partitions: [0, 1] }],
    })
    return {
      ...rest,
      results: results.map(({ logDir, totalBytes: _, usableBytes: __, ...it }) => ({
        ...it,
        logDir: logDir.startsWith('/'),
      })),
    }
  })
  expect(answer).toMatchInlineSnapshot(`
    v0–v4
    errorCode: NONE
    results:
      - errorCode: NONE, logDir: true
        topics:
          - name: logged
            partitions:
              - partitionIndex: 0, partitionSize: 0, offsetLag: 0, isFutureKey: false
  `)
})

test('log directories of what is not there, and of all', async () => {
  const topic = await cluster.createTopic('logged', [[2]])
  const ask = async (topics: readonly { topic: string; partitions: number[] }[] | null) => {
    const { results, errorCode } = await cluster.ask(1, DescribeLogDirs, 3, { topics })
    return {
      errorCode,
      results: results.map(it => ({
        errorCode: it.errorCode,
        topics: it.topics.filter(({ name }) => name === topic || topics !== null),
      })),
    }
  }
  expect(told(await ask([{ topic, partitions: [0] }]))).toMatchInlineSnapshot(`
    errorCode: NONE
    results:
      - errorCode: NONE, topics: []
  `)
  expect(told(await ask([]))).toMatchInlineSnapshot(`
    errorCode: NONE
    results:
      - errorCode: NONE, topics: []
  `)
  expect(told(await ask(null))).toMatchInlineSnapshot(`
    errorCode: NONE
    results:
      - errorCode: NONE, topics: []
  `)
})

test('producers of a partition', async () => {
  const topic = await cluster.createTopic('produced', [[1]])
  const { producerId, producerEpoch } = await cluster.ask(1, InitProducerId, 4, {
    transactionalId: null,
    transactionTimeoutMs: 60_000,
  })
  const records = encodeBatch({
    records: [{ value: new Uint8Array(3) }, { value: new Uint8Array(3) }],
    timestampMs: Date.now(),
    producerId,
    producerEpoch,
    baseSequence: 0,
  })
  await cluster.ask(1, Produce, 9, {
    acks: -1,
    timeoutMs: 5000,
    topicData: [{ name: topic, partitionData: [{ index: 0, records }] }],
  })
  const ask = (brokerId: number, name: string, partitionIndexes: number[]) =>
    cluster.ask(brokerId, DescribeProducers, 0, { topics: [{ name, partitionIndexes }] })
  const { topics } = await ask(1, topic, [0])
  const active = topics[0]?.partitions[0]?.activeProducers.map(it => ({
    ...it,
    producerId: it.producerId - producerId,
  }))
  expect(told(active)).toMatchInlineSnapshot(
    `- producerId: 0, producerEpoch: 0, lastSequence: 1, lastTimestamp: <now>, coordinatorEpoch: -1, currentTxnStartOffset: -1`,
  )
  expect(told(await ask(2, topic, [0, 1]))).toMatchInlineSnapshot(`
    topics:
      - name: produced
        partitions:
          - partitionIndex: 0, errorCode: NOT_LEADER_OR_FOLLOWER, activeProducers: []
          - partitionIndex: 1, errorCode: UNKNOWN_TOPIC_OR_PARTITION, activeProducers: []
  `)
  expect(told(await ask(1, unique('none'), [0]))).toMatchInlineSnapshot(`
    topics:
      - name: none
        partitions:
          - partitionIndex: 0, errorCode: UNKNOWN_TOPIC_OR_PARTITION, activeProducers: []
  `)
  expect(told(await ask(1, 'a/b', [0]))).toMatchInlineSnapshot(`
    topics:
      - name: a/b
        partitions:
          - partitionIndex: 0, errorCode: INVALID_TOPIC_EXCEPTION, activeProducers: []
  `)
})
