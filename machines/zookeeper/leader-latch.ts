/**
 * One candidate for a leadership that ZooKeeper decides: the recipe of ephemeral sequential nodes.
 *
 *   away ──session.connected──▶ enrolling ──candidate.created──▶ looking ──lowest──▶ leading
 *    ▲                              ▲                              │  ▲                  │ candidate.gone
 *    │ session.suspended            └────────not in the line───────┘  │                  ▼
 *    │ session.expired                                          watching ─▶ waiting   looking
 *    └── enrolling, looking, watching, waiting, leading                 predecessor.gone ─▶ looking
 *
 *   any ──leave.requested──▶ leaving { looking, deleting, away } ──▶ left
 *
 * Candidates stand in a line by the number that ZooKeeper gave their node; the first leads, each other watches only the one in front of
 * it, so that a leader's death wakes one candidate and no herd. A node's name holds a GUID, because a candidate that lost its connection
 * while it enrolled cannot know whether it did: it looks for its GUID. Who has lost its connection leads no more, whatever becomes of its
 * session: nobody could tell it that another does. After ZooKeeper's recipe "Leader Election"; names as Curator's LeaderLatch gives them, so
 * that its candidates stand in the same line.
 */
import { assertEvent, assign, emit, type SnapshotFrom, setup } from 'xstate'
import { refuse } from '../../src/assert.ts'
import { type Candidate, inLine } from '../../src/zookeeper/latch-line.ts'

export interface LeaderLatchInput {
  /** Tells its node from others, also to itself; random. */
  readonly guid: string
  /** Whether its session stands on a connection. */
  readonly connected: boolean
}

export interface LeaderLatchContext {
  readonly guid: string
  readonly connected: boolean
  /** Whether a node of its may stand: it asked for one, and its session has not ended since. */
  readonly mayStand: boolean
  /** Its node's name; null before it is known to stand. */
  readonly candidate: string | null
  /** The node in front of its own; null while it is the first, or not in the line. */
  readonly predecessor: string | null
  /** Nodes with its GUID, to be deleted when it leaves. */
  readonly own: readonly string[]
  /** Why it cannot stand: ZooKeeper's name of the error. */
  readonly error: string | null
}

export type LeaderLatchFact =
  | { type: 'session.connected' }
  /** The connection is lost; the session may live. What was under way has failed before. */
  | { type: 'session.suspended' }
  /** The session is over, and its nodes with it. */
  | { type: 'session.expired' }
  | { type: 'candidate.created'; candidate: string }
  | { type: 'candidates.found'; candidates: readonly Candidate[] }
  /** Its own node is there no more. */
  | { type: 'candidate.gone'; candidate: string }
  | { type: 'candidate.deleted'; candidate: string }
  | { type: 'predecessor.found'; predecessor: string }
  /** By a look at it, or by the watch. */
  | { type: 'predecessor.gone'; predecessor: string }
  /** ZooKeeper will have none of it: no permission, for example. */
  | { type: 'request.refused'; error: string }
  /** Nobody knows whether it was carried out: the connection is lost, and `session.suspended` follows. */
  | { type: 'request.lost' }
  | { type: 'leave.requested' }

export type LeaderLatchCommand =
  | { type: 'candidate.create'; guid: string }
  | { type: 'candidates.read' }
  | { type: 'predecessor.watch'; predecessor: string }
  | { type: 'candidate.watch'; candidate: string }
  | { type: 'candidate.delete'; candidate: string }
  | { type: 'leadership.announce'; leads: boolean }

