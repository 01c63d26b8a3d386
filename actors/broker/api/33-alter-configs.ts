import { forkJoin, map, of } from 'rxjs'
import { configOperation } from '../../../src/broker/dynamic-config.ts'
import { errors } from '../../../src/error.ts'
import type { AlterConfigs } from '../../../src/protocol/index.ts'
import { alterConfig, comesTwice } from '../config-admin.ts'
import type { Handler } from '../handler.ts'

/**
 * AlterConfigs: v0–v2 (KIP-133)
 *
 * - What the request does not name is set no more. Otherwise as IncrementalAlterConfigs.
 *
 * Not implemented: authorization, policies.
 */
export const alterConfigs: Handler<typeof AlterConfigs> = (broker, { resources, validateOnly }) => {
  if (resources.length === 0) return { throttleTimeMs: 0, responses: [] }
  return forkJoin(
    resources.map(({ configs, ...resource }) =>
      comesTwice(resources, resource)
        ? of({
            ...resource,
            errorCode: errors.INVALID_REQUEST,
            errorMessage: 'the request has this resource twice',
          })
        : alterConfig(
            broker,
            resource,
            configs.map(config => ({ ...config, operation: configOperation.set })),
            { replaces: true, validateOnly },
          ),
    ),
  ).pipe(map(responses => ({ throttleTimeMs: 0, responses })))
}
