import { errors } from '../../../src/error.ts'
import type { DescribeGroups } from '../../../src/protocol/index.ts'
import type { Handler } from '../handler.ts'

/** Bits of what may be done to a group, all of it, since nobody is kept from anything: READ 3, DELETE 6, DESCRIBE 8. */
const groupOperations = (1 << 3) | (1 << 6) | (1 << 8)
/** Nobody asked. */
const noOperations = -2147483648

/**
 * DescribeGroups: v0–v5
 *
 * - A group that there is not is Dead, without an error.
 * - What members subscribe to and are assigned is told of a stable group only.
 *
 * v3: authorizedOperations (KIP-430) · v4: groupInstanceId (KIP-345)
 * Not implemented: —
 */
export const describeGroups: Handler<typeof DescribeGroups> = ({ groups }, request) => ({
  throttleTimeMs: 0,
  groups: request.groups.map(groupId => {
    const described = groups.describe(groupId)
    const isAsked = request.includeAuthorizedOperations && described.errorCode === errors.NONE
    return { ...described, authorizedOperations: isAsked ? groupOperations : noOperations }
  }),
})
