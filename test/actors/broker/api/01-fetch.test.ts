import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { errors } from '../../../../src/error.ts'
import { noUuid } from '../../../../src/ids.ts'
import { Fetch, type RequestDraftOf } from '../../../../src/protocol/index.ts'
import { batchOf, ordersId, ReplicaCluster } from '../replica-cluster.ts'

let cluster: ReplicaCluster
beforeEach(() => {
  cluster = new ReplicaCluster([1])
  cluster.elect({})
})
afterEach(() => {
  expect(cluster.failures).toEqual([])
  cluster.stop()
})

type Draft = RequestDraftOf<typeof Fetch>
type Partition = Draft['topics'][number]['partitions'][number]

const otherId = 'b3JkZXJzb3JkZXJzb3JkWg'

const fetch = (
  partition: Partial<Partition> = {},
  of: Partial<Draft> & { version?: number; topicId?: string; connectionId?: number } = {},
) => {
  const { version = 12, topicId = version >= 13 ? ordersId : noUuid, connectionId, ...rest } = of
  const wanted = { partition: 0, fetchOffset: 0, partitionMaxBytes: 1e6, ...partition }
  return cluster.ask(
    1,
    Fetch,
    version,
    {
      maxWaitMs: 0,
      minBytes: 1,
      ...(version >= 3 ? { maxBytes: 1e6 } : {}),
      ...(version >= 7 ? { sessionEpoch: -1 } : {}),
      topics: [{ topic: version >= 13 ? '' : 'orders', topicId, partitions: [wanted] }],
      ...rest,
    },
    connectionId,
  )
}

const outcome = (...args: Parameters<typeof fetch>) =>
  fetch(...args).answer?.responses[0]?.partitions[0]

const append = (...values: string[]) =>
  cluster.broker(1).orders.append(batchOf(values), { acks: 1, origin: 'client' })

describe('a fetch', () => {
  test.each([4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17])(
    'of v%i brings records',
    version => {
      append('a', 'b')
      const found = outcome({}, { version })
      expect(found).toMatchObject({ errorCode: errors.NONE, highWatermark: 2 })
      expect(found?.records?.length).toBe(batchOf(['a', 'b']).length)
    },
  )

  test.each([0, 1, 2, 3])('of v%i is UNSUPPORTED_VERSION: nothing is converted down', version => {
    append('a')
    expect(outcome({}, { version })?.errorCode).toBe(errors.UNSUPPORTED_VERSION)
  })

  test('of v9 from a topic of zstd is UNSUPPORTED_COMPRESSION_TYPE', () => {
    cluster.topicOverrides = { 'compression.type': 'zstd' }
    expect(outcome({}, { version: 9 })?.errorCode).toBe(errors.UNSUPPORTED_COMPRESSION_TYPE)
    expect(outcome({}, { version: 10 })?.errorCode).toBe(errors.NONE)
  })

  test('beyond either end is OFFSET_OUT_OF_RANGE', () => {
    append('a', 'b')
    cluster.broker(1).orders.log.advanceLogStartOffset(1, 2)
    expect(outcome({ fetchOffset: 3 })?.errorCode).toBe(errors.OFFSET_OUT_OF_RANGE)
    expect(outcome({ fetchOffset: 0 })?.errorCode).toBe(errors.OFFSET_OUT_OF_RANGE)
    expect(outcome({ fetchOffset: 2 })?.errorCode).toBe(errors.NONE)
  })

  test('of another leader epoch is fenced', () => {
    expect(outcome({ currentLeaderEpoch: 0 })?.errorCode).toBe(errors.FENCED_LEADER_EPOCH)
    expect(outcome({ currentLeaderEpoch: 2 })?.errorCode).toBe(errors.UNKNOWN_LEADER_EPOCH)
    expect(outcome({ currentLeaderEpoch: 1 })?.errorCode).toBe(errors.NONE)
  })

  test('names topics by id from v13 on', () => {
    append('a')
    expect(outcome({}, { version: 13, topicId: otherId })?.errorCode).toBe(errors.UNKNOWN_TOPIC_ID)
    const { answer } = fetch({}, { version: 13 })
    expect(answer?.responses[0]).toMatchObject({ topic: '', topicId: ordersId })
  })

  test('of what is not there is UNKNOWN_TOPIC_OR_PARTITION', () => {
    expect(outcome({ partition: 5 })?.errorCode).toBe(errors.UNKNOWN_TOPIC_OR_PARTITION)
  })

  test('from one who does not lead names the leader, from v16 on', () => {
    cluster.elect({ leader: 2 })
    expect(outcome({}, { version: 10 })?.errorCode).toBe(errors.NOT_LEADER_OR_FOLLOWER)
    expect(outcome({ currentLeaderEpoch: 1 }, { version: 16 })).toMatchObject({
      errorCode: errors.FENCED_LEADER_EPOCH,
      currentLeader: { leaderId: 2, leaderEpoch: 2 },
    })
  })

  test('brings the first batch whatever its size, and no more than fits after it (KIP-74)', () => {
    append('a'.repeat(500))
    append('b'.repeat(500))
    const one = outcome({ partitionMaxBytes: 100 })?.records?.length
    expect(one).toBe(batchOf(['a'.repeat(500)]).length)
    expect(outcome({}, { maxBytes: 100 })?.records?.length).toBe(one)
    expect(outcome({}, { maxBytes: 2000 })?.records?.length).toBe(2 * (one ?? 0))
    expect(outcome({ partitionMaxBytes: 0 }, { maxBytes: 0 })?.records?.length).toBe(one)
  })

  test('under read_committed lists aborted transactions: none', () => {
    append('a')
    expect(outcome({}, { isolationLevel: 1 })).toMatchObject({
      abortedTransactions: [],
      lastStableOffset: 1,
    })
    expect(outcome()?.abortedTransactions).toBeNull()
  })
})

