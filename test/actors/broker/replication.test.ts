import { afterEach, describe, expect, test } from 'vitest'
import { errors } from '../../../src/error.ts'
import { noUuid } from '../../../src/ids.ts'
import { Fetch, ListOffsets, Produce } from '../../../src/protocol/index.ts'
import { batchOf, ordersId, ReplicaCluster } from './replica-cluster.ts'

let cluster: ReplicaCluster
afterEach(() => {
  expect(cluster.failures).toEqual([])
  cluster.stop()
})

/** All three brokers have orders-0, led by 1. */
async function led(overrides: Readonly<Record<string, string | number | boolean>> = {}) {
  cluster = new ReplicaCluster([1, 2, 3], overrides)
  cluster.elect({})
  await inSync(1)
  return cluster
}

const inSync = (leader: number) =>
  cluster.until(() => {
    const { log, highWatermark, isr } = cluster.broker(leader).orders
    const replicas = [...cluster.brokers.values()].map(({ orders }) => orders)
    return (
      isr.length === cluster.brokers.size &&
      replicas.every(replica => replica.log.logEndOffset === log.logEndOffset) &&
      replicas.every(({ state }) => state === 'follower.caughtUp' || state.startsWith('leader.')) &&
      highWatermark === log.logEndOffset
    )
  }, 'all in sync')

const produce = (
  id: number,
  records: Uint8Array,
  { acks = -1, timeoutMs = 5000, version = 11, connectionId = 1 } = {},
) =>
  cluster.ask(
    id,
    Produce,
    version,
    { acks, timeoutMs, topicData: [{ name: 'orders', partitionData: [{ index: 0, records }] }] },
    connectionId,
  )

type Produced = ReturnType<typeof produce>

const produced = ({ answer }: Produced) => answer?.responses[0]?.partitionResponses[0]

const acknowledged = async (
  id: number,
  values: readonly string[],
  of: Parameters<typeof batchOf>[1] = {},
) => {
  const asked = produce(id, batchOf(values, of))
  await cluster.until(() => asked.answer !== undefined, 'an acknowledgement')
  expect(produced(asked)?.errorCode).toBe(errors.NONE)
  return produced(asked)?.baseOffset
}

/** Every byte of a broker's log. */
const bytesOf = (id: number): Uint8Array => {
  const { log } = cluster.broker(id).orders
  const { logStartOffset, logEndOffset } = log
  const read = log.read(logStartOffset, {
    maxBytes: 1e9,
    upToOffset: logEndOffset,
    minOneBatch: true,
  })
  return read.ok ? read.records : new Uint8Array(0)
}

const states = () => [...cluster.brokers.values()].map(({ orders }) => orders.state)

describe('three replicas', () => {
  test('copy what their leader takes, and acks=all waits for all of them', async () => {
    await led()
    const asked = produce(1, batchOf(['a', 'b']))
    expect(asked.answer).toBeUndefined()
    await cluster.until(() => asked.answer !== undefined, 'an acknowledgement')
    expect(produced(asked)).toMatchObject({ errorCode: errors.NONE, baseOffset: 0 })
    for (const id of [2, 3]) expect(cluster.broker(id).orders.log.logEndOffset).toBe(2)
    await inSync(1)
    expect(bytesOf(2)).toEqual(bytesOf(1))
    expect(bytesOf(3)).toEqual(bytesOf(1))
    expect(states()).toEqual(['leader.isrCommitted', 'follower.caughtUp', 'follower.caughtUp'])
  })

  test('share no memory', async () => {
    await led()
    await acknowledged(1, ['a'])
    expect(bytesOf(2).buffer).not.toBe(bytesOf(1).buffer)
  })

  test('answer within a few round trips, though fetches wait for half a second', async () => {
    await led()
    await cluster.advance(200)
    const before = cluster.clock.now()
    await acknowledged(1, ['a'])
    expect(cluster.clock.now() - before).toBeLessThan(30)
  })

  test('begin to copy a new topic at once, though fetches wait for half a second', async () => {
    cluster = new ReplicaCluster()
    cluster.elect({ leader: 1 })
    await inSync(1)
    const before = cluster.clock.now()
    // Still the same leader: followers have a fetch waiting there.
    cluster.elect({})
    await acknowledged(1, ['a'])
    expect(cluster.clock.now() - before).toBeLessThan(50)
  })

  test('go on under a new leader when the first one dies', async () => {
    await led()
    await acknowledged(1, ['a', 'b'])
    cluster.kill(1)
    cluster.elect({ leader: 2, isr: [2, 3] })
    expect(await acknowledged(2, ['c'])).toBe(2)
    await inSync(2)
    expect(bytesOf(3)).toEqual(bytesOf(2))
    expect(cluster.broker(2).orders.log.leaderEpochs).toEqual([
      { leaderEpoch: 1, startOffset: 0 },
      { leaderEpoch: 2, startOffset: 2 },
    ])
  })

  test('recognise a batch sent again to the new leader', async () => {
    await led()
    const idempotent = { producerId: 77, producerEpoch: 0, baseSequence: 0 }
    expect(await acknowledged(1, ['a', 'b'], idempotent)).toBe(0)
    cluster.kill(1)
    cluster.elect({ leader: 3, isr: [2, 3] })
    expect(await acknowledged(3, ['a', 'b'], idempotent)).toBe(0)
    expect(cluster.broker(3).orders.log.logEndOffset).toBe(2)
    expect(await acknowledged(3, ['c'], { ...idempotent, baseSequence: 2 })).toBe(2)
  })

  test('lose no acknowledged record, whoever dies and leads next', async () => {
    for (const next of [2, 3]) {
      await led()
      await acknowledged(1, ['a'])
      // Not acknowledged: on the leader alone.
      produce(1, batchOf(['lost']), { acks: 1 })
      cluster.kill(1)
      cluster.elect({ leader: next, isr: [2, 3] })
      expect(await acknowledged(next, ['b'])).toBe(1)
      if (next === 2) cluster.stop()
    }
  })
})

