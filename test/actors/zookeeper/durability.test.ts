import { expect, test } from 'vitest'
import { memoryPlatform } from '../../../src/platform/memory.ts'
import { memoryDisk } from '../../../src/platform/memory-disk.ts'
import { seededRandom } from '../../../src/platform/random.ts'
import { simulatedDisk } from '../../../src/platform/simulated-disk.ts'
import type { Disk, Platform } from '../../../src/ports.ts'
import { filesOf } from '../../../src/zookeeper/data-dir.ts'
import { dump } from '../../src/zookeeper/tree-dump.ts'
import { Ensemble, text, utf8 } from './ensemble.ts'

/** Goal: a durable server that comes back, however it went, knows all that it ever answered: tree, sessions, zxids. */

const platform = (disk?: Disk): Platform => {
  const memory = memoryPlatform({ clock: 'stepping' })
  return disk === undefined ? memory : { ...memory, disk: () => disk }
}

test('tree, sessions and zxids survive a restart; clients go on with sessions, ephemerals and watches', async () => {
  const it = new Ensemble(platform())
  const first = await it.start({ durable: true })
  const { client, states, told } = it.join('one')
  await it.answer(client.create('/kept', utf8('x')))
  await it.answer(client.create('/mine', null, { mode: 'ephemeral' }))
  await it.answer(client.create('/kept/n-', null, { mode: 'persistentSequential' }))
  await it.answer(client.exists('/kept', { watch: true }))
  const before = dump(first.tree)
  const { sessionId } = client
  it.killZooKeeper()
  await it.pass(700)
  expect(states).toEqual(['connected', 'suspended'])
  const second = await it.start({ durable: true })
  expect(dump(second.tree)).toBe(before)
  await it.pass(500)
  expect(states).toEqual(['connected', 'suspended', 'connected'])
  expect(client.sessionId).toBe(sessionId)
  expect(await it.answer(client.create('/kept/n-', null, { mode: 'persistentSequential' }))).toBe(
    '/kept/n-0000000001',
  )
  await it.answer(client.setData('/kept', utf8('y')))
  expect(told).toMatchObject([{ kind: 'dataChanged', path: '/kept' }])
  expect((await it.answer(client.exists('/mine')))?.ephemeralOwner).toBe(sessionId)
  await it.answer(client.close())
  expect(second.tree.node('/mine')).toBeUndefined()
  expect(it.failures).toEqual([])
})

test('session timeouts begin anew: however long the server was away, nobody expires by that', async () => {
  const it = new Ensemble(platform())
  await it.start({ durable: true })
  const members = ['one', 'two', 'three'].map(name => it.join(name, { sessionTimeoutMs: 2000 }))
  for (const [index, { client }] of members.entries())
    await it.answer(client.create(`/e${index}`, null, { mode: 'ephemeral' }))
  const [one, , three] = members
  it.killZooKeeper()
  // Far beyond any timeout; and one client does not live to see the end of it.
  await it.pass(30_000)
  three?.process.kill()
  const server = await it.start({ durable: true })
  await it.pass(1900)
  expect(server.sessions()).toHaveLength(3)
  await it.pass(300)
  expect(server.sessions().map(({ ephemerals }) => ephemerals)).toEqual([['/e0'], ['/e1']])
  expect(one?.states).toEqual(['connected', 'suspended', 'connected'])
})

test('a server that is not durable begins with nothing, and leaves nothing', async () => {
  const disk = memoryDisk()
  const it = new Ensemble(platform(disk))
  await it.start()
  const { client } = it.join('one')
  await it.answer(client.create('/a', null))
  expect(disk.list('/')).toEqual([])
})

