/**
 * The cluster at one line of its trace. One reducer makes it, for what is live and for what is gone back to: the server has one at the
 * beginning of the lines it keeps, the page one at the line it looks at.
 *
 * The maps are changed in place, since lines are many; the values in them never are, so that `copyOf` is a copy of maps alone.
 */
import type { Line } from './line.ts'

export interface NodeStory {
  /** `broker-1`, `zookeeper` */
  readonly name: string
  /** running, paused, killed …; see `NodeState` */
  readonly state: string
  /** Since when, ms since 1970. */
  readonly sinceMs: number
  /** Why it failed. */
  readonly error: string | null
}

/** What an actor did last: the line that says so, and what it was told. */
export interface Step {
  readonly seq: number
  readonly atMs: number
  readonly from: string
  readonly to: string
  /** What it was told; null where a timer was over, or at its start. */
  readonly fact: string | null
}

export interface Timer {
  /** `xstate.after.lagTime.partitionReplica.leader` */
  readonly event: string
  readonly dueAtMs: number
}

export interface ActorStory {
  readonly path: string
  /** The id of its chart; '' where the line of its start is not known. */
  readonly chart: string
  readonly status: 'running' | 'stopped' | 'failed'
  /** `leader.isrCommitted` */
  readonly state: string
  readonly stateSinceMs: number
  readonly context: Readonly<Record<string, unknown>>
  /** Keys that its last step changed, with the values from before. */
  readonly before: Readonly<Record<string, unknown>>
  readonly timers: readonly Timer[]
  /** The last change of state. */
  readonly step: Step | null
  /** The last fact it was told. */
  readonly fact: { readonly seq: number; readonly type: string; readonly detail: unknown } | null
  readonly error: string | null
}

export interface ZnodeStory {
  readonly path: string
  readonly createdZxid: number
  readonly changedZxid: number
  readonly version: number
  /** '' for a persistent one. */
  readonly ephemeralOwner: string
  /** As text; null where the trace does not have it. */
  readonly data: string | null
  /** The line that last changed it. */
  readonly seq: number
}

export interface CommittedStory {
  readonly offset: number
  readonly atMs: number
}

export interface Story {
  /** The last line that is told in it; 0 before the first. */
  seq: number
  /** When that was. */
  atMs: number
  readonly nodes: Map<string, NodeStory>
  readonly actors: Map<string, ActorStory>
  readonly znodes: Map<string, ZnodeStory>
  /** By group, then by `topic-partition`. */
  readonly committed: Map<string, Readonly<Record<string, CommittedStory>>>
  /** What was looked up last, by what it is: `session 0x1…`, `log start orders-0 1`. */
  readonly samples: Map<string, unknown>
}

/** Actors that have stopped are kept for whoever looks; connections and the like come and go, and the oldest are forgotten. */
const stoppedMax = 500

export const emptyStory = (): Story => ({
  seq: 0,
  atMs: 0,
  nodes: new Map(),
  actors: new Map(),
  znodes: new Map(),
  committed: new Map(),
  samples: new Map(),
})

export const copyOf = (story: Story): Story => ({
  seq: story.seq,
  atMs: story.atMs,
  nodes: new Map(story.nodes),
  actors: new Map(story.actors),
  znodes: new Map(story.znodes),
  committed: new Map(story.committed),
  samples: new Map(story.samples),
})

/** A story as JSON, for the way to the page. */
export interface StoryJson {
  readonly seq: number
  readonly atMs: number
  readonly nodes: readonly NodeStory[]
  readonly actors: readonly ActorStory[]
  readonly znodes: readonly ZnodeStory[]
  readonly committed: readonly (readonly [string, Readonly<Record<string, CommittedStory>>])[]
  readonly samples: readonly (readonly [string, unknown])[]
}

export const toJson = (story: Story): StoryJson => ({
  seq: story.seq,
  atMs: story.atMs,
  nodes: [...story.nodes.values()],
  actors: [...story.actors.values()],
  znodes: [...story.znodes.values()],
  committed: [...story.committed],
  samples: [...story.samples],
})

export const fromJson = (json: StoryJson): Story => ({
  seq: json.seq,
  atMs: json.atMs,
  nodes: new Map(json.nodes.map(node => [node.name, node])),
  actors: new Map(json.actors.map(actor => [actor.path, actor])),
  znodes: new Map(json.znodes.map(znode => [znode.path, znode])),
  committed: new Map(json.committed),
  samples: new Map(json.samples),
})

const newActor = (path: string, atMs: number, chart = ''): ActorStory => ({
  path,
  chart,
  status: 'running',
  state: '',
  stateSinceMs: atMs,
  context: {},
  before: {},
  timers: [],
  step: null,
  fact: null,
  error: null,
})

