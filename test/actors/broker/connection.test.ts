import fc from 'fast-check'
import { NEVER, type Observable, throwError } from 'rxjs'
import { expect, test } from 'vitest'
import { apiVersions } from '../../../actors/broker/api/18-api-versions.ts'
import type { BrokerWorld } from '../../../actors/broker/broker-world.ts'
import { type Served, served } from '../../../actors/broker/dispatch.ts'
import { BrokerListener } from '../../../actors/broker/listener.ts'
import { Channel } from '../../../actors/channel.ts'
import { Registry } from '../../../actors/registry.ts'
import { connectRequester } from '../../../actors/requester.ts'
import { Trace } from '../../../actors/trace.ts'
import { createWorld } from '../../../actors/world.ts'
import { BrokenInvariant } from '../../../src/assert.ts'
import { brokerConfig } from '../../../src/broker/config.ts'
import { errors } from '../../../src/error.ts'
import { outboundBytesMax, requestsInFlightMax } from '../../../src/limits.ts'
import { memoryPlatform } from '../../../src/platform/memory.ts'
import {
  ApiVersions,
  correlationIdOf,
  decodeResponse,
  encodeRequest,
  FrameSplitter,
  Heartbeat,
  ListGroups,
  supportedApis,
} from '../../../src/protocol/index.ts'

const address = { host: 'broker', port: 9092 }

type Beat = { errorCode: number; throttleTimeMs: number }

/** A listener with two APIs whose answers the test gives; no broker behind it. */
function listen(overrides: Readonly<Record<string, string>> = {}) {
  const platform = memoryPlatform({ clock: 'stepping' })
  const clock = platform.stepping
  if (clock === undefined) throw new Error('a stepping clock')
  const trace = new Trace(platform.clock)
  const registry = new Registry(trace)
  const failures: unknown[] = []
  const world = createWorld({
    name: 'broker-1',
    platform,
    registry,
    failed: (_path, error) => failures.push(error),
  })
  /** Heartbeats under way, by generation. */
  const beats = new Map<number, Channel<Beat>>()
  const started: number[] = []
  let odd: (generation: number) => Observable<never> | null = () => null
  const rows: Served[] = [
    served(Heartbeat, (_broker, { generationId }) => {
      started.push(generationId)
      if (generationId < 0) return odd(generationId)
      const answers = new Channel<Beat>()
      beats.set(generationId, answers)
      return answers
    }),
    // As large as a fetch, answered at once.
    served(ListGroups, () => {
      started.push(-1)
      const groupId = 'g'.repeat(30_000)
      const group = { groupId, protocolType: '', groupState: '', groupType: '' }
      return { throttleTimeMs: 0, errorCode: 0, groups: new Array(10).fill(group) }
    }),
    served(
      ApiVersions,
      apiVersions(() => supportedApis([18])),
    ),
  ]
  const broker = { ...world, config: brokerConfig(overrides, 'fast', 1) } as BrokerWorld
  const listener = new BrokerListener(
    broker,
    new Map(rows.map(row => [row.api.key, row])),
    'PLAINTEXT',
  )
  const bound: unknown[] = []
  listener.bind(address, { bound: at => bound.push(at), failed: error => bound.push(error) })

  const connect = () => {
    const frames: Uint8Array[] = []
    const splitter = new FrameSplitter(10_000_000)
    let isClosed = false
    const socket = platform.network.connect(address, {
      connected() {},
      data: chunk => frames.push(...splitter.push(chunk)),
      ended() {
        socket.end()
      },
      drained() {},
      closed() {
        isClosed = true
      },
    })
    return {
      socket,
      frames,
      get isClosed() {
        return isClosed
      },
      ids: () => frames.map(correlationIdOf),
      send: (...bytes: Uint8Array[]) => socket.write(bytes),
      beat: (...generations: number[]) => {
        for (const generationId of generations)
          socket.write(
            encodeRequest(
              Heartbeat,
              4,
              { correlationId: generationId, clientId: 'c' },
              { groupId: 'g', generationId, memberId: 'm' },
            ),
          )
      },
    }
  }
  return {
    world,
    clock,
    trace,
    failures,
    bound,
    started,
    listener,
    connect,
    answer: (generation: number) => {
      const answers = beats.get(generation)
      answers?.next({ errorCode: 0, throttleTimeMs: 0 })
      answers?.complete()
    },
    beOdd: (answer: typeof odd) => {
      odd = answer
    },
    notes: () =>
      trace.kept.filter(({ kind }) => kind === 'note').map(({ detail }) => detail.reason),
  }
}

