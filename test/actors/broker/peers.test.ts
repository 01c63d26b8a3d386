import { NEVER, Observable, of } from 'rxjs'
import { beforeEach, expect, test } from 'vitest'
import type { PeerConnection } from '../../../actors/broker/broker-world.ts'
import { served } from '../../../actors/broker/dispatch.ts'
import { BrokerListener } from '../../../actors/broker/listener.ts'
import { ensureTopLevelPaths, register } from '../../../actors/broker/registration.ts'
import { errors } from '../../../src/error.ts'
import { controllerRetryMs } from '../../../src/limits.ts'
import { AllocateProducerIds } from '../../../src/protocol/index.ts'
import { Ensemble } from '../zookeeper/ensemble.ts'
import { LoneBroker } from './lone-broker.ts'

let it: Ensemble
let broker: LoneBroker

beforeEach(async () => {
  it = new Ensemble()
  await it.start()
  broker = new LoneBroker(it)
  await it.answer(ensureTopLevelPaths(broker.world.zookeeper))
})

type Answer = Observable<{ errorCode: number; producerIdStart: number; producerIdLen: number }>

const block = (producerIdStart: number): Answer =>
  of({ errorCode: errors.NONE, producerIdStart, producerIdLen: 1000, throttleTimeMs: 0 })
const notController: Answer = of({
  errorCode: errors.NOT_CONTROLLER,
  producerIdStart: -1,
  producerIdLen: 0,
  throttleTimeMs: 0,
})

/** Another broker, of which only the port and one handler are there. */
async function other(id: number, port: number, answer: (from: number) => Answer) {
  const { world, process } = it.world(`other-${id}-${port}`)
  const asked: number[] = []
  const handler = served(AllocateProducerIds, (_broker, { brokerId }) => {
    asked.push(brokerId)
    return answer(brokerId) as never
  })
  const listener = new BrokerListener(
    { ...world, config: broker.world.config } as never,
    new Map([[AllocateProducerIds.key, handler]]),
    'PLAINTEXT',
  )
  listener.bind({ host: `h${id}`, port }, { bound() {}, failed() {} })
  listener.serve()
  await it.pass(5)
  return { asked, process, world }
}

const ask = (peer: PeerConnection, timeoutMs = 1000) =>
  peer.request(AllocateProducerIds, 0, { brokerId: 1 }, timeoutMs)

test('a peer is reached where the controller said, over one connection', async () => {
  await other(2, 9093, () => block(5))
  broker.learn()
  const peer = broker.peers.connect(2, 'me')
  const [one, two] = await Promise.all([it.answer(ask(peer)), it.answer(ask(peer))])
  expect([one.producerIdStart, two.producerIdStart]).toEqual([5, 5])
  const connections = [...it.registry.roots.keys()].filter(path => path.includes('/connection/'))
  expect(connections).toEqual(['other-2-9093/connection/1'])
})

test('before the controller said anything, its znode tells where it is', async () => {
  await other(2, 9093, () => block(5))
  const { client } = it.join('broker-2')
  await it.answer(
    register(client, 2, {
      endpoints: [{ listener: 'PLAINTEXT', securityProtocol: 'PLAINTEXT', host: 'h2', port: 9093 }],
      timestampMs: 0,
      rack: null,
      jmxPort: -1,
    }),
  )
  expect(await it.answer(ask(broker.peers.connect(2, 'me')))).toMatchObject({ producerIdStart: 5 })
})

test('where nobody answers, the znode is looked at before the next attempt', async () => {
  broker.learn()
  await other(2, 7777, () => block(5))
  const { client } = it.join('broker-2')
  await it.answer(
    register(client, 2, {
      endpoints: [{ listener: 'PLAINTEXT', securityProtocol: 'PLAINTEXT', host: 'h2', port: 7777 }],
      timestampMs: 0,
      rack: null,
      jmxPort: -1,
    }),
  )
  const peer = broker.peers.connect(2, 'me')
  await expect(it.answer(ask(peer))).rejects.toThrow('ECONNREFUSED')
  expect(await it.answer(ask(peer))).toMatchObject({ producerIdStart: 5 })
})

