import { expect, test } from 'vitest'
import { errors } from '../../../src/error.ts'
import { noUuid } from '../../../src/ids.ts'
import {
  type Api,
  apis,
  decodeResponse,
  encodeResponse,
  errorSite,
  Fetch,
  Metadata,
  OffsetFetch,
  Produce,
  placeError,
  type Values,
} from '../../../src/protocol/index.ts'
import { type Fields, fieldOf, isWithin, type Type, zeroOf } from '../../../src/protocol/schema.ts'

/** A request with one of everything. */
function sample(fields: Fields, version: number): Values {
  const one = (type: Type): unknown => {
    if (type.element !== null) return [one(type.element)]
    if (type.fields !== null) return sample(type.fields, version)
    if (type.kind === 'string') return 'orders'
    if (type.kind === 'uuid') return 'AAAAAAAAAAAAAAAAAAAAAQ'
    return zeroOf(type)
  }
  return Object.fromEntries(
    Object.entries(fields).map(([name, entry]) => {
      const field = fieldOf(entry)
      return [name, isWithin(version, field.versions) ? one(field.type) : field.default]
    }),
  )
}

const codes = (value: unknown): number[] => {
  if (Array.isArray(value)) return value.flatMap(codes)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return []
  return Object.entries(value).flatMap(([name, said]) =>
    /rrorCode$/.test(name) ? [said as number] : codes(said),
  )
}

const all = Object.values(apis) as readonly Api[]

test('an error finds its place in every API and version, and the answer goes over the wire', () => {
  const nowhere: string[] = []
  for (const api of all)
    for (let version = api.versions[0]; version <= api.versions[1]; version++)
      for (const of of ['whole', 'each'] as const) {
        const site = errorSite(api, version, of, { topic: false, partition: false })
        if (site === undefined) {
          nowhere.push(`${api.name} v${version}`)
          continue
        }
        const request = sample(api.request, version)
        const code = errors.NOT_LEADER_OR_FOLLOWER
        const placement = placeError(api, version, request, code, site, () => true)
        const frame = encodeResponse(api, version, 7, placement.answer(null).body)
        const bytes = Uint8Array.from(frame.flatMap(chunk => [...chunk])).subarray(4)
        const { body } = decodeResponse(api, version, bytes)
        if (!codes(body).includes(code)) nowhere.push(`${api.name} v${version}`)
      }
  // They answer about what their requests do not name: an error is placed in what a handler answered.
  expect([...new Set(nowhere.map(name => name.split(' ')[0]))]).toEqual([
    'WriteTxnMarkers',
    'CreateAcls',
    'DeleteAcls',
    'AlterReplicaLogDirs',
    'DescribeLogDirs',
    'AlterClientQuotas',
    'AlterUserScramCredentials',
  ])
})

const partitionData = (index: number) => ({ index, records: null })

test('what is refused is taken out of the request, the rest is answered, and the answer says both', () => {
  const request = {
    ...sample(Produce.request, 9),
    topicData: [
      { name: 'orders', partitionData: [partitionData(0), partitionData(1)] },
      { name: 'bills', partitionData: [partitionData(0)] },
    ],
  }
  const site = errorSite(Produce, 9, 'each', { topic: true, partition: true })
  if (site === undefined) throw new Error('no place')
  const placement = placeError(
    Produce,
    9,
    request,
    errors.NOT_LEADER_OR_FOLLOWER,
    site,
    ({ topic, partition }) => topic === 'orders' && partition === 1,
  )
  expect(placement.named).toBe(1)
  expect(placement.rest?.topicData).toEqual([
    { name: 'orders', partitionData: [partitionData(0)] },
    { name: 'bills', partitionData: [partitionData(0)] },
  ])
  const good = { index: 0, errorCode: 0, baseOffset: 5 }
  const { body, placed } = placement.answer({
    responses: [
      { name: 'orders', partitionResponses: [good] },
      { name: 'bills', partitionResponses: [good] },
    ],
  })
  expect(placed).toBe(1)
  expect(body.responses).toMatchObject([
    { name: 'orders', partitionResponses: [good, { index: 1, errorCode: 6, baseOffset: -1 }] },
    { name: 'bills', partitionResponses: [good] },
  ])
})

test('who asks for all topics is told the error where the answer has it', () => {
  const site = errorSite(Metadata, 9, 'each', { topic: true, partition: false })
  if (site === undefined) throw new Error('no place')
  const placement = placeError(
    Metadata,
    9,
    { topics: null },
    errors.LEADER_NOT_AVAILABLE,
    site,
    ({ topic }) => topic === 'orders',
  )
  expect(placement.named).toBe(0)
  const { body, placed } = placement.answer({
    topics: [
      { name: 'orders', errorCode: 0, partitions: [{}] },
      { name: 'bills', errorCode: 0, partitions: [{}] },
    ],
  })
  expect(placed).toBe(1)
  expect(body.topics).toMatchObject([
    { name: 'orders', errorCode: 5, partitions: [] },
    { name: 'bills', errorCode: 0, partitions: [{}] },
  ])
})

test('an error of the whole request stands where the version has it highest', () => {
  const place = (api: Api, version: number) =>
    errorSite(api, version, 'whole', { topic: false, partition: false })?.levels.map(
      ({ answer }) => answer,
    )
  expect(place(Fetch, 4)).toEqual(['responses', 'partitions'])
  expect(place(Fetch, 7)).toEqual([])
  expect(place(OffsetFetch, 1)).toEqual(['topics', 'partitions'])
  expect(place(OffsetFetch, 7)).toEqual([])
  expect(place(OffsetFetch, 8)).toEqual(['groups'])
  expect(noUuid).toBe('AAAAAAAAAAAAAAAAAAAAAA')
})
