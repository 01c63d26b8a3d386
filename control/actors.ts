import type { ServerResponse } from 'node:http'
import type { Cluster } from '../actors/cluster.ts'
import { type Root, stateName } from '../actors/registry.ts'

/** A running chart in one line. */
export interface ActorRow {
  readonly path: string
  /** The id of its chart: `partitionReplica`. */
  readonly chart: string
  /** `leader.isrCommitted` */
  readonly state: string
}

/** A running chart at one instant. */
export interface ActorView extends ActorRow {
  readonly status: string
  /** As XState has it: `{ leader: 'isrCommitted' }`. */
  readonly value: unknown
  readonly context: unknown
  /** Facts that it has an arrow for, where it is. */
  readonly next: readonly string[]
  /** What it was told to come here; null at first, and where a timer was over. */
  readonly fact: { readonly type: string } | null
}

/** Bytes that may wait for a slow reader; past it the reader is dropped. */
const waitingBytesMax = 16 * 1024 * 1024

/** Facts that wait for their actor's turn, as far as a reader is told of them. */
const waitingFactsMax = 1000

/** A reader that hears nothing for minutes takes the connection for dead: a comment now and then, ms. */
const heartbeatMs = 30_000

export function actorRow({ path, machine, getSnapshot }: Root): ActorRow {
  return { path, chart: machine.id, state: stateName(getSnapshot().value) }
}

type ActorSnapshot = ReturnType<Root['getSnapshot']>

/** @param fact what led to this snapshot */
export function actorView(
  { path, machine }: Root,
  snapshot: ActorSnapshot,
  fact: ActorView['fact'],
): ActorView {
  const next = snapshot._nodes.flatMap(node => node.ownEvents as readonly string[])
  return {
    path,
    chart: machine.id,
    state: stateName(snapshot.value),
    status: snapshot.status,
    value: snapshot.value,
    context: snapshot.context,
    next: [...new Set(next)].filter(type => type !== '*' && !type.startsWith('xstate.')).sort(),
    fact,
  }
}

/** Server-sent events: `snapshot` now and after each fact, `stopped` when the actor has ended. */
export function streamActor(
  { registry: { trace } }: Cluster,
  root: Root,
  response: ServerResponse,
): void {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  const write = (name: string, data: unknown): void => {
    if (response.writableLength > waitingBytesMax) response.destroy()
    else response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
  }
  write('snapshot', actorView(root, root.getSnapshot(), null))
  const told = new Map<number, ActorView['fact']>()
  const facts = trace.entries.subscribe(({ kind, path, seq, type, detail }) => {
    if (kind !== 'fact' || path !== root.path) return
    if (told.size >= waitingFactsMax) told.delete(told.keys().next().value as number)
    told.set(seq, { ...detail, type })
  })
  const snapshots = root.snapshots.subscribe({
    // It runs on behalf of the fact, so the trace knows which.
    next: snapshot => {
      const seq = trace.cause ?? 0
      write('snapshot', actorView(root, snapshot, told.get(seq) ?? null))
      told.delete(seq)
    },
    complete: () => {
      write('stopped', { path: root.path })
      response.end()
    },
  })
  const heartbeat = setInterval(() => void response.write(':\n\n'), heartbeatMs)
  response.on('close', () => {
    clearInterval(heartbeat)
    facts.unsubscribe()
    snapshots.unsubscribe()
  })
}
