import { map, type Observable } from 'rxjs'
import { type ErrorCode, errors } from '../../src/error.ts'
import type { Assignments, Assignor, Subscribed } from '../../src/group/assignors/assignor.ts'
import { cooperativeStickyAssignor } from '../../src/group/assignors/cooperative-sticky.ts'
import { rangeAssignor } from '../../src/group/assignors/range.ts'
import { roundRobinAssignor } from '../../src/group/assignors/round-robin.ts'
import { stickyAssignor } from '../../src/group/assignors/sticky.ts'
import type { BrokerId, TopicPartition } from '../../src/ids.ts'
import {
  Heartbeat,
  JoinGroup,
  type JoinGroupResponse,
  LeaveGroup,
  OffsetCommit,
  OffsetFetch,
  SyncGroup,
} from '../../src/protocol/index.ts'
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../src/protocol/stored/consumer-protocol.ts'
import type { BrokerConnections } from './broker-connections.ts'
import { byTopic, flat } from './by-topic.ts'
import type {
  CompleteConsumerConfig,
  OffsetToCommit,
  PartitionAssignor,
} from './consumer-config.ts'
import {
  decodeStickyUserData,
  encodeStickyUserData,
  type FormerAssignment,
} from './sticky-user-data.ts'

export const assignors: Readonly<Record<PartitionAssignor, Assignor>> = {
  range: rangeAssignor,
  roundrobin: roundRobinAssignor,
  sticky: stickyAssignor,
  'cooperative-sticky': cooperativeStickyAssignor,
}

/** Who asks: as the chart of the consumer says. */
export interface Speaker {
  readonly coordinatorId: BrokerId
  readonly memberId: string
  readonly generationId: number
}

const protocolType = 'consumer'

/** What a member asks its coordinator, over a connection of its own: the wire's side of it. */
export class GroupRequests {
  readonly #config: CompleteConsumerConfig
  readonly #connections: BrokerConnections
  readonly groupId: string

  constructor(config: CompleteConsumerConfig, connections: BrokerConnections, groupId: string) {
    this.#config = config
    this.#connections = connections
    this.groupId = groupId
  }

  /**
   * A join is answered when all members have joined, which may take as long as they are given.
   *
   * @param former what it had last, given up or not
   */
  join(
    speaker: Speaker,
    owned: readonly TopicPartition[],
    former: FormerAssignment,
  ): Observable<JoinGroupResponse> {
    const { sessionTimeoutMs, rebalanceTimeoutMs, topics } = this.#config
    const { partitionAssignmentStrategy: names } = this.#config
    const { coordinatorId, memberId, generationId } = speaker
    const subscription = {
      topics: [...topics].sort(),
      ownedPartitions: byTopic(owned, ({ partition }) => partition),
      generationId,
    }
    const userData = encodeStickyUserData(former)
    const protocols = names.map(name => ({
      name,
      metadata: encodeSubscription(
        name === 'sticky' ? { ...subscription, userData } : subscription,
      ),
    }))
    return this.#connections.request(
      coordinatorId,
      JoinGroup,
      version => ({
        groupId: this.groupId,
        sessionTimeoutMs,
        rebalanceTimeoutMs,
        memberId,
        protocolType,
        protocols,
        ...this.#instance(version >= 5),
      }),
      { purpose: 'coordinator', timeoutMs: this.#rebalanceMs },
    )
  }

