import { connect } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Writer } from '../../../src/binary/writer.ts'
import {
  outboundBytesMax,
  zookeeperOutstandingMax,
  zookeeperWatchesMax,
} from '../../../src/limits.ts'
import { nodePlatform } from '../../../src/platform/node.ts'
import type { Address } from '../../../src/ports.ts'
import { connectRequest, jute } from '../../../src/zookeeper/jute.ts'
import { fourLetterWord } from '../../interop/apache-zookeeper.ts'
import { Ensemble, utf8 } from './ensemble.ts'
import { RawClient } from './raw-client.ts'

/** Goal: what one client can make the server hold is bounded, and past a bound it is told so or not read from. */

let it: Ensemble
let at: Address

beforeEach(async () => {
  it = new Ensemble(nodePlatform(), 0)
  at = (await it.start()).address as Address
})

afterEach(() => {
  it.zookeeper.close()
  expect(it.failures).toEqual([])
})

const acl = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }]

const framed = (write: (writer: Writer) => void): Uint8Array => {
  const writer = new Writer()
  writer.int32(0)
  write(writer)
  return Uint8Array.from(Buffer.concat(writer.frame()))
}

const request = (opcode: number, xid: number, path: string): Uint8Array =>
  framed(writer => {
    writer.int32(xid)
    writer.int32(opcode)
    writer.int32(path.length)
    writer.raw(utf8(path))
    writer.bool(false)
  })

const handshake = framed(writer => {
  jute(connectRequest).write(writer, {
    protocolVersion: 0,
    lastZxidSeen: 0,
    timeoutMs: 30_000,
    sessionId: 0n,
    password: new Uint8Array(16),
  })
  writer.bool(false)
})

const soon = (durationMs: number): Promise<void> =>
  new Promise(resolve => setTimeout(resolve, durationMs))

test('who asks and does not read is not read from: the answers it could have are not made', async () => {
  const writer = await RawClient.session(at.host, at.port)
  const data = new Uint8Array(500_000)
  await writer.call('create', { path: '/big', data, acl, flags: 0 })
  const socket = connect(at.port, at.host)
  socket.pause()
  const count = 1000
  const asked = Array.from({ length: count }, (_, i) => request(4, i + 1, '/big'))
  socket.write(Buffer.concat([handshake, ...asked]))
  await soon(300)
  // Half a gigabyte was asked for.
  const cons = (await fourLetterWord(at, 'mntr')) ?? ''
  const outstanding = Number(/zk_outstanding_requests\t(\d+)/.exec(cons)?.[1])
  expect(outstanding).toBeGreaterThan(count - 200)
  const sent = Number(/zk_packets_sent\t(\d+)/.exec(cons)?.[1])
  // What the kernel takes on loopback, and one bound's worth behind it.
  expect(sent * data.length).toBeLessThan(40 * outboundBytesMax)
  // It reads after all, and gets everything.
  let received = 0
  socket.on('data', chunk => {
    received += chunk.length
  })
  socket.resume()
  const all = count * (data.length + 4 + 16 + 4 + 68)
  while (received < all) await soon(20)
  expect(received).toBe(all + 4 + 37)
  socket.destroy()
  writer.destroy()
}, 60_000)

test('more requests in flight than are carried out at once are answered all the same, in order', async () => {
  const client = await RawClient.session(at.host, at.port)
  const count = 3 * zookeeperOutstandingMax
  for (let i = 0; i < count; i++) client.ask('exists', { path: '/', watch: false }, i)
  for (let i = 0; i < count; i++) expect((await client.next()) as object).toMatchObject({ xid: i })
  client.destroy()
})

test('requests in front of a half-close are all answered', async () => {
  const socket = connect({ port: at.port, host: at.host, allowHalfOpen: true })
  const count = 2500
  socket.end(
    Buffer.concat([handshake, ...Array.from({ length: count }, (_, i) => request(3, i, '/'))]),
  )
  let received = 0
  socket.on('data', chunk => {
    received += chunk.length
  })
  await new Promise(resolve => socket.on('end', resolve))
  expect(received).toBe(4 + 37 + count * (4 + 16 + 68))
})

test('one more watch than a connection may have is refused, and does not read either', async () => {
  const client = await RawClient.session(at.host, at.port)
  const paths = Array.from({ length: zookeeperWatchesMax }, (_, i) => `/w${i}`)
  const none = { relativeZxid: 0, data: [], child: [] }
  for (let from = 0; from < paths.length; from += 50_000) {
    client.ask('setWatches', { ...none, exist: paths.slice(from, from + 50_000) }, -8)
    expect(await client.untilReply()).toMatchObject([{ error: 0 }])
  }
  for (const operation of ['getData', 'exists', 'getChildren', 'getChildren2'] as const)
    expect(await client.call(operation, { path: '/', watch: true })).toMatchObject([
      { error: -127 },
    ])
  expect(await client.call('addWatch', { path: '/', mode: 0 })).toMatchObject([{ error: -127 }])
  expect(await client.call('getData', { path: '/', watch: false })).toMatchObject([{ error: 0 }])
  // One that fired makes room for another.
  await client.call('create', { path: '/w0', data: null, acl, flags: 0 })
  expect(await client.call('exists', { path: '/', watch: true })).toMatchObject([{ error: 0 }])
  // A client that believed in watches it has not would wait for ever.
  client.ask('setWatches', { ...none, exist: ['/more'] }, -8)
  expect([...(await client.untilReply()), await client.next()]).toMatchObject([
    { error: -127 },
    { heard: 'closed' },
  ])
})

test('latency is told by the words, for the server and each connection, until it is reset', async () => {
  const client = await RawClient.session(at.host, at.port)
  await client.call('create', { path: '/a', data: null, acl, flags: 0 })
  expect(await fourLetterWord(at, 'srvr')).toMatch(/Latency min\/avg\/max: \d+\/\d+\.\d+\/\d+\n/)
  expect(await fourLetterWord(at, 'mntr')).toMatch(
    /zk_avg_latency\t\d+\.\d+\nzk_outstanding_requests\t0\n/,
  )
  expect(await fourLetterWord(at, 'cons')).toMatch(
    /\(queued=0,recved=2,sent=2,sid=0x1\w+,lop=CREA,est=\d+,to=10000,lcxid=0x1,lzxid=0x2,lresp=\d+,llat=\d+,minlat=\d+,avglat=\d+,maxlat=\d+\)/,
  )
  await fourLetterWord(at, 'srst')
  expect(await fourLetterWord(at, 'srvr')).toContain('Latency min/avg/max: 0/0.0/0\n')
  client.destroy()
})

test('sessions and connections are dumped by when they expire', async () => {
  const client = await RawClient.session(at.host, at.port)
  const id = `0x${client.sessionId.toString(16)}`
  const dump = (await fourLetterWord(at, 'dump')) ?? ''
  expect(dump).toMatch(
    new RegExp(
      `^SessionTracker dump:\nSession Sets \\(1\\)/\\(1\\):\n1 expire at \\w{3} \\w{3} \\d\\d \\d\\d:\\d\\d:\\d\\d UTC \\d{4}:\n\t${id}\n`,
    ),
  )
  expect(dump).toContain('Connections Sets (2)/(2):\n')
  client.destroy()
})
