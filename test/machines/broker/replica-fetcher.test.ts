import { describe, expect, test } from 'vitest'
import {
  awaits,
  type EpochEnds,
  type FetchedPartition,
  type FetchRow,
  type FollowedPartition,
  type ReplicaFetcherCommand,
  type ReplicaFetcherFact,
  type ReplicaFetcherSnapshot,
  replicaFetcherMachine,
} from '../../../machines/broker/replica-fetcher.ts'
import { RefusedFact } from '../../../src/assert.ts'
import { errors } from '../../../src/error.ts'
import { noUuid } from '../../../src/ids.ts'
import { begin, elapse, step, steps } from '../../step.ts'

const backoffMs = 1000
const t0 = 1_000_000

const followed = (partition: number, over: Partial<FollowedPartition> = {}): FollowedPartition => ({
  topic: 'orders',
  partition,
  topicId: noUuid,
  leaderEpoch: 5,
  fetchOffset: 10,
  lastFetchedEpoch: 4,
  highWatermark: 8,
  ...over,
})

const assigned = (
  follow: readonly FollowedPartition[],
  unfollow: readonly number[] = [],
  atMs = t0,
): ReplicaFetcherFact => ({
  type: 'partitions.assigned',
  followed: follow,
  unfollowed: unfollow.map(partition => ({ topic: 'orders', partition })),
  atMs,
})

/** What a fetch brought of a partition: two records, unless said otherwise. */
const fetched = (partition: number, over: Partial<FetchedPartition> = {}): FetchedPartition => ({
  topic: 'orders',
  partition,
  leaderEpoch: 5,
  errorCode: errors.NONE,
  fetchOffset: 10,
  nextOffset: 12,
  lastFetchedEpoch: 5,
  divergence: null,
  ...over,
})

const answered = (
  request: number,
  partitions: readonly FetchedPartition[],
  atMs = t0,
): ReplicaFetcherFact => ({ type: 'fetch.answered', request, partitions, atMs })

const failed = (request: number): ReplicaFetcherFact => ({
  type: 'request.failed',
  request,
  reason: 'connection closed',
  atMs: t0,
})

const truncated = (partition: number, logEndOffset: number, lastFetchedEpoch = 4) =>
  ({
    type: 'log.truncated',
    topic: 'orders',
    partition,
    leaderEpoch: 5,
    logEndOffset,
    lastFetchedEpoch,
  }) satisfies ReplicaFetcherFact

const idle = (truncatesOnFetch = true) =>
  begin(replicaFetcherMachine, { source: 2, backoffMs, truncatesOnFetch })

const run = (at: ReplicaFetcherSnapshot, ...facts: ReplicaFetcherFact[]) =>
  steps(replicaFetcherMachine, at, ...facts)

/** Request 1 is under way for these partitions of orders. */
const fetching = (...partitions: number[]) =>
  run(idle()[0], assigned(partitions.map(partition => followed(partition))))[0]

const row = (at: ReplicaFetcherSnapshot, partition: number): FetchRow | undefined =>
  at.context.rows[`orders-${partition}`]

const types = (commands: readonly ReplicaFetcherCommand[]) => commands.map(({ type }) => type)

/** Which partitions the last fetch asks for, and from where. */
const asked = (commands: readonly ReplicaFetcherCommand[]) =>
  commands
    .filter(command => command.type === 'fetch.send')
    .at(-1)
    ?.partitions.map(({ partition, fetchOffset }) => [partition, fetchOffset])

describe('idle', () => {
  test('holds no connection', () => {
    expect(idle()[1]).toEqual([{ type: 'source.disconnect' }])
  })

  test('begins to fetch all that is followed, in one request', () => {
    const [at, commands] = run(idle()[0], assigned([followed(0), followed(1)]))
    expect(at.value).toBe('fetching')
    expect(types(commands)).toEqual(['fetch.send'])
    expect(asked(commands)).toEqual([
      [0, 10],
      [1, 10],
    ])
  })

  test('stays where nothing is followed', () => {
    const [at, commands] = run(idle()[0], assigned([], [3]))
    expect(at.value).toBe('idle')
    expect(commands).toEqual([])
  })

  test('drops answers that come too late', () => {
    for (const fact of [answered(1, [fetched(0)]), failed(1), truncated(0, 5)])
      expect(run(idle()[0], fact)).toEqual([expect.objectContaining({ value: 'idle' }), []])
  })

  test('refuses what it does not know', () => {
    expect(() => step(replicaFetcherMachine, idle()[0], { type: 'pigs.flew' } as never)).toThrow(
      RefusedFact,
    )
  })
})

