import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nodePlatform } from '../../src/platform/node.ts'
import type { Address } from '../../src/ports.ts'
import { Ensemble, utf8 } from '../actors/zookeeper/ensemble.ts'
import { type Heard, RawClient } from '../actors/zookeeper/raw-client.ts'
import {
  apacheZooKeeperInstalled,
  startApacheZooKeeper,
  stopApacheZooKeepers,
} from './apache-zookeeper.ts'

/** Goal: what the embedded ZooKeeper writes Apache ZooKeeper reads, and the other way: a server can take over from the other. */

const open = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }]
const closed = [
  { perms: 1, id: { scheme: 'world', id: 'anyone' } },
  { perms: 31, id: { scheme: 'digest', id: 'ann:oKkHEd0TW4Oo0vmgZSYqH4tGCPg=' } },
]
const creation = (path: string, flags = 0, acl = open) => ({ path, data: utf8(path), acl, flags })

/** Every kind of node, as a client of either server makes them; the session stays open. */
async function fill(at: Address): Promise<RawClient> {
  const client = await RawClient.session(at.host, at.port, 30_000)
  await client.call('create', creation('/app'))
  await client.call('create', creation('/app/closed', 0, closed))
  await client.call('create', { ...creation('/app/empty'), data: utf8('') })
  await client.call('create', { ...creation('/app/null'), data: null })
  await client.call('create', creation('/app/ä€', 0))
  await client.call('createContainer', creation('/app/container', 4))
  await client.call('createTtl', { ...creation('/app/ttl', 5), ttlMs: 10 ** 9 })
  await client.call('create', creation('/app/mine', 1))
  await client.call('create', creation('/app/n-', 2))
  await client.call('create', creation('/app/n-', 3))
  await client.call('setData', { path: '/app', data: utf8('changed'), version: 0 })
  await client.call('setAcl', { path: '/app/empty', acl: closed, version: 0 })
  await client.call('delete', { path: '/app/none', version: -1 })
  client.askMulti(
    [
      { operation: 'create', body: creation('/app/multi') },
      { operation: 'check', body: { path: '/app', version: 1 } },
      { operation: 'setData', body: { path: '/app/multi', data: utf8('m'), version: 0 } },
      { operation: 'create', body: creation('/app/multi/gone') },
      { operation: 'delete', body: { path: '/app/multi/gone', version: 0 } },
    ],
    'multi',
  )
  await client.untilReply()
  client.askMulti([{ operation: 'check', body: { path: '/app', version: 9 } }], 'multi')
  await client.untilReply()
  const other = await RawClient.session(at.host, at.port)
  await other.call('create', creation('/app/theirs', 1))
  await other.call('closeSession', {})
  return client
}

const bodyOf = (heard: readonly Heard[]): Record<string, unknown> => {
  const last = heard.at(-1)
  return (last?.heard === 'reply' ? last.body : null) as Record<string, unknown>
}

/** Every node below a path with all that a client can learn of it. */
async function read(client: RawClient, path = '/app'): Promise<unknown[]> {
  const { data, stat } = bodyOf(await client.call('getData', { path, watch: false }))
  const { acl } = bodyOf(await client.call('getAcl', { path }))
  const { children } = bodyOf(await client.call('getChildren', { path, watch: false }))
  const below = []
  for (const name of [...(children as string[])].sort())
    below.push(...(await read(client, `${path}/${name}`)))
  const text = data === null ? null : Buffer.from(data as Uint8Array).toString()
  return [{ path, text, stat, acl }, ...below]
}

describe.skipIf(!apacheZooKeeperInstalled)('data directories change hands', () => {
  let dir: string
  let dataDir: string

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'samsa-data-dir-'))
    // Where the platform keeps the disk of the node `zookeeper`.
    dataDir = join(dir, 'zookeeper')
  })

  afterEach(async () => {
    await stopApacheZooKeepers()
    rmSync(dir, { recursive: true, force: true })
  })

  const samsa = async (config: object = {}) => {
    const it = new Ensemble(nodePlatform({ dataDir: dir }), 0)
    const server = await it.start({ durable: true, ...config })
    return { it, at: server.address as Address, close: () => server.close() }
  }

  for (const snapCount of [1000, 5])
    test(`from the embedded server to Apache ZooKeeper and back, a snapshot every ${snapCount} transactions`, async () => {
      const ours = await samsa({ snapCount })
      const one = await fill(ours.at)
      // Snapshots are written on later turns.
      await ours.it.pass(200)
      const before = await read(one)
      expect(before).toHaveLength(11)
      one.destroy()
      ours.it.killZooKeeper()

      const theirs = await startApacheZooKeeper({ dataDir })
      const two = await RawClient.open(theirs.address.host, theirs.address.port)
      const { sessionId, password } = one
      expect(await two.handshake({ sessionId, password, lastZxidSeen: 18 })).toMatchObject({
        body: { sessionId },
      })
      expect(await read(two)).toEqual(before)
      await two.call('setData', { path: '/app', data: utf8('again'), version: 1 })
      expect(bodyOf(await two.call('create', creation('/app/n-', 2)))).toEqual({
        path: '/app/n-0000000011',
      })
      const then = await read(two)
      two.destroy()
      await theirs.kill()

      const again = await samsa()
      const three = await RawClient.open(again.at.host, again.at.port)
      await three.handshake({ sessionId, password })
      expect(three.sessionId).toBe(sessionId)
      expect(await read(three)).toEqual(then)
      await three.call('closeSession', {})
      again.close()
    }, 60_000)

  test('from Apache ZooKeeper to the embedded server, with a snapshot taken while it was written to', async () => {
    const theirs = await startApacheZooKeeper({ dataDir, config: { snapCount: 40 } })
    const one = await fill(theirs.address)
    const two = await RawClient.session(theirs.address.host, theirs.address.port)
    for (let i = 0; i < 300; i++) two.ask('create', creation('/app/multi/s-', i % 3))
    for (let i = 0; i < 300; i++) await two.untilReply()
    const before = await read(one)
    one.destroy()
    two.destroy()
    await theirs.kill()

    const ours = await samsa()
    const three = await RawClient.open(ours.at.host, ours.at.port)
    await three.handshake({ sessionId: one.sessionId, password: one.password })
    expect(await read(three)).toEqual(before)
    await three.call('closeSession', {})
    ours.close()
  }, 60_000)
})
