/**
 * An incremental fetch session as its broker sees it (KIP-227): the partitions a fetcher wants, remembered from request to request,
 * and what it was last told of each. After FetchSession.scala.
 */
import { errors } from '../error.ts'
import { noUuid, type Uuid } from '../ids.ts'
import type { Fetch } from '../protocol/api/01-fetch.ts'
import type { RequestOf, ResponseDraftOf } from '../protocol/schema.ts'

/** No session: in a request "make me one" (epoch 0) or "none, please" (epoch −1), in an answer "you have none". */
export const noSessionId = 0
/** Epoch of a full request, which may begin a session. */
export const initialSessionEpoch = 0
/** Epoch of a full request outside any session; ends the one it names. */
export const finalSessionEpoch = -1

/** Epochs wrap to 1: 0 begins a session. */
export const nextSessionEpoch = (sessionEpoch: number): number =>
  sessionEpoch >= 0x7fffffff ? 1 : sessionEpoch + 1

type FetchRequest = RequestOf<typeof Fetch>
export type FetchTopic = FetchRequest['topics'][number]
export type FetchPartition = FetchTopic['partitions'][number]

/** A partition as it is asked for: by name up to Fetch v12, by topic id from v13 on. */
export interface WantedPartition {
  readonly topic: string
  readonly topicId: Uuid
  readonly wanted: FetchPartition
}

export type FetchedTopic = NonNullable<ResponseDraftOf<typeof Fetch>['responses']>[number]
export type FetchedData = FetchedTopic['partitions'][number]

/** What is answered of a partition. */
export interface AnsweredPartition {
  readonly topic: string
  readonly topicId: Uuid
  readonly data: FetchedData
}

/** Requests and answers group partitions by topic; neighbours only, since the order counts. */
export function* wantedPartitions(topics: readonly FetchTopic[]): Generator<WantedPartition> {
  for (const { topic, topicId, partitions } of topics)
    for (const wanted of partitions) yield { topic, topicId, wanted }
}

/** The inverse of {@link wantedPartitions} for answers: neighbours of one topic under one heading. */
export function answeredTopics(answers: readonly AnsweredPartition[]): FetchedTopic[] {
  const topics: { topic: string; topicId: Uuid; partitions: FetchedData[] }[] = []
  for (const { topic, topicId, data } of answers) {
    const last = topics.at(-1)
    if (last !== undefined && last.topic === topic && last.topicId === topicId)
      last.partitions.push(data)
    else topics.push({ topic, topicId, partitions: [data] })
  }
  return topics
}

/** By id where there are ids: a topic of that name may be another one tomorrow. */
const keyOf = (topic: string, topicId: Uuid, partition: number): string =>
  `${topicId === noUuid ? topic : topicId}-${partition}`

interface SessionPartition extends WantedPartition {
  /** As last answered; −1 after an error, so that its end is told. */
  highWatermark: number
  logStartOffset: number
}

export class FetchSession {
  readonly id: number
  /** Followers' sessions: consumers' give way to them. */
  readonly isPrivileged: boolean
  readonly usesTopicIds: boolean
  readonly createdAtMs: number
  lastUsedAtMs: number
  /** What the next request must say. */
  sessionEpoch = 1
  /** In the order in which they are to be read. */
  readonly #partitions = new Map<string, SessionPartition>()

  constructor(of: {
    id: number
    isPrivileged: boolean
    usesTopicIds: boolean
    nowMs: number
    wanted: Iterable<WantedPartition>
    answers: readonly AnsweredPartition[]
  }) {
    this.id = of.id
    this.isPrivileged = of.isPrivileged
    this.usesTopicIds = of.usesTopicIds
    this.createdAtMs = of.nowMs
    this.lastUsedAtMs = of.nowMs
    for (const partition of of.wanted) this.#want(partition)
    for (const { topic, topicId, data } of of.answers) {
      const partition = this.#partitions.get(keyOf(topic, topicId, data.partitionIndex))
      if (partition === undefined) continue
      partition.highWatermark = data.errorCode === errors.NONE ? data.highWatermark : -1
      partition.logStartOffset = data.logStartOffset ?? -1
    }
  }

  /** Partitions in it. */
  get size(): number {
    return this.#partitions.size
  }

  /** What is wanted now, in the order of reading. */
  get wanted(): readonly WantedPartition[] {
    return [...this.#partitions.values()]
  }

  #want({ topic, topicId, wanted }: WantedPartition): void {
    const key = keyOf(topic, topicId, wanted.partition)
    const before = this.#partitions.get(key)
    const { highWatermark = -1, logStartOffset = -1 } = before ?? {}
    this.#partitions.set(key, { topic, topicId, wanted, highWatermark, logStartOffset })
  }

  /** Takes in an incremental request: what it adds, changes and forgets. */
  update(request: Pick<FetchRequest, 'topics' | 'forgottenTopicsData'>): void {
    for (const partition of wantedPartitions(request.topics)) this.#want(partition)
    for (const { topic, topicId, partitions } of request.forgottenTopicsData)
      for (const partition of partitions) this.#partitions.delete(keyOf(topic, topicId, partition))
  }

  /**
   * Those of the answers that say something new: records, another high watermark or log start, an error, a divergence, another
   * replica to read from. They are remembered as told; partitions that had records go to the end of the order, so that all get their turn.
   */
  news(answers: readonly AnsweredPartition[]): readonly AnsweredPartition[] {
    return answers.filter(({ topic, topicId, data }) => {
      const key = keyOf(topic, topicId, data.partitionIndex)
      const partition = this.#partitions.get(key)
      // Forgotten by a later request while this one waited.
      if (partition === undefined) return false
      const hasRecords = data.records !== null && data.records.length > 0
      const failed = data.errorCode !== errors.NONE
      const highWatermark = failed ? -1 : data.highWatermark
      const logStartOffset = data.logStartOffset ?? -1
      const isNews =
        hasRecords ||
        failed ||
        partition.highWatermark !== highWatermark ||
        partition.logStartOffset !== logStartOffset ||
        (data.preferredReadReplica ?? -1) !== -1 ||
        (data.divergingEpoch?.endOffset ?? -1) !== -1
      partition.highWatermark = highWatermark
      partition.logStartOffset = logStartOffset
      if (hasRecords) {
        this.#partitions.delete(key)
        this.#partitions.set(key, partition)
      }
      return isNews
    })
  }
}