describe('waiting', () => {
  test('ends with enough bytes', async () => {
    append('a')
    const size = batchOf(['a']).length
    const held = fetch({}, { maxWaitMs: 1000, minBytes: 2 * size })
    expect(held.answer).toBeUndefined()
    append('b')
    expect(held.answer?.responses[0]?.partitions[0]?.records?.length).toBe(2 * size)
  })

  test('ends when the time is over, with what there is', async () => {
    append('a')
    const held = fetch({}, { maxWaitMs: 1000, minBytes: 1000 })
    await cluster.advance(999)
    expect(held.answer).toBeUndefined()
    await cluster.advance(1)
    expect(held.answer?.responses[0]?.partitions[0]?.records?.length).toBe(batchOf(['a']).length)
  })

  test('ends when the leader leads no more', () => {
    const held = fetch({}, { version: 10, maxWaitMs: 1000 })
    cluster.elect({ leader: 2 })
    expect(held.answer?.responses[0]?.partitions[0]?.errorCode).toBe(errors.NOT_LEADER_OR_FOLLOWER)
  })

  test('ends when the replica is deleted', () => {
    const held = fetch({}, { version: 12, maxWaitMs: 1000 })
    const { partitions } = cluster.broker(1).world
    partitions.stopReplica({
      controllerId: 1,
      isKRaftController: false,
      controllerEpoch: 1,
      brokerEpoch: -1,
      deletePartitions: true,
      ungroupedPartitions: [{ topicName: 'orders', partitionIndex: 0 }],
      topics: [],
      topicStates: [],
    })
    expect(held.answer?.responses[0]?.partitions[0]?.errorCode).not.toBe(errors.NONE)
  })

  test('ends with the next fetch on the same connection, not with another’s', () => {
    const held = fetch({}, { maxWaitMs: 1000, connectionId: 5 })
    fetch({}, { maxWaitMs: 1000, connectionId: 6 })
    expect(held.answer).toBeUndefined()
    fetch({}, { maxWaitMs: 1000, connectionId: 5 })
    expect(held.answer?.responses[0]?.partitions[0]).toMatchObject({ errorCode: errors.NONE })
  })

  test('does not begin where something is wrong', () => {
    expect(fetch({ partition: 5 }, { maxWaitMs: 1000 }).answer).toBeDefined()
    expect(fetch({}, { maxWaitMs: 1000, topics: [] }).answer).toBeDefined()
  })
})