describe('fetching', () => {
  test('goes on from where each log ends now', () => {
    const [at, commands] = run(fetching(0, 1), answered(1, [fetched(1)]))
    expect(at.value).toBe('fetching')
    expect(asked(commands)).toEqual([
      [0, 10],
      [1, 12],
    ])
    expect(row(at, 1)?.lastFetchedEpoch).toBe(5)
  })

  test('goes on after an answer that brought nothing', () => {
    const [at, commands] = run(fetching(0), answered(1, []))
    expect(at.value).toBe('fetching')
    expect(asked(commands)).toEqual([[0, 10]])
  })

  test('drops an answer to another request', () => {
    const [at, commands] = run(fetching(0), answered(0, [fetched(0)]), answered(2, [fetched(0)]))
    expect(row(at, 0)?.fetchOffset).toBe(10)
    expect(commands).toEqual([])
  })

  test('fetches newcomers at once, beside the fetch that waits', () => {
    const [at, commands] = run(fetching(0), assigned([followed(1)]))
    expect(at.context).toMatchObject({ request: 2, underWay: 2 })
    expect(asked(commands)).toEqual([
      [0, 10],
      [1, 10],
    ])
    const [same, none] = run(at, assigned([followed(2)]))
    expect(same.context.underWay).toBe(2)
    expect(none).toEqual([])
    const [first, still] = run(same, answered(1, [fetched(0)]))
    expect(first.value).toBe('fetching')
    expect(first.context.underWay).toBe(1)
    expect(still).toEqual([])
    // The second asked for 0 from 10 on as well: that part of its answer is old.
    const [, next] = run(first, answered(2, [fetched(0), fetched(1)]))
    expect(asked(next)).toEqual([
      [0, 12],
      [1, 12],
      [2, 10],
    ])
  })

  test('drops what was asked for in a former reign, or of a partition no longer followed (KAFKA-13207)', () => {
    const [reelected] = run(fetching(0, 1), assigned([followed(0, { leaderEpoch: 6 })], [1]))
    const asking = { topic: 'orders', partition: 0, fetchOffset: 10 }
    expect(awaits(reelected, 1, { ...asking, leaderEpoch: 5 })).toBe(false)
    expect(awaits(reelected, 1, { ...asking, leaderEpoch: 6 })).toBe(true)
    const [at] = run(reelected, answered(1, [fetched(0), fetched(1)]))
    expect(row(at, 0)).toMatchObject({ leaderEpoch: 6, fetchOffset: 10 })
    expect(row(at, 1)).toBeUndefined()
  })

  test('wants nothing of a request that failed, and nothing twice', () => {
    const asking = { topic: 'orders', partition: 0, leaderEpoch: 5, fetchOffset: 10 }
    const at = fetching(0)
    expect(awaits(at, 1, asking)).toBe(true)
    expect(awaits(at, 2, asking)).toBe(false)
    expect(awaits(at, 1, { ...asking, fetchOffset: 9 })).toBe(false)
    expect(awaits(at, 1, { ...asking, partition: 7 })).toBe(false)
    expect(awaits(run(at, failed(1))[0], 1, asking)).toBe(false)
    expect(awaits(run(at, answered(1, [fetched(0)]))[0], 1, asking)).toBe(false)
  })

  test('disconnects when nothing is followed any more', () => {
    const [at, commands] = run(fetching(0, 1), assigned([], [0, 1]))
    expect(at.value).toBe('idle')
    expect(commands).toEqual([{ type: 'source.disconnect' }])
    expect(at.context.underWay).toBe(0)
  })

  test('forgets one that is followed no more, and waits on', () => {
    const [at, commands] = run(fetching(0, 1), assigned([], [0]))
    expect(at.value).toBe('fetching')
    expect(commands).toEqual([])
    expect(row(at, 0)).toBeUndefined()
  })

  test('adds one that cannot be fetched yet, and waits on', () => {
    const [at, commands] = run(
      fetching(0),
      assigned([followed(1, { lastFetchedEpoch: -1, fetchOffset: 10, highWatermark: 8 })]),
    )
    expect(at.value).toBe('fetching')
    expect(commands).toEqual([])
    const [, next] = run(at, answered(1, []))
    expect(types(next)).toEqual(['logs.cut'])
  })

  test('backs off when the connection is lost, then fetches all again', () => {
    const [at, commands] = run(fetching(0), failed(1))
    expect(at.value).toBe('backingOff')
    expect(commands).toEqual([])
    const [again, more] = elapse(replicaFetcherMachine, at, 'fetchBackoff')
    expect(again.value).toBe('fetching')
    expect(asked(more)).toEqual([[0, 10]])
  })

  test('drops the failure of a request before', () => {
    const [at] = run(fetching(0), answered(1, []), failed(1))
    expect(at.value).toBe('fetching')
  })

  test.each([
    'NOT_LEADER_OR_FOLLOWER',
    'UNKNOWN_LEADER_EPOCH',
    'UNKNOWN_TOPIC_OR_PARTITION',
    'UNKNOWN_TOPIC_ID',
    'INCONSISTENT_TOPIC_ID',
    'CORRUPT_MESSAGE',
    'KAFKA_STORAGE_ERROR',
  ] as const)('leaves out for a while a partition with %s', name => {
    const trouble = fetched(0, { errorCode: errors[name] })
    const [at, commands] = run(fetching(0, 1), answered(1, [trouble]))
    expect(asked(commands)).toEqual([[1, 10]])
    const [, early] = run(at, answered(2, [], t0 + backoffMs - 1))
    expect(asked(early)).toEqual([[1, 10]])
    const [, later] = run(at, answered(2, [], t0 + backoffMs))
    expect(asked(later)).toEqual([
      [0, 10],
      [1, 10],
    ])
  })

  test('backs off where every partition has an error', () => {
    const trouble = fetched(0, { errorCode: errors.NOT_LEADER_OR_FOLLOWER })
    const [at] = run(fetching(0), answered(1, [trouble]))
    expect(at.value).toBe('backingOff')
  })

  test('gives up a fenced partition until a new reign', () => {
    const fenced = fetched(0, { errorCode: errors.FENCED_LEADER_EPOCH })
    const [at, commands] = run(fetching(0, 1), answered(1, [fenced]))
    expect(row(at, 0)?.phase).toBe('failed')
    expect(asked(commands)).toEqual([[1, 10]])
    const [again, more] = run(at, assigned([followed(0, { leaderEpoch: 6 })]))
    expect(row(again, 0)?.phase).toBe('fetching')
    expect(asked(more)).toEqual([
      [0, 10],
      [1, 10],
    ])
  })

  test('goes idle where all are fenced', () => {
    const fenced = fetched(0, { errorCode: errors.FENCED_LEADER_EPOCH })
    const [at] = run(fetching(0), answered(1, [fenced]))
    expect(at.value).toBe('idle')
  })
})

