/**
 * Sequences of requests to a server, and a transcript of all it says: what two servers that are the same say alike. Left out of it:
 * session ids, times, and a notification's zxid (−1 before ZooKeeper 3.9).
 */
import { seededRandom } from '../../src/platform/random.ts'
import type { AskedAcl } from '../../src/zookeeper/acl.ts'
import type { Operation, RequestBody } from '../../src/zookeeper/jute.ts'
import { utf8 } from '../actors/zookeeper/ensemble.ts'
import { type Heard, RawClient } from '../actors/zookeeper/raw-client.ts'

const world = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }]
const creation = (
  path: string,
  flags = 0,
  data: string | null = 'x',
  acl: readonly AskedAcl[] = world,
) => ({
  path,
  data: data === null ? null : utf8(data),
  acl,
  flags,
})

export type Step = (
  server: Server,
  say: (what: string, heard?: readonly Heard[]) => void,
) => Promise<void>

export interface Server {
  readonly host: string
  readonly port: number
}

const call =
  <O extends Operation>(operation: O, body: RequestBody<O>) =>
  async (client: RawClient, say: (what: string, heard?: readonly Heard[]) => void) =>
    say(`${operation} ${JSON.stringify(body)}`, await client.call(operation, body))

/** One session, one request after another. */
const alone =
  (...calls: ReturnType<typeof call>[]): Step =>
  async (server, say) => {
    const client = await RawClient.session(server.host, server.port)
    for (const each of calls) await each(client, say)
    await close(client, say)
  }

async function close(client: RawClient, say: Parameters<Step>[1]): Promise<void> {
  client.ask('closeSession', {})
  say('closeSession', [...(await client.untilReply()), await client.next()])
}

const digest = (text: string) => ({ type: 0, scheme: 'digest', credentials: utf8(text) })

