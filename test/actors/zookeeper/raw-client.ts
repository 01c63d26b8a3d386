import { connect, type Socket } from 'node:net'
import { Reader } from '../../../src/binary/reader.ts'
import { Writer } from '../../../src/binary/writer.ts'
import { FrameSplitter } from '../../../src/protocol/frame.ts'
import {
  connectRequest,
  connectResponse,
  jute,
  type Operation,
  operations,
  type RequestBody,
  readResponse,
  replyHeader,
  watcherEvent,
  writeRequest,
} from '../../../src/zookeeper/jute.ts'
import {
  type ReadPart,
  readMultiResults,
  type WritePart,
  writeMulti,
} from '../../../src/zookeeper/multi.ts'

/** What came: plain values, as they stood on the wire. */
export type Heard =
  | { readonly heard: 'closed' }
  | { readonly heard: 'connect'; readonly bytes: number; readonly body: object }
  | { readonly heard: 'event'; readonly zxid: number; readonly body: object }
  | {
      readonly heard: 'reply'
      readonly xid: number
      readonly zxid: number
      readonly error: number
      readonly body: unknown
      readonly bytesLeft: number
    }

/** A client that sends what it is told, byte by byte, and hides nothing. */
export class RawClient {
  /** Every session that was granted, by its server's address. */
  static readonly granted = new Map<string, RawClient[]>()

  readonly #socket: Socket
  readonly #at: string
  readonly #splitter = new FrameSplitter(64 * 1024 * 1024)
  readonly #heard: Heard[] = []
  #waiting: ((heard: Heard) => void) | null = null
  #connected = false
  readonly #asked: (Operation | null)[] = []
  #nextXid = 1
  /** Set by `handshake`. */
  sessionId = 0n
  password: Uint8Array = new Uint8Array(16)

  private constructor(socket: Socket, at: string) {
    this.#socket = socket
    this.#at = at
    socket.on('data', chunk => {
      for (const frame of this.#splitter.push(chunk)) this.#hear(frame)
    })
    socket.on('error', () => {})
    socket.on('close', () => this.#tell({ heard: 'closed' }))
  }

  static open(host: string, port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, host, () => resolve(new RawClient(socket, `${host}:${port}`)))
      socket.on('error', reject)
    })
  }

  static async session(host: string, port: number, timeoutMs = 10_000): Promise<RawClient> {
    const client = await RawClient.open(host, port)
    await client.handshake({ timeoutMs })
    return client
  }

  /** Ends every session of a server that is still open: left alone they would expire later, in the middle of something else. */
  static async endSessions(host: string, port: number): Promise<void> {
    for (const { sessionId, password } of RawClient.granted.get(`${host}:${port}`)?.splice(0) ??
      []) {
      const last = await RawClient.open(host, port)
      await last.handshake({ sessionId, password })
      if (last.sessionId !== 0n) await last.call('closeSession', {})
      last.destroy()
    }
    RawClient.granted.delete(`${host}:${port}`)
  }

  async handshake(
    asked: Partial<{
      lastZxidSeen: number
      timeoutMs: number
      sessionId: bigint
      password: Uint8Array | null
      readOnly: boolean | null
    }>,
  ): Promise<Heard> {
    this.#frame(writer => {
      jute(connectRequest).write(writer, {
        protocolVersion: 0,
        lastZxidSeen: asked.lastZxidSeen ?? 0,
        timeoutMs: asked.timeoutMs ?? 10_000,
        sessionId: asked.sessionId ?? 0n,
        password: asked.password === undefined ? new Uint8Array(16) : asked.password,
      })
      if (asked.readOnly !== null) writer.bool(asked.readOnly ?? false)
    })
    const heard = await this.next()
    if (heard.heard === 'connect') {
      const body = heard.body as { sessionId: bigint; password: Uint8Array }
      this.sessionId = body.sessionId
      this.password = body.password
      const granted = RawClient.granted.get(this.#at) ?? []
      RawClient.granted.set(this.#at, granted)
      if (this.sessionId !== 0n) granted.push(this)
    }
    return heard
  }

  /** Asks without waiting. @param xid its own counter's unless given. */
  ask<O extends Operation>(operation: O, body: RequestBody<O>, xid = this.#nextXid++): void {
    this.askBytes(operations[operation].opcode, writer => writeRequest(operation, writer, body), {
      xid,
      operation,
    })
  }

  askMulti(
    parts: readonly WritePart[] | readonly ReadPart[],
    operation: 'multi' | 'multiRead',
  ): void {
    this.askBytes(operations[operation].opcode, writer => writeMulti(writer, parts), {
      xid: this.#nextXid++,
      operation,
    })
  }

  askBytes(
    opcode: number,
    write: (writer: Writer) => void,
    { xid = this.#nextXid++, operation = null as Operation | null } = {},
  ): void {
    this.#asked.push(operation)
    this.#frame(writer => {
      writer.int32(xid)
      writer.int32(opcode)
      write(writer)
    })
  }

  /** Everything up to the reply to what is asked. */
  async call<O extends Operation>(operation: O, body: RequestBody<O>): Promise<Heard[]> {
    this.ask(operation, body)
    return this.untilReply()
  }

  async untilReply(): Promise<Heard[]> {
    const all: Heard[] = []
    for (;;) {
      const heard = await this.next()
      all.push(heard)
      if (heard.heard === 'reply' || heard.heard === 'closed') return all
    }
  }

  next(timeoutMs = 5000): Promise<Heard> {
    const first = this.#heard.shift()
    if (first !== undefined) return Promise.resolve(first)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting = null
        reject(new Error('nothing heard'))
      }, timeoutMs)
      this.#waiting = heard => {
        clearTimeout(timer)
        resolve(heard)
      }
    })
  }

  /** What came and was not taken. */
  get pending(): readonly Heard[] {
    return this.#heard
  }

  raw(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #frame(write: (writer: Writer) => void): void {
    const writer = new Writer()
    writer.int32(0)
    write(writer)
    for (const chunk of writer.frame()) this.#socket.write(chunk)
  }

  #hear(frame: Uint8Array): void {
    const reader = new Reader(frame)
    if (!this.#connected) {
      this.#connected = true
      const body = jute(connectResponse).read(reader)
      this.#tell({ heard: 'connect', bytes: frame.length, body })
      return
    }
    const { xid, zxid, error } = jute(replyHeader).read(reader)
    if (xid === -1) {
      this.#tell({ heard: 'event', zxid, body: jute(watcherEvent).read(reader) })
      return
    }
    const operation = this.#asked.shift()
    let body: unknown = null
    if (operation && reader.remaining > 0)
      body =
        operation === 'multi' || operation === 'multiRead'
          ? readMultiResults(reader)
          : readResponse(operation, reader)
    this.#tell({ heard: 'reply', xid, zxid, error, body, bytesLeft: reader.remaining })
  }

  #tell(heard: Heard): void {
    if (this.#waiting === null) this.#heard.push(heard)
    else {
      const waiting = this.#waiting
      this.#waiting = null
      waiting(heard)
    }
  }
}

export type { WritePart }