describe('truncating on a fetch that diverges', () => {
  const diverging = (ends: Partial<EpochEnds>): FetchedPartition =>
    fetched(0, {
      nextOffset: 10,
      divergence: {
        leaderEnd: { leaderEpoch: 4, endOffset: 9 },
        ownEnd: { leaderEpoch: 4, endOffset: 10 },
        logEndOffset: 10,
        ...ends,
      },
    })
  const cut = (ends: Partial<EpochEnds>) => run(fetching(0), answered(1, [diverging(ends)]))

  test('cuts where the epoch ends at the leader', () => {
    const [at, commands] = cut({})
    expect(at.value).toEqual({ truncating: 'cutting' })
    expect(commands).toMatchObject([
      { type: 'logs.cut', partitions: [{ partition: 0, cut: { endOffset: 9 } }] },
    ])
    const [after, more] = run(at, truncated(0, 9))
    expect(after.value).toBe('fetching')
    expect(asked(more)).toEqual([[0, 9]])
  })

  test('cuts at the end of our last epoch before one we never knew, and asks again from there (KIP-279)', () => {
    const [at, commands] = cut({
      leaderEnd: { leaderEpoch: 3, endOffset: 9 },
      ownEnd: { leaderEpoch: 2, endOffset: 6 },
    })
    expect(commands).toMatchObject([{ partitions: [{ cut: { endOffset: 6 } }] }])
    const [, more] = run(at, truncated(0, 6, 2))
    expect(more).toMatchObject([
      { type: 'fetch.send', partitions: [{ fetchOffset: 6, lastFetchedEpoch: 2 }] },
    ])
  })

  test('takes the word of the leader where our epochs begin later', () => {
    const [, commands] = cut({ ownEnd: { leaderEpoch: -1, endOffset: -1 } })
    expect(commands).toMatchObject([{ partitions: [{ cut: { endOffset: 9 } }] }])
  })

  test('cuts nothing beyond our end', () => {
    const [, commands] = cut({ leaderEnd: { leaderEpoch: 4, endOffset: 90 } })
    expect(commands).toMatchObject([{ partitions: [{ cut: { endOffset: 10 } }] }])
  })

  test('cuts at the high watermark where the leader knows no such epoch', () => {
    const [, commands] = cut({ leaderEnd: { leaderEpoch: -1, endOffset: -1 } })
    expect(commands).toMatchObject([{ partitions: [{ cut: { endOffset: 8 } }] }])
  })

  test('waits until the last log is cut', () => {
    const both = [diverging({}), { ...diverging({}), partition: 1 }]
    const [at] = run(fetching(0, 1), answered(1, both))
    const [one, none] = run(at, truncated(0, 9))
    expect(one.value).toEqual({ truncating: 'cutting' })
    expect(none).toEqual([])
    const [, commands] = run(one, truncated(1, 9))
    expect(asked(commands)).toEqual([
      [0, 9],
      [1, 9],
    ])
  })

  test('forgets the cut of a partition that is followed anew meanwhile', () => {
    const [at] = cut({})
    const [again, commands] = run(at, assigned([followed(0, { leaderEpoch: 6 })]))
    expect(again.value).toBe('fetching')
    expect(asked(commands)).toEqual([[0, 10]])
    expect(row(run(again, truncated(0, 9))[0], 0)?.fetchOffset).toBe(10)
  })

  test('orders the cut again where it was not heard', () => {
    const [at] = cut({})
    const [again, commands] = elapse(replicaFetcherMachine, at, 'fetchBackoff')
    expect(again.value).toEqual({ truncating: 'cutting' })
    expect(types(commands)).toEqual(['logs.cut'])
  })

  test('goes idle where nothing is followed any more', () => {
    const [at] = cut({})
    expect(run(at, assigned([], [0]))[0].value).toBe('idle')
  })
})

