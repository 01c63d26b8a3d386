import { api, array, int16, int32, type RequestOf, type ResponseOf, string } from '../schema.ts'

/**
 * DeleteGroups (key 42). Deletes groups without members (KIP-229). v2: flexible
 */
export const DeleteGroups = api({
  key: 42,
  name: 'DeleteGroups',
  versions: '0-2',
  flexible: 2,
  request: { groupsNames: array(string) },
  response: { throttleTimeMs: int32, results: array({ groupId: string, errorCode: int16 }) },
})

export type DeleteGroupsRequest = RequestOf<typeof DeleteGroups>
export type DeleteGroupsResponse = ResponseOf<typeof DeleteGroups>
