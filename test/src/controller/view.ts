import {
  type ClusterView,
  emptyView,
  type Leadership,
  type LiveBroker,
  type PartitionRow,
  withBrokers,
  withTopics,
} from '../../../src/controller/cluster-view.ts'

/** A registered broker with epoch 100 + id. */
export const broker = (id: number, brokerEpoch = 100 + id): LiveBroker => ({
  id,
  brokerEpoch,
  endpoints: [
    { listener: 'PLAINTEXT', securityProtocol: 'PLAINTEXT', host: '127.0.0.1', port: 9000 + id },
  ],
  rack: null,
})

export const leadership = (
  leader: number,
  isr: readonly number[],
  more: Partial<Leadership> = {},
): Leadership => ({
  leader,
  isr,
  leaderEpoch: 0,
  controllerEpoch: 1,
  leaderRecoveryState: 0,
  partitionEpoch: 0,
  ...more,
})

export const row = (
  replicas: readonly number[],
  led: Leadership | null,
  more: Partial<PartitionRow> = {},
): PartitionRow => ({
  replicas,
  addingReplicas: [],
  removingReplicas: [],
  leadership: led,
  ...more,
})

/** A cluster of these brokers; `orders` has id `orders-id`, and so on. */
export const cluster = (
  brokers: readonly number[],
  topics: Readonly<Record<string, readonly PartitionRow[]>>,
): ClusterView =>
  withTopics(
    withBrokers(
      emptyView,
      brokers.map(id => broker(id)),
    ),
    Object.entries(topics).map(([name, rows]) => [
      name,
      { topicId: `${name}-id`, partitions: Object.fromEntries(rows.entries()) },
    ]),
  )
