import type { TopicPartition } from '../../src/ids.ts'
import type { AdminHandle } from '../client-handles.ts'

export interface PartitionLag extends TopicPartition {
  /** Null: the group has committed nothing there. That is not lag 0. */
  readonly committed: number | null
  readonly logEndOffset: number
  /** Records behind the committed offset; null where none is committed and there are records to read. */
  readonly lag: number | null
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`

/**
 * How far a group is behind, by its committed offsets, as `kafka-consumer-groups --describe` has it: partitions it has committed for, and
 * those that its members are assigned.
 */
export async function groupLag(
  admin: AdminHandle,
  groupId: string,
): Promise<readonly PartitionLag[]> {
  const [offsets, groups] = await Promise.all([
    admin.listGroupOffsets(groupId),
    admin.describeGroups([groupId]),
  ])
  const committed = new Map<string, number>()
  const partitions = new Map<string, TopicPartition>()
  for (const { topic, partition, offset, error } of offsets) {
    if (error !== null) throw error
    if (offset < 0) continue
    committed.set(keyOf({ topic, partition }), offset)
    partitions.set(keyOf({ topic, partition }), { topic, partition })
  }
  for (const { assignment } of groups.flatMap(({ members }) => members))
    for (const { topic, partition } of assignment)
      partitions.set(keyOf({ topic, partition }), { topic, partition })
  const asked = [...partitions.values()]
  if (asked.length === 0) return []
  const [ends, starts] = await Promise.all(
    (['latest', 'earliest'] as const).map(at =>
      admin.listOffsets(asked.map(partition => ({ ...partition, at }))),
    ),
  )
  return asked.map(({ topic, partition }) => {
    const find = (listed: typeof ends): number =>
      listed?.find(it => it.topic === topic && it.partition === partition)?.offset ?? -1
    const logEndOffset = find(ends)
    const offset = committed.get(keyOf({ topic, partition }))
    const nothing = logEndOffset === find(starts) ? 0 : null
    return {
      topic,
      partition,
      committed: offset ?? null,
      logEndOffset,
      lag: offset === undefined ? nothing : logEndOffset - offset,
    }
  })
}
