import {
  api,
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
 * Heartbeat (key 12). A member lives, and hears whether its group rebalances.
 *
 * v3: groupInstanceId (KIP-345) · v4: flexible
 */
export const Heartbeat = api({
  key: 12,
  name: 'Heartbeat',
  versions: '0-4',
  flexible: 4,
  request: {
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: at('3+', nullable(string), null),
  },
  response: { throttleTimeMs: ignorable('1+', int32), errorCode: int16 },
})

export type HeartbeatRequest = RequestOf<typeof Heartbeat>
export type HeartbeatResponse = ResponseOf<typeof Heartbeat>
