/**
 * As even as subscriptions allow, and with as few moves as that takes.
 *
 * 1. Everybody keeps what they have, if they may and nobody newer claims it: a partition belongs to whoever has it from the highest
 *    generation; two claims from the same generation cancel each other.
 * 2. Who has more than their share gives back what is beyond it; only then are the free partitions dealt out, each to whoever has least.
 * 3. Where subscriptions differ that may not be even yet: one partition at a time moves from who has most to who may have it
 *    and has at least two fewer.
 *
 * After AbstractStickyAssignor: the same balance; which of several equally even results comes out may differ.
 */
import { printPartition, type TopicPartition } from '../../ids.ts'
import {
  type Assignments,
  type Assignor,
  byMemberOrder,
  compare,
  partitionsOf,
  type Subscribed,
  subscribedTopics,
} from './assignor.ts'

interface Holding {
  readonly member: Subscribed
  readonly topics: ReadonlySet<string>
  /** In the order in which they came. */
  partitions: TopicPartition[]
}

const byPartition = (a: TopicPartition, b: TopicPartition): number =>
  compare(a.topic, b.topic) || a.partition - b.partition

/** Who may keep what: claims that are allowed, and stronger than all others. */
function keptClaims(
  members: readonly Subscribed[],
  partitionCounts: ReadonlyMap<string, number>,
): Map<string, string> {
  const claims = new Map<string, { memberId: string | null; generationId: number }>()
  for (const { memberId, topics, owned, generationId } of members)
    for (const partition of owned) {
      const { topic } = partition
      if (!topics.includes(topic) || partition.partition >= (partitionCounts.get(topic) ?? 0))
        continue
      const key = printPartition(partition)
      const former = claims.get(key)
      if (former === undefined || former.generationId < generationId)
        claims.set(key, { memberId, generationId })
      else if (former.generationId === generationId)
        claims.set(key, { memberId: null, generationId })
    }
  const kept = new Map<string, string>()
  for (const [key, { memberId }] of claims) if (memberId !== null) kept.set(key, memberId)
  return kept
}

/** Fewest partitions first, equals in the members' order. */
const leastFirst = (a: Holding, b: Holding): number =>
  a.partitions.length - b.partitions.length || byMemberOrder(a.member, b.member)

/** Gives back what is beyond an even share, if all subscribe to the same: the last ones that came. */
function trim(holdings: readonly Holding[], total: number): TopicPartition[] {
  const least = Math.floor(total / holdings.length)
  let withOneMore = total % holdings.length
  const free: TopicPartition[] = []
  for (const holding of [...holdings].sort((a, b) => -leastFirst(a, b))) {
    const share = least + (holding.partitions.length > least && withOneMore > 0 ? 1 : 0)
    if (share > least) withOneMore--
    free.push(...holding.partitions.slice(share))
    holding.partitions = holding.partitions.slice(0, share)
  }
  return free
}

/** Moves partitions from those with most to those who may have them and have at least two fewer. */
function even(holdings: readonly Holding[]): void {
  for (let moved = true; moved; ) {
    moved = false
    for (const from of [...holdings].sort((a, b) => -leastFirst(a, b))) {
      const to = [...holdings]
        .sort(leastFirst)
        .find(
          other =>
            other.partitions.length + 2 <= from.partitions.length &&
            from.partitions.some(({ topic }) => other.topics.has(topic)),
        )
      if (to === undefined) continue
      const at = from.partitions.findLastIndex(({ topic }) => to.topics.has(topic))
      to.partitions.push(...from.partitions.splice(at, 1))
      moved = true
      break
    }
  }
}

/** The balanced assignment with the fewest moves from what members own. */
export function stickyAssignment(
  members: readonly Subscribed[],
  partitionCounts: ReadonlyMap<string, number>,
): Assignments {
  const holdings: Holding[] = [...members]
    .sort(byMemberOrder)
    .map(member => ({ member, topics: new Set(member.topics), partitions: [] }))
  const byMember = new Map(holdings.map(holding => [holding.member.memberId, holding]))
  const kept = keptClaims(members, partitionCounts)
  const all = subscribedTopics(members, partitionCounts).flatMap(topic =>
    partitionsOf(topic, partitionCounts.get(topic) ?? 0),
  )
  const free: TopicPartition[] = []
  for (const partition of all) {
    const holder = byMember.get(kept.get(printPartition(partition)) ?? '')
    if (holder === undefined) free.push(partition)
    else holder.partitions.push(partition)
  }
  const [first, ...others] = holdings
  const isUniform = others.every(
    ({ topics }) =>
      topics.size === first?.topics.size && [...topics].every(topic => first.topics.has(topic)),
  )
  if (first !== undefined && isUniform) free.push(...trim(holdings, all.length))
  for (const partition of free.sort(byPartition)) {
    const to = holdings.filter(({ topics }) => topics.has(partition.topic)).sort(leastFirst)[0]
    to?.partitions.push(partition)
  }
  if (!isUniform) even(holdings)
  return new Map(
    members.map(({ memberId }) => [
      memberId,
      (byMember.get(memberId)?.partitions ?? []).sort(byPartition),
    ]),
  )
}

export const stickyAssignor: Assignor = {
  name: 'sticky',
  isCooperative: false,
  assign: stickyAssignment,
}
