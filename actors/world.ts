import type { AnyStateMachine, InputFrom } from 'xstate'
import type { Platform } from '../src/ports.ts'
import type { RequestFaults } from './broker/request-faults.ts'
import type { Performers } from './performing.ts'
import type { Registry, Root } from './registry.ts'
import type { Trace } from './trace.ts'

/**
 * One node's world: its share of the platform and its place in the registry. Brokers, ZooKeeper and clients are worlds
 * of their own; they share no objects and meet only over links.
 */
export interface World {
  /** `broker-1`, `zookeeper`, `client/billing-1`: the beginning of the path of every actor in it. */
  readonly name: string
  readonly platform: Platform
  readonly registry: Registry
  readonly trace: Trace
  /** Faults that requests meet on purpose; undefined where there are none to be had. */
  readonly faults?: RequestFaults
  /** Starts a chart as a root of its own. */
  start<M extends AnyStateMachine>(
    machine: M,
    options: { path: string; input: InputFrom<M>; performers: Performers<M> },
  ): Root<M>
  /** Something in this node is broken beyond repair: the whole node ends. A crashed chart is a dead broker. */
  failed(path: string, error: unknown): void
}

/**
 * @param options.platform the node's own (`Process.platform`), so that it ends with the process.
 * @param options.failed what to do when an actor failed: end the process.
 */
export function createWorld(options: {
  name: string
  platform: Platform
  registry: Registry
  failed(path: string, error: unknown): void
  faults?: RequestFaults
}): World {
  const { name, platform, registry, failed, faults } = options
  return {
    name,
    platform,
    registry,
    trace: registry.trace,
    ...(faults === undefined ? {} : { faults }),
    failed,
    start: (machine, { path, input, performers }) =>
      registry.start(machine, {
        path,
        input,
        performers,
        clock: platform.clock,
        failed: error => failed(path, error),
      }),
  }
}