export const steps: Readonly<Record<string, Step>> = {
  'handshake: timeouts are clamped, an old client is answered without readOnly': async (
    at,
    say,
  ) => {
    for (const timeoutMs of [1, -5, 777, 10 ** 9]) {
      const client = await RawClient.open(at.host, at.port)
      say(`timeout ${timeoutMs}`, [await client.handshake({ timeoutMs })])
      await close(client, say)
    }
    const old = await RawClient.open(at.host, at.port)
    say('old', [await old.handshake({ readOnly: null, password: null })])
    await close(old, say)
  },
  'handshake: unknown session, future zxid': async (at, say) => {
    const unknown = await RawClient.open(at.host, at.port)
    say('unknown', [await unknown.handshake({ sessionId: 0x12345n }), await unknown.next()])
    const ahead = await RawClient.open(at.host, at.port)
    say('ahead', [await ahead.handshake({ lastZxidSeen: 2 ** 50 })])
  },
  'handshake: move, wrong password, reconnect': async (at, say) => {
    const one = await RawClient.session(at.host, at.port)
    say('create', await one.call('create', creation('/moved', 1)))
    await one.call('exists', { path: '/moved', watch: true })
    const { sessionId, password } = one
    const two = await RawClient.open(at.host, at.port)
    say('move', [await two.handshake({ sessionId, password })])
    say('old', [await one.next()])
    const thief = await RawClient.open(at.host, at.port)
    say('thief', [
      await thief.handshake({ sessionId, password: new Uint8Array(16) }),
      await thief.next(),
    ])
    say('owner', [await two.next()])
    const three = await RawClient.open(at.host, at.port)
    say('back', [await three.handshake({ sessionId, password })])
    // The watch was the old connection's.
    say('set', await three.call('setData', { path: '/moved', data: null, version: -1 }))
    say('ephemerals', await three.call('getEphemerals', { prefix: '/' }))
    await close(three, say)
    const four = await RawClient.open(at.host, at.port)
    say('closed', [await four.handshake({ sessionId, password }), await four.next()])
  },
  'create: modes, paths, errors': alone(
    call('create', creation('/c')),
    call('create', creation('/c')),
    call('create', creation('/c/a')),
    call('create', creation('/c/s-', 2)),
    call('create', creation('/c/', 2)),
    call('create2', creation('/c/e', 1, null)),
    call('create2', creation('/c/e/child')),
    call('create', creation('/c/e/child', 1)),
    call('create2', creation('/c/es-', 3)),
    call('create2', creation('/c/k', 4)),
    call('createContainer', creation('/c/k2', 4)),
    call('createContainer', creation('/c/k3', 0)),
    call('create', creation('/c/t', 5)),
    call('create', creation('/c/u', 7)),
    call('create', creation('/c/u', -1)),
    call('createTtl', { ...creation('/c/t', 5), ttlMs: 100_000 }),
    call('createTtl', { ...creation('/c/ts', 6), ttlMs: 100_000 }),
    call('createTtl', { ...creation('/c/t2', 5), ttlMs: 0 }),
    call('createTtl', { ...creation('/c/t2', 5), ttlMs: -1 }),
    call('createTtl', { ...creation('/c/t2', 5), ttlMs: 2 ** 40 }),
    call('createTtl', { ...creation('/c/t2', 5), ttlMs: 2 ** 40 - 1 }),
    call('createTtl', { ...creation('/c/t3', 0), ttlMs: 5 }),
    call('create', creation('/c/none', 0, 'x', [])),
    call('create', creation('')),
    call('create', creation('wp')),
    call('create', creation('wp/z')),
    call('create', creation('/wp/z/')),
    call('create', creation('/wp//z')),
    call('create', creation('/c/z/')),
    call('create', creation('/c/.')),
    call('create', creation('/c/..')),
    call('create', creation('/c//z')),
    call('create', creation('/c/\u0001')),
    call('create', creation('/c/\u0000')),
    call('create', creation('/c/\u009f')),
    call('create', creation('/c/\ufff0')),
    call('create', creation('/c/ä€')),
    call('create', creation('/c/😀')),
    call('create', creation('/')),
    call('create', creation('/', 2)),
    call('create', creation('/no/such')),
    call('exists', { path: '/c', watch: false }),
    call('getChildren2', { path: '/c', watch: false }),
    call('getAllChildrenNumber', { path: '/c' }),
    call('getEphemerals', { prefix: '/c/e' }),
    call('getEphemerals', { prefix: '/x' }),
    call('getEphemerals', { prefix: null }),
    call('getEphemerals', { prefix: '' }),
    call('getData', { path: '/c/e', watch: false }),
    call('getData', { path: '/c/t', watch: false }),
    call('getData', { path: '/c/k', watch: false }),
  ),
  'read: paths, the nodes there from the start': alone(
    call('exists', { path: '/', watch: false }),
    call('getData', { path: '/', watch: false }),
    call('getData', { path: '', watch: false }),
    call('getChildren', { path: '', watch: false }),
    call('getData', { path: '/zookeeper', watch: false }),
    call('getData', { path: '/zookeeper/config', watch: false }),
    call('getData', { path: '/zookeeper/quota', watch: false }),
    call('getAcl', { path: '/zookeeper/config' }),
    call('getAcl', { path: '/' }),
    call('getAcl', { path: '/none' }),
    call('getData', { path: 'wp', watch: false }),
    call('getData', { path: '/wp/', watch: false }),
    call('exists', { path: '/a\u0000', watch: false }),
    call('getData', { path: '/a\u0000', watch: false }),
    call('getChildren', { path: '/none', watch: true }),
    call('getChildren2', { path: '/none', watch: true }),
    call('getAllChildrenNumber', { path: '/none' }),
    call('getAllChildrenNumber', { path: '/zookeeper' }),
    call('sync', { path: '/none' }),
    call('sync', { path: 'x' }),
    call('whoAmI', {}),
    call('reconfig', { joining: null, leaving: null, newMembers: null, configId: -1 }),
    call('sasl', { token: utf8('x') }),
  ),
  'write: set, delete, versions': alone(
    call('create', creation('/w', 0, null)),
    call('getData', { path: '/w', watch: false }),
    call('setData', { path: '/w', data: utf8(''), version: 0 }),
    call('getData', { path: '/w', watch: false }),
    call('setData', { path: '/w', data: utf8('abc'), version: 0 }),
    call('setData', { path: '/w', data: utf8('abc'), version: -1 }),
    call('setData', { path: '/none', data: null, version: -1 }),
    call('setData', { path: 'none', data: null, version: -1 }),
    call('setData', { path: '', data: null, version: -1 }),
    call('setData', { path: '/', data: utf8('r'), version: -1 }),
    call('setData', { path: '/', data: null, version: -1 }),
    call('create', creation('/w/a')),
    call('create', creation('/w/b')),
    call('exists', { path: '/w', watch: false }),
    call('delete', { path: '/w', version: 9 }),
    call('delete', { path: '/w', version: -1 }),
    call('delete', { path: '/w/a', version: 0 }),
    call('exists', { path: '/w', watch: false }),
    call('create', creation('/w/s', 2)),
    call('setData', { path: '/w/b', data: null, version: 0 }),
    call('exists', { path: '/w', watch: false }),
    call('setAcl', { path: '/w/b', acl: world, version: 0 }),
    call('setAcl', { path: '/w/b', acl: world, version: 0 }),
    call('setAcl', { path: '/none', acl: world, version: 0 }),
    call('setAcl', { path: '/none', acl: [], version: 0 }),
    call('exists', { path: '/w/b', watch: false }),
    call('delete', { path: '/', version: -1 }),
    call('delete', { path: '/zookeeper', version: -1 }),
    call('delete', { path: '/zookeeper/quota', version: -1 }),
    call('delete', { path: 'w', version: -1 }),
    call('delete', { path: '', version: -1 }),
    call('delete', { path: '/none/a', version: -1 }),
    call('delete', { path: '/none', version: -1 }),
    call('delete', { path: '/w/b', version: -1 }),
    call('delete', { path: '/w/s0000000002', version: -1 }),
    call('delete', { path: '/w', version: 2 }),
    call('check' as 'sync', { path: '/' }),
  ),
  'bad requests': async (at, say) => {
    for (const opcode of [1, 2, 5, 7, 14, 3, 4, 12, 22, 101, 105, 106, 17, 103]) {
      const client = await RawClient.session(at.host, at.port)
      client.askBytes(opcode, writer => writer.int8(1))
      say(`cut body of ${opcode}`, await client.untilReply())
      say('then', await client.call('exists', { path: '/', watch: false }))
      client.destroy()
    }
    for (const opcode of [99, 10, 20_000, -3, 0, 108]) {
      const client = await RawClient.session(at.host, at.port)
      client.askBytes(opcode, () => {})
      say(`opcode ${opcode}`, [...(await client.untilReply()), await client.next()])
    }
    for (const bytes of [
      [0, 0, 0, 0],
      [0xff, 0xff, 0xff, 0xff],
      [0x7f, 0, 0, 0],
      [0, 0, 0, 1, 5],
      [0, 16, 0, 0],
    ]) {
      const client = await RawClient.session(at.host, at.port)
      client.raw(Uint8Array.from(bytes))
      say(`bytes ${bytes}`, [await client.next()])
    }
  },
  'xids repeat, requests are pipelined, pings in order': async (at, say) => {
    const client = await RawClient.session(at.host, at.port)
    client.ask('exists', { path: '/', watch: false }, 7)
    client.ask('create', creation('/p', 1), 7)
    client.ask('ping', {}, -2)
    client.ask('exists', { path: '/p', watch: false }, 3)
    for (let i = 0; i < 4; i++) say(`${i}`, await client.untilReply())
    await close(client, say)
  },
  'multi: all or nothing': async (at, say) => {
    const client = await RawClient.session(at.host, at.port)
    const multi = async (...parts: Parameters<typeof client.askMulti>[0]) => {
      client.askMulti(parts, 'multi')
      say(`multi ${JSON.stringify(parts)}`, await client.untilReply())
    }
    await multi()
    await multi(
      { operation: 'create', body: creation('/m') },
      { operation: 'create2', body: creation('/m/a') },
      { operation: 'createTtl', body: { ...creation('/m/t', 5), ttlMs: 10 ** 9 } },
      { operation: 'createContainer', body: creation('/m/c', 4) },
      { operation: 'create', body: creation('/m/s', 2) },
      { operation: 'create', body: creation('/m/s', 3) },
      { operation: 'setData', body: { path: '/m', data: utf8('yy'), version: 0 } },
      { operation: 'check', body: { path: '/m', version: 1 } },
      { operation: 'delete', body: { path: '/m/a', version: 0 } },
    )
    say('m', await client.call('getChildren2', { path: '/m', watch: false }))
    await multi(
      { operation: 'create', body: creation('/m/s', 2) },
      { operation: 'setData', body: { path: '/m', data: null, version: 7 } },
      { operation: 'create', body: creation('/m/s', 2) },
    )
    await multi({ operation: 'check', body: { path: '/none', version: -1 } })
    await multi(
      { operation: 'delete', body: { path: '/m', version: -1 } },
      { operation: 'create', body: creation('/m') },
    )
    await multi(
      { operation: 'create', body: creation('/m/e', 1) },
      { operation: 'create', body: creation('/m/e/x') },
    )
    await multi(
      { operation: 'create', body: creation('/m/x') },
      { operation: 'delete', body: { path: '/m/x', version: 0 } },
      { operation: 'create', body: creation('/m/x') },
      { operation: 'setData', body: { path: '/m/x', data: null, version: 0 } },
      { operation: 'setData', body: { path: '/m/x', data: null, version: 0 } },
    )
    say('s', await client.call('create', creation('/m/s', 2)))
    client.askMulti(
      [
        { operation: 'getData', body: { path: '/m', watch: false } },
        { operation: 'getChildren', body: { path: '/none', watch: false } },
        { operation: 'getChildren', body: { path: '/m', watch: false } },
      ],
      'multiRead',
    )
    say('multiRead', await client.untilReply())
    client.askMulti([{ operation: 'getData', body: { path: '/m', watch: false } }], 'multi')
    say('read in a multi', await client.untilReply())
    client.askMulti([{ operation: 'delete', body: { path: '/m', version: 0 } }], 'multiRead')
    // 3.8 adds an empty body to this error.
    await client.untilReply()
    client.askMulti([], 'multiRead')
    say('nothing', await client.untilReply())
    await close(client, say)
  },
  'acl: who may what': async (at, say) => {
    const ann = await RawClient.session(at.host, at.port)
    const bob = await RawClient.session(at.host, at.port)
    say('auth', await ann.call('auth', digest('ann:secret')))
    say('twice', await ann.call('auth', digest('ann:secret')))
    say('who', await ann.call('whoAmI', {}))
    const entry = (perms: number, scheme: string, id: string) => ({ perms, id: { scheme, id } })
    const by = (...acl: ReturnType<typeof entry>[]) => acl
    const make = async (path: string, acl: ReturnType<typeof by>) =>
      say(
        `create ${path} ${JSON.stringify(acl)}`,
        await ann.call('create', creation(path, 0, 'x', acl)),
      )
    await make('/acl', by(entry(31, 'auth', '')))
    await make('/acl/read', by(entry(1, 'world', 'anyone'), entry(31, 'auth', 'x')))
    await make('/acl/ip', by(entry(31, 'ip', '127.0.0.1')))
    await make('/acl/ips', by(entry(31, 'ip', '127.0.0.0/8'), entry(31, 'ip', '127.0.0.0/8')))
    await make('/acl/far', by(entry(31, 'ip', '10.0.0.0/8')))
    await make('/acl/bad1', by(entry(31, 'ip', '10.0.0')))
    await make('/acl/bad2', by(entry(31, 'ip', '10.0.0.1/33')))
    await make('/acl/bad3', by(entry(31, 'world', 'somebody')))
    await make('/acl/bad4', by(entry(31, 'digest', 'nocolon')))
    await make('/acl/bad5', by(entry(31, 'magic', 'x')))
    await make('/acl/bad6', by(entry(31, 'digest', 'a:b:c')))
    await make('/acl/odd', by(entry(31, 'digest', ':b')))
    await make('/acl/zero', by(entry(0, 'world', 'anyone')))
    await make('/acl/noauth', by(entry(31, 'world', 'anyone'), entry(1, 'world', 'anyone')))
    say('no proof', await bob.call('create', creation('/bob', 0, '', by(entry(31, 'auth', '')))))
    for (const path of ['/acl', '/acl/read', '/acl/ip', '/acl/ips', '/acl/far', '/acl/zero']) {
      for (const [name, client] of Object.entries({ ann, bob })) {
        say(`${name} getData ${path}`, await client.call('getData', { path, watch: false }))
        say(`${name} exists ${path}`, await client.call('exists', { path, watch: false }))
        say(`${name} getAcl ${path}`, await client.call('getAcl', { path }))
        say(`${name} set`, await client.call('setData', { path, data: null, version: -1 }))
        say(`${name} bad version`, await client.call('setData', { path, data: null, version: 99 }))
        say(`${name} setAcl`, await client.call('setAcl', { path, acl: world, version: 99 }))
        say(`${name} create`, await client.call('create', creation(`${path}/${name}`)))
        say(`${name} all`, await client.call('getAllChildrenNumber', { path }))
        client.askMulti([{ operation: 'check', body: { path, version: -1 } }], 'multi')
        say(`${name} check`, await client.untilReply())
        client.askMulti([{ operation: 'getData', body: { path, watch: false } }], 'multiRead')
        say(`${name} multiRead`, await client.untilReply())
        say(`${name} delete`, await client.call('delete', { path: `${path}/${name}`, version: -1 }))
      }
    }
    say('bob delete', await bob.call('delete', { path: '/acl/read', version: -1 }))
    say('bob proves', await bob.call('auth', digest('ann:secret')))
    say('bob delete', await bob.call('delete', { path: '/acl/read', version: -1 }))
    for (const name of ['ip', 'ips', 'far', 'odd', 'zero', 'noauth', ''])
      say('delete', await bob.call('delete', { path: name ? `/acl/${name}` : '/acl', version: -1 }))
    say('ip auth', await bob.call('auth', { type: 0, scheme: 'ip', credentials: utf8('1.2.3.4') }))
    say('who', await bob.call('whoAmI', {}))
    bob.ask('auth', { type: 0, scheme: 'magic', credentials: utf8('x') }, -4)
    say('unknown', [...(await bob.untilReply()), await bob.next()])
    await close(ann, say)
  },
  'acl: names that are not there': async (at, say) => {
    const client = await RawClient.session(at.host, at.port)
    await client.call('auth', digest('ann:secret'))
    for (const scheme of ['auth', 'world', 'digest', 'ip', 'magic', null])
      for (const id of [null, '', 'x']) {
        const acl = [{ perms: 31, id: { scheme, id } }]
        const heard = await client.call('create', creation(`/of-${scheme}-${id}`, 0, null, acl))
        say(`${scheme} ${id}`, heard)
      }
    say('stored', await client.call('getAcl', { path: '/of-auth-null' }))
    await close(client, say)
  },
  'watches: kinds and order': async (at, say) => {
    const one = await RawClient.session(at.host, at.port)
    const two = await RawClient.session(at.host, at.port)
    const both = async (what: string, heard: Promise<Heard[]>) => {
      say(`${what}: one`, await heard)
      say(`${what}: two`, await two.call('ping', {}))
    }
    await one.call('create', creation('/wa'))
    for (const client of [one, two]) {
      await client.call('exists', { path: '/wa/x', watch: true })
      await client.call('exists', { path: '/wa/x', watch: true })
      await client.call('getData', { path: '/wa', watch: true })
      await client.call('getChildren', { path: '/wa', watch: true })
      await client.call('getData', { path: '/none', watch: true })
      await client.call('getChildren', { path: '/none', watch: true })
    }
    await both('create none', one.call('create', creation('/none')))
    await both('delete none', one.call('delete', { path: '/none', version: -1 }))
    await both('create x', one.call('create', creation('/wa/x')))
    await both('create y', one.call('create', creation('/wa/y')))
    await both('set', one.call('setData', { path: '/wa', data: null, version: -1 }))
    await both('set', one.call('setData', { path: '/wa', data: null, version: -1 }))
    for (const client of [one, two]) {
      await client.call('getData', { path: '/wa/x', watch: true })
      await client.call('exists', { path: '/wa/x', watch: true })
      await client.call('getChildren2', { path: '/wa/x', watch: true })
      await client.call('getChildren2', { path: '/wa', watch: true })
    }
    await both('setAcl', one.call('setAcl', { path: '/wa/x', acl: world, version: -1 }))
    await both('delete x', one.call('delete', { path: '/wa/x', version: -1 }))
    await both('delete y', one.call('delete', { path: '/wa/y', version: -1 }))
    // A multi.
    for (const client of [one, two]) {
      await client.call('exists', { path: '/wa/m', watch: true })
      await client.call('getChildren', { path: '/wa', watch: true })
      await client.call('getData', { path: '/wa', watch: true })
    }
    one.askMulti(
      [
        { operation: 'create', body: creation('/wa/m') },
        { operation: 'setData', body: { path: '/wa', data: null, version: -1 } },
        { operation: 'delete', body: { path: '/wa/m', version: -1 } },
      ],
      'multi',
    )
    await both('multi', one.untilReply())
    // Ephemerals go with their session.
    await two.call('create', creation('/wa/e', 1))
    await one.call('getData', { path: '/wa/e', watch: true })
    await one.call('getChildren', { path: '/wa', watch: true })
    await two.call('exists', { path: '/wa/e', watch: true })
    await close(two, say)
    say('ephemeral', await one.call('exists', { path: '/wa/e', watch: false }))
    say('delete', await one.call('delete', { path: '/wa', version: -1 }))
    await close(one, say)
  },
  'watches: persistent, recursive, removed': async (at, say) => {
    const one = await RawClient.session(at.host, at.port)
    say('mode 2', await one.call('addWatch', { path: '/pw', mode: 2 }))
    say('persistent', await one.call('addWatch', { path: '/pw', mode: 0 }))
    const change = async () => {
      say('create', await one.call('create', creation('/pw')))
      say('child', await one.call('create', creation('/pw/c')))
      say('grandchild', await one.call('create', creation('/pw/c/d')))
      say('set', await one.call('setData', { path: '/pw', data: null, version: -1 }))
      say('set child', await one.call('setData', { path: '/pw/c', data: null, version: -1 }))
      say('delete', await one.call('delete', { path: '/pw/c/d', version: -1 }))
      say('delete', await one.call('delete', { path: '/pw/c', version: -1 }))
      say('delete', await one.call('delete', { path: '/pw', version: -1 }))
    }
    await change()
    for (const watcherType of [1, 2, 3, 4, 0])
      say(`check ${watcherType}`, await one.call('checkWatches', { path: '/pw', watcherType }))
    say('remove', await one.call('removeWatches', { path: '/pw', watcherType: 3 }))
    say('remove', await one.call('removeWatches', { path: '/pw', watcherType: 3 }))
    say('recursive', await one.call('addWatch', { path: '/pw', mode: 1 }))
    await change()
    say('remove', await one.call('removeWatches', { path: '/pw', watcherType: 3 }))
    say('recursive root', await one.call('addWatch', { path: '/', mode: 1 }))
    await change()
    say('remove', await one.call('removeWatches', { path: '/', watcherType: 3 }))
    await one.call('create', creation('/pw'))
    await one.call('getData', { path: '/pw', watch: true })
    await one.call('getChildren', { path: '/pw', watch: true })
    for (const watcherType of [1, 2, 3])
      say(`check ${watcherType}`, await one.call('checkWatches', { path: '/pw', watcherType }))
    say('remove data', await one.call('removeWatches', { path: '/pw', watcherType: 2 }))
    say('check', await one.call('checkWatches', { path: '/pw', watcherType: 2 }))
    say('check', await one.call('checkWatches', { path: '/pw', watcherType: 3 }))
    say('delete', await one.call('delete', { path: '/pw', version: -1 }))
    say('check', await one.call('checkWatches', { path: '/pw', watcherType: 3 }))
    await close(one, say)
  },
  'watches: set again': async (at, say) => {
    const one = await RawClient.session(at.host, at.port)
    const [reply] = await one.call('create', creation('/sw'))
    const zxid = reply?.heard === 'reply' ? reply.zxid : 0
    await one.call('create', creation('/sw/child'))
    await one.call('create', creation('/sw/same'))
    const again = async (relativeZxid: number) => {
      one.ask(
        'setWatches',
        {
          relativeZxid,
          data: ['/sw', '/sw/child', '/sw/none'],
          exist: ['/sw/same', '/sw/nope'],
          child: ['/sw', '/sw/same', '/sw/none'],
        },
        -8,
      )
      say('again', await one.untilReply())
    }
    await again(zxid)
    await again(zxid + 5)
    say('set', await one.call('setData', { path: '/sw', data: null, version: -1 }))
    one.ask(
      'setWatches2',
      {
        relativeZxid: zxid,
        data: [],
        exist: [],
        child: [],
        persistent: ['/sw'],
        persistentRecursive: ['/sw/same'],
      },
      -8,
    )
    say('again 2', await one.untilReply())
    one.ask(
      'setWatches2',
      {
        relativeZxid: zxid,
        data: [],
        exist: [],
        child: [],
        persistent: ['/sw'],
        persistentRecursive: [],
      },
      -8,
    )
    say('again 2', await one.untilReply())
    say('create', await one.call('create', creation('/sw/new')))
    for (const name of ['/new', '/same', '/child', ''])
      say('delete', await one.call('delete', { path: `/sw${name}`, version: -1 }))
    await close(one, say)
  },
  'quota: counted in place': async (at, say) => {
    const client = await RawClient.session(at.host, at.port)
    const quota = '/zookeeper/quota/q'
    const stats = async (what: string) =>
      say(what, await client.call('getData', { path: `${quota}/zookeeper_stats`, watch: false }))
    await client.call('create', creation('/q', 0, 'abc'))
    await client.call('create', creation('/q/a', 0, 'de'))
    say('quota', await client.call('create', creation(quota)))
    say(
      'limits',
      await client.call('create', creation(`${quota}/zookeeper_limits`, 0, 'count=2,bytes=-1')),
    )
    await client.call('create', creation('/q/b', 0, 'f'))
    say(
      'stats',
      await client.call('create', creation(`${quota}/zookeeper_stats`, 0, 'count=0,bytes=0')),
    )
    await stats('counted')
    say('over', await client.call('create', creation('/q/c', 1, 'ghi')))
    await stats('one more')
    say('set', await client.call('setData', { path: '/q/a', data: utf8('longer'), version: -1 }))
    say('null', await client.call('setData', { path: '/q/b', data: null, version: -1 }))
    await stats('set')
    client.askMulti(
      [
        { operation: 'create', body: creation('/q/m') },
        { operation: 'delete', body: { path: '/q/b', version: -1 } },
        { operation: 'create', body: creation('/q/m/n') },
      ],
      'multi',
    )
    await client.untilReply()
    await stats('multi')
    for (const path of ['/q/m/n', '/q/m', '/q/c'])
      await client.call('delete', { path, version: -1 })
    await stats('fewer')
    await client.call('delete', { path: `${quota}/zookeeper_limits`, version: -1 })
    await client.call('create', creation('/q/z'))
    await stats('no more')
    await client.call('delete', { path: `${quota}/zookeeper_stats`, version: -1 })
    await client.call('delete', { path: quota, version: -1 })
    await close(client, say)
  },
  'expiry: silence ends a session, its connection and its ephemerals': async (at, say) => {
    const watcher = await RawClient.session(at.host, at.port)
    const silent = await RawClient.session(at.host, at.port, 300)
    say('create', await silent.call('create', creation('/silent', 1)))
    say('watch', await watcher.call('exists', { path: '/silent', watch: true }))
    say('event', [await watcher.next()])
    say('closed', [await silent.next()])
    await close(watcher, say)
  },
}

