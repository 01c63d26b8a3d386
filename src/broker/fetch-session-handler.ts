/**
 * A fetcher's side of incremental fetch sessions (KIP-227): what to ask for in full, and what only where it changed. After
 * Kafka's FetchSessionHandler; unlike there a second request may be sent before the first is answered.
 */
import { errors } from '../error.ts'
import { noUuid } from '../ids.ts'
import {
  type FetchPartition,
  type FetchTopic,
  finalSessionEpoch,
  initialSessionEpoch,
  nextSessionEpoch,
  noSessionId,
  type WantedPartition,
} from './fetch-session.ts'

/** The part of a Fetch request that depends on the session. */
export interface SessionRequest {
  readonly sessionId: number
  readonly sessionEpoch: number
  readonly topics: readonly FetchTopic[]
  readonly forgottenTopicsData: readonly {
    readonly topic: string
    readonly topicId: string
    readonly partitions: readonly number[]
  }[]
}

const isSame = (a: FetchPartition, b: FetchPartition): boolean =>
  a.fetchOffset === b.fetchOffset &&
  a.currentLeaderEpoch === b.currentLeaderEpoch &&
  a.lastFetchedEpoch === b.lastFetchedEpoch &&
  a.logStartOffset === b.logStartOffset &&
  a.partitionMaxBytes === b.partitionMaxBytes

/** What is to be fetched of a partition. Whoever asks again for the same gives the same object: it is not looked at twice. */
export interface KeyedPartition extends WantedPartition {
  /** Topic, topic id and partition. */
  readonly key: string
}

function grouped(wanted: Iterable<WantedPartition>, byId: boolean): FetchTopic[] {
  const topics = new Map<string, { topic: string; topicId: string; partitions: FetchPartition[] }>()
  for (const { topic, topicId, wanted: partition } of wanted) {
    const of = topics.get(topic)
    if (of !== undefined) of.partitions.push(partition)
    else
      topics.set(topic, {
        topic: byId ? '' : topic,
        topicId: byId ? topicId : noUuid,
        partitions: [partition],
      })
  }
  return [...topics.values()]
}

export class FetchSessionHandler {
  #sessionId = noSessionId
  /** Of the next request; null while a full one is under way that may begin a session. */
  #sessionEpoch: number | null = initialSessionEpoch
  #usesTopicIds = false
  /** What the other side knows that we want. */
  #known: ReadonlyMap<string, KeyedPartition> = new Map()

  /**
   * The next request for all of these partitions. While a full one is not answered yet, the next one is a full one outside the session.
   *
   * @param byId Fetch v13+: every topic has an id.
   */
  request(wanted: readonly KeyedPartition[], byId: boolean): SessionRequest {
    if (byId !== this.#usesTopicIds) {
      // Sessions do not mix names and ids (FETCH_SESSION_TOPIC_ID_ERROR).
      this.#usesTopicIds = byId
      if (this.#sessionEpoch !== null) this.#sessionEpoch = initialSessionEpoch
    }
    const sessionEpoch = this.#sessionEpoch
    if (sessionEpoch === null)
      return {
        sessionId: noSessionId,
        sessionEpoch: finalSessionEpoch,
        topics: grouped(wanted, byId),
        forgottenTopicsData: [],
      }
    const sessionId = this.#sessionId
    const known = new Map(wanted.map(partition => [partition.key, partition]))
    const before = this.#known
    this.#known = known
    if (sessionEpoch === initialSessionEpoch) {
      this.#sessionEpoch = null
      return { sessionId, sessionEpoch, topics: grouped(wanted, byId), forgottenTopicsData: [] }
    }
    this.#sessionEpoch = nextSessionEpoch(sessionEpoch)
    const changed = wanted.filter(partition => {
      const told = before.get(partition.key)
      return told !== partition && (told === undefined || !isSame(told.wanted, partition.wanted))
    })
    const forgotten = [...before].filter(([key]) => !known.has(key)).map(([, gone]) => gone)
    return {
      sessionId,
      sessionEpoch,
      topics: grouped(changed, byId),
      forgottenTopicsData: grouped(forgotten, byId).map(({ topic, topicId, partitions }) => ({
        topic,
        topicId,
        partitions: partitions.map(({ partition }) => partition),
      })),
    }
  }

  /** What an answer says of the session. After an error the next request is a full one. */
  answered(
    request: Pick<SessionRequest, 'sessionEpoch'>,
    answer: { readonly errorCode: number; readonly sessionId: number },
  ): void {
    if (answer.errorCode !== errors.NONE) {
      if (answer.errorCode === errors.FETCH_SESSION_ID_NOT_FOUND) this.#sessionId = noSessionId
      this.#sessionEpoch = initialSessionEpoch
      return
    }
    if (request.sessionEpoch === finalSessionEpoch) return
    if (answer.sessionId === noSessionId) {
      // It has no room for us, or has closed the session.
      this.#sessionId = noSessionId
      this.#sessionEpoch = initialSessionEpoch
    } else if (request.sessionEpoch === initialSessionEpoch) {
      this.#sessionId = answer.sessionId
      this.#sessionEpoch = nextSessionEpoch(initialSessionEpoch)
    }
  }

  /** An answer did not come: nobody knows whether the request did. The old session is closed by the next. */
  failed(): void {
    this.#sessionEpoch = initialSessionEpoch
  }
}
