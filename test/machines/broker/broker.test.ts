import { expect, test } from 'vitest'
import {
  type BrokerCommand,
  type BrokerFact,
  brokerEpoch,
  brokerMachine,
  serves,
} from '../../../machines/broker/broker.ts'
import { RefusedFact } from '../../../src/assert.ts'
import { errors } from '../../../src/error.ts'
import { begin, elapse, step, steps } from '../../step.ts'

const input = {
  brokerId: 1,
  zookeeperConnect: 'zk:2181',
  sessionTimeoutMs: 2000,
  connectionTimeoutMs: 3000,
  controlledShutdown: { enabled: true, triesMax: 3, backoffMs: 200 },
}

const connected = (sessionId: `0x${string}` = '0xa', timeoutMs = 2000): BrokerFact => ({
  type: 'session.connected',
  sessionId,
  timeoutMs,
})
const suspended: BrokerFact = { type: 'session.suspended' }
const expired: BrokerFact = { type: 'session.expired' }
const ensured: BrokerFact = { type: 'paths.ensured' }
const clusterId: BrokerFact = { type: 'clusterId.obtained', clusterId: 'cluster-1' }
const newDisk: BrokerFact = { type: 'metaProperties.read', brokerId: null, clusterId: null }
const loaded: BrokerFact = { type: 'topicConfigs.loaded' }
const bound: BrokerFact = { type: 'listener.bound', endpoint: 'h:9092' }
const listed: BrokerFact = { type: 'brokers.listed', brokers: [{ id: 2, endpoints: ['h:9093'] }] }
const registered = (sessionId: `0x${string}` = '0xa', epoch = 77): BrokerFact => ({
  type: 'znode.registered',
  sessionId,
  brokerEpoch: epoch,
})
const taken = (sessionId: `0x${string}` = '0xa'): BrokerFact => ({
  type: 'znode.taken',
  sessionId,
})
const found = (
  owner: `0x${string}`,
  endpoint = 'h:9092',
  sessionId: `0x${string}` = '0xa',
): BrokerFact => ({
  type: 'znode.found',
  sessionId,
  owner,
  brokerEpoch: 55,
  endpoints: [endpoint],
})
const deleted: BrokerFact = { type: 'znode.deleted' }
const shutdown: BrokerFact = { type: 'shutdown.requested' }
const answered = (remaining = 0, errorCode: number = errors.NONE): BrokerFact => ({
  type: 'controlledShutdown.answered',
  errorCode,
  remaining,
})
const notAnswered: BrokerFact = { type: 'controlledShutdown.failed', error: 'no controller' }
const sessionClosed: BrokerFact = { type: 'session.closed' }

const started = begin(brokerMachine, input)[0]
const at = (...facts: BrokerFact[]) => steps(brokerMachine, started, ...facts)[0]

const toBinding = [connected(), ensured, clusterId, newDisk, loaded]
const toRegistering = [...toBinding, bound]
const toCreating = [...toRegistering, listed]
const toRunning = [...toCreating, registered()]
/** The session 0xa has expired, 0xb has begun: registers again. */
const toCreatingAgain = [...toRunning, expired, connected('0xb')]

const types = (commands: readonly BrokerCommand[]) => commands.map(({ type }) => type)
const closing = [
  'requests.stop',
  'groups.stop',
  'partitions.shutDown',
  'controller.stop',
  'session.close',
]

const arrow = (from: readonly BrokerFact[], fact: BrokerFact) => {
  const [snapshot, commands] = step(brokerMachine, at(...from), fact)
  return { state: snapshot.value, commands: types(commands), context: snapshot.context, snapshot }
}

// ─── Starting ────────────────────────────────────────────────────────────────────────────────────────────────────────

test('it begins by waiting for its session', () => {
  const [snapshot, commands] = begin(brokerMachine, input)
  expect(snapshot.value).toEqual({ starting: 'connecting' })
  expect(commands).toEqual([])
})

