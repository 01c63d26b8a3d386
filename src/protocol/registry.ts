import { Produce } from './api/00-produce.ts'
import { Fetch } from './api/01-fetch.ts'
import { ListOffsets } from './api/02-list-offsets.ts'
import { Metadata } from './api/03-metadata.ts'
import { LeaderAndIsr } from './api/04-leader-and-isr.ts'
import { StopReplica } from './api/05-stop-replica.ts'
import { UpdateMetadata } from './api/06-update-metadata.ts'
import { ControlledShutdown } from './api/07-controlled-shutdown.ts'
import { OffsetCommit } from './api/08-offset-commit.ts'
import { OffsetFetch } from './api/09-offset-fetch.ts'
import { FindCoordinator } from './api/10-find-coordinator.ts'
import { JoinGroup } from './api/11-join-group.ts'
import { Heartbeat } from './api/12-heartbeat.ts'
import { LeaveGroup } from './api/13-leave-group.ts'
import { SyncGroup } from './api/14-sync-group.ts'
import { DescribeGroups } from './api/15-describe-groups.ts'
import { ListGroups } from './api/16-list-groups.ts'
import { SaslHandshake } from './api/17-sasl-handshake.ts'
import { ApiVersions } from './api/18-api-versions.ts'
import { CreateTopics } from './api/19-create-topics.ts'
import { DeleteTopics } from './api/20-delete-topics.ts'
import { DeleteRecords } from './api/21-delete-records.ts'
import { InitProducerId } from './api/22-init-producer-id.ts'
import { OffsetForLeaderEpoch } from './api/23-offset-for-leader-epoch.ts'
import { AddPartitionsToTxn } from './api/24-add-partitions-to-txn.ts'
import { AddOffsetsToTxn } from './api/25-add-offsets-to-txn.ts'
import { EndTxn } from './api/26-end-txn.ts'
import { WriteTxnMarkers } from './api/27-write-txn-markers.ts'
import { TxnOffsetCommit } from './api/28-txn-offset-commit.ts'
import { DescribeAcls } from './api/29-describe-acls.ts'
import { CreateAcls } from './api/30-create-acls.ts'
import { DeleteAcls } from './api/31-delete-acls.ts'
import { DescribeConfigs } from './api/32-describe-configs.ts'
import { AlterConfigs } from './api/33-alter-configs.ts'
import { AlterReplicaLogDirs } from './api/34-alter-replica-log-dirs.ts'
import { DescribeLogDirs } from './api/35-describe-log-dirs.ts'
import { SaslAuthenticate } from './api/36-sasl-authenticate.ts'
import { CreatePartitions } from './api/37-create-partitions.ts'
import { CreateDelegationToken } from './api/38-create-delegation-token.ts'
import { RenewDelegationToken } from './api/39-renew-delegation-token.ts'
import { ExpireDelegationToken } from './api/40-expire-delegation-token.ts'
import { DescribeDelegationToken } from './api/41-describe-delegation-token.ts'
import { DeleteGroups } from './api/42-delete-groups.ts'
import { ElectLeaders } from './api/43-elect-leaders.ts'
import { IncrementalAlterConfigs } from './api/44-incremental-alter-configs.ts'
import { AlterPartitionReassignments } from './api/45-alter-partition-reassignments.ts'
import { ListPartitionReassignments } from './api/46-list-partition-reassignments.ts'
import { OffsetDelete } from './api/47-offset-delete.ts'
import { DescribeClientQuotas } from './api/48-describe-client-quotas.ts'
import { AlterClientQuotas } from './api/49-alter-client-quotas.ts'
import { DescribeUserScramCredentials } from './api/50-describe-user-scram-credentials.ts'
import { AlterUserScramCredentials } from './api/51-alter-user-scram-credentials.ts'
import { AlterPartition } from './api/56-alter-partition.ts'
import { UpdateFeatures } from './api/57-update-features.ts'
import { Envelope } from './api/58-envelope.ts'
import { DescribeCluster } from './api/60-describe-cluster.ts'
import { DescribeProducers } from './api/61-describe-producers.ts'
import { DescribeTransactions } from './api/65-describe-transactions.ts'
import { ListTransactions } from './api/66-list-transactions.ts'
import { AllocateProducerIds } from './api/67-allocate-producer-ids.ts'
import { ConsumerGroupHeartbeat } from './api/68-consumer-group-heartbeat.ts'
import { ConsumerGroupDescribe } from './api/69-consumer-group-describe.ts'
import type { Api } from './schema.ts'
import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
} from './stored/consumer-protocol.ts'
import {
  GroupMetadataKey,
  GroupMetadataValue,
  OffsetCommitKey,
  OffsetCommitValue,
} from './stored/group-metadata.ts'
import type { Stored } from './stored/stored.ts'
import { TransactionLogKey, TransactionLogValue } from './stored/transaction-log.ts'

