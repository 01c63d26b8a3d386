/** What a hostile or broken client may send, over TCP: it gets an error that says what it is, and harms nobody else. */
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cluster, startCluster } from '../actors/node.ts'
import { errors } from '../src/error.ts'
import {
  type Api,
  ApiVersions,
  decodeResponse,
  encodeRequest,
  FrameSplitter,
  Metadata,
  Produce,
  type RequestDraftOf,
  type ResponseOf,
} from '../src/protocol/index.ts'
import { encodeBatch } from '../src/records/record.ts'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster({
    topics: [
      { name: 'orders', partitions: 1, replicationFactor: 3 },
      { name: 'small', partitions: 1, configs: { 'max.message.bytes': '200' } },
      {
        name: 'strict',
        partitions: 1,
        replicationFactor: 3,
        configs: { 'min.insync.replicas': '3' },
      },
    ],
  })
})
afterAll(() => cluster?.stop())

/** A connection on which anything can be written. */
async function raw(broker = 1) {
  const { port, host } = cluster.broker(broker).address as { host: string; port: number }
  const socket: Socket = connect(port, host)
  const splitter = new FrameSplitter(100_000_000)
  const frames: Uint8Array[] = []
  let arrived = (): void => {}
  socket.on('data', chunk => {
    frames.push(...splitter.push(chunk))
    arrived()
  })
  socket.on('error', () => {})
  const closed = new Promise<void>(resolve => socket.on('close', () => resolve()))
  await new Promise(resolve => socket.once('connect', resolve))
  const frame = async (): Promise<Uint8Array> => {
    while (frames.length === 0)
      await new Promise<void>((resolve, reject) => {
        arrived = resolve
        void closed.then(() => reject(new Error('closed without an answer')))
      })
    return frames.shift() as Uint8Array
  }
  const ask = async <A extends Api>(
    api: A,
    version: number,
    body: RequestDraftOf<A>,
  ): Promise<ResponseOf<A>> => {
    socket.write(
      Buffer.concat(encodeRequest(api, version, { correlationId: 7, clientId: 'raw' }, body)),
    )
    return decodeResponse(api, version, await frame()).body as ResponseOf<A>
  }
  return { socket, closed, frame, ask }
}

const leaderOf = (topic: string): number => cluster.partition(topic, 0).leader?.id as number

const produce = async (
  topic: string,
  records: Uint8Array,
  options: { acks?: number; version?: number } = {},
) => {
  const { ask, socket } = await raw(leaderOf(topic))
  const answer = await ask(Produce, options.version ?? 9, {
    acks: options.acks ?? -1,
    timeoutMs: 5000,
    topicData: [{ name: topic, partitionData: [{ index: 0, records }] }],
  })
  socket.destroy()
  return answer.responses[0]?.partitionResponses[0]
}

const batch = (value = 'hello'): Uint8Array =>
  encodeBatch({
    records: [{ key: null, value: new TextEncoder().encode(value) }],
    timestampMs: Date.now(),
  })

/** Lines of the trace about connections that were ended for what came over them. */
const complaints = (): number =>
  cluster.trace.kept.filter(({ kind, path }) => kind === 'note' && path.includes('/connection/'))
    .length

test.each([
  ['a frame longer than its bound', Buffer.from([0x7f, 0xff, 0xff, 0xff, 1, 2, 3])],
  ['a frame of negative length', Buffer.from([0xff, 0xff, 0xff, 0xf0, 1, 2, 3])],
  ['a frame too short for a header', Buffer.from([0, 0, 0, 2, 0, 18])],
  ['random bytes', Buffer.from([0, 0, 0, 8, 0, 3, 0, 9, 250, 251, 252, 253])],
  ['an unknown API key', Buffer.from([0, 0, 0, 10, 0x27, 0x0f, 0, 0, 0, 0, 0, 1, 0xff, 0xff])],
  ['a version that no broker has', Buffer.from([0, 0, 0, 10, 0, 3, 0, 99, 0, 0, 0, 1, 0xff, 0xff])],
])('%s closes that connection with one line, and harms nobody else', async (_, bytes) => {
  const neighbour = await raw()
  const before = complaints()
  const { socket, closed } = await raw()
  socket.write(bytes)
  await closed
  expect(complaints()).toBe(before + 1)
  const metadata = await neighbour.ask(Metadata, 9, { topics: null })
  expect(metadata.brokers).toHaveLength(3)
  neighbour.socket.destroy()
  expect(cluster.broker(1).state).toBe('running')
})

