/** kafkajs without TCP: sockets that are Node's to look at, and lead into a cluster in memory. */
import { Duplex } from 'node:stream'
import type { Address, Socket } from '../../src/ports.ts'
import type { Cluster } from '../cluster.ts'
import { isVirtual } from './fixture.ts'

/** What kafkajs hands to its socket factory. */
export interface SocketRequest {
  readonly host: string
  readonly port: number
  readonly ssl?: object | undefined
  readonly onConnect: () => void
}

type Done = (error?: Error | null) => void

/** One connection of a cluster's network as a stream of Node's, with those of `net.Socket`'s methods that clients call. */
class NetworkSocket extends Duplex {
  readonly #socket: Socket
  #drained: Done | undefined
  #ended: Done | undefined
  connecting = true

  constructor(cluster: Cluster, address: Address, node: string) {
    super({ emitClose: true })
    const { network } = cluster.platformOf(node)
    this.cork()
    this.#socket = network.connect(address, {
      connected: () => {
        this.connecting = false
        this.uncork()
        this.emit('connect')
      },
      data: chunk => {
        if (!this.push(chunk)) this.#socket.pause()
      },
      ended: () => {
        this.push(null)
      },
      drained: () => {
        const drained = this.#drained
        this.#drained = undefined
        drained?.()
      },
      closed: error => {
        this.#ended?.()
        if (error !== null) this.destroy(error)
        else if (!this.readableEnded) this.push(null)
      },
    })
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(chunk: Uint8Array, _encoding: string, done: Done): void {
    // A plain view: the cluster's code must not see Node's own subclass, whose slices are not copies.
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    if (this.#socket.write([bytes])) done()
    else this.#drained = done
  }

  override _final(done: Done): void {
    this.#socket.end()
    done()
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#socket.destroy()
    done(error)
  }

  get remoteAddress(): string {
    return this.#socket.remote.host
  }

  get remotePort(): number {
    return this.#socket.remote.port
  }

  /** Of TCP alone; clients call them and need no effect. */
  readonly setKeepAlive = (): this => this
  readonly setNoDelay = (): this => this
  readonly setTimeout = (): this => this
  readonly ref = (): this => this
  readonly unref = (): this => this
}

/**
 * For kafkajs: `new Kafka({ brokers: cluster.bootstrapServers.split(','), socketFactory: socketFactory(cluster) })` speaks to a cluster on
 * the `memory-wall` platform without a port.
 *
 * @param name the client's node name, for faults of links. Default `client/kafkajs`.
 * @throws RangeError on a virtual clock: kafkajs keeps its own time, the wall's
 */
export function socketFactory(
  cluster: Cluster,
  name = 'client/kafkajs',
): (request: SocketRequest) => NetworkSocket {
  if (isVirtual(cluster.platform))
    throw new RangeError(
      'kafkajs runs on the wall clock, and this cluster on a virtual one, which stands still while nobody waits for the ' +
        "cluster: start it with platform: 'memory-wall', or use cluster.producer() and cluster.consumer()",
    )
  return ({ host, port, ssl, onConnect }) => {
    if (ssl)
      throw new RangeError('the cluster speaks PLAINTEXT alone: leave ssl out of the configuration')
    const socket = new NetworkSocket(cluster, { host, port }, name)
    socket.once('connect', onConnect)
    return socket
  }
}
