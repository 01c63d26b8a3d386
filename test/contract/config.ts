/** What a cluster under the contract is configured with, besides Kafka's defaults: shorter times, smaller internal topics. */
export const contractConfig = {
  'default.replication.factor': 3,
  'offsets.topic.num.partitions': 4,
  'offsets.topic.replication.factor': 3,
  'group.initial.rebalance.delay.ms': 0,
  'group.min.session.timeout.ms': 500,
  'zookeeper.session.timeout.ms': 6000,
} as const satisfies Readonly<Record<string, string | number>>
