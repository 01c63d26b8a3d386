/** What waiting members are told, as values. `request` stands for whoever waits. */
import { type ErrorCode, errors } from '../error.ts'
import { allMembers, type Member, type Membership, unknownMemberId } from './membership.ts'

export interface JoinAnswer {
  readonly type: 'join.answer'
  readonly request: number
  readonly errorCode: ErrorCode
  /** −1 with an error. */
  readonly generationId: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly leader: string
  readonly skipAssignment: boolean
  readonly memberId: string
  /** For the leader: all of them. */
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly subscription: number
  }[]
}

export interface SyncAnswer {
  readonly type: 'sync.answer'
  readonly request: number
  readonly errorCode: ErrorCode
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignment: number
}

/** Unless heard of within that time from now, the member has expired. */
export interface SessionExpect {
  readonly type: 'session.expect'
  readonly memberId: string
  readonly timeoutMs: number
}

export interface SessionForget {
  readonly type: 'session.forget'
  readonly memberId: string
}

export const joinError = (request: number, memberId: string, errorCode: ErrorCode): JoinAnswer => ({
  type: 'join.answer',
  request,
  errorCode,
  generationId: -1,
  protocolType: null,
  protocolName: null,
  leader: '',
  skipAssignment: false,
  memberId,
  members: [],
})

/** A member of the group's generation. */
export const joined = (
  group: Membership,
  request: number,
  memberId: string,
  other: Partial<JoinAnswer> = {},
): JoinAnswer => ({
  type: 'join.answer',
  request,
  errorCode: errors.NONE,
  generationId: group.generationId,
  protocolType: group.protocolType,
  protocolName: group.protocolName,
  leader: group.leader ?? '',
  skipAssignment: false,
  memberId,
  members:
    group.leader === memberId
      ? allMembers(group).map(({ memberId, groupInstanceId, subscription }) => ({
          memberId,
          groupInstanceId,
          subscription,
        }))
      : [],
  ...other,
})

export const syncError = (request: number, errorCode: ErrorCode): SyncAnswer => ({
  type: 'sync.answer',
  request,
  errorCode,
  protocolType: null,
  protocolName: null,
  assignment: 0,
})

export const synced = (group: Membership, request: number, assignment: number): SyncAnswer => ({
  type: 'sync.answer',
  request,
  errorCode: errors.NONE,
  protocolType: group.protocolType,
  protocolName: group.protocolName,
  assignment,
})

export const expectSession = (memberId: string, timeoutMs: number): SessionExpect => ({
  type: 'session.expect',
  memberId,
  timeoutMs,
})

export const forgetSession = (memberId: string): SessionForget => ({
  type: 'session.forget',
  memberId,
})

/** Whatever of it waits is answered so. */
export const dismissed = (
  { join, sync }: Member,
  memberId: string,
  errorCode: ErrorCode,
): (JoinAnswer | SyncAnswer)[] => [
  ...(join === null ? [] : [joinError(join, memberId, errorCode)]),
  ...(sync === null ? [] : [syncError(sync, errorCode)]),
]

/** To one that is no member any more: if it still asks, it must begin anew. */
export const removal = (member: Member): (JoinAnswer | SyncAnswer | SessionForget)[] => [
  ...dismissed(member, unknownMemberId, errors.UNKNOWN_MEMBER_ID),
  forgetSession(member.memberId),
]
