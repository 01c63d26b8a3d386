import {
  api,
  array,
  at,
  ignorable,
  int8,
  int16,
  int32,
  nullable,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * FindCoordinator (key 10). Which broker coordinates a group (keyType 0) or a transactional id
 * (1).
 *
 * v1: keyType and errorMessage (KIP-98) · v3: flexible · v4: many keys at once (KIP-699) · v5:
 * TRANSACTION_ABORTABLE (KIP-890) · v6: share groups (KIP-932)
 */
export const FindCoordinator = api({
  key: 10,
  name: 'FindCoordinator',
  versions: '0-6',
  flexible: 3,
  request: {
    key: at('0-3', string),
    keyType: at('1+', int8),
    coordinatorKeys: at('4+', array(string)),
  },
  response: {
    throttleTimeMs: ignorable('1+', int32),
    errorCode: at('0-3', int16),
    errorMessage: ignorable('1-3', nullable(string)),
    nodeId: at('0-3', int32),
    host: at('0-3', string),
    port: at('0-3', int32),
    coordinators: at(
      '4+',
      array({
        key: string,
        nodeId: int32,
        host: string,
        port: int32,
        errorCode: int16,
        errorMessage: nullable(string),
      }),
    ),
  },
})

export type FindCoordinatorRequest = RequestOf<typeof FindCoordinator>
export type FindCoordinatorResponse = ResponseOf<typeof FindCoordinator>
