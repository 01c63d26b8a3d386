/**
 * The deletion of one topic.
 *
 *   stopping ──all replicas deleted──▶ erasing ──topic erased──▶ erased
 *     │  ▲                                │
 *     │  └──broker started──┐             └──fenced──▶ abandoned
 *     └──some cannot now──▶ ineligible
 *
 * The znode `/admin/delete_topics/t` is the request. When this actor begins, the topic's partitions are known as deleted to every
 * broker already and its replicas are stopped; now each is told to delete its log. Only when all of them have is the topic
 * erased from ZooKeeper; a replica on a dead broker, or one that fails, halts the deletion until a broker starts: else the
 * broker would come back with a log that belongs to no topic.
 *
 * Its actor ends with the reign; the next controller finds the request and begins again.
 *
 * After Kafka's TopicDeletionManager and the deletion states of ZkReplicaStateMachine.
 */
import { assertEvent, assign, emit, enqueueActions, type SnapshotFrom, setup } from 'xstate'
import { assert, refuse } from '../../src/assert.ts'
import { type ReplicaState, replicaMayBecome } from '../../src/controller/replica-states.ts'
import { type ErrorCode, errors } from '../../src/error.ts'
import type { BrokerId, Uuid } from '../../src/ids.ts'

export interface TopicDeletionInput {
  readonly topic: string
  readonly topicId: Uuid
  readonly replicas: readonly { readonly partition: number; readonly brokerId: BrokerId }[]
  /** Registered brokers. */
  readonly live: readonly BrokerId[]
}

export interface DeletedReplica {
  readonly partition: number
  readonly brokerId: BrokerId
  readonly state: ReplicaState
}

export interface TopicDeletionContext {
  readonly topic: string
  readonly topicId: Uuid
  readonly replicas: readonly DeletedReplica[]
  readonly live: readonly BrokerId[]
}

export type TopicDeletionFact =
  /** A broker answered StopReplica. */
  | {
      type: 'replicas.stopped'
      brokerId: BrokerId
      partitions: readonly { readonly partition: number; readonly errorCode: ErrorCode }[]
    }
  | { type: 'brokers.started'; brokers: readonly BrokerId[] }
  | { type: 'brokers.failed'; brokers: readonly BrokerId[] }
  | { type: 'topic.erased' }
  | { type: 'zk.fenced' }

export type TopicDeletionCommand =
  /** To one broker: stop these replicas whatever their epoch, and delete their logs. */
  | { type: 'replicas.delete'; brokerId: BrokerId; topic: string; partitions: readonly number[] }
  /** All znodes of the topic and the request, under the fence. */
  | { type: 'zk.eraseTopic'; topic: string }
  /** The topic is no more. */
  | { type: 'erasure.report'; topic: string; topicId: Uuid }
  | { type: 'controller.resign' }

/** Moves replicas to a state; a step that Kafka's replica states do not know is a broken invariant. */
function become(
  replicas: readonly DeletedReplica[],
  to: ReplicaState,
  which: (replica: DeletedReplica) => boolean,
): readonly DeletedReplica[] {
  return replicas.map(replica => {
    if (!which(replica)) return replica
    const { partition, brokerId, state } = replica
    assert(replicaMayBecome(state, to), `replica ${partition} on ${brokerId}: ${state} → ${to}`)
    return { ...replica, state: to }
  })
}

/** Every replica that is not deleted yet is told to, or is ineligible because its broker is gone. */
function start(
  replicas: readonly DeletedReplica[],
  live: readonly BrokerId[],
): readonly DeletedReplica[] {
  const again = become(replicas, 'offline', replica => replica.state === 'deletionIneligible')
  const told = become(
    again,
    'deletionStarted',
    ({ state, brokerId }) => state === 'offline' && live.includes(brokerId),
  )
  return become(told, 'deletionIneligible', replica => replica.state === 'offline')
}

/** What a broker answered, by replica: a success, or a reason to wait. A late answer of a former life changes nothing. */
const answered = (
  replicas: readonly DeletedReplica[],
  { brokerId, partitions }: Extract<TopicDeletionFact, { type: 'replicas.stopped' }>,
): readonly DeletedReplica[] =>
  replicas.map(replica => {
    const answer = partitions.find(({ partition }) => partition === replica.partition)
    if (replica.brokerId !== brokerId || replica.state !== 'deletionStarted' || !answer)
      return replica
    return {
      ...replica,
      state: answer.errorCode === errors.NONE ? 'deletionSuccessful' : 'deletionIneligible',
    }
  })

