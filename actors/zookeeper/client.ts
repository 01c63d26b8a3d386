import type { Observable } from 'rxjs'
import type { SessionId, Zxid } from '../../src/ids.ts'
import type { Address } from '../../src/ports.ts'
import type { Acl } from '../../src/zookeeper/acl.ts'
import type { Stat } from '../../src/zookeeper/txn.ts'

export type { Stat } from '../../src/zookeeper/txn.ts'

/** What a watch told: one change of one znode. It says that it changed, not what it is now. */
export interface WatchEvent {
  readonly path: string
  readonly kind: 'created' | 'deleted' | 'dataChanged' | 'childrenChanged'
  /** The transaction's number, where the server says it (ZooKeeper from 3.9 on, and the embedded one). */
  readonly zxid?: Zxid
}

/**
 * What becomes of the session. `suspended`: the connection is gone; session, ephemerals and watches live on if it is back in
 * time, and every request under way failed with CONNECTIONLOSS, carried out or not. `expired`: only the server says so; all of
 * the session is gone: begin anew with `reopen()`.
 */
export type SessionState =
  | 'connecting'
  | 'connected'
  | 'suspended'
  | 'expired'
  | 'authFailed'
  | 'closed'

export type CreateMode =
  | 'persistent'
  | 'ephemeral'
  | 'persistentSequential'
  | 'ephemeralSequential'
  | 'container'

export interface CreateOptions {
  /** Default `persistent`. */
  readonly mode?: CreateMode
  /** Default: everybody may do all. */
  readonly acl?: readonly Acl[]
}

/** A part of a multi. Version −1 stands for any. */
export type Op =
  | ({
      readonly op: 'create'
      readonly path: string
      readonly data: Uint8Array | null
    } & CreateOptions)
  | { readonly op: 'delete'; readonly path: string; readonly version: number }
  | {
      readonly op: 'setData'
      readonly path: string
      readonly data: Uint8Array | null
      readonly version: number
    }
  | { readonly op: 'check'; readonly path: string; readonly version: number }

/** What a part of a multi came to. */
export type OpResult =
  | { readonly op: 'create'; readonly path: string }
  | { readonly op: 'setData'; readonly stat: Stat }
  | { readonly op: 'delete' }
  | { readonly op: 'check' }

/**
 * A client of ZooKeeper. A request is sent when its Observable is subscribed to, again with each subscription; it emits
 * its answer once and completes, or fails with a `ZooKeeperError` (`src/zookeeper/error.ts`: `isKeeperError(error, 'NONODE')`).
 * Requests of one client are carried out in the order they were subscribed to; a watch's event comes before any answer that
 * would show the change.
 */
export interface ZooKeeperClient {
  /** `0x0` until the first connection. */
  readonly sessionId: SessionId
  readonly state: SessionState
  /** What the server granted, ms; 0 until the first connection. */
  readonly sessionTimeoutMs: number
  /** Each new state of the session from now on. */
  readonly session: Observable<SessionState>
  /** What watches told, in order. A watch left by `exists`, `getData` or `getChildren` tells once. */
  readonly watches: Observable<WatchEvent>

  /** Emits the path, with its number for sequential modes. */
  create(path: string, data: Uint8Array | null, options?: CreateOptions): Observable<string>
  /** Like `create`, with the new node's Stat. */
  create2(
    path: string,
    data: Uint8Array | null,
    options?: CreateOptions,
  ): Observable<{ readonly path: string; readonly stat: Stat }>
  /** @param version -1 for any. */
  delete(path: string, version?: number): Observable<void>
  /** Null where there is no such node; a watch is left all the same. */
  exists(path: string, options?: { watch?: boolean }): Observable<Stat | null>
  getData(
    path: string,
    options?: { watch?: boolean },
  ): Observable<{ readonly data: Uint8Array | null; readonly stat: Stat }>
  /** @param version -1 for any. */
  setData(path: string, data: Uint8Array | null, version?: number): Observable<Stat>
  /** Names, in no particular order. */
  getChildren(path: string, options?: { watch?: boolean }): Observable<readonly string[]>
  /** All or nothing. Fails with the first part's error that is not OK; `index` tells which part it was. */
  multi(ops: readonly Op[]): Observable<readonly OpResult[]>
  /** Answers when all writes before it are to be seen on this connection. */
  sync(path: string): Observable<void>

  /**
   * Subscribes again, each time the session is connected once more, for as long as it fails with CONNECTIONLOSS (Kafka's
   * retryRequestsUntilConnected). Not idempotent: a lost request may have been carried out. Ends with SESSIONEXPIRED when the
   * session does.
   */
  persistently<T>(request: () => Observable<T>): Observable<T>

  /** After `expired`: a new session. Nothing of the old one is carried over, watches neither. */
  reopen(): void
  /** Ends the session, so that its ephemerals go at once, then the connection. Completes when done. */
  close(): Observable<void>
  /** Drops the connection without a word, as a crash would; the session lives on until it expires. */
  abandon(): void
}

export interface ZooKeeperClientOptions {
  /** Tried in turn, from the first. */
  readonly servers: readonly Address[]
  /** Put before every path. Default none. */
  readonly chroot?: string
  /** Asked for; the server may grant another. */
  readonly sessionTimeoutMs: number
  /** In the registry: `broker-1/zookeeper-client`. */
  readonly path: string
  /** Requests under way at once; others wait. Default 1000. */
  readonly requestsInFlightMax?: number
  /** Presented on each connection: `user:password` for the digest scheme. */
  readonly auth?: readonly { readonly scheme: string; readonly credentials: Uint8Array }[]
}
