import { describe, expect, test } from 'vitest'
import {
  acknowledgement,
  assignmentRefusal,
  followerRefusal,
  follows,
  isEndUnknown,
  isLagging,
  isNewcomer,
  isNews,
  lowWatermark,
  maximalIsr,
  type PartitionReplicaCommand,
  type PartitionReplicaFact,
  type PartitionReplicaSnapshot,
  partitionReplicaMachine,
  readableUpTo,
  readRefusal,
  refusal,
  roleOf,
  stopReplicaRefusal,
} from '../../../machines/broker/partition-replica.ts'
import { RefusedFact } from '../../../src/assert.ts'
import { errors } from '../../../src/error.ts'
import { begin, elapse, step, steps } from '../../step.ts'

const lagMsMax = 30_000
/** When the stories begin: far from 0, which stands for "never". */
const t0 = 1_000_000

/** The replica of orders-0 on broker 1, as its broker starts. */
const offline = (log: { logEndOffset?: number; highWatermark?: number; minIsr?: number } = {}) =>
  begin(partitionReplicaMachine, {
    self: 1,
    topic: 'orders',
    partition: 0,
    logEndOffset: log.logEndOffset ?? 0,
    highWatermark: log.highWatermark ?? 0,
    minInSyncReplicas: log.minIsr ?? 1,
    lagMsMax,
  })[0]

type Fact<T extends PartitionReplicaFact['type']> = Extract<PartitionReplicaFact, { type: T }>

const assigned = (over: Partial<Fact<'leadership.assigned'>> = {}): PartitionReplicaFact => ({
  type: 'leadership.assigned',
  leader: 1,
  leaderEpoch: 5,
  partitionEpoch: 7,
  isr: [1, 2, 3],
  replicas: [1, 2, 3],
  alive: [1, 2, 3],
  atMs: t0 + 1000,
  ...over,
})

const fetched = (
  from: number,
  logEndOffset: number,
  over: Partial<Fact<'fetch.received'>> = {},
): PartitionReplicaFact => ({
  type: 'fetch.received',
  from,
  leaderEpoch: 5,
  brokerEpoch: 100,
  logEndOffset,
  logStartOffset: 0,
  atMs: t0 + 2000,
  ...over,
})

const appended = (logEndOffset: number, atMs = t0 + 2000): PartitionReplicaFact => ({
  type: 'log.appended',
  logEndOffset,
  atMs,
})

const answered = (over: Partial<Fact<'alterPartition.answered'>>): PartitionReplicaFact => ({
  type: 'alterPartition.answered',
  proposal: 1,
  errorCode: errors.NONE,
  leaderEpoch: 5,
  partitionEpoch: 8,
  isr: [1, 2, 3],
  atMs: t0 + 3000,
  ...over,
})

const learned = (highWatermark: number, leaderEpoch = 5): PartitionReplicaFact => ({
  type: 'highWatermark.learned',
  leaderEpoch,
  highWatermark,
})

const run = (at: PartitionReplicaSnapshot, ...facts: PartitionReplicaFact[]) =>
  steps(partitionReplicaMachine, at, ...facts)

/** Leader of epoch 5 with everything in sync, its log ending at 10, all of it committed. */
const leader = (over: Partial<Fact<'leadership.assigned'>> = {}) =>
  run(offline({ logEndOffset: 10, highWatermark: 10 }), assigned(over))[0]

/** Follower of broker 2 in epoch 5, its log ending at 10, of which 8 are known to be committed. */
const follower = () =>
  run(offline({ logEndOffset: 10, highWatermark: 8 }), assigned({ leader: 2 }))[0]

/** Leader that has asked the controller to take 3 into the ISR: proposal 1. */
const proposing = () => run(leader({ isr: [1, 2] }), fetched(3, 10))[0]

const types = (commands: readonly PartitionReplicaCommand[]) => commands.map(({ type }) => type)

