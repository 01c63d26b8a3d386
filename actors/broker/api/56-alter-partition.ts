import type { AlterPartition } from '../../../src/protocol/index.ts'
import type { Handler } from '../handler.ts'

/**
 * AlterPartition: v0–v3
 *
 * - Asked of the controller by a leader: another ISR, and whether it has recovered. What is judged in which order is in
 *   `src/controller/alter-partition.ts`; what is accepted is written at the partition epoch of the request.
 * - A sender that is not registered in that very life is STALE_BROKER_EPOCH; another broker answers NOT_CONTROLLER.
 *
 * v1: leaderRecoveryState (KIP-704) · v2: topic ids, INELIGIBLE_REPLICA (KIP-841) · v3: broker epochs in the ISR (KIP-903), which
 * a ZooKeeper-mode controller does not look at
 */
export const alterPartition: Handler<typeof AlterPartition> = (
  { controller },
  request,
  { version },
) => controller.alterPartition(request, version)
