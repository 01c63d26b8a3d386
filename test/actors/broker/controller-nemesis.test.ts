/**
 * Brokers die, sleep, lose their sessions and come back at random, controllers among them. Whatever happens: no two leaders in one
 * leader epoch, no empty ISR, no chart that meets what it did not expect; and when it stops, all is well again.
 */
import { catchError, type Observable, of } from 'rxjs'
import { expect, test } from 'vitest'
import { createTopic } from '../../../actors/broker/topic-admin.ts'
import { type MemoryPlatform, memoryPlatform } from '../../../actors/memory.ts'
import type { LeaderElectionCommand } from '../../../machines/controller/leader-election.ts'
import { seededRandom } from '../../../src/platform/random.ts'
import type { Network, Random } from '../../../src/ports.ts'
import { DeleteTopicsZNode, TopicsZNode, TopicZNode } from '../../../src/zookeeper/paths.ts'
import { WholeCluster } from './whole-cluster.ts'

const seeds = Number(process.env.SEEDS ?? 4)
const firstSeed = Number(process.env.FIRST_SEED ?? 1)

const kinds = [
  'kill',
  'expire',
  'pause',
  'stop',
  'revive',
  'revive',
  'revive',
  'depose',
  'create',
  'create',
  'delete',
  'move',
  'move',
  'move',
] as const

/** Brokers in all their orders. */
const orders = [
  [1, 2, 3],
  [1, 3, 2],
  [2, 1, 3],
  [2, 3, 1],
  [3, 1, 2],
  [3, 2, 1],
] as const

/** Topics that come and go. */
const passing = ['x', 'y']

/** A network that cuts connections at one chunk in so many: one that leaves is lost, one that arrives had its effect already. */
function cutting(platform: MemoryPlatform, random: Random, share: () => number): Network {
  const { clock, network } = platform
  return {
    listen: (address, events) => network.listen(address, events),
    connect: (address, events) => {
      let isCut = false
      const cut = (): void => {
        if (isCut) return
        isCut = true
        socket.destroy()
        events.closed(new Error('cut'))
      }
      const socket = network.connect(address, {
        connected: () => !isCut && events.connected(),
        data: chunk => {
          if (random.next() < share()) cut()
          else if (!isCut) events.data(chunk)
        },
        ended: () => !isCut && events.ended(),
        drained: () => !isCut && events.drained(),
        closed: error => !isCut && events.closed(error),
      })
      const write = socket.write.bind(socket)
      socket.write = chunks => {
        if (random.next() >= share()) return write(chunks)
        clock.setTimeout(cut, 0)
        return true
      }
      return socket
    },
  }
}

