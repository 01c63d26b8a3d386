import type { ListGroups } from '../../../src/protocol/index.ts'
import type { Handler } from '../handler.ts'

/**
 * ListGroups: v0–v5
 *
 * - The groups that this broker coordinates. While it is still reading some, the error is COORDINATOR_LOAD_IN_PROGRESS.
 * - Filters do not mind the case; what they name and does not exist fits nothing.
 *
 * v4: by state (KIP-518) · v5: by type (KIP-848); all groups here are `classic`
 * Not implemented: —
 */
export const listGroups: Handler<typeof ListGroups> = ({ groups }, request) => {
  const states = request.statesFilter.map(state => state.toLowerCase())
  const types = request.typesFilter.map(type => type.toLowerCase())
  const passes = (filter: readonly string[], value: string): boolean =>
    filter.length === 0 || filter.includes(value.toLowerCase())
  const { errorCode, groups: listed } = groups.list()
  return {
    throttleTimeMs: 0,
    errorCode,
    groups: listed.filter(
      ({ groupState, groupType }) => passes(states, groupState) && passes(types, groupType),
    ),
  }
}
