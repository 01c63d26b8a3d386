import {
  type ConsumerGroupFact,
  type ConsumerGroupSnapshot,
  consumerGroupMachine,
  groupStateName,
  references,
} from '../../machines/group/consumer-group.ts'
import { errors } from '../../src/error.ts'
import { groupErrorOf } from '../../src/group/append-error.ts'
import { CommittedOffsets } from '../../src/group/committed-offsets.ts'
import {
  allMembers,
  type Member,
  type Membership,
  memberOf,
  memberOfInstance,
  noMembership,
} from '../../src/group/membership.ts'
import { groupBatch, type LoadedGroup } from '../../src/group/offsets-log.ts'
import type {
  JoinGroup,
  LeaveGroup,
  RequestOf,
  ResponseOf,
  SyncGroup,
} from '../../src/protocol/index.ts'
import { subscribedTopics } from '../../src/protocol/stored/consumer-protocol.ts'
import type { StoredGroup } from '../../src/protocol/stored/group-metadata.ts'
import type { Root } from '../registry.ts'
import type { BrokerWorld } from './broker-world.ts'
import type { DescribedGroup, ListedGroup } from './group-coordinator.ts'
import type { OffsetsPartitions } from './offsets-partitions.ts'
import type { OpenRequests } from './open-requests.ts'

type Protocols = RequestOf<typeof JoinGroup>['protocols']
export type LeaveAnswer = ResponseOf<typeof LeaveGroup>['members']

/** What a group needs of its coordinator. */
export interface GroupSurroundings {
  readonly broker: BrokerWorld
  readonly offsetsPartitions: OffsetsPartitions
  readonly joins: OpenRequests<ResponseOf<typeof JoinGroup>>
  readonly syncs: OpenRequests<ResponseOf<typeof SyncGroup>>
  readonly leaves: OpenRequests<LeaveAnswer>
  /** Numbers for requests and for bytes: never twice the same. */
  nextNumber(): number
  expectSession(groupId: string, memberId: string, timeoutMs: number): void
  forgetSession(groupId: string, memberId: string): void
}

const noBytes = new Uint8Array(0)

/** The tables of bytes are swept when they have more than this besides four entries a member. */
const sweepAbove = 16

function forgetOthers(table: Map<number, unknown>, needed: readonly number[]): void {
  const kept = new Set(needed)
  for (const number of table.keys()) if (!kept.has(number)) table.delete(number)
}

const sameBytes = (these: Uint8Array, those: Uint8Array): boolean =>
  these.length === those.length && these.every((byte, i) => byte === those[i])

const sameProtocols = (these: Protocols, those: Protocols): boolean =>
  these.length === those.length &&
  these.every((one, i) => {
    const other = those[i] as Protocols[number]
    return one.name === other.name && sameBytes(one.metadata, other.metadata)
  })

/**
 * One group: its chart, its offsets, and the bytes for which numbers stand in the chart. The performers of
 * {@link consumerGroupMachine}.
 */
export class CoordinatedGroup {
  readonly groupId: string
  readonly partition: number
  readonly offsets: CommittedOffsets
  readonly #around: GroupSurroundings
  readonly #root: Root<typeof consumerGroupMachine>
  /** A member's metadata under each of its protocols. */
  readonly #subscriptions = new Map<number, Protocols>()
  readonly #assignments = new Map<number, Uint8Array>()
  #emptySinceMs: number | null
  #isSweepDue = false

