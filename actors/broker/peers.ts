import { catchError, map, Observable, of, type Subscriber } from 'rxjs'
import { plaintextListener } from '../../src/broker/metadata-cache.ts'
import { errors } from '../../src/error.ts'
import type { BrokerId } from '../../src/ids.ts'
import { controllerRequestsMax, controllerRetryMs, peerFrameBytesMax } from '../../src/limits.ts'
import type { Address, Timer } from '../../src/ports.ts'
import type { Api, RequestDraftOf, ResponseOf } from '../../src/protocol/index.ts'
import { BrokerIdZNode, isMalformed } from '../../src/zookeeper/paths.ts'
import { connectRequester, LinkClosed, type Requester } from '../requester.ts'
import type { BrokerWorld, PeerConnection, Peers } from './broker-world.ts'

interface Waiter {
  connected(requester: Requester): void
  failed(error: Error): void
}

const isSame = (a: Address, b: Address | null): boolean =>
  b !== null && a.host === b.host && a.port === b.port

/** Where a broker listens by its own znode; undefined where it is not registered. */
const registeredAddress = (
  { zookeeper }: BrokerWorld,
  brokerId: BrokerId,
): Observable<Address | undefined> =>
  // Not persistently: a peer must not be out of reach because ZooKeeper is.
  zookeeper.state !== 'connected'
    ? of(undefined)
    : zookeeper.getData(BrokerIdZNode.path(brokerId)).pipe(
        map(({ data }) => {
          const content = BrokerIdZNode.decode(data)
          if (isMalformed(content)) return undefined
          return content.endpoints.find(({ listener }) => listener === plaintextListener)
        }),
        catchError(() => of(undefined)),
      )

/**
 * One connection to another broker, made on first use and made again after a loss. Where a broker listens is what the controller
 * told; before it did, or where nobody answered there, it is what the broker's znode says.
 */
class Peer implements PeerConnection {
  readonly brokerId: BrokerId
  readonly #broker: BrokerWorld
  readonly #clientId: string
  #requester: Requester | undefined
  #isLookingUp = false
  /** Who waits for the connection, in the order of their requests. */
  #waiters: Waiter[] = []
  /** Where the last attempt came to nothing. */
  #unreachable: Address | null = null
  #closed = false

  constructor(broker: BrokerWorld, brokerId: BrokerId, clientId: string) {
    this.#broker = broker
    this.brokerId = brokerId
    this.#clientId = clientId
  }

  request<A extends Api>(
    api: A,
    version: number,
    body: RequestDraftOf<A>,
    timeoutMs: number,
  ): Observable<ResponseOf<A>> {
    return new Observable(subscriber =>
      this.#withRequester({
        connected: requester => {
          if (subscriber.closed) return
          const answers = requester.request(api, version, body, { timeoutMs })
          subscriber.add(answers.subscribe(subscriber))
        },
        failed: error => subscriber.error(error),
      }),
    )
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#requester?.close()
    this.#settle(waiter => waiter.failed(new LinkClosed('closed by its owner')))
  }

  #withRequester(waiter: Waiter): void {
    if (this.#closed) {
      waiter.failed(new LinkClosed('closed by its owner'))
      return
    }
    if (this.#requester?.isOpen) {
      waiter.connected(this.#requester)
      return
    }
    this.#waiters.push(waiter)
    if (this.#isLookingUp) return
    const known = this.#broker.metadata.broker(this.brokerId)
    if (known !== undefined && !isSame(known, this.#unreachable)) {
      this.#connect(known)
      return
    }
    this.#isLookingUp = true
    registeredAddress(this.#broker, this.brokerId).subscribe(registered => {
      this.#isLookingUp = false
      const address = registered ?? known
      if (this.#closed) return
      if (address !== undefined) this.#connect(address)
      else {
        const error = new LinkClosed(`broker ${this.brokerId} is not registered`)
        this.#settle(failing => failing.failed(error))
      }
    })
  }

  #connect({ host, port }: Address): void {
    const address = { host, port }
    const requester = connectRequester(this.#broker, address, {
      clientId: this.#clientId,
      path: `${this.#broker.name}/peer/${this.brokerId}`,
      frameBytesMax: peerFrameBytesMax,
    })
    this.#requester = requester
    this.#unreachable = null
    requester.closed.subscribe(error => {
      // An orderly end comes from somebody who listened.
      if (error !== null) this.#unreachable = address
    })
    this.#settle(waiter => waiter.connected(requester))
  }

  #settle(settle: (waiter: Waiter) => void): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) settle(waiter)
  }
}