test('what is answered is safe: the machine may stop at any moment', async () => {
  for (let seed = 1; seed <= 25; seed++) {
    const random = seededRandom(seed)
    const memory = memoryPlatform({ clock: 'stepping', seed })
    const disk = simulatedDisk({ random, clock: memory.clock })
    const it = new Ensemble({ ...memory, disk: () => disk })
    const config = { durable: true, snapCount: 12, maxSessionTimeout: 60_000 }
    await it.start(config)
    const writers = ['one', 'two', 'three'].map(name => ({
      ...it.join(name, { sessionTimeoutMs: 20_000 }),
      name,
      sent: 0,
      answered: 0,
    }))
    for (const { client, name } of writers) {
      await it.answer(client.create(`/${name}`, utf8('0')))
      await it.answer(client.create(`/${name}/e`, null, { mode: 'ephemeral' }))
    }
    for (const writer of writers) {
      const { client, name } = writer
      const write = (): void => {
        const value = ++writer.sent
        const ops = [
          { op: 'setData', path: `/${name}`, data: utf8(String(value)), version: -1 },
          { op: 'create', path: `/${name}/n-`, data: null, mode: 'persistentSequential' },
        ] as const
        client.multi(ops).subscribe({
          next: () => {
            writer.answered = value
          },
          // Pipelined, so that several writes share a flush.
          complete: () => (writer.sent < 60 ? write() : undefined),
          error: () => {},
        })
      }
      for (let i = 0; i < 4; i++) write()
    }
    // What others see must be safe too.
    const reader = it.join('reader', { sessionTimeoutMs: 20_000 })
    let seen = 0
    const read = (): void => {
      reader.client.getData('/one').subscribe({
        next: ({ data }) => {
          seen = Math.max(seen, Number(text(data)))
          read()
        },
        error: () => {},
      })
    }
    read()
    await it.pass(20 + Math.floor(random.next() * 150))
    it.killZooKeeper()
    disk.crash()
    const atCrash = writers.map(({ sent, answered }) => ({ sent, answered }))
    const seenAtCrash = seen
    const server = await it.start(config)
    for (const [index, { name, client }] of writers.entries()) {
      const { sent = 0, answered = 0 } = atCrash[index] ?? {}
      const value = Number(text(server.tree.node(`/${name}`)?.data ?? null))
      expect(value, `seed ${seed}`).toBeGreaterThanOrEqual(answered)
      expect(value).toBeLessThanOrEqual(sent)
      expect(server.tree.node(`/${name}`)?.childrenCreated).toBe(value + 1)
      expect(server.tree.stat(`/${name}/e`)?.ephemeralOwner).toBe(client.sessionId)
    }
    expect(Number(text(server.tree.node('/one')?.data ?? null))).toBeGreaterThanOrEqual(seenAtCrash)
    // No client has seen a zxid that the server does not know: it would be turned away for ever.
    await it.pass(2000)
    for (const { states } of writers) expect(states.at(-1)).toBe('connected')
    expect(it.failures).toEqual([])
  }
})

test('a disk that fails ends the server, and what could not be written is not answered', async () => {
  for (const code of ['ENOSPC', 'EIO'] as const) {
    const memory = memoryPlatform({ clock: 'stepping' })
    const disk = simulatedDisk({ random: seededRandom(1), clock: memory.clock })
    const it = new Ensemble({ ...memory, disk: () => disk })
    await it.start({ durable: true })
    const { client } = it.join('one')
    await it.answer(client.create('/a', null))
    disk.fail(code, 'writes')
    let answered = false
    client.create('/b', null).subscribe({ next: () => (answered = true), error: () => {} })
    await it.pass(500)
    expect(answered).toBe(false)
    expect(it.failures).toHaveLength(1)
    expect(String(it.failures[0])).toContain(code)
  }
})

