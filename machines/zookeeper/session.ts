/**
 * A ZooKeeper session as its server sees it.
 *
 *   opening ──txn.committed──▶ open { attached ⇄ detached } ──timeout.reached──▶ expiring ──txn.committed──▶ closed
 *                                │                                                                           ▲
 *                                └──close.requested──▶ closing ──txn.committed──────────────────────────────┘
 *
 * One that a server found in its log when it came back begins in `open.detached`.
 *
 * A session belongs to no connection: losing one does not shorten it, and another may take it over. It is opened and closed by
 * transactions, so that its ephemerals vanish at one zxid. How long it was silent is counted outside (ExpiryQueue), since every
 * request touches it. After ZooKeeper's SessionTrackerImpl and ZooKeeperServer.reopenSession.
 */
import { assertEvent, assign, emit, type SnapshotFrom, setup } from 'xstate'
import { refuse } from '../../src/assert.ts'
import type { SessionId, Zxid } from '../../src/ids.ts'

export interface SessionInput {
  readonly sessionId: SessionId
  /** As granted, ms. */
  readonly timeoutMs: number
  /** The number of the connection that asks for it; null for one that a server which came back found in its log. */
  readonly connection: number | null
}

export interface SessionContext {
  readonly sessionId: SessionId
  readonly timeoutMs: number
  /** The connection that has it now; null while its client is away. */
  readonly connection: number | null
}

export type SessionTxn = 'createSession' | 'closeSession'

export type SessionFact =
  | { type: 'txn.committed'; txn: SessionTxn; zxid: Zxid }
  /** A connection asks for this session: its client is back, or somebody else tries. */
  | { type: 'reconnect.requested'; connection: number; passwordMatches: boolean; timeoutMs: number }
  | { type: 'connection.lost'; connection: number }
  | { type: 'timeout.reached' }
  | { type: 'close.requested' }

export type SessionCommand =
  | { type: 'txn.propose'; txn: SessionTxn; timeoutMs: number }
  | { type: 'connect.grant'; connection: number; timeoutMs: number }
  | { type: 'connect.refuse'; connection: number }
  | { type: 'connection.close'; connection: number; reason: 'moved' | 'expired' | 'closed' }

