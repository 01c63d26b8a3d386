/** The cluster map, read off a story: brokers, partitions, replicas, sessions. */
import type { ActorStory, Story } from '../../../story/story.ts'

export interface Broker {
  readonly id: number
  readonly state: string
  readonly sinceMs: number
  readonly error: string | null
  /** Its chart's state; null while it has none. */
  readonly chart: string | null
  readonly isController: boolean
  /** Of its znode; null while it has none. */
  readonly registered: boolean
  readonly session: string | null
  readonly leads: number
  readonly replicas: number
  readonly endpoint: string | null
}

export interface Session {
  readonly id: string
  readonly state: string
  /** Whose it is: `broker-1`, a client; '' where nobody here says. */
  readonly owner: string
  readonly timeoutMs: number
  readonly expiresAtMs: number | null
  readonly ephemerals: readonly string[]
  readonly watches: number
}

export interface Replica {
  readonly broker: number
  /** `leader`: the controller made it that. */
  readonly role: 'leader' | 'follower'
  /** The chart's state; null while there is none. */
  readonly chart: string | null
  /** Its broker runs, paused or not. */
  readonly isUp: boolean
  /** It believes itself leader, and another one is. */
  readonly isDeposed: boolean
  readonly isInIsr: boolean
  /** For how long it has not had all that its leader has, ms; null while it has, or where nobody knows. */
  readonly lateMs: number | null
  /** Offsets that it lacks; null where nobody knows. */
  readonly behind: number | null
  readonly logStart: number
  readonly highWatermark: number | null
  readonly logEnd: number | null
  readonly leaderEpoch: number | null
}

export interface Partition {
  readonly topic: string
  readonly partition: number
  /** −1: none. */
  readonly leader: number
  readonly leaderEpoch: number
  readonly isr: readonly number[]
  readonly replicas: readonly Replica[]
  /** The longest log end of its replicas. */
  readonly end: number
}

interface ReplicaContext {
  readonly leader: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly logEndOffset: number
  readonly highWatermark: number
  readonly followers: Readonly<
    Record<string, { readonly logEndOffset: number; readonly caughtUpAtMs: number }>
  >
}

const json = <T>(text: string | null | undefined): T | null => {
  if (text === null || text === undefined || text === '') return null
  try {
    return JSON.parse(text) as T
  } catch {
    return null
  }
}

/** The broker that `/controller` names; −1 while there is none. */
export const controllerOf = ({ znodes }: Story): number =>
  Number(json<{ brokerid: number }>(znodes.get('/controller')?.data)?.brokerid ?? -1)

const isUp = (state: string | undefined): boolean =>
  state === 'running' || state === 'paused' || state === 'stopping' || state === 'starting'

export function brokersOf(story: Story, partitions: readonly Partition[]): readonly Broker[] {
  const controller = controllerOf(story)
  const brokers: Broker[] = []
  for (const { name, state, sinceMs, error } of story.nodes.values()) {
    const [, digits] = /^broker-(\d+)$/.exec(name) ?? []
    if (digits === undefined) continue
    const id = Number(digits)
    const actor = story.actors.get(name)
    const client = story.actors.get(`${name}/zookeeper-client`)
    const session = client?.status === 'running' ? client.context.sessionId : null
    const znode = story.znodes.get(`/brokers/ids/${id}`)
    const { host, port } = json<{ host: string; port: number }>(znode?.data) ?? {}
    const replicas = partitions.flatMap(row => row.replicas.filter(({ broker }) => broker === id))
    brokers.push({
      id,
      state,
      sinceMs,
      error,
      chart: actor?.status === 'running' ? actor.state : null,
      isController: id === controller,
      registered: znode !== undefined,
      session: typeof session === 'string' && session !== '0x0' ? session : null,
      leads: replicas.filter(({ role }) => role === 'leader').length,
      replicas: replicas.length,
      endpoint: host === undefined ? null : `${host}:${port}`,
    })
  }
  return brokers.sort((one, other) => one.id - other.id)
}

export function sessionsOf(story: Story): readonly Session[] {
  const owners = new Map<string, string>()
  for (const [path, { context, status }] of story.actors)
    if (path.endsWith('/zookeeper-client') && status === 'running')
      owners.set(String(context.sessionId), path.slice(0, -'/zookeeper-client'.length))
  const ephemerals = new Map<string, string[]>()
  for (const { path, ephemeralOwner } of story.znodes.values())
    if (ephemeralOwner !== '')
      ephemerals.set(ephemeralOwner, [...(ephemerals.get(ephemeralOwner) ?? []), path])
  const watches = new Map<string, number>()
  for (const [what, holders] of story.samples)
    if (what.startsWith('watch '))
      for (const holder of holders as readonly string[])
        watches.set(holder, (watches.get(holder) ?? 0) + 1)
  const sessions: Session[] = []
  for (const [path, actor] of story.actors) {
    const [, id] = /^zookeeper\/session\/(.+)$/.exec(path) ?? []
    if (id === undefined || actor.status !== 'running') continue
    const sample = story.samples.get(`session ${id}`) as { expiresAtMs: number | null } | undefined
    sessions.push({
      id,
      state: actor.state,
      owner: owners.get(id) ?? '',
      timeoutMs: Number(actor.context.timeoutMs ?? 0),
      expiresAtMs: sample?.expiresAtMs ?? null,
      ephemerals: ephemerals.get(id) ?? [],
      watches: watches.get(id) ?? 0,
    })
  }
  return sessions
}

