import { forkJoin } from 'rxjs'
import { beforeEach, expect, test } from 'vitest'
import { isKeeperError, type ZooKeeperError } from '../../../src/zookeeper/error.ts'
import { Ensemble, text, utf8 } from './ensemble.ts'

let it: Ensemble

beforeEach(async () => {
  it = new Ensemble()
  await it.start()
})

test('a client gets a session, and creates, reads, writes and deletes', async () => {
  const { client, states } = it.join('one')
  expect(await it.answer(client.create('/a', utf8('x')))).toBe('/a')
  expect(states).toEqual(['connected'])
  expect(client.sessionId).toMatch(/^0x1[0-9a-f]{14}$/)
  expect(client.sessionTimeoutMs).toBe(2000)
  const { data, stat } = await it.answer(client.getData('/a'))
  expect(text(data)).toBe('x')
  // The session was opened by transaction 1.
  expect(stat).toMatchObject({ czxid: 2, mzxid: 2, version: 0, ephemeralOwner: '0x0' })
  expect(await it.answer(client.setData('/a', utf8('y'), 0))).toMatchObject({ version: 1 })
  expect(await it.refusal(client.setData('/a', utf8('z'), 0))).toBe('BADVERSION')
  expect(await it.answer(client.exists('/a'))).toMatchObject({ version: 1, dataLength: 1 })
  expect(await it.answer(client.getChildren('/'))).toEqual(['zookeeper', 'a'])
  await it.answer(client.delete('/a', 1))
  expect(await it.answer(client.exists('/a'))).toBeNull()
  expect(await it.refusal(client.getData('/a'))).toBe('NONODE')
  await it.answer(client.sync('/'))
  expect(it.failures).toEqual([])
})

test('ephemerals and sequential nodes are made by mode', async () => {
  const { client } = it.join('one')
  expect(await it.answer(client.create('/n-', null, { mode: 'persistentSequential' }))).toBe(
    '/n-0000000000',
  )
  expect(await it.answer(client.create('/n-', null, { mode: 'ephemeralSequential' }))).toBe(
    '/n-0000000001',
  )
  const { path, stat } = await it.answer(client.create2('/e', null, { mode: 'ephemeral' }))
  expect(path).toBe('/e')
  expect(stat.ephemeralOwner).toBe(client.sessionId)
  expect(await it.refusal(client.create('/e/child', null))).toBe('NOCHILDRENFOREPHEMERALS')
})

test('a multi is all or nothing, and tells which part failed', async () => {
  const { client } = it.join('one')
  const results = await it.answer(
    client.multi([
      { op: 'create', path: '/a', data: null, mode: 'ephemeral' },
      { op: 'setData', path: '/a', data: utf8('x'), version: 0 },
      { op: 'check', path: '/a', version: 1 },
    ]),
  )
  expect(results).toMatchObject([
    { op: 'create', path: '/a' },
    { op: 'setData', stat: { version: 1, czxid: 2, mzxid: 2 } },
    { op: 'check' },
  ])
  const error = await it
    .answer(
      client.multi([
        { op: 'delete', path: '/a', version: -1 },
        { op: 'check', path: '/b', version: 0 },
        { op: 'create', path: '/c', data: null },
      ]),
    )
    .catch(thrown => thrown as ZooKeeperError)
  expect(error).toMatchObject({ code: 'NONODE', index: 1, path: '/b' })
  expect(await it.answer(client.exists('/a'))).not.toBeNull()
  expect(await it.answer(client.multi([]))).toEqual([])
})

test('a watch tells once, before the answer that would show the change, and carries the cause', async () => {
  const one = it.join('one')
  const two = it.join('two')
  const order: string[] = []
  two.client.watches.subscribe(({ kind, path }) => order.push(`${kind} ${path}`))
  expect(await it.answer(two.client.exists('/a', { watch: true }))).toBeNull()
  await it.answer(two.client.getChildren('/', { watch: true }))
  await it.answer(one.client.create('/a', utf8('1')))
  const { data } = await it.answer(two.client.getData('/a', { watch: true }))
  order.push(`read ${text(data)}`)
  expect(order).toEqual(['created /a', 'childrenChanged /', 'read 1'])
  await it.answer(one.client.setData('/a', utf8('2')))
  await it.answer(one.client.setData('/a', utf8('3')))
  await it.answer(one.client.delete('/a'))
  await it.pass(100)
  expect(order.slice(3)).toEqual(['dataChanged /a'])

  const told = it.lines('message').filter(line => line.type === 'zk.watch')
  const causes = told.map(line => it.trace.kept.find(entry => entry.seq === line.cause))
  expect(causes.map(line => `${line?.kind} ${line?.type} ${line?.detail.path}`)).toEqual([
    'znode created /a',
    'znode created /a',
    'znode changed /a',
  ])
  // And the znode's line carries the request of the other client.
  const request = it.trace.kept.find(entry => entry.seq === causes[0]?.cause)
  expect(request).toMatchObject({ path: 'one/zookeeper-client', type: 'zk.create' })
})

