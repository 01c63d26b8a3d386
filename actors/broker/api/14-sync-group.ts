import { errors } from '../../../src/error.ts'
import type { SyncGroup } from '../../../src/protocol/index.ts'
import type { Handler } from '../handler.ts'

/**
 * SyncGroup: v0–v5
 *
 * - Answered when the leader's assignment is in the log; REBALANCE_IN_PROGRESS when another rebalance comes first.
 * - UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION, FENCED_INSTANCE_ID, INCONSISTENT_GROUP_PROTOCOL: see the chart of the group.
 *
 * v3: groupInstanceId (KIP-345) · v5: protocol type and name, both or INCONSISTENT_GROUP_PROTOCOL (KIP-559)
 * Not implemented: —
 */
export const syncGroup: Handler<typeof SyncGroup> = ({ groups }, request, { version }) => {
  if (version >= 5 && (request.protocolType === null || request.protocolName === null))
    return {
      throttleTimeMs: 0,
      errorCode: errors.INCONSISTENT_GROUP_PROTOCOL,
      assignment: new Uint8Array(0),
    }
  return groups.sync(request)
}
