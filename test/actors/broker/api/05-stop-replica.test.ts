import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { errors } from '../../../../src/error.ts'
import { StopReplica } from '../../../../src/protocol/index.ts'
import { ReplicaCluster } from '../replica-cluster.ts'

let cluster: ReplicaCluster
beforeEach(() => {
  cluster = new ReplicaCluster([1])
  cluster.elect({})
  cluster.elect({})
})
afterEach(() => {
  expect(cluster.failures).toEqual([])
  cluster.stop()
})

const stop = (
  of: {
    version?: number
    controllerEpoch?: number
    brokerEpoch?: number
    leaderEpoch?: number
    deletes?: boolean
  } = {},
) => {
  const { version = 4, controllerEpoch = 1, brokerEpoch, leaderEpoch = 2, deletes = true } = of
  return cluster.ask(1, StopReplica, version, {
    controllerId: 1,
    controllerEpoch,
    ...(brokerEpoch === undefined ? {} : { brokerEpoch }),
    ...(version < 3 ? { deletePartitions: deletes } : {}),
    ...(version === 0 ? { ungroupedPartitions: [{ topicName: 'orders', partitionIndex: 0 }] } : {}),
    ...(version === 1 || version === 2
      ? { topics: [{ name: 'orders', partitionIndexes: [0] }] }
      : {}),
    ...(version >= 3
      ? {
          topicStates: [
            {
              topicName: 'orders',
              partitionStates: [{ partitionIndex: 0, leaderEpoch, deletePartition: deletes }],
            },
          ],
        }
      : {}),
  }).answer
}

const hosted = () => cluster.broker(1).world.partitions.get('orders', 0)

describe('StopReplica', () => {
  test.each([0, 1, 2, 3, 4])('v%i stops and deletes', version => {
    expect(stop({ version })).toMatchObject({
      errorCode: errors.NONE,
      partitionErrors: [{ topicName: 'orders', partitionIndex: 0, errorCode: errors.NONE }],
    })
    expect(hosted()).toBeUndefined()
  })

  test('without deletion keeps the log, and serves nothing of it', () => {
    stop({ deletes: false })
    expect(hosted()?.state).toBe('offline')
    expect(cluster.broker(1).world.partitions.find('orders', 0)).toBe(errors.NOT_LEADER_OR_FOLLOWER)
  })

  test('of an older leader epoch is FENCED_LEADER_EPOCH (KIP-570)', () => {
    expect(stop({ leaderEpoch: 1 })?.partitionErrors[0]?.errorCode).toBe(errors.FENCED_LEADER_EPOCH)
    expect(hosted()?.state).toBe('leader.isrCommitted')
  })

  test('of a replica that is not here is done', () => {
    stop()
    expect(stop()?.partitionErrors[0]?.errorCode).toBe(errors.NONE)
  })

  test('of an old controller, or meant for an earlier life, is refused as a whole', () => {
    const { brokerEpoch } = cluster.broker(1).world
    expect(stop({ brokerEpoch: brokerEpoch - 1 })?.errorCode).toBe(errors.STALE_BROKER_EPOCH)
    cluster.broker(1).world.metadata.admitController(5)
    expect(stop({ controllerEpoch: 4 })?.errorCode).toBe(errors.STALE_CONTROLLER_EPOCH)
    expect(hosted()).toBeDefined()
  })
})
