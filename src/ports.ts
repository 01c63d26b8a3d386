/**
 * What upper floors are given. Everything that a node wants of the world comes through these: time,
 * chance, network and disk. One broker thus runs on TCP, in memory and under simulation.
 *
 * Nothing here is a promise: an asynchronous answer is a callback, so that a virtual clock owns every
 * turn and the same seed gives the same run.
 */

/** A cancelled or armed timer; opaque to its owner. */
export type Timer = object

/**
 * The one clock of a node. It fits XState's `clock` option.
 *
 * Timers fire in the order of their deadlines, equal deadlines in the order they were armed, and `now`
 * inside a callback is that timer's deadline or later. A process that stalled catches up step by
 * step with input read in between, so that a late timer never overtakes the input that would have
 * cancelled it.
 */
export interface Clock {
  /** Milliseconds since 1970 on this platform's timeline; never goes back. */
  now(): number
  setTimeout(callback: () => void, delayMs: number): Timer
  clearTimeout(timer: Timer | undefined): void
}

/** Chance, from a seed where the platform has one. */
export interface Random {
  /** A number in [0, 1). */
  next(): number
  bytes(length: number): Uint8Array
}

export interface Address {
  readonly host: string
  readonly port: number
}

/** What the owner of a socket hears. After `closed` nothing more. */
export interface SocketEvents {
  /** Some bytes of the stream; the receiver may keep them, they are not written again. */
  data(chunk: Uint8Array): void
  /** The peer has ended its direction; ours may still be written (ZooKeeper's four-letter words). */
  ended(): void
  /** All that was written has left; fires after `write` answered false. */
  drained(): void
  /** Both directions are gone. `error` is null for an orderly end. */
  closed(error: Error | null): void
}

/** One connection's byte stream, in order and with back-pressure. */
export interface Socket {
  /** The peer, for logs and ACLs: `127.0.0.1:51234`. */
  readonly remote: Address
  readonly local: Address
  /** Hands the chunks on in one write; the caller must not change them afterwards. False: wait for `drained`. */
  write(chunks: readonly Uint8Array[]): boolean
  /** Bytes written that have not left. */
  readonly bufferedBytes: number
  /** Sends what is buffered, then ends our direction. */
  end(): void
  /** Drops everything at once. */
  destroy(): void
  /** Stops reading: back-pressure towards the peer. */
  pause(): void
  resume(): void
}

/** What a listener's owner hears: `bound` or `failed` first, then `accepted` for each connection. */
export interface ListenerEvents {
  bound(address: Address): void
  /** It could not listen, e.g. the port is taken (`code` EADDRINUSE). */
  failed(error: Error & { code?: string }): void
  /** A new connection; the answer is who hears its events. */
  accepted(socket: Socket): SocketEvents
}

export interface Listener {
  /** Stops accepting; the connections made so far live on. */
  close(): void
}

export interface Network {
  /** Port 0 asks for any free one. */
  listen(address: Address, events: ListenerEvents): Listener
  /** `connected` comes before any other event; a failed attempt is a `closed` with its error. */
  connect(address: Address, events: SocketEvents & { connected(): void }): Socket
}

/**
 * A file that grows at its end. Calls are synchronous: a batched synchronous write costs a tenth of an awaited one.
 * Failures (no space, no permission) are thrown as errors with Node's `code`.
 */
export interface DiskFile {
  /** Bytes in it. */
  readonly length: number
  /** Adds the chunks at the end, in one write. The bytes are copied: the caller may reuse its buffers. */
  append(chunks: readonly Uint8Array[]): void
  /** The bytes from a position, fewer at the end of the file. Not to be changed by the reader; copies only where it must. */
  read(position: number, length: number): Uint8Array
  /** Replaces bytes inside the file (index files); never past its end. */
  write(position: number, bytes: Uint8Array): void
  truncate(length: number): void
  /** Makes it survive a crash of the machine. */
  flush(): void
  close(): void
}

/** Where a disk's files are on this machine, and what the volume that they are on has. */
export interface Volume {
  readonly directory: string
  readonly totalBytes: number
  readonly usableBytes: number
}

/** The files of one node. Paths are relative, with `/`. */
export interface Disk {
  /** Opens for reading and appending; makes the file and its directories where they are missing. */
  open(path: string): DiskFile
  exists(path: string): boolean
  /** Names directly below a directory, sorted; none where it does not exist. */
  list(path: string): readonly string[]
  /** Replaces what stands at `to`. */
  rename(from: string, to: string): void
  /** A file, or a directory with all below it; nothing where it does not exist. */
  remove(path: string): void
  /** Makes renames and new names in a directory survive a crash of the machine. */
  flushDirectory(path: string): void
  /**
   * `flush` and `flushDirectory` without waiting for them, for what is much: a node stands still while it waits for a disk.
   *
   * @param done hears, at once or on a later turn, when all of it survives, or why not
   */
  flushLater(
    files: readonly DiskFile[],
    directories: readonly string[],
    done: (error: Error | null) => void,
  ): void
  /** Undefined where the files are not a machine's. */
  volume?(): Volume
  /**
   * Takes the disk for one process. The answer gives it back; so does the process's end.
   *
   * @throws an error with code ELOCKED that says who has it
   */
  lock(): () => void
}

/** Kafka's codecs by the names of its configuration. */
export type CompressionName = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/**
 * Packs and unpacks the records of a batch, as Kafka's clients do: gzip; snappy in the framing of Java's library, bare too
 * when reading; lz4 and zstd frames. A broker passes batches on as they are; only who looks inside needs this.
 */
export interface Compression {
  /** Whether this platform has the codec; `none` always. */
  supports(codec: CompressionName): boolean
  /** @throws Error where the platform does not have the codec */
  compress(codec: CompressionName, bytes: Uint8Array): Uint8Array
  /**
   * @param sizeMax bytes that may come out at most; memory is bound by it, whatever the bytes claim
   * @throws Error where the bytes are not the codec's, would unpack to more, or the platform does not have the codec
   */
  decompress(codec: CompressionName, bytes: Uint8Array, sizeMax: number): Uint8Array
}

/** The lines between nodes, by the nodes' names, where a platform lets them be cut. */
export interface Links {
  /** Nothing gets through from one to the other; the other way is untouched. Any number of times. */
  block(from: string, to: string): void
  /** Takes one `block` back. */
  unblock(from: string, to: string): void
  /** `held`: writes that had to wait because their line was blocked. */
  readonly counts: { readonly held: number }
}

/** A world to run in: `node` (TCP, files, wall clock), `memory`, `simulated`. */
export interface Platform {
  readonly kind: 'node' | 'memory' | 'simulated'
  readonly clock: Clock
  readonly random: Random
  readonly network: Network
  readonly compression: Compression
  /** The disk of one node by its name (`broker-1`, `zookeeper`). It outlives the node: asked again it holds what was written. */
  disk(node: string): Disk
  /**
   * The platform as one node has it: where links know between whom they are, and clocks drift. Undefined where it makes no
   * difference.
   */
  node?(name: string): Platform
  /** Undefined where lines cannot be cut. */
  readonly lines?: Links
  /** Wraps what the outside waits for: a stepping clock moves only while somebody does. */
  waiting<T>(promise: Promise<T>): Promise<T>
}
