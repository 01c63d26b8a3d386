import {
  api,
  array,
  at,
  ignorable,
  int16,
  int32,
  nullable,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * LeaveGroup (key 13). A member leaves its group; an admin removes several.
 *
 * v3: many members, by id or groupInstanceId (KIP-345) · v4: flexible · v5: reason (KIP-800)
 */
export const LeaveGroup = api({
  key: 13,
  name: 'LeaveGroup',
  versions: '0-5',
  flexible: 4,
  request: {
    groupId: string,
    memberId: at('0-2', string),
    members: at(
      '3+',
      array({
        memberId: string,
        groupInstanceId: at('3+', nullable(string), null),
        reason: ignorable('5+', nullable(string), null),
      }),
    ),
  },
  response: {
    throttleTimeMs: ignorable('1+', int32),
    errorCode: int16,
    members: at(
      '3+',
      array({ memberId: string, groupInstanceId: nullable(string), errorCode: int16 }),
    ),
  },
})

export type LeaveGroupRequest = RequestOf<typeof LeaveGroup>
export type LeaveGroupResponse = ResponseOf<typeof LeaveGroup>
