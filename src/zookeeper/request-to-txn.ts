/**
 * Validates a write against the tree and says what it comes to (PrepRequestProcessor). The order of the checks decides which
 * error wins, so it is ZooKeeper's.
 */
import type { SessionId } from '../ids.ts'
import {
  type Acl,
  type AskedAcl,
  fixedUpAcl,
  type Identity,
  isAllowed,
  permissions,
} from './acl.ts'
import type { DataTree } from './data-tree.ts'
import { type KeeperCode, keeperCodes } from './error.ts'
import type { RequestBody } from './jute.ts'
import type { WritePart } from './multi.ts'
import { exceedsHardLimit } from './quota.ts'
import type { Ownership, Txn } from './txn.ts'
import { ownPaths, parentPath } from './znode-path.ts'

/** Who asks. */
export interface Requester {
  readonly session: SessionId
  /** Everything its connection has proved to be. */
  readonly identities: readonly Identity[]
}

/** Settings by ZooKeeper's own names that decide what may be written. */
export interface WriteRules {
  readonly extendedTypesEnabled: boolean
  readonly skipACL: boolean
  /** Whether a quota's hard limits refuse. */
  readonly enforceQuota: boolean
}

/** A write as a client asks for it. */
export type WriteRequest =
  | WritePart
  | { readonly operation: 'setAcl'; readonly body: RequestBody<'setAcl'> }
  | { readonly operation: 'multi'; readonly body: readonly WritePart[] }

type Creation = Extract<
  WritePart,
  { operation: 'create' | 'create2' | 'createContainer' | 'createTtl' }
>

/** The longest life a TTL node may have: 40 bits of ms. */
const ttlMsMax = 2 ** 40 - 1

/** How a check ended that did not pass. Thrown inside this file only. */
class Refusal extends Error {
  readonly code: KeeperCode
  constructor(code: KeeperCode) {
    super()
    this.code = code
  }
}

function refuseUnless(condition: boolean, code: KeeperCode): void {
  if (!condition) throw new Refusal(code)
}

/** A node as it will be after the parts before this one (ZooKeeper's ChangeRecord). */
interface Outlook {
  readonly version: number
  readonly aversion: number
  readonly acl: readonly Acl[]
  readonly childCount: number
  readonly childrenCreated: number
  readonly isEphemeral: boolean
}

/** The tree with what was decided so far on top of it. */
class Prospect {
  readonly #tree: DataTree
  /** Null: deleted. */
  readonly #changed = new Map<string, Outlook | null>()

  constructor(tree: DataTree) {
    this.#tree = tree
  }

  find(path: string): Outlook | null {
    const known = this.#changed.get(path === '' ? '/' : path)
    if (known !== undefined) return known
    const node = this.#tree.node(path)
    if (node === undefined) return null
    return {
      version: node.version,
      aversion: node.aversion,
      acl: node.acl,
      childCount: node.children.size,
      childrenCreated: node.childrenCreated,
      isEphemeral: node.ownership.kind === 'ephemeral',
    }
  }

  get(path: string): Outlook {
    const found = this.find(path)
    if (found === null) throw new Refusal(keeperCodes.NONODE)
    return found
  }

  /** Bytes of its content before this request. */
  dataBytes(path: string): number {
    return this.#tree.node(path)?.data?.length ?? 0
  }

  /** Whether the quota at or above allows so much more. As in ZooKeeper the parts of a multi are not added up. */
  fitsQuota(path: string, count: number, bytes: number, { enforceQuota }: WriteRules): boolean {
    const quota = enforceQuota ? this.#tree.quotaOf(path) : null
    return quota === null || !exceedsHardLimit(quota.limits, quota.stats, count, bytes)
  }

  set(path: string, outlook: Outlook | null): void {
    this.#changed.set(path === '' ? '/' : path, outlook)
  }
}

/**
 * What a write comes to. A refused one is an `error` transaction; a refused multi is one whose parts are all errors: OK before
 * the part that failed, its own code there, RUNTIMEINCONSISTENCY behind.
 */