const acls = [
  world,
  [{ perms: 1, id: { scheme: 'world', id: 'anyone' } }],
  [{ perms: 31, id: { scheme: 'auth', id: '' } }],
  [{ perms: 29, id: { scheme: 'ip', id: '127.0.0.0/8' } }],
  [],
]

/**
 * Random requests of one or two sessions over few paths.
 *
 * @param sessions 1: everything over one connection; 2: two that see what the other does
 */
export function random(seed: number, count: number, sessions: 1 | 2): Step {
  return async (at, say) => {
    const chance = seededRandom(seed)
    const below = (bound: number) => Math.floor(chance.next() * bound)
    const one = await RawClient.session(at.host, at.port)
    let two = await RawClient.session(at.host, at.port)
    const names = ['a', 'b', 'c']
    const path = () =>
      `/r${Array.from({ length: 1 + below(3) }, () => `/${names[below(names.length)]}`).join('')}`
    const version = () => (below(3) === 0 ? below(4) : -1)
    const acl = () => (below(6) === 0 ? (acls[below(acls.length)] ?? world) : world)
    const write = () => {
      const kind = below(12)
      if (kind < 5)
        return { operation: 'create' as const, body: creation(path(), below(4), 'd', acl()) }
      if (kind === 5)
        return { operation: 'createContainer' as const, body: creation(path(), 4, null, acl()) }
      if (kind === 6)
        return {
          operation: 'createTtl' as const,
          body: { ...creation(path(), 5 + below(2)), ttlMs: 10 ** 9 },
        }
      if (kind < 9)
        return { operation: 'delete' as const, body: { path: path(), version: version() } }
      if (kind < 11)
        return {
          operation: 'setData' as const,
          body: { path: path(), data: below(5) === 0 ? null : utf8('v'), version: version() },
        }
      return { operation: 'check' as const, body: { path: path(), version: version() } }
    }
    await one.call('create', creation('/r'))
    for (let i = 0; i < count; i++) {
      const client = sessions === 1 || below(2) === 0 ? one : two
      const kind = below(26)
      // In 3.8 watches of several modes of one connection on one path disturb each other (ZOOKEEPER-4466).
      const watch = below(2) === 0 && client === one
      const watcher = sessions === 1 ? one : two
      const at2 = path()
      let asked = client
      if (kind < 8) {
        const { operation, body } = write()
        if (operation === 'check') client.askMulti([{ operation, body }], 'multi')
        else if (operation === 'create' && below(3) === 0) client.ask('create2', body)
        else client.ask(operation, body as never)
      } else if (kind < 11) client.askMulti(Array.from({ length: 1 + below(4) }, write), 'multi')
      else if (kind < 13) client.ask('exists', { path: at2, watch })
      else if (kind < 15) client.ask('getData', { path: at2, watch })
      else if (kind < 17) client.ask('getChildren2', { path: at2, watch })
      else if (kind === 17) {
        asked = watcher
        if (sessions === 1) watcher.ask('checkWatches', { path: at2, watcherType: 1 + below(3) })
        else watcher.ask('addWatch', { path: at2, mode: at2.endsWith('c') ? 1 : 0 })
      } else if (kind === 18) client.ask('removeWatches', { path: at2, watcherType: 1 + below(3) })
      else if (kind === 19) client.ask('getAllChildrenNumber', { path: at2 })
      else if (kind === 20) client.ask('getAcl', { path: at2 })
      else if (kind === 21) client.ask('setAcl', { path: at2, acl: acl(), version: version() })
      else if (kind === 22) client.ask('getEphemerals', { prefix: below(2) === 0 ? '/' : at2 })
      else if (kind === 23)
        client.askMulti(
          Array.from({ length: 1 + below(3) }, () =>
            below(2) === 0
              ? { operation: 'getData' as const, body: { path: path(), watch: false } }
              : { operation: 'getChildren' as const, body: { path: path(), watch: false } },
          ),
          'multiRead',
        )
      else if (kind === 24) client.ask('auth', digest(below(2) === 0 ? 'ann:a' : 'bob:b'))
      else if (below(3) === 0) {
        // The second session ends, with its ephemerals; another takes its place.
        two.ask('closeSession', {})
        say(`${i} close`, inAnyOrder(true, [...(await two.untilReply()), await two.next()]))
        two = await RawClient.session(at.host, at.port)
        asked = one
        one.ask('sync', { path: '/' })
      } else client.ask('sync', { path: at2 })
      const heard = await asked.untilReply()
      say(`${i} ${asked === one ? 'one' : 'two'} ${kind} ${at2}`, inAnyOrder(kind === 25, heard))
      // What it caused elsewhere.
      const other = asked === one ? two : one
      say(`${i} other`, inAnyOrder(kind === 25, await other.call('ping', {})))
    }
    one.destroy()
    two.destroy()
  }
}

