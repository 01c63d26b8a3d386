import type { ControlledShutdown } from '../../../src/protocol/index.ts'
import type { Handler } from '../handler.ts'

/**
 * ControlledShutdown: v0–v3
 *
 * - Asked of the controller by a broker that wants to stop: leaders move away, followers leave the ISR. Answered with what the
 *   broker still leads; nothing: it may go.
 * - Another broker answers STALE_CONTROLLER_EPOCH; an id that is not registered is BROKER_NOT_AVAILABLE, an earlier life of one
 *   STALE_BROKER_EPOCH.
 *
 * v2: brokerEpoch (KIP-380); before, any life is meant
 */
export const controlledShutdown: Handler<typeof ControlledShutdown> = (
  { controller },
  request,
  { version },
) => controller.controlledShutdown(request, version)
