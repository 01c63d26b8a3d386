import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MalformedFrame, Reader } from '../../../src/binary/reader.ts'
import { Writer } from '../../../src/binary/writer.ts'
import { keeperCodeName, ZooKeeperError } from '../../../src/zookeeper/error.ts'
import {
  connectRequest,
  connectResponse,
  frame,
  fromWireStat,
  jute,
  type Operation,
  operationOf,
  operations,
  readRequest,
  readResponse,
  toWireStat,
  writeRequest,
} from '../../../src/zookeeper/jute.ts'
import {
  readMulti,
  readMultiRead,
  readMultiResults,
  type WritePart,
  writeMulti,
  writeMultiResults,
} from '../../../src/zookeeper/multi.ts'

const written = (write: (writer: Writer) => void): Uint8Array => {
  const writer = new Writer()
  write(writer)
  return writer.bytes()
}
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const acl = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }]

test('the handshake is 44 bytes, its answer 36, before the byte readOnly', () => {
  const password = new Uint8Array(16)
  const request = {
    protocolVersion: 0,
    lastZxidSeen: 5,
    timeoutMs: 2000,
    sessionId: 1n << 56n,
    password,
  }
  const bytes = written(writer => jute(connectRequest).write(writer, request))
  expect(hex(bytes)).toBe(
    `00000000${'0000000000000005'}000007d0${'0100000000000000'}00000010${'00'.repeat(16)}`,
  )
  expect(jute(connectRequest).read(new Reader(bytes))).toEqual(request)
  const response = { protocolVersion: 0, timeoutMs: 4000, sessionId: -1n, password }
  expect(written(writer => jute(connectResponse).write(writer, response))).toHaveLength(36)
})

test('null and empty are different bytes', () => {
  const set = (data: Uint8Array | null) =>
    hex(written(writer => writeRequest('setData', writer, { path: '/', data, version: -1 })))
  expect(set(null)).toBe('000000012f' + 'ffffffff' + 'ffffffff')
  expect(set(new Uint8Array())).toBe('000000012f' + '00000000' + 'ffffffff')
})

test('a create is laid out as ZooKeeper lays it out', () => {
  const body = { path: '/a', data: Uint8Array.of(7), acl, flags: 1 }
  expect(hex(written(writer => writeRequest('create', writer, body)))).toBe(
    [
      '000000022f61',
      '0000000107',
      '00000001',
      '0000001f',
      `00000005${Buffer.from('world').toString('hex')}`,
      `00000006${Buffer.from('anyone').toString('hex')}`,
      '00000001',
    ].join(''),
  )
})

test('a Stat is 68 bytes and keeps its owner', () => {
  const stat = {
    czxid: 2 ** 40,
    mzxid: 3,
    ctime: 1_700_000_000_000,
    mtime: 1_700_000_000_001,
    version: -1,
    cversion: 2,
    aversion: 3,
    ephemeralOwner: '0xff00000000000001',
    dataLength: 4,
    numChildren: 5,
    pzxid: 6,
  } as const
  const table = jute(operations.exists.response)
  const bytes = written(writer => table.write(writer, { stat: toWireStat(stat) }))
  expect(bytes).toHaveLength(68)
  expect(fromWireStat(table.read(new Reader(bytes)).stat)).toEqual(stat)
})

test('a frame has its length in front', () => {
  expect(
    frame(writer => writer.int8(1))
      .map(hex)
      .join(''),
  ).toBe('0000000101')
})

test('operations are found by their number, errors by theirs', () => {
  expect(operationOf(14)).toBe('multi')
  expect(operationOf(-11)).toBe('closeSession')
  expect(operationOf(99)).toBeUndefined()
  expect(keeperCodeName(-101)).toBe('NONODE')
  expect(keeperCodeName(-999)).toBe('-999')
  expect(new ZooKeeperError(-101, '/a', 2)).toMatchObject({
    code: 'NONODE',
    message: 'NONODE for /a (part 2)',
  })
})

const path = fc.string({ maxLength: 12 })
const version = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const data = fc.option(fc.uint8Array({ maxLength: 20 }))
const part: fc.Arbitrary<WritePart> = fc.oneof(
  fc
    .record({ path, data, flags: version })
    .map(body => ({ operation: 'create' as const, body: { ...body, acl } })),
  fc.record({ path, version }).map(body => ({ operation: 'delete' as const, body })),
  fc.record({ path, version }).map(body => ({ operation: 'check' as const, body })),
  fc.record({ path, data, version }).map(body => ({ operation: 'setData' as const, body })),
)

test('a multi reads as it was written', () => {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), parts => {
      const bytes = written(writer => writeMulti(writer, parts))
      expect(readMulti(new Reader(bytes))).toEqual(parts)
    }),
  )
})

test("a failed multi's results read as they were written", () => {
  const results = [
    { operation: 'error', error: 0 },
    { operation: 'error', error: -103 },
    { operation: 'error', error: -2 },
  ] as const
  const bytes = written(writer => writeMultiResults(writer, results))
  // Each: a header {-1, 0, error} and the error again; then the end {-1, 1, -1}.
  expect(hex(bytes)).toBe(
    ['00000000', 'ffffff99', 'fffffffe'].map(error => `ffffffff00${error}${error}`).join('') +
      'ffffffff01ffffffff',
  )
  expect(readMultiResults(new Reader(bytes))).toEqual(results)
})

test('any bytes either are a message or are refused as malformed', () => {
  const readers = [
    ...Object.keys(operations).flatMap(operation => [
      (reader: Reader) => readRequest(operation as Operation, reader),
      (reader: Reader) => readResponse(operation as Operation, reader),
    ]),
    readMulti,
    readMultiRead,
    readMultiResults,
    jute(connectRequest).read,
    jute(connectResponse).read,
  ]
  // Small numbers make plausible lengths.
  const byte = fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 4 }) },
    fc.integer({ min: 0, max: 255 }),
  )
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 120 }), bytes => {
      for (const read of readers) {
        try {
          read(new Reader(Uint8Array.from(bytes)))
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedFrame)
        }
      }
    }),
    { numRuns: 500 },
  )
})
