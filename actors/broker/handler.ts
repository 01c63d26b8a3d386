import type { Observable } from 'rxjs'
import type { Api, RequestOf, ResponseDraftOf } from '../../src/protocol/index.ts'
import type { BrokerWorld } from './broker-world.ts'

/** What a handler knows of a request besides its body. */
export interface Call {
  readonly version: number
  readonly clientId: string | null
  /** The peer's address, printed as Kafka prints it in groups: `/127.0.0.1`. */
  readonly clientHost: string
  /** The connection's number on this broker. */
  readonly connectionId: number
  /** Which port it came in by. */
  readonly listener: string
}

/**
 * One API's behaviour, free of versions but where behaviour truly depends on one. Answers at once, or later by an Observable
 * that emits once; `null` is no answer at all (acks=0). An Observable that errors closes the connection.
 */
export type Handler<A extends Api> = (
  broker: BrokerWorld,
  request: RequestOf<A>,
  call: Call,
) => ResponseDraftOf<A> | Observable<ResponseDraftOf<A> | null> | null
