import { of } from 'rxjs'
import { beforeEach, expect, test } from 'vitest'
import { initProducerId } from '../../../../actors/broker/api/22-init-producer-id.ts'
import { errors } from '../../../../src/error.ts'
import { InitProducerId } from '../../../../src/protocol/index.ts'
import { Ensemble } from '../../zookeeper/ensemble.ts'
import { LoneBroker } from '../lone-broker.ts'

let broker: LoneBroker

beforeEach(async () => {
  const ensemble = new Ensemble()
  await ensemble.start()
  broker = new LoneBroker(ensemble)
  broker.learn()
})

const init = (request: object, version = 4) =>
  broker.ask(InitProducerId, initProducerId, version, {
    transactionalId: null,
    transactionTimeoutMs: 60_000,
    ...request,
  })

test('an idempotent producer gets an id of its own and epoch 0', async () => {
  let next = 41
  Object.assign(broker.world, {
    producerIds: { next: () => of({ errorCode: errors.NONE, producerId: next++ }) },
  })
  expect(await init({})).toMatchObject({ errorCode: 0, producerId: 41, producerEpoch: 0 })
  expect(await init({ producerId: 41, producerEpoch: 3 })).toMatchObject({ producerId: 42 })
  expect(await init({}, 0)).toMatchObject({ errorCode: 0, producerId: 43, producerEpoch: 0 })
})

test('without a block of ids it is told to come again', async () => {
  const errorCode = errors.COORDINATOR_LOAD_IN_PROGRESS
  Object.assign(broker.world, {
    producerIds: { next: () => of({ errorCode, producerId: -1 }) },
  })
  expect(await init({})).toMatchObject({ errorCode, producerId: -1, producerEpoch: -1 })
})

test('half a name and an empty transactional id are no requests, a transaction is not served', async () => {
  expect(await init({ producerId: 5 })).toMatchObject({ errorCode: errors.INVALID_REQUEST })
  expect(await init({ producerEpoch: 0 })).toMatchObject({ errorCode: errors.INVALID_REQUEST })
  expect(await init({ transactionalId: '' })).toMatchObject({ errorCode: errors.INVALID_REQUEST })
  expect(await init({ transactionalId: 'tx' })).toMatchObject({
    errorCode: errors.UNSUPPORTED_VERSION,
    producerId: -1,
  })
})
