/**
 * Changing configurations, which any broker may do: it writes the entity's znode and a note for all brokers to read it (ZkAdminManager,
 * ZkConfigRepository, AdminZkClient.changeConfigs).
 */
import { catchError, concatMap, map, type Observable, of, throwError } from 'rxjs'
import {
  brokerConfigKeys,
  ConfigError,
  topicConfig,
  topicConfigKeys,
  topicDefaults,
} from '../../src/broker/config.ts'
import {
  brokerOverridesFault,
  type ConfigChange,
  type ConfigRefusal,
  changed,
  changesFault,
  isConfigRefusal,
  type Overrides,
} from '../../src/broker/dynamic-config.ts'
import { type ErrorCode, errorMessage, errors } from '../../src/error.ts'
import { isKeeperError } from '../../src/zookeeper/error.ts'
import {
  ConfigChangesZNode,
  type ConfigEntityType,
  ConfigZNode,
  defaultEntityName,
  isMalformed,
} from '../../src/zookeeper/paths.ts'
import type { BrokerWorld } from './broker-world.ts'

/** ConfigResource.Type, as the protocol has it. */
export const resourceTypes = { topic: 2, broker: 4 } as const

export interface ConfigResource {
  readonly resourceType: number
  readonly resourceName: string
}

export interface ConfigAnswer extends ConfigResource {
  readonly errorCode: ErrorCode
  readonly errorMessage: string | null
}

interface Entity {
  readonly type: ConfigEntityType
  readonly name: string
  /** Whether these overrides may be; null: yes. */
  fault(overrides: Overrides): ConfigRefusal | null
}

const refusal = (
  errorCode: ErrorCode,
  message: string | null = errorMessage(errorCode),
): ConfigRefusal => ({ errorCode, errorMessage: message })

/** Which znode a resource is, or why it is none. */
function entityOf(broker: BrokerWorld, resource: ConfigResource): Entity | ConfigRefusal {
  const { resourceType, resourceName } = resource
  if (resourceType === resourceTypes.topic) {
    if (resourceName === '')
      return refusal(errors.INVALID_REQUEST, 'there are no configs for all topics')
    if (broker.metadata.topic(resourceName) === undefined)
      return refusal(errors.UNKNOWN_TOPIC_OR_PARTITION)
    return { type: 'topics', name: resourceName, fault: topicFault(broker) }
  }
  if (resourceType === resourceTypes.broker) {
    if (resourceName !== '' && resourceName !== String(broker.brokerId))
      return refusal(
        errors.INVALID_REQUEST,
        `This is broker ${broker.brokerId}: ask broker ${resourceName} itself, or give no name.`,
      )
    const name = resourceName === '' ? defaultEntityName : resourceName
    return { type: 'brokers', name, fault: brokerOverridesFault }
  }
  return refusal(errors.INVALID_REQUEST, `There are no configs of resource type ${resourceType}.`)
}

const topicFault =
  (broker: BrokerWorld) =>
  (overrides: Overrides): ConfigRefusal | null => {
    try {
      topicConfig(overrides, topicDefaults(broker.config))
      return null
    } catch (error) {
      if (error instanceof ConfigError) return refusal(errors.INVALID_CONFIG, error.message)
      throw error
    }
  }

/**
 * Changes one resource. Emits once.
 *
 * @param replaces whether the changes are all that is to be set (AlterConfigs), instead of being made to what is set
 */
export function alterConfig(
  broker: BrokerWorld,
  resource: ConfigResource,
  changes: readonly ConfigChange[],
  options: { readonly replaces: boolean; readonly validateOnly: boolean },
): Observable<ConfigAnswer> {
  const { resourceType, resourceName } = resource
  const answer = ({ errorCode, errorMessage: message }: ConfigRefusal): ConfigAnswer => ({
    errorCode,
    errorMessage: message,
    resourceType,
    resourceName,
  })
  const done = refusal(errors.NONE, null)
  const entity = entityOf(broker, resource)
  // Kafka looks at what is asked for before it looks for whom.
  const fault = changesFault(changes)
  if (fault !== null) return of(answer(fault))
  if ('errorCode' in entity) return of(answer(entity))
  const [keys, inherited] =
    entity.type === 'topics'
      ? [topicConfigKeys, topicDefaults(broker.config)]
      : [brokerConfigKeys, broker.config]
  const attempt = (): Observable<ConfigAnswer> =>
    readEntity(broker, entity).pipe(
      concatMap(({ overrides, zkVersion }) => {
        const after = changed(options.replaces ? {} : overrides, changes, keys, inherited)
        if (isConfigRefusal(after)) return of(answer(after))
        const wrong = entity.fault(after)
        if (wrong !== null) return of(answer(wrong))
        if (options.validateOnly) return of(answer(done))
        return writeEntity(broker, entity, after, zkVersion).pipe(map(() => answer(done)))
      }),
      // Changed by somebody else since it was read: so are changes of several admins all kept.
      catchError(error =>
        isKeeperError(error, 'BADVERSION', 'NODEEXISTS', 'NONODE')
          ? attempt()
          : throwError(() => error),
      ),
    )
  return attempt().pipe(
    catchError(error =>
      isKeeperError(error)
        ? of(answer(refusal(errors.UNKNOWN_SERVER_ERROR)))
        : throwError(() => error),
    ),
  )
}

/** −1 as a version: there is no znode. */
function readEntity(
  { zookeeper }: BrokerWorld,
  { type, name }: Entity,
): Observable<{ readonly overrides: Overrides; readonly zkVersion: number }> {
  return zookeeper
    .persistently(() => zookeeper.getData(ConfigZNode.path(type, name)))
    .pipe(
      map(({ data, stat }) => {
        const content = ConfigZNode.decode(data)
        return { overrides: isMalformed(content) ? {} : content, zkVersion: stat.version }
      }),
      catchError(error =>
        isKeeperError(error, 'NONODE')
          ? of({ overrides: {}, zkVersion: -1 })
          : throwError(() => error),
      ),
    )
}

/** The configuration first, then the note: who follows it finds what it is about. */
function writeEntity(
  { zookeeper }: BrokerWorld,
  { type, name }: Entity,
  overrides: Overrides,
  zkVersion: number,
): Observable<unknown> {
  const path = ConfigZNode.path(type, name)
  const content = ConfigZNode.encode(overrides)
  const note = ConfigChangesZNode.encode(`${type}/${name}`)
  return zookeeper
    .persistently<unknown>(() =>
      zkVersion === -1
        ? zookeeper.create(path, content)
        : zookeeper.setData(path, content, zkVersion),
    )
    .pipe(
      concatMap(() =>
        zookeeper.persistently(() =>
          zookeeper.create(ConfigChangesZNode.sequencePath, note, { mode: 'persistentSequential' }),
        ),
      ),
    )
}

/** Resources that come twice in a request are INVALID_REQUEST each time. */
export const comesTwice = (
  resources: readonly ConfigResource[],
  { resourceType, resourceName }: ConfigResource,
): boolean =>
  resources.filter(it => it.resourceType === resourceType && it.resourceName === resourceName)
    .length > 1