/** In which order the ephemerals of one session go, Java's hashes decide: their events are compared as a set. */
function inAnyOrder(hasOrder: boolean, heard: Heard[]): Heard[] {
  if (!hasOrder) return heard
  const key = (each: Heard): string => (each.heard === 'event' ? JSON.stringify(each.body) : '~')
  return [...heard].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0))
}

/** What may differ is made equal; zxids count from the step's beginning. */
function told(heard: readonly Heard[], sessions: Map<bigint, string>, base: number): string {
  const plain = (key: string, value: unknown): unknown => {
    if (typeof value === 'bigint') {
      if (value === 0n) return 'none'
      if (!sessions.has(value)) sessions.set(value, `session ${sessions.size}`)
      return sessions.get(value)
    }
    if (key === 'ctime' || key === 'mtime') return value === 0 ? 0 : 'time'
    if (key.endsWith('zxid') && typeof value === 'number') return value > 0 ? value - base : value
    // A Buffer has become this by the time it is seen here.
    const bytes = (value as { type?: string; data?: number[] } | null)?.data
    if (key === 'password') return bytes?.some(byte => byte !== 0) ? 'some' : 'none'
    if (Array.isArray(bytes)) return String.fromCharCode(...bytes)
    if (key === 'clients')
      return [...(value as { scheme: string }[])].sort((a, b) => (a.scheme < b.scheme ? -1 : 1))
    // What stands for `auth` comes in the order of Java's hashes.
    if (key === 'acl' && Array.isArray(value))
      return value.map(entry => JSON.stringify(entry)).sort()
    if (key === 'children' || key === 'paths') return [...(value as string[])].sort()
    return value
  }
  return heard
    .map(each => JSON.stringify(each.heard === 'event' ? { ...each, zxid: 0 } : each, plain))
    .join('\n    ')
}

