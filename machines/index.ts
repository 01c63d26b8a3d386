/** Every chart by name: what apps import and the visualizer opens. */
export { brokerMachine } from './broker/broker.ts'
export { connectionMachine } from './broker/connection.ts'
export { partitionReplicaMachine } from './broker/partition-replica.ts'
export { replicaFetcherMachine } from './broker/replica-fetcher.ts'
export { consumerGroupMachine } from './group/consumer-group.ts'
export { zookeeperClientMachine } from './zookeeper/client.ts'
export { sessionMachine } from './zookeeper/session.ts'
