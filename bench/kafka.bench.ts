/**
 * A cluster that replicates beside the least a broker on `node:net` can do (`kafka/floor.ts`), under the same clients, in turns within one
 * run: `npm run bench -- kafka`. The cluster and the floor are processes of their own, each with three listeners; six partitions of three replicas, acks=all.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { Producer } from '@platformatic/kafka'
import {
  type Api,
  ApiVersions,
  CreateTopics,
  DeleteTopics,
  encodeResponse,
  Fetch,
  Metadata,
  Produce,
  type ResponseDraftOf,
} from '../src/protocol/index.ts'
import { Connection } from '../test/contract/wire.ts'
import type { FloorAnswers } from './kafka/floor.ts'
import {
  accepted,
  fetchRequest,
  fetchVersion,
  fullBatch,
  Line,
  oneByOne,
  pipelined,
  produceRequest,
  produceVersion,
  readAll,
} from './kafka/load.ts'
import { median, table } from './report.ts'

const rounds = Number(process.env.ROUNDS ?? 5)
const partitionCount = 6
const metadataVersion = 9
const mebibyte = 1024 * 1024
const batchBytes = 64 * 1024
/** Of each broker's partitions in one request. */
const depth = 4

interface Server {
  readonly name: string
  readonly child: ChildProcess
  readonly ports: readonly number[]
}

const told = <T>(child: ChildProcess): Promise<T> =>
  new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`a server ended with ${code}`))
    child.once('exit', ended)
    child.once('message', message => {
      child.off('exit', ended)
      resolve(message as T)
    })
  })

async function start(name: string): Promise<Server> {
  const child = fork(join(import.meta.dirname, 'kafka', `${name}.ts`))
  const { ports } = await told<{ ports: number[] }>(child)
  return { name, child, ports }
}

const cluster = await start('cluster')
const floor = await start('floor')
const control = await Connection.open(`127.0.0.1:${cluster.ports[0]}`)

let topics = 0
/** A topic whose partitions `at` and `at + 3` are led by the broker `at + 1`. */
async function newTopic(): Promise<string> {
  const name = `bench-${++topics}`
  const assignments = Array.from({ length: partitionCount }, (_, partitionIndex) => ({
    partitionIndex,
    brokerIds: [0, 1, 2].map(replica => ((partitionIndex + replica) % 3) + 1),
  }))
  await control.request(CreateTopics, 5, {
    topics: [{ name, numPartitions: -1, replicationFactor: -1, assignments, configs: [] }],
    timeoutMs: 10_000,
  })
  for (;;) {
    const { topics: known } = await control.request(Metadata, metadataVersion, {
      topics: [{ name }],
    })
    const partitions = known[0]?.partitions ?? []
    if (partitions.length === partitionCount && partitions.every(({ leaderId }) => leaderId > 0))
      return name
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
const deleteTopic = (name: string) =>
  control.request(DeleteTopics, 5, { topicNames: [name], timeoutMs: 10_000 })

const ledBy = [0, 1, 2].map(broker => [broker, broker + 3])

const body = <A extends Api>(api: A, version: number, answer: ResponseDraftOf<A>): string =>
  Buffer.concat(encodeResponse(api, version, 0, answer))
    .subarray(8)
    .toString('base64')

/** Has the floor answer for this topic as a cluster would. */
async function teachFloor(topic: string, fetched: Uint8Array): Promise<void> {
  const answers: FloorAnswers = ledBy.map(partitions => ({
    [Produce.key]: body(Produce, produceVersion, {
      responses: [
        {
          name: topic,
          partitionResponses: partitions.map(index => ({ index, errorCode: 0, baseOffset: 0 })),
        },
      ],
    }),
    [Fetch.key]: body(Fetch, fetchVersion, {
      responses: [
        {
          topic,
          partitions: partitions.map(partitionIndex => ({
            partitionIndex,
            errorCode: 0,
            highWatermark: 0,
            abortedTransactions: null,
            records: fetched,
          })),
        },
      ],
    }),
    [Metadata.key]: body(Metadata, metadataVersion, {
      brokers: floor.ports.map((port, at) => ({ nodeId: at + 1, host: '127.0.0.1', port })),
      clusterId: 'floor',
      controllerId: 1,
      topics: [
        {
          errorCode: 0,
          name: topic,
          partitions: Array.from({ length: partitionCount }, (_, partitionIndex) => ({
            errorCode: 0,
            partitionIndex,
            leaderId: (partitionIndex % 3) + 1,
            replicaNodes: [1, 2, 3],
            isrNodes: [1, 2, 3],
          })),
        },
      ],
    }),
    [ApiVersions.key]: body(ApiVersions, 3, {
      errorCode: 0,
      apiKeys: [
        { apiKey: Produce.key, minVersion: produceVersion, maxVersion: produceVersion },
        { apiKey: Fetch.key, minVersion: fetchVersion, maxVersion: fetchVersion },
        { apiKey: Metadata.key, minVersion: metadataVersion, maxVersion: metadataVersion },
        { apiKey: ApiVersions.key, minVersion: 3, maxVersion: 3 },
      ],
    }),
  }))
  floor.child.send(answers)
  await told(floor.child)
}

type Measure = (server: Server, topic: string) => Promise<number>

const rows: string[][] = []
/** Both in turns, each first in every other round; a topic of its own for each round. */
async function compare(
  what: string,
  unit: string,
  measure: Measure,
  prepare: (topic: string) => Promise<void> = async () => {},
  fetched: Uint8Array = new Uint8Array(),
): Promise<void> {
  const taken: [number, number][] = []
  for (let round = -1; round < rounds; round++) {
    const topic = await newTopic()
    await teachFloor(topic, fetched)
    await prepare(topic)
    const figures: Record<string, number> = {}
    for (const server of round % 2 === 0 ? [cluster, floor] : [floor, cluster])
      figures[server.name] = await measure(server, topic)
    // The first round warms both up.
    if (round >= 0) taken.push([figures.cluster ?? Number.NaN, figures.floor ?? Number.NaN])
    await deleteTopic(topic)
  }
  const [ours, floors] = [0, 1].map(at => median(taken.map(pair => pair[at] as number)))
  const ratio = median(taken.map(([one, other]) => one / other))
  const shown = (value = Number.NaN): string =>
    `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ${unit}`
  rows.push([what, shown(ours), shown(floors), ratio.toFixed(2)])
  console.error(rows.at(-1)?.join(' | '))
}

for (const recordBytes of [1024, 100]) {
  const batch = fullBatch(recordBytes, batchBytes)
  const size = recordBytes === 1024 ? '1 KiB' : '100 B'
  const count = 400
  const bytes = count * partitionCount * batch.bytes.length
  const fill = (ports: readonly number[], topic: string): Promise<number> =>
    pipelined(
      ports,
      ledBy.map(partitions => produceRequest(topic, partitions, batch.bytes)),
      { count, depth },
    )
  await compare(
    `produce ${size}, requests encoded before, ${depth} under way a broker`,
    'MiB/s',
    async ({ ports }, topic) => bytes / mebibyte / (await fill(ports, topic)),
  )
  const sends = 150
  const records = batch.records
  const value = Buffer.alloc(recordBytes, 'x')
  await compare(`produce ${size}, @platformatic/kafka`, 'MiB/s', async ({ ports }, topic) => {
    const producer = new Producer({
      clientId: 'bench',
      bootstrapBrokers: ports.map(port => `127.0.0.1:${port}`),
    })
    const messages = Array.from({ length: records * partitionCount }, (_, at) => ({
      topic,
      partition: at % partitionCount,
      value,
    }))
    await producer.send({ acks: -1, messages })
    const begin = performance.now()
    let left = sends
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        while (left-- > 0) await producer.send({ acks: -1, messages })
      }),
    )
    const seconds = (performance.now() - begin) / 1000
    await producer.close(true)
    return (sends * messages.length * recordBytes) / mebibyte / seconds
  })
  const perFetch = Math.floor(mebibyte / batch.bytes.length)
  const fetched = Buffer.concat(Array.from({ length: perFetch }, () => batch.bytes))
  await compare(
    `consume ${size}, 1 MiB a partition, one request under way a broker`,
    'MiB/s',
    async ({ ports }, topic) =>
      bytes / mebibyte / (await readAll(ports, topic, ledBy, batch, count * batch.records)),
    async topic => {
      await fill(cluster.ports, topic)
    },
    fetched,
  )
}