describe('leadership.assigned', () => {
  test('makes a leader: the epoch starts where the log ends, then the role is told', () => {
    const [at, commands] = step(
      partitionReplicaMachine,
      offline({ logEndOffset: 10, highWatermark: 4 }),
      assigned(),
    )
    expect(at.value).toEqual({ leader: 'isrCommitted' })
    expect(roleOf(at)).toBe('leader')
    expect(commands).toEqual([
      { type: 'leaderEpoch.start', leaderEpoch: 5, startOffset: 10 },
      { type: 'role.announce', role: 'leader', leaderEpoch: 5 },
      { type: 'isr.announce', isr: [1, 2, 3] },
    ])
    expect(at.context.highWatermark).toBe(4)
  })

  test('makes a leader without followers commit all it has', () => {
    const [, commands] = step(
      partitionReplicaMachine,
      offline({ logEndOffset: 10, highWatermark: 4 }),
      assigned({ isr: [1], replicas: [1] }),
    )
    expect(commands.at(-1)).toEqual({ type: 'highWatermark.announce', highWatermark: 10 })
  })

  test('makes a follower, which is told whom to follow', () => {
    const [at, commands] = step(
      partitionReplicaMachine,
      offline({ logEndOffset: 10, highWatermark: 4 }),
      assigned({ leader: 2 }),
    )
    expect(at.value).toEqual({ follower: 'truncating' })
    expect(commands).toEqual([
      { type: 'role.announce', role: 'follower', leaderEpoch: 5 },
      { type: 'fetcher.follow', leader: 2, leaderEpoch: 5, highWatermark: 4 },
    ])
  })

  test('without a leader makes a follower that follows nobody', () => {
    const [at, commands] = step(partitionReplicaMachine, offline(), assigned({ leader: -1 }))
    expect(at.value).toEqual({ follower: 'leaderless' })
    expect(types(commands)).toEqual(['role.announce'])
  })

  test('of a new epoch makes a follower truncate again, even under the same leader (KAFKA-7164)', () => {
    const [caughtUp] = run(follower(), learned(9))
    const [at, commands] = run(caughtUp, assigned({ leader: 2, leaderEpoch: 6 }))
    expect(at.value).toEqual({ follower: 'truncating' })
    expect(types(commands)).toEqual(['fetcher.unfollow', 'role.announce', 'fetcher.follow'])
  })

  test('turns a follower into a leader: it stops following first', () => {
    const [at, commands] = run(follower(), assigned({ leaderEpoch: 6 }))
    expect(at.value).toEqual({ leader: 'isrCommitted' })
    expect(types(commands)).toEqual([
      'fetcher.unfollow',
      'leaderEpoch.start',
      'role.announce',
      'isr.announce',
    ])
  })

  test('turns a leader into a follower, which forgets what it knew of the others', () => {
    const [at] = run(leader(), assigned({ leader: 2, leaderEpoch: 6 }))
    expect(at.value).toEqual({ follower: 'truncating' })
    expect(at.context.followers).toEqual({})
  })

  test('makes a leader that missed an epoch forget how far its followers were: they may have cut their logs since', () => {
    const [before] = run(leader(), fetched(2, 10), fetched(3, 10), appended(20), fetched(2, 20))
    const [confirmed] = run(before, assigned({ leaderEpoch: 6, partitionEpoch: 8, isr: [1, 2] }))
    expect(confirmed.context.followers[2]?.logEndOffset).toBe(20)
    const [again] = run(before, assigned({ leaderEpoch: 7, partitionEpoch: 9, isr: [1, 2] }))
    expect(again.context.followers[2]?.logEndOffset).toBe(-1)
    expect(again.context.highWatermark).toBe(10)
  })

  test('confirms a leader in a new epoch: it keeps what it knows, and drops what it proposed', () => {
    const [at, commands] = run(proposing(), assigned({ leaderEpoch: 6, isr: [1, 2] }))
    expect(at.value).toEqual({ leader: 'isrCommitted' })
    expect(at.context.proposedIsr).toBeNull()
    expect(at.context.followers[3]?.logEndOffset).toBe(10)
    expect(commands[0]).toEqual({ type: 'leaderEpoch.start', leaderEpoch: 6, startOffset: 10 })
  })

  test('of the same or an older leader epoch is dropped', () => {
    for (const leaderEpoch of [4, 5]) {
      const [at, commands] = run(leader(), assigned({ leader: 2, leaderEpoch }))
      expect(at.value).toEqual({ leader: 'isrCommitted' })
      expect(commands).toEqual([])
      expect(assignmentRefusal(leader(), leaderEpoch)).toBe(errors.STALE_CONTROLLER_EPOCH)
    }
    expect(assignmentRefusal(leader(), 6)).toBe(errors.NONE)
  })

  test('of an older partition epoch is dropped', () => {
    const [at] = run(leader(), assigned({ leader: 2, leaderEpoch: 6, partitionEpoch: 6 }))
    expect(at.value).toEqual({ leader: 'isrCommitted' })
  })

  test('works from leader epoch 0 on (KAFKA-10432)', () => {
    const [at] = run(offline(), assigned({ leaderEpoch: 0, partitionEpoch: 0 }))
    expect(roleOf(at)).toBe('leader')
  })
})