export const leaderLatchMachine = setup({
  types: {
    input: {} as LeaderLatchInput,
    context: {} as LeaderLatchContext,
    events: {} as LeaderLatchFact,
    emitted: {} as LeaderLatchCommand,
  },
  actions: {
    refuse,
    create: emit(({ context }) => ({ type: 'candidate.create', guid: context.guid })),
    read: emit({ type: 'candidates.read' }),
    watchPredecessor: emit(({ context }) => ({
      type: 'predecessor.watch',
      predecessor: context.predecessor as string,
    })),
    watchOwn: emit(({ context }) => ({
      type: 'candidate.watch',
      candidate: context.candidate as string,
    })),
    deleteOwn: emit(({ context }) => ({
      type: 'candidate.delete',
      candidate: context.own[0] as string,
    })),
    announceLeads: emit({ type: 'leadership.announce', leads: true }),
    announceLeadsNot: emit({ type: 'leadership.announce', leads: false }),
    keepCandidate: assign(({ event }) => {
      assertEvent(event, 'candidate.created')
      return { candidate: event.candidate }
    }),
    takePlace: assign(({ context, event }) => {
      assertEvent(event, 'candidates.found')
      const { own, predecessor } = inLine(event.candidates, context.guid)
      return { candidate: own, predecessor }
    }),
    keepOwn: assign(({ context, event }) => {
      assertEvent(event, 'candidates.found')
      return {
        own: event.candidates.filter(({ guid }) => guid === context.guid).map(({ name }) => name),
      }
    }),
    dropOwn: assign(({ context }) => ({ own: context.own.slice(1) })),
    connect: assign({ connected: true }),
    disconnect: assign({ connected: false }),
    begin: assign({ mayStand: true }),
    forgetPlace: assign({ candidate: null, predecessor: null }),
    forgetSession: assign({ mayStand: false, candidate: null, predecessor: null }),
    keepError: assign(({ event }) => {
      assertEvent(event, 'request.refused')
      return { error: event.error }
    }),
  },
  guards: {
    isConnected: ({ context }) => context.connected,
    hasNothing: ({ context }) => !context.mayStand,
    isMissing: ({ context, event }) => {
      assertEvent(event, 'candidates.found')
      return inLine(event.candidates, context.guid).own === null
    },
    isFirst: ({ context, event }) => {
      assertEvent(event, 'candidates.found')
      return inLine(event.candidates, context.guid).predecessor === null
    },
    isItsCandidate: ({ context, event }) => {
      assertEvent(event, 'candidate.gone')
      return event.candidate === context.candidate
    },
    isItsPredecessor: ({ context, event }) => {
      assertEvent(event, ['predecessor.gone', 'predecessor.found'])
      return event.predecessor === context.predecessor
    },
    isLastOwn: ({ context }) => context.own.length <= 1,
    hasOwn: ({ context, event }) => {
      assertEvent(event, 'candidates.found')
      return event.candidates.some(({ guid }) => guid === context.guid)
    },
  },
}).createMachine({
  id: 'leaderLatch',
  description: 'A candidate in the line of a leader election (LeaderLatch of Curator).',
  context: ({ input }) => ({
    ...input,
    mayStand: false,
    candidate: null,
    predecessor: null,
    own: [],
    error: null,
  }),
  initial: 'standing',
  on: { '*': { actions: 'refuse' } },
  states: {
    standing: {
      description: 'It wants to lead.',
      initial: 'beginning',
      on: {
        'session.suspended': { target: '.away', actions: 'disconnect' },
        'session.expired': { target: '.away', actions: ['disconnect', 'forgetSession'] },
        'request.refused': { target: 'failed', actions: 'keepError' },
        // The connection went with it, and the session says so next.
        'request.lost': {},
        // Watches on the same nodes that others of this session have left.
        'predecessor.gone': {},
        'candidate.gone': {},
        'leave.requested': 'leaving',
      },
      states: {
        beginning: {
          description: 'Its session may stand on a connection already.',
          always: [{ guard: 'isConnected', target: 'enrolling' }, { target: 'away' }],
        },
        away: {
          description: 'Without a connection nobody leads: it could not learn that another does.',
          on: {
            // It may have enrolled without knowing it: its GUID tells.
            'session.connected': { target: 'looking', actions: 'connect' },
            'session.suspended': {},
            'session.expired': { actions: 'forgetSession' },
          },
        },
        enrolling: {
          description: 'Its node is being made: ephemeral, with the next number.',
          entry: ['begin', 'create'],
          on: { 'candidate.created': { target: 'looking', actions: 'keepCandidate' } },
        },
        looking: {
          description: 'Who stands in the line, and where is it itself?',
          entry: 'read',
          on: {
            'candidates.found': [
              { guard: 'isMissing', target: 'enrolling', actions: 'forgetPlace' },
              { guard: 'isFirst', target: 'leading', actions: 'takePlace' },
              { target: 'watching', actions: 'takePlace' },
            ],
          },
        },
        watching: {
          description: 'A watch is left at the node in front of it, and at no other: no herd.',
          entry: 'watchPredecessor',
          on: {
            'predecessor.found': [{ guard: 'isItsPredecessor', target: 'waiting' }, {}],
            'predecessor.gone': [{ guard: 'isItsPredecessor', target: 'looking' }, {}],
          },
        },
        waiting: {
          description: 'Somebody in front of it stands.',
          on: { 'predecessor.gone': [{ guard: 'isItsPredecessor', target: 'looking' }, {}] },
        },
        leading: {
          description: 'It is the first, on a connection that is heard: it leads.',
          entry: ['announceLeads', 'watchOwn'],
          exit: 'announceLeadsNot',
          on: { 'candidate.gone': [{ guard: 'isItsCandidate', target: 'looking' }, {}] },
        },
      },
    },
    leaving: {
      description: 'It wants to lead no more: its node goes, and the next one is told.',
      initial: 'beginning',
      on: {
        'session.suspended': { target: '.away', actions: 'disconnect' },
        'session.expired': { target: 'left', actions: 'disconnect' },
        'request.refused': { target: 'failed', actions: 'keepError' },
        'request.lost': {},
        'predecessor.found': {},
        'predecessor.gone': {},
        'candidate.gone': {},
        // What was under way when it changed its mind.
        'candidate.created': {},
        'leave.requested': {},
      },
      states: {
        beginning: {
          description: 'Only over a connection can it say so, if there is anything to say.',
          always: [
            { guard: 'hasNothing', target: '#leaderLatch.left' },
            { guard: 'isConnected', target: 'looking' },
            { target: 'away' },
          ],
        },
        away: {
          description:
            'Its node may still stand: it goes when ZooKeeper is back, or with the session.',
          on: {
            'session.connected': { target: 'looking', actions: 'connect' },
            'session.suspended': {},
          },
        },
        looking: {
          description:
            'Which nodes are its own? More than one, where a creation was lost from sight.',
          entry: 'read',
          on: {
            'candidates.found': [
              { guard: 'hasOwn', target: 'deleting', actions: 'keepOwn' },
              { target: '#leaderLatch.left' },
            ],
          },
        },
        deleting: {
          description: 'One after another they go.',
          entry: 'deleteOwn',
          on: {
            'candidates.found': {},
            'candidate.deleted': [
              { guard: 'isLastOwn', target: '#leaderLatch.left' },
              { target: 'deleting', actions: 'dropOwn', reenter: true },
            ],
          },
        },
      },
    },
    left: {
      description: 'Out of the line, by its own wish.',
      type: 'final',
    },
    failed: {
      description: 'ZooKeeper does not let it stand.',
      type: 'final',
    },
  },
})

/** Whether it leads now. */
export const leads = (snapshot: SnapshotFrom<typeof leaderLatchMachine>): boolean =>
  snapshot.matches({ standing: 'leading' })