function forgetStopped(actors: Map<string, ActorStory>): void {
  let stopped = 0
  for (const { status } of actors.values()) if (status !== 'running') stopped++
  if (stopped <= stoppedMax) return
  for (const [path, { status }] of actors)
    if (status !== 'running' && /\/connection\/|^client\//.test(path)) actors.delete(path)
}

function tellActor({ actors }: Story, line: Line): void {
  const { path, type, atMs, detail, kind, seq, cause } = line
  if (kind === 'actor' && type === 'started') {
    actors.delete(path)
    actors.set(path, newActor(path, atMs, String(detail.chart ?? '')))
    return
  }
  const actor = actors.get(path) ?? newActor(path, atMs)
  switch (kind) {
    case 'actor':
      actors.set(path, {
        ...actor,
        status: type === 'failed' || actor.status === 'failed' ? 'failed' : 'stopped',
        timers: [],
        error: detail.error === undefined ? actor.error : String(detail.error),
      })
      forgetStopped(actors)
      break
    case 'fact':
      actors.set(path, { ...actor, fact: { seq, type, detail } })
      break
    case 'state':
    case 'context': {
      const changed = (detail.changed ?? {}) as Readonly<Record<string, unknown>>
      const before: Record<string, unknown> = {}
      for (const key in changed) before[key] = actor.context[key] ?? null
      const isStep = kind === 'state'
      actors.set(path, {
        ...actor,
        context: detail.changed === undefined ? actor.context : { ...actor.context, ...changed },
        before,
        timers: (detail.timers as readonly Timer[] | undefined) ?? actor.timers,
        ...(isStep
          ? {
              state: type,
              stateSinceMs: atMs,
              step: {
                seq,
                atMs,
                from: String(detail.from ?? ''),
                to: type,
                fact: actor.fact !== null && actor.fact.seq === cause ? actor.fact.type : null,
              },
            }
          : {}),
      })
    }
  }
}

function tellZnode({ znodes }: Story, { type, detail, seq }: Line): void {
  const path = String(detail.path)
  if (type === 'deleted') {
    znodes.delete(path)
    return
  }
  const zxid = Number(detail.zxid)
  const before = type === 'changed' ? znodes.get(path) : undefined
  znodes.set(path, {
    path,
    createdZxid: before?.createdZxid ?? zxid,
    changedZxid: zxid,
    version: before === undefined ? 0 : before.version + 1,
    ephemeralOwner: before?.ephemeralOwner ?? String(detail.ephemeralOwner ?? ''),
    data: typeof detail.data === 'string' ? detail.data : null,
    seq,
  })
}

function tellNode({ nodes }: Story, { path, type, atMs, detail }: Line): void {
  if (type === 'expire-session') return
  const before = nodes.get(path)
  const error = detail.error === undefined ? null : String(detail.error)
  const why = type === 'failed' ? (error ?? before?.error ?? null) : error
  nodes.set(path, { name: path, state: type, sinceMs: atMs, error: why })
}

function tellNote(story: Story, { path, type, atMs, detail }: Line): void {
  const { committed, nodes } = story
  if (type === 'failed') {
    const name = path.split('/')[0] as string
    const node = nodes.get(name)
    if (node !== undefined) nodes.set(name, { ...node, error: String(detail.error ?? '') })
    return
  }
  const [, group] = /^broker-\d+\/group\/(.*)$/.exec(path) ?? []
  if (group === undefined) return
  const offsets = { ...committed.get(group) }
  if (type === 'offsets.committed')
    for (const [at, offset] of Object.entries(detail.offsets as Record<string, number>))
      offsets[at] = { offset, atMs }
  else if (type === 'offsets.removed')
    for (const at of detail.partitions as readonly string[]) delete offsets[at]
  else return
  committed.set(group, offsets)
}

/** Tells a story one line further. Lines that are in it already are passed over. */
export function tell(story: Story, line: Line): void {
  if (line.seq <= story.seq) return
  story.seq = line.seq
  // Lines of a paused node may bear an earlier time; the story's never falls.
  if (line.atMs > story.atMs) story.atMs = line.atMs
  switch (line.kind) {
    case 'actor':
    case 'fact':
    case 'state':
    case 'context':
      tellActor(story, line)
      break
    case 'znode':
      tellZnode(story, line)
      break
    case 'node':
      tellNode(story, line)
      break
    case 'note':
      tellNote(story, line)
      break
    case 'sample':
      for (const [what, value] of Object.entries(line.detail))
        if (value === null) story.samples.delete(what)
        else story.samples.set(what, value)
  }
}
