import type { BrokerNode } from '../../broker-node.ts'
import type { Cluster } from '../../cluster.ts'
import type { TraceEntry } from '../../trace.ts'

/** A property did not hold. */
export interface Violation {
  /** The specification's name. */
  readonly spec: string
  readonly text: string
  readonly atMs: number
  /** The line of the trace at which it was seen. */
  readonly seq: number
}

/** What a specification is given: a look at everything, and a hand on nothing. */
export interface Stage {
  readonly cluster: Cluster
  readonly nodes: readonly BrokerNode[]
  /** Counts that a property was put to the test. A batch of runs in which one never was proves nothing. */
  sometimes(what: string): void
  violated(text: string): void
}

/** What watches one run. A specification observes; it never helps. */
export interface Watcher {
  /** Every line of the trace. */
  saw?(entry: TraceEntry): void
  /** Now and then, between two turns. */
  looked?(): void
}

export interface Spec {
  readonly name: string
  /** What it may put to the test: the keys of its `sometimes`. */
  readonly exercises: readonly string[]
  watch(stage: Stage): Watcher
}

const partitionPath = /^broker-(\d+)\/partition\/(.+)$/

/** `broker-2/partition/orders-0` → 2 and `orders-0`; undefined for other paths. */
export function replicaOf(path: string): { broker: number; partition: string } | undefined {
  const match = partitionPath.exec(path)
  return match === null ? undefined : { broker: Number(match[1]), partition: match[2] as string }
}
