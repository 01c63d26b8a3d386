import { afterEach, expect, test } from 'vitest'
import { startGroupCoordinator } from '../../../actors/broker/group-coordinator.ts'
import { errors } from '../../../src/error.ts'
import { groupMetadataTopic } from '../../../src/group/group-id.ts'
import {
  Heartbeat,
  JoinGroup,
  OffsetCommit,
  OffsetFetch,
  SyncGroup,
} from '../../../src/protocol/index.ts'
import { encodeSubscription } from '../../../src/protocol/stored/consumer-protocol.ts'
import { ReplicaCluster } from './replica-cluster.ts'

// One partition of __consumer_offsets on three brokers; the groups' consumers read that same topic, as there is no other.

const groupId = 'billing'
let cluster: ReplicaCluster

afterEach(() => {
  expect(cluster.failures).toEqual([])
  cluster.stop()
})

async function led() {
  cluster = new ReplicaCluster([1, 2, 3], { 'offsets.topic.num.partitions': 1 }, groupMetadataTopic)
  for (const { world } of cluster.brokers.values())
    Object.assign(world, { groups: startGroupCoordinator(world) })
  cluster.elect({})
  await cluster.until(() => heartbeat(1, 'nobody') === 25, 'a coordinator')
}

async function answered<A>(asked: { answer: A | null | undefined }): Promise<A> {
  await cluster.until(() => asked.answer !== undefined, 'an answer')
  return asked.answer as A
}

const join = (id: number, memberId = '') =>
  cluster.ask(id, JoinGroup, 3, {
    groupId,
    sessionTimeoutMs: 3000,
    rebalanceTimeoutMs: 5000,
    memberId,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: encodeSubscription({ topics: [groupMetadataTopic] }) }],
  })

const heartbeat = (id: number, memberId: string, generationId = 1) =>
  cluster.ask(id, Heartbeat, 3, { groupId, generationId, memberId }).answer?.errorCode

const commit = (id: number, committedOffset: number, memberId = '', generation = -1) =>
  cluster.ask(id, OffsetCommit, 7, {
    groupId,
    generationIdOrMemberEpoch: generation,
    memberId,
    topics: [
      {
        name: groupMetadataTopic,
        partitions: [{ partitionIndex: 0, committedOffset, committedMetadata: null }],
      },
    ],
  })
const errorOf = (asked: ReturnType<typeof commit>) =>
  asked.answer?.topics[0]?.partitions[0]?.errorCode

const committed = (id: number) => {
  const asked = cluster.ask(id, OffsetFetch, 7, { groupId, topics: null })
  return asked.answer?.errorCode || asked.answer?.topics[0]?.partitions[0]?.committedOffset
}

/** A stable group of one, coordinated by broker 1. */
async function stable(): Promise<string> {
  const { memberId } = await answered(join(1))
  const assignments = [{ memberId, assignment: new Uint8Array([7]) }]
  const sync = cluster.ask(1, SyncGroup, 3, { groupId, generationId: 1, memberId, assignments })
  expect((await answered(sync)).assignment).toEqual(new Uint8Array([7]))
  return memberId
}

test('a group outlives its coordinator: generation, assignment and offsets are with the next leader', async () => {
  await led()
  const memberId = await stable()
  await answered(commit(1, 42, memberId, 1))
  expect(heartbeat(2, memberId)).toBe(errors.NOT_COORDINATOR)
  cluster.kill(1)
  cluster.elect({ leader: 2, isr: [2, 3] }, [2, 3])
  await cluster.until(() => committed(2) === 42, 'the offset')
  expect(heartbeat(2, memberId)).toBe(0)
  const again = cluster.ask(2, SyncGroup, 3, {
    groupId,
    generationId: 1,
    memberId,
    assignments: [],
  })
  expect(again.answer?.assignment).toEqual(new Uint8Array([7]))
  const next = commit(2, 43, memberId, 1)
  await answered(next)
  expect(errorOf(next)).toBe(0)
})

test('a commit is answered when every in-sync replica has it, or has left the ISR', async () => {
  await led()
  await answered(commit(1, 1))
  cluster.broker(3).process.pause()
  const waiting = commit(1, 2)
  await cluster.advance(500)
  expect(waiting.answer).toBeUndefined()
  expect(committed(1)).toBe(1)
  await answered(waiting)
  expect(errorOf(waiting)).toBe(0)
  expect(cluster.state.isr).toEqual([1, 2])
  expect(committed(1)).toBe(2)
})

test('a commit that the replicas do not get in time is refused, and does not count', async () => {
  await led()
  await answered(commit(1, 1))
  cluster.verdict = 'ignore'
  cluster.broker(3).process.pause()
  const waiting = commit(1, 2)
  await cluster.advance(5100)
  expect(errorOf(waiting)).toBe(errors.REQUEST_TIMED_OUT)
  expect(committed(1)).toBe(1)
})

test('where too few are in sync, nothing is written', async () => {
  await led()
  cluster.topicOverrides = { 'min.insync.replicas': '3' }
  for (const { world } of cluster.brokers.values())
    world.changes.next({ kind: 'topicConfig', topic: groupMetadataTopic })
  cluster.broker(3).process.pause()
  const waiting = commit(1, 1)
  await answered(waiting)
  expect(cluster.state.isr).toEqual([1, 2])
  // It is in the log, and stays beyond the high watermark until there are enough again.
  expect(errorOf(waiting)).toBe(errors.REQUEST_TIMED_OUT)
  expect(errorOf(commit(1, 2))).toBe(errors.COORDINATOR_NOT_AVAILABLE)
  const { memberId } = await answered(join(1))
  const sync = cluster.ask(1, SyncGroup, 3, { groupId, generationId: 1, memberId, assignments: [] })
  expect((await answered(sync)).errorCode).toBe(errors.COORDINATOR_NOT_AVAILABLE)
})

test('members that wait when their coordinator loses its partition are sent to the next', async () => {
  await led()
  await stable()
  const waiting = join(1)
  expect(waiting.answer).toBeUndefined()
  cluster.elect({ leader: 3 })
  expect((await answered(waiting)).errorCode).toBe(errors.NOT_COORDINATOR)
  await cluster.until(() => heartbeat(3, 'nobody') === errors.UNKNOWN_MEMBER_ID, 'a coordinator')
  expect([...cluster.registry.roots.keys()].filter(path => path.includes('/group/'))).toEqual([
    'broker-3/group/billing',
  ])
})

test('a leader that comes back reads what was written without it', async () => {
  await led()
  await answered(commit(1, 1))
  cluster.elect({ leader: 2 })
  await cluster.until(() => committed(2) === 1, 'the offset')
  await answered(commit(2, 5))
  cluster.elect({ leader: 1 })
  await cluster.until(() => committed(1) === 5, 'the newer offset')
})