/** Whose digest `super:test` is: it may remove what others forbade. */
export const superDigest = 'super:D/InIHSb7yEEbrWz8b9l71RjZJU='

/** All that a server says to a step; afterwards it has no nodes but its own. */
export async function transcript(step: Step, server: Server): Promise<string[]> {
  const lines: string[] = []
  const sessions = new Map<bigint, string>()
  const probe = await RawClient.session(server.host, server.port)
  const [reply] = await probe.call('sync', { path: '/' })
  const base = reply?.heard === 'reply' ? reply.zxid : 0
  try {
    await step(server, (what, heard = []) =>
      lines.push(`${what}\n    ${told(heard, sessions, base)}`),
    )
  } catch (error) {
    lines.push(`threw ${error}`)
  }
  await probe.call('auth', digest('super:test'))
  await clean(probe, '/')
  probe.destroy()
  await RawClient.endSessions(server.host, server.port)
  return lines
}

async function clean(client: RawClient, path: string): Promise<void> {
  const [reply] = await client.call('getChildren', { path, watch: false })
  if (reply?.heard !== 'reply' || reply.body === null) return
  for (const name of (reply.body as { children: string[] }).children) {
    if (name === 'zookeeper') continue
    const child = `${path === '/' ? '' : path}/${name}`
    await clean(client, child)
    await client.call('delete', { path: child, version: -1 })
  }
}
