import {
  type AnsweredPartition,
  FetchSession,
  finalSessionEpoch,
  initialSessionEpoch,
  nextSessionEpoch,
  noSessionId,
  type WantedPartition,
  wantedPartitions,
} from '../../src/broker/fetch-session.ts'
import { type ErrorCode, errors } from '../../src/error.ts'
import { fetchSessionIdleMsMin } from '../../src/limits.ts'
import type { Random } from '../../src/ports.ts'
import type { Fetch, RequestOf } from '../../src/protocol/index.ts'

/** What a Fetch request stands for, its session taken into account. */
export interface FetchContext {
  /** The whole answer, where not NONE. */
  readonly errorCode: ErrorCode
  /** All that is wanted, in the order of reading. */
  readonly wanted: readonly WantedPartition[]
  /** What of the answers is to be sent, and the session's id. To be called once, when the answer leaves. */
  answer(answers: readonly AnsweredPartition[]): {
    readonly sessionId: number
    readonly answers: readonly AnsweredPartition[]
  }
}

/**
 * The incremental fetch sessions of one broker, in a bounded number of slots (KIP-227). When all are taken, a new session may take
 * the place of one that was idle for two minutes; else a follower's that of a consumer's; else a larger one that of a smaller one, if
 * that is no newcomer. After FetchSessionCache and FetchManager.
 */
export class FetchSessions {
  readonly #slots: number
  readonly #random: Random
  readonly #sessions = new Map<number, FetchSession>()
  /** Fetches that wait for data, by the number of their connection: what ends the waiting. */
  readonly waiting = new Map<number, () => void>()

  /** @param slots `max.incremental.fetch.session.cache.slots` */
  constructor(slots: number, random: Random) {
    this.#slots = slots
    this.#random = random
  }

  get size(): number {
    return this.#sessions.size
  }

  /** What a session stands for besides what a request of it says; nothing where there is no such session. */
  wantedBy(sessionId: number): readonly WantedPartition[] {
    return this.#sessions.get(sessionId)?.wanted ?? []
  }

  /** Takes in a request. An incremental one counts from now on: its epoch is used up. */
  begin(
    request: Pick<
      RequestOf<typeof Fetch>,
      'sessionId' | 'sessionEpoch' | 'topics' | 'forgottenTopicsData'
    >,
    from: { readonly usesTopicIds: boolean; readonly isFollower: boolean; readonly nowMs: number },
  ): FetchContext {
    const { sessionId, sessionEpoch } = request
    if (sessionEpoch === initialSessionEpoch || sessionEpoch === finalSessionEpoch) {
      this.#sessions.delete(sessionId)
      const wanted = [...wantedPartitions(request.topics)]
      return sessionEpoch === finalSessionEpoch ? sessionless(wanted) : this.#full(wanted, from)
    }
    const session = this.#sessions.get(sessionId)
    if (session === undefined) return refused(errors.FETCH_SESSION_ID_NOT_FOUND)
    if (session.sessionEpoch !== sessionEpoch) return refused(errors.INVALID_FETCH_SESSION_EPOCH)
    if (session.usesTopicIds !== from.usesTopicIds)
      return refused(errors.FETCH_SESSION_TOPIC_ID_ERROR)
    session.update(request)
    if (session.size === 0) {
      this.#sessions.delete(sessionId)
      return sessionless([])
    }
    session.lastUsedAtMs = from.nowMs
    session.sessionEpoch = nextSessionEpoch(sessionEpoch)
    return {
      errorCode: errors.NONE,
      wanted: session.wanted,
      answer: answers => ({ sessionId, answers: session.news(answers) }),
    }
  }

  #full(
    wanted: readonly WantedPartition[],
    from: { readonly usesTopicIds: boolean; readonly isFollower: boolean; readonly nowMs: number },
  ): FetchContext {
    const { usesTopicIds, isFollower: isPrivileged, nowMs } = from
    return {
      errorCode: errors.NONE,
      wanted,
      answer: answers => {
        if (!this.#makeRoom(isPrivileged, wanted.length, nowMs))
          return { sessionId: noSessionId, answers }
        const id = this.#newId()
        this.#sessions.set(
          id,
          new FetchSession({ id, isPrivileged, usesTopicIds, nowMs, wanted, answers }),
        )
        return { sessionId: id, answers }
      },
    }
  }

  #newId(): number {
    for (;;) {
      const id = 1 + Math.floor(this.#random.next() * 0x7ffffffe)
      if (!this.#sessions.has(id)) return id
    }
  }

  #makeRoom(isPrivileged: boolean, size: number, nowMs: number): boolean {
    if (this.#sessions.size < this.#slots) return true
    const evicted = this.#evictable(isPrivileged, size, nowMs)
    return evicted !== undefined && this.#sessions.delete(evicted.id)
  }

  #evictable(isPrivileged: boolean, size: number, nowMs: number): FetchSession | undefined {
    let least: FetchSession | undefined
    for (const session of this.#sessions.values()) {
      if (nowMs - session.lastUsedAtMs > fetchSessionIdleMsMin) return session
      const isOld = nowMs - session.createdAtMs > fetchSessionIdleMsMin
      if (!isOld && !(isPrivileged && !session.isPrivileged)) continue
      if (least === undefined || worth(session) < worth(least)) least = session
    }
    return least !== undefined && worth({ isPrivileged, size }) >= worth(least) ? least : undefined
  }
}

/** Followers' before consumers', then the larger. */
const worth = ({ isPrivileged, size }: { isPrivileged: boolean; size: number }): number =>
  (isPrivileged ? 2 ** 32 : 0) + size

const sessionless = (wanted: readonly WantedPartition[]): FetchContext => ({
  errorCode: errors.NONE,
  wanted,
  answer: answers => ({ sessionId: noSessionId, answers }),
})

const refused = (errorCode: ErrorCode): FetchContext => ({ ...sessionless([]), errorCode })
