import {
  ConfigChangesZNode,
  ControllerEpochZNode,
  ControllerZNode,
  isMalformed,
  TopicPartitionStateZNode,
  TopicZNode,
} from '../../src/zookeeper/paths.ts'
import type { Cluster } from '../cluster.ts'
import { tell } from '../timeline.ts'
import type { TraceEntry } from '../trace.ts'

/** Kinds of lines that a scenario may have told. */
export const toldKinds = [
  'nodes',
  'connections',
  'sessions',
  'znodes',
  'controller',
  'replicas',
  'groups',
] as const

export type ToldKind = (typeof toldKinds)[number]

/** Unless a scenario says otherwise. */
export const usuallyTold = toldKinds.filter(kind => kind !== 'connections')

const text = (data: Uint8Array | null | undefined): string =>
  new TextDecoder().decode(data ?? undefined)

/** What of a znode's content is worth reading. */
function content(path: string, data: Uint8Array | null | undefined): string {
  if (data === undefined || data === null) return ''
  if (path === ControllerEpochZNode.path) return text(data)
  if (path === ControllerZNode.path) {
    const read = ControllerZNode.decode(data)
    return isMalformed(read) ? '' : `broker ${read.brokerId}`
  }
  if (path.startsWith(`${ConfigChangesZNode.path}/`)) {
    const read = ConfigChangesZNode.decode(data)
    return isMalformed(read) ? '' : read
  }
  if (/^\/brokers\/topics\/[^/]+\/partitions\/\d+\/state$/.test(path)) {
    const read = TopicPartitionStateZNode.decode(data)
    if (isMalformed(read)) return ''
    const { leader, isr, leaderEpoch, controllerEpoch } = read
    return `leader ${leader < 0 ? 'none' : leader}, ISR ${isr.join(',')}, leader epoch ${leaderEpoch}, controller epoch ${controllerEpoch}`
  }
  if (/^\/brokers\/topics\/[^/]+$/.test(path)) {
    const read = TopicZNode.decode(data)
    if (isMalformed(read)) return ''
    return Object.entries(read.partitions)
      .map(([partition, { replicas }]) => `${partition}: ${replicas.join(',')}`)
      .join('; ')
  }
  return path.startsWith('/config/') || path.startsWith('/admin/') ? text(data) : ''
}

const toldZnodes =
  /^\/(controller|controller_epoch|brokers\/ids\/.+|brokers\/topics\/[^/]+(\/partitions\/\d+\/state)?|admin\/.+|config\/(topics|changes|brokers)\/.+)$/

/** What a line of the trace says in a scenario: who, and what; null where it is not worth one. */
export class ScenarioTelling {
  readonly #cluster: Cluster
  readonly #kinds: ReadonlySet<ToldKind>
  /** Sessions by whom they belong to, as far as somebody has been seen with one. */
  readonly #owners = new Map<string, string>()

  constructor(cluster: Cluster, kinds: readonly ToldKind[]) {
    this.#cluster = cluster
    this.#kinds = new Set(kinds)
  }

  line(entry: TraceEntry): readonly [who: string, what: string] | null {
    this.#learn(entry)
    const { kind, path, type, detail } = entry
    if (path.includes('__') || String(detail.path ?? '').includes('__')) return null
    switch (kind) {
      case 'node':
        return this.#if('nodes', path, type)
      case 'znode':
        return this.#znode(entry)
      case 'state':
        return this.#state(entry)
      case 'message':
        return type === 'zk.multi' && detail.error !== undefined && path.startsWith('broker-')
          ? this.#if('controller', path, `its transaction is refused: ${String(detail.error)}`)
          : null
      case 'fact':
        return type === 'log.truncated' && /\/partition\//.test(path)
          ? this.#if('replicas', path, `cuts its log at offset ${detail.logEndOffset}`)
          : null
      case 'command':
        return type === 'alterPartition.send' && /\/partition\//.test(path)
          ? this.#if('replicas', path, `asks the controller for ISR ${String(detail.isr)}`)
          : null
      case 'actor':
        return type === 'failed' ? [path, `failed: ${String(detail.error)}`] : null
      case 'note':
        if (path === 'story') return [path, type]
        if (/refused$|no leader can be elected/.test(type))
          return this.#if(
            'controller',
            path,
            [type, ...Object.values(detail).map(String)].join(' '),
          )
        return null
      default:
        return null
    }
  }

  #if(kind: ToldKind, who: string, what: string): readonly [string, string] | null {
    return this.#kinds.has(kind) ? [who, what] : null
  }

  #learn(entry: TraceEntry): void {
    if (entry.kind === 'znode' && entry.detail.ephemeralOwner !== undefined) {
      const [, id] = /^\/brokers\/ids\/(\d+)$/.exec(String(entry.detail.path)) ?? []
      if (id !== undefined) this.#owners.set(String(entry.detail.ephemeralOwner), `broker-${id}`)
    }
  }

  #znode({ type, detail }: TraceEntry): readonly [string, string] | null {
    const path = String(detail.path)
    if (!toldZnodes.test(path)) return null
    const ephemeral = detail.ephemeralOwner ? 'ephemeral ' : ''
    const held = type === 'deleted' ? '' : content(path, this.#cluster.znode(path))
    return this.#if(
      'znodes',
      'zookeeper',
      `${type} ${ephemeral}${path}${held === '' ? '' : `: ${held}`}`,
    )
  }

  #state(entry: TraceEntry): readonly [string, string] | null {
    const { path, detail } = entry
    const [, session] = /^zookeeper\/session\/(0x\w+)$/.exec(path) ?? []
    if (session !== undefined) {
      const owner = this.#owners.get(session)
      if (owner === undefined || detail.from === '') return null
      return this.#if('sessions', `${owner}'s session`, `${detail.from} → ${detail.to}`)
    }
    if (/^broker-\d+\/zookeeper-client$/.test(path))
      return this.#if('connections', path, `${detail.from} → ${detail.to}`)
    const what = tell(entry)
    if (what === null || detail.from === '') return null
    if (/\/controller(\/|$)/.test(path)) {
      // What it reads meanwhile, and in which order, is its own business.
      const [from, to] = [detail.from, detail.to].map(state => String(state).split('.')[0])
      return from === to ? null : this.#if('controller', path, `${from} → ${to}`)
    }
    if (/\/partition\//.test(path)) return this.#if('replicas', path, what)
    if (/\/group\//.test(path)) return this.#if('groups', path, what)
    return null
  }
}
