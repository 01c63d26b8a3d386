/**
 * The reassignment of one partition: its replicas move to other brokers.
 *
 *   weighing ─────────────────────────────all of them in sync──────────────┐
 *     │  ▲                                                                 ▼
 *     │  └─overridden, cancelled─┐                 ┌──leader switched── switching ◀─┐
 *     ▼                          │                 ▼                       │        │ target in sync
 *   adding ──replicas told──▶ catchingUp       removing ──written──▶ completed      │
 *     ▲                          │  ▲ │            │                       │        │
 *     └──a broker started────────┘  │ └────────────┼───────────────────────┼────────┘
 *                                   └──────────────┼──nobody can lead──────┘
 *                                                  └──partition gone──▶ abandoned
 *
 * The topic's znode says where the replicas are to be (`adding_replicas`, `removing_replicas`); when this actor begins that is written. It
 * ends with the reign; the next controller reads the znode and begins again, wherever this one had come to: each step may be done twice.
 *
 * - Adding: the leader epoch rises and every replica hears of the others; those that are new begin to fetch.
 * - Catching up: they are replicas like any other, and the leader takes them into the ISR when they have what it has. The original
 *   replicas stay in the ISR, so what is acknowledged is on both.
 * - Switching: all of the target are in sync, so that any of them may lead. The others leave the ISR in the same write as a leader that
 *   is one of them is replaced.
 * - Removing: their logs are deleted, and only then the znode forgets them.
 *
 * Each step is done by the controller's election chart, ahead of whatever waits there, so that another target is never asked for between
 * switching and removing.
 *
 * After Kafka's KafkaController.onPartitionReassignment (KIP-455).
 */
import { assertEvent, assign, emit, type SnapshotFrom, setup } from 'xstate'
import { refuse } from '../../src/assert.ts'
import { isCaughtUp } from '../../src/controller/reassignment.ts'
import type { BrokerId } from '../../src/ids.ts'

export interface ReassignmentInput {
  readonly topic: string
  readonly partition: number
  /** Where the replicas shall be, the preferred leader first. */
  readonly target: readonly BrokerId[]
  /** The replicas that are none of them. */
  readonly removing: readonly BrokerId[]
  readonly isr: readonly BrokerId[]
}

export interface ReassignmentContext extends ReassignmentInput {}

export type ReassignmentFact =
  /** The steps are done; `isr` as it stands then. */
  | { type: 'replicas.told'; isr: readonly BrokerId[] }
  | { type: 'leader.switched' }
  /** None of the target is there to lead. */
  | { type: 'leader.missed' }
  | { type: 'assignment.written' }
  /** There is no such partition any more. */
  | { type: 'partition.missed' }
  | { type: 'isr.changed'; isr: readonly BrokerId[] }
  | { type: 'brokers.started'; brokers: readonly BrokerId[] }
  /** Another target was asked for, and is written. */
  | {
      type: 'reassignment.overridden'
      target: readonly BrokerId[]
      removing: readonly BrokerId[]
      isr: readonly BrokerId[]
    }
  /** The replicas shall stay where they were before. */
  | {
      type: 'reassignment.cancelled'
      target: readonly BrokerId[]
      removing: readonly BrokerId[]
      isr: readonly BrokerId[]
    }

interface Step {
  topic: string
  partition: number
  target: readonly BrokerId[]
  removing: readonly BrokerId[]
}

export type ReassignmentCommand =
  /** Raise the leader epoch, LeaderAndIsr to all of them. */
  | ({ type: 'replicas.tell' } & Step)
  /** Elect one of the target if another leads, and let the others leave the ISR. */
  | ({ type: 'leader.switch' } & Step)
  /** StopReplica to the others, with their logs; then write the target as all there is. */
  | ({ type: 'replicas.remove' } & Step)
  | { type: 'end.report'; topic: string; partition: number }

const stepOf = ({ topic, partition, target, removing }: ReassignmentContext): Step => ({
  topic,
  partition,
  target,
  removing,
})

