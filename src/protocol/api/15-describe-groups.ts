import {
  api,
  array,
  at,
  bool,
  bytes,
  ignorable,
  int16,
  int32,
  nullable,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * DescribeGroups (key 15). Groups with their members, as an admin sees them.
 *
 * v3: authorized operations (KIP-430) · v4: groupInstanceId (KIP-345) · v5: flexible
 */
export const DescribeGroups = api({
  key: 15,
  name: 'DescribeGroups',
  versions: '0-5',
  flexible: 5,
  request: { groups: array(string), includeAuthorizedOperations: at('3+', bool) },
  response: {
    throttleTimeMs: ignorable('1+', int32),
    groups: array({
      errorCode: int16,
      groupId: string,
      groupState: string,
      protocolType: string,
      protocolData: string,
      members: array({
        memberId: string,
        groupInstanceId: ignorable('4+', nullable(string), null),
        clientId: string,
        clientHost: string,
        memberMetadata: bytes,
        memberAssignment: bytes,
      }),
      authorizedOperations: at('3+', int32, -2147483648),
    }),
  },
})

export type DescribeGroupsRequest = RequestOf<typeof DescribeGroups>
export type DescribeGroupsResponse = ResponseOf<typeof DescribeGroups>
