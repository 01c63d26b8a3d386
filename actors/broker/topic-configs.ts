import {
  catchError,
  defaultIfEmpty,
  from,
  last,
  map,
  mergeMap,
  type Observable,
  of,
  throwError,
} from 'rxjs'
import {
  ConfigError,
  type TopicConfig,
  topicConfig,
  topicDefaults,
} from '../../src/broker/config.ts'
import { changeNotificationAgeMsMax } from '../../src/limits.ts'
import { isKeeperError } from '../../src/zookeeper/error.ts'
import {
  ConfigChangesZNode,
  ConfigZNode,
  isMalformed,
  sequenceNumber,
} from '../../src/zookeeper/paths.ts'
import type { BrokerConfigsRoom } from './broker-configs.ts'
import type { BrokerWorld, TopicConfigs } from './broker-world.ts'

/** Znodes read at once; the rest waits, or a cluster of many topics would fill the client's queue. */
const readsAtOnce = 100

interface Known {
  readonly overrides: Readonly<Record<string, string>>
  readonly config: TopicConfig
}

/** Entities' paths begin so where they are topics. */
const topicsPrefix = 'topics/'
const brokersPrefix = 'brokers/'

/**
 * Topics' configurations. Whoever changes one writes it to `/config/topics/[t]` and leaves a note under `/config/changes`,
 * which every broker watches (DynamicConfigManager, ZkNodeChangeNotificationListener). A topic that is made leaves no note:
 * its configuration is read when its first replica comes here.
 */
export class TopicConfigsRoom implements TopicConfigs {
  readonly #broker: BrokerWorld
  readonly #path: string
  readonly #brokerConfigs: BrokerConfigsRoom
  #defaults: TopicConfig
  readonly #known = new Map<string, Known>()
  /** The highest number among the notes that were carried out. */
  #executed = -1
  /** When the notes still there were made, by name. */
  #madeAtMs = new Map<string, number>()
  #isListing = false
  #listAgain = false

  constructor(broker: BrokerWorld, brokerConfigs: BrokerConfigsRoom) {
    this.#broker = broker
    this.#brokerConfigs = brokerConfigs
    this.#path = `${broker.name}/topic-configs`
    this.#defaults = topicDefaults(brokerConfigs.current)
    broker.zookeeper.watches.subscribe(({ path, kind }) => {
      if (path === ConfigChangesZNode.path && kind === 'childrenChanged') this.#list()
    })
  }

  get(topic: string): TopicConfig {
    return this.#known.get(topic)?.config ?? this.#defaults
  }

  overrides(topic: string): Readonly<Record<string, string>> {
    return this.#known.get(topic)?.overrides ?? {}
  }

