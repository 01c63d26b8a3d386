import {
  api,
  array,
  bool,
  float64,
  int16,
  int32,
  nullable,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * AlterClientQuotas (key 49). Sets and removes client quotas (KIP-546). v1: flexible
 */
export const AlterClientQuotas = api({
  key: 49,
  name: 'AlterClientQuotas',
  versions: '0-1',
  flexible: 1,
  request: {
    entries: array({
      entity: array({ entityType: string, entityName: nullable(string) }),
      ops: array({ key: string, value: float64, remove: bool }),
    }),
    validateOnly: bool,
  },
  response: {
    throttleTimeMs: int32,
    entries: array({
      errorCode: int16,
      errorMessage: nullable(string),
      entity: array({ entityType: string, entityName: nullable(string) }),
    }),
  },
})

export type AlterClientQuotasRequest = RequestOf<typeof AlterClientQuotas>
export type AlterClientQuotasResponse = ResponseOf<typeof AlterClientQuotas>
