/** A group coordinator as plain as can be: one group, join and sync barriers, generations, offsets; members expire on command. */
import { errors } from '../../../src/error.ts'
import type { Clock } from '../../../src/ports.ts'
import type {
  Heartbeat,
  JoinGroup,
  LeaveGroup,
  OffsetCommit,
  OffsetFetch,
  RequestOf,
  ResponseDraftOf,
  SyncGroup,
} from '../../../src/protocol/index.ts'

type Join = RequestOf<typeof JoinGroup>
type Later<T> = (answer: (body: T) => void) => void

interface Member {
  readonly memberId: string
  join: Join
  joined: ((body: ResponseDraftOf<typeof JoinGroup>) => void) | null
  synced: ((body: ResponseDraftOf<typeof SyncGroup>) => void) | null
}

export class FakeGroup {
  readonly members = new Map<string, Member>()
  readonly offsets = new Map<string, { offset: number; leaderEpoch: number; metadata: string }>()
  generationId = 0
  state: 'empty' | 'preparing' | 'completing' | 'stable' = 'empty'
  readonly #clock: Clock
  readonly #pending = new Set<string>()
  #assignments = new Map<string, Uint8Array>()
  #nextMember = 1
  #timer: object | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The session of a member is over. */
  expire(memberId: string): void {
    this.members.delete(memberId)
    this.#rebalance()
  }

  join(
    body: Join,
    version: number,
  ): ResponseDraftOf<typeof JoinGroup> | Later<ResponseDraftOf<typeof JoinGroup>> {
    const refused = (errorCode: number, memberId = '') => ({
      errorCode,
      memberId,
      generationId: -1,
      protocolName: '',
      leader: '',
      members: [],
    })
    const { groupInstanceId } = body
    const former = [...this.members.values()].find(
      ({ join }) => groupInstanceId !== null && join.groupInstanceId === groupInstanceId,
    )
    if (body.memberId === '' && version >= 4 && groupInstanceId === null) {
      const memberId = `member-${this.#nextMember++}`
      this.#pending.add(memberId)
      return refused(errors.MEMBER_ID_REQUIRED, memberId)
    }
    if (
      body.memberId !== '' &&
      !this.members.has(body.memberId) &&
      !this.#pending.has(body.memberId)
    )
      return refused(errors.UNKNOWN_MEMBER_ID)
    if (former !== undefined && body.memberId !== former.memberId)
      this.members.delete(former.memberId)
    const memberId = body.memberId || `member-${this.#nextMember++}`
    this.#pending.delete(memberId)
    return answer => {
      const member = this.members.get(memberId)
      if (member === undefined)
        this.members.set(memberId, { memberId, join: body, joined: answer, synced: null })
      else Object.assign(member, { join: body, joined: answer })
      this.#rebalance()
    }
  }

