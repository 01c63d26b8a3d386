import { errors } from '../../../src/error.ts'
import type { UpdateMetadata } from '../../../src/protocol/index.ts'
import type { BrokerWorld } from '../broker-world.ts'
import type { Handler } from '../handler.ts'

/**
 * UpdateMetadata: v0–v8
 *
 * - Meant for an earlier run of this broker, it is STALE_BROKER_EPOCH; a later epoch than our own is right: the answer to our
 *   registration may still be under way (KAFKA-9839).
 * - From a controller that was replaced, it is STALE_CONTROLLER_EPOCH.
 * - Groups forget the offsets of partitions that are deleted.
 *
 * v5: brokerEpoch (KIP-380) · v7: topicId (KIP-516)
 * Not implemented: the migration to KRaft (v8's isKRaftController and type).
 */
export const updateMetadata: Handler<typeof UpdateMetadata> = (broker, request) => {
  if (isStaleBrokerEpoch(broker, request.brokerEpoch))
    return { errorCode: errors.STALE_BROKER_EPOCH }
  if (!broker.metadata.admitController(request.controllerEpoch))
    return { errorCode: errors.STALE_CONTROLLER_EPOCH }
  const deleted = broker.metadata.update(request)
  if (deleted.length > 0) broker.groups.partitionsDeleted(deleted)
  broker.changes.next({ kind: 'metadata' })
  return { errorCode: errors.NONE }
}

/** −1: the controller does not know epochs. */
const isStaleBrokerEpoch = ({ brokerEpoch }: BrokerWorld, asked: number): boolean =>
  asked !== -1 && asked < brokerEpoch
