/**
 * The tree at one zxid as a file, in ZooKeeper's own format (FileSnap): sessions, lists of permissions, nodes with parents before
 * their children, and a checksum over all of it.
 *
 * It is written piece by piece while the server serves, and is nevertheless the tree of one moment, where ZooKeeper's own holds some
 * of what came later: a node about to be changed is written first, as it was.
 */
import { MalformedFrame, Reader } from '../binary/reader.ts'
import { Writer } from '../binary/writer.ts'
import { type SessionId, sessionId, sessionIdBits, type Zxid } from '../ids.ts'
import { int32, int64, int64Bits, string } from '../protocol/schema.ts'
import { type Acl, openAcl } from './acl.ts'
import { openAclId } from './acl-table.ts'
import { adler32 } from './adler32.ts'
import { DataTree, type StoredZnode, type Znode } from './data-tree.ts'
import { aclList, buffer, jute } from './jute.ts'
import type { Ownership } from './txn.ts'
import { parentPath } from './znode-path.ts'

/** `ZKSN` */
const magic = 0x5a4b534e
const formatVersion = 2

const fileHeader = jute({ magic: int32, version: int32, database: int64 })
const sessionRecord = jute({ id: int64Bits, timeoutMs: int32 })
const aclRecord = jute({ id: int64, acl: aclList })
const nodeRecord = jute({
  path: string,
  data: buffer,
  aclId: int64,
  czxid: int64,
  mzxid: int64,
  ctimeMs: int64,
  mtimeMs: int64,
  version: int32,
  childrenCreated: int32,
  aversion: int32,
  owner: int64Bits,
  pzxid: int64,
})
const pathRecord = jute({ path: string })
/** Stands where a path would: there are no more. The root's own path is empty. */
const endOfNodes = '/'

// ─── Owners ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Containers and TTL nodes are told by owners that no session has (EphemeralType). */
const containerOwner = -(2n ** 63n)
const ttlMask = 0xff00000000000000n
const ttlValueMask = 2n ** 40n - 1n

function ownerBits(ownership: Ownership): bigint {
  switch (ownership.kind) {
    case 'persistent':
      return 0n
    case 'ephemeral':
      return sessionIdBits(ownership.session)
    case 'container':
      return containerOwner
    case 'ttl':
      return BigInt.asIntN(64, ttlMask | BigInt(ownership.ttlMs))
  }
}

function ownershipOf(owner: bigint): Ownership {
  if (owner === 0n) return { kind: 'persistent' }
  if (owner === containerOwner) return { kind: 'container' }
  const bits = BigInt.asUintN(64, owner)
  if ((bits & ttlMask) === ttlMask) return { kind: 'ttl', ttlMs: Number(bits & ttlValueMask) }
  return { kind: 'ephemeral', session: sessionId(owner) }
}

// ─── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export class SnapshotWriter {
  /** The moment it holds. */
  readonly zxid: Zxid
  readonly #tree: DataTree
  readonly #aclIds: ReadonlyMap<readonly Acl[], number>
  readonly #paths: Generator<string>
  /** Those already written; `#paths` meets some of them again. */
  readonly #written = new Set<Znode>()
  #writer = new Writer()
  #checksum = 1
  #isDone = false

  /** Begins with the tree as it is now. One at a time. */
  constructor(tree: DataTree) {
    this.zxid = tree.lastZxid
    this.#tree = tree
    this.#aclIds = tree.aclIds()
    this.#paths = tree.paths()
    fileHeader.write(this.#writer, { magic, version: formatVersion, database: -1 })
    this.#writer.int32(tree.sessions.size)
    for (const [id, timeoutMs] of tree.sessions)
      sessionRecord.write(this.#writer, { id: sessionIdBits(id), timeoutMs })
    this.#writer.int32(this.#aclIds.size - 1)
    for (const [acl, id] of this.#aclIds)
      if (id !== openAclId) aclRecord.write(this.#writer, { id, acl })
    tree.changing = path => this.#ahead(path)
  }

  /**
   * The next piece, of that many bytes or a little more; null after the last.
   */
  next(bytesMin: number): Uint8Array | null {
    if (this.#isDone) return null
    while (this.#writer.length < bytesMin) {
      const { value: path, done } = this.#paths.next()
      if (done) {
        this.#end()
        return this.#take()
      }
      const node = this.#tree.node(path)
      if (node !== undefined) this.#write(path, node)
    }
    return this.#take()
  }

  /** Nothing more is wanted. */
  cancel(): void {
    this.#tree.changing = null
    this.#isDone = true
  }

  #end(): void {
    pathRecord.write(this.#writer, { path: endOfNodes })
    const rest = this.#take()
    this.cancel()
    this.#writer.raw(rest)
    this.#writer.int64(this.#checksum)
    pathRecord.write(this.#writer, { path: endOfNodes })
  }

  #take(): Uint8Array {
    const bytes = this.#writer.bytes()
    if (!this.#isDone) this.#checksum = adler32(bytes, 0, bytes.length, this.#checksum)
    this.#writer = new Writer()
    return bytes
  }

  /** A node is about to change: it and what is above it go first. */
  #ahead(path: string): void {
    const above: string[] = []
    for (let at = path; ; at = parentPath(at)) {
      above.push(at)
      if (at === '/') break
    }
    for (const at of above.reverse()) {
      const node = this.#tree.node(at)
      if (node !== undefined) this.#write(at, node)
    }
  }

  #write(path: string, node: Znode): void {
    // Younger than the moment, or written ahead.
    if (node.czxid > this.zxid || this.#written.has(node)) return
    this.#written.add(node)
    nodeRecord.write(this.#writer, {
      ...node,
      path: path === '/' ? '' : path,
      aclId: this.#aclIds.get(node.acl) ?? openAclId,
      owner: ownerBits(node.ownership),
    })
  }
}

// ─── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * The tree in a snapshot.
 *
 * @param zxid from the file's name
 * @throws MalformedFrame where it is not whole
 */
export function readSnapshot(bytes: Uint8Array, zxid: Zxid): DataTree {
  const reader = new Reader(bytes)
  if (fileHeader.read(reader).magic !== magic) throw new MalformedFrame('no snapshot')
  const sessions: [SessionId, number][] = []
  for (let left = reader.int32(); left > 0; left--) {
    const { id, timeoutMs } = sessionRecord.read(reader)
    sessions.push([sessionId(id), timeoutMs])
  }
  const acls = new Map<number, readonly Acl[]>([[openAclId, openAcl]])
  for (let left = reader.int32(); left > 0; left--) {
    const { id, acl } = aclRecord.read(reader)
    acls.set(id, acl ?? [])
  }
  const nodes: [string, StoredZnode][] = []
  const paths = new Set<string>()
  for (;;) {
    const from = reader.position
    const { path } = pathRecord.read(reader)
    if (path === endOfNodes) break
    reader.position = from
    const { aclId, owner, data, path: _, ...stat } = nodeRecord.read(reader)
    const acl = acls.get(aclId)
    const at = path === '' ? '/' : path
    if (acl === undefined || (at !== '/' && !paths.has(parentPath(at))))
      throw new MalformedFrame(`no place for ${at}`)
    paths.add(at)
    nodes.push([at, { ...stat, acl, data: data?.slice() ?? null, ownership: ownershipOf(owner) }])
  }
  const end = reader.position
  if (reader.int64() !== adler32(bytes, 0, end)) throw new MalformedFrame('a damaged snapshot')
  return DataTree.restored(zxid, sessions, nodes)
}
