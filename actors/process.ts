import type {
  Clock,
  Disk,
  Listener,
  Network,
  Platform,
  Socket,
  SocketEvents,
  Timer,
  Volume,
} from '../src/ports.ts'

type Callback = () => void

type OwnedSocket = Socket & { isDestroyed: boolean; isPaused: boolean }

/**
 * One node's process: all that the node owns of a platform (timers, sockets, listeners) goes through it, so that it can be
 * killed, paused and resumed as a whole, as `kill -9`, SIGSTOP and SIGCONT would. Nothing inside the node
 * takes part in that: a killed node runs not one line more, and says goodbye to nobody.
 */
export class Process {
  readonly platform: Platform
  #state: 'running' | 'paused' | 'ended' = 'running'
  readonly #base: Platform
  readonly #timers = new Set<Timer>()
  readonly #sockets = new Map<Socket, OwnedSocket>()
  readonly #listeners = new Set<Listener>()
  readonly #disks = new Map<string, Disk>()
  /** Give back the disks it has locked. */
  readonly #locks = new Set<() => void>()
  /** What happened to a paused process, in order; it will find it when it wakes. */
  #held: Callback[] = []

  readonly #crashed: ((error: unknown) => void) | undefined

  /**
   * @param crashed hears what the node's code threw where nobody caught it; the owner ends the process. Other nodes of the
   *   same program live on. Without it the error goes its way.
   */
  constructor(base: Platform, crashed?: (error: unknown) => void) {
    this.#base = base
    this.#crashed = crashed
    const { random, kind, compression } = base
    this.platform = {
      kind,
      random,
      compression,
      clock: this.#clock(base.clock),
      network: this.#network(base.network),
      disk: node => this.#disk(node),
      waiting: promise => base.waiting(promise),
    }
  }

  get state(): 'running' | 'paused' | 'ended' {
    return this.#state
  }