  sync(
    body: RequestOf<typeof SyncGroup>,
  ): ResponseDraftOf<typeof SyncGroup> | Later<ResponseDraftOf<typeof SyncGroup>> {
    const refused = (errorCode: number) => ({ errorCode, assignment: new Uint8Array(0) })
    const member = this.members.get(body.memberId)
    if (member === undefined) return refused(errors.UNKNOWN_MEMBER_ID)
    if (body.generationId !== this.generationId) return refused(errors.ILLEGAL_GENERATION)
    if (this.state === 'preparing') return refused(errors.REBALANCE_IN_PROGRESS)
    return answer => {
      member.synced = answer
      if (body.assignments.length > 0) {
        this.#assignments = new Map(
          body.assignments.map(({ memberId, assignment }) => [memberId, assignment]),
        )
        this.state = 'stable'
      }
      if (this.state === 'stable') this.#answerSyncs()
    }
  }

  heartbeat({ memberId, generationId }: RequestOf<typeof Heartbeat>): number {
    if (!this.members.has(memberId)) return errors.UNKNOWN_MEMBER_ID
    if (generationId !== this.generationId) return errors.ILLEGAL_GENERATION
    return this.state === 'preparing' ? errors.REBALANCE_IN_PROGRESS : errors.NONE
  }

  leave(body: RequestOf<typeof LeaveGroup>): number {
    for (const { memberId } of body.members) this.members.delete(memberId)
    this.#rebalance()
    return errors.NONE
  }

  commit(body: RequestOf<typeof OffsetCommit>): ResponseDraftOf<typeof OffsetCommit> {
    const { memberId, generationIdOrMemberEpoch: generationId } = body
    const errorCode = !this.members.has(memberId)
      ? errors.UNKNOWN_MEMBER_ID
      : generationId !== this.generationId
        ? errors.ILLEGAL_GENERATION
        : this.state === 'completing'
          ? errors.REBALANCE_IN_PROGRESS
          : errors.NONE
    return {
      topics: body.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(one => {
          if (errorCode === errors.NONE)
            this.offsets.set(`${name}-${one.partitionIndex}`, {
              offset: one.committedOffset,
              leaderEpoch: one.committedLeaderEpoch,
              metadata: one.committedMetadata ?? '',
            })
          return { partitionIndex: one.partitionIndex, errorCode }
        }),
      })),
    }
  }

  fetch(body: RequestOf<typeof OffsetFetch>): ResponseDraftOf<typeof OffsetFetch> {
    const topicsOf = (topics: RequestOf<typeof OffsetFetch>['topics']) =>
      (topics ?? []).map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map(partitionIndex => {
          const found = this.offsets.get(`${name}-${partitionIndex}`)
          return {
            partitionIndex,
            committedOffset: found?.offset ?? -1,
            committedLeaderEpoch: found?.leaderEpoch ?? -1,
            metadata: found?.metadata ?? '',
            errorCode: errors.NONE,
          }
        }),
      }))
    return body.groups.length > 0
      ? {
          groups: body.groups.map(({ groupId, topics }) => ({ groupId, topics: topicsOf(topics) })),
        }
      : { topics: topicsOf(body.topics) }
  }

  #rebalance(): void {
    if (this.members.size === 0) {
      this.state = 'empty'
      return
    }
    for (const { synced } of this.members.values())
      synced?.({ errorCode: errors.REBALANCE_IN_PROGRESS, assignment: new Uint8Array(0) })
    for (const member of this.members.values()) member.synced = null
    if (this.state !== 'preparing') {
      this.state = 'preparing'
      const waitMs = Math.max(...[...this.members.values()].map(one => one.join.rebalanceTimeoutMs))
      this.#clock.clearTimeout(this.#timer)
      this.#timer = this.#clock.setTimeout(() => {
        for (const { memberId, joined } of [...this.members.values()])
          if (joined === null) this.members.delete(memberId)
        if (this.state === 'preparing') this.#complete()
      }, waitMs)
    }
    if ([...this.members.values()].every(({ joined }) => joined !== null)) this.#complete()
  }

  #complete(): void {
    this.#clock.clearTimeout(this.#timer)
    const members = [...this.members.values()]
    const [leader] = members
    if (leader === undefined) {
      this.state = 'empty'
      return
    }
    this.state = 'completing'
    this.generationId++
    const protocolName =
      leader.join.protocols.find(({ name }) =>
        members.every(({ join }) => join.protocols.some(other => other.name === name)),
      )?.name ?? ''
    for (const { memberId, joined } of members)
      joined?.({
        errorCode: errors.NONE,
        generationId: this.generationId,
        protocolName,
        leader: leader.memberId,
        memberId,
        members:
          memberId === leader.memberId
            ? members.map(({ memberId: id, join }) => ({
                memberId: id,
                groupInstanceId: join.groupInstanceId,
                metadata: join.protocols.find(({ name }) => name === protocolName)
                  ?.metadata as Uint8Array,
              }))
            : [],
      })
    for (const member of members) member.joined = null
  }

  #answerSyncs(): void {
    for (const member of this.members.values()) {
      member.synced?.({
        errorCode: errors.NONE,
        assignment: this.#assignments.get(member.memberId) ?? new Uint8Array(0),
      })
      member.synced = null
    }
  }
}
