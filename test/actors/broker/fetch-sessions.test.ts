import { describe, expect, test } from 'vitest'
import { FetchSessions } from '../../../actors/broker/fetch-sessions.ts'
import type { AnsweredPartition, FetchTopic } from '../../../src/broker/fetch-session.ts'
import { FetchSessionHandler } from '../../../src/broker/fetch-session-handler.ts'
import { errors } from '../../../src/error.ts'
import { noUuid } from '../../../src/ids.ts'
import { fetchSessionIdleMsMin } from '../../../src/limits.ts'
import { seededRandom } from '../../../src/platform/random.ts'

const orders = (...partitions: readonly (readonly [partition: number, offset: number])[]) =>
  [
    {
      topic: 'orders',
      topicId: noUuid,
      partitions: partitions.map(([partition, fetchOffset]) => ({
        partition,
        fetchOffset,
        currentLeaderEpoch: 5,
        lastFetchedEpoch: -1,
        logStartOffset: -1,
        partitionMaxBytes: 1000,
        replicaDirectoryId: noUuid,
      })),
    },
  ] satisfies FetchTopic[]

const answer = (
  partitionIndex: number,
  data: Partial<AnsweredPartition['data']> = {},
): AnsweredPartition => ({
  topic: 'orders',
  topicId: noUuid,
  data: {
    partitionIndex,
    errorCode: errors.NONE,
    highWatermark: 10,
    logStartOffset: 0,
    records: null,
    ...data,
  },
})

const request = (sessionId: number, sessionEpoch: number, topics: FetchTopic[] = []) => ({
  sessionId,
  sessionEpoch,
  topics,
  forgottenTopicsData: [] as { topic: string; topicId: string; partitions: number[] }[],
})

const consumer = { usesTopicIds: false, isFollower: false, nowMs: 0 }

/** A session of the partitions 0 and 1, both told once. */
function begun(slots = 10) {
  const sessions = new FetchSessions(slots, seededRandom(1))
  const context = sessions.begin(request(0, 0, orders([0, 10], [1, 10])), consumer)
  const { sessionId } = context.answer([answer(0), answer(1)])
  return { sessions, sessionId }
}

const numbers = (answers: readonly AnsweredPartition[]) =>
  answers.map(({ data }) => data.partitionIndex)

describe('a fetch session', () => {
  test('begins with a full request of epoch 0', () => {
    const { sessions, sessionId } = begun()
    expect(sessionId).toBeGreaterThan(0)
    expect(sessions.size).toBe(1)
  })

  test('knows what is wanted, and answers only what is new', () => {
    const { sessions, sessionId } = begun()
    const context = sessions.begin(request(sessionId, 1), consumer)
    expect(context.wanted.map(({ wanted }) => wanted.partition)).toEqual([0, 1])
    expect(context.answer([answer(0), answer(1)]).answers).toEqual([])
    const records = new Uint8Array(3)
    const next = sessions.begin(request(sessionId, 2), consumer)
    expect(numbers(next.answer([answer(0, { records }), answer(1)]).answers)).toEqual([0])
  })

  test.each([
    ['another high watermark', { highWatermark: 11 }],
    ['another log start', { logStartOffset: 1 }],
    ['an error', { errorCode: errors.NOT_LEADER_OR_FOLLOWER, highWatermark: -1 }],
    ['a divergence', { divergingEpoch: { epoch: 1, endOffset: 5 } }],
    ['another replica to read from', { preferredReadReplica: 2 }],
  ])('tells of %s', (_what, data) => {
    const { sessions, sessionId } = begun()
    const context = sessions.begin(request(sessionId, 1), consumer)
    expect(numbers(context.answer([answer(0), answer(1, data)]).answers)).toEqual([1])
  })

  test('tells of the end of an error', () => {
    const { sessions, sessionId } = begun()
    const error = { errorCode: errors.NOT_LEADER_OR_FOLLOWER, highWatermark: -1 }
    sessions.begin(request(sessionId, 1), consumer).answer([answer(0, error)])
    const after = sessions.begin(request(sessionId, 2), consumer)
    expect(numbers(after.answer([answer(0)]).answers)).toEqual([0])
  })

  test('lets those wait that had records', () => {
    const { sessions, sessionId } = begun()
    const records = new Uint8Array(3)
    sessions.begin(request(sessionId, 1), consumer).answer([answer(0, { records }), answer(1)])
    const next = sessions.begin(request(sessionId, 2), consumer)
    expect(next.wanted.map(({ wanted }) => wanted.partition)).toEqual([1, 0])
  })

  test('takes in changes, additions and what is forgotten', () => {
    const { sessions, sessionId } = begun()
    const context = sessions.begin(
      {
        ...request(sessionId, 1, orders([1, 12], [2, 0])),
        forgottenTopicsData: [{ topic: 'orders', topicId: noUuid, partitions: [0] }],
      },
      consumer,
    )
    expect(context.wanted.map(({ wanted }) => [wanted.partition, wanted.fetchOffset])).toEqual([
      [1, 12],
      [2, 0],
    ])
  })

  test('ends when everything is forgotten', () => {
    const { sessions, sessionId } = begun()
    const context = sessions.begin(
      {
        ...request(sessionId, 1),
        forgottenTopicsData: [{ topic: 'orders', topicId: noUuid, partitions: [0, 1] }],
      },
      consumer,
    )
    expect(context.answer([])).toEqual({ sessionId: 0, answers: [] })
    expect(sessions.size).toBe(0)
  })

  test('ends with a full request, which begins another or none', () => {
    const { sessions, sessionId } = begun()
    const none = sessions.begin(request(sessionId, -1, orders([0, 10])), consumer)
    expect(sessions.size).toBe(0)
    expect(none.answer([answer(0)])).toMatchObject({ sessionId: 0, answers: [answer(0)] })
  })

  test('refuses an unknown id, another epoch, and ids in place of names', () => {
    const { sessions, sessionId } = begun()
    const codes = [
      sessions.begin(request(sessionId + 1, 1), consumer),
      sessions.begin(request(sessionId, 2), consumer),
      sessions.begin(request(sessionId, 1), { ...consumer, usesTopicIds: true }),
    ].map(({ errorCode }) => errorCode)
    expect(codes).toEqual([
      errors.FETCH_SESSION_ID_NOT_FOUND,
      errors.INVALID_FETCH_SESSION_EPOCH,
      errors.FETCH_SESSION_TOPIC_ID_ERROR,
    ])
  })
})

