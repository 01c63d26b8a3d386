import { ExpiryQueue } from '../../src/expiry-queue.ts'
import { connectionsMax } from '../../src/limits.ts'
import type { Address, Listener } from '../../src/ports.ts'
import { acceptLink } from '../link.ts'
import { cannotListen } from '../listen-failure.ts'
import type { BrokerWorld } from './broker-world.ts'
import { Connection, type ConnectionOwner } from './connection.ts'
import type { ServedApis } from './dispatch.ts'

/** A broker's port and the connections that came in by it (SocketServer). */
export class BrokerListener implements ConnectionOwner {
  readonly served: ServedApis
  readonly listener: string
  readonly #broker: BrokerWorld
  readonly #connections = new Set<Connection>()
  readonly #idleMs: number
  readonly #idle: ExpiryQueue<Connection>
  #port: Listener | undefined
  #serves = false
  #stopped = false
  #nextId = 1

  /** @param listener the name under which it is advertised. */
  constructor(broker: BrokerWorld, served: ServedApis, listener: string) {
    this.#broker = broker
    this.served = served
    this.listener = listener
    this.#idleMs = broker.config['connections.max.idle.ms']
    this.#idle = new ExpiryQueue(
      broker.platform.clock,
      Math.max(1, Math.ceil(this.#idleMs / 10)),
      idle => {
        for (const connection of idle) connection.idled()
      },
    )
  }

  get connections(): number {
    return this.#connections.size
  }

  /** Takes the port; connections are accepted from then on, and read once it {@link serve}s. */
  bind(address: Address, events: { bound(at: Address): void; failed(error: string): void }): void {
    this.#port = this.#broker.platform.network.listen(address, {
      bound: events.bound,
      failed: error => events.failed(cannotListen(address, error)),
      accepted: socket => {
        const frameBytesMax = this.#broker.config['socket.request.max.bytes']
        const { link, events } = acceptLink(socket, { frameBytesMax })
        if (this.#stopped || this.#connections.size >= connectionsMax) link.destroy()
        else this.#accept(new Connection(this.#broker, this, { id: this.#nextId++, link }))
        return events
      },
    })
  }

  /** Requests are read and answered from now on. */
  serve(): void {
    this.#serves = true
    for (const connection of [...this.#connections]) connection.allow()
  }

  /** Gives the port back and closes all connections. */
  stop(): void {
    this.#stopped = true
    this.#port?.close()
    this.#idle.stop()
    for (const connection of [...this.#connections]) connection.end('the broker stops')
  }

  touched(connection: Connection): void {
    // Negative: connections may be idle for ever.
    if (this.#idleMs >= 0 && !this.#stopped) this.#idle.touch(connection, this.#idleMs)
  }

  forgotten(connection: Connection): void {
    this.#connections.delete(connection)
    this.#idle.remove(connection)
  }

  #accept(connection: Connection): void {
    this.#connections.add(connection)
    this.touched(connection)
    if (this.#serves) connection.allow()
  }
}
