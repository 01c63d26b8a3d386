/**
 * One client's connection to a broker.
 *
 *   opened ──requests.allowed──▶ ready ◀──work.drained── throttled
 *      │                          └────work.filled──────────▶┘
 *      └───────┬──────────────────────────┴───────┬──────────┘
 *      link.closed                    ending.requested | idle.elapsed
 *              ▼                                  ▼
 *            closed ◀──link.closed | timeout── closing
 *
 * Requests and answers never enter this chart: it hears of changes of mode alone, a few in the life of a connection. While it is
 * `throttled` nothing is read: either as many requests are under way as one connection may have, or the client does not read its
 * answers; whichever it is, what it sends next waits in its own buffers. Kafka mutes a connection after each request to the
 * same end (SocketServer.Processor, KafkaChannel.ChannelMuteState).
 */
import { emit, setup } from 'xstate'
import { refuse } from '../../src/assert.ts'
import { connectionClosingMsMax } from '../../src/limits.ts'

export type ConnectionFact =
  /** The broker is registered and serves. */
  | { type: 'requests.allowed' }
  /** As many requests are under way as may be, or the client does not read. */
  | { type: 'work.filled' }
  | { type: 'work.drained' }
  /** What came before is answered, and nothing may follow. */
  | { type: 'ending.requested'; reason: string }
  /** Nothing was asked for longer than `connections.max.idle.ms`. */
  | { type: 'idle.elapsed' }
  | { type: 'link.closed' }

export type ConnectionCommand =
  | { type: 'link.pause' }
  | { type: 'link.resume' }
  /** Sends what is buffered, then closes. */
  | { type: 'link.end' }
  /** Drops what is left. */
  | { type: 'link.destroy' }
  /** Requests under way are given up, and the broker forgets the connection. */
  | { type: 'connection.forget' }

export const connectionMachine = setup({
  types: { events: {} as ConnectionFact, emitted: {} as ConnectionCommand },
  delays: { closingTimeout: connectionClosingMsMax },
  actions: {
    refuse,
    pause: emit({ type: 'link.pause' }),
    resume: emit({ type: 'link.resume' }),
    end: emit({ type: 'link.end' }),
    destroy: emit({ type: 'link.destroy' }),
    forget: emit({ type: 'connection.forget' }),
  },
}).createMachine({
  id: 'connection',
  description: 'One connection to a broker (SocketServer.Processor).',
  initial: 'opened',
  on: {
    'link.closed': '.closed',
    'ending.requested': '.closing',
    'idle.elapsed': '.closing',
    '*': { actions: 'refuse' },
  },
  states: {
    opened: {
      description: 'Accepted, not read yet: the broker does not serve before it is registered.',
      entry: 'pause',
      on: { 'requests.allowed': { target: 'ready', actions: 'resume' } },
    },
    ready: {
      description: 'Requests are read, started in their order and answered in their order.',
      on: {
        'work.filled': { target: 'throttled', actions: 'pause' },
      },
    },
    throttled: {
      description: 'Not read: enough is under way, or the client reads nothing (ChannelMuteState).',
      on: {
        'work.drained': { target: 'ready', actions: 'resume' },
      },
    },
    closing: {
      description: 'The last answers leave; what still comes is read only to see its end.',
      entry: ['end', 'resume'],
      on: {
        'work.filled': {},
        'work.drained': {},
        'requests.allowed': {},
        'ending.requested': {},
        'idle.elapsed': {},
      },
      after: { closingTimeout: { target: 'closed', actions: 'destroy' } },
    },
    closed: {
      description: 'Both directions are gone.',
      type: 'final',
      entry: 'forget',
    },
  },
})
