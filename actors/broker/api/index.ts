/**
 * The handler table: which APIs a broker serves, and so what ApiVersions says. To serve an API, add its row.
 */
import {
  ApiVersions,
  DescribeCluster,
  DescribeConfigs,
  FindCoordinator,
  InitProducerId,
  Metadata,
  supportedApis,
  UpdateMetadata,
} from '../../../src/protocol/index.ts'
import { type Served, type ServedApis, served } from '../dispatch.ts'
import { metadata } from './03-metadata.ts'
import { updateMetadata } from './06-update-metadata.ts'
import { findCoordinator } from './10-find-coordinator.ts'
import { apiVersions } from './18-api-versions.ts'
import { initProducerId } from './22-init-producer-id.ts'
import { describeConfigs } from './32-describe-configs.ts'
import { describeCluster } from './60-describe-cluster.ts'

const rows: readonly Served[] = [
  served(Metadata, metadata),
  served(UpdateMetadata, updateMetadata),
  served(FindCoordinator, findCoordinator),
  served(
    ApiVersions,
    apiVersions(() => advertised),
  ),
  served(InitProducerId, initProducerId),
  served(DescribeConfigs, describeConfigs),
  served(DescribeCluster, describeCluster),
]

export const servedApis: ServedApis = new Map(rows.map(row => [row.api.key, row]))

const advertised = supportedApis(servedApis.keys())
