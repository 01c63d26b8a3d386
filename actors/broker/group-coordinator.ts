import { defer, map, type Observable, of } from 'rxjs'
import { commitError, heartbeatError } from '../../machines/group/consumer-group.ts'
import { type ErrorCode, errors } from '../../src/error.ts'
import { ExpiryQueue } from '../../src/expiry-queue.ts'
import { partitionForGroup } from '../../src/group/group-id.ts'
import { unknownMemberId } from '../../src/group/membership.ts'
import { hyphenated, randomUuid, type TopicPartition } from '../../src/ids.ts'
import { groupsMax, memberSessionIntervalMs } from '../../src/limits.ts'
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
import { CoordinatedGroup, type GroupSurroundings, unknownGroup } from './coordinated-group.ts'
import {
  type CommitAnswer,
  type CommittedTopics,
  commitAnswer,
  committedTopics,
  expiredOffsets,
  offsetsOf,
  removeOffsets,
  storeOffsets,
} from './group-offsets.ts'
import type { Call } from './handler.ts'
import { startOffsetsPartitions } from './offsets-partitions.ts'
import { OpenRequests } from './open-requests.ts'

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
  commitOffsets(request: RequestOf<typeof OffsetCommit>): Observable<CommitAnswer>
  /**
   * @param topics null for all that the group has committed.
   * @param requireStable refuse partitions whose commit is under way (KIP-447).
   */
  fetchOffsets(
    groupId: string,
    topics: RequestOf<typeof OffsetFetch>['groups'][number]['topics'],
    requireStable: boolean,
  ): { readonly errorCode: ErrorCode; readonly topics: CommittedTopics }
  /** One that is not there is Dead, without an error. */
  describe(groupId: string): Omit<DescribedGroup, 'authorizedOperations'>
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

const joinRefused = (memberId: string, errorCode: ErrorCode): ResponseOf<typeof JoinGroup> => ({
  throttleTimeMs: 0,
  errorCode,
  generationId: -1,
  protocolType: null,
  protocolName: null,
  leader: '',
  skipAssignment: false,
  memberId,
  members: [],
})

const syncRefused = (errorCode: ErrorCode): ResponseOf<typeof SyncGroup> => ({
  throttleTimeMs: 0,
  errorCode,
  protocolType: null,
  protocolName: null,
  assignment: new Uint8Array(0),
})

const undescribed = (groupId: string, errorCode: ErrorCode, groupState: string) => ({
  errorCode,
  groupId,
  groupState,
  protocolType: '',
  protocolData: '',
  members: [],
})