describe('replica.stopped', () => {
  const stopped = (leaderEpoch: number, deletes: boolean): PartitionReplicaFact => ({
    type: 'replica.stopped',
    leaderEpoch,
    deletes,
  })

  test('puts a follower offline: it stops following', () => {
    const [at, commands] = run(follower(), stopped(5, false))
    expect(at.value).toBe('offline')
    expect(commands).toEqual([
      { type: 'fetcher.unfollow' },
      { type: 'role.announce', role: 'offline', leaderEpoch: 5 },
    ])
  })

  test('puts a leader offline', () => {
    const [at, commands] = run(leader(), stopped(5, false))
    expect(at.value).toBe('offline')
    expect(types(commands)).toEqual(['role.announce'])
    expect(refusal(at, 1)).toBe(errors.NOT_LEADER_OR_FOLLOWER)
  })

  test('deletes the log where it says so', () => {
    const [at, commands] = run(leader(), stopped(-2, true))
    expect(at.value).toBe('deleted')
    expect(at.status).toBe('done')
    expect(types(commands)).toEqual(['log.delete', 'role.announce'])
  })

  test('of an older leader epoch is dropped: the replica was elected anew since (KAFKA-9539)', () => {
    const [at, commands] = run(leader(), stopped(4, true))
    expect(at.value).toEqual({ leader: 'isrCommitted' })
    expect(commands).toEqual([])
    expect(stopReplicaRefusal(leader(), 4)).toBe(errors.FENCED_LEADER_EPOCH)
    for (const leaderEpoch of [-2, -1, 5, 6])
      expect(stopReplicaRefusal(leader(), leaderEpoch)).toBe(errors.NONE)
  })
})

describe('the high watermark of a leader', () => {
  test('rises when the last member of the ISR has fetched beyond it', () => {
    const [at, commands] = run(leader(), appended(12), fetched(2, 12))
    expect(at.context.highWatermark).toBe(10)
    expect(commands).toEqual([])
    const [after, more] = run(at, fetched(3, 11))
    expect(after.context.highWatermark).toBe(11)
    expect(more).toEqual([{ type: 'highWatermark.announce', highWatermark: 11 }])
  })

  test('rises with each append of a leader that is alone', () => {
    const [, commands] = run(leader({ isr: [1], replicas: [1] }), appended(12))
    expect(commands).toEqual([{ type: 'highWatermark.announce', highWatermark: 12 }])
  })

  test('waits for members that have not fetched in this reign', () => {
    const [at] = run(leader(), appended(12), fetched(2, 12))
    expect(at.context.highWatermark).toBe(10)
  })

  test('counts a proposed member at once, and one to be dropped still', () => {
    const [expanding] = run(proposing(), fetched(2, 10), appended(12), fetched(2, 12))
    expect(maximalIsr(expanding.context)).toEqual([1, 2, 3])
    expect(expanding.context.highWatermark).toBe(10)

    const [at] = run(leader(), appended(12), fetched(2, 12), {
      type: 'lag.checked',
      atMs: t0 + 2000 + lagMsMax,
    })
    expect(at.value).toEqual({ leader: { isrProposed: 'unanswered' } })
    expect(at.context.proposedIsr).toEqual([1, 2])
    const [still] = run(at, fetched(2, 12, { atMs: t0 + 2000 + lagMsMax }))
    expect(still.context.highWatermark).toBe(10)
  })

  test('stands still while the ISR is below min.insync.replicas (KAFKA-15583)', () => {
    const [alone] = run(
      offline({ logEndOffset: 10, highWatermark: 10, minIsr: 2 }),
      assigned({ isr: [1], alive: [1] }),
      appended(12),
    )
    expect(alone.context.highWatermark).toBe(10)
    const [, commands] = run(alone, {
      type: 'topicConfig.changed',
      minInSyncReplicas: 1,
      atMs: t0 + 2000,
    })
    expect(commands).toEqual([{ type: 'highWatermark.announce', highWatermark: 12 }])
  })

  test('wants no more members than there are replicas', () => {
    const [at] = run(
      offline({ logEndOffset: 10, highWatermark: 10, minIsr: 2 }),
      assigned({ isr: [1], replicas: [1] }),
      appended(12),
    )
    expect(at.context.highWatermark).toBe(12)
  })

  test('waits for a replica outside the ISR that lives and keeps up', () => {
    const behind = [fetched(2, 10), fetched(3, 9), appended(12), fetched(2, 12), fetched(3, 9)]
    const [at] = run(leader({ isr: [1, 2] }), appended(10), ...behind)
    // 3 has not been at the end in this reign: it is not waited for.
    expect(at.context.highWatermark).toBe(12)

    const keepingUp = [
      fetched(3, 10, { atMs: t0 + 2500 }),
      answered({ isr: [1, 2], partitionEpoch: 8 }),
    ]
    const [waiting] = run(leader({ isr: [1, 2] }), ...keepingUp, appended(12), fetched(2, 12))
    expect(waiting.context.isr).toEqual([1, 2])
    expect(waiting.context.highWatermark).toBe(10)
    const [at2] = run(waiting, { type: 'brokers.changed', alive: [1, 2], atMs: t0 + 3000 })
    expect(at2.context.highWatermark).toBe(12)
  })

  test('never falls', () => {
    const [at] = run(leader(), fetched(2, 10), fetched(3, 10), fetched(3, 4))
    expect(at.context.highWatermark).toBe(10)
  })
})