test('the start goes from ZooKeeper to the port, one thing after the other', () => {
  expect(arrow([], connected())).toMatchObject({
    state: { starting: 'ensuringPaths' },
    commands: ['paths.ensure'],
    context: { sessionId: '0xa' },
  })
  expect(arrow([connected()], ensured)).toMatchObject({
    state: { starting: 'obtainingClusterId' },
    commands: ['clusterId.obtain'],
  })
  expect(arrow([connected(), ensured], clusterId)).toMatchObject({
    state: { starting: 'readingMetaProperties' },
    commands: ['metaProperties.read'],
    context: { clusterId: 'cluster-1' },
  })
  expect(arrow([connected(), ensured, clusterId], newDisk)).toMatchObject({
    state: { starting: 'loadingTopicConfigs' },
    commands: ['metaProperties.write', 'topicConfigs.load'],
  })
  expect(arrow([connected(), ensured, clusterId, newDisk], loaded)).toMatchObject({
    state: { starting: 'binding' },
    commands: ['partitions.open', 'listener.bind'],
  })
  expect(arrow(toBinding, bound)).toMatchObject({
    state: { registering: 'checkingEndpoints' },
    commands: ['brokers.list'],
    context: { endpoint: 'h:9092' },
  })
})

test('without ZooKeeper the start is given up after the connection timeout', () => {
  const [snapshot, commands] = elapse(brokerMachine, started, 'connectionTimeout')
  expect(snapshot.value).toBe('closing')
  expect(snapshot.context.error).toContain('zookeeper.connection.timeout.ms')
  expect(types(commands)).toEqual(closing)
})

test('a disk of another cluster or broker is not touched', () => {
  const [cluster, ofCluster] = step(brokerMachine, at(connected(), ensured, clusterId), {
    type: 'metaProperties.read',
    brokerId: 1,
    clusterId: 'cluster-2',
  })
  expect(cluster.value).toBe('closing')
  expect(cluster.context.error).toContain('belongs to cluster cluster-2')
  expect(types(ofCluster)).toEqual(closing)
  const [broker] = step(brokerMachine, at(connected(), ensured, clusterId), {
    type: 'metaProperties.read',
    brokerId: 7,
    clusterId: 'cluster-1',
  })
  expect(broker.context.error).toContain('belongs to broker 7')
})

test('a disk that is in use, or does not do what it is asked, ends the start with its error', () => {
  const failed: BrokerFact = { type: 'disk.failed', error: 'the disk is read-only' }
  for (const facts of [[connected(), ensured, clusterId], toBinding])
    expect(arrow(facts, failed)).toMatchObject({
      state: 'closing',
      commands: closing,
      context: { error: 'the disk is read-only' },
    })
  expect(arrow([connected(), shutdown], failed)).toMatchObject({ state: 'closing', commands: [] })
})

test('what was found out about the disk under a session that is over is not heard any more', () => {
  for (const facts of [
    [connected(), expired],
    [connected(), ensured, clusterId, newDisk],
  ])
    expect(arrow(facts, newDisk)).toMatchObject({ state: at(...facts).value, commands: [] })
})

test('its own disk is known again', () => {
  const own: BrokerFact = { type: 'metaProperties.read', brokerId: 1, clusterId: 'cluster-1' }
  expect(arrow([connected(), ensured, clusterId], own).state).toEqual({
    starting: 'loadingTopicConfigs',
  })
})

test('a port that is taken ends the start with its error', () => {
  const failed: BrokerFact = { type: 'listener.failed', error: 'port 9092 is taken' }
  expect(arrow(toBinding, failed)).toMatchObject({
    state: 'closing',
    commands: closing,
    context: { error: 'port 9092 is taken' },
  })
})

test('a session lost while starting begins the start again', () => {
  expect(arrow([connected(), ensured], expired)).toMatchObject({
    state: { starting: 'connecting' },
    commands: ['session.reopen'],
  })
  expect(arrow([connected(), ensured], suspended)).toMatchObject({ commands: [] })
  expect(arrow([connected(), ensured, suspended], connected())).toMatchObject({
    state: { starting: 'obtainingClusterId' },
    commands: [],
  })
})

test('a session lost while the port is being bound does not bind it twice', () => {
  expect(arrow(toBinding, expired)).toMatchObject({
    state: { starting: 'binding' },
    commands: ['session.reopen'],
  })
})

test('a start can be called off', () => {
  expect(arrow([connected()], shutdown)).toMatchObject({ state: 'closing', commands: closing })
  expect(arrow(toCreating, shutdown)).toMatchObject({ state: 'closing', commands: closing })
})

test('what no repetition cures ends it, wherever it is', () => {
  const failed: BrokerFact = { type: 'zookeeper.failed', error: 'NOAUTH for /brokers' }
  for (const from of [[connected()], toCreating, toRunning])
    expect(arrow(from, failed)).toMatchObject({
      state: 'closing',
      context: { error: 'NOAUTH for /brokers' },
    })
  expect(arrow(toRunning, { type: 'session.authFailed' })).toMatchObject({ state: 'closing' })
})

