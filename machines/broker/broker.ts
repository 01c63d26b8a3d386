/**
 * The life of a broker.
 *
 *   starting { connecting ─▶ ensuringPaths ─▶ obtainingClusterId ─▶ readingMetaProperties ─▶ loadingTopicConfigs ─▶ binding }
 *      ▼
 *   registering { checkingEndpoints ─▶ creating ◀─▶ inspecting ─▶ deletingFormer | waiting }  ◀── session expired ──┐
 *      ▼                                                                                                            │
 *   running { connected ◀─▶ suspended } ────────────────────────────────────────────────────────────────────────────┘
 *      ▼ shutdown requested
 *   shuttingDown { asking ◀─▶ backingOff } ─▶ closing ─▶ stopped | failed
 *
 * The broker is where its ephemeral znode `/brokers/ids/[id]` is: the session's end is its end for the cluster, and the znode's
 * czxid is its epoch. A lost session is therefore not a reason to stop serving: leaderships stand until the controller gives
 * them to others, and leader epochs fence what is stale. The broker registers again, for ever.
 *
 * Who owns a znode that is in the way? ZooKeeper tells its session, not whether that session's client lives:
 *
 * - Our own session: an earlier attempt succeeded and its answer was lost. Done.
 * - The session this very process had before: a ghost that the server has not buried yet (ZOOKEEPER-2985, KAFKA-7165). Only we
 *   can have made it, so it may be deleted.
 * - Any other session, and the znode advertises our own endpoint: we hold that port now, so whoever registered there has lost
 *   it: our former self, killed a moment ago. Its session ends by itself. To wait costs no more than that session's timeout.
 * - Any other session at another endpoint: perhaps our former self on another port, perhaps a live broker that was given the same
 *   id. A dead one's session is gone within its timeout, a live one's is not; so waiting for twice the timeout (servers round up
 *   to their ticks) tells them apart. What then still stands there belongs to a live broker: the start is refused, since two
 *   brokers of one id would take each other's orders.
 *
 * A broker that has served before never refuses: it waits for the znode, whosever it is, and goes on serving.
 *
 * After Kafka's KafkaServer.startup/shutdown, KafkaZkClient.registerBroker and CheckedEphemeral.
 */
import { assertEvent, assign, emit, type SnapshotFrom, setup } from 'xstate'
import { refuse } from '../../src/assert.ts'
import { type ErrorCode, errors } from '../../src/error.ts'
import { type BrokerId, noSession, type SessionId } from '../../src/ids.ts'
import { closingMsMax } from '../../src/limits.ts'

export interface BrokerInput {
  readonly brokerId: BrokerId
  /** `zookeeper.connect`, for errors. */
  readonly zookeeperConnect: string
  /** `zookeeper.session.timeout.ms`; from the first session on what the server granted. */
  readonly sessionTimeoutMs: number
  /** `zookeeper.connection.timeout.ms`. */
  readonly connectionTimeoutMs: number
  readonly controlledShutdown: {
    readonly enabled: boolean
    /** `controlled.shutdown.max.retries`: how often it is tried. */
    readonly triesMax: number
    readonly backoffMs: number
  }
}

export interface BrokerContext extends BrokerInput {
  /** {@link noSession} before the first. */
  readonly sessionId: SessionId
  /** The session before that one. */
  readonly formerSessionId: SessionId
  readonly clusterId: string | null
  /** What is advertised, `host:port`; null before the port is bound. */
  readonly endpoint: string | null
  /** czxid of the znode as last registered; −1 before. */
  readonly brokerEpoch: number
  /** Requests are answered: the broker has been registered once. */
  readonly serves: boolean
  /** The session whose znode was waited for in vain. */
  readonly outwaitedSessionId: SessionId
  /** Controlled shutdowns asked for. */
  readonly tries: number
  /** Why it could not start, or could not go on. */
  readonly error: string | null
}

