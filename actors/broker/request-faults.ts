import type { Observable } from 'rxjs'
import type { Api, DecodedRequest, RequestOf, ResponseDraftOf } from '../../src/protocol/index.ts'
import type { BrokerWorld } from './broker-world.ts'
import type { Call } from './handler.ts'

/** What a handler answers. */
export type Outcome = ResponseDraftOf<Api> | Observable<ResponseDraftOf<Api> | null> | null

/** What becomes of a request that meets faults. */
export interface Fate {
  /**
   * Where it is kept waiting: calls back when it may go on, never in this turn. What came after it on its connection waits
   * behind it, as behind a slow broker.
   */
  readonly hold: ((release: () => void) => void) | undefined
  /** What is done in the handler's place; an Observable that errors closes the connection. */
  perform(handle: (body: RequestOf<Api>) => Outcome): Outcome
}

/** Faults on purpose, as a broker knows them: it asks of each request whether there is one for it. */
export interface RequestFaults {
  /** Undefined, and at no cost, where there is none. */
  meet(broker: BrokerWorld, request: DecodedRequest, call: Call): Fate | undefined
}
