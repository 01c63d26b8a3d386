import { describe, expect, expectTypeOf, test } from 'vitest'
import { BrokenInvariant } from '../../../src/assert.ts'
import { MalformedFrame } from '../../../src/binary/reader.ts'
import { errors } from '../../../src/error.ts'
import {
  ApiVersions,
  apis,
  ControlledShutdown,
  correlationIdOf,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  Fetch,
  Heartbeat,
  highestCommonVersion,
  Metadata,
  Produce,
  type ProduceRequest,
  type RequestDraftOf,
  requestHeaderVersion,
  responseHeaderVersion,
  supportedApis,
} from '../../../src/protocol/index.ts'

/** Goal: headers, bodies and their frames, and what is answered to whom we do not understand. */

const joined = (chunks: readonly Uint8Array[]): Uint8Array => Buffer.concat(chunks)
const frameOf = (chunks: readonly Uint8Array[]): Uint8Array => joined(chunks).subarray(4)
const bytes = (hex: string): Uint8Array => Buffer.from(hex.replaceAll(' ', ''), 'hex')
const hex = (chunks: readonly Uint8Array[]): string => Buffer.from(joined(chunks)).toString('hex')

describe('headers', () => {
  test('a flexible request keeps its client id in two bytes of length and adds tagged fields', () => {
    const chunks = encodeRequest(
      Heartbeat,
      4,
      { correlationId: 9, clientId: 'ab' },
      { groupId: 'g', generationId: 1, memberId: 'm' },
    )
    expect(hex(chunks)).toBe(
      '00000017' +
        '000c' +
        '0004' +
        '00000009' +
        '00026162' +
        '00' +
        '0267' +
        '00000001' +
        '026d' +
        '00' +
        '00',
    )
  })

  test('a client id may be null', () => {
    const chunks = encodeRequest(ApiVersions, 0, { correlationId: 1, clientId: null }, {})
    expect(hex(chunks)).toBe('0000000a' + '00120000' + '00000001' + 'ffff')
    expect(decodeRequest(frameOf(chunks)).header.clientId).toBeNull()
  })

  test('ControlledShutdown v0 alone has no client id', () => {
    const header = { correlationId: 1, clientId: 'broker' }
    const chunks = encodeRequest(ControlledShutdown, 0, header, { brokerId: 2 })
    expect(hex(chunks)).toBe('0000000c' + '00070000' + '00000001' + '00000002')
    expect(decodeRequest(frameOf(chunks))).toMatchObject({
      header: { clientId: null },
      body: { brokerId: 2 },
    })
    expect(requestHeaderVersion(ControlledShutdown, 1)).toBe(1)
  })

  test('ApiVersions answers with header v0 in every version, others with v1 where flexible', () => {
    expect(responseHeaderVersion(ApiVersions, 4)).toBe(0)
    expect(requestHeaderVersion(ApiVersions, 4)).toBe(2)
    expect(responseHeaderVersion(Produce, 8)).toBe(0)
    expect(responseHeaderVersion(Produce, 9)).toBe(1)
  })

  test('unknown tagged fields are skipped, in header and body', () => {
    const { header, body } = decodeRequest(
      bytes('000c 0004 00000009 ffff 01 05 02 aabb 0267 00000001 026d 00 01 07 03 aabbcc'),
    )
    expect(header.clientId).toBeNull()
    expect(body).toEqual({ groupId: 'g', generationId: 1, memberId: 'm', groupInstanceId: null })
  })
})

