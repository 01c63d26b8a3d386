/**
 * All partitions of all topics, sorted, dealt out in turn to the members, in their order; who does not subscribe to a topic is
 * passed over. After RoundRobinAssignor.
 */
import {
  type Assignor,
  byMemberOrder,
  nothingAssigned,
  partitionsOf,
  subscribedTopics,
} from './assignor.ts'

export const roundRobinAssignor: Assignor = {
  name: 'roundrobin',
  isCooperative: false,
  assign(members, partitionCounts) {
    const assigned = nothingAssigned(members)
    const circle = [...members].sort(byMemberOrder)
    let turn = 0
    for (const topic of subscribedTopics(members, partitionCounts))
      for (const partition of partitionsOf(topic, partitionCounts.get(topic) ?? 0)) {
        while (!circle[turn % circle.length]?.topics.includes(topic)) turn++
        assigned.get(circle[turn++ % circle.length]?.memberId ?? '')?.push(partition)
      }
    return assigned
  },
}
