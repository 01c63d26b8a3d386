import { describe, expect, test } from 'vitest'
import { MalformedFrame } from '../../../src/binary/reader.ts'
import {
  decodeAssignment,
  decodeGroupMetadataKey,
  decodeGroupValue,
  decodeOffsetValue,
  decodeSubscription,
  decodeTransactionKey,
  decodeTransactionValue,
  encodeAssignment,
  encodeGroupKey,
  encodeGroupValue,
  encodeOffsetKey,
  encodeOffsetValue,
  encodeSubscription,
  encodeTransactionKey,
  encodeTransactionValue,
} from '../../../src/protocol/index.ts'

/**
 * Goal: what is kept in records, or passed through the coordinator, is read as Kafka and its
 * clients write it.
 */

const bytes = (hex: string): Uint8Array => Buffer.from(hex, 'hex')
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex')

describe('subscriptions', () => {
  // A consumer of the Java client 3.9.1, subscribed to `java`, as captured.
  const java = '00030000000100046a617661ffffffff00000000ffffffffffff'
  const value = {
    topics: ['java'],
    userData: null,
    ownedPartitions: [],
    generationId: -1,
    rackId: null,
  }

  test('of the Java client', () => {
    expect(decodeSubscription(bytes(java))).toEqual(value)
    expect(hex(encodeSubscription({ topics: ['java'] }))).toBe(java)
  })

  test('of kafkajs, in v0', () => {
    expect(decodeSubscription(bytes('00000000000100046a61766100000000'))).toEqual({
      ...value,
      userData: Buffer.alloc(0),
    })
  })

  test('that announce a newer version than they write', () => {
    expect(decodeSubscription(bytes('00010000000100046a617661ffffffff'))).toEqual(value)
  })

  test('of a version yet to come are read as far as we know it', () => {
    expect(decodeSubscription(bytes(`0009${java.slice(4)}0102`))).toEqual(value)
  })

  test.each(['', '00', '0000', 'ffff', '0000000000ff', '00007fffffff'])('"%s" is none', none => {
    expect(decodeSubscription(bytes(none))).toBeNull()
  })
})

describe('assignments', () => {
  // The leader of a group gives itself both partitions of `parcels`; platformatic, as captured.
  const captured = '000000000001000770617263656c73000000020000000000000001ffffffff'

  test('are read and written', () => {
    const assignedPartitions = [{ topic: 'parcels', partitions: [0, 1] }]
    expect(decodeAssignment(bytes(captured))).toEqual({ assignedPartitions, userData: null })
    expect(hex(encodeAssignment({ assignedPartitions }, 0))).toBe(captured)
  })

  test('may be missing altogether', () => {
    expect(decodeAssignment(bytes(''))).toBeNull()
  })
})

describe('__consumer_offsets', () => {
  // From a broker of Kafka 3.9.1, as fetched by its follower.
  const groupKey = '000200087368697070696e67'
  const groupValue =
    '00030008636f6e73756d657200000001000a726f756e64726f62696e0031706c6174666f726d617469632d653231326666' +
    '32342d343862652d343635362d396263342d653133666133373435313034000001a2059fb096000000010031706c617466' +
    '6f726d617469632d65323132666632342d343862652d343635362d396263342d653133666133373435313034ffff000c70' +
    '6c6174666f726d61746963000a2f3132372e302e302e3100018e700000271000000017000100000001000770617263656c' +
    '73ffffffff000000000000001f000000000001000770617263656c73000000020000000000000001ffffffff'

  test('the key of a group', () => {
    expect(decodeGroupMetadataKey(bytes(groupKey))).toEqual({ kind: 'group', group: 'shipping' })
    expect(hex(encodeGroupKey('shipping'))).toBe(groupKey)
  })

  test('a group', () => {
    const group = decodeGroupValue(bytes(groupValue))
    expect(group).toMatchObject({
      protocolType: 'consumer',
      generation: 1,
      protocol: 'roundrobin',
      members: [
        {
          clientId: 'platformatic',
          clientHost: '/127.0.0.1',
          rebalanceTimeout: 102000,
          sessionTimeout: 10000,
        },
      ],
    })
    expect(decodeSubscription(group.members[0]?.subscription as Uint8Array)?.topics).toEqual([
      'parcels',
    ])
    expect(hex(encodeGroupValue(group))).toBe(groupValue)
  })

  test('the key of an offset', () => {
    const key = encodeOffsetKey('billing', 'orders', 3)
    expect(hex(key)).toBe('0001000762696c6c696e6700066f726465727300000003')
    expect(decodeGroupMetadataKey(key)).toEqual({
      kind: 'offset',
      group: 'billing',
      topic: 'orders',
      partition: 3,
    })
  })

  test('an offset is v3, but v1 where it says when it expires', () => {
    const offset = { offset: 5, leaderEpoch: 2, metadata: 'm', commitTimestamp: 1000 }
    expect(hex(encodeOffsetValue(offset))).toBe(
      '0003' + '0000000000000005' + '00000002' + '00016d' + '00000000000003e8',
    )
    expect(decodeOffsetValue(encodeOffsetValue(offset))).toEqual({ ...offset, expireTimestamp: -1 })
    const expiring = encodeOffsetValue({ ...offset, expireTimestamp: 2000 })
    expect(hex(expiring)).toBe(
      '0001' + '0000000000000005' + '00016d' + '00000000000003e8' + '00000000000007d0',
    )
    expect(decodeOffsetValue(expiring)).toEqual({
      ...offset,
      leaderEpoch: -1,
      expireTimestamp: 2000,
    })
  })

  test('a flexible offset of a later Kafka is read', () => {
    const later = '0004' + '0000000000000005' + '00000002' + '026d' + '00000000000003e8' + '00'
    expect(decodeOffsetValue(bytes(later))).toMatchObject({
      offset: 5,
      leaderEpoch: 2,
      metadata: 'm',
    })
  })

  test('keys of other kinds are none of ours, unknown versions of values malformed', () => {
    expect(decodeGroupMetadataKey(bytes('00030003'))).toBeNull()
    expect(() => decodeGroupMetadataKey(bytes('00'))).toThrow(MalformedFrame)
    expect(() => decodeGroupMetadataKey(bytes('00020005aa'))).toThrow(MalformedFrame)
    expect(() => decodeOffsetValue(bytes('0063'))).toThrow(MalformedFrame)
    expect(() => decodeOffsetValue(bytes('ffff'))).toThrow(MalformedFrame)
  })
})

test('__transaction_state', () => {
  expect(hex(encodeTransactionKey('tx'))).toBe('000000027478')
  expect(decodeTransactionKey(encodeTransactionKey('tx'))).toBe('tx')
  const transaction = {
    producerId: 1000,
    producerEpoch: 1,
    transactionTimeoutMs: 60000,
    transactionStatus: 1,
    transactionPartitions: [{ topic: 'orders', partitionIds: [0, 2] }],
    transactionLastUpdateTimestampMs: 5,
    transactionStartTimestampMs: -1,
  }
  expect(decodeTransactionValue(encodeTransactionValue(transaction))).toEqual(transaction)
})
