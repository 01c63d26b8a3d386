import type { Random } from '../../../src/ports.ts'
import { openAcl, readOnlyAcl } from '../../../src/zookeeper/acl.ts'
import type { DataTree } from '../../../src/zookeeper/data-tree.ts'
import type { WritePart } from '../../../src/zookeeper/multi.ts'
import { toTxn, type WriteRequest } from '../../../src/zookeeper/request-to-txn.ts'
import type { TxnEntry } from '../../../src/zookeeper/txn.ts'

const rules = { extendedTypesEnabled: true, skipACL: false, enforceQuota: false }

/** Transactions of every type over few paths, legal and refused, as two sessions would ask for them. */
export class TxnWorkload {
  readonly #tree: DataTree
  readonly #random: Random

  constructor(tree: DataTree, random: Random) {
    this.#tree = tree
    this.#random = random
  }

  /** The next, to be applied before another is asked for. */
  next(): TxnEntry {
    const tree = this.#tree
    const session = this.#below(2) === 0 ? '0x1000000000001' : '0x1000000000002'
    const entry = {
      zxid: tree.lastZxid + 1,
      atMs: 1_700_000_000_000 + tree.lastZxid,
      session,
    } as const
    if (!tree.sessions.has(session))
      return { ...entry, txn: { type: 'createSession', timeoutMs: 4000 } }
    if (this.#below(25) === 0)
      return { ...entry, txn: { type: 'closeSession', ephemerals: tree.ephemeralsOf(session) } }
    const kind = this.#below(12)
    const request: WriteRequest =
      kind === 0
        ? {
            operation: 'multi',
            body: Array.from({ length: 1 + this.#below(4) }, () => this.#part()),
          }
        : kind === 1
          ? { operation: 'setAcl', body: { path: this.#path(), acl: this.#acl(), version: -1 } }
          : this.#part()
    const requester = { session, identities: [{ scheme: 'ip', id: '10.0.0.1' }] } as const
    return { ...entry, txn: toTxn(tree, request, requester, rules) }
  }

  #part(): WritePart {
    const path = this.#path()
    const kind = this.#below(10)
    const version = this.#below(6) === 0 ? this.#below(3) : -1
    const data = this.#data()
    if (kind < 5)
      return { operation: 'create', body: { path, data, acl: this.#acl(), flags: this.#below(4) } }
    if (kind === 5)
      return { operation: 'createContainer', body: { path, data, acl: openAcl, flags: 4 } }
    if (kind === 6)
      return { operation: 'createTtl', body: { path, data, acl: openAcl, flags: 5, ttlMs: 12_345 } }
    if (kind === 7) return { operation: 'delete', body: { path, version } }
    if (kind === 8) return { operation: 'setData', body: { path, data, version } }
    return { operation: 'check', body: { path, version } }
  }

  #path(): string {
    const depth = 1 + this.#below(3)
    return Array.from({ length: depth }, () => `/${'abcä'[this.#below(4)]}`).join('')
  }

  #acl() {
    return this.#below(4) === 0
      ? [...readOnlyAcl, { perms: 31, id: { scheme: 'ip', id: `10.0.0.${this.#below(3)}` } }]
      : openAcl
  }

  #data(): Uint8Array | null {
    const kind = this.#below(5)
    return kind === 0 ? null : this.#random.bytes(kind === 1 ? 0 : this.#below(40))
  }

  #below(bound: number): number {
    return Math.floor(this.#random.next() * bound)
  }
}
