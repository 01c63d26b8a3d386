import { connect } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { EmbeddedZooKeeper } from '../../../actors/zookeeper/zookeeper.ts'
import { memoryPlatform } from '../../../src/platform/memory.ts'
import { nodePlatform } from '../../../src/platform/node.ts'
import { seededRandom } from '../../../src/platform/random.ts'
import type { Address, Socket } from '../../../src/ports.ts'
import { Ensemble, utf8 } from './ensemble.ts'
import { type Heard, RawClient } from './raw-client.ts'

let it: Ensemble
let at: Address
let clients: RawClient[]

async function start(config: Parameters<Ensemble['start']>[0] = {}): Promise<EmbeddedZooKeeper> {
  it = new Ensemble(nodePlatform(), 0)
  const server = await it.start(config)
  at = server.address as Address
  return server
}

beforeEach(async () => {
  clients = []
  await start()
})

afterEach(() => {
  for (const client of clients) client.destroy()
  it.zookeeper.close()
  expect(it.failures).toEqual([])
})

async function session(timeoutMs = 10_000): Promise<RawClient> {
  const client = await RawClient.session(at.host, at.port, timeoutMs)
  clients.push(client)
  return client
}

async function open(): Promise<RawClient> {
  const client = await RawClient.open(at.host, at.port)
  clients.push(client)
  return client
}

const acl = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }]
const create = (path: string, flags = 0) => ({ path, data: utf8('x'), acl, flags })

/** The last line of a kind, as `type path`. */
const story = (heard: readonly Heard[]): string[] =>
  heard.map(each => {
    if (each.heard === 'event') {
      const { type, path } = each.body as { type: number; path: string }
      return `event ${type} ${path}`
    }
    return each.heard === 'reply' ? `reply ${each.error}` : each.heard
  })

/** Sends bytes, perhaps ends its side, and reads to the end. */
function word(bytes: string | Uint8Array, halfClose = true): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect({ port: at.port, host: at.host, allowHalfOpen: true }, () => {
      if (halfClose) socket.end(bytes)
      else socket.write(bytes)
    })
    socket.on('data', chunk => {
      answer += chunk
    })
    socket.on('end', () => {
      socket.end()
      resolve(answer)
    })
    socket.on('error', reject)
  })
}

test('four-letter words are answered on half-closed connections and on open ones', async () => {
  const client = await session()
  await client.call('create', create('/e', 1))
  await client.call('exists', { path: '/e', watch: true })
  expect(await word('ruok')).toBe('imok')
  expect(await word('ruok', false)).toBe('imok')
  expect(await word('isro')).toBe('rw')
  expect(await word('srvr')).toMatch(
    /^Zookeeper version: 3\.8\.0.*\nLatency min\/avg\/max: .*\nReceived: \d+\nSent: \d+\nConnections: \d\nOutstanding: 0\nZxid: 0x2\nMode: standalone\nNode count: 6\n$/,
  )
  expect(await word('stat')).toContain('Clients:\n /127.0.0.1:')
  expect(await word('cons')).toContain('sid=0x1')
  expect(await word('envi')).toContain('zookeeper.version=3.8.0')
  expect(await word('conf')).toContain('tickTime=100\n')
  expect(await word('dump')).toContain('\t/e\n')
  expect(await word('wchs')).toBe('1 connections watching 1 paths\nTotal watches:1\n')
  expect(await word('wchc')).toContain('\t/e\n')
  expect(await word('wchp')).toContain('/e\n\t0x1')
  expect(await word('mntr')).toMatch(/^zk_ephemerals_count\t1$/m)
  expect(await word('dirs')).toContain('datadir_size')
  expect(await word('srst')).toBe('Server stats reset.\n')
  expect(await word('crst')).toBe('Connection stats reset.\n')
})

test('a word that is not on the list is told so', async () => {
  it.zookeeper.close()
  await start({ '4lw.commands.whitelist': ['srvr'] })
  expect(await word('ruok')).toBe('ruok is not executed because it is not in the whitelist.')
  expect(await word('srvr')).toContain('Mode: standalone')
})

