import type { Reader } from '../binary/reader.ts'
import type { Writer } from '../binary/writer.ts'
import { codec } from './codec.ts'
import { type Api, nullable, string } from './schema.ts'

/**
 * The headers before each message. Their version follows from the API and its version:
 *
 * - Requests: v1; v2, with tagged fields, where the request is flexible; v0, without a client id,
 *   for ControlledShutdown v0 alone.
 * - Responses: v0; v1, with tagged fields, where flexible. ApiVersions always answers with v0: who
 *   asks does not know yet what we speak (KIP-511).
 */

export interface RequestHeader {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
}

const controlledShutdownKey = 7
const apiVersionsKey = 18

export const isFlexible = (api: Api, version: number): boolean =>
  api.flexible !== null && version >= api.flexible

export function requestHeaderVersion(api: Api, version: number): 0 | 1 | 2 {
  if (api.key === controlledShutdownKey && version === 0) return 0
  return isFlexible(api, version) ? 2 : 1
}

export function responseHeaderVersion(api: Api, version: number): 0 | 1 {
  return api.key !== apiVersionsKey && isFlexible(api, version) ? 1 : 0
}

// Never compact, so that it can be read before one knows the version.
const clientId = codec({ clientId: nullable(string) }, 1, 'classic')
/** No tag of a header is in use. */
const noTags = codec({}, 0, 'compact')

/** The key, version and correlation id that every request begins with, whatever it is. */
export const readRequestStart = (reader: Reader): Omit<RequestHeader, 'clientId'> => ({
  apiKey: reader.int16(),
  apiVersion: reader.int16(),
  correlationId: reader.int32(),
})

/** The rest of a request's header. */
export function readClientId(reader: Reader, headerVersion: 0 | 1 | 2): string | null {
  const id = headerVersion === 0 ? null : clientId.read(reader).clientId
  if (headerVersion === 2) noTags.read(reader)
  return id
}

export function writeRequestHeader(
  writer: Writer,
  header: RequestHeader,
  headerVersion: 0 | 1 | 2,
): void {
  writer.int16(header.apiKey)
  writer.int16(header.apiVersion)
  writer.int32(header.correlationId)
  if (headerVersion > 0) clientId.write(writer, header)
  if (headerVersion === 2) noTags.write(writer, {})
}

export function readResponseHeader(reader: Reader, headerVersion: 0 | 1): number {
  const correlationId = reader.int32()
  if (headerVersion === 1) noTags.read(reader)
  return correlationId
}

export function writeResponseHeader(
  writer: Writer,
  correlationId: number,
  headerVersion: 0 | 1,
): void {
  writer.int32(correlationId)
  if (headerVersion === 1) noTags.write(writer, {})
}
