import type { Subscription } from 'rxjs'
import { errors } from '../../src/error.ts'
import { type BrokerId, noBroker, noUuid } from '../../src/ids.ts'
import { Fetch, type FetchResponse } from '../../src/protocol/index.ts'
import type { BrokerConnections } from './broker-connections.ts'
import { byTopic } from './by-topic.ts'
import type { ClusterMetadata, LearnedLeader } from './cluster-metadata.ts'
import type { CompleteConsumerConfig } from './consumer-config.ts'
import { fetchedRecords } from './fetched-records.ts'
import type { KafkaError } from './kafka-error.ts'
import type { PartitionReader } from './partition-reader.ts'

type FetchedPartition = FetchResponse['responses'][number]['partitions'][number]

interface AskedPartition {
  readonly reader: PartitionReader
  readonly topic: string
  readonly partition: number
  readonly run: number
  readonly fetchOffset: number
  readonly leaderEpoch: number
}

/** The last version with names; the later ones ask by topic id. */
const lastVersionWithNames = 12

/**
 * Asks leaders for records: one Fetch under way at each, for all partitions that want some. After Kafka's Fetcher, without fetch
 * sessions.
 */
export class Fetcher {
  readonly #config: CompleteConsumerConfig
  readonly #connections: BrokerConnections
  readonly #metadata: ClusterMetadata
  readonly #answered: () => void
  readonly #underWay = new Map<BrokerId, Subscription>()

  /** @param answered hears after each answer, when the readers have taken it in */
  constructor(
    config: CompleteConsumerConfig,
    connections: BrokerConnections,
    metadata: ClusterMetadata,
    answered: () => void,
  ) {
    this.#config = config
    this.#connections = connections
    this.#metadata = metadata
    this.#answered = answered
  }

  /** Asks the leaders of those that want records, where nothing is under way. */
  fetch(readers: Iterable<PartitionReader>): void {
    const byLeader = new Map<BrokerId, AskedPartition[]>()
    for (const reader of readers) {
      if (!reader.wantsRecords) continue
      const { leaderId, leaderEpoch, run, fetchOffset } = reader.context
      if (leaderId === noBroker || this.#underWay.has(leaderId)) continue
      const { topic, partition } = reader
      const asked = { reader, topic, partition, run, fetchOffset, leaderEpoch }
      byLeader.set(leaderId, [...(byLeader.get(leaderId) ?? []), asked])
    }
    for (const [leaderId, asked] of byLeader) this.#ask(leaderId, asked)
  }

  stop(): void {
    for (const subscription of this.#underWay.values()) subscription.unsubscribe()
    this.#underWay.clear()
  }

  #ask(leaderId: BrokerId, asked: readonly AskedPartition[]): void {
    const config = this.#config
    const topicIdOf = (name: string) => this.#metadata.topic(name)?.topicId ?? noUuid
    const topics = byTopic(asked, ({ partition, fetchOffset, leaderEpoch }) => ({
      partition,
      currentLeaderEpoch: leaderEpoch,
      fetchOffset,
      partitionMaxBytes: config.maxPartitionFetchBytes,
    })).map(({ topic, partitions }) => ({ topic, topicId: topicIdOf(topic), partitions }))
    const haveIds = topics.every(({ topicId }) => topicId !== noUuid)
    const done = (): void => {
      this.#underWay.delete(leaderId)
      this.#answered()
    }
    const subscription = this.#connections
      .request(
        leaderId,
        Fetch,
        {
          maxWaitMs: config.fetchMaxWaitMs,
          minBytes: config.fetchMinBytes,
          maxBytes: config.fetchMaxBytes,
          isolationLevel: config.isolationLevel === 'read_committed' ? 1 : 0,
          topics,
        },
        haveIds ? {} : { maxVersion: lastVersionWithNames },
      )
      .subscribe({
        next: response => {
          this.#take(asked, topics, response)
          done()
        },
        error: ({ code, message }: KafkaError) => {
          for (const one of asked) refuse(one, code, message)
          done()
        },
      })
    if (!subscription.closed) this.#underWay.set(leaderId, subscription)
  }

  #take(
    asked: readonly AskedPartition[],
    topics: readonly { readonly topic: string; readonly topicId: string }[],
    response: FetchResponse,
  ): void {
    this.#connections.learn(response.nodeEndpoints)
    const answers = new Map<string, FetchedPartition>()
    for (const { topic, topicId, partitions } of response.responses) {
      const name = topic !== '' ? topic : topics.find(other => other.topicId === topicId)?.topic
      for (const answer of partitions) answers.set(`${name}-${answer.partitionIndex}`, answer)
    }
    const leaders: LearnedLeader[] = []
    for (const one of asked) {
      const answer = answers.get(one.reader.key)
      if (response.errorCode !== errors.NONE) refuse(one, response.errorCode, null)
      else if (answer !== undefined) {
        const { topic, partition } = one
        if (answer.currentLeader.leaderId >= 0)
          leaders.push({ topic, partition, ...answer.currentLeader })
        this.#takePartition(one, answer)
      }
    }
    // Last: who refused has been heard by then, and a new leader ends its wait (KIP-951).
    for (const leader of leaders) this.#metadata.learn(leader)
  }

  #takePartition(asked: AskedPartition, answer: FetchedPartition): void {
    const { reader, fetchOffset } = asked
    if (!isCurrent(asked)) return
    if (answer.errorCode !== errors.NONE) {
      refuse(asked, answer.errorCode, null)
      return
    }
    const { isolationLevel, checkCrcs, compression } = this.#config
    reader.highWatermark =
      isolationLevel === 'read_committed' && answer.lastStableOffset >= 0
        ? answer.lastStableOffset
        : answer.highWatermark
    const { records, nextOffset, leaderEpoch, failure } = fetchedRecords(
      reader,
      answer.records ?? new Uint8Array(0),
      {
        fetchOffset,
        checkCrcs,
        compression,
        aborted: isolationLevel === 'read_committed' ? (answer.abortedTransactions ?? []) : null,
      },
    )
    // What comes before the trouble is read first; the trouble is met again by the next fetch.
    if (nextOffset > fetchOffset) reader.fetched(records, nextOffset, leaderEpoch)
    else if (failure !== null) refuse(asked, failure.errorCode, failure.message)
  }
}

/** Nothing has happened to the reader since it was asked for. */
const isCurrent = ({ reader, run, fetchOffset }: AskedPartition): boolean => {
  const { context } = reader
  return context.run === run && context.fetchOffset === fetchOffset && !reader.isLeaving
}

function refuse(asked: AskedPartition, errorCode: number, detail: string | null): void {
  if (!isCurrent(asked)) return
  asked.reader.detail = detail
  asked.reader.send({ type: 'fetch.refused', run: asked.run, errorCode })
}
