import { clusterOperations, operationsOmitted } from '../../../src/broker/operations.ts'
import { errors } from '../../../src/error.ts'
import { noBroker } from '../../../src/ids.ts'
import type { DescribeCluster } from '../../../src/protocol/index.ts'
import type { Handler } from '../handler.ts'

const brokersType = 1
const controllersType = 2

/**
 * DescribeCluster: v0–v1
 *
 * v1: endpointType (KIP-919); brokers are all there is in ZooKeeper mode, controllers are MISMATCHED_ENDPOINT_TYPE
 * Not implemented: authorization; everybody may do all.
 */
export const describeCluster: Handler<typeof DescribeCluster> = (broker, request, { listener }) => {
  const { clusterId, metadata } = broker
  const { endpointType } = request
  if (endpointType !== brokersType) {
    const isController = endpointType === controllersType
    return {
      throttleTimeMs: 0,
      errorCode: isController ? errors.MISMATCHED_ENDPOINT_TYPE : errors.UNSUPPORTED_ENDPOINT_TYPE,
      errorMessage: isController
        ? 'This is the endpoint of a broker, not of a controller.'
        : `There is no endpoint type ${endpointType}.`,
      clusterId,
      brokers: [],
    }
  }
  return {
    throttleTimeMs: 0,
    errorCode: errors.NONE,
    clusterId,
    controllerId: metadata.controllerId ?? noBroker,
    brokers: metadata
      .brokers(listener)
      .map(({ id, host, port, rack }) => ({ brokerId: id, host, port, rack })),
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? clusterOperations
      : operationsOmitted,
  }
}