export const sessionMachine = setup({
  types: {
    input: {} as SessionInput,
    context: {} as SessionContext,
    events: {} as SessionFact,
    emitted: {} as SessionCommand,
  },
  actions: {
    refuse,
    proposeOpening: emit(({ context }) => ({
      type: 'txn.propose',
      txn: 'createSession',
      timeoutMs: context.timeoutMs,
    })),
    proposeClosing: emit(({ context }) => ({
      type: 'txn.propose',
      txn: 'closeSession',
      timeoutMs: context.timeoutMs,
    })),
    attach: assign(({ event }) => {
      assertEvent(event, 'reconnect.requested')
      return { connection: event.connection, timeoutMs: event.timeoutMs }
    }),
    detach: assign({ connection: null }),
    grant: emit(({ context }) => ({
      type: 'connect.grant',
      connection: context.connection as number,
      timeoutMs: context.timeoutMs,
    })),
    refuseConnection: emit(({ event }) => {
      assertEvent(event, 'reconnect.requested')
      return { type: 'connect.refuse', connection: event.connection }
    }),
    closeMoved: emit(({ context }) => ({
      type: 'connection.close',
      connection: context.connection as number,
      reason: 'moved',
    })),
    closeExpired: emit(({ context }) => ({
      type: 'connection.close',
      connection: context.connection as number,
      reason: 'expired',
    })),
    closeClosed: emit(({ context }) => ({
      type: 'connection.close',
      connection: context.connection as number,
      reason: 'closed',
    })),
  },
  guards: {
    isAttached: ({ context }) => context.connection !== null,
    isItsConnection: ({ context, event }) => {
      assertEvent(event, 'connection.lost')
      return context.connection === event.connection
    },
    passwordMatches: ({ event }) => {
      assertEvent(event, 'reconnect.requested')
      return event.passwordMatches
    },
    isClosingTxn: ({ event }) => {
      assertEvent(event, 'txn.committed')
      return event.txn === 'closeSession'
    },
    isClosingTxnAttached: ({ context, event }) => {
      assertEvent(event, 'txn.committed')
      return event.txn === 'closeSession' && context.connection !== null
    },
  },
}).createMachine({
  id: 'session',
  description: 'A ZooKeeper session as its server sees it (SessionTrackerImpl).',
  context: ({ input }) => ({ ...input }),
  initial: 'arriving',
  on: { '*': { actions: 'refuse' } },
  states: {
    arriving: {
      description: 'Asked for by a connection, or found in the log (ZooKeeperServer.loadData).',
      always: [{ guard: 'isAttached', target: 'opening' }, { target: 'open.detached' }],
    },
    opening: {
      description:
        'Its opening transaction is under way; nobody knows its id yet (OpCode.createSession).',
      entry: 'proposeOpening',
      on: {
        'txn.committed': [
          { guard: 'isAttached', target: 'open.attached', actions: 'grant' },
          { target: 'open.detached' },
        ],
        'connection.lost': [{ guard: 'isItsConnection', actions: 'detach' }, {}],
        // Somebody guessed.
        'reconnect.requested': { actions: 'refuseConnection' },
        'timeout.reached': 'expiring',
      },
    },
    open: {
      description: 'Any request touches it; its ephemerals live.',
      initial: 'attached',
      on: {
        'timeout.reached': 'expiring',
        'close.requested': 'closing',
      },
      states: {
        attached: {
          description: 'A connection has it.',
          on: {
            'connection.lost': [
              { guard: 'isItsConnection', target: 'detached', actions: 'detach' },
              {},
            ],
            // The old connection goes first and the password is looked at then: also a wrong one cuts the owner off.
            'reconnect.requested': [
              { guard: 'passwordMatches', actions: ['closeMoved', 'attach', 'grant'] },
              { target: 'detached', actions: ['closeMoved', 'detach', 'refuseConnection'] },
            ],
          },
        },
        detached: {
          description: 'Its client is away: it lives on until its time is over.',
          on: {
            'connection.lost': {},
            'reconnect.requested': [
              { guard: 'passwordMatches', target: 'attached', actions: ['attach', 'grant'] },
              { actions: 'refuseConnection' },
            ],
          },
        },
      },
    },
    expiring: {
      description:
        'Silent for too long: its closing transaction is under way (ZooKeeperServer.expire).',
      entry: 'proposeClosing',
      on: {
        'txn.committed': [
          { guard: 'isClosingTxnAttached', target: 'closed', actions: 'closeExpired' },
          { guard: 'isClosingTxn', target: 'closed' },
          // The opening one, of a session that timed out before it was open.
          {},
        ],
        'connection.lost': [{ guard: 'isItsConnection', actions: 'detach' }, {}],
        'reconnect.requested': { actions: 'refuseConnection' },
        'timeout.reached': {},
        'close.requested': {},
      },
    },
    closing: {
      description:
        'Its client said goodbye: its closing transaction is under way (OpCode.closeSession).',
      entry: 'proposeClosing',
      on: {
        'txn.committed': [
          { guard: 'isAttached', target: 'closed', actions: 'closeClosed' },
          { target: 'closed' },
        ],
        'connection.lost': [{ guard: 'isItsConnection', actions: 'detach' }, {}],
        'reconnect.requested': { actions: 'refuseConnection' },
        'timeout.reached': {},
        'close.requested': {},
      },
    },
    closed: {
      description: 'Gone, and its ephemerals with it.',
      type: 'final',
    },
  },
})

/** Whether requests of this session are still served. */
export const isOpen = (snapshot: SnapshotFrom<typeof sessionMachine>): boolean =>
  snapshot.matches('open')

/** The connection that has it; null where none has. */
export const connectionOf = (snapshot: SnapshotFrom<typeof sessionMachine>): number | null =>
  snapshot.context.connection