describe('when all slots are taken', () => {
  const ask = (sessions: FetchSessions, from: Partial<typeof consumer>, size = 1) =>
    sessions
      .begin(request(0, 0, orders(...Array.from({ length: size }, (_, i) => [i, 0] as const))), {
        ...consumer,
        ...from,
      })
      .answer([]).sessionId

  test('a consumer gets no session', () => {
    const { sessions } = begun(1)
    expect(ask(sessions, {}, 9)).toBe(0)
  })

  test("a follower takes a consumer's", () => {
    const { sessions, sessionId } = begun(1)
    expect(ask(sessions, { isFollower: true })).not.toBe(0)
    expect(sessions.begin(request(sessionId, 1), consumer).errorCode).not.toBe(0)
  })

  test('an idle one gives way', () => {
    const { sessions } = begun(1)
    expect(ask(sessions, { nowMs: fetchSessionIdleMsMin + 1 })).not.toBe(0)
  })

  test('an old one gives way to a larger, not to a smaller', () => {
    const { sessions, sessionId } = begun(1)
    const nowMs = fetchSessionIdleMsMin + 1
    sessions.begin(request(sessionId, 1), { ...consumer, nowMs }).answer([])
    expect(ask(sessions, { nowMs }, 1)).toBe(0)
    expect(ask(sessions, { nowMs }, 3)).not.toBe(0)
  })
})

describe("a fetcher's side", () => {
  const wanted = (...partitions: readonly (readonly [number, number])[]) =>
    (orders(...partitions)[0]?.partitions ?? []).map(partition => ({
      key: `orders-${partition.partition}`,
      topic: 'orders',
      topicId: noUuid,
      wanted: partition,
    }))

  test('asks in full, then for what changed, and forgets', () => {
    const handler = new FetchSessionHandler()
    const full = handler.request(wanted([0, 10], [1, 10]), false)
    expect(full).toMatchObject({ sessionId: 0, sessionEpoch: 0 })
    handler.answered(full, { errorCode: 0, sessionId: 77 })
    const next = handler.request(wanted([1, 12], [2, 0]), false)
    expect(next).toMatchObject({ sessionId: 77, sessionEpoch: 1 })
    expect(next.topics[0]?.partitions.map(({ partition }) => partition)).toEqual([1, 2])
    expect(next.forgottenTopicsData).toEqual([
      { topic: 'orders', topicId: noUuid, partitions: [0] },
    ])
    handler.answered(next, { errorCode: 0, sessionId: 77 })
    expect(handler.request(wanted([1, 12], [2, 0]), false)).toMatchObject({
      sessionEpoch: 2,
      topics: [],
      forgottenTopicsData: [],
    })
  })

  test('asks outside the session while the first answer is awaited', () => {
    const handler = new FetchSessionHandler()
    const full = handler.request(wanted([0, 10]), false)
    const beside = handler.request(wanted([0, 10], [1, 0]), false)
    expect(beside).toMatchObject({ sessionId: 0, sessionEpoch: -1 })
    handler.answered(full, { errorCode: 0, sessionId: 77 })
    handler.answered(beside, { errorCode: 0, sessionId: 0 })
    expect(handler.request(wanted([0, 10], [1, 0]), false)).toMatchObject({
      sessionId: 77,
      sessionEpoch: 1,
    })
  })

  test('begins anew after an error or a loss', () => {
    const handler = new FetchSessionHandler()
    const full = handler.request(wanted([0, 10]), false)
    handler.answered(full, { errorCode: 0, sessionId: 77 })
    handler.failed()
    const again = handler.request(wanted([0, 10]), false)
    expect(again).toMatchObject({ sessionId: 77, sessionEpoch: 0 })
    handler.answered(again, { errorCode: errors.FETCH_SESSION_ID_NOT_FOUND, sessionId: 0 })
    expect(handler.request(wanted([0, 10]), false)).toMatchObject({ sessionId: 0, sessionEpoch: 0 })
  })

  test('begins anew when it changes from names to ids', () => {
    const handler = new FetchSessionHandler()
    handler.answered(handler.request(wanted([0, 10]), false), { errorCode: 0, sessionId: 77 })
    expect(handler.request(wanted([0, 10]), true)).toMatchObject({ sessionId: 77, sessionEpoch: 0 })
  })
})