/** Starts coordinating; groups come with the leadership of their partition (`broker.changes`). */
export function startGroupCoordinator(broker: BrokerWorld): GroupCoordinator {
  const { config } = broker
  const { clock, random } = broker.platform
  const groups = new Map<string, CoordinatedGroup>()
  let isActive = true
  let lastNumber = 0
  const nextNumber = (): number => ++lastNumber

  const sessions = new ExpiryQueue<string>(clock, memberSessionIntervalMs, keys => {
    for (const key of keys) {
      const [groupId, memberId] = JSON.parse(key) as [string, string]
      groups.get(groupId)?.tell({ type: 'member.expired', memberId })
    }
  })
  const sessionKey = (groupId: string, memberId: string): string =>
    JSON.stringify([groupId, memberId])

  const offsetsPartitions = startOffsetsPartitions(broker, {
    loaded: (partition, loaded) => {
      for (const group of loaded) {
        groups.set(group.groupId, new CoordinatedGroup(surroundings, partition, group))
        if (!group.offsets.isEmpty)
          broker.trace.record(
            'note',
            `${broker.name}/group/${group.groupId}`,
            'offsets.committed',
            {
              offsets: offsetsOf(group.offsets.all()),
            },
          )
      }
    },
    unloaded: partition => {
      for (const [groupId, group] of groups) {
        if (group.partition !== partition) continue
        groups.delete(groupId)
        group.tell({ type: 'group.unloaded' })
      }
    },
  })
  const surroundings: GroupSurroundings = {
    broker,
    offsetsPartitions,
    joins: new OpenRequests(nextNumber),
    syncs: new OpenRequests(nextNumber),
    leaves: new OpenRequests(nextNumber),
    nextNumber,
    expectSession: (groupId, memberId, timeoutMs) =>
      sessions.touch(sessionKey(groupId, memberId), timeoutMs),
    forgetSession: (groupId, memberId) => sessions.remove(sessionKey(groupId, memberId)),
  }

  const commits = new OpenRequests<CommitAnswer>(nextNumber)

  const partitionFor = (groupId: string): number =>
    partitionForGroup(groupId, offsetsPartitions.count)

  const groupOrNew = (groupId: string): CoordinatedGroup => {
    let group = groups.get(groupId)
    if (group === undefined) {
      group = new CoordinatedGroup(surroundings, partitionFor(groupId), unknownGroup(groupId))
      groups.set(groupId, group)
    }
    return group
  }

  /** There is no room for another group. */
  const isFull = (groupId: string): boolean => !groups.has(groupId) && groups.size >= groupsMax

  /** Why this broker does not answer for a group. For offsets and admins a group may be called '' (isValidGroupId). */
  const refusal = (groupId: string, mayBeUnnamed: boolean): ErrorCode => {
    if (groupId === '' && !mayBeUnnamed) return errors.INVALID_GROUP_ID
    if (!isActive) return errors.COORDINATOR_NOT_AVAILABLE
    const standing = offsetsPartitions.standing(partitionFor(groupId))
    if (standing === 'loading') return errors.COORDINATOR_LOAD_IN_PROGRESS
    return standing === 'led' ? errors.NONE : errors.NOT_COORDINATOR
  }

  /** The member was heard of. */
  const touch = (group: CoordinatedGroup, memberId: string): void => {
    const member = group.member(memberId)
    if (member === undefined) return
    sessions.touch(sessionKey(group.groupId, memberId), member.sessionTimeoutMs)
  }

  const remove = (group: CoordinatedGroup, partitions: TopicPartition[], isDeleted?: boolean) => {
    if (removeOffsets(broker, offsetsPartitions, group, partitions, isDeleted))
      groups.delete(group.groupId)
  }

  let retentionTimer = clock.setTimeout(expire, config['offsets.retention.check.interval.ms'])
  function expire(): void {
    retentionTimer = clock.setTimeout(expire, config['offsets.retention.check.interval.ms'])
    for (const group of [...groups.values()]) remove(group, expiredOffsets(broker, group))
  }

  const hasInvalidSessionTimeout = (sessionTimeoutMs: number): boolean =>
    sessionTimeoutMs < config['group.min.session.timeout.ms'] ||
    sessionTimeoutMs > config['group.max.session.timeout.ms']

  return {
    partitionFor,

    join: (request, call) =>
      defer(() => {
        const { groupId, memberId, groupInstanceId, protocols, sessionTimeoutMs } = request
        const refused = refusal(groupId, false)
        if (refused !== errors.NONE) return of(joinRefused(memberId, refused))
        if (hasInvalidSessionTimeout(sessionTimeoutMs))
          return of(joinRefused(memberId, errors.INVALID_SESSION_TIMEOUT))
        // Only who has no id yet may found a group.
        if (memberId !== unknownMemberId && !groups.has(groupId))
          return of(joinRefused(memberId, errors.UNKNOWN_MEMBER_ID))
        if (isFull(groupId)) return of(joinRefused(memberId, errors.COORDINATOR_NOT_AVAILABLE))
        const group = groupOrNew(groupId)
        const clientId = call.clientId ?? ''
        return surroundings.joins.ask(number =>
          group.tell({
            type: 'join.received',
            request: number,
            memberId,
            newMemberId: `${groupInstanceId ?? clientId}-${hyphenated(randomUuid(random))}`,
            groupInstanceId,
            clientId,
            clientHost: call.clientHost,
            // v0 has one timeout for both.
            rebalanceTimeoutMs: call.version === 0 ? sessionTimeoutMs : request.rebalanceTimeoutMs,
            sessionTimeoutMs,
            protocolType: request.protocolType,
            protocols: protocols.map(({ name }) => name),
            subscription: group.subscriptionNumber(memberId, groupInstanceId, protocols),
            memberIdRequired: call.version >= 4,
            skipsAssignment: call.version >= 9,
          }),
        )
      }),

    sync: request =>
      defer(() => {
        const { groupId, generationId, memberId, groupInstanceId } = request
        const refused = refusal(groupId, false)
        // The rebalance was lost with the old coordinator, and old clients know no other word for that.
        if (refused === errors.COORDINATOR_LOAD_IN_PROGRESS)
          return of(syncRefused(errors.REBALANCE_IN_PROGRESS))
        if (refused !== errors.NONE) return of(syncRefused(refused))
        const group = groups.get(groupId)
        if (group === undefined) return of(syncRefused(errors.UNKNOWN_MEMBER_ID))
        return surroundings.syncs.ask(number =>
          group.tell({
            type: 'sync.received',
            request: number,
            generationId,
            memberId,
            groupInstanceId,
            protocolType: request.protocolType,
            protocolName: request.protocolName,
            assignments: group.assignmentNumbers(request.assignments),
          }),
        )
      }),

    heartbeat: request => {
      const refused = refusal(request.groupId, false)
      // Blindly: nobody shall leave its group because it is being read.
      if (refused === errors.COORDINATOR_LOAD_IN_PROGRESS) return errors.NONE
      if (refused !== errors.NONE) return refused
      const group = groups.get(request.groupId)
      if (group === undefined) return errors.UNKNOWN_MEMBER_ID
      const errorCode = heartbeatError(group.snapshot, request)
      if (errorCode === errors.NONE || errorCode === errors.REBALANCE_IN_PROGRESS)
        touch(group, request.memberId)
      return errorCode
    },

    leave: (groupId, members) =>
      defer(() => {
        const refused = refusal(groupId, false)
        if (refused !== errors.NONE) return of({ errorCode: refused, members: [] })
        const group = groups.get(groupId)
        const left =
          group === undefined
            ? of(members.map(member => ({ ...member, errorCode: errors.UNKNOWN_MEMBER_ID })))
            : surroundings.leaves.ask(request =>
                group.tell({ type: 'leave.received', request, members }),
              )
        return left.pipe(map(members => ({ errorCode: errors.NONE, members })))
      }),

    commitOffsets: request =>
      defer(() => {
        const { groupId, memberId, groupInstanceId, topics } = request
        const generationId = request.generationIdOrMemberEpoch
        const answer = (errorCode: ErrorCode) => of(commitAnswer(topics, () => errorCode))
        const refused = refusal(groupId, true)
        if (refused !== errors.NONE) return answer(refused)
        // Where there is no group, one without a generation may begin to keep offsets; others come too late.
        if (!groups.has(groupId) && generationId >= 0) return answer(errors.ILLEGAL_GENERATION)
        if (isFull(groupId)) return answer(errors.COORDINATOR_NOT_AVAILABLE)
        const group = groupOrNew(groupId)
        const errorCode = commitError(group.snapshot, { generationId, memberId, groupInstanceId })
        if (errorCode !== errors.NONE) return answer(errorCode)
        touch(group, memberId)
        return commits.ask(number =>
          storeOffsets(broker, offsetsPartitions, group, request, topics =>
            commits.answer(number, topics),
          ),
        )
      }),

    fetchOffsets: (groupId, topics, requireStable) => {
      const errorCode = refusal(groupId, true)
      return errorCode === errors.NONE
        ? { errorCode, topics: committedTopics(groups.get(groupId), topics, requireStable) }
        : { errorCode, topics: [] }
    },

    describe: groupId => {
      const refused = refusal(groupId, true)
      if (refused !== errors.NONE) return undescribed(groupId, refused, '')
      return groups.get(groupId)?.described() ?? undescribed(groupId, errors.NONE, 'Dead')
    },

    list: () => {
      if (!isActive) return { errorCode: errors.COORDINATOR_NOT_AVAILABLE, groups: [] }
      return {
        errorCode: offsetsPartitions.isLoading ? errors.COORDINATOR_LOAD_IN_PROGRESS : errors.NONE,
        groups: Array.from(groups.values(), group => group.listed()),
      }
    },

    delete: groupIds =>
      groupIds.map(groupId => {
        const refused = refusal(groupId, true)
        if (refused !== errors.NONE) return { groupId, errorCode: refused }
        const group = groups.get(groupId)
        if (group === undefined) return { groupId, errorCode: errors.GROUP_ID_NOT_FOUND }
        if (!group.snapshot.matches('empty')) return { groupId, errorCode: errors.NON_EMPTY_GROUP }
        remove(group, group.offsets.all(), true)
        return { groupId, errorCode: errors.NONE }
      }),

    deleteOffsets: ({ groupId, topics }) => {
      const refused = refusal(groupId, false)
      if (refused !== errors.NONE) return { errorCode: refused, topics: [] }
      const group = groups.get(groupId)
      if (group === undefined) return { errorCode: errors.GROUP_ID_NOT_FOUND, topics: [] }
      const isEmpty = group.snapshot.matches('empty')
      if (!isEmpty && group.snapshot.context.protocolType !== 'consumer')
        return { errorCode: errors.NON_EMPTY_GROUP, topics: [] }
      const subscribed = isEmpty ? new Set<string>() : group.subscribedTopics()
      const isInUse = (topic: string): boolean => subscribed?.has(topic) ?? true
      const unused = topics.filter(({ name }) => !isInUse(name))
      remove(
        group,
        unused.flatMap(({ name, partitions }) =>
          partitions.map(({ partitionIndex }) => ({ topic: name, partition: partitionIndex })),
        ),
      )
      return {
        errorCode: errors.NONE,
        topics: topics.map(({ name, partitions }) => ({
          name,
          partitions: partitions.map(({ partitionIndex }) => ({
            partitionIndex,
            errorCode: isInUse(name) ? errors.GROUP_SUBSCRIBED_TO_TOPIC : errors.NONE,
          })),
        })),
      }
    },

    partitionsDeleted: partitions => {
      for (const group of [...groups.values()]) remove(group, [...partitions])
    },

    stop: () => {
      isActive = false
      clock.clearTimeout(retentionTimer)
      offsetsPartitions.stop()
      sessions.stop()
    },
  }
}
