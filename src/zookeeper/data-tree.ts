import { assert } from '../assert.ts'
import { noSession, type SessionId, type Zxid } from '../ids.ts'
import { type Acl, openAcl, readOnlyAcl } from './acl.ts'
import type { Ownership, Stat, Txn, TxnEntry } from './txn.ts'

/** A node as the tree keeps it. Only {@link DataTree.apply} changes it. */
export interface Znode {
  /** Null and empty stay different. */
  readonly data: Uint8Array | null
  readonly acl: readonly Acl[]
  readonly czxid: Zxid
  readonly mzxid: Zxid
  readonly pzxid: Zxid
  readonly ctimeMs: number
  readonly mtimeMs: number
  readonly version: number
  readonly aversion: number
  /** Children ever created: ZooKeeper's inner cversion, the source of sequence numbers. Clients see another (see {@link statOf}). */
  readonly childrenCreated: number
  readonly ownership: Ownership
  /** Names. */
  readonly children: ReadonlySet<string>
}

type Writable = { -readonly [K in keyof Znode]: Znode[K] } & { readonly children: Set<string> }

/** What a transaction did to one node, in the order in which ZooKeeper tells watchers. */
export interface Change {
  readonly kind: 'created' | 'deleted' | 'dataChanged' | 'childrenChanged'
  readonly path: string
  /** Whose ephemeral was created or deleted; {@link noSession} otherwise. */
  readonly ephemeralOwner: SessionId
}

/** What a transaction came to, for its answer. Each part of a multi has the Stat as it was after that part. */
export type Outcome =
  | {
      readonly type: 'create'
      readonly path: string
      readonly stat: Stat
      readonly ownership: Ownership['kind']
    }
  | { readonly type: 'setData' | 'setAcl'; readonly stat: Stat }
  | { readonly type: 'delete' | 'check' | 'createSession' | 'closeSession' }
  | { readonly type: 'error'; readonly error: number }
  | { readonly type: 'multi'; readonly parts: readonly Outcome[] }

export interface Applied {
  readonly changes: readonly Change[]
  readonly outcome: Outcome
}

/** ZooKeeper's own nodes, there from the start. */
export const ownPaths = ['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config'] as const

export const parentPath = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/'

const lastName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/** A node as clients see it: cversion counts creations *and* deletions of children, owners of containers and TTL nodes are hidden. */
export const statOf = (node: Znode): Stat => ({
  czxid: node.czxid,
  mzxid: node.mzxid,
  ctime: node.ctimeMs,
  mtime: node.mtimeMs,
  version: node.version,
  cversion: (node.childrenCreated * 2 - node.children.size) | 0,
  aversion: node.aversion,
  ephemeralOwner: node.ownership.kind === 'ephemeral' ? node.ownership.session : noSession,
  dataLength: node.data?.length ?? 0,
  numChildren: node.children.size,
  pzxid: node.pzxid,
})

/**
 * The znodes, the ephemerals by their owner and the sessions: all that a server knows and that its log can bring back.
 * Transactions are applied as they stand: whether one may be was decided by `request-to-txn.ts`.
 */
export class DataTree {
  #lastZxid: Zxid = 0
  readonly #nodes = new Map<string, Writable>()
  readonly #ephemerals = new Map<SessionId, Set<string>>()
  /** Containers and TTL nodes, for those who reap them. */
  readonly #perishable = new Set<string>()
  readonly #sessions = new Map<SessionId, number>()
  #dataBytes = 0

  constructor() {
    for (const path of ownPaths) {
      const acl = path === '/zookeeper/config' ? readOnlyAcl : openAcl
      this.#nodes.set(path, newNode(new Uint8Array(), acl, { kind: 'persistent' }, 0, 0))
      if (path !== '/') this.#existing(parentPath(path)).children.add(lastName(path))
    }
    // Its list of permissions was set before there were transactions.
    this.#existing('/zookeeper/config').aversion = -1
  }

  /** Of the last transaction applied, failed ones included. */
  get lastZxid(): Zxid {
    return this.#lastZxid
  }

  /** Open sessions and their timeouts in ms. */
  get sessions(): ReadonlyMap<SessionId, number> {
    return this.#sessions
  }

  get nodeCount(): number {
    return this.#nodes.size
  }

