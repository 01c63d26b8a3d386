import { type SessionTxn, sessionMachine } from '../../machines/zookeeper/session.ts'
import { ExpiryQueue } from '../../src/expiry-queue.ts'
import { type SessionId, sessionId, sessionIdBits, type Zxid } from '../../src/ids.ts'
import { samePassword, sessionPassword } from '../../src/zookeeper/session-password.ts'
import type { Root } from '../registry.ts'
import type { World } from '../world.ts'

/** The server's number within an ensemble; a standalone one is 1. */
const serverNumber = 1n

/** What the charts of sessions make happen. */
export interface SessionPerformers {
  /** Carries a session's opening or closing out; its zxid. */
  commit(session: SessionId, txn: SessionTxn, timeoutMs: number): Zxid
  grant(connection: number, session: SessionId, timeoutMs: number): void
  refuse(connection: number): void
  close(connection: number, reason: 'moved' | 'expired' | 'closed'): void
}

/**
 * The session charts of one server and the queue that counts their silence (SessionTrackerImpl): every request touches its
 * session's deadline, which costs no fact; only what changes a session's state does.
 */
export class Sessions {
  readonly #world: World
  readonly #performers: SessionPerformers
  readonly #queue: ExpiryQueue<SessionId>
  readonly #roots = new Map<SessionId, Root<typeof sessionMachine>>()
  #nextId: bigint

  /** @param tickTimeMs sessions expire at its multiples. */
  constructor(
    world: World,
    tickTimeMs: number,
    performers: SessionPerformers,
    turn: (run: () => void) => void,
  ) {
    this.#world = world
    this.#performers = performers
    const { clock } = world.platform
    this.#queue = new ExpiryQueue(clock, tickTimeMs, expired =>
      turn(() => {
        for (const id of expired) this.#roots.get(id)?.send({ type: 'timeout.reached' })
      }),
    )
    // initializeNextSessionId: the server's number, 40 bits of the clock, 16 bits to count in.
    const clockBits = BigInt.asUintN(40, BigInt(Math.floor(clock.now())))
    this.#nextId = (serverNumber << 56n) | (clockBits << 16n)
  }

  /** Open ones, oldest first. */
  get ids(): readonly SessionId[] {
    return [...this.#roots.keys()]
  }

  expiresAtMs(id: SessionId): number | undefined {
    return this.#queue.expiresAtMs(id)
  }

  /** A new session for a connection. */
  open(connection: number, timeoutMs: number): void {
    this.#start(sessionId(this.#nextId++), connection, timeoutMs)
  }

  /**
   * Sessions of before the server ended. Their time begins anew: how long they were silent nobody knows, and none of them could
   * be heard meanwhile.
   */
  restore(sessions: Iterable<readonly [SessionId, number]>): void {
    for (const [id, timeoutMs] of sessions) {
      this.#start(id, null, timeoutMs)
      const bits = BigInt.asUintN(64, sessionIdBits(id))
      if (bits >= this.#nextId) this.#nextId = bits + 1n
    }
  }

  #start(id: SessionId, connection: number | null, timeoutMs: number): void {
    this.#queue.touch(id, timeoutMs)
    const performers = this.#performers
    const root = this.#world.start(sessionMachine, {
      path: `${this.#world.name}/session/${id}`,
      input: { sessionId: id, timeoutMs, connection },
      performers: {
        'txn.propose': (command, send) => {
          const { txn } = command
          if (txn === 'closeSession') {
            this.#queue.remove(id)
            this.#roots.delete(id)
          }
          send({ type: 'txn.committed', txn, zxid: performers.commit(id, txn, command.timeoutMs) })
        },
        'connect.grant': command => performers.grant(command.connection, id, command.timeoutMs),
        'connect.refuse': command => performers.refuse(command.connection),
        'connection.close': command => performers.close(command.connection, command.reason),
      },
    })
    this.#roots.set(id, root)
  }

  /** A connection shows a session's id and password. */
  reconnect(
    id: SessionId,
    password: Uint8Array | null,
    connection: number,
    timeoutMs: number,
  ): void {
    const root = this.#roots.get(id)
    if (root === undefined) {
      this.#performers.refuse(connection)
      return
    }
    const passwordMatches = samePassword(password, sessionPassword(id))
    if (passwordMatches) this.#queue.touch(id, timeoutMs)
    root.send({ type: 'reconnect.requested', connection, passwordMatches, timeoutMs })
  }

  /** Its client gave a sign of life. */
  touch(id: SessionId, timeoutMs: number): void {
    if (this.#queue.has(id)) this.#queue.touch(id, timeoutMs)
  }

  connectionLost(id: SessionId, connection: number): void {
    this.#roots.get(id)?.send({ type: 'connection.lost', connection })
  }

  /** Its client says goodbye. */
  close(id: SessionId): void {
    this.#roots.get(id)?.send({ type: 'close.requested' })
  }

  /** As if its time were over. False where there is no such session. */
  expire(id: SessionId): boolean {
    const root = this.#roots.get(id)
    root?.send({ type: 'timeout.reached' })
    return root !== undefined
  }

  /** Ends the charts without a word: the server stops, its sessions do not end by that. */
  stop(): void {
    this.#queue.stop()
    for (const root of this.#roots.values()) root.stop()
    this.#roots.clear()
  }
}