test('a frame cut short by the end of its connection is nothing', async () => {
  const { socket, closed } = await raw()
  socket.end(Buffer.from([0, 0, 1, 0, 0, 3]))
  await closed
  expect(cluster.broker(1).state).toBe('running')
})

test('ApiVersions of a version nobody has is answered with error 35 and the range it has', async () => {
  const { socket, frame } = await raw()
  // Its header is of the newest form, with (no) tagged fields at the end.
  socket.write(Buffer.from([0, 0, 0, 11, 0, 18, 0, 99, 0, 0, 0, 1, 0xff, 0xff, 0]))
  const { body } = decodeResponse(ApiVersions, 0, await frame())
  expect(body.errorCode).toBe(errors.UNSUPPORTED_VERSION)
  expect(body.apiKeys.find(({ apiKey }) => apiKey === 18)).toMatchObject({
    minVersion: 0,
    maxVersion: 4,
  })
  socket.destroy()
})

test('what is advertised is Kafka 3.9 in ZooKeeper mode, as far as it is served', async () => {
  const { ask, socket } = await raw()
  const { apiKeys } = await ask(ApiVersions, 3, {
    clientSoftwareName: 'raw',
    clientSoftwareVersion: '1',
  })
  const range = (key: number) => {
    const api = apiKeys.find(({ apiKey }) => apiKey === key)
    return api && [api.minVersion, api.maxVersion]
  }
  expect(range(0)).toEqual([0, 11])
  expect(range(1)).toEqual([0, 17])
  expect(range(3)).toEqual([0, 12])
  expect(range(10)).toEqual([0, 6])
  for (const key of [68, 69, 71, 72, 75]) expect(range(key)).toBeUndefined()
  socket.destroy()
})

test('a corrupt batch is CORRUPT_MESSAGE, an oversized one MESSAGE_TOO_LARGE, an old one refused', async () => {
  const corrupt = batch().slice()
  corrupt[corrupt.length - 1] = (corrupt.at(-1) as number) ^ 1
  expect(await produce('orders', corrupt)).toMatchObject({ errorCode: errors.CORRUPT_MESSAGE })
  expect(await produce('small', batch('x'.repeat(300)))).toMatchObject({
    errorCode: errors.MESSAGE_TOO_LARGE,
  })
  const magic1 = batch().slice()
  magic1[16] = 1
  expect(await produce('orders', magic1)).toMatchObject({ errorCode: errors.INVALID_RECORD })
  expect(await produce('orders', batch(), { version: 2 })).toMatchObject({
    errorCode: errors.UNSUPPORTED_VERSION,
  })
  expect(await produce('orders', batch(), { acks: 2 })).toMatchObject({
    errorCode: errors.INVALID_REQUIRED_ACKS,
  })
  expect(await produce('orders', batch())).toMatchObject({ errorCode: errors.NONE })
})

test('acks=all with too few in sync is NOT_ENOUGH_REPLICAS; acks=1 is not', async () => {
  const strict = cluster.partition('strict', 0)
  const follower = [1, 2, 3].find(id => id !== strict.leader?.id) as number
  cluster.broker(follower).kill()
  await strict.until(({ isr }) => isr.length === 2)
  expect(await produce('strict', batch())).toMatchObject({ errorCode: errors.NOT_ENOUGH_REPLICAS })
  expect(await produce('strict', batch(), { acks: 1 })).toMatchObject({ errorCode: errors.NONE })
  await cluster.broker(follower).restart()
  await strict.until(({ isr }) => isr.length === 3)
  expect(await produce('strict', batch())).toMatchObject({ errorCode: errors.NONE })
})
