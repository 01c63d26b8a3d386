/**
 * Bodies of multi and multiRead: parts one after another, each behind a header that says what it is, and a header that says
 * it is the end (MultiOperationRecord, MultiResponse).
 */
import { MalformedFrame, type Reader } from '../binary/reader.ts'
import type { Writer } from '../binary/writer.ts'
import { keeperCodes } from './error.ts'
import {
  type Operation,
  operationOf,
  operations,
  type RequestBody,
  type ResponseBody,
  readRequest,
  readResponse,
  writeRequest,
  writeResponse,
} from './jute.ts'

interface Header {
  readonly opcode: number
  readonly done: boolean
  readonly error: number
}

const readHeader = (reader: Reader): Header => ({
  opcode: reader.int32(),
  done: reader.bool(),
  error: reader.int32(),
})

function writeHeader(writer: Writer, opcode: number, done: boolean, error: number): void {
  writer.int32(opcode)
  writer.bool(done)
  writer.int32(error)
}

const writeEnd = (writer: Writer): void => writeHeader(writer, -1, true, -1)

const writeParts = [
  'create',
  'create2',
  'createContainer',
  'createTtl',
  'delete',
  'setData',
  'check',
] as const
const readParts = ['getData', 'getChildren'] as const

type PartOf<O extends Operation> = {
  [K in O]: { readonly operation: K; readonly body: RequestBody<K> }
}[O]

/** One operation within a multi. */
export type WritePart = PartOf<(typeof writeParts)[number]>
export type ReadPart = PartOf<(typeof readParts)[number]>

/** A part's answer: its response, or how it failed. */
export type PartResult<O extends Operation> =
  | { [K in O]: { readonly operation: K; readonly body: ResponseBody<K> } }[O]
  | { readonly operation: 'error'; readonly error: number }

function readAll<O extends Operation>(reader: Reader, allowed: readonly O[]): PartOf<O>[] {
  const parts: PartOf<O>[] = []
  for (;;) {
    const header = readHeader(reader)
    if (header.done) return parts
    const operation = operationOf(header.opcode)
    if (operation === undefined || !(allowed as readonly Operation[]).includes(operation))
      throw new MalformedFrame(`operation ${header.opcode} in a multi`)
    parts.push({ operation, body: readRequest(operation, reader) } as unknown as PartOf<O>) // reason: checked by `allowed`
  }
}

export const readMulti = (reader: Reader): WritePart[] => readAll(reader, writeParts)
export const readMultiRead = (reader: Reader): ReadPart[] => readAll(reader, readParts)

export function writeMulti(writer: Writer, parts: readonly (WritePart | ReadPart)[]): void {
  for (const { operation, body } of parts) {
    writeHeader(writer, operations[operation].opcode, false, -1)
    writeRequest(operation, writer, body)
  }
  writeEnd(writer)
}

export function writeMultiResults(writer: Writer, results: readonly PartResult<Operation>[]): void {
  for (const result of results) {
    if (result.operation === 'error') {
      writeHeader(writer, -1, false, result.error)
      writer.int32(result.error)
    } else {
      const { opcode } = operations[result.operation]
      writeHeader(writer, opcode, false, keeperCodes.OK)
      writeResponse(result.operation, writer, result.body)
    }
  }
  writeEnd(writer)
}

export function readMultiResults(reader: Reader): PartResult<Operation>[] {
  const results: PartResult<Operation>[] = []
  for (;;) {
    const header = readHeader(reader)
    if (header.done) return results
    if (header.opcode === -1) {
      results.push({ operation: 'error', error: reader.int32() })
      continue
    }
    const operation = operationOf(header.opcode)
    if (operation === undefined) throw new MalformedFrame(`operation ${header.opcode} in a multi`)
    results.push({ operation, body: readResponse(operation, reader) } as PartResult<Operation>)
  }
}