test('the event comes before the answer of the write that caused it, on the same connection', async () => {
  const client = await session()
  await client.call('exists', { path: '/a', watch: true })
  await client.call('getChildren', { path: '/', watch: true })
  expect(story(await client.call('create', create('/a')))).toEqual([
    'event 1 /a',
    'event 4 /',
    'reply 0',
  ])
})

test('requests sent in one piece are answered in order, pings among them', async () => {
  const client = await session()
  client.ask('create', create('/a'), 5)
  client.ask('ping', {}, -2)
  client.ask('getData', { path: '/none', watch: false }, 4)
  client.ask('exists', { path: '/a', watch: false }, 4)
  const heard = []
  for (let i = 0; i < 4; i++) heard.push(...(await client.untilReply()))
  expect(heard.map(each => (each.heard === 'reply' ? [each.xid, each.error] : each))).toEqual([
    [5, 0],
    [-2, 0],
    [4, -101],
    [4, 0],
  ])
})

test('a session moves to the connection that shows its password; a wrong one cuts the owner off', async () => {
  const one = await session()
  await one.call('create', create('/e', 1))
  const { sessionId, password } = one
  const two = await open()
  expect(await two.handshake({ sessionId, password })).toMatchObject({
    body: { sessionId, password },
  })
  expect(await one.next()).toEqual({ heard: 'closed' })
  const thief = await open()
  expect(await thief.handshake({ sessionId, password: new Uint8Array(16) })).toMatchObject({
    body: { sessionId: 0n, timeoutMs: 0 },
  })
  expect(await two.next()).toEqual({ heard: 'closed' })
  const three = await open()
  await three.handshake({ sessionId, password })
  expect(await three.call('getEphemerals', { prefix: '/' })).toMatchObject([
    { body: { paths: ['/e'] } },
  ])
})

test('closeSession is answered, then the connection closed; who comes back is refused', async () => {
  const one = await session()
  const two = await session()
  await one.call('create', create('/e', 1))
  await two.call('exists', { path: '/e', watch: true })
  one.ask('closeSession', {})
  expect(story([...(await one.untilReply()), await one.next()])).toEqual(['reply 0', 'closed'])
  expect(story([await two.next()])).toEqual(['event 2 /e'])
  const back = await open()
  const { sessionId, password } = one
  expect(await back.handshake({ sessionId, password })).toMatchObject({ body: { timeoutMs: 0 } })
  expect(await back.next()).toEqual({ heard: 'closed' })
})

test('a client that has seen what the server does not know is turned away without a word', async () => {
  const ahead = await open()
  expect(await ahead.handshake({ lastZxidSeen: 99 })).toEqual({ heard: 'closed' })
})

test('clients older than 3.4 are answered without the byte they do not know', async () => {
  const old = await open()
  expect(await old.handshake({ readOnly: null })).toMatchObject({ bytes: 36 })
  const young = await open()
  expect(await young.handshake({})).toMatchObject({ bytes: 37 })
})

test('a bad frame closes its connection with one line, and harms nobody else', async () => {
  const healthy = await session()
  const bad = [
    [0, 0, 0, 0],
    [0xff, 0xff, 0xff, 0xff],
    [0x7f, 0, 0, 0],
    // One byte above jute.maxbuffer.
    [0, 16, 0, 0],
    // Too short for a header.
    [0, 0, 0, 1, 5],
  ]
  for (const bytes of bad) {
    const client = await session()
    client.raw(Uint8Array.from(bytes))
    expect(await client.next()).toEqual({ heard: 'closed' })
  }
  expect(it.lines('note').map(({ type }) => type)).toEqual(bad.map(() => 'connection.malformed'))
  // A body that is not one is only an error.
  healthy.askBytes(1, writer => writer.int8(1))
  expect(story(await healthy.untilReply())).toEqual(['reply -5'])
  expect(story(await healthy.call('exists', { path: '/', watch: false }))).toEqual(['reply 0'])
})

