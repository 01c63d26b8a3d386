import { beforeAll, expect, test } from 'vitest'
import { noUuid } from '../../src/ids.ts'
import {
  Fetch,
  ListOffsets,
  OffsetForLeaderEpoch,
  Produce,
  type RequestDraftOf,
} from '../../src/protocol/index.ts'
import { encodeBatch } from '../../src/records/record.ts'
import { clusterUnderTest, sleep, unique } from './cluster-under-test.ts'
import { told, toldByVersion } from './told.ts'

const cluster = clusterUnderTest()

const text = new TextEncoder()
let topic: string
let topicId: string
const timeMs = 1_700_000_000_000

/** Ten records, two a batch, a second between them, the last two of one time. */
beforeAll(async () => {
  topic = await cluster.createTopic('orders', [[1, 2]])
  topicId = (await cluster.metadata([topic])).topics[0]?.topicId ?? noUuid
  for (const at of [0, 2, 4, 6, 8]) {
    const records = encodeBatch({
      records: [at, at + 1].map(nth => ({
        timestamp: timeMs + Math.min(nth, 8) * 1000,
        value: text.encode(`value-${nth}`),
      })),
      timestampMs: timeMs + at * 1000,
    })
    const { responses } = await cluster.ask(1, Produce, 9, {
      transactionalId: null,
      acks: -1,
      timeoutMs: 5000,
      topicData: [{ name: topic, partitionData: [{ index: 0, records }] }],
    })
    expect(responses[0]?.partitionResponses[0]?.errorCode).toBe(0)
  }
  // The follower learns of the high watermark by its next fetch.
  for (;;) {
    const { responses } = await fetch({ brokerId: 2 })
    if (responses[0]?.partitions[0]?.highWatermark === 10) break
    await sleep(20)
  }
})

type Asked = RequestDraftOf<typeof Fetch>
type AskedPartition = Asked['topics'][number]['partitions'][number]

interface Options extends Partial<Asked> {
  readonly version?: number
  readonly brokerId?: number
  readonly partition?: Partial<AskedPartition>
  readonly name?: string
  readonly id?: string
}

const body = (options: Options = {}): Asked => {
  const { version = 12, partition, name = topic, id = topicId, brokerId: _, ...more } = options
  return {
    ...(version <= 14 ? { replicaId: -1 } : {}),
    maxWaitMs: 0,
    minBytes: 1,
    ...(version >= 3 ? { maxBytes: 1_000_000 } : {}),
    ...(version >= 4 ? { isolationLevel: 0 } : {}),
    ...(version >= 7 ? { sessionId: 0, sessionEpoch: -1, forgottenTopicsData: [] } : {}),
    topics: [
      {
        ...(version >= 13 ? { topicId: id } : { topic: name }),
        partitions: [
          {
            partition: 0,
            fetchOffset: 0,
            partitionMaxBytes: 1_000_000,
            ...partition,
          },
        ],
      },
    ],
    ...(version >= 11 ? { rackId: '' } : {}),
    ...more,
  } as Asked
}

const fetch = (options: Options = {}) =>
  cluster.ask(options.brokerId ?? 1, Fetch, options.version ?? 12, body(options))