/**
 * Every API that a Kafka 3.9 broker in ZooKeeper mode advertises, by name. A table alone serves
 * nothing.
 */
export const apis = {
  Produce,
  Fetch,
  ListOffsets,
  Metadata,
  LeaderAndIsr,
  StopReplica,
  UpdateMetadata,
  ControlledShutdown,
  OffsetCommit,
  OffsetFetch,
  FindCoordinator,
  JoinGroup,
  Heartbeat,
  LeaveGroup,
  SyncGroup,
  DescribeGroups,
  ListGroups,
  SaslHandshake,
  ApiVersions,
  CreateTopics,
  DeleteTopics,
  DeleteRecords,
  InitProducerId,
  OffsetForLeaderEpoch,
  AddPartitionsToTxn,
  AddOffsetsToTxn,
  EndTxn,
  WriteTxnMarkers,
  TxnOffsetCommit,
  DescribeAcls,
  CreateAcls,
  DeleteAcls,
  DescribeConfigs,
  AlterConfigs,
  AlterReplicaLogDirs,
  DescribeLogDirs,
  SaslAuthenticate,
  CreatePartitions,
  CreateDelegationToken,
  RenewDelegationToken,
  ExpireDelegationToken,
  DescribeDelegationToken,
  DeleteGroups,
  ElectLeaders,
  IncrementalAlterConfigs,
  AlterPartitionReassignments,
  ListPartitionReassignments,
  OffsetDelete,
  DescribeClientQuotas,
  AlterClientQuotas,
  DescribeUserScramCredentials,
  AlterUserScramCredentials,
  AlterPartition,
  UpdateFeatures,
  Envelope,
  DescribeCluster,
  DescribeProducers,
  DescribeTransactions,
  ListTransactions,
  AllocateProducerIds,
  ConsumerGroupHeartbeat,
  ConsumerGroupDescribe,
} as const satisfies { readonly [name: string]: Api }

export type ApiName = keyof typeof apis

const byKey = new Map<number, Api>(Object.values(apis).map(api => [api.key, api]))

/** The table of an API; undefined for a key that Kafka 3.9 does not have in ZooKeeper mode. */
export const apiByKey = (key: number): Api | undefined => byKey.get(key)

/** What ApiVersions says of one API. */
export interface SupportedApi {
  readonly apiKey: number
  readonly minVersion: number
  readonly maxVersion: number
}

/** The versions of those APIs that have handlers, by key: all that a broker advertises. */
export const supportedApis = (handledKeys: Iterable<number>): SupportedApi[] => {
  const handled = new Set(handledKeys)
  return [...byKey.values()]
    .filter(({ key }) => handled.has(key))
    .map(({ key, versions: [minVersion, maxVersion] }) => ({ apiKey: key, minVersion, maxVersion }))
}

/** What is kept in records or passed between the members of groups. */
export const storedMessages: readonly Stored[] = [
  ConsumerProtocolSubscription,
  ConsumerProtocolAssignment,
  OffsetCommitKey,
  OffsetCommitValue,
  GroupMetadataKey,
  GroupMetadataValue,
  TransactionLogKey,
  TransactionLogValue,
]
