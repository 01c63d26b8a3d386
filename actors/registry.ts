import type { Observable } from 'rxjs'
import {
  type AnyStateMachine,
  createActor,
  type EventFromLogic,
  type InputFrom,
  type InspectionEvent,
  type SnapshotFrom,
  type StateValue,
} from 'xstate'
import type { Clock } from '../src/ports.ts'
import { Channel } from './channel.ts'
import { ContextWatch } from './context-watch.ts'
import { type Performers, performing } from './performing.ts'
import type { Trace } from './trace.ts'

/** `leader.isrCommitted`; regions of a parallel state side by side: `a.b|c.d`. */
export function stateName(value: StateValue): string {
  if (typeof value === 'string') return value
  return Object.entries(value)
    .map(([name, inner]) => {
      const rest = inner === undefined ? '' : stateName(inner)
      return rest === '' ? name : `${name}.${rest}`
    })
    .join('|')
}

/** A running chart: a root of its own, found by its path. */
export interface Root<M extends AnyStateMachine = AnyStateMachine> {
  readonly path: string
  readonly machine: M
  send(fact: EventFromLogic<M>): void
  getSnapshot(): SnapshotFrom<M>
  /** Each new snapshot, after its commands were performed. */
  readonly snapshots: Observable<SnapshotFrom<M>>
  /** Ends it without a fact: as when its node dies. */
  stop(): void
}

/** What a root is started with besides its chart. */
export interface RootOptions<M extends AnyStateMachine> {
  readonly path: string
  readonly clock: Clock
  readonly input: InputFrom<M>
  readonly performers: Performers<M>
  /** The chart refused a fact, or one of its actions or performers threw. The root has stopped. */
  failed(error: unknown): void
}

/**
 * Every running chart of a cluster by its path, and the one way to start one. Each is a root actor
 * (siblings under one parent cost: each spawn copies the parent's `children`), with the node's clock and
 * the cluster's inspector handed to each.
 */
export class Registry {
  readonly trace: Trace
  readonly #inspect: ((event: InspectionEvent) => void) | undefined
  readonly #contexts: boolean
  readonly #roots = new Map<string, Root>()

  /** @param options.contexts writes down what changes in contexts and timers too. Default false: it costs a line more for most facts. */
  constructor(
    trace: Trace,
    inspect?: (event: InspectionEvent) => void,
    options: { readonly contexts?: boolean } = {},
  ) {
    this.trace = trace
    this.#inspect = inspect
    this.#contexts = options.contexts ?? false
  }

  /** The trace tells what changes in contexts and data. */
  get contexts(): boolean {
    return this.#contexts
  }

  get roots(): ReadonlyMap<string, Root> {
    return this.#roots
  }

  /** Stops every root of a node that has ended, without a word to any of them. */
  stopNode(name: string): void {
    for (const [path, root] of this.#roots)
      if (path === name || path.startsWith(`${name}/`)) root.stop()
  }

  start<M extends AnyStateMachine>(machine: M, options: RootOptions<M>): Root<M> {
    const { path, clock, input, performers } = options
    const { trace } = this
    const facts: { fact: EventFromLogic<M>; seq: number }[] = []
    const snapshots = new Channel<SnapshotFrom<M>>()
    // Facts from entry actions' performers wait until the start is complete.
    let draining = true
    let stopped = false
    let state = ''
    const watch = this.#contexts ? new ContextWatch(clock) : null

    const stop = (): void => {
      if (stopped) return
      stopped = true
      facts.length = 0
      if (this.#roots.get(path) === anyRoot) this.#roots.delete(path)
      actor.stop()
      trace.record('actor', path, 'stopped', { state })
      snapshots.complete()
    }
    const fail = (error: unknown): void => {
      if (stopped) return
      trace.record('actor', path, 'failed', { error: String(error), state })
      stop()
      options.failed(error)
    }
    // A queue of our own in front of XState's mailbox, so that what a fact leads to carries it as its cause.
    const send = (fact: EventFromLogic<M>): void => {
      if (stopped) return
      facts.push({ fact, seq: trace.record('fact', path, fact.type, fact) })
      if (!draining) drain()
    }
    const drain = (): void => {
      draining = true
      try {
        for (let next = facts.shift(); next !== undefined; next = facts.shift()) {
          const { fact, seq } = next
          trace.because(seq, () => actor.send(fact))
        }
      } finally {
        draining = false
      }
    }
    const actor = createActor(
      performing(machine, performers, {
        send,
        performing: command => void trace.record('command', path, command.type, command),
        failed: fail,
      }),
      {
        id: path,
        clock,
        input,
        ...(this.#inspect ? { inspect: this.#inspect } : {}),
      } as never,
    )
    const root: Root<M> = {
      path,
      machine,
      send,
      getSnapshot: () => actor.getSnapshot() as SnapshotFrom<M>,
      snapshots: snapshots.asObservable(),
      stop,
    }
    const anyRoot = root as unknown as Root // reason: a root takes its own facts only, so Root<M> is no Root
    actor.subscribe({
      next: snapshot => {
        const { value, context } = snapshot as { value: StateValue; context: object }
        const to = stateName(value)
        const change = watch?.changeOf(context, actor.system)
        if (to !== state) {
          trace.record('state', path, to, { from: state, to, ...change })
          state = to
        } else if (change !== undefined) trace.record('context', path, 'context', { ...change })
        if (snapshots.observed) snapshots.next(snapshot as SnapshotFrom<M>)
        if ((snapshot as { status: string }).status === 'done') stop()
      },
      error: fail,
    })
    this.#roots.set(path, anyRoot)
    trace.record('actor', path, 'started', { chart: machine.id })
    actor.start()
    drain()
    return root
  }
}
