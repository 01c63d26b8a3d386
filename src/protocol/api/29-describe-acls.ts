import {
  api,
  array,
  at,
  int8,
  int16,
  int32,
  nullable,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * DescribeAcls (key 29). The ACLs that match a filter (KIP-140). v1: prefixed patterns (KIP-290) ·
 * v2: flexible · v3: user resources (KIP-373)
 */
export const DescribeAcls = api({
  key: 29,
  name: 'DescribeAcls',
  versions: '0-3',
  flexible: 2,
  request: {
    resourceTypeFilter: int8,
    resourceNameFilter: nullable(string),
    patternTypeFilter: at('1+', int8, 3),
    principalFilter: nullable(string),
    hostFilter: nullable(string),
    operation: int8,
    permissionType: int8,
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    resources: array({
      resourceType: int8,
      resourceName: string,
      patternType: at('1+', int8, 3),
      acls: array({ principal: string, host: string, operation: int8, permissionType: int8 }),
    }),
  },
})

export type DescribeAclsRequest = RequestOf<typeof DescribeAcls>
export type DescribeAclsResponse = ResponseOf<typeof DescribeAcls>