  /** Ends it at once. Its peers see their connections close; nothing it holds in memory is written. */
  kill(): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#held = []
    for (const timer of this.#timers) this.#base.clock.clearTimeout(timer)
    for (const listener of this.#listeners) listener.close()
    for (const socket of this.#sockets.keys()) socket.destroy()
    for (const unlock of this.#locks) unlock()
    this.#timers.clear()
    this.#listeners.clear()
    this.#sockets.clear()
  }

  /** Stops it in its tracks: connections stay open and silent, timers that come due wait. */
  pause(): void {
    if (this.#state !== 'running') return
    this.#state = 'paused'
    for (const socket of this.#sockets.keys()) socket.pause()
  }

  /** Goes on where it stood: what waited happens first, in order, then what comes. */
  resume(): void {
    if (this.#state !== 'paused') return
    this.#state = 'running'
    // Not those that their owner does not read from.
    for (const [socket, { isPaused }] of this.#sockets) if (!isPaused) socket.resume()
    this.#catchUp()
  }

  #catchUp(): void {
    if (this.#held.length === 0) return
    this.#base.clock.setTimeout(() => {
      if (this.#state !== 'running') return
      const next = this.#held.shift()
      if (next !== undefined) this.#call(next)
      this.#catchUp()
    }, 0)
  }

  /** Runs what the world brings, now or on waking; never after the end. */
  #run(callback: Callback): void {
    if (this.#state === 'ended') return
    // Behind what still waits from a pause, or a socket's bytes would overtake each other.
    if (this.#state === 'paused' || this.#held.length > 0) this.#held.push(callback)
    else this.#call(callback)
  }

  #call(callback: Callback): void {
    try {
      callback()
    } catch (error) {
      if (this.#crashed === undefined) throw error
      this.#crashed(error)
    }
  }

  #clock(base: Clock): Clock {
    return {
      now: () => base.now(),
      setTimeout: (callback, delayMs) => {
        // The handle outlives the base timer, so that a timer held over a pause can still be cancelled.
        const handle = { cancelled: false, timer: undefined as Timer | undefined }
        const timer = base.setTimeout(() => {
          this.#timers.delete(timer)
          this.#run(() => {
            if (!handle.cancelled) callback()
          })
        }, delayMs)
        handle.timer = timer
        if (this.#state === 'ended') base.clearTimeout(timer)
        else this.#timers.add(timer)
        return handle
      },
      clearTimeout: handle => {
        if (handle === undefined) return
        const { timer } = Object.assign(handle as { timer?: Timer }, { cancelled: true })
        if (timer === undefined) return
        this.#timers.delete(timer)
        base.clearTimeout(timer)
      },
    }
  }

  #disk(node: string): Disk {
    const known = this.#disks.get(node)
    if (known !== undefined) return known
    const base = this.#base.disk(node)
    const disk: Disk = {
      open: path => base.open(path),
      exists: path => base.exists(path),
      list: path => base.list(path),
      rename: (from, to) => base.rename(from, to),
      remove: path => base.remove(path),
      flushDirectory: path => base.flushDirectory(path),
      flushLater: (files, directories, done) =>
        base.flushLater(files, directories, error => this.#run(() => done(error))),
      ...(base.volume === undefined ? {} : { volume: () => (base.volume as () => Volume)() }),
      lock: () => {
        const unlock = base.lock()
        const once = (): void => {
          if (this.#locks.delete(once)) unlock()
        }
        this.#locks.add(once)
        return once
      },
    }
    this.#disks.set(node, disk)
    return disk
  }

  /**
   * A socket as its owner has it. Once the owner has destroyed it nothing but its end is heard of: what had come before
   * may still be held from a pause.
   */
  #own(base: Socket): OwnedSocket {
    const own: OwnedSocket = {
      isDestroyed: false,
      isPaused: false,
      get remote() {
        return base.remote
      },
      get local() {
        return base.local
      },
      get bufferedBytes() {
        return base.bufferedBytes
      },
      write: chunks => base.write(chunks),
      end: () => base.end(),
      destroy: () => {
        own.isDestroyed = true
        base.destroy()
      },
      pause: () => {
        own.isPaused = true
        base.pause()
      },
      resume: () => {
        own.isPaused = false
        base.resume()
      },
    }
    return own
  }

  #guarded(socket: () => Socket, own: () => OwnedSocket, events: SocketEvents): SocketEvents {
    const unlessDestroyed = (happen: Callback): void =>
      this.#run(() => {
        if (!own().isDestroyed) happen()
      })
    return {
      data: chunk => unlessDestroyed(() => events.data(chunk)),
      ended: () => unlessDestroyed(() => events.ended()),
      drained: () => unlessDestroyed(() => events.drained()),
      closed: error => {
        this.#sockets.delete(socket())
        this.#run(() => events.closed(error))
      },
    }
  }

  #network(base: Network): Network {
    return {
      listen: (address, events) => {
        const listener = base.listen(address, {
          bound: at => this.#run(() => events.bound(at)),
          failed: error => this.#run(() => events.failed(error)),
          accepted: socket => {
            // The kernel accepts for a paused process; the process learns of it when it wakes.
            let owner: SocketEvents | undefined
            const own = this.#own(socket)
            this.#sockets.set(socket, own)
            if (this.#state === 'paused') socket.pause()
            this.#run(() => {
              owner = events.accepted(own)
            })
            const late: SocketEvents = {
              data: chunk => owner?.data(chunk),
              ended: () => owner?.ended(),
              drained: () => owner?.drained(),
              closed: error => owner?.closed(error),
            }
            return this.#guarded(
              () => socket,
              () => own,
              late,
            )
          },
        })
        const owned: Listener = {
          close: () => {
            this.#listeners.delete(owned)
            listener.close()
          },
        }
        this.#listeners.add(owned)
        return owned
      },
      connect: (address, events) => {
        const socket: Socket = base.connect(address, {
          ...this.#guarded(
            () => socket,
            () => own,
            events,
          ),
          connected: () =>
            this.#run(() => {
              if (!own.isDestroyed) events.connected()
            }),
        })
        const own = this.#own(socket)
        this.#sockets.set(socket, own)
        return own
      },
    }
  }
}