// ─── Registering ─────────────────────────────────────────────────────────────────────────────────────────────────────

test('an endpoint of another broker is refused', () => {
  const others: BrokerFact = {
    type: 'brokers.listed',
    brokers: [{ id: 2, endpoints: ['x:1', 'h:9092'] }],
  }
  const { state, context } = arrow(toRegistering, others)
  expect(state).toBe('closing')
  expect(context.error).toContain('h:9092 is registered by broker 2')
})

test('its own former endpoint is no obstacle', () => {
  const itself: BrokerFact = {
    type: 'brokers.listed',
    brokers: [{ id: 1, endpoints: ['h:9092'] }],
  }
  expect(arrow(toRegistering, itself)).toMatchObject({
    state: { registering: 'creating' },
    commands: ['znode.register'],
  })
})

test('once registered it serves', () => {
  const { state, commands, snapshot } = arrow(toCreating, registered())
  expect(state).toEqual({ running: 'connected' })
  expect(commands).toEqual([
    'topicConfigs.watch',
    'controller.start',
    'requests.serve',
    'broker.announce',
  ])
  expect(brokerEpoch(snapshot)).toBe(77)
  expect(serves(snapshot)).toBe(true)
  expect(serves(at(...toCreating))).toBe(false)
})

test('a znode in the way is looked at', () => {
  expect(arrow(toCreating, taken())).toMatchObject({
    state: { registering: 'inspecting' },
    commands: ['znode.inspect'],
  })
})

test('a znode of its own session is an earlier attempt whose answer was lost', () => {
  const { state, snapshot } = arrow([...toCreating, taken()], found('0xa'))
  expect(state).toEqual({ running: 'connected' })
  expect(brokerEpoch(snapshot)).toBe(55)
})

test('a znode gone meanwhile is tried again', () => {
  expect(arrow([...toCreating, taken()], { type: 'znode.missed', sessionId: '0xa' })).toMatchObject(
    { state: { registering: 'creating' }, commands: ['znode.register'] },
  )
})

test('a znode of its session before is deleted', () => {
  const atInspecting = [...toCreatingAgain, taken('0xb')]
  expect(arrow(atInspecting, found('0xa', 'h:9092', '0xb'))).toMatchObject({
    state: { registering: 'deletingFormer' },
    commands: ['znode.remove'],
  })
  const removed: BrokerFact = { type: 'znode.removed', sessionId: '0xb' }
  expect(arrow([...atInspecting, found('0xa', 'h:9092', '0xb'), deleted], removed)).toMatchObject({
    state: { registering: 'creating' },
    commands: ['znode.register'],
  })
})

test('a znode of its former self is waited for, however long that takes', () => {
  const atWaiting = [...toCreating, taken(), found('0x9')]
  expect(arrow([...toCreating, taken()], found('0x9'))).toMatchObject({
    state: { registering: 'waiting' },
    commands: [],
  })
  const [again, commands] = elapse(brokerMachine, at(...atWaiting), 'twoSessionTimeouts')
  expect(again.value).toEqual({ registering: 'inspecting' })
  expect(types(commands)).toEqual(['znode.inspect'])
  expect(step(brokerMachine, again, found('0x9'))[0].value).toEqual({ registering: 'waiting' })
  expect(arrow(atWaiting, deleted)).toMatchObject({
    state: { registering: 'creating' },
    commands: ['znode.register'],
  })
})

test('a live broker of the same id elsewhere is waited for in vain, and the start refused', () => {
  const waiting = at(...toCreating, taken(), found('0x9', 'other:9092'))
  expect(waiting.value).toEqual({ registering: 'waiting' })
  const [again] = elapse(brokerMachine, waiting, 'twoSessionTimeouts')
  const [refused, commands] = step(brokerMachine, again, found('0x9', 'other:9092'))
  expect(refused.value).toBe('closing')
  expect(refused.context.error).toContain('a live broker at other:9092')
  expect(types(commands)).toEqual(closing)
})

test('another owner than the one waited for is waited for anew', () => {
  const waiting = at(...toCreating, taken(), found('0x9', 'other:9092'))
  const [again] = elapse(brokerMachine, waiting, 'twoSessionTimeouts')
  expect(step(brokerMachine, again, found('0x8', 'other:9092'))[0].value).toEqual({
    registering: 'waiting',
  })
})

