/** Frames as clients of ZooKeeper send them, bent, sent to a real server in pieces of any size. */
import { connect } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Writer } from '../../src/binary/writer.ts'
import type { Address, Random } from '../../src/ports.ts'
import {
  connectRequest,
  frame,
  jute,
  type Operation,
  operations,
  type RequestBody,
  writeRequest,
} from '../../src/zookeeper/jute.ts'
import { writeMulti } from '../../src/zookeeper/multi.ts'

const acl = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }]
const data = new Uint8Array([1, 2, 3])
const path = '/zookeeper/fuzz'
const creation = { path, data, acl, flags: 0 }
const watched = { relativeZxid: 1, data: [path], exist: ['/b', path], child: ['/'] }

const bodies: { readonly [O in Operation]?: RequestBody<O> } = {
  create: creation,
  create2: { ...creation, path: `${path}/`, flags: 3 },
  createContainer: { ...creation, flags: 4 },
  createTtl: { ...creation, flags: 5, ttlMs: 1000 },
  delete: { path, version: -1 },
  exists: { path, watch: true },
  getData: { path, watch: true },
  setData: { path, data, version: 0 },
  getAcl: { path },
  setAcl: { path, acl, version: 0 },
  getChildren: { path: '/', watch: true },
  getChildren2: { path: '/', watch: false },
  getAllChildrenNumber: { path: '/' },
  getEphemerals: { prefix: '/' },
  sync: { path },
  checkWatches: { path, watcherType: 3 },
  removeWatches: { path, watcherType: 1 },
  addWatch: { path, mode: 1 },
  setWatches: watched,
  setWatches2: { ...watched, persistent: [path], persistentRecursive: ['/'] },
  auth: { type: 0, scheme: 'digest', credentials: data },
  reconfig: { joining: null, leaving: '3', newMembers: null, configId: -1 },
  sasl: { token: data },
  whoAmI: {},
  ping: {},
  closeSession: {},
}

const joined = (chunks: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(chunks))

const request = (operation: Operation, write: (writer: Writer) => void): Uint8Array =>
  joined(
    frame(writer => {
      writer.int32(7)
      writer.int32(operations[operation].opcode)
      write(writer)
    }),
  )

/** A session asked for, in the form of the first bytes of a connection. */
export const handshake = joined(
  frame(writer => {
    const asked = { protocolVersion: 0, lastZxidSeen: 0, timeoutMs: 1000, sessionId: 0n }
    jute(connectRequest).write(writer, { ...asked, password: new Uint8Array(16) })
    writer.bool(false)
  }),
)

/** One of every kind, as it should be. */
export const wholeRequests: readonly Uint8Array[] = [
  ...Object.entries(bodies).map(([operation, body]) =>
    request(operation as Operation, writer =>
      writeRequest(operation as Operation, writer, body as RequestBody<Operation>),
    ),
  ),
  request('multi', writer =>
    writeMulti(writer, [
      { operation: 'create', body: creation },
      { operation: 'setData', body: { path, data, version: 0 } },
      { operation: 'check', body: { path: '/', version: -1 } },
      { operation: 'delete', body: { path, version: -1 } },
    ]),
  ),
  request('multiRead', writer =>
    writeMulti(writer, [
      { operation: 'getData', body: { path, watch: false } },
      { operation: 'getChildren', body: { path: '/', watch: false } },
    ]),
  ),
]

export const dice =
  (random: Random) =>
  (bound: number): number =>
    Math.floor(random.next() * bound)

/** Lengths and numbers of elements that are worth a try. */
const nasty = [0, 1, -1, -2, 0x7fffffff, -0x80000000, 0xfffff, 0x100000, 0x10000000, 0x00ffffff]

/** Bytes with a few changes anywhere, the length in front included. */
export function bent(bytes: Uint8Array, random: Random): Uint8Array {
  const below = dice(random)
  let changed = [...bytes]
  for (let changes = 1 + below(3); changes > 0; changes--) {
    const at = below(changed.length + 1)
    const kind = below(6)
    if (kind === 0) changed[at] = below(256)
    else if (kind === 1) changed[at] = (changed[at] ?? 0) ^ (1 << below(8))
    else if (kind === 2) changed.splice(at, below(8))
    else if (kind === 3) changed.splice(at, 0, ...random.bytes(below(8)))
    else if (kind === 4) changed = changed.slice(0, at)
    else {
      const value = nasty[below(nasty.length)] as number
      changed.splice(at, 4, value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255)
    }
  }
  return Uint8Array.from(changed)
}

/** What a connection is sent: frames bent or whole, or bytes that are nothing at all. */
export function stream(random: Random): Uint8Array {
  const below = dice(random)
  if (below(10) === 0) return random.bytes(below(300))
  const frames = [below(8) === 0 ? bent(handshake, random) : handshake]
  for (let count = below(6); count > 0; count--) {
    const whole = wholeRequests[below(wholeRequests.length)] as Uint8Array
    frames.push(below(4) === 0 ? whole : bent(whole, random))
  }
  return joined(frames)
}

/** Sends it and hangs up; settles when the connection is over. @returns bytes that were answered */
export function send(server: Address, bytes: Uint8Array, random: Random): Promise<number> {
  const below = dice(random)
  return new Promise(resolve => {
    let answered = 0
    const socket = connect(server.port, server.host, () => {
      for (let at = 0; at < bytes.length; ) {
        const end = Math.min(bytes.length, at + 1 + below(200))
        socket.write(bytes.subarray(at, end))
        at = end
      }
      socket.end()
    })
    socket.on('data', chunk => {
      answered += chunk.length
    })
    // The server may have hung up first.
    socket.on('error', () => {})
    socket.on('close', () => resolve(answered))
  })
}

let collect: (() => void) | undefined

/** Bytes in use once all that is not has gone: of objects, and outside the heap. */
export function bytesInUse(): number {
  setFlagsFromString('--expose-gc')
  collect ??= runInNewContext('gc') as () => void
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
