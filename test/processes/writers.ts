import { Kafka, logLevel } from 'kafkajs'
import type { TopicPartition } from '../../src/ids.ts'
import type { Ledger } from '../interop/ledger.ts'
import type { Clients } from './clients.ts'

/** Somebody who sends one record after another, with acks=all, until told to stop. */
export interface Writer {
  /** Sends no more; resolves when all is answered. */
  stop(): Promise<void>
}

/** Mean pause between two records of one writer, ms. */
const pauseMs = 6

const pause = (): Promise<void> =>
  new Promise(resolve => setTimeout(resolve, 2 * pauseMs * Math.random()))

/** The library's producer, many records under way. */
export function startOwnWriter(
  clients: Clients,
  ledger: Ledger,
  options: { name: string; isIdempotent: boolean; topic: string; partitions: number },
): Writer {
  const { name, isIdempotent, topic, partitions } = options
  ledger.sender(name, { isOnce: isIdempotent, isOrdered: isIdempotent })
  const producer = clients.producer(name, {
    acks: -1,
    enableIdempotence: isIdempotent,
    requestTimeoutMs: 5000,
    metadataMaxAgeMs: 5000,
  })
  const underWay = new Set<Promise<unknown>>()
  let isSending = true
  const loop = (async () => {
    for (let next = 0; isSending; next++) {
      const at: TopicPartition = { topic, partition: next % partitions }
      // A producer that waits for a cluster without leaders is not fed for ever.
      if (underWay.size < 200) {
        const sent = ledger.send(name, at, async value => {
          const { offset } = await producer.send({ ...at, value })
          return offset
        })
        underWay.add(sent)
        void sent.then(() => underWay.delete(sent))
      }
      await pause()
    }
  })()
  return {
    async stop() {
      isSending = false
      await loop
      await Promise.all(underWay)
      await producer.close()
    },
  }
}

/** kafkajs, one record after the other. */
export async function startKafkajsWriter(
  bootstrapServers: string,
  ledger: Ledger,
  options: { name: string; isIdempotent: boolean; topic: string; partition: number },
): Promise<Writer> {
  const { name, isIdempotent, topic, partition } = options
  let lives = 0
  const another = async () => {
    const process = `${name}-${++lives}`
    ledger.sender(process, { isOnce: isIdempotent, isOrdered: true })
    const producer = new Kafka({
      clientId: process,
      brokers: bootstrapServers.split(','),
      logLevel: logLevel.NOTHING,
      requestTimeout: 5000,
      retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 500 },
    }).producer({ idempotent: isIdempotent })
    await producer.connect()
    const send = (): Promise<boolean> =>
      ledger.send(process, { topic, partition }, async value => {
        const [answer] = await producer.send({
          topic,
          acks: -1,
          messages: [{ partition, value }],
        })
        return Number(answer?.baseOffset ?? -1)
      })
    return { send, end: () => producer.disconnect() }
  }
  let isSending = true
  let writer = await another()
  const loop = (async () => {
    while (isSending) {
      // A send that is given up leaves its sequence number to the next, which is then taken for the same one.
      if (!(await writer.send()) && isIdempotent) {
        await writer.end()
        writer = await another()
      }
      await pause()
    }
  })()
  return {
    async stop() {
      isSending = false
      await loop
      await writer.end()
    },
  }
}
