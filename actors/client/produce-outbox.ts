import { type ErrorCode, errors } from '../../src/error.ts'
import type { BrokerId, TopicPartition } from '../../src/ids.ts'
import { Produce, type ProduceResponse } from '../../src/protocol/index.ts'
import type { BrokerConnections } from './broker-connections.ts'
import { byTopic } from './by-topic.ts'
import type { LearnedLeader } from './cluster-metadata.ts'
import type { KafkaError } from './kafka-error.ts'

/** A batch to go out, as its chart says. */
export interface Outgoing extends TopicPartition {
  readonly batch: number
  readonly leaderId: BrokerId
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
}

/** What a broker said of one batch. */
export interface ProduceAnswer {
  readonly errorCode: ErrorCode
  readonly baseOffset: number
  readonly logAppendTimeMs: number
  readonly errorMessage: string | null
}

export interface OutboxOptions {
  readonly acks: -1 | 0 | 1
  readonly requestTimeoutMs: number
  readonly maxInFlightRequestsPerConnection: number
  readonly maxRequestSize: number
  /** The bytes of a batch; undefined where it has been given up meanwhile. */
  encode(outgoing: Outgoing): Uint8Array | undefined
  answered(outgoing: Outgoing, answer: ProduceAnswer): void
  leaderLearned(leader: LearnedLeader): void
}

/**
 * Batches that may leave, by the broker they go to, put together into requests: one batch of a partition in each, so many
 * requests under way to a broker at once. After Kafka's Sender.sendProduceRequests.
 */
export class ProduceOutbox {
  readonly #connections: BrokerConnections
  readonly #options: OutboxOptions
  readonly #queues = new Map<BrokerId, Outgoing[]>()
  readonly #underWay = new Map<BrokerId, number>()

  constructor(connections: BrokerConnections, options: OutboxOptions) {
    this.#connections = connections
    this.#options = options
  }

  add(outgoing: Outgoing): void {
    const queue = this.#queues.get(outgoing.leaderId)
    if (queue === undefined) this.#queues.set(outgoing.leaderId, [outgoing])
    else queue.push(outgoing)
  }

  /** Sends what may go. */
  flush(): void {
    for (const [leaderId, queue] of this.#queues) {
      const { maxInFlightRequestsPerConnection: max } = this.#options
      while (queue.length > 0 && (this.#underWay.get(leaderId) ?? 0) < max)
        this.#send(leaderId, queue)
      if (queue.length === 0) this.#queues.delete(leaderId)
    }
  }

  #send(leaderId: BrokerId, queue: Outgoing[]): void {
    const { encode, maxRequestSize, acks, requestTimeoutMs } = this.#options
    const chosen: { outgoing: Outgoing; topic: string; partition: number; records: Uint8Array }[] =
      []
    let size = 0
    for (let at = 0; at < queue.length; ) {
      const outgoing = queue[at] as Outgoing
      const { topic, partition } = outgoing
      const records = encode(outgoing)
      if (records === undefined) {
        queue.splice(at, 1)
        continue
      }
      if (chosen.length > 0 && size + records.length > maxRequestSize) break
      if (chosen.some(other => other.topic === topic && other.partition === partition)) {
        at++
        continue
      }
      queue.splice(at, 1)
      size += records.length
      chosen.push({ outgoing, topic, partition, records })
    }
    if (chosen.length === 0) return
    this.#underWay.set(leaderId, (this.#underWay.get(leaderId) ?? 0) + 1)
    const batches = chosen.map(({ outgoing }) => outgoing)
    let isAnswered = false
    const finish = (answers: (outgoing: Outgoing) => ProduceAnswer): void => {
      if (isAnswered) return
      isAnswered = true
      this.#underWay.set(leaderId, (this.#underWay.get(leaderId) ?? 1) - 1)
      for (const outgoing of batches) this.#options.answered(outgoing, answers(outgoing))
    }
    this.#connections
      .request(
        leaderId,
        Produce,
        {
          acks,
          timeoutMs: requestTimeoutMs,
          topicData: byTopic(chosen, ({ partition, records }) => ({
            index: partition,
            records,
          })).map(({ topic, partitions }) => ({ name: topic, partitionData: partitions })),
        },
        { timeoutMs: requestTimeoutMs, answered: acks !== 0 },
      )
      .subscribe({
        next: response => {
          this.#learn(response)
          finish(outgoing => answerTo(response, outgoing))
        },
        error: (error: KafkaError) => finish(() => failed(error.code, error.message)),
        // acks=0: nobody answers.
        complete: () => finish(() => unanswered),
      })
  }

  /** KIP-951: a broker that no longer leads may say who does. */
  #learn(response: ProduceResponse): void {
    this.#connections.learn(response.nodeEndpoints)
    for (const { name: topic, partitionResponses } of response.responses)
      for (const { index: partition, currentLeader } of partitionResponses)
        if (currentLeader.leaderId >= 0)
          this.#options.leaderLearned({ topic, partition, ...currentLeader })
  }
}

const failed = (errorCode: ErrorCode, errorMessage: string | null): ProduceAnswer => ({
  errorCode,
  baseOffset: -1,
  logAppendTimeMs: -1,
  errorMessage,
})

const unanswered = failed(errors.NONE, null)

const answerTo = ({ responses }: ProduceResponse, { topic, partition }: Outgoing): ProduceAnswer =>
  responses
    .find(({ name }) => name === topic)
    ?.partitionResponses.find(({ index }) => index === partition) ??
  failed(errors.UNKNOWN_SERVER_ERROR, 'the answer leaves this partition out')
