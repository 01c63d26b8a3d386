import { forkJoin, map, of } from 'rxjs'
import { errors } from '../../../src/error.ts'
import type { IncrementalAlterConfigs } from '../../../src/protocol/index.ts'
import { alterConfig, comesTwice } from '../config-admin.ts'
import type { Handler } from '../handler.ts'

/**
 * IncrementalAlterConfigs: v0–v1 (KIP-339)
 *
 * - Of topics, of this broker by its id, and by an empty name of all brokers. Any broker changes topics.
 * - A value that cannot be is INVALID_CONFIG for a topic and INVALID_REQUEST for a broker, and so is a key that a broker does not change while
 *   it runs.
 * - A resource that comes twice, a key that comes twice, or one without a value: INVALID_REQUEST.
 *
 * Not implemented: loggers, client metrics; authorization, policies.
 */
export const incrementalAlterConfigs: Handler<typeof IncrementalAlterConfigs> = (
  broker,
  { resources, validateOnly },
) => {
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
            configs.map(({ name, configOperation: operation, value }) => ({
              name,
              operation,
              value,
            })),
            { replaces: false, validateOnly },
          ),
    ),
  ).pipe(map(responses => ({ throttleTimeMs: 0, responses })))
}