describe('a fetch of a follower', () => {
  test('at the high watermark and the start of the epoch proposes it for the ISR', () => {
    const [at, commands] = run(leader({ isr: [1, 2] }), fetched(3, 10))
    expect(at.value).toEqual({ leader: { isrProposed: 'unanswered' } })
    expect(commands).toEqual([
      {
        type: 'alterPartition.send',
        proposal: 1,
        isr: [1, 2, 3],
        leaderEpoch: 5,
        partitionEpoch: 7,
      },
    ])
  })

  test('below the high watermark does not', () => {
    const [at] = run(leader({ isr: [1, 2] }), fetched(3, 9))
    expect(at.value).toEqual({ leader: 'isrCommitted' })
  })

  test('below the start of the epoch does not, though the high watermark is behind (KAFKA-7128)', () => {
    const stale = offline({ logEndOffset: 10, highWatermark: 4 })
    const [at] = run(stale, assigned({ isr: [1, 2] }), fetched(3, 9))
    expect(at.value).toEqual({ leader: 'isrCommitted' })
    expect(run(at, fetched(3, 10))[0].value).toEqual({ leader: { isrProposed: 'unanswered' } })
  })

  test('whose broker is not alive does not', () => {
    const [at] = run(leader({ isr: [1, 2], alive: [1, 2] }), fetched(3, 10))
    expect(at.value).toEqual({ leader: 'isrCommitted' })
  })

  test('while another change is under way proposes nothing', () => {
    const [at, commands] = run(
      leader({ isr: [1], replicas: [1, 2, 3] }),
      fetched(2, 10),
      fetched(3, 10),
    )
    expect(at.context.proposedIsr).toEqual([1, 2])
    expect(types(commands)).toEqual(['alterPartition.send'])
  })

  test('of a member that has less than is committed proposes to drop it at once (KAFKA-14139)', () => {
    const [at, commands] = run(leader(), fetched(3, 0))
    expect(at.context.proposedIsr).toEqual([1, 2])
    expect(types(commands)).toEqual(['alterPartition.send'])
  })

  test('of another leader epoch is dropped', () => {
    for (const leaderEpoch of [4, 6]) {
      const [at] = run(leader({ isr: [1, 2] }), fetched(3, 10, { leaderEpoch }))
      expect(at.context.followers[3]?.logEndOffset).toBe(-1)
    }
    const [old] = run(leader(), fetched(3, 10, { leaderEpoch: -1, brokerEpoch: -1 }))
    expect(old.context.followers[3]?.logEndOffset).toBe(10)
  })

  test('of a broker that is no replica is dropped', () => {
    const [at] = run(leader(), fetched(4, 10))
    expect(at.context.followers[4]).toBeUndefined()
    expect(followerRefusal(leader(), 4, 5, -1)).toBe(errors.UNKNOWN_LEADER_EPOCH)
    expect(followerRefusal(leader(), 4, -1, -1)).toBe(errors.NOT_LEADER_OR_FOLLOWER)
  })

  test("of a broker's former life is dropped (KAFKA-15221)", () => {
    const [at] = run(leader(), fetched(3, 10), fetched(3, 5, { brokerEpoch: 99 }))
    expect(at.context.followers[3]?.logEndOffset).toBe(10)
    expect(followerRefusal(at, 3, 5, 99)).toBe(errors.NOT_LEADER_OR_FOLLOWER)
    expect(followerRefusal(at, 3, 5, 100)).toBe(errors.NONE)
  })

  test('counts as caught up as of the fetch before where it has all that the leader had then', () => {
    const [at] = run(
      leader(),
      fetched(3, 10, { atMs: t0 + 2000 }),
      appended(20, t0 + 2500),
      fetched(3, 15, { atMs: t0 + 3000 }),
      appended(30, t0 + 3500),
      fetched(3, 20, { atMs: t0 + 4000 }),
    )
    expect(at.context.followers[3]?.caughtUpAtMs).toBe(t0 + 3000)
    const [slow] = run(at, appended(40, t0 + 4500), fetched(3, 25, { atMs: t0 + 5000 }))
    expect(slow.context.followers[3]?.caughtUpAtMs).toBe(t0 + 3000)
  })

  test('to a replica that does not lead is dropped', () => {
    for (const at of [offline(), follower()])
      expect(run(at, fetched(3, 10))).toEqual([expect.objectContaining({ value: at.value }), []])
  })

  test('is no news while both stay where they were', () => {
    const [at] = run(leader(), fetched(3, 10, { atMs: t0 + 2000 }))
    const again = { from: 3, logEndOffset: 10, logStartOffset: 0, brokerEpoch: 100 }
    expect(isNews(at, again)).toBe(false)
    expect(isNews(at, { ...again, logEndOffset: 9 })).toBe(true)
    expect(isNews(at, { ...again, logStartOffset: 2 })).toBe(true)
    expect(isNews(at, { ...again, brokerEpoch: 101 })).toBe(true)
    expect(isNews(at, { ...again, from: 4 })).toBe(true)
    expect(isNews(run(at, appended(11))[0], again)).toBe(true)
    expect(isNews(proposing(), { ...again, brokerEpoch: 100 })).toBe(true)
  })
})

