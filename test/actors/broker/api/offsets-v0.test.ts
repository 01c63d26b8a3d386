import { beforeEach, expect, test } from 'vitest'
import { offsetCommit } from '../../../../actors/broker/api/08-offset-commit.ts'
import { offsetFetch } from '../../../../actors/broker/api/09-offset-fetch.ts'
import { errors } from '../../../../src/error.ts'
import { OffsetCommit, OffsetFetch } from '../../../../src/protocol/index.ts'
import { Ensemble } from '../../zookeeper/ensemble.ts'
import { LoneBroker } from '../lone-broker.ts'

let broker: LoneBroker

beforeEach(async () => {
  const ensemble = new Ensemble()
  await ensemble.start()
  broker = new LoneBroker(ensemble)
  broker.learn({ topics: { orders: [{}, {}] } })
})

const commit = async (
  groupId: string,
  ...partitions: [partitionIndex: number, committedOffset: number, committedMetadata?: string][]
) => {
  const { topics } = await broker.ask(OffsetCommit, offsetCommit, 0, {
    groupId,
    generationIdOrMemberEpoch: -1,
    memberId: '',
    groupInstanceId: null,
    retentionTimeMs: -1,
    topics: [
      {
        name: 'orders',
        partitions: partitions.map(([partitionIndex, committedOffset, committedMetadata]) => ({
          partitionIndex,
          committedOffset,
          committedLeaderEpoch: -1,
          commitTimestamp: -1,
          committedMetadata: committedMetadata ?? null,
        })),
      },
    ],
  })
  return topics[0]?.partitions.map(partition => partition.errorCode)
}

const fetch = async (groupId: string, ...partitionIndexes: number[]) => {
  const { topics } = await broker.ask(OffsetFetch, offsetFetch, 0, {
    groupId,
    topics: [{ name: 'orders', partitionIndexes }],
    groups: [],
    requireStable: false,
  })
  return topics[0]?.partitions.map(({ committedOffset, errorCode }) => [committedOffset, errorCode])
}

const znode = async (path: string) => {
  const { data } = await broker.ensemble.answer(broker.world.zookeeper.getData(path))
  return new TextDecoder().decode(data ?? undefined)
}

test('offsets of v0 live in ZooKeeper, as text, and are written anew', async () => {
  expect(await commit('billing', [0, 42], [1, 7])).toEqual([0, 0])
  expect(await znode('/consumers/billing/offsets/orders/0')).toBe('42')
  expect(await commit('billing', [0, 41])).toEqual([0])
  expect(await fetch('billing', 0, 1)).toEqual([
    [41, 0],
    [7, 0],
  ])
})

test('what was never committed, and what there is not, is an unknown partition', async () => {
  expect(await fetch('billing', 0, 9)).toEqual([
    [-1, errors.UNKNOWN_TOPIC_OR_PARTITION],
    [-1, errors.UNKNOWN_TOPIC_OR_PARTITION],
  ])
  expect(await commit('billing', [9, 1])).toEqual([errors.UNKNOWN_TOPIC_OR_PARTITION])
})

test('metadata is not kept, but must not be too long; a name that makes no path is an error', async () => {
  expect(await commit('billing', [0, 1, 'x'.repeat(4097)], [1, 1, 'x'])).toEqual([
    errors.OFFSET_METADATA_TOO_LARGE,
    errors.NONE,
  ])
  expect(await commit('', [0, 1])).toEqual([errors.UNKNOWN_SERVER_ERROR])
  expect(await fetch('', 0)).toEqual([[-1, errors.UNKNOWN_TOPIC_OR_PARTITION]])
})
