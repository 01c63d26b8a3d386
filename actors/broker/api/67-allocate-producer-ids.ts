import type { AllocateProducerIds } from '../../../src/protocol/index.ts'
import type { Handler } from '../handler.ts'

/**
 * AllocateProducerIds: v0
 *
 * - Asked of the controller by a broker: a block of 1,000 ids that nobody was given before (KIP-730).
 * - Another broker answers NOT_CONTROLLER; a sender that is not registered is BROKER_ID_NOT_REGISTERED, another life of one
 *   STALE_BROKER_EPOCH.
 */
export const allocateProducerIds: Handler<typeof AllocateProducerIds> = ({ controller }, request) =>
  controller.allocateProducerIds(request)
