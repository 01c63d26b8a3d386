/**
 * Who is the controller: the election of one broker over all, and its reign.
 *
 *   waiting ─registered─▶ campaigning { looking ─▶ preparing ─▶ claiming ─▶ checking } ◀──────────────────────┐
 *                            │    ▲                                │ won     │ won after all                   │
 *                      found ▼    │ /controller deleted            ▼         ▼                                 │
 *                          standby                         elected { loading ─loaded─▶ active }                │
 *                                                                    │ cannot             │ fenced, deposed    │
 *                                                                    ▼                    ▼                    │
 *                                                               withdrawing ─later─┐   resigning ─reign ended──┤
 *   any ─session expired─▶ expired ─registered─▶ campaigning                       └───────────────────────────┘
 *   any ─shutdown requested─▶ stopped
 *
 * The controller is whoever created the ephemeral `/controller`. Its creation and the increment of `/controller_epoch` are one
 * multi, so that there is no moment with two controllers of one epoch; every write of a reign checks the version of that
 * epoch znode, so a controller that was asleep while another was elected cannot write any more (KAFKA-3083, KAFKA-6082).
 * When its ephemeral is deleted every broker campaigns.
 *
 * What a controller does while it reigns is in `leader-election.ts` and `topic-deletion.ts`: actors that begin with the reign and end
 * with it, so that nothing of an old reign runs under a new session (KAFKA-4447).
 *
 * After Kafka's KafkaController: startup, elect, onControllerFailover, maybeResign, Expire, triggerControllerMove.
 */
import { assertEvent, assign, emit, type SnapshotFrom, setup } from 'xstate'
import { refuse } from '../../src/assert.ts'
import { type BrokerId, noBroker } from '../../src/ids.ts'

export interface ControllerInput {
  readonly brokerId: BrokerId
  /** `auto.leader.rebalance.enable`. */
  readonly rebalances: boolean
  /** `leader.imbalance.check.interval.seconds`, in ms. */
  readonly rebalanceIntervalMs: number
}

export interface ControllerContext extends ControllerInput {
  /** Who is the controller, as last seen; −1: nobody, or not known. */
  readonly controllerId: BrokerId
  /** Of the reign that is claimed or held; −1 before the first. */
  readonly controllerEpoch: number
  /** zkVersion of `/controller_epoch`: what a claim expects, and once it is won the fence of every write. */
  readonly epochZkVersion: number
}

export type ControllerFact =
  /** The broker has its znode, for the first time or again: it may become controller. */
  | { type: 'broker.registered' }
  | { type: 'session.expired' }
  | { type: 'shutdown.requested' }
  /** A watch on `/controller` told. */
  | { type: 'znode.created'; path: string }
  | { type: 'znode.changed'; path: string }
  | { type: 'znode.deleted'; path: string }
  /** `/controller` was read. */
  | { type: 'controller.found'; brokerId: BrokerId }
  | { type: 'controller.missed' }
  | { type: 'controllerEpoch.read'; controllerEpoch: number; zkVersion: number }
  | { type: 'claim.won' }
  /** Another was first, or our own claim had been carried out and its answer was lost. */
  | { type: 'claim.refused' }
  | {
      type: 'claim.checked'
      /** −1: there is no controller. */
      brokerId: BrokerId
      controllerEpoch: number
      zkVersion: number
    }
  | { type: 'cluster.loaded'; brokers: readonly BrokerId[]; topics: number; partitions: number }
  | { type: 'cluster.unloadable'; error: string }
  /** A write of this reign failed the check of the controller epoch. */
  | { type: 'zk.fenced' }
  | { type: 'reign.ended' }

export type ControllerCommand =
  /** Reads `/controller` and leaves a watch, also where it is not there. */
  | { type: 'zk.readController' }
  /** Reads `/controller_epoch`; makes it, with 0, where it is missing. */
  | { type: 'zk.readControllerEpoch' }
  /** One multi: creates `/controller`, writes the epoch at its expected version. */
  | { type: 'zk.createController'; controllerEpoch: number; epochZkVersion: number }
  /** Reads both again. */
  | { type: 'zk.checkClaim' }
  /** Under the fence. */
  | { type: 'zk.deleteController'; epochZkVersion: number }
  | { type: 'cluster.load'; controllerEpoch: number; epochZkVersion: number }
  | { type: 'reign.begin'; controllerEpoch: number; epochZkVersion: number }
  /** Ends all that belongs to the reign, begun or being loaded. */
  | { type: 'reign.end' }
  | { type: 'leaders.rebalance' }

