import fc from 'fast-check'
import { expect, test } from 'vitest'
import { stateName } from '../../../actors/registry.ts'
import {
  type ConsumerGroupCommand,
  type ConsumerGroupFact,
  type ConsumerGroupSnapshot,
  consumerGroupMachine as machine,
} from '../../../machines/group/consumer-group.ts'
import {
  allJoined,
  allMembers,
  type Member,
  type Membership,
} from '../../../src/group/membership.ts'
import { begin, elapse, step } from '../../step.ts'

/** What may happen to a group, with members and writes picked among those there are (or were, or never will be). */
type Happening =
  | {
      what: 'join'
      who: number
      isNew: boolean
      instance: number
      version: number
      subscription: number
    }
  | { what: 'sync'; who: number; isOld: boolean }
  | { what: 'leave'; who: number }
  | { what: 'expire'; who: number }
  | { what: 'write'; which: number; fails: boolean }
  | { what: 'timeout' }
  | { what: 'syncTimeout' }

const who = fc.nat(7)
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('join' as const),
      who,
      isNew: fc.nat(3).map(n => n === 0),
      instance: fc.nat(5),
      version: fc.constantFrom(3, 5, 9),
      subscription: fc.integer({ min: 1, max: 2 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('sync' as const),
      who,
      isOld: fc.nat(5).map(n => n === 0),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('leave' as const), who }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('expire' as const), who }) },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant('write' as const),
      which: fc.nat(3),
      fails: fc.nat(3).map(n => n === 0),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ what: 'timeout' as const }) },
  { weight: 1, arbitrary: fc.constant({ what: 'syncTimeout' as const }) },
)

const member = (memberId: string, groupInstanceId: string | null): Member => ({
  memberId,
  groupInstanceId,
  clientId: 'c',
  clientHost: '/h',
  rebalanceTimeoutMs: 100,
  sessionTimeoutMs: 100,
  protocols: ['a', 'b'],
  subscription: 1,
  assignment: 1,
  join: null,
  sync: null,
  isNew: false,
  owesSync: false,
})

const stableGroup: Membership = {
  generationId: 7,
  protocolType: 'consumer',
  protocolName: 'a',
  leader: 's0',
  members: { s0: member('s0', 'i0'), d1: member('d1', null), d2: member('d2', null) },
  pendingMembers: [],
}

/** A group and everybody around it: who waits, who is expected, what is on its way into the log. */
class Story {
  snapshot: ConsumerGroupSnapshot
  readonly #asked = new Set<number>()
  readonly #answered = new Set<number>()
  readonly #sessions = new Set<string>()
  readonly #names: string[] = []
  #writes: number[] = []
  #number = 0

  /** @param loaded begin with a stable group of one static member, who leads, and two dynamic ones. */
  constructor(groupSizeMax: number, loaded: boolean) {
    const input = {
      groupId: 'g',
      initialRebalanceDelayMs: 10,
      groupSizeMax,
      loaded: loaded ? stableGroup : null,
    }
    const [snapshot, commands] = begin(machine, input)
    this.snapshot = snapshot
    this.#perform(commands)
  }

  get state(): string {
    return stateName(this.snapshot.value)
  }

  live(happening: Happening): void {
    if (happening.what === 'timeout') {
      const delay =
        this.state === 'preparingRebalance.gathering' ? 'initialRebalanceDelay' : 'rebalanceTimeout'
      if (!this.state.startsWith('preparingRebalance')) return
      const [snapshot, commands] = elapse(machine, this.snapshot, delay)
      this.snapshot = snapshot
      this.#perform(commands)
    } else {
      const fact = this.#fact(happening)
      if (fact !== null) this.#tell(fact)
    }
    this.check()
  }

