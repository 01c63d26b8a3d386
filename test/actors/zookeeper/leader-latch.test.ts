import { expect, test } from 'vitest'
import { type LeaderLatch, startLeaderLatch } from '../../../actors/zookeeper/leader-latch.ts'
import { memoryPlatform } from '../../../src/platform/memory.ts'
import { candidatesOf } from '../../../src/zookeeper/latch-line.ts'
import { Ensemble, type Member } from './ensemble.ts'

/** Goal: at any time at most one candidate leads, and one does soon after the last leader went, whichever way it went. */

interface Standing extends Member {
  readonly name: string
  readonly latch: LeaderLatch
}

async function ensemble(
  config: Parameters<Ensemble['start']>[0] = {},
  seed = 1,
): Promise<Ensemble> {
  const it = new Ensemble(memoryPlatform({ clock: 'stepping', seed }))
  await it.start(config)
  return it
}

function stand(it: Ensemble, name: string, sessionTimeoutMs = 1000): Standing {
  const { world, process } = it.world(name)
  const member = it.joinIn(world, process, { sessionTimeoutMs })
  const latch = startLeaderLatch(world, member.client, { path: '/app/leader', id: name })
  return { ...member, name, latch }
}

const leaders = (...all: Standing[]): string[] =>
  all.filter(({ latch }) => latch.leads).map(({ name }) => name)

test('three candidates lose their leader one after another: each time the next in the line leads', async () => {
  const it = await ensemble()
  const one = stand(it, 'one')
  await it.pass(50)
  const two = stand(it, 'two')
  await it.pass(50)
  const three = stand(it, 'three')
  await it.pass(50)
  expect(leaders(one, two, three)).toEqual(['one'])
  expect(await it.answer(two.latch.line())).toEqual(['one', 'two', 'three'])
  expect(two.latch.predecessor).toBe(one.latch.candidate)
  expect(three.latch.predecessor).toBe(two.latch.candidate)

  one.process.kill()
  it.registry.stopNode('one')
  await it.pass(500)
  // Nobody leads while the dead one's session lives.
  expect(leaders(two, three)).toEqual([])
  await it.pass(700)
  expect(leaders(two, three)).toEqual(['two'])
  // No herd: only the one behind it was told.
  expect(two.told.map(({ kind }) => kind)).toEqual(['deleted'])
  expect(three.told).toEqual([])

  await it.answer(two.latch.leave())
  await it.pass(10)
  expect(leaders(two, three)).toEqual(['three'])
  expect(await it.answer(three.latch.line())).toEqual(['three'])
  expect(it.failures).toEqual([])
})

test('one in the middle goes: nobody leads who did not, and the line closes', async () => {
  const it = await ensemble()
  const [one, two, three] = [stand(it, 'one'), stand(it, 'two'), stand(it, 'three')]
  await it.pass(50)
  const [first, second, third] = await it.answer(one.latch.line())
  const by = new Map([one, two, three].map(standing => [standing.name, standing]))
  await it.answer((by.get(second as string) as Standing).latch.leave())
  await it.pass(10)
  expect(leaders(one, two, three)).toEqual([first])
  expect((by.get(third as string) as Standing).latch.predecessor).toBe(
    (by.get(first as string) as Standing).latch.candidate,
  )
})

test('a paused leader does not lead when it wakes: another does by then', async () => {
  const it = await ensemble()
  const one = stand(it, 'one')
  await it.pass(50)
  const two = stand(it, 'two')
  await it.pass(50)
  const changes: boolean[] = []
  one.latch.leadership.subscribe(leads => changes.push(leads))
  one.process.pause()
  await it.pass(1500)
  expect(two.latch.leads).toBe(true)
  one.process.resume()
  await it.pass(100)
  expect(one.client.state).toBe('expired')
  expect(changes).toEqual([false])
  one.client.reopen()
  await it.pass(100)
  expect(leaders(one, two)).toEqual(['two'])
  expect(await it.answer(two.latch.line())).toEqual(['two', 'one'])
})

test('a server that restarts takes leadership from nobody for good, and gives it to nobody else', async () => {
  const it = await ensemble({ durable: true })
  const one = stand(it, 'one', 5000)
  await it.pass(50)
  const two = stand(it, 'two', 5000)
  await it.pass(50)
  const { candidate } = one.latch
  it.killZooKeeper()
  await it.pass(100)
  // Who cannot hear does not lead.
  expect(leaders(one, two)).toEqual([])
  await it.start({ durable: true })
  await it.pass(2000)
  expect(leaders(one, two)).toEqual(['one'])
  expect(one.latch.candidate).toBe(candidate)
})

