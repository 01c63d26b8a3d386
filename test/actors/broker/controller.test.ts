import { expect, test } from 'vitest'
import type { Cluster } from '../../../actors/cluster.ts'
import { errors } from '../../../src/error.ts'
import {
  AllocateProducerIds,
  AlterPartition,
  ControlledShutdown,
  CreateTopics,
} from '../../../src/protocol/index.ts'
import { TopicZNode } from '../../../src/zookeeper/paths.ts'
import { WholeCluster } from './whole-cluster.ts'

const orders = [{ name: 'orders', partitions: 6, replicationFactor: 3 }]
const leaders = (cluster: Cluster) => cluster.state().partitions.map(({ leader }) => leader)
const inSync = (cluster: Cluster, size: number) =>
  cluster.state().partitions.every(({ isr }) => isr.length === size)

test('of all who campaign one is elected, with one epoch, and all know who', async () => {
  await using it = await WholeCluster.start()
  expect(await it.znode('/controller')).toMatchObject({ version: 2, brokerid: it.controllerId })
  expect(await it.znode('/controller_epoch')).toBe(1)
  const active = it.cluster.brokers.filter(({ id }) => it.world(id).controller.isActive)
  expect(active.map(({ id }) => id)).toEqual([it.controllerId])
  for (const { id } of it.cluster.brokers)
    expect(it.world(id).metadata.controllerId).toBe(it.controllerId)
})

test('a topic has leaders, and its state znodes say what the brokers do', async () => {
  await using it = await WholeCluster.start({ topics: orders })
  for (const { partition, leader, leaderEpoch, isr, replicas } of it.cluster.state().partitions) {
    expect(leader).toBe(replicas[0])
    expect([...isr].sort()).toEqual([1, 2, 3])
    expect(it.world(leader as number).partitions.get('orders', partition)?.isLeader).toBe(true)
    expect(await it.znode(`/brokers/topics/orders/partitions/${partition}/state`)).toEqual({
      controller_epoch: 1,
      leader,
      version: 1,
      leader_epoch: leaderEpoch,
      isr,
    })
  }
})

test('when a broker dies its ephemeral goes, and what it led is led by others of the ISR', async () => {
  await using it = await WholeCluster.start({ topics: orders })
  const dead = it.bystander
  const before = it.cluster.state().partitions
  it.cluster.broker(dead).kill()
  await it.until(() => inSync(it.cluster, 2), 'ISRs without the dead')
  for (const { partition, leader, leaderEpoch, isr } of it.cluster.state().partitions) {
    const former = before[partition]
    expect(isr).not.toContain(dead)
    expect(leader).not.toBe(dead)
    expect(isr).toContain(leader)
    expect(leaderEpoch).toBe((former?.leaderEpoch ?? 0) + 1)
    if (former?.leader !== dead) expect(leader).toBe(former?.leader)
  }
  const path = `broker-${it.controllerId}/controller/leader-election`
  expect(it.states(path).slice(-6)).toEqual([
    'electing.listingBrokers',
    'electing.readingBrokers',
    'electing.readingStates',
    'committing',
    'announcing',
    'settled',
  ])
})

test('a broker that comes back is led by others, catches up and is in the ISR again', async () => {
  await using it = await WholeCluster.start({ topics: orders })
  const dead = it.bystander
  it.cluster.broker(dead).kill()
  await it.until(() => inSync(it.cluster, 2), 'ISRs without the dead')
  const led = leaders(it.cluster)
  await it.cluster.broker(dead).restart()
  await it.until(() => inSync(it.cluster, 3), 'full ISRs')
  expect(leaders(it.cluster)).toEqual(led)
})

test('a broker that comes back before its session ends waits for its old znode to go', async () => {
  await using it = await WholeCluster.start({ topics: orders })
  const dead = it.bystander
  const { sessionId } = it.cluster.broker(dead)
  it.cluster.broker(dead).kill()
  await it.cluster.broker(dead).restart()
  expect(it.cluster.broker(dead).sessionId).not.toBe(sessionId)
  await it.until(() => inSync(it.cluster, 3), 'full ISRs')
})

