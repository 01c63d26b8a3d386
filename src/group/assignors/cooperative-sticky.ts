/**
 * The sticky assignment in two steps, so that members may read on while the group rebalances: a partition that is to move from one
 * to another is first taken from the one, and given to the other when the group has rebalanced again, which the one brings about
 * by joining without it. After CooperativeStickyAssignor (KIP-429).
 */
import { printPartition } from '../../ids.ts'
import type { Assignor } from './assignor.ts'
import { stickyAssignment } from './sticky.ts'

export const cooperativeStickyAssignor: Assignor = {
  name: 'cooperative-sticky',
  isCooperative: true,
  assign(members, partitionCounts) {
    const owners = new Map<string, Set<string>>()
    for (const { memberId, owned } of members)
      for (const partition of owned) {
        const key = printPartition(partition)
        owners.set(key, (owners.get(key) ?? new Set()).add(memberId))
      }
    const wanted = stickyAssignment(members, partitionCounts)
    return new Map(
      Array.from(wanted, ([memberId, partitions]) => [
        memberId,
        partitions.filter(partition => {
          const holders = owners.get(printPartition(partition))
          return holders === undefined || holders.has(memberId)
        }),
      ]),
    )
  },
}
