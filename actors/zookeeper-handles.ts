/// <reference lib="esnext.disposable" preserve="true" />
import type { Observable } from 'rxjs'
import type { SessionId } from '../src/ids.ts'
import type { Address, Platform } from '../src/ports.ts'
import type { ZooKeeperConfig } from '../src/zookeeper/config.ts'
import { parseConnectString, printAddress } from '../src/zookeeper/connect-string.ts'
import { promised } from './client-handles.ts'
import { Process } from './process.ts'
import { Registry } from './registry.ts'
import { Trace } from './trace.ts'
import { until } from './until.ts'
import { createWorld, type World } from './world.ts'
import {
  startZooKeeperClient,
  type ZooKeeperClient,
  type ZooKeeperClientOptions,
} from './zookeeper/client.ts'
import {
  type LeaderLatch,
  type LeaderLatchOptions,
  startLeaderLatch,
} from './zookeeper/leader-latch.ts'
import { type EmbeddedZooKeeper, startZooKeeper } from './zookeeper/zookeeper.ts'

export { parseZooKeeperConfig, profileOfZooKeeper } from '../src/zookeeper/config.ts'

type Answer<F> = F extends (...args: infer A) => Observable<infer T>
  ? (...args: A) => Promise<T>
  : F

/** What of a client is asked and answered: with promises. */
type Asked = Omit<ZooKeeperClient, 'persistently' | 'close'>

/** A client of ZooKeeper whose answers are promises, rejected with `ZooKeeperError`. */
export type ZooKeeperClientHandle = { readonly [K in keyof Asked]: Answer<Asked[K]> } & {
  /** The same with Observables. */
  readonly client: ZooKeeperClient
  /** Stands for leadership with this session. */
  latch(options: LeaderLatchOptions): LeaderLatch
  /** Resolves when the session stands on a connection. */
  connected(timeoutMs?: number): Promise<void>
  /** Ends the session, and its ephemerals with it. */
  close(): Promise<void>
  /** Dies without a word: the session lives on until its timeout. */
  kill(): void
  /** Stands still with its connection open, as SIGSTOP, and goes on. */
  pause(): void
  resume(): void
} & AsyncDisposable

export interface ZooKeeperClientSettings
  extends Partial<Omit<ZooKeeperClientOptions, 'servers' | 'path'>> {
  /** Registry and trace to be seen in. Default: of its own. */
  readonly registry?: Registry
}

const defaultSessionTimeoutMs = 10_000
const defaultTimeoutMs = 30_000

/**
 * A client in a process of its own, of any ZooKeeper.
 *
 * @param connectString `host:port[,host:port…][/chroot]`
 */
export function connectZooKeeper(
  platform: Platform,
  name: string,
  connectString: string,
  settings: ZooKeeperClientSettings = {},
): ZooKeeperClientHandle {
  const { registry = new Registry(new Trace(platform.clock)), ...options } = settings
  const process = new Process(platform)
  const world = createWorld({
    name,
    platform: process.platform,
    registry,
    failed(path, error) {
      registry.trace.record('note', path, 'failed', { error: String(error) })
      process.kill()
    },
  })
  return zookeeperClientHandle(platform, world, process, connectString, options)
}

function zookeeperClientHandle(
  platform: Platform,
  world: World,
  process: Process,
  connectString: string,
  options: Partial<Omit<ZooKeeperClientOptions, 'servers' | 'path'>>,
): ZooKeeperClientHandle {
  const { servers, chroot } = parseConnectString(connectString)
  const client = startZooKeeperClient(world, {
    servers,
    chroot,
    sessionTimeoutMs: defaultSessionTimeoutMs,
    path: `${world.name}/zookeeper-client`,
    ...options,
  })
  const kill = (): void => {
    process.kill()
    world.registry.stopNode(world.name)
  }
  const close = async (): Promise<void> => {
    await promised(platform, client.close())
    kill()
  }
  const own = {
    client,
    latch: (latch: LeaderLatchOptions) => startLeaderLatch(world, client, latch),
    connected: (timeoutMs = defaultTimeoutMs) =>
      until(platform, world.trace, () => (client.state === 'connected' ? true : undefined), {
        timeoutMs,
        what: () => `${world.name} connected; its session is ${client.state}`,
      }).then(() => {}),
    close,
    kill,
    pause: () => process.pause(),
    resume: () => process.resume(),
    [Symbol.asyncDispose]: close,
  }
  return new Proxy(own, {
    get(target, name) {
      if (Object.hasOwn(target, name)) return target[name as keyof typeof target]
      const asked = client[name as keyof Asked]
      // Observables, numbers and names as they are; what answers with an Observable answers with a promise.
      if (typeof asked !== 'function' || name === 'reopen') return asked
      return (...args: never[]) =>
        promised(platform, (asked as (...args: never[]) => Observable<unknown>)(...args))
    },
  }) as never as ZooKeeperClientHandle
}