test('when the controller dies too another is elected, with the dead in its first batch', async () => {
  await using it = await WholeCluster.start({ topics: orders })
  const dead = it.controllerId
  it.cluster.broker(dead).kill()
  await it.until(() => inSync(it.cluster, 2), 'ISRs without the dead')
  const successor = it.controllerId
  expect(successor).not.toBe(dead)
  expect(await it.znode('/controller_epoch')).toBe(2)
  for (const { partition, leader, leaderEpoch } of it.cluster.state().partitions) {
    expect(leader).not.toBe(dead)
    expect(leaderEpoch).toBe(1)
    expect(await it.znode(`/brokers/topics/orders/partitions/${partition}/state`)).toMatchObject({
      controller_epoch: 2,
      leader,
    })
  }
  const [first, ...others] = it.states(`broker-${successor}/controller/leader-election`)
  expect([first, ...others].slice(0, 4)).toEqual([
    'electing.readingStates',
    'committing',
    'announcing',
    'settled',
  ])
  await it.cluster.broker(dead).restart()
  await it.until(() => inSync(it.cluster, 3), 'full ISRs')
  expect(it.controllerId).toBe(successor)
})

test('the last replica in sync dies: no leader until it is back, and nobody else leads', async () => {
  await using it = await WholeCluster.start()
  const victim = it.bystander
  await it.ask(it.controllerId, CreateTopics, {
    topics: [
      {
        name: 'lone',
        numPartitions: -1,
        replicationFactor: -1,
        assignments: [{ partitionIndex: 0, brokerIds: [victim] }],
        configs: [],
      },
    ],
  })
  it.cluster.broker(victim).kill()
  await it.cluster.partition('lone', 0).until(state => state.leader === -1)
  expect(await it.znode('/brokers/topics/lone/partitions/0/state')).toMatchObject({
    leader: -1,
    leader_epoch: 1,
    isr: [victim],
  })
  await it.cluster.broker(victim).restart()
  const state = await it.cluster.partition('lone', 0).until(({ leader }) => leader === victim)
  expect([state.leaderEpoch, state.isr]).toEqual([2, [victim]])
})

test('a controller whose session expires resigns, registers anew and takes part again', async () => {
  await using it = await WholeCluster.start({ topics: orders })
  const former = it.controllerId
  const brokerEpoch = it.world(former).brokerEpoch
  it.cluster.broker(former).expireSession()
  await it.until(
    () =>
      it.controllerId > 0 &&
      it.world(former).brokerEpoch > brokerEpoch &&
      it.cluster.brokers.every(({ id }) => it.world(id).metadata.brokers().length === 3),
    'a controller again, and everybody registered',
  )
  expect(await it.znode('/controller_epoch')).toBe(2)
  await it.until(() => inSync(it.cluster, 3), 'full ISRs')
  expect(it.states(`broker-${former}/controller`)).toContain('expired')
  for (const { leader } of it.cluster.state().partitions) expect(leader).toBeGreaterThan(0)
})

test('expiry after expiry: every time there is one controller and every partition has a leader', async () => {
  await using it = await WholeCluster.start({ topics: orders })
  for (let round = 2; round <= 6; round++) {
    const former = it.controllerId
    const epochBefore = it.world(former).brokerEpoch
    it.cluster.broker(former).expireSession()
    await it.until(
      () => it.controllerId > 0 && it.world(former).brokerEpoch > epochBefore,
      'a controller again',
    )
    await it.until(() => inSync(it.cluster, 3), 'full ISRs')
    expect(await it.znode('/controller_epoch')).toBe(round)
    expect(it.cluster.brokers.filter(({ id }) => it.world(id).controller.isActive)).toHaveLength(1)
  }
  expect(it.failures).toEqual([])
})

test('a controller that slept through its deposition writes nothing any more', async () => {
  await using it = await WholeCluster.start({ topics: orders })
  const sleeper = it.controllerId
  it.cluster.broker(sleeper).pause()
  await it.until(() => it.controllerId > 0 && inSync(it.cluster, 2), 'another controller')
  const successor = it.controllerId
  const before = await it.znode('/controller_epoch')
  it.cluster.broker(sleeper).resume()
  await it.until(() => inSync(it.cluster, 3), 'full ISRs')
  expect(it.world(sleeper).controller.isActive).toBe(false)
  expect(it.controllerId).toBe(successor)
  expect(await it.znode('/controller_epoch')).toBe(before)
  for (const { partition } of it.cluster.state().partitions)
    expect(await it.znode(`/brokers/topics/orders/partitions/${partition}/state`)).toMatchObject({
      controller_epoch: 2,
    })
})

