import {
  api,
  array,
  bool,
  int8,
  int16,
  int32,
  nullable,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * AlterConfigs (key 33). Replaces the whole configuration of a resource (KIP-133). v2: flexible
 */
export const AlterConfigs = api({
  key: 33,
  name: 'AlterConfigs',
  versions: '0-2',
  flexible: 2,
  request: {
    resources: array({
      resourceType: int8,
      resourceName: string,
      configs: array({ name: string, value: nullable(string) }),
    }),
    validateOnly: bool,
  },
  response: {
    throttleTimeMs: int32,
    responses: array({
      errorCode: int16,
      errorMessage: nullable(string),
      resourceType: int8,
      resourceName: string,
    }),
  },
})

export type AlterConfigsRequest = RequestOf<typeof AlterConfigs>
export type AlterConfigsResponse = ResponseOf<typeof AlterConfigs>
