/**
 * Who is in a group, as plain values: what joining, leaving and a new generation do to it. The chart
 * (`machines/group/consumer-group.ts`) decides when; this is the how. After GroupMetadata and MemberMetadata.
 *
 * What members say to each other is opaque here. Numbers stand for the bytes: equal numbers, equal bytes; 0 is none.
 */
import { type ErrorCode, errors } from '../error.ts'

/** A member id not given yet: on the first JoinGroup, and where an admin names a member by its instance. */
export const unknownMemberId = ''

export interface Member {
  readonly memberId: string
  /** Static membership (KIP-345); null for a dynamic member. */
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  /** Names of what it supports, best first. */
  readonly protocols: readonly string[]
  /** Stands for its metadata under all these protocols. */
  readonly subscription: number
  /** Stands for what the leader assigned to it. */
  readonly assignment: number
  /** The JoinGroup that waits for the others; null where none does. */
  readonly join: number | null
  /** The SyncGroup that waits for the leader; null where none does. */
  readonly sync: number | null
  /** Has not been in a generation yet: it cannot send heartbeats, so a short deadline of its own holds. */
  readonly isNew: boolean
  /** Has not asked for its assignment in this generation; must before the rebalance timeout (KAFKA-12890). */
  readonly owesSync: boolean
}

export interface Membership {
  readonly generationId: number
  /** `consumer`, `connect`; null until the first member came. */
  readonly protocolType: string | null
  /** What the members chose; null while there are none. */
  readonly protocolName: string | null
  /** The member that assigns. */
  readonly leader: string | null
  /** By member id, in the order of their coming. */
  readonly members: Readonly<Record<string, Member>>
  /** Member ids given out whose owners have not come back with them yet (KIP-394). */
  readonly pendingMembers: readonly string[]
}

export const noMembership: Membership = {
  generationId: 0,
  protocolType: null,
  protocolName: null,
  leader: null,
  members: {},
  pendingMembers: [],
}

export const allMembers = (group: Membership): Member[] => Object.values(group.members)

/** Undefined for one that is no member (also where its id is that of something every object has). */
export const memberOf = (group: Membership, memberId: string): Member | undefined =>
  Object.hasOwn(group.members, memberId) ? group.members[memberId] : undefined

export const isEmpty = (group: Membership): boolean => allMembers(group).length === 0

/** The longest that any member asked for: how long a rebalance waits for them. */
export const rebalanceTimeoutMs = (group: Membership): number =>
  Math.max(0, ...allMembers(group).map(member => member.rebalanceTimeoutMs))

/** The member of a group instance; undefined where it has none. */
export const memberOfInstance = (group: Membership, groupInstanceId: string): Member | undefined =>
  allMembers(group).find(member => member.groupInstanceId === groupInstanceId)

// ─── Protocols ──────────────────────────────────────────────────────────────────────────────────

/** Those that every member supports. */
const commonProtocols = (members: readonly Member[]): ReadonlySet<string> =>
  new Set(
    members[0]?.protocols.filter(name => members.every(member => member.protocols.includes(name))),
  )

/**
 * Each member votes for the first of its protocols that all support; most votes win, and of equals the one that an earlier
 * member voted for. Null without members, or where they have nothing in common.
 */
export function chooseProtocol(members: readonly Member[]): string | null {
  const candidates = commonProtocols(members)
  const votes = new Map<string, number>()
  for (const { protocols } of members) {
    const vote = protocols.find(name => candidates.has(name))
    if (vote !== undefined) votes.set(vote, (votes.get(vote) ?? 0) + 1)
  }
  let chosen: string | null = null
  for (const [name, count] of votes)
    if (chosen === null || count > (votes.get(chosen) as number)) chosen = name
  return chosen
}

/** Whether one with these protocols can join. A group without members takes on any. */
export function supportsProtocols(
  group: Membership,
  protocolType: string,
  protocols: readonly string[],
): boolean {
  if (isEmpty(group)) return protocolType !== '' && protocols.length > 0
  if (group.protocolType !== protocolType) return false
  const members = allMembers(group)
  return protocols.some(name => members.every(member => member.protocols.includes(name)))
}

// ─── Identity ───────────────────────────────────────────────────────────────────────────────────

/** Whether a request comes from a current member: NONE, UNKNOWN_MEMBER_ID or FENCED_INSTANCE_ID. */
export function memberRefusal(
  group: Membership,
  memberId: string,
  groupInstanceId: string | null,
): ErrorCode {
  const member = memberOf(group, memberId)
  if (groupInstanceId === null || member?.groupInstanceId === groupInstanceId)
    return member === undefined ? errors.UNKNOWN_MEMBER_ID : errors.NONE
  return memberOfInstance(group, groupInstanceId) === undefined
    ? errors.UNKNOWN_MEMBER_ID
    : errors.FENCED_INSTANCE_ID
}

/** {@link memberRefusal}, then ILLEGAL_GENERATION for one that missed a rebalance. */
export function generationRefusal(
  group: Membership,
  request: {
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly generationId: number
  },
): ErrorCode {
  const refusal = memberRefusal(group, request.memberId, request.groupInstanceId)
  if (refusal !== errors.NONE) return refusal
  return request.generationId === group.generationId ? errors.NONE : errors.ILLEGAL_GENERATION
}

