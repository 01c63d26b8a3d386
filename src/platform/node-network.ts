import net from 'node:net'
import type { Address, Listener, Network, Socket, SocketEvents } from '../ports.ts'

/** Nagle's algorithm would hold small answers back; half-open since ZooKeeper's four-letter words half-close. */
const socketOptions = { noDelay: true, allowHalfOpen: true }

/** A TCP socket as a {@link Socket}. Its events go nowhere until `events` is set, in the same turn. */
class TcpSocket implements Socket {
  readonly #socket: net.Socket
  readonly #near: Address
  readonly #far: Address
  #error: Error | null = null

  constructor(socket: net.Socket, far: Address) {
    this.#socket = socket
    this.#far = far
    this.#near = { host: socket.localAddress ?? '', port: socket.localPort ?? 0 }
  }

  listen(events: SocketEvents): void {
    this.#socket
      .on('data', chunk => events.data(chunk))
      .on('end', () => events.ended())
      .on('drain', () => events.drained())
      .on('error', error => {
        this.#error = error
      })
      .on('close', () => events.closed(this.#error))
  }

  get local(): Address {
    const { localAddress, localPort } = this.#socket
    return localPort === undefined ? this.#near : { host: localAddress ?? '', port: localPort }
  }

  get remote(): Address {
    return this.#far
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (!this.#socket.writable) return true
    if (chunks.length === 1) return this.#socket.write(chunks[0] as Uint8Array)
    this.#socket.cork()
    let ready = true
    for (const chunk of chunks) ready = this.#socket.write(chunk)
    this.#socket.uncork()
    return ready
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }
}

/** `::ffff:127.0.0.1` is 127.0.0.1 seen from a dual-stack socket. */
const plainAddress = (host: string | undefined): string => (host ?? '').replace(/^::ffff:/, '')

/** TCP. */
export function nodeNetwork(): Network {
  return {
    listen({ host, port }, events): Listener {
      const server = net.createServer(socketOptions, socket => {
        const far = { host: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 }
        const accepted = new TcpSocket(socket, far)
        accepted.listen(events.accepted(accepted))
      })
      server.on('error', error => events.failed(error))
      server.listen({ host, port }, () => {
        const bound = server.address() as net.AddressInfo
        events.bound({ host, port: bound.port })
      })
      return { close: () => void server.close() }
    },

    connect(address, events): Socket {
      const socket = net.connect({ ...address, ...socketOptions })
      const connecting = new TcpSocket(socket, address)
      connecting.listen(events)
      socket.on('connect', () => events.connected())
      return connecting
    },
  }
}
