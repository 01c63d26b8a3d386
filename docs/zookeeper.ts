/**
 * The runs that ZOOKEEPER.md quotes: `node docs/zookeeper.ts` writes them anew, each behind its `<!-- run: NAME -->`. In memory, on a stepping
 * clock, so they are the same each time; a test holds the page to them.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ignoreElements } from 'rxjs'
import { startCluster, startZooKeeperServer } from '../actors/memory.ts'
import type { TraceEntry } from '../actors/trace.ts'
import type { Address, Network } from '../src/ports.ts'
import { encodeRequest, OffsetCommit } from '../src/protocol/index.ts'

const page = join(import.meta.dirname, 'ZOOKEEPER.md')
const told = (bytes: Uint8Array | null): string => new TextDecoder().decode(bytes ?? undefined)

/** Lines of a run, with seconds since its beginning and short names for sessions. */
class Story {
  readonly lines: string[] = []
  readonly #startAtMs: number
  readonly #names: ReadonlyMap<string, string>
  readonly #baseZxid: number

  /** @param baseZxid of the last transaction before: zxids are counted from there */
  constructor(startAtMs: number, names: ReadonlyMap<string, string>, baseZxid: number) {
    this.#baseZxid = baseZxid
    this.#startAtMs = startAtMs
    this.#names = names
  }

  say(atMs: number, where: string, what: string): void {
    this.lines.push(`${this.seconds(atMs).padStart(8)}  ${where.padEnd(30)}  ${this.short(what)}`)
  }

  seconds(atMs: number): string {
    return `${((atMs - this.#startAtMs) / 1000).toFixed(2)} s`
  }

