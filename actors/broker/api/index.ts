/**
 * The handler table: which APIs a broker serves, and so what ApiVersions says. To serve an API, add its row.
 */
import {
  AllocateProducerIds,
  AlterConfigs,
  AlterPartition,
  AlterPartitionReassignments,
  ApiVersions,
  ControlledShutdown,
  CreatePartitions,
  CreateTopics,
  DeleteGroups,
  DeleteRecords,
  DeleteTopics,
  DescribeCluster,
  DescribeConfigs,
  DescribeGroups,
  DescribeLogDirs,
  DescribeProducers,
  ElectLeaders,
  Fetch,
  FindCoordinator,
  Heartbeat,
  IncrementalAlterConfigs,
  InitProducerId,
  JoinGroup,
  LeaderAndIsr,
  LeaveGroup,
  ListGroups,
  ListOffsets,
  ListPartitionReassignments,
  Metadata,
  OffsetCommit,
  OffsetDelete,
  OffsetFetch,
  OffsetForLeaderEpoch,
  Produce,
  StopReplica,
  SyncGroup,
  supportedApis,
  UpdateMetadata,
} from '../../../src/protocol/index.ts'
import { type Served, type ServedApis, served } from '../dispatch.ts'
import { produce } from './00-produce.ts'
import { fetch } from './01-fetch.ts'
import { listOffsets } from './02-list-offsets.ts'
import { metadata } from './03-metadata.ts'
import { leaderAndIsr } from './04-leader-and-isr.ts'
import { stopReplica } from './05-stop-replica.ts'
import { updateMetadata } from './06-update-metadata.ts'
import { controlledShutdown } from './07-controlled-shutdown.ts'
import { offsetCommit } from './08-offset-commit.ts'
import { offsetFetch } from './09-offset-fetch.ts'
import { findCoordinator } from './10-find-coordinator.ts'
import { joinGroup } from './11-join-group.ts'
import { heartbeat } from './12-heartbeat.ts'
import { leaveGroup } from './13-leave-group.ts'
import { syncGroup } from './14-sync-group.ts'
import { describeGroups } from './15-describe-groups.ts'
import { listGroups } from './16-list-groups.ts'
import { apiVersions } from './18-api-versions.ts'
import { createTopics } from './19-create-topics.ts'
import { deleteTopics } from './20-delete-topics.ts'
import { deleteRecords } from './21-delete-records.ts'
import { initProducerId } from './22-init-producer-id.ts'
import { offsetForLeaderEpoch } from './23-offset-for-leader-epoch.ts'
import { describeConfigs } from './32-describe-configs.ts'
import { alterConfigs } from './33-alter-configs.ts'
import { describeLogDirs } from './35-describe-log-dirs.ts'
import { createPartitions } from './37-create-partitions.ts'
import { deleteGroups } from './42-delete-groups.ts'
import { electLeaders } from './43-elect-leaders.ts'
import { incrementalAlterConfigs } from './44-incremental-alter-configs.ts'
import { alterPartitionReassignments } from './45-alter-partition-reassignments.ts'
import { listPartitionReassignments } from './46-list-partition-reassignments.ts'
import { offsetDelete } from './47-offset-delete.ts'
import { alterPartition } from './56-alter-partition.ts'
import { describeCluster } from './60-describe-cluster.ts'
import { describeProducers } from './61-describe-producers.ts'
import { allocateProducerIds } from './67-allocate-producer-ids.ts'

const rows: readonly Served[] = [
  served(Produce, produce),
  served(Fetch, fetch),
  served(ListOffsets, listOffsets),
  served(Metadata, metadata),
  served(LeaderAndIsr, leaderAndIsr),
  served(StopReplica, stopReplica),
  served(UpdateMetadata, updateMetadata),
  served(ControlledShutdown, controlledShutdown),
  served(OffsetCommit, offsetCommit),
  served(OffsetFetch, offsetFetch),
  served(FindCoordinator, findCoordinator),
  served(JoinGroup, joinGroup),
  served(Heartbeat, heartbeat),
  served(LeaveGroup, leaveGroup),
  served(SyncGroup, syncGroup),
  served(DescribeGroups, describeGroups),
  served(ListGroups, listGroups),
  served(
    ApiVersions,
    apiVersions(() => advertised),
  ),
  served(CreateTopics, createTopics),
  served(DeleteTopics, deleteTopics),
  served(DeleteRecords, deleteRecords),
  served(InitProducerId, initProducerId),
  served(OffsetForLeaderEpoch, offsetForLeaderEpoch),
  served(DescribeConfigs, describeConfigs),
  served(AlterConfigs, alterConfigs),
  served(DescribeLogDirs, describeLogDirs),
  served(CreatePartitions, createPartitions),
  served(DeleteGroups, deleteGroups),
  served(ElectLeaders, electLeaders),
  served(AlterPartitionReassignments, alterPartitionReassignments),
  served(ListPartitionReassignments, listPartitionReassignments),
  served(IncrementalAlterConfigs, incrementalAlterConfigs),
  served(OffsetDelete, offsetDelete),
  served(AlterPartition, alterPartition),
  served(DescribeCluster, describeCluster),
  served(DescribeProducers, describeProducers),
  served(AllocateProducerIds, allocateProducerIds),
]

export const servedApis: ServedApis = new Map(rows.map(row => [row.api.key, row]))

const advertised = supportedApis(servedApis.keys())