const single = fullBatch(100, 1)
for (const [name, quantile] of [
  ['p50', 0.5],
  ['p99', 0.99],
] as const)
  await compare(`one record, acks=all, one at a time: ${name}`, 'ms', async ({ ports }, topic) => {
    const request = produceRequest(topic, ledBy[0] as number[], single.bytes)
    const taken = (await oneByOne(ports[0] as number, request, 1500)).toSorted((a, b) => a - b)
    return taken[Math.floor(taken.length * quantile)] ?? Number.NaN
  })

/** From the write of a produce to the arrival of the record at a consumer whose fetch was waiting, ms. */
async function producedToConsumed(): Promise<number> {
  const topic = await newTopic()
  const port = cluster.ports[0] as number
  const [writer, reader] = await Promise.all([Line.open(port), Line.open(port)])
  const request = produceRequest(topic, [0], single.bytes)
  const taken: number[] = []
  for (let offset = 0; offset < 500; offset++) {
    const arrived = new Promise<void>(resolve => {
      reader.onFrame = () => resolve()
    })
    reader.write(fetchRequest(topic, [{ partition: 0, offset }], { maxWaitMs: 30_000 }))
    await new Promise(resolve => setTimeout(resolve, 2))
    const begin = performance.now()
    const answered = new Promise<void>(resolve => {
      writer.onFrame = frame => {
        accepted(frame)
        resolve()
      }
    })
    writer.write(request)
    await arrived
    taken.push(performance.now() - begin)
    await answered
  }
  writer.close()
  reader.close()
  return median(taken)
}

const residentBytes = async (): Promise<number> => {
  const answer = told<{ residentBytes: number }>(cluster.child)
  cluster.child.send('memory')
  return (await answer).residentBytes
}

const others: string[][] = []
others.push([
  'produced to consumed, one record, p50',
  `${(await producedToConsumed()).toFixed(2)} ms`,
])
console.error(others.at(-1)?.join(' | '))
others.push([
  'resident memory of the cluster process after all this',
  `${((await residentBytes()) / mebibyte).toFixed(0)} MiB`,
])
control.close()
cluster.child.disconnect()
floor.child.disconnect()

console.log(table(['', 'Samsa', 'floor', 'ratio'], rows))
console.log(`\n${table(['', 'Samsa'], others)}`)
