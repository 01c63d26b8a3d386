import { map } from 'rxjs'
import { errorMessage, errors } from '../../../src/error.ts'
import type { ListPartitionReassignments } from '../../../src/protocol/index.ts'
import type { Handler } from '../handler.ts'

/**
 * ListPartitionReassignments: v0 (KIP-455)
 *
 * - Asked of the controller; another broker answers NOT_CONTROLLER.
 * - Those under way, of the partitions asked for or (null) of all. What is not being reassigned, or does not exist, is left out.
 *
 * Not implemented: authorization.
 */
export const listPartitionReassignments: Handler<typeof ListPartitionReassignments> = (
  { controller },
  { topics },
) => {
  const isAsked = (topic: string, partition: number): boolean =>
    topics === null ||
    topics.some(it => it.name === topic && it.partitionIndexes.includes(partition))
  return controller.listReassignments().pipe(
    map(reassignments =>
      reassignments === null
        ? {
            throttleTimeMs: 0,
            errorCode: errors.NOT_CONTROLLER,
            errorMessage: errorMessage(errors.NOT_CONTROLLER),
            topics: [],
          }
        : {
            throttleTimeMs: 0,
            errorCode: errors.NONE,
            // Not null: the field's default.
            errorMessage: '',
            topics: [
              ...Map.groupBy(
                reassignments.filter(({ topic, partition }) => isAsked(topic, partition)),
                ({ topic }) => topic,
              ),
            ].map(([name, ofTopic]) => ({
              name,
              partitions: ofTopic.map(
                ({ partition, replicas, addingReplicas, removingReplicas }) => ({
                  partitionIndex: partition,
                  replicas,
                  addingReplicas,
                  removingReplicas,
                }),
              ),
            })),
          },
    ),
  )
}
