/** Kafka's protocol over TCP, request by request, with nothing in between that would know better. */
import { connect, type Socket } from 'node:net'
import { FrameSplitter } from '../../src/protocol/frame.ts'
import {
  type Api,
  correlationIdOf,
  decodeResponse,
  encodeRequest,
  type RequestDraftOf,
  type ResponseOf,
} from '../../src/protocol/index.ts'

/** The connection was closed while an answer was awaited. */
export class Closed extends Error {
  override readonly name = 'Closed'
}

/** The largest answer that is taken. */
const frameBytesMax = 64 * 1024 * 1024

export class Connection {
  readonly #socket: Socket
  readonly #splitter = new FrameSplitter(frameBytesMax)
  readonly #waiting: { resolve(frame: Uint8Array): void; reject(error: Error): void }[] = []
  readonly #clientId: string | null
  #correlationId = 0
  #closed = false
  /** Settles when the other side closes. */
  readonly ended: Promise<void>

  private constructor(socket: Socket, clientId: string | null) {
    this.#socket = socket
    this.#clientId = clientId
    socket.setNoDelay(true)
    socket.on('data', chunk => {
      for (const frame of this.#splitter.push(chunk)) this.#waiting.shift()?.resolve(frame)
    })
    this.ended = new Promise(resolve => {
      socket.on('close', () => {
        this.#closed = true
        for (const { reject } of this.#waiting.splice(0)) reject(new Closed('connection closed'))
        resolve()
      })
    })
    socket.on('error', () => {})
  }

  /** @param address `host:port` */
  static open(address: string, clientId: string | null = 'contract'): Promise<Connection> {
    const at = address.lastIndexOf(':')
    return new Promise((resolve, reject) => {
      const socket = connect(Number(address.slice(at + 1)), address.slice(0, at), () =>
        resolve(new Connection(socket, clientId)),
      )
      socket.once('error', reject)
    })
  }

  /** Answers come in the order of the requests. Rejects with {@link Closed}. */
  async request<A extends Api>(
    api: A,
    version: number,
    body: RequestDraftOf<A>,
  ): Promise<ResponseOf<A>> {
    const correlationId = ++this.#correlationId
    const chunks = encodeRequest(api, version, { correlationId, clientId: this.#clientId }, body)
    const frame = await this.exchange(Buffer.concat(chunks))
    if (correlationIdOf(frame) !== correlationId)
      throw new Error(`answer to ${correlationIdOf(frame)}, asked ${correlationId}`)
    return decodeResponse(api, version, frame).body
  }

  /** Sends a request that has no answer. */
  tell<A extends Api>(api: A, version: number, body: RequestDraftOf<A>): void {
    const header = { correlationId: ++this.#correlationId, clientId: this.#clientId }
    this.#socket.write(Buffer.concat(encodeRequest(api, version, header, body)))
  }

  /** Sends bytes as they are, and gives the next frame that comes, without its length. */
  exchange(bytes: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new Closed('connection closed'))
      this.#waiting.push({ resolve, reject })
      this.#socket.write(bytes)
    })
  }

  close(): void {
    this.#socket.destroy()
  }
}
