import { isObservable, type Subscription } from 'rxjs'
import { connectionMachine } from '../../machines/broker/connection.ts'
import { MalformedFrame } from '../../src/binary/reader.ts'
import { outboundBytesMax, requestsInFlightMax } from '../../src/limits.ts'
import type { Address } from '../../src/ports.ts'
import {
  type Api,
  type DecodedRequest,
  decodeRequest,
  encodeResponse,
  type ResponseDraftOf,
} from '../../src/protocol/index.ts'
import type { Link } from '../link.ts'
import type { Root } from '../registry.ts'
import { messageKey } from '../requester.ts'
import type { BrokerWorld } from './broker-world.ts'
import { dispatch, isFault, type ServedApis } from './dispatch.ts'
import type { Call } from './handler.ts'
import type { Fate, Outcome } from './request-faults.ts'

/** What a connection needs of the listener it came in by. */
export interface ConnectionOwner {
  readonly served: ServedApis
  readonly listener: string
  /** A request came or an answer left: it is not idle. */
  touched(connection: Connection): void
  forgotten(connection: Connection): void
}

/** A request under way, or the end that stands behind the last of them. */
interface Pending {
  readonly request: DecodedRequest | null
  /** The trace's line of the request. */
  readonly seq: number
  /** The line its answer came about by. */
  cause: number | null
  /** Undefined while it is not answered; null for none. */
  answer: readonly Uint8Array[] | null | undefined
  subscription: Subscription | undefined
  readonly endReason: string
}

const printAddress = ({ host, port }: Address): string => `${host}:${port}`

/**
 * Bytes → requests → bytes. Requests are started in the order of their coming and answered in that order, however long each
 * takes: a produce that waits for its replicas does not hold up the append of the next. At most `requestsInFlightMax` are
 * under way, and none is started while the client leaves too much unread.
 *
 * What is no request closes the connection, after what came before was answered, and harms nobody else.
 */
export class Connection {
  readonly id: number
  readonly path: string
  readonly #broker: BrokerWorld
  readonly #link: Link
  readonly #owner: ConnectionOwner
  readonly #root: Root<typeof connectionMachine>
  readonly #pending: Pending[] = []
  /** Frames that came while enough was under way; what one chunk held beyond the bound. */
  readonly #held: Uint8Array[] = []
  #allowed = false
  #throttled = false
  /** A request is kept waiting by a fault, and all that comes after it. */
  #isHeldUp = false
  #pumping = false
  /** Nothing that comes counts any more. */
  #ending = false