test('a creation whose answer is lost is found again: no candidate stands twice', async () => {
  // The connection breaks at every moment of the first exchanges.
  for (let atMs = 0; atMs < 30; atMs += 0.5) {
    const it = await ensemble({ durable: true })
    const one = stand(it, 'one', 5000)
    await it.pass(atMs)
    it.killZooKeeper()
    await it.pass(100)
    const server = await it.start({ durable: true })
    await it.pass(2000)
    expect(leaders(one)).toEqual(['one'])
    expect([...(server.tree.node('/app/leader')?.children ?? [])]).toEqual([one.latch.candidate])
    await it.answer(one.latch.leave())
    expect(server.tree.node('/app/leader')?.children.size).toBe(0)
    expect(it.failures).toEqual([])
  }
})

test('a node that somebody deletes ends its leadership; it stands again at the end of the line', async () => {
  const it = await ensemble()
  const one = stand(it, 'one')
  await it.pass(50)
  const two = stand(it, 'two')
  await it.pass(50)
  await it.answer(two.client.delete(`/app/leader/${one.latch.candidate}`))
  await it.pass(20)
  expect(leaders(one, two)).toEqual(['two'])
  expect(await it.answer(two.latch.line())).toEqual(['two', 'one'])
})

test('a candidate that may not stand says why', async () => {
  const it = await ensemble()
  const { client } = it.join('owner')
  const readOnly = [{ perms: 1, id: { scheme: 'world', id: 'anyone' } }]
  await it.answer(client.create('/app', null))
  await it.answer(client.create('/app/leader', null, { acl: readOnly }))
  const one = stand(it, 'one')
  await it.pass(50)
  expect(await it.refusal(one.latch.leave())).toBe('NOAUTH')
})

test('when its session ends a candidate leaves without being asked twice', async () => {
  const it = await ensemble()
  const one = stand(it, 'one')
  await it.pass(50)
  await it.answer(one.client.close())
  expect(leaders(one)).toEqual([])
  await it.answer(one.latch.leave())
})

test('however leaders die, no two lead at once', async () => {
  for (let seed = 1; seed <= 6; seed++) {
    const it = await ensemble({ durable: true }, seed)
    const { random } = it.platform
    const names = ['a', 'b', 'c', 'd']
    const standing = new Map<string, Standing>()
    let lives = 0
    const begin = (name: string): void => {
      const born = stand(it, `${name}${lives++}`, 600)
      standing.set(name, born)
      born.client.session.subscribe(state => state === 'expired' && born.client.reopen())
    }
    for (const name of names) begin(name)
    let led = 0
    for (let round = 0; round < 50; round++) {
      const name = names[Math.floor(random.next() * names.length)] as string
      const one = standing.get(name) as Standing
      const chance = Math.floor(random.next() * 6)
      if (chance === 0) {
        one.process.kill()
        it.registry.stopNode(one.name)
        begin(name)
      } else if (chance === 1) one.process.pause()
      else if (chance === 2) one.process.resume()
      else if (chance === 3 && one.client.state === 'connected')
        it.zookeeper.expireSession(one.client.sessionId)
      else if (chance === 4 && round % 10 === 0) {
        it.killZooKeeper()
        await it.start({ durable: true })
      }
      for (let i = 0; i < 20; i++) {
        await it.pass(10)
        // A paused one believes what it believed: it does nothing with it.
        const now = [...standing.values()].filter(({ process }) => process.state === 'running')
        expect(leaders(...now).length).toBeLessThanOrEqual(1)
        led += leaders(...now).length
      }
    }
    for (const { process } of standing.values()) process.resume()
    await it.pass(3000)
    expect(leaders(...standing.values())).toHaveLength(1)
    expect(led).toBeGreaterThan(50)
    expect(it.failures).toEqual([])
  }
})

test("candidates of Curator's stand in the same line; what is no candidate does not", () => {
  const line = candidatesOf([
    'latch-0000000001',
    '_c_9b2c4c0a-5d4b-4a0e-9a57-111111111111-latch-0000000012',
    '_c_1b2c4c0a-5d4b-4a0e-9a57-222222222222-latch-0000000009',
    'other',
  ])
  expect(line.map(({ number }) => number)).toEqual([9, 12])
  // Numbers go on below zero.
  const wrapped = candidatesOf(['_c_a-latch--2147483648', '_c_b-latch-2147483647'])
  expect(wrapped.map(({ guid }) => guid)).toEqual(['b', 'a'])
})
