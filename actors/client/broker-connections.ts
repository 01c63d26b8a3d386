import { defer, type Observable, throwError } from 'rxjs'
import { errors } from '../../src/error.ts'
import type { BrokerId } from '../../src/ids.ts'
import type { Address } from '../../src/ports.ts'
import type { Api, ResponseOf } from '../../src/protocol/index.ts'
import { Channel } from '../channel.ts'
import type { World } from '../world.ts'
import { backoffMs } from './backoff.ts'
import { type Body, BrokerConnection, type RequestOptions } from './broker-connection.ts'
import type { ClientConfig, Complete } from './client-config.ts'
import { clientError, kafkaError } from './kafka-error.ts'

/**
 * Each purpose has a connection of its own to a broker: answers come in order, and a heartbeat must not wait behind a
 * fetch that waits for records.
 */
export type Purpose = 'data' | 'coordinator'

export interface SendOptions extends Partial<RequestOptions> {
  /** Default `data`. */
  readonly purpose?: Purpose
}

/** Until a broker accepts the connection and has said what it speaks (`socket.connection.setup.timeout.ms`). */
const setupTimeoutMs = 10_000

/** `host:port,[::1]:9092`. Throws a KafkaError for what is no such list. */
export function parseBootstrap(servers: string): Address[] {
  return servers.split(',').map(server => {
    const [, bracketed, plain, port] =
      /^\s*(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})\s*$/.exec(server) ?? []
    const host = bracketed ?? plain
    if (host === undefined || Number(port) > 65_535)
      throw clientError('INVALID_CONFIG', `not host:port in bootstrapServers: "${server}"`)
    return { host, port: Number(port) }
  })
}

const print = ({ host, port }: Address): string => `${host}:${port}`

interface Failing {
  count: number
  notBeforeMs: number
}

/** The connections of one client: made on first use, made again after a loss, never more often than the backoff allows. */
export class BrokerConnections {
  readonly #world: World
  readonly #config: Complete<ClientConfig>
  readonly #bootstrap: readonly Address[]
  readonly #brokers = new Map<BrokerId, Address>()
  /** By purpose and address. */
  readonly #open = new Map<string, BrokerConnection>()
  readonly #failing = new Map<string, Failing>()
  readonly #lost = new Channel<{ readonly brokerId: BrokerId; readonly purpose: Purpose }>()
  #closed = false

  constructor(world: World, config: Complete<ClientConfig>) {
    this.#world = world
    this.#config = config
    this.#bootstrap = parseBootstrap(config.bootstrapServers)
  }

  /** Connections that have gone, other than by {@link close}. */
  get lost(): Observable<{ readonly brokerId: BrokerId; readonly purpose: Purpose }> {
    return this.#lost.asObservable()
  }

  /** Brokers and their addresses, as metadata or a coordinator's address told. */
  learn(brokers: readonly (Address & { readonly nodeId: BrokerId })[]): void {
    for (const { nodeId, host, port } of brokers)
      if (nodeId >= 0 && host !== '') this.#brokers.set(nodeId, { host, port })
  }

  /** Those that are known, in no order. */
  get brokerIds(): readonly BrokerId[] {
    return [...this.#brokers.keys()]
  }

  /** Forgets brokers that are not among these: they are no longer of the cluster. */
  retain(ids: readonly BrokerId[]): void {
    for (const id of this.#brokers.keys()) if (!ids.includes(id)) this.#brokers.delete(id)
  }

  /** The version in which a broker would be asked; null while it is not connected, or does not have the API. */
  version(brokerId: BrokerId, api: Api): number | null {
    const address = this.#brokers.get(brokerId)
    if (address === undefined) return null
    return this.#open.get(`data ${print(address)}`)?.version(api) ?? null
  }

  /**
   * Asks a broker, or whichever is at hand. Emits once, or fails with a KafkaError: NETWORK_EXCEPTION (also for a broker
   * that is no longer known), REQUEST_TIMED_OUT, UNSUPPORTED_VERSION.
   */
  request<A extends Api>(
    to: BrokerId | 'any',
    api: A,
    body: Body<A>,
    options: SendOptions = {},
  ): Observable<ResponseOf<A>> {
    return defer(() => {
      if (this.#closed)
        return throwError(() => clientError('CLIENT_CLOSED', 'the client is closed'))
      const connection =
        to === 'any' ? this.#anyConnection() : this.#connection(to, options.purpose)
      if (connection === undefined)
        return throwError(() => kafkaError(errors.NETWORK_EXCEPTION, `broker ${to} is not known`))
      const timeoutMs = options.timeoutMs ?? this.#config.requestTimeoutMs
      return connection.request(api, body, { ...options, timeoutMs })
    })
  }

  close(): void {
    this.#closed = true
    for (const connection of [...this.#open.values()]) connection.close()
    this.#lost.complete()
  }

  #connection(brokerId: BrokerId, purpose: Purpose = 'data'): BrokerConnection | undefined {
    const address = this.#brokers.get(brokerId)
    if (address === undefined) return undefined
    return this.#open.get(`${purpose} ${print(address)}`) ?? this.#connect(address, purpose)
  }

  /** The least busy of those that are ready; else one being made; else a new one where that failed least. */
  #anyConnection(): BrokerConnection {
    const open = [...this.#open.values()]
    const ready = open.filter(({ isReady }) => isReady).sort((a, b) => a.inFlight - b.inFlight)
    const [least = open[0]] = ready
    return least ?? this.#connect(this.#candidate(), 'data')
  }

  #candidate(): Address {
    const failures = (address: Address): number => this.#failing.get(print(address))?.count ?? 0
    const known = [...this.#brokers.values()]
    // Brokers that moved elsewhere all at once are found again where the first ones were.
    const addresses = [...known, ...this.#bootstrap]
    const fewest = Math.min(...addresses.map(failures))
    const best = known.filter(address => failures(address) === fewest)
    const from = best.length > 0 ? best : addresses.filter(address => failures(address) === fewest)
    return from[Math.floor(this.#world.platform.random.next() * from.length)] as Address
  }

  #connect(address: Address, purpose: Purpose): BrokerConnection {
    const { clock, random } = this.#world.platform
    const place = print(address)
    const key = `${purpose} ${place}`
    const { reconnectBackoffMs, reconnectBackoffMaxMs, clientId } = this.#config
    const failing = this.#failing.get(place)
    const connection = new BrokerConnection(this.#world, address, {
      clientId,
      setupTimeoutMs: Math.min(setupTimeoutMs, this.#config.requestTimeoutMs),
      delayMs: Math.max(0, (failing?.notBeforeMs ?? 0) - clock.now()),
      settled: failure => {
        if (failure === null) return void this.#failing.delete(place)
        if (this.#open.get(key) === connection) this.#open.delete(key)
        const count = (this.#failing.get(place)?.count ?? 0) + 1
        const bounds = { firstMs: reconnectBackoffMs, maxMs: reconnectBackoffMaxMs }
        const notBeforeMs = clock.now() + backoffMs(bounds, count - 1, random)
        this.#failing.set(place, { count, notBeforeMs })
        if (this.#closed) return
        for (const [brokerId, at] of this.#brokers)
          if (print(at) === place) this.#lost.next({ brokerId, purpose })
      },
    })
    this.#open.set(key, connection)
    return connection
  }
}
