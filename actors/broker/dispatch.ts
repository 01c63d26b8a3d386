import { BrokenInvariant } from '../../src/assert.ts'
import { MalformedFrame } from '../../src/binary/reader.ts'
import { errors } from '../../src/error.ts'
import {
  type Api,
  ApiVersions,
  type DecodedRequest,
  type ResponseDraftOf,
  supportedApis,
} from '../../src/protocol/index.ts'
import type { BrokerWorld } from './broker-world.ts'
import type { Call, Handler } from './handler.ts'

/** An API with its handler: a row of the table in `api/index.ts`. */
export interface Served {
  readonly api: Api
  readonly handler: Handler<Api>
}

/** The rows of the table by their API's key. */
export type ServedApis = ReadonlyMap<number, Served>

/** Joins a handler to its table; the compiler refuses another's. */
export const served = <A extends Api>(api: A, handler: Handler<A>): Served => ({
  api,
  // reason: a handler is only ever given requests that its own table decoded.
  handler: handler as unknown as Handler<Api>,
})

/** What ApiVersions answers to a version of itself that we do not know, in v0: with it the client can step down (KIP-511). */
const steppingDown: ResponseDraftOf<typeof ApiVersions> = {
  errorCode: errors.UNSUPPORTED_VERSION,
  apiKeys: supportedApis([ApiVersions.key]),
}

/**
 * From a request to its answer. The API's key and version are known to be of the tables; an API that has a table and no
 * handler is met as one that does not exist: Kafka closes the connection (SocketServer: InvalidRequestException).
 *
 * @throws MalformedFrame for an API that is not served
 */
export function dispatch(
  broker: BrokerWorld,
  servedApis: ServedApis,
  request: DecodedRequest,
  call: Call,
): ReturnType<Handler<Api>> {
  if (request.unsupported) return steppingDown
  const row = servedApis.get(request.api.key)
  if (row === undefined) throw new MalformedFrame(`${request.api.name} is not served`)
  return row.handler(broker, request.body, call)
}

/** A fault of ours, as opposed to a request that came to nothing: the broker must not go on as if nothing had happened. */
export const isFault = (error: unknown): boolean =>
  error instanceof BrokenInvariant ||
  error instanceof TypeError ||
  error instanceof RangeError ||
  error instanceof ReferenceError
