import { Observable, type Subscriber } from 'rxjs'
import type { Reader } from '../../src/binary/reader.ts'
import type { Writer } from '../../src/binary/writer.ts'
import { zookeeperWaitingMax } from '../../src/limits.ts'
import { type KeeperCodeName, keeperCodeName, ZooKeeperError } from '../../src/zookeeper/error.ts'
import { frame, jute, type Operation, operations, requestHeader } from '../../src/zookeeper/jute.ts'
import type { World } from '../world.ts'

/** One request and how its answer is understood. */
export interface Asked<T> {
  readonly operation: Operation
  /** What it is about, for errors and trace. */
  readonly path: string
  write(writer: Writer): void
  /** The answer's body. A `ZooKeeperError` thrown from here is the request's. */
  read(reader: Reader): T
  /** An error code that is an answer too; undefined where it is not. */
  answerOf?(code: number): T | undefined
  /** Its code, before the answer is handed on. */
  answered?(code: number): void
}

interface Entry {
  readonly asked: Asked<unknown>
  readonly subscriber: Subscriber<unknown>
  /** The line of the trace on whose behalf it was asked, then the one that sent it. */
  cause: number | null
  xid: number
}

/**
 * A client's requests: those under way, whose answers come in the order they were sent, and those that wait for a place or
 * for a connection.
 */
export class RequestQueue {
  readonly #world: World
  readonly #path: string
  readonly #inFlightMax: number
  #waiting: Entry[] = []
  #inFlight: Entry[] = []
  #send: ((chunks: readonly Uint8Array[]) => void) | null = null
  /** Why nothing can be asked any more. */
  #over: KeeperCodeName | null = null
  #traceKey = (_xid: number): string => ''
  #nextXid = 1

  constructor(world: World, path: string, inFlightMax: number) {
    this.#world = world
    this.#path = path
    this.#inFlightMax = inFlightMax
  }

  get inFlight(): number {
    return this.#inFlight.length
  }

  /** Sent on subscription; again with each one. */
  ask<T>(asked: Asked<T>): Observable<T> {
    return new Observable<T>(subscriber => {
      if (this.#over !== null) return subscriber.error(new ZooKeeperError(this.#over, asked.path))
      if (this.#waiting.length >= zookeeperWaitingMax)
        return subscriber.error(new ZooKeeperError('THROTTLEDOP', asked.path))
      this.#waiting.push({
        asked: asked as Asked<unknown>,
        subscriber: subscriber as Subscriber<unknown>,
        cause: this.#world.trace.cause,
        xid: 0,
      })
      this.#pump()
    })
  }

  /** A connection stands. @param traceKey under which a request's cause crosses it. */
  connected(
    send: (chunks: readonly Uint8Array[]) => void,
    traceKey: (xid: number) => string,
  ): void {
    this.#send = send
    this.#traceKey = traceKey
    this.#pump()
  }

  /** Nothing is sent until `connected` is called again. */
  disconnected(): void {
    this.#send = null
  }

  /** A new session: it may be asked again. */
  reopen(): void {
    this.#over = null
  }

  /** Ends every request, under way or waiting. @param forever and all that are asked from now on. */
  fail(code: KeeperCodeName, forever: boolean): void {
    this.#send = null
    if (forever) this.#over = code
    const failed = [...this.#inFlight, ...this.#waiting]
    this.#inFlight = []
    this.#waiting = []
    for (const { asked, subscriber } of failed)
      subscriber.error(new ZooKeeperError(code, asked.path))
  }

  /** False where the answer is to no request of ours: the connection is out of step. */
  answered(xid: number, code: number, reader: Reader): boolean {
    const entry = this.#inFlight.shift()
    if (entry === undefined || entry.xid !== xid) {
      if (entry !== undefined) this.#inFlight.unshift(entry)
      return false
    }
    const { asked, subscriber } = entry
    const { trace } = this.#world
    const answer = code === 0 ? asked.read : asked.answerOf?.bind(asked, code)
    let value: unknown
    let error: ZooKeeperError | undefined
    try {
      value = answer?.(reader)
      if (value === undefined && code !== 0) error = new ZooKeeperError(code, asked.path)
    } catch (thrown) {
      if (!(thrown instanceof ZooKeeperError)) {
        // Not what it claims to be: the connection goes, and the request with it.
        this.#inFlight.unshift(entry)
        throw thrown
      }
      error = thrown
    }
    asked.answered?.(code)
    trace.because(entry.cause, () => {
      const seq = trace.record('message', this.#path, `zk.${asked.operation}`, {
        direction: 'response',
        xid,
        path: asked.path,
        ...(code !== 0 || error !== undefined
          ? { error: error?.code ?? keeperCodeName(code) }
          : {}),
      })
      trace.because(seq, () => {
        if (error !== undefined) subscriber.error(error)
        else {
          subscriber.next(value)
          subscriber.complete()
        }
      })
    })
    this.#pump()
    return true
  }

  #pump(): void {
    while (this.#send !== null && this.#inFlight.length < this.#inFlightMax) {
      const entry = this.#waiting.shift()
      if (entry === undefined) return
      // Nobody waits for it any more, and nobody has seen it.
      if (entry.subscriber.closed) continue
      const { operation, path, write } = entry.asked
      const { trace } = this.#world
      const xid = this.#nextXid
      this.#nextXid = (this.#nextXid % 0x7fffffff) + 1
      const seq = trace.because(entry.cause, () =>
        trace.record('message', this.#path, `zk.${operation}`, { direction: 'request', xid, path }),
      )
      entry.cause = seq
      entry.xid = xid
      this.#inFlight.push(entry)
      trace.sent(this.#traceKey(xid), seq)
      this.#send(
        frame(writer => {
          jute(requestHeader).write(writer, { xid, opcode: operations[operation].opcode })
          write(writer)
        }),
      )
    }
  }
}
