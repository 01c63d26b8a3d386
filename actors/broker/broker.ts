import type { Subscription } from 'rxjs'
import { type BrokerFact, brokerMachine } from '../../machines/broker/broker.ts'
import { assert } from '../../src/assert.ts'
import type { BrokerConfig } from '../../src/broker/config.ts'
import { readMetaProperties, writeMetaProperties } from '../../src/broker/meta-properties.ts'
import { MetadataCache, plaintextListener } from '../../src/broker/metadata-cache.ts'
import { errors } from '../../src/error.ts'
import { type BrokerId, noUuid, printPartition, type TopicPartition } from '../../src/ids.ts'
import { CorruptCheckpoint } from '../../src/log/checkpoint.ts'
import type { Address } from '../../src/ports.ts'
import { ControlledShutdown } from '../../src/protocol/index.ts'
import { BrokerIdZNode } from '../../src/zookeeper/paths.ts'
import { Channel } from '../channel.ts'
import { type Root, stateName } from '../registry.ts'
import type { World } from '../world.ts'
import { startZooKeeperClient } from '../zookeeper/client.ts'
import { servedApis } from './api/index.ts'
import { BrokerConfigsRoom } from './broker-configs.ts'
import type {
  BrokerChange,
  BrokerWorld,
  Controller,
  Partitions,
  PeerConnection,
} from './broker-world.ts'
import { startController } from './controller.ts'
import { type GroupCoordinator, startGroupCoordinator } from './group-coordinator.ts'
import { BrokerListener } from './listener.ts'
import { missingLogs, noteLostReplicas } from './log-directory.ts'
import { lostReplicas } from './lost-replicas.ts'
import { startPartitions } from './partitions.ts'
import { createPeers } from './peers.ts'
import { createProducerIds } from './producer-ids.ts'
import { Purgatory } from './purgatory.ts'
import { printEndpoint } from './registration.ts'
import { asking, sessionPerformers } from './session-performers.ts'
import { TopicConfigsRoom } from './topic-configs.ts'

export interface BrokerOptions {
  readonly brokerId: BrokerId
  readonly config: BrokerConfig
  /** ZooKeeper's servers. */
  readonly zookeeper: readonly Address[]
  /** Put before every znode's path, e.g. `/kafka`. Default none. */
  readonly chroot?: string
  /** Where to listen. */
  readonly host: string
  /** 0 for any free one. */
  readonly port: number
  /** What clients are told. Default: `host`. */
  readonly advertisedHost?: string
  /** It serves, at this address. */
  running?(address: Address): void
  /** It has shut down, as asked. */
  stopped?(): void
  /** It could not start, or could not go on; it has let go of all it held. */
  failed?(error: Error): void
}

/** A start that was refused: a port or an id that is taken, a disk of another cluster, no ZooKeeper. */
export class BrokerRefused extends Error {
  override readonly name = 'BrokerRefused'
}

export interface RunningBroker {
  readonly root: Root<typeof brokerMachine>
  readonly world: BrokerWorld
  /** Where its chart is, e.g. `registering.waiting`. */
  readonly chartState: string
  /** What it advertises; undefined until it has bound its port. */
  readonly address: Address | undefined
  /** Connections that clients and brokers have to it. */
  readonly connections: number
  /**
   * Controlled shutdown; `stopped` tells when it is down.
   *
   * @param quick leaderships stay where they are: the whole cluster goes
   */
  stop(quick?: boolean): void
}

/** What a broker has before its logs are open. */
const noPartitions: Partitions = {
  get: () => undefined,
  find: () => errors.UNKNOWN_TOPIC_OR_PARTITION,
  all: () => [],
  topicName: () => undefined,
  lost: [],
  get fetchSessions(): never {
    return tooEarly('fetch sessions')
  },
  leaderAndIsr: () => tooEarly('LeaderAndIsr'),
  stopReplica: () => tooEarly('StopReplica'),
  shutDown: () => {},
}

function tooEarly(what: string): never {
  assert(false, `${what} before the broker serves`)
}

/**
 * Starts a broker in a world of its own: puts its rooms together and lets its chart lead it from ZooKeeper to its clients.
 *
 * @throws nothing; what goes wrong ends in `failed`, or where a room breaks in the world's `failed`.
 */
