import {
  api,
  array,
  at,
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
 * SyncGroup (key 14). The leader of a group hands in the assignment; every member gets its part of
 * it.
 *
 * v3: groupInstanceId (KIP-345) · v4: flexible · v5: protocol type and name, to be checked
 * (KIP-559)
 */
export const SyncGroup = api({
  key: 14,
  name: 'SyncGroup',
  versions: '0-5',
  flexible: 4,
  request: {
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: at('3+', nullable(string), null),
    protocolType: ignorable('5+', nullable(string), null),
    protocolName: ignorable('5+', nullable(string), null),
    assignments: array({ memberId: string, assignment: bytes }),
  },
  response: {
    throttleTimeMs: ignorable('1+', int32),
    errorCode: int16,
    protocolType: ignorable('5+', nullable(string), null),
    protocolName: ignorable('5+', nullable(string), null),
    assignment: bytes,
  },
})

export type SyncGroupRequest = RequestOf<typeof SyncGroup>
export type SyncGroupResponse = ResponseOf<typeof SyncGroup>