async function ordeal(seed: number, share: number): Promise<void> {
  let cuts = 0
  const random = seededRandom(seed)
  const memory = memoryPlatform({ clock: 'stepping', seed })
  const platform = { ...memory, network: cutting(memory, seededRandom(seed + 1), () => cuts) }
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random.next() * from.length)] as T
  await using it = await WholeCluster.start({
    platform,
    topics: [
      { name: 'orders', partitions: 4, replicationFactor: 3 },
      { name: 'bills', partitions: 3, replicationFactor: 2 },
      { name: 'lone', partitions: 2, replicationFactor: 1 },
    ],
    overrides: { 'leader.imbalance.check.interval.seconds': 4 },
  })
  const { cluster } = it
  const leaders = new Map<string, number>()
  const wrong: string[] = []
  const watching = cluster.trace.entries.subscribe(({ kind, type, path, detail }) => {
    if (kind === 'actor' && type === 'failed') wrong.push(`${path} failed: ${detail.error}`)
    if (kind !== 'command' || type !== 'leaderAndIsr.send') return
    // reason: the trace keeps commands as they are.
    const order = detail as never as Extract<LeaderElectionCommand, { type: 'leaderAndIsr.send' }>
    for (const state of order.partitions) {
      const { topic, topicId, partition, leader, leaderEpoch, isr, replicas } = state
      const term = `${topic} (${topicId}) ${partition}@${leaderEpoch}`
      const known = leaders.get(term) ?? leader
      leaders.set(term, leader)
      if (known !== leader) wrong.push(`${term}: led by ${known} and by ${leader}`)
      if (isr.length === 0) wrong.push(`${term}: empty ISR`)
      if (leader !== -1 && !isr.includes(leader)) wrong.push(`${term}: ${leader} not in ${isr}`)
      if (!isr.every(id => replicas.includes(id))) wrong.push(`${term}: strangers in ${isr}`)
    }
  })
  cuts = share
  const under: Promise<unknown>[] = []
  const unlessRefused = (request: Observable<unknown>): void =>
    void request.pipe(catchError(() => of(null))).subscribe()
  for (let fault = 0; fault < 16; fault++) {
    const broker = pick(cluster.brokers)
    const kind = pick(kinds)
    if (kind === 'depose') unlessRefused(it.zookeeper.delete('/controller'))
    if (kind === 'delete')
      unlessRefused(it.zookeeper.create(DeleteTopicsZNode.topicPath(pick(passing)), null))
    if (kind === 'move' && it.controllerId !== -1) {
      const { topic, partition } = pick(cluster.state().partitions)
      const [first, second, third] = pick(orders)
      const replicas = pick([[first], [first, second], [first, second, third], null])
      unlessRefused(
        it.world(it.controllerId).controller.alterReassignments([{ topic, partition, replicas }]),
      )
    }
    if (kind === 'create' && broker.state === 'running' && it.world(broker.id).zookeeper)
      unlessRefused(
        createTopic(it.world(broker.id), {
          name: pick(passing),
          partitions: 2,
          replicationFactor: 2,
          configs: {},
        }),
      )
    if (kind === 'kill' && ['running', 'paused'].includes(broker.state)) broker.kill()
    else if (kind === 'expire' && broker.state === 'running') broker.expireSession()
    else if (kind === 'pause' && broker.state === 'running') broker.pause()
    else if (kind === 'stop' && broker.state === 'running')
      under.push(broker.stop().catch(() => {}))
    else if (kind === 'revive' && broker.state === 'paused') broker.resume()
    else if (kind === 'revive' && ['killed', 'stopped', 'failed'].includes(broker.state))
      under.push(broker.restart().catch(() => {}))
    await cluster.advance(pick([1, 5, 30, 300, 1500, 4000]))
  }
  cuts = 0
  await platform.waiting(Promise.all(under))
  for (const broker of cluster.brokers) {
    if (broker.state === 'paused') broker.resume()
    else if (broker.state !== 'running') await broker.restart()
  }
  // Long enough for every session that is still to end, and for leaders to go home.
  await cluster.advance(15_000)
  await cluster.until(
    ({ partitions, controller }) =>
      controller !== null &&
      partitions.every(
        ({ leader, isr, replicas }) => leader !== -1 && isr.length === replicas.length,
      ),
    { what: 'a controller, leaders and full ISRs', timeoutMs: 120_000 },
  )
  expect(await it.answer(it.zookeeper.getChildren(DeleteTopicsZNode.path))).toEqual([])
  const topics = await it.answer(it.zookeeper.getChildren(TopicsZNode.path))
  for (const { id } of cluster.brokers)
    expect([...it.world(id).metadata.topicNames()].sort()).toEqual([...topics].sort())
  for (const topic of topics)
    expect(await it.znode(TopicZNode.path(topic))).toMatchObject({
      adding_replicas: {},
      removing_replicas: {},
    })
  for (const { topic, partition, leader, leaderEpoch, isr } of cluster.state().partitions)
    expect(await it.znode(`/brokers/topics/${topic}/partitions/${partition}/state`)).toMatchObject({
      leader,
      leader_epoch: leaderEpoch,
      isr,
    })
  expect(cluster.brokers.filter(({ id }) => it.world(id).controller.isActive)).toHaveLength(1)
  watching.unsubscribe()
  expect(wrong).toEqual([])
}

for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
  test(`whatever happens to brokers, leaders are unique and come back (seed ${seed})`, () =>
    ordeal(seed, 0))

  test(`so they do where connections are cut at any moment (seed ${seed})`, () =>
    ordeal(seed, Number(process.env.CUTS ?? 0.02)))
}