// ─── Coming and going ───────────────────────────────────────────────────────────────────────────

/** With a new member. The first one brings the protocol type, and leads. */
export function withMember<G extends Membership>(
  group: G,
  member: Member,
  protocolType: string,
): G {
  const { memberId } = member
  return {
    ...group,
    protocolType: isEmpty(group) ? protocolType : group.protocolType,
    leader: group.leader ?? memberId,
    members: { ...group.members, [memberId]: member },
    pendingMembers: group.pendingMembers.filter(id => id !== memberId),
  }
}

/** A member as it is now. */
export const withChanged = <G extends Membership>(group: G, member: Member): G => ({
  ...group,
  members: { ...group.members, [member.memberId]: member },
})

/** Without a member, pending or not. Where it led, the next in line does. */
export function withoutMember<G extends Membership>(group: G, memberId: string): G {
  const { [memberId]: _, ...members } = group.members
  return {
    ...group,
    members,
    leader: group.leader === memberId ? (Object.keys(members)[0] ?? null) : group.leader,
    pendingMembers: group.pendingMembers.filter(id => id !== memberId),
  }
}

export const withoutMembers = <G extends Membership>(group: G, memberIds: readonly string[]): G =>
  memberIds.reduce(withoutMember, group)

/** The same members, all changed alike. */
export const mapMembers = <G extends Membership>(
  group: G,
  change: (member: Member) => Member,
): G => ({
  ...group,
  members: Object.fromEntries(
    Object.entries(group.members).map(([memberId, member]) => [memberId, change(member)]),
  ),
})

/** A static member under a new id, in the place it had (GroupMetadata.replaceStaticMember). */
export function withReplacedId<G extends Membership>(
  group: G,
  oldMemberId: string,
  newMemberId: string,
): G {
  const rename = (memberId: string): string => (memberId === oldMemberId ? newMemberId : memberId)
  return {
    ...group,
    leader: group.leader === null ? null : rename(group.leader),
    members: Object.fromEntries(
      allMembers(group).map(member => {
        const memberId = rename(member.memberId)
        return [memberId, memberId === member.memberId ? member : { ...member, memberId }]
      }),
    ),
  }
}

/** What became of each member that leaves. */
export interface LeaveResult {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly errorCode: ErrorCode
}

export interface Leaving<G extends Membership> {
  readonly group: G
  readonly results: readonly LeaveResult[]
  readonly removed: readonly Member[]
  readonly removedPending: readonly string[]
}

/** Takes members out, one after the other: by member id, or by instance alone, as an admin does (KIP-345). */
export function leave<G extends Membership>(
  before: G,
  leaving: readonly { readonly memberId: string; readonly groupInstanceId: string | null }[],
): Leaving<G> {
  let group = before
  const results: LeaveResult[] = []
  const removed: Member[] = []
  const removedPending: string[] = []
  for (const { memberId, groupInstanceId } of leaving) {
    let errorCode = errors.NONE
    let gone: Member | undefined
    if (memberId === unknownMemberId) {
      gone = groupInstanceId === null ? undefined : memberOfInstance(group, groupInstanceId)
      if (gone === undefined) errorCode = errors.UNKNOWN_MEMBER_ID
    } else if (group.pendingMembers.includes(memberId)) {
      removedPending.push(memberId)
      group = withoutMember(group, memberId)
    } else {
      errorCode = memberRefusal(group, memberId, groupInstanceId)
      if (errorCode === errors.NONE) gone = memberOf(group, memberId)
    }
    if (gone !== undefined) {
      removed.push(gone)
      group = withoutMember(group, gone.memberId)
    }
    results.push({ memberId, groupInstanceId, errorCode })
  }
  return { group, results, removed, removedPending }
}

// ─── Generations ────────────────────────────────────────────────────────────────────────────────

/** Dynamic members that have not come back: the next generation goes without them. Static ones may come late. */
export const absentMembers = (group: Membership): Member[] =>
  allMembers(group).filter(member => member.join === null && member.groupInstanceId === null)

/** Every member, and everyone who was given an id, has joined. */
export const allJoined = (group: Membership): boolean =>
  group.pendingMembers.length === 0 && allMembers(group).every(member => member.join !== null)

/**
 * The next generation, of all members there are: leader (another where the old one did not come back) and protocol chosen,
 * nobody waiting, everybody owing a SyncGroup. Without members it is the empty one.
 */
export function nextGeneration<G extends Membership>(group: G): G {
  const members = allMembers(group)
  const leads = group.leader === null ? undefined : memberOf(group, group.leader)
  const leader =
    leads !== undefined && leads.join !== null
      ? leads
      : (members.find(member => member.join !== null) ?? leads)
  return mapMembers(
    {
      ...group,
      generationId: group.generationId + 1,
      protocolName: chooseProtocol(members),
      leader: leader?.memberId ?? null,
    },
    member => ({ ...member, join: null, sync: null, isNew: false, owesSync: true }),
  )
}
