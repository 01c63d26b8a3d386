/** Elections that somebody asks for: by znode, by request, by configuration, by the clock. */
import { expect, test } from 'vitest'
import { errors } from '../../../src/error.ts'
import { CreateTopics, ElectLeaders, IncrementalAlterConfigs } from '../../../src/protocol/index.ts'
import { PreferredReplicaElectionZNode } from '../../../src/zookeeper/paths.ts'
import { WholeCluster } from './whole-cluster.ts'

/** The topic orders on these brokers, without elections by the clock. */
async function started(
  assignments: readonly (readonly number[])[],
  overrides: Readonly<Record<string, string | number | boolean>> = {},
): Promise<WholeCluster> {
  const it = await WholeCluster.start({
    overrides: { 'auto.leader.rebalance.enable': false, ...overrides },
  })
  const answer = await it.ask(it.controllerId, CreateTopics, {
    topics: [
      {
        name: 'orders',
        numPartitions: -1,
        replicationFactor: -1,
        assignments: assignments.map((brokerIds, partitionIndex) => ({
          partitionIndex,
          brokerIds,
        })),
        configs: [],
      },
    ],
    timeoutMs: 10_000,
  })
  expect(answer.topics[0]?.errorCode).toBe(errors.NONE)
  return it
}

/** Each broker is preferred by one partition. */
const preferences = [
  [1, 2, 3],
  [2, 3, 1],
  [3, 1, 2],
]

const leaders = (it: WholeCluster) => it.cluster.state().partitions.map(({ leader }) => leader)

/** A broker that is no controller goes and comes back: others lead what it preferred to. */
async function astray(it: WholeCluster, broker: number): Promise<void> {
  const led = leaders(it)
  await it.cluster.broker(broker).stop()
  await it.until(() => !leaders(it).includes(broker), 'other leaders')
  await it.cluster.broker(broker).restart()
  await it.until(
    () =>
      it.cluster.state().partitions.every(({ isr, replicas }) => isr.length === replicas.length),
    'full ISRs',
  )
  expect(leaders(it)).not.toEqual(led)
}

/** One partition whose two replicas: one fell out of the ISR, then the other died. Its records are on the dead one alone. */
async function leaderless(it: WholeCluster): Promise<{ last: number; other: number }> {
  const [last, other] = [1, 2, 3].filter(id => id !== it.controllerId) as [number, number]
  const { topics } = await it.ask(it.controllerId, CreateTopics, {
    topics: [
      {
        name: 'lone',
        numPartitions: -1,
        replicationFactor: -1,
        assignments: [{ partitionIndex: 0, brokerIds: [last, other] }],
        configs: [{ name: 'min.insync.replicas', value: '1' }],
      },
    ],
    timeoutMs: 10_000,
  })
  expect(topics[0]?.errorCode).toBe(errors.NONE)
  it.cluster.broker(other).kill()
  const lone = () => it.cluster.state().partitions.find(({ topic }) => topic === 'lone')
  await it.until(() => lone()?.isr.length === 1, 'one replica alone')
  it.cluster.broker(last).kill()
  await it.until(() => lone()?.leader === -1, 'no leader')
  await it.cluster.broker(other).restart()
  await it.until(() => it.world(it.controllerId).metadata.broker(other) !== undefined, 'the other')
  expect(lone()).toMatchObject({ leader: -1, isr: [last] })
  return { last, other }
}

const lone = (it: WholeCluster) =>
  it.cluster.state().partitions.find(({ topic }) => topic === 'lone')

test('the preferred leader leads again when the znode asks for it, and the znode goes', async () => {
  await using it = await started(preferences)
  const preferred = it.bystander
  await astray(it, preferred)
  const of = { topic: 'orders', partition: preferred - 1 }
  const asked = PreferredReplicaElectionZNode.encode([of, { topic: 'none', partition: 0 }])
  const ask = async (): Promise<void> => {
    await it.answer(it.zookeeper.create(PreferredReplicaElectionZNode.path, asked))
    while ((await it.znode(PreferredReplicaElectionZNode.path)) !== undefined)
      await it.cluster.advance(10)
  }
  await ask()
  await it.until(() => leaders(it)[of.partition] === preferred, 'the preferred leader')
  // The watch is there for the next one.
  await ask()
})

