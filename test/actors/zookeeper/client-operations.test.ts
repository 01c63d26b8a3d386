import { beforeEach, expect, test } from 'vitest'
import { digestIdentity, openAcl, permissions } from '../../../src/zookeeper/acl.ts'
import { parseConnectString, printAddress } from '../../../src/zookeeper/connect-string.ts'
import { Ensemble, type Member, text, utf8 } from './ensemble.ts'

/** Goal: our own client can ask for all that a server serves, behind a chroot and over lost connections too. */

let it: Ensemble
let one: Member

beforeEach(async () => {
  it = new Ensemble()
  await it.start({ durable: true })
  one = it.join('one')
})

const restart = async (): Promise<void> => {
  it.killZooKeeper()
  await it.start({ durable: true })
  await it.pass(1000)
}

const kinds = ({ told }: Member): string[] => told.map(({ kind, path }) => `${kind} ${path}`)

test('lists of permissions are set, read and counted; who may not is told so', async () => {
  const { client } = one
  await it.answer(client.create('/a', null))
  expect(await it.answer(client.getAcl('/a'))).toMatchObject({
    acl: openAcl,
    stat: { aversion: 0 },
  })
  client.addAuth('digest', utf8('ann:secret'))
  const hers = [{ perms: permissions.all, id: digestIdentity(utf8('ann:secret')) }]
  const all = [...hers, { perms: permissions.read, id: { scheme: 'world', id: 'anyone' } }]
  expect((await it.answer(client.setAcl('/a', all, 0))).aversion).toBe(1)
  expect(await it.refusal(client.setAcl('/a', all, 0))).toBe('BADVERSION')
  expect((await it.answer(client.getAcl('/a'))).acl).toEqual(all)
  const two = it.join('two')
  expect(await it.refusal(two.client.setData('/a', null))).toBe('NOAUTH')
  expect(await it.refusal(two.client.setAcl('/a', openAcl))).toBe('NOAUTH')
  // Those who may not change it see no hashes.
  expect((await it.answer(two.client.getAcl('/a'))).acl[0]?.id.id).toBe('ann:x')
  expect(await it.refusal(client.setAcl('/a', [{ perms: 31, id: { scheme: 'x', id: '' } }]))).toBe(
    'INVALIDACL',
  )
  await restart()
  // What was proved once is proved on each connection.
  await it.answer(client.setData('/a', utf8('x')))
  expect(await it.answer(client.whoAmI())).toEqual(
    expect.arrayContaining([{ scheme: 'digest', user: 'ann' }]),
  )
})

test('what the server does not believe ends the client', async () => {
  await it.answer(one.client.exists('/'))
  one.client.addAuth('magic', utf8('x'))
  await it.pass(100)
  expect(one.states.at(-1)).toBe('authFailed')
  expect(await it.refusal(one.client.exists('/'))).toBe('AUTHFAILED')
})

test('a persistent watch tells of every change of its node and its children, over lost connections too', async () => {
  const two = it.join('two')
  await it.answer(one.client.addWatch('/p', 'persistent'))
  await it.answer(two.client.create('/p', null))
  await it.answer(two.client.setData('/p', null))
  await it.answer(two.client.create('/p/c', null))
  await it.answer(two.client.setData('/p/c', null))
  await restart()
  await it.answer(two.client.delete('/p/c'))
  await it.answer(two.client.setData('/p', null))
  await it.answer(two.client.delete('/p'))
  await it.pass(10)
  expect(kinds(one)).toEqual([
    'created /p',
    'dataChanged /p',
    'childrenChanged /p',
    'childrenChanged /p',
    'dataChanged /p',
    'deleted /p',
  ])
})

test('a recursive watch tells of all below, each once, until it is removed', async () => {
  const two = it.join('two')
  await it.answer(one.client.addWatch('/r', 'persistentRecursive'))
  await it.answer(two.client.create('/r', null))
  await it.answer(two.client.create('/r/a', null))
  await restart()
  await it.answer(two.client.create('/r/a/b', null))
  await it.answer(two.client.setData('/r/a', null))
  await it.answer(one.client.removeWatches('/r'))
  await it.answer(two.client.delete('/r/a/b'))
  await restart()
  await it.answer(two.client.delete('/r/a'))
  await it.pass(10)
  expect(kinds(one)).toEqual(['created /r', 'created /r/a', 'created /r/a/b', 'dataChanged /r/a'])
  expect(await it.refusal(one.client.removeWatches('/r'))).toBe('NOWATCHER')
})

