import type { Address, Network, Socket, SocketEvents, Timer } from '../src/ports.ts'
import { type Cargo, Lane, LineConnection } from './lane.ts'
import type { Lines } from './lines.ts'

/** Bytes that wait here above which `write` answers false, as a socket's buffer would. */
const highWaterBytes = 1024 * 1024

type ConnectEvents = SocketEvents & { connected(): void }

const failure = (code: string, what: string): Error => Object.assign(new Error(what), { code })

/**
 * One end of a connection, as a node has it: what it sends, and what it hears from outside the cluster, meets the faults of its
 * line. Where there are none, everything passes as it is.
 */
export class LineSocket implements Socket {
  readonly #lines: Lines
  /** Undefined at an accepting end that has heard nothing yet: who speaks there shows with the first byte. */
  #connection: LineConnection | undefined
  readonly #node: string
  readonly #isNear: boolean
  #base: Socket | undefined
  #events: SocketEvents | undefined
  #local: Address | undefined
  #remote: Address
  #out: Lane | undefined
  #in: Lane | undefined
  #isOver = false
  /** Its owner has heard of the end. */
  #didTell = false
  #mustDrain = false
  #baseIsFull = false
  /** A connection attempt that a cut line holds up. */
  #attempt: { readonly open: () => void; readonly timer: Timer } | undefined

  private constructor(lines: Lines, node: string, isNear: boolean, remote: Address) {
    this.#lines = lines
    this.#node = node
    this.#isNear = isNear
    this.#remote = remote
  }

