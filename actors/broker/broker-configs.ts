import { catchError, forkJoin, map, type Observable, of, throwError } from 'rxjs'
import type { BrokerConfig } from '../../src/broker/config.ts'
import { dynamicConfig, type Overrides } from '../../src/broker/dynamic-config.ts'
import type { BrokerId } from '../../src/ids.ts'
import { isKeeperError } from '../../src/zookeeper/error.ts'
import { ConfigZNode, defaultEntityName, isMalformed } from '../../src/zookeeper/paths.ts'
import type { Trace } from '../trace.ts'
import type { ZooKeeperClient } from '../zookeeper/client.ts'
import type { BrokerConfigs } from './broker-world.ts'

/**
 * This broker's configuration as it is changed while it runs: `/config/brokers/<default>` for all of them and `/config/brokers/[id]`
 * over that (DynamicBrokerConfig). `topic-configs.ts` follows the notes about both.
 */
export class BrokerConfigsRoom implements BrokerConfigs {
  readonly #zookeeper: ZooKeeperClient
  readonly #brokerId: BrokerId
  readonly #static: BrokerConfig
  readonly #note: (error: Error) => void
  #cluster: Overrides = {}
  #own: Overrides = {}
  #current: BrokerConfig

  /** @param config as its owner gave it */
  constructor(
    world: { readonly name: string; readonly trace: Trace },
    zookeeper: ZooKeeperClient,
    brokerId: BrokerId,
    config: BrokerConfig,
  ) {
    this.#zookeeper = zookeeper
    this.#brokerId = brokerId
    this.#static = config
    this.#current = config
    this.#note = error =>
      void world.trace.record('note', `${world.name}/broker-configs`, 'configuration ignored', {
        error: error.message,
      })
  }

  get current(): BrokerConfig {
    return this.#current
  }

  get given(): BrokerConfig {
    return this.#static
  }

  get cluster(): Overrides {
    return this.#cluster
  }

  get own(): Overrides {
    return this.#own
  }

  /** Reads both again; emits whether anything changed, or fails as ZooKeeper does. */
  refresh(): Observable<boolean> {
    return forkJoin([this.#read(defaultEntityName), this.#read(String(this.#brokerId))]).pipe(
      map(([cluster, own]) => {
        const before = JSON.stringify(this.#current)
        this.#cluster = cluster
        this.#own = own
        this.#current = dynamicConfig(this.#static, [cluster, own], this.#note)
        return JSON.stringify(this.#current) !== before
      }),
    )
  }

  #read(entity: string): Observable<Overrides> {
    const zookeeper = this.#zookeeper
    return zookeeper
      .persistently(() => zookeeper.getData(ConfigZNode.path('brokers', entity)))
      .pipe(
        map(({ data }) => {
          const content = ConfigZNode.decode(data)
          if (!isMalformed(content)) return content
          this.#note(new Error(content.malformed))
          return {}
        }),
        catchError(error => (isKeeperError(error, 'NONODE') ? of({}) : throwError(() => error))),
      )
  }
}
