import { map } from 'rxjs'
import { errorMessage, errors } from '../../../src/error.ts'
import type { AlterPartitionReassignments } from '../../../src/protocol/index.ts'
import type { Handler } from '../handler.ts'

/**
 * AlterPartitionReassignments: v0 (KIP-455)
 *
 * - Asked of the controller; another broker answers NOT_CONTROLLER.
 * - Each partition by itself. Replicas that are new must live, none may come twice or be missing altogether: INVALID_REPLICA_ASSIGNMENT. Null
 *   cancels: NO_REASSIGNMENT_IN_PROGRESS where there is nothing to cancel. A topic that there is not, or that is to be deleted:
 *   UNKNOWN_TOPIC_OR_PARTITION.
 * - What is asked for takes the place of what is under way. Answered when it is written down; it goes on from there by itself.
 *
 * Not implemented: authorization.
 */
export const alterPartitionReassignments: Handler<typeof AlterPartitionReassignments> = (
  { controller },
  { topics },
) => {
  const asked = topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, replicas }) => ({
      topic: name,
      partition: partitionIndex,
      replicas,
    })),
  )
  return controller.alterReassignments(asked).pipe(
    map(results =>
      results === null
        ? {
            throttleTimeMs: 0,
            errorCode: errors.NOT_CONTROLLER,
            errorMessage: errorMessage(errors.NOT_CONTROLLER),
            responses: [],
          }
        : {
            throttleTimeMs: 0,
            errorCode: errors.NONE,
            // Not null: the field's default.
            errorMessage: '',
            responses: [...Map.groupBy(results, ({ topic }) => topic)].map(([name, ofTopic]) => ({
              name,
              partitions: ofTopic.map(({ partition, errorCode, errorMessage: message }) => ({
                partitionIndex: partition,
                errorCode,
                errorMessage: message,
              })),
            })),
          },
    ),
  )
}
