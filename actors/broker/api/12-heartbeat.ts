import type { Heartbeat } from '../../../src/protocol/index.ts'
import type { Handler } from '../handler.ts'

/**
 * Heartbeat: v0–v4
 *
 * - An unknown member is UNKNOWN_MEMBER_ID, an old generation ILLEGAL_GENERATION, a replaced static member FENCED_INSTANCE_ID.
 * - While the group prepares a rebalance every heartbeat is REBALANCE_IN_PROGRESS: join again.
 *
 * v3: groupInstanceId (KIP-345)
 * Not implemented: —
 */
export const heartbeat: Handler<typeof Heartbeat> = ({ groups }, request) => ({
  throttleTimeMs: 0,
  errorCode: groups.heartbeat(request),
})
