import {
  api,
  array,
  bool,
  ignorable,
  ignorableTagged,
  int16,
  int32,
  int64,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

/**
 * ApiVersions (key 18). Which APIs and versions a broker serves. The answer's header is v0 in
 * every version, and who asks in a version we do not know is answered in v0 with
 * UNSUPPORTED_VERSION and our range of this API (KIP-511).
 *
 * v3: flexible; the client's name and version (KIP-511), features (KIP-584) · v4: features may
 * begin at version 0
 */
export const ApiVersions = api({
  key: 18,
  name: 'ApiVersions',
  versions: '0-4',
  flexible: 3,
  request: {
    clientSoftwareName: ignorable('3+', string),
    clientSoftwareVersion: ignorable('3+', string),
  },
  response: {
    errorCode: int16,
    apiKeys: array({ apiKey: int16, minVersion: int16, maxVersion: int16 }),
    throttleTimeMs: ignorable('1+', int32),
    supportedFeatures: ignorableTagged(
      '3+',
      0,
      array({ name: string, minVersion: int16, maxVersion: int16 }),
    ),
    finalizedFeaturesEpoch: ignorableTagged('3+', 1, int64, -1),
    finalizedFeatures: ignorableTagged(
      '3+',
      2,
      array({ name: string, maxVersionLevel: int16, minVersionLevel: int16 }),
    ),
    zkMigrationReady: ignorableTagged('3+', 3, bool),
  },
})

export type ApiVersionsRequest = RequestOf<typeof ApiVersions>
export type ApiVersionsResponse = ResponseOf<typeof ApiVersions>