  static connect(
    lines: Lines,
    connection: LineConnection,
    options: {
      base: Network
      address: Address
      events: ConnectEvents
      connectTimeoutMs: number
    },
  ): LineSocket {
    const { base, address, events, connectTimeoutMs } = options
    const socket = new LineSocket(lines, connection.from, true, address)
    socket.#events = events
    socket.#enter(connection)
    const open = (): void => {
      socket.#attempt = undefined
      const made = base.connect(address, {
        ...socket.#heard(),
        connected: () => {
          socket.#opened(made)
          if (!socket.#isOver) events.connected()
        },
      })
      socket.#base = made
      socket.#opened(made)
      socket.#out?.resume()
    }
    // Neither the question for a connection may get through, nor the answer.
    if (!socket.#isCut) open()
    else {
      socket.#out?.pause()
      socket.#attempt = {
        open,
        timer: lines.clock.setTimeout(() => {
          const to = `${address.host}:${address.port}`
          socket.#end(failure('ETIMEDOUT', `connect ETIMEDOUT ${to}`))
        }, connectTimeoutMs),
      }
      lines.joined(socket)
    }
    return socket
  }

  static accept(
    lines: Lines,
    node: string,
    base: Socket,
    accepted: (socket: Socket) => SocketEvents,
  ): SocketEvents {
    const socket = new LineSocket(lines, node, false, base.remote)
    socket.#base = base
    socket.#local = base.local
    lines.joined(socket)
    const known = lines.connectionFrom(base.remote)
    if (known !== undefined) socket.#enter(known)
    socket.#events = accepted(socket)
    return socket.#heard()
  }

  get local(): Address {
    return this.#base?.local ?? this.#local ?? { host: '', port: 0 }
  }

  get remote(): Address {
    return this.#remote
  }

  get bufferedBytes(): number {
    return (this.#base?.bufferedBytes ?? 0) + (this.#out?.queuedBytes ?? 0)
  }

  /** The name of a client from outside; undefined where this is none. */
  get guest(): string | undefined {
    return !this.#isNear && this.#connection?.isInside === false ? this.#connection.from : undefined
  }

  get #isCut(): boolean {
    const { from, to } = this.#known()
    return this.#lines.isBlocked(from, to) || this.#lines.isBlocked(to, from)
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#isOver) return true
    const out = this.#lane()
    this.#baseIsFull = false
    out.push(chunks)
    if (!this.#baseIsFull && out.queuedBytes < highWaterBytes) return true
    this.#mustDrain = true
    return false
  }

  end(): void {
    if (!this.#isOver) this.#lane().push('end')
  }

  destroy(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#in?.clear()
    const out = this.#lane()
    if (this.#base === undefined || (out.isEmpty && !out.isBlocked)) {
      this.#close()
      if (this.#base === undefined) this.#tellClosed(null)
      else this.#base.destroy()
      return
    }
    // The peer shall not learn of it before the line lets it.
    this.#tellClosed(null)
    out.abandon()
  }

  pause(): void {
    this.#base?.pause()
    this.#in?.pause()
  }

  resume(): void {
    this.#base?.resume()
    this.#in?.resume()
  }

  /** The faults that stand have changed. */
  changed(): void {
    if (this.#attempt === undefined || this.#isCut) return
    this.#lines.clock.clearTimeout(this.#attempt.timer)
    this.#attempt.open()
  }

  /** The cluster ends: what only a cut line kept open goes. */
  abandoned(): void {
    if (!this.#isOver && this.#attempt === undefined) return
    this.#close()
    this.#base?.destroy()
  }

  /** Who talks to whom is known from now on. */
  #enter(connection: LineConnection): void {
    this.#connection = connection
    const out = this.#isNear ? 'request' : 'response'
    const reset = (): void => this.#reset()
    this.#out = new Lane(this.#lines, connection, out, cargo => this.#send(cargo), reset)
    if (connection.isInside) return
    const back = this.#isNear ? 'response' : 'request'
    this.#in = new Lane(this.#lines, connection, back, cargo => this.#hear(cargo), reset)
  }

  #known(): LineConnection {
    if (this.#connection === undefined) {
      const inside = this.#lines.connectionFrom(this.#remote)
      this.#enter(inside ?? new LineConnection('client/unknown', this.#node, false))
    }
    return this.#connection as LineConnection
  }

  #lane(): Lane {
    this.#known()
    return this.#out as Lane
  }

  #opened(base: Socket): void {
    if (this.#isOver || base.local.port === 0) return
    this.#local = base.local
    this.#lines.opened(this, base.local, this.#known())
  }

  #send(cargo: Cargo): void {
    const base = this.#base
    if (base === undefined) return
    if (cargo === 'end') base.end()
    else if (cargo === 'close') {
      this.#close()
      base.destroy()
    } else {
      if (!base.write(cargo)) this.#baseIsFull = true
      else if (this.#mustDrain && !this.#baseIsFull && this.#out?.queuedBytes === 0) this.#drain()
    }
  }

  #hear(cargo: Cargo): void {
    if (this.#isOver) return
    if (cargo === 'end') this.#events?.ended()
    else if (cargo === 'close') this.#end(null)
    else for (const chunk of cargo) if (!this.#isOver) this.#events?.data(chunk)
  }

  #drain(): void {
    this.#lines.clock.setTimeout(() => {
      if (this.#isOver || !this.#mustDrain || (this.#out?.queuedBytes ?? 0) > 0) return
      this.#mustDrain = false
      this.#events?.drained()
    }, 0)
  }

  /** What the base tells. */
  #heard(): SocketEvents {
    return {
      data: chunk => {
        if (this.#isOver) return
        this.#known()
        if (this.#in === undefined) this.#events?.data(chunk)
        else this.#in.push([chunk])
      },
      ended: () => {
        if (this.#isOver) return
        this.#known()
        if (this.#in === undefined) this.#events?.ended()
        else this.#in.push('end')
      },
      drained: () => {
        this.#baseIsFull = false
        if (this.#isOver || !this.#mustDrain || (this.#out?.queuedBytes ?? 0) > 0) return
        this.#mustDrain = false
        this.#events?.drained()
      },
      closed: error => {
        if (this.#isOver) {
          this.#close()
          if (!this.#didTell) this.#events?.closed(error)
          this.#didTell = true
        } else if (error === null && this.#in?.isBlocked) this.#in.push('close')
        else this.#end(error)
      },
    }
  }

  #reset(): void {
    this.#base?.destroy()
    this.#close()
    if (this.#isOver) return
    this.#isOver = true
    this.#tellClosed(failure('ECONNRESET', 'read ECONNRESET'))
  }

  #end(error: Error | null): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#close()
    this.#didTell = true
    this.#events?.closed(error)
  }

  #close(): void {
    if (this.#attempt !== undefined) this.#lines.clock.clearTimeout(this.#attempt.timer)
    this.#attempt = undefined
    this.#out?.clear()
    this.#in?.clear()
    this.#lines.closed(this, this.#isNear ? this.#local : undefined, this.#connection)
  }

  /** Never inside the owner's own turn. */
  #tellClosed(error: Error | null): void {
    if (this.#didTell) return
    this.#didTell = true
    this.#lines.clock.setTimeout(() => this.#events?.closed(error), 0)
  }
}
