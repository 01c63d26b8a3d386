import { expect, test } from 'vitest'
import type { AnyActorRef, InspectionEvent } from 'xstate'
import { startCluster } from '../../actors/memory.ts'

test("XState's own inspection events of every actor are handed on, under the actors' paths", async () => {
  const paths = new Set<string>()
  const events: string[] = []
  await using cluster = await startCluster({
    topics: [{ name: 'orders', partitions: 1, replicationFactor: 3 }],
    inspect: (event: InspectionEvent) => {
      paths.add((event.actorRef as AnyActorRef).id)
      if (event.type === '@xstate.event') events.push(event.event.type)
    },
  })
  expect([...paths]).toEqual(
    expect.arrayContaining([
      'broker-1',
      'broker-2/controller',
      'broker-3/partition/orders-0',
      'broker-1/zookeeper-client',
    ]),
  )
  expect([...paths].some(path => /^zookeeper\/session\/0x/.test(path))).toBe(true)
  expect([...cluster.registry.roots.keys()].every(path => paths.has(path))).toBe(true)
  expect(events).toContain('leadership.assigned')
})

test('every line of the trace that something led to names its cause, across links', async () => {
  await using cluster = await startCluster({
    topics: [{ name: 'orders', partitions: 1, replicationFactor: 3 }],
  })
  const leader = cluster.partition('orders', 0).leader
  leader?.kill()
  await cluster
    .partition('orders', 0)
    .until(state => state.leader >= 0 && state.leader !== leader?.id)
  await cluster.until(() => cluster.partition('orders', 0).leader !== undefined)
  const bySeq = new Map(cluster.trace.kept.map(entry => [entry.seq, entry]))
  const promotion = cluster.trace.kept
    .filter(
      ({ kind, path, type }) =>
        kind === 'state' && path.endsWith('/partition/orders-0') && type.startsWith('leader'),
    )
    .at(-1)
  const chain: string[] = []
  for (
    let at = promotion;
    at !== undefined;
    at = at.cause === null ? undefined : bySeq.get(at.cause)
  )
    chain.push(`${at.path} ${at.kind} ${at.type}`)
  // From the new leader's chart back over the controller's orders to the ephemeral that ZooKeeper deleted.
  expect(chain.some(line => / fact leadership\.assigned/.test(line))).toBe(true)
  expect(chain.some(line => / message LeaderAndIsr/.test(line))).toBe(true)
  expect(chain.some(line => /leader-election fact znode\.deleted/.test(line))).toBe(true)
  expect(chain.some(line => /^zookeeper znode deleted/.test(line))).toBe(true)
})
