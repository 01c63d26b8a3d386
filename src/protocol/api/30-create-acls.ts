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
 * CreateAcls (key 30). Adds ACLs (KIP-140). v1: prefixed patterns (KIP-290) · v2: flexible · v3:
 * user resources (KIP-373)
 */
export const CreateAcls = api({
  key: 30,
  name: 'CreateAcls',
  versions: '0-3',
  flexible: 2,
  request: {
    creations: array({
      resourceType: int8,
      resourceName: string,
      resourcePatternType: at('1+', int8, 3),
      principal: string,
      host: string,
      operation: int8,
      permissionType: int8,
    }),
  },
  response: {
    throttleTimeMs: int32,
    results: array({ errorCode: int16, errorMessage: nullable(string) }),
  },
})

export type CreateAclsRequest = RequestOf<typeof CreateAcls>
export type CreateAclsResponse = ResponseOf<typeof CreateAcls>