/** A raw request: key, version, correlation id and what else. */
function raw(apiKey: number, version: number, correlationId: number, rest: number[] = []) {
  const bytes = new Uint8Array(12 + rest.length)
  const view = new DataView(bytes.buffer)
  view.setInt32(0, 8 + rest.length)
  view.setInt16(4, apiKey)
  view.setInt16(6, version)
  view.setInt32(8, correlationId)
  bytes.set(rest, 12)
  return bytes
}

const nullClientId = [0xff, 0xff]

test('connections are accepted, but not read before the broker serves', async () => {
  const { connect, listener, started, clock, bound } = listen()
  await clock.advance(10)
  expect(bound).toEqual([address])
  const client = connect()
  await clock.advance(10)
  client.beat(1)
  await clock.advance(1000)
  expect(started).toEqual([])
  listener.serve()
  await clock.advance(10)
  expect(started).toEqual([1])
})

test('requests are started in their order and answered in their order, however long each takes', async () => {
  const { connect, listener, started, answer, clock } = listen()
  listener.serve()
  await clock.advance(10)
  const client = connect()
  client.beat(1, 2, 3)
  await clock.advance(10)
  expect(started).toEqual([1, 2, 3])
  answer(3)
  answer(2)
  await clock.advance(10)
  expect(client.ids()).toEqual([])
  answer(1)
  await clock.advance(10)
  expect(client.ids()).toEqual([1, 2, 3])
})

test('no more requests are under way than one connection may have; the rest waits its turn', async () => {
  const { connect, listener, started, answer, clock, world } = listen()
  listener.serve()
  await clock.advance(10)
  const client = connect()
  const all = Array.from({ length: 100 }, (_, i) => i + 1)
  client.beat(...all)
  await clock.advance(20)
  expect(started).toEqual(all.slice(0, requestsInFlightMax))
  const root = world.registry.roots.get('broker-1/connection/1')
  expect(root?.getSnapshot().value).toBe('throttled')
  for (const id of all) {
    answer(id)
    await clock.advance(3)
  }
  expect(client.ids()).toEqual(all)
  expect(root?.getSnapshot().value).toBe('ready')
})

test('for a client that asks and does not read, nothing is started beyond a bound', async () => {
  const { connect, listener, started, clock } = listen()
  listener.serve()
  await clock.advance(10)
  const client = connect()
  await clock.advance(10)
  client.socket.pause()
  for (let id = 0; id < 100; id++)
    client.send(
      ...encodeRequest(ListGroups, 0, { correlationId: id, clientId: null }, { statesFilter: [] }),
    )
  await clock.advance(1000)
  const answerBytes = 300_000
  expect(started.length).toBeLessThanOrEqual(Math.ceil(outboundBytesMax / answerBytes) + 1)
  client.socket.resume()
  await clock.advance(1000)
  expect(client.ids()).toEqual(Array.from({ length: 100 }, (_, id) => id))
})

test('no answer at all keeps the order of the others', async () => {
  const { connect, listener, answer, clock } = listen()
  listener.serve()
  await clock.advance(10)
  const client = connect()
  client.beat(1, -1, 2)
  await clock.advance(10)
  answer(2)
  answer(1)
  await clock.advance(10)
  expect(client.ids()).toEqual([1, 2])
})