describe('a leader that comes back', () => {
  test('cuts off what nobody else had, catches up, and joins the ISR again', async () => {
    await led()
    await acknowledged(1, ['a', 'b'])
    for (const id of [2, 3]) cluster.broker(id).process.pause()
    produce(1, batchOf(['lost', 'too', 'really']), { acks: 1 })
    expect(cluster.broker(1).orders.log.logEndOffset).toBe(5)
    cluster.kill(1)
    for (const id of [2, 3]) cluster.broker(id).process.resume()
    cluster.elect({ leader: 2, isr: [2, 3] })
    await acknowledged(2, ['c'])

    const again = cluster.start(1)
    expect(again.orders.state).toBe('offline')
    expect(again.orders.log.logEndOffset).toBe(5)
    cluster.tellAll()
    cluster.order(1)
    expect(again.orders.state).toBe('follower.truncating')
    await inSync(2)
    expect(cluster.state.isr).toEqual([2, 3, 1])
    expect(bytesOf(1)).toEqual(bytesOf(2))
    expect(again.orders.state).toBe('follower.caughtUp')
    const told = cluster.trace.kept.filter(
      ({ path, kind }) => path === 'broker-1/partition/orders-0' && kind === 'command',
    )
    expect(told.map(({ type }) => type)).toContain('log.truncate')
  })

  test('after two elections that it missed, cuts back over both (KIP-279)', async () => {
    await led()
    await acknowledged(1, ['a'])
    // 1 alone writes in epoch 1; 2 alone writes in epoch 2; 3 leads in epoch 3.
    for (const id of [2, 3]) cluster.broker(id).process.pause()
    produce(1, batchOf(['x', 'x', 'x']), { acks: 1 })
    cluster.kill(1)
    cluster.broker(2).process.resume()
    cluster.elect({ leader: 2, isr: [2] }, [2])
    produce(2, batchOf(['y', 'y']), { acks: 1 })
    cluster.kill(2)
    cluster.broker(3).process.resume()
    cluster.elect({ leader: 3, isr: [3] }, [3])
    await acknowledged(3, ['z'])
    for (const id of [1, 2]) cluster.start(id)
    cluster.tellAll()
    for (const id of [1, 2]) cluster.order(id)
    await inSync(3)
    expect(bytesOf(1)).toEqual(bytesOf(3))
    expect(bytesOf(2)).toEqual(bytesOf(3))
    expect(cluster.broker(1).orders.log.leaderEpochs).toEqual([
      { leaderEpoch: 1, startOffset: 0 },
      { leaderEpoch: 3, startOffset: 1 },
    ])
  })

  test('finds its high watermark on its disk', async () => {
    await led({ 'replica.high.watermark.checkpoint.interval.ms': 100 })
    await acknowledged(1, ['a', 'b'])
    await cluster.until(() => cluster.broker(3).orders.highWatermark === 2, 'a high watermark')
    await cluster.advance(101)
    cluster.kill(3)
    expect(cluster.start(3).orders.highWatermark).toBe(2)
  })

  test('after an orderly shutdown begins where it stood', async () => {
    await led()
    await acknowledged(1, ['a', 'b'])
    await cluster.until(() => cluster.broker(3).orders.highWatermark === 2, 'a high watermark')
    cluster.broker(3).world.partitions.shutDown()
    cluster.kill(3)
    const { highWatermark, topicId, state, log } = cluster.start(3).orders
    expect([highWatermark, topicId, state, log.logEndOffset]).toEqual([2, ordersId, 'offline', 2])
  })
})

