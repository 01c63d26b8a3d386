import type { ServerResponse } from 'node:http'
import type { Cluster } from '../actors/cluster.ts'
import type { ProducerHandle } from '../actors/index.ts'
import { openEventStream } from './sse.ts'

/** Bytes of a key or value that a page is shown. */
const shownBytesMax = 2048

const decoder = new TextDecoder()

/** As text; null stays null. */
function shown(bytes: Uint8Array | null): { readonly text: string; readonly bytes: number } | null {
  if (bytes === null) return null
  return { text: decoder.decode(bytes.subarray(0, shownBytesMax)), bytes: bytes.length }
}

/** Records for the page: what a topic holds and what comes, and one written by hand. By clients like any other: they show in the story. */
export class Records {
  readonly #cluster: Cluster
  #producer: ProducerHandle | undefined
  #tails = 0

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** Writes one record and answers where it stands. @throws KafkaError */
  async send(record: {
    readonly topic: string
    readonly partition?: number
    readonly key: string | null
    readonly value: string | null
  }): Promise<{ readonly partition: number; readonly offset: number | null }> {
    this.#producer ??= this.#cluster.producer('page')
    const { partition, offset } = await this.#producer.send(record)
    return { partition, offset }
  }

  /** Server-sent events: `records`, from the beginning of the topic's partitions or from their ends on. */
  tail(topic: string, from: 'earliest' | 'latest', response: ServerResponse): void {
    const consumer = this.#cluster.consumer(`page-tail-${++this.#tails}`, {
      topics: [topic],
      autoOffsetReset: from,
      allowAutoCreateTopics: false,
    })
    const stream = openEventStream(response, () => {
      batches.unsubscribe()
      events.unsubscribe()
      consumer.close().catch(() => consumer.kill())
    })
    const batches = consumer.batches.subscribe({
      next: ({ records }) =>
        stream.write(
          'records',
          records.map(({ partition, offset, timestamp, leaderEpoch, key, value }) => ({
            partition,
            offset,
            timestamp,
            leaderEpoch,
            key: shown(key),
            value: shown(value),
          })),
        ),
      error: (error: Error) => stream.write('refused', { error: error.message }),
    })
    const events = consumer.events.subscribe({
      next: event => {
        if (event.type === 'error') stream.write('refused', { error: event.error.message })
        else if (event.type === 'positioned')
          stream.write('positioned', { ...event.partition, offset: event.offset })
      },
      error: () => {},
    })
  }

  async close(): Promise<void> {
    await this.#producer?.close()
  }
}
