import { beforeEach, expect, test } from 'vitest'
import { findCoordinator } from '../../../../actors/broker/api/10-find-coordinator.ts'
import { ensureTopLevelPaths } from '../../../../actors/broker/registration.ts'
import { errors } from '../../../../src/error.ts'
import { partitionForGroup } from '../../../../src/group/group-id.ts'
import { FindCoordinator } from '../../../../src/protocol/index.ts'
import { Ensemble } from '../../zookeeper/ensemble.ts'
import { LoneBroker } from '../lone-broker.ts'

let ensemble: Ensemble
let broker: LoneBroker

beforeEach(async () => {
  ensemble = new Ensemble()
  await ensemble.start()
  broker = new LoneBroker(ensemble)
  await ensemble.answer(ensureTopLevelPaths(broker.world.zookeeper))
})

const ask = (version: number, key: string, keyType = 0) =>
  broker.ask(FindCoordinator, findCoordinator, version, {
    ...(version < 4 ? { key } : { coordinatorKeys: [key] }),
    ...(version > 0 ? { keyType } : {}),
  })

/** Partition p of the offsets topic is led by broker p + 1, the last by nobody. */
const withOffsets = () =>
  broker.learn({
    topics: { __consumer_offsets: [1, 2, 3, -1].map(leader => ({ leader })) },
  })

const groupIn = (partition: number): string => {
  for (let i = 0; ; i++) if (partitionForGroup(`group-${i}`, 4) === partition) return `group-${i}`
}

test('a group’s coordinator leads its partition of the offsets topic', async () => {
  withOffsets()
  for (let version = 0; version <= 3; version++)
    expect(await ask(version, groupIn(1))).toMatchObject({
      errorCode: 0,
      nodeId: 2,
      host: 'h2',
      port: 9093,
    })
  for (let version = 4; version <= 6; version++)
    expect((await ask(version, groupIn(2))).coordinators).toEqual([
      { key: groupIn(2), nodeId: 3, host: 'h3', port: 9094, errorCode: 0, errorMessage: '' },
    ])
})

test('without a leader there is none at present', async () => {
  withOffsets()
  expect(await ask(2, groupIn(3))).toMatchObject({
    errorCode: errors.COORDINATOR_NOT_AVAILABLE,
    nodeId: -1,
    host: '',
    port: -1,
  })
})

test('whose leader is gone has none at present', async () => {
  withOffsets()
  broker.learn({ brokers: [1, 3] })
  expect((await ask(4, groupIn(1))).coordinators).toMatchObject([
    { errorCode: errors.COORDINATOR_NOT_AVAILABLE },
  ])
})

test('the first who asks makes the offsets topic', async () => {
  broker.learn()
  expect(await ask(1, 'billing')).toMatchObject({ errorCode: errors.COORDINATOR_NOT_AVAILABLE })
  const made = broker.world.zookeeper.exists('/brokers/topics/__consumer_offsets')
  expect(await ensemble.answer(made)).not.toBeNull()
  const many = await broker.ask(FindCoordinator, findCoordinator, 4, {
    coordinatorKeys: ['a', 'b'],
  })
  expect(many.coordinators.map(({ errorCode }) => errorCode)).toEqual([15, 15])
})

test('transactions are refused for good, share groups as in Kafka', async () => {
  withOffsets()
  expect(await ask(2, 'tx', 1)).toMatchObject({
    errorCode: errors.UNSUPPORTED_VERSION,
    errorMessage: 'Transactions are not served here.',
  })
  expect((await ask(6, 'share', 2)).coordinators).toMatchObject([
    { errorCode: errors.COORDINATOR_NOT_AVAILABLE },
  ])
})
