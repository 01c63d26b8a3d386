import { MalformedFrame, Reader } from '../src/binary/reader.ts'
import { readClientId, readRequestStart } from '../src/protocol/header.ts'
import { apiByKey, FrameSplitter, requestHeaderVersion } from '../src/protocol/index.ts'
import { operations } from '../src/zookeeper/jute.ts'

/** One request or answer on a link, as the operators of `cluster.link` see it. */
export interface LinkFrame {
  /** Who opened the connection: `broker-3`, `client/shop`. */
  readonly from: string
  /** Who accepted it: `broker-1`, `zookeeper`. */
  readonly to: string
  /** A request goes from `from` to `to`, a response the other way; so do ZooKeeper's watch events. */
  readonly direction: 'request' | 'response'
  /**
   * Kafka's name of the API (`Fetch`), ZooKeeper's of the operation (`getData`, `ping`; `connect`, `watchEvent`). Null where it is
   * not known: the answer to what was asked before the operators were there.
   */
  readonly api: string | null
  /** The API's version; null on ZooKeeper's links, and where it is not known. */
  readonly version: number | null
  /** ZooKeeper's `xid` on its links, 0 for `connect`. */
  readonly correlationId: number
  /** The `client.id` of a Kafka request and of its answer. */
  readonly clientId: string | null
  /** Its bytes, without the length in front. What is emitted in its place has other bytes here. */
  readonly frame: Uint8Array
}

/** A frame longer than any that is sent: these bytes are no frames at all, e.g. one of ZooKeeper's four-letter words. */
const frameBytesMax = 128 * 1024 * 1024

/** Requests of one connection that wait for their answers and are remembered by name; those with acks=0 wait for ever. */
const askedMax = 1000

const lengthAt = (chunk: Uint8Array, at: number): number =>
  new DataView(chunk.buffer, chunk.byteOffset + at, 4).getInt32(0)

/**
 * Frames in one direction of a connection. It is watched from the first byte on, because in mid-stream nobody can tell
 * where a frame begins; frames are put together only while somebody looks at them.
 */
export class FrameCursor {
  /** Frames that have begun. */
  begun = 0
  /** What has come of the length of the frame that begins here, and how many bytes of it. */
  #length = 0
  #lengthBytes = 0
  /** What is to come of the frame under way. */
  #left = 0
  #splitter: FrameSplitter | undefined
  /** These are no frames. */
  #isLost = false

  /** A chunk that nobody looks into. */
  pass(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length && !this.#isLost; ) at = this.#step(chunk, at)
  }

  /** Whether a frame has begun that is being put together: what comes belongs to it. */
  get isMidFrame(): boolean {
    return (this.#splitter?.pendingBytes ?? 0) > 0
  }

  /**
   * A chunk that is looked into: frames that are complete with it, and what cannot be looked into as it is: the rest of a frame whose beginning
   * has passed already.
   */
  split(chunk: Uint8Array): { readonly raw: Uint8Array | null; readonly frames: Uint8Array[] } {
    let at = 0
    if (!this.isMidFrame)
      while (at < chunk.length && !this.#isLost && this.#lengthBytes + this.#left > 0)
        at = this.#step(chunk, at)
    const rest = chunk.subarray(at)
    const isNone = rest.length >= 4 && !this.isMidFrame && !isLength(lengthAt(rest, 0))
    if (this.#isLost || isNone) {
      this.#isLost = true
      return { raw: chunk, frames: [] }
    }
    this.#splitter ??= new FrameSplitter(frameBytesMax)
    return { raw: at === 0 ? null : chunk.subarray(0, at), frames: this.#splitter.push(rest) }
  }

  /** Steps over the bytes of one frame; where it ends in this chunk. */
  #step(chunk: Uint8Array, from: number): number {
    let at = from
    if (this.#left === 0) {
      if (this.#lengthBytes === 0) this.begun++
      while (this.#lengthBytes < 4 && at < chunk.length) {
        this.#length = (this.#length << 8) | (chunk[at++] as number)
        this.#lengthBytes++
      }
      if (this.#lengthBytes < 4) return at
      if (!isLength(this.#length)) this.#isLost = true
      this.#left = this.#length
      this.#length = 0
      this.#lengthBytes = 0
    }
    const step = Math.min(this.#left, chunk.length - at)
    this.#left -= step
    return at + step
  }
}

const isLength = (length: number): boolean => length >= 0 && length <= frameBytesMax

const zookeeperOperations = new Map(
  Object.entries(operations).map(([name, { opcode }]) => [opcode as number, name] as const),
)

/** ZooKeeper's answers to nobody in particular, by their xid. */
const zookeeperSpecials = new Map([
  [-1, 'watchEvent'],
  [-2, 'ping'],
  [-4, 'auth'],
  [-8, 'setWatches'],
])

type Known = Pick<LinkFrame, 'api' | 'version' | 'clientId'>

const unknown: Known = { api: null, version: null, clientId: null }

/** What is known of a connection's frames: their names, which answers do not bear. */
export class FrameNames {
  readonly #asked = new Map<number, Known>()

  /** @param at which frame of its direction it is, from 0 */
  read(
    protocol: 'kafka' | 'zookeeper',
    direction: 'request' | 'response',
    frame: Uint8Array,
    at: number,
  ): Known & Pick<LinkFrame, 'correlationId'> {
    try {
      if (protocol === 'zookeeper' && at === 0)
        return { ...unknown, api: 'connect', correlationId: 0 }
      const reader = new Reader(frame)
      return direction === 'response'
        ? this.#answer(reader.int32())
        : this.#request(protocol, reader)
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error
      return { ...unknown, correlationId: 0 }
    }
  }

  #request(
    protocol: 'kafka' | 'zookeeper',
    reader: Reader,
  ): Known & Pick<LinkFrame, 'correlationId'> {
    let known: Known
    let correlationId: number
    if (protocol === 'kafka') {
      const start = readRequestStart(reader)
      const api = apiByKey(start.apiKey)
      correlationId = start.correlationId
      known = {
        api: api?.name ?? null,
        version: start.apiVersion,
        clientId: clientIdOf(reader, start),
      }
    } else {
      correlationId = reader.int32()
      known = { ...unknown, api: zookeeperOperations.get(reader.int32()) ?? null }
    }
    if (this.#asked.size >= askedMax) this.#asked.delete(this.#asked.keys().next().value as number)
    this.#asked.set(correlationId, known)
    return { ...known, correlationId }
  }

  #answer(correlationId: number): Known & Pick<LinkFrame, 'correlationId'> {
    const known = this.#asked.get(correlationId) ?? {
      ...unknown,
      api: zookeeperSpecials.get(correlationId) ?? null,
    }
    this.#asked.delete(correlationId)
    return { ...known, correlationId }
  }
}

const clientIdOf = (
  reader: Reader,
  start: { readonly apiKey: number; readonly apiVersion: number },
): string | null => {
  const api = apiByKey(start.apiKey)
  // An API that is not known has a header all the same, and its client id stands where all have it.
  return readClientId(
    reader,
    api === undefined ? 1 : requestHeaderVersion(api, start.apiVersion) === 0 ? 0 : 1,
  )
}

/** The `client.id` of a Kafka request that begins with these bytes, its length included; null where it is not there. */
export function clientIdIn(bytes: Uint8Array): string | null {
  try {
    const reader = new Reader(bytes)
    reader.int32()
    return clientIdOf(reader, readRequestStart(reader))
  } catch (error) {
    if (error instanceof MalformedFrame) return null
    throw error
  }
}