export type BrokerFact =
  /** `timeoutMs`: what the server granted. */
  | { type: 'session.connected'; sessionId: SessionId; timeoutMs: number }
  | { type: 'session.suspended' }
  | { type: 'session.expired' }
  | { type: 'session.authFailed' }
  | { type: 'session.closed' }
  | { type: 'paths.ensured' }
  | { type: 'clusterId.obtained'; clusterId: string }
  /** Nulls where the disk is new. */
  | { type: 'metaProperties.read'; brokerId: BrokerId | null; clusterId: string | null }
  /** It is in use, cannot be read or written, or what is on it is damaged. */
  | { type: 'disk.failed'; error: string }
  | { type: 'topicConfigs.loaded' }
  | { type: 'listener.bound'; endpoint: string }
  | { type: 'listener.failed'; error: string }
  | {
      type: 'brokers.listed'
      brokers: readonly { readonly id: BrokerId; readonly endpoints: readonly string[] }[]
    }
  /** What follows is about this broker's znode, as the session `sessionId` saw it. */
  | { type: 'znode.registered'; sessionId: SessionId; brokerEpoch: number }
  | { type: 'znode.taken'; sessionId: SessionId }
  | {
      type: 'znode.found'
      sessionId: SessionId
      owner: SessionId
      brokerEpoch: number
      endpoints: readonly string[]
    }
  | { type: 'znode.missed'; sessionId: SessionId }
  /** Our own deletion was carried out, or was needless. */
  | { type: 'znode.removed'; sessionId: SessionId }
  /** A watch told. */
  | { type: 'znode.deleted' }
  /** ZooKeeper refused something that no repetition cures. */
  | { type: 'zookeeper.failed'; error: string }
  /** `quick`: the whole cluster goes, there is nobody to give leaderships to. */
  | { type: 'shutdown.requested'; quick?: boolean }
  | { type: 'controlledShutdown.answered'; errorCode: ErrorCode; remaining: number }
  | { type: 'controlledShutdown.failed'; error: string }

export type BrokerCommand =
  | { type: 'paths.ensure' }
  | { type: 'clusterId.obtain' }
  | { type: 'metaProperties.read' }
  | { type: 'metaProperties.write'; brokerId: BrokerId; clusterId: string }
  | { type: 'topicConfigs.load' }
  | { type: 'topicConfigs.watch' }
  | { type: 'listener.bind' }
  | { type: 'brokers.list' }
  | { type: 'znode.register'; sessionId: SessionId }
  | { type: 'znode.inspect'; sessionId: SessionId }
  | { type: 'znode.remove'; sessionId: SessionId }
  | { type: 'session.reopen' }
  | { type: 'session.close' }
  | { type: 'requests.serve' }
  | { type: 'requests.stop' }
  | { type: 'controller.start' }
  | { type: 'controller.expire' }
  | { type: 'controller.reelect' }
  | { type: 'controller.stop' }
  | { type: 'groups.stop' }
  | { type: 'partitions.open' }
  | { type: 'partitions.shutDown' }
  | { type: 'controlledShutdown.send'; brokerEpoch: number }
  | { type: 'broker.announce'; state: 'running' | 'stopped' }
  | { type: 'broker.fail'; error: string }

/** The other broker that advertises our endpoint; undefined where none does. */
const endpointHolder = (
  { brokerId, endpoint }: BrokerContext,
  brokers: Extract<BrokerFact, { type: 'brokers.listed' }>['brokers'],
): BrokerId | undefined =>
  brokers.find(({ id, endpoints }) => id !== brokerId && endpoints.includes(endpoint ?? ''))?.id