test('a follower is a newcomer until its first fetch in a reign', () => {
  const at = leader()
  expect(isNewcomer(at, 3)).toBe(true)
  const [known] = run(at, fetched(3, 10))
  expect(isNewcomer(known, 3)).toBe(false)
  const [confirmed] = run(known, assigned({ leaderEpoch: 6 }))
  expect(isNewcomer(confirmed, 3)).toBe(true)
  const again = { from: 3, logEndOffset: 10, logStartOffset: 0, brokerEpoch: 100 }
  expect(isNews(confirmed, again)).toBe(true)
})

describe('lag.checked', () => {
  test('proposes to drop who has not been at the end for the lag time', () => {
    const [at] = run(leader(), fetched(2, 10, { atMs: t0 + 2000 }), appended(12, t0 + 2000))
    expect(isLagging(at, t0 + 1000 + lagMsMax)).toBe(false)
    const [same, none] = run(at, { type: 'lag.checked', atMs: t0 + 1000 + lagMsMax })
    expect(same.value).toEqual({ leader: 'isrCommitted' })
    expect(none).toEqual([])

    expect(isLagging(at, t0 + 1001 + lagMsMax)).toBe(true)
    const [after, commands] = run(at, { type: 'lag.checked', atMs: t0 + 1001 + lagMsMax })
    expect(after.value).toEqual({ leader: { isrProposed: 'unanswered' } })
    expect(commands).toMatchObject([{ type: 'alterPartition.send', isr: [1, 2] }])
  })

  test('never drops who is at the end of an idle log (KAFKA-4485)', () => {
    const [at] = run(leader(), fetched(2, 10), fetched(3, 10))
    expect(isLagging(at, t0 + 2000 + 10 * lagMsMax)).toBe(false)
  })

  test('while a change is under way is dropped', () => {
    const [at, commands] = run(proposing(), { type: 'lag.checked', atMs: t0 + 10 * lagMsMax })
    expect(at.value).toEqual({ leader: { isrProposed: 'unanswered' } })
    expect(commands).toEqual([])
    expect(isLagging(proposing(), t0 + 10 * lagMsMax)).toBe(false)
  })

  test('at a replica that does not lead is dropped', () => {
    const [, commands] = run(follower(), { type: 'lag.checked', atMs: t0 + 10 * lagMsMax })
    expect(commands).toEqual([])
  })
})