export const reassignmentMachine = setup({
  types: {
    input: {} as ReassignmentInput,
    context: {} as ReassignmentContext,
    events: {} as ReassignmentFact,
    emitted: {} as ReassignmentCommand,
  },
  actions: {
    refuse,
    tellReplicas: emit(({ context }) => ({ type: 'replicas.tell', ...stepOf(context) })),
    switchLeader: emit(({ context }) => ({ type: 'leader.switch', ...stepOf(context) })),
    removeReplicas: emit(({ context }) => ({ type: 'replicas.remove', ...stepOf(context) })),
    keepIsr: assign(({ event }) => {
      assertEvent(event, ['replicas.told', 'isr.changed'])
      return { isr: event.isr }
    }),
    keepTarget: assign(({ event }) => {
      assertEvent(event, ['reassignment.overridden', 'reassignment.cancelled'])
      const { target, removing, isr } = event
      return { target, removing, isr }
    }),
    reportEnd: emit(({ context: { topic, partition } }) => ({
      type: 'end.report',
      topic,
      partition,
    })),
  },
  guards: {
    isInSync: ({ context }) => isCaughtUp(context.target, context.isr),
    comesInSync: ({ context, event }) => {
      assertEvent(event, ['replicas.told', 'isr.changed'])
      return isCaughtUp(context.target, event.isr)
    },
    isOfTarget: ({ context, event }) => {
      assertEvent(event, 'brokers.started')
      return event.brokers.some(id => context.target.includes(id))
    },
  },
}).createMachine({
  id: 'reassignment',
  description: 'The replicas of one partition move to other brokers (KIP-455).',
  context: ({ input }) => input,
  initial: 'weighing',
  on: {
    // Wherever nobody waits for it the next answer says the same.
    'isr.changed': {},
    'brokers.started': {},
    'partition.missed': '.abandoned',
    '*': { actions: 'refuse' },
  },
  states: {
    weighing: {
      description: 'Where it stands: a controller before this one may have begun it.',
      always: [{ guard: 'isInSync', target: 'switching' }, { target: 'adding' }],
    },
    adding: {
      description: 'All replicas hear of each other (updateLeaderEpochAndSendRequest; A1, A2).',
      entry: 'tellReplicas',
      on: {
        'replicas.told': [
          { guard: 'comesInSync', target: 'switching', actions: 'keepIsr' },
          { target: 'catchingUp', actions: 'keepIsr' },
        ],
      },
    },
    catchingUp: {
      description: 'Waits until all of the target are in the ISR (isReassignmentComplete).',
      on: {
        'isr.changed': [
          { guard: 'comesInSync', target: 'switching', actions: 'keepIsr' },
          { actions: 'keepIsr' },
        ],
        // It may have been away when the others were told.
        'brokers.started': [{ guard: 'isOfTarget', target: 'adding' }, {}],
        'reassignment.overridden': { target: 'weighing', actions: 'keepTarget' },
        'reassignment.cancelled': { target: 'weighing', actions: 'keepTarget' },
      },
    },
    switching: {
      description:
        'One of the target leads, and they alone are in the ISR (moveReassignedPartitionLeaderIfRequired; B1–B4).',
      entry: 'switchLeader',
      on: {
        'leader.switched': 'removing',
        // All of them are in sync and none is there: as soon as one starts.
        'leader.missed': 'catchingUp',
      },
    },
    removing: {
      description:
        'The others delete their logs, then the znode forgets them (stopRemovedReplicasOfReassignedPartition; B5–B8).',
      entry: 'removeReplicas',
      on: { 'assignment.written': 'completed' },
    },
    completed: {
      description: 'The target is all there is.',
      type: 'final',
      entry: 'reportEnd',
    },
    abandoned: {
      description: 'The topic is no more.',
      type: 'final',
      entry: 'reportEnd',
    },
  },
})

/** Replicas of the target that are not in sync yet. */
export const replicasBehind = ({
  context,
}: SnapshotFrom<typeof reassignmentMachine>): readonly BrokerId[] =>
  context.target.filter(id => !context.isr.includes(id))
