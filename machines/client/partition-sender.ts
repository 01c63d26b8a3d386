/**
 * How a producer sends to one partition: in order, whatever happens.
 *
 *   idle ◀──────────────▶ sending ──refused, retriable──▶ retrying { draining ─▶ backingOff ─▶ resending | leaderless }
 *    ▲                       │ given up                        │                                 │
 *    └── all settled ────────┴──▶ retrying.draining ──gap──▶ renumbering ──identity.assigned─────┘
 *   any ──producer.failed──▶ failed
 *
 * While all goes well several batches are under way at once. When one is refused the others behind it are refused too, or have
 * been written: all of them are heard first, then sent again one by one, oldest first, each under the sequence
 * number it had. A leader that has a batch already recognizes it by that number (KIP-98).
 *
 * A batch that was refused for good leaves a gap in the sequence, which no leader accepts: the producer takes the next epoch, and
 * what is left begins again at 0. So does a leader that has lost its count: OUT_OF_ORDER_SEQUENCE_NUMBER or UNKNOWN_PRODUCER_ID for
 * the oldest batch. For a later one it only says that an older one is missing still.
 *
 * Of a batch whose time was over nobody knows whether it was written, and those behind it may have been written too: they are sent again
 * under the numbers they had. A leader that takes one has the missing one as well; OUT_OF_ORDER_SEQUENCE_NUMBER says that it has none.
 * Were they renumbered at once, what was written would stand twice (TransactionManager.markSequenceUnresolved).
 *
 * Records stay beside: a batch is a number here. After Kafka's Sender, RecordAccumulator and TxnPartitionMap.
 */
import { assertEvent, assign, emit, type SnapshotFrom, setup } from 'xstate'
import { refuse } from '../../src/assert.ts'
import { type ErrorCode, errors, isRetriable } from '../../src/error.ts'
import { type BrokerId, noBroker, noUuid, type Uuid } from '../../src/ids.ts'

export interface PartitionSenderInput {
  readonly topic: string
  readonly partition: number
  readonly isIdempotent: boolean
  /** `max.in.flight.requests.per.connection`. */
  readonly underWayMax: number
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
}

/** A batch that was sent at least once and is not settled. */
export interface SentBatch {
  readonly batch: number
  readonly recordCount: number
  /** −1 without idempotence. */
  readonly baseSequence: number
  /** A request with it is not answered yet. */
  readonly isUnderWay: boolean
  /** Where it was sent last. */
  readonly leaderId: BrokerId
}

export interface PartitionSenderContext extends PartitionSenderInput {
  /** As the leader was learned with. */
  readonly topicId: Uuid
  /** −1: none is known. */
  readonly leaderId: BrokerId
  readonly leaderEpoch: number
  /** What the producer announced last. */
  readonly announced: { readonly producerId: number; readonly producerEpoch: number }
  /** What this partition counts under. */
  readonly producerId: number
  readonly producerEpoch: number
  readonly nextSequence: number
  /** Oldest first. */
  readonly batches: readonly SentBatch[]
  /** A batch was refused for good, or the leader lost count: the sequence has a gap. */
  readonly hasGap: boolean
  /** A batch was given up of which nobody knows whether it was written. */
  readonly isUnresolved: boolean
  /** Refusals in a row. */
  readonly failures: number
  readonly errorCode: ErrorCode
}

export type PartitionSenderFact =
  /** The accumulator hands a batch over; only while {@link maySend}. */
  | { type: 'batch.drained'; batch: number; recordCount: number }
  | { type: 'batch.acknowledged'; batch: number; baseOffset: number; logAppendTimeMs: number }
  | { type: 'batch.refused'; batch: number; errorCode: ErrorCode }
  /** `delivery.timeout.ms` is over. */
  | { type: 'batch.expired'; batch: number }
  /** One that was too large has become several. */
  | {
      type: 'batch.divided'
      batch: number
      parts: readonly { readonly batch: number; readonly recordCount: number }[]
    }
  /** Another topic id: the topic was deleted and made anew, and its leader epochs began at 0 again. */
  | { type: 'leader.learned'; topicId: Uuid; leaderId: BrokerId; leaderEpoch: number }
  | { type: 'identity.assigned'; producerId: number; producerEpoch: number }
  | { type: 'producer.failed'; errorCode: ErrorCode }

