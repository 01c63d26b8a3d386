import type { DeleteGroups } from '../../../src/protocol/index.ts'
import type { Handler } from '../handler.ts'

/**
 * DeleteGroups: v0–v2
 *
 * - Only a group without members: else NON_EMPTY_GROUP. One that there is not is GROUP_ID_NOT_FOUND. Its offsets go with it.
 *
 * Not implemented: —
 */
export const deleteGroups: Handler<typeof DeleteGroups> = ({ groups }, request) => ({
  throttleTimeMs: 0,
  results: groups.delete([...new Set(request.groupsNames)]),
})