describe('the ISR', () => {
  test('shrinks by who falls silent, and grows by who catches up', async () => {
    await led()
    await acknowledged(1, ['a'])
    cluster.broker(3).process.pause()
    const asked = produce(1, batchOf(['b']))
    await cluster.until(() => cluster.state.isr.length === 2, 'a smaller ISR')
    expect(cluster.state.isr).toEqual([1, 2])
    await cluster.until(() => asked.answer !== undefined, 'an acknowledgement')
    expect(produced(asked)?.errorCode).toBe(errors.NONE)
    cluster.broker(3).process.resume()
    await inSync(1)
    expect(cluster.state.isr).toEqual([1, 2, 3])
    expect(bytesOf(3)).toEqual(bytesOf(1))
  })

  test('does not shrink while nothing is written', async () => {
    await led()
    await acknowledged(1, ['a'])
    await cluster.advance(20_000)
    expect(cluster.proposals).toEqual([])
  })

  test('below min.insync.replicas takes no acks=all, but acks=1', async () => {
    await led()
    cluster.topicOverrides = { 'min.insync.replicas': '2' }
    for (const { world } of cluster.brokers.values())
      world.changes.next({ kind: 'topicConfig', topic: 'orders' })
    for (const id of [2, 3]) cluster.kill(id)
    cluster.elect({ isr: [1] })
    expect(produced(produce(1, batchOf(['a'])))?.errorCode).toBe(errors.NOT_ENOUGH_REPLICAS)
    expect(produced(produce(1, batchOf(['a']), { acks: 1 }))?.errorCode).toBe(errors.NONE)
    expect(cluster.broker(1).orders.highWatermark).toBe(0)
  })

  test('is asked for again while the controller cannot say, with both sets counting', async () => {
    await led()
    cluster.verdict = errors.UNKNOWN_SERVER_ERROR
    cluster.broker(3).process.pause()
    const asked = produce(1, batchOf(['b']), { timeoutMs: 60_000 })
    await cluster.until(() => cluster.proposals.length >= 3, 'three proposals')
    expect(asked.answer).toBeUndefined()
    cluster.verdict = 'accept'
    await cluster.until(() => asked.answer !== undefined, 'an acknowledgement')
  })

  test('stays as proposed until the controller says otherwise', async () => {
    await led()
    cluster.verdict = errors.INVALID_UPDATE_VERSION
    cluster.broker(3).process.pause()
    produce(1, batchOf(['b']), { timeoutMs: 60_000 })
    await cluster.until(() => cluster.proposals.length === 1, 'a proposal')
    await cluster.advance(5000)
    expect(cluster.proposals).toEqual([[1, 2]])
    expect(cluster.broker(1).orders.state).toBe('leader.isrProposed.outdated')
    cluster.verdict = 'accept'
    cluster.elect({ isr: [1, 2] })
    expect(cluster.broker(1).orders.state).toBe('leader.isrCommitted')
  })
})

describe('a waiting produce', () => {
  test('is refused when its leader leads no more', async () => {
    await led()
    for (const id of [2, 3]) cluster.broker(id).process.pause()
    const asked = produce(1, batchOf(['a']))
    cluster.elect({ leader: 2 }, [1])
    expect(produced(asked)).toMatchObject({
      errorCode: errors.NOT_LEADER_OR_FOLLOWER,
      currentLeader: { leaderId: 2, leaderEpoch: 2 },
    })
    expect(asked.answer?.nodeEndpoints).toEqual([
      { nodeId: 2, host: '127.0.0.1', port: 9093, rack: null },
    ])
  })

  test('times out', async () => {
    await led()
    for (const id of [2, 3]) cluster.broker(id).process.pause()
    const asked = produce(1, batchOf(['a']), { timeoutMs: 500 })
    await cluster.advance(499)
    expect(asked.answer).toBeUndefined()
    await cluster.advance(2)
    expect(produced(asked)?.errorCode).toBe(errors.REQUEST_TIMED_OUT)
  })
})

