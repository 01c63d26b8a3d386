/**
 * The controller's orders on their way to the brokers (ControllerChannelManager): one connection and one queue for each, one
 * request under way, in order, sent again until it is answered or the broker is given up. The receiver is told which of
 * its lives is meant, and takes an order twice without harm.
 */
import type {
  LeaderAndIsrOrder,
  StopReplicaOrder,
  UpdateMetadataOrder,
} from '../../src/controller/orders.ts'
import type { BrokerId, TopicPartition } from '../../src/ids.ts'
import { orderRetryMs, ordersWaitingMax } from '../../src/limits.ts'
import type { Timer } from '../../src/ports.ts'
import {
  type Api,
  LeaderAndIsr,
  type RequestDraftOf,
  type ResponseOf,
  StopReplica,
  UpdateMetadata,
} from '../../src/protocol/index.ts'
import type { BrokerWorld, PeerConnection } from './broker-world.ts'

/** Who gives the orders. */
export interface Issuer {
  readonly controllerId: BrokerId
  readonly controllerEpoch: number
}

/** What comes back of orders. */
export interface OrderEvents {
  /** A broker's queue grew beyond its bound and was emptied. */
  dropped(brokerId: BrokerId): void
}

interface Order {
  send(peer: PeerConnection, timeoutMs: number): ReturnType<PeerConnection['request']>
  answered(answer: unknown): void
}

/** The queue of one broker. */
class OrderChannel {
  readonly #broker: BrokerWorld
  readonly #peer: PeerConnection
  readonly #dropped: () => void
  #orders: Order[] = []
  #isUnderWay = false
  #isClosed = false
  #retry: Timer | undefined

  constructor(broker: BrokerWorld, brokerId: BrokerId, dropped: () => void) {
    this.#broker = broker
    // The controller's name is its broker's id, as in Kafka.
    this.#peer = broker.peers.connect(brokerId, String(broker.brokerId))
    this.#dropped = dropped
  }

  push(order: Order): void {
    if (this.#orders.length >= ordersWaitingMax) {
      this.#orders = this.#isUnderWay ? this.#orders.slice(0, 1) : []
      this.#dropped()
      return
    }
    this.#orders.push(order)
    this.#next()
  }

  close(): void {
    this.#isClosed = true
    this.#orders = []
    this.#broker.platform.clock.clearTimeout(this.#retry)
    this.#peer.close()
  }

  #next(): void {
    const order = this.#orders[0]
    if (this.#isClosed || this.#isUnderWay || order === undefined) return
    this.#isUnderWay = true
    order.send(this.#peer, this.#broker.config['controller.socket.timeout.ms']).subscribe({
      next: answer => {
        if (this.#isClosed) return
        this.#isUnderWay = false
        this.#orders.shift()
        order.answered(answer)
        this.#next()
      },
      error: () => {
        if (this.#isClosed) return
        this.#retry = this.#broker.platform.clock.setTimeout(() => {
          this.#isUnderWay = false
          this.#next()
        }, orderRetryMs)
      },
    })
  }
}

/** The versions of Kafka 3.9: a controller does not ask what its brokers speak ("blind"). */
const versions = { leaderAndIsr: 7, updateMetadata: 8, stopReplica: 4 }

export class OrderChannels {
  readonly #broker: BrokerWorld
  readonly #issuer: Issuer
  readonly #events: OrderEvents
  readonly #channels = new Map<BrokerId, OrderChannel>()

  constructor(broker: BrokerWorld, issuer: Issuer, events: OrderEvents) {
    this.#broker = broker
    this.#issuer = issuer
    this.#events = events
  }

  /** A channel that is there already is replaced: the broker has another address, or another life. */
  open(brokerId: BrokerId): void {
    this.close(brokerId)
    const dropped = (): void => this.#events.dropped(brokerId)
    this.#channels.set(brokerId, new OrderChannel(this.#broker, brokerId, dropped))
  }

  /** What waits for the broker is dropped. */
  close(brokerId: BrokerId): void {
    this.#channels.get(brokerId)?.close()
    this.#channels.delete(brokerId)
  }