  constructor(
    broker: BrokerWorld,
    owner: ConnectionOwner,
    options: { readonly id: number; readonly link: Link },
  ) {
    const { id, link } = options
    this.id = id
    this.path = `${broker.name}/connection/${id}`
    this.#broker = broker
    this.#link = link
    this.#owner = owner
    this.#root = broker.start(connectionMachine, {
      path: this.path,
      input: undefined,
      performers: {
        'link.pause': () => link.pause(),
        'link.resume': () => link.resume(),
        'link.end': () => {
          this.#ending = true
          link.end()
        },
        'link.destroy': () => link.destroy(),
        'connection.forget': () => this.#forget(),
      },
    })
    link.inbound.subscribe(frame => this.#received(frame))
    link.drained.subscribe(() => this.#pump())
    link.closed.subscribe(error => {
      if (error instanceof MalformedFrame) this.#note(error.message)
      this.#root.send({ type: 'link.closed' })
    })
  }

  /** The broker serves: what waits unread is read. */
  allow(): void {
    this.#allowed = true
    this.#root.send({ type: 'requests.allowed' })
    this.#pump()
  }

  idled(): void {
    this.#root.send({ type: 'idle.elapsed' })
  }

  /** Closes it at once, though answers may be pending: the broker stops (SocketServer.stopProcessingRequests). */
  end(reason: string): void {
    this.#root.send({ type: 'ending.requested', reason })
  }

  #received(frame: Uint8Array): void {
    if (this.#ending) return
    this.#owner.touched(this)
    this.#held.push(frame)
    // A paused process that goes on reads all its sockets again.
    if (!this.#allowed || this.#throttled) this.#link.pause()
    this.#pump()
  }

  get #isFull(): boolean {
    return (
      this.#isHeldUp ||
      this.#pending.length >= requestsInFlightMax ||
      this.#link.bufferedBytes >= outboundBytesMax
    )
  }

  /** Starts what may be started; tells the chart where the mode changed. */
  #pump(): void {
    if (this.#pumping || !this.#allowed) return
    this.#pumping = true
    try {
      while (this.#held.length > 0 && !this.#ending && !this.#isFull)
        this.#start(this.#held.shift() as Uint8Array)
    } catch (error) {
      this.#broker.failed(this.path, error)
      return
    } finally {
      this.#pumping = false
    }
    if (this.#ending) return
    if (this.#isFull) this.#throttle(true)
    // Half empty before it is read again, or it would stop and go with every request.
    else if (this.#pending.length <= requestsInFlightMax / 2) this.#throttle(false)
  }

  #throttle(throttled: boolean): void {
    if (this.#throttled === throttled) return
    this.#throttled = throttled
    this.#root.send({ type: throttled ? 'work.filled' : 'work.drained' })
  }

  #start(frame: Uint8Array): void {
    const { trace } = this.#broker
    let request: DecodedRequest
    try {
      request = decodeRequest(frame)
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error
      this.#endAfterAnswers(error.message)
      return
    }
    const { header, api } = request
    const { local, remote } = this.#link
    const sent = trace.received(messageKey(remote, local, header.correlationId))
    const seq = trace.because(sent, () =>
      trace.record('message', this.path, api.name, {
        direction: 'request',
        from: printAddress(remote),
        version: header.apiVersion,
        correlationId: header.correlationId,
      }),
    )
    const pending: Pending = {
      request,
      seq,
      cause: seq,
      answer: undefined,
      subscription: undefined,
      endReason: '',
    }
    this.#pending.push(pending)
    trace.because(seq, () => this.#meet(pending, request))
  }

  /** Faults on purpose come before the handler. */
  #meet(pending: Pending, request: DecodedRequest): void {
    const call: Call = {
      version: request.version,
      clientId: request.header.clientId,
      clientHost: `/${this.#link.remote.host}`,
      connectionId: this.id,
      listener: this.#owner.listener,
    }
    const fate = this.#broker.faults?.meet(this.#broker, request, call)
    if (fate?.hold === undefined) {
      this.#handle(pending, request, call, fate)
      return
    }
    this.#isHeldUp = true
    fate.hold(() => {
      this.#isHeldUp = false
      if (!this.#pending.includes(pending)) return
      this.#guarded(() => {
        this.#broker.trace.because(pending.seq, () => this.#handle(pending, request, call, fate))
        this.#pump()
      })
    })
  }

  #handle(pending: Pending, request: DecodedRequest, call: Call, fate: Fate | undefined): void {
    const handle = (of: DecodedRequest): Outcome =>
      dispatch(this.#broker, this.#owner.served, of, call)
    let outcome: Outcome
    try {
      outcome =
        fate === undefined ? handle(request) : fate.perform(body => handle({ ...request, body }))
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error
      this.#pending.splice(this.#pending.indexOf(pending), 1)
      this.#endAfterAnswers(error.message)
      return
    }
    if (!isObservable(outcome)) {
      this.#answered(pending, outcome)
      return
    }
    pending.subscription = outcome.subscribe({
      next: body => this.#guarded(() => this.#answered(pending, body)),
      error: error => this.#guarded(() => this.#refused(pending, error)),
      complete: () => this.#guarded(() => this.#completed(pending)),
    })
  }

  /** RxJS would report what a subscriber throws outside, on a later turn: it is the broker's to fail. */
  #guarded(react: () => void): void {
    try {
      react()
    } catch (error) {
      this.#broker.failed(this.path, error)
    }
  }

  #answered(pending: Pending, body: ResponseDraftOf<Api> | null): void {
    if (pending.answer !== undefined || pending.request === null) return
    const { api, version, header } = pending.request
    pending.answer = body === null ? null : encodeResponse(api, version, header.correlationId, body)
    pending.cause = this.#broker.trace.cause ?? pending.seq
    this.#flush()
    this.#pump()
  }

  /** It came to nothing: as in Kafka, the connection is closed in its place among the answers. */
  #refused(pending: Pending, error: unknown): void {
    if (isFault(error)) throw error
    const at = this.#pending.indexOf(pending)
    if (at < 0) return
    const name = pending.request?.api.name
    this.#discard(at)
    this.#endAfterAnswers(`${name}: ${error instanceof Error ? error.message : error}`)
  }

  #completed(pending: Pending): void {
    if (pending.answer === undefined) this.#refused(pending, new Error('it was given up'))
  }

  /** Sends the answers that have none unanswered before them. */
  #flush(): void {
    const { trace } = this.#broker
    const { local, remote } = this.#link
    for (let head = this.#pending[0]; head?.answer !== undefined; head = this.#pending[0]) {
      this.#pending.shift()
      const { request, answer, cause } = head
      if (request === null) {
        this.#note(head.endReason)
        this.#root.send({ type: 'ending.requested', reason: head.endReason })
        return
      }
      if (answer === null) continue
      const { correlationId } = request.header
      const seq = trace.because(cause, () =>
        trace.record('message', this.path, request.api.name, {
          direction: 'response',
          to: printAddress(remote),
          version: request.version,
          correlationId,
        }),
      )
      trace.sent(messageKey(local, remote, correlationId), seq)
      this.#link.send(answer)
      this.#owner.touched(this)
    }
  }

  /** Nothing more is read; what is under way is still answered. */
  #endAfterAnswers(reason: string): void {
    this.#ending = true
    this.#held.length = 0
    this.#pending.push({
      request: null,
      seq: 0,
      cause: null,
      answer: null,
      subscription: undefined,
      endReason: reason,
    })
    this.#flush()
  }

  #note(reason: string): void {
    const remote = printAddress(this.#link.remote)
    this.#broker.trace.record('note', this.path, 'connection closed', { reason, remote })
  }

  /** Gives up the requests behind a place. */
  #discard(from: number): void {
    for (const { subscription } of this.#pending.splice(from)) subscription?.unsubscribe()
  }

  #forget(): void {
    this.#ending = true
    this.#held.length = 0
    this.#discard(0)
    this.#owner.forgotten(this)
  }
}
