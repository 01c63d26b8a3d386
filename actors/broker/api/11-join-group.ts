import { map } from 'rxjs'
import type { JoinGroup } from '../../../src/protocol/index.ts'
import type { Handler } from '../handler.ts'

/**
 * JoinGroup: v0–v9
 *
 * - Answered when all members have joined, or when the rebalance timeout is over. The leader gets everybody's metadata.
 * - INVALID_GROUP_ID, INVALID_SESSION_TIMEOUT, INCONSISTENT_GROUP_PROTOCOL, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID,
 *   GROUP_MAX_SIZE_REACHED: see the chart of the group.
 *
 * v1: rebalanceTimeoutMs (KIP-62) · v4: a new member first gets its id, MEMBER_ID_REQUIRED (KIP-394) · v5: groupInstanceId
 * (KIP-345) · v7: protocolType · v9: skipAssignment (KIP-814)
 * Not implemented: —
 */
export const joinGroup: Handler<typeof JoinGroup> = ({ groups }, request, call) =>
  groups
    .join(request, call)
    // Before v7 the chosen protocol cannot be null.
    .pipe(
      map(answer =>
        call.version >= 7 ? answer : { ...answer, protocolName: answer.protocolName ?? '' },
      ),
    )
