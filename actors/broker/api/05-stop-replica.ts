import { errors } from '../../../src/error.ts'
import type { StopReplica } from '../../../src/protocol/index.ts'
import type { Handler } from '../handler.ts'

/**
 * StopReplica: v0–v4
 *
 * - Meant for an earlier run of this broker, it is STALE_BROKER_EPOCH; from a controller that was replaced STALE_CONTROLLER_EPOCH.
 * - A leader epoch older than ours is FENCED_LEADER_EPOCH: the replica was given another role since (KIP-570). −1 and −2 are obeyed
 *   always: a controller that knows no epochs, and a topic that is being deleted.
 * - A replica that is not here is stopped already.
 *
 * v1: brokerEpoch (KIP-380) · v3: leader epochs (KIP-570)
 */
export const stopReplica: Handler<typeof StopReplica> = (broker, request) => {
  const { brokerEpoch } = request
  return brokerEpoch !== -1 && brokerEpoch < broker.brokerEpoch
    ? { errorCode: errors.STALE_BROKER_EPOCH, partitionErrors: [] }
    : broker.partitions.stopReplica(request)
}
