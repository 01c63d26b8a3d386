import { Observable, type Subscriber } from 'rxjs'
import type { Address, Timer } from '../src/ports.ts'
import {
  type Api,
  decodeResponse,
  encodeRequest,
  type RequestDraftOf,
  type ResponseOf,
} from '../src/protocol/index.ts'
import { connectLink, type Link } from './link.ts'
import type { World } from './world.ts'

/** The connection went before the answer came: the request may or may not have been carried out. */
export class LinkClosed extends Error {
  override readonly name = 'LinkClosed'
}

/** No answer in time. The connection is closed with it, as Kafka's NetworkClient does. */
export class RequestTimedOut extends Error {
  override readonly name = 'RequestTimedOut'
}

/** The key under which a Kafka message's cause crosses its link; both ends can make it. */
export const messageKey = (from: Address, to: Address, correlationId: number): string =>
  `${from.host}:${from.port}>${to.host}:${to.port}#${correlationId}`

interface Pending {
  readonly api: Api
  readonly version: number
  readonly subscriber: Subscriber<unknown>
  timer: Timer | undefined
  seq: number
}

/** The asking end of one Kafka connection: requests out, answers in, in order, each with its correlation id. */
export interface Requester {
  readonly closed: Observable<Error | null>
  readonly isOpen: boolean
  /** Requests sent and not answered. */
  readonly inFlight: number
  /**
   * Sends on subscription and emits the answer once. Errors: {@link LinkClosed}, {@link RequestTimedOut}. An unsubscribed
   * request was sent all the same; its answer is dropped.
   *
   * @param options.timeoutMs milliseconds until {@link RequestTimedOut}.
   * @param options.answered false for a request that has no answer (Produce with acks=0): completes at once.
   */
  request<A extends Api>(
    api: A,
    version: number,
    body: RequestDraftOf<A>,
    options: { timeoutMs: number; answered?: boolean },
  ): Observable<ResponseOf<A>>
  close(): void
}

/**
 * Connects to a broker. Requests may be made at once; they leave when the connection stands.
 *
 * @param options.path the asking actor's, for the trace.
 * @param options.frameBytesMax bound on an answer.
 */
export function connectRequester(
  world: World,
  address: Address,
  options: { clientId: string; path: string; frameBytesMax: number },
): Requester {
  const { clock, network } = world.platform
  const { trace } = world
  const pending = new Map<number, Pending>()
  let correlationId = 0
  let isOpen = true

  const link: Link = connectLink(network, address, { frameBytesMax: options.frameBytesMax })

  const fail = (error: Error): void => {
    isOpen = false
    const failed = [...pending.values()]
    pending.clear()
    for (const { subscriber, timer } of failed) {
      clock.clearTimeout(timer)
      subscriber.error(error)
    }
  }
  const close = (error: Error): void => {
    if (!isOpen) return
    link.destroy()
    fail(error)
  }

  link.inbound.subscribe(frame => {
    const id = new DataView(frame.buffer, frame.byteOffset, 4).getInt32(0)
    const request = pending.get(id)
    if (request === undefined) return close(new LinkClosed(`answer to no request: ${id}`))
    pending.delete(id)
    clock.clearTimeout(request.timer)
    let answer: unknown
    try {
      answer = decodeResponse(request.api, request.version, frame).body
    } catch (error) {
      request.subscriber.error(error)
      return close(new LinkClosed(`unreadable answer to ${request.api.name}: ${error}`))
    }
    const cause = trace.received(messageKey(address, link.local, id)) ?? request.seq
    trace.because(cause, () => {
      const seq = trace.record('message', options.path, request.api.name, {
        direction: 'response',
        from: `${address.host}:${address.port}`,
        version: request.version,
        correlationId: id,
      })
      trace.because(seq, () => {
        request.subscriber.next(answer)
        request.subscriber.complete()
      })
    })
  })
  link.closed.subscribe(error =>
    fail(
      new LinkClosed(
        `connection to ${address.host}:${address.port} closed: ${error?.message ?? 'by the peer'}`,
      ),
    ),
  )

  return {
    closed: link.closed,
    get isOpen() {
      return isOpen
    },
    get inFlight() {
      return pending.size
    },
    request: (api, version, body, { timeoutMs, answered = true }) =>
      new Observable(subscriber => {
        if (!isOpen) {
          subscriber.error(
            new LinkClosed(`connection to ${address.host}:${address.port} is closed`),
          )
          return
        }
        const id = correlationId++ & 0x7fffffff
        const seq = trace.record('message', options.path, api.name, {
          direction: 'request',
          to: `${address.host}:${address.port}`,
          version,
          correlationId: id,
        })
        trace.sent(messageKey(link.local, address, id), seq)
        link.send(
          encodeRequest(api, version, { correlationId: id, clientId: options.clientId }, body),
        )
        if (!answered) {
          subscriber.complete()
          return
        }
        const timer = clock.setTimeout(
          () => close(new RequestTimedOut(`${api.name} not answered within ${timeoutMs} ms`)),
          timeoutMs,
        )
        pending.set(id, { api, version, subscriber: subscriber as Subscriber<unknown>, timer, seq })
      }),
    close: () => close(new LinkClosed('closed by its owner')),
  }
}