test('a controller whose znode is deleted by hand gives way to whoever is elected', async () => {
  await using it = await WholeCluster.start({ topics: orders })
  await it.answer(it.zookeeper.delete('/controller'))
  await it.until(
    () =>
      it.controllerId > 0 &&
      it.cluster.brokers.every(({ id }) => it.world(id).metadata.controllerId === it.controllerId),
    'a controller known to all',
  )
  expect(await it.znode('/controller_epoch')).toBe(2)
})

test('before it stops in order a broker leads nothing any more', async () => {
  await using it = await WholeCluster.start({ topics: orders })
  const leaving = it.bystander
  await it.cluster.broker(leaving).stop()
  await it.until(() => inSync(it.cluster, 2), 'ISRs without it')
  for (const { leader, leaderEpoch } of it.cluster.state().partitions) {
    expect(leader).not.toBe(leaving)
    expect(leaderEpoch).toBe(1)
  }
  const znodes = it.cluster.trace.kept.filter(({ kind }) => kind === 'znode')
  const gone = znodes.findIndex(
    ({ type, detail }) => type === 'deleted' && detail.path === `/brokers/ids/${leaving}`,
  )
  const elections = znodes.filter(
    ({ type, detail }) => type === 'changed' && String(detail.path).endsWith('/state'),
  )
  expect(elections).toHaveLength(6)
  expect(znodes.lastIndexOf(elections.at(-1) as never)).toBeLessThan(gone)
})

test('the controller itself may stop in order', async () => {
  await using it = await WholeCluster.start({ topics: orders })
  const leaving = it.controllerId
  await it.cluster.broker(leaving).stop()
  await it.until(() => it.controllerId > 0 && inSync(it.cluster, 2), 'another controller')
  for (const { leader, leaderEpoch } of it.cluster.state().partitions) {
    expect(leader).not.toBe(leaving)
    expect(leaderEpoch).toBe(1)
  }
})

test('leaders go back to the preferred replica some seconds after an election of a controller', async () => {
  await using it = await WholeCluster.start({
    topics: orders,
    overrides: { 'leader.imbalance.check.interval.seconds': 3 },
  })
  const preferred = leaders(it.cluster)
  const dead = it.bystander
  it.cluster.broker(dead).kill()
  await it.until(() => inSync(it.cluster, 2), 'ISRs without the dead')
  expect(leaders(it.cluster)).not.toEqual(preferred)
  await it.cluster.broker(dead).restart()
  await it.until(
    () => JSON.stringify(leaders(it.cluster)) === JSON.stringify(preferred),
    'preferred leaders',
  )
})

test('more partitions by hand have leaders, the others keep theirs', async () => {
  await using it = await WholeCluster.start({
    topics: [{ name: 'orders', partitions: 2, replicationFactor: 2 }],
  })
  const path = TopicZNode.path('orders')
  const { data, stat } = await it.answer(it.zookeeper.getData(path))
  const content = TopicZNode.decode(data)
  if ('malformed' in content) throw new Error(content.malformed)
  const more = { replicas: [3, 1], addingReplicas: [], removingReplicas: [] }
  await it.answer(
    it.zookeeper.setData(
      path,
      TopicZNode.encode({ ...content, partitions: { ...content.partitions, 2: more } }),
      stat.version,
    ),
  )
  const state = await it.cluster.partition('orders', 2).until(({ leader }) => leader === 3)
  expect(state).toMatchObject({ isr: [3, 1], leaderEpoch: 0 })
  expect(it.cluster.partition('orders', 0).state?.leaderEpoch).toBe(0)
})

test('a proposal of a broker that is not who it says is refused; others are told who is controller', async () => {
  await using it = await WholeCluster.start({ topics: orders })
  const proposal = { brokerId: it.bystander, brokerEpoch: 1, topics: [] }
  expect(await it.ask(it.controllerId, AlterPartition, proposal)).toMatchObject({
    errorCode: errors.STALE_BROKER_EPOCH,
  })
  expect(await it.ask(it.bystander, AlterPartition, proposal)).toMatchObject({
    errorCode: errors.NOT_CONTROLLER,
  })
})