  /** Reads the broker's own and those of all topics; emits once, or fails as ZooKeeper does. */
  load(): Observable<void> {
    const { zookeeper } = this.#broker
    return this.#refreshBroker().pipe(
      mergeMap(() =>
        zookeeper.persistently(() => zookeeper.getChildren(ConfigZNode.entitiesPath('topics'))),
      ),
      mergeMap(topics => this.refresh(topics)),
    )
  }

  /** Follows the notes from now on, beginning with those that are there: also in a new session. */
  watch(): void {
    this.#isListing = false
    this.#list()
  }

  /** Reads those of some topics; emits once, or fails as ZooKeeper does. */
  refresh(topics: readonly string[]): Observable<void> {
    return from(topics).pipe(
      mergeMap(topic => this.#read(topic), readsAtOnce),
      map(() => undefined),
      defaultIfEmpty(undefined),
      last(),
    )
  }

  #read(topic: string): Observable<unknown> {
    const { zookeeper } = this.#broker
    return zookeeper
      .persistently(() => zookeeper.getData(ConfigZNode.path('topics', topic)))
      .pipe(
        map(({ data }) => {
          const content = ConfigZNode.decode(data)
          if (!isMalformed(content)) return content
          this.#note('topic configuration unreadable', { topic, error: content.malformed })
          return {}
        }),
        catchError(error => (isKeeperError(error, 'NONODE') ? of({}) : throwError(() => error))),
        map(overrides => this.#learn(topic, overrides)),
      )
  }

  /** What the broker is configured with stands in for whatever a topic does not set. */
  #refreshBroker(): Observable<void> {
    return this.#brokerConfigs.refresh().pipe(
      map(changed => {
        if (!changed) return
        this.#defaults = topicDefaults(this.#brokerConfigs.current)
        for (const [topic, { overrides }] of [...this.#known])
          this.#known.set(topic, { overrides, config: this.#over(topic, overrides) })
        this.#broker.changes.next({ kind: 'topicConfig', topic: null })
      }),
    )
  }

  #learn(topic: string, overrides: Readonly<Record<string, string>>): void {
    if (JSON.stringify(overrides) === JSON.stringify(this.overrides(topic))) return
    const config = this.#over(topic, overrides)
    if (Object.keys(overrides).length === 0) this.#known.delete(topic)
    else this.#known.set(topic, { overrides, config })
    this.#broker.changes.next({ kind: 'topicConfig', topic })
  }

  #over(topic: string, overrides: Readonly<Record<string, string>>): TopicConfig {
    let config = this.#defaults
    for (const [name, text] of Object.entries(overrides))
      try {
        config = topicConfig({ [name]: text }, config)
      } catch (error) {
        // Another version of Kafka may have written it; the rest still holds.
        if (!(error instanceof ConfigError)) throw error
        this.#note('topic configuration ignored', { topic, error: error.message })
      }
    return config
  }

  /** Looks through the notes, one look at a time. */
  #list(): void {
    if (this.#isListing) {
      this.#listAgain = true
      return
    }
    this.#isListing = true
    this.#listAgain = false
    const { zookeeper } = this.#broker
    zookeeper
      .persistently(() => zookeeper.getChildren(ConfigChangesZNode.path, { watch: true }))
      .pipe(mergeMap(names => this.#carryOut(names)))
      .subscribe({
        complete: () => {
          this.#isListing = false
          if (this.#listAgain) this.#list()
        },
        error: error => {
          this.#isListing = false
          // The session is over: `watch` is called again in the next one.
          if (!isKeeperError(error, 'SESSIONEXPIRED')) this.#broker.failed(this.#path, error)
        },
      })
  }

  #carryOut(names: readonly string[]): Observable<unknown> {
    const present = new Set(names)
    for (const name of this.#madeAtMs.keys()) if (!present.has(name)) this.#madeAtMs.delete(name)
    const fresh = names
      .map(name => ({ name, sequence: sequenceNumber(name) ?? -1 }))
      .filter(({ sequence }) => sequence > this.#executed)
      .sort((a, b) => a.sequence - b.sequence)
    const { zookeeper } = this.#broker
    return from(fresh).pipe(
      mergeMap(
        ({ name, sequence }) =>
          zookeeper
            .persistently(() => zookeeper.getData(ConfigChangesZNode.childPath(name)))
            .pipe(
              mergeMap(({ data, stat }) => {
                this.#madeAtMs.set(name, stat.ctime)
                const entity = ConfigChangesZNode.decode(data)
                if (isMalformed(entity)) return of(undefined)
                if (entity.startsWith(topicsPrefix))
                  return this.refresh([entity.slice(topicsPrefix.length)])
                return entity.startsWith(brokersPrefix) ? this.#refreshBroker() : of(undefined)
              }),
              // Another broker has swept it.
              catchError(error =>
                isKeeperError(error, 'NONODE') ? of(undefined) : throwError(() => error),
              ),
              map(() => {
                this.#executed = sequence
              }),
            ),
        1,
      ),
      defaultIfEmpty(undefined),
      last(),
      mergeMap(() => this.#sweep()),
    )
  }

  #sweep(): Observable<unknown> {
    const { zookeeper, platform } = this.#broker
    const before = platform.clock.now() - changeNotificationAgeMsMax
    const old = [...this.#madeAtMs].filter(([, atMs]) => atMs < before).map(([name]) => name)
    return from(old).pipe(
      mergeMap(
        name =>
          zookeeper
            .persistently(() => zookeeper.delete(ConfigChangesZNode.childPath(name)))
            .pipe(
              catchError(error =>
                isKeeperError(error, 'NONODE') ? of(undefined) : throwError(() => error),
              ),
            ),
        readsAtOnce,
      ),
    )
  }

  #note(type: string, detail: Readonly<Record<string, unknown>>): void {
    this.#broker.trace.record('note', this.#path, type, detail)
  }
}
