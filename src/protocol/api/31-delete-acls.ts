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
 * DeleteAcls (key 31). Removes the ACLs that match filters (KIP-140). v1: prefixed patterns
 * (KIP-290) · v2: flexible · v3: user resources (KIP-373)
 */
export const DeleteAcls = api({
  key: 31,
  name: 'DeleteAcls',
  versions: '0-3',
  flexible: 2,
  request: {
    filters: array({
      resourceTypeFilter: int8,
      resourceNameFilter: nullable(string),
      patternTypeFilter: at('1+', int8, 3),
      principalFilter: nullable(string),
      hostFilter: nullable(string),
      operation: int8,
      permissionType: int8,
    }),
  },
  response: {
    throttleTimeMs: int32,
    filterResults: array({
      errorCode: int16,
      errorMessage: nullable(string),
      matchingAcls: array({
        errorCode: int16,
        errorMessage: nullable(string),
        resourceType: int8,
        resourceName: string,
        patternType: at('1+', int8, 3),
        principal: string,
        host: string,
        operation: int8,
        permissionType: int8,
      }),
    }),
  },
})

export type DeleteAclsRequest = RequestOf<typeof DeleteAcls>
export type DeleteAclsResponse = ResponseOf<typeof DeleteAcls>