export type PartitionSenderCommand =
  | {
      type: 'batch.send'
      batch: number
      leaderId: BrokerId
      producerId: number
      producerEpoch: number
      baseSequence: number
    }
  | { type: 'batch.complete'; batch: number; baseOffset: number; logAppendTimeMs: number }
  /** Nothing more is tried for these. */
  | { type: 'batches.fail'; batches: readonly number[]; errorCode: ErrorCode }
  | { type: 'batch.divide'; batch: number }
  | { type: 'metadata.refresh' }
  | { type: 'gap.report'; producerEpoch: number }
  | { type: 'fencing.report'; errorCode: ErrorCode }

const fencing: readonly ErrorCode[] = [
  errors.INVALID_PRODUCER_EPOCH,
  errors.PRODUCER_FENCED,
  errors.CLUSTER_AUTHORIZATION_FAILED,
  errors.UNSUPPORTED_VERSION,
]

const lostCount: readonly ErrorCode[] = [
  errors.OUT_OF_ORDER_SEQUENCE_NUMBER,
  errors.UNKNOWN_PRODUCER_ID,
]

/** Sequence numbers are int32 and go on at 0 after the last. */
const sequenceAfter = (sequence: number, recordCount: number): number =>
  (sequence + recordCount) % 2 ** 31

const without = (context: PartitionSenderContext, batch: number): readonly SentBatch[] =>
  context.batches.filter(sent => sent.batch !== batch)

const answered = (context: PartitionSenderContext, batch: number): readonly SentBatch[] =>
  context.batches.map(sent => (sent.batch === batch ? { ...sent, isUnderWay: false } : sent))

/** The batches under new sequence numbers from a first one on, and the number after them. */
function renumbered(
  batches: readonly SentBatch[],
  first: number,
): { readonly batches: readonly SentBatch[]; readonly nextSequence: number } {
  let nextSequence = first
  const numbered = batches.map(sent => {
    const baseSequence = nextSequence
    nextSequence = sequenceAfter(nextSequence, sent.recordCount)
    return { ...sent, baseSequence }
  })
  return { batches: numbered, nextSequence }
}

const sendOf = (context: PartitionSenderContext, { batch, baseSequence }: SentBatch) => ({
  type: 'batch.send' as const,
  batch,
  leaderId: context.leaderId,
  producerId: context.producerId,
  producerEpoch: context.producerEpoch,
  baseSequence,
})

