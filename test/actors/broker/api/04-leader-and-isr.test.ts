import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Channel } from '../../../../actors/channel.ts'
import { errors } from '../../../../src/error.ts'
import { noUuid } from '../../../../src/ids.ts'
import { LeaderAndIsr } from '../../../../src/protocol/index.ts'
import { ordersId, ReplicaCluster } from '../replica-cluster.ts'

let cluster: ReplicaCluster
beforeEach(() => {
  cluster = new ReplicaCluster([1])
})
afterEach(() => {
  expect(cluster.failures).toEqual([])
  cluster.stop()
})

interface Order {
  version?: number
  controllerEpoch?: number
  brokerEpoch?: number
  topicId?: string
  leader?: number
  leaderEpoch?: number
  partitionEpoch?: number
  replicas?: readonly number[]
}

const order = (of: Order = {}) => {
  const { version = 7, controllerEpoch = 1, brokerEpoch, topicId = ordersId } = of
  const { leader = 1, leaderEpoch = 1, partitionEpoch = 1, replicas = [1, 2] } = of
  const state = {
    partitionIndex: 0,
    controllerEpoch,
    leader,
    leaderEpoch,
    isr: replicas,
    partitionEpoch,
    replicas,
  }
  return cluster.ask(1, LeaderAndIsr, version, {
    controllerId: 1,
    controllerEpoch,
    ...(brokerEpoch === undefined ? {} : { brokerEpoch }),
    ...(version < 2
      ? { ungroupedPartitionStates: [{ ...state, topicName: 'orders' }] }
      : {
          topicStates: [
            {
              topicName: 'orders',
              ...(version >= 5 ? { topicId } : {}),
              partitionStates: [state],
            },
          ],
        }),
    liveLeaders: [],
  })
}

const outcome = (of?: Order) => {
  const { answer } = order(of)
  const [partition] = answer?.topics[0]?.partitionErrors ?? answer?.partitionErrors ?? []
  return partition?.errorCode
}

describe('LeaderAndIsr', () => {
  test.each([0, 1, 2, 3, 4, 5, 6, 7])('v%i makes a leader', version => {
    expect(outcome({ version })).toBe(errors.NONE)
    const { state, topicId, leaderEpoch } = cluster.broker(1).orders
    expect([state, leaderEpoch]).toEqual(['leader.isrCommitted', 1])
    expect(topicId).toBe(version >= 5 ? ordersId : noUuid)
  })

  test('makes a follower', () => {
    outcome({ leader: 2 })
    expect(cluster.broker(1).orders.state).toBe('follower.truncating')
  })

  test('of no newer leader epoch is STALE_CONTROLLER_EPOCH for that partition', () => {
    expect(outcome({ leaderEpoch: 3 })).toBe(errors.NONE)
    for (const leaderEpoch of [2, 3])
      expect(outcome({ leader: 2, leaderEpoch })).toBe(errors.STALE_CONTROLLER_EPOCH)
    expect(cluster.broker(1).orders.isLeader).toBe(true)
  })

  test('of an old controller is STALE_CONTROLLER_EPOCH as a whole', () => {
    order({ controllerEpoch: 5 })
    expect(order({ controllerEpoch: 4, leaderEpoch: 9 }).answer?.errorCode).toBe(
      errors.STALE_CONTROLLER_EPOCH,
    )
  })

  test('meant for an earlier life is STALE_BROKER_EPOCH, for a later one right (KAFKA-9839)', () => {
    const { brokerEpoch } = cluster.broker(1).world
    expect(order({ brokerEpoch: brokerEpoch - 1 }).answer?.errorCode).toBe(
      errors.STALE_BROKER_EPOCH,
    )
    expect(order({ brokerEpoch: brokerEpoch + 1 }).answer?.errorCode).toBe(errors.NONE)
  })

  test('that names us nowhere is UNKNOWN_TOPIC_OR_PARTITION', () => {
    expect(outcome({ replicas: [2, 3] })).toBe(errors.UNKNOWN_TOPIC_OR_PARTITION)
    expect(cluster.broker(1).world.partitions.get('orders', 0)).toBeUndefined()
  })

  test('of another topic id is INCONSISTENT_TOPIC_ID, also after a restart', () => {
    outcome()
    const other = { topicId: 'b3JkZXJzb3JkZXJzb3JkWg', leaderEpoch: 9 }
    expect(outcome(other)).toBe(errors.INCONSISTENT_TOPIC_ID)
    cluster.kill(1)
    cluster.start(1)
    expect(outcome(other)).toBe(errors.INCONSISTENT_TOPIC_ID)
  })

  test('may bring a missing topic id in the same leader epoch', () => {
    outcome({ version: 4 })
    expect(outcome({ version: 7 })).toBe(errors.NONE)
    expect(cluster.broker(1).orders.topicId).toBe(ordersId)
    expect(outcome({ version: 7 })).toBe(errors.STALE_CONTROLLER_EPOCH)
  })

  test('of a topic that is new here waits for its configuration', () => {
    const read = new Channel<void>()
    const refreshed: string[][] = []
    Object.assign(cluster.broker(1).world.topicConfigs, {
      refresh: (topics: string[]) => {
        refreshed.push(topics)
        return read.asObservable()
      },
    })
    const held = order()
    expect(held.answer).toBeUndefined()
    expect(refreshed).toEqual([['orders']])
    expect(cluster.broker(1).world.partitions.get('orders', 0)).toBeUndefined()
    cluster.topicOverrides = { 'min.insync.replicas': '2' }
    read.next()
    expect(held.answer?.errorCode).toBe(errors.NONE)
    expect(cluster.broker(1).orders.snapshot.context.minInSyncReplicas).toBe(2)
    order({ leaderEpoch: 2 })
    expect(refreshed).toHaveLength(1)
  })

  test('that waited is fenced by a controller that came meanwhile', () => {
    const read = new Channel<void>()
    Object.assign(cluster.broker(1).world.topicConfigs, { refresh: () => read.asObservable() })
    const held = order({ controllerEpoch: 4 })
    cluster.broker(1).world.metadata.admitController(5)
    read.next()
    expect(held.answer?.errorCode).toBe(errors.STALE_CONTROLLER_EPOCH)
  })
})