test('requests are pipelined, and no more of them than the bound', async () => {
  const { client } = it.join('one', { requestsInFlightMax: 3 })
  const all = Array.from({ length: 20 }, (_, i) => client.create(`/n${i}`, null))
  const paths = await it.answer(forkJoin(all))
  expect(paths).toHaveLength(20)
  const czxids = await it.answer(forkJoin(paths.map(path => client.exists(path))))
  expect(czxids.map(stat => stat?.czxid)).toEqual(paths.map((_, i) => i + 2))
})

test('a killed client keeps its session and ephemerals until they expire, in one transaction', async () => {
  const one = it.join('one')
  const two = it.join('two')
  await it.answer(one.client.create('/e1', null, { mode: 'ephemeral' }))
  await it.answer(one.client.create('/e2', null, { mode: 'ephemeral' }))
  await it.answer(two.client.exists('/e1', { watch: true }))
  await it.answer(two.client.exists('/e2', { watch: true }))
  const { sessionId } = one.client
  one.process.kill()
  await it.pass(1900)
  expect(two.told).toEqual([])
  expect(it.zookeeper.tree.ephemeralsOf(sessionId)).toEqual(['/e1', '/e2'])
  await it.pass(300)
  expect(two.told).toMatchObject([
    { kind: 'deleted', path: '/e1' },
    { kind: 'deleted', path: '/e2' },
  ])
  expect(two.told[0]?.zxid).toBe(two.told[1]?.zxid)
  expect(it.registry.roots.has(`zookeeper/session/${sessionId}`)).toBe(false)
  const chart = it.lines('state').filter(line => line.path === `zookeeper/session/${sessionId}`)
  expect(chart.map(line => line.type)).toEqual([
    'opening',
    'open.attached',
    'open.detached',
    'expiring',
    'closed',
  ])
})

test('a living client is kept alive by its pings alone', async () => {
  const one = it.join('one')
  await it.answer(one.client.create('/e', null, { mode: 'ephemeral' }))
  await it.pass(60_000)
  expect(one.states).toEqual(['connected'])
  expect(await it.answer(one.client.exists('/e'))).not.toBeNull()
})

test('a client that is back in time keeps session, ephemerals and watches', async () => {
  const one = it.join('one')
  const two = it.join('two')
  await it.answer(one.client.create('/e', null, { mode: 'ephemeral' }))
  await it.answer(one.client.create('/gone', utf8('1')))
  await it.answer(one.client.create('/same', utf8('1')))
  await it.answer(one.client.getData('/gone', { watch: true }))
  await it.answer(one.client.getData('/same', { watch: true }))
  await it.answer(one.client.exists('/new', { watch: true }))
  await it.answer(one.client.getChildren('/', { watch: true }))
  const { sessionId } = one.client

  one.process.pause()
  await it.pass(1500)
  await it.answer(two.client.delete('/gone'))
  await it.answer(two.client.create('/new', null))
  one.process.resume()
  // Two thirds of the timeout were silent: it drops the connection and comes back.
  await it.pass(500)
  expect(one.states).toEqual(['connected', 'suspended', 'connected'])
  expect(one.client.sessionId).toBe(sessionId)
  expect(one.told.map(({ kind, path }) => `${kind} ${path}`).sort()).toEqual([
    'childrenChanged /',
    'created /new',
    'deleted /gone',
  ])
  expect(await it.answer(two.client.exists('/e'))).toMatchObject({ ephemeralOwner: sessionId })
  await it.answer(two.client.setData('/same', utf8('2')))
  await it.pass(100)
  expect(one.told.at(-1)).toMatchObject({ kind: 'dataChanged', path: '/same' })
})

test('a paused client loses its session though its socket stays open, and learns of it when it resumes', async () => {
  const one = it.join('one')
  await it.answer(one.client.create('/e', null, { mode: 'ephemeral' }))
  const { sessionId } = one.client
  one.process.pause()
  await it.pass(3000)
  expect(it.zookeeper.tree.node('/e')).toBeUndefined()
  expect(one.states).toEqual(['connected'])
  one.process.resume()
  const lost = it.refusal(one.client.setData('/zookeeper', null))
  await it.pass(500)
  expect(await lost).toBe('CONNECTIONLOSS')
  expect(one.states).toEqual(['connected', 'suspended', 'expired'])
  expect(await it.refusal(one.client.exists('/'))).toBe('SESSIONEXPIRED')
  one.client.reopen()
  await it.answer(one.client.create('/e', null, { mode: 'ephemeral' }))
  expect(one.client.sessionId).not.toBe(sessionId)
  expect(one.states).toEqual(['connected', 'suspended', 'expired', 'connected'])
})

test('the fault expireSession ends a session that lives', async () => {
  const one = it.join('one')
  await it.answer(one.client.create('/e', null, { mode: 'ephemeral' }))
  expect(it.zookeeper.expireSession(one.client.sessionId)).toBe(true)
  expect(it.zookeeper.tree.node('/e')).toBeUndefined()
  await it.pass(500)
  expect(one.states).toEqual(['connected', 'suspended', 'expired'])
  expect(it.zookeeper.expireSession('0x123')).toBe(false)
})

