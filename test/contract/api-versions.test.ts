import { expect, test } from 'vitest'
import { errors } from '../../src/error.ts'
import {
  ApiVersions,
  apis,
  decodeResponse,
  encodeRequest,
  Metadata,
} from '../../src/protocol/index.ts'
import { clusterUnderTest } from './cluster-under-test.ts'
import { told } from './told.ts'
import { Closed } from './wire.ts'

const cluster = clusterUnderTest()
const client = { clientSoftwareName: 'contract', clientSoftwareVersion: '1.0' }

test('whatever API is served is served in all the versions of Kafka 3.9', async () => {
  const connection = await cluster.connect()
  for (const version of [0, 1, 2, 3, 4]) {
    const answer = await connection.request(ApiVersions, version, client)
    expect(answer.errorCode).toBe(errors.NONE)
    const served = answer.apiKeys.map(it => [it.apiKey, it.minVersion, it.maxVersion])
    const all = Object.values(apis).map(it => [it.key, ...it.versions])
    expect(all).toEqual(expect.arrayContaining(served))
  }
})

test('of features there is nothing but an epoch', async () => {
  const connection = await cluster.connect()
  const { apiKeys: _, ...answer } = await connection.request(ApiVersions, 4, client)
  expect(told(answer)).toMatchInlineSnapshot(
    `errorCode: NONE, supportedFeatures: [], finalizedFeaturesEpoch: 0, finalizedFeatures: [], zkMigrationReady: false`,
  )
})

test('an unknown version is answered in v0, with the versions of ApiVersions alone', async () => {
  const connection = await cluster.connect()
  const header = [0, 18, 0x7f, 0x0f, 0, 0, 0, 9, 0xff, 0xff, 0]
  const frame = await connection.exchange(Uint8Array.from([0, 0, 0, header.length, ...header]))
  expect([...frame]).toEqual([0, 0, 0, 9, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4])
})

test.for([
  ['', '1'],
  ['name', ''],
  ['a b', '1'],
  ['-a', '1'],
  ['a', '1!'],
])('the client software %j %j is no name and version', async ([name = '', version = '']) => {
  const connection = await cluster.connect()
  const answer = await connection.request(ApiVersions, 3, {
    clientSoftwareName: name,
    clientSoftwareVersion: version,
  })
  expect(answer.errorCode).toBe(errors.INVALID_REQUEST)
  expect(answer.apiKeys).toEqual([])
})

test.for([
  ['an API that there is not', [0, 99, 0, 0]],
  ['a version that there is not', [0, 3, 0, 99]],
  ['a negative version', [0, 3, 0xff, 0xff]],
  ['a body that is cut off', [0, 3, 0, 12]],
] as const)('%s closes the connection', async ([, start]) => {
  const connection = await cluster.connect()
  const header = [...start, 0, 0, 0, 1, 0xff, 0xff]
  const answer = connection.exchange(Uint8Array.from([0, 0, 0, header.length, ...header]))
  await expect(answer).rejects.toThrow(Closed)
})

test('bytes behind the body of a request are let pass', async () => {
  const connection = await cluster.connect()
  const header = { correlationId: 7, clientId: null }
  const chunks = encodeRequest(Metadata, 12, header, { topics: [] })
  const frame = new Uint8Array([...Buffer.concat(chunks), 1, 2, 3])
  new DataView(frame.buffer).setInt32(0, frame.length - 4)
  const { body } = decodeResponse(Metadata, 12, await connection.exchange(frame))
  expect(body.brokers).toHaveLength(3)
  const { brokers } = await connection.request(Metadata, 12, { topics: [] })
  expect(brokers).toHaveLength(3)
})

test('a length beyond socket.request.max.bytes closes the connection', async () => {
  const connection = await cluster.connect()
  const answer = connection.exchange(Uint8Array.from([0x7f, 0xff, 0xff, 0xff]))
  await expect(answer).rejects.toThrow(Closed)
})
