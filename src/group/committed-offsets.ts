/** How far a group has read: its committed offsets, those under way, and when they expire. After GroupMetadata's offsets. */
import type { TopicPartition } from '../ids.ts'

export interface CommittedOffset {
  readonly offset: number
  /** Of the last record read; −1 where the client did not say. */
  readonly leaderEpoch: number
  /** Whatever the client keeps beside it. */
  readonly metadata: string
  readonly commitTimestampMs: number
  /** Where the client asked for a retention of its own (OffsetCommit v2–4); null for the broker's. */
  readonly expireTimestampMs: number | null
}

/** A commit and where its record stands in `__consumer_offsets`: of two, the later record counts. */
interface Recorded {
  readonly commit: CommittedOffset
  readonly recordOffset: number
}

export interface OffsetEntry extends TopicPartition {
  readonly commit: CommittedOffset
}

/** A group as far as it matters for its offsets' expiry (KIP-211). */
export interface ExpiryRules {
  readonly nowMs: number
  /** `offsets.retention.minutes`, in ms. */
  readonly retentionMs: number
  /** Null: consumers that manage themselves. */
  readonly protocolType: string | null
  readonly state: 'Empty' | 'Stable' | 'other'
  /** Since when the group is Empty; null where its record does not say. */
  readonly emptySinceMs: number | null
  /** What its members subscribe to; null where they do not say. */
  readonly subscribedTopics: ReadonlySet<string> | null
}

/** A map by topic and partition. */
class ByPartition<V> {
  readonly #topics = new Map<string, Map<number, V>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  get({ topic, partition }: TopicPartition): V | undefined {
    return this.#topics.get(topic)?.get(partition)
  }

  set({ topic, partition }: TopicPartition, value: V): void {
    let partitions = this.#topics.get(topic)
    if (partitions === undefined) {
      partitions = new Map()
      this.#topics.set(topic, partitions)
    }
    if (!partitions.has(partition)) this.#size++
    partitions.set(partition, value)
  }

  delete({ topic, partition }: TopicPartition): V | undefined {
    const partitions = this.#topics.get(topic)
    const value = partitions?.get(partition)
    if (partitions === undefined || !partitions.delete(partition)) return undefined
    this.#size--
    if (partitions.size === 0) this.#topics.delete(topic)
    return value
  }

  *[Symbol.iterator](): Generator<[TopicPartition, V]> {
    for (const [topic, partitions] of this.#topics)
      for (const [partition, value] of partitions) yield [{ topic, partition }, value]
  }
}

/** The offsets of one group. */
export class CommittedOffsets {
  readonly #committed = new ByPartition<Recorded>()
  /** Several may be under way for one partition: whichever the log has, counts. */
  readonly #staged = new ByPartition<Set<CommittedOffset>>()
  /** By producer: offsets in transactions that are not decided yet. */
  readonly #transactional = new Map<number, ByPartition<Recorded>>()

  get(partition: TopicPartition): CommittedOffset | undefined {
    return this.#committed.get(partition)?.commit
  }

  all(): OffsetEntry[] {
    return Array.from(this.#committed, ([partition, { commit }]) => ({ ...partition, commit }))
  }

  /** Nothing committed and nothing under way: an empty group without these may go. */
  get isEmpty(): boolean {
    return this.#committed.size === 0 && this.#staged.size === 0 && this.#transactional.size === 0
  }

  /** A commit is on its way into the log. */
  stage(partition: TopicPartition, commit: CommittedOffset): void {
    const staged = this.#staged.get(partition)
    if (staged === undefined) this.#staged.set(partition, new Set([commit]))
    else staged.add(commit)
  }

  /** The in-sync replicas have it. Where the partition was forgotten meanwhile (its topic is gone) it is too late. */
  appended(partition: TopicPartition, commit: CommittedOffset, recordOffset: number): void {
    if (this.#unstage(partition, commit)) this.#put(partition, { commit, recordOffset })
  }

  /** It could not be written. */
  failed(partition: TopicPartition, commit: CommittedOffset): void {
    this.#unstage(partition, commit)
  }

  #unstage(partition: TopicPartition, commit: CommittedOffset): boolean {
    const staged = this.#staged.get(partition)
    if (staged === undefined || !staged.delete(commit)) return false
    if (staged.size === 0) this.#staged.delete(partition)
    return true
  }

  /** Something newer than what is committed may be about to count (KIP-447). */
  isUnderWay(partition: TopicPartition): boolean {
    if (this.#staged.get(partition) !== undefined) return true
    for (const pending of this.#transactional.values())
      if (pending.get(partition) !== undefined) return true
    return false
  }

  /** From the log. */
  load(partition: TopicPartition, commit: CommittedOffset, recordOffset: number): void {
    this.#put(partition, { commit, recordOffset })
  }

  /** Part of a producer's transaction: counts when that is committed. */
  addTransactional(
    producerId: number,
    partition: TopicPartition,
    commit: CommittedOffset,
    recordOffset: number,
  ): void {
    let pending = this.#transactional.get(producerId)
    if (pending === undefined) {
      pending = new ByPartition()
      this.#transactional.set(producerId, pending)
    }
    pending.set(partition, { commit, recordOffset })
  }

  /** The producer's transaction is decided. */
  completeTransaction(producerId: number, isCommitted: boolean): void {
    const pending = this.#transactional.get(producerId)
    this.#transactional.delete(producerId)
    if (pending === undefined || !isCommitted) return
    for (const [partition, recorded] of pending) this.#put(partition, recorded)
  }

  /** Forgets them, also those under way; returns those that had been committed. */
  remove(partitions: Iterable<TopicPartition>): TopicPartition[] {
    const removed: TopicPartition[] = []
    for (const partition of partitions) {
      this.#staged.delete(partition)
      for (const [producerId, pending] of this.#transactional) {
        pending.delete(partition)
        if (pending.size === 0) this.#transactional.delete(producerId)
      }
      if (this.#committed.delete(partition) !== undefined) removed.push(partition)
    }
    return removed
  }

  /** Those whose time is over; they stay until removed. Nothing expires under a commit. */
  expired(rules: ExpiryRules): TopicPartition[] {
    const { nowMs, retentionMs, protocolType, state, emptySinceMs, subscribedTopics } = rules
    let keep: ReadonlySet<string> = new Set()
    let sinceMs = (commit: CommittedOffset): number => commit.commitTimestampMs
    if (protocolType !== null && state === 'Empty') {
      // An empty group's offsets expire together, so that it can come back to all of them or to none.
      sinceMs = commit => emptySinceMs ?? commit.commitTimestampMs
    } else if (protocolType === 'consumer' && state === 'Stable' && subscribedTopics !== null) {
      keep = subscribedTopics
    } else if (protocolType !== null) return []
    return Array.from(this.#committed)
      .filter(([partition, { commit }]) => {
        if (keep.has(partition.topic) || this.#staged.get(partition) !== undefined) return false
        if (commit.expireTimestampMs !== null) return nowMs >= commit.expireTimestampMs
        return nowMs - sinceMs(commit) >= retentionMs
      })
      .map(([partition]) => partition)
  }

  #put(partition: TopicPartition, recorded: Recorded): void {
    const present = this.#committed.get(partition)
    if (present === undefined || present.recordOffset <= recorded.recordOffset)
      this.#committed.set(partition, recorded)
  }
}
