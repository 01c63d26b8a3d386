/**
 * Each topic by itself in contiguous ranges over its subscribers, in their order; the first ones get one more where it does not
 * come out even. Equal partition numbers of several topics thus meet at one member. After RangeAssignor, without racks (KIP-881).
 */
import {
  type Assignor,
  byMemberOrder,
  nothingAssigned,
  partitionsOf,
  subscribedTopics,
} from './assignor.ts'

export const rangeAssignor: Assignor = {
  name: 'range',
  isCooperative: false,
  assign(members, partitionCounts) {
    const assigned = nothingAssigned(members)
    for (const topic of subscribedTopics(members, partitionCounts)) {
      const subscribers = members.filter(({ topics }) => topics.includes(topic)).sort(byMemberOrder)
      const partitions = partitionsOf(topic, partitionCounts.get(topic) ?? 0)
      const least = Math.floor(partitions.length / subscribers.length)
      const withOneMore = partitions.length % subscribers.length
      let at = 0
      subscribers.forEach(({ memberId }, place) => {
        const count = least + (place < withOneMore ? 1 : 0)
        assigned.get(memberId)?.push(...partitions.slice(at, at + count))
        at += count
      })
    }
    return assigned
  },
}