describe('a session', () => {
  const inSession = (sessionId: number, sessionEpoch: number, topics: Draft['topics'] = []) =>
    fetch({}, { sessionId, sessionEpoch, topics }).answer

  test('brings only what is new', () => {
    append('a')
    const first = fetch({}, { sessionEpoch: 0 }).answer
    const id = first?.sessionId ?? 0
    expect(id).not.toBe(0)
    const partitions = [{ partition: 0, fetchOffset: 1, partitionMaxBytes: 1e6 }]
    const topics = [{ topic: 'orders', topicId: noUuid, partitions }]
    expect(inSession(id, 1, topics)?.responses).toEqual([])
    append('b')
    expect(inSession(id, 2)?.responses[0]?.partitions[0]?.records?.length).toBeGreaterThan(0)
  })

  test('refuses what does not fit it', () => {
    const id = fetch({}, { sessionEpoch: 0 }).answer?.sessionId ?? 0
    expect(inSession(id + 1, 1)?.errorCode).toBe(errors.FETCH_SESSION_ID_NOT_FOUND)
    expect(inSession(id, 7)?.errorCode).toBe(errors.INVALID_FETCH_SESSION_EPOCH)
    const byId = fetch({}, { version: 13, sessionId: id, sessionEpoch: 1, topics: [] })
    expect(byId.answer?.errorCode).toBe(errors.FETCH_SESSION_TOPIC_ID_ERROR)
  })
})

describe('a follower', () => {
  const follower = (
    partition: Partial<Partition>,
    of: Partial<Draft> & { version?: number } = {},
  ) =>
    outcome(
      { currentLeaderEpoch: 2, ...partition },
      { version: 17, replicaState: { replicaId: 2, replicaEpoch: 50 }, ...of },
    )
  const progress = () => cluster.broker(1).orders.snapshot.context.followers[2]

  beforeEach(() => {
    // Broker 2 is a replica, though it does not run.
    Object.assign(cluster, { replicas: [1, 2] })
    cluster.elect({ isr: [1, 2] })
  })

  test('reads what is not committed yet, and tells how far it is', () => {
    append('a', 'b')
    expect(follower({ fetchOffset: 0 })?.records?.length).toBeGreaterThan(0)
    expect(cluster.broker(1).orders.highWatermark).toBe(0)
    expect(follower({ fetchOffset: 2 })?.highWatermark).toBe(2)
    expect(progress()).toMatchObject({ logEndOffset: 2, brokerEpoch: 50 })
  })

  test('says so in older versions by its id alone', () => {
    append('a')
    outcome({ fetchOffset: 1 }, { version: 11, replicaId: 2 })
    expect(progress()?.logEndOffset).toBe(1)
  })

  test('that diverges is told where, and says nothing by it (KAFKA-13141)', () => {
    append('a', 'b')
    expect(follower({ fetchOffset: 9, lastFetchedEpoch: 2 })).toMatchObject({
      errorCode: errors.NONE,
      divergingEpoch: { epoch: 2, endOffset: 2 },
    })
    expect(follower({ fetchOffset: 1, lastFetchedEpoch: 1 })?.divergingEpoch).toEqual({
      epoch: 1,
      endOffset: 0,
    })
    expect(progress()?.logEndOffset).toBe(-1)
  })

  test('out of range says nothing by it', () => {
    append('a')
    expect(follower({ fetchOffset: 9 })?.errorCode).toBe(errors.OFFSET_OUT_OF_RANGE)
    expect(follower({ fetchOffset: 0, lastFetchedEpoch: 9 })?.errorCode).toBe(
      errors.OFFSET_OUT_OF_RANGE,
    )
    expect(progress()?.logEndOffset).toBe(-1)
  })

  test('that is no replica is UNKNOWN_LEADER_EPOCH, its former life NOT_LEADER_OR_FOLLOWER', () => {
    const stranger = { replicaState: { replicaId: 9, replicaEpoch: 1 } }
    expect(follower({}, stranger)?.errorCode).toBe(errors.UNKNOWN_LEADER_EPOCH)
    follower({})
    const ghost = { replicaState: { replicaId: 2, replicaEpoch: 49 } }
    expect(follower({}, ghost)?.errorCode).toBe(errors.NOT_LEADER_OR_FOLLOWER)
  })

  test('is answered by the leader alone', () => {
    cluster.elect({ leader: 2 })
    expect(follower({ currentLeaderEpoch: 3 })?.errorCode).toBe(errors.NOT_LEADER_OR_FOLLOWER)
  })
})