test('records in every version', async () => {
  expect(await toldByVersion([4, 17], version => fetch({ version }))).toMatchInlineSnapshot(`
    v4
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: orders, topicId: none
        partitions:
          - partitionIndex: 0, errorCode: NONE, highWatermark: 10, lastStableOffset: 10, logStartOffset: -1, abortedTransactions: null, preferredReadReplica: -1, records: 449 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
    v5–v12
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: orders, topicId: none
        partitions:
          - partitionIndex: 0, errorCode: NONE, highWatermark: 10, lastStableOffset: 10, logStartOffset: 0, abortedTransactions: null, preferredReadReplica: -1, records: 449 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
    v13–v17
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: '', topicId: <uuid>
        partitions:
          - partitionIndex: 0, errorCode: NONE, highWatermark: 10, lastStableOffset: 10, logStartOffset: 0, abortedTransactions: null, preferredReadReplica: -1, records: 449 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
})

test('from an offset inside a batch comes the batch', async () => {
  expect(told(await fetch({ partition: { fetchOffset: 9 } }))).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: orders, topicId: none
        partitions:
          - partitionIndex: 0, errorCode: NONE, highWatermark: 10, lastStableOffset: 10, logStartOffset: 0, abortedTransactions: null, preferredReadReplica: -1, records: 89 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
})

test('at the end there is nothing, beyond it and before the beginning an error', async () => {
  expect(told(await fetch({ partition: { fetchOffset: 10 } }))).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: orders, topicId: none
        partitions:
          - partitionIndex: 0, errorCode: NONE, highWatermark: 10, lastStableOffset: 10, logStartOffset: 0, abortedTransactions: null, preferredReadReplica: -1, records: 0 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
  expect(told(await fetch({ partition: { fetchOffset: 11 } }))).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: orders, topicId: none
        partitions:
          - partitionIndex: 0, errorCode: OFFSET_OUT_OF_RANGE, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, abortedTransactions: null, preferredReadReplica: -1, records: 0 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
  expect(told(await fetch({ partition: { fetchOffset: -1 } }))).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: orders, topicId: none
        partitions:
          - partitionIndex: 0, errorCode: OFFSET_OUT_OF_RANGE, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, abortedTransactions: null, preferredReadReplica: -1, records: 0 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
})

test('what is not here', async () => {
  expect(told(await fetch({ partition: { partition: 1 } }))).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: orders, topicId: none
        partitions:
          - partitionIndex: 1, errorCode: UNKNOWN_TOPIC_OR_PARTITION, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, abortedTransactions: [], preferredReadReplica: -1, records: 0 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
  expect(told(await fetch({ name: unique('none') }))).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: none, topicId: none
        partitions:
          - partitionIndex: 0, errorCode: UNKNOWN_TOPIC_OR_PARTITION, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, abortedTransactions: [], preferredReadReplica: -1, records: 0 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
  expect(told(await fetch({ name: 'a/b' }))).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: a/b, topicId: none
        partitions:
          - partitionIndex: 0, errorCode: UNKNOWN_TOPIC_OR_PARTITION, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, abortedTransactions: [], preferredReadReplica: -1, records: 0 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
  expect(told(await fetch({ name: '' }))).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: '', topicId: none
        partitions:
          - partitionIndex: 0, errorCode: UNKNOWN_TOPIC_OR_PARTITION, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, abortedTransactions: [], preferredReadReplica: -1, records: 0 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
  expect(told(await fetch({ version: 13, id: 'AAAAAAAAAAAAAAAAAAAAAQ' }))).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: '', topicId: <uuid>
        partitions:
          - partitionIndex: 0, errorCode: UNKNOWN_TOPIC_ID, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, abortedTransactions: [], preferredReadReplica: -1, records: 0 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
  expect(told(await fetch({ version: 13, id: noUuid }))).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: '', topicId: none
        partitions:
          - partitionIndex: 0, errorCode: UNKNOWN_TOPIC_ID, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, abortedTransactions: [], preferredReadReplica: -1, records: 0 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
  expect(told(await fetch({ brokerId: 3 }))).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: orders, topicId: none
        partitions:
          - partitionIndex: 0, errorCode: NOT_LEADER_OR_FOLLOWER, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, abortedTransactions: null, preferredReadReplica: -1, records: 0 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
  expect(told(await fetch({ brokerId: 3, version: 16 }))).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: 0
    responses:
      - topic: '', topicId: <uuid>
        partitions:
          - partitionIndex: 0, errorCode: NOT_LEADER_OR_FOLLOWER, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, abortedTransactions: null, preferredReadReplica: -1, records: 0 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: 1, leaderEpoch: 0
            snapshotId:
              endOffset: -1, epoch: -1
    nodeEndpoints:
      - nodeId: 1, host: 127.0.0.1, port: <port>, rack: null
  `)
})

