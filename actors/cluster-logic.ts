import { type CallbackActorLogic, fromCallback } from 'xstate'
import type { BrokerId } from '../src/ids.ts'
import type { Platform } from '../src/ports.ts'
import { type Cluster, type ClusterOptions, startCluster } from './cluster.ts'
import type { NodeState } from './cluster-state.ts'

/** What an invoked cluster tells its parent. */
export type ClusterActorEvent =
  | {
      readonly type: 'cluster.started'
      readonly bootstrapServers: string
      readonly cluster: Cluster
    }
  | { readonly type: 'cluster.failed'; readonly error: Error }
  /** A broker's process started, died, was paused … */
  | { readonly type: 'cluster.broker'; readonly broker: BrokerId; readonly state: NodeState }

/** What it takes: a fault, for one of its brokers. What cannot be done just now is told as `cluster.failed`. */
export interface ClusterActorCommand {
  readonly type: 'kill' | 'stop' | 'restart' | 'pause' | 'resume' | 'expireSession'
  readonly broker: BrokerId
}

/**
 * A whole cluster as XState actor logic: `invoke: { src: cluster(platform), input: { brokers: 3 } }`. Its brokers are roots
 * of their own on the platform's clock; when it is stopped they end.
 */
export const cluster = (
  platform: Platform,
): CallbackActorLogic<ClusterActorCommand, Omit<ClusterOptions, 'platform'>, ClusterActorEvent> =>
  fromCallback(({ input, sendBack, receive, emit }) => {
    let stopped = false
    const tell = (event: ClusterActorEvent): void => {
      if (stopped) return
      sendBack(event)
      emit(event)
    }
    const fail = (error: Error): void => tell({ type: 'cluster.failed', error })
    const started = startCluster({ ...input, platform })
    started.then(running => {
      if (stopped) return
      running.trace.entries.subscribe(({ kind, path, detail }) => {
        const [, id] = /^broker-(\d+)$/.exec(path) ?? []
        if (kind === 'node' && id !== undefined && detail.to !== undefined)
          tell({ type: 'cluster.broker', broker: Number(id), state: detail.to as NodeState })
      })
      const { bootstrapServers } = running
      tell({ type: 'cluster.started', bootstrapServers, cluster: running })
    }, fail)
    receive(({ type, broker }) => {
      started.then(running => running.broker(broker)[type]()).catch(error => fail(error as Error))
    })
    return () => {
      stopped = true
      started.then(
        running => running.stop(),
        () => {},
      )
    }
  })
