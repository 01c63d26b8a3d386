/** The client of both: requests that were encoded before, so that the server is what is measured. */
import { connect, type Socket } from 'node:net'
import { FrameSplitter } from '../../src/protocol/frame.ts'
import {
  decodeResponse,
  encodeRequest,
  Fetch,
  Produce,
  type RequestDraftOf,
} from '../../src/protocol/index.ts'
import { encodeBatch } from '../../src/records/record.ts'

export const produceVersion = 9
export const fetchVersion = 11
const frameBytesMax = 64 * 1024 * 1024

/** One full batch: as many records of that size as make up about `batchBytes`. */
export function fullBatch(
  recordBytes: number,
  batchBytes: number,
): { bytes: Uint8Array; records: number } {
  const records = Math.ceil(batchBytes / recordBytes)
  const value = new Uint8Array(recordBytes).map((_, at) => (at * 31) % 251)
  const made = Array.from({ length: records }, () => ({ value }))
  return { bytes: encodeBatch({ records: made, timestampMs: Date.now() }), records }
}

export function produceRequest(
  topic: string,
  partitions: readonly number[],
  batch: Uint8Array,
): Buffer {
  const body: RequestDraftOf<typeof Produce> = {
    acks: -1,
    timeoutMs: 30_000,
    topicData: [
      { name: topic, partitionData: partitions.map(index => ({ index, records: batch })) },
    ],
  }
  return Buffer.concat(
    encodeRequest(Produce, produceVersion, { correlationId: 1, clientId: 'bench' }, body),
  )
}

/** A connection that hands over each answer's frame. */
export class Line {
  readonly #socket: Socket
  readonly #splitter = new FrameSplitter(frameBytesMax)
  onFrame: (frame: Uint8Array) => void = () => {}

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', chunk => {
      for (const frame of this.#splitter.push(chunk)) this.onFrame(frame)
    })
  }

  static open(port: number): Promise<Line> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () =>
        resolve(new Line(socket)),
      )
      socket.once('error', reject)
    })
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  close(): void {
    this.#socket.destroy()
  }
}

/** @throws Error for a produce that was refused */
export function accepted(frame: Uint8Array): void {
  for (const { partitionResponses } of decodeResponse(Produce, produceVersion, frame).body
    .responses)
    for (const { errorCode } of partitionResponses)
      if (errorCode !== 0) throw new Error(`produce was refused with error ${errorCode}`)
}

/**
 * Sends each port its request again and again, `depth` of them under way on each, until `count` were answered on each.
 *
 * @returns seconds of wall time
 */
export async function pipelined(
  ports: readonly number[],
  requests: readonly Buffer[],
  { count, depth }: { readonly count: number; readonly depth: number },
): Promise<number> {
  const lines = await Promise.all(ports.map(port => Line.open(port)))
  const start = performance.now()
  await Promise.all(
    lines.map((line, at) => {
      const request = requests[at] as Buffer
      return new Promise<void>((resolve, reject) => {
        let sent = 0
        let answered = 0
        line.onFrame = frame => {
          try {
            accepted(frame)
          } catch (error) {
            reject(error)
          }
          if (++answered === count) return resolve()
          if (sent < count) {
            sent++
            line.write(request)
          }
        }
        for (; sent < Math.min(depth, count); sent++) line.write(request)
      })
    }),
  )
  const seconds = (performance.now() - start) / 1000
  for (const line of lines) line.close()
  return seconds
}

/** How long each of `count` requests took, one after another, ms. */
export async function oneByOne(port: number, request: Buffer, count: number): Promise<number[]> {
  const line = await Line.open(port)
  const taken: number[] = []
  for (let at = 0; at < count; at++) {
    const start = performance.now()
    const frame = await new Promise<Uint8Array>(resolve => {
      line.onFrame = resolve
      line.write(request)
    })
    taken.push(performance.now() - start)
    accepted(frame)
  }
  line.close()
  return taken
}

export function fetchRequest(
  topic: string,
  partitions: readonly { readonly partition: number; readonly offset: number }[],
  { maxWaitMs = 500, partitionBytes = 1024 * 1024 } = {},
): Buffer {
  const body: RequestDraftOf<typeof Fetch> = {
    replicaId: -1,
    maxWaitMs,
    minBytes: 1,
    maxBytes: 52_428_800,
    sessionEpoch: -1,
    topics: [
      {
        topic,
        partitions: partitions.map(({ partition, offset }) => ({
          partition,
          fetchOffset: offset,
          partitionMaxBytes: partitionBytes,
        })),
      },
    ],
  }
  return Buffer.concat(
    encodeRequest(Fetch, fetchVersion, { correlationId: 1, clientId: 'bench' }, body),
  )
}

/**
 * Reads partitions, each port's its own, until each port has brought `recordCount` records of each of its partitions.
 *
 * @returns seconds of wall time
 */
export async function readAll(
  ports: readonly number[],
  topic: string,
  partitionsOf: readonly (readonly number[])[],
  batch: { readonly bytes: Uint8Array; readonly records: number },
  recordCount: number,
): Promise<number> {
  const lines = await Promise.all(ports.map(port => Line.open(port)))
  const start = performance.now()
  await Promise.all(
    lines.map((line, at) => {
      const offsets = new Map((partitionsOf[at] ?? []).map(partition => [partition, 0]))
      return new Promise<void>((resolve, reject) => {
        const ask = (): void => {
          const left = [...offsets].filter(([, offset]) => offset < recordCount)
          if (left.length === 0) {
            resolve()
            return
          }
          // In the order of the partitions always, so that a fixed answer fits.
          line.write(
            fetchRequest(
              topic,
              left.map(([partition, offset]) => ({ partition, offset })),
            ),
          )
        }
        line.onFrame = frame => {
          for (const { partitions } of decodeResponse(Fetch, fetchVersion, frame).body.responses)
            for (const { partitionIndex, errorCode, records } of partitions) {
              if (errorCode !== 0)
                return reject(new Error(`fetch was refused with error ${errorCode}`))
              const batches = Math.floor((records?.length ?? 0) / batch.bytes.length)
              offsets.set(
                partitionIndex,
                (offsets.get(partitionIndex) ?? 0) + batches * batch.records,
              )
            }
          ask()
        }
        ask()
      })
    }),
  )
  const seconds = (performance.now() - start) / 1000
  for (const line of lines) line.close()
  return seconds
}