describe('alterPartition.answered', () => {
  test('with success commits the ISR and its partition epoch', () => {
    const [at, commands] = run(proposing(), answered({}))
    expect(at.value).toEqual({ leader: 'isrCommitted' })
    expect(at.context).toMatchObject({ isr: [1, 2, 3], partitionEpoch: 8, proposedIsr: null })
    expect(commands).toEqual([{ type: 'isr.announce', isr: [1, 2, 3] }])
  })

  test('with success of what was so already commits too (KAFKA-12751)', () => {
    const [at] = run(proposing(), answered({ partitionEpoch: 7 }))
    expect(at.value).toEqual({ leader: 'isrCommitted' })
  })

  test('that drops a laggard lets the high watermark rise at once (KAFKA-13091)', () => {
    const [at] = run(leader(), appended(12), fetched(2, 12), {
      type: 'lag.checked',
      atMs: t0 + 2000 + lagMsMax,
    })
    const [after, commands] = run(at, answered({ isr: [1, 2], atMs: t0 + 2001 + lagMsMax }))
    expect(after.context.highWatermark).toBe(12)
    expect(types(commands)).toEqual(['isr.announce', 'highWatermark.announce'])
  })

  test.each(['OPERATION_NOT_ATTEMPTED', 'INELIGIBLE_REPLICA'] as const)(
    'with %s goes back to the committed ISR',
    name => {
      const [at, commands] = run(proposing(), answered({ errorCode: errors[name] }))
      expect(at.value).toEqual({ leader: 'isrCommitted' })
      expect(at.context).toMatchObject({ isr: [1, 2], partitionEpoch: 7, proposedIsr: null })
      expect(commands).toEqual([])
    },
  )

  test.each([
    'INVALID_UPDATE_VERSION',
    'FENCED_LEADER_EPOCH',
    'UNKNOWN_TOPIC_OR_PARTITION',
    'UNKNOWN_TOPIC_ID',
    'INVALID_REQUEST',
    'NEW_LEADER_ELECTED',
  ] as const)('with %s waits for the controller, both sets counting', name => {
    const [at, commands] = run(proposing(), answered({ errorCode: errors[name] }))
    expect(at.value).toEqual({ leader: { isrProposed: 'outdated' } })
    expect(maximalIsr(at.context)).toEqual([1, 2, 3])
    expect(commands).toEqual([])
    expect(run(at, assigned({ leaderEpoch: 6 }))[0].value).toEqual({ leader: 'isrCommitted' })
  })

  test('with a later leader epoch waits for the controller', () => {
    const [at] = run(proposing(), answered({ leaderEpoch: 6 }))
    expect(at.value).toEqual({ leader: { isrProposed: 'outdated' } })
  })

  test('with any other error asks again after a pause', () => {
    const [at, none] = run(proposing(), answered({ errorCode: errors.NOT_CONTROLLER }))
    expect(at.value).toEqual({ leader: { isrProposed: 'postponed' } })
    expect(none).toEqual([])
    const [again, commands] = elapse(partitionReplicaMachine, at, 'alterPartitionBackoff')
    expect(again.value).toEqual({ leader: { isrProposed: 'unanswered' } })
    expect(commands).toMatchObject([{ type: 'alterPartition.send', proposal: 1, isr: [1, 2, 3] }])
  })

  test('to another proposal is dropped (KAFKA-12686)', () => {
    const [again] = run(proposing(), assigned({ leaderEpoch: 6, isr: [1, 2] }))
    const [at] = run(again, fetched(3, 10, { leaderEpoch: 6 }))
    expect(at.context.proposal).toBe(2)
    expect(run(at, answered({ proposal: 1 }))[0].value).toEqual(at.value)
  })

  test('to one who proposes nothing any more is dropped', () => {
    for (const at of [leader(), follower(), offline()])
      expect(run(at, answered({}))).toEqual([expect.objectContaining({ value: at.value }), []])
  })
})

