import type { Observable } from 'rxjs'
import type { ErrorCode } from '../../src/error.ts'
import type { TopicPartition } from '../../src/ids.ts'
import type {
  DescribeGroups,
  Heartbeat,
  JoinGroup,
  LeaveGroup,
  ListGroups,
  OffsetCommit,
  OffsetDelete,
  OffsetFetch,
  RequestOf,
  ResponseOf,
  SyncGroup,
} from '../../src/protocol/index.ts'
import type { BrokerWorld } from './broker-world.ts'
import type { Call } from './handler.ts'

export type CommittedTopics = ResponseOf<typeof OffsetFetch>['groups'][number]['topics']
export type DescribedGroup = ResponseOf<typeof DescribeGroups>['groups'][number]
export type ListedGroup = ResponseOf<typeof ListGroups>['groups'][number]

/**
 * The groups whose partition of `__consumer_offsets` this broker leads. Answers never throw: refusals are error codes.
 * After Kafka 3.9's GroupCoordinator and GroupMetadataManager.
 */
export interface GroupCoordinator {
  /** The partition of `__consumer_offsets` that a group belongs to: its leader coordinates the group. */
  partitionFor(groupId: string): number
  /** Emits once, when the group has a new generation or refuses the member. Unsubscribing drops the answer, not the member. */
  join(request: RequestOf<typeof JoinGroup>, call: Call): Observable<ResponseOf<typeof JoinGroup>>
  /** Emits once, when the leader's assignment is in the log, or with a refusal. */
  sync(request: RequestOf<typeof SyncGroup>): Observable<ResponseOf<typeof SyncGroup>>
  /** Keeps a member alive and tells it whether its group rebalances. */
  heartbeat(request: RequestOf<typeof Heartbeat>): ErrorCode
  /** Members leave, or an admin removes them. `members` is empty where the whole request is refused. */
  leave(
    groupId: string,
    members: readonly { readonly memberId: string; readonly groupInstanceId: string | null }[],
  ): Observable<Pick<ResponseOf<typeof LeaveGroup>, 'errorCode' | 'members'>>
  /** Emits once, when the in-sync replicas have the offsets. The topics' existence is the caller's to check. */
  commitOffsets(
    request: RequestOf<typeof OffsetCommit>,
  ): Observable<ResponseOf<typeof OffsetCommit>['topics']>
  /**
   * @param topics null for all that the group has committed.
   * @param requireStable refuse partitions whose commit is under way (KIP-447).
   */
  fetchOffsets(
    groupId: string,
    topics: RequestOf<typeof OffsetFetch>['groups'][number]['topics'],
    requireStable: boolean,
  ): { readonly errorCode: ErrorCode; readonly topics: CommittedTopics }
  describe(groupId: string): DescribedGroup
  /** All groups of this broker; the error tells that some may be missing. */
  list(): { readonly errorCode: ErrorCode; readonly groups: readonly ListedGroup[] }
  /** Deletes groups without members, with their offsets. One code per group. */
  delete(groupIds: readonly string[]): readonly { groupId: string; errorCode: ErrorCode }[]
  /** Deletes offsets of topics that no member is subscribed to (KIP-496). */
  deleteOffsets(
    request: RequestOf<typeof OffsetDelete>,
  ): Pick<ResponseOf<typeof OffsetDelete>, 'errorCode' | 'topics'>
  /** These partitions' topics are gone: so are their offsets, in all groups. */
  partitionsDeleted(partitions: readonly TopicPartition[]): void
  /** Stops coordinating: all waiting members are sent away. For an orderly shutdown. */
  stop(): void
}

/** Starts coordinating; groups come with the leadership of their partition (`broker.changes`). */
export function startGroupCoordinator(_broker: BrokerWorld): GroupCoordinator {
  throw new Error('in the making')
}
