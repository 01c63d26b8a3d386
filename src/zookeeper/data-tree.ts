import { assert } from '../assert.ts'
import { noSession, type SessionId, type Zxid } from '../ids.ts'
import { type Acl, openAcl, readOnlyAcl } from './acl.ts'
import { AclTable } from './acl-table.ts'
import { counted, limitsPath, nearestLimited, quotaNodeOf, statsPath, writeQuota } from './quota.ts'
import type { Ownership, Stat, Txn, TxnEntry } from './txn.ts'
import { childPath, lastName, ownPaths, parentPath } from './znode-path.ts'

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

/** A node without its place among others: what a snapshot keeps of it. */
export type StoredZnode = Omit<Znode, 'children'>

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
  readonly #acls = new AclTable()
  readonly #ephemerals = new Map<SessionId, Set<string>>()
  /** Containers and TTL nodes, for those who reap them. */
  readonly #perishable = new Set<string>()
  readonly #sessions = new Map<SessionId, number>()
  /** Paths that have a quota. */
  readonly #limited = new Set<string>()
  #dataBytes = 0
  /** Hears of each node before it is changed or deleted, also in what else it is part of: a snapshot under way. */
  changing: ((path: string, node: Znode) => void) | null = null

  constructor() {
    for (const path of ownPaths) {
      const acl = path === '/zookeeper/config' ? readOnlyAcl : openAcl
      this.#put(path, newNode(new Uint8Array(), this.#acls.add(acl), persistent, 0, 0))
    }
    this.#dataBytes = 0
    // Its list of permissions was set before there were transactions.
    this.#existing('/zookeeper/config').aversion = -1
  }

  /**
   * A tree as it once was.
   *
   * @param nodes parents before their children
   */
  static restored(
    lastZxid: Zxid,
    sessions: Iterable<readonly [SessionId, number]>,
    nodes: Iterable<readonly [string, StoredZnode]>,
  ): DataTree {
    const tree = new DataTree()
    tree.#nodes.clear()
    tree.#lastZxid = lastZxid
    for (const [id, timeoutMs] of sessions) tree.#sessions.set(id, timeoutMs)
    for (const [path, stored] of nodes)
      tree.#put(path, { ...stored, acl: tree.#acls.add(stored.acl), children: new Set() })
    // What a snapshot says of these figures may be older than itself.
    for (const path of tree.paths('/zookeeper/quota')) {
      const quota = quotaNodeOf(path)
      if (quota?.kind === 'limits') tree.#limited.add(quota.of)
      else if (quota?.kind === 'stats') tree.#recount(quota.of)
    }
    return tree
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

  /** The lists of permissions in use, each with a number. */
  aclIds(): Map<readonly Acl[], number> {
    return this.#acls.ids()
  }

  /** Looked up as ZooKeeper does, without a look at the path's form: '' is the root, `/a/` is no node. */
  node(path: string): Znode | undefined {
    return this.#nodes.get(path === '' ? '/' : path)
  }

  stat(path: string): Stat | null {
    const node = this.node(path)
    return node === undefined ? null : statOf(node)
  }

  /** Every path, parents before children. Nodes that come or go meanwhile are seen or not. */
  *paths(from = '/'): Generator<string> {
    const root = this.node(from)
    if (root === undefined) return
    yield from
    // No recursion: how deep a tree is, clients decide.
    const open = [{ path: from, names: root.children.values() }]
    for (let at = open.at(-1); at !== undefined; at = open.at(-1)) {
      const { value: name, done } = at.names.next()
      if (done) {
        open.pop()
        continue
      }
      const path = childPath(at.path, name)
      const children = this.#nodes.get(path)?.children
      if (children === undefined) continue
      yield path
      if (children.size > 0) open.push({ path, names: children.values() })
    }
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

  /** The quota that counts a path: its nearest limits and figures, as they stand in their nodes; null where it has none. */
  quotaOf(path: string): { limits: Uint8Array | null; stats: Uint8Array | null } | null {
    const prefix = this.#limited.size === 0 ? null : nearestLimited(this.#limited, path)
    if (prefix === null) return null
    const limits = this.#nodes.get(limitsPath(prefix))
    const stats = this.#nodes.get(statsPath(prefix))
    return limits === undefined || stats === undefined
      ? null
      : { limits: limits.data, stats: stats.data }
  }

  /** Applies what was decided; all its parts at one zxid. */
  apply(entry: TxnEntry): Applied {
    assert(entry.zxid > this.#lastZxid, `zxid ${entry.zxid} after ${this.#lastZxid}`)
    this.#lastZxid = entry.zxid
    const changes: Change[] = []
    const outcome = this.#apply(entry, entry.txn, changes)
    return { changes, outcome }
  }

  /**
   * Applies what a log says came after a snapshot. A snapshot that Apache ZooKeeper took while it served has some of that in
   * it already: what is there, or gone, by then is left so.
   */
  replay(entry: TxnEntry): void {
    const { txn } = entry
    const parts = txn.type === 'multi' ? txn.parts : [txn]
    for (const part of parts) this.#replay(entry, part)
    this.#lastZxid = entry.zxid
  }

  #replay(entry: TxnEntry, txn: Txn): void {
    switch (txn.type) {
      case 'create': {
        const parent = this.#nodes.get(parentPath(txn.path))
        if (parent === undefined) return
        if (!this.#nodes.has(txn.path)) break
        parent.childrenCreated = Math.max(parent.childrenCreated, txn.parentCversion)
        parent.pzxid = Math.max(parent.pzxid, entry.zxid)
        return
      }
      case 'delete':
        this.#deleteAll(entry, txn.path)
        return
      case 'closeSession':
        // Those of before ZooKeeper 3.6 do not say which.
        for (const path of [...txn.ephemerals, ...this.ephemeralsOf(entry.session)])
          this.#deleteAll(entry, path)
        this.#apply(entry, { type: 'closeSession', ephemerals: [] }, [])
        return
      case 'setData':
      case 'setAcl':
        if (!this.#nodes.has(txn.path)) return
    }
    this.#apply(entry, txn, [])
  }

  /** A node that goes though it has children came back later, and they with it: so will they. */
  #deleteAll({ zxid }: TxnEntry, path: string): void {
    if (!this.#nodes.has(path)) return
    for (const below of [...this.paths(path)].reverse()) this.#delete(zxid, below, [])
  }

  #apply(entry: TxnEntry, txn: Txn, changes: Change[]): Outcome {
    switch (txn.type) {
      case 'create':
        return this.#create(entry, txn, changes)
      case 'delete':
        this.#delete(entry.zxid, txn.path, changes)
        return { type: 'delete' }
      case 'setData': {
        const node = this.#mutable(txn.path)
        const bytes = (txn.data?.length ?? 0) - (node.data?.length ?? 0)
        this.#dataBytes += bytes
        node.data = txn.data
        node.version = txn.version
        node.mzxid = entry.zxid
        node.mtimeMs = entry.atMs
        this.#count(txn.path, 0, bytes)
        changes.push({ kind: 'dataChanged', path: txn.path, ephemeralOwner: noSession })
        return { type: 'setData', stat: statOf(node) }
      }
      case 'setAcl': {
        const node = this.#mutable(txn.path)
        const before = node.acl
        node.acl = this.#acls.add(txn.acl)
        this.#acls.remove(before)
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
        return { type: 'check' }
      case 'error':
        return txn
    }
  }

  #create(
    { zxid, atMs }: TxnEntry,
    { path, data, acl, ownership, parentCversion }: Extract<Txn, { type: 'create' }>,
    changes: Change[],
  ): Outcome {
    assert(!this.#nodes.has(path), `${path} is there already`)
    const parent = this.#mutable(parentPath(path))
    const node = newNode(data, this.#acls.add(acl), ownership, zxid, atMs)
    this.#put(path, node)
    parent.childrenCreated = parentCversion
    parent.pzxid = zxid
    const quota = quotaNodeOf(path)
    if (quota?.kind === 'limits') this.#limited.add(quota.of)
    else if (quota?.kind === 'stats') this.#recount(quota.of)
    this.#count(path, 1, data?.length ?? 0)
    const ephemeralOwner = ownership.kind === 'ephemeral' ? ownership.session : noSession
    changes.push(
      { kind: 'created', path, ephemeralOwner },
      { kind: 'childrenChanged', path: parentPath(path), ephemeralOwner: noSession },
    )
    return { type: 'create', path, stat: statOf(node), ownership: ownership.kind }
  }

  #delete(zxid: Zxid, path: string, changes: Change[]): void {
    const parent = this.#mutable(parentPath(path))
    const node = this.#mutable(path)
    assert(node.children.size === 0, `${path} has children`)
    const bytes = node.data?.length ?? 0
    this.#nodes.delete(path)
    this.#acls.remove(node.acl)
    this.#perishable.delete(path)
    this.#dataBytes -= path.length + bytes
    parent.children.delete(lastName(path))
    parent.pzxid = zxid
    let ephemeralOwner = noSession
    if (node.ownership.kind === 'ephemeral') {
      ephemeralOwner = node.ownership.session
      const owned = this.#ephemerals.get(ephemeralOwner)
      owned?.delete(path)
      if (owned?.size === 0) this.#ephemerals.delete(ephemeralOwner)
    }
    const quota = quotaNodeOf(path)
    if (quota?.kind === 'limits') this.#limited.delete(quota.of)
    this.#count(path, -1, -bytes)
    changes.push(
      { kind: 'deleted', path, ephemeralOwner },
      { kind: 'childrenChanged', path: parentPath(path), ephemeralOwner: noSession },
    )
  }

  /** Gives a node its place: below its parent, with its owner. */
  #put(path: string, node: Writable): void {
    this.#nodes.set(path, node)
    if (path === '/') return
    this.#existing(parentPath(path)).children.add(lastName(path))
    this.#dataBytes += path.length + (node.data?.length ?? 0)
    const { ownership } = node
    if (ownership.kind === 'ephemeral') {
      const owned = this.#ephemerals.get(ownership.session) ?? new Set()
      this.#ephemerals.set(ownership.session, owned.add(path))
    } else if (ownership.kind !== 'persistent') this.#perishable.add(path)
  }

  /** Counts for the quota at or above a path, where there is one. */
  #count(path: string, nodes: number, bytes: number): void {
    if (this.#limited.size === 0) return
    const prefix = nearestLimited(this.#limited, path)
    const stats = prefix === null ? undefined : this.#nodes.get(statsPath(prefix))
    if (stats !== undefined) this.#write(stats, counted(stats.data, nodes, bytes))
  }

  /** The figures of a quota, counted anew. */
  #recount(path: string): void {
    let nodes = 0
    let bytes = 0
    for (const below of this.paths(path)) {
      nodes++
      bytes += this.#existing(below).data?.length ?? 0
    }
    const stats = this.#nodes.get(statsPath(path))
    if (stats !== undefined) {
      const figures = new Map([
        ['count', nodes],
        ['bytes', bytes],
      ])
      this.#write(stats, writeQuota(figures))
    }
  }

  #write(node: Writable, data: Uint8Array): void {
    this.#dataBytes += data.length - (node.data?.length ?? 0)
    node.data = data
  }

  #existing(path: string): Writable {
    const node = this.#nodes.get(path)
    assert(node !== undefined, `no node ${path}`)
    return node
  }

  /** A node about to be changed. */
  #mutable(path: string): Writable {
    const node = this.#existing(path)
    this.changing?.(path, node)
    return node
  }
}

const persistent: Ownership = { kind: 'persistent' }

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