  /** @param assignments for all, from the leader; none from the others */
  sync(
    speaker: Speaker,
    protocolName: string,
    assignments: Assignments,
  ): Observable<{ errorCode: ErrorCode; partitions: readonly TopicPartition[] }> {
    const { coordinatorId, memberId, generationId } = speaker
    return this.#connections
      .request(
        coordinatorId,
        SyncGroup,
        version => ({
          groupId: this.groupId,
          generationId,
          memberId,
          protocolType,
          protocolName,
          assignments: Array.from(assignments, ([id, partitions]) => ({
            memberId: id,
            assignment: encodeAssignment({
              assignedPartitions: byTopic(partitions, ({ partition }) => partition),
            }),
          })),
          ...this.#instance(version >= 3),
        }),
        { purpose: 'coordinator', timeoutMs: this.#rebalanceMs },
      )
      .pipe(
        map(({ errorCode, assignment }) => ({
          errorCode,
          partitions: (decodeAssignment(assignment)?.assignedPartitions ?? []).flatMap(
            ({ topic, partitions }) => partitions.map(partition => ({ topic, partition })),
          ),
        })),
      )
  }

  heartbeat({ coordinatorId, memberId, generationId }: Speaker): Observable<ErrorCode> {
    const { requestTimeoutMs, sessionTimeoutMs } = this.#config
    return this.#connections
      .request(
        coordinatorId,
        Heartbeat,
        version => ({
          groupId: this.groupId,
          generationId,
          memberId,
          ...this.#instance(version >= 3),
        }),
        // A coordinator silent for longer than that has given us up in any case.
        { purpose: 'coordinator', timeoutMs: Math.min(requestTimeoutMs, sessionTimeoutMs) },
      )
      .pipe(map(({ errorCode }) => errorCode))
  }

  leave({ coordinatorId, memberId }: Speaker): Observable<ErrorCode> {
    return this.#connections
      .request(
        coordinatorId,
        LeaveGroup,
        version =>
          version >= 3
            ? { groupId: this.groupId, members: [{ memberId }] }
            : { groupId: this.groupId, memberId },
        { purpose: 'coordinator' },
      )
      .pipe(map(({ errorCode, members }) => errorCode || (members[0]?.errorCode ?? errors.NONE)))
  }

  /** One code for each partition. */
  commit(
    { coordinatorId, memberId, generationId }: Speaker,
    offsets: readonly OffsetToCommit[],
  ): Observable<readonly (TopicPartition & { readonly errorCode: ErrorCode })[]> {
    const topics = byTopic(offsets, one => ({
      partitionIndex: one.partition,
      committedOffset: one.offset,
      committedLeaderEpoch: one.leaderEpoch ?? -1,
      committedMetadata: one.metadata ?? '',
    })).map(({ topic, partitions }) => ({ name: topic, partitions }))
    return this.#connections
      .request(
        coordinatorId,
        OffsetCommit,
        version => ({
          groupId: this.groupId,
          generationIdOrMemberEpoch: generationId,
          memberId,
          topics,
          ...this.#instance(version >= 7),
        }),
        { purpose: 'coordinator' },
      )
      .pipe(
        map(response =>
          flat(response.topics).map(({ topic, partitionIndex, errorCode }) => ({
            topic,
            partition: partitionIndex,
            errorCode,
          })),
        ),
      )
  }

  /** What the group has committed for these; offset −1 where nothing. */
  committed(
    coordinatorId: BrokerId,
    partitions: readonly TopicPartition[],
  ): Observable<readonly CommittedAnswer[]> {
    const { groupId } = this
    const topics = byTopic(partitions, ({ partition }) => partition).map(one => ({
      name: one.topic,
      partitionIndexes: one.partitions,
    }))
    return this.#connections
      .request(
        coordinatorId,
        OffsetFetch,
        version => ({
          ...(version >= 8 ? { groups: [{ groupId, topics }] } : { groupId, topics }),
          // KIP-447: not behind a transaction that may yet move it.
          ...(version >= 7 ? { requireStable: true } : {}),
        }),
        { purpose: 'coordinator' },
      )
      .pipe(
        map(response => {
          const { errorCode, topics: answered } = response.groups[0] ?? response
          const answers = flat(answered)
          return partitions.map(({ topic, partition }): CommittedAnswer => {
            const answer = answers.find(
              one => one.topic === topic && one.partitionIndex === partition,
            )
            return {
              topic,
              partition,
              errorCode: errorCode || (answer?.errorCode ?? errors.NONE),
              offset: answer?.committedOffset ?? -1,
              leaderEpoch: answer?.committedLeaderEpoch ?? -1,
              metadata: answer?.metadata ?? '',
            }
          })
        }),
      )
  }

  get #rebalanceMs(): number {
    // Kafka's margin: the answer to a join is sent when the time is over, not before.
    return Math.max(this.#config.requestTimeoutMs, this.#config.rebalanceTimeoutMs + 5000)
  }

  #instance(isKnown: boolean): { groupInstanceId?: string } {
    const { groupInstanceId } = this.#config
    return isKnown && groupInstanceId !== undefined ? { groupInstanceId } : {}
  }
}

export interface CommittedAnswer extends TopicPartition {
  readonly errorCode: ErrorCode
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
}

/** What the members of a join's answer subscribe to and have. */
export const subscribed = ({ members, protocolName }: JoinGroupResponse): Subscribed[] =>
  members.map(({ memberId, groupInstanceId, metadata }) => {
    const subscription = decodeSubscription(metadata)
    const former = decodeStickyUserData(subscription?.userData ?? null)
    const isEagerSticky = protocolName === 'sticky'
    return {
      memberId,
      groupInstanceId,
      topics: subscription?.topics ?? [],
      owned: isEagerSticky
        ? former.partitions
        : (subscription?.ownedPartitions ?? []).flatMap(({ topic, partitions }) =>
            partitions.map(partition => ({ topic, partition })),
          ),
      generationId: isEagerSticky ? former.generationId : (subscription?.generationId ?? -1),
    }
  })