  short(text: string): string {
    let short = text
    for (const [session, name] of this.#names) short = short.replaceAll(session, name)
    return short
  }

  /** Adds what a line of the trace tells, where it is one of these. */
  hear(entry: TraceEntry, isTold: (entry: TraceEntry) => boolean): void {
    if (!isTold(entry)) return
    const { atMs, kind, type, detail } = entry
    const where = this.short(entry.path)
    if (kind === 'state') {
      // How a client dials again and again is the same each time.
      const states = [detail.from, detail.to].map(state =>
        String(state).replace(/^connecting\..*/, 'connecting'),
      )
      if (states[0] !== states[1]) this.say(atMs, where, states.join(' → '))
    } else if (kind === 'znode') {
      const owner = detail.ephemeralOwner === undefined ? '' : ` of ${detail.ephemeralOwner}`
      this.say(
        atMs,
        where,
        `zxid +${Number(detail.zxid) - this.#baseZxid}: ${type} ${detail.path}${owner}`,
      )
    } else if (kind === 'message' && type === 'zk.watch')
      this.say(atMs, where, `is told: ${detail.kind} ${detail.path}`)
    else if (kind === 'note') this.say(atMs, '', `— ${type}`)
    else this.say(atMs, where, type)
  }
}

/** A question, and the first of what comes back. */
const asked = (network: Network, at: Address, question: readonly Uint8Array[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = network.connect(at, {
      connected: () => void socket.write(question),
      data(chunk) {
        resolve(told(chunk))
        socket.destroy()
      },
      ended: () => {},
      drained: () => {},
      closed: () => reject(new Error('closed without an answer')),
    })
  })

/** An ephemeral goes with its session: heartbeat, bucket, transaction, watch. */
async function ephemeral(): Promise<string[]> {
  await using zookeeper = await startZooKeeperServer({ tickTime: 1000 })
  const { platform, trace } = zookeeper
  const [anna, bert] = ['anna', 'bert'].map(name =>
    zookeeper.client(name, { sessionTimeoutMs: 6000 }),
  )
  if (anna === undefined || bert === undefined) throw new Error('there are two')
  await anna.connected()
  await bert.connected()
  const names = new Map([
    [anna.sessionId, '(anna)'],
    [bert.sessionId, '(bert)'],
  ])
  const story = new Story(platform.clock.now(), names, zookeeper.server.tree.lastZxid)
  const isTold = ({ kind, path, type }: TraceEntry): boolean =>
    kind === 'znode' ||
    type === 'zk.watch' ||
    (kind === 'state' && /session\/|zookeeper-client/.test(path)) ||
    (kind === 'note' && path === 'story')
  trace.entries.subscribe(entry => story.hear(entry, isTold))
  /** From `dump`, the server's own words. */
  const buckets = async (): Promise<void> => {
    const dump = await platform.waiting(
      asked(platform.network, zookeeper.address, [new TextEncoder().encode('dump')]),
    )
    const [, sessions = ''] = /Session Sets.*\n([\s\S]*?)ephemeral nodes dump/.exec(dump) ?? []
    const nowMs = platform.clock.now()
    for (const [, at, ids = ''] of sessions.matchAll(/expire at (.*):\n((?:\t.*\n)+)/g)) {
      const who = ids
        .trim()
        .split(/\s+/)
        .map(id => story.short(id))
        .join(' ')
      story.say(nowMs, 'dump', `${who}: expires at ${story.seconds(Date.parse(at ?? ''))}`)
    }
  }
  await anna.create('/app', null)
  await anna.create('/app/anna', null, { mode: 'ephemeral' })
  await bert.exists('/app/anna', { watch: true })
  await buckets()
  zookeeper.note(
    'four seconds: nobody asks anything, a ping each third of the timeout moves them on',
  )
  await zookeeper.advance(4000)
  await buckets()
  zookeeper.note('anna is killed; her connection closes, her session stays')
  anna.kill()
  await zookeeper.advance(3000)
  await buckets()
  await zookeeper.until(() => !zookeeper.server.tree.node('/app/anna'))
  await zookeeper.advance(10)
  return story.lines
}

type Cluster = Awaited<ReturnType<typeof startCluster>>

/** A cluster, the id of its controller, and what is told of that one. */
async function reign(cluster: Cluster): Promise<{ story: Story; id: number }> {
  await cluster.advance(1000)
  const id = cluster.controller?.id ?? 0
  const session = String(cluster.broker(id).sessionId)
  const names = new Map(
    cluster.brokers.map(broker => [String(broker.sessionId), `(broker-${broker.id})`]),
  )
  const zxids = cluster.trace.kept.flatMap(({ kind, detail }) =>
    kind === 'znode' ? [Number(detail.zxid)] : [],
  )
  const lastZxid = Math.max(...zxids)
  const story = new Story(cluster.platform.clock.now(), names, lastZxid)
  const isTold = ({ kind, path, type, detail }: TraceEntry): boolean =>
    (kind === 'state' &&
      (/^broker-\d\/controller$/.test(path) ||
        path === `broker-${id}/zookeeper-client` ||
        path === `broker-${id}` ||
        path === `zookeeper/session/${session}`)) ||
    (kind === 'znode' &&
      /^\/(controller|controller_epoch|brokers\/ids\/\d+)$/.test(String(detail.path))) ||
    (kind === 'note' && path === 'story' && !type.startsWith('fault'))
  cluster.trace.entries.subscribe(entry => story.hear(entry, isTold))
  return { story, id }
}

/** The connection goes, the session does not. */
async function connectionLost(): Promise<string[]> {
  await using cluster = await startCluster()
  const { story, id } = await reign(cluster)
  cluster.note(`broker ${id}, the controller, is cut off from ZooKeeper for less than its timeout`)
  const cut = cluster.link(`broker-${id}`, 'zookeeper', frames$ => frames$.pipe(ignoreElements()))
  await cluster.advance(1000)
  cut.remove()
  cluster.note('its line is mended')
  await cluster.advance(3000)
  cluster.note(`controller is broker ${cluster.state().controller}`)
  return story.lines
}

/** The session goes, while the broker stands still; it wakes as one that was buried. */
async function sessionLost(): Promise<string[]> {
  await using cluster = await startCluster()
  const { story, id } = await reign(cluster)
  cluster.note(
    `broker ${id}, the controller, stands still for longer than its session may be silent`,
  )
  cluster.broker(id).pause()
  await cluster.until(({ controller }) => controller !== null && controller !== id)
  await cluster.advance(1000)
  cluster.note('it goes on')
  cluster.broker(id).resume()
  await cluster.advance(3000)
  cluster.note(`controller is broker ${cluster.state().controller}`)
  const session = String(cluster.broker(id).sessionId)
  return story.lines.map(line => line.replace(session, `(broker-${id}, its next)`))
}

/** Nodes below a path and what they hold. */
const listing = (cluster: Cluster, ...paths: readonly string[]): string[] =>
  paths.map(path => {
    const data = cluster.znode(path)
    return `${path}  ${data === undefined ? 'is not there' : told(data)}`.trimEnd()
  })

/** An OffsetCommit v0, as a consumer of 0.8 sends it. */
async function offsets(): Promise<string[]> {
  const topics = [{ name: 'orders', partitions: 1, replicationFactor: 3 }]
  await using cluster = await startCluster({ topics })
  const commit = async (committedOffset: number): Promise<void> => {
    const partition = { partitionIndex: 0, committedOffset, committedMetadata: null }
    const request = encodeRequest(
      OffsetCommit,
      0,
      { correlationId: 1, clientId: 'consumer-of-0.8' },
      { groupId: 'billing', topics: [{ name: 'orders', partitions: [partition] }] },
    )
    const { network } = cluster.platform
    await cluster.platform.waiting(asked(network, cluster.brokers[0]?.address as Address, request))
  }
  const path = '/consumers/billing/offsets/orders/0'
  const lines = ['before', ...listing(cluster, path)]
  await commit(42)
  lines.push('OffsetCommit v0, offset 42', ...listing(cluster, path))
  await commit(43)
  lines.push('OffsetCommit v0, offset 43', ...listing(cluster, path))
  return lines
}

/** Kafka's own sequential nodes: changes of configuration. */
async function configChanges(): Promise<string[]> {
  const topics = [{ name: 'orders', partitions: 1, replicationFactor: 3 }]
  await using cluster = await startCluster({ topics })
  const { platform } = cluster
  const lines: string[] = []
  const startAtMs = platform.clock.now()
  cluster.trace.entries.subscribe(({ kind, type, atMs, detail }) => {
    const path = String(detail.path)
    if (!/^\/config\/(changes\/|topics\/orders)/.test(path)) return
    const seconds = ((atMs - startAtMs) / 1000).toFixed(2).padStart(6)
    if (kind === 'znode') lines.push(`${seconds} s  ${type} ${path}`)
    if (kind === 'znode' && type !== 'deleted')
      lines.push(`${' '.repeat(10)}${told(cluster.znode(path) ?? null)}`)
  })
  const admin = cluster.admin()
  for (const value of ['60000', '120000'])
    await admin.alterConfigs([
      { type: 'topic', name: 'orders', changes: [{ name: 'retention.ms', value }] },
    ])
  await cluster.advance(100)
  return lines
}

const runs: Readonly<Record<string, () => Promise<string[]>>> = {
  ephemeral,
  'connection lost': connectionLost,
  'session lost': sessionLost,
  offsets,
  'config changes': configChanges,
}

/** The page with its runs as they go now. */
export async function withRuns(text: string): Promise<string> {
  let fresh = text
  for (const [name, run] of Object.entries(runs)) {
    const place = new RegExp(`(<!-- run: ${name} -->\\n)(?:\`\`\`text\\n(?:.*\\n)*?\`\`\`\\n)?`)
    if (!place.test(fresh)) throw new Error(`docs/ZOOKEEPER.md has no place for ${name}`)
    const lines = (await run()).map(line => line.trimEnd()).join('\n')
    fresh = fresh.replace(place, (_, marker: string) => `${marker}\`\`\`text\n${lines}\n\`\`\`\n`)
  }
  return fresh
}

if (import.meta.main) writeFileSync(page, await withRuns(readFileSync(page, 'utf8')))
