/** The door that needs no platform: everything runs on the one it is given. */
export { ConfigError, type Profile } from '../src/broker/config.ts'
export type * from '../src/ports.ts'
export { ZooKeeperError } from '../src/zookeeper/error.ts'
export { WrongState } from './broker-node.ts'
export {
  type ConsumerActorCommand,
  type ConsumerActorEvent,
  consumer,
  type LogicOptions,
  type ProducerActorCommand,
  type ProducerActorEvent,
  producer,
  records$,
} from './client/actor-logic.ts'
export type * from './client/admin-config.ts'
export type * from './client/consumer-config.ts'
export { KafkaError } from './client/kafka-error.ts'
export type * from './client/producer-config.ts'
export type { AdminHandle, ConsumerHandle, ProducerHandle } from './client-handles.ts'
export type {
  BrokerHandle,
  Cluster,
  ClusterOptions,
  GroupHandle,
  PartitionHandle,
} from './cluster.ts'
export { startCluster } from './cluster.ts'
export {
  type ClusterActorCommand,
  type ClusterActorEvent,
  cluster,
} from './cluster-logic.ts'
export type * from './cluster-state.ts'
export { connectAdmin } from './connect-admin.ts'
export type { FaultHandle, FaultScope } from './fault-handle.ts'
export type { Faults } from './faults.ts'
export type { LinkFrame } from './line-frames.ts'
export type { LinkOperators } from './line-operators.ts'
export type { LatencyScope, NodeName } from './link-faults.ts'
export { type Performers, performing } from './performing.ts'
export { Registry, type Root, stateName } from './registry.ts'
export { parseTopicSpec, type TopicSpec } from './topic-spec.ts'
export { Trace, type TraceEntry, type TraceKind } from './trace.ts'
export { NotReached } from './until.ts'
export type { World } from './world.ts'
export type {
  ClientState,
  CreateOptions,
  Op,
  OpResult,
  Stat,
  WatchEvent,
  ZooKeeperClient,
} from './zookeeper/client.ts'
export type { LeaderLatch, LeaderLatchOptions } from './zookeeper/leader-latch.ts'
export {
  connectZooKeeper,
  startZooKeeperServer,
  type ZooKeeperClientHandle,
  type ZooKeeperClientSettings,
  type ZooKeeperHandle,
  type ZooKeeperServerOptions,
} from './zookeeper-handles.ts'