export const topicDeletionMachine = setup({
  types: {
    input: {} as TopicDeletionInput,
    context: {} as TopicDeletionContext,
    events: {} as TopicDeletionFact,
    emitted: {} as TopicDeletionCommand,
  },
  actions: {
    refuse,
    start: assign(({ context }) => ({ replicas: start(context.replicas, context.live) })),
    deleteReplicas: enqueueActions(({ context, enqueue }) => {
      const { topic, replicas } = context
      for (const brokerId of context.live) {
        const partitions = replicas
          .filter(it => it.brokerId === brokerId && it.state === 'deletionStarted')
          .map(({ partition }) => partition)
        if (partitions.length > 0)
          enqueue.emit({ type: 'replicas.delete', brokerId, topic, partitions })
      }
    }),
    keepAnswers: assign(({ context, event }) => {
      assertEvent(event, 'replicas.stopped')
      return { replicas: answered(context.replicas, event) }
    }),
    keepStarted: assign(({ context, event }) => {
      assertEvent(event, 'brokers.started')
      const { live } = context
      return { live: [...live, ...event.brokers.filter(id => !live.includes(id))] }
    }),
    keepFailed: assign(({ context, event }) => {
      assertEvent(event, 'brokers.failed')
      const { brokers } = event
      return {
        live: context.live.filter(id => !brokers.includes(id)),
        replicas: become(
          context.replicas,
          'deletionIneligible',
          ({ state, brokerId }) => state === 'deletionStarted' && brokers.includes(brokerId),
        ),
      }
    }),
    forgetReplicas: assign(({ context }) => ({
      replicas: become(context.replicas, 'nonExistent', () => true),
    })),
    eraseTopic: emit(({ context }) => ({ type: 'zk.eraseTopic', topic: context.topic })),
    reportErasure: emit(({ context }) => ({
      type: 'erasure.report',
      topic: context.topic,
      topicId: context.topicId,
    })),
    resign: emit({ type: 'controller.resign' }),
  },
  guards: {
    allDeleted: ({ context }) =>
      context.replicas.every(({ state }) => state === 'deletionSuccessful'),
    allAnswered: ({ context }) =>
      context.replicas.every(({ state }) => state !== 'deletionStarted'),
  },
}).createMachine({
  id: 'topicDeletion',
  description: 'The deletion of one topic (TopicDeletionManager).',
  context: ({ input: { topic, topicId, replicas, live } }) => ({
    topic,
    topicId,
    live,
    // They were told to stop before this actor began.
    replicas: replicas.map(replica => ({ ...replica, state: 'offline' })),
  }),
  initial: 'stopping',
  on: { '*': { actions: 'refuse' } },
  states: {
    stopping: {
      description: 'Replicas are told to delete their logs (ReplicaDeletionStarted).',
      entry: ['start', 'deleteReplicas'],
      always: [
        { guard: 'allDeleted', target: 'erasing' },
        { guard: 'allAnswered', target: 'ineligible' },
      ],
      on: {
        'replicas.stopped': { actions: 'keepAnswers' },
        'brokers.failed': { actions: 'keepFailed' },
        // Who is waited for is told twice, which does no harm.
        'brokers.started': { target: 'stopping', reenter: true, actions: 'keepStarted' },
      },
    },
    ineligible: {
      description: 'A replica cannot be deleted now (ReplicaDeletionIneligible).',
      on: {
        'brokers.started': { target: 'stopping', actions: 'keepStarted' },
        'brokers.failed': { actions: 'keepFailed' },
        // Late, of a broker that has died since.
        'replicas.stopped': {},
      },
    },
    erasing: {
      description: 'No log is left: its znodes go (completeDeleteTopic).',
      entry: ['forgetReplicas', 'eraseTopic'],
      on: {
        'topic.erased': 'erased',
        'zk.fenced': 'abandoned',
        'brokers.started': {},
        'brokers.failed': {},
        'replicas.stopped': {},
      },
    },
    erased: {
      description: 'The topic is no more; its name may be used again.',
      type: 'final',
      entry: 'reportErasure',
    },
    abandoned: {
      description: 'Another controller has taken over: the request is its now.',
      type: 'final',
      entry: 'resign',
    },
  },
})

/** Replicas whose logs still stand. */
export const replicasLeft = (
  snapshot: SnapshotFrom<typeof topicDeletionMachine>,
): readonly DeletedReplica[] =>
  snapshot.context.replicas.filter(
    ({ state }) => state !== 'deletionSuccessful' && state !== 'nonExistent',
  )
