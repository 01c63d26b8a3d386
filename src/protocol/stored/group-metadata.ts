import { Reader } from '../../binary/reader.ts'
import {
  array,
  bytes,
  type DraftOf,
  ignorable,
  int32,
  int64,
  nullable,
  string,
  type ValueOf,
} from '../schema.ts'
import { decodeStored, encodeStored, stored } from './stored.ts'

/**
 * Keys and values of the records in `__consumer_offsets`, after Kafka's GroupMetadataManager. The
 * version of a key tells what it is the key of: 0 and 1 an offset, 2 a group; from 3 on KIP-848's
 * records, which a broker in ZooKeeper mode does not have. A record without a value takes its key
 * back (a tombstone).
 */

export const OffsetCommitKey = stored({
  name: 'OffsetCommitKey',
  versions: '0-1',
  flexible: null,
  fields: { group: string, topic: string, partition: int32 },
})

/**
 * v1: expireTimestamp, until retention became the broker's matter · v3: leaderEpoch (KIP-320) · v4:
 * flexible (KIP-915)
 */
export const OffsetCommitValue = stored({
  name: 'OffsetCommitValue',
  versions: '0-4',
  flexible: 4,
  fields: {
    offset: int64,
    leaderEpoch: ignorable('3+', int32, -1),
    metadata: string,
    commitTimestamp: int64,
    expireTimestamp: ignorable('1', int64, -1),
  },
})

export const GroupMetadataKey = stored({
  name: 'GroupMetadataKey',
  versions: '2',
  flexible: null,
  fields: { group: string },
})

/**
 * v1: rebalanceTimeout · v2: currentStateTimestamp (KIP-211) · v3: groupInstanceId (KIP-345) · v4:
 * flexible (KIP-915)
 */
export const GroupMetadataValue = stored({
  name: 'GroupMetadataValue',
  versions: '0-4',
  flexible: 4,
  fields: {
    protocolType: string,
    generation: int32,
    protocol: nullable(string),
    leader: nullable(string),
    currentStateTimestamp: ignorable('2+', int64, -1),
    members: array({
      memberId: string,
      groupInstanceId: ignorable('3+', nullable(string), null),
      clientId: string,
      clientHost: string,
      rebalanceTimeout: ignorable('1+', int32, -1),
      sessionTimeout: int32,
      subscription: bytes,
      assignment: bytes,
    }),
  },
})

export type StoredOffset = ValueOf<typeof OffsetCommitValue.fields>
export type StoredGroup = ValueOf<typeof GroupMetadataValue.fields>

/** What a key of `__consumer_offsets` names. */
export type GroupMetadataKeyOf =
  | {
      readonly kind: 'offset'
      readonly group: string
      readonly topic: string
      readonly partition: number
    }
  | { readonly kind: 'group'; readonly group: string }

export const encodeOffsetKey = (group: string, topic: string, partition: number): Uint8Array =>
  encodeStored(OffsetCommitKey, 1, { group, topic, partition })

export const encodeGroupKey = (group: string): Uint8Array =>
  encodeStored(GroupMetadataKey, 2, { group })

/**
 * Null for records of a kind that a broker in ZooKeeper mode does not have. Throws MalformedFrame.
 */
export function decodeGroupMetadataKey(key: Uint8Array): GroupMetadataKeyOf | null {
  const version = new Reader(key).int16()
  if (version === 0 || version === 1)
    return { kind: 'offset', ...decodeStored(OffsetCommitKey, key) }
  if (version === 2) return { kind: 'group', ...decodeStored(GroupMetadataKey, key) }
  return null
}

/**
 * As Kafka 3.9 writes it: v3; v1 where the client asked for an expiry of its own (OffsetCommit
 * v2–4).
 */
export function encodeOffsetValue(draft: DraftOf<typeof OffsetCommitValue.fields>): Uint8Array {
  const expires = draft.expireTimestamp !== undefined && draft.expireTimestamp !== -1
  return encodeStored(OffsetCommitValue, expires ? 1 : 3, draft)
}

/** As Kafka 3.9 writes it: v3. */
export const encodeGroupValue = (draft: DraftOf<typeof GroupMetadataValue.fields>): Uint8Array =>
  encodeStored(GroupMetadataValue, 3, draft)

/** Reads v0–4; throws MalformedFrame. */
export const decodeOffsetValue = (value: Uint8Array): StoredOffset =>
  decodeStored(OffsetCommitValue, value)

/** Reads v0–4; throws MalformedFrame. */
export const decodeGroupValue = (value: Uint8Array): StoredGroup =>
  decodeStored(GroupMetadataValue, value)
