import type { TopicPartition } from '../../ids.ts'

/** What a member told its group's leader (ConsumerPartitionAssignor.Subscription). */
export interface Subscribed {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly topics: readonly string[]
  /** What it has, as far as it says so. */
  readonly owned: readonly TopicPartition[]
  /** The generation it has that from; −1 where it does not say. */
  readonly generationId: number
}

/** Partitions by member id; every member is there. */
export type Assignments = ReadonlyMap<string, readonly TopicPartition[]>

/** How partitions are spread over the members of a group. Pure: the same members and topics give the same result. */
export interface Assignor {
  /** As members announce it in JoinGroup. */
  readonly name: string
  /** Whether members may keep what they have while the group rebalances (KIP-429). */
  readonly isCooperative: boolean
  /** @param partitionCounts partitions by topic; topics that do not exist are missing */
  assign(members: readonly Subscribed[], partitionCounts: ReadonlyMap<string, number>): Assignments
}

/**
 * The order in which members are served: static ones by their instance id, so that it survives their restarts, then the others
 * by member id (AbstractPartitionAssignor.MemberInfo).
 */
export function byMemberOrder(a: Subscribed, b: Subscribed): number {
  if (a.groupInstanceId !== null && b.groupInstanceId !== null)
    return compare(a.groupInstanceId, b.groupInstanceId)
  if (a.groupInstanceId !== null) return -1
  if (b.groupInstanceId !== null) return 1
  return compare(a.memberId, b.memberId)
}

/** As Java compares strings: by code units. */
export const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** All topics that somebody subscribes to and that exist, sorted. */
export const subscribedTopics = (
  members: readonly Subscribed[],
  partitionCounts: ReadonlyMap<string, number>,
): string[] =>
  [...new Set(members.flatMap(({ topics }) => topics))]
    .filter(topic => (partitionCounts.get(topic) ?? 0) > 0)
    .sort(compare)

/** A topic's partitions, by number. */
export const partitionsOf = (topic: string, count: number): TopicPartition[] =>
  Array.from({ length: count }, (_, partition) => ({ topic, partition }))

/** An assignment in which nobody has anything yet. */
export const nothingAssigned = (members: readonly Subscribed[]): Map<string, TopicPartition[]> =>
  new Map(members.map(({ memberId }) => [memberId, []]))