/** A request to the controller, whichever broker that will be. */
interface ControllerRequest {
  readonly api: Api
  readonly body: RequestDraftOf<Api>
  readonly subscriber: Subscriber<unknown>
}

const isNotController = (answer: unknown): boolean =>
  typeof answer === 'object' &&
  answer !== null &&
  'errorCode' in answer &&
  answer.errorCode === errors.NOT_CONTROLLER

/** Requests to the controller: one under way at a time, in order, until it answers (NodeToControllerChannelManager). */
class ControllerChannel {
  readonly #broker: BrokerWorld
  readonly #queue: ControllerRequest[] = []
  #peer: PeerConnection | undefined
  #isUnderWay = false
  #retry: Timer | undefined

  constructor(broker: BrokerWorld) {
    this.#broker = broker
    // A new controller makes itself known so: no need to sit out the pause, nor to wait for one that is silent.
    broker.changes.subscribe(({ kind }) => {
      if (kind !== 'metadata') return
      const { controllerId } = broker.metadata
      if (controllerId !== null && this.#peer?.brokerId !== controllerId) this.#hangUp()
      if (this.#retry !== undefined) this.#next()
    })
  }

  request<A extends Api>(api: A, body: RequestDraftOf<A>): Observable<ResponseOf<A>> {
    return new Observable(subscriber => {
      if (this.#queue.length >= controllerRequestsMax) {
        subscriber.error(new LinkClosed('too many requests wait for a controller'))
        return
      }
      this.#queue.push({ api, body, subscriber: subscriber as Subscriber<unknown> })
      this.#next()
    })
  }

  close(): void {
    this.#broker.platform.clock.clearTimeout(this.#retry)
    this.#peer?.close()
    this.#isUnderWay = true
  }

  #next(): void {
    if (this.#isUnderWay) return
    const { clock } = this.#broker.platform
    clock.clearTimeout(this.#retry)
    this.#retry = undefined
    while (this.#queue[0]?.subscriber.closed) this.#queue.shift()
    const head = this.#queue[0]
    if (head === undefined) return
    const { controllerId } = this.#broker.metadata
    if (controllerId === null) {
      this.#later()
      return
    }
    if (this.#peer?.brokerId !== controllerId) {
      this.#hangUp()
      this.#peer = new Peer(this.#broker, controllerId, `${this.#broker.brokerId}`)
    }
    this.#isUnderWay = true
    const { api, body, subscriber } = head
    const timeoutMs = this.#broker.config['controller.socket.timeout.ms']
    this.#peer.request(api, api.versions[1], body, timeoutMs).subscribe({
      next: answer => {
        this.#isUnderWay = false
        if (isNotController(answer)) {
          this.#later()
          return
        }
        this.#queue.shift()
        subscriber.next(answer)
        subscriber.complete()
        this.#next()
      },
      // The connection or its patience is at an end; whoever is controller now is asked again.
      error: () => {
        this.#isUnderWay = false
        this.#later()
      },
    })
  }

  #hangUp(): void {
    const peer = this.#peer
    this.#peer = undefined
    peer?.close()
  }

  #later(): void {
    const { clock } = this.#broker.platform
    clock.clearTimeout(this.#retry)
    this.#retry = clock.setTimeout(() => this.#next(), controllerRetryMs)
  }
}

/** The rest of the cluster, as this broker reaches it. */
export function createPeers(broker: BrokerWorld): Peers & { close(): void } {
  const channel = new ControllerChannel(broker)
  return {
    connect: (brokerId, clientId) => new Peer(broker, brokerId, clientId),
    toController: (api, body) => channel.request(api, body),
    close: () => channel.close(),
  }
}