  get ephemeralCount(): number {
    let count = 0
    for (const paths of this.#ephemerals.values()) count += paths.size
    return count
  }

  /** Paths and contents, roughly. */
  get dataBytes(): number {
    return this.#dataBytes
  }

  get perishable(): ReadonlySet<string> {
    return this.#perishable
  }

  /** Looked up as ZooKeeper does, without a look at the path's form: '' is the root, `/a/` is no node. */
  node(path: string): Znode | undefined {
    return this.#nodes.get(path === '' ? '/' : path)
  }

  stat(path: string): Stat | null {
    const node = this.node(path)
    return node === undefined ? null : statOf(node)
  }

  /** Every path, parents before children. */
  *paths(from = '/'): Generator<string> {
    const node = this.node(from)
    if (node === undefined) return
    yield from
    for (const name of node.children) yield* this.paths(childPath(from, name))
  }

  /** All that is below a node, at any depth. */
  descendantCount(path: string): number {
    let count = -1
    for (const _ of this.paths(path === '' ? '/' : path)) count++
    return Math.max(0, count)
  }

  /** A session's ephemerals, in the order they were created. */
  ephemeralsOf(session: SessionId): readonly string[] {
    return [...(this.#ephemerals.get(session) ?? [])]
  }

  /** Sessions that own ephemerals. */
  get ephemeralOwners(): readonly SessionId[] {
    return [...this.#ephemerals.keys()]
  }

  /** Applies what was decided; all its parts at one zxid. */
  apply(entry: TxnEntry): Applied {
    assert(entry.zxid > this.#lastZxid, `zxid ${entry.zxid} after ${this.#lastZxid}`)
    this.#lastZxid = entry.zxid
    const changes: Change[] = []
    const outcome = this.#apply(entry, entry.txn, changes)
    return { changes, outcome }
  }

  #apply(entry: TxnEntry, txn: Txn, changes: Change[]): Outcome {
    switch (txn.type) {
      case 'create':
        return this.#create(entry, txn, changes)
      case 'delete':
        this.#delete(entry.zxid, txn.path, changes)
        return { type: 'delete' }
      case 'setData': {
        const node = this.#existing(txn.path)
        this.#dataBytes += (txn.data?.length ?? 0) - (node.data?.length ?? 0)
        node.data = txn.data
        node.version = txn.version
        node.mzxid = entry.zxid
        node.mtimeMs = entry.atMs
        changes.push({ kind: 'dataChanged', path: txn.path, ephemeralOwner: noSession })
        return { type: 'setData', stat: statOf(node) }
      }
      case 'setAcl': {
        const node = this.#existing(txn.path)
        node.acl = txn.acl
        node.aversion = txn.aversion
        return { type: 'setAcl', stat: statOf(node) }
      }
      case 'createSession':
        this.#sessions.set(entry.session, txn.timeoutMs)
        return { type: 'createSession' }
      case 'closeSession':
        for (const path of txn.ephemerals) this.#delete(entry.zxid, path, changes)
        assert(!this.#ephemerals.has(entry.session), `ephemerals of ${entry.session} left behind`)
        this.#sessions.delete(entry.session)
        return { type: 'closeSession' }
      case 'multi':
        return { type: 'multi', parts: txn.parts.map(part => this.#apply(entry, part, changes)) }
      case 'check':
      case 'error':
        return txn
    }
  }

  #create(
    { zxid, atMs }: TxnEntry,
    { path, data, acl, ownership }: Extract<Txn, { type: 'create' }>,
    changes: Change[],
  ): Outcome {
    const parent = this.#existing(parentPath(path))
    assert(!this.#nodes.has(path), `${path} is there already`)
    const node = newNode(data, acl, ownership, zxid, atMs)
    this.#nodes.set(path, node)
    this.#dataBytes += path.length + (data?.length ?? 0)
    parent.children.add(lastName(path))
    parent.childrenCreated = (parent.childrenCreated + 1) | 0
    parent.pzxid = zxid
    let ephemeralOwner = noSession
    if (ownership.kind === 'ephemeral') {
      ephemeralOwner = ownership.session
      const owned = this.#ephemerals.get(ephemeralOwner) ?? new Set()
      this.#ephemerals.set(ephemeralOwner, owned.add(path))
    } else if (ownership.kind !== 'persistent') this.#perishable.add(path)
    changes.push(
      { kind: 'created', path, ephemeralOwner },
      { kind: 'childrenChanged', path: parentPath(path), ephemeralOwner: noSession },
    )
    return { type: 'create', path, stat: statOf(node), ownership: ownership.kind }
  }

  #delete(zxid: Zxid, path: string, changes: Change[]): void {
    const node = this.#existing(path)
    const parent = this.#existing(parentPath(path))
    assert(node.children.size === 0, `${path} has children`)
    this.#nodes.delete(path)
    this.#perishable.delete(path)
    this.#dataBytes -= path.length + (node.data?.length ?? 0)
    parent.children.delete(lastName(path))
    parent.pzxid = zxid
    let ephemeralOwner = noSession
    if (node.ownership.kind === 'ephemeral') {
      ephemeralOwner = node.ownership.session
      const owned = this.#ephemerals.get(ephemeralOwner)
      owned?.delete(path)
      if (owned?.size === 0) this.#ephemerals.delete(ephemeralOwner)
    }
    changes.push(
      { kind: 'deleted', path, ephemeralOwner },
      { kind: 'childrenChanged', path: parentPath(path), ephemeralOwner: noSession },
    )
  }

  #existing(path: string): Writable {
    const node = this.#nodes.get(path)
    assert(node !== undefined, `no node ${path}`)
    return node
  }
}

export const childPath = (path: string, name: string): string =>
  path === '/' ? `/${name}` : `${path}/${name}`

const newNode = (
  data: Uint8Array | null,
  acl: readonly Acl[],
  ownership: Ownership,
  zxid: Zxid,
  atMs: number,
): Writable => ({
  data,
  acl,
  czxid: zxid,
  mzxid: zxid,
  pzxid: zxid,
  ctimeMs: atMs,
  mtimeMs: atMs,
  version: 0,
  aversion: 0,
  childrenCreated: 0,
  ownership,
  children: new Set(),
})