export function startBroker(world: World, options: BrokerOptions): RunningBroker {
  const { brokerId } = options
  const { platform } = world
  const config = effectiveConfig(options)
  const path = world.name
  const zookeeper = startZooKeeperClient(world, {
    servers: options.zookeeper,
    ...(options.chroot === undefined ? {} : { chroot: options.chroot }),
    sessionTimeoutMs: config['zookeeper.session.timeout.ms'],
    requestsInFlightMax: config['zookeeper.max.in.flight.requests'],
    path: `${path}/zookeeper-client`,
  })
  const brokerConfigs = new BrokerConfigsRoom(world, zookeeper, brokerId, config)
  // They come to be when the topics' configurations are known.
  let partitions = noPartitions
  let groups: GroupCoordinator | undefined
  let controller: Controller | undefined
  let root: Root<typeof brokerMachine> | undefined
  let isLocked = false
  let looking: Subscription | undefined
  let address: Address | undefined

  const broker: BrokerWorld = {
    ...world,
    brokerId,
    get config() {
      return brokerConfigs.current
    },
    brokerConfigs,
    zookeeper,
    metadata: new MetadataCache(),
    changes: new Channel<BrokerChange>(),
    purgatory: new Purgatory(platform.clock),
    get clusterId() {
      return root?.getSnapshot().context.clusterId ?? noUuid
    },
    get brokerEpoch() {
      return root?.getSnapshot().context.brokerEpoch ?? -1
    },
    get topicConfigs() {
      return topicConfigs
    },
    get producerIds() {
      return producerIds
    },
    get peers() {
      return peers
    },
    get partitions() {
      return partitions
    },
    get groups() {
      return groups ?? tooEarly('groups')
    },
    get controller() {
      return controller ?? tooEarly('the controller')
    },
  }
  const topicConfigs = new TopicConfigsRoom(broker, brokerConfigs)
  const producerIds = createProducerIds(broker)
  const peers = createPeers(broker)
  const listener = new BrokerListener(broker, servedApis, plaintextListener)

  root = world.start(brokerMachine, {
    path,
    input: {
      brokerId,
      zookeeperConnect: config['zookeeper.connect'] ?? '',
      sessionTimeoutMs: config['zookeeper.session.timeout.ms'],
      connectionTimeoutMs:
        config['zookeeper.connection.timeout.ms'] ?? config['zookeeper.session.timeout.ms'],
      controlledShutdown: {
        enabled: config['controlled.shutdown.enable'],
        triesMax: config['controlled.shutdown.max.retries'],
        backoffMs: config['controlled.shutdown.retry.backoff.ms'],
      },
    },
    performers: {
      ...sessionPerformers(broker, options, () => address),
      'metaProperties.read': (_command, send) =>
        onDisk(send, () => {
          const disk = platform.disk(path)
          // The process's end gives it back.
          if (!isLocked) disk.lock()
          isLocked = true
          const properties = readMetaProperties(disk)
          const missing = properties.clusterId === null ? null : missingLogs(disk)
          const read = (lost: readonly TopicPartition[]): void =>
            onDisk(send, () => {
              noteLostReplicas(disk, lost)
              if (lost.length > 0)
                world.trace.record('note', path, 'logs are lost', {
                  partitions: lost.map(printPartition),
                })
              send({ type: 'metaProperties.read', ...properties })
            })
          // Of an earlier session.
          looking?.unsubscribe()
          if (config['lost.log.election.enable'] || missing?.length === 0) {
            read([])
            return
          }
          // Sessions of former lives are over by then, and elections done.
          const patienceMs = 3 * config['zookeeper.session.timeout.ms']
          const at = { zookeeper, clock: platform.clock }
          looking = asking(lostReplicas(at, brokerId, missing, patienceMs), send, read)
        }),
      'metaProperties.write': (command, send) =>
        onDisk(send, () => writeMetaProperties(platform.disk(path), command)),
      'topicConfigs.load': (_command, send) =>
        asking(topicConfigs.load(), send, () => send({ type: 'topicConfigs.loaded' })),
      'topicConfigs.watch': () => topicConfigs.watch(),
      'partitions.open': (_command, send) =>
        onDisk(send, () => {
          partitions = startPartitions(broker)
          groups = startGroupCoordinator(broker)
          controller = startController(broker)
        }),
      'listener.bind': (_command, send) =>
        listener.bind(
          { host: options.host, port: options.port },
          {
            bound: ({ port }) => {
              address = { host: options.advertisedHost ?? options.host, port }
              send({ type: 'listener.bound', endpoint: printEndpoint(address) })
            },
            failed: error => send({ type: 'listener.failed', error }),
          },
        ),
      'requests.serve': () => listener.serve(),
      'requests.stop': () => {
        listener.stop()
        peers.close()
      },
      'groups.stop': () => groups?.stop(),
      'partitions.shutDown': () => partitions.shutDown(),
      'controller.start': () => broker.controller.start(),
      'controller.expire': () => broker.controller.expire(),
      'controller.reelect': () => broker.controller.reelect(),
      'controller.stop': () => controller?.stop(),
      'controlledShutdown.send': (command, send) =>
        sendControlledShutdown(broker, command.brokerEpoch, send),
      'broker.announce': ({ state }) => {
        if (state === 'running') options.running?.(address as Address)
        else options.stopped?.()
      },
      'broker.fail': ({ error }) => {
        world.trace.record('note', path, 'broker refused', { error })
        options.failed?.(new BrokerRefused(error))
      },
    },
  })
  const started = root
  zookeeper.session.subscribe(state => {
    if (state === 'connected')
      started.send({
        type: 'session.connected',
        sessionId: zookeeper.sessionId,
        timeoutMs: zookeeper.sessionTimeoutMs,
      })
    // `closed` is told by whoever asked for it.
    else if (state === 'suspended' || state === 'expired' || state === 'authFailed')
      started.send({ type: `session.${state}` })
  })
  zookeeper.watches.subscribe(event => {
    if (event.path === BrokerIdZNode.path(brokerId) && event.kind === 'deleted')
      started.send({ type: 'znode.deleted' })
  })

  return {
    root: started,
    world: broker,
    get chartState() {
      return stateName(started.getSnapshot().value)
    },
    get address() {
      return address
    },
    get connections() {
      return listener.connections
    },
    stop: (quick = false) => started.send({ type: 'shutdown.requested', quick }),
  }
}