test('close ends the session at once', async () => {
  const one = it.join('one')
  const two = it.join('two')
  await it.answer(one.client.create('/e', null, { mode: 'ephemeral' }))
  await it.answer(two.client.exists('/e', { watch: true }))
  await it.answer(one.client.close())
  expect(one.client.state).toBe('closed')
  await it.pass(10)
  expect(two.told).toMatchObject([{ kind: 'deleted', path: '/e' }])
  expect(await it.refusal(one.client.exists('/'))).toBe('SESSIONEXPIRED')
  expect(it.zookeeper.sessions().map(({ id }) => id)).toEqual([two.client.sessionId])
  await it.answer(one.client.close())
})

test('a chroot stands before every path and is not seen', async () => {
  const plain = it.join('plain')
  await it.answer(plain.client.create('/kafka', null))
  const { client, told } = it.join('rooted', { chroot: '/kafka' })
  expect(await it.answer(client.create('/a', null))).toBe('/a')
  expect(await it.answer(client.getChildren('/', { watch: true }))).toEqual(['a'])
  await it.answer(client.multi([{ op: 'create', path: '/b', data: null }]))
  expect(told).toMatchObject([{ kind: 'childrenChanged', path: '/' }])
  expect(await it.answer(plain.client.getChildren('/kafka'))).toEqual(['a', 'b'])
})

test('servers are tried in turn, and what waits survives with `persistently`', async () => {
  const nobody = { host: '127.0.0.1', port: 1 }
  const { client } = it.join('one', { servers: [nobody, it.address] })
  const plain = it.answer(client.exists('/')).catch(error => error)
  const kept = it.answer(client.persistently(() => client.exists('/')))
  expect(isKeeperError(await plain, 'CONNECTIONLOSS')).toBe(true)
  expect(await kept).toMatchObject({ numChildren: 1 })
})

test('a request that persists is sent again after a lost connection, and ends with the session', async () => {
  const { client, process } = it.join('one')
  await it.answer(client.create('/a', null))
  process.pause()
  await it.pass(1500)
  const kept = it.answer(client.persistently(() => client.setData('/a', utf8('x'))))
  process.resume()
  // Carried out, its answer lost, and carried out again: persistence is not idempotent.
  expect(await kept).toMatchObject({ version: 2 })
  it.zookeeperProcess.kill()
  const lost = it.answer(client.persistently(() => client.exists('/a'))).catch(error => error)
  await it.pass(1000)
  it.answer(client.close())
  expect(isKeeperError(await lost, 'SESSIONEXPIRED')).toBe(true)
})

test('credentials are presented again on each connection', async () => {
  const auth = [{ scheme: 'digest', credentials: utf8('ann:secret') }]
  const ann = it.join('ann', { auth })
  const bob = it.join('bob')
  const acl = [{ perms: 31, id: { scheme: 'auth', id: '' } }]
  await it.answer(ann.client.create('/private', utf8('x'), { acl }))
  expect(await it.refusal(bob.client.getData('/private'))).toBe('NOAUTH')
  ann.process.pause()
  await it.pass(1500)
  ann.process.resume()
  await it.pass(300)
  expect(ann.states).toEqual(['connected', 'suspended', 'connected'])
  expect(text((await it.answer(ann.client.getData('/private'))).data)).toBe('x')
  const stranger = it.join('stranger', { auth: [{ scheme: 'kerberos', credentials: utf8('?') }] })
  await it.pass(100)
  expect(stranger.states).toEqual(['connected', 'authFailed'])
  expect(await it.refusal(stranger.client.exists('/'))).toBe('AUTHFAILED')
})

test('a container goes after its last child, a minute later at most', async () => {
  const { client } = it.join('one')
  await it.answer(client.create('/c', null, { mode: 'container' }))
  await it.answer(client.create('/unused', null, { mode: 'container' }))
  await it.answer(client.create('/c/child', null))
  await it.pass(61_000)
  expect(await it.answer(client.exists('/c', { watch: true }))).not.toBeNull()
  await it.answer(client.delete('/c/child'))
  await it.pass(61_000)
  expect(await it.answer(client.exists('/c'))).toBeNull()
  expect(await it.answer(client.exists('/unused'))).not.toBeNull()
})

test('a server that speaks nonsense is left, and tried again', async () => {
  const nonsense = { host: '127.0.0.1', port: 7 }
  let connections = 0
  it.platform.network.listen(nonsense, {
    bound() {},
    failed() {},
    accepted(socket) {
      connections++
      return {
        data: () => socket.write([Uint8Array.of(0, 0, 0, 3, 1, 2, 3)]),
        ended: () => socket.end(),
        drained() {},
        closed() {},
      }
    },
  })
  const { client, states } = it.join('one', { servers: [nonsense] })
  expect(await it.refusal(client.exists('/'))).toBe('CONNECTIONLOSS')
  await it.pass(1000)
  expect(connections).toBeGreaterThan(2)
  expect(states).toEqual([])
  expect(it.failures).toEqual([])
})
