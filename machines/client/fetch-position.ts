/**
 * Where a consumer stands in one of its partitions.
 *
 *   reading committed { asking ◀─▶ backingOff } ──▶ choosing ─▶ resetting | validating ─▶ fetching ──refused──▶ pausing ─▶ choosing
 *                                                      ▲  └──▶ leaderless ──┘               │ out of range
 *       seek.requested, a new leader ──────────────────┘                                    └──▶ resetting | adrift
 *
 * Three offsets: what is fetched next, what the application is given next (the position, as Kafka calls it), and
 * what it has acknowledged without a gap, which is what may be committed.
 *
 * After a change of leader the position is checked before anything is read there: the new leader may have lost the end of the log that the
 * old one gave out (KIP-320). A seek begins a new run; what was asked in a former run is not heard.
 *
 * Records stay beside; the chart hears how far they reach. After Kafka's SubscriptionState, OffsetFetcher and FetchCollector.
 */
import { assertEvent, assign, emit, type SnapshotFrom, setup } from 'xstate'
import { refuse } from '../../src/assert.ts'
import { type ErrorCode, errors, isRetriable } from '../../src/error.ts'
import { type BrokerId, noBroker, noUuid, type Uuid } from '../../src/ids.ts'

export interface FetchPositionInput {
  readonly topic: string
  readonly partition: number
  /** It has a group, whose committed offset comes first. */
  readonly hasGroup: boolean
  /** `auto.offset.reset`. */
  readonly autoOffsetReset: 'earliest' | 'latest' | 'none'
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
}

/** A batch the application has. */
export interface DeliveredBatch {
  readonly batch: number
  /** Behind its last record. */
  readonly nextOffset: number
  /** Of its last record. */
  readonly leaderEpoch: number
  readonly isAcknowledged: boolean
}

export interface FetchPositionContext extends FetchPositionInput {
  /** As the leader was learned with. */
  readonly topicId: Uuid
  readonly leaderId: BrokerId
  readonly leaderEpoch: number
  /** Counts seeks and resets. */
  readonly run: number
  /** Where a reset goes. */
  readonly resetTo: 'earliest' | 'latest'
  /** What the application is given next; null while that is not known. */
  readonly position: number | null
  readonly fetchOffset: number
  /** Of the last record before `fetchOffset`; −1 where not known. */
  readonly fetchedEpoch: number
  /** The topic that `fetchedEpoch` is of. */
  readonly fetchedFrom: Uuid
  /** The leader epoch under which `fetchOffset` was last found to be good. */
  readonly validatedEpoch: number
  readonly acknowledged: number | null
  /** Of the last record before `acknowledged`; −1 where not known. */
  readonly acknowledgedEpoch: number
  /** Oldest first, from the first that is not acknowledged on. */
  readonly delivered: readonly DeliveredBatch[]
  readonly isPaused: boolean
  readonly failures: number
}

export type FetchPositionFact =
  /** −1: the group has committed none. */
  | { type: 'committed.read'; run: number; offset: number; leaderEpoch: number }
  | { type: 'committed.refused'; run: number; errorCode: ErrorCode }
  | { type: 'offset.listed'; run: number; offset: number; leaderEpoch: number }
  | { type: 'offset.refused'; run: number; errorCode: ErrorCode }
  /** Where the leader's log ends for the epoch asked about; −1: it does not know that epoch. */
  | { type: 'epoch.checked'; run: number; leaderEpoch: number; endOffset: number }
  | { type: 'epoch.refused'; run: number; errorCode: ErrorCode }
  /** Another topic id: the topic was deleted and made anew, and its leader epochs began at 0 again. */
  | { type: 'leader.learned'; topicId: Uuid; leaderId: BrokerId; leaderEpoch: number }
  /** `recordCount` 0: only markers and the like, which the application never sees. */
  | {
      type: 'records.fetched'
      run: number
      recordCount: number
      nextOffset: number
      leaderEpoch: number
    }
  | { type: 'fetch.refused'; run: number; errorCode: ErrorCode }
  | { type: 'batch.delivered'; batch: number; nextOffset: number; leaderEpoch: number }
  | { type: 'batch.acknowledged'; batch: number }
  | { type: 'seek.requested'; to: number | 'earliest' | 'latest' }
  | { type: 'pause.requested' }
  | { type: 'resume.requested' }

export type PositionedBy = 'committed' | 'reset' | 'seek' | 'truncation'