test('a session that expires while registering is followed by another', () => {
  expect(arrow(toCreating, expired)).toMatchObject({
    state: { registering: 'reconnecting' },
    commands: ['session.reopen'],
  })
  expect(arrow([...toCreating, expired], connected('0xb'))).toMatchObject({
    state: { registering: 'creating' },
    commands: ['znode.register'],
    context: { sessionId: '0xb', formerSessionId: '0xa' },
  })
})

test('answers to a session that is over are dropped', () => {
  const again = [...toCreating, expired, connected('0xb')]
  expect(arrow(again, registered('0xa'))).toMatchObject({ state: { registering: 'creating' } })
  expect(arrow(again, taken('0xa'))).toMatchObject({ state: { registering: 'creating' } })
  const inspecting = [...again, taken('0xb')]
  for (const fact of [found('0xa'), { type: 'znode.missed', sessionId: '0xa' } as const])
    expect(arrow(inspecting, fact)).toMatchObject({ state: { registering: 'inspecting' } })
  const deletingFormer = [...inspecting, found('0xa', 'h:9092', '0xb')]
  expect(arrow(deletingFormer, { type: 'znode.removed', sessionId: '0xa' })).toMatchObject({
    state: { registering: 'deletingFormer' },
  })
})

test('a connection lost and found while registering changes nothing', () => {
  expect(arrow([...toCreating, suspended], connected())).toMatchObject({
    state: { registering: 'creating' },
    commands: [],
  })
  expect(arrow(toCreating, deleted)).toMatchObject({
    state: { registering: 'creating' },
    commands: [],
  })
})

// ─── Running ─────────────────────────────────────────────────────────────────────────────────────────────────────────

test('a lost connection changes nothing but the word for it', () => {
  expect(arrow(toRunning, suspended)).toMatchObject({
    state: { running: 'suspended' },
    commands: [],
  })
  expect(arrow([...toRunning, suspended], suspended)).toMatchObject({
    state: { running: 'suspended' },
  })
  expect(arrow([...toRunning, suspended], connected())).toMatchObject({
    state: { running: 'connected' },
    commands: [],
  })
  expect(arrow(toRunning, connected())).toMatchObject({ state: { running: 'connected' } })
  expect(arrow(toRunning, deleted)).toMatchObject({ state: { running: 'connected' }, commands: [] })
})

test('an expired session ends the reign of its controller before a new session begins', () => {
  for (const from of [toRunning, [...toRunning, suspended]])
    expect(arrow(from, expired)).toMatchObject({
      state: { registering: 'reconnecting' },
      commands: ['controller.expire', 'session.reopen'],
      context: { serves: true, brokerEpoch: 77 },
    })
})

test('registered again it has a new epoch and takes part in elections again', () => {
  expect(arrow(toCreatingAgain, registered('0xb', 99))).toMatchObject({
    state: { running: 'connected' },
    commands: ['topicConfigs.watch', 'controller.reelect'],
    context: { brokerEpoch: 99 },
  })
})

test('a second expiry while it registers again expires the controller again', () => {
  expect(arrow(toCreatingAgain, expired)).toMatchObject({
    state: { registering: 'reconnecting' },
    commands: ['controller.expire', 'session.reopen'],
  })
})

test('what it waits for is measured by what the server granted, not by what was asked for', () => {
  const granted = at(connected('0xa', 4000))
  expect(granted.context).toMatchObject({ sessionTimeoutMs: 4000, sessionId: '0xa' })
  expect(step(brokerMachine, granted, connected('0xa', 6000))[0].context.sessionTimeoutMs).toBe(
    6000,
  )
})

test('a broker that has served never refuses: it waits for the znode, whosever it is', () => {
  const inspecting = [...toCreatingAgain, taken('0xb')]
  const foreign = found('0x9', 'other:9092', '0xb')
  expect(arrow(inspecting, foreign)).toMatchObject({ state: { registering: 'waiting' } })
  const [again] = elapse(brokerMachine, at(...inspecting, foreign), 'twoSessionTimeouts')
  expect(step(brokerMachine, again, foreign)[0].value).toEqual({ registering: 'waiting' })
})

// ─── Shutting down ───────────────────────────────────────────────────────────────────────────────────────────────────

test('asked to stop it first asks the controller to move its leaderships', () => {
  expect(arrow(toRunning, shutdown)).toMatchObject({
    state: { shuttingDown: 'asking' },
    commands: ['controlledShutdown.send'],
  })
})

test('where the whole cluster goes it closes at once', () => {
  expect(arrow(toRunning, { type: 'shutdown.requested', quick: true })).toMatchObject({
    state: 'closing',
    commands: closing,
  })
})

