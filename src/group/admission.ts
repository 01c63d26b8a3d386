/**
 * Who may do what in a group: JoinGroup and SyncGroup as the coordinator judges them. Pure; the chart asks in its guards. After
 * GroupCoordinator.doJoinGroup and validateSyncGroup.
 */
import { type ErrorCode, errors } from '../error.ts'
import { pendingMembersMax } from '../limits.ts'
import {
  allMembers,
  generationRefusal,
  type Member,
  type Membership,
  mapMembers,
  memberOf,
  memberOfInstance,
  memberRefusal,
  supportsProtocols,
  unknownMemberId,
  withReplacedId,
} from './membership.ts'

/** A JoinGroup; `request` stands for whoever waits for its answer. */
export interface JoinRequest {
  readonly request: number
  /** Empty for one that has none yet. */
  readonly memberId: string
  /** What it will be called if it needs a name. */
  readonly newMemberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  readonly protocolType: string
  /** Names, best first. */
  readonly protocols: readonly string[]
  readonly subscription: number
  /** JoinGroup v4+: a dynamic member is given its id first, and joins with it. */
  readonly memberIdRequired: boolean
  /** JoinGroup v9+: understands that it leads but need not assign. */
  readonly skipsAssignment: boolean
}

export interface SyncRequest {
  readonly request: number
  readonly generationId: number
  readonly memberId: string
  readonly groupInstanceId: string | null
  /** Null before SyncGroup v5, as is the next. */
  readonly protocolType: string | null
  readonly protocolName: string | null
  /** By member id; empty but from the leader. */
  readonly assignments: Readonly<Record<string, number>>
}

/** The id under which one that is no member yet will be known. */
export const idOf = ({ memberId, newMemberId }: JoinRequest): string =>
  memberId === unknownMemberId ? newMemberId : memberId

/** One that joins for the first time, and waits. */
export const newMember = (joining: JoinRequest): Member => ({
  memberId: idOf(joining),
  groupInstanceId: joining.groupInstanceId,
  clientId: joining.clientId,
  clientHost: joining.clientHost,
  rebalanceTimeoutMs: joining.rebalanceTimeoutMs,
  sessionTimeoutMs: joining.sessionTimeoutMs,
  protocols: joining.protocols,
  subscription: joining.subscription,
  assignment: 0,
  join: joining.request,
  sync: null,
  isNew: true,
  owesSync: false,
})

/** A member that has joined again and waits. */
export const rejoined = (member: Member, joining: JoinRequest): Member => ({
  ...member,
  rebalanceTimeoutMs: joining.rebalanceTimeoutMs,
  sessionTimeoutMs: joining.sessionTimeoutMs,
  protocols: joining.protocols,
  subscription: joining.subscription,
  join: joining.request,
})

/** Why it may not join; NONE where it may. */
export function joinRefusal(group: Membership, joining: JoinRequest): ErrorCode {
  const { memberId, groupInstanceId, protocolType, protocols } = joining
  if (!supportsProtocols(group, protocolType, protocols)) return errors.INCONSISTENT_GROUP_PROTOCOL
  if (memberId === unknownMemberId) {
    const isPending = joining.memberIdRequired && groupInstanceId === null
    const isTooMany = isPending && group.pendingMembers.length >= pendingMembersMax
    return isTooMany ? errors.GROUP_MAX_SIZE_REACHED : errors.NONE
  }
  if (groupInstanceId === null && group.pendingMembers.includes(memberId)) return errors.NONE
  return memberRefusal(group, memberId, groupInstanceId)
}

/**
 * A rebalance takes no more than the maximum. Those already waiting count: of a group that is too large the last to come
 * back go.
 */
export function rebalanceIsFull(group: Membership, sizeMax: number, memberId: string): boolean {
  if (typeof memberOf(group, memberId)?.join === 'number') return false
  return allMembers(group).filter(member => member.join !== null).length >= sizeMax
}

export const groupIsFull = (group: Membership, sizeMax: number, memberId: string): boolean =>
  memberOf(group, memberId) === undefined && allMembers(group).length >= sizeMax

/** The static member whose place a JoinGroup without a member id takes; undefined where it takes none. */
export const replacedBy = (
  group: Membership,
  { memberId, groupInstanceId }: JoinRequest,
): Member | undefined =>
  memberId === unknownMemberId && groupInstanceId !== null
    ? memberOfInstance(group, groupInstanceId)
    : undefined

/** The group with that member under its new id, joined again. */
export const withReplaced = <G extends Membership>(
  group: G,
  before: Member,
  joining: JoinRequest,
): G =>
  mapMembers(withReplacedId(group, before.memberId, joining.newMemberId), member =>
    member.memberId === joining.newMemberId ? { ...rejoined(member, joining), sync: null } : member,
  )

/** A member says what it said before. */
export function isUnchanged(group: Membership, joining: JoinRequest): boolean {
  const member = memberOf(group, joining.memberId)
  return (
    member !== undefined &&
    member.subscription === joining.subscription &&
    member.protocols.length === joining.protocols.length &&
    member.protocols.every((name, i) => name === joining.protocols[i])
  )
}

/** Why it gets no assignment; NONE where it may, now or later. */
export function syncRefusal(group: Membership, syncing: SyncRequest): ErrorCode {
  const refusal = generationRefusal(group, syncing)
  if (refusal !== errors.NONE) return refusal
  const { protocolType, protocolName } = syncing
  const differs =
    (protocolType !== null && protocolType !== group.protocolType) ||
    (protocolName !== null && protocolName !== group.protocolName)
  return differs ? errors.INCONSISTENT_GROUP_PROTOCOL : errors.NONE
}

/** Waiting members do not expire: they cannot send heartbeats. New ones do, by a deadline of their own. */
export function mayExpire(group: Membership, memberId: string): boolean {
  const member = memberOf(group, memberId)
  if (member === undefined) return false
  return member.isNew || (member.join === null && member.sync === null)
}

/** Members that have not asked for their assignment. */
export const owingSync = (group: Membership): Member[] =>
  allMembers(group).filter(member => member.owesSync)