export const partitionSenderMachine = setup({
  types: {
    input: {} as PartitionSenderInput,
    context: {} as PartitionSenderContext,
    events: {} as PartitionSenderFact,
    emitted: {} as PartitionSenderCommand,
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
    keepLeader: assign(({ event }) => {
      assertEvent(event, 'leader.learned')
      const { topicId, leaderId, leaderEpoch } = event
      return { topicId, leaderId, leaderEpoch }
    }),
    keepAnnounced: assign(({ event }) => {
      assertEvent(event, 'identity.assigned')
      const { producerId, producerEpoch } = event
      return { announced: { producerId, producerEpoch } }
    }),
    // Counts begin at 0 under a new identity; under the same one they go on.
    adoptIdentity: assign(({ context }) => {
      const { announced, producerId, producerEpoch } = context
      const isSame =
        announced.producerId === producerId && announced.producerEpoch === producerEpoch
      const settled = { hasGap: false, isUnresolved: false }
      return isSame ? settled : { ...announced, nextSequence: 0, ...settled }
    }),
    renumber: assign(({ context }) => ({
      ...context.announced,
      ...renumbered(context.batches, 0),
      hasGap: false,
      isUnresolved: false,
    })),
    addBatch: assign(({ context, event }) => {
      assertEvent(event, 'batch.drained')
      const { batch, recordCount } = event
      const baseSequence = context.isIdempotent ? context.nextSequence : -1
      const sent = {
        batch,
        recordCount,
        baseSequence,
        isUnderWay: true,
        leaderId: context.leaderId,
      }
      return {
        batches: [...context.batches, sent],
        nextSequence: context.isIdempotent ? sequenceAfter(baseSequence, recordCount) : 0,
      }
    }),
    markOldestUnderWay: assign({
      batches: ({ context }) =>
        context.batches.map((sent, at) =>
          at === 0 ? { ...sent, isUnderWay: true, leaderId: context.leaderId } : sent,
        ),
    }),
    markAnswered: assign(({ context, event }) => {
      assertEvent(event, ['batch.refused'])
      return { batches: answered(context, event.batch) }
    }),
    removeSettled: assign(({ context, event }) => {
      assertEvent(event, ['batch.acknowledged', 'batch.refused'])
      return { batches: without(context, event.batch), failures: 0, isUnresolved: false }
    }),
    removeGivenUp: assign(({ context, event }) => {
      assertEvent(event, 'batch.refused')
      return { batches: without(context, event.batch), hasGap: context.isIdempotent }
    }),
    removeExpired: assign(({ context, event }) => {
      assertEvent(event, 'batch.expired')
      return { batches: without(context, event.batch), isUnresolved: context.isIdempotent }
    }),
    removeAll: assign({ batches: [] }),
    noteGap: assign({ hasGap: true }),
    // The parts take the place and the sequence numbers of the whole.
    divide: assign(({ context, event }) => {
      assertEvent(event, 'batch.divided')
      return {
        batches: context.batches.flatMap(sent => {
          if (sent.batch !== event.batch) return [sent]
          const parts = event.parts.map(part => ({ ...sent, ...part }))
          return context.isIdempotent ? renumbered(parts, sent.baseSequence).batches : parts
        }),
      }
    }),
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    keepError: assign(({ event }) => {
      assertEvent(event, 'producer.failed')
      return { errorCode: event.errorCode }
    }),
    sendDrained: emit(({ context }) => sendOf(context, context.batches.at(-1) as SentBatch)),
    sendOldest: emit(({ context }) => sendOf(context, context.batches[0] as SentBatch)),
    complete: emit(({ event }) => {
      assertEvent(event, 'batch.acknowledged')
      const { batch, baseOffset, logAppendTimeMs } = event
      return { type: 'batch.complete', batch, baseOffset, logAppendTimeMs }
    }),
    // It was written before, so long ago that the leader no longer knows where.
    completeDuplicate: emit(({ event }) => {
      assertEvent(event, 'batch.refused')
      return { type: 'batch.complete', batch: event.batch, baseOffset: -1, logAppendTimeMs: -1 }
    }),
    giveUpRefused: emit(({ event }) => {
      assertEvent(event, 'batch.refused')
      return { type: 'batches.fail', batches: [event.batch], errorCode: event.errorCode }
    }),
    giveUpExpired: emit(({ event }) => {
      assertEvent(event, 'batch.expired')
      return { type: 'batches.fail', batches: [event.batch], errorCode: errors.REQUEST_TIMED_OUT }
    }),
    giveUpDrained: emit(({ context, event }) => {
      assertEvent(event, 'batch.drained')
      return { type: 'batches.fail', batches: [event.batch], errorCode: context.errorCode }
    }),
    giveUpAll: emit(({ context }) => ({
      type: 'batches.fail',
      batches: context.batches.map(({ batch }) => batch),
      errorCode: context.errorCode,
    })),
    askToDivide: emit(({ event }) => {
      assertEvent(event, 'batch.refused')
      return { type: 'batch.divide', batch: event.batch }
    }),
    refreshMetadata: emit({ type: 'metadata.refresh' }),
    reportGap: emit(({ context }) => ({
      type: 'gap.report',
      producerEpoch: context.producerEpoch,
    })),
    reportFencing: emit(({ event }) => {
      assertEvent(event, 'batch.refused')
      return { type: 'fencing.report', errorCode: event.errorCode }
    }),
  },
  guards: {
    /** It was given up before its answer came. */
    isForgotten: ({ context, event }) =>
      'batch' in event && !context.batches.some(({ batch }) => batch === event.batch),
    isFencing: ({ context, event }) => {
      assertEvent(event, 'batch.refused')
      return context.isIdempotent && fencing.includes(event.errorCode)
    },
    isDuplicate: ({ event }) => {
      assertEvent(event, 'batch.refused')
      return event.errorCode === errors.DUPLICATE_SEQUENCE_NUMBER
    },
    /** The leader's count and ours differ, and no older batch can be the reason. */
    isLostCount: ({ context, event }) => {
      assertEvent(event, 'batch.refused')
      return (
        context.isIdempotent &&
        lostCount.includes(event.errorCode) &&
        context.batches[0]?.batch === event.batch &&
        !context.hasGap
      )
    },
    /** An older batch is missing still, or the count begins anew in any case. */
    isOutOfOrder: ({ context, event }) => {
      assertEvent(event, 'batch.refused')
      return context.isIdempotent && lostCount.includes(event.errorCode)
    },
    isDivisible: ({ context, event }) => {
      assertEvent(event, 'batch.refused')
      const sent = context.batches.find(({ batch }) => batch === event.batch)
      return event.errorCode === errors.MESSAGE_TOO_LARGE && (sent?.recordCount ?? 0) > 1
    },
    mayHelpToRetry: ({ event }) => {
      assertEvent(event, 'batch.refused')
      return isRetriable(event.errorCode)
    },
    isIdempotent: ({ context }) => context.isIdempotent,
    isOlderLeader: ({ context, event }) => {
      assertEvent(event, 'leader.learned')
      return event.topicId === context.topicId && event.leaderEpoch < context.leaderEpoch
    },
    isNewLeader: ({ context, event }) => {
      assertEvent(event, 'leader.learned')
      return (
        event.leaderId !== noBroker &&
        (event.leaderId !== context.leaderId ||
          event.topicId !== context.topicId ||
          event.leaderEpoch > context.leaderEpoch)
      )
    },
    isSomeLeader: ({ event }) => {
      assertEvent(event, 'leader.learned')
      return event.leaderId !== noBroker
    },
    isNextIdentity: ({ context, event }) => {
      assertEvent(event, 'identity.assigned')
      return (
        event.producerId !== context.producerId || event.producerEpoch !== context.producerEpoch
      )
    },
    isEmpty: ({ context }) => context.batches.length === 0,
    isSettled: ({ context }) =>
      context.batches.length === 0 && !context.hasGap && !context.isUnresolved,
    someUnderWay: ({ context }) => context.batches.some(({ isUnderWay }) => isUnderWay),
    /** Nothing is left that could tell whether what was given up was written. */
    mustRenumber: ({ context }) =>
      context.hasGap || (context.isUnresolved && context.batches.length === 0),
    /** The producer has moved on already, for another partition's sake. */
    hasNextIdentity: ({ context }) =>
      context.announced.producerId !== context.producerId ||
      context.announced.producerEpoch !== context.producerEpoch,
    isLeaderless: ({ context }) => context.leaderId === noBroker,
  },
}).createMachine({
  id: 'partitionSender',
  description: 'How a producer sends to one partition (Sender, TxnPartitionMap).',
  context: ({ input }) => ({
    ...input,
    topicId: noUuid,
    leaderId: noBroker,
    leaderEpoch: -1,
    announced: { producerId: -1, producerEpoch: -1 },
    producerId: -1,
    producerEpoch: -1,
    nextSequence: 0,
    batches: [],
    hasGap: false,
    isUnresolved: false,
    failures: 0,
    errorCode: errors.NONE,
  }),
  initial: 'idle',
  on: {
    'leader.learned': [{ guard: 'isOlderLeader' }, { actions: 'keepLeader' }],
    'identity.assigned': { actions: 'keepAnnounced' },
    'producer.failed': { target: '.failed', actions: 'keepError' },
    'batch.acknowledged': [{ guard: 'isForgotten' }, { actions: 'refuse' }],
    'batch.refused': [{ guard: 'isForgotten' }, { actions: 'refuse' }],
    'batch.expired': [{ guard: 'isForgotten' }, { actions: 'refuse' }],
    'batch.divided': [{ guard: 'isForgotten' }, { actions: 'refuse' }],
    '*': { actions: 'refuse' },
  },
  states: {
    idle: {
      description:
        'Nothing is under way; the latest identity is taken on (maybeUpdateProducerIdAndEpoch).',
      entry: 'adoptIdentity',
      on: {
        'batch.drained': { target: 'sending', actions: ['addBatch', 'sendDrained'] },
        'identity.assigned': { actions: ['keepAnnounced', 'adoptIdentity'] },
      },
    },
    sending: {
      description: 'Several batches are under way at once (max.in.flight.requests.per.connection).',
      on: {
        'batch.drained': { actions: ['addBatch', 'sendDrained'] },
        'batch.acknowledged': [
          { guard: 'isForgotten' },
          { actions: ['removeSettled', 'complete'] },
        ],
        'batch.refused': [
          { guard: 'isForgotten' },
          { guard: 'isFencing', actions: ['markAnswered', 'reportFencing'] },
          { guard: 'isDuplicate', actions: ['removeSettled', 'completeDuplicate'] },
          { guard: 'isLostCount', target: 'retrying', actions: ['markAnswered', 'noteGap'] },
          { guard: 'isOutOfOrder', target: 'retrying', actions: 'markAnswered' },
          { guard: 'isDivisible', target: 'retrying', actions: ['markAnswered', 'askToDivide'] },
          { guard: 'mayHelpToRetry', target: 'retrying', actions: 'markAnswered' },
          {
            guard: 'isIdempotent',
            target: 'retrying',
            actions: ['removeGivenUp', 'giveUpRefused'],
          },
          { actions: ['removeGivenUp', 'giveUpRefused'] },
        ],
        'batch.expired': [
          { guard: 'isForgotten' },
          {
            guard: 'isIdempotent',
            target: 'retrying',
            actions: ['removeExpired', 'giveUpExpired'],
          },
          { actions: ['removeExpired', 'giveUpExpired'] },
        ],
      },
      always: { guard: 'isEmpty', target: 'idle' },
    },
    retrying: {
      description:
        'One at a time and oldest first, until all are settled (shouldStopDrainBatchesForPartition).',
      initial: 'draining',
      entry: ['countFailure', 'refreshMetadata'],
      on: {
        'batch.expired': [
          { guard: 'isForgotten' },
          { target: '.draining', actions: ['removeExpired', 'giveUpExpired'] },
        ],
        'batch.divided': [{ guard: 'isForgotten' }, { actions: 'divide' }],
      },
      states: {
        draining: {
          description: 'The answers to all that is under way are heard first.',
          on: {
            'batch.acknowledged': [
              { guard: 'isForgotten' },
              { actions: ['removeSettled', 'complete'] },
            ],
            'batch.refused': [
              { guard: 'isForgotten' },
              { guard: 'isFencing', actions: ['markAnswered', 'reportFencing'] },
              { guard: 'isDuplicate', actions: ['removeSettled', 'completeDuplicate'] },
              { guard: 'isLostCount', actions: ['markAnswered', 'noteGap'] },
              { guard: 'isOutOfOrder', actions: 'markAnswered' },
              { guard: 'isDivisible', actions: ['markAnswered', 'askToDivide'] },
              { guard: 'mayHelpToRetry', actions: 'markAnswered' },
              { actions: ['removeGivenUp', 'giveUpRefused'] },
            ],
          },
          always: [
            { guard: 'someUnderWay' },
            { guard: 'isSettled', target: '#partitionSender.idle' },
            { guard: 'mustRenumber', target: 'renumbering' },
            { target: 'backingOff' },
          ],
        },
        backingOff: {
          description:
            'A moment for the cluster, or until a new leader is known (retry.backoff.ms).',
          on: {
            'leader.learned': [
              { guard: 'isOlderLeader' },
              { guard: 'isNewLeader', target: 'choosing', actions: 'keepLeader' },
              { actions: 'keepLeader' },
            ],
          },
          after: { retryBackoff: 'choosing' },
          always: { guard: 'isEmpty', target: '#partitionSender.idle' },
        },
        renumbering: {
          description:
            'Waits for the producer’s next epoch (requestIdempotentEpochBumpForPartition, KIP-360).',
          entry: 'reportGap',
          on: {
            'identity.assigned': [
              {
                guard: 'isNextIdentity',
                target: 'backingOff',
                actions: ['keepAnnounced', 'renumber'],
              },
              { actions: 'keepAnnounced' },
            ],
          },
          always: { guard: 'hasNextIdentity', target: 'backingOff', actions: 'renumber' },
        },
        resending: {
          description: 'The oldest batch is under way, under its old sequence number.',
          entry: ['markOldestUnderWay', 'sendOldest'],
          on: {
            'batch.acknowledged': [
              { guard: 'isForgotten' },
              { target: 'choosing', actions: ['removeSettled', 'complete'] },
            ],
            'batch.refused': [
              { guard: 'isForgotten' },
              { guard: 'isFencing', actions: ['markAnswered', 'reportFencing'] },
              {
                guard: 'isDuplicate',
                target: 'choosing',
                actions: ['removeSettled', 'completeDuplicate'],
              },
              {
                guard: 'isLostCount',
                target: '#partitionSender.retrying',
                reenter: true,
                actions: ['markAnswered', 'noteGap'],
              },
              {
                guard: 'isDivisible',
                target: '#partitionSender.retrying',
                reenter: true,
                actions: ['markAnswered', 'askToDivide'],
              },
              {
                guard: 'mayHelpToRetry',
                target: '#partitionSender.retrying',
                reenter: true,
                actions: 'markAnswered',
              },
              { target: 'draining', actions: ['removeGivenUp', 'giveUpRefused'] },
            ],
          },
        },
        choosing: {
          description: 'What comes next: the oldest that is left, if somebody leads the partition.',
          always: [
            { guard: 'isSettled', target: '#partitionSender.idle' },
            { guard: 'mustRenumber', target: 'renumbering' },
            { guard: 'isLeaderless', target: 'leaderless' },
            { target: 'resending' },
          ],
        },
        leaderless: {
          description: 'Nobody leads the partition at present (LEADER_NOT_AVAILABLE).',
          entry: 'refreshMetadata',
          on: {
            'leader.learned': [
              { guard: 'isOlderLeader' },
              { guard: 'isSomeLeader', target: 'resending', actions: 'keepLeader' },
              { actions: 'keepLeader' },
            ],
          },
          after: { retryBackoff: { target: 'leaderless', reenter: true } },
        },
      },
    },
    failed: {
      description: 'The producer is fenced, or not allowed: nothing is sent any more.',
      entry: ['giveUpAll', 'removeAll'],
      on: {
        'batch.drained': { actions: 'giveUpDrained' },
        'producer.failed': {},
      },
    },
  },
})

/** Whether the accumulator may hand over another batch now. */
export function maySend(snapshot: SnapshotFrom<typeof partitionSenderMachine>): boolean {
  if (snapshot.matches('failed')) return true
  const { context } = snapshot
  const { batches, leaderId, isIdempotent, producerId, announced } = context
  if (leaderId === noBroker) return false
  if (snapshot.matches('idle')) return !isIdempotent || producerId >= 0
  // Batches under a former identity, or to a former leader, are heard first.
  return (
    snapshot.matches('sending') &&
    batches.length < context.underWayMax &&
    announced.producerId === producerId &&
    announced.producerEpoch === context.producerEpoch &&
    batches.every(sent => sent.leaderId === leaderId)
  )
}