test('a frame of random bytes closes its connection with one note, after what came before it', async () => {
  const { connect, listener, answer, clock, notes, failures } = listen()
  listener.serve()
  await clock.advance(10)
  const [client, other] = [connect(), connect()]
  other.beat(7)
  client.beat(1)
  client.send(new Uint8Array([0, 0, 0, 6, 0, 12, 0, 4, 9, 9]))
  client.beat(2)
  await clock.advance(10)
  expect(client.isClosed).toBe(false)
  answer(1)
  await clock.advance(10)
  expect(client.ids()).toEqual([1])
  expect(client.isClosed).toBe(true)
  expect(notes()).toHaveLength(1)
  answer(7)
  await clock.advance(10)
  expect(other.ids()).toEqual([7])
  expect(other.isClosed).toBe(false)
  expect(failures).toEqual([])
  expect(listener.connections).toBe(1)
})

test('a frame longer than its bound closes the connection before it has come', async () => {
  const { connect, listener, clock, notes } = listen({ 'socket.request.max.bytes': '1000' })
  listener.serve()
  await clock.advance(10)
  const client = connect()
  client.send(new Uint8Array([0, 0, 3, 233, 1, 2, 3]))
  await clock.advance(10)
  expect(client.isClosed).toBe(true)
  expect(notes()).toEqual(['a frame of 1001 bytes; at most 1000'])
})

test('an unknown key, a version that is not spoken, and an API without handler close the connection', async () => {
  const { connect, listener, clock, notes } = listen()
  listener.serve()
  await clock.advance(10)
  const clients = [raw(999, 0, 1), raw(12, 5, 1), raw(0, 3, 1)].map(request => {
    const client = connect()
    client.send(request)
    return client
  })
  const unserved = connect()
  unserved.send(raw(58, 0, 1, [...nullClientId, 0, 1, 1, 1, 0]))
  await clock.advance(10)
  expect([...clients, unserved].map(client => client.isClosed)).toEqual([true, true, true, true])
  expect(notes()).toHaveLength(4)
})

test('an ApiVersions of a later version is answered in v0, with our range', async () => {
  const { connect, listener, clock } = listen()
  listener.serve()
  await clock.advance(10)
  const client = connect()
  client.send(raw(18, 99, 5, [...nullClientId, 0, 1, 2, 3]))
  await clock.advance(10)
  const { correlationId, body } = decodeResponse(ApiVersions, 0, client.frames[0] as Uint8Array)
  expect(correlationId).toBe(5)
  expect(body.errorCode).toBe(errors.UNSUPPORTED_VERSION)
  expect(body.apiKeys).toEqual([{ apiKey: 18, minVersion: 0, maxVersion: 4 }])
  expect(client.isClosed).toBe(false)
})

test('a request that comes to nothing closes the connection in its place among the answers', async () => {
  const { connect, listener, answer, clock, notes, beOdd } = listen()
  beOdd(() => throwError(() => new Error('acks=0 failed')))
  listener.serve()
  await clock.advance(10)
  const client = connect()
  client.beat(1, -1, 2)
  await clock.advance(10)
  answer(2)
  answer(1)
  await clock.advance(10)
  expect(client.ids()).toEqual([1])
  expect(client.isClosed).toBe(true)
  expect(notes()).toEqual(['Heartbeat: acks=0 failed'])
})

test('a fault of ours fails the broker', async () => {
  for (const fail of [
    () => {
      throw new BrokenInvariant('at once')
    },
    () => throwError(() => new BrokenInvariant('later')),
  ]) {
    const { connect, listener, clock, failures, beOdd } = listen()
    beOdd(fail)
    listener.serve()
    await clock.advance(10)
    connect().beat(-1)
    await clock.advance(10)
    expect(failures).toHaveLength(1)
    expect(failures[0]).toBeInstanceOf(BrokenInvariant)
  }
})

