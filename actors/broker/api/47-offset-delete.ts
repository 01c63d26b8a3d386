import { errors } from '../../../src/error.ts'
import { printPartition } from '../../../src/ids.ts'
import type { OffsetDelete } from '../../../src/protocol/index.ts'
import type { Handler } from '../handler.ts'

/**
 * OffsetDelete: v0 (KIP-496)
 *
 * - Of topics that a member subscribes to: GROUP_SUBSCRIBED_TO_TOPIC; of what there is not: UNKNOWN_TOPIC_OR_PARTITION.
 * - A group that there is not is GROUP_ID_NOT_FOUND; one with members of another kind than consumers NON_EMPTY_GROUP.
 *
 * Not implemented: —
 */
export const offsetDelete: Handler<typeof OffsetDelete> = ({ groups, metadata }, request) => {
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.filter(
      ({ partitionIndex }) => metadata.partition(name, partitionIndex) !== undefined,
    ),
  }))
  const deleted = groups.deleteOffsets({ ...request, topics })
  if (deleted.errorCode !== errors.NONE)
    return { errorCode: deleted.errorCode, throttleTimeMs: 0, topics: [] }
  const codes = new Map(
    deleted.topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, errorCode }) => [
        printPartition({ topic: name, partition: partitionIndex }),
        errorCode,
      ]),
    ),
  )
  return {
    errorCode: errors.NONE,
    throttleTimeMs: 0,
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        errorCode:
          codes.get(printPartition({ topic: name, partition: partitionIndex })) ??
          errors.UNKNOWN_TOPIC_OR_PARTITION,
      })),
    })),
  }
}
