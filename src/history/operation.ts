/**
 * What clients saw, in the order in which they saw it. An operation is invoked and later completes: `ok` it took place, `fail` it
 * certainly did not, `info` nobody knows. After Jepsen's Kafka workload, without transactions.
 */

interface Happening {
  /** The client: one thread of events. A client that starts again is another process. */
  readonly process: string
  /** Milliseconds on the one clock of the run. */
  readonly atMs: number
}

/** `orders-0`. */
export type Key = string

export interface SendInvoked extends Happening {
  readonly f: 'send'
  readonly type: 'invoke'
  readonly key: Key
  /** No other send has it. */
  readonly value: number
}

export interface SendCompleted extends Happening {
  readonly f: 'send'
  readonly type: 'ok' | 'fail' | 'info'
  readonly key: Key
  readonly value: number
  /** Where it stands; −1 where nobody said. */
  readonly offset: number
}

/** Records that a consumer was handed at once, in the order it was given them. */
export interface Polled extends Happening {
  readonly f: 'poll'
  readonly type: 'ok'
  readonly key: Key
  readonly offsets: readonly number[]
  readonly values: readonly number[]
}

/** From here on the process reads a key from a position that was not its own to choose. */
export interface Assigned extends Happening {
  readonly f: 'assign'
  readonly type: 'ok'
  readonly key: Key
  /** The first offset that it will read, if there is a record. */
  readonly position: number
}

/** A member of a group was told that its commit is accepted: the group has read everything below. */
export interface Committed extends Happening {
  readonly f: 'commit'
  readonly type: 'ok'
  readonly key: Key
  readonly offset: number
}

export type Operation = SendInvoked | SendCompleted | Polled | Assigned | Committed

/** What a process's sends were promised. */
export interface Guarantees {
  /** acks=all: acknowledged is never lost. */
  readonly isDurable: boolean
  /** Idempotent: no record stands twice. */
  readonly isOnce: boolean
  /** Idempotent, or one request at a time: records stand in the order they were sent. */
  readonly isOrdered: boolean
}
