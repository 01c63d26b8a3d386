import { MalformedFrame, Reader } from '../../binary/reader.ts'
import { codec } from '../codec.ts'
import {
  array,
  at,
  bytes,
  type DraftOf,
  type Fields,
  ignorable,
  int32,
  nullable,
  string,
  type ValueOf,
} from '../schema.ts'
import { encodeStored, type Stored, stored } from './stored.ts'

/**
 * What the members of a consumer group tell each other through JoinGroup and SyncGroup: opaque to
 * the coordinator, but for which topics a member subscribes to. Never flexible.
 */

/**
 * What a member wants and has.
 *
 * v1: ownedPartitions (KIP-429) · v2: generationId (KIP-792) · v3: rackId (KIP-881)
 */
export const ConsumerProtocolSubscription = stored({
  name: 'ConsumerProtocolSubscription',
  versions: '0-3',
  flexible: null,
  fields: {
    topics: array(string),
    userData: at('0+', nullable(bytes), null),
    ownedPartitions: ignorable('1+', array({ topic: string, partitions: array(int32) })),
    generationId: ignorable('2+', int32, -1),
    rackId: ignorable('3+', nullable(string), null),
  },
})

/** What a member gets. The versions differ in number only. */
export const ConsumerProtocolAssignment = stored({
  name: 'ConsumerProtocolAssignment',
  versions: '0-3',
  flexible: null,
  fields: {
    assignedPartitions: array({ topic: string, partitions: array(int32) }),
    userData: at('0+', nullable(bytes), null),
  },
})

export type Subscription = ValueOf<typeof ConsumerProtocolSubscription.fields>
export type Assignment = ValueOf<typeof ConsumerProtocolAssignment.fields>

/**
 * Reads as Kafka's members read each other: a newer version is read as far as we know it. And some
 * clients announce a newer version than they write, so that bytes which end early count as the
 * older version that ends there.
 */
function decodeTolerant<F extends Fields>(
  { fields, versions: [, last] }: Stored<F>,
  from: Uint8Array,
): ValueOf<F> | null {
  if (from.length < 2) return null
  const announced = new Reader(from).int16()
  for (let version = Math.min(announced, last); version >= 0; version--) {
    const reader = new Reader(from, 2)
    try {
      const value = codec(fields, version, 'classic').read(reader)
      if (reader.remaining === 0 || announced > last) return value
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error
    }
  }
  return null
}

/** Null for bytes that are no subscription, as those of other protocol types (Connect). */
export const decodeSubscription = (from: Uint8Array): Subscription | null =>
  decodeTolerant(ConsumerProtocolSubscription, from)

/**
 * The topics of a subscription as a coordinator reads it: in version 0, which all others begin with,
 * whatever version it announces and whatever follows. Null for bytes that are none.
 */
export function subscribedTopics(from: Uint8Array): readonly string[] | null {
  const reader = new Reader(from)
  try {
    reader.int16()
    return codec(ConsumerProtocolSubscription.fields, 0, 'classic').read(reader).topics
  } catch (error) {
    if (error instanceof MalformedFrame) return null
    throw error
  }
}

/**
 * Null for bytes that are no assignment; a member that gets nothing may be sent no bytes at all.
 */
export const decodeAssignment = (from: Uint8Array): Assignment | null =>
  decodeTolerant(ConsumerProtocolAssignment, from)

/** In the version that Kafka 3.9's consumers write unless one is given. */
export const encodeSubscription = (
  draft: DraftOf<typeof ConsumerProtocolSubscription.fields>,
  version = 3,
): Uint8Array => encodeStored(ConsumerProtocolSubscription, version, draft)

export const encodeAssignment = (
  draft: DraftOf<typeof ConsumerProtocolAssignment.fields>,
  version = 3,
): Uint8Array => encodeStored(ConsumerProtocolAssignment, version, draft)