  #tell(fact: ConsumerGroupFact): void {
    const [snapshot, commands] = step(machine, this.snapshot, fact)
    this.snapshot = snapshot
    this.#perform(commands)
  }

  /** Somebody of those ever named. */
  #name(who: number): string {
    const { members, pendingMembers } = this.snapshot.context
    const names = [...Object.keys(members), ...pendingMembers, ...this.#names.slice(-2), 'ghost']
    return names[who % names.length] as string
  }

  #ask(): number {
    const request = ++this.#number
    this.#asked.add(request)
    return request
  }

  #fact(happening: Exclude<Happening, { what: 'timeout' }>): ConsumerGroupFact | null {
    const { generationId } = this.snapshot.context
    switch (happening.what) {
      case 'join': {
        const memberId = happening.isNew ? '' : this.#name(happening.who)
        const member = this.snapshot.context.members[memberId]
        const instance = happening.instance < 2 ? `i${happening.instance}` : null
        const request = this.#ask()
        return {
          type: 'join.received',
          request,
          memberId,
          newMemberId: `m${request}`,
          groupInstanceId: member === undefined ? instance : member.groupInstanceId,
          clientId: 'c',
          clientHost: '/h',
          rebalanceTimeoutMs: 100,
          sessionTimeoutMs: 100,
          protocolType: 'consumer',
          protocols: happening.subscription === 1 ? ['a', 'b'] : ['b', 'a'],
          subscription: happening.subscription,
          memberIdRequired: happening.version >= 4,
          skipsAssignment: happening.version >= 9,
        }
      }
      case 'sync': {
        const memberId = this.#name(happening.who)
        const { members } = this.snapshot.context
        return {
          type: 'sync.received',
          request: this.#ask(),
          generationId: happening.isOld ? generationId - 1 : generationId,
          memberId,
          groupInstanceId: members[memberId]?.groupInstanceId ?? null,
          protocolType: null,
          protocolName: null,
          assignments: Object.fromEntries(Object.keys(members).map((id, i) => [id, i + 1])),
        }
      }
      case 'leave': {
        const memberId = this.#name(happening.who)
        return {
          type: 'leave.received',
          request: this.#ask(),
          members: [{ memberId, groupInstanceId: null }],
        }
      }
      case 'expire': {
        // Only a session that is expected can run out.
        const [...expected] = this.#sessions
        const memberId = expected[happening.who % Math.max(1, expected.length)]
        if (memberId === undefined) return null
        this.#sessions.delete(memberId)
        return { type: 'member.expired', memberId }
      }
      case 'write': {
        const write = this.#writes[happening.which % Math.max(1, this.#writes.length)]
        if (write === undefined) return null
        this.#writes = this.#writes.filter(other => other !== write)
        return happening.fails
          ? { type: 'group.commitFailed', write, errorCode: 15 }
          : { type: 'group.committed', write }
      }
      case 'syncTimeout':
        return { type: 'sync.timedOut', generationId }
    }
  }

  #perform(commands: readonly ConsumerGroupCommand[]): void {
    for (const command of commands) {
      switch (command.type) {
        case 'session.expect':
          this.#sessions.add(command.memberId)
          this.#names.push(command.memberId)
          break
        case 'session.forget':
          this.#sessions.delete(command.memberId)
          break
        case 'group.append':
          this.#writes.push(command.write)
          for (const member of command.members) expect(member.memberId).not.toBe('')
          break
        default:
          expect(this.#asked.has(command.request), `nobody asked ${command.request}`).toBe(true)
          expect(this.#answered.has(command.request), `${command.request} twice`).toBe(false)
          this.#answered.add(command.request)
      }
    }
  }

  get #open(): number[] {
    return [...this.#asked].filter(request => !this.#answered.has(request))
  }

  check(): void {
    const { context } = this.snapshot
    const members = allMembers(context)
    const waiting = members.flatMap(({ join, sync }) => [join, sync].filter(one => one !== null))
    // Nobody is forgotten, and nobody is thought to wait who was answered.
    expect(waiting.sort((a, b) => a - b)).toEqual(this.#open)
    // Whoever does not wait must be heard of; of nobody else anything is expected.
    const known = new Set([...Object.keys(context.members), ...context.pendingMembers])
    for (const memberId of this.#sessions) expect(known).toContain(memberId)
    for (const { memberId, join, sync } of members)
      if (join === null && sync === null) expect(this.#sessions).toContain(memberId)
    for (const memberId of context.pendingMembers) expect(this.#sessions).toContain(memberId)
    // An instance has one member.
    const instances = members.flatMap(({ groupInstanceId }) => groupInstanceId ?? [])
    expect(new Set(instances).size).toBe(instances.length)
    switch (this.state) {
      case 'empty':
        expect(members).toEqual([])
        expect(context.leader).toBeNull()
        break
      case 'preparingRebalance.joining':
        expect(allJoined(context)).toBe(false)
        break
      case 'completingRebalance':
      case 'stable':
        expect(Object.keys(context.members)).toContain(context.leader)
        expect(context.protocolName).not.toBeNull()
        // Static members that did not come back in time are not counted, in Kafka neither.
        expect(
          members.filter(member => member.groupInstanceId === null).length,
        ).toBeLessThanOrEqual(context.groupSizeMax)
        for (const { isNew, join } of members) {
          expect(isNew).toBe(false)
          if (join !== null) expect(context.replacements.length).toBeGreaterThan(0)
        }
        break
    }
  }

  end(): void {
    this.#tell({ type: 'group.unloaded' })
    expect(this.#open).toEqual([])
    expect([...this.#sessions]).toEqual([])
  }
}

test('whatever happens to a group, everybody is answered once, and the group makes sense', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.boolean(),
      fc.array(happening, { minLength: 1, maxLength: 60 }),
      (groupSizeMax, loaded, happenings) => {
        const story = new Story(groupSizeMax, loaded)
        for (const happening of happenings) story.live(happening)
        story.end()
      },
    ),
    { numRuns: 300 },
  )
})

test('left in peace, a group of living members becomes stable', () => {
  fc.assert(
    fc.property(fc.array(happening, { minLength: 1, maxLength: 40 }), happenings => {
      const story = new Story(100, true)
      for (const happening of happenings) story.live(happening)
      for (let i = 0; i < 60 && story.state !== 'stable'; i++) {
        const { context } = story.snapshot
        if (story.state === 'empty')
          story.live({
            what: 'join',
            who: 0,
            isNew: true,
            instance: 5,
            version: 3,
            subscription: 1,
          })
        else if (story.state === 'completingRebalance') {
          Object.keys(context.members).forEach((_, who) => {
            if (story.state === 'completingRebalance')
              story.live({ what: 'sync', who, isOld: false })
          })
          for (let which = 0; which < 4; which++)
            story.live({ what: 'write', which: 0, fails: false })
        } else {
          Object.keys(context.members).forEach((_, who) => {
            if (story.state.startsWith('preparing'))
              story.live({
                what: 'join',
                who,
                isNew: false,
                instance: 5,
                version: 3,
                subscription: 1,
              })
          })
          story.live({ what: 'timeout' })
        }
      }
      expect(story.state).toBe('stable')
    }),
    { numRuns: 100 },
  )
})
