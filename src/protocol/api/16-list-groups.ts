import {
  api,
  array,
  at,
  ignorable,
  int16,
  int32,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * ListGroups (key 16). The groups that a broker coordinates.
 *
 * v3: flexible · v4: by state (KIP-518) · v5: by type (KIP-848)
 */
export const ListGroups = api({
  key: 16,
  name: 'ListGroups',
  versions: '0-5',
  flexible: 3,
  request: { statesFilter: at('4+', array(string)), typesFilter: at('5+', array(string)) },
  response: {
    throttleTimeMs: ignorable('1+', int32),
    errorCode: int16,
    groups: array({
      groupId: string,
      protocolType: string,
      groupState: ignorable('4+', string),
      groupType: ignorable('5+', string),
    }),
  },
})

export type ListGroupsRequest = RequestOf<typeof ListGroups>
export type ListGroupsResponse = ResponseOf<typeof ListGroups>
