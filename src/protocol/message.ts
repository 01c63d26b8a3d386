import { MalformedFrame, Reader } from '../binary/reader.ts'
import { Writer } from '../binary/writer.ts'
import { errors } from '../error.ts'
import { ApiVersions } from './api/18-api-versions.ts'
import { codec, type Dialect } from './codec.ts'
import {
  isFlexible,
  type RequestHeader,
  readClientId,
  readRequestStart,
  readResponseHeader,
  requestHeaderVersion,
  responseHeaderVersion,
  writeRequestHeader,
  writeResponseHeader,
} from './header.ts'
import { apiByKey } from './registry.ts'
import {
  type Api,
  isWithin,
  type RequestDraftOf,
  type RequestOf,
  type ResponseDraftOf,
  type ResponseOf,
  struct,
  zeroOf,
} from './schema.ts'

/**
 * Whole messages: header and body, as frames. Frames are read without their length and written with
 * it.
 */

const dialectOf = (api: Api, version: number): Dialect =>
  isFlexible(api, version) ? 'compact' : 'classic'

/** A request in a version we do not speak has no readable body: what is known of it. */
const unreadApiVersions = zeroOf(struct(ApiVersions.request)) as RequestOf<typeof ApiVersions>

export interface DecodedRequest<A extends Api = Api> {
  readonly header: RequestHeader
  readonly api: A
  /** The version to answer in: that of the header, but 0 where `unsupported`. */
  readonly version: number
  readonly body: RequestOf<A>
  /**
   * An ApiVersions of a version we do not speak: to be answered, in v0, with UNSUPPORTED_VERSION
   * (KIP-511).
   */
  readonly unsupported: boolean
}

/**
 * A request from its frame. Throws MalformedFrame for bytes that are none, and for keys and
 * versions that we do not speak: Kafka then closes the connection.
 */
export function decodeRequest(frame: Uint8Array): DecodedRequest {
  const reader = new Reader(frame)
  const start = readRequestStart(reader)
  const api = apiByKey(start.apiKey)
  if (api === undefined) throw new MalformedFrame(`unknown API key ${start.apiKey}`)
  const version = start.apiVersion
  const spoken = isWithin(version, api.versions)
  if (!spoken && (api.key !== ApiVersions.key || version < 0))
    throw new MalformedFrame(`${api.name} v${version}, which is not supported`)
  const clientId = readClientId(reader, requestHeaderVersion(api, version))
  const header = { ...start, clientId }
  if (!spoken) return { header, api, version: 0, body: unreadApiVersions, unsupported: true }
  // Bytes behind it are let pass, as Kafka does: librdkafka 2.16 sends some behind a Metadata for all topics.
  const body = codec(api.request, version, dialectOf(api, version)).read(reader)
  return { header, api, version, body, unsupported: false }
}

/** A request as a frame with its length, in chunks; large `records` are passed through. */
export function encodeRequest<A extends Api>(
  api: A,
  version: number,
  header: { readonly correlationId: number; readonly clientId: string | null },
  body: RequestDraftOf<A>,
): Uint8Array[] {
  const writer = new Writer()
  writer.int32(0)
  writeRequestHeader(
    writer,
    { apiKey: api.key, apiVersion: version, ...header },
    requestHeaderVersion(api, version),
  )
  codec<A['request']>(api.request, version, dialectOf(api, version)).write(writer, body)
  return writer.frame()
}

/** A response as a frame with its length, in chunks; large `records` are passed through. */
export function encodeResponse<A extends Api>(
  api: A,
  version: number,
  correlationId: number,
  body: ResponseDraftOf<A>,
): Uint8Array[] {
  const writer = new Writer()
  writer.int32(0)
  writeResponseHeader(writer, correlationId, responseHeaderVersion(api, version))
  codec<A['response']>(api.response, version, dialectOf(api, version)).write(writer, body)
  return writer.frame()
}

/** Which request a response answers. Throws MalformedFrame for a frame too short for that. */
export const correlationIdOf = (frame: Uint8Array): number => new Reader(frame).int32()

/**
 * A response from its frame, to a request of that API and version. A broker that does not know the
 * version of an ApiVersions answers it in v0; that is seen and read so. Throws MalformedFrame.
 */
export function decodeResponse<A extends Api>(
  api: A,
  version: number,
  frame: Uint8Array,
): { readonly correlationId: number; readonly body: ResponseOf<A> } {
  const reader = new Reader(frame)
  const correlationId = readResponseHeader(reader, responseHeaderVersion(api, version))
  const answered =
    api.key === ApiVersions.key && new Reader(frame, 4).int16() === errors.UNSUPPORTED_VERSION
      ? 0
      : version
  const body = codec<A['response']>(api.response, answered, dialectOf(api, answered)).read(reader)
  reader.finish()
  return { correlationId, body }
}

/** The highest version of an API that both sides speak; null where there is none. */
export function highestCommonVersion(
  api: Api,
  peer: { readonly minVersion: number; readonly maxVersion: number } | undefined,
): number | null {
  if (peer === undefined) return null
  const version = Math.min(api.versions[1], peer.maxVersion)
  return version >= Math.max(api.versions[0], peer.minVersion) ? version : null
}