  constructor(around: GroupSurroundings, partition: number, loaded: LoadedGroup) {
    const { broker } = around
    const { groupId, stored } = loaded
    this.groupId = groupId
    this.partition = partition
    this.offsets = loaded.offsets
    this.#around = around
    this.#emptySinceMs =
      stored === null || stored.currentStateTimestamp === -1 ? null : stored.currentStateTimestamp
    this.#root = broker.start(consumerGroupMachine, {
      path: `${broker.name}/group/${groupId}`,
      input: {
        groupId,
        initialRebalanceDelayMs: broker.config['group.initial.rebalance.delay.ms'],
        groupSizeMax: broker.config['group.max.size'],
        loaded: stored === null ? null : this.#membership(stored),
      },
      performers: {
        'join.answer': ({ type: _, request, members, ...answer }) =>
          around.joins.answer(request, {
            throttleTimeMs: 0,
            ...answer,
            members: members.map(({ memberId, groupInstanceId, subscription }) => ({
              memberId,
              groupInstanceId,
              metadata: this.#metadata(subscription, answer.protocolName),
            })),
          }),
        'sync.answer': ({ type: _, request, assignment, ...answer }) =>
          around.syncs.answer(request, {
            throttleTimeMs: 0,
            ...answer,
            assignment: this.#assignment(assignment),
          }),
        'leave.answer': ({ request, members }) => around.leaves.answer(request, members),
        'group.append': (
          { write, members, generationId, protocolType, protocolName, leader },
          send,
        ) => {
          const nowMs = broker.platform.clock.now()
          if (members.length === 0) this.#emptySinceMs = nowMs
          const group: StoredGroup = {
            protocolType,
            generation: generationId,
            protocol: protocolName,
            leader,
            currentStateTimestamp: nowMs,
            members: members.map(member => this.#storedMember(member, protocolName)),
          }
          around.offsetsPartitions
            .append(partition, groupBatch(groupId, group, nowMs), -1)
            .subscribe(({ errorCode }) =>
              errorCode === errors.NONE
                ? send({ type: 'group.committed', write })
                : send({ type: 'group.commitFailed', write, errorCode: groupErrorOf(errorCode) }),
            )
        },
        'session.expect': ({ memberId, timeoutMs }) =>
          around.expectSession(groupId, memberId, timeoutMs),
        'session.forget': ({ memberId }) => around.forgetSession(groupId, memberId),
      },
    })
  }

  get snapshot(): ConsumerGroupSnapshot {
    return this.#root.getSnapshot()
  }

  get emptySinceMs(): number | null {
    return this.#emptySinceMs
  }

  tell(fact: ConsumerGroupFact): void {
    this.#root.send(fact)
  }

  member(memberId: string): Member | undefined {
    return memberOf(this.snapshot.context, memberId)
  }

  /** The number for what a member says about itself; the one it has where it says nothing new. */
  subscriptionNumber(
    memberId: string,
    groupInstanceId: string | null,
    protocols: Protocols,
  ): number {
    const { context } = this.snapshot
    const member =
      memberOf(context, memberId) ??
      (groupInstanceId === null ? undefined : memberOfInstance(context, groupInstanceId))
    const known = member === undefined ? undefined : this.#subscriptions.get(member.subscription)
    if (member !== undefined && known !== undefined && sameProtocols(known, protocols))
      return member.subscription
    this.#sweepLater()
    return this.#keepSubscription(protocols)
  }

  /** Numbers for what the leader hands out. */
  assignmentNumbers(
    assignments: RequestOf<typeof SyncGroup>['assignments'],
  ): Readonly<Record<string, number>> {
    this.#sweepLater()
    return Object.fromEntries(
      assignments.map(({ memberId, assignment }) => [memberId, this.#keepAssignment(assignment)]),
    )
  }

  /** Topics that its members subscribe to; null where that is not known: assume all. */
  subscribedTopics(): ReadonlySet<string> | null {
    const { context } = this.snapshot
    if (context.protocolType !== 'consumer') return null
    const topics = new Set<string>()
    for (const { subscription } of allMembers(context)) {
      const read = subscribedTopics(this.#metadata(subscription, context.protocolName))
      if (read === null) return null
      for (const topic of read) topics.add(topic)
    }
    return topics
  }

  listed(): ListedGroup {
    const { snapshot } = this
    return {
      groupId: this.groupId,
      protocolType: snapshot.context.protocolType ?? '',
      groupState: groupStateName(snapshot),
      groupType: 'classic',
    }
  }

  /** Protocol, metadata and assignments are told of a stable group only: they are about to change in others. */
  described(): Omit<DescribedGroup, 'authorizedOperations'> {
    const { snapshot } = this
    const { protocolType, protocolName } = snapshot.context
    const isStable = snapshot.matches('stable')
    return {
      errorCode: errors.NONE,
      groupId: this.groupId,
      groupState: groupStateName(snapshot),
      protocolType: protocolType ?? '',
      protocolData: isStable ? (protocolName ?? '') : '',
      members: allMembers(snapshot.context).map(member => ({
        memberId: member.memberId,
        groupInstanceId: member.groupInstanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        memberMetadata: isStable ? this.#metadata(member.subscription, protocolName) : noBytes,
        memberAssignment: isStable ? this.#assignment(member.assignment) : noBytes,
      })),
    }
  }

  #membership(stored: StoredGroup): Membership {
    const members = stored.members.map((member): Member => {
      const protocol = stored.protocol ?? ''
      const { sessionTimeout, rebalanceTimeout, subscription, assignment } = member
      return {
        memberId: member.memberId,
        groupInstanceId: member.groupInstanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        rebalanceTimeoutMs: rebalanceTimeout === -1 ? sessionTimeout : rebalanceTimeout,
        sessionTimeoutMs: sessionTimeout,
        protocols: [protocol],
        subscription: this.#keepSubscription([{ name: protocol, metadata: subscription }]),
        assignment: this.#keepAssignment(assignment),
        join: null,
        sync: null,
        isNew: false,
        owesSync: false,
      }
    })
    return {
      ...noMembership,
      generationId: stored.generation,
      protocolType: stored.protocolType === '' ? null : stored.protocolType,
      protocolName: stored.protocol,
      leader: stored.leader,
      members: Object.fromEntries(members.map(member => [member.memberId, member])),
    }
  }

  #storedMember(member: Member, protocolName: string | null): StoredGroup['members'][number] {
    return {
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeout: member.rebalanceTimeoutMs,
      sessionTimeout: member.sessionTimeoutMs,
      subscription: this.#metadata(member.subscription, protocolName),
      assignment: this.#assignment(member.assignment),
    }
  }

  #metadata(subscription: number, protocolName: string | null): Uint8Array {
    const protocols = this.#subscriptions.get(subscription)
    return protocols?.find(({ name }) => name === protocolName)?.metadata ?? noBytes
  }

  #assignment(assignment: number): Uint8Array {
    return this.#assignments.get(assignment) ?? noBytes
  }

  // Copies: a part of a request's frame would keep all of it in memory.
  #keepSubscription(protocols: Protocols): number {
    const number = this.#around.nextNumber()
    const copies = protocols.map(({ name, metadata }) => ({ name, metadata: metadata.slice() }))
    this.#subscriptions.set(number, copies)
    return number
  }

  #keepAssignment(assignment: Uint8Array): number {
    if (assignment.length === 0) return 0
    const number = this.#around.nextNumber()
    this.#assignments.set(number, assignment.slice())
    return number
  }

  /** On a turn of its own: what a fact still in the mailbox refers to must not be forgotten. */
  #sweepLater(): void {
    const kept = this.#subscriptions.size + this.#assignments.size
    const members = Object.keys(this.snapshot.context.members).length
    if (this.#isSweepDue || kept <= sweepAbove + 4 * members) return
    this.#isSweepDue = true
    this.#around.broker.platform.clock.setTimeout(() => {
      this.#isSweepDue = false
      const needed = references(this.snapshot)
      forgetOthers(this.#subscriptions, needed.subscriptions)
      forgetOthers(this.#assignments, needed.assignments)
    }, 0)
  }
}

/** A group that nothing is known of. */
export const unknownGroup = (groupId: string): LoadedGroup => ({
  groupId,
  stored: null,
  offsets: new CommittedOffsets(),
})
