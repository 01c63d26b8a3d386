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
 * JoinGroup (key 11). A member joins its group, and is answered when all have: the leader of the
 * group with everybody's metadata.
 *
 * v1: rebalanceTimeoutMs (KIP-62) · v4: a new member is first told its id (KIP-394) · v5:
 * groupInstanceId (KIP-345) · v6: flexible · v7: protocolType in the answer (KIP-559) · v8: reason
 * (KIP-800) · v9: skipAssignment (KIP-814)
 */
export const JoinGroup = api({
  key: 11,
  name: 'JoinGroup',
  versions: '0-9',
  flexible: 6,
  request: {
    groupId: string,
    sessionTimeoutMs: int32,
    rebalanceTimeoutMs: ignorable('1+', int32, -1),
    memberId: string,
    groupInstanceId: at('5+', nullable(string), null),
    protocolType: string,
    protocols: array({ name: string, metadata: bytes }),
    reason: ignorable('8+', nullable(string), null),
  },
  response: {
    throttleTimeMs: ignorable('2+', int32),
    errorCode: int16,
    generationId: at('0+', int32, -1),
    protocolType: ignorable('7+', nullable(string), null),
    protocolName: nullable(string, '7+'),
    leader: string,
    skipAssignment: at('9+', bool),
    memberId: string,
    members: array({
      memberId: string,
      groupInstanceId: ignorable('5+', nullable(string), null),
      metadata: bytes,
    }),
  },
})

export type JoinGroupRequest = RequestOf<typeof JoinGroup>
export type JoinGroupResponse = ResponseOf<typeof JoinGroup>