export function toTxn(
  tree: DataTree,
  request: WriteRequest,
  requester: Requester,
  rules: WriteRules,
): Txn {
  const prospect = new Prospect(tree)
  const isMulti = request.operation === 'multi'
  const single = (part: Exclude<WriteRequest, { operation: 'multi' }>): Txn => {
    try {
      return decide(prospect, part, requester, rules, isMulti)
    } catch (error) {
      if (error instanceof Refusal) return { type: 'error', error: error.code }
      throw error
    }
  }
  if (request.operation !== 'multi') return single(request)

  const parts: Txn[] = []
  for (const part of request.body) {
    const txn = single(part)
    parts.push(txn)
    if (txn.type === 'error') break
  }
  const failed = parts.at(-1)
  if (failed?.type !== 'error') return { type: 'multi', parts }
  return {
    type: 'multi',
    parts: request.body.map((_, index): Txn => {
      if (index < parts.length - 1) return { type: 'error', error: keeperCodes.OK }
      if (index === parts.length - 1) return failed
      return { type: 'error', error: keeperCodes.RUNTIMEINCONSISTENCY }
    }),
  }
}

function decide(
  prospect: Prospect,
  request: Exclude<WriteRequest, { operation: 'multi' }>,
  requester: Requester,
  rules: WriteRules,
  isMulti: boolean,
): Txn {
  const allow = (acl: readonly Acl[], perm: number): void =>
    refuseUnless(rules.skipACL || isAllowed(acl, perm, requester.identities), keeperCodes.NOAUTH)
  switch (request.operation) {
    case 'create':
    case 'create2':
    case 'createContainer':
    case 'createTtl':
      return create(prospect, request, requester, rules, isMulti, allow)
    case 'delete': {
      const { path, version } = request.body
      refuseUnless(path.includes('/') && !isOwnPath(path), keeperCodes.BADARGUMENTS)
      refuseUnless(!path.includes('\0'), keeperCodes.BADARGUMENTS)
      const parent = prospect.get(parentPath(path))
      allow(parent.acl, permissions.delete)
      const node = prospect.get(path)
      nextVersion(node.version, version)
      refuseUnless(node.childCount === 0, keeperCodes.NOTEMPTY)
      prospect.set(parentPath(path), { ...parent, childCount: parent.childCount - 1 })
      prospect.set(path, null)
      return { type: 'delete', path }
    }
    case 'setData': {
      const { path, data, version } = request.body
      refuseUnless(isValidPath(path), keeperCodes.BADARGUMENTS)
      const node = prospect.get(path)
      allow(node.acl, permissions.write)
      const bytes = (data?.length ?? 0) - prospect.dataBytes(path)
      refuseUnless(prospect.fitsQuota(path, 0, bytes, rules), keeperCodes.QUOTAEXCEEDED)
      const next = nextVersion(node.version, version)
      prospect.set(path, { ...node, version: next })
      return { type: 'setData', path, data: copied(data), version: next }
    }
    case 'setAcl': {
      const { path, acl, version } = request.body
      refuseUnless(isValidPath(path), keeperCodes.BADARGUMENTS)
      const fixed = fixedUp(acl, requester)
      const node = prospect.get(path)
      allow(node.acl, permissions.admin)
      const aversion = nextVersion(node.aversion, version)
      prospect.set(path, { ...node, acl: fixed, aversion })
      return { type: 'setAcl', path, acl: fixed, aversion }
    }
    case 'check': {
      const { path, version } = request.body
      refuseUnless(isValidPath(path), keeperCodes.BADARGUMENTS)
      const node = prospect.get(path)
      allow(node.acl, permissions.read)
      nextVersion(node.version, version)
      return { type: 'check', path, version }
    }
  }
}