export type FetchPositionCommand =
  | { type: 'committed.fetch'; run: number }
  | {
      type: 'offset.list'
      run: number
      at: 'earliest' | 'latest'
      leaderId: BrokerId
      leaderEpoch: number
    }
  | {
      type: 'epoch.check'
      run: number
      leaderId: BrokerId
      leaderEpoch: number
      fetchedEpoch: number
    }
  | { type: 'metadata.refresh' }
  | { type: 'position.announce'; offset: number; by: PositionedBy }
  /** Records fetched and not given yet are not wanted any more. */
  | { type: 'records.drop' }
  | {
      type: 'failure.announce'
      reason: 'noOffset' | 'outOfRange' | 'truncated' | 'refused'
      errorCode: ErrorCode
    }

/** Everything begins anew at an offset. */
const placedAt = (context: FetchPositionContext, offset: number, fetchedEpoch: number) => ({
  run: context.run + 1,
  position: offset,
  fetchOffset: offset,
  fetchedEpoch,
  fetchedFrom: context.topicId,
  validatedEpoch: context.leaderEpoch,
  acknowledged: offset,
  acknowledgedEpoch: fetchedEpoch,
  delivered: [],
  failures: 0,
})

/** What is acknowledged without a gap is dealt with. */
function dealtWith(context: FetchPositionContext, delivered: readonly DeliveredBatch[]) {
  const gap = delivered.findIndex(({ isAcknowledged }) => !isAcknowledged)
  const done = gap < 0 ? delivered : delivered.slice(0, gap)
  return {
    delivered: gap < 0 ? [] : delivered.slice(gap),
    acknowledged: done.at(-1)?.nextOffset ?? context.acknowledged,
    acknowledgedEpoch: done.at(-1)?.leaderEpoch ?? context.acknowledgedEpoch,
  }
}