test('a request of that kind which was there before the controller is seen to by it', async () => {
  await using it = await started([[1, 2, 3]])
  const asked = PreferredReplicaElectionZNode.encode([{ topic: 'orders', partition: 0 }])
  it.cluster.broker(it.controllerId).kill()
  await it.answer(it.zookeeper.create(PreferredReplicaElectionZNode.path, asked))
  await it.until(() => it.controllerId !== -1, 'another controller')
  while ((await it.znode(PreferredReplicaElectionZNode.path)) !== undefined)
    await it.cluster.advance(10)
})

test('one that nobody can read is left there, and harms nobody', async () => {
  await using it = await started([[1, 2, 3]])
  await it.answer(
    it.zookeeper.create(PreferredReplicaElectionZNode.path, new TextEncoder().encode('{')),
  )
  await it.cluster.advance(500)
  const notes = it.cluster.trace.kept.filter(({ type }) => type === 'znode cannot be read')
  expect(notes.map(({ detail }) => detail.path)).toEqual([PreferredReplicaElectionZNode.path])
})

test('leaders go home by the clock where more than a share of them has strayed', async () => {
  const overrides = {
    'auto.leader.rebalance.enable': true,
    'leader.imbalance.check.interval.seconds': 2,
    'leader.imbalance.per.broker.percentage': 50,
  }
  await using it = await started(preferences, overrides)
  const preferred = it.bystander
  await it.cluster.broker(preferred).stop()
  await it.cluster.broker(preferred).restart()
  await it.until(() => String(leaders(it)) === '1,2,3', 'leaders at home')
})

test('with unclean elections by request any live replica leads, and what the dead alone had is lost', async () => {
  await using it = await started([[1]])
  const { other } = await leaderless(it)
  const answer = await it.ask(it.controllerId, ElectLeaders, {
    electionType: 1,
    topicPartitions: [{ topic: 'lone', partitions: [0] }],
    timeoutMs: 5000,
  })
  expect(answer.replicaElectionResults[0]?.partitionResult[0]?.errorCode).toBe(errors.NONE)
  expect(lone(it)).toMatchObject({ leader: other, isr: [other] })
})

const allow = (it: WholeCluster, resourceType: number, resourceName: string) =>
  it.ask(it.controllerId, IncrementalAlterConfigs, {
    resources: [
      {
        resourceType,
        resourceName,
        configs: [{ name: 'unclean.leader.election.enable', configOperation: 0, value: 'true' }],
      },
    ],
    validateOnly: false,
  })

test('a topic that allows unclean elections gets a leader at once', async () => {
  await using it = await started([[1]])
  const { other } = await leaderless(it)
  expect((await allow(it, 2, 'lone')).responses[0]?.errorCode).toBe(errors.NONE)
  await it.until(() => lone(it)?.leader === other, 'an unclean leader')
  expect(await it.znode('/brokers/topics/lone/partitions/0/state')).toMatchObject({
    leader: other,
    isr: [other],
  })
})

test('so does every topic when all brokers allow them', async () => {
  await using it = await started([[1]])
  const { other } = await leaderless(it)
  expect((await allow(it, 4, '')).responses[0]?.errorCode).toBe(errors.NONE)
  await it.until(() => lone(it)?.leader === other, 'an unclean leader')
})

test('where nobody allows them the partition waits for a replica that was in sync', async () => {
  await using it = await started([[1]])
  const { last } = await leaderless(it)
  await it.cluster.advance(3000)
  expect(lone(it)?.leader).toBe(-1)
  await it.cluster.broker(last).restart()
  await it.until(() => lone(it)?.leader === last, 'its leader')
})