export const brokerMachine = setup({
  types: {
    input: {} as BrokerInput,
    context: {} as BrokerContext,
    events: {} as BrokerFact,
    emitted: {} as BrokerCommand,
  },
  delays: {
    connectionTimeout: ({ context }) => context.connectionTimeoutMs,
    twoSessionTimeouts: ({ context }) => 2 * context.sessionTimeoutMs,
    shutdownBackoff: ({ context }) => context.controlledShutdown.backoffMs,
    closingTimeout: closingMsMax,
  },
  actions: {
    refuse,
    keepSession: assign(({ context, event }) => {
      assertEvent(event, 'session.connected')
      const { sessionId, timeoutMs: sessionTimeoutMs } = event
      if (sessionId === context.sessionId) return { sessionTimeoutMs }
      return { sessionId, sessionTimeoutMs, formerSessionId: context.sessionId }
    }),
    keepClusterId: assign(({ event }) => {
      assertEvent(event, 'clusterId.obtained')
      return { clusterId: event.clusterId }
    }),
    keepEndpoint: assign(({ event }) => {
      assertEvent(event, 'listener.bound')
      return { endpoint: event.endpoint }
    }),
    keepBrokerEpoch: assign(({ event }) => {
      assertEvent(event, ['znode.registered', 'znode.found'])
      return { brokerEpoch: event.brokerEpoch, outwaitedSessionId: noSession }
    }),
    keepOutwaited: assign(({ event }) => {
      assertEvent(event, 'znode.found')
      return { outwaitedSessionId: event.owner }
    }),
    countTry: assign({ tries: ({ context }) => context.tries + 1 }),
    keepUnreachable: assign({
      error: ({ context }) =>
        `ZooKeeper at ${context.zookeeperConnect} did not answer within ${context.connectionTimeoutMs} ms (zookeeper.connection.timeout.ms)`,
    }),
    keepAuthFailure: assign({ error: 'ZooKeeper did not take this broker’s credentials' }),
    keepError: assign(({ event }) => {
      assertEvent(event, ['zookeeper.failed', 'listener.failed', 'disk.failed'])
      return { error: event.error }
    }),
    keepForeignDisk: assign(({ context, event }) => {
      assertEvent(event, 'metaProperties.read')
      return {
        error:
          event.clusterId !== null && event.clusterId !== context.clusterId
            ? `this disk belongs to cluster ${event.clusterId}, ZooKeeper's is ${context.clusterId}: clear the disk, or connect to its own ZooKeeper`
            : `this disk belongs to broker ${event.brokerId}, not to ${context.brokerId}`,
      }
    }),
    keepEndpointTaken: assign(({ context, event }) => {
      assertEvent(event, 'brokers.listed')
      return {
        error: `endpoint ${context.endpoint} is registered by broker ${endpointHolder(context, event.brokers)} already`,
      }
    }),
    keepIdTaken: assign(({ context, event }) => {
      assertEvent(event, 'znode.found')
      return {
        error: `a live broker at ${event.endpoints.join(', ')} (session ${event.owner}) has the id ${context.brokerId} already: stop that one, or give this one another broker.id`,
      }
    }),
    startServing: assign({ serves: true }),
    ensurePaths: emit({ type: 'paths.ensure' }),
    obtainClusterId: emit({ type: 'clusterId.obtain' }),
    readMetaProperties: emit({ type: 'metaProperties.read' }),
    writeMetaProperties: emit(({ context }) => ({
      type: 'metaProperties.write',
      brokerId: context.brokerId,
      clusterId: context.clusterId ?? '',
    })),
    loadTopicConfigs: emit({ type: 'topicConfigs.load' }),
    watchTopicConfigs: emit({ type: 'topicConfigs.watch' }),
    bindListener: emit({ type: 'listener.bind' }),
    listBrokers: emit({ type: 'brokers.list' }),
    registerZnode: emit(({ context }) => ({
      type: 'znode.register',
      sessionId: context.sessionId,
    })),
    inspectZnode: emit(({ context }) => ({ type: 'znode.inspect', sessionId: context.sessionId })),
    removeZnode: emit(({ context }) => ({ type: 'znode.remove', sessionId: context.sessionId })),
    reopenSession: emit({ type: 'session.reopen' }),
    closeSession: emit({ type: 'session.close' }),
    serveRequests: emit({ type: 'requests.serve' }),
    stopRequests: emit({ type: 'requests.stop' }),
    startController: emit({ type: 'controller.start' }),
    expireController: emit({ type: 'controller.expire' }),
    reelectController: emit({ type: 'controller.reelect' }),
    stopController: emit({ type: 'controller.stop' }),
    stopGroups: emit({ type: 'groups.stop' }),
    openPartitions: emit({ type: 'partitions.open' }),
    shutDownPartitions: emit({ type: 'partitions.shutDown' }),
    sendControlledShutdown: emit(({ context }) => ({
      type: 'controlledShutdown.send',
      brokerEpoch: context.brokerEpoch,
    })),
    announceRunning: emit({ type: 'broker.announce', state: 'running' }),
    announceStopped: emit({ type: 'broker.announce', state: 'stopped' }),
    fail: emit(({ context }) => ({ type: 'broker.fail', error: context.error ?? '' })),
  },
  guards: {
    /** The fact tells of a session that is over. */
    isOfAnotherSession: ({ context, event }) =>
      'sessionId' in event && event.sessionId !== context.sessionId,
    isForeignDisk: ({ context, event }) => {
      assertEvent(event, 'metaProperties.read')
      return (
        (event.clusterId !== null && event.clusterId !== context.clusterId) ||
        (event.brokerId !== null && event.brokerId !== context.brokerId)
      )
    },
    isEndpointTaken: ({ context, event }) => {
      assertEvent(event, 'brokers.listed')
      return endpointHolder(context, event.brokers) !== undefined
    },
    isOurs: ({ context, event }) => {
      assertEvent(event, 'znode.found')
      return event.owner === context.sessionId
    },
    isFormerSessions: ({ context, event }) => {
      assertEvent(event, 'znode.found')
      return event.owner === context.formerSessionId && event.owner !== noSession
    },
    isAtOurEndpoint: ({ context, event }) => {
      assertEvent(event, 'znode.found')
      return context.endpoint !== null && event.endpoints.includes(context.endpoint)
    },
    isOutwaited: ({ context, event }) => {
      assertEvent(event, 'znode.found')
      return event.owner === context.outwaitedSessionId
    },
    serves: ({ context }) => context.serves,
    shutsDownControlled: ({ context, event }) => {
      assertEvent(event, 'shutdown.requested')
      return context.controlledShutdown.enabled && event.quick !== true
    },
    isLeaderNowhere: ({ event }) => {
      assertEvent(event, 'controlledShutdown.answered')
      return event.errorCode === errors.NONE && event.remaining === 0
    },
    mayTryAgain: ({ context }) => context.tries < context.controlledShutdown.triesMax,
    hasFailed: ({ context }) => context.error !== null,
  },
}).createMachine({
  id: 'broker',
  description: 'The life of a broker (KafkaServer).',
  context: ({ input }) => ({
    ...input,
    sessionId: noSession,
    formerSessionId: noSession,
    clusterId: null,
    endpoint: null,
    brokerEpoch: -1,
    serves: false,
    outwaitedSessionId: noSession,
    tries: 0,
    error: null,
  }),
  initial: 'starting',
  on: {
    'session.authFailed': { target: '.closing', actions: 'keepAuthFailure' },
    'zookeeper.failed': { target: '.closing', actions: 'keepError' },
    'disk.failed': { target: '.closing', actions: 'keepError' },
    '*': { actions: 'refuse' },
  },
  states: {
    starting: {
      description: 'Nobody knows of it yet (KafkaServer.startup).',
      initial: 'connecting',
      on: {
        'session.connected': { actions: 'keepSession' },
        'session.suspended': {},
        // Nothing hangs on the session yet: what is under way ends with it, and begins again.
        'session.expired': { target: '.connecting', actions: 'reopenSession' },
        // Asked for under a session that is over.
        'metaProperties.read': {},
        'shutdown.requested': 'closing',
      },
      states: {
        connecting: {
          description: 'Waits for its ZooKeeper session (KafkaServer.initZkClient).',
          on: { 'session.connected': { target: 'ensuringPaths', actions: 'keepSession' } },
          after: { connectionTimeout: { target: '#broker.closing', actions: 'keepUnreachable' } },
        },
        ensuringPaths: {
          description: 'The znodes every cluster has (KafkaZkClient.createTopLevelPaths).',
          entry: 'ensurePaths',
          on: { 'paths.ensured': 'obtainingClusterId' },
        },
        obtainingClusterId: {
          description: 'Reads or makes the cluster’s id (KafkaZkClient.createOrGetClusterId).',
          entry: 'obtainClusterId',
          on: {
            'clusterId.obtained': { target: 'readingMetaProperties', actions: 'keepClusterId' },
          },
        },
        readingMetaProperties: {
          description:
            'Is this disk ours, and where it is new, who counts on what is not on it? (KafkaServer: InconsistentClusterId …; KIP-903).',
          entry: 'readMetaProperties',
          on: {
            'metaProperties.read': [
              { guard: 'isForeignDisk', target: '#broker.closing', actions: 'keepForeignDisk' },
              { target: 'loadingTopicConfigs', actions: 'writeMetaProperties' },
            ],
          },
        },
        loadingTopicConfigs: {
          description: 'All topics’ configurations, before a log is opened (LogManager.startup).',
          entry: 'loadTopicConfigs',
          on: { 'topicConfigs.loaded': { target: 'binding', actions: 'openPartitions' } },
        },
        binding: {
          description: 'Takes its port; connections wait unread (SocketServer.startup).',
          entry: 'bindListener',
          on: {
            'listener.bound': { target: '#broker.registering', actions: 'keepEndpoint' },
            'listener.failed': { target: '#broker.closing', actions: 'keepError' },
            // The port does not hang on the session.
            'session.expired': { actions: 'reopenSession' },
          },
        },
      },
    },
    registering: {
      description: 'On the way to a znode of its own (KafkaZkClient.registerBroker).',
      initial: 'checkingEndpoints',
      on: {
        'session.connected': { actions: 'keepSession' },
        'session.suspended': {},
        'session.expired': [
          { guard: 'serves', target: '.reconnecting', actions: 'expireController' },
          { target: '.reconnecting' },
        ],
        // Watches that earlier looks at the znode have left.
        'znode.deleted': {},
        'shutdown.requested': 'closing',
      },
      states: {
        checkingEndpoints: {
          description: 'No other broker may advertise our endpoint (KafkaServer: endpoints check).',
          entry: 'listBrokers',
          on: {
            'brokers.listed': [
              { guard: 'isEndpointTaken', target: '#broker.closing', actions: 'keepEndpointTaken' },
              { target: 'creating' },
            ],
          },
        },
        creating: {
          description: 'One multi: create, then setData, whose Stat tells the czxid (KIP-380).',
          entry: 'registerZnode',
          on: {
            'znode.registered': [
              { guard: 'isOfAnotherSession' },
              { target: 'registered', actions: 'keepBrokerEpoch' },
            ],
            'znode.taken': [{ guard: 'isOfAnotherSession' }, { target: 'inspecting' }],
          },
        },
        inspecting: {
          description: 'Whose is the znode in the way? (CheckedEphemeral.getAfterNodeExists).',
          entry: 'inspectZnode',
          on: {
            'znode.missed': [{ guard: 'isOfAnotherSession' }, { target: 'creating' }],
            'znode.found': [
              { guard: 'isOfAnotherSession' },
              { guard: 'isOurs', target: 'registered', actions: 'keepBrokerEpoch' },
              { guard: 'isFormerSessions', target: 'deletingFormer' },
              { guard: 'serves', target: 'waiting' },
              { guard: 'isAtOurEndpoint', target: 'waiting' },
              { guard: 'isOutwaited', target: '#broker.closing', actions: 'keepIdTaken' },
              { target: 'waiting', actions: 'keepOutwaited' },
            ],
          },
        },
        deletingFormer: {
          description: 'Removes the ghost of this process’s session before (KAFKA-7165).',
          entry: 'removeZnode',
          on: { 'znode.removed': [{ guard: 'isOfAnotherSession' }, { target: 'creating' }] },
        },
        waiting: {
          description: 'Another session holds the znode: a dead one’s goes within its timeout.',
          on: { 'znode.deleted': 'creating' },
          after: { twoSessionTimeouts: 'inspecting' },
        },
        reconnecting: {
          description: 'The session is over; a new one begins (ZooKeeperClient.reinitialize).',
          entry: 'reopenSession',
          on: { 'session.connected': { target: 'creating', actions: 'keepSession' } },
        },
        registered: {
          description: 'It has an epoch; serves for the first time, or goes on.',
          always: [
            {
              guard: 'serves',
              target: '#broker.running',
              actions: ['watchTopicConfigs', 'reelectController'],
            },
            {
              target: '#broker.running',
              actions: [
                'startServing',
                'watchTopicConfigs',
                'startController',
                'serveRequests',
                'announceRunning',
              ],
            },
          ],
        },
      },
    },
    running: {
      description: 'Registered and serving (BrokerState.RUNNING).',
      initial: 'connected',
      on: {
        'session.expired': { target: 'registering.reconnecting', actions: 'expireController' },
        'shutdown.requested': [
          { guard: 'shutsDownControlled', target: 'shuttingDown' },
          { target: 'closing' },
        ],
        // Somebody removed it by hand: our session stands, as in Kafka nothing follows.
        'znode.deleted': {},
      },
      states: {
        connected: {
          description: 'Its session stands on a connection.',
          on: { 'session.suspended': 'suspended', 'session.connected': { actions: 'keepSession' } },
        },
        suspended: {
          description: 'The connection to ZooKeeper is lost; it serves on, whatever becomes of it.',
          on: {
            'session.connected': { target: 'connected', actions: 'keepSession' },
            'session.suspended': {},
          },
        },
      },
    },
    shuttingDown: {
      description: 'Leaderships move before it goes (BrokerState.PENDING_CONTROLLED_SHUTDOWN).',
      initial: 'asking',
      on: {
        'session.connected': { actions: 'keepSession' },
        'session.suspended': {},
        // The znode is gone, and with it the leaderships.
        'session.expired': 'closing',
        'znode.deleted': {},
        'shutdown.requested': {},
      },
      states: {
        asking: {
          description: 'Asks the controller to move them (KafkaServer.controlledShutdown).',
          entry: ['countTry', 'sendControlledShutdown'],
          on: {
            'controlledShutdown.answered': [
              { guard: 'isLeaderNowhere', target: '#broker.closing' },
              { guard: 'mayTryAgain', target: 'backingOff' },
              { target: '#broker.closing' },
            ],
            'controlledShutdown.failed': [
              { guard: 'mayTryAgain', target: 'backingOff' },
              { target: '#broker.closing' },
            ],
          },
        },
        backingOff: {
          description: 'Some leaders have not moved yet, or there is no controller.',
          after: { shutdownBackoff: 'asking' },
        },
      },
    },
    closing: {
      description:
        'Sockets, coordinators, logs, controller; ZooKeeper last (KafkaServer.shutdown).',
      entry: ['stopRequests', 'stopGroups', 'shutDownPartitions', 'stopController', 'closeSession'],
      on: {
        'session.closed': [{ guard: 'hasFailed', target: 'failed' }, { target: 'stopped' }],
        // Whatever was under way may still be answered.
        'session.connected': {},
        'session.suspended': {},
        'session.expired': {},
        'session.authFailed': {},
        'paths.ensured': {},
        'clusterId.obtained': {},
        'metaProperties.read': {},
        'disk.failed': {},
        'topicConfigs.loaded': {},
        'listener.bound': {},
        'listener.failed': {},
        'brokers.listed': {},
        'znode.registered': {},
        'znode.taken': {},
        'znode.found': {},
        'znode.missed': {},
        'znode.removed': {},
        'znode.deleted': {},
        'zookeeper.failed': {},
        'controlledShutdown.answered': {},
        'controlledShutdown.failed': {},
        'shutdown.requested': {},
      },
      after: { closingTimeout: [{ guard: 'hasFailed', target: 'failed' }, { target: 'stopped' }] },
    },
    stopped: {
      description: 'Down, by its own wish.',
      type: 'final',
      entry: 'announceStopped',
    },
    failed: {
      description: 'Could not start, or could not go on.',
      type: 'final',
      entry: 'fail',
    },
  },
})

/** czxid of the broker's znode as last registered; −1 before. */
export const brokerEpoch = (snapshot: SnapshotFrom<typeof brokerMachine>): number =>
  snapshot.context.brokerEpoch

/** It answers requests. */
export const serves = (snapshot: SnapshotFrom<typeof brokerMachine>): boolean =>
  snapshot.context.serves &&
  !snapshot.matches('closing') &&
  !snapshot.matches('stopped') &&
  !snapshot.matches('failed')
