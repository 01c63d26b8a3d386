import { lastValueFrom, type Observable } from 'rxjs'
import { Process } from '../../../actors/process.ts'
import { Registry } from '../../../actors/registry.ts'
import { Trace, type TraceEntry } from '../../../actors/trace.ts'
import { createWorld, type World } from '../../../actors/world.ts'
import {
  startZooKeeperClient,
  type WatchEvent,
  type ZooKeeperClient,
  type ZooKeeperClientOptions,
} from '../../../actors/zookeeper/client.ts'
import {
  type EmbeddedZooKeeper,
  startZooKeeper,
  type ZooKeeperConfig,
} from '../../../actors/zookeeper/zookeeper.ts'
import { memoryPlatform } from '../../../src/platform/memory.ts'
import type { Address, Platform } from '../../../src/ports.ts'

/** A client, its process to kill or pause, and what its watches told. */
export interface Member {
  readonly client: ZooKeeperClient
  readonly process: Process
  readonly told: WatchEvent[]
  readonly states: string[]
}

/** A ZooKeeper and its clients in one process. */
export class Ensemble {
  readonly platform: Platform
  readonly trace: Trace
  readonly registry: Registry
  readonly failures: unknown[] = []
  readonly address: Address
  zookeeper!: EmbeddedZooKeeper
  zookeeperProcess!: Process

  constructor(platform: Platform = memoryPlatform({ clock: 'stepping' }), port = 2181) {
    this.platform = platform
    this.trace = new Trace(platform.clock)
    this.registry = new Registry(this.trace)
    this.address = { host: '127.0.0.1', port }
  }

  world(name: string): { world: World; process: Process } {
    const process = new Process(this.platform)
    const world = createWorld({
      name,
      platform: process.platform,
      registry: this.registry,
      failed: (path, error) => this.failures.push(`${path}: ${error}`),
    })
    return { world, process }
  }

  /** Listening when it settles. */
  start(config: Partial<ZooKeeperConfig> & { durable?: boolean } = {}): Promise<EmbeddedZooKeeper> {
    const { world, process } = this.world('zookeeper')
    this.zookeeperProcess = process
    return this.platform.waiting(
      new Promise((resolve, reject) => {
        this.zookeeper = startZooKeeper(world, {
          tickTime: 100,
          maxSessionTimeout: 60_000,
          ...config,
          ...this.address,
          bound: () => resolve(this.zookeeper),
          failed: reject,
        })
      }),
    )
  }

  /** The server dies, as by `kill -9`; its clients hear their connections close. */
  killZooKeeper(): void {
    this.zookeeperProcess.kill()
    this.registry.stopNode('zookeeper')
  }

  join(name: string, options: Partial<ZooKeeperClientOptions> = {}): Member {
    const { world, process } = this.world(name)
    return this.joinIn(world, process, options)
  }

  joinIn(world: World, process: Process, options: Partial<ZooKeeperClientOptions> = {}): Member {
    const client = startZooKeeperClient(world, {
      servers: [this.zookeeper.address as Address],
      sessionTimeoutMs: 2000,
      path: `${world.name}/zookeeper-client`,
      ...options,
    })
    const told: WatchEvent[] = []
    const states: string[] = []
    client.watches.subscribe(event => told.push(event))
    client.session.subscribe(state => states.push(state))
    return { client, process, told, states }
  }

  /** Lets time pass until the answer is there. */
  answer<T>(asked: Observable<T>): Promise<T> {
    return this.platform.waiting(lastValueFrom(asked, { defaultValue: undefined as T }))
  }

  /** The error's code; throws where there was none. */
  refusal(asked: Observable<unknown>): Promise<string> {
    return this.answer(asked).then(
      value => Promise.reject(new Error(`answered: ${JSON.stringify(value)}`)),
      (error: { code: string }) => error.code,
    )
  }

  pass(durationMs: number): Promise<void> {
    return this.platform.waiting(
      new Promise(resolve => this.platform.clock.setTimeout(resolve, durationMs)),
    )
  }

  /** Lines of the trace of one kind. */
  lines(kind: TraceEntry['kind']): TraceEntry[] {
    return this.trace.kept.filter(entry => entry.kind === kind)
  }
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
export const text = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : new TextDecoder().decode(bytes)