export const fetchPositionMachine = setup({
  types: {
    input: {} as FetchPositionInput,
    context: {} as FetchPositionContext,
    events: {} as FetchPositionFact,
    emitted: {} as FetchPositionCommand,
  },
  delays: {
    retryBackoff: ({ context }) =>
      Math.min(
        context.retryBackoffMaxMs,
        context.retryBackoffMs * 2 ** Math.max(0, context.failures - 1),
      ),
  },
  actions: {
    refuse,
    fetchCommitted: emit(({ context }) => ({ type: 'committed.fetch', run: context.run })),
    listOffset: emit(({ context }) => ({
      type: 'offset.list',
      run: context.run,
      at: context.resetTo,
      leaderId: context.leaderId,
      leaderEpoch: context.leaderEpoch,
    })),
    checkEpoch: emit(({ context }) => ({
      type: 'epoch.check',
      run: context.run,
      leaderId: context.leaderId,
      leaderEpoch: context.leaderEpoch,
      fetchedEpoch: context.fetchedEpoch,
    })),
    refreshMetadata: emit({ type: 'metadata.refresh' }),
    dropRecords: emit({ type: 'records.drop' }),
    announceCommitted: emit(({ context }) => ({
      type: 'position.announce',
      offset: context.position ?? -1,
      by: 'committed',
    })),
    announceReset: emit(({ context }) => ({
      type: 'position.announce',
      offset: context.position ?? -1,
      by: 'reset',
    })),
    announceSought: emit(({ context }) => ({
      type: 'position.announce',
      offset: context.position ?? -1,
      by: 'seek',
    })),
    announceTruncated: emit(({ context }) => ({
      type: 'position.announce',
      offset: context.position ?? -1,
      by: 'truncation',
    })),
    announceNoOffset: emit({
      type: 'failure.announce',
      reason: 'noOffset',
      errorCode: errors.OFFSET_OUT_OF_RANGE,
    }),
    announceOutOfRange: emit({
      type: 'failure.announce',
      reason: 'outOfRange',
      errorCode: errors.OFFSET_OUT_OF_RANGE,
    }),
    announceLossOfLog: emit({
      type: 'failure.announce',
      reason: 'truncated',
      errorCode: errors.OFFSET_OUT_OF_RANGE,
    }),
    announceRefusal: emit(({ event }) => ({
      type: 'failure.announce',
      reason: 'refused',
      errorCode: 'errorCode' in event ? event.errorCode : errors.UNKNOWN_SERVER_ERROR,
    })),
    placeAtCommitted: assign(({ context, event }) => {
      assertEvent(event, 'committed.read')
      // The epoch is the committed record's: an older one than the leader's has to be checked.
      return { ...placedAt(context, event.offset, event.leaderEpoch), validatedEpoch: -1 }
    }),
    placeAtListed: assign(({ context, event }) => {
      assertEvent(event, 'offset.listed')
      return placedAt(context, event.offset, event.leaderEpoch)
    }),
    placeAtSought: assign(({ context, event }) => {
      assertEvent(event, 'seek.requested')
      return placedAt(context, typeof event.to === 'number' ? event.to : 0, -1)
    }),
    placeAtEndOfEpoch: assign(({ context, event }) => {
      assertEvent(event, 'epoch.checked')
      const offset = Math.min(context.position ?? event.endOffset, event.endOffset)
      return placedAt(context, offset, event.leaderEpoch)
    }),
    forgetPosition: assign(({ context }) => ({
      run: context.run + 1,
      position: null,
      acknowledged: null,
      delivered: [],
    })),
    resetBySought: assign(({ event }) => {
      assertEvent(event, 'seek.requested')
      return { resetTo: event.to === 'latest' ? ('latest' as const) : ('earliest' as const) }
    }),
    resetByPolicy: assign({
      resetTo: ({ context }) => (context.autoOffsetReset === 'latest' ? 'latest' : 'earliest'),
    }),
    keepValidated: assign({
      validatedEpoch: ({ context }) => context.leaderEpoch,
      failures: 0,
    }),
    keepLeader: assign(({ event }) => {
      assertEvent(event, 'leader.learned')
      const { topicId, leaderId, leaderEpoch } = event
      return { topicId, leaderId, leaderEpoch }
    }),
    keepFetched: assign(({ context, event }) => {
      assertEvent(event, 'records.fetched')
      const { nextOffset, leaderEpoch, recordCount } = event
      const fetched = {
        fetchOffset: nextOffset,
        fetchedEpoch: Math.max(leaderEpoch, context.fetchedEpoch),
        fetchedFrom: context.topicId,
        failures: 0,
      }
      if (recordCount > 0) return fetched
      // Nothing for the application: it is past that already, once it is done with what came before.
      const passed = { batch: -1, nextOffset, leaderEpoch, isAcknowledged: true }
      return {
        ...fetched,
        position: nextOffset,
        ...dealtWith(context, [...context.delivered, passed]),
      }
    }),
    keepDelivered: assign(({ context, event }) => {
      assertEvent(event, 'batch.delivered')
      const { batch, nextOffset, leaderEpoch } = event
      const one = { batch, nextOffset, leaderEpoch, isAcknowledged: false }
      return { position: nextOffset, delivered: [...context.delivered, one] }
    }),
    keepAcknowledged: assign(({ context, event }) => {
      assertEvent(event, 'batch.acknowledged')
      const { batch } = event
      return dealtWith(
        context,
        context.delivered.map(one =>
          one.batch === batch ? { ...one, isAcknowledged: true } : one,
        ),
      )
    }),
    pause: assign({ isPaused: true }),
    resume: assign({ isPaused: false }),
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
  },
  guards: {
    hasGroup: ({ context }) => context.hasGroup,
    isOfFormerRun: ({ context, event }) => 'run' in event && event.run !== context.run,
    isOlderLeader: ({ context, event }) =>
      event.type === 'leader.learned' &&
      event.topicId === context.topicId &&
      event.leaderEpoch < context.leaderEpoch,
    isSameLeader: ({ context, event }) =>
      event.type === 'leader.learned' &&
      event.topicId === context.topicId &&
      event.leaderEpoch === context.leaderEpoch &&
      event.leaderId === context.leaderId,
    isLeaderless: ({ context }) => context.leaderId === noBroker,
    hasNoPosition: ({ context }) => context.position === null,
    /** The record before the position is of a later leader epoch than the leader we know of. A topic made anew began at 0. */
    isLeaderOutdated: ({ context }) =>
      context.leaderEpoch >= 0 &&
      context.fetchedEpoch > context.leaderEpoch &&
      (context.fetchedFrom === context.topicId || context.fetchedFrom === noUuid),
    /** Another leader than the one under which the position was good. */
    isUnvalidated: ({ context }) =>
      context.leaderEpoch >= 0 &&
      context.fetchedEpoch >= 0 &&
      context.validatedEpoch !== context.leaderEpoch,
    isCommitted: ({ event }) => event.type === 'committed.read' && event.offset >= 0,
    resetsByPolicy: ({ context }) => context.autoOffsetReset !== 'none',
    seeksToOffset: ({ event }) => event.type === 'seek.requested' && typeof event.to === 'number',
    isOutOfRange: ({ event }) =>
      'errorCode' in event && event.errorCode === errors.OFFSET_OUT_OF_RANGE,
    isOutOfRangeAndResets: ({ context, event }) =>
      'errorCode' in event &&
      event.errorCode === errors.OFFSET_OUT_OF_RANGE &&
      context.autoOffsetReset !== 'none',
    /** A damaged batch stays damaged, whatever the table of errors hopes. */
    mayHelpToRetry: ({ event }) =>
      'errorCode' in event &&
      isRetriable(event.errorCode) &&
      event.errorCode !== errors.CORRUPT_MESSAGE,
    /** Brokers before 2.3 do not tell consumers. */
    cannotBeChecked: ({ event }) =>
      'errorCode' in event && event.errorCode === errors.UNSUPPORTED_VERSION,
    isLostAndStays: ({ context, event }) =>
      event.type === 'epoch.checked' &&
      event.endOffset < context.fetchOffset &&
      context.autoOffsetReset === 'none',
    isUnknownEpoch: ({ event }) => event.type === 'epoch.checked' && event.endOffset < 0,
    isTruncated: ({ context, event }) =>
      event.type === 'epoch.checked' && event.endOffset < context.fetchOffset,
    isForgotten: ({ context, event }) =>
      event.type === 'batch.acknowledged' &&
      !context.delivered.some(({ batch }) => batch === event.batch),
  },
}).createMachine({
  id: 'fetchPosition',
  description: 'Where a consumer stands in one partition (SubscriptionState.TopicPartitionState).',
  context: ({ input }) => ({
    ...input,
    topicId: noUuid,
    leaderId: noBroker,
    leaderEpoch: -1,
    run: 0,
    resetTo: input.autoOffsetReset === 'latest' ? 'latest' : 'earliest',
    position: null,
    fetchOffset: 0,
    fetchedEpoch: -1,
    fetchedFrom: noUuid,
    validatedEpoch: -1,
    acknowledged: null,
    acknowledgedEpoch: -1,
    delivered: [],
    isPaused: false,
    failures: 0,
  }),
  initial: 'starting',
  on: {
    'leader.learned': [{ guard: 'isOlderLeader' }, { actions: 'keepLeader' }],
    'seek.requested': [
      {
        guard: 'seeksToOffset',
        target: '.choosing',
        actions: ['placeAtSought', 'dropRecords', 'announceSought'],
      },
      {
        target: '.choosing',
        actions: ['forgetPosition', 'resetBySought', 'dropRecords'],
      },
    ],
    'batch.delivered': { actions: 'keepDelivered' },
    'batch.acknowledged': [{ guard: 'isForgotten' }, { actions: 'keepAcknowledged' }],
    'pause.requested': { actions: 'pause' },
    'resume.requested': { actions: 'resume' },
    'committed.read': [{ guard: 'isOfFormerRun' }, { actions: 'refuse' }],
    'committed.refused': [{ guard: 'isOfFormerRun' }, { actions: 'refuse' }],
    'offset.listed': [{ guard: 'isOfFormerRun' }, { actions: 'refuse' }],
    'offset.refused': [{ guard: 'isOfFormerRun' }, { actions: 'refuse' }],
    // Asked before the leader changed once more.
    'epoch.checked': {},
    'epoch.refused': {},
    // Also what is on its way when the leader changes is good: it came from one that led.
    'records.fetched': [{ guard: 'isOfFormerRun' }, { actions: 'keepFetched' }],
    'fetch.refused': {},
    '*': { actions: 'refuse' },
  },
  states: {
    starting: {
      description: 'With a committed offset to look for, or without.',
      always: [{ guard: 'hasGroup', target: 'readingCommitted' }, { target: 'choosing' }],
    },
    readingCommitted: {
      description: 'The group knows where it stood (FetchState: INITIALIZING).',
      initial: 'asking',
      states: {
        asking: {
          description: 'OffsetFetch is under way.',
          entry: 'fetchCommitted',
          on: {
            'committed.read': [
              { guard: 'isOfFormerRun' },
              {
                guard: 'isCommitted',
                target: '#fetchPosition.choosing',
                actions: ['placeAtCommitted', 'announceCommitted'],
              },
              { guard: 'resetsByPolicy', target: '#fetchPosition.choosing' },
              { target: '#fetchPosition.adrift', actions: 'announceNoOffset' },
            ],
            'committed.refused': [
              { guard: 'isOfFormerRun' },
              { guard: 'mayHelpToRetry', target: 'backingOff', actions: 'countFailure' },
              { target: '#fetchPosition.adrift', actions: 'announceRefusal' },
            ],
          },
        },
        backingOff: {
          description: 'The coordinator could not say just now.',
          after: { retryBackoff: 'asking' },
        },
      },
    },
    choosing: {
      description: 'What has to be known before it can read on.',
      always: [
        { guard: 'isLeaderless', target: 'leaderless' },
        { guard: 'hasNoPosition', target: 'resetting' },
        // A former leader would say that it never had it (Metadata.updateLastSeenEpochIfNewer).
        { guard: 'isLeaderOutdated', target: 'pausing' },
        { guard: 'isUnvalidated', target: 'validating' },
        { target: 'fetching' },
      ],
    },
    leaderless: {
      description: 'Nobody leads the partition, or it is not known who.',
      entry: 'refreshMetadata',
      on: {
        'leader.learned': [
          { guard: 'isOlderLeader' },
          { guard: 'isSameLeader' },
          { target: 'choosing', actions: 'keepLeader' },
        ],
      },
    },
    resetting: {
      description: 'The leader says where its log begins or ends (FetchState: AWAIT_RESET).',
      entry: 'listOffset',
      on: {
        'offset.listed': [
          { guard: 'isOfFormerRun' },
          { target: 'choosing', actions: ['placeAtListed', 'announceReset'] },
        ],
        'offset.refused': [
          { guard: 'isOfFormerRun' },
          { guard: 'mayHelpToRetry', target: 'pausing', actions: 'countFailure' },
          { target: 'adrift', actions: 'announceRefusal' },
        ],
      },
    },
    validating: {
      description:
        'Has the leader what was read of the one before it (FetchState: AWAIT_VALIDATION)?',
      entry: 'checkEpoch',
      on: {
        'epoch.checked': [
          { guard: 'isOfFormerRun' },
          { guard: 'isLostAndStays', target: 'adrift', actions: 'announceLossOfLog' },
          {
            guard: 'isUnknownEpoch',
            target: 'pausing',
            actions: ['countFailure', 'forgetPosition', 'resetByPolicy', 'dropRecords'],
          },
          {
            guard: 'isTruncated',
            target: 'choosing',
            actions: ['placeAtEndOfEpoch', 'dropRecords', 'announceTruncated'],
          },
          { target: 'choosing', actions: 'keepValidated' },
        ],
        'epoch.refused': [
          { guard: 'isOfFormerRun' },
          { guard: 'cannotBeChecked', target: 'choosing', actions: 'keepValidated' },
          { guard: 'mayHelpToRetry', target: 'pausing', actions: 'countFailure' },
          { target: 'adrift', actions: 'announceRefusal' },
        ],
        'leader.learned': [
          { guard: 'isOlderLeader' },
          { guard: 'isSameLeader' },
          { target: 'choosing', actions: 'keepLeader' },
        ],
      },
    },
    fetching: {
      description: 'It reads (FetchState: FETCHING).',
      on: {
        'fetch.refused': [
          { guard: 'isOfFormerRun' },
          {
            guard: 'isOutOfRangeAndResets',
            target: 'choosing',
            actions: ['forgetPosition', 'resetByPolicy', 'dropRecords'],
          },
          { guard: 'isOutOfRange', target: 'adrift', actions: 'announceOutOfRange' },
          { guard: 'mayHelpToRetry', target: 'pausing', actions: 'countFailure' },
          { target: 'adrift', actions: 'announceRefusal' },
        ],
        'leader.learned': [
          { guard: 'isOlderLeader' },
          { guard: 'isSameLeader' },
          { target: 'choosing', actions: 'keepLeader' },
        ],
      },
    },
    pausing: {
      description: 'The leader refused, or is another: a moment, newer metadata, then again.',
      entry: 'refreshMetadata',
      after: { retryBackoff: 'choosing' },
      on: {
        'leader.learned': [
          { guard: 'isOlderLeader' },
          { guard: 'isSameLeader' },
          { target: 'choosing', actions: 'keepLeader' },
        ],
      },
    },
    adrift: {
      description: 'No offset to read from, or not allowed to: only a seek helps.',
    },
  },
})

type Snapshot = SnapshotFrom<typeof fetchPositionMachine>

/** Whether the leader is to be asked for records; whether there is room for them is another question. */
export const isFetchable = (snapshot: Snapshot): boolean =>
  snapshot.matches('fetching') && !snapshot.context.isPaused

/** Whether the application may be given another batch, with so many unacknowledged ones at most. */
export const mayDeliver = (snapshot: Snapshot, unacknowledgedMax: number): boolean =>
  !snapshot.context.isPaused &&
  snapshot.context.position !== null &&
  snapshot.context.delivered.filter(({ isAcknowledged }) => !isAcknowledged).length <
    unacknowledgedMax