test('a follower serves consumers that understand it', async () => {
  expect(
    await toldByVersion([4, 17], version => fetch({ version, brokerId: 2 })),
  ).toMatchInlineSnapshot(`
    v4–v10
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: orders, topicId: none
        partitions:
          - partitionIndex: 0, errorCode: NOT_LEADER_OR_FOLLOWER, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, abortedTransactions: null, preferredReadReplica: -1, records: 0 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
    v11–v12
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: orders, topicId: none
        partitions:
          - partitionIndex: 0, errorCode: NONE, highWatermark: 10, lastStableOffset: 10, logStartOffset: 0, abortedTransactions: null, preferredReadReplica: -1, records: 449 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
    v13–v17
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: '', topicId: <uuid>
        partitions:
          - partitionIndex: 0, errorCode: NONE, highWatermark: 10, lastStableOffset: 10, logStartOffset: 0, abortedTransactions: null, preferredReadReplica: -1, records: 449 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
})

test('leader epochs', async () => {
  const at = (currentLeaderEpoch: number, brokerId = 1) =>
    fetch({ partition: { currentLeaderEpoch }, brokerId })
  expect(told(await at(0))).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: orders, topicId: none
        partitions:
          - partitionIndex: 0, errorCode: NONE, highWatermark: 10, lastStableOffset: 10, logStartOffset: 0, abortedTransactions: null, preferredReadReplica: -1, records: 449 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
  expect(told(await at(1))).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: orders, topicId: none
        partitions:
          - partitionIndex: 0, errorCode: UNKNOWN_LEADER_EPOCH, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, abortedTransactions: null, preferredReadReplica: -1, records: 0 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
  expect(told(await at(7, 2))).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: orders, topicId: none
        partitions:
          - partitionIndex: 0, errorCode: UNKNOWN_LEADER_EPOCH, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, abortedTransactions: null, preferredReadReplica: -1, records: 0 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
  expect(
    told(await fetch({ version: 16, partition: { currentLeaderEpoch: 5 } })),
  ).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: '', topicId: <uuid>
        partitions:
          - partitionIndex: 0, errorCode: UNKNOWN_LEADER_EPOCH, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, abortedTransactions: null, preferredReadReplica: -1, records: 0 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
  const diverging = (lastFetchedEpoch: number, fetchOffset = 10) =>
    fetch({ partition: { currentLeaderEpoch: 0, lastFetchedEpoch, fetchOffset } })
  expect(told(await diverging(0))).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: orders, topicId: none
        partitions:
          - partitionIndex: 0, errorCode: NONE, highWatermark: 10, lastStableOffset: 10, logStartOffset: 0, abortedTransactions: null, preferredReadReplica: -1, records: 0 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
  expect(told(await diverging(0, 20))).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: orders, topicId: none
        partitions:
          - partitionIndex: 0, errorCode: NONE, highWatermark: 10, lastStableOffset: 10, logStartOffset: 0, abortedTransactions: null, preferredReadReplica: -1, records: 0 bytes
            divergingEpoch:
              epoch: 0, endOffset: 10
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
  expect(told(await diverging(3))).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: orders, topicId: none
        partitions:
          - partitionIndex: 0, errorCode: OFFSET_OUT_OF_RANGE, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, abortedTransactions: null, preferredReadReplica: -1, records: 0 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
})

test('sizes', async () => {
  expect(told(await fetch({ partition: { partitionMaxBytes: 1 } }))).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: orders, topicId: none
        partitions:
          - partitionIndex: 0, errorCode: NONE, highWatermark: 10, lastStableOffset: 10, logStartOffset: 0, abortedTransactions: null, preferredReadReplica: -1, records: 90 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
  expect(told(await fetch({ partition: { partitionMaxBytes: 0 } }))).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: orders, topicId: none
        partitions:
          - partitionIndex: 0, errorCode: NONE, highWatermark: 10, lastStableOffset: 10, logStartOffset: 0, abortedTransactions: null, preferredReadReplica: -1, records: 90 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
  expect(told(await fetch({ maxBytes: 1 }))).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: orders, topicId: none
        partitions:
          - partitionIndex: 0, errorCode: NONE, highWatermark: 10, lastStableOffset: 10, logStartOffset: 0, abortedTransactions: null, preferredReadReplica: -1, records: 90 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
  expect(told(await fetch({ isolationLevel: 1 }))).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: 0, nodeEndpoints: []
    responses:
      - topic: orders, topicId: none
        partitions:
          - partitionIndex: 0, errorCode: NONE, highWatermark: 10, lastStableOffset: 10, logStartOffset: 0, abortedTransactions: [], preferredReadReplica: -1, records: 449 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
})

test('a wait for what does not come ends', async () => {
  // A broker of this process that was held up sees its time pass faster for a moment.
  let longestMs = 0
  for (let tries = 0; tries < 10 && longestMs < 280; tries++) {
    const before = performance.now()
    await fetch({ partition: { fetchOffset: 10 }, maxWaitMs: 300 })
    longestMs = Math.max(longestMs, performance.now() - before)
  }
  expect(longestMs).toBeGreaterThan(280)
})

test('sessions', async () => {
  const open = await fetch({ sessionId: 0, sessionEpoch: 0 })
  const { sessionId } = open
  expect(told({ ...open, sessionId: sessionId !== 0 })).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: true, nodeEndpoints: []
    responses:
      - topic: orders, topicId: none
        partitions:
          - partitionIndex: 0, errorCode: NONE, highWatermark: 10, lastStableOffset: 10, logStartOffset: 0, abortedTransactions: null, preferredReadReplica: -1, records: 449 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
  const next = async (sessionEpoch: number, topics: Asked['topics'] = []) => {
    const answer = await fetch({ sessionId, sessionEpoch, topics })
    return told({ ...answer, sessionId: answer.sessionId === sessionId })
  }
  expect(await next(1)).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: true, nodeEndpoints: []
    responses:
      - topic: orders, topicId: none
        partitions:
          - partitionIndex: 0, errorCode: NONE, highWatermark: 10, lastStableOffset: 10, logStartOffset: 0, abortedTransactions: null, preferredReadReplica: -1, records: 449 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
  expect(await next(3)).toMatchInlineSnapshot(
    `errorCode: INVALID_FETCH_SESSION_EPOCH, sessionId: false, responses: [], nodeEndpoints: []`,
  )
  expect(await next(2)).toMatchInlineSnapshot(`
    errorCode: NONE, sessionId: true, nodeEndpoints: []
    responses:
      - topic: orders, topicId: none
        partitions:
          - partitionIndex: 0, errorCode: NONE, highWatermark: 10, lastStableOffset: 10, logStartOffset: 0, abortedTransactions: null, preferredReadReplica: -1, records: 449 bytes
            divergingEpoch:
              epoch: -1, endOffset: -1
            currentLeader:
              leaderId: -1, leaderEpoch: -1
            snapshotId:
              endOffset: -1, epoch: -1
  `)
  expect(
    await next(3, [
      { topic, partitions: [{ partition: 0, fetchOffset: 10, partitionMaxBytes: 1000 }] },
    ] as unknown as Asked['topics']),
  ).toMatchInlineSnapshot(`errorCode: NONE, sessionId: true, responses: [], nodeEndpoints: []`)
  expect(await next(4)).toMatchInlineSnapshot(
    `errorCode: NONE, sessionId: true, responses: [], nodeEndpoints: []`,
  )
  expect(told(await fetch({ sessionId: 12_345, sessionEpoch: 1 }))).toMatchInlineSnapshot(
    `errorCode: FETCH_SESSION_ID_NOT_FOUND, sessionId: 0, responses: [], nodeEndpoints: []`,
  )
  expect(
    told(await fetch({ version: 13, sessionId, sessionEpoch: 5, topics: [] })),
  ).toMatchInlineSnapshot(
    `errorCode: FETCH_SESSION_TOPIC_ID_ERROR, sessionId: 0, responses: [], nodeEndpoints: []`,
  )
  expect(await next(-1)).toMatchInlineSnapshot(
    `errorCode: NONE, sessionId: false, responses: [], nodeEndpoints: []`,
  )
  expect(await next(5)).toMatchInlineSnapshot(
    `errorCode: FETCH_SESSION_ID_NOT_FOUND, sessionId: false, responses: [], nodeEndpoints: []`,
  )
})

const list = async (
  timestamp: number,
  options: {
    version?: number
    brokerId?: number
    name?: string
    partition?: number
    currentLeaderEpoch?: number
    isolationLevel?: number
    replicaId?: number
  } = {},
) => {
  const { version = 9, brokerId = 1, name = topic, partition = 0 } = options
  const answer = await cluster.ask(brokerId, ListOffsets, version, {
    replicaId: options.replicaId ?? -1,
    ...(version >= 2 ? { isolationLevel: options.isolationLevel ?? 0 } : {}),
    topics: [
      {
        name,
        partitions: [
          {
            partitionIndex: partition,
            timestamp,
            ...(version >= 4 ? { currentLeaderEpoch: options.currentLeaderEpoch ?? -1 } : {}),
            ...(version === 0 ? { maxNumOffsets: 10 } : {}),
          },
        ],
      },
    ],
  })
  return answer.topics[0]?.partitions[0]
}

test('the ends of a log in every version', async () => {
  expect(await toldByVersion([0, 9], version => list(-1, { version }))).toMatchInlineSnapshot(`
    v0
    partitionIndex: 0, errorCode: NONE, oldStyleOffsets: [10, 0], timestamp: -1, offset: -1, leaderEpoch: -1
    v1–v3
    partitionIndex: 0, errorCode: NONE, oldStyleOffsets: [], timestamp: -1, offset: 10, leaderEpoch: -1
    v4–v9
    partitionIndex: 0, errorCode: NONE, oldStyleOffsets: [], timestamp: -1, offset: 10, leaderEpoch: 0
  `)
  expect(await toldByVersion([0, 9], version => list(-2, { version }))).toMatchInlineSnapshot(`
    v0
    partitionIndex: 0, errorCode: NONE, oldStyleOffsets: [0], timestamp: -1, offset: -1, leaderEpoch: -1
    v1–v3
    partitionIndex: 0, errorCode: NONE, oldStyleOffsets: [], timestamp: -1, offset: 0, leaderEpoch: -1
    v4–v9
    partitionIndex: 0, errorCode: NONE, oldStyleOffsets: [], timestamp: -1, offset: 0, leaderEpoch: 0
  `)
})

test('special offsets', async () => {
  expect(await toldByVersion([1, 9], version => list(-3, { version }))).toMatchInlineSnapshot(`
    v1–v6
    partitionIndex: 0, errorCode: UNSUPPORTED_VERSION, oldStyleOffsets: [], timestamp: -1, offset: -1, leaderEpoch: -1
    v7–v9
    partitionIndex: 0, errorCode: NONE, oldStyleOffsets: [], timestamp: 1700000008000, offset: 8, leaderEpoch: 0
  `)
  expect(await toldByVersion([1, 9], version => list(-4, { version }))).toMatchInlineSnapshot(`
    v1–v7
    partitionIndex: 0, errorCode: UNSUPPORTED_VERSION, oldStyleOffsets: [], timestamp: -1, offset: -1, leaderEpoch: -1
    v8–v9
    partitionIndex: 0, errorCode: NONE, oldStyleOffsets: [], timestamp: -1, offset: 0, leaderEpoch: 0
  `)
  expect(await toldByVersion([1, 9], version => list(-5, { version }))).toMatchInlineSnapshot(`
    v1–v8
    partitionIndex: 0, errorCode: UNSUPPORTED_VERSION, oldStyleOffsets: [], timestamp: -1, offset: -1, leaderEpoch: -1
    v9
    partitionIndex: 0, errorCode: NONE, oldStyleOffsets: [], timestamp: -1, offset: -1, leaderEpoch: -1
  `)
  expect(await toldByVersion([1, 9], version => list(-6, { version }))).toMatchInlineSnapshot(`
    v1–v9
    partitionIndex: 0, errorCode: UNSUPPORTED_VERSION, oldStyleOffsets: [], timestamp: -1, offset: -1, leaderEpoch: -1
  `)
})

test('offsets by time', async () => {
  expect(
    await toldByVersion([1, 9], version => list(timeMs + 2500, { version })),
  ).toMatchInlineSnapshot(`
    v1–v3
    partitionIndex: 0, errorCode: NONE, oldStyleOffsets: [], timestamp: 1700000003000, offset: 3, leaderEpoch: -1
    v4–v9
    partitionIndex: 0, errorCode: NONE, oldStyleOffsets: [], timestamp: 1700000003000, offset: 3, leaderEpoch: 0
  `)
  expect(told(await list(timeMs))).toMatchInlineSnapshot(
    `partitionIndex: 0, errorCode: NONE, oldStyleOffsets: [], timestamp: 1700000000000, offset: 0, leaderEpoch: 0`,
  )
  expect(told(await list(0))).toMatchInlineSnapshot(
    `partitionIndex: 0, errorCode: NONE, oldStyleOffsets: [], timestamp: 1700000000000, offset: 0, leaderEpoch: 0`,
  )
  expect(told(await list(timeMs + 8000))).toMatchInlineSnapshot(
    `partitionIndex: 0, errorCode: NONE, oldStyleOffsets: [], timestamp: 1700000008000, offset: 8, leaderEpoch: 0`,
  )
  expect(told(await list(timeMs + 8001))).toMatchInlineSnapshot(
    `partitionIndex: 0, errorCode: NONE, oldStyleOffsets: [], timestamp: -1, offset: -1, leaderEpoch: -1`,
  )
})

test('offsets of what is not here, and of other epochs', async () => {
  expect(told(await list(-1, { partition: 1 }))).toMatchInlineSnapshot(
    `partitionIndex: 1, errorCode: UNKNOWN_TOPIC_OR_PARTITION, oldStyleOffsets: [], timestamp: -1, offset: -1, leaderEpoch: -1`,
  )
  expect(told(await list(-1, { name: unique('none') }))).toMatchInlineSnapshot(
    `partitionIndex: 0, errorCode: UNKNOWN_TOPIC_OR_PARTITION, oldStyleOffsets: [], timestamp: -1, offset: -1, leaderEpoch: -1`,
  )
  expect(told(await list(-1, { brokerId: 3 }))).toMatchInlineSnapshot(
    `partitionIndex: 0, errorCode: NOT_LEADER_OR_FOLLOWER, oldStyleOffsets: [], timestamp: -1, offset: -1, leaderEpoch: -1`,
  )
  expect(told(await list(-1, { brokerId: 2 }))).toMatchInlineSnapshot(
    `partitionIndex: 0, errorCode: NOT_LEADER_OR_FOLLOWER, oldStyleOffsets: [], timestamp: -1, offset: -1, leaderEpoch: -1`,
  )
  expect(told(await list(-1, { brokerId: 3, version: 0 }))).toMatchInlineSnapshot(
    `partitionIndex: 0, errorCode: NOT_LEADER_OR_FOLLOWER, oldStyleOffsets: [], timestamp: -1, offset: -1, leaderEpoch: -1`,
  )
  expect(told(await list(-1, { currentLeaderEpoch: 0 }))).toMatchInlineSnapshot(
    `partitionIndex: 0, errorCode: NONE, oldStyleOffsets: [], timestamp: -1, offset: 10, leaderEpoch: 0`,
  )
  expect(told(await list(-1, { currentLeaderEpoch: 1 }))).toMatchInlineSnapshot(
    `partitionIndex: 0, errorCode: UNKNOWN_LEADER_EPOCH, oldStyleOffsets: [], timestamp: -1, offset: -1, leaderEpoch: -1`,
  )
  expect(told(await list(-1, { isolationLevel: 1 }))).toMatchInlineSnapshot(
    `partitionIndex: 0, errorCode: NONE, oldStyleOffsets: [], timestamp: -1, offset: 10, leaderEpoch: 0`,
  )
  // A follower learns of the high watermark by its next fetch.
  await expect.poll(async () => (await list(-1, { replicaId: -2, brokerId: 2 }))?.offset).toBe(10)
  expect(told(await list(-1, { replicaId: -2, brokerId: 2 }))).toMatchInlineSnapshot(
    `partitionIndex: 0, errorCode: NONE, oldStyleOffsets: [], timestamp: -1, offset: 10, leaderEpoch: 0`,
  )
})

test('offsets of an empty log', async () => {
  const name = await cluster.createTopic('empty')
  expect(told(await list(-1, { name }))).toMatchInlineSnapshot(
    `partitionIndex: 0, errorCode: NONE, oldStyleOffsets: [], timestamp: -1, offset: 0, leaderEpoch: 0`,
  )
  expect(told(await list(-2, { name }))).toMatchInlineSnapshot(
    `partitionIndex: 0, errorCode: NONE, oldStyleOffsets: [], timestamp: -1, offset: 0, leaderEpoch: 0`,
  )
  expect(told(await list(-3, { name }))).toMatchInlineSnapshot(
    `partitionIndex: 0, errorCode: NONE, oldStyleOffsets: [], timestamp: -1, offset: -1, leaderEpoch: -1`,
  )
  expect(told(await list(1000, { name }))).toMatchInlineSnapshot(
    `partitionIndex: 0, errorCode: NONE, oldStyleOffsets: [], timestamp: -1, offset: -1, leaderEpoch: -1`,
  )
  expect(told(await list(-1, { name, version: 0 }))).toMatchInlineSnapshot(
    `partitionIndex: 0, errorCode: NONE, oldStyleOffsets: [0], timestamp: -1, offset: -1, leaderEpoch: -1`,
  )
})

test('a partition twice', async () => {
  const partitions = [0, 0].map(partitionIndex => ({ partitionIndex, timestamp: -1 }))
  const answer = await cluster.ask(1, ListOffsets, 9, {
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name: topic, partitions }],
  })
  expect(told(answer)).toMatchInlineSnapshot(`
    topics:
      - name: orders
        partitions:
          - partitionIndex: 0, errorCode: INVALID_REQUEST, oldStyleOffsets: [], timestamp: -1, offset: -1, leaderEpoch: -1
          - partitionIndex: 0, errorCode: INVALID_REQUEST, oldStyleOffsets: [], timestamp: -1, offset: -1, leaderEpoch: -1
  `)
})

const endOf = async (
  leaderEpoch: number,
  options: {
    version?: number
    brokerId?: number
    currentLeaderEpoch?: number
    name?: string
    partition?: number
  } = {},
) => {
  const { version = 4, brokerId = 1, name = topic } = options
  const answer = await cluster.ask(brokerId, OffsetForLeaderEpoch, version, {
    ...(version >= 3 ? { replicaId: -1 } : {}),
    topics: [
      {
        topic: name,
        partitions: [
          {
            partition: options.partition ?? 0,
            leaderEpoch,
            ...(version >= 2 ? { currentLeaderEpoch: options.currentLeaderEpoch ?? -1 } : {}),
          },
        ],
      },
    ],
  })
  return answer
}

test('where leader epochs end', async () => {
  expect(await toldByVersion([0, 4], version => endOf(0, { version }))).toMatchInlineSnapshot(`
    v0
    topics:
      - topic: orders
        partitions:
          - errorCode: NONE, partition: 0, leaderEpoch: -1, endOffset: 10
    v1–v4
    topics:
      - topic: orders
        partitions:
          - errorCode: NONE, partition: 0, leaderEpoch: 0, endOffset: 10
  `)
  expect(told(await endOf(1))).toMatchInlineSnapshot(`
    topics:
      - topic: orders
        partitions:
          - errorCode: NONE, partition: 0, leaderEpoch: -1, endOffset: -1
  `)
  expect(told(await endOf(-1))).toMatchInlineSnapshot(`
    topics:
      - topic: orders
        partitions:
          - errorCode: NONE, partition: 0, leaderEpoch: -1, endOffset: -1
  `)
  expect(told(await endOf(0, { currentLeaderEpoch: 0 }))).toMatchInlineSnapshot(`
    topics:
      - topic: orders
        partitions:
          - errorCode: NONE, partition: 0, leaderEpoch: 0, endOffset: 10
  `)
  expect(told(await endOf(0, { currentLeaderEpoch: 1 }))).toMatchInlineSnapshot(`
    topics:
      - topic: orders
        partitions:
          - errorCode: UNKNOWN_LEADER_EPOCH, partition: 0, leaderEpoch: -1, endOffset: -1
  `)
  expect(told(await endOf(0, { brokerId: 2 }))).toMatchInlineSnapshot(`
    topics:
      - topic: orders
        partitions:
          - errorCode: NOT_LEADER_OR_FOLLOWER, partition: 0, leaderEpoch: -1, endOffset: -1
  `)
  expect(told(await endOf(0, { brokerId: 3 }))).toMatchInlineSnapshot(`
    topics:
      - topic: orders
        partitions:
          - errorCode: NOT_LEADER_OR_FOLLOWER, partition: 0, leaderEpoch: -1, endOffset: -1
  `)
  expect(told(await endOf(0, { name: unique('none') }))).toMatchInlineSnapshot(`
    topics:
      - topic: none
        partitions:
          - errorCode: UNKNOWN_TOPIC_OR_PARTITION, partition: 0, leaderEpoch: -1, endOffset: -1
  `)
  expect(told(await endOf(0, { partition: 4 }))).toMatchInlineSnapshot(`
    topics:
      - topic: orders
        partitions:
          - errorCode: UNKNOWN_TOPIC_OR_PARTITION, partition: 4, leaderEpoch: -1, endOffset: -1
  `)
})