function create(
  prospect: Prospect,
  { operation, body }: Creation,
  requester: Requester,
  rules: WriteRules,
  isMulti: boolean,
  allow: (acl: readonly Acl[], perm: number) => void,
): Txn {
  const { path: asked, data, acl, flags } = body
  const ttlMs = operation === 'createTtl' ? body.ttlMs : null
  // A part of a multi is what its flags say (Op.Create), a request of its own what its operation says.
  const isContainer = isMulti ? flags === 4 : operation === 'createContainer'
  const ownership = ownershipOf(flags, isContainer, ttlMs, requester.session, rules)
  const isSequential = flags === 2 || flags === 3 || flags === 6
  refuseUnless(asked.includes('/') && !asked.includes('\0'), keeperCodes.BADARGUMENTS)
  const above = parentPath(asked)
  const fixed = fixedUp(acl, requester)
  const parent = prospect.get(above)
  allow(parent.acl, permissions.create)
  const path = isSequential ? asked + sequenceDigits(parent.childrenCreated) : asked
  refuseUnless(isValidPath(path), keeperCodes.BADARGUMENTS)
  refuseUnless(prospect.find(path) === null, keeperCodes.NODEEXISTS)
  refuseUnless(!parent.isEphemeral, keeperCodes.NOCHILDRENFOREPHEMERALS)
  refuseUnless(prospect.fitsQuota(path, 1, data?.length ?? 0, rules), keeperCodes.QUOTAEXCEEDED)
  const parentCversion = (parent.childrenCreated + 1) | 0
  prospect.set(above, {
    ...parent,
    childCount: parent.childCount + 1,
    childrenCreated: parentCversion,
  })
  prospect.set(path, {
    version: 0,
    aversion: 0,
    acl: fixed,
    childCount: 0,
    childrenCreated: 0,
    isEphemeral: ownership.kind === 'ephemeral',
  })
  return { type: 'create', path, data: copied(data), acl: fixed, ownership, parentCversion }
}

/** CreateMode.fromFlag. */
function ownershipOf(
  flags: number,
  isContainer: boolean,
  ttlMs: number | null,
  session: SessionId,
  rules: WriteRules,
): Ownership {
  refuseUnless(flags >= 0 && flags <= 6, keeperCodes.BADARGUMENTS)
  if (flags === 5 || flags === 6) {
    refuseUnless(rules.extendedTypesEnabled, keeperCodes.UNIMPLEMENTED)
    refuseUnless(ttlMs !== null && ttlMs >= 1 && ttlMs <= ttlMsMax, keeperCodes.BADARGUMENTS)
    return { kind: 'ttl', ttlMs: ttlMs as number }
  }
  refuseUnless(ttlMs === null || ttlMs < 0, keeperCodes.BADARGUMENTS)
  if (isContainer) return { kind: 'container' }
  return flags === 1 || flags === 3 ? { kind: 'ephemeral', session } : { kind: 'persistent' }
}

/** `%010d`: after 2147483647 comes -2147483648. */
const sequenceDigits = (childrenCreated: number): string =>
  childrenCreated < 0
    ? `-${String(-childrenCreated).padStart(9, '0')}`
    : String(childrenCreated).padStart(10, '0')

function fixedUp(acl: readonly AskedAcl[] | null, { identities }: Requester): readonly Acl[] {
  const fixed = fixedUpAcl(acl, identities)
  if (typeof fixed === 'number') throw new Refusal(fixed)
  return fixed
}

/** -1 stands for any. Versions wrap. */
function nextVersion(current: number, expected: number): number {
  refuseUnless(expected === -1 || expected === current, keeperCodes.BADVERSION)
  return (current + 1) | 0
}

/** What a frame carries belongs to the frame; what a node keeps is its own. */
const copied = (data: Uint8Array | null): Uint8Array | null => data?.slice() ?? null

const isOwnPath = (path: string): boolean => (ownPaths as readonly string[]).includes(path)

/** PathUtils.validatePath: what no name may contain, U+0000 included. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const unprintable = /[\u0000-\u001f\u007f-\u009f\ud800-\uf8ff\ufff0-\uffff]/

/** Nothing, `.` or `..` between slashes or at the end. */
const noName = /\/\.{0,2}(?:\/|$)/

export function isValidPath(path: string): boolean {
  if (path === '/') return true
  return path.startsWith('/') && !unprintable.test(path) && !noName.test(path)
}
