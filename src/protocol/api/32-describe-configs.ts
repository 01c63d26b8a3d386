import {
  api,
  array,
  at,
  bool,
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
 * DescribeConfigs (key 32). The configuration of topics and brokers (KIP-133).
 *
 * v1: where a value comes from and its synonyms (KIP-226) · v3: type and documentation (KIP-569) ·
 * v4: flexible
 */
export const DescribeConfigs = api({
  key: 32,
  name: 'DescribeConfigs',
  versions: '0-4',
  flexible: 4,
  request: {
    resources: array({
      resourceType: int8,
      resourceName: string,
      configurationKeys: nullable(array(string)),
    }),
    includeSynonyms: at('1+', bool),
    includeDocumentation: at('3+', bool),
  },
  response: {
    throttleTimeMs: int32,
    results: array({
      errorCode: int16,
      errorMessage: nullable(string),
      resourceType: int8,
      resourceName: string,
      configs: array({
        name: string,
        value: nullable(string),
        readOnly: bool,
        isDefault: at('0', bool),
        configSource: ignorable('1+', int8, -1),
        isSensitive: bool,
        synonyms: ignorable('1+', array({ name: string, value: nullable(string), source: int8 })),
        configType: ignorable('3+', int8),
        documentation: ignorable('3+', nullable(string)),
      }),
    }),
  },
})

export type DescribeConfigsRequest = RequestOf<typeof DescribeConfigs>
export type DescribeConfigsResponse = ResponseOf<typeof DescribeConfigs>