test('a client that goes away leaves nothing behind', async () => {
  const { connect, listener, clock, world, beOdd } = listen()
  let given = 0
  beOdd(
    () =>
      NEVER.pipe(source => {
        given++
        return source
      }) as Observable<never>,
  )
  listener.serve()
  await clock.advance(10)
  const client = connect()
  client.beat(-1, 1)
  await clock.advance(10)
  client.socket.destroy()
  await clock.advance(10)
  expect(given).toBe(1)
  expect(listener.connections).toBe(0)
  expect(world.registry.roots.size).toBe(0)
})

test('a connection idle for longer than it may is closed, one in use is not', async () => {
  const { connect, listener, clock } = listen({ 'connections.max.idle.ms': '1000' })
  listener.serve()
  await clock.advance(10)
  const [idle, busy] = [connect(), connect()]
  for (let i = 1; i <= 4; i++) {
    busy.beat(i)
    await clock.advance(500)
  }
  expect(idle.isClosed).toBe(true)
  expect(busy.isClosed).toBe(false)
})

test('a broker that stops closes its connections and gives its port back', async () => {
  const { connect, listener, clock } = listen()
  listener.serve()
  await clock.advance(10)
  const client = connect()
  client.beat(1)
  await clock.advance(10)
  listener.stop()
  await clock.advance(10)
  expect(client.isClosed).toBe(true)
  expect(listener.connections).toBe(0)
  const late = connect()
  await clock.advance(10)
  expect(late.isClosed).toBe(true)
})

test('a port that is taken is said so', async () => {
  const { listener, clock, bound } = listen()
  await clock.advance(10)
  listener.bind(address, { bound: at => bound.push(at), failed: error => bound.push(error) })
  await clock.advance(10)
  expect(bound[1]).toBe(
    'port 9092 on broker is taken: stop what listens there, or choose another port',
  )
})

test('what a request led to knows its cause across the link, there and back', async () => {
  const { listener, clock, world, trace, answer } = listen()
  listener.serve()
  await clock.advance(10)
  const requester = connectRequester(world, address, {
    clientId: 'me',
    path: 'client/me',
    frameBytesMax: 1000,
  })
  requester
    .request(Heartbeat, 4, { groupId: 'g', generationId: 1, memberId: 'm' }, { timeoutMs: 10_000 })
    .subscribe()
  await clock.advance(10)
  answer(1)
  await clock.advance(10)
  const lines = trace.kept.filter(({ kind }) => kind === 'message')
  expect(lines.map(({ path, type, detail }) => [path, type, detail.direction])).toEqual([
    ['client/me', 'Heartbeat', 'request'],
    ['broker-1/connection/1', 'Heartbeat', 'request'],
    ['broker-1/connection/1', 'Heartbeat', 'response'],
    ['client/me', 'Heartbeat', 'response'],
  ])
  expect(lines.map(({ cause }) => cause)).toEqual([null, ...lines.slice(0, 3).map(l => l.seq)])
})

test('whatever bytes a stranger sends, nobody else notices', async () => {
  const { connect, listener, answer, clock, failures } = listen({
    'socket.request.max.bytes': '100000',
  })
  listener.serve()
  await clock.advance(10)
  const other = connect()
  // Some are nearly requests: a length that fits, a key and a version that exist.
  const nearly = fc
    .record({
      key: fc.constantFrom(12, 16, 18),
      version: fc.integer({ min: 0, max: 5 }),
      rest: fc.uint8Array({ maxLength: 60 }),
    })
    .map(({ key, version, rest }) => raw(key, version, 1, [...rest]))
  let generation = 100
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.uint8Array({ maxLength: 100 }), nearly), { maxLength: 5 }),
      async chunks => {
        const stranger = connect()
        for (const chunk of chunks) stranger.send(chunk)
        other.beat(++generation)
        await clock.advance(5)
        answer(generation)
        stranger.socket.destroy()
        await clock.advance(5)
        expect(other.ids().at(-1)).toBe(generation)
      },
    ),
    { numRuns: 150 },
  )
  expect(failures).toEqual([])
  expect(listener.connections).toBe(1)
})