test('blocks of producer ids are given out once, to registered brokers', async () => {
  await using it = await WholeCluster.start()
  const asking = (brokerId: number, brokerEpoch: number, at = it.controllerId) =>
    it.ask(at, AllocateProducerIds, { brokerId, brokerEpoch })
  const starts = new Set<number>()
  for (const { id } of [...it.cluster.brokers, ...it.cluster.brokers]) {
    const block = await asking(id, it.world(id).brokerEpoch)
    expect(block).toMatchObject({ errorCode: 0, producerIdLen: 1000 })
    starts.add(block.producerIdStart)
  }
  expect([...starts]).toEqual([0, 1000, 2000, 3000, 4000, 5000])
  expect(await it.znode('/latest_producer_id_block')).toEqual({
    version: 1,
    broker: 3,
    block_start: '5000',
    block_end: '5999',
  })
  const { brokerEpoch } = it.world(1)
  expect((await asking(9, brokerEpoch)).errorCode).toBe(errors.BROKER_ID_NOT_REGISTERED)
  expect((await asking(1, brokerEpoch - 1)).errorCode).toBe(errors.STALE_BROKER_EPOCH)
  expect((await asking(1, brokerEpoch, it.bystander)).errorCode).toBe(errors.NOT_CONTROLLER)
})

test('a shutdown asked of another broker is refused: it is not the controller', async () => {
  await using it = await WholeCluster.start()
  const asked = { brokerId: 1, brokerEpoch: -1 }
  expect(await it.ask(it.bystander, ControlledShutdown, asked)).toMatchObject({
    errorCode: errors.STALE_CONTROLLER_EPOCH,
  })
  expect(
    await it.ask(it.controllerId, ControlledShutdown, { ...asked, brokerId: 9 }),
  ).toMatchObject({ errorCode: errors.BROKER_NOT_AVAILABLE })
})

test('who is elected and cannot load the cluster gives the office back, and tries again', async () => {
  await using it = await WholeCluster.start()
  await it.answer(it.zookeeper.delete('/admin/delete_topics'))
  await it.answer(it.zookeeper.delete('/controller'))
  await it.until(
    () =>
      it.cluster.brokers.some(({ id }) =>
        it.states(`broker-${id}/controller`).includes('withdrawing'),
      ),
    'somebody who cannot',
  )
  expect(it.controllerId).toBe(-1)
  await it.answer(it.zookeeper.create('/admin/delete_topics', null))
  await it.until(() => it.controllerId > 0, 'a controller')
})

test('znodes that cannot be read harm nobody else', async () => {
  await using it = await WholeCluster.start({ topics: orders })
  const garbage = new TextEncoder().encode('{"version":')
  const state = '/brokers/topics/orders/partitions/0/state'
  await it.answer(it.zookeeper.setData(state, garbage))
  await it.answer(it.zookeeper.create('/brokers/topics/odd', garbage))
  await it.answer(it.zookeeper.create('/brokers/ids/nine', garbage))
  await it.answer(it.zookeeper.create('/brokers/ids/9', garbage))
  it.cluster.broker(it.controllerId).kill()
  await it.until(
    () => it.cluster.state().partitions.filter(({ isr }) => isr.length === 2).length >= 5,
    'ISRs without the dead',
  )
  const notes = it.cluster.trace.kept.filter(({ type }) => type === 'znode cannot be read')
  expect(new Set(notes.map(({ detail }) => detail.path))).toEqual(
    new Set([state, '/brokers/topics/odd', '/brokers/ids/9']),
  )
  expect(it.cluster.trace.kept.filter(({ type }) => type === 'failed')).toEqual([])
})

test('a topic without an id is given one', async () => {
  await using it = await WholeCluster.start()
  const old = { version: 2, partitions: { 0: [1, 2] }, adding_replicas: {}, removing_replicas: {} }
  await it.answer(
    it.zookeeper.create('/brokers/topics/old', new TextEncoder().encode(JSON.stringify(old))),
  )
  const topicIds = () =>
    it.cluster.brokers.map(({ id }) => it.world(id).metadata.topic('old')?.topicId)
  await it.until(() => !topicIds().includes(undefined), 'a topic known to all')
  const [topicId] = topicIds()
  expect(topicIds()).toEqual([topicId, topicId, topicId])
  expect(await it.znode('/brokers/topics/old')).toMatchObject({
    version: 3,
    topic_id: topicId,
    partitions: { 0: [1, 2] },
  })
})

test('the same seed gives the same story', async () => {
  const story = async () => {
    await using it = await WholeCluster.start({ topics: orders })
    it.cluster.broker(it.controllerId).kill()
    await it.until(() => inSync(it.cluster, 2), 'ISRs without the dead')
    return it.cluster.trace.kept.map(
      ({ atMs, path, kind, type }) => `${atMs} ${path} ${kind} ${type}`,
    )
  }
  const first = await story()
  expect(await story()).toEqual(first)
})