describe('a follower', () => {
  test('is caught up when it has what its leader has committed', () => {
    const [at, commands] = run(follower(), learned(10))
    expect(at.value).toEqual({ follower: 'caughtUp' })
    expect(commands).toEqual([{ type: 'highWatermark.announce', highWatermark: 10 }])
  })

  test('fetches on while it lacks some of it: its high watermark is bounded by its own end', () => {
    const [at] = run(follower(), learned(15))
    expect(at.value).toEqual({ follower: 'fetching' })
    expect(at.context.highWatermark).toBe(10)
    const [more] = run(at, appended(15), learned(15))
    expect(more.value).toEqual({ follower: 'caughtUp' })
    expect(more.context.highWatermark).toBe(15)
    expect(run(more, learned(20))[0].value).toEqual({ follower: 'fetching' })
  })

  test('does not let its high watermark fall', () => {
    expect(run(follower(), learned(5))[0].context.highWatermark).toBe(8)
  })

  test('hears nothing of a former leader', () => {
    const before = follower()
    for (const fact of [
      learned(10, 4),
      { type: 'divergence.found', leaderEpoch: 4, endOffset: 9 } as const,
      { type: 'gap.found', leaderEpoch: 4, startOffset: 20 } as const,
    ])
      expect(run(before, fact)).toEqual([expect.objectContaining({ value: before.value }), []])
  })

  test('cuts its log where it diverges, and its high watermark with it', () => {
    const [caughtUp] = run(follower(), learned(10))
    const [at, commands] = run(caughtUp, {
      type: 'divergence.found',
      leaderEpoch: 5,
      endOffset: 9,
    })
    expect(at.value).toEqual({ follower: 'truncating' })
    expect(commands).toEqual([{ type: 'log.truncate', leaderEpoch: 5, endOffset: 9 }])
    const [cut] = run(at, { type: 'log.truncated', logStartOffset: 0, logEndOffset: 9 })
    expect(cut.context).toMatchObject({ logEndOffset: 9, highWatermark: 9 })
    const [, told] = run(cut, appended(10), learned(10))
    expect(told).toEqual([{ type: 'highWatermark.announce', highWatermark: 10 }])
  })

  test('drops its log where the leader begins beyond it: the high watermark follows (KAFKA-9491)', () => {
    const [at, commands] = run(follower(), { type: 'gap.found', leaderEpoch: 5, startOffset: 50 })
    expect(commands).toEqual([{ type: 'log.restart', leaderEpoch: 5, startOffset: 50 }])
    const [, told] = run(at, { type: 'log.truncated', logStartOffset: 50, logEndOffset: 50 })
    expect(told).toEqual([{ type: 'highWatermark.announce', highWatermark: 50 }])
  })

  test('without a leader hears nothing', () => {
    const [leaderless] = run(offline(), assigned({ leader: -1 }))
    for (const fact of [
      learned(10),
      { type: 'divergence.found', leaderEpoch: 5, endOffset: 9 } as const,
      { type: 'gap.found', leaderEpoch: 5, startOffset: 20 } as const,
    ])
      expect(run(leaderless, fact)).toEqual([
        expect.objectContaining({ value: { follower: 'leaderless' } }),
        [],
      ])
  })
})

describe('disk.failed', () => {
  const diskFailed: PartitionReplicaFact = { type: 'disk.failed' }

  test('ends the work of a leader, a follower and an idle replica alike', () => {
    expect(run(leader(), diskFailed)).toEqual([
      expect.objectContaining({ value: 'failed' }),
      [{ type: 'role.announce', role: 'offline', leaderEpoch: 5 }],
    ])
    const [, commands] = run(follower(), diskFailed)
    expect(types(commands)).toEqual(['fetcher.unfollow', 'role.announce'])
    expect(run(offline(), diskFailed)[0].value).toBe('failed')
  })

  test('is for good: no order of the controller wakes or removes the replica', () => {
    const [at] = run(leader(), diskFailed)
    for (const fact of [
      assigned({ leaderEpoch: 6 }),
      { type: 'replica.stopped', leaderEpoch: -2, deletes: true } as const,
      diskFailed,
      fetched(2, 10),
      appended(11),
    ])
      expect(run(at, fact)).toEqual([expect.objectContaining({ value: 'failed' }), []])
  })

  test('whoever asks is told what it is', () => {
    const [at] = run(leader(), appended(12), diskFailed)
    expect([
      assignmentRefusal(at, 6),
      stopReplicaRefusal(at, -2),
      refusal(at, 1),
      acknowledgement(at, 12),
      readRefusal(at, 5, true),
    ]).toEqual(Array(5).fill(errors.KAFKA_STORAGE_ERROR))
  })
})