describe('what we do not speak', () => {
  test('an ApiVersions from the future is known by its header and to be answered in v0', () => {
    const request = decodeRequest(bytes('0012 0063 00000007 0002 6162 00 ffffff'))
    expect(request).toMatchObject({
      unsupported: true,
      version: 0,
      header: { apiVersion: 99, correlationId: 7, clientId: 'ab' },
    })
    const [minVersion, maxVersion] = ApiVersions.versions
    const answer = encodeResponse(ApiVersions, request.version, 7, {
      errorCode: errors.UNSUPPORTED_VERSION,
      apiKeys: [{ apiKey: ApiVersions.key, minVersion, maxVersion }],
    })
    expect(hex(answer)).toBe(
      '00000010' + '00000007' + '0023' + '00000001' + '0012' + '0000' + '0004',
    )
  })

  test('a refused ApiVersions of ours is read in the version it is answered in', () => {
    const { body } = decodeResponse(ApiVersions, 4, bytes('00000007 0023 00000001 0012 0000 0003'))
    expect(body.errorCode).toBe(errors.UNSUPPORTED_VERSION)
    expect(body.apiKeys).toEqual([{ apiKey: 18, minVersion: 0, maxVersion: 3 }])
  })

  test.each([
    ['an unknown key', '03e7 0000 00000001 ffff'],
    ['an unknown version', '0000 0063 00000001 ffff'],
    ['a negative version', '0012 ffff 00000001 ffff'],
    ['no header at all', '0000'],
    ['more elements than bytes', '0003 0001 00000001 ffff 7fffffff'],
    ['a null that may not be', '0011 0000 00000001 ffff ffff'],
    ['a length below -1', '0003 0001 00000001 fffe'],
  ])('%s is malformed', (_, frame) => {
    expect(() => decodeRequest(bytes(frame))).toThrow(MalformedFrame)
  })

  test('bytes behind the request are let pass', () => {
    expect(decodeRequest(bytes('0012 0000 00000001 ffff 00ff')).api).toBe(ApiVersions)
  })

  test('a version that lacks what is said is a broken invariant', () => {
    const header = { correlationId: 1, clientId: null }
    const body = { acks: -1, timeoutMs: 1, topicData: [], transactionalId: 'tx' }
    expect(() => encodeRequest(Produce, 2, header, body)).toThrow(BrokenInvariant)
    expect(encodeRequest(Produce, 3, header, body)).toBeDefined()
  })

  test('null is refused in the versions that lack it', () => {
    const header = { correlationId: 1, clientId: null }
    expect(() => encodeRequest(Metadata, 0, header, { topics: null })).toThrow(BrokenInvariant)
    expect(encodeRequest(Metadata, 1, header, { topics: null })).toBeDefined()
  })
})

describe('records', () => {
  const records = new Uint8Array(5000).fill(1)
  const response = {
    responses: [
      {
        topic: 'orders',
        partitions: [{ partitionIndex: 0, errorCode: 0, highWatermark: 1, records }],
      },
    ],
  }

  test('leave in chunks of their own, without a copy', () => {
    const chunks = encodeResponse(Fetch, 12, 3, response)
    expect(chunks).toHaveLength(3)
    expect(chunks[1]).toBe(records)
    expect(correlationIdOf(frameOf(chunks))).toBe(3)
  })

  test('arrive as a part of the frame', () => {
    const frame = frameOf(encodeResponse(Fetch, 12, 3, response))
    const { body } = decodeResponse(Fetch, 12, frame)
    const read = body.responses[0]?.partitions[0]?.records as Uint8Array
    expect(read.buffer).toBe(frame.buffer)
    expect([...read]).toEqual([...records])
  })

  test('may be null', () => {
    const header = { correlationId: 1, clientId: null }
    const topicData = [{ name: 'orders', partitionData: [{ index: 0, records: null }] }]
    for (const version of [8, 9]) {
      const frame = frameOf(
        encodeRequest(Produce, version, header, { acks: 1, timeoutMs: 1, topicData }),
      )
      expect((decodeRequest(frame).body as ProduceRequest).topicData).toEqual(topicData)
    }
  })
})

test('what a broker advertises is what it has handlers for', () => {
  expect(supportedApis([18, 0, 4711])).toEqual([
    { apiKey: 0, minVersion: 0, maxVersion: 11 },
    { apiKey: 18, minVersion: 0, maxVersion: 4 },
  ])
  expect(supportedApis(Object.values(apis).map(({ key }) => key))).toHaveLength(62)
})

test('the highest version both sides speak', () => {
  expect(highestCommonVersion(Produce, { minVersion: 3, maxVersion: 9 })).toBe(9)
  expect(highestCommonVersion(Produce, { minVersion: 0, maxVersion: 99 })).toBe(11)
  expect(highestCommonVersion(Produce, { minVersion: 12, maxVersion: 13 })).toBeNull()
  expect(highestCommonVersion(Produce, undefined)).toBeNull()
})

test('types are inferred from the tables', () => {
  expectTypeOf<ProduceRequest['transactionalId']>().toEqualTypeOf<string | null>()
  expectTypeOf<ProduceRequest['acks']>().toEqualTypeOf<number>()
  type Partition = ProduceRequest['topicData'][number]['partitionData'][number]
  expectTypeOf<Partition>().toEqualTypeOf<{
    readonly index: number
    readonly records: Uint8Array | null
  }>()
  // What was read may be written.
  expectTypeOf<ProduceRequest>().toExtend<RequestDraftOf<typeof Produce>>()
  expectTypeOf<{ acks: number; timeoutMs: number; topicData: [] }>().toExtend<
    RequestDraftOf<typeof Produce>
  >()
  expectTypeOf<{ acks: number; topicData: [] }>().not.toExtend<RequestDraftOf<typeof Produce>>()
  expectTypeOf<{ acks: string; timeoutMs: number; topicData: [] }>().not.toExtend<
    RequestDraftOf<typeof Produce>
  >()
})