describe('a log without leader epochs', () => {
  test('is cut at its high watermark', () => {
    const [at, commands] = run(idle()[0], assigned([followed(0, { lastFetchedEpoch: -1 })]))
    expect(at.value).toEqual({ truncating: 'cutting' })
    expect(commands).toMatchObject([{ type: 'logs.cut', partitions: [{ cut: { endOffset: 8 } }] }])
    expect(run(at, truncated(0, 8, -1))[0].value).toBe('fetching')
  })

  test('is fetched at once where it ends there', () => {
    const [at] = run(
      idle()[0],
      assigned([followed(0, { lastFetchedEpoch: -1, fetchOffset: 0, highWatermark: 0 })]),
    )
    expect(at.value).toBe('fetching')
  })
})

describe('truncating at a source that must be asked', () => {
  const asking = () => run(idle(false)[0], assigned([followed(0)]))
  const ends = (over: Partial<EpochEnds>, errorCode: number = errors.NONE, request = 1) =>
    ({
      type: 'epochEnds.answered',
      request,
      atMs: t0,
      partitions: [
        {
          topic: 'orders',
          partition: 0,
          leaderEpoch: 5,
          errorCode,
          ends: {
            leaderEnd: { leaderEpoch: 4, endOffset: 9 },
            ownEnd: { leaderEpoch: 4, endOffset: 10 },
            logEndOffset: 10,
            ...over,
          },
        },
      ],
    }) satisfies ReplicaFetcherFact

  test('asks where our last epoch ends before it fetches', () => {
    const [at, commands] = asking()
    expect(at.value).toEqual({ truncating: 'askingEpochEnds' })
    expect(commands).toMatchObject([
      { type: 'epochEnds.ask', partitions: [{ lastFetchedEpoch: 4, leaderEpoch: 5 }] },
    ])
  })

  test('cuts there, then fetches', () => {
    const [at, commands] = run(asking()[0], ends({}))
    expect(commands).toMatchObject([{ type: 'logs.cut', partitions: [{ cut: { endOffset: 9 } }] }])
    expect(run(at, truncated(0, 9))[0].value).toBe('fetching')
  })

  test('asks again until both know an epoch (KIP-279)', () => {
    const [at] = run(
      asking()[0],
      ends({
        leaderEnd: { leaderEpoch: 3, endOffset: 9 },
        ownEnd: { leaderEpoch: 2, endOffset: 6 },
      }),
    )
    const [again, commands] = run(at, truncated(0, 6, 2))
    expect(again.value).toEqual({ truncating: 'askingEpochEnds' })
    expect(commands).toMatchObject([
      { type: 'epochEnds.ask', partitions: [{ lastFetchedEpoch: 2 }] },
    ])
  })

  test('fetches where no epoch is left to ask about', () => {
    const [at] = run(
      asking()[0],
      ends({
        leaderEnd: { leaderEpoch: 3, endOffset: 9 },
        ownEnd: { leaderEpoch: 2, endOffset: 0 },
      }),
    )
    expect(run(at, truncated(0, 0, -1))[0].value).toBe('fetching')
  })

  test('tries again after a pause where the leader cannot say', () => {
    const [at] = run(asking()[0], ends({}, errors.UNKNOWN_LEADER_EPOCH))
    expect(at.value).toBe('backingOff')
    expect(elapse(replicaFetcherMachine, at, 'fetchBackoff')[0].value).toEqual({
      truncating: 'askingEpochEnds',
    })
  })

  test('gives up a fenced partition', () => {
    expect(run(asking()[0], ends({}, errors.FENCED_LEADER_EPOCH))[0].value).toBe('idle')
  })

  test('backs off when the connection is lost', () => {
    expect(run(asking()[0], failed(1))[0].value).toBe('backingOff')
    expect(run(asking()[0], failed(0))[0].value).toEqual({ truncating: 'askingEpochEnds' })
  })

  test('drops an answer to another request, or of another reign', () => {
    expect(run(asking()[0], ends({}, errors.NONE, 0))[0].value).toEqual({
      truncating: 'askingEpochEnds',
    })
    const [anew] = run(asking()[0], assigned([followed(0, { leaderEpoch: 6 })]))
    const [at, commands] = run(anew, ends({}))
    expect(at.value).toEqual({ truncating: 'askingEpochEnds' })
    expect(types(commands)).toEqual(['epochEnds.ask'])
  })

  test('goes idle where nothing is followed any more', () => {
    expect(run(asking()[0], assigned([], [0]))[0].value).toBe('idle')
  })
})