/** The configuration with what its owner decided for it, so that clients are told the truth (DescribeConfigs). */
function effectiveConfig(options: BrokerOptions): BrokerConfig {
  const { config, brokerId, host, port, advertisedHost, zookeeper, chroot = '' } = options
  const endpoint = (at: Address): string => `${plaintextListener}://${printEndpoint(at)}`
  return {
    ...config,
    'broker.id': brokerId,
    listeners: endpoint({ host, port }),
    'advertised.listeners':
      advertisedHost === undefined || advertisedHost === host
        ? config['advertised.listeners']
        : endpoint({ host: advertisedHost, port }),
    'zookeeper.connect': zookeeper.map(printEndpoint).join(',') + chroot,
  }
}

type Send = (fact: BrokerFact) => void

/** Tells where a disk does not do what it is asked: before the broker serves that is its end. */
function onDisk(send: Send, run: () => void): void {
  try {
    run()
  } catch (error) {
    if (!(error instanceof Error && ('code' in error || error instanceof CorruptCheckpoint)))
      throw error
    send({ type: 'disk.failed', error: error.message })
  }
}

/** Asks whoever is the controller to move this broker's leaderships, over a connection that lives no longer. */
function sendControlledShutdown(broker: BrokerWorld, brokerEpoch: number, send: Send): void {
  const { brokerId, config, metadata, peers } = broker
  const { controllerId } = metadata
  if (controllerId === null) {
    send({ type: 'controlledShutdown.failed', error: 'no controller is known' })
    return
  }
  const peer: PeerConnection = peers.connect(controllerId, String(brokerId))
  peer
    .request(
      ControlledShutdown,
      ControlledShutdown.versions[1],
      { brokerId, brokerEpoch },
      config['controller.socket.timeout.ms'],
    )
    .subscribe({
      next: ({ errorCode, remainingPartitions }) => {
        peer.close()
        const remaining = remainingPartitions.length
        send({ type: 'controlledShutdown.answered', errorCode, remaining })
      },
      error: error => {
        peer.close()
        send({ type: 'controlledShutdown.failed', error: String(error) })
      },
    })
}
