import { map } from 'rxjs'
import { errors } from '../../../src/error.ts'
import type { LeaveGroup } from '../../../src/protocol/index.ts'
import type { Handler } from '../handler.ts'

/**
 * LeaveGroup: v0–v5
 *
 * - Each member has an error of its own: UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID. A member that waits for others may leave too.
 * - An admin names static members by their instance alone.
 *
 * v3: many members, and errors of their own; before, the one member's error is that of the answer (KIP-345) · v5: reason
 * (KIP-800), which is not kept
 * Not implemented: —
 */
export const leaveGroup: Handler<typeof LeaveGroup> = ({ groups }, request, { version }) => {
  const { groupId, memberId } = request
  if (version >= 3)
    return groups
      .leave(groupId, request.members)
      .pipe(map(left => ({ throttleTimeMs: 0, ...left })))
  return groups.leave(groupId, [{ memberId, groupInstanceId: null }]).pipe(
    map(({ errorCode, members }) => ({
      throttleTimeMs: 0,
      errorCode: errorCode === errors.NONE ? (members[0]?.errorCode ?? errorCode) : errorCode,
    })),
  )
}
