import { errors } from '../../../src/error.ts'
import type { ApiVersions, SupportedApi } from '../../../src/protocol/index.ts'
import type { Handler } from '../handler.ts'

/** What a client may call itself and its version (KIP-511). */
const softwareName = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

/**
 * ApiVersions: v0–v4
 *
 * - Advertised is what has a handler, in the versions of its table.
 * - A version of this API that we do not know never comes here: it is answered in v0, with UNSUPPORTED_VERSION and our range
 *   (`dispatch.ts`).
 *
 * v3: clientSoftwareName and -Version; ill-formed they are INVALID_REQUEST (KIP-511)
 * Features are none, at the epoch 0 of the `/feature` that the first controller makes: nothing here ever raises it.
 *
 * @param served computed from the handler table that this handler itself stands in
 */
export const apiVersions =
  (served: () => readonly SupportedApi[]): Handler<typeof ApiVersions> =>
  (_broker, request, { version }) => {
    const { clientSoftwareName, clientSoftwareVersion } = request
    const isValid =
      version < 3 ||
      (softwareName.test(clientSoftwareName) && softwareName.test(clientSoftwareVersion))
    return isValid
      ? { errorCode: errors.NONE, apiKeys: served(), finalizedFeaturesEpoch: 0 }
      : { errorCode: errors.INVALID_REQUEST, apiKeys: [] }
  }
