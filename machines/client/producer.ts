/**
 * A producer: who it is for the brokers, and how long it lives.
 *
 *   starting ─▶ identifying { asking ◀─▶ backingOff } ─▶ ready ──gap found──▶ ready, one epoch on (or identifying anew)
 *      └── without idempotence ───────────────────────────▲
 *   identifying | ready ──fenced, not allowed──▶ failed          any ──batches.settled──▶ closed
 *
 * An idempotent producer has an id and an epoch from the brokers; under them each partition counts its records
 * (partition-sender.ts). Where a partition must leave a gap in its count, because a batch was given up, the whole producer takes the next
 * epoch, in which counts begin at 0 again: the brokers refuse then what may still be under way of the old one (KIP-360). It may
 * do so by itself, since nobody shares its id. After Kafka's TransactionManager (without transactions) and Sender.
 */
import { assertEvent, assign, emit, type SnapshotFrom, setup } from 'xstate'
import { refuse } from '../../src/assert.ts'
import { type ErrorCode, errors, isRetriable } from '../../src/error.ts'

export interface ProducerInput {
  /** `enable.idempotence`. */
  readonly isIdempotent: boolean
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
}

export interface ProducerContext extends ProducerInput {
  /** −1: none. */
  readonly producerId: number
  readonly producerEpoch: number
  /** Refusals of an id in a row. */
  readonly failures: number
  /** Why it failed; 0 while it did not. */
  readonly errorCode: ErrorCode
}

export type ProducerFact =
  | { type: 'producerId.acquired'; producerId: number; producerEpoch: number }
  | { type: 'producerId.refused'; errorCode: ErrorCode }
  /** A partition gave a batch up, or its leader has forgotten the count. `producerEpoch`: under which. */
  | { type: 'gap.found'; producerEpoch: number }
  /** A broker refused a batch for who sent it. */
  | { type: 'fencing.received'; errorCode: ErrorCode }
  | { type: 'close.requested' }
  /** After close.requested: nothing waits for an answer any more. */
  | { type: 'batches.settled' }

export type ProducerCommand =
  | { type: 'producerId.acquire' }
  /** To all partitions: count under this id and epoch from now on. */
  | { type: 'identity.announce'; producerId: number; producerEpoch: number }
  /** To all partitions and the owner: nothing will be sent any more. */
  | { type: 'failure.announce'; errorCode: ErrorCode }
  | { type: 'batches.flush' }
  | { type: 'producer.close' }

/** Epochs are int16; the last one is kept back, as brokers take it for used up. */
const epochMax = 32_766

export const producerMachine = setup({
  types: {
    input: {} as ProducerInput,
    context: {} as ProducerContext,
    events: {} as ProducerFact,
    emitted: {} as ProducerCommand,
  },
  delays: {
    retryBackoff: ({ context }) =>
      Math.min(context.retryBackoffMaxMs, context.retryBackoffMs * 2 ** (context.failures - 1)),
  },
  actions: {
    refuse,
    acquireProducerId: emit({ type: 'producerId.acquire' }),
    announceIdentity: emit(({ context }) => ({
      type: 'identity.announce',
      producerId: context.producerId,
      producerEpoch: context.producerEpoch,
    })),
    announceFailure: emit(({ context }) => ({
      type: 'failure.announce',
      errorCode: context.errorCode,
    })),
    flushBatches: emit({ type: 'batches.flush' }),
    close: emit({ type: 'producer.close' }),
    keepIdentity: assign(({ event }) => {
      assertEvent(event, 'producerId.acquired')
      return { producerId: event.producerId, producerEpoch: event.producerEpoch, failures: 0 }
    }),
    forgetIdentity: assign({ producerId: -1, producerEpoch: -1 }),
    bumpEpoch: assign({ producerEpoch: ({ context }) => context.producerEpoch + 1 }),
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    keepError: assign(({ event }) => {
      assertEvent(event, ['producerId.refused', 'fencing.received'])
      return { errorCode: event.errorCode }
    }),
  },
  guards: {
    isIdempotent: ({ context }) => context.isIdempotent,
    mayHelpToRetry: ({ event }) => {
      assertEvent(event, 'producerId.refused')
      return isRetriable(event.errorCode)
    },
    isOfFormerEpoch: ({ context, event }) => {
      assertEvent(event, 'gap.found')
      return event.producerEpoch !== context.producerEpoch
    },
    hasEpochsLeft: ({ context }) => context.producerEpoch < epochMax,
  },
}).createMachine({
  id: 'producer',
  description: 'A producer: its identity and its life (TransactionManager, Sender).',
  context: ({ input }) => ({
    ...input,
    producerId: -1,
    producerEpoch: -1,
    failures: 0,
    errorCode: errors.NONE,
  }),
  initial: 'starting',
  on: {
    'close.requested': { actions: 'flushBatches' },
    'batches.settled': '.closed',
    '*': { actions: 'refuse' },
  },
  states: {
    starting: {
      description: 'Only idempotence needs an id (ProducerConfig: enable.idempotence).',
      always: [{ guard: 'isIdempotent', target: 'identifying' }, { target: 'ready' }],
    },
    identifying: {
      description: 'No batch leaves before it has an id (TransactionManager: INITIALIZING).',
      initial: 'asking',
      on: {
        // The identity on its way cures that too.
        'gap.found': {},
        'fencing.received': { target: 'failed', actions: 'keepError' },
      },
      states: {
        asking: {
          description: 'InitProducerId is under way, to any broker.',
          entry: 'acquireProducerId',
          on: {
            'producerId.acquired': { target: '#producer.ready', actions: 'keepIdentity' },
            'producerId.refused': [
              { guard: 'mayHelpToRetry', target: 'backingOff', actions: 'countFailure' },
              { target: '#producer.failed', actions: 'keepError' },
            ],
          },
        },
        backingOff: {
          description: 'No broker could give one just now.',
          after: { retryBackoff: 'asking' },
        },
      },
    },
    ready: {
      description: 'Batches may leave (TransactionManager: READY).',
      entry: 'announceIdentity',
      on: {
        'gap.found': [
          { guard: 'isOfFormerEpoch' },
          { guard: 'hasEpochsLeft', target: 'ready', reenter: true, actions: 'bumpEpoch' },
          { target: 'identifying', actions: 'forgetIdentity' },
        ],
        'fencing.received': { target: 'failed', actions: 'keepError' },
      },
    },
    failed: {
      description: 'Fenced, or not allowed to write (TransactionManager: FATAL_ERROR).',
      entry: 'announceFailure',
      on: {
        'gap.found': {},
        'fencing.received': {},
      },
    },
    closed: {
      description: 'By its own wish, with every batch answered (KafkaProducer.close).',
      entry: 'close',
      type: 'final',
    },
  },
})

/** Whether batches may leave, as far as the producer's identity goes. */
export const isIdentified = (snapshot: SnapshotFrom<typeof producerMachine>): boolean =>
  snapshot.matches('ready')
