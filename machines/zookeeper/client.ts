/**
 * A session as its client sees it.
 *
 *   connecting { dialing ─▶ handshaking, waiting } ──session.granted──▶ connected ──link.closed──▶ suspended ─▶ connecting
 *        │                                                               │    │
 *        └──session.refused──▶ expired ──reopen.requested──▶ connecting  │    └──auth.refused──▶ authFailed
 *                                                                        └──close.requested──▶ closing ──▶ closed
 *
 * Two losses that must not be confused: the *connection* (suspended: the session may well live on, and nobody can tell which
 * requests were carried out) and the *session* (expired: only a server says so, when one is reached again; ephemerals and watches
 * are gone). What follows an expiry is the caller's decision. After ZooKeeper's ClientCnxn.
 */
import { assertEvent, assign, emit, type SnapshotFrom, setup } from 'xstate'
import { refuse } from '../../src/assert.ts'
import { noSession, type SessionId } from '../../src/ids.ts'

export interface ZooKeeperClientInput {
  /** Servers in its list, tried in turn. */
  readonly serverCount: number
  /** The session timeout it asks for. */
  readonly sessionTimeoutMs: number
  /** A session that there is already. Default {@link noSession}: a new one. */
  readonly sessionId?: SessionId
}

export interface ZooKeeperClientContext {
  readonly serverCount: number
  /** The server tried, from 0. */
  readonly server: number
  /** The attempt to connect, counted from 1: facts of an earlier one are stale. */
  readonly link: number
  /** {@link noSession} before the first is granted. */
  readonly sessionId: SessionId
  readonly askedTimeoutMs: number
  /** Granted by the server; what was asked for until then. */
  readonly sessionTimeoutMs: number
}

export type ZooKeeperClientFact =
  | { type: 'link.connected'; link: number }
  | { type: 'link.closed'; link: number }
  /** Nothing was heard for two thirds of the session's timeout, though it was pinged. */
  | { type: 'server.silent'; link: number }
  | { type: 'session.granted'; link: number; sessionId: SessionId; timeoutMs: number }
  | { type: 'session.refused'; link: number }
  | { type: 'auth.refused'; link: number }
  | { type: 'close.answered'; link: number }
  | { type: 'close.requested' }
  | { type: 'reopen.requested' }

export type ZooKeeperClientCommand =
  | { type: 'link.open'; link: number; server: number }
  | { type: 'link.drop'; link: number }
  | { type: 'handshake.send'; link: number; sessionId: SessionId; timeoutMs: number }
  | { type: 'closeSession.send'; link: number }
  /** Every request under way or waiting ends so. */
  | { type: 'requests.fail'; error: 'CONNECTIONLOSS' | 'SESSIONEXPIRED' | 'AUTHFAILED' }
  | {
      type: 'session.announce'
      state: 'connected' | 'suspended' | 'expired' | 'authFailed' | 'closed'
    }

/** A server that does not answer is tried again after a twentieth of the timeout, a second at most. */
const retryDelayMs = (context: ZooKeeperClientContext): number =>
  Math.min(1000, Math.ceil(context.sessionTimeoutMs / 20))