test('without controlled shutdown it closes at once', () => {
  const plain = { ...input, controlledShutdown: { ...input.controlledShutdown, enabled: false } }
  const [running] = steps(brokerMachine, begin(brokerMachine, plain)[0], ...toRunning)
  const [snapshot, commands] = step(brokerMachine, running, shutdown)
  expect(snapshot.value).toBe('closing')
  expect(types(commands)).toEqual(closing)
})

test('with no partition left to lead it closes', () => {
  expect(arrow([...toRunning, shutdown], answered())).toMatchObject({
    state: 'closing',
    commands: closing,
  })
})

test('with leaderships left, an error or no answer it tries again after a pause', () => {
  for (const fact of [answered(3), answered(0, errors.STALE_CONTROLLER_EPOCH), notAnswered]) {
    expect(arrow([...toRunning, shutdown], fact)).toMatchObject({
      state: { shuttingDown: 'backingOff' },
      commands: [],
    })
    const [again, commands] = elapse(
      brokerMachine,
      at(...toRunning, shutdown, fact),
      'shutdownBackoff',
    )
    expect(again.value).toEqual({ shuttingDown: 'asking' })
    expect(types(commands)).toEqual(['controlledShutdown.send'])
  }
})

test('after its last try it closes with leaderships left', () => {
  for (const last of [answered(3), notAnswered]) {
    let snapshot = at(...toRunning, shutdown)
    for (let i = 0; i < 2; i++) {
      snapshot = step(brokerMachine, snapshot, answered(3))[0]
      snapshot = elapse(brokerMachine, snapshot, 'shutdownBackoff')[0]
    }
    expect(step(brokerMachine, snapshot, last)[0].value).toBe('closing')
  }
})

test('what happens to the session while it shuts down', () => {
  const asking = [...toRunning, shutdown]
  for (const fact of [suspended, connected(), deleted, shutdown])
    expect(arrow(asking, fact)).toMatchObject({ state: { shuttingDown: 'asking' }, commands: [] })
  expect(arrow(asking, expired)).toMatchObject({ state: 'closing', commands: closing })
})

test('with its session closed it is down', () => {
  const { state, commands, snapshot } = arrow([...toRunning, shutdown, answered()], sessionClosed)
  expect(state).toBe('stopped')
  expect(commands).toEqual(['broker.announce'])
  expect(snapshot.status).toBe('done')
})

test('ZooKeeper’s goodbye is not waited for long', () => {
  const atClosing = at(...toRunning, shutdown, answered())
  expect(elapse(brokerMachine, atClosing, 'closingTimeout')[0].value).toBe('stopped')
})

test('a refused start ends failed, with its error', () => {
  const failed: BrokerFact = { type: 'listener.failed', error: 'port 9092 is taken' }
  const [snapshot, commands] = step(brokerMachine, at(...toBinding, failed), sessionClosed)
  expect(snapshot.value).toBe('failed')
  expect(commands).toEqual([{ type: 'broker.fail', error: 'port 9092 is taken' }])
  expect(elapse(brokerMachine, at(...toBinding, failed), 'closingTimeout')[0].value).toBe('failed')
})

test('while it closes, late answers are dropped', () => {
  const atClosing = at(connected(), shutdown)
  const late: BrokerFact[] = [
    connected(),
    suspended,
    expired,
    { type: 'session.authFailed' },
    ensured,
    clusterId,
    newDisk,
    loaded,
    bound,
    { type: 'listener.failed', error: 'late' },
    listed,
    registered(),
    taken(),
    found('0x9'),
    { type: 'znode.missed', sessionId: '0xa' },
    { type: 'znode.removed', sessionId: '0xa' },
    deleted,
    { type: 'zookeeper.failed', error: 'late' },
    answered(),
    notAnswered,
    shutdown,
  ]
  const [snapshot, commands] = steps(brokerMachine, atClosing, ...late)
  expect(snapshot.value).toBe('closing')
  expect(snapshot.context.error).toBeNull()
  expect(commands).toEqual([])
})

test('facts without sense are refused', () => {
  const refused: [BrokerFact[], BrokerFact][] = [
    [[], ensured],
    [[connected()], registered()],
    [toCreating, listed],
    [toCreating, found('0x9')],
    [toRunning, registered()],
    [toRunning, answered()],
    [toRunning, sessionClosed],
    [[...toRunning, shutdown], bound],
  ]
  for (const [from, fact] of refused)
    expect(() => step(brokerMachine, at(...from), fact)).toThrow(RefusedFact)
})