test('a broker that nobody knows is out of reach', async () => {
  await expect(it.answer(ask(broker.peers.connect(9, 'me')))).rejects.toThrow(
    'broker 9 is not registered',
  )
})

test('after a loss the next request connects anew', async () => {
  const first = await other(2, 9093, () => block(5))
  broker.learn()
  const peer = broker.peers.connect(2, 'me')
  await it.answer(ask(peer))
  first.process.kill()
  await it.pass(10)
  await expect(it.answer(ask(peer))).rejects.toThrow('connection to h2:9093 closed')
  await other(2, 9093, () => block(6))
  expect(await it.answer(ask(peer))).toMatchObject({ producerIdStart: 6 })
})

test('no answer in time is told, and the connection given up', async () => {
  let patience = NEVER as Answer
  await other(2, 9093, () => patience)
  broker.learn()
  const peer = broker.peers.connect(2, 'me')
  await expect(it.answer(ask(peer, 500))).rejects.toThrow('not answered within 500 ms')
  patience = block(6)
  expect(await it.answer(ask(peer))).toMatchObject({ producerIdStart: 6 })
})

test('a closed peer asks nothing more', async () => {
  broker.learn()
  const peer = broker.peers.connect(2, 'me')
  peer.close()
  await expect(it.answer(ask(peer))).rejects.toThrow('closed by its owner')
})

const toController = (brokerId = 1) =>
  it.answer(broker.peers.toController(AllocateProducerIds, { brokerId }))

test('a request to the controller waits until one is known', async () => {
  const { asked } = await other(2, 9093, () => block(5))
  const answer = toController()
  await it.pass(10 * controllerRetryMs)
  expect(asked).toEqual([])
  broker.learn({ controller: 2 })
  expect(await answer).toMatchObject({ producerIdStart: 5 })
})

test('who is not the controller is asked again until another is known', async () => {
  const two = await other(2, 9093, () => notController)
  await other(3, 9094, () => block(7))
  broker.learn({ controller: 2 })
  const answer = toController()
  await it.pass(3.5 * controllerRetryMs)
  expect(two.asked.length).toBeGreaterThan(1)
  broker.learn({ controller: 3 })
  const before = it.platform.clock.now()
  expect(await answer).toMatchObject({ producerIdStart: 7 })
  // The news ended the pause.
  expect(it.platform.clock.now() - before).toBeLessThan(controllerRetryMs / 2)
})

test('requests go one after another, in order', async () => {
  const open: (() => void)[] = []
  const { asked } = await other(
    2,
    9093,
    from =>
      new Observable(subscriber => {
        open.push(() => block(from).subscribe(subscriber))
      }),
  )
  broker.learn({ controller: 2 })
  const answers = [toController(11), toController(12), toController(13)]
  await it.pass(50)
  expect(asked).toEqual([11])
  open.shift()?.()
  await it.pass(50)
  expect(asked).toEqual([11, 12])
  open.shift()?.()
  await it.pass(50)
  open.shift()?.()
  const starts = (await Promise.all(answers)).map(({ producerIdStart }) => producerIdStart)
  expect(starts).toEqual([11, 12, 13])
})

test('a controller that dies or falls silent is left for the next one', async () => {
  for (const end of ['kill', 'pause'] as const) {
    const silent = await other(2, 9093, () => NEVER)
    const next = await other(3, 9094, () => block(8))
    broker.learn({ controller: 2 })
    const answer = toController()
    await it.pass(50)
    silent.process[end]()
    await it.pass(3 * controllerRetryMs)
    broker.learn({ controller: 3 })
    expect(await answer).toMatchObject({ producerIdStart: 8 })
    silent.process.kill()
    next.process.kill()
    await it.pass(50)
  }
})

test('a request that nobody waits for any more is not sent', async () => {
  const { asked } = await other(2, 9093, () => block(5))
  const gone = broker.peers.toController(AllocateProducerIds, { brokerId: 1 }).subscribe()
  gone.unsubscribe()
  broker.learn({ controller: 2 })
  await toController(2)
  expect(asked).toEqual([2])
})