test('a frame of just the longest length is taken', async () => {
  const client = await session()
  const data = new Uint8Array(1_048_524)
  expect(story(await client.call('create', { ...create('/big'), data }))).toEqual(['reply 0'])
  expect(await client.call('getData', { path: '/big', watch: false })).toMatchObject([
    { body: { stat: { dataLength: data.length } } },
  ])
})

test('what no client may ask for is answered so, and the connection closed', async () => {
  for (const opcode of [13, 20, -10, 999]) {
    const client = await session()
    client.askBytes(opcode, () => {})
    expect(story([...(await client.untilReply()), await client.next()])).toEqual([
      'reply -6',
      'closed',
    ])
  }
})

test('connections from one address are bounded when asked for', async () => {
  it.zookeeper.close()
  await start({ maxClientCnxns: 2 })
  await session()
  await session()
  const third = await open()
  expect(await third.next()).toEqual({ heard: 'closed' })
  expect(it.lines('note').at(-1)).toMatchObject({ type: 'connection.tooMany' })
})

test('a taken port is an error that names it', async () => {
  const second = new Ensemble(nodePlatform(), at.port)
  await expect(second.start()).rejects.toThrow(String(at.port))
})

test('random bytes, whole or cut, either make sense or close their connection', async () => {
  const healthy = await session()
  const random = seededRandom(42)
  const below = (bound: number) => Math.floor(random.next() * bound)
  for (let round = 0; round < 150; round++) {
    const client = round % 3 === 0 ? await open() : await session()
    for (let piece = 0; piece < 3; piece++) {
      const body = random.bytes(below(80))
      const header = new DataView(new ArrayBuffer(12))
      // Mostly a plausible frame: its length right, an opcode that exists.
      header.setInt32(0, below(4) === 0 ? below(2 ** 31) : body.length + 8)
      header.setInt32(4, round)
      header.setInt32(8, below(110))
      client.raw(new Uint8Array(header.buffer))
      client.raw(body)
    }
    client.destroy()
  }
  expect(story(await healthy.call('exists', { path: '/', watch: false }))).toEqual(['reply 0'])
  expect(it.failures).toEqual([])
})

test('a connection that asks for no session is dropped', async () => {
  const platform = memoryPlatform({ clock: 'stepping' })
  const ensemble = new Ensemble(platform)
  await ensemble.start()
  let closed = false
  const socket: Socket = platform.network.connect(ensemble.address, {
    connected() {},
    data() {},
    ended: () => socket.end(),
    drained() {},
    closed() {
      closed = true
    },
  })
  await ensemble.pass(9_900)
  expect(closed).toBe(false)
  await ensemble.pass(200)
  expect(closed).toBe(true)
})

test('every znode change is a line of the trace', async () => {
  const client = await session()
  await client.call('create', create('/e', 1))
  await client.call('setData', { path: '/e', data: null, version: -1 })
  await client.call('delete', { path: '/e', version: -1 })
  const owner = `0x${client.sessionId.toString(16)}`
  expect(
    it.lines('znode').map(({ path, type, detail }) => ({ at: path, type, ...detail })),
  ).toEqual([
    {
      at: 'zookeeper',
      type: 'created',
      path: '/e',
      zxid: 2,
      session: owner,
      ephemeralOwner: owner,
    },
    { at: 'zookeeper', type: 'changed', path: '/e', zxid: 3, session: owner },
    {
      at: 'zookeeper',
      type: 'deleted',
      path: '/e',
      zxid: 4,
      session: owner,
      ephemeralOwner: owner,
    },
  ])
})

test('a process that stalled, server and client alike, expires no session of its own', async () => {
  const { client, states } = it.join('one', { sessionTimeoutMs: 600 })
  await it.answer(client.create('/e', null, { mode: 'ephemeral' }))
  const { sessionId } = client
  // A long garbage collection.
  const until = performance.now() + 1500
  while (performance.now() < until);
  await it.pass(300)
  expect((await it.answer(client.exists('/e')))?.ephemeralOwner).toBe(sessionId)
  expect(states).not.toContain('expired')
  await it.answer(client.close())
})
