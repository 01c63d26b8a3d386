import { NEVER, type Observable, of, throwError } from 'rxjs'
import { beforeEach, expect, test } from 'vitest'
import { errors } from '../../../src/error.ts'
import { producerIdWaitMs } from '../../../src/limits.ts'
import { Ensemble } from '../zookeeper/ensemble.ts'
import { LoneBroker } from './lone-broker.ts'

let it: Ensemble
let broker: LoneBroker
let asked: unknown[]
let controller: () => Observable<unknown>

beforeEach(async () => {
  it = new Ensemble()
  await it.start()
  broker = new LoneBroker(it)
  asked = []
  Object.assign(broker.world, {
    peers: {
      toController: (_api: unknown, body: unknown) => {
        asked.push(body)
        return controller()
      },
    },
  })
})

const block = (producerIdStart: number, producerIdLen = 1000) =>
  of({ throttleTimeMs: 0, errorCode: 0, producerIdStart, producerIdLen })
const next = () => it.answer(broker.world.producerIds.next())

test('a block is asked for once and given out id by id', async () => {
  controller = () => block(3000)
  expect(await next()).toEqual({ errorCode: 0, producerId: 3000 })
  expect(await next()).toEqual({ errorCode: 0, producerId: 3001 })
  expect(asked).toEqual([{ brokerId: 1, brokerEpoch: 7 }])
})

test('the next block follows the last id of the one before', async () => {
  const blocks = [block(0, 2), block(8000, 2)]
  controller = () => blocks.shift() ?? NEVER
  const ids = await Promise.all([next(), next(), next(), next()])
  expect(ids.map(({ producerId }) => producerId)).toEqual([0, 1, 8000, 8001])
  expect(asked).toHaveLength(2)
})

test('a refusal and a lost controller send everybody away, to come again', async () => {
  const refusal = { errorCode: errors.COORDINATOR_LOAD_IN_PROGRESS, producerId: -1 }
  controller = () =>
    of({
      throttleTimeMs: 0,
      errorCode: errors.STALE_BROKER_EPOCH,
      producerIdStart: -1,
      producerIdLen: 0,
    })
  expect(await next()).toEqual(refusal)
  controller = () => throwError(() => new Error('gone'))
  expect(await next()).toEqual(refusal)
  controller = () => block(1)
  expect(await next()).toEqual({ errorCode: 0, producerId: 1 })
})

test('nobody waits for ever', async () => {
  controller = () => NEVER
  const before = it.platform.clock.now()
  expect(await next()).toMatchObject({ errorCode: errors.COORDINATOR_LOAD_IN_PROGRESS })
  expect(it.platform.clock.now() - before).toBe(producerIdWaitMs)
})

test('who went away uses up no id', async () => {
  controller = () => NEVER
  const gone = broker.world.producerIds.next().subscribe()
  gone.unsubscribe()
  await it.pass(2 * producerIdWaitMs)
  expect(it.failures).toEqual([])
})
