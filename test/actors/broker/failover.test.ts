/** What a controller does when it takes over, and what a leader may do that was left behind. */
import { expect, test } from 'vitest'
import { errors } from '../../../src/error.ts'
import { type SimulatedPlatform, simulatedPlatform } from '../../../src/platform/simulated.ts'
import { Produce } from '../../../src/protocol/index.ts'
import { encodeBatch } from '../../../src/records/record.ts'
import { WholeCluster } from './whole-cluster.ts'

const orders = { name: 'orders', partitions: 1, replicationFactor: 3 }

const state = (it: WholeCluster) =>
  it.cluster.state().partitions.find(({ topic }) => topic === 'orders')

test('a new controller reads and tells in Kafka’s order: watches with the reading, brokers before leaders, reassignments last', async () => {
  await using it = await WholeCluster.start({ topics: [orders] })
  const former = it.cluster.trace.kept.length
  await it.answer(it.zookeeper.delete('/controller'))
  const since = () => it.cluster.trace.kept.slice(former)
  await it.until(() => since().some(({ type }) => type === 'reign.begin'), 'another reign')
  await it.until(() => since().some(({ type }) => type === 'orders.queued'), 'all in queues')
  await it.cluster.advance(100)
  const name = `broker-${it.controllerId}`
  const begun = since().findIndex(({ type }) => type === 'cluster.load')
  const reads = since()
    .slice(begun)
    .filter(
      ({ path, kind, detail }) =>
        path === `${name}/zookeeper-client` && kind === 'message' && detail.direction === 'request',
    )
    .map(({ type, detail }) => `${type.replace('zk.', '')} ${detail.path}`)
    .filter(read => !read.endsWith(' /controller'))
  expect(reads).toEqual([
    'exists /feature',
    'getChildren2 /isr_change_notification',
    'getChildren2 /log_dir_event_notification',
    'getChildren2 /brokers/ids',
    'getChildren2 /brokers/topics',
    'getChildren2 /admin/delete_topics',
    'getData /brokers/ids/1',
    'getData /brokers/ids/2',
    'getData /brokers/ids/3',
    'getData /brokers/topics/orders',
    'getData /brokers/topics/orders/partitions/0/state',
    'getChildren2 /log_dir_event_notification',
    'exists /admin/reassign_partitions',
    'exists /admin/preferred_replica_election',
  ])
  for (const id of [1, 2, 3]) {
    const told = since()
      .slice(begun)
      .filter(
        ({ path, kind, detail }) =>
          path === `${name}/peer/${id}` && kind === 'message' && detail.direction === 'request',
      )
      .map(({ type }) => type)
    expect(told.slice(0, 3)).toEqual(['UpdateMetadata', 'LeaderAndIsr', 'UpdateMetadata'])
  }
})

test('a broker that was gone and back while nobody looked is told everything anew (KAFKA-1120)', async () => {
  await using it = await WholeCluster.start({
    topics: [orders],
    overrides: { 'zookeeper.session.timeout.ms': 10_000 },
  })
  const id = it.bystander
  const controller = it.controllerId
  it.cluster.broker(controller).pause()
  const { brokerEpoch } = it.world(id)
  it.cluster.broker(id).expireSession()
  await it.until(() => it.world(id).brokerEpoch > brokerEpoch, 'another life')
  const before = it.cluster.trace.kept.length
  it.cluster.broker(controller).resume()
  const orderedAnew = () =>
    it.cluster.trace.kept
      .slice(before)
      .filter(({ path }) => path === `broker-${controller}/controller/leader-election`)
      .filter(({ type }) => type === 'channel.close' || type === 'channel.open')
      .map(({ type, detail }) => [
        type,
        detail.brokerId ?? (detail.broker as { id: number } | undefined)?.id,
      ])
  await it.until(() => orderedAnew().length === 2, 'a new channel')
  expect(orderedAnew()).toEqual([
    ['channel.close', id],
    ['channel.open', id],
  ])
  await it.until(() => state(it)?.isr.length === 3, 'a full ISR')
  expect(it.controllerId).toBe(controller)
})

test('a leader cut off past its session takes acks=1 that will be cut, and acknowledges nothing that is lost', async () => {
  const platform: SimulatedPlatform = simulatedPlatform({ seed: 3 })
  await using it = await WholeCluster.start({ platform, topics: [orders] })
  const zombie = state(it)?.leader as number
  const others = ['zookeeper', 'broker-1', 'broker-2', 'broker-3'].filter(
    node => node !== `broker-${zombie}`,
  )
  const produce = (broker: number, acks: -1 | 1) =>
    it.ask(
      broker,
      Produce,
      {
        acks,
        timeoutMs: 500,
        topicData: [
          {
            name: 'orders',
            partitionData: [
              {
                index: 0,
                records: encodeBatch({ records: [{ value: new Uint8Array(8) }], timestampMs: 1 }),
              },
            ],
          },
        ],
      },
      11,
    )
  const errorOf = (answer: Awaited<ReturnType<typeof produce>>) =>
    answer.responses[0]?.partitionResponses[0]?.errorCode
  const logEnd = (broker: number) => it.world(broker).partitions.get('orders', 0)?.log.logEndOffset
  expect(errorOf(await produce(zombie, -1))).toBe(errors.NONE)
  for (const other of others) {
    platform.lines.block(`broker-${zombie}`, other)
    platform.lines.block(other, `broker-${zombie}`)
  }
  await it.until(() => ![zombie, -1].includes(state(it)?.leader ?? -1), 'another leader')
  expect(it.world(zombie).partitions.get('orders', 0)?.isLeader).toBe(true)
  expect(errorOf(await produce(zombie, 1))).toBe(errors.NONE)
  expect(errorOf(await produce(zombie, -1))).toBe(errors.REQUEST_TIMED_OUT)
  expect(logEnd(zombie)).toBe(3)
  const leader = state(it)?.leader as number
  expect(errorOf(await produce(leader, -1))).toBe(errors.NONE)
  platform.lines.heal()
  await it.until(() => state(it)?.isr.length === 3, 'a full ISR')
  expect([1, 2, 3].map(logEnd)).toEqual([2, 2, 2])
  expect(it.cluster.trace.kept.filter(({ type }) => type === 'failed')).toEqual([])
})