test('requests that wait for the same flush share it', async () => {
  const memory = memoryPlatform({ clock: 'stepping' })
  const disk = memoryDisk()
  let flushes = 0
  const slow: Disk = {
    ...disk,
    flushLater(_files, _directories, done) {
      flushes++
      memory.clock.setTimeout(() => done(null), 10)
    },
  }
  const it = new Ensemble({ ...memory, disk: () => slow })
  await it.start({ durable: true })
  const members = Array.from({ length: 10 }, (_, i) => it.join(`c${i}`))
  await it.pass(200)
  flushes = 0
  const writes = members.flatMap(({ client }, c) =>
    Array.from({ length: 20 }, (_, i) => it.answer(client.create(`/${c}-${i}`, null))),
  )
  const other = members[0]?.client
  await Promise.all(writes)
  expect(flushes).toBeLessThanOrEqual(3)
  // A read that would show what is not safe yet waits as well.
  const before = memory.clock.now()
  other?.create('/late', null).subscribe()
  await it.pass(2)
  if (members[1] !== undefined) await it.answer(members[1].client.exists('/late'))
  expect(memory.clock.now() - before).toBeGreaterThanOrEqual(10)
})

test('snapshots are taken while the server serves, the log begins anew, and old files go', async () => {
  const disk = memoryDisk()
  const it = new Ensemble(platform(disk))
  const first = await it.start({ durable: true, snapCount: 50, 'autopurge.snapRetainCount': 2 })
  const { client } = it.join('one')
  // More than one piece.
  const data = new Uint8Array(100_000)
  for (let i = 0; i < 400; i++) {
    if (i % 3 === 0) await it.answer(client.create(`/n${i}`, data))
    else await it.answer(client.setData(`/n${i - (i % 3)}`, utf8(`${i}`)))
  }
  await it.pass(100)
  const snapshots = filesOf(disk, 'snapshot').map(({ zxid }) => zxid)
  expect(snapshots).toHaveLength(2)
  const logs = filesOf(disk, 'log').map(({ zxid }) => zxid)
  expect(logs.length).toBeLessThanOrEqual(3)
  expect(logs[0]).toBeLessThanOrEqual((snapshots[0] ?? 0) + 1)
  expect(logs[1]).toBeGreaterThan((snapshots[0] ?? 0) + 1)
  const before = dump(first.tree)
  it.killZooKeeper()
  const second = await it.start({ durable: true })
  expect(dump(second.tree)).toBe(before)
  const note = it.lines('note').find(({ type }) => type === 'recovered')
  expect(note?.detail).toMatchObject({ snapshotZxid: snapshots[1] })
})

test('one disk, one server: a second one is refused and says why', async () => {
  const it = new Ensemble(platform())
  await it.start({ durable: true })
  const other = new Ensemble(it.platform, 2182)
  await expect(other.start({ durable: true })).rejects.toThrow(/in use/)
  it.zookeeper.close()
  await expect(other.start({ durable: true })).resolves.toBeDefined()
})

test('a log with a hole is refused rather than served', async () => {
  const disk = memoryDisk()
  const it = new Ensemble(platform(disk))
  for (let i = 0; i < 3; i++) {
    await it.start({ durable: true })
    const { client, process } = it.join(`c${i}`)
    await it.answer(client.create(`/${i}`, null))
    process.kill()
    it.killZooKeeper()
  }
  const middle = filesOf(disk, 'log')[1]?.name ?? ''
  disk.remove(`version-2/${middle}`)
  await expect(it.start({ durable: true })).rejects.toThrow(/missing/)
})

test('quotas are known again after a restart', async () => {
  const it = new Ensemble(platform())
  await it.start({ durable: true })
  const { client } = it.join('one')
  const quota = '/zookeeper/quota/app'
  for (const path of ['/app', quota]) await it.answer(client.create(path, null))
  await it.answer(client.create(`${quota}/zookeeper_limits`, utf8('count=5,bytes=-1')))
  await it.answer(client.create(`${quota}/zookeeper_stats`, utf8('count=0,bytes=0')))
  it.killZooKeeper()
  await it.start({ durable: true })
  await it.answer(client.persistently(() => client.create('/app/x', utf8('abc'))))
  expect(text((await it.answer(client.getData(`${quota}/zookeeper_stats`))).data)).toBe(
    'count=2,bytes=3',
  )
})