test('one kind of watch is removed and the other stays', async () => {
  const { client } = one
  await it.answer(client.create('/a', null))
  await it.answer(client.getData('/a', { watch: true }))
  await it.answer(client.getChildren('/a', { watch: true }))
  await it.answer(client.removeWatches('/a', 'data'))
  await restart()
  await it.answer(client.setData('/a', null))
  await it.answer(client.create('/a/b', null))
  expect(kinds(one)).toEqual(['childrenChanged /a'])
})

test('TTL nodes and containers are made by mode, in a multi too, and go', async () => {
  const { client } = one
  const ttl = { mode: 'persistentWithTtl', ttlMs: 5000 } as const
  expect(await it.answer(client.create('/t', null, ttl))).toBe('/t')
  expect((await it.answer(client.create2('/t2', null, ttl))).stat.ephemeralOwner).toBe('0x0')
  const sequential = { ...ttl, mode: 'persistentSequentialWithTtl' } as const
  expect(await it.answer(client.create('/s', null, sequential))).toBe('/s0000000002')
  await it.answer(
    client.multi([
      { op: 'create', path: '/m', data: null, ...ttl },
      { op: 'create', path: '/c', data: null, mode: 'container' },
      { op: 'create', path: '/c/x', data: null },
    ]),
  )
  await it.answer(client.delete('/c/x'))
  expect(await it.refusal(client.create('/u', null, { mode: 'persistentWithTtl' }))).toBe(
    'BADARGUMENTS',
  )
  await it.pass(61_000)
  expect(await it.answer(client.getChildren('/'))).toEqual(['zookeeper'])
})

test('what is below, and what is its own, can be counted', async () => {
  const { client } = one
  for (const path of ['/a', '/a/b', '/a/b/c']) await it.answer(client.create(path, null))
  await it.answer(client.create('/a/e', null, { mode: 'ephemeral' }))
  expect(await it.answer(client.getAllChildrenNumber('/a'))).toBe(3)
  expect(await it.answer(client.getEphemerals())).toEqual(['/a/e'])
  expect(await it.answer(client.getEphemerals('/b'))).toEqual([])
})

test('behind a chroot all of it has short paths', async () => {
  await it.answer(one.client.create('/app', null))
  await it.answer(one.client.create('/apple', null))
  const inner = it.join('inner', { chroot: '/app' })
  const { client } = inner
  await it.answer(client.addWatch('/', 'persistentRecursive'))
  expect(await it.answer(client.create('/a', utf8('x'), { mode: 'ephemeral' }))).toBe('/a')
  const [made] = await it.answer(
    client.multi([
      { op: 'create', path: '/b', data: null },
      { op: 'check', path: '/', version: -1 },
    ]),
  )
  expect(made).toEqual({ op: 'create', path: '/b' })
  expect(
    await it.answer(client.create2('/s', null, { mode: 'persistentSequential' })),
  ).toMatchObject({
    path: '/s0000000002',
  })
  expect(await it.answer(client.getEphemerals())).toEqual(['/a'])
  expect(await it.answer(client.getEphemerals('/b'))).toEqual([])
  expect(await it.answer(client.getAllChildrenNumber('/'))).toBe(3)
  expect((await it.answer(client.getAcl('/b'))).acl).toEqual(openAcl)
  await restart()
  await it.answer(one.client.setData('/app/b', null))
  await it.pass(10)
  expect(kinds(inner)).toEqual([
    'created /a',
    'created /b',
    'created /s0000000002',
    'dataChanged /b',
  ])
  expect(text((await it.answer(one.client.getData('/app/a'))).data)).toBe('x')
  await expect(it.answer(client.getData('/none'))).rejects.toThrow('NONODE for /none')
})

test('an expired session takes persistent watches with it', async () => {
  await it.answer(one.client.addWatch('/p', 'persistent'))
  it.zookeeper.expireSession(one.client.sessionId)
  await it.pass(500)
  one.client.reopen()
  await it.pass(500)
  await it.answer(one.client.create('/p', null))
  expect(kinds(one)).toEqual([])
})

test('a connect string is servers and a chroot', () => {
  expect(parseConnectString('one:2182,two,[::1]:2183/kafka/a')).toEqual({
    servers: [
      { host: 'one', port: 2182 },
      { host: 'two', port: 2181 },
      { host: '::1', port: 2183 },
    ],
    chroot: '/kafka/a',
  })
  expect(parseConnectString('one:1/')).toEqual({ servers: [{ host: 'one', port: 1 }], chroot: '' })
  for (const wrong of ['', 'one:', 'one:x', 'one,,two', 'one:70000', 'a b', 'one/a/', 'one/a//b'])
    expect(() => parseConnectString(wrong), wrong).toThrow(RangeError)
  expect(printAddress({ host: '::1', port: 5 })).toBe('[::1]:5')
})