  closeAll(): void {
    for (const id of [...this.#channels.keys()]) this.close(id)
  }

  leaderAndIsr(
    order: LeaderAndIsrOrder,
    answered: (answer: ResponseOf<typeof LeaderAndIsr>) => void,
  ): void {
    const request = leaderAndIsrRequest(this.#issuer, order)
    this.#push(order.brokerId, LeaderAndIsr, versions.leaderAndIsr, request, answered)
  }

  updateMetadata(
    order: UpdateMetadataOrder,
    answered: (answer: ResponseOf<typeof UpdateMetadata>) => void,
  ): void {
    const request = updateMetadataRequest(this.#issuer, order)
    this.#push(order.brokerId, UpdateMetadata, versions.updateMetadata, request, answered)
  }

  stopReplica(
    order: StopReplicaOrder,
    answered: (answer: ResponseOf<typeof StopReplica>) => void,
  ): void {
    const request = stopReplicaRequest(this.#issuer, order)
    this.#push(order.brokerId, StopReplica, versions.stopReplica, request, answered)
  }

  #push<A extends Api>(
    brokerId: BrokerId,
    api: A,
    version: number,
    body: RequestDraftOf<A>,
    answered: (answer: ResponseOf<A>) => void,
  ): void {
    this.#channels.get(brokerId)?.push({
      send: (peer, timeoutMs) => peer.request<Api>(api, version, body, timeoutMs),
      answered: answer => answered(answer as ResponseOf<A>),
    })
  }
}

const byTopic = <T extends TopicPartition>(partitions: readonly T[]): readonly (readonly T[])[] => [
  ...Map.groupBy(partitions, ({ topic }) => topic).values(),
]

function leaderAndIsrRequest(
  issuer: Issuer,
  { brokerEpoch, partitions, liveLeaders }: LeaderAndIsrOrder,
): RequestDraftOf<typeof LeaderAndIsr> {
  return {
    ...issuer,
    brokerEpoch,
    topicStates: byTopic(partitions).map(states => ({
      topicName: states[0]?.topic ?? '',
      topicId: states[0]?.topicId,
      partitionStates: states.map(state => ({
        partitionIndex: state.partition,
        controllerEpoch: state.controllerEpoch,
        leader: state.leader,
        leaderEpoch: state.leaderEpoch,
        isr: state.isr,
        partitionEpoch: state.partitionEpoch,
        replicas: state.replicas,
        addingReplicas: state.addingReplicas,
        removingReplicas: state.removingReplicas,
        isNew: state.isNew,
        leaderRecoveryState: state.leaderRecoveryState,
      })),
    })),
    liveLeaders: liveLeaders.map(({ id, endpoint }) => ({
      brokerId: id,
      hostName: endpoint.host,
      port: endpoint.port,
    })),
  }
}

/** Numbers of the security protocols (SecurityProtocol). */
const securityProtocols = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL']

function updateMetadataRequest(
  issuer: Issuer,
  { brokerEpoch, partitions, liveBrokers }: UpdateMetadataOrder,
): RequestDraftOf<typeof UpdateMetadata> {
  return {
    ...issuer,
    brokerEpoch,
    topicStates: byTopic(partitions).map(states => ({
      topicName: states[0]?.topic ?? '',
      topicId: states[0]?.topicId,
      partitionStates: states.map(state => ({
        partitionIndex: state.partition,
        controllerEpoch: state.controllerEpoch,
        leader: state.leader,
        leaderEpoch: state.leaderEpoch,
        isr: state.isr,
        zkVersion: state.partitionEpoch,
        replicas: state.replicas,
        offlineReplicas: state.offlineReplicas,
      })),
    })),
    liveBrokers: liveBrokers.map(({ id, endpoints, rack }) => ({
      id,
      endpoints: endpoints.map(({ host, port, listener, securityProtocol }) => ({
        host,
        port,
        listener,
        securityProtocol: Math.max(0, securityProtocols.indexOf(securityProtocol)),
      })),
      rack,
    })),
  }
}

function stopReplicaRequest(
  issuer: Issuer,
  { brokerEpoch, partitions }: StopReplicaOrder,
): RequestDraftOf<typeof StopReplica> {
  return {
    ...issuer,
    brokerEpoch,
    topicStates: byTopic(partitions).map(states => ({
      topicName: states[0]?.topic ?? '',
      partitionStates: states.map(({ partition, leaderEpoch, deletePartition }) => ({
        partitionIndex: partition,
        leaderEpoch,
        deletePartition,
      })),
    })),
  }
}