export const controllerMachine = setup({
  types: {
    input: {} as ControllerInput,
    context: {} as ControllerContext,
    events: {} as ControllerFact,
    emitted: {} as ControllerCommand,
  },
  delays: {
    /** KafkaController.onControllerFailover: the first look at the balance of leaders. */
    firstRebalance: 5000,
    rebalanceInterval: ({ context }) => context.rebalanceIntervalMs,
    /** Others get their chance before the one that failed. */
    withdrawal: 1000,
  },
  actions: {
    refuse,
    keepController: assign(({ event }) => {
      assertEvent(event, ['controller.found', 'claim.checked'])
      return { controllerId: event.brokerId }
    }),
    forgetController: assign({ controllerId: noBroker }),
    keepEpoch: assign(({ event }) => {
      assertEvent(event, 'controllerEpoch.read')
      return { controllerEpoch: event.controllerEpoch + 1, epochZkVersion: event.zkVersion }
    }),
    /** The claim's own write raised the version by one. */
    takeOffice: assign(({ context }) => ({
      controllerId: context.brokerId,
      epochZkVersion: context.epochZkVersion + 1,
    })),
    takeOfficeAsChecked: assign(({ event }) => {
      assertEvent(event, 'claim.checked')
      return { controllerId: event.brokerId, epochZkVersion: event.zkVersion }
    }),
    readController: emit({ type: 'zk.readController' }),
    readControllerEpoch: emit({ type: 'zk.readControllerEpoch' }),
    createController: emit(({ context }) => ({
      type: 'zk.createController',
      controllerEpoch: context.controllerEpoch,
      epochZkVersion: context.epochZkVersion,
    })),
    checkClaim: emit({ type: 'zk.checkClaim' }),
    deleteController: emit(({ context }) => ({
      type: 'zk.deleteController',
      epochZkVersion: context.epochZkVersion,
    })),
    loadCluster: emit(({ context }) => ({
      type: 'cluster.load',
      controllerEpoch: context.controllerEpoch,
      epochZkVersion: context.epochZkVersion,
    })),
    beginReign: emit(({ context }) => ({
      type: 'reign.begin',
      controllerEpoch: context.controllerEpoch,
      epochZkVersion: context.epochZkVersion,
    })),
    endReign: emit({ type: 'reign.end' }),
    rebalance: emit({ type: 'leaders.rebalance' }),
  },
  guards: {
    namesMe: ({ context, event }) => {
      assertEvent(event, 'controller.found')
      return event.brokerId === context.brokerId
    },
    isMyClaim: ({ context, event }) => {
      assertEvent(event, 'claim.checked')
      return (
        event.brokerId === context.brokerId && event.controllerEpoch === context.controllerEpoch
      )
    },
    namesNobody: ({ event }) => {
      assertEvent(event, 'claim.checked')
      return event.brokerId === noBroker
    },
    rebalances: ({ context }) => context.rebalances,
  },
}).createMachine({
  id: 'controller',
  description: 'Who is the controller (KafkaController).',
  context: ({ input }) => ({
    ...input,
    controllerId: noBroker,
    controllerEpoch: -1,
    epochZkVersion: -1,
  }),
  initial: 'waiting',
  on: {
    'session.expired': '.expired',
    'shutdown.requested': '.stopped',
    '*': { actions: 'refuse' },
  },
  states: {
    waiting: {
      description: 'The broker is not registered yet.',
      on: { 'broker.registered': 'campaigning', 'session.expired': {} },
    },
    campaigning: {
      description:
        'There may be no controller: who creates the znode is it (KafkaController.elect).',
      initial: 'looking',
      on: {
        // A watch that tells while we look or claim tells nothing that the answer will not.
        'znode.created': {},
        'znode.changed': {},
        'znode.deleted': {},
        // Late, from a reign that has ended.
        'controller.found': {},
        'controller.missed': {},
        'zk.fenced': {},
      },
      states: {
        looking: {
          description: 'Is there one? Leaves a watch before it decides.',
          entry: 'readController',
          on: {
            'controller.found': { target: '#controller.standby', actions: 'keepController' },
            'controller.missed': { target: 'preparing', actions: 'forgetController' },
          },
        },
        preparing: {
          description: 'Which epoch comes next, and over which version it must be written.',
          entry: 'readControllerEpoch',
          on: { 'controllerEpoch.read': { target: 'claiming', actions: 'keepEpoch' } },
        },
        claiming: {
          description:
            'Creates /controller and raises the epoch in one multi (registerControllerAndIncrementControllerEpoch).',
          entry: 'createController',
          on: {
            'claim.won': { target: '#controller.elected', actions: 'takeOffice' },
            'claim.refused': 'checking',
          },
        },
        checking: {
          description:
            'Refused; perhaps because our own claim was carried out and its answer lost.',
          entry: 'checkClaim',
          on: {
            'claim.checked': [
              {
                guard: 'isMyClaim',
                target: '#controller.elected',
                actions: 'takeOfficeAsChecked',
              },
              { guard: 'namesNobody', target: 'looking' },
              { target: '#controller.standby', actions: 'keepController' },
            ],
          },
        },
      },
    },
    standby: {
      description: 'Another broker is the controller; a watch tells when its znode goes.',
      on: {
        'znode.deleted': { target: 'campaigning', actions: 'forgetController' },
        'znode.created': 'campaigning',
        'znode.changed': 'campaigning',
        'controller.found': {},
        'controller.missed': {},
        'zk.fenced': {},
      },
    },
    elected: {
      description: 'It holds the office, until a watch or the fence says otherwise.',
      initial: 'loading',
      on: {
        'controller.found': [
          { guard: 'namesMe' },
          { target: 'resigning', actions: 'keepController' },
        ],
        'controller.missed': 'resigning',
        // Our own creation.
        'znode.created': {},
        'znode.changed': { actions: 'readController' },
        'znode.deleted': 'resigning',
        'zk.fenced': 'resigning',
      },
      states: {
        loading: {
          description:
            'Watches first, then reads all there is (KafkaController.initializeControllerContext).',
          // Our own creation used up the watch on /controller: it is set again before anything else is read.
          entry: ['readController', 'loadCluster'],
          on: { 'cluster.loaded': 'active', 'cluster.unloadable': '#controller.withdrawing' },
        },
        active: {
          description: 'Reigns: leader elections and topic deletions are actors of their own.',
          entry: 'beginReign',
          initial: 'settlingIn',
          states: {
            settlingIn: {
              description: 'Leaders are where the failover left them.',
              after: {
                firstRebalance: [
                  { guard: 'rebalances', target: 'established', actions: 'rebalance' },
                  {},
                ],
              },
            },
            established: {
              description:
                'Looks from time to time whether leaders have strayed (auto.leader.rebalance).',
              after: {
                rebalanceInterval: { target: 'established', reenter: true, actions: 'rebalance' },
              },
            },
          },
        },
      },
    },
    withdrawing: {
      description: 'Elected but unable: gives the office back for others (triggerControllerMove).',
      entry: ['endReign', 'deleteController'],
      after: { withdrawal: 'campaigning' },
      on: {
        'reign.ended': {},
        'controller.found': {},
        'controller.missed': {},
        'znode.created': {},
        'znode.changed': {},
        'znode.deleted': {},
        'zk.fenced': {},
      },
    },
    resigning: {
      description:
        'Deposed: all of the reign ends before the next campaign (onControllerResignation).',
      entry: 'endReign',
      on: {
        'reign.ended': 'campaigning',
        'cluster.loaded': {},
        'cluster.unloadable': {},
        'controller.found': {},
        'controller.missed': {},
        'znode.created': {},
        'znode.changed': {},
        'znode.deleted': {},
        'zk.fenced': {},
      },
    },
    expired: {
      description:
        'The session is over, and with it any reign; a new one begins when the broker is registered again.',
      entry: ['forgetController', 'endReign'],
      on: {
        'broker.registered': 'campaigning',
        'session.expired': {},
        'reign.ended': {},
        // Answers and watches of the old session.
        'cluster.loaded': {},
        'cluster.unloadable': {},
        'controller.found': {},
        'controller.missed': {},
        'controllerEpoch.read': {},
        'claim.won': {},
        'claim.refused': {},
        'claim.checked': {},
        'znode.created': {},
        'znode.changed': {},
        'znode.deleted': {},
        'zk.fenced': {},
      },
    },
    stopped: {
      description:
        'The broker goes; its session takes /controller with it (KafkaController.shutdown).',
      type: 'final',
      entry: 'endReign',
    },
  },
})

type ControllerSnapshot = SnapshotFrom<typeof controllerMachine>

/** It has loaded the cluster and reigns. */
export const reigns = (snapshot: ControllerSnapshot): boolean =>
  snapshot.matches({ elected: 'active' })

/** The epoch of the reign that it holds; −1 for none. */
export const reignEpoch = (snapshot: ControllerSnapshot): number =>
  reigns(snapshot) ? snapshot.context.controllerEpoch : -1
