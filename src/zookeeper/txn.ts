import type { SessionId, Zxid } from '../ids.ts'
import type { Acl } from './acl.ts'

/** What a node's life hangs on. */
export type Ownership =
  | { readonly kind: 'persistent' }
  /** Goes with the session; has no children. */
  | { readonly kind: 'ephemeral'; readonly session: SessionId }
  /** Goes once it had children and has none. */
  | { readonly kind: 'container' }
  /** Goes when it has no children and was not written for so long. */
  | { readonly kind: 'ttl'; readonly ttlMs: number }

/** As on the wire, by ZooKeeper's own names; times in ms since 1970. */
export interface Stat {
  readonly czxid: Zxid
  readonly mzxid: Zxid
  readonly ctime: number
  readonly mtime: number
  readonly version: number
  readonly cversion: number
  readonly aversion: number
  readonly ephemeralOwner: SessionId
  readonly dataLength: number
  readonly numChildren: number
  readonly pzxid: Zxid
}

/**
 * What was decided about a write: nothing in it depends on the state it is applied to, so a log of them replays to the same
 * tree. A refused write is a transaction too and uses up a zxid.
 */
export type Txn =
  | {
      readonly type: 'create'
      /** With its sequence number. */
      readonly path: string
      readonly data: Uint8Array | null
      readonly acl: readonly Acl[]
      readonly ownership: Ownership
      /** Children ever created below its parent, this one included (ZooKeeper's inner cversion). */
      readonly parentCversion: number
    }
  | { readonly type: 'delete'; readonly path: string }
  | {
      readonly type: 'setData'
      readonly path: string
      readonly data: Uint8Array | null
      /** The version it gets. */
      readonly version: number
    }
  | {
      readonly type: 'setAcl'
      readonly path: string
      readonly acl: readonly Acl[]
      readonly aversion: number
    }
  | { readonly type: 'check'; readonly path: string; readonly version: number }
  | { readonly type: 'createSession'; readonly timeoutMs: number }
  | { readonly type: 'closeSession'; readonly ephemerals: readonly string[] }
  | { readonly type: 'error'; readonly error: number }
  /** Parts of a failed one are all `error`. */
  | { readonly type: 'multi'; readonly parts: readonly Txn[] }

/** A transaction with its number: a line of the log. */
export interface TxnEntry {
  readonly zxid: Zxid
  /** The server's clock, ms since 1970. */
  readonly atMs: number
  /** Whose request it was. */
  readonly session: SessionId
  readonly txn: Txn
}
