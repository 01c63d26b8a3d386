import {
  api,
  array,
  bool,
  float64,
  int8,
  int16,
  int32,
  nullable,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * DescribeClientQuotas (key 48). Client quotas that match a filter (KIP-546). v1: flexible
 */
export const DescribeClientQuotas = api({
  key: 48,
  name: 'DescribeClientQuotas',
  versions: '0-1',
  flexible: 1,
  request: {
    components: array({ entityType: string, matchType: int8, match: nullable(string) }),
    strict: bool,
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    entries: nullable(
      array({
        entity: array({ entityType: string, entityName: nullable(string) }),
        values: array({ key: string, value: float64 }),
      }),
    ),
  },
})

export type DescribeClientQuotasRequest = RequestOf<typeof DescribeClientQuotas>
export type DescribeClientQuotasResponse = ResponseOf<typeof DescribeClientQuotas>