describe('a consumer', () => {
  const fetch = (
    id: number,
    fetchOffset: number,
    of: { maxWaitMs?: number; version?: number } = {},
  ) =>
    cluster.ask(
      id,
      Fetch,
      of.version ?? 12,
      {
        maxWaitMs: of.maxWaitMs ?? 500,
        minBytes: 1,
        maxBytes: 1e6,
        sessionEpoch: -1,
        topics: [
          {
            topic: 'orders',
            topicId: noUuid,
            partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1e6 }],
          },
        ],
      },
      99,
    )
  const fetched = ({ answer }: ReturnType<typeof fetch>) => answer?.responses[0]?.partitions[0]

  test('reads what is committed, and no more', async () => {
    await led()
    await acknowledged(1, ['a'])
    for (const id of [2, 3]) cluster.broker(id).process.pause()
    produce(1, batchOf(['b']), { acks: 1 })
    const first = fetched(fetch(1, 0))
    expect(first).toMatchObject({ errorCode: errors.NONE, highWatermark: 1 })
    expect(first?.records?.length).toBe(batchOf(['a']).length)
    const rest = fetch(1, 1)
    expect(rest.answer).toBeUndefined()
    await cluster.advance(501)
    expect(fetched(rest)?.records?.length).toBe(0)
  })

  test('that waits is answered as soon as the high watermark passes', async () => {
    await led()
    const waiting = fetch(1, 0, { maxWaitMs: 10_000 })
    const asked = produce(1, batchOf(['a']))
    await cluster.until(() => waiting.answer !== undefined, 'records')
    expect(asked.answer).not.toBeUndefined()
    expect(fetched(waiting)?.records?.length).toBeGreaterThan(0)
  })

  test('may read from a follower, up to the high watermark that it knows (KIP-392)', async () => {
    await led()
    await acknowledged(1, ['a'])
    await inSync(1)
    await cluster.until(() => cluster.broker(2).orders.highWatermark === 1, 'a high watermark')
    expect(fetched(fetch(2, 0))?.records?.length).toBeGreaterThan(0)
    expect(fetched(fetch(2, 0, { version: 10 }))?.errorCode).toBe(errors.NOT_LEADER_OR_FOLLOWER)
  })

  test('of a new leader is not told where the log ends before that is known (KIP-207)', async () => {
    await led()
    await acknowledged(1, ['a'])
    cluster.kill(1)
    cluster.broker(3).process.pause()
    const hidden = cluster.broker(2).orders
    cluster.elect({ leader: 2, isr: [2, 3] }, [2])
    expect(hidden.highWatermark).toBe(0)
    const latest = () =>
      cluster.ask(2, ListOffsets, 9, {
        replicaId: -1,
        isolationLevel: 0,
        topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
      }).answer?.topics[0]?.partitions[0]
    expect(latest()?.errorCode).toBe(errors.OFFSET_NOT_AVAILABLE)
    cluster.broker(3).process.resume()
    cluster.order(3)
    await cluster.until(() => latest()?.errorCode === errors.NONE, 'an end')
    expect(latest()?.offset).toBe(1)
  })
})

test('a follower whose leader has dropped its oldest records begins anew where they begin', async () => {
  await led()
  await acknowledged(1, ['a', 'b', 'c'])
  cluster.kill(3)
  cluster.elect({ isr: [1, 2] })
  await acknowledged(1, ['d'])
  await acknowledged(1, ['e'])
  await inSync(1)
  cluster.broker(1).orders.log.advanceLogStartOffset(4, 5)
  cluster.start(3)
  cluster.tellAll()
  cluster.order(3)
  await inSync(1)
  const { log, highWatermark } = cluster.broker(3).orders
  expect(log).toMatchObject({ logStartOffset: 4, logEndOffset: 5 })
  expect(highWatermark).toBe(5)
})

test('a replica that lost its disk is out of the ISR at once, and in again when it has caught up', async () => {
  await led()
  await acknowledged(1, ['a', 'b'])
  cluster.kill(3)
  const disk = cluster.platform.disk('broker-3')
  for (const name of disk.list('')) disk.remove(name)
  cluster.start(3)
  cluster.tellAll()
  cluster.order(3)
  await cluster.until(() => cluster.proposals.length > 0, 'a proposal')
  expect(cluster.proposals[0]).toEqual([1, 2])
  await inSync(1)
  expect(cluster.state.isr).toEqual([1, 2, 3])
})

test('a deleted replica is gone from memory and disk, and may be made anew', async () => {
  await led()
  await acknowledged(1, ['a'])
  const { partitions } = cluster.broker(3).world
  const stop = {
    controllerId: 1,
    isKRaftController: false,
    controllerEpoch: 1,
    brokerEpoch: -1,
    deletePartitions: false,
    ungroupedPartitions: [],
    topics: [],
    topicStates: [
      {
        topicName: 'orders',
        partitionStates: [{ partitionIndex: 0, leaderEpoch: -2, deletePartition: true }],
      },
    ],
  }
  expect(partitions.stopReplica(stop).partitionErrors).toEqual([
    { topicName: 'orders', partitionIndex: 0, errorCode: errors.NONE },
  ])
  expect(partitions.get('orders', 0)).toBeUndefined()
  expect(cluster.platform.disk('broker-3').list('orders-0')).toEqual([])
  expect(cluster.broker(3).fetcher(1)).toBe('idle')
  expect(partitions.stopReplica(stop).partitionErrors?.[0]?.errorCode).toBe(errors.NONE)
  cluster.elect({})
  await inSync(1)
  expect(bytesOf(3)).toEqual(bytesOf(1))
})