describe('a fetch out of range', () => {
  const outOfRange = (...facts: ReplicaFetcherFact[]) =>
    run(fetching(0), answered(1, [fetched(0, { errorCode: errors.OFFSET_OUT_OF_RANGE })]), ...facts)
  const offsets = (leaderStartOffset: number, leaderEndOffset: number, errorCode = errors.NONE) =>
    ({
      type: 'offsets.answered',
      request: 2,
      atMs: t0,
      partitions: [
        {
          topic: 'orders',
          partition: 0,
          leaderEpoch: 5,
          errorCode,
          leaderStartOffset,
          leaderEndOffset,
          logEndOffset: 10,
        },
      ],
    }) satisfies ReplicaFetcherFact

  test('asks the leader of this epoch where its log begins and ends (KAFKA-2143)', () => {
    const [at, commands] = outOfRange()
    expect(at.value).toEqual({ truncating: 'askingOffsets' })
    expect(commands).toMatchObject([{ type: 'offsets.ask', partitions: [{ leaderEpoch: 5 }] }])
  })

  test('cuts our log at the end of the leader’s', () => {
    const [at, commands] = outOfRange(offsets(0, 7))
    expect(commands.at(-1)).toMatchObject({ partitions: [{ cut: { endOffset: 7 } }] })
    expect(asked(run(at, truncated(0, 7))[1])).toEqual([[0, 7]])
  })

  test('drops our log where the leader’s begins beyond it', () => {
    const [at, commands] = outOfRange(offsets(50, 90))
    expect(commands.at(-1)).toMatchObject({ partitions: [{ cut: { startOffset: 50 } }] })
    expect(asked(run(at, truncated(0, 50, -1))[1])).toEqual([[0, 50]])
  })

  test('fetches again where it is in range after all', () => {
    const [at, commands] = outOfRange(offsets(0, 10))
    expect(at.value).toBe('fetching')
    expect(asked(commands)).toEqual([[0, 10]])
  })

  test('tries again after a pause where the leader cannot say', () => {
    const [at] = outOfRange(offsets(0, 0, errors.NOT_LEADER_OR_FOLLOWER))
    expect(at.value).toBe('backingOff')
  })

  test('drops an answer to another request', () => {
    const [at] = outOfRange({ ...offsets(0, 7), request: 1 })
    expect(at.value).toEqual({ truncating: 'askingOffsets' })
  })

  test('drops an answer of another reign', () => {
    const [anew] = run(outOfRange()[0], assigned([followed(0, { leaderEpoch: 6 })]))
    expect(run(anew, offsets(0, 7))[0].value).toBe('fetching')
  })
})

test('while it backs off, newcomers are fetched at once', () => {
  const [at] = run(fetching(0), failed(1))
  const [again, commands] = run(at, assigned([followed(1)]))
  expect(again.value).toBe('fetching')
  expect(asked(commands)).toEqual([[1, 10]])
})

test('while it backs off, it goes idle where nothing is followed any more', () => {
  const [at] = run(fetching(0), failed(1))
  expect(run(at, assigned([], [0]))[0].value).toBe('idle')
})