export const zookeeperClientMachine = setup({
  types: {
    input: {} as ZooKeeperClientInput,
    context: {} as ZooKeeperClientContext,
    events: {} as ZooKeeperClientFact,
    emitted: {} as ZooKeeperClientCommand,
  },
  delays: {
    // All servers are tried within one session timeout.
    connectTimeout: ({ context }) => Math.ceil(context.sessionTimeoutMs / context.serverCount),
    retryDelay: ({ context }) => retryDelayMs(context),
    closeTimeout: ({ context }) => context.sessionTimeoutMs,
  },
  actions: {
    refuse,
    dial: assign({ link: ({ context }) => context.link + 1 }),
    openLink: emit(({ context }) => ({
      type: 'link.open',
      link: context.link,
      server: context.server,
    })),
    dropLink: emit(({ context }) => ({ type: 'link.drop', link: context.link })),
    nextServer: assign({
      server: ({ context }) => (context.server + 1) % context.serverCount,
    }),
    sendHandshake: emit(({ context }) => ({
      type: 'handshake.send',
      link: context.link,
      sessionId: context.sessionId,
      timeoutMs: context.askedTimeoutMs,
    })),
    keepSession: assign(({ event }) => {
      assertEvent(event, 'session.granted')
      return { sessionId: event.sessionId, sessionTimeoutMs: event.timeoutMs }
    }),
    forgetSession: assign({
      sessionId: noSession,
      sessionTimeoutMs: ({ context }) => context.askedTimeoutMs,
    }),
    sendClose: emit(({ context }) => ({ type: 'closeSession.send', link: context.link })),
    failLost: emit({ type: 'requests.fail', error: 'CONNECTIONLOSS' }),
    failExpired: emit({ type: 'requests.fail', error: 'SESSIONEXPIRED' }),
    failAuth: emit({ type: 'requests.fail', error: 'AUTHFAILED' }),
    announceConnected: emit({ type: 'session.announce', state: 'connected' }),
    announceSuspended: emit({ type: 'session.announce', state: 'suspended' }),
    announceExpired: emit({ type: 'session.announce', state: 'expired' }),
    announceAuthFailed: emit({ type: 'session.announce', state: 'authFailed' }),
    announceClosed: emit({ type: 'session.announce', state: 'closed' }),
  },
  guards: {
    isThisLink: ({ context, event }) => 'link' in event && event.link === context.link,
    isOlderLink: ({ context, event }) => 'link' in event && event.link < context.link,
  },
}).createMachine({
  id: 'zookeeperClient',
  description: 'A ZooKeeper session as its client sees it (ClientCnxn).',
  context: ({ input }) => ({
    serverCount: input.serverCount,
    server: 0,
    link: 0,
    sessionId: input.sessionId ?? noSession,
    askedTimeoutMs: input.sessionTimeoutMs,
    sessionTimeoutMs: input.sessionTimeoutMs,
  }),
  initial: 'connecting',
  on: {
    // What an abandoned connection still says.
    'link.connected': [{ guard: 'isOlderLink' }, { actions: 'refuse' }],
    'link.closed': [{ guard: 'isOlderLink' }, { actions: 'refuse' }],
    'server.silent': [{ guard: 'isOlderLink' }, { actions: 'refuse' }],
    'session.granted': [{ guard: 'isOlderLink' }, { actions: 'refuse' }],
    'session.refused': [{ guard: 'isOlderLink' }, { actions: 'refuse' }],
    'auth.refused': [{ guard: 'isOlderLink' }, { actions: 'refuse' }],
    'close.answered': [{ guard: 'isOlderLink' }, { actions: 'refuse' }],
    '*': { actions: 'refuse' },
  },
  states: {
    connecting: {
      description: 'On the way to a server that takes its session, or gives it one.',
      initial: 'dialing',
      on: { 'close.requested': 'closed' },
      states: {
        dialing: {
          description: 'A connection is being opened (SendThread.startConnect).',
          entry: ['dial', 'openLink'],
          on: {
            'link.connected': [{ guard: 'isThisLink', target: 'handshaking' }, {}],
            'link.closed': [{ guard: 'isThisLink', target: 'waiting' }, {}],
          },
          after: { connectTimeout: { target: 'waiting', actions: 'dropLink' } },
        },
        handshaking: {
          description: 'Session id and password are presented (SendThread.primeConnection).',
          entry: 'sendHandshake',
          on: {
            'session.granted': [
              { guard: 'isThisLink', target: '#zookeeperClient.connected', actions: 'keepSession' },
              {},
            ],
            'session.refused': [{ guard: 'isThisLink', target: '#zookeeperClient.expired' }, {}],
            'link.closed': [{ guard: 'isThisLink', target: 'waiting' }, {}],
          },
          after: { connectTimeout: { target: 'waiting', actions: 'dropLink' } },
        },
        waiting: {
          description: 'That server did not take it: the next one in a moment (HostProvider.next).',
          entry: 'failLost',
          on: { 'link.closed': {} },
          after: { retryDelay: { target: 'dialing', actions: 'nextServer' } },
        },
      },
    },
    connected: {
      description: 'The session stands on a connection.',
      entry: 'announceConnected',
      on: {
        'link.closed': [{ guard: 'isThisLink', target: 'suspended', actions: 'dropLink' }, {}],
        'server.silent': [{ guard: 'isThisLink', target: 'suspended', actions: 'dropLink' }, {}],
        'auth.refused': [{ guard: 'isThisLink', target: 'authFailed' }, {}],
        'close.requested': 'closing',
      },
    },
    suspended: {
      description: 'The connection is lost, the session may live (KeeperState.Disconnected).',
      entry: ['failLost', 'announceSuspended'],
      on: {
        'link.closed': {},
        'close.requested': 'closed',
      },
      after: { retryDelay: { target: 'connecting', actions: 'nextServer' } },
    },
    expired: {
      description: 'A server said that the session is no more (KeeperState.Expired).',
      entry: ['dropLink', 'failExpired', 'announceExpired'],
      on: {
        'link.closed': {},
        'reopen.requested': { target: 'connecting', actions: 'forgetSession' },
        'close.requested': 'closed',
      },
    },
    closing: {
      description: 'Saying goodbye, so that ephemerals go at once (OpCode.closeSession).',
      entry: 'sendClose',
      on: {
        'close.answered': [{ guard: 'isThisLink', target: 'closed' }, {}],
        'link.closed': [{ guard: 'isThisLink', target: 'closed' }, {}],
        'server.silent': [{ guard: 'isThisLink', target: 'closed' }, {}],
        'auth.refused': [{ guard: 'isThisLink', target: 'closed' }, {}],
        'close.requested': {},
      },
      after: { closeTimeout: 'closed' },
    },
    authFailed: {
      description: 'The server did not take its credentials (KeeperState.AuthFailed).',
      entry: ['dropLink', 'failAuth', 'announceAuthFailed'],
      type: 'final',
    },
    closed: {
      description: 'By its own wish.',
      entry: ['dropLink', 'failExpired', 'announceClosed'],
      type: 'final',
    },
  },
})

/** The session as callers see it: `suspended` until it stands on a connection again. */
export function sessionState(
  snapshot: SnapshotFrom<typeof zookeeperClientMachine>,
): 'connecting' | 'connected' | 'suspended' | 'expired' | 'authFailed' | 'closed' {
  if (snapshot.matches('connected') || snapshot.matches('closing')) return 'connected'
  if (snapshot.matches('expired')) return 'expired'
  if (snapshot.matches('authFailed')) return 'authFailed'
  if (snapshot.matches('closed')) return 'closed'
  return snapshot.context.sessionId === noSession ? 'connecting' : 'suspended'
}
