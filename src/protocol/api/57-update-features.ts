import {
  api,
  array,
  at,
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
 * UpdateFeatures (key 57). Sets the finalized version levels of features (KIP-584). v1:
 * validateOnly and upgradeType (KIP-778)
 */
export const UpdateFeatures = api({
  key: 57,
  name: 'UpdateFeatures',
  versions: '0-1',
  flexible: 0,
  request: {
    timeoutMs: at('0+', int32, 60000),
    featureUpdates: array({
      feature: string,
      maxVersionLevel: int16,
      allowDowngrade: at('0', bool),
      upgradeType: at('1+', int8, 1),
    }),
    validateOnly: at('1+', bool),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    results: array({ feature: string, errorCode: int16, errorMessage: nullable(string) }),
  },
})

export type UpdateFeaturesRequest = RequestOf<typeof UpdateFeatures>
export type UpdateFeaturesResponse = ResponseOf<typeof UpdateFeatures>