export interface ZooKeeperServerOptions extends Partial<ZooKeeperConfig> {
  readonly platform: Platform
  /** Where to listen. Default 127.0.0.1. */
  readonly host?: string
  /** 0 (default): any free one. */
  readonly port?: number
  /** Keeps everything on the platform's disk `zookeeper`. Default false. */
  readonly durable?: boolean
  /** Registry and trace to be seen in. Default: of its own. */
  readonly registry?: Registry
  /** How long the start may take, ms of the platform's clock. Default 30,000. */
  readonly startTimeoutMs?: number
}

/** A ZooKeeper server alone, and clients of it. */
export interface ZooKeeperHandle extends AsyncDisposable {
  readonly platform: Platform
  readonly registry: Registry
  readonly trace: Trace
  readonly address: Address
  /** `127.0.0.1:2181`: what a client connects to. */
  readonly connectString: string
  /** To look into: the tree, the sessions. */
  readonly server: EmbeddedZooKeeper
  /** A client in a process of its own, `client/<name>`. */
  client(name: string, settings?: ZooKeeperClientSettings): ZooKeeperClientHandle
  /** As if the session's time were over. False where there is no such session. */
  expireSession(id: SessionId): boolean
  /** Its process ends at once, as by `kill -9`. */
  kill(): void
  /** Starts it again on its port, and its disk where it is durable; ended first where it runs. */
  restart(): Promise<void>
  /** Stands still with its connections open, as SIGSTOP, and goes on. */
  pause(): void
  resume(): void
  /** Lets this much time pass; on a stepping clock it costs none. */
  advance(durationMs: number): Promise<void>
  /** Adds a line to the story, for those who read it. */
  note(text: string): void
  /** Waits on the story. Rejects after `timeoutMs` (default 30,000) of the platform's clock. */
  until(condition: () => boolean, options?: { timeoutMs?: number; what?: string }): Promise<void>
  /** Ends everything; safe to call twice. */
  stop(): Promise<void>
}

/**
 * Starts ZooKeeper alone; resolves when it listens.
 *
 * @throws what the platform says where it cannot listen (EADDRINUSE) or its disk cannot be had (ELOCKED)
 */
export async function startZooKeeperServer(
  options: ZooKeeperServerOptions,
): Promise<ZooKeeperHandle> {
  const { platform, registry: given, ...rest } = options
  const registry = given ?? new Registry(new Trace(platform.clock))
  const { trace } = registry
  const { host = '127.0.0.1', startTimeoutMs = defaultTimeoutMs } = options
  const clients = new Set<ZooKeeperClientHandle>()
  let process = new Process(platform)
  let server: EmbeddedZooKeeper
  let port = options.port ?? 0

  const start = async (): Promise<void> => {
    process = new Process(platform)
    const own = process
    let failure: Error | undefined
    let bound: Address | undefined
    const world = createWorld({
      name: 'zookeeper',
      platform: own.platform,
      registry,
      failed(path, error) {
        trace.record('note', path, 'failed', { error: String(error) })
        own.kill()
        platform.clock.setTimeout(() => registry.stopNode('zookeeper'), 0)
      },
    })
    server = startZooKeeper(world, {
      ...rest,
      host,
      port,
      bound(address) {
        bound = address
        trace.record('node', 'zookeeper', 'running', { ...address })
      },
      failed(error) {
        failure = error
        trace.record('node', 'zookeeper', 'failed', { error: String(error) })
      },
    })
    const address = await until(
      platform,
      trace,
      () => {
        if (failure !== undefined) throw failure
        return bound
      },
      { timeoutMs: startTimeoutMs, what: () => `ZooKeeper listening on ${host}:${port}` },
    )
    port = address.port
  }
  const end = (state: 'killed' | 'stopped'): void => {
    if (process.state === 'ended') return
    process.kill()
    trace.record('node', 'zookeeper', state, {})
    registry.stopNode('zookeeper')
  }
  const stop = async (): Promise<void> => {
    for (const client of clients) client.kill()
    if (process.state === 'running') server.close()
    end('stopped')
  }

  await start()
  return {
    platform,
    registry,
    trace,
    get address() {
      return { host, port }
    },
    get connectString() {
      return printAddress({ host, port })
    },
    get server() {
      return server
    },
    client(name, settings) {
      const at = printAddress({ host, port })
      const client = connectZooKeeper(platform, `client/${name}`, at, { registry, ...settings })
      clients.add(client)
      return client
    },
    expireSession: id => server.expireSession(id),
    kill: () => end('killed'),
    async restart() {
      if (process.state === 'running') server.close()
      end('stopped')
      await start()
    },
    pause: () => process.pause(),
    resume: () => process.resume(),
    advance: durationMs =>
      platform.waiting(new Promise(resolve => void platform.clock.setTimeout(resolve, durationMs))),
    note: text => void trace.record('note', 'story', text),
    until: (condition, { timeoutMs = defaultTimeoutMs, what = 'the condition' } = {}) =>
      until(platform, trace, () => (condition() ? true : undefined), {
        timeoutMs,
        what: () => what,
      }).then(() => {}),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