/** Replicas' charts by partition, `orders-0`, then by broker. */
function replicaActors({ actors }: Story): Map<string, Map<number, ActorStory>> {
  const found = new Map<string, Map<number, ActorStory>>()
  for (const [path, actor] of actors) {
    const [, broker, name] = /^broker-(\d+)\/partition\/(.+)$/.exec(path) ?? []
    if (broker === undefined || name === undefined) continue
    const same = found.get(name) ?? new Map<number, ActorStory>()
    found.set(name, same.set(Number(broker), actor))
  }
  return found
}

interface StateZnode {
  readonly leader: number
  readonly leader_epoch: number
  readonly isr: readonly number[]
}

/** What the controller has decided is in ZooKeeper; where the trace has no data, what the newest replica was told. */
function decided(story: Story, topic: string, partition: number, actors: Iterable<ActorStory>) {
  let newest: ReplicaContext | undefined
  for (const { context } of actors) {
    const told = context as unknown as ReplicaContext // reason: the chart's context, as the trace has it
    if (told.leaderEpoch === undefined || told.leaderEpoch < 0) continue
    if (
      newest === undefined ||
      told.leaderEpoch > newest.leaderEpoch ||
      (told.leaderEpoch === newest.leaderEpoch && told.partitionEpoch > newest.partitionEpoch)
    )
      newest = told
  }
  const znode = story.znodes.get(`/brokers/topics/${topic}/partitions/${partition}/state`)
  const state = json<StateZnode>(znode?.data)
  const assigned = json<{ partitions: Record<string, readonly number[]> }>(
    story.znodes.get(`/brokers/topics/${topic}`)?.data,
  )
  return {
    leader: state?.leader ?? newest?.leader ?? -1,
    leaderEpoch: state?.leader_epoch ?? newest?.leaderEpoch ?? -1,
    isr: state?.isr ?? newest?.isr ?? [],
    replicas: assigned?.partitions[partition] ?? newest?.replicas ?? [],
  }
}

function replicaOf(
  story: Story,
  atMs: number,
  name: string,
  broker: number,
  row: { leader: number; leaderEpoch: number; isr: readonly number[] },
  actors: ReadonlyMap<number, ActorStory>,
): Replica {
  const actor = actors.get(broker)
  const up = isUp(story.nodes.get(`broker-${broker}`)?.state)
  const runs = actor?.status === 'running'
  const context = actor?.context as ReplicaContext | undefined
  const leads = actors.get(row.leader)
  const leader =
    leads?.status === 'running' ? (leads.context as unknown as ReplicaContext) : undefined // reason: as above
  const progress = leader?.leader === row.leader ? leader.followers?.[broker] : undefined
  const isLate =
    progress !== undefined &&
    leader !== undefined &&
    progress.caughtUpAtMs > 0 &&
    progress.logEndOffset < leader.logEndOffset
  const isInIsr = row.isr.includes(broker)
  return {
    broker,
    role: broker === row.leader ? 'leader' : 'follower',
    chart: runs ? actor.state : null,
    isUp: up,
    isDeposed: runs && actor.state.startsWith('leader') && broker !== row.leader,
    isInIsr,
    lateMs:
      progress !== undefined && progress.caughtUpAtMs > 0 && (isLate || !isInIsr)
        ? Math.max(0, atMs - progress.caughtUpAtMs)
        : null,
    behind:
      leader !== undefined && context?.logEndOffset !== undefined && broker !== row.leader
        ? Math.max(0, leader.logEndOffset - context.logEndOffset)
        : null,
    logStart: Number(story.samples.get(`log start ${name} ${broker}`) ?? 0),
    highWatermark: context?.highWatermark ?? null,
    logEnd: context?.logEndOffset ?? null,
    leaderEpoch:
      context?.leaderEpoch === undefined || context.leaderEpoch < 0 ? null : context.leaderEpoch,
  }
}

/** Every partition there is, by topic and number. */
export function partitionsOf(story: Story, atMs: number): readonly Partition[] {
  const byName = replicaActors(story)
  const names = new Set<string>()
  for (const path of story.znodes.keys()) {
    const [, topic, partition] = /^\/brokers\/topics\/([^/]+)\/partitions\/(\d+)$/.exec(path) ?? []
    if (topic !== undefined) names.add(`${topic}-${partition}`)
  }
  for (const [name, actors] of byName)
    if ([...actors.values()].some(({ status }) => status === 'running')) names.add(name)
  return [...names]
    .map(name => {
      const cut = name.lastIndexOf('-')
      const [topic, partition] = [name.slice(0, cut), Number(name.slice(cut + 1))]
      const actors = byName.get(name) ?? new Map<number, ActorStory>()
      const row = decided(story, topic, partition, actors.values())
      const replicas = row.replicas.map(broker => replicaOf(story, atMs, name, broker, row, actors))
      const end = Math.max(0, ...replicas.map(({ logEnd }) => logEnd ?? 0))
      return { topic, partition, ...row, replicas, end }
    })
    .sort((one, other) =>
      one.topic === other.topic
        ? one.partition - other.partition
        : one.topic < other.topic
          ? -1
          : 1,
    )
}
