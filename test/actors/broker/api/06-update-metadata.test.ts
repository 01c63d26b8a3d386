import { beforeEach, expect, test } from 'vitest'
import { updateMetadata } from '../../../../actors/broker/api/06-update-metadata.ts'
import { errors } from '../../../../src/error.ts'
import { type RequestDraftOf, UpdateMetadata } from '../../../../src/protocol/index.ts'
import { Ensemble } from '../../zookeeper/ensemble.ts'
import { LoneBroker } from '../lone-broker.ts'

let broker: LoneBroker

beforeEach(async () => {
  const ensemble = new Ensemble()
  await ensemble.start()
  broker = new LoneBroker(ensemble)
})

const ask = (more: Partial<RequestDraftOf<typeof UpdateMetadata>> = {}) =>
  broker.ask(UpdateMetadata, updateMetadata, 8, {
    controllerId: 2,
    controllerEpoch: 5,
    brokerEpoch: 7,
    topicStates: [],
    liveBrokers: [
      { id: 2, endpoints: [{ port: 1, host: 'h', listener: 'PLAINTEXT', securityProtocol: 0 }] },
    ],
    ...more,
  } as RequestDraftOf<typeof UpdateMetadata>)

test('what the controller tells is taken in, and told on', async () => {
  expect(await ask()).toEqual({ errorCode: errors.NONE })
  expect(broker.world.metadata.controllerId).toBe(2)
  expect(broker.changes).toEqual([{ kind: 'metadata' }])
})

test('an order meant for an earlier run of this broker is refused', async () => {
  expect(await ask({ brokerEpoch: 6 })).toEqual({ errorCode: errors.STALE_BROKER_EPOCH })
  expect(broker.changes).toEqual([])
})

test('an order for a later epoch is right: our own registration may still be under way', async () => {
  expect(await ask({ brokerEpoch: 8 })).toEqual({ errorCode: errors.NONE })
  expect(await ask({ brokerEpoch: -1 })).toEqual({ errorCode: errors.NONE })
})

test('a controller that was replaced is refused', async () => {
  await ask()
  expect(await ask({ controllerEpoch: 4, controllerId: 1 })).toEqual({
    errorCode: errors.STALE_CONTROLLER_EPOCH,
  })
  expect(broker.world.metadata.controllerId).toBe(2)
})

test('groups are told of partitions that are deleted', async () => {
  const state = { topicName: 'orders', controllerEpoch: 5, leaderEpoch: 1, isr: [], zkVersion: 1 }
  const partition = { ...state, replicas: [], offlineReplicas: [], leader: -2, partitionIndex: 1 }
  const { topicName, ...partitionState } = partition
  const partitionStates = [0, 1].map(partitionIndex => ({
    ...partitionState,
    leader: 7,
    partitionIndex,
  }))
  await ask({ topicStates: [{ topicName, partitionStates }] })
  await ask({ topicStates: [{ topicName, partitionStates: [partitionState] }] })
  expect(broker.deletedPartitions).toEqual([{ topic: 'orders', partition: 1 }])
  expect([...(broker.world.metadata.topic('orders')?.partitions.keys() ?? [])]).toEqual([0])
})