test('what followers mind is dropped by a leader and by a replica that is offline', () => {
  for (const at of [leader(), offline()])
    for (const fact of [
      learned(20),
      { type: 'divergence.found', leaderEpoch: 5, endOffset: 9 } as const,
      { type: 'gap.found', leaderEpoch: 5, startOffset: 20 } as const,
    ])
      expect(run(at, fact)).toEqual([expect.objectContaining({ value: at.value }), []])
})

test('a fact that the chart does not know is refused', () => {
  expect(() => step(partitionReplicaMachine, offline(), { type: 'pigs.flew' } as never)).toThrow(
    RefusedFact,
  )
})

describe('what readers ask', () => {
  test('a produce is refused where this is not the leader, or with acks=all too few are in sync', () => {
    expect(refusal(leader(), -1)).toBe(errors.NONE)
    expect(refusal(follower(), 1)).toBe(errors.NOT_LEADER_OR_FOLLOWER)
    const [alone] = run(offline({ minIsr: 2 }), assigned({ isr: [1] }))
    expect(refusal(alone, -1)).toBe(errors.NOT_ENOUGH_REPLICAS)
    expect(refusal(alone, 1)).toBe(errors.NONE)
  })

  test('a produce with acks=all is answered when the high watermark is beyond it', () => {
    const [at] = run(leader(), appended(12), fetched(2, 12))
    expect(acknowledgement(at, 12)).toBeNull()
    const [done] = run(at, fetched(3, 12))
    expect(acknowledgement(done, 12)).toBe(errors.NONE)
    expect(acknowledgement(follower(), 12)).toBe(errors.NOT_LEADER_OR_FOLLOWER)
    const [strict] = run(done, { type: 'topicConfig.changed', minInSyncReplicas: 3, atMs: 0 })
    const [shrunk] = run(strict, appended(13), {
      type: 'lag.checked',
      atMs: t0 + 2 * lagMsMax,
    })
    const [after] = run(shrunk, answered({ isr: [1], proposal: 1 }))
    expect(acknowledgement(after, 12)).toBe(errors.NOT_ENOUGH_REPLICAS_AFTER_APPEND)
  })

  test('a read is fenced by leader epoch, then by role', () => {
    expect(readRefusal(leader(), 4, true)).toBe(errors.FENCED_LEADER_EPOCH)
    expect(readRefusal(leader(), 6, true)).toBe(errors.UNKNOWN_LEADER_EPOCH)
    expect(readRefusal(leader(), -1, true)).toBe(errors.NONE)
    expect(readRefusal(follower(), 5, true)).toBe(errors.NOT_LEADER_OR_FOLLOWER)
    expect(readRefusal(follower(), 5, false)).toBe(errors.NONE)
    expect(readRefusal(offline(), -1, false)).toBe(errors.NOT_LEADER_OR_FOLLOWER)
  })

  test('followers read everything, consumers what is committed', () => {
    const [at] = run(leader(), appended(12))
    expect(readableUpTo(at, 'everything')).toBe(12)
    expect(readableUpTo(at, 'committed')).toBe(10)
  })

  test('the low watermark is the least start of the logs of all that live', () => {
    expect(lowWatermark(leader(), 4)).toBe(-1)
    const [at] = run(leader(), fetched(2, 10, { logStartOffset: 3 }), fetched(3, 10))
    expect(lowWatermark(at, 4)).toBe(0)
    const [without] = run(at, { type: 'brokers.changed', alive: [1, 2], atMs: t0 + 3000 })
    expect(lowWatermark(without, 4)).toBe(3)
    const [moved] = run(without, fetched(2, 10, { logStartOffset: 6 }))
    expect(lowWatermark(moved, 4)).toBe(4)
  })

  test('a new leader does not know the end while its high watermark is before its epoch (KIP-207)', () => {
    const [at] = run(offline({ logEndOffset: 10, highWatermark: 4 }), assigned())
    expect(isEndUnknown(at)).toBe(true)
    expect(isEndUnknown(run(at, fetched(2, 10), fetched(3, 10))[0])).toBe(false)
  })

  test('an append of a leader is wanted while it is followed', () => {
    expect(follows(follower(), 5)).toBe(true)
    expect(follows(follower(), 4)).toBe(false)
    expect(follows(leader(), 5)).toBe(false)
  })
})
